"""A tilted picture on a plain background: where it lies and by how much it is turned."""

from __future__ import annotations

from math import cos, radians, sin
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_CORNER = 6
_LEAST_TILT = 1.2
_LEAST_SHARE, _LEAST_SHARE_BETWEEN_CORNERS = 0.03, 0.2
_LEAST_FILL = 0.93
_LEAST_SIDE = 40
_ALIKE = 8
"""Summed differences of place, size and degrees."""


class Tilted(NamedTuple):
    """A rectangle in pixels of the plane, turned about its centre by some degrees, clockwise as seen."""

    x: float
    y: float
    width: float
    height: float
    degrees: float


def on_plain_corners(plane: NDArray[np.uint8]) -> Tilted | None:
    """The tilted rectangle that fills a plane but for its four corners, which are of one flat grey."""
    height, width = plane.shape
    if min(height, width) < 4 * _CORNER:
        return None
    corners = [plane[rows, columns] for rows in _ENDS for columns in _ENDS]
    greys = [float(np.median(corner)) for corner in corners]
    if max(greys) - min(greys) > 10 or max(float(corner.std()) for corner in corners) > 6:
        return None
    away = cv2.absdiff(plane, np.full_like(plane, int(np.median(greys))))
    shape = cv2.morphologyEx((np.asarray(away) > 12).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    long_ones = [contour for contour in contours if len(contour) > 20] or list(contours)
    if not long_ones:
        return None
    found = rectangle_around(np.concatenate(long_ones).astype(np.int32), plane.size, 1)
    if found is None or found.width * found.height < _LEAST_SHARE_BETWEEN_CORNERS * plane.size:
        return None
    return found


_ENDS = (slice(None, _CORNER), slice(-_CORNER, None))


def rectangle_around(contour: NDArray[np.int32], pixels: int, reduction: int) -> Tilted | None:
    """The rectangle that a contour nearly fills, if it is tilted.

    ``pixels`` is the area of the plane in which the contour was found, and ``reduction`` how many pixels of the plane
    of the result one of its pixels is.
    """
    hull = cv2.convexHull(contour)
    (x, y), (width, height), degrees = cv2.minAreaRect(hull)
    if width * height < _LEAST_SHARE * pixels or cv2.contourArea(hull) < _LEAST_FILL * width * height:
        return None
    quarters = round(degrees / 90)
    if quarters % 2:
        width, height = height, width
    tilt = degrees - 90 * quarters
    if abs(tilt) < _LEAST_TILT or min(width, height) * reduction < _LEAST_SIDE:
        return None
    middle = (reduction - 1) / 2
    return Tilted(
        x * reduction + middle, y * reduction + middle, (width - 2) * reduction, (height - 2) * reduction, tilt
    )


def alike(one: Tilted, other: Tilted) -> bool:
    """Whether two rectangles are the same but for a few pixels."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) <= _ALIKE


def uprighted(plane: NDArray[np.uint8], found: Tilted, side: int) -> NDArray[np.float32]:
    """The tilted rectangle turned upright, as a square of this side."""
    scale = 2 * side / max(found.width, found.height)
    small = cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else plane
    scale = min(scale, 1.0)
    cosine, sine = cos(radians(found.degrees)), sin(radians(found.degrees))
    turn = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([found.width, found.height]) * (scale / side)
    centre = np.array([found.x, found.y]) * scale - turn @ np.full(2, (side - 1) / 2)
    matrix = np.column_stack([turn, centre])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(small, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT_101), np.float32
    )
