"""The pictures that must not be taken for one another share what they are said to share."""

import random

import numpy as np
import pytest
from PIL import Image

from benchmarks import hard
from benchmarks.photos import part
from bot.demo.pictures import picture


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32)


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    return [picture(1, (240, 180)), picture(2, (240, 180))]


@pytest.mark.parametrize("share", [0.15, 0.30, 0.45])
def test_a_tampered_picture_differs_in_its_share_of_the_area(share: float) -> None:
    black, white = Image.new("RGB", (300, 200)), Image.new("RGB", (300, 200), (255, 255, 255))
    result = pixels(hard.tampered([black, white], random.Random(1), round(100 * share)))
    assert (result[..., 0] / 255).mean() == pytest.approx(share, abs=0.02)
    assert (result[..., 0] > 128).mean() == pytest.approx(share, abs=0.02)


def test_halves_are_disjoint_and_make_the_photo(photos: list[Image.Image]) -> None:
    left, right = (pixels(hard.half(photos, random.Random(0), side)) for side in (0, 1))
    assert np.array_equal(np.concatenate([left, right], axis=1), pixels(photos[0]))


@pytest.mark.parametrize("maker", [hard.meme, hard.discord, hard.phone, hard.banner])
def test_what_lies_around_the_photo_is_the_same(maker, photos: list[Image.Image]) -> None:
    first, second = (pixels(maker([photo], random.Random(seed), 1)) for seed, photo in enumerate(photos))
    same = (first == second).all(axis=2).mean()
    assert 0.1 < same < 0.95


def test_templates_differ(photos: list[Image.Image]) -> None:
    made = {hard.meme(photos[:1], random.Random(0), number).tobytes() for number in range(5)}
    assert len(made) == 5


def test_frames_of_a_burst_differ_but_are_near(photos: list[Image.Image]) -> None:
    first, second = (hard.burst(photos, random.Random(number), number) for number in (0, 1))
    assert first.size == second.size == photos[0].size
    near = np.abs(pixels(first) - pixels(second)).mean()
    far = np.abs(pixels(photos[0]) - pixels(photos[1])).mean()
    assert 0 < near < far


def test_plain_pictures_are_of_three_kinds() -> None:
    blank, gradient, text = (pixels(hard.plain([], random.Random(number), number)) for number in range(3))
    assert np.ptp(blank, axis=(0, 1)).max() == 0
    assert gradient.std() > 1
    assert np.abs(np.diff(gradient, axis=0)).max() <= 3
    assert 0 < (np.abs(text - text[0, 0]).max(axis=2) > 30).mean() < 0.3


def test_quarters_are_a_quarter_and_all_different(photos: list[Image.Image]) -> None:
    parts = [part(photos, random.Random(0), number) for number in range(9)]
    assert {one.size for one in parts} == {(120, 90)}
    assert len({one.tobytes() for one in parts}) == 9
