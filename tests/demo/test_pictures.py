"""The generated pictures: the same again, different from each other, and edited as named."""

from __future__ import annotations

from io import BytesIO
from itertools import combinations

import imagehash
import numpy as np
import pytest
from PIL import Image

from bot.demo import pictures
from bot.demo.pictures import SIZE, encode, encode_animation, face_swapped, picture, twinkling

SMALL = (240, 300)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), np.int16)


def test_a_seed_gives_the_same_pixels_again_and_a_copy_of_ones_own() -> None:
    one = picture(3, SMALL)
    one.paste((0, 0, 0), (0, 0, 100, 100))
    pictures._picture.cache_clear()
    again = picture(3, SMALL)
    assert np.array_equal(pixels(again), pixels(picture(3, SMALL)))
    assert not np.array_equal(pixels(one), pixels(again))


def test_size_and_mode() -> None:
    assert (picture(0).size, picture(0).mode) == (SIZE, "RGB")
    for seed in range(len(pictures.MOTIFS)):
        assert picture(seed, (200, 320)).size == (200, 320)


def test_seeds_are_far_apart_and_a_picture_looks_alike_at_every_size() -> None:
    hashes = [imagehash.phash(picture(seed, SMALL), hash_size=16) for seed in range(24)]
    apart = [one - other for one, other in combinations(hashes, 2)]
    assert sum(distance > 90 for distance in apart) > 0.98 * len(apart)
    assert min(apart) > 64
    for seed in range(3):
        assert imagehash.phash(picture(seed), hash_size=16) - hashes[seed] <= 24


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF"])
def test_encode_writes_the_named_format(name: str) -> None:
    decoded = Image.open(BytesIO(encode(picture(1, SMALL), name)))
    assert decoded.format == name
    assert np.abs(pixels(decoded) - pixels(picture(1, SMALL))).mean() < 12


def test_encode_hands_options_over() -> None:
    image = picture(2, SMALL)
    assert len(encode(image, quality=20)) < len(encode(image, quality=95)) / 2


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG"])
def test_an_animation_has_its_frames(name: str) -> None:
    decoded = Image.open(BytesIO(encode_animation(twinkling(picture(4, SMALL), 5), name)))
    assert (decoded.format, getattr(decoded, "n_frames", 1)) == (name, 5)


def test_edits_change_the_shape_as_named() -> None:
    image = picture(5, SMALL)
    assert pictures.turned(image, 90).size == (300, 240)
    assert pictures.resized(image, 0.25).size == (60, 75)
    width, height = pictures.cropped(image, 0.2).size
    assert width * height == pytest.approx(0.8 * 240 * 300, rel=0.02)
    assert pictures.bordered(image, 0.1).size == (300, 360)
    assert pictures.bordered(image, 0.1).getpixel((10, 10)) == (255, 255, 255)
    assert pictures.captioned(image).size[1] > 300
    assert np.array_equal(pixels(pictures.mirrored(image)), pixels(image)[:, ::-1])
    assert 0 < np.abs(pixels(pictures.recompressed(image, 20)) - pixels(image)).mean() < 12


def test_a_swap_replaces_about_its_share_and_nothing_else() -> None:
    for seed in range(6):
        image = picture(seed, SMALL)
        changed = np.abs(pixels(face_swapped(image, seed)) - pixels(image)).max(axis=-1) > 2
        assert 0.5 * pictures.FACE_SHARE < changed.mean() < 1.4 * pictures.FACE_SHARE
        rows, columns = np.nonzero(changed)
        assert len(changed) * 0.1 < rows.min()
        assert rows.max() < len(changed) * 0.85
        assert np.ptp(columns) < 0.5 * image.width


def test_a_swap_lies_near_its_original_but_not_on_it() -> None:
    for seed in range(12):
        image = picture(seed, SMALL)
        away = imagehash.phash(face_swapped(image, seed), hash_size=16) - imagehash.phash(image, hash_size=16)
        assert 8 <= away <= 56
