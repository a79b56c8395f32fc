"""The gradient-sign grid: a picture's layout in 136 bytes, to tell a copy from a lookalike once both are aligned.

The luminance is averaged over 17 x 17 cells. A *step* is the difference between two neighbouring cells: 17 rows of 16
steps to the right and 17 columns of 16 steps downward, 544 in all. The grid keeps the sign of every step and whether
it is reliable, which is to say large enough to survive compression. Colour, brightness and contrast do not matter,
while unrelated pictures agree about as coins do. Rows and columns are alike, so that the grid of a mirrored or turned
picture follows from the picture's grid.

A grid is 17 little-endian words of 64 bits. In word ``k``, bit ``i`` of each 16-bit quarter stands for a step between
the cells ``i`` and ``i + 1``; from the lowest quarter: the signs of row ``k`` (1: brighter to the right), the signs of
column ``k`` (1: brighter downward), the reliability of row ``k`` and that of column ``k``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.model import Orientation

from .kernels import kernel, popcount

CELLS = 17
"""Cells along each axis."""

STEPS = 16
"""Steps between the cells of one row or column."""

GRID_BITS = 2 * CELLS * STEPS
GRID_BYTES = 8 * CELLS

LEAST_STEP = 1.5
"""Grey levels that a reliable step exceeds in any picture."""

RELATIVE_STEP = 0.35
"""Share of the median step that a reliable step exceeds."""

LARGEST_SIDE = 65_535
"""The longest side of a plane, in pixels. Keeps the sums of a column of pixels within 32 bits."""

TILES = 16
"""Tiles, four by four, whose agreement is counted one by one."""

_QUARTER = np.uint64(0xFFFF)
_SIGNS = np.uint64(0xFFFF_FFFF)
_RELIABILITY = np.uint64(32)
_COLUMN = np.uint64(16)
_NIBBLE = np.uint64(0xF)
_WORD = np.dtype("<u8")

_FLIPS: dict[Orientation, tuple[bool, bool, bool]] = {
    Orientation.UPRIGHT: (False, False, False),
    Orientation.MIRRORED: (False, True, False),
    Orientation.UPSIDE_DOWN_MIRRORED: (False, False, True),
    Orientation.TURNED_LEFT: (True, False, True),
    Orientation.UPSIDE_DOWN: (False, True, True),
    Orientation.TURNED_RIGHT: (True, True, False),
    Orientation.TRANSPOSED: (True, False, False),
    Orientation.TRANSVERSED: (True, True, True),
}
"""How to make an orientation: transpose, then mirror left to right, then mirror top to bottom."""


class Agreement(NamedTuple):
    """How far a query shows what an entry shows, by the steps that are reliable in the entry and visible in the query.

    ``agreement`` is the share of these steps with the same sign, ``bits`` their number and ``significance`` the
    deviations, (2 * agreement - 1) * sqrt(bits), by which that many coins would be off. ``visible`` is the share of
    the entry's informative area that the query shows, and ``coverage`` the share of it that is shown and agrees.
    """

    agreement: float
    coverage: float
    visible: float
    bits: int
    significance: float


class Information(NamedTuple):
    """What a grid can be told by: its reliable steps, of GRID_BITS, and its informative tiles, of TILES."""

    bits: int
    tiles: int


def grid_of(plane: NDArray[np.uint8]) -> bytes:
    """The grid of a luminance plane, uint8 (height, width), each side from 1 to LARGEST_SIDE pixels.

    Cells are exact averages over areas; pixels that straddle cells count by their share, and a plane of fewer pixels
    than cells counts as squares of even luminance. Raises ValueError for any other array.
    """
    check_plane(plane)
    return _packed_grid(np.ascontiguousarray(plane)).astype(_WORD, copy=False).tobytes()


def oriented(grid: bytes, orientation: Orientation) -> bytes:
    """The grid of the picture in this orientation, from the grid of the upright one. Exact.

    A query that lies in an orientation relative to an entry has the entry's grid in that orientation.
    """
    transposed, mirrored, flipped = _FLIPS[orientation]
    return _reoriented(words_of(grid), transposed, mirrored, flipped).astype(_WORD, copy=False).tobytes()


def inverted(grid: bytes) -> bytes:
    """The grid of the picture with its luminance inverted: all signs complemented, the same steps reliable."""
    return (words_of(grid) ^ _SIGNS).astype(_WORD, copy=False).tobytes()


def informative(grid: bytes) -> Information:
    """How much there is to compare. A picture with little of it agrees with too many others."""
    return Information(*_information(words_of(grid)))


def compare(query: bytes, entry: bytes, visible: NDArray[np.bool_] | None = None) -> Agreement:
    """Compare a query with an entry of the same orientation and extent.

    ``visible``, bool (CELLS, CELLS), names the cells of the entry that the query shows; None stands for all of them.
    A step is visible when both of its cells are. Raises ValueError for arrays or grids of another size.
    """
    if visible is None:
        return agreement_of(*compare_words(words_of(query), words_of(entry), _EVERYTHING))
    if visible.shape != (CELLS, CELLS) or visible.dtype != np.bool_:
        raise ValueError(f"visible cells are bool ({CELLS}, {CELLS}), not {visible.dtype} {visible.shape}")
    steps = visible_steps(np.ascontiguousarray(visible))
    return agreement_of(*compare_words(words_of(query), words_of(entry), steps))


def agreement_of(agreeing: int, bits: int, shown: float, good: float, tiles: int) -> Agreement:
    """The shares, from what :func:`compare_words` counted. Nothing to compare counts as no agreement at all."""
    if not bits:
        return Agreement(0.0, 0.0, 0.0, 0, 0.0)
    agreement, every = agreeing / bits, max(tiles, 1)
    return Agreement(agreement, good / every, shown / every, bits, (2 * agreement - 1) * math.sqrt(bits))


def words_of(grid: bytes) -> NDArray[np.uint64]:
    """A grid as uint64 (CELLS,), read only. Raises ValueError unless it is GRID_BYTES long."""
    if len(grid) != GRID_BYTES:
        raise ValueError(f"a grid is {GRID_BYTES} bytes, not {len(grid)}")
    return np.frombuffer(grid, _WORD).astype(np.uint64, copy=False)


def check_plane(plane: NDArray[np.uint8]) -> None:
    """Raise ValueError unless this is a luminance plane, uint8 (height, width), of 1 to LARGEST_SIDE pixels a side."""
    if plane.ndim != 2 or plane.dtype != np.uint8 or not 1 <= min(plane.shape) <= max(plane.shape) <= LARGEST_SIDE:
        raise ValueError(f"a luminance plane is uint8 (height, width), not {plane.dtype} {plane.shape}")


@kernel
def area_sums(plane: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The sums over 17 x 17 equal areas of a plane, in units of 1/289 of a pixel's area: whole numbers, so exact.

    An area's mean is its sum divided by the number of pixels of the whole plane.
    """
    height, width = plane.shape
    sums = np.zeros((CELLS, CELLS), np.float64)
    columns = np.empty(width, np.uint32)
    for row in range(CELLS):
        # In units of 1/17 of a pixel a cell is `height` long and a pixel 17, so that every overlap is a whole number.
        start, stop = row * height, (row + 1) * height
        columns[:] = 0
        for y in range(start // CELLS, (stop - 1) // CELLS + 1):
            weight = np.uint32(min(stop, (y + 1) * CELLS) - max(start, y * CELLS))
            line = plane[y]
            for x in range(width):
                columns[x] += weight * np.uint32(line[x])
        for column in range(CELLS):
            left, right = column * width, (column + 1) * width
            total = 0
            for x in range(left // CELLS, (right - 1) // CELLS + 1):
                total += (min(right, (x + 1) * CELLS) - max(left, x * CELLS)) * np.int64(columns[x])
            sums[row, column] = total
    return sums


@kernel
def pack(cells: NDArray[np.float64], unit: float) -> NDArray[np.uint64]:
    """The words of a grid, from the luminance of its cells, float64 (CELLS, CELLS), ``unit`` to a grey level."""
    steps = np.empty((2, CELLS, STEPS), np.float64)
    for k in range(CELLS):
        for i in range(STEPS):
            steps[0, k, i] = (cells[k, i + 1] - cells[k, i]) / unit
            steps[1, k, i] = (cells[i + 1, k] - cells[i, k]) / unit
    sizes = np.sort(np.abs(steps).ravel())
    median = (sizes[GRID_BITS // 2 - 1] + sizes[GRID_BITS // 2]) / 2
    least = max(LEAST_STEP, RELATIVE_STEP * median)
    words = np.zeros(CELLS, np.uint64)
    for k in range(CELLS):
        word = np.uint64(0)
        for axis in range(2):
            for i in range(STEPS):
                step = steps[axis, k, i]
                rises = step > 0
                if step == 0:
                    # A flat place has to be counted somehow. This chequered pattern resembles no picture and is the
                    # same in all orientations.
                    rises = ((min(k, CELLS - 1 - k) + min(i, STEPS - 1 - i)) & 1 == 1) != (i >= STEPS // 2)
                bit = np.uint64(STEPS * axis + i)
                word |= np.uint64(rises) << bit
                word |= np.uint64(abs(step) > least) << (bit + _RELIABILITY)
        words[k] = word
    return words


@kernel
def visible_steps(cells: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """The visible steps, in the places of their signs, given the visible cells as bool (CELLS, CELLS)."""
    words = np.zeros(CELLS, np.uint64)
    for k in range(CELLS):
        for i in range(STEPS):
            words[k] |= np.uint64(cells[k, i] and cells[k, i + 1]) << np.uint64(i)
            words[k] |= np.uint64(cells[i, k] and cells[i + 1, k]) << np.uint64(STEPS + i)
    return words


@kernel
def compare_words(
    query: NDArray[np.uint64], entry: NDArray[np.uint64], visible: NDArray[np.uint64]
) -> tuple[int, int, float, float, int]:
    """Count the agreeing and the compared steps, the visible, the good and the informative tiles of two grids.

    A tile is informative when a quarter of its steps are reliable in the entry. It is visible as far as these are, and
    good to the same share when at least a quarter of them are visible and 78 % of the visible ones agree.
    """
    reliable = np.empty(CELLS, np.uint64)
    compared = np.empty(CELLS, np.uint64)
    agreeing = np.empty(CELLS, np.uint64)
    bits = same = 0
    for k in range(CELLS):
        reliable[k] = entry[k] >> _RELIABILITY
        compared[k] = reliable[k] & visible[k]
        agreeing[k] = compared[k] & ~(query[k] ^ entry[k])
        bits += _ones(compared[k])
        same += _ones(agreeing[k])
    tiles = 0
    shown = good = 0.0
    for row in range(4):
        for column in range(4):
            informative_bits, size = _tile(reliable, row, column)
            if 4 * informative_bits < size:
                continue
            tiles += 1
            seen = _tile(compared, row, column)[0]
            shown += seen / informative_bits
            if 4 * seen >= informative_bits and 100 * _tile(agreeing, row, column)[0] >= 78 * seen:
                good += seen / informative_bits
    return same, bits, shown, good, tiles


@kernel
def _tile(steps: NDArray[np.uint64], row: int, column: int) -> tuple[int, int]:
    # A tile spans four steps along each axis. Across, the 17 lines are split 4, 4, 1, 4, 4, and the middle one belongs
    # to both sides.
    count = size = 0
    for k in range(4 * row + (row > 2), 4 * row + 4 + (row > 0)):
        count += _ones((steps[k] >> np.uint64(4 * column)) & _NIBBLE)
        size += 4
    for k in range(4 * column + (column > 2), 4 * column + 4 + (column > 0)):
        count += _ones((steps[k] >> np.uint64(STEPS + 4 * row)) & _NIBBLE)
        size += 4
    return count, size


@kernel
def _packed_grid(plane: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return pack(area_sums(plane), np.float64(plane.size))


@kernel
def _information(words: NDArray[np.uint64]) -> tuple[int, int]:
    reliable = words >> _RELIABILITY
    bits = tiles = 0
    for k in range(CELLS):
        bits += _ones(reliable[k])
    for row in range(4):
        for column in range(4):
            count, size = _tile(reliable, row, column)
            tiles += 4 * count >= size
    return bits, tiles


@kernel
def _ones(word: np.uint64) -> int:
    return int(np.int64(popcount(word)))  # numba turns the sum of an int64 and a uint64 into a float


@kernel
def _reversed(quarter: np.uint64) -> np.uint64:
    bits = np.uint64(0)
    for i in range(STEPS):
        bits |= ((quarter >> np.uint64(i)) & np.uint64(1)) << np.uint64(STEPS - 1 - i)
    return bits


@kernel
def _reoriented(words: NDArray[np.uint64], transposed: bool, mirrored: bool, flipped: bool) -> NDArray[np.uint64]:
    turned = np.empty(CELLS, np.uint64)
    for k in range(CELLS):
        word = np.uint64(0)
        for axis in range(2):
            across, along = (flipped, mirrored) if axis == 0 else (mirrored, flipped)
            source = words[CELLS - 1 - k if across else k] >> np.uint64(STEPS * (1 - axis if transposed else axis))
            signs, reliable = source & _QUARTER, (source >> _RELIABILITY) & _QUARTER
            if along:
                signs, reliable = _reversed(signs ^ _QUARTER), _reversed(reliable)
            word |= signs << np.uint64(STEPS * axis)
            word |= reliable << (np.uint64(STEPS * axis) + _RELIABILITY)
        turned[k] = word
    return turned


_EVERYTHING = np.full(CELLS, _SIGNS, np.uint64)
