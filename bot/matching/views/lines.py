"""Rectangles and grids made of straight step lines: collages, windows, captions, pictures in pictures."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from .boxes import Box, area, aspect, overlap, short_side

_STEP = 6
_LINES = 10
_RECTANGLES = 8
_CELLS = 12
_LARGEST_CELL_ASPECT = 3.0
_GRID = 6
_RECTANGLES_BESIDE_GRID = 6
_LEAST_GRID_LINES = 2
_LEAST_REACH = 0.6
_MOST_PARTS = 5
_OFF = 3
_LEAST_EVEN = 0.6
_LEAST_CLEAR = 0.22
_LEAST_SUPPORT = 0.42
_LEAST_MEAN_SUPPORT = 0.55
_LEAST_AREA = 0.04
_LARGEST_AREA = 0.97
_LEAST_SIDE = 30
_LEAST_CELL = 40
_LARGEST_ASPECT = 3.2
_SAME = 0.86
_TRIED = 200


class Steps(NamedTuple):
    """Where neighbouring pixels differ more than those beside them; each plane has the shape of the picture's."""

    upright: NDArray[np.uint8]
    """1 where a step lies between a pixel and the one left of it, or up to a pixel beside."""
    level: NDArray[np.uint8]
    """The same between a pixel and the one above it; transposed, so that rows are lines here too."""


def steps_of(plane: NDArray[np.uint8]) -> Steps:
    """The steps of a plane of at least two pixels along each axis."""
    return Steps(_steps(plane), _steps(np.ascontiguousarray(plane.T)))


def _steps(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    difference = np.zeros_like(plane)
    difference[:, 1:] = cv2.absdiff(plane[:, 1:], plane[:, :-1])
    beside = np.zeros_like(plane)
    beside[:, 2:] = difference[:, :-2]
    beside[:, :-2] = np.maximum(beside[:, :-2], difference[:, 2:])
    strong = ((difference > _STEP) & (difference > beside)).astype(np.uint8)
    return cast("NDArray[np.uint8]", cv2.dilate(strong, np.ones((1, 3), np.uint8)))


def rectangles(steps: Steps) -> list[Box]:
    """The best rectangles whose sides are lines of steps or edges of the plane."""
    return _best(steps, _peaks(steps.upright), _peaks(steps.level))


def _peaks(steps: NDArray[np.uint8]) -> list[int]:
    """The columns in which some stretch, a sixth of the height or more, is mostly steps; the best ten."""
    height, _ = steps.shape
    stretch = max(24, int(0.16 * height))
    longest = cv2.boxFilter(steps.astype(np.float32), -1, (1, stretch), borderType=cv2.BORDER_CONSTANT).max(axis=0)
    score = longest + 0.7 * steps.mean(axis=0)
    score = score - 0.5 * _blurred(score, 31)
    score[:6] = score[-6:] = -1
    found: list[int] = []
    for _ in range(_LINES):
        column = int(score.argmax())
        if score[column] <= 0 or longest[column] < 0.5:
            break
        found.append(column)
        score[max(0, column - 4) : column + 5] = -1
    return sorted(found)


def _blurred(profile: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    return np.asarray(cv2.blur(profile[None], (window, 1)), np.float64)[0]


def _spanning(steps: NDArray[np.uint8], columns: list[int]) -> list[int]:
    share = steps.mean(axis=0)
    around = _blurred(share, 41)
    return [column for column in columns if share[column] >= 0.78 and share[column] - around[column] >= 0.22]


def cells(steps: Steps) -> list[Box]:
    """The cells between lines that cross the whole plane, or all of the grid: a gallery has bars above and below."""
    height, width = steps.upright.shape
    columns, rows = _peaks(steps.upright), _peaks(steps.level)
    across, down = _spanning(steps.upright, columns), _spanning(steps.level, rows)
    if len(down) > len(across) > 0 or not across:
        across = _spanning(steps.upright[_reach(down, height)], columns)
    else:
        down = _spanning(steps.level[_reach(across, width)], rows)
    found = _between(across, down, width, height)
    even = _between(_even(steps.upright), _even(steps.level), width, height)
    return (found + [cell for cell in even if all(overlap(cell, one) <= 0.9 for one in found)])[:_CELLS]


def _between(across: list[int], down: list[int], width: int, height: int) -> list[Box]:
    if len(across) + len(down) < _LEAST_GRID_LINES:
        return []
    columns, rows = pairwise([0, *across, width]), list(pairwise([0, *down, height]))
    boxes = [(left, top, right, bottom) for left, right in columns for top, bottom in rows]
    boxes = [box for box in boxes if short_side(box) >= _LEAST_CELL and aspect(box) <= _LARGEST_CELL_ASPECT]
    return sorted(boxes, key=area, reverse=True)[:_CELLS]


def _even(steps: NDArray[np.uint8]) -> list[int]:
    """The columns that divide the plane into two to five equal parts, as many as are drawn."""
    share = steps.mean(axis=0)
    clear = share - _blurred(share, 41)
    width = len(share)
    for parts in range(min(_MOST_PARTS, width // _LEAST_CELL), 1, -1):
        places = [round(width * part / parts) for part in range(1, parts)]
        found = [place - _OFF + int(share[place - _OFF : place + _OFF + 1].argmax()) for place in places]
        if (share[found] >= _LEAST_EVEN).all() and (clear[found] >= _LEAST_CLEAR).all():
            return found
    return []


def _reach(lines: list[int], length: int) -> slice:
    """From the first to the last of the lines, if that is most of the length."""
    if len(lines) >= 2 and lines[-1] - lines[0] >= _LEAST_REACH * length:
        return slice(lines[0], lines[-1])
    return slice(length)


def _best(steps: Steps, columns: list[int], rows: list[int]) -> list[Box]:
    height, width = steps.upright.shape
    if not columns and not rows:
        return []
    xs, ys = np.array([0, *columns, width]), np.array([0, *rows, height])
    left, right = np.triu_indices(len(xs), 1)
    top, bottom = np.triu_indices(len(ys), 1)
    across, down = (xs[right] - xs[left])[:, None], (ys[bottom] - ys[top])[None, :]
    upright = _support(steps.upright, columns, ys, top, bottom)
    level = _support(steps.level, rows, xs, left, right)
    sides = np.stack([upright[left], upright[right], level[top].T, level[bottom].T])
    drawn = ~np.isnan(sides)
    count = drawn.sum(axis=0)
    weakest = np.where(drawn, sides, 9).min(axis=0)
    mean = np.where(drawn, sides, 0).sum(axis=0) / np.maximum(count, 1)
    share = across * down / (height * width)
    fits = (
        (count >= 1) & (weakest >= _LEAST_SUPPORT) & (mean >= _LEAST_MEAN_SUPPORT)
        & (share >= _LEAST_AREA) & (share <= _LARGEST_AREA)
        & (np.minimum(across, down) >= _LEAST_SIDE)
        & (np.maximum(across / down, down / across) <= _LARGEST_ASPECT)
    )  # fmt: skip
    score = np.where(fits, mean + 0.5 * weakest + 0.06 * count + 0.15 * np.sqrt(share), -1)
    found: list[Box] = []
    for place in np.argsort(-score, axis=None)[:_TRIED]:
        i, j = divmod(int(place), score.shape[1])
        if score[i, j] < 0 or len(found) >= _RECTANGLES:
            break
        box = int(xs[left[i]]), int(ys[top[j]]), int(xs[right[i]]), int(ys[bottom[j]])
        if all(overlap(box, one) <= _SAME for one in found):
            found.append(box)
    return found


def _support(
    steps: NDArray[np.uint8],
    columns: list[int],
    ends: NDArray[np.intp],
    first: NDArray[np.intp],
    last: NDArray[np.intp],
) -> NDArray[np.float64]:
    """The share of steps of each line between each pair of ends, shape (lines + 2, pairs); NaN at the edges."""
    sums = np.zeros((len(steps) + 1, len(columns)))
    np.cumsum(steps[:, columns], axis=0, out=sums[1:])
    shares = (sums[ends[last]] - sums[ends[first]]).T / (ends[last] - ends[first])
    edge = np.full((1, len(first)), np.nan)
    return np.concatenate([edge, shares, edge])
