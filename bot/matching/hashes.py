"""All near pairs of 256-bit hashes, exactly: short lists and wide limits by a scan, long lists by multi-index hashing.

A row is one hash of an owner (an entry, or a view of one) with a tag of the caller's (its orientation). A query has a
limit of its own, and may have one for its complement, the hash of the picture with inverted colours.

Searches work on a :class:`Snapshot`, which never changes, and need no lock. It has two segments. Added rows go behind
the end of the recent ones, where older snapshots do not look, and are scanned. When they are many, they are merged into
the settled ones, which are in the order of their owners and indexed. Rows taken out are masked in a copy of the mask,
and cut out when they are many. A change publishes its snapshot by a single assignment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .hash_scan import HASH_BITS, NOT_WANTED, Hashes, Limits, Pairs, scan
from .multi_index import MOST_LIMIT, PROBES, MultiIndex, build, look_up

__all__ = ["HASH_BITS", "NOT_WANTED", "SCAN_UP_TO", "HashIndex", "Hits", "Segment", "Snapshot"]

WORDS = 4

SCAN_UP_TO = 1 << 14
"""Rows up to which a scan is as fast as anything: 0.8 ms for 300 queries."""

_MERGE_SHARE = 64  # recent rows are merged from 1/64 of the settled ones on
_FIRST_CAPACITY = 64

# What a look-up and each value tried cost in scanned rows: more in a long list, of which less is in cache.
_LOOK_UP = 16_000
_PROBE = 30
_PROBE_PER_ROW = 1 / 13_000


class Hits(NamedTuple):
    """Pairs of a query and a row, sorted by query, distance, owner and tag."""

    queries: NDArray[np.int64]
    owners: NDArray[np.int64]
    distances: NDArray[np.int64]
    """Bits, of 256, to the query or to its complement."""
    tags: NDArray[np.uint8]
    inverted: NDArray[np.bool_]
    """Whether it is the complement of the query that is near."""

    def nearest(self, most: int | None = None) -> Hits:
        """Of every query the nearest row of each owner, and of these the ``most`` nearest."""
        ties = np.lexsort((np.arange(len(self.queries)), self.owners, self.queries))
        first = np.ones(len(ties), np.bool_)
        for column in (self.queries[ties], self.owners[ties]):
            first[1:] &= column[1:] == column[:-1]
        first[1:] = ~first[1:]
        kept = np.sort(ties[first])
        if most is not None:
            queries = self.queries[kept]
            kept = kept[np.arange(len(kept)) - np.searchsorted(queries, queries) < most]
        return self.pick(kept)

    def pick(self, which: NDArray[np.int64]) -> Hits:
        """The pairs at these places."""
        return Hits(
            self.queries[which], self.owners[which], self.distances[which], self.tags[which], self.inverted[which]
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows 0 to ``end`` of arrays that may be longer; ``alive`` False: taken out."""

    words: Hashes
    """(4, capacity), contiguous, so that a scan reads the same word of consecutive rows."""
    owners: NDArray[np.int64]
    tags: NDArray[np.uint8]
    alive: NDArray[np.bool_]
    end: int = 0
    dead: int = 0
    lookup: MultiIndex | None = None

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        own = self.words.nbytes + self.owners.nbytes + self.tags.nbytes + self.alive.nbytes
        return own + (0 if self.lookup is None else self.lookup.nbytes)

    def pairs(self, queries: Hashes, limits: Limits, inverted_limits: Limits) -> tuple[Pairs, NDArray[np.bool_]]:
        """Pairs within the limits, with the number of the row; and for each whether it is of the complement."""
        if not self.end:
            return Pairs.room(0), np.empty(0, np.bool_)
        if self.lookup is None:
            return scan(self.words, self.end, self.alive, queries, limits, inverted_limits)
        wanted = np.concatenate((limits, inverted_limits))
        indexed = _worth_a_look_up(wanted, self.end)
        both = np.concatenate((queries, ~queries), axis=1)
        found, given_up = look_up(self.lookup, both, np.where(indexed, wanted, NOT_WANTED), self.alive)
        upright = found.queries < len(limits)
        found.queries[~upright] -= np.uint32(len(limits))
        rest = np.where(indexed & ~given_up, NOT_WANTED, wanted)
        if (rest == NOT_WANTED).all():
            return found, ~upright
        more, complement = scan(self.words, self.end, self.alive, queries, rest[: len(limits)], rest[len(limits) :])
        return found.joined(more), np.concatenate((~upright, complement))

    def appended(self, owners: NDArray[np.int64], hashes: Hashes, tags: NDArray[np.uint8]) -> Segment:
        """With further rows, written behind the end, into longer arrays where these are full."""
        end = self.end + len(owners)
        grown = self._grown(max(_FIRST_CAPACITY, self.end + end)) if end > len(self.owners) else self
        part = slice(self.end, end)
        grown.words[:, part] = hashes.T
        grown.owners[part] = owners
        grown.tags[part] = tags
        grown.alive[part] = True
        return replace(grown, end=end)

    def buried(self, rows: NDArray[np.int64]) -> Segment:
        """Without some rows."""
        rows = rows[self.alive[rows]]
        if not len(rows):
            return self
        alive = self.alive.copy()
        alive[rows] = False
        return replace(self, alive=alive, dead=self.dead + len(rows))

    def living(self) -> tuple[NDArray[np.int64], Hashes, NDArray[np.uint8]]:
        """Owners, words (4, n) and tags of the rows that are not taken out."""
        alive = self.alive[: self.end]
        return self.owners[: self.end][alive], self.words[:, : self.end][:, alive], self.tags[: self.end][alive]

    def _grown(self, capacity: int) -> Segment:
        room = capacity - len(self.owners)
        return replace(
            self,
            words=np.concatenate((self.words, np.empty((WORDS, room), np.uint64)), axis=1),
            owners=np.concatenate((self.owners, np.empty(room, np.int64))),
            tags=np.concatenate((self.tags, np.empty(room, np.uint8))),
            alive=np.concatenate((self.alive, np.zeros(room, np.bool_))),
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All rows at one moment."""

    settled: Segment
    recent: Segment

    def __len__(self) -> int:
        """The number of rows that are not taken out."""
        return sum(segment.end - segment.dead for segment in (self.settled, self.recent))

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.settled.nbytes + self.recent.nbytes

    def within(
        self, queries: Hashes, limits: NDArray[np.integer], inverted_limits: NDArray[np.integer] | None = None
    ) -> Hits:
        """Every row within the limit of a query, or of its complement.

        ``queries`` is (n, 4) of uint64, and the limits (n,) of any integers, bits from 0 to 256, or NOT_WANTED.
        Raises ValueError for anything else.
        """
        words = _checked_hashes(queries)
        wanted = _checked_limits(limits, len(words))
        inverted_wanted = (
            np.full(len(words), NOT_WANTED) if inverted_limits is None else _checked_limits(inverted_limits, len(words))
        )
        words = np.ascontiguousarray(words.T)
        parts: list[Hits] = []
        for segment in (self.settled, self.recent):
            pairs, inverted = segment.pairs(words, wanted, inverted_wanted)
            rows = pairs.rows
            numbers, distances = pairs.queries.astype(np.int64), pairs.distances.astype(np.int64)
            parts.append(Hits(numbers, segment.owners[rows], distances, segment.tags[rows], inverted))
        first, second = parts
        hits = Hits(
            np.concatenate((first.queries, second.queries)),
            np.concatenate((first.owners, second.owners)),
            np.concatenate((first.distances, second.distances)),
            np.concatenate((first.tags, second.tags)),
            np.concatenate((first.inverted, second.inverted)),
        )
        return hits.pick(np.lexsort((hits.inverted, hits.tags, hits.owners, hits.distances, hits.queries)))


class HashIndex:
    """The hashes of one bank. ``snapshot`` may be read by any thread; changes must come one at a time."""

    def __init__(
        self,
        owners: NDArray[np.integer] | None = None,
        hashes: Hashes | None = None,
        tags: NDArray[np.uint8] | None = None,
        *,
        scan_up_to: int | None = SCAN_UP_TO,
    ) -> None:
        """Index rows given as owners (n,), hashes (n, 4) and tags (n,), an owner as often as it has hashes.

        Up to ``scan_up_to`` rows are scanned, and None scans any number: right where limits are wide, since beyond 63
        bits nothing else finds all. Raises ValueError for arrays of another kind.
        """
        self._scan_up_to = scan_up_to
        self.snapshot = Snapshot(_nothing(), _nothing())
        if owners is not None or hashes is not None:
            self.add(
                np.empty(0, np.int64) if owners is None else owners,
                np.empty((0, WORDS), np.uint64) if hashes is None else hashes,
                tags,
            )

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.snapshot)

    def add(self, owners: int | NDArray[np.integer], hashes: Hashes, tags: NDArray[np.uint8] | None = None) -> None:
        """Add rows, hashes (n, 4), of one owner or of as many as there are; tags are 0 unless given.

        Owners that are there already have these rows as well. Now and then this merges all rows, which takes 0.3 s for
        1,000,000 of them. Raises ValueError, and changes nothing, for arrays of another kind.
        """
        self._publish(self.snapshot, owners, hashes, tags)

    def replace(self, owner: int, hashes: Hashes, tags: NDArray[np.uint8] | None = None) -> None:
        """Give an owner these rows instead of those that it has; no search sees both, or neither."""
        self._publish(self._without(np.asarray([owner], np.int64)), owner, hashes, tags)

    def remove(self, owners: int | NDArray[np.integer]) -> None:
        """Take out all rows of one owner or of several; nothing happens for one without rows."""
        self.snapshot = self._tidied(self._without(np.unique(np.asarray(owners, np.int64))))

    def _publish(
        self, snapshot: Snapshot, owners: int | NDArray[np.integer], hashes: Hashes, tags: NDArray[np.uint8] | None
    ) -> None:
        hashes = _checked_hashes(hashes)
        numbers = _checked_owners(owners, len(hashes))
        tags = np.zeros(len(hashes), np.uint8) if tags is None else tags
        if tags.shape != (len(hashes),) or tags.dtype != np.uint8:
            raise ValueError(
                f"Tags must be uint8, one for each of {len(hashes)} hashes, not {tags.dtype} {tags.shape}."
            )
        recent = snapshot.recent.appended(numbers, hashes, tags) if len(hashes) else snapshot.recent
        self.snapshot = self._tidied(Snapshot(snapshot.settled, recent))

    def _without(self, owners: NDArray[np.int64]) -> Snapshot:
        settled, recent = self.snapshot.settled, self.snapshot.recent
        first = np.searchsorted(settled.owners, owners, "left")
        last = np.searchsorted(settled.owners, owners, "right")
        counts = last - first
        before = np.cumsum(counts) - counts
        rows: NDArray[np.int64] = np.arange(int(counts.sum())) + np.repeat(first - before, counts)
        new = np.flatnonzero(np.isin(recent.owners[: recent.end], owners))
        return Snapshot(settled.buried(rows), recent.buried(new))

    def _tidied(self, snapshot: Snapshot) -> Snapshot:
        """Merged when many rows are recent; without dead rows when these are more than the living."""
        settled, recent = snapshot.settled, snapshot.recent
        if self._scan_up_to is not None:
            living = recent.end - recent.dead
            if living > max(self._scan_up_to, settled.end // _MERGE_SHARE) or 2 * settled.dead > settled.end:
                return self._merged(snapshot)
        if 2 * recent.dead > recent.end:
            return Snapshot(settled, _segment(*recent.living()))
        return snapshot

    def _merged(self, snapshot: Snapshot) -> Snapshot:
        old, new = snapshot.settled.living(), snapshot.recent.living()
        owners = np.concatenate((old[0], new[0]))
        words = np.concatenate((old[1], new[1]), axis=1)
        tags = np.concatenate((old[2], new[2]))
        if self._scan_up_to is not None and len(owners) <= self._scan_up_to:
            return Snapshot(_nothing(), _segment(owners, words, tags))
        if (owners[1:] < owners[:-1]).any():
            order = np.argsort(owners, kind="stable")
            owners, words, tags = owners[order], words[:, order], tags[order]
        settled = _segment(owners, words, tags)
        return Snapshot(replace(settled, lookup=build(settled.words)), _nothing())


def _segment(owners: NDArray[np.int64], words: Hashes, tags: NDArray[np.uint8]) -> Segment:
    count = len(owners)
    return Segment(np.ascontiguousarray(words), owners, tags, np.ones(count, np.bool_), count)


def _worth_a_look_up(limits: Limits, rows: int) -> NDArray[np.bool_]:
    """For which limits a look-up is possible, and faster than a scan of so many rows."""
    possible = limits <= MOST_LIMIT
    possible[possible] = _LOOK_UP + PROBES[limits[possible]] * (_PROBE + _PROBE_PER_ROW * rows) < rows
    return possible


def _nothing() -> Segment:
    return _segment(np.empty(0, np.int64), np.empty((WORDS, 0), np.uint64), np.empty(0, np.uint8))


def _checked_hashes(hashes: Hashes) -> Hashes:
    if hashes.dtype != np.uint64 or hashes.ndim != 2 or hashes.shape[1] != WORDS:
        raise ValueError(f"Hashes must be uint64 of shape (n, {WORDS}), not {hashes.dtype} {hashes.shape}.")
    return hashes


def _checked_limits(limits: NDArray[np.integer], count: int) -> Limits:
    if limits.shape != (count,) or limits.dtype.kind not in "iu":
        raise ValueError(
            f"Limits must be integers, one for each of {count} queries, not {limits.dtype} {limits.shape}."
        )
    if count and not (int(limits.min()) >= NOT_WANTED and int(limits.max()) <= HASH_BITS):
        raise ValueError(f"Limits must be from {NOT_WANTED} to {HASH_BITS} bits.")
    return np.ascontiguousarray(limits, np.int64)


def _checked_owners(owners: int | NDArray[np.integer], count: int) -> NDArray[np.int64]:
    given = np.asarray(owners)
    if given.shape not in ((), (count,)) or given.dtype.kind not in "iu":
        raise ValueError(f"Owners must be integers, one or {count}, not {given.dtype} {given.shape}.")
    return np.broadcast_to(given.astype(np.int64), (count,))
