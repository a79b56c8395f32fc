"""The hashes of one bank in flat arrays: searched by brute force, changed while they are being searched.

A hash is 256 bits, held as four 64-bit words. All hashes of a bank stand in one array of shape (4, rows), word by word,
so that the distance to every row is four XORs and popcounts over contiguous memory: 800,000 rows take a few
milliseconds, and no approximate structure could promise to find everything.

A search works on a :class:`Rows`, which never changes. A change publishes a new one by a single assignment. New rows
are written behind the end that older Rows see, so that adding an entry copies nothing but its own rows, apart from the
doubling of a full array. Rows of a dropped entry are masked at once, and cut out when they are more than half.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.model import ORIENTATIONS, PHASH_BYTES, Fingerprint

HASH_BITS = 8 * PHASH_BYTES
_WORDS = PHASH_BYTES // 8
_CHUNK = 1 << 14  # rows at a time: the temporaries stay in the processor's second-level cache
_FIRST_CAPACITY = 64

Words = NDArray[np.uint64]


def words(hashes: bytes) -> Words:
    """Hashes of PHASH_BYTES each as an array of shape (4, number of hashes)."""
    return np.ascontiguousarray(np.frombuffer(hashes, np.uint64).reshape(-1, _WORDS).T)


def distances(rows: Words, query: Words) -> NDArray[np.uint16]:
    """The Hamming distance of every row to the query: (4, n) and (4, 1) in, (n,) out, bits of 256."""
    count = rows.shape[1]
    result = np.empty(count, np.uint16)
    for start in range(0, count, _CHUNK):
        part = slice(start, min(start + _CHUNK, count))
        np.bitwise_count(rows[:, part] ^ query).sum(axis=0, dtype=np.uint16, out=result[part])
    return result


def check_hashes(fingerprint: Fingerprint) -> None:
    """Raise ValueError unless every view holds one hash, or one for each orientation."""
    for view in fingerprint.views:
        if len(view.hashes) not in (PHASH_BYTES, ORIENTATIONS * PHASH_BYTES):
            raise ValueError(
                f"A view holds 1 or {ORIENTATIONS} hashes of {PHASH_BYTES} bytes, not {len(view.hashes)} bytes."
            )


@dataclass(frozen=True, slots=True)
class Rows:
    """All hashes of a bank at one moment. Parallel arrays, one place a row; ``alive`` False: dropped."""

    words: Words
    owners: NDArray[np.int64]
    orientations: NDArray[np.uint8]
    alive: NDArray[np.bool_]
    dead: int

    def within(self, query: Words, limit: int) -> dict[int, tuple[int, int]]:
        """Every entry with a row at ``limit`` bits or nearer: entry id to (distance, orientation) of its nearest row.

        Of rows equally near, the one of the lowest orientation counts.
        """
        away = distances(self.words, query)
        hits = np.flatnonzero((away <= limit) & self.alive)
        if not len(hits):
            return {}
        hits = hits[np.lexsort((self.orientations[hits], away[hits], self.owners[hits]))]
        owners = self.owners[hits]
        hits = hits[np.concatenate(([True], owners[1:] != owners[:-1]))]
        return {
            int(owner): (int(distance), int(orientation))
            for owner, distance, orientation in zip(self.owners[hits], away[hits], self.orientations[hits], strict=True)
        }

    def nearest(self, query: Words) -> tuple[int, int] | None:
        """The least distance to any entry, and the lowest id of the entries that lie there; None without entries."""
        if self.dead == len(self.owners):
            return None
        away = distances(self.words, query)
        if self.dead:
            away[~self.alive] = HASH_BITS + 1
        least = int(away.min())
        return least, int(self.owners[away == least].min())


class BankIndex:
    """The entries of one bank. ``rows`` may be read by any thread; changes must come one at a time."""

    def __init__(self, entries: Iterable[tuple[int, Fingerprint]] = ()) -> None:
        """Index entries given as (id, fingerprint), each id once, with hashes that pass :func:`check_hashes`."""
        self._spans: dict[int, tuple[int, int]] = {}
        hashes: list[bytes] = []
        orientations: list[int] = []
        for entry_id, fingerprint in entries:
            start = len(orientations)
            for view in fingerprint.views:
                hashes.append(view.hashes)
                orientations.extend(range(len(view.hashes) // PHASH_BYTES))
            self._spans[entry_id] = start, len(orientations)
        counts = np.asarray([stop - start for start, stop in self._spans.values()], np.int64)
        self._words = words(b"".join(hashes))
        self._owners = np.repeat(np.fromiter(self._spans, np.int64, len(self._spans)), counts)
        self._orientations = np.asarray(orientations, np.uint8)
        self._alive = np.ones(len(orientations), np.bool_)
        self._end = len(orientations)
        self._dead = 0
        self.rows = self._published()

    def put(self, entry_id: int, fingerprint: Fingerprint) -> None:
        """Add an entry, or give an entry that is there already these hashes instead."""
        check_hashes(fingerprint)
        self._bury(entry_id)
        start = self._end
        for view in fingerprint.views:
            self._append(entry_id, words(view.hashes))
        self._spans[entry_id] = start, self._end
        self._tidy()
        self.rows = self._published()

    def drop(self, entry_id: int) -> None:
        """Take an entry out; nothing happens if it is not there."""
        self._bury(entry_id)
        self._tidy()
        self.rows = self._published()

    def _published(self) -> Rows:
        end = self._end
        return Rows(self._words[:, :end], self._owners[:end], self._orientations[:end], self._alive[:end], self._dead)

    def _append(self, entry_id: int, new: Words) -> None:
        count = new.shape[1]
        self._reserve(self._end + count)
        part = slice(self._end, self._end + count)
        self._words[:, part] = new
        self._owners[part] = entry_id
        self._orientations[part] = np.arange(count)
        self._alive[part] = True
        self._end += count

    def _reserve(self, needed: int) -> None:
        if needed <= len(self._owners):
            return
        capacity = max(_FIRST_CAPACITY, 2 * needed)
        room = capacity - len(self._owners)
        self._words = np.concatenate((self._words, np.empty((_WORDS, room), np.uint64)), axis=1)
        self._owners = np.concatenate((self._owners, np.empty(room, np.int64)))
        self._orientations = np.concatenate((self._orientations, np.empty(room, np.uint8)))
        self._alive = np.concatenate((self._alive, np.empty(room, np.bool_)))

    def _bury(self, entry_id: int) -> None:
        """Mask the rows of an entry in a copy of the mask: Rows that are being searched keep theirs."""
        start, stop = self._spans.pop(entry_id, (0, 0))
        if start == stop:
            return
        self._alive = self._alive.copy()
        self._alive[start:stop] = False
        self._dead += stop - start

    def _tidy(self) -> None:
        """Cut the masked rows out when they are more than half, into new arrays."""
        if 2 * self._dead <= self._end:
            return
        alive = self._alive[: self._end]
        before = np.concatenate(([0], np.cumsum(alive)))
        self._spans = {
            entry_id: (int(before[start]), int(before[stop])) for entry_id, (start, stop) in self._spans.items()
        }
        self._words = self._words[:, : self._end][:, alive]
        self._owners = self._owners[: self._end][alive]
        self._orientations = self._orientations[: self._end][alive]
        self._end = len(self._owners)
        self._alive = np.ones(self._end, np.bool_)
        self._dead = 0
