"""Packed points and secret signatures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matching.packing import Signature, pack_points, unpack_points

from .local_features import SIGNATURE, descriptors

FRAMES = st.tuples(st.integers(16, 4000), st.integers(16, 4000))


@given(st.integers(0, 2**32), FRAMES)
def test_points_come_back_within_half_a_step(seed: int, frame: tuple[int, int]) -> None:
    width, height = frame
    low, high = (-0.5, -0.5, 4, -7), (width - 0.5, height - 0.5, 1000, 7)
    points = np.random.default_rng(seed).uniform(low, high, (50, 4)).astype(np.float32)
    back = unpack_points(pack_points(points, width, height), width, height)
    assert np.abs(back[:, 0] - points[:, 0]).max() <= width / 512 + 1e-2
    assert np.abs(back[:, 1] - points[:, 1]).max() <= height / 512 + 1e-2
    assert np.abs(np.log2(back[:, 2] / points[:, 2])).max() <= 4.01 / 255
    assert np.cos(back[:, 3] - points[:, 3]).min() >= np.cos(np.pi / 256 + 1e-3)


@given(st.integers(0, 2**32), FRAMES)
def test_mirroring_a_frame_mirrors_its_points(seed: int, frame: tuple[int, int]) -> None:
    packed = np.random.default_rng(seed).integers(0, 2**32, 50, np.uint32)
    upright, mirrored = unpack_points(packed, *frame), unpack_points(packed, *frame, mirrored=True)
    assert np.allclose(mirrored[:, 0], frame[0] - 1 - upright[:, 0], atol=1e-3)
    assert np.array_equal(mirrored[:, 1:3], upright[:, 1:3])
    assert np.allclose(np.cos(mirrored[:, 3]), -np.cos(upright[:, 3]), atol=1e-5)
    assert np.allclose(np.sin(mirrored[:, 3]), np.sin(upright[:, 3]), atol=1e-5)


def test_points_outside_the_frame_and_numbers_that_are_none_are_packed_somehow() -> None:
    points = np.asarray([[-1e9, 1e9, 0, 1e6], [np.nan, np.inf, -np.inf, np.nan], [0, 0, -5, 0]], np.float32)
    back = unpack_points(pack_points(points, 100, 80), 100, 80)
    assert np.isfinite(back).all()
    assert (back[:, 0] < 100).all()
    assert (back[:, 1] < 80).all()


@given(st.integers(0, 2**32))
def test_a_signature_holds_the_chosen_bits_in_their_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bits = rng.permutation(256)[:128]
    rows = descriptors(rng, 10)
    expected = [[sum((int(row[bit // 64]) >> int(bit % 64) & 1) << at for at, bit in enumerate(bits))] for row in rows]
    signed = Signature(bits).sign(rows)
    assert [[int(low) | int(high) << 64] for low, high in signed] == expected


def test_a_secret_gives_one_signature_and_another_secret_another() -> None:
    rows = descriptors(np.random.default_rng(1), 20)
    signed = Signature.derived(b"one").sign(rows)
    assert np.array_equal(signed, Signature.derived(b"one").sign(rows))
    assert not np.array_equal(signed, Signature.derived(b"two").sign(rows))


def test_distances_are_kept_but_for_chance() -> None:
    rng = np.random.default_rng(2)
    one, other = descriptors(rng, 500), descriptors(rng, 500)
    away = np.bitwise_count(SIGNATURE.sign(one) ^ SIGNATURE.sign(other)).sum(1)
    assert 60 < away.mean() < 68


@pytest.mark.parametrize(
    "bits", [np.arange(127), np.zeros(128, np.int64), np.arange(129, 257), np.arange(-1, 127), np.linspace(0, 255, 128)]
)
def test_other_choices_of_bits_are_refused(bits: np.ndarray) -> None:
    with pytest.raises(ValueError, match="128"):
        Signature(bits)
