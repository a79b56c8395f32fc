"""Where a picture begins inside a uniform border: bars of a screenshot, a frame, padding to a square."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 10
"""Grey levels, of 256, by which a border pixel may differ from its line's reference: JPEG ringing is below that."""

UNIFORM_SHARE = 0.92
"""Share of a line that must lie within the tolerance: a small logo or clock on a bar does not save the bar."""

SMALLEST_SHARE = 0.12
"""The least share of height and of width that may remain; below it the "border" was the picture."""

LARGEST_AREA = 0.97
"""Above this share of the area the cut changes no hash worth keeping."""

_PASSES = 2
_LEAST_SIDE = 16


def content_box(plane: NDArray[np.uint8]) -> tuple[int, int, int, int] | None:
    """The box (left, top, right, bottom; right and bottom exclusive) inside the uniform border of a picture.

    ``plane`` is luminance, shape (height, width). None: there is no border, it is too thin to matter, or what would
    remain is too small. Borders of two colours, one inside the other, are both cut.
    """
    height, width = plane.shape
    top, bottom, left, right = 0, height, 0, width
    for _ in range(_PASSES):
        rows = plane[top:bottom, left:right]
        if min(rows.shape) < _LEAST_SIDE:
            break
        above, below = _border_lines(rows), _border_lines(rows[::-1])
        if above + below >= rows.shape[0]:
            return None
        top, bottom = top + above, bottom - below
        columns = plane[top:bottom, left:right].T
        before, after = _border_lines(columns), _border_lines(columns[::-1])
        if before + after >= columns.shape[0]:
            return None
        left, right = left + before, right - after
        if not (above or below or before or after):
            break
    if bottom - top < SMALLEST_SHARE * height or right - left < SMALLEST_SHARE * width:
        return None
    if (bottom - top) * (right - left) > LARGEST_AREA * height * width:
        return None
    return left, top, right, bottom


def _border_lines(lines: NDArray[np.uint8]) -> int:
    """How many leading lines, shape (lines, pixels), have the colour of the first one."""
    colour = int(np.median(lines[0]))
    if not _uniform(lines[:1], colour)[0]:
        return 0
    uniform = _uniform(lines, colour)
    return len(uniform) if uniform.all() else int(uniform.argmin())


def _uniform(lines: NDArray[np.uint8], colour: int) -> NDArray[np.bool_]:
    near = (lines >= max(0, colour - TOLERANCE)) & (lines <= min(255, colour + TOLERANCE))
    return np.asarray(np.count_nonzero(near, axis=1) >= UNIFORM_SHARE * lines.shape[1])
