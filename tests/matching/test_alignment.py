"""Queries that show an entry under a known transform: the entry is a function of the plane, so the warp is exact."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bot.matching.alignment import align
from bot.matching.grid import CELLS, GRID_BYTES, LARGEST_SIDE, Agreement, compare, grid_of, informative, oriented
from bot.model import Orientation

FRAME = (512, 384)
UPRIGHT = np.eye(3)


def luminance(seed: int, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """A picture without end, of waves in all directions, by pixel coordinates in the entry's frame."""
    rng = np.random.default_rng(seed)
    waves = zip(*(rng.uniform(*span, 12) for span in ((40, 300), (0, math.pi), (0, 2 * math.pi))), strict=True)
    total = sum(
        np.cos((x * math.cos(a) + y * math.sin(a)) * 2 * math.pi / length + phase) for length, a, phase in waves
    )
    return np.clip(128 + 30 * np.asarray(total), 0, 255)


def shown(
    seed: int, transform: NDArray[np.float64], size: tuple[int, int] = (640, 480), scale: float = 1.0, *, fill: int = -1
) -> NDArray[np.uint8]:
    """A query plane of this size times the scale; the entry lies in it under the transform.

    Beyond the entry's frame the picture goes on, unless there is a fill.
    """
    width, height = round(size[0] * scale), round(size[1] * scale)
    # Two samples along each axis of a pixel stand for its area.
    columns = ((np.arange(2 * width) + 0.5) / 2) / scale - 0.5
    rows = ((np.arange(2 * height) + 0.5) / 2) / scale - 0.5
    u, v = np.meshgrid(columns, rows)
    x, y, depth = np.tensordot(np.linalg.inv(transform), np.stack([u, v, np.ones_like(u)]), 1)
    x, y = x / depth, y / depth
    values = luminance(seed, x, y)
    if fill >= 0:
        inside = (x >= -0.5) & (y >= -0.5) & (x <= FRAME[0] - 0.5) & (y <= FRAME[1] - 0.5)
        values = np.where(inside, values, fill)
    return np.round(values.reshape(height, 2, width, 2).mean((1, 3))).astype(np.uint8)


@lru_cache
def entry_grid(seed: int) -> bytes:
    return grid_of(shown(seed, UPRIGHT, FRAME))


def similarity(scale: float, degrees: float, x: float, y: float) -> NDArray[np.float64]:
    """Turned about the middle of the frame, which comes to lie at (x, y)."""
    a, b = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    turned = np.array([(a, -b, x), (b, a, y), (0, 0, 1)])
    return turned @ np.array([(1, 0, -FRAME[0] / 2), (0, 1, -FRAME[1] / 2), (0, 0, 1)])


@given(
    st.floats(0.25, 0.75),
    st.floats(-180, 180),
    st.floats(280, 360),
    st.floats(220, 260),
    st.sampled_from([1.0, 0.75, 0.5]),
    st.integers(0, 50),
)
@settings(deadline=None, max_examples=10)
def test_a_picture_found_where_it_lies_agrees(
    size: float, degrees: float, x: float, y: float, scale: float, seed: int
) -> None:
    transform = similarity(size, degrees, x, y)
    result = align(shown(seed, transform, scale=scale, fill=90), scale, transform, FRAME, entry_grid(seed))
    # A small inset loses its weakest steps to rounding and to its surroundings.
    assert result.agreement > 0.95
    assert result.coverage > 0.9


def test_the_perspective_of_a_photographed_screen_is_undone() -> None:
    transform = similarity(0.8, 8, 320, 240)
    transform[2, :2] = 6e-4, -4e-4
    transform[:2] *= transform[2] @ (FRAME[0] / 2, FRAME[1] / 2, 1)
    plane = shown(3, transform, fill=30)
    assert align(plane, 1.0, transform, FRAME, entry_grid(3)).agreement > 0.97
    affine = transform.copy()
    affine[2, :2] = 0
    assert align(plane, 1.0, affine, FRAME, entry_grid(3)).agreement < 0.9


def test_the_whole_picture_agrees_as_its_grid_does() -> None:
    plane, entry = shown(4, UPRIGHT, FRAME), entry_grid(4)
    aligned, compared = align(plane, 1.0, UPRIGHT, FRAME, entry), compare(grid_of(plane), entry)
    assert aligned.bits == compared.bits == informative(entry).bits
    assert aligned.agreement == pytest.approx(compared.agreement, abs=0.01)
    assert aligned.coverage == compared.coverage == 1.0


@given(st.integers(0, 1000), st.sampled_from([1.0, 0.5]))
@settings(deadline=None, max_examples=10)
def test_unrelated_pictures_agree_about_as_coins_do(seed: int, scale: float) -> None:
    result = align(shown(seed, UPRIGHT, FRAME, scale), scale, UPRIGHT, FRAME, entry_grid(seed + 5000))
    assert 0.25 < result.agreement < 0.75
    assert result.bits > 200


def test_noise_agrees_with_half() -> None:
    rng = np.random.default_rng(7)
    shares = [
        align(rng.integers(0, 256, (240, 320), np.uint8), 0.5, UPRIGHT, FRAME, entry_grid(1)).agreement
        for _ in range(20)
    ]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)


def test_the_wrong_place_does_not_agree() -> None:
    transform = similarity(0.6, 20, 320, 240)
    plane = shown(5, transform)
    assert align(plane, 1.0, transform, FRAME, entry_grid(5)).agreement > 0.97
    assert align(plane, 1.0, similarity(0.6, 20, 400, 300), FRAME, entry_grid(5)).agreement < 0.75
    assert align(plane, 1.0, similarity(0.6, 60, 320, 240), FRAME, entry_grid(5)).agreement < 0.75


@pytest.mark.parametrize("shares", [(0.5, 1.0), (1.0, 0.5), (0.5, 0.5)])
def test_only_what_the_query_shows_is_compared(shares: tuple[float, float]) -> None:
    size = round(FRAME[0] * shares[0]), round(FRAME[1] * shares[1])
    entry = entry_grid(6)
    result = align(shown(6, UPRIGHT, size), 1.0, UPRIGHT, FRAME, entry)
    assert result.agreement > 0.99
    assert result.coverage == result.visible == pytest.approx(shares[0] * shares[1], abs=0.1)
    assert result.bits == pytest.approx(informative(entry).bits * shares[0] * shares[1], rel=0.25)


def test_a_negative_agrees_when_held_to_be_one() -> None:
    transform = similarity(0.6, 20, 320, 240)
    plane = 255 - shown(8, transform)
    upright = align(plane, 1.0, transform, FRAME, entry_grid(8))
    negative = align(plane, 1.0, transform, FRAME, entry_grid(8), inverted=True)
    assert negative.agreement > 0.97
    assert upright.agreement == pytest.approx(1 - negative.agreement, abs=0.01)


def test_a_mirrored_picture_agrees_with_the_mirrored_grid() -> None:
    transform = similarity(0.6, 20, 320, 240)
    plane = np.ascontiguousarray(shown(9, transform)[:, ::-1])
    mirror_query = np.array([(-1.0, 0, 639), (0, 1, 0), (0, 0, 1)])
    mirror_entry = np.array([(-1.0, 0, FRAME[0] - 1), (0, 1, 0), (0, 0, 1)])
    mirrored = oriented(entry_grid(9), Orientation.MIRRORED)
    assert align(plane, 1.0, mirror_query @ transform @ mirror_entry, FRAME, mirrored).agreement > 0.97


def test_detail_finer_than_a_cell_does_not_alias() -> None:
    rng = np.random.default_rng(10)
    plane = shown(10, np.diag([2.0, 2.0, 1.0]), (1024, 768))
    speckled = np.clip(plane + rng.choice([-90.0, 90.0], plane.shape), 0, 255).astype(np.uint8)
    matrix = np.array([(2.0, 0, 0.5), (0, 2.0, 0.5), (0, 0, 1)])
    assert align(speckled, 1.0, matrix, FRAME, entry_grid(10)).agreement > 0.97


numbers = st.one_of(st.floats(), st.sampled_from([0.0, 1.0, -1.0, 1e-9, 1e8, 1e300, math.nan, math.inf, -math.inf]))


@given(
    st.lists(numbers, min_size=9, max_size=9),
    numbers,
    st.tuples(st.integers(1, 50), st.integers(1, 50)),
    st.tuples(st.integers(1, LARGEST_SIDE), st.integers(1, LARGEST_SIDE)),
    st.binary(min_size=GRID_BYTES, max_size=GRID_BYTES),
    st.booleans(),
)
@settings(deadline=None, max_examples=100)
def test_any_transform_is_survived(
    matrix: list[float], scale: float, shape: tuple[int, int], frame: tuple[int, int], grid: bytes, inverted: bool
) -> None:
    plane = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    result = align(plane, scale, np.array(matrix).reshape(3, 3), frame, grid, inverted=inverted)
    assert 0 <= result.agreement <= 1
    assert 0 <= result.coverage <= result.visible <= 1
    assert 0 <= result.bits <= informative(grid).bits
    assert math.isfinite(result.significance)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
@settings(deadline=None)
def test_planes_and_frames_of_any_size_are_compared(height: int, width: int, tall: int, wide: int) -> None:
    plane = np.random.default_rng(height).integers(0, 256, (height, width), np.uint8)
    stretch = np.diag([width / wide, height / tall, 1.0])
    stretch[:2, 2] = (width / wide - 1) / 2, (height / tall - 1) / 2
    grid = entry_grid(1)
    result = align(plane, 1.0, stretch, (wide, tall), grid)
    assert result.bits == informative(grid).bits


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_numbers_that_are_not_finite_make_nothing_visible(value: float) -> None:
    plane, grid = shown(1, UPRIGHT, (64, 48)), entry_grid(1)
    assert align(plane, value, UPRIGHT, FRAME, grid) == Agreement(0.0, 0.0, 0.0, 0, 0.0)
    broken = UPRIGHT.copy()
    broken[0, 1] = value
    assert align(plane, 1.0, broken, FRAME, grid) == Agreement(0.0, 0.0, 0.0, 0, 0.0)


def test_a_picture_behind_the_viewer_or_beside_the_plane_is_not_visible() -> None:
    plane, grid = shown(1, UPRIGHT, (64, 48)), entry_grid(1)
    assert align(plane, 1.0, np.diag([1.0, 1.0, -1.0]), FRAME, grid).bits == 0
    assert align(plane, 1.0, np.zeros((3, 3)), FRAME, grid).bits == 0
    assert align(plane, 1.0, similarity(1, 0, 5000, 0), FRAME, grid).bits == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"plane": np.zeros((4, 4), np.int16)}, "luminance plane"),
        ({"plane": np.zeros((0, 4), np.uint8)}, "luminance plane"),
        ({"matrix": np.zeros((2, 3))}, "a transform"),
        ({"matrix": np.zeros((3, 3), np.float32)}, "a transform"),
        ({"frame": (0, 10)}, "a frame"),
        ({"frame": (10, LARGEST_SIDE + 1)}, "a frame"),
        ({"grid": bytes(CELLS)}, "a grid"),
    ],
)
def test_other_arguments_are_refused(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "plane": np.zeros((48, 64), np.uint8),
        "scale": 1.0,
        "matrix": np.eye(3),
        "frame": FRAME,
        "grid": bytes(GRID_BYTES),
    }
    with pytest.raises(ValueError, match=message):
        align(**{**arguments, **change})
