"""Exact look-up of 256-bit hashes in Hamming space by multi-index hashing, for lists too long to scan.

A hash is cut into 16 chunks of 16 bits, and for every chunk the rows are sorted by its value. The bits in which two
hashes differ are spread over the chunks, so in some chunk they are few, and the rows that differ in few bits of this
chunk are found by trying every such value of it (Norouzi, Punjani and Fleet, "Fast exact search in Hamming space with
multi-index hashing", 2014).

Most rows found through a chunk are unrelated. They are told apart by a signature that lies beside them in the same
order, the two chunks that follow. Let chunk i be allowed t[i] bits, and all chunks together limit - 15. For every
hash within the limit there is then a chunk from where on, around the end, every run of n chunks differs in at most
the sum of their t plus n - 1 bits (the pigeonring principle; Qin and Xiao, "Pigeonring: a principle for faster
thresholded similarity search", 2018). With three chunks and a limit of 31 one unrelated row of 20,000 passes, and the
hash itself need be fetched for no other.

Memory, beside the hashes: 128 bytes a row, and 4 MB.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .hash_scan import Pairs
from .kernels import kernel, popcount, prefetch
from .lanes import LANES, lowest_bit, near_lanes

CHUNKS = 16
_VALUES = 1 << 16
_MOST_CHANGED = 3
_PENDING = 2048  # candidates of one query in one chunk
_FIRST_CAPACITY = 1 << 14

MOST_LIMIT = CHUNKS * (_MOST_CHANGED + 1) - 1
"""The greatest distance that can be looked up, in bits."""


def _masks() -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """All ways to change up to 3 bits of a chunk, the fewest first, and how many change fewer than 0, 1, ... 4 bits."""
    values = np.arange(_VALUES, dtype=np.uint16)
    changed = np.bitwise_count(values)
    order = np.argsort(changed, kind="stable")
    fewer = np.searchsorted(changed[order], np.arange(_MOST_CHANGED + 2))
    return values[order][: fewer[-1]], fewer.astype(np.int64)


def _allowances() -> NDArray[np.int64]:
    """Bits that each chunk may differ in, by limit: (MOST_LIMIT + 1, 16). At -1 a chunk need not be looked at."""
    limits = np.arange(MOST_LIMIT + 1)[:, None]
    base, extra = np.divmod(limits - (CHUNKS - 1), CHUNKS)
    place = np.arange(CHUNKS)[None]
    return base + (place + 1) * extra // CHUNKS - place * extra // CHUNKS


_MASKS, _FEWER = _masks()
_ALLOWANCES = _allowances()

PROBES = _FEWER[_ALLOWANCES + 1].sum(axis=1)
"""How many values are tried, by limit: 272 for 31 bits, 2,192 for 47 bits, 7,232 for 56 bits."""


class MultiIndex(NamedTuple):
    """The rows in the order of every chunk."""

    words: NDArray[np.uint64]
    """(4, rows): the hashes in their own order."""
    starts: NDArray[np.uint32]
    """(16, 65,537): where the rows with a value of a chunk start."""
    signatures: NDArray[np.uint32]
    """(16, rows + 16): the two chunks that follow, padded so that 16 can be read from anywhere."""
    numbers: NDArray[np.uint32]
    """(16, rows): the numbers of the rows."""

    @property
    def nbytes(self) -> int:
        """Memory of the arrays beside the hashes."""
        return self.starts.nbytes + self.signatures.nbytes + self.numbers.nbytes


def build(words: NDArray[np.uint64]) -> MultiIndex:
    """Sort hashes given as a contiguous array (4, rows) of at most 2**32 - 1 rows; it is kept, not copied."""
    rows = words.shape[1]
    starts = np.zeros((CHUNKS, _VALUES + 1), np.uint32)
    signatures = np.zeros((CHUNKS, rows + LANES), np.uint32)
    numbers = np.empty((CHUNKS, rows), np.uint32)
    for chunk in range(CHUNKS):
        _sort(words, chunk, starts[chunk], signatures[chunk], numbers[chunk])
    return MultiIndex(words, starts, signatures, numbers)


def look_up(
    index: MultiIndex, queries: NDArray[np.uint64], limits: NDArray[np.int64], alive: NDArray[np.bool_]
) -> tuple[Pairs, NDArray[np.bool_]]:
    """Every pair of a query and a living row within the query's limit; and the queries that were given up.

    Queries as a contiguous array (4, n), limits (n,) up to MOST_LIMIT and below 0 for a query to leave out, ``alive``
    contiguous with one place a row. A query with so many candidates that a scan is faster is given up: True in the
    second array, and without pairs in the first.
    """
    budget = _PENDING + index.words.shape[1] // 256
    capacity = _FIRST_CAPACITY
    while True:
        pairs = Pairs.room(capacity)
        work = np.zeros(len(limits), np.int64)
        count = _look_up(index, queries, limits, alive, _ALLOWANCES, _MASKS, _FEWER, work, budget, pairs)
        if count <= capacity:
            break
        capacity = count
    given_up = work > budget
    pairs = pairs.first(count)
    if given_up.any():
        kept = ~given_up[pairs.queries]
        pairs = Pairs(pairs.queries[kept], pairs.rows[kept], pairs.distances[kept])
    return pairs, given_up


@kernel
def _chunk(words: NDArray[np.uint64], row: int | np.int64, chunk: int) -> np.int64:
    place = chunk & 15
    return np.int64((words[place >> 2, row] >> np.uint64(16 * (place & 3))) & np.uint64(0xFFFF))


@kernel
def _signature(words: NDArray[np.uint64], row: int | np.int64, chunk: int) -> np.uint32:
    return np.uint32(_chunk(words, row, chunk + 1) | (_chunk(words, row, chunk + 2) << 16))


@kernel
def _bound(allowed: NDArray[np.int64], chunk: int) -> int:
    """Bits in which a chunk and the two that follow may differ together."""
    return allowed[chunk] + allowed[(chunk + 1) & 15] + allowed[(chunk + 2) & 15] + 2


@kernel
def _sort(
    words: NDArray[np.uint64],
    chunk: int,
    starts: NDArray[np.uint32],
    signatures: NDArray[np.uint32],
    numbers: NDArray[np.uint32],
) -> None:
    """A counting sort; ``starts`` comes as zeros."""
    rows = words.shape[1]
    for row in range(rows):
        starts[_chunk(words, row, chunk) + 1] += np.uint32(1)
    for value in range(1, len(starts)):
        starts[value] += starts[value - 1]
    ends = starts[:-1].copy()
    for row in range(rows):
        value = _chunk(words, row, chunk)
        place = ends[value]
        ends[value] = place + np.uint32(1)
        signatures[place] = _signature(words, row, chunk)
        numbers[place] = np.uint32(row)


@kernel
def _look_up(
    index: MultiIndex,
    queries: NDArray[np.uint64],
    limits: NDArray[np.int64],
    alive: NDArray[np.bool_],
    allowances: NDArray[np.int64],
    masks: NDArray[np.uint16],
    fewer: NDArray[np.int64],
    work: NDArray[np.int64],
    budget: int,
    found: Pairs,
) -> int:
    """How many pairs there are; those that ``found`` has room for are written. One chunk at a time stays in cache."""
    count = 0
    total = queries.shape[1]
    pending = np.empty(_PENDING, np.int64)
    for chunk in range(16):
        starts = index.starts[chunk]
        signatures = index.signatures[chunk]
        for query in range(total):
            following = query + 1
            if following < total and limits[following] >= 0:
                probed = fewer[allowances[limits[following], chunk] + 1]
                _ask(starts, signatures, _chunk(queries, following, chunk), masks[:probed])
            if limits[query] < 0 or work[query] > budget:
                continue
            allowed = allowances[limits[query]]
            candidates = _candidates(starts, signatures, queries, query, chunk, allowed, masks, fewer, pending)
            if candidates > len(pending):
                work[query] = budget + 1
                continue
            work[query] += candidates
            count = _confirm(
                index, queries, query, chunk, limits[query], allowed, alive, pending[:candidates], found, count
            )
    return count


@kernel
def _ask(
    starts: NDArray[np.uint32], signatures: NDArray[np.uint32], value: np.int64, masks: NDArray[np.uint16]
) -> None:
    """Prefetch what the next query will read, while this one is looked up: else most of the time is spent waiting."""
    for mask in range(len(masks)):
        start = np.int64(starts[value ^ np.int64(masks[mask])])
        prefetch(signatures, start)
        prefetch(signatures, start + 15)


@kernel
def _candidates(
    starts: NDArray[np.uint32],
    signatures: NDArray[np.uint32],
    queries: NDArray[np.uint64],
    query: int,
    chunk: int,
    allowed: NDArray[np.int64],
    masks: NDArray[np.uint16],
    fewer: NDArray[np.int64],
    pending: NDArray[np.int64],
) -> int:
    """Put the places of rows with a near signature into ``pending``: their number, or more than it has room for."""
    count = 0
    value = _chunk(queries, query, chunk)
    signature = _signature(queries, query, chunk)
    bound = _bound(allowed, chunk)
    for changed in range(allowed[chunk] + 1):
        most = np.uint32(max(bound - changed, 0))
        for mask in range(fewer[changed], fewer[changed + 1]):
            probe = value ^ np.int64(masks[mask])
            place = np.int64(starts[probe])
            end = np.int64(starts[probe + 1])
            while place < end:
                near = near_lanes(signatures, place, signature, most)
                if end - place < 16:
                    near &= (np.uint64(1) << np.uint64(end - place)) - np.uint64(1)
                while near:
                    if count == len(pending):
                        return count + 1
                    pending[count] = place + lowest_bit(near)
                    count += 1
                    near &= near - np.uint64(1)
                place += 16
    return count


@kernel
def _confirm(
    index: MultiIndex,
    queries: NDArray[np.uint64],
    query: int,
    chunk: int,
    limit: int,
    allowed: NDArray[np.int64],
    alive: NDArray[np.bool_],
    pending: NDArray[np.int64],
    found: Pairs,
    count: int,
) -> int:
    """Compare candidates in full. A row found through several chunks counts for the first of them."""
    for candidate in range(len(pending)):
        row = np.int64(index.numbers[chunk, pending[candidate]])
        distance = np.int64(0)
        for word in range(4):
            distance += np.int64(popcount(index.words[word, row] ^ queries[word, query]))
        if distance > limit or not alive[row] or _first(index.words, row, queries, query, allowed) != chunk:
            continue
        if count < len(found.rows):
            found.queries[count] = query
            found.rows[count] = row
            found.distances[count] = distance
        count += 1
    return count


@kernel
def _first(
    words: NDArray[np.uint64], row: np.int64, queries: NDArray[np.uint64], query: int, allowed: NDArray[np.int64]
) -> int:
    """The first chunk through which a row is found; 16 if there is none."""
    this = _changed(words, row, queries, query, 0)
    following = _changed(words, row, queries, query, 1)
    for chunk in range(16):
        last = _changed(words, row, queries, query, chunk + 2)
        if this <= allowed[chunk] and this + following + last <= _bound(allowed, chunk):
            return chunk
        this, following = following, last
    return 16


@kernel
def _changed(words: NDArray[np.uint64], row: np.int64, queries: NDArray[np.uint64], query: int, chunk: int) -> np.int64:
    return np.int64(popcount(np.uint64(_chunk(words, row, chunk) ^ _chunk(queries, query, chunk))))
