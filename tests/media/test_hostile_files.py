"""Files that lie about themselves: bombs, huge headers, damage, disguises."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from bot.media.decode import read
from bot.media.wire import Reply
from bot.model import Unscannable

from .looks import LIMITS, decoded, fingerprint_of, nearest, refused
from .pictures import animation, encoded, picture

# ----------------------------------------------------------------------------------------------------- too large


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    bomb = png(30_000, 30_000, bytes(100_000))
    assert len(bomb) < 1000
    assert refused(bomb) is Unscannable.TOO_MANY_PIXELS


def with_gif_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(picture(1), "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def with_jpeg_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(picture(1), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def with_webp_size(width: int, height: int) -> bytes:
    data = bytearray(animation([picture(1), picture(2)], "WEBP"))
    at = data.index(b"VP8X") + 12
    data[at : at + 6] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


@pytest.mark.parametrize("make", [with_gif_size, with_jpeg_size, with_webp_size])
def test_huge_headers(make) -> None:
    assert refused(make(16_000, 16_000)) is Unscannable.TOO_MANY_PIXELS


def test_a_frame_may_not_outgrow_its_animation() -> None:
    data = bytearray(animation([picture(1), picture(2)], "GIF"))
    at = data.index(b",\x00\x00\x00\x00", data.index(b",\x00\x00\x00\x00") + 1)
    data[at + 5 : at + 9] = struct.pack("<HH", 60_000, 60_000)
    reply = read(bytes(data), LIMITS)
    assert reply.reason is Unscannable.TOO_MANY_PIXELS


def test_the_pixel_limit_is_exact() -> None:
    data = encoded(picture(1))
    assert decoded(data, LIMITS._replace(max_pixels=320 * 240)).width == 320
    assert refused(data, LIMITS._replace(max_pixels=320 * 240 - 1)) is Unscannable.TOO_MANY_PIXELS


def test_a_text_chunk_that_explodes_does_not_hide_the_picture() -> None:
    image = picture(1)
    data = encoded(image)
    end_of_header = data.index(b"IDAT") - 4
    bomb = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(80_000_000), 9))
    found = decoded(data[:end_of_header] + bomb + data[end_of_header:])
    assert nearest(found, image) <= 4


# ----------------------------------------------------------------------------------------------------- damaged


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("GIF", {})])
def test_cutting_off_the_end_does_not_hide_a_picture(kind: str, options: dict[str, object]) -> None:
    image = picture(1)
    data = encoded(image, kind, **options)
    assert nearest(decoded(data[:-40]), image) <= 8
    assert nearest(decoded(data[: int(len(data) * 0.97)]), image) <= 43


def test_an_animation_cut_off_is_read_as_far_as_it_goes() -> None:
    frames = [picture(number, (96, 72)) for number in range(6)]
    data = animation(frames, "GIF")
    for cut in range(1, len(data) // 2, 977):
        reply = read(data[:-cut], LIMITS)
        assert nearest(fingerprint_of(reply), frames[0]) <= 16


def test_an_animation_with_an_unreadable_rest_can_match_but_not_be_cleared() -> None:
    frames = [picture(number, (96, 72)) for number in range(6)]
    data = animation(frames, "PNG")
    reply = read(data[: len(data) // 2], LIMITS)
    assert reply.reason is Unscannable.BROKEN
    assert nearest(fingerprint_of(reply), frames[0]) <= 4


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
@pytest.mark.parametrize("length", [4, 12, 16, 30, 60])
def test_a_head_without_a_body_is_broken(kind: str, length: int) -> None:
    data = encoded(picture(1), kind)[:length]
    assert refused(data) in {Unscannable.BROKEN, Unscannable.NOT_A_PICTURE}


@pytest.mark.parametrize(
    "magic", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x10\x27\x00\x00WEBPVP8 "]
)
def test_random_bytes_behind_a_magic_number(magic: bytes) -> None:
    random = np.random.default_rng(9)
    for _ in range(20):
        assert refused(magic + random.bytes(5000)) in {Unscannable.BROKEN, Unscannable.TOO_MANY_PIXELS}


def test_the_lenient_switch_is_not_left_on() -> None:
    read(encoded(picture(1), "JPEG")[:-100], LIMITS)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert LIMITS.max_pixels != Image.MAX_IMAGE_PIXELS


# ----------------------------------------------------------------------------------------------------- disguised


def zip_file() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("picture.png", encoded(picture(1)))
    return target.getvalue()


@pytest.mark.parametrize(
    "data", [zip_file(), b"%PDF-1.7\n" + bytes(100), b"<svg/>", b"<html></html>", b"\x00" * 500, b"II*\x00" + bytes(99)]
)
def test_no_pictures(data: bytes) -> None:
    assert refused(data) is Unscannable.NOT_A_PICTURE


def test_pillow_is_not_let_to_guess_other_formats() -> None:
    for kind in ("BMP", "TIFF", "PPM", "ICO", "TGA", "EPS"):
        assert refused(encoded(picture(1, (64, 64)), kind)) is Unscannable.NOT_A_PICTURE


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_a_polyglot_is_the_picture_that_people_see(kind: str) -> None:
    image = picture(1)
    data = encoded(image, kind, quality=90) + zip_file()
    assert zipfile.is_zipfile(io.BytesIO(data))
    assert nearest(decoded(data), image) <= 8


def test_a_plain_picture_is_no_error() -> None:
    reply = read(encoded(Image.new("RGB", (100, 100))), LIMITS)
    assert reply.reason is None
    assert fingerprint_of(reply).plain


def test_empty() -> None:
    assert read(b"", LIMITS) == Reply(None, Unscannable.EMPTY)
