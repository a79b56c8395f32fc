"""Pictures that lie on a flat or smooth background: chats, web pages, slides, frames and cards with rounded corners.

Two backgrounds are looked for: the commonest flat greys, and any ground without steps, such as a gradient, a shadow or
(on a reduced plane, in which their grain is averaged away) paper, wood and doodled wallpapers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from .boxes import Box, short_side
from .rotation import Tilted, rectangle_around

FLAT = 5
"""Grey levels within 3 x 3 pixels up to which a place is flat."""

_BACKGROUNDS = 2
_LEAST_BACKGROUND = 0.05
_SAME_GREY = 4
_LEAST_FILL = 0.62
_LEAST_AREA = 0.02
_LARGEST_AREA = 0.97
_LEAST_SIDE = 28


class _Scale(NamedTuple):
    """How coarsely smooth ground is looked for."""

    reduction: int
    flat: int
    opening: int


_FINE = _Scale(1, FLAT, 7)
_COARSE = (_Scale(2, 10, 5), _Scale(4, 14, 3))


class Found(NamedTuple):
    """What lies on a background, largest first."""

    boxes: list[Box]
    tilted: list[Tilted]


def flatness(plane: NDArray[np.uint8], limit: int = FLAT) -> NDArray[np.bool_]:
    """Where the greys within 3 x 3 pixels hardly differ; the shape of the plane."""
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.subtract(cv2.dilate(plane, kernel), cv2.erode(plane, kernel))) <= limit


def on_flat_grey(plane: NDArray[np.uint8], flat: NDArray[np.bool_]) -> list[Box]:
    """Boxes around what stands out from each of the two commonest flat greys."""
    counts = np.bincount(plane[flat], minlength=256).astype(np.float64)
    near = np.convolve(counts, np.ones(5), "same")
    found: list[tuple[float, Box]] = []
    for _ in range(_BACKGROUNDS):
        grey = int(near.argmax())
        if near[grey] < _LEAST_BACKGROUND * plane.size:
            break
        near[max(0, grey - 12) : grey + 13] = 0
        same = (plane >= max(0, grey - _SAME_GREY)) & (plane <= min(255, grey + _SAME_GREY))
        shapes = _contours(_opened(255 - (flat & same).astype(np.uint8) * 255, _FINE.opening))
        found += [fitting for contour in shapes if (fitting := _box(contour, plane.size, 1)) is not None]
    return _largest_first(found)


def on_smooth_ground(flat: NDArray[np.bool_]) -> Found:
    """Boxes and tilted rectangles around what stands out from flat ground of any grey."""
    return _on_ground(flat, _FINE)


def on_grained_ground(plane: NDArray[np.uint8]) -> Found:
    """The same on reduced planes, for ground with a grain; the sides of the boxes are moved to the nearest steps."""
    boxes: list[Box] = []
    tilted: list[Tilted] = []
    for scale in _COARSE:
        size = plane.shape[1] // scale.reduction, plane.shape[0] // scale.reduction
        if min(size) < _LEAST_SIDE // 2:
            break
        reduced = cast("NDArray[np.uint8]", cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
        found = _on_ground(flatness(reduced, scale.flat), scale)
        boxes += [_snapped(plane, box, 2 * scale.reduction + 2) for box in found.boxes]
        tilted += found.tilted
    return Found([box for box in boxes if short_side(box) >= _LEAST_SIDE], tilted)


def _on_ground(flat: NDArray[np.bool_], scale: _Scale) -> Found:
    busy = np.pad((~flat).astype(np.uint8), 1)
    filled = cv2.drawContours(np.zeros_like(busy), _contours(busy), -1, 1, cv2.FILLED)
    boxes: list[tuple[float, Box]] = []
    tilted: list[tuple[float, Tilted]] = []
    for contour in _contours(_opened(np.asarray(filled, np.uint8), scale.opening)[1:-1, 1:-1]):
        box = _box(contour, flat.size, scale.reduction)
        if box is not None:
            boxes.append(box)
        turned = rectangle_around(contour, flat.size, scale.reduction)
        if turned is not None:
            tilted.append((turned.width * turned.height, turned))
    return Found(_largest_first(boxes), [one for _, one in sorted(tilted, key=lambda one: -one[0])])


def _opened(mask: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return cast("NDArray[np.uint8]", cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((side, side), np.uint8)))


def _contours(mask: NDArray[np.uint8]) -> list[Any]:
    contours, _ = cv2.findContours(np.ascontiguousarray(mask), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return list(contours)


def _box(contour: NDArray[np.int32], pixels: int, reduction: int) -> tuple[float, Box] | None:
    """The filled area and the box of a shape that is solid and of a fitting size, in pixels of the plane."""
    x, y, across, down = cv2.boundingRect(contour)
    whole = across * down
    if not _LEAST_AREA * pixels <= whole <= _LARGEST_AREA * pixels or min(across, down) * reduction < _LEAST_SIDE:
        return None
    filled = float(cv2.contourArea(contour))
    if filled < _LEAST_FILL * whole:
        return None
    # The outermost pixels belong to the step or mix the picture with its background.
    edges = np.array([x + 1, y + 1, x + across - 1, y + down - 1]) * reduction
    return filled * reduction**2, (int(edges[0]), int(edges[1]), int(edges[2]), int(edges[3]))


def _largest_first(found: list[tuple[float, Box]]) -> list[Box]:
    return [box for _, box in sorted(found, key=lambda one: -one[0])]


def _snapped(plane: NDArray[np.uint8], box: Box, reach: int) -> Box:
    """The box with each side moved, by at most ``reach`` pixels, to where its middle part crosses the largest step."""
    left, top, right, bottom = box
    if short_side(box) < 4 * reach:
        return box
    rows = slice(top + (bottom - top) // 6, bottom - (bottom - top) // 6)
    columns = slice(left + (right - left) // 6, right - (right - left) // 6)
    x0, x1 = _nearest_steps(plane[rows], (left, right), reach)
    y0, y1 = _nearest_steps(plane[:, columns].T, (top, bottom), reach)
    return x0, y0, x1, y1


def _nearest_steps(lines: NDArray[np.uint8], sides: tuple[int, int], reach: int) -> Iterator[int]:
    length = lines.shape[1]
    for side in sides:
        first, last = max(1, side - reach), min(length, side + reach + 1)
        if side < 3 or side > length - 3 or last - first < 2:
            yield side
            continue
        part = lines[:, first - 1 : last].astype(np.int16)
        steps = np.abs(np.diff(part, axis=1)).mean(axis=0)
        # A side that no step marks clearly stays where it is.
        yield first + int(steps.argmax()) if steps.max() > 2.2 * np.median(steps) + 1.5 else side
