"""By how much pictures lie askew, whatever the ground: photographs on a table, scrapbooks, snapshots of a screen.

The four sides of a tilted picture are straight lines of two directions at right angles. If a few such lines are
stronger than the upright ones, the whole plane is turned back, and what was tilted can be found as upright boxes.
"""

from __future__ import annotations

from math import cos, radians, sin
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

_LONG_SIDE = 256
_LEAST_VOTES = 0.17
"""Share of the short side that the edge pixels on one line must make up."""
_MOST_LINES = 200
_TRIED = 8
_LEAST_TILT, _LARGEST_TILT = 2, 30
_NEAR_ANGLE = 1.01
_APART = 24
"""Pixels between two parallel sides of a picture, at least."""
_LEAST_SIDES = 3
_LEAST_SCORE = 0.4


def dominant_tilt(plane: NDArray[np.uint8]) -> float | None:
    """The degrees, 2 to 30 either way and clockwise as seen, by which the strongest rectangle is turned, if one is."""
    scale = min(1.0, _LONG_SIDE / max(plane.shape))
    small = cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else plane
    edges = cv2.Canny(cv2.GaussianBlur(small, (3, 3), 0), 50, 150)
    least_votes = max(8, int(_LEAST_VOTES * min(small.shape)))
    # The stubs do not say that there may be no line at all.
    lines = cast("NDArray[np.float32] | None", cv2.HoughLinesWithAccumulator(edges, 1, np.pi / 180, least_votes))
    if lines is None:
        return None
    distances, angles, votes = np.asarray(lines, np.float64).reshape(-1, 3)[:_MOST_LINES].T
    degrees = np.degrees(angles)
    tilts = (degrees + 45) % 90 - 45
    lying = ((degrees + 45) // 90).astype(np.intp) % 2
    upright, _ = _score(0.0, distances, tilts, lying, votes)
    best, found = max(upright, _LEAST_SCORE * sum(small.shape)), None
    askew = (np.abs(tilts) >= _LEAST_TILT) & (np.abs(tilts) <= _LARGEST_TILT)
    for tilt in dict.fromkeys(np.rint(tilts[askew][: 4 * _TRIED]).tolist()[:_TRIED]):
        score, exact = _score(float(tilt), distances, tilts, lying, votes)
        if score > best:
            best, found = score, exact
    return found


def _score(
    tilt: float,
    distances: NDArray[np.float64],
    tilts: NDArray[np.float64],
    lying: NDArray[np.intp],
    votes: NDArray[np.float64],
) -> tuple[float, float]:
    """The votes of the two strongest lines of each direction, and the mean tilt of these; the strongest come first."""
    sides: list[int] = []
    for direction in (0, 1):
        pair: list[int] = []
        for line in np.flatnonzero((np.abs(tilts - tilt) < _NEAR_ANGLE) & (lying == direction)):
            # The same line has the opposite sign where its angle passes 180 degrees.
            if all(abs(abs(distances[line]) - abs(distances[other])) >= _APART for other in pair):
                pair.append(int(line))
            if len(pair) == 2:
                break
        sides += pair
    if len(sides) < _LEAST_SIDES:
        return 0.0, tilt
    weights = votes[sides]
    return float(weights.sum()), float((tilts[sides] * weights).sum() / weights.sum())


def turned_back(plane: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """The whole plane turned by this tilt, on a canvas that holds all of it."""
    height, width = plane.shape
    cosine, sine = abs(cos(radians(degrees))), abs(sin(radians(degrees)))
    across, down = int(width * cosine + height * sine), int(width * sine + height * cosine)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    matrix[:, 2] += (across - width) / 2, (down - height) / 2
    turned = cv2.warpAffine(plane, matrix, (across, down), borderMode=cv2.BORDER_REPLICATE)
    return cast("NDArray[np.uint8]", turned)
