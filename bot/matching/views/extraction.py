"""All views of one posted picture, gated, without doubles, hashed in one batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import approximations, borders, lines, panels, rotation, tilt
from .boxes import Box, area, overlap, shifted, short_side
from .hashing import SIDE, flipped, hash_flips, hash_squares, inner_quality, quality
from .kinds import INVERTIBLE, ViewKind
from .patches import square_of
from .rotation import Tilted

MOST_VIEWS = 50
QUALITY_GATE = 50
INNER_QUALITY_GATE = 60
LEAST_PIXELS = 64
LEAST_PIXELS_OF_SPLIT = 90
_LEAST_SIDE = 16
"""Pixels of the plane; a smaller one has only its whole view."""
_SAME_BOX = 0.97
_PANELS = 5
_WIDENED_BOXES = 14
_OPENED_BOXES = 8
_LEAST_OPENED = 0.12
_UPRIGHTED = 5
_TURNED_BACK = 6
_OPENED_TURNED_BACK = 4
_BOX_KINDS = (ViewKind.PANEL, ViewKind.RECTANGLE)
_WIDE, _HIGH = 1.25, 1.1
_NO_BOX: Box = (-1, -1, -1, -1)


class BoxedViews(NamedTuple):
    """The views of a posted picture; the first is always the whole one."""

    kinds: NDArray[np.uint8]
    """What each view is, as a :class:`ViewKind`; shape (v,)."""
    pdq: NDArray[np.uint8]
    """PDQ hashes, shape (v, 8, 32), in the order that :func:`hash_squares` explains."""
    phash: NDArray[np.uint8]
    """Hashes as of ``imagehash.phash`` with hash size 16, shape (v, 8, 32)."""
    boxes: NDArray[np.int32]
    """Left, top, right and bottom in pixels of the plane, -1 where a view is no upright box; shape (v, 4)."""


class _Collection:
    """Views in the making: squares with their kinds and boxes, each box once."""

    def __init__(self, plane: NDArray[np.uint8], factor: float) -> None:
        self.plane = plane
        self.pixels = plane.astype(np.float32)
        self.factor = factor
        self.squares: list[NDArray[np.float32]] = []
        self.kinds: list[ViewKind] = []
        self.boxes: list[Box] = []
        self.cells: list[Box] = []

    def add_box(self, box: Box, kind: ViewKind, least_pixels: int = LEAST_PIXELS) -> bool:
        if short_side(box) * self.factor < least_pixels or short_side(box) < 1:
            return False
        if any(overlap(box, other) > _SAME_BOX for other in self.boxes):
            return False
        left, top, right, bottom = box
        self._add(square_of(self.pixels[top:bottom, left:right]), kind, box)
        return True

    def add_boxes(self, boxes: Iterable[Box], kind: ViewKind, most: int = MOST_VIEWS) -> None:
        for box in boxes:
            most -= self.add_box(box, kind)
            if not most:
                break

    def boxes_and_kinds(self) -> Iterable[tuple[Box, ViewKind]]:
        return zip(self.boxes, self.kinds, strict=True)

    def add_squares(self, squares: Iterable[NDArray[np.float32]], kind: ViewKind) -> None:
        for square in squares:
            self._add(square, kind, _NO_BOX)

    def _add(self, square: NDArray[np.float32], kind: ViewKind, box: Box) -> None:
        self.squares.append(square)
        self.kinds.append(kind)
        self.boxes.append(box)

    def views(self) -> BoxedViews:
        squares = np.array(self.squares, np.float32)
        kinds = np.array(self.kinds, np.uint8)
        fit = (quality(squares) >= QUALITY_GATE) & (inner_quality(squares) >= INNER_QUALITY_GATE)
        kept = np.flatnonzero(fit | (kinds == ViewKind.WHOLE))[:MOST_VIEWS]
        pdq, phash = hash_squares(squares[kept])
        numbers: list[int] = kept.tolist()
        for place, number in enumerate(numbers):
            if self.kinds[number] in INVERTIBLE:
                left, top, right, bottom = self.boxes[number]
                flips = flipped(self.pixels[top:bottom, left:right])
                pdq[place], phash[place] = hash_flips(np.array([square_of(pixels) for pixels in flips]))
        return BoxedViews(kinds[kept], pdq, phash, np.array(self.boxes, np.int32)[kept])


def query_views(plane: NDArray[np.uint8], factor: float = 1.0) -> BoxedViews:
    """The views of a posted picture under which an entry of which only a hash is known may be found.

    ``plane`` and ``factor`` are those of :func:`plane_of`. Raises ValueError for anything but a non-empty array of
    bytes with two axes. At most 50 views.
    """
    if plane.ndim != 2 or plane.dtype != np.uint8 or not plane.size:
        raise ValueError("a plane is a non-empty array of bytes with two axes")
    plane = np.ascontiguousarray(plane)
    found = _Collection(plane, factor)
    height, width = plane.shape
    found.add_box((0, 0, width, height), ViewKind.WHOLE, 0)
    if min(width, height) < _LEAST_SIDE:
        return found.views()
    base = _add_trims(found)
    tilted = _add_boxes(found, base)
    _add_uprighted(found, tilted)
    _add_turned_back(found)
    _add_splits(found)
    _add_approximations(found, base)
    return found.views()


def _add_trims(found: _Collection) -> Box:
    """Adds what lies within bars; returns the innermost box."""
    base = found.boxes[0]
    for tolerance in (borders.STRICT, borders.LOOSE):
        box = borders.trimmed(found.plane, tolerance)
        if box is not None and found.add_box(box, ViewKind.TRIMMED):
            base = box
    return base


def _add_boxes(found: _Collection, base: Box) -> list[Tilted]:
    """Adds upright boxes from the surest to the least sure; returns the tilted rectangles seen on the way."""
    plane = found.plane
    flat = panels.flatness(plane)
    smooth = panels.on_smooth_ground(flat)
    grained = panels.on_grained_ground(plane)
    found.add_boxes(panels.on_flat_grey(plane, flat), ViewKind.PANEL, _PANELS)
    left, top, right, bottom = base
    steps = lines.steps_of(np.ascontiguousarray(plane[top:bottom, left:right]))
    found.cells = [shifted(cell, base) for cell in lines.cells(steps)]
    found.add_boxes([shifted(box, base) for box in lines.rectangles(steps)], ViewKind.RECTANGLE)
    found.add_boxes(found.cells, ViewKind.RECTANGLE)
    found.add_boxes(smooth.boxes, ViewKind.PANEL, _PANELS)
    found.add_boxes(grained.boxes, ViewKind.PANEL, _PANELS)
    band = borders.between_blurred_bands(plane)
    if band is not None:
        found.add_box(band, ViewKind.TRIMMED)
    _add_boxes_within(found, flat)
    return smooth.tilted + grained.tilted


def _add_boxes_within(found: _Collection, flat: NDArray[np.bool_]) -> None:
    """Adds what remains of boxes without their bars, and boxes in boxes: frames, windows, cards with a caption."""
    outer = [box for box, kind in found.boxes_and_kinds() if kind in _BOX_KINDS][:_OPENED_BOXES]
    for box in outer:
        left, top, right, bottom = box
        part = np.ascontiguousarray(found.plane[top:bottom, left:right])
        inner = [borders.trimmed(part, borders.STRICT), borders.trimmed(part, borders.LOOSE)]
        if area(box) >= _LEAST_OPENED * found.plane.size:
            flat_part = flat[top:bottom, left:right]
            inner += panels.on_smooth_ground(flat_part).boxes[:2] + panels.on_flat_grey(part, flat_part)[:2]
        found.add_boxes([shifted(one, box) for one in inner if one is not None], ViewKind.PANEL)


def _add_splits(found: _Collection) -> None:
    height, width = found.plane.shape
    across, down = width // 2, height // 2
    if width >= _WIDE * height:
        found.add_box((0, 0, across, height), ViewKind.SPLIT)
        found.add_box((width - across, 0, width, height), ViewKind.SPLIT)
    if height >= _HIGH * width:
        found.add_box((0, 0, width, down), ViewKind.SPLIT)
        found.add_box((0, height - down, width, height), ViewKind.SPLIT)
    for left in (0, width - across):
        for top in (0, height - down):
            found.add_box((left, top, left + across, top + down), ViewKind.SPLIT, LEAST_PIXELS_OF_SPLIT)


def _add_uprighted(found: _Collection, tilted: list[Tilted]) -> None:
    between_corners = rotation.on_plain_corners(found.plane)
    kept = [] if between_corners is None else [between_corners]
    for one in tilted:
        if not any(rotation.alike(one, other) for other in kept):
            kept.append(one)
    squares = [rotation.uprighted(found.plane, one, SIDE) for one in kept[:_UPRIGHTED]]
    found.add_squares(squares, ViewKind.UPRIGHTED)


def _add_turned_back(found: _Collection) -> None:
    """Adds the boxes of the plane turned back by its dominant tilt, if it has one."""
    degrees = tilt.dominant_tilt(found.plane)
    if degrees is None:
        return
    plane = tilt.turned_back(found.plane, degrees)
    boxes = lines.rectangles(lines.steps_of(plane))[:_TURNED_BACK]
    for box in boxes[:_OPENED_TURNED_BACK]:
        part = np.ascontiguousarray(plane[box[1] : box[3], box[0] : box[2]])
        inner = borders.trimmed(part, borders.LOOSE)
        if inner is not None and overlap(shifted(inner, box), box) <= _SAME_BOX:
            boxes.append(shifted(inner, box))
    pixels = plane.astype(np.float32)
    large = [box for box in boxes if short_side(box) * found.factor >= LEAST_PIXELS]
    squares = [square_of(pixels[top:bottom, left:right]) for left, top, right, bottom in large]
    found.add_squares(squares, ViewKind.UPRIGHTED)


def _add_approximations(found: _Collection, base: Box) -> None:
    boxes = [box for box, kind in found.boxes_and_kinds() if kind in _BOX_KINDS]
    # What is cut to a shape most often are the cells of a grid.
    for box in [*found.cells, *(box for box in boxes if box not in found.cells)][:_WIDENED_BOXES]:
        cell = approximations.reduced(found.plane, box)
        found.add_squares(approximations.widened(cell, _shape(box)), ViewKind.WIDENED)
    square = approximations.reduced(found.plane, base)
    found.add_squares(approximations.zoomed_out(square), ViewKind.ZOOMED_OUT)
    found.add_squares(approximations.unturned(square, _shape(base)), ViewKind.UNTURNED)


def _shape(box: Box) -> float:
    return (box[2] - box[0]) / (box[3] - box[1])
