"""Which views may be listed."""

from __future__ import annotations

import random

import numpy as np
import pytest

from bot.matching.gate import LEAST_STEPS, LEAST_TILES, gated
from bot.matching.grid import CELLS, informative
from bot.model import Form

from .builders import BASES, bare, fingerprint, gridded, oriented, picture, view


def reliable_in(steps: int, seed: int = 1) -> bytes:
    """A grid with exactly this many reliable steps, anywhere."""
    chosen = set(random.Random(seed).sample(range(CELLS * 32), steps))
    marks = [sum(1 << 32 + bit for bit in range(32) if 32 * row + bit in chosen) for row in range(CELLS)]
    return b"".join(mark.to_bytes(8, "little") for mark in marks)


@pytest.mark.parametrize(("steps", "listed"), [(LEAST_STEPS, True), (LEAST_STEPS - 1, False), (0, False), (544, True)])
def test_a_view_with_too_few_steps_is_left_out(steps: int, listed: bool) -> None:
    grid = reliable_in(steps)
    assert informative(grid).bits == steps
    assert bool(gated(picture(BASES[0], grid=grid)).views) == listed


def test_a_view_whose_steps_stand_in_one_corner_is_left_out() -> None:
    """Enough steps in all, but in too few tiles to tell the picture from others with such a corner."""
    signs = np.zeros((CELLS, 2), np.uint32)
    signs[:9, 1] |= 0x0FFF  # steps across the first nine rows, in three tiles' width of them
    signs[:13, 1] |= 0x00FF_0000  # steps down the first thirteen columns, in two tiles' height
    grid = signs.tobytes()
    found = informative(grid)
    assert found.bits >= LEAST_STEPS
    assert found.tiles < LEAST_TILES
    assert gated(picture(BASES[0], grid=grid)).plain


def test_good_views_stay_as_they_are_and_bare_hashes_too() -> None:
    whole = view(oriented(BASES[0]))
    weak = view(oriented(BASES[1]), Form.TRIMMED, grid=reliable_in(10))
    both = fingerprint([whole, weak])
    assert gated(both).views == (whole,)
    assert gated(both).sha256 == both.sha256
    for good in (picture(BASES[0], grid=gridded(3)), bare(BASES[0], BASES[1]), fingerprint([])):
        assert gated(good) is good
