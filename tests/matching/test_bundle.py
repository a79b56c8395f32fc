"""The PDQ hashes that go out with an entry."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bot.demo.pictures import picture
from bot.matching.bundle import published
from bot.matching.pdq import pdq
from bot.model import MOST_PDQ_HASHES, PDQ_BYTES


def grey(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"))


def apart(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@pytest.mark.parametrize("size", [(480, 600), (600, 400)])
def test_the_whole_comes_first_then_what_people_cut_out_of_it(size: tuple[int, int]) -> None:
    image = picture(3, size)
    hashes = published(grey(image))
    assert 1 < len(hashes) <= MOST_PDQ_HASHES
    assert len(set(hashes)) == len(hashes)
    assert {len(hash_) for hash_ in hashes} == {PDQ_BYTES}
    assert apart(hashes[0], pdq(image.convert("L")).hash) <= 16


@pytest.mark.parametrize(
    "edges", [(0.08, 0.08, 0.92, 0.92), (0, 0, 0.84, 0.84), (0.16, 0.16, 1, 1), (0.175, 0.175, 0.825, 0.825)]
)
def test_a_crop_that_the_whole_does_not_find_is_found(edges: tuple[float, float, float, float]) -> None:
    image = picture(3, (480, 600))
    hashes = published(grey(image))
    left, top, right, bottom = edges
    crop = image.crop((round(480 * left), round(600 * top), round(480 * right), round(600 * bottom)))
    cut = pdq(crop.convert("L")).hash
    assert min(apart(cut, hash_) for hash_ in hashes) <= 31
    assert apart(cut, hashes[0]) > 31


def test_a_plain_picture_has_none() -> None:
    ramp = np.tile(np.linspace(0, 255, 400), (300, 1)).astype(np.uint8)
    for plain in (
        np.zeros((300, 400), np.uint8),
        ramp,
        np.random.default_rng(1).integers(90, 93, (300, 400), np.uint8),
    ):
        assert published(plain) == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (5, 5)])
def test_any_shape_is_taken(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    assert len(published(noise)) <= MOST_PDQ_HASHES
