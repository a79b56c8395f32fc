"""Where the features of a picture lie: FAST corners over a pyramid, the best of every region first.

The detector follows ORB (Rublee, Rabaud, Konolige, Bradski, ICCV 2011): segment test FAST-9 (Rosten and Drummond, ECCV
2006) on levels that shrink by 1.2, ranked by the response of Harris and Stephens. Two rules spread the chosen corners,
since a picture inset in another would otherwise get too few: at most two per 8x8 pixels of the plane over all levels,
then the strongest of every cell of an 8x8 grid in turn. Everything is symmetric: a mirrored picture has the mirrored
corners, and so has a picture of inverted colours.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .kernels import kernel

LEVELS = 10
FACTOR = 1.2
MARGIN = 19
"""Corners keep this distance in pixels from the border of their level, so that patches never reach beyond it."""

_THRESHOLD = 5
_GRID = 8
_CELL = 8
_PER_CELL = 2
_HARRIS_K = 0.04
_CANDIDATES = 5_000
_BLUR_SIGMA = 2.0

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]


class Pyramid(NamedTuple):
    """The levels of a plane, below one another in two arrays of the same shape, so that a kernel sees all of them.

    Level i is ``sharp[tops[i] : tops[i] + heights[i], : widths[i]]``; beside it lie undefined bytes.
    """

    sharp: Bytes
    blurred: Bytes
    tops: Integers
    heights: Integers
    widths: Integers


class Corners(NamedTuple):
    """Corners in pixels of their level, strongest of every region first; all arrays of shape (n,)."""

    level: Integers
    x: Integers
    y: Integers


def pyramid(plane: Bytes) -> Pyramid:
    """The levels of a plane that are large enough to hold a corner, maybe none."""
    import cv2  # here: the bot's own process compares features and extracts none

    height, width = plane.shape
    sizes = [(round(height / FACTOR**level), round(width / FACTOR**level)) for level in range(LEVELS)]
    sizes = [size for size in sizes if min(size) > 2 * MARGIN]
    heights = np.array([size[0] for size in sizes], np.int64)
    widths = np.array([size[1] for size in sizes], np.int64)
    tops = np.cumsum(heights) - heights
    sharp = np.empty((int(heights.sum()), width), np.uint8)
    blurred = np.empty_like(sharp)
    previous = plane
    for top, (rows, columns) in zip(tops.tolist(), sizes, strict=True):
        level = sharp[top : top + rows, :columns]
        if level.shape == previous.shape:
            level[:] = previous
        else:
            cv2.resize(previous, (columns, rows), dst=level, interpolation=cv2.INTER_LINEAR)
        cv2.GaussianBlur(level, (7, 7), _BLUR_SIGMA, dst=blurred[top : top + rows, :columns])
        previous = level
    return Pyramid(sharp, blurred, tops, heights, widths)


def corners(levels: Pyramid, count: int) -> Corners:
    """At most `count` corners of a pyramid."""
    if not len(levels.tops):
        nothing = np.zeros(0, np.int64)
        return Corners(nothing, nothing, nothing)
    across, down = -(-int(levels.widths[0]) // _CELL), -(-int(levels.heights[0]) // _CELL)
    response = np.zeros((across * down, _PER_CELL), np.float32)
    place = np.zeros((across * down, _PER_CELL, 3), np.int32)
    share = FACTOR ** -np.arange(LEVELS)
    quotas = (_CANDIDATES * share / share.sum()).astype(np.int64)
    _detect(levels.sharp, levels.tops, levels.heights, levels.widths, quotas, response, place)
    held = np.flatnonzero(response.ravel() > 0)
    strength = response.ravel()[held]
    cell = held // _PER_CELL
    line, column = cell // across, cell % across
    region = (2 * line + 1) * _GRID // (2 * down) * _GRID + (2 * column + 1) * _GRID // (2 * across)
    chosen = held[_in_turn(region, strength, count)]
    level, x, y = place.reshape(-1, 3)[chosen].astype(np.int64).T
    return Corners(level, x, y)


def _in_turn(region: Integers, strength: NDArray[np.float32], count: int) -> Integers:
    """Indices of the strongest of every region, then of the second strongest, and so on."""
    order = np.lexsort((-strength, region))
    ordered = region[order]
    start = np.searchsorted(ordered, np.arange(_GRID * _GRID))
    rank = np.arange(len(order)) - start[ordered]
    first = np.lexsort((-strength[order], rank))[:count]
    return order[first]


@kernel
def _brightest_arc(p: tuple[int, ...]) -> int:
    """The greatest, over all arcs of nine neighbouring pixels of a circle of 16, of the least pixel of the arc.

    Two arcs that differ by one step share eight pixels, 1 to 8 for the first two: the greater of their least pixels is
    ``min(1..8, max(0, 9))``.
    """
    a1, a3, a5, a7 = min(p[1], p[2]), min(p[3], p[4]), min(p[5], p[6]), min(p[7], p[8])
    a9, a11, a13, a15 = min(p[9], p[10]), min(p[11], p[12]), min(p[13], p[14]), min(p[15], p[0])
    b1, b3, b5, b7 = min(a1, a3), min(a3, a5), min(a5, a7), min(a7, a9)
    b9, b11, b13, b15 = min(a9, a11), min(a11, a13), min(a13, a15), min(a15, a1)
    c0 = min(min(b1, b5), max(p[0], p[9]))
    c2 = min(min(b3, b7), max(p[2], p[11]))
    c4 = min(min(b5, b9), max(p[4], p[13]))
    c6 = min(min(b7, b11), max(p[6], p[15]))
    c8 = min(min(b9, b13), max(p[8], p[1]))
    c10 = min(min(b11, b15), max(p[10], p[3]))
    c12 = min(min(b13, b1), max(p[12], p[5]))
    c14 = min(min(b15, b3), max(p[14], p[7]))
    return max(max(max(c0, c2), max(c4, c6)), max(max(c8, c10), max(c12, c14)))


@kernel
def _darkest_arc(p: tuple[int, ...]) -> int:
    """The least, over all arcs of nine neighbouring pixels of a circle of 16, of the greatest pixel of the arc."""
    a1, a3, a5, a7 = max(p[1], p[2]), max(p[3], p[4]), max(p[5], p[6]), max(p[7], p[8])
    a9, a11, a13, a15 = max(p[9], p[10]), max(p[11], p[12]), max(p[13], p[14]), max(p[15], p[0])
    b1, b3, b5, b7 = max(a1, a3), max(a3, a5), max(a5, a7), max(a7, a9)
    b9, b11, b13, b15 = max(a9, a11), max(a11, a13), max(a13, a15), max(a15, a1)
    c0 = max(max(b1, b5), min(p[0], p[9]))
    c2 = max(max(b3, b7), min(p[2], p[11]))
    c4 = max(max(b5, b9), min(p[4], p[13]))
    c6 = max(max(b7, b11), min(p[6], p[15]))
    c8 = max(max(b9, b13), min(p[8], p[1]))
    c10 = max(max(b11, b15), min(p[10], p[3]))
    c12 = max(max(b13, b1), min(p[12], p[5]))
    c14 = max(max(b15, b3), min(p[14], p[7]))
    return min(min(min(c0, c2), min(c4, c6)), min(min(c8, c10), min(c12, c14)))


@kernel
def _segment_test(r0: Bytes, r1: Bytes, r2: Bytes, r3: Bytes, r4: Bytes, r5: Bytes, r6: Bytes, out: Bytes) -> None:
    """FAST-9 scores of row r3: by how much an arc of nine is brighter or darker than the middle. Rows 6 px wider."""
    for i in range(out.shape[0]):
        circle = (
            r0[i + 3], r0[i + 4], r1[i + 5], r2[i + 6], r3[i + 6], r4[i + 6], r5[i + 5], r6[i + 4],
            r6[i + 3], r6[i + 2], r5[i + 1], r4[i], r3[i], r2[i], r1[i + 1], r0[i + 2],
        )  # fmt: skip
        middle = r3[i + 3]
        bright, dark = _brightest_arc(circle), _darkest_arc(circle)
        out[i] = np.uint8(max(bright, middle) - middle) + np.uint8(middle - min(dark, middle))


@kernel
def _peaks(above: Bytes, row: Bytes, below: Bytes, out: Bytes) -> None:
    """Mark the scores over the threshold that are greater than their eight neighbours; rows 2 px wider."""
    for i in range(out.shape[0]):
        a = max(max(above[i], above[i + 1]), max(above[i + 2], row[i]))
        b = max(max(below[i], below[i + 1]), max(below[i + 2], row[i + 2]))
        out[i] = np.uint8(row[i + 1] > max(max(a, b), np.uint8(_THRESHOLD)))


@kernel
def _harris(sharp: Bytes, y: int, x: int) -> float:
    """Harris response of the 7x7 pixels around a pixel, up to a constant factor."""
    a, b, c = np.int32(0), np.int32(0), np.int32(0)
    for v in range(y - 3, y + 4):
        upper, row, lower = sharp[v - 1, x - 4 : x + 5], sharp[v, x - 4 : x + 5], sharp[v + 1, x - 4 : x + 5]
        for i in range(7):
            u0, u2 = np.int32(upper[i]), np.int32(upper[i + 2])
            l0, l2 = np.int32(lower[i]), np.int32(lower[i + 2])
            dx = np.int32(2 * (np.int32(row[i + 2]) - np.int32(row[i])) + u2 - u0 + l2 - l0)
            dy = np.int32(2 * (np.int32(lower[i + 1]) - np.int32(upper[i + 1])) + l2 - u2 + l0 - u0)
            a += np.int32(dx * dx)
            b += np.int32(dy * dy)
            c += np.int32(dx * dy)
    p, q, r = np.float64(a), np.float64(b), np.float64(c)
    return p * q - r * r - _HARRIS_K * (p + q) * (p + q)


@kernel
def _level_peaks(sharp: Bytes, top: int, height: int, width: int, places: NDArray[np.int32], scores: Bytes) -> int:
    """Write the places (y * width + x) and scores of the corners of a level, and return their number."""
    n = width - 2 * MARGIN + 2
    score = np.zeros((3, n), np.uint8)
    marks = np.zeros((n + 5) // 8 * 8, np.uint8)
    eights = marks.view(np.uint64)
    found = 0
    for y in range(MARGIN - 1, height - MARGIN + 1):
        r = top + y
        x0, x1 = MARGIN - 4, MARGIN + n + 2
        _segment_test(
            sharp[r - 3, x0:x1], sharp[r - 2, x0:x1], sharp[r - 1, x0:x1], sharp[r, x0:x1],
            sharp[r + 1, x0:x1], sharp[r + 2, x0:x1], sharp[r + 3, x0:x1], score[y % 3],
        )  # fmt: skip
        if y < MARGIN + 1:
            continue
        middle = score[(y - 1) % 3]
        _peaks(score[(y + 1) % 3], middle, score[y % 3], marks[: n - 2])
        for block in range(eights.shape[0]):
            if eights[block] == 0:
                continue
            for i in range(8 * block, 8 * block + 8):
                if marks[i] != 0:
                    places[found] = (y - 1) * width + MARGIN + i
                    scores[found] = middle[i + 1]
                    found += 1
    return found


@kernel
def _detect(
    sharp: Bytes,
    tops: Integers,
    heights: Integers,
    widths: Integers,
    quotas: Integers,
    response: NDArray[np.float32],
    place: NDArray[np.int32],
) -> None:
    """Fill `response` and `place` (level, x, y) with the strongest corners of every cell of the first level."""
    across, down = (widths[0] + _CELL - 1) // _CELL, (heights[0] + _CELL - 1) // _CELL
    across_shift, down_shift = (across * _CELL - widths[0]) / 2, (down * _CELL - heights[0]) / 2
    places = np.empty(heights[0] * widths[0] // 4 + 1, np.int32)
    scores = np.empty(places.shape[0], np.uint8)
    histogram = np.empty(256, np.int32)
    for level in range(tops.shape[0]):
        top, height, width = tops[level], heights[level], widths[level]
        across_step, down_step = widths[0] / width, heights[0] / height
        found = _level_peaks(sharp, top, height, width, places, scores)
        histogram[:] = 0
        for i in range(found):
            histogram[scores[i]] += 1
        least, left = 255, quotas[level] - histogram[255]
        while least > 0 and left > 0:
            least -= 1
            left -= histogram[least]
        for i in range(found):
            if scores[i] < least:
                continue
            y, x = places[i] // width, places[i] % width
            value = _harris(sharp, top + y, x)
            line = int((y + 0.5) * down_step + down_shift) // _CELL
            cell = line * across + int((x + 0.5) * across_step + across_shift) // _CELL
            value *= FACTOR**level
            if value > response[cell, 0]:
                response[cell, 1] = response[cell, 0]
                place[cell, 1] = place[cell, 0]
                response[cell, 0] = value
                place[cell, 0, 0], place[cell, 0, 1], place[cell, 0, 2] = level, x, y
            elif value > response[cell, 1]:
                response[cell, 1] = value
                place[cell, 1, 0], place[cell, 1, 1], place[cell, 1, 2] = level, x, y
