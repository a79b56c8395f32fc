"""Bars around a picture: uniform ones within two tolerances, and bands filled with a blurred picture."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .boxes import Box

_PASSES = 2
_LEAST_SIDE = 16
_SMALLEST_SHARE = 0.12


class Tolerance(NamedTuple):
    """How uniform a line must be to belong to a bar."""

    levels: int
    """Grey levels, of 256, by which a pixel of a bar may differ from the median of the outermost line."""
    share: float
    """Share of a line that must lie within them."""


STRICT = Tolerance(10, 0.92)
"""Clean bars, with the ringing of JPEG."""

LOOSE = Tolerance(24, 0.80)
"""Bars with a line of text, a clock or a texture."""


def trimmed(plane: NDArray[np.uint8], tolerance: Tolerance) -> Box | None:
    """The box inside the bars of a plane; None if there are none, or if too little would remain.

    Bars of two colours, one inside the other, are both cut.
    """
    height, width = plane.shape
    left, top, right, bottom = 0, 0, width, height
    for _ in range(_PASSES):
        part = plane[top:bottom, left:right]
        if min(part.shape) < _LEAST_SIDE:
            break
        above, below = _bar(part, tolerance), _bar(part[::-1], tolerance)
        if above + below >= part.shape[0]:
            break
        top, bottom = top + above, bottom - below
        part = plane[top:bottom, left:right].T
        before, after = _bar(part, tolerance), _bar(part[::-1], tolerance)
        if before + after >= part.shape[0]:
            break
        left, right = left + before, right - after
        if not (above or below or before or after):
            break
    if bottom - top < _SMALLEST_SHARE * height or right - left < _SMALLEST_SHARE * width:
        return None
    box = left, top, right, bottom
    return None if box == (0, 0, width, height) else box


def _bar(lines: NDArray[np.uint8], tolerance: Tolerance) -> int:
    """How many leading lines, shape (lines, pixels), have the grey of the first one."""
    middle = lines.shape[1] // 2
    grey = int(np.partition(lines[0], middle)[middle])
    low, high = max(0, grey - tolerance.levels), min(255, grey + tolerance.levels)
    # Most pictures have no bar: a look at the first line spares them the rest.
    for stop in (1, len(lines)):
        near = (lines[:stop] >= low) & (lines[:stop] <= high)
        uniform = np.count_nonzero(near, axis=1) >= tolerance.share * lines.shape[1]
        if not uniform.all():
            return int(uniform.argmin())
    return len(lines)


_BAND_SMOOTHING = np.full(5, 0.2)
_SHARP_LEAST = 1.2
"""Grey levels of fine detail that the sharper quarter of the lines must have at least."""
_SHARP_SHARE = 0.4
_BLURRED_SHARE = 0.3
_NEAR_EDGE = 8


def between_blurred_bands(plane: NDArray[np.uint8]) -> Box | None:
    """The sharp middle of a picture whose bands above and below, or left and right, are filled with a blurred one."""
    if min(plane.shape) < 4 * _LEAST_SIDE:
        return None
    detail = cv2.absdiff(plane, cv2.blur(plane, (3, 3)))
    for axis in (1, 0):
        middle = _sharp_middle(detail.mean(axis=axis), plane.mean(axis=axis))
        if middle is not None:
            first, last = middle
            return (0, first, plane.shape[1], last) if axis == 1 else (first, 0, last, plane.shape[0])
    return None


def _sharp_middle(detail: NDArray[np.float64], greys: NDArray[np.float64]) -> tuple[int, int] | None:
    profile = np.convolve(detail, _BAND_SMOOTHING, "same")
    length, high = len(profile), float(np.percentile(profile, 75))
    if high < _SHARP_LEAST:
        return None
    sharp = np.flatnonzero(profile > _SHARP_SHARE * high)
    first, last = int(sharp[0]), int(sharp[-1]) + 1
    if not 0.25 * length < last - first < 0.92 * length or first < _NEAR_EDGE or last > length - _NEAR_EDGE:
        return None
    if max(profile[: first - 3].mean(), profile[last + 3 :].mean()) >= _BLURRED_SHARE * high:
        return None
    steps = np.abs(np.diff(greys))
    return _strongest(steps, first), _strongest(steps, last)


def _strongest(steps: NDArray[np.float64], near: int) -> int:
    first = max(0, near - _NEAR_EDGE)
    return first + int(np.argmax(steps[first : near + _NEAR_EDGE])) + 1
