"""Every edit makes a file of another picture, the same one each time."""

import random
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from benchmarks.edits import ALL_EDITS, EDITS, EXTRAS, GROUPS, decode
from bot.demo.pictures import picture

NAMES = (
    "none", "jpeg75", "jpeg50", "jpeg30", "webp50", "gif256", "resize50", "resize25", "resize320", "squeeze80",
    "crop05", "crop10", "crop20", "crop30", "crop50", "crop70", "hflip", "vflip", "rot1", "rot3", "rot5", "rot10c",
    "rot10", "rot15", "rot90", "rot180", "border05_w", "border10_b", "border20_w", "letterbox", "blurfill",
    "shot_discord", "shot_phone", "shot_viewer", "caption_top", "caption_bottom", "caption_over", "wm_corner",
    "wm_tiled", "sticker05", "sticker10", "sticker20", "censor10", "censor_ctr10", "mosaic10", "blur1", "blur3",
    "noise10", "noise25", "bright_up", "bright_dn", "contrast_up", "contrast_dn", "gamma_up", "gamma_dn", "gray",
    "sat2", "tint", "hue", "invert", "pip25", "pip40", "pip_host20", "collage2", "collage2fit", "collage4",
    "collage4fit", "chain3", "flipcropjpg", "combo_light", "combo_heavy", "persp", "persp_soft", "wave",
)  # fmt: skip

SIZES = ((300, 200), (180, 240))


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32)


@pytest.fixture(scope="module")
def poster() -> Image.Image:
    return picture(5, (300, 220))


def apply(name: str, image: Image.Image, seed: int = 1) -> Image.Image:
    return decode(ALL_EDITS[name](image, random.Random(seed)))


def test_the_edits_are_the_74_in_their_order() -> None:
    assert tuple(EDITS) == NAMES
    assert len(NAMES) == 74
    assert list(EXTRAS) == ["invertcrop"]


def test_every_edit_is_in_one_group() -> None:
    assert sorted(edit for members in GROUPS.values() for edit in members) == sorted(NAMES)


@pytest.mark.parametrize("name", ALL_EDITS)
@pytest.mark.parametrize("size", SIZES)
def test_an_edit_makes_a_file_of_another_picture(name: str, size: tuple[int, int]) -> None:
    image = picture(3, size)
    data = ALL_EDITS[name](image, random.Random(7))
    with Image.open(BytesIO(data)) as opened:
        expected = {"webp50": "WEBP", "gif256": "GIF"}.get(name, "JPEG")
        assert opened.format == expected
    result = decode(data)
    assert result.size != size or not np.array_equal(pixels(result), pixels(image))
    assert pixels(image).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("name", ALL_EDITS)
def test_chance_comes_from_the_generator_alone(name: str, poster: Image.Image) -> None:
    before = poster.tobytes()
    assert ALL_EDITS[name](poster, random.Random(4)) == ALL_EDITS[name](poster, random.Random(4))
    assert poster.tobytes() == before


@pytest.mark.parametrize("name", ["crop30", "rot3", "shot_phone", "noise10", "pip25", "combo_heavy", "persp"])
def test_another_seed_makes_another_copy(name: str, poster: Image.Image) -> None:
    assert len({ALL_EDITS[name](poster, random.Random(seed)) for seed in range(4)}) > 1


@pytest.mark.parametrize(("name", "kept"), [("crop05", 0.95), ("crop20", 0.8), ("crop50", 0.5), ("crop70", 0.3)])
def test_a_crop_keeps_its_share_of_the_area(name: str, kept: float, poster: Image.Image) -> None:
    for seed in range(10):
        result = apply(name, poster, seed)
        share = result.width * result.height / (poster.width * poster.height)
        assert share == pytest.approx(kept, abs=0.01)


@pytest.mark.parametrize("name", ["rot1", "rot3", "rot5", "rot10c"])
@pytest.mark.parametrize("size", [(300, 200), (200, 300), (600, 120)])
def test_a_tilted_and_cut_picture_shows_no_corner(name: str, size: tuple[int, int]) -> None:
    result = pixels(apply(name, Image.new("RGB", size, (255, 255, 255))))
    assert result.min() > 200


def test_a_letterbox_is_1_6_times_as_high(poster: Image.Image) -> None:
    assert apply("letterbox", poster).size == (poster.width, round(1.6 * poster.height))


@pytest.mark.parametrize(("name", "share"), [("sticker05", 0.05), ("sticker10", 0.10), ("sticker20", 0.20)])
def test_stickers_cover_their_share(name: str, share: float, poster: Image.Image) -> None:
    shares = []
    for seed in range(8):
        change = np.abs(pixels(apply(name, poster, seed)) - pixels(apply("none", poster))).max(axis=2) > 25
        shares.append(change.mean())
    assert np.median(shares) == pytest.approx(share, rel=0.25)


@pytest.mark.parametrize("name", ["censor10", "censor_ctr10"])
def test_a_black_box_covers_a_tenth(name: str) -> None:
    result = pixels(apply(name, Image.new("RGB", (300, 200), (200, 200, 200))))
    assert (result.max(axis=2) < 60).mean() == pytest.approx(0.1, abs=0.01)


def test_inverted_twice_is_the_picture(poster: Image.Image) -> None:
    twice = pixels(apply("invert", apply("invert", poster)))
    assert np.abs(twice - pixels(poster)).mean() < 6


def test_flips_and_turns_are_exact_but_for_the_codec(poster: Image.Image) -> None:
    upright = pixels(poster)
    for name, expected in (
        ("hflip", upright[:, ::-1]),
        ("vflip", upright[::-1]),
        ("rot90", np.rot90(upright)),
        ("rot180", upright[::-1, ::-1]),
    ):
        assert np.abs(pixels(apply(name, poster)) - expected).mean() < 4


@pytest.mark.parametrize(("name", "calls"), [("pip25", 1), ("pip_host20", 1), ("collage2", 1), ("collage4fit", 3)])
def test_the_other_pictures_are_those_that_were_given(name: str, calls: int, poster: Image.Image) -> None:
    seen = []

    def others(rng: random.Random) -> Image.Image:
        seen.append(rng)
        return Image.new("RGB", (320, 240), (0, 255, 0))

    result = pixels(decode(ALL_EDITS[name](poster, random.Random(2), others)))
    assert len(seen) == calls
    green = (result[..., 1] > 200) & (result[..., 0] < 60) & (result[..., 2] < 60)
    assert green.mean() > 0.1


def test_pip_shows_the_picture_at_its_share_of_the_width() -> None:
    white = Image.new("RGB", (300, 200), (255, 255, 255))
    for name, share in (("pip25", 0.25), ("pip40", 0.40)):
        data = ALL_EDITS[name](white, random.Random(3), lambda _: Image.new("RGB", (400, 300), (0, 0, 0)))
        result = pixels(decode(data))
        assert (result.min(axis=(2)) > 128).any(axis=0).mean() == pytest.approx(share, abs=0.012)
