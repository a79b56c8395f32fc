"""The look-up of 256-bit hashes against the comparison of every pair, written as plainly as possible."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from numpy.typing import NDArray

from bot.matching import hashes as hashes_module
from bot.matching import multi_index
from bot.matching.hashes import HASH_BITS, NOT_WANTED, HashIndex, Hits

Rows = list[tuple[int, int, int]]
"""Owner, hash as a whole number, tag."""

HASHES = st.integers(0, 2**HASH_BITS - 1)
LIMITS = st.sampled_from([NOT_WANTED, 0, 1, 14, 15, 16, 30, 31, 47, 56, 62, 63, 64, 76, 128, 255, 256])


def packed(hashes: list[int]) -> NDArray[np.uint64]:
    return np.frombuffer(b"".join(one.to_bytes(32, "little") for one in hashes), np.uint64).reshape(-1, 4)


def found(hits: Hits) -> list[tuple[int, int, int, int, bool]]:
    return list(zip(*(column.tolist() for column in hits), strict=True))


def expected(rows: Rows, queries: list[int], limits: list[int], inverted: list[int]) -> list[Any]:
    pairs: list[Any] = []
    for number, query in enumerate(queries):
        for owner, hash_, tag in rows:
            distance = (hash_ ^ query).bit_count()
            if distance <= limits[number]:
                pairs.append((number, distance, owner, tag, False))
            if HASH_BITS - distance <= inverted[number]:
                pairs.append((number, HASH_BITS - distance, owner, tag, True))
    return [(number, owner, *rest) for number, rest, owner in ((p[0], (p[1], p[3], p[4]), p[2]) for p in sorted(pairs))]


def filled(rows: Rows, scan_up_to: int | None) -> HashIndex:
    owners, hashes, tags = ([row[column] for row in rows] for column in range(3))
    return HashIndex(np.asarray(owners, np.int64), packed(hashes), np.asarray(tags, np.uint8), scan_up_to=scan_up_to)


def flipped(hash_: int, bits: list[int]) -> int:
    for bit in bits:
        hash_ ^= 1 << bit
    return hash_


@st.composite
def near(draw: st.DrawFn, hash_: int, most: int = 80) -> int:
    """A hash near another; in half of the cases the bits that differ lie in few chunks."""
    span = draw(st.sampled_from([256, 256, 96, 64, 16]))
    start = draw(st.integers(0, 255))
    bits = draw(st.lists(st.integers(0, span - 1), max_size=min(most, span), unique=True))
    return flipped(hash_, [(start + bit) % 256 for bit in bits])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Rows, list[int], list[int], list[int]]:
    """Rows around few centres, so that many lie near each other, and queries around the rows and complements."""
    centres = draw(st.lists(HASHES | st.sampled_from([0, 2**256 - 1]), min_size=1, max_size=4))
    rows = [
        (draw(st.integers(-3, 5)), draw(near(draw(st.sampled_from(centres)))), draw(st.integers(0, 255)))
        for _ in range(draw(st.integers(0, 20)))
    ]
    queries = [
        draw(near(draw(st.sampled_from(centres)))) ^ draw(st.sampled_from([0, 2**256 - 1]))
        for _ in range(draw(st.integers(0, 6)))
    ]
    limits = [draw(LIMITS) for _ in queries]
    inverted = [draw(LIMITS) for _ in queries]
    return rows, queries, limits, inverted


@pytest.fixture(autouse=True)
def no_early_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small lists are scanned in service, since it is faster; here the index has to answer."""
    monkeypatch.setattr("bot.matching.hashes._worth_a_look_up", lambda limits, rows: limits <= multi_index.MOST_LIMIT)


@given(worlds(), st.sampled_from([None, 0]))
@settings(max_examples=300, deadline=None)
def test_finds_what_comparing_every_pair_finds(world: Any, scan_up_to: int | None) -> None:
    rows, queries, limits, inverted = world
    hits = filled(rows, scan_up_to).snapshot.within(packed(queries), np.asarray(limits, int), np.asarray(inverted, int))
    assert found(hits) == expected(rows, queries, limits, inverted)


@given(HASHES, st.data())
@settings(max_examples=300, deadline=None)
def test_a_query_is_found_up_to_its_limit_and_not_beyond(hash_: int, data: st.DataObject) -> None:
    distance = data.draw(st.integers(0, 64))
    bits = data.draw(st.permutations(range(256)))[:distance]
    query = packed([flipped(hash_, bits)])
    snapshot = filled([(7, hash_, 3)], 0).snapshot
    assert found(snapshot.within(query, np.asarray([distance]))) == [(0, 7, distance, 3, False)]
    assert found(snapshot.within(~query, np.asarray([NOT_WANTED]), np.asarray([distance]))) == [
        (0, 7, distance, 3, True)
    ]
    assert not found(snapshot.within(query, np.asarray([distance - 1])))


@pytest.mark.parametrize("limit", range(multi_index.MOST_LIMIT + 1))
def test_the_worst_spread_of_the_bits_is_found(limit: int) -> None:
    """Bits dealt out to the chunks in turn leave none of them with few."""
    rng = np.random.default_rng(limit)
    hashes = [int.from_bytes(rng.bytes(32)) for _ in range(48)]
    queries = [
        flipped(hash_, [16 * ((place + turn) % 16) + place // 16 for place in range(limit)])
        for turn, hash_ in enumerate(hashes)
    ]
    rows = [(owner, hash_, 0) for owner, hash_ in enumerate(hashes)]
    hits = filled(rows, 0).snapshot.within(packed(queries), np.full(48, limit))
    assert found(hits) == [(number, number, limit, 0, False) for number in range(48)]


def test_a_query_with_too_many_candidates_is_scanned() -> None:
    """Of 5,000 equal hashes each is a candidate, which is more than a look-up takes on."""
    rng = np.random.default_rng(5)
    crowd, lonely = int.from_bytes(rng.bytes(32)), int.from_bytes(rng.bytes(32))
    rows = [(owner, crowd, 0) for owner in range(5000)] + [(9000, lonely, 1)]
    snapshot = filled(rows, 0).snapshot
    lookup = snapshot.settled.lookup
    assert lookup is not None
    queries = packed([crowd, lonely])
    words = np.ascontiguousarray(queries.T)
    pairs, given_up = multi_index.look_up(lookup, words, np.asarray([31, 31]), snapshot.settled.alive)
    assert given_up.tolist() == [True, False]
    assert pairs.queries.tolist() == [1]
    hits = snapshot.within(queries, np.asarray([31, 31]))
    assert hits.owners.tolist() == [*range(5000), 9000]


@pytest.mark.parametrize("scan_up_to", [None, 0])
def test_more_hits_than_the_first_room_for_them(scan_up_to: int | None) -> None:
    rng = np.random.default_rng(6)
    hashes = [int.from_bytes(rng.bytes(32)) for _ in range(200)]
    rows = [(owner, hash_, 0) for hash_ in hashes for owner in range(100)]
    hits = filled(rows, scan_up_to).snapshot.within(packed(hashes), np.full(200, 20))
    assert np.array_equal(hits.queries, np.repeat(np.arange(200), 100))
    assert np.array_equal(hits.owners, np.tile(np.arange(100), 200))


def test_a_long_list_is_looked_up_and_a_short_one_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice that the other tests leave out, with the same result either way."""
    monkeypatch.undo()
    rng = np.random.default_rng(7)
    hashes = rng.integers(0, 2**64, (40_000, 4), np.uint64)
    limits = np.asarray([31, 47, 63, 76])
    short, long = HashIndex(np.arange(20_000), hashes[:20_000]), HashIndex(np.arange(40_000), hashes)
    for index in (short, long):
        assert index.snapshot.settled.lookup is not None
        hits = index.snapshot.within(hashes[:4], limits, limits)
        assert found(hits) == [(number, number, 0, 0, False) for number in range(4)]
    assert hashes_module._worth_a_look_up(limits, 20_000).tolist() == [False] * 4
    assert hashes_module._worth_a_look_up(limits, 40_000).tolist() == [True, False, False, False]
    assert hashes_module._worth_a_look_up(limits, 1_000_000).tolist() == [True, True, False, False]
    assert hashes_module._worth_a_look_up(np.asarray([0, 56]), 1_000_000).tolist() == [True, True]


def test_the_nearest_row_of_each_owner() -> None:
    rows = [(1, 0b111, 0), (1, 0b1, 5), (2, 0b11, 1), (2, 0b11, 0), (3, 0, 2), (4, 0b1111, 0)]
    queries = packed([0, 2**256 - 1])
    hits = filled(rows, None).snapshot.within(queries, np.asarray([3, NOT_WANTED]), np.asarray([NOT_WANTED, 1]))
    assert found(hits.nearest()) == [
        (0, 3, 0, 2, False),
        (0, 1, 1, 5, False),
        (0, 2, 2, 0, False),
        (1, 3, 0, 2, True),
        (1, 1, 1, 5, True),
    ]
    assert found(hits.nearest(1)) == [(0, 3, 0, 2, False), (1, 3, 0, 2, True)]


class Changes(RuleBasedStateMachine):
    """Adds, replacements and removals in any order, merges and purges among them, against a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.index = HashIndex(scan_up_to=6)
        self.rows: Rows = []
        self.earlier: list[tuple[Any, Rows]] = []

    @rule(owner=st.integers(0, 6), hashes=st.lists(st.sampled_from([0, 1, 3, 2**200, 2**256 - 1]), max_size=5))
    def add(self, owner: int, hashes: list[int]) -> None:
        tags = np.arange(len(hashes), dtype=np.uint8)
        self.index.add(owner, packed(hashes), tags)
        self.rows = self.rows + [(owner, hash_, tag) for tag, hash_ in enumerate(hashes)]

    @rule(owner=st.integers(0, 6), hashes=st.lists(HASHES, max_size=3))
    def replace(self, owner: int, hashes: list[int]) -> None:
        self.index.replace(owner, packed(hashes))
        self.rows = [row for row in self.rows if row[0] != owner] + [(owner, hash_, 0) for hash_ in hashes]

    @rule(owners=st.lists(st.integers(0, 6), max_size=3))
    def remove(self, owners: list[int]) -> None:
        self.index.remove(np.asarray(owners, np.int64))
        self.rows = [row for row in self.rows if row[0] not in owners]

    @rule(owner=st.integers(0, 6))
    def remove_one(self, owner: int) -> None:
        self.index.remove(owner)
        self.rows = [row for row in self.rows if row[0] != owner]

    @rule()
    def keep_a_snapshot(self) -> None:
        self.earlier.append((self.index.snapshot, self.rows))

    @invariant()
    def every_snapshot_holds_what_it_held(self) -> None:
        queries, limits, inverted = [0, 2**200 + 2, 2**256 - 1], [31, 2, 256], [40, NOT_WANTED, 3]
        for snapshot, rows in [*self.earlier, (self.index.snapshot, self.rows)]:
            assert len(snapshot) == len(rows)
            hits = snapshot.within(packed(queries), np.asarray(limits), np.asarray(inverted))
            assert found(hits) == expected(rows, queries, limits, inverted)


TestChanges = Changes.TestCase
TestChanges.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_merging_and_purging_happen() -> None:
    """Else the test of changes would pass without any of it."""
    rng = np.random.default_rng(1)
    index = HashIndex(scan_up_to=6)
    for owner in (5, 3, 4, 1):
        index.add(owner, rng.integers(0, 2**64, (2, 4), np.uint64))
    assert index.snapshot.settled.owners.tolist() == [1, 1, 3, 3, 4, 4, 5, 5]
    assert index.snapshot.settled.lookup is not None
    index.add(2, rng.integers(0, 2**64, (1, 4), np.uint64))
    assert index.snapshot.recent.end == 1
    index.remove(np.asarray([5, 3]))
    assert (index.snapshot.settled.dead, len(index)) == (4, 5)
    index.remove(1)
    assert index.snapshot.settled.end == 0
    assert sorted(index.snapshot.recent.owners.tolist()) == [2, 4, 4]
    assert not index.snapshot.recent.dead


@given(
    arrays.arrays(
        arrays.scalar_dtypes() | st.just(np.dtype(np.uint64)),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5) | st.tuples(st.integers(0, 5), st.just(4)),
    ),
    arrays.arrays(arrays.scalar_dtypes() | st.just(np.dtype(np.int64)), arrays.array_shapes(min_dims=0, max_side=5)),
    arrays.arrays(arrays.integer_dtypes() | st.just(np.dtype(np.uint8)), arrays.array_shapes(max_dims=1, max_side=5)),
    st.sampled_from([None, 0]),
)
@settings(max_examples=300, deadline=None)
def test_any_arrays_are_taken_or_refused(hashes: Any, numbers: Any, tags: Any, scan_up_to: int | None) -> None:
    good = packed([0, 2**255 - 1, 12345])
    index = filled([(1, 0, 0), (2, 5, 1)], scan_up_to)
    before = len(index)
    for attempt in (
        lambda: index.add(numbers, hashes, tags),
        lambda: index.add(1, hashes[::-1] if hashes.ndim else hashes, None),
        lambda: index.snapshot.within(hashes, numbers),
        lambda: index.snapshot.within(good, np.asarray([0, 31, 256]), numbers),
    ):
        try:
            attempt()
        except ValueError:
            continue
        assert len(index) >= before


@pytest.mark.parametrize(
    ("queries", "limits"),
    [
        (np.zeros((2, 4), np.int64), np.asarray([1, 1])),
        (np.zeros((2, 3), np.uint64), np.asarray([1, 1])),
        (np.zeros(4, np.uint64), np.asarray([1])),
        (np.zeros((2, 4), np.uint64), np.asarray([1])),
        (np.zeros((2, 4), np.uint64), np.asarray([1.0, 1.0])),
        (np.zeros((2, 4), np.uint64), np.asarray([1, 257])),
        (np.zeros((2, 4), np.uint64), np.asarray([1, -2])),
    ],
)
def test_queries_of_another_kind_are_refused(queries: Any, limits: Any) -> None:
    with pytest.raises(ValueError, match=r"Hashes must be|Limits must be"):
        HashIndex().snapshot.within(queries, limits)


@pytest.mark.parametrize(
    ("owners", "tags"),
    [(np.asarray([1]), None), (np.asarray([1.0, 2.0]), None), (1, np.zeros(1, np.uint8)), (1, np.zeros(2, np.int64))],
)
def test_rows_of_another_kind_are_refused_and_change_nothing(owners: Any, tags: Any) -> None:
    index = HashIndex()
    with pytest.raises(ValueError, match=r"Owners must be|Tags must be"):
        index.add(owners, np.zeros((2, 4), np.uint64), tags)
    assert len(index) == 0


def test_slices_and_turned_arrays_mean_what_they_show() -> None:
    rng = np.random.default_rng(2)
    many = rng.integers(0, 2**64, (4, 30), np.uint64)
    turned = many.T[::2]
    index = HashIndex(np.arange(15), turned, scan_up_to=0)
    hits = index.snapshot.within(turned[::-1], np.full(30, 31)[::2])
    assert hits.owners.tolist() == list(range(14, -1, -1))
