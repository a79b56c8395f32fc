"""Magic bytes decide what a file is."""

import pytest

from bot.media.errors import MediaError
from bot.media.formats import sniff
from bot.model import Unscannable

from .pictures import animation, encoded, picture

FTYP = b"\x00\x00\x00\x20ftyp"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_supported_formats(kind: str) -> None:
    assert sniff(encoded(picture(1), kind)) == kind


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "AVIF"])
def test_animations_are_of_the_same_format(kind: str) -> None:
    assert sniff(animation([picture(1), picture(2)], kind)) == kind


def test_avif_may_name_itself_among_its_compatible_brands() -> None:
    assert sniff(FTYP + b"mif1\x00\x00\x00\x00mif1miafavif") == "AVIF"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (FTYP + b"isom\x00\x00\x02\x00isomiso2avc1mp41", "MP4"),
        (FTYP + b"mp42\x00\x00\x00\x00mp42isom\x00\x00\x00\x00", "MP4"),
        (FTYP + b"qt  \x00\x00\x00\x00qt  \x00\x00\x00\x00\x00\x00\x00\x00", "MP4"),
        (b"\x00\x00\x10\x00moov\x00\x00\x00\x6cmvhd", "MP4"),
        (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1f\x42\x86", "WEBM"),
    ],
)
def test_videos(data: bytes, kind: str) -> None:
    assert sniff(data) == kind


@pytest.mark.parametrize(
    "data",
    [
        b"RIFF\x00\x10\x00\x00AVI LIST",
        b"FLV\x01\x05\x00\x00\x00\x09",
        b"\x00\x00\x01\xba\x44\x00\x04\x00",
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9",
    ],
)
def test_videos_that_are_never_read(data: bytes) -> None:
    with pytest.raises(MediaError) as caught:
        sniff(data)
    assert caught.value.reason is Unscannable.VIDEO


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n",
        b"PK\x03\x04\x14\x00\x00\x00",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!doctype html><img src=x>",
        b"BM\x36\x00\x0c\x00\x00\x00",
        b"II*\x00\x08\x00\x00\x00",
        b"8BPS\x00\x01",
        b"RIFF\x00\x10\x00\x00WAVEfmt ",
        FTYP + b"heic\x00\x00\x00\x00mif1heic\x00\x00\x00\x00",
        FTYP + b"M4A \x00\x00\x00\x00M4A mp42isom",
        b"\x00\x00\x00\x0cftyp",
        b"\xff\xd8",
        b"\x00",
        b"GIF",
    ],
)
def test_everything_else(data: bytes) -> None:
    with pytest.raises(MediaError) as caught:
        sniff(data)
    assert caught.value.reason is Unscannable.NOT_A_PICTURE


def test_nothing() -> None:
    with pytest.raises(MediaError) as caught:
        sniff(b"")
    assert caught.value.reason is Unscannable.EMPTY
