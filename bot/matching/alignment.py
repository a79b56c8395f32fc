"""Looks at a query where an entry should lie in it, and compares what is there with the entry's grid.

Each cell of the entry's grid is averaged over the part of the query's plane that the transform lays it on. The plane's
integral (summed areas) gives the mean over any upright rectangle in constant time, so that a cell is as smooth as a
cell of the entry's own grid whether the picture is large or small in the query.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .grid import (
    CELLS,
    LARGEST_SIDE,
    Agreement,
    agreement_of,
    check_plane,
    compare_words,
    pack,
    visible_steps,
    words_of,
)
from .kernels import kernel
from .transforms import image_of, jacobian

SAMPLES = 4
"""Samples along each axis of a cell."""

_LEAST_VISIBLE = 0.9
"""Share of a cell's samples that must lie in the plane for the cell to be visible."""

_LARGEST = 1e9
"""Entries of a transform beyond it map no picture onto another."""

_SIGNS = np.uint64(0xFFFF_FFFF)


def align(
    plane: NDArray[np.uint8],
    scale: float,
    matrix: NDArray[np.float64],
    frame: tuple[int, int],
    grid: bytes,
    *,
    inverted: bool = False,
) -> Agreement:
    """Compare a query with an entry's grid under a transform.

    ``matrix``, float64 (3, 3), leads from the entry's ``frame``, (width, height) in pixels, to a query plane (see
    :class:`~bot.matching.geometry.Fit`), and ``plane``, uint8 (height, width), is that plane at ``scale`` times its
    size. With ``inverted`` the query is held to be a negative of the entry. Raises ValueError for a wrong type or
    shape. Numbers that are not finite make nothing visible.
    """
    check_plane(plane)
    if matrix.shape != (3, 3) or matrix.dtype != np.float64:
        raise ValueError(f"a transform is float64 (3, 3), not {matrix.dtype} {matrix.shape}")
    if not 1 <= min(frame) <= max(frame) <= LARGEST_SIDE:
        raise ValueError(f"a frame's sides are 1 to {LARGEST_SIDE} pixels, not {frame}")
    entry = words_of(grid)
    counts = _align(np.ascontiguousarray(plane), float(scale), np.ascontiguousarray(matrix), *frame, entry, inverted)
    return agreement_of(*counts)


@kernel
def _align(
    plane: NDArray[np.uint8],
    scale: float,
    matrix: NDArray[np.float64],
    width: int,
    height: int,
    entry: NDArray[np.uint64],
    inverted: bool,
) -> tuple[int, int, float, float, int]:
    to_plane = _cell_transform(matrix, scale, width, height)
    for i in range(3):
        for j in range(3):
            if not abs(to_plane[i, j]) <= _LARGEST:
                return 0, 0, 0.0, 0.0, 0
    cells, visible = _sampled(_integral(plane), to_plane)
    query = pack(cells, 1.0)
    if inverted:
        query ^= _SIGNS
    return compare_words(query, entry, visible_steps(visible))


@kernel
def _cell_transform(matrix: NDArray[np.float64], scale: float, width: int, height: int) -> NDArray[np.float64]:
    """The transform from cells, counted from the entry's corner, to the plane, in pixels from its corner."""
    transform = np.empty((3, 3), np.float64)
    for i in range(3):
        transform[i, 0] = matrix[i, 0] * width / CELLS
        transform[i, 1] = matrix[i, 1] * height / CELLS
        # Pixel centres lie half a pixel from the corner, on either side of the given transform.
        transform[i, 2] = matrix[i, 2] - 0.5 * matrix[i, 0] - 0.5 * matrix[i, 1]
    for j in range(3):
        transform[0, j] = scale * (transform[0, j] + 0.5 * transform[2, j])
        transform[1, j] = scale * (transform[1, j] + 0.5 * transform[2, j])
    return transform


@kernel
def _integral(plane: NDArray[np.uint8]) -> NDArray[np.int64]:
    height, width = plane.shape
    integral = np.zeros((height + 1, width + 1), np.int64)
    for y in range(height):
        total = 0
        above, here, line = integral[y], integral[y + 1], plane[y]
        for x in range(width):
            total += line[x]
            here[x + 1] = above[x + 1] + total
    return integral


@kernel
def _sampled(
    integral: NDArray[np.int64], to_plane: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The mean luminance of each cell, float64 (CELLS, CELLS), and whether it is visible, bool (CELLS, CELLS)."""
    height, width = float(integral.shape[0] - 1), float(integral.shape[1] - 1)
    cells = np.zeros((CELLS, CELLS), np.float64)
    visible = np.zeros((CELLS, CELLS), np.bool_)
    for row in range(CELLS):
        for column in range(CELLS):
            reach_x, reach_y = _reach(to_plane, column + 0.5, row + 0.5)
            inside, total = 0, 0.0
            for k in range(SAMPLES * SAMPLES):
                u = column + (k % SAMPLES + 0.5) / SAMPLES
                v = row + (k // SAMPLES + 0.5) / SAMPLES
                in_front, x, y = image_of(to_plane, u, v)
                inside += in_front and 0 <= x <= width and 0 <= y <= height
                x, y = min(max(x, 0.0), width), min(max(y, 0.0), height)
                left, right = max(x - reach_x, 0.0), min(x + reach_x, width)
                top, bottom = max(y - reach_y, 0.0), min(y + reach_y, height)
                mass = _sum_to(integral, right, bottom) - _sum_to(integral, left, bottom)
                mass += _sum_to(integral, left, top) - _sum_to(integral, right, top)
                total += mass / ((right - left) * (bottom - top))
            cells[row, column] = total / (SAMPLES * SAMPLES)
            visible[row, column] = inside > _LEAST_VISIBLE * SAMPLES * SAMPLES
    return cells, visible


@kernel
def _reach(to_plane: NDArray[np.float64], u: float, v: float) -> tuple[float, float]:
    """Half the sides of the upright rectangle, of a pixel at least, that spreads as far as a sample at (u, v) does."""
    a, b, c, d = jacobian(to_plane, u, v)
    return max(1.0, np.hypot(a, b) / SAMPLES) / 2, max(1.0, np.hypot(c, d) / SAMPLES) / 2


@kernel
def _sum_to(integral: NDArray[np.int64], x: float, y: float) -> float:
    """The luminance above and left of a point within the plane; whole pixels are even squares."""
    column, row = min(int(x), integral.shape[1] - 2), min(int(y), integral.shape[0] - 2)
    right, below = x - column, y - row
    upper = (1 - right) * integral[row, column] + right * integral[row, column + 1]
    lower = (1 - right) * integral[row + 1, column] + right * integral[row + 1, column + 1]
    return (1 - below) * upper + below * lower
