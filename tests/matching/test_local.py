"""The index of local features: what it finds against the plain rule, and changes while it is searched."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matching import local
from bot.matching.local import Addition, LocalIndex, Rows, Search
from bot.matching.packing import LocalView, pack

from .local_features import SIGNATURE, VOCABULARY, brute_force, descriptors, plain, rows, view

SEARCHES = st.builds(
    Search,
    neighbours=st.integers(1, 4),
    limit=st.sampled_from([0, 20, 28, 128]),
    candidates=st.integers(0, 8),
    least_votes=st.integers(1, 4),
    views_per_entry=st.integers(1, 3),
    repeats=st.integers(1, 3),
)
BANKS = st.one_of(st.none(), st.sets(st.integers(0, 3)))


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merges after every few views, and words passed over that have more than 40 features."""
    _shrink(monkeypatch)


def _shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "LARGEST_DELTA", 5)
    monkeypatch.setattr(local, "_SMALLEST_DELTA", 5)
    monkeypatch.setattr(local, "LONGEST_LIST", 40)


def index(additions: Sequence[Addition] = ()) -> LocalIndex:
    return LocalIndex(SIGNATURE, VOCABULARY, additions)


def addition(rng: np.random.Generator, entry: int) -> Addition:
    views = [view(rng, int(rng.integers(0, 30))) for _ in range(rng.integers(0, 4))]
    return Addition(entry, int(rng.integers(0, 3)), views)


@given(st.integers(0, 2**32), SEARCHES, BANKS)
def test_a_search_finds_what_the_rule_says(seed: int, how: Search, banks: set[int] | None) -> None:
    rng = np.random.default_rng(seed)
    listed = [addition(rng, entry) for entry in rng.permutation(8).tolist()]
    query = rows(rng, 60)
    with pytest.MonkeyPatch.context() as patch:
        _shrink(patch)
        found = index(listed).search(query, banks, how)
        assert plain(found) == plain(brute_force(listed, query, banks, how, longest=40))


def test_an_entry_is_found_by_its_features() -> None:
    rng = np.random.default_rng(3)
    shown = descriptors(rng, 100)
    points = rng.uniform(0, 300, (100, 4)).astype(np.float32)
    packed = local_view(shown, points)
    found = index([Addition(7, 1, [packed]), Addition(8, 1, [view(rng, 100)])]).search(query_of(shown), [1])
    assert [(one.entry, one.view, one.mirrored, one.votes) for one in found] == [(7, 0, False, 100)]
    assert found[0].features.tolist() == list(range(100))
    assert np.abs(found[0].points[:, :2] - points[:, :2]).max() <= 1
    assert found[0].distances.tolist() == [0] * 100


def test_a_mirrored_query_finds_the_mirrored_view() -> None:
    rng = np.random.default_rng(4)
    shown = descriptors(rng, 50)
    points = rng.uniform((0, 0, 4, 0), (500, 380, 100, 6), (50, 4)).astype(np.float32)
    mirrored = query_of(shown)._replace(mirrored=np.ones(50, np.uint8))
    (found,) = index([Addition(1, 1, [local_view(shown, points)])]).search(mirrored, None)
    assert found.mirrored
    assert np.abs(found.points[:, 0] - (511 - points[:, 0])).max() <= 1


def local_view(shown: np.ndarray, points: np.ndarray) -> LocalView:
    return pack(shown, points, np.zeros(len(shown), np.uint8), (512, 384), SIGNATURE, VOCABULARY)


def query_of(shown: np.ndarray) -> Rows:
    return Rows(shown, np.arange(len(shown), dtype=np.int32), np.zeros(len(shown), np.uint8))


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[str, list[int]]]:
    """Names of changes with the entries that they are about."""
    kinds = st.sampled_from(["put", "put", "put", "drop", "merge"])
    return draw(st.lists(st.tuples(kinds, st.lists(st.integers(0, 9), max_size=6)), max_size=12))


@given(st.integers(0, 2**32), changes(), SEARCHES, BANKS)
def test_no_order_of_changes_shows_in_a_result(
    seed: int, made: list[tuple[str, list[int]]], how: Search, banks: set[int] | None
) -> None:
    rng = np.random.default_rng(seed)
    query = rows(rng, 60)
    listed: dict[int, Addition] = {}
    with pytest.MonkeyPatch.context() as patch:
        _shrink(patch)
        changed = index()
        for kind, entries in made:
            if kind == "put":
                added = [addition(rng, entry) for entry in entries]
                changed.put(added)
                listed.update((one.entry, one) for one in added)
            elif kind == "drop":
                changed.drop(entries)
                for entry in entries:
                    listed.pop(entry, None)
            else:
                changed.merge()
            found = {one.entry for one in changed.search(query, None, how)}
            assert found <= listed.keys()
        found = plain(changed.search(query, banks, how))
        assert found == plain(brute_force(listed.values(), query, banks, how, longest=40))
        assert found == found_anew(listed, query, banks, how)
        assert len(changed) == sum(bool(one.views) for one in listed.values())


def found_anew(listed: dict[int, Addition], query: Rows, banks: set[int] | None, how: Search) -> list[object]:
    return plain(index([listed[entry] for entry in sorted(listed, reverse=True)]).search(query, banks, how))


def test_a_bank_that_is_not_visible_does_not_crowd_out_one_that_is() -> None:
    rng = np.random.default_rng(5)
    same = view(rng, 80)
    full = index([Addition(entry, 1, [same]) for entry in range(50)] + [Addition(99, 2, [same])])
    query = rows(rng, 100)
    assert [one.entry for one in full.search(query, [2], Search(views_per_entry=1))] == [99]
    assert full.search(query, [3]) == []
    assert full.search(query, []) == []


@pytest.mark.usefixtures("small_limits")
def test_a_snapshot_does_not_change_under_a_reader() -> None:
    rng = np.random.default_rng(6)
    changed = index([addition(rng, entry) for entry in range(20)])
    query = rows(rng, 100)
    signatures = SIGNATURE.sign(query.descriptors)
    words = VOCABULARY.nearest(query.descriptors, *local.probes(0))
    kept = changed.snapshot
    before = plain(kept.search(signatures, words, query, None, Search()))
    assert before
    for entry in range(20):
        changed.drop([entry])
        changed.put([addition(rng, 100 + entry)])
    assert plain(kept.search(signatures, words, query, None, Search())) == before
    assert all(entry >= 100 for entry, *_ in plain(changed.search(query, None)))


@pytest.mark.usefixtures("small_limits")
def test_threads_search_while_one_changes() -> None:
    rng = np.random.default_rng(7)
    steady = Addition(1, 1, [view(rng, 200)])
    changed = index([steady])
    query = rows(rng, 100)
    alone = plain(changed.search(query, [1]))
    wrong: list[object] = []
    ended = threading.Event()

    def search() -> None:
        while not ended.is_set():
            found = plain(changed.search(query, [1]))
            if found != alone:
                wrong.append(found)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for entry in range(2, 40):
        changed.put([Addition(entry, 2, [view(rng, 3)])])
        changed.drop([entry - 5] if entry > 6 else [])
    ended.set()
    for thread in threads:
        thread.join()
    assert alone
    assert wrong == []


def test_common_words_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    shown = np.repeat(descriptors(rng, 1), 30, axis=0)
    listed = [Addition(entry, 1, [local_view(shown, np.zeros((30, 4), np.float32))]) for entry in range(2)]
    monkeypatch.setattr(local, "LONGEST_LIST", 60)
    full = index(listed)
    how = Search(repeats=30)
    assert len(full.search(query_of(shown), None, how)) == 2
    full.put([Addition(2, 1, [local_view(shown[:1], np.zeros((1, 4), np.float32))])])
    assert full.search(query_of(shown), None, how) == []
    full.drop([2])
    assert len(full.search(query_of(shown), None, how)) == 2


def test_what_is_dropped_gives_its_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(9)
    full = index([Addition(entry, 1, [view(rng, 500)]) for entry in range(20)])
    before = full.bytes
    full.drop(range(15))
    assert before - full.bytes > 15 * 500 * 24
    assert len(full.snapshot.base) == 5 * 500


def test_a_view_with_other_arrays_is_refused_and_changes_nothing() -> None:
    good = view(np.random.default_rng(10), 10)
    full = index([Addition(1, 1, [good])])
    before = full.snapshot
    for bad in broken(good):
        with pytest.raises(ValueError, match=r"column of a view|frame of"):
            full.put([Addition(2, 1, [good]), Addition(1, 1, [bad])])
    assert full.snapshot is before
    assert len(full) == 1


def broken(good: LocalView) -> Iterator[LocalView]:
    yield good._replace(words=good.words[:-1])
    yield good._replace(signatures=good.signatures[:, :1])
    yield good._replace(signatures=good.signatures.view(np.int64))  # type: ignore[arg-type]
    yield good._replace(points=good.points.astype(np.int64))  # type: ignore[arg-type]
    yield good._replace(mirrored=good.mirrored[:3])
    yield good._replace(width=0)


def test_rows_with_other_arrays_are_refused() -> None:
    good = rows(np.random.default_rng(11), 10)
    full = index()
    for bad in (
        good._replace(descriptors=good.descriptors[:, :2]),
        good._replace(features=good.features[:-1]),
        good._replace(features=good.features.astype(np.int64)),
        good._replace(mirrored=good.mirrored.astype(np.bool_)),
    ):
        with pytest.raises(ValueError, match=r"rows has|Descriptors are"):
            full.search(bad, None)


def test_a_snapshot_refuses_arrays_of_different_rows() -> None:
    rng = np.random.default_rng(12)
    now = index([Addition(1, 1, [view(rng, 10)])]).snapshot
    query = rows(rng, 10)
    signatures, words = SIGNATURE.sign(query.descriptors), VOCABULARY.nearest(query.descriptors, 4, 8)
    for signed, probed in (
        (signatures[:-1], words),
        (signatures[:, :1], words),
        (signatures.view(np.int64), words),
        (signatures, words[:-1]),
        (signatures, words.astype(np.int32)),
        (signatures, words[:, 0]),
    ):
        with pytest.raises(ValueError, match="rows have"):
            now.search(signed, probed, query, None, Search())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mirror bits"):
        now.search(signatures, words, query._replace(features=query.features[:-1]), None, Search())


@pytest.mark.parametrize("wrong", [{"neighbours": 0}, {"limit": -1}, {"limit": 129}])
def test_a_search_out_of_range_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="A search takes"):
        Search(**wrong)


@given(st.integers(0, 2**32), SEARCHES)
def test_any_values_are_searched_without_harm(seed: int, how: Search) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 200))
    wild = LocalView(
        rng.choice(np.asarray([0, 1, 65535], np.uint16), count),
        rng.choice(np.asarray([0, 2**64 - 1], np.uint64), (count, 2)),
        rng.integers(0, 2**32, count, np.uint32),
        rng.integers(0, 256, count, np.uint8),
        int(rng.integers(1, 2**31)),
        1,
    )
    full = index([Addition(-(2**63), -5, [wild, wild]), Addition(2**63 - 1, 2**70, [wild])])
    query = Rows(
        rng.choice(np.asarray([0, 2**64 - 1], np.uint64), (count, 4)),
        rng.integers(-(2**31), 2**31, count).astype(np.int32),
        rng.integers(0, 256, count, np.uint8),
    )
    for found in full.search(query, None, how):
        assert found.entry in (-(2**63), 2**63 - 1)
        assert set(found.features.tolist()) <= set(query.features.tolist())
        assert np.isfinite(found.points).all()
