"""The hashes of one bank: which rows an entry has, and that none is left of what was taken out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matching.hashes import HashIndex
from bot.matching.index import BankIndex, owner_of, words
from bot.model import Fingerprint, Form

from .brute_force import split
from .builders import BASES, bare, fingerprint, fingerprints, flipped, oriented, picture, view

PARTS = ("wholes", "phashes", "pdqs")


def within(index: HashIndex, hash_: bytes, limit: int = 0) -> list[tuple[int, int, int]]:
    """Entry, place of its view or hash, and tag of every row within the limit."""
    hits = index.snapshot.within(words(hash_), np.asarray([limit]))
    return [(*owner_of(owner), tag) for owner, tag in zip(hits.owners.tolist(), hits.tags.tolist(), strict=True)]


def rows(index: BankIndex) -> dict[str, list[tuple[int, int, int, int]]]:
    """All rows of all parts, as the distance from one hash."""
    found = {}
    for part in PARTS:
        hits = getattr(index, part).snapshot.within(words(bytes(32)), np.asarray([256]))
        found[part] = sorted(zip(*(column.tolist() for column in hits[1:4]), strict=True))
    return found


def test_a_picture_has_a_row_for_every_orientation_of_every_view() -> None:
    look = fingerprint([view(oriented(BASES[0])), view(oriented(BASES[1]), Form.TRIMMED)])
    index = BankIndex([(7, look)])
    assert (len(index.wholes), len(index.phashes), len(index.pdqs), len(index), index.bare) == (16, 0, 0, 1, False)
    for place, listed in enumerate(look.views):
        for tag, hash_ in enumerate(split(listed.hashes)):
            assert within(index.wholes, hash_) == [(7, place, tag)]


def test_an_entry_that_is_hashes_alone_has_a_row_for_each() -> None:
    index = BankIndex(
        [(1, bare(oriented(BASES[0]))), (2, bare(b"", BASES[1], BASES[2])), (3, bare(BASES[3], BASES[2]))]
    )
    assert (len(index.wholes), len(index.phashes), len(index.pdqs), len(index), index.bare) == (0, 2, 3, 3, True)
    assert within(index.phashes, BASES[0]) == [(1, 0, 0)]
    assert within(index.pdqs, BASES[2]) == [(2, 1, 0), (3, 0, 0)]


def test_the_pdq_hashes_that_go_out_with_a_picture_are_not_searched_for() -> None:
    """What has gradients is compared by them: its own published hashes would only lower what is asked of a match."""
    look = Fingerprint(b"s" * 32, (view(oriented(BASES[0])),), 9, 9, 1, 100, pdq=(BASES[1],))
    index = BankIndex([(1, look)])
    assert (len(index.wholes), len(index.pdqs), index.bare) == (8, 0, False)


def test_an_entry_known_by_its_file_alone_is_counted_and_has_no_row() -> None:
    index = BankIndex([(1, bare(sha256=b"s" * 32))])
    assert (len(index), index.bare) == (1, False)
    index.drop(1)
    assert len(index) == 0


@given(st.lists(st.tuples(st.integers(1, 4), st.none() | fingerprints), max_size=12))
def test_changes_leave_what_building_at_once_gives(changes: list[tuple[int, Fingerprint | None]]) -> None:
    index = BankIndex()
    current: dict[int, Fingerprint] = {}
    for entry_id, look in changes:
        if look is None:
            index.drop(entry_id)
            current.pop(entry_id, None)
        else:
            index.put(entry_id, look)
            current[entry_id] = look
    fresh = BankIndex(current.items())
    assert rows(index) == rows(fresh)
    assert (len(index), index.bare) == (len(fresh), fresh.bare)


def test_rows_do_not_change_under_a_reader() -> None:
    index = BankIndex([(1, picture(BASES[0])), (2, picture(BASES[1]))])
    held = index.wholes.snapshot
    index.drop(1)
    index.put(2, picture(BASES[2]))
    index.put(3, picture(BASES[0]))
    limit = np.asarray([0])
    assert [owner_of(owner)[0] for owner in held.within(words(BASES[0]), limit).owners.tolist()] == [1]
    assert [owner_of(owner)[0] for owner in held.within(words(BASES[1]), limit).owners.tolist()] == [2]
    assert within(index.wholes, BASES[0]) == [(3, 0, 0)]
    assert within(index.wholes, BASES[1]) == []


def test_dropped_rows_are_given_back() -> None:
    index = BankIndex((number, picture(oriented(flipped(BASES[0], 20, number)))) for number in range(400))
    before = index.wholes.snapshot.nbytes
    for number in range(390):
        index.drop(number)
    assert index.wholes.snapshot.nbytes < before / 4
    for number in range(390, 400):
        assert within(index.wholes, flipped(BASES[0], 20, number)) == [(number, 0, 0)]


def test_a_refused_entry_leaves_the_one_it_would_replace() -> None:
    index = BankIndex([(1, picture(BASES[0]))])
    with pytest.raises(ValueError, match="bytes"):
        index.put(1, picture(bytes(33)))
    assert within(index.wholes, BASES[0]) == [(1, 0, 0)]
