"""Fingerprints: equal to imagehash's own, in every orientation, and refused where chance would decide."""

from io import BytesIO

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from bot.matching import borders, planes
from bot.matching.extract import SAME_VIEW, Extraction
from bot.matching.fingerprint import QUALITY_GATE, forms, gradient_quality
from bot.matching.grid import grid_of
from bot.matching.query import Wanted
from bot.model import GRID_BYTES, ORIENTATIONS, PHASH_BYTES, Fingerprint, Form, Orientation
from tests.media.pictures import encoded, picture

SHA = bytes(32)
TURNS = (
    None,
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
)


def of(*frames: Image.Image) -> Fingerprint:
    extraction = Extraction(Wanted.NOTHING)
    for number, frame in enumerate(frames):
        extraction.add(number, frame)
    size = frames[0].size if frames else (1, 1)
    return extraction.query(sha256=SHA, size=size, total_frames=max(1, len(frames))).fingerprint


def bits(hashes: bytes, orientation: int = 0) -> np.ndarray:
    one = hashes[orientation * PHASH_BYTES : (orientation + 1) * PHASH_BYTES]
    return np.unpackbits(np.frombuffer(one, np.uint8)).astype(bool)


def oracle(image: Image.Image) -> np.ndarray:
    return imagehash.phash(image, hash_size=16).hash.ravel()


def apart(one: np.ndarray, other: np.ndarray) -> int:
    return int((one != other).sum())


def bordered(image: Image.Image, around: tuple[int, int, int, int], colour: int) -> Image.Image:
    left, top, right, bottom = around
    result = Image.new("RGB", (image.width + left + right, image.height + top + bottom), (colour,) * 3)
    result.paste(image, (left, top))
    return result


@pytest.mark.parametrize("size", [(64, 64), (100, 75), (320, 240), (255, 900), (1500, 1100)])
@pytest.mark.parametrize("orientation", list(Orientation))
def test_equals_imagehash_in_every_orientation(size: tuple[int, int], orientation: Orientation) -> None:
    image = picture(7, size)
    turn = TURNS[orientation]
    expected = oracle(image if turn is None else image.transpose(turn))

    (view,) = of(image).views

    assert view.form is Form.WHOLE
    assert len(view.hashes) == ORIENTATIONS * PHASH_BYTES
    assert apart(bits(view.hashes, orientation), expected) <= 4


def test_a_turned_copy_has_the_hash_that_was_stored_for_its_orientation() -> None:
    image = picture(3)
    (stored,) = of(image).views
    for orientation in Orientation:
        turn = TURNS[orientation]
        (query,) = of(image if turn is None else image.transpose(turn)).views
        others = [apart(bits(stored.hashes, other), bits(query.hashes)) for other in Orientation]
        assert others.index(min(others)) == orientation
        assert min(others) <= 2
        assert sorted(others)[1] > 43


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr", "HSV", "I;16", "I"])
def test_every_colour_mode_hashes_like_rgb(mode: str) -> None:
    image = picture(11)
    grey = image.convert("L")
    converted = {
        "P": lambda: image.quantize(200),
        "PA": lambda: image.quantize(200).convert("PA"),
        "I;16": lambda: Image.fromarray(np.asarray(grey).astype(np.uint16) * 257),
        "I": lambda: Image.fromarray(np.asarray(grey).astype(np.int32) * 257),
    }.get(mode, lambda: image.convert(mode))()
    assert converted.mode == mode

    (view,) = of(converted).views

    # Dithering to black and white costs some bits; nothing else may cost more than a few.
    assert apart(bits(view.hashes), oracle(image)) <= (20 if mode == "1" else 8)


def test_a_palette_is_read_through_its_colours_whatever_their_order() -> None:
    quantized = picture(12).quantize(64)
    shuffled = quantized.remap_palette(list(np.random.default_rng(1).permutation(64)))
    assert apart(np.asarray(quantized).ravel(), np.asarray(shuffled).ravel()) > quantized.width * quantized.height / 2
    assert of(quantized).views == of(shuffled).views


def test_transparency_is_seen_on_light_and_on_dark_ground() -> None:
    image = picture(13)
    drawn_in_alpha = Image.new("RGBA", image.size, (255, 255, 255, 0))
    drawn_in_alpha.putalpha(image.convert("L"))

    found = of(drawn_in_alpha)

    # White on white is nothing; on a dark ground the same file shows the picture.
    assert min(apart(bits(view.hashes), oracle(image)) for view in found.views) <= 4


def test_opaque_alpha_adds_no_view() -> None:
    assert of(picture(14).convert("RGBA")).views == of(picture(14)).views


@pytest.mark.parametrize("colour", [0, 30, 128, 255])
@pytest.mark.parametrize("around", [(40, 0, 40, 0), (0, 60, 0, 60), (15, 25, 35, 45), (200, 150, 220, 170)])
def test_a_uniform_border_is_cut_off(around: tuple[int, int, int, int], colour: int) -> None:
    image = picture(15)
    trimmed = [view for view in of(bordered(image, around, colour)).views if view.form is Form.TRIMMED]
    assert len(trimmed) == 1
    assert apart(bits(trimmed[0].hashes), oracle(image)) <= 30
    assert len(trimmed[0].hashes) == ORIENTATIONS * PHASH_BYTES


def test_a_border_survives_compression_and_a_border_within() -> None:
    image = picture(16)
    framed = bordered(bordered(image, (12, 12, 12, 12), 255), (0, 70, 0, 70), 0)
    reread = planes.planes(Image.open(BytesIO(encoded(framed, "JPEG", quality=60))))
    (view,) = (view for view in of(*reread).views if view.form is Form.TRIMMED)
    assert apart(bits(view.hashes), oracle(image)) <= 30


@pytest.mark.parametrize("seed", range(12))
def test_a_picture_without_border_has_one_view(seed: int) -> None:
    assert [view.form for view in of(picture(seed)).views] == [Form.WHOLE]


def test_the_grid_of_a_form_is_that_of_its_box() -> None:
    plane = bordered(picture(15), (15, 25, 35, 45), 30).convert("L")
    found = list(forms(plane, 3))
    assert [form.form for form in found] == [Form.WHOLE, Form.TRIMMED]
    assert found[0].box == (0, 0, *plane.size)
    for form in found:
        left, top, right, bottom = form.box
        assert form.view is not None
        assert form.view.frame == 3
        assert form.view.grid == grid_of(np.asarray(plane)[round(top) : round(bottom), round(left) : round(right)])
    left, top, right, bottom = found[1].box
    away = (left - 15, top - 25, plane.width - 35 - right, plane.height - 45 - bottom)
    assert max(map(abs, away)) <= 3


def test_a_hairline_border_is_none() -> None:
    plane = np.asarray(bordered(picture(17), (1, 1, 1, 1), 0).convert("L"))
    assert borders.content_box(plane) is None


def test_a_small_picture_in_a_wide_border_is_left_alone() -> None:
    plane = np.zeros((400, 400), np.uint8)
    plane[190:210, 190:210] = np.asarray(picture(18, (20, 20)).convert("L"))
    assert borders.content_box(plane) is None


def plain_pictures() -> dict[str, Image.Image]:
    ramp = np.linspace(0, 255, 320)
    random = np.random.default_rng(5)
    one_line = Image.new("L", (640, 480), 255)
    ImageDraw.Draw(one_line).text((20, 20), "a single line of text", fill=0)
    return {
        "black": Image.new("RGB", (320, 240)),
        "white": Image.new("RGB", (320, 240), "white"),
        "colour": Image.new("RGB", (320, 240), (200, 30, 90)),
        "one pixel": Image.new("RGB", (1, 1)),
        "gradient across": Image.fromarray(np.tile(ramp, (240, 1)).astype(np.uint8)),
        "gradient down": Image.fromarray(np.tile(ramp[:, None], (1, 240)).astype(np.uint8)),
        "faint noise": Image.fromarray(random.normal(128, 5, (240, 320)).clip(0, 255).astype(np.uint8)),
        "one line of text": one_line,
        "transparent": Image.new("RGBA", (320, 240), (0, 0, 0, 0)),
    }


@pytest.mark.parametrize("name", plain_pictures())
def test_plain_pictures_are_refused(name: str) -> None:
    found = of(plain_pictures()[name])
    assert found.plain
    assert found.quality < QUALITY_GATE
    assert found.sha256 == SHA


def folded(image: Image.Image, *, both: bool) -> Image.Image:
    """The picture made its own mirror image, about one axis or about both."""
    left = np.asarray(image)[:, : image.width // 2]
    whole = np.concatenate((left, left[:, ::-1]), axis=1)
    if both:
        upper = whole[: image.height // 2]
        whole = np.concatenate((upper, upper[::-1]))
    return Image.fromarray(whole)


@pytest.mark.parametrize("both", [False, True])
def test_a_picture_that_is_its_own_mirror_image_is_refused(both: bool) -> None:
    """Half of its frequencies are zero, so that all such pictures hash alike."""
    ordinary = picture(4, (240, 300))
    assert not of(ordinary).plain
    assert of(folded(ordinary, both=both)).plain


def test_a_page_of_text_is_not_plain() -> None:
    page = Image.new("L", (640, 480), 255)
    for line in range(20):
        ImageDraw.Draw(page).text((20, 20 + 20 * line), "the quick brown fox jumps over the lazy dog", fill=0)
    assert not of(page).plain


def test_quality_is_pdqs_gradient_sum() -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 51  # a fifth of the range: 20 percent a step, 63 steps in each of 64 rows
    assert gradient_quality(stripes) == 100
    stripes //= 17  # 1.18 percent, which counts as 1
    assert gradient_quality(stripes) == 63 * 64 // 90


def test_frames_that_show_the_same_are_kept_once() -> None:
    still, other = picture(20), picture(21)
    brighter = still.point(lambda value: min(255, value + 3))

    found = of(still, brighter, other, still)

    assert [view.frame for view in found.views] == [0, 2]
    assert apart(bits(found.views[0].hashes), bits(found.views[1].hashes)) > SAME_VIEW
    assert found.frames == 4


def test_no_frames_are_a_plain_picture() -> None:
    assert of().plain


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 700),
    st.integers(1, 700),
    st.sampled_from(["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16"]),
    st.integers(0, 2**32 - 1),
)
def test_any_size_and_mode_has_a_well_formed_fingerprint(width: int, height: int, mode: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    image = Image.fromarray(pixels)
    image = Image.fromarray(pixels[..., 0].astype(np.uint16) << 8) if mode == "I;16" else image.convert(mode)
    found = of(image)
    assert (found.width, found.height) == (width, height)
    assert 0 <= found.quality <= 100
    for view in found.views:
        assert (len(view.hashes), len(view.grid), view.frame) == (ORIENTATIONS * PHASH_BYTES, GRID_BYTES, 0)


@settings(max_examples=80, deadline=None)
@given(st.integers(16, 90), st.integers(16, 90), st.integers(0, 2**32 - 1), st.integers(0, 255), st.integers(2, 40))
def test_a_content_box_lies_inside_the_picture(height: int, width: int, seed: int, colour: int, border: int) -> None:
    plane = np.full((height + 2 * border, width + 2 * border), colour, np.uint8)
    plane[border:-border, border:-border] = np.random.default_rng(seed).integers(0, 256, (height, width))
    box = borders.content_box(plane)
    if box is not None:
        left, top, right, bottom = box
        assert 0 <= left < right <= plane.shape[1]
        assert 0 <= top < bottom <= plane.shape[0]
        assert (right - left) * (bottom - top) <= borders.LARGEST_AREA * plane.size
