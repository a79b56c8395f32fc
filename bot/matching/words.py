"""The visual vocabulary: which of 65,536 words a local descriptor belongs to.

A word is a 256-bit centre. The centres stand in two levels, 256 cells of 256 words each, so that the nearest words of a
descriptor are found among a few cells only (Nister and Stewenius, "Scalable recognition with a vocabulary tree", 2006,
here for binary descriptors and Hamming distance). The vocabulary was trained once on ordinary photographs, ships with
the program and is the same everywhere; it holds nothing of any picture that is blocked.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from .kernels import kernel, popcount

CELLS = 256
WORDS_PER_CELL = 256
WORDS = CELLS * WORDS_PER_CELL
DESCRIPTOR_WORDS = 4  # 256 bits as 64-bit numbers

_FILE = "vocabulary.npz"
_STORING_CELLS = 4
_LANES = 64
_NONE = np.uint32(0xFFFFFFFF)

Descriptors = NDArray[np.uint64]


class Vocabulary:
    """The centres of both levels, laid out for the search."""

    def __init__(self, coarse: NDArray[np.uint64], fine: NDArray[np.uint64]) -> None:
        """Take the centres of the cells, (256, 4), and of the words of each cell, (256, 256, 4).

        Raises ValueError for other shapes or types.
        """
        if coarse.shape != (CELLS, DESCRIPTOR_WORDS) or coarse.dtype != np.uint64:
            raise ValueError(f"The centres of the cells are 256 x 4 uint64, not {coarse.shape} {coarse.dtype}.")
        if fine.shape != (CELLS, WORDS_PER_CELL, DESCRIPTOR_WORDS) or fine.dtype != np.uint64:
            raise ValueError(f"The centres of the words are 256 x 256 x 4 uint64, not {fine.shape} {fine.dtype}.")
        self._coarse = np.ascontiguousarray(coarse.T)
        self._fine = np.ascontiguousarray(fine.transpose(0, 2, 1))

    def assign(self, descriptors: Descriptors) -> NDArray[np.uint16]:
        """The word that each descriptor is stored under: (n, 4) in, (n,) out."""
        return self.nearest(descriptors, _STORING_CELLS, 1)[:, 0]

    def nearest(self, descriptors: Descriptors, cells: int, words: int) -> NDArray[np.uint16]:
        """The ``words`` nearest words within the ``cells`` nearest cells of each descriptor, nearest first.

        (n, 4) in, (n, words) out. Of centres equally near the first counts: among cells that of the lower number, among
        words that of the nearer cell. Raises ValueError for other shapes or types and for numbers out of range.
        """
        descriptors = checked(descriptors)
        if not (1 <= cells <= CELLS and 1 <= words <= WORDS_PER_CELL):
            raise ValueError(f"From 1 to 256 cells and words can be asked for, not {cells} and {words}.")
        return _nearest(descriptors, self._coarse, self._fine, cells, words)


def checked(descriptors: Descriptors) -> Descriptors:
    """The descriptors as a contiguous array; ValueError unless they are (n, 4) uint64."""
    if descriptors.ndim != 2 or descriptors.shape[1] != DESCRIPTOR_WORDS or descriptors.dtype != np.uint64:
        raise ValueError(f"Descriptors are n x 4 uint64, not {descriptors.shape} {descriptors.dtype}.")
    return np.ascontiguousarray(descriptors)


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary that ships with the program, read at the first call."""
    file = resources.files("bot.matching").joinpath("data", _FILE)
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
        return Vocabulary(arrays["coarse"], arrays["fine"])


@kernel
def _nearest(
    descriptors: Descriptors, coarse: NDArray[np.uint64], fine: NDArray[np.uint64], cells: int, words: int
) -> NDArray[np.uint16]:
    count = descriptors.shape[0]
    found = np.empty((count, words), np.uint16)
    keys = np.empty(cells * 256, np.uint32)
    lanes = np.empty(_LANES, np.uint32)
    near_cells = np.empty(cells, np.uint32)
    near_words = np.empty(words, np.uint32)
    for row in range(count):
        one, two, three, four = descriptors[row]
        _distances(one, two, three, four, coarse, 0, keys[:256])
        _take_least(keys[:256], lanes, near_cells)
        for place in range(cells):
            start = place * 256
            _distances(one, two, three, four, fine[near_cells[place]], start, keys[start : start + 256])
        _take_least(keys, lanes, near_words)
        for place in range(words):
            label = near_words[place]
            found[row, place] = near_cells[label >> 8] * 256 + (label & 255)
    return found


@kernel
def _distances(
    one: int, two: int, three: int, four: int, centres: NDArray[np.uint64], label: int, keys: NDArray[np.uint32]
) -> None:
    """Distances of a descriptor to 256 centres in four columns, each above the 16 bits of its label."""
    first, second, third, fourth = centres[0], centres[1], centres[2], centres[3]
    for place in range(256):
        distance = (
            popcount(one ^ first[place])
            + popcount(two ^ second[place])
            + popcount(three ^ third[place])
            + popcount(four ^ fourth[place])
        )
        keys[place] = (distance << np.uint64(16)) | np.uint64(label + place)


@kernel
def _take_least(keys: NDArray[np.uint32], lanes: NDArray[np.uint32], labels: NDArray[np.uint32]) -> None:
    """The labels of the least keys, ascending; keys are overwritten. The label of a key is its place.

    A tournament without branches that the processor would have to guess: the least of every 64th key are kept, and
    each time one is taken only its own lane is gone through again.
    """
    lanes[:] = _NONE
    for start in range(0, keys.shape[0], _LANES):
        block = keys[start : start + _LANES]
        for lane in range(_LANES):
            lanes[lane] = min(lanes[lane], block[lane])
    for place in range(labels.shape[0]):
        least = _NONE
        for lane in range(_LANES):
            least = min(least, lanes[lane])
        label = least & np.uint32(0xFFFF)
        labels[place] = label
        keys[label] = _NONE
        lane = label % _LANES
        least = _NONE
        for other in range(lane, keys.shape[0], _LANES):
            least = min(least, keys[other])
        lanes[lane] = least
