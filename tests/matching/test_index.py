"""The flat arrays of one bank: what stays shared, what is copied, what a reader keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matching.index import BankIndex, distances, words

from .brute_force import hamming, split
from .builders import BASES, flipped, oriented, picture


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=20), st.binary(min_size=32, max_size=32))
def test_distances_count_the_differing_bits(rows: list[bytes], query: bytes) -> None:
    assert distances(words(b"".join(rows)), words(query)).tolist() == [hamming(row, query) for row in rows]


def test_distances_are_the_same_over_many_chunks() -> None:
    rows = np.random.default_rng(1).bytes(32 * 40_000)
    found = distances(words(rows), words(BASES[0]))
    picked = [0, 1, 16_383, 16_384, 16_385, 32_768, 39_999]
    assert [int(found[place]) for place in picked] == [hamming(split(rows)[place], BASES[0]) for place in picked]


def test_adding_an_entry_copies_no_other_row_unless_the_arrays_are_full() -> None:
    index = BankIndex((number, picture(oriented(flipped(BASES[0], 20, number)))) for number in range(100))
    index.put(100, picture(oriented(BASES[1])))
    copies = 0
    for number in range(101, 800):
        before = index.rows
        index.put(number, picture(oriented(flipped(BASES[1], 20, number))))
        copies += not np.shares_memory(before.words, index.rows.words)
    assert copies <= 4
    assert len(index.rows.owners) == 8 * 800


def test_rows_do_not_change_under_a_reader() -> None:
    index = BankIndex([(1, picture(BASES[0])), (2, picture(BASES[1]))])
    held = index.rows
    index.drop(1)
    index.put(2, picture(BASES[2]))
    index.put(3, picture(BASES[0]))
    query = words(BASES[0])
    assert held.within(query, 0) == {1: (0, 0)}
    assert held.nearest(query) == (0, 1)
    assert index.rows.within(query, 0) == {3: (0, 0)}
    assert index.rows.within(words(BASES[1]), 0) == {}


def test_dropped_rows_are_given_back() -> None:
    index = BankIndex((number, picture(oriented(flipped(BASES[0], 20, number)))) for number in range(400))
    for number in range(390):
        index.drop(number)
    assert len(index.rows.owners) <= 2 * 8 * 10
    for number in range(390, 400):
        assert index.rows.within(words(flipped(BASES[0], 20, number)), 0) == {number: (0, 0)}


def test_nearest_tells_the_lowest_of_equally_near_entries_and_none_of_none() -> None:
    index = BankIndex([(9, picture(BASES[0])), (4, picture(BASES[0])), (2, picture(BASES[1]))])
    assert index.rows.nearest(words(BASES[0])) == (0, 4)
    index.drop(4)
    assert index.rows.nearest(words(BASES[0])) == (0, 9)
    index.drop(9)
    index.drop(2)
    assert index.rows.nearest(words(BASES[0])) is None
    assert index.rows.within(words(BASES[0]), 256) == {}


def test_a_refused_entry_leaves_the_one_it_would_replace() -> None:
    index = BankIndex([(1, picture(BASES[0]))])
    with pytest.raises(ValueError, match="bytes"):
        index.put(1, picture(bytes(33)))
    assert index.rows.nearest(words(BASES[0])) == (0, 1)
