"""Grids of pictures made of noise, with the reference written in plain numpy beside them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bot.matching.grid import (
    CELLS,
    GRID_BITS,
    GRID_BYTES,
    LARGEST_SIDE,
    STEPS,
    TILES,
    Agreement,
    agreement_of,
    area_sums,
    compare,
    grid_of,
    informative,
    inverted,
    oriented,
    words_of,
)
from bot.model import Orientation

Plane = NDArray[np.uint8]

TURNS: dict[Orientation, Callable[[Plane], Plane]] = {
    Orientation.UPRIGHT: lambda plane: plane,
    Orientation.MIRRORED: np.fliplr,
    Orientation.UPSIDE_DOWN_MIRRORED: np.flipud,
    Orientation.TURNED_LEFT: lambda plane: np.rot90(plane, 1),
    Orientation.UPSIDE_DOWN: lambda plane: np.rot90(plane, 2),
    Orientation.TURNED_RIGHT: lambda plane: np.rot90(plane, 3),
    Orientation.TRANSPOSED: np.transpose,
    Orientation.TRANSVERSED: lambda plane: np.rot90(plane, 2).T,
}

INVERSES = {Orientation.TURNED_LEFT: Orientation.TURNED_RIGHT, Orientation.TURNED_RIGHT: Orientation.TURNED_LEFT}


def noise(seed: int, height: int = 90, width: int = 120, blocks: int = 12) -> Plane:
    """Soft noise: random blocks, so that steps between cells are large, with a share of flat places."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (blocks, blocks)).astype(np.uint8)
    coarse[: blocks // 4] = 90
    rows, columns = np.arange(height) * blocks // height, np.arange(width) * blocks // width
    return coarse[np.ix_(rows, columns)]


def steps_of(grid: bytes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The signs and the reliability, bool (2, CELLS, STEPS): rows, then columns. Reads the layout as documented."""
    bits = np.unpackbits(np.frombuffer(grid, np.uint8), bitorder="little").astype(bool).reshape(CELLS, 4, STEPS)
    return bits[:, :2].transpose(1, 0, 2), bits[:, 2:].transpose(1, 0, 2)


def reference_cells(plane: Plane) -> NDArray[np.float64]:
    height, width = plane.shape
    fine = np.repeat(np.repeat(plane, CELLS, axis=0), CELLS, axis=1)
    return fine.reshape(CELLS, height, CELLS, width).mean((1, 3))


def reference_steps(plane: Plane) -> NDArray[np.float64]:
    cells = reference_cells(plane)
    return np.stack([np.diff(cells, axis=1), np.diff(cells, axis=0).T])


planes = st.builds(noise, st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 60), st.integers(1, 40))


@given(planes)
def test_cells_are_exact_averages_over_areas(plane: Plane) -> None:
    sums = area_sums(plane)
    assert (sums == np.round(sums)).all()
    np.testing.assert_allclose(sums / plane.size, reference_cells(plane), rtol=1e-12, atol=1e-9)


@given(planes)
def test_signs_and_reliability_follow_the_differences_of_the_cells(plane: Plane) -> None:
    signs, reliable = steps_of(grid_of(plane))
    steps = reference_steps(plane)
    least = max(1.5, 0.35 * float(np.median(np.abs(steps))))
    clear = np.abs(np.abs(steps) - least) > 1e-6
    np.testing.assert_array_equal(reliable[clear], (np.abs(steps) > least)[clear])
    moving = np.abs(steps) > 1e-6
    np.testing.assert_array_equal(signs[moving], (steps > 0)[moving])


@given(planes, st.sampled_from(Orientation))
def test_the_grid_of_a_turned_picture_is_the_turned_grid(plane: Plane, orientation: Orientation) -> None:
    assert oriented(grid_of(plane), orientation) == grid_of(TURNS[orientation](plane))


@given(st.binary(min_size=GRID_BYTES, max_size=GRID_BYTES), st.sampled_from(Orientation))
def test_every_orientation_can_be_undone(grid: bytes, orientation: Orientation) -> None:
    assert oriented(oriented(grid, orientation), INVERSES.get(orientation, orientation)) == grid


@given(planes)
def test_inverting_complements_the_signs_of_all_reliable_steps(plane: Plane) -> None:
    grid = grid_of(plane)
    signs, reliable = steps_of(inverted(grid))
    negative_signs, negative_reliable = steps_of(grid_of(255 - plane))
    np.testing.assert_array_equal(reliable, negative_reliable)
    np.testing.assert_array_equal(signs[reliable], negative_signs[reliable])
    assert inverted(inverted(grid)) == grid


@given(st.binary(min_size=GRID_BYTES, max_size=GRID_BYTES), st.binary(min_size=GRID_BYTES, max_size=GRID_BYTES))
def test_agreement_counts_the_steps_that_are_reliable_in_the_entry(query: bytes, entry: bytes) -> None:
    (query_signs, _), (entry_signs, reliable) = steps_of(query), steps_of(entry)
    result = compare(query, entry)
    assert result.bits == reliable.sum()
    assert result.agreement * result.bits == pytest.approx(((query_signs == entry_signs) & reliable).sum())
    assert result.significance == pytest.approx((2 * result.agreement - 1) * math.sqrt(result.bits))


@given(st.binary(min_size=GRID_BYTES, max_size=GRID_BYTES), st.sampled_from(Orientation))
def test_agreement_is_the_same_when_both_are_turned(entry: bytes, orientation: Orientation) -> None:
    query = grid_of(noise(3))
    assert compare(oriented(query, orientation), oriented(entry, orientation)) == compare(query, entry)
    assert informative(oriented(entry, orientation)) == informative(entry)


@given(st.binary(min_size=GRID_BYTES, max_size=GRID_BYTES), st.data())
def test_a_step_is_visible_when_both_of_its_cells_are(entry: bytes, data: st.DataObject) -> None:
    visible = np.array(data.draw(st.lists(st.booleans(), min_size=CELLS**2, max_size=CELLS**2))).reshape(CELLS, CELLS)
    _, reliable = steps_of(entry)
    seen = np.stack([visible[:, 1:] & visible[:, :-1], (visible[1:] & visible[:-1]).T])
    result = compare(entry, entry, visible)
    assert result.bits == (reliable & seen).sum()
    assert result.agreement == (1.0 if result.bits else 0.0)


def test_a_copy_agrees_and_its_negative_disagrees() -> None:
    grid = grid_of(noise(1))
    bits, _ = informative(grid)
    assert compare(grid, grid) == Agreement(1.0, 1.0, 1.0, bits, pytest.approx(math.sqrt(bits)))
    negative = compare(inverted(grid), grid)
    assert (negative.agreement, negative.coverage, negative.visible) == (0.0, 0.0, 1.0)


def test_half_of_a_picture_covers_half_of_its_tiles() -> None:
    grid = grid_of(noise(2, 340, 340, 34))
    visible = np.zeros((CELLS, CELLS), np.bool_)
    visible[:, : CELLS // 2 + 1] = True
    result = compare(grid, grid, visible)
    assert result.agreement == 1.0
    assert result.visible == pytest.approx(0.5, abs=0.05)
    assert result.coverage == pytest.approx(result.visible, abs=0.05)


@given(
    st.binary(min_size=GRID_BYTES, max_size=GRID_BYTES), st.binary(min_size=GRID_BYTES, max_size=GRID_BYTES), st.data()
)
def test_no_more_is_covered_than_is_visible(query: bytes, entry: bytes, data: st.DataObject) -> None:
    shown = np.array(data.draw(st.lists(st.booleans(), min_size=CELLS**2, max_size=CELLS**2))).reshape(CELLS, CELLS)
    result = compare(query, entry, shown)
    assert 0 <= result.coverage <= result.visible <= 1
    itself = compare(entry, entry, shown)  # of a tile that is hardly seen nothing counts as covered
    assert result.visible == itself.visible < itself.coverage + 0.25 or itself.bits == 0


def test_unrelated_pictures_agree_about_as_coins_do() -> None:
    grids = [grid_of(noise(seed, 170, 170, 23)) for seed in range(40)]
    agreements = [compare(one, other).agreement for one in grids for other in grids if one is not other]
    assert np.mean(agreements) == pytest.approx(0.5, abs=0.02)
    assert max(agreements) < 0.75


def test_a_flat_query_agrees_with_no_gradient() -> None:
    flat = grid_of(np.full((50, 50), 200, np.uint8))
    slope = np.add.outer(np.arange(170), np.arange(170)).astype(np.float64)
    middle = np.hypot(*np.meshgrid(np.arange(170) - 85, np.arange(170) - 85))
    for shape in (slope, slope[::-1], middle, -middle):
        picture = (255 * (shape - shape.min()) / np.ptp(shape)).astype(np.uint8)
        assert compare(flat, grid_of(picture)).agreement == pytest.approx(0.5, abs=0.1)


def test_a_plain_picture_is_not_informative() -> None:
    assert informative(grid_of(np.full((40, 60), 128, np.uint8))) == (0, 0)
    bits, tiles = informative(grid_of(noise(4, 170, 170, 34)))
    assert GRID_BITS // 2 < bits < GRID_BITS
    assert TILES // 2 < tiles <= TILES
    corner = np.zeros((170, 170), np.uint8)
    corner[:40, :40] = noise(5, 40, 40, 8)
    assert informative(grid_of(corner)).tiles == 1


@given(st.integers(1, 40), st.integers(1, 3000))
@settings(max_examples=30)
def test_planes_of_any_size_have_a_grid(height: int, width: int) -> None:
    assert len(grid_of(np.zeros((height, width), np.uint8))) == GRID_BYTES


def test_the_longest_side_does_not_overflow() -> None:
    line = np.full((3, LARGEST_SIDE), 255, np.uint8)
    np.testing.assert_allclose(area_sums(line) / line.size, 255.0)
    np.testing.assert_allclose(area_sums(line.T.copy()) / line.size, 255.0)


def test_a_view_of_another_array_has_the_grid_of_its_copy() -> None:
    plane = noise(6)
    assert grid_of(plane[::2, ::-3]) == grid_of(plane[::2, ::-3].copy())


@pytest.mark.parametrize(
    "plane",
    [
        np.zeros((0, 5), np.uint8),
        np.zeros((5, 0), np.uint8),
        np.zeros(5, np.uint8),
        np.zeros((5, 5, 3), np.uint8),
        np.zeros((5, 5), np.float32),
        np.zeros((1, LARGEST_SIDE + 1), np.uint8),
    ],
)
def test_anything_but_a_plane_is_refused(plane: Any) -> None:
    with pytest.raises(ValueError, match="luminance plane"):
        grid_of(plane)


@pytest.mark.parametrize("length", [0, GRID_BYTES - 1, GRID_BYTES + 8])
def test_a_grid_of_another_length_is_refused(length: int) -> None:
    grid = grid_of(noise(7))
    with pytest.raises(ValueError, match="136 bytes"):
        words_of(bytes(length))
    with pytest.raises(ValueError, match="136 bytes"):
        compare(grid, bytes(length))


@pytest.mark.parametrize("visible", [np.ones((CELLS, STEPS), np.bool_), np.ones((CELLS, CELLS), np.uint8)])
def test_visible_cells_of_another_kind_are_refused(visible: Any) -> None:
    grid = grid_of(noise(8))
    with pytest.raises(ValueError, match="visible cells"):
        compare(grid, grid, visible)


def test_nothing_to_compare_is_no_agreement() -> None:
    assert agreement_of(0, 0, 0.0, 0.0, 5) == Agreement(0.0, 0.0, 0.0, 0, 0.0)
    assert agreement_of(3, 4, 0.0, 0.0, 0) == Agreement(0.75, 0.0, 0.0, 4, 1.0)
