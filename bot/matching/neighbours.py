"""Look-up of a query's descriptors in segments: the nearest stored features of each.

It runs as a kernel, without the GIL. What it finds does not depend on where a feature stands: of features equally near
the order is given by entry, view and point, so that no order of changes to the index shows in a result.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .kernels import kernel, popcount, prefetch
from .segments import BLOCK, Segment

NOTHING = 0xFFFFFFFF
"""The tag of a hit that is none."""

_CACHE_LINE = 8  # numbers of 64 bits
_AHEAD = 16 * _CACHE_LINE
_PROBES_AHEAD = 4


class Hits(NamedTuple):
    """The nearest stored features of each row of a query, nearest first: (rows, k) each.

    ``distances`` are beyond the limit where there are fewer than k. ``tags`` are those of segments, ``points`` packed.
    """

    distances: NDArray[np.uint32]
    tags: NDArray[np.uint32]
    points: NDArray[np.uint32]


def no_hits(rows: int, neighbours: int, limit: int) -> Hits:
    """Hits of a look-up that has not begun."""
    shape = rows, neighbours
    return Hits(
        np.full(shape, limit + 1, np.uint32), np.full(shape, NOTHING, np.uint32), np.full(shape, NOTHING, np.uint32)
    )


def look_up(
    segment: Segment,
    signatures: NDArray[np.uint64],
    words: NDArray[np.uint16],
    searched: NDArray[np.bool_],
    visible: NDArray[np.bool_],
    banks: NDArray[np.uint32],
    entries: NDArray[np.int64],
    hits: Hits,
) -> None:
    """Enter what the features of a segment add to the hits of the rows.

    A row looks through its ``words``, (rows, w), where ``searched``, (WORDS,), says so, at views v with
    visible[banks[v]], and keeps the nearest feature of each of the nearest views. Raises ValueError unless signatures
    (rows, 2), words and hits are of the same rows.
    """
    count = len(signatures)
    if signatures.shape != (count, 2) or signatures.dtype != np.uint64 or any(len(part) != count for part in hits):
        raise ValueError(f"{count} rows have signatures of shape {signatures.shape} and type {signatures.dtype}.")
    if words.ndim != 2 or len(words) != count or words.dtype != np.uint16:
        raise ValueError(f"{count} rows have words of shape {words.shape} and type {words.dtype}.")
    _look_up(
        segment.starts,
        segment.first,
        segment.second,
        segment.tags,
        segment.points,
        signatures,
        words,
        searched,
        visible,
        banks,
        entries,
        hits.distances,
        hits.tags,
        hits.points,
    )


@kernel
def _look_up(
    starts: NDArray[np.uint32],
    first: NDArray[np.uint64],
    second: NDArray[np.uint64],
    tags: NDArray[np.uint32],
    points: NDArray[np.uint32],
    signatures: NDArray[np.uint64],
    words: NDArray[np.uint16],
    searched: NDArray[np.bool_],
    visible: NDArray[np.bool_],
    banks: NDArray[np.uint32],
    entries: NDArray[np.int64],
    hit_distances: NDArray[np.uint32],
    hit_tags: NDArray[np.uint32],
    hit_points: NDArray[np.uint32],
) -> None:
    """Word by word, because many rows look into the same one, and it is in the cache then."""
    last = hit_distances.shape[1] - 1
    probes = words.shape[1]
    flat_words = words.ravel()
    order = _by_word(flat_words)
    for rank in range(order.shape[0]):
        word = flat_words[order[rank]]
        if rank + _PROBES_AHEAD < order.shape[0]:
            _prefetch_list(starts, first, second, int(flat_words[order[rank + _PROBES_AHEAD]]))
        if not searched[word]:
            continue
        row = order[rank] // probes
        one, two = signatures[row]
        limit = np.uint64(hit_distances[row, last])
        start, stop = np.int64(starts[word]), np.int64(starts[word + 1])
        for block in range(start, stop, BLOCK):
            if not _any_within(one, two, first[block : block + BLOCK], second[block : block + BLOCK], limit):
                continue
            for place in range(block, min(block + BLOCK, stop)):
                distance = popcount(one ^ first[place]) + popcount(two ^ second[place])
                if distance <= limit and visible[banks[tags[place] >> 1]]:
                    _enter(
                        np.uint32(distance),
                        tags[place],
                        points[place],
                        entries,
                        hit_distances[row],
                        hit_tags[row],
                        hit_points[row],
                    )
                    limit = np.uint64(hit_distances[row, last])


@kernel
def _by_word(words: NDArray[np.uint16]) -> NDArray[np.int64]:
    """The places of words in ascending order of the words: sorted by the low byte and then by the high one."""
    order = np.zeros(words.shape[0], np.int64)
    for place in range(words.shape[0]):
        order[place] = place
    for shift in (0, 8):
        ends = np.zeros(257, np.int64)
        for word in words:
            ends[(np.int64(word) >> shift & 255) + 1] += 1
        for byte in range(256):
            ends[byte + 1] += ends[byte]
        sorted_ = np.empty(words.shape[0], np.int64)
        for rank in range(words.shape[0]):
            place = order[rank]
            byte = np.int64(words[place]) >> shift & 255
            sorted_[ends[byte]] = place
            ends[byte] += 1
        order = sorted_
    return order


@kernel
def _prefetch_list(
    starts: NDArray[np.uint32], first: NDArray[np.uint64], second: NDArray[np.uint64], word: int
) -> None:
    """Ask for the first signatures of a word ahead of the comparison; the processor finds on by itself."""
    start = np.int64(starts[word])
    for place in range(start, min(np.int64(starts[word + 1]), start + _AHEAD), _CACHE_LINE):
        prefetch(first, place)
        prefetch(second, place)


@kernel
def _any_within(one: int, two: int, first: NDArray[np.uint64], second: NDArray[np.uint64], limit: np.uint64) -> bool:
    least = np.uint64(NOTHING)
    for place in range(BLOCK):
        least = min(least, popcount(one ^ first[place]) + popcount(two ^ second[place]))
    return bool(least <= limit)


@kernel
def _enter(
    distance: np.uint32,
    tag: np.uint32,
    point: np.uint32,
    entries: NDArray[np.int64],
    distances: NDArray[np.uint32],
    tags: NDArray[np.uint32],
    points: NDArray[np.uint32],
) -> None:
    """Enter a feature into the hits of a row, unless they hold a better one of its view or only better ones."""
    last = distances.shape[0] - 1
    free = last
    for place in range(last + 1):
        if tags[place] != NOTHING and tags[place] >> 1 == tag >> 1:
            free = place
            break
    if not _better(distance, tag, point, distances[free], tags[free], points[free], entries):
        return
    while free > 0 and _better(distance, tag, point, distances[free - 1], tags[free - 1], points[free - 1], entries):
        distances[free], tags[free], points[free] = distances[free - 1], tags[free - 1], points[free - 1]
        free -= 1
    distances[free], tags[free], points[free] = distance, tag, point


@kernel
def _better(
    distance: np.uint32,
    tag: np.uint32,
    point: np.uint32,
    other_distance: np.uint32,
    other_tag: np.uint32,
    other_point: np.uint32,
    entries: NDArray[np.int64],
) -> bool:
    """Whether a feature stands before another one: by distance, entry, view, point and mirror bit."""
    if distance != other_distance:
        return bool(distance < other_distance)
    if other_tag == NOTHING:
        return False
    if tag >> 1 != other_tag >> 1:
        entry, other_entry = entries[tag >> 1], entries[other_tag >> 1]
        return bool(entry < other_entry or (entry == other_entry and tag < other_tag))
    return bool(point < other_point or (point == other_point and tag < other_tag))
