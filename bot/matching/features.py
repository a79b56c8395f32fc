"""Local features of a luminance plane, for the search that finds cropped, inset and turned copies.

The other form of a mirrored or an inverted picture costs nothing: a descriptor is kept in a canonical one of its two
mirror forms, so that a picture and its mirror image meet in the index, and the descriptors of inverted colours are
those of the picture with their words in another order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .corners import Corners, Pyramid, corners, pyramid
from .descriptors import canonical, describe, invert, mirror
from .query import Features

__all__ = [
    "ENLARGEMENT",
    "FEATURES_PER_SIDE",
    "LEAST_QUERY_COUNT",
    "MOST_QUERY_SIDE",
    "PATCH",
    "QUERY_SIDE",
    "REFERENCE_SIDES",
    "Features",
    "Plane",
    "concatenated",
    "empty",
    "extract",
    "inverted",
    "mirror",
    "query",
    "query_plane",
    "reference",
    "resized",
]

QUERY_SIDE, MOST_QUERY_SIDE = 640, 800
"""Long side of the plane that a query is described at: larger pictures are reduced to the second, and smaller ones
enlarged toward the first, by ENLARGEMENT at the most. Enlarged further, corners become too blunt to be found."""

ENLARGEMENT = 1.6

LEAST_QUERY_COUNT = 1000
FEATURES_PER_SIDE = 1.75
"""A query has up to so many features for each pixel of its plane's long side, but no fewer than LEAST_QUERY_COUNT."""

REFERENCE_SIDES = ((512, 260), (256, 130), (128, 70))
"""Long sides of the planes that an entry is described at, and how many features each of them gives at the most."""

PATCH = 31
"""Diameter in pixels of the patch of a corner of the first level."""

Plane = NDArray[np.uint8]


def empty() -> Features:
    """No features."""
    return Features(
        np.empty((0, 4), np.uint64), np.empty((0, 4), np.float32), np.empty(0, np.uint8), np.empty(0, np.uint8)
    )


def concatenated(parts: Sequence[Features]) -> Features:
    """All features of the parts, in their order."""
    if not parts:
        return empty()
    return Features(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def extract(plane: Plane, count: int) -> Features:
    """At most `count` features of a plane (height, width) of any size, at that size.

    A plane that is flat, or shorter than twice the margin of the corners, has none. Raises ValueError unless the plane
    is a two-dimensional array of bytes.
    """
    if plane.ndim != 2 or plane.dtype != np.uint8:
        raise ValueError(f"A plane is a two-dimensional array of bytes, not {plane.ndim}-dimensional {plane.dtype}.")
    levels = pyramid(plane)
    found = corners(levels, count)
    if not len(found.x):
        return empty()
    angles, descriptors = describe(levels, found)
    kept = canonical(descriptors)
    return Features(kept.descriptors, _points(levels, found, angles), kept.mirrored, kept.doubtful)


def query_plane(grey: Plane) -> Plane:
    """The plane at the size at which queries are described."""
    longest = max(grey.shape)
    return resized(grey, max(1, min(max(longest, min(round(ENLARGEMENT * longest), QUERY_SIDE)), MOST_QUERY_SIDE)))


def query(plane: Plane) -> Features:
    """The features of a posted picture, from its :func:`query_plane`."""
    return extract(plane, max(LEAST_QUERY_COUNT, round(FEATURES_PER_SIDE * max(plane.shape))))


def reference(grey: Plane) -> tuple[Features, tuple[int, int]]:
    """The features of a picture to be found, and the width and height of the frame of their coordinates.

    The frame is the plane at long side 512. Features come from it and from smaller planes as well, so that small copies
    inset in other pictures still have features of their size.
    """
    frame = resized(grey, REFERENCE_SIDES[0][0])
    parts: list[Features] = []
    for side, count in REFERENCE_SIDES:
        plane = resized(grey, side)
        found = extract(plane, count)
        points = found.points.copy()
        across, down = frame.shape[1] / plane.shape[1], frame.shape[0] / plane.shape[0]
        points[:, 0] = (points[:, 0] + 0.5) * across - 0.5
        points[:, 1] = (points[:, 1] + 0.5) * down - 0.5
        points[:, 2] *= math.sqrt(across * down)
        parts.append(found._replace(points=points))
    return concatenated(parts), (frame.shape[1], frame.shape[0])


def inverted(features: Features) -> Features:
    """The features that the picture of inverted colours has: the same corners, other descriptors, opposite angles.

    The order stays, and every prefix of extracted features is spread over the picture: so the first few hundred do for
    a search on suspicion.
    """
    was_mirrored = features.mirrored.astype(bool)[:, None]
    seen = np.where(was_mirrored, mirror(features.descriptors), features.descriptors)
    kept = canonical(invert(seen))
    points = features.points.copy()
    points[:, 3] -= np.copysign(np.float32(math.pi), points[:, 3])
    return Features(kept.descriptors, points, kept.mirrored, kept.doubtful)


def resized(grey: Plane, side: int) -> Plane:
    """A plane with the given long side and the same aspect, though no side is shorter than one pixel."""
    import cv2  # here: the bot's own process compares features and extracts none

    height, width = grey.shape
    factor = side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    if size == (width, height):
        return grey
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(grey, size, interpolation=method), np.uint8)


def _points(levels: Pyramid, found: Corners, angles: NDArray[np.float64]) -> NDArray[np.float32]:
    across = levels.widths[0] / levels.widths[found.level]
    down = levels.heights[0] / levels.heights[found.level]
    x, y = (found.x + 0.5) * across - 0.5, (found.y + 0.5) * down - 0.5
    return np.stack([x, y, PATCH * np.sqrt(across * down), angles], axis=1).astype(np.float32)
