"""Transforms recovered from made pairs, most of them wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from bot.matching.geometry import INLIER_DISTANCE, LEAST_PLACES, MOST_PAIRS, Fit, fit
from bot.matching.transforms import LARGEST_ANISOTROPY, image_of, jacobian

Points = NDArray[np.float32]
FRAME = (512, 384)
CORNERS = np.array([(0, 0), (FRAME[0], 0), (0, FRAME[1]), FRAME], np.float64)


def similarity(scale: float, angle: float, x: float, y: float) -> NDArray[np.float64]:
    a, b = scale * math.cos(angle), scale * math.sin(angle)
    return np.array([(a, -b, x), (b, a, y), (0, 0, 1)])


def moved(transform: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    images = np.c_[points, np.ones(len(points))] @ transform.T
    return images[:, :2] / images[:, 2:]


def features(rng: np.random.Generator, count: int, width: float = FRAME[0], height: float = FRAME[1]) -> Points:
    return np.c_[
        rng.uniform(0, width, count),
        rng.uniform(0, height, count),
        np.exp(rng.uniform(2.5, 5, count)),
        rng.uniform(-math.pi, math.pi, count),
    ].astype(np.float32)


def seen(transform: NDArray[np.float64], entry: Points, rng: np.random.Generator, error: float = 1.0) -> Points:
    """What an entry's features become in the query: places a little off, sizes and angles roughly right."""
    query = entry.astype(np.float64)
    for point in query:
        a, b, c, d = jacobian(transform, point[0], point[1])
        point[2] *= math.sqrt(a * d - b * c) * math.exp(rng.normal(0, 0.08))
        point[3] += math.atan2(c - b, a + d) + rng.normal(0, 0.08)
    query[:, :2] = moved(transform, query[:, :2]) + rng.normal(0, error, (len(query), 2))
    return query.astype(np.float32)


def pairs(
    transform: NDArray[np.float64], right: int, wrong: int, seed: int, error: float = 1.0
) -> tuple[Points, Points, NDArray[np.bool_]]:
    """Shuffled pairs, some of them right (query, entry, which are right)."""
    rng = np.random.default_rng(seed)
    entry = features(rng, right + wrong)
    query = np.concatenate([seen(transform, entry[:right], rng, error), features(rng, wrong, 640, 480)])
    order = rng.permutation(right + wrong)
    return query[order], entry[order], order < right


def corner_error(found: Fit, transform: NDArray[np.float64]) -> float:
    return float(np.hypot(*(moved(found.matrix, CORNERS) - moved(transform, CORNERS)).T).max())


similarities = st.builds(
    similarity, st.floats(0.3, 1.5), st.floats(-math.pi, math.pi), st.floats(-100, 500), st.floats(-100, 500)
)


@given(similarities, st.integers(8, 60), st.integers(0, 90), st.integers(0, 2**32))
@settings(deadline=None)
def test_a_similarity_is_recovered_among_wrong_pairs(
    transform: NDArray[np.float64], right: int, wrong: int, seed: int
) -> None:
    query, entry, expected = pairs(transform, right, wrong, seed)
    found = fit(query, entry)
    assert found is not None
    assert found.inliers[expected].mean() > 0.7
    assert found.inliers[~expected].sum() <= 2 + wrong / 20
    inside = moved(found.matrix, entry[expected, :2].astype(np.float64)) - query[expected, :2]
    assert np.median(np.hypot(*inside.T)) < 4


@given(st.integers(0, 2**32))
@settings(deadline=None)
def test_a_few_right_pairs_suffice_in_a_small_inset(seed: int) -> None:
    transform = similarity(0.25, 0.05, 300, 200)
    query, entry, expected = pairs(transform, 6, 20, seed, error=0.5)
    found = fit(query, entry)
    assert found is not None
    assert found.inliers[expected].sum() >= 5
    assert LEAST_PLACES[0] <= found.places <= found.inliers.sum()


@given(
    st.floats(0.4, 1.3), st.floats(-math.pi, math.pi), st.floats(0.65, 1.5), st.floats(-0.25, 0.25), st.integers(0, 999)
)
@settings(deadline=None)
def test_squeezing_and_shearing_are_recovered(
    scale: float, angle: float, ratio: float, shear: float, seed: int
) -> None:
    transform = similarity(scale, angle, 200, 100) @ np.array(
        [(math.sqrt(ratio), shear, 0), (0, 1 / math.sqrt(ratio), 0), (0, 0, 1)]
    )
    query, entry, expected = pairs(transform, 90, 40, seed)
    found = fit(query, entry)
    assert found is not None
    assert found.inliers[expected].mean() > 0.9
    assert corner_error(found, transform) < 6


@given(st.floats(-4e-4, 4e-4), st.floats(-4e-4, 4e-4), st.integers(0, 999))
@settings(deadline=None)
def test_the_perspective_of_a_photographed_screen_is_recovered(g: float, h: float, seed: int) -> None:
    transform = similarity(0.9, 0.1, 60, 40)
    transform[2, :2] = g, h
    query, entry, expected = pairs(transform, 90, 40, seed)
    found = fit(query, entry)
    assert found is not None
    assert found.inliers[expected].mean() > 0.9
    assert corner_error(found, transform) < 8


@given(similarities, st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_the_order_of_the_pairs_does_not_matter_and_neither_does_the_day(
    transform: NDArray[np.float64], seed: int
) -> None:
    query, entry, _ = pairs(transform, 30, 20, seed)
    one, again = fit(query, entry), fit(query.copy(), entry.copy())
    assert one is not None
    assert again is not None
    np.testing.assert_array_equal(one.matrix, again.matrix)
    np.testing.assert_array_equal(one.inliers, again.inliers)
    order = np.random.default_rng(seed).permutation(len(query))
    shuffled = fit(query[order], entry[order])
    assert shuffled is not None
    assert abs(shuffled.places - one.places) <= 2


def test_unrelated_pairs_fit_hardly_anywhere() -> None:
    rng = np.random.default_rng(1)
    found = [fit(features(rng, 60, 640, 480), features(rng, 60)) for _ in range(150)]
    places = [one.places if one else 0 for one in found]
    assert max(places) <= 6
    assert sum(count >= 5 for count in places) <= 3


def test_many_pairs_at_one_place_count_as_one() -> None:
    transform = similarity(0.8, 0.3, 100, 50)
    query, entry, _ = pairs(transform, 12, 0, 3, error=0.1)
    repeated = fit(np.repeat(query, 5, axis=0), np.repeat(entry, 5, axis=0))
    assert repeated is not None
    assert repeated.inliers.sum() == 60
    assert repeated.places <= 12
    crowd = np.repeat(query[:1], 40, axis=0)
    crowd[:, :2] += np.random.default_rng(0).uniform(0, 1, (40, 2)).astype(np.float32)
    assert fit(crowd, np.repeat(entry[:1], 40, axis=0)) is None


def test_a_line_of_features_does_not_invent_what_lies_beside_it() -> None:
    rng = np.random.default_rng(4)
    transform = similarity(0.7, -0.2, 120, 160)
    entry = features(rng, 40)
    entry[:, 1] = 200
    found = fit(seen(transform, entry, rng), entry)
    assert found is not None
    assert corner_error(found, transform) < 25


def test_a_mirror_image_does_not_fit() -> None:
    rng = np.random.default_rng(5)
    entry = features(rng, 60)
    query = entry.copy()
    query[:, 0] = 640 - query[:, 0]
    found = fit(query, entry)
    assert found is None or found.places < 8


def test_what_is_stretched_beyond_belief_is_not_an_affine_fit() -> None:
    rng = np.random.default_rng(6)
    entry = features(rng, 80)
    query = entry.copy()
    query[:, 0] *= LARGEST_ANISOTROPY * 1.5
    found = fit(query, entry)
    if found is not None:
        values = np.linalg.svd(np.array(jacobian(found.matrix, 256.0, 192.0)).reshape(2, 2), compute_uv=False)
        assert values[0] <= LARGEST_ANISOTROPY * values[1] * (1 + 1e-9)


def test_only_the_first_pairs_are_looked_at() -> None:
    transform = similarity(0.8, 0.3, 100, 50)
    query, entry, _ = pairs(transform, MOST_PAIRS + 50, 0, 3)
    found = fit(query, entry)
    assert found is not None
    assert found.inliers.shape == (MOST_PAIRS + 50,)
    assert not found.inliers[MOST_PAIRS:].any()
    assert found.inliers[:MOST_PAIRS].mean() > 0.9


any_points = st.integers(0, 40).flatmap(
    lambda count: st.tuples(
        *2 * [arrays.arrays(np.float32, (count, 4), elements=st.floats(width=32, allow_nan=True, allow_infinity=True))]
    )
)


@given(any_points)
@settings(deadline=None)
def test_any_numbers_are_survived(points: tuple[Points, Points]) -> None:
    query, entry = points
    found = fit(query, entry)
    if found is not None:
        assert np.isfinite(found.matrix).all()
        assert found.places >= LEAST_PLACES[0]
        assert np.isfinite(query[found.inliers]).all()


@given(st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0]), st.integers(0, 3), st.booleans())
@settings(deadline=None)
def test_a_broken_row_fits_nothing_and_spoils_nothing(value: float, column: int, in_query: bool) -> None:
    transform = similarity(0.8, 0.3, 100, 50)
    query, entry, _ = pairs(transform, 40, 10, 3)
    whole = fit(query, entry)
    (query if in_query else entry)[::5, column] = value
    found = fit(query, entry)
    assert whole is not None
    assert found is not None
    assert found.places >= 0.7 * whole.places
    if value != 0.0:
        assert not found.inliers[::5].any()


def test_inliers_are_the_pairs_within_the_distance() -> None:
    transform = similarity(0.8, 0.3, 100, 50)
    query, entry, _ = pairs(transform, 50, 50, 9)
    found = fit(query, entry)
    assert found is not None
    for i in np.flatnonzero(found.inliers):
        in_front, x, y = image_of(found.matrix, float(entry[i, 0]), float(entry[i, 1]))
        assert in_front
        assert math.hypot(x - query[i, 0], y - query[i, 1]) < INLIER_DISTANCE


def test_too_few_pairs_fit_nothing() -> None:
    empty = np.zeros((0, 4), np.float32)
    assert fit(empty, empty) is None
    query, entry, _ = pairs(similarity(1, 0, 0, 0), 2, 0, 1)
    assert fit(query, entry) is None


@pytest.mark.parametrize(
    ("query", "entry"),
    [
        (np.zeros((5, 4), np.float32), np.zeros((6, 4), np.float32)),
        (np.zeros((5, 3), np.float32), np.zeros((5, 3), np.float32)),
        (np.zeros(20, np.float32), np.zeros(20, np.float32)),
        (np.zeros((5, 4), np.float64), np.zeros((5, 4), np.float32)),
        (np.zeros((5, 4), np.float32), np.zeros((5, 4), np.int32)),
    ],
)
def test_other_arrays_are_refused(query: Any, entry: Any) -> None:
    with pytest.raises(ValueError, match="points are"):
        fit(query, entry)
