"""From pairs of alike features to the transform that lays an entry over a query, though most pairs may be wrong.

A feature has a place, a size and an angle, so that a single pair proposes a similarity: the scale is the ratio of the
sizes, the rotation the difference of the angles. The proposal that most other pairs support is refined by robust least
squares, first as a similarity, then, where enough places fit, as an affine and at last as a projective map, which is
how a screen or a print that was photographed at an angle lies in the photograph. Pairs of unrelated pictures rarely
agree on anything.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .kernels import kernel
from .transforms import AFFINE, PROJECTIVE, SIMILARITY, image_of, is_plausible, jacobian, least_squares

MOST_PAIRS = 250
"""Pairs that are looked at; the time grows with the square of them."""

LEAST_PLACES = (3, 8, 16)
"""Places that have to fit before a similarity, an affine and a projective map are believed."""

INLIER_DISTANCE = 6.0
"""Pixels of the query plane up to which a pair fits, and the side of the squares that count as one place."""

_LARGEST = 1e5
"""Coordinates, sizes and angles beyond it belong to no feature."""

_SMALLEST = 1e-3
"""A size below it belongs to no feature."""

# How far a pair may be from another pair's proposal, which a feature's rough size and angle make imprecise.
_COARSE_DISTANCE = 12.0
_COARSE_GROWTH = 0.08  # For each pixel between the two.
_COARSE_SCALE = 0.45  # Natural logarithm of the ratio of the scales.
_COARSE_COSINE = 0.85

# How far a fitting pair's own scale and rotation may be from the transform's.
_FINE_SCALE = 0.6
_FINE_COSINE = 0.8

# Distance from which on a pair counts for nothing: that of the first round of least squares, and its decrease.
_WIDEST = 24.0
_NARROWING = 0.65
_ROUNDS = 5

# The rows of the table that the pairs are kept in. The first four are what the least squares take.
_X, _Y, _U, _V, _SCALE, _COSINE, _SINE, _ENTRY_PLACE, _QUERY_PLACE, _COLUMNS = range(10)
_PLACES_PER_ROW = 1e6  # More squares than fit between the largest coordinates.


class Fit(NamedTuple):
    """How an entry lies in a query.

    ``matrix``, float64 (3, 3), takes (x, y, 1) in the entry's frame to the query plane, in homogeneous coordinates,
    both in pixels with whole numbers at the pixels' centres. ``inliers``, bool (m,), marks the pairs that it explains,
    and ``places`` is the number of different places, in whichever picture has fewer, at which these pairs lie.
    """

    matrix: NDArray[np.float64]
    inliers: NDArray[np.bool_]
    places: int


def fit(query_points: NDArray[np.float32], entry_points: NDArray[np.float32]) -> Fit | None:
    """The transform that most pairs agree on, or None where they agree on none.

    Both arrays are float32 (m, 4): x, y, size and angle in radians; row ``i`` of the one is alike to row ``i`` of the
    other. Only the first MOST_PAIRS rows are looked at, and rows that are no features, with numbers that are not finite
    or absurd, fit nothing. Raises ValueError for other shapes or types.
    """
    if query_points.shape != entry_points.shape or query_points.ndim != 2 or query_points.shape[1] != 4:
        raise ValueError(f"points are two arrays (m, 4), not {query_points.shape} and {entry_points.shape}")
    if query_points.dtype != np.float32 or entry_points.dtype != np.float32:
        raise ValueError(f"points are float32, not {query_points.dtype} and {entry_points.dtype}")
    matrix, inliers, places = _fit(np.ascontiguousarray(query_points), np.ascontiguousarray(entry_points))
    return Fit(matrix, inliers, places) if places else None


@kernel
def _fit(query: NDArray[np.float32], entry: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
    rows = _usable(query, entry)
    pairs = _table(query, entry, rows)
    transform, fitting, places = _refined(pairs, _best_support(pairs))
    inliers = np.zeros(len(query), np.bool_)
    inliers[rows[fitting]] = True
    return transform, inliers, places


@kernel
def _usable(query: NDArray[np.float32], entry: NDArray[np.float32]) -> NDArray[np.int64]:
    usable = np.ones(min(len(query), MOST_PAIRS), np.bool_)
    for i in range(len(usable)):
        for points in (query, entry):
            for k in range(4):
                usable[i] &= abs(points[i, k]) <= _LARGEST  # False for what is not a number.
            usable[i] &= points[i, 2] >= _SMALLEST
    return np.flatnonzero(usable)


@kernel
def _table(query: NDArray[np.float32], entry: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The usable pairs as columns of numbers, float64 (_COLUMNS, k)."""
    pairs = np.empty((_COLUMNS, len(rows)), np.float64)
    for k in range(len(rows)):
        i = rows[k]
        pairs[_X, k], pairs[_Y, k], pairs[_U, k], pairs[_V, k] = entry[i, 0], entry[i, 1], query[i, 0], query[i, 1]
        pairs[_SCALE, k] = np.log(np.float64(query[i, 2]) / np.float64(entry[i, 2]))
        turn = np.float64(query[i, 3]) - np.float64(entry[i, 3])
        pairs[_COSINE, k], pairs[_SINE, k] = np.cos(turn), np.sin(turn)
        pairs[_ENTRY_PLACE, k] = _place(pairs[_X, k], pairs[_Y, k])
        pairs[_QUERY_PLACE, k] = _place(pairs[_U, k], pairs[_V, k])
    return pairs


@kernel
def _place(x: float, y: float) -> float:
    return _PLACES_PER_ROW * np.floor(y / INLIER_DISTANCE) + np.floor(x / INLIER_DISTANCE)


@kernel
def _best_support(pairs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The pairs that support the similarity that one pair proposes, for the pair that has the most."""
    count = pairs.shape[1]
    best, support = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    most = 0
    for i in range(count):
        scale = np.exp(pairs[_SCALE, i])
        a, b = scale * pairs[_COSINE, i], scale * pairs[_SINE, i]
        for j in range(count):
            dx, dy = pairs[_X, j] - pairs[_X, i], pairs[_Y, j] - pairs[_Y, i]
            x = a * dx - b * dy + pairs[_U, i] - pairs[_U, j]
            y = b * dx + a * dy + pairs[_V, i] - pairs[_V, j]
            tolerance = _COARSE_DISTANCE + _COARSE_GROWTH * scale * np.sqrt(dx * dx + dy * dy)
            cosine = pairs[_COSINE, i] * pairs[_COSINE, j] + pairs[_SINE, i] * pairs[_SINE, j]
            support[j] = (
                (x * x + y * y < tolerance * tolerance)
                & (abs(pairs[_SCALE, j] - pairs[_SCALE, i]) < _COARSE_SCALE)
                & (cosine > _COARSE_COSINE)
            )
        votes = support.sum()
        if votes > most:
            most = votes
            best[:] = support
    return best


@kernel
def _refined(
    pairs: NDArray[np.float64], support: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
    """The most general transform that the supporters' places warrant, the pairs that fit it and their places."""
    best = np.zeros((3, 3), np.float64)
    inliers = np.zeros(len(support), np.bool_)
    places = 0
    # Every model starts from the supporters: those that a similarity misses are what tells an affine map from it.
    weights = support.astype(np.float64)
    supporting_places = _places(pairs, support)
    for model in (SIMILARITY, AFFINE, PROJECTIVE):
        if max(places, supporting_places) < LEAST_PLACES[model]:
            break
        transform = _fitted(pairs, weights, model)
        fitting = _distances(pairs, transform) < INLIER_DISTANCE**2
        fitting_places = _places(pairs, fitting)
        if fitting_places >= max(places, LEAST_PLACES[model]) and is_plausible(transform, pairs[:2], fitting):
            best, inliers, places = transform, fitting, fitting_places
    return best, inliers, places


@kernel
def _fitted(pairs: NDArray[np.float64], weights: NDArray[np.float64], model: int) -> NDArray[np.float64]:
    """Least squares, repeated with the weights that the distances of the round before deserve."""
    transform = least_squares(pairs[:4], weights, model)
    reach = _WIDEST
    for _ in range(_ROUNDS - 1):
        transform = least_squares(pairs[:4], _biweight(_distances(pairs, transform), reach), model)
        reach = max(INLIER_DISTANCE, reach * _NARROWING)
    return transform


@kernel
def _biweight(distances: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Tukey's biweight of squared distances: 1 at no distance, 0 from ``reach`` on."""
    return np.maximum(0.0, 1 - distances / (reach * reach)) ** 2


@kernel
def _distances(pairs: NDArray[np.float64], transform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared pixels from each query point to its partner's image; infinite where size or angle do not fit either."""
    distances = np.full(pairs.shape[1], np.inf)
    for i in range(len(distances)):
        a, b, c, d = jacobian(transform, pairs[_X, i], pairs[_Y, i])
        area = a * d - b * c
        if not (area > 0 and abs(pairs[_SCALE, i] - np.log(area) / 2) < _FINE_SCALE):
            continue
        # The rotation nearest to a 2 x 2 matrix turns by the angle of (a + d, c - b).
        if (a + d) * pairs[_COSINE, i] + (c - b) * pairs[_SINE, i] > _FINE_COSINE * np.hypot(a + d, c - b):
            _, u, v = image_of(transform, pairs[_X, i], pairs[_Y, i])
            distances[i] = (u - pairs[_U, i]) ** 2 + (v - pairs[_V, i]) ** 2
    return distances


@kernel
def _places(pairs: NDArray[np.float64], chosen: NDArray[np.bool_]) -> int:
    """The different places of the chosen pairs, in whichever picture has fewer of them."""
    return min(_distinct(pairs[_ENTRY_PLACE], chosen), _distinct(pairs[_QUERY_PLACE], chosen))


@kernel
def _distinct(places: NDArray[np.float64], chosen: NDArray[np.bool_]) -> int:
    ordered = np.sort(places[chosen])
    return min(1, len(ordered)) + (ordered[1:] != ordered[:-1]).sum()
