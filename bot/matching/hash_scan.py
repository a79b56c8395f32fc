"""Every near pair of 256-bit hashes by comparing all of them: a row takes 0.2 to 0.5 ns.

The hashes of a segment stand word by word, so that LLVM compares eight rows at once where the processor has AVX-512.
All queries pass over a block of rows while it is in the first-level cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .kernels import kernel, popcount

HASH_BITS = 256
NOT_WANTED = -1
"""The limit of a query for which nothing is to be found, or not by its complement."""

_BLOCK = 1024
_FIRST_CAPACITY = 1 << 14

Hashes = NDArray[np.uint64]
Limits = NDArray[np.int64]


class Pairs(NamedTuple):
    """Pairs of a query and a row within the query's limit, each pair once, in no particular order."""

    queries: NDArray[np.uint32]
    rows: NDArray[np.uint32]
    distances: NDArray[np.uint16]

    @staticmethod
    def room(count: int) -> Pairs:
        """Arrays for a kernel to fill."""
        return Pairs(np.empty(count, np.uint32), np.empty(count, np.uint32), np.empty(count, np.uint16))

    def joined(self, more: Pairs) -> Pairs:
        """These pairs and more."""
        return Pairs(
            np.concatenate((self.queries, more.queries)),
            np.concatenate((self.rows, more.rows)),
            np.concatenate((self.distances, more.distances)),
        )

    def first(self, count: int) -> Pairs:
        """The pairs that a kernel filled in."""
        return Pairs(self.queries[:count], self.rows[:count], self.distances[:count])


def scan(
    words: Hashes, end: int, alive: NDArray[np.bool_], queries: Hashes, limits: Limits, inverted_limits: Limits
) -> tuple[Pairs, NDArray[np.bool_]]:
    """Every pair within the limits of a query and one of the living rows 0 to ``end``; whether it is of the complement.

    Words (4, at least end) and queries (4, n) are contiguous, ``alive`` has a place a row, the limits (n,) are bits
    from 0 to 256 or NOT_WANTED. The distance of a pair of the complement is that to the complement.
    """
    capacity = _FIRST_CAPACITY
    while True:
        pairs = Pairs.room(capacity)
        inverted = np.empty(capacity, np.bool_)
        count = _scan(words, end, alive, queries, limits, inverted_limits, pairs, inverted)
        if count <= capacity:
            return pairs.first(count), inverted[:count]
        capacity = count


@kernel
def _scan(
    words: Hashes,
    end: int,
    alive: NDArray[np.bool_],
    queries: Hashes,
    limits: Limits,
    inverted_limits: Limits,
    found: Pairs,
    inverted: NDArray[np.bool_],
) -> int:
    """How many pairs there are; those that ``found`` has room for are written."""
    count = 0
    for start in range(0, end, _BLOCK):
        stop = min(start + _BLOCK, end)
        for query in range(queries.shape[1]):
            if limits[query] < 0 and inverted_limits[query] < 0:
                continue
            if _count_near(words, start, stop, queries, query, limits[query], inverted_limits[query]):
                count = _collect(
                    words,
                    start,
                    stop,
                    alive,
                    queries,
                    query,
                    limits[query],
                    inverted_limits[query],
                    found,
                    inverted,
                    count,
                )
    return count


@kernel
def _count_near(
    words: Hashes, start: int, stop: int, queries: Hashes, query: int, limit: int, inverted_limit: int
) -> int | np.int64:
    """How many rows have a distance of at most the limit, or of at least 256 less the other; without branches."""
    first, second, third, fourth = queries[0, query], queries[1, query], queries[2, query], queries[3, query]
    firsts, seconds = words[0, start:stop], words[1, start:stop]
    thirds, fourths = words[2, start:stop], words[3, start:stop]
    beyond = np.uint64(limit + 1)
    gap = np.uint64(max(HASH_BITS - inverted_limit - limit - 1, 0))
    near = np.int64(0)
    for row in range(stop - start):
        distance = popcount(firsts[row] ^ first) + popcount(seconds[row] ^ second)
        distance += popcount(thirds[row] ^ third) + popcount(fourths[row] ^ fourth)
        near += distance - beyond >= gap
    return near


@kernel
def _collect(
    words: Hashes,
    start: int,
    stop: int,
    alive: NDArray[np.bool_],
    queries: Hashes,
    query: int,
    limit: int,
    inverted_limit: int,
    found: Pairs,
    inverted: NDArray[np.bool_],
    count: int,
) -> int:
    for row in range(start, stop):
        distance = np.int64(0)
        for word in range(4):
            distance += np.int64(popcount(words[word, row] ^ queries[word, query]))
        for complement in range(2):
            away = HASH_BITS - distance if complement else distance
            if away > (inverted_limit if complement else limit) or not alive[row]:
                continue
            if count < len(inverted):
                found.queries[count] = query
                found.rows[count] = row
                found.distances[count] = away
                inverted[count] = complement == 1
            count += 1
    return count
