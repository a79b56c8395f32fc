"""Decoding: every format, every colour mode, every frame that counts."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from bot.media.decode import read, spread
from bot.model import Unscannable

from .looks import LIMITS, decoded, nearest
from .pictures import animation, encoded, picture

ORIENTATION_TAG = 0x0112


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 90}),
        ("JPEG", {"quality": 90, "progressive": True}),
        ("JPEG", {"quality": 90, "subsampling": 0}),
        ("PNG", {}),
        ("GIF", {}),
        ("WEBP", {"quality": 90}),
        ("WEBP", {"lossless": True}),
        ("AVIF", {"quality": 80}),
    ],
)
def test_every_format(kind: str, options: dict[str, object]) -> None:
    image = picture(1)
    found = decoded(encoded(image, kind, **options))
    assert (found.width, found.height, found.frames, found.quality) == (320, 240, 1, 100)
    assert nearest(found, image) <= 8


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("PNG", "1"),
        ("PNG", "L"),
        ("PNG", "LA"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("PNG", "I;16"),
        ("GIF", "P"),
        ("GIF", "L"),
        ("WEBP", "RGBA"),
        ("AVIF", "RGBA"),
    ],
)
def test_every_colour_mode(kind: str, mode: str) -> None:
    image = picture(2)
    if mode == "I;16":
        stored = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    else:
        stored = image.quantize(250) if mode == "P" else image.convert(mode)
    found = decoded(encoded(stored, kind))
    assert nearest(found, image) <= (20 if mode == "1" else 8)


def test_a_large_jpeg_is_measured_in_full_though_decoded_reduced() -> None:
    image = picture(3, (2000, 1500))
    found = decoded(encoded(image, "JPEG", quality=85))
    assert (found.width, found.height) == (2000, 1500)
    assert nearest(found, image) <= 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    image = picture(4)
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    as_held = image if undo is None else image.transpose(undo)

    found = decoded(encoded(as_held, kind, exif=exif.tobytes(), quality=95))

    assert (found.width, found.height) == (320, 240)
    assert nearest(found, image) <= 8


@pytest.mark.parametrize(
    "exif", [b"Exif\x00\x00nonsense", b"Exif\x00\x00II*\x00\xff\xff\xff\xff", b"Exif\x00\x00" + bytes(40)]
)
def test_nonsense_in_the_exif_block_hides_nothing(exif: bytes) -> None:
    image = picture(4)
    assert nearest(decoded(encoded(image, "JPEG", exif=exif, quality=95)), image) <= 6


# ----------------------------------------------------------------------------------------------------- animations


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("hidden_at", [1, 7, 14])
def test_a_picture_hidden_in_a_later_frame_is_seen(kind: str, hidden_at: int) -> None:
    harmless, hidden = picture(5, (96, 72)), picture(6, (96, 72))
    frames = [harmless] * 15
    frames[hidden_at] = hidden
    # Equal frames would be merged by some encoders: each differs in a pixel.
    for number, frame in enumerate(frames):
        frames[number] = frame.copy()
        frames[number].putpixel((number, 0), (number * 16, 0, 0))

    found = decoded(animation(frames, kind))

    assert found.frames == 15
    assert nearest(found, hidden) <= 16
    assert nearest(found, harmless) <= 16
    assert len(found.views) == 2


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_the_last_frame_of_a_long_animation_counts(kind: str) -> None:
    frames = []
    for number in range(60):
        frame = picture(7, (64, 48)).copy()
        frame.putpixel((number, 0), (number * 4, 0, 0))
        frames.append(frame)
    frames[-1] = picture(8, (64, 48))
    found = decoded(animation(frames, kind), LIMITS._replace(max_frames=5))
    assert found.frames == 60
    assert nearest(found, frames[-1]) <= 16


def test_a_gif_that_draws_only_what_changes_is_put_together() -> None:
    before, after = picture(9, (128, 96)), picture(10, (128, 96))
    frames = [before]
    for step in range(1, 9):
        frame = before.copy()
        frame.paste(after.crop((0, 0, 16 * step, 96)), (0, 0))
        frames.append(frame)
    found = decoded(animation(frames, "GIF", optimize=True))
    assert nearest(found, after) <= 16


def test_apng_with_a_default_image_that_is_not_animated() -> None:
    still, moving = picture(11), picture(12)
    data = encoded(still, "PNG", save_all=True, append_images=[moving, picture(13)], default_image=True)
    found = decoded(data)
    assert nearest(found, still) <= 4
    assert nearest(found, moving) <= 4


def test_pictures_behind_a_jpeg_are_not_taken_for_frames() -> None:
    image = picture(1)
    data = encoded(image, "MPO", save_all=True, append_images=[picture(2)])
    found = decoded(data)
    assert found.frames == 1
    assert len(found.views) == 1


@pytest.mark.parametrize(("total", "most"), [(1, 16), (16, 16), (17, 16), (1000, 16), (3, 2), (5, 1), (10_000, 64)])
def test_frames_are_spread_over_the_whole(total: int, most: int) -> None:
    chosen = spread(total, most)
    assert len(chosen) == min(total, most) == len(set(chosen))
    assert chosen == sorted(chosen)
    assert all(0 <= number < total for number in chosen)
    if most > 1:
        assert (chosen[0], chosen[-1]) == (0, total - 1)
        steps = [after - before for before, after in itertools.pairwise(chosen)]
        assert not steps or max(steps) - min(steps) <= 1


def test_an_animation_that_takes_too_long_is_read_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock by which a second goes by between two looks at it, so that no machine is too fast."""
    seconds = itertools.count()
    monkeypatch.setattr("bot.media.decode.time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    frames = [picture(20 + number, (400, 300)) for number in range(12)]
    reply = read(animation(frames, "WEBP", quality=60), LIMITS._replace(seconds=8))
    assert reply.reason is Unscannable.DECODE_TIMEOUT
    assert reply.query is not None
    assert {view.frame for view in reply.query.fingerprint.views} == set(range(5))
    assert reply.query.fingerprint.frames == 12
