"""Local features of many views in flat arrays, sorted by word: what the inverted index is made of.

A segment never changes. It is built from views by counting sort, or from two older segments by merging. A feature takes
24 bytes: two columns of 64 secret bits, a tag (the number of its view and the mirror bit) and a packed point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .kernels import kernel
from .packing import LocalView
from .words import WORDS

BLOCK = 32
"""Features that a search compares at once. Signature columns are longer by one block, so that it may start anywhere."""

_BATCH = 256  # views at a time: what is copied on the way stays small


@dataclass(frozen=True, slots=True)
class Segment:
    """Features sorted by word. Those of word w stand at starts[w] to starts[w + 1]; n of them in all.

    ``tags`` hold twice the number of the view, and one more where the descriptor is that of the mirrored patch.
    """

    starts: NDArray[np.uint32]  # (WORDS + 1,)
    first: NDArray[np.uint64]  # (n + BLOCK,)
    second: NDArray[np.uint64]  # (n + BLOCK,)
    tags: NDArray[np.uint32]  # (n,)
    points: NDArray[np.uint32]  # (n,)

    def __len__(self) -> int:
        return len(self.tags)

    @property
    def bytes(self) -> int:
        """Memory of the arrays."""
        return sum(array.nbytes for array in (self.starts, self.first, self.second, self.tags, self.points))


def build(views: Sequence[LocalView], first_number: int = 0) -> Segment:
    """A segment of views that are numbered from ``first_number`` on, given in the order of their numbers."""
    starts = np.zeros(WORDS + 1, np.uint32)
    batches = [views[start : start + _BATCH] for start in range(0, len(views), _BATCH)]
    for batch in batches:
        _count(np.concatenate([view.words for view in batch]), starts)
    np.cumsum(starts, out=starts)
    segment = _empty(starts)
    ends = starts[:-1].copy()
    number = first_number
    for batch in batches:
        numbers = np.repeat(np.arange(number, number + len(batch)), [len(view.words) for view in batch])
        tags = (2 * numbers + np.concatenate([view.mirrored for view in batch])).astype(np.uint32)
        _scatter(
            np.concatenate([view.words for view in batch]),
            np.concatenate([view.signatures for view in batch]),
            tags,
            np.concatenate([view.points for view in batch]),
            ends,
            segment.first,
            segment.second,
            segment.tags,
            segment.points,
        )
        number += len(batch)
    return segment


def merge(one: Segment, other: Segment, numbers: NDArray[np.int64]) -> Segment:
    """Both segments in one, with view v numbered numbers[v] from now on, and left out where that is negative."""
    starts = np.zeros(WORDS + 1, np.uint32)
    _count_kept(one.starts, one.tags, numbers, starts)
    _count_kept(other.starts, other.tags, numbers, starts)
    np.cumsum(starts, out=starts)
    merged = _empty(starts)
    ends = starts[:-1].copy()
    for part in (one, other):
        _append(
            part.starts,
            part.first,
            part.second,
            part.tags,
            part.points,
            numbers,
            ends,
            merged.first,
            merged.second,
            merged.tags,
            merged.points,
        )
    return merged


def occurrences(segment: Segment, chosen: NDArray[np.int64]) -> NDArray[np.uint32]:
    """How many features of the views v with chosen[v] >= 0 each word has, (WORDS,)."""
    counts = np.zeros(WORDS + 1, np.uint32)
    _count_kept(segment.starts, segment.tags, chosen, counts)
    return counts[1:]


def _empty(starts: NDArray[np.uint32]) -> Segment:
    """Arrays for as many features as the starts say; the rest of the last block is zero."""
    count = int(starts[-1])
    columns = np.empty(count + BLOCK, np.uint64), np.empty(count + BLOCK, np.uint64)
    for column in columns:
        column[count:] = 0
    return Segment(starts, *columns, np.empty(count, np.uint32), np.empty(count, np.uint32))


@kernel
def _count(words: NDArray[np.uint16], counts: NDArray[np.uint32]) -> None:
    """Count the features of each word one place further on, so that a running sum gives the starts."""
    for word in words:
        counts[np.int64(word) + 1] += 1


@kernel
def _scatter(
    words: NDArray[np.uint16],
    signatures: NDArray[np.uint64],
    tags: NDArray[np.uint32],
    points: NDArray[np.uint32],
    ends: NDArray[np.uint32],
    to_first: NDArray[np.uint64],
    to_second: NDArray[np.uint64],
    to_tags: NDArray[np.uint32],
    to_points: NDArray[np.uint32],
) -> None:
    for row in range(words.shape[0]):
        word = words[row]
        place = ends[word]
        to_first[place] = signatures[row, 0]
        to_second[place] = signatures[row, 1]
        to_tags[place] = tags[row]
        to_points[place] = points[row]
        ends[word] = place + np.uint32(1)


@kernel
def _count_kept(
    starts: NDArray[np.uint32], tags: NDArray[np.uint32], numbers: NDArray[np.int64], counts: NDArray[np.uint32]
) -> None:
    for word in range(starts.shape[0] - 1):
        kept = 0
        for place in range(starts[word], starts[word + 1]):
            kept += numbers[tags[place] >> 1] >= 0
        counts[word + 1] += kept


@kernel
def _append(
    starts: NDArray[np.uint32],
    first: NDArray[np.uint64],
    second: NDArray[np.uint64],
    tags: NDArray[np.uint32],
    points: NDArray[np.uint32],
    numbers: NDArray[np.int64],
    ends: NDArray[np.uint32],
    to_first: NDArray[np.uint64],
    to_second: NDArray[np.uint64],
    to_tags: NDArray[np.uint32],
    to_points: NDArray[np.uint32],
) -> None:
    for word in range(starts.shape[0] - 1):
        end = np.int64(ends[word])
        for place in range(starts[word], starts[word + 1]):
            tag = tags[place]
            number = numbers[tag >> 1]
            if number >= 0:
                to_first[end] = first[place]
                to_second[end] = second[place]
                to_tags[end] = (number << 1) | np.int64(tag & np.uint32(1))
                to_points[end] = points[place]
                end += 1
        ends[word] = end
