"""What a file is, by its first bytes. Names, extensions and declared content types are a poster's choice."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from bot.model import Unscannable

from .errors import MediaError

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_PICTURE_OR_SOUND_BRANDS = frozenset(
    {b"mif1", b"msf1", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"M4A ", b"M4B ", b"M4P ", b"crx "}
)
_FTYP_BYTES = 16
_LARGEST_FTYP = 4096
_QUICKTIME_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_MATROSKA = b"\x1a\x45\xdf\xa3"  # and WebM
_VIDEO_STARTS = (
    b"FLV\x01",
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG elementary stream
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # WMV
)


VIDEOS = frozenset({"MP4", "WEBM"})
"""Containers of videos that are read where :func:`videos_readable`: MP4 with MOV, and WebM with Matroska."""


@cache
def videos_readable() -> bool:
    """Whether PyAV is there, which the extra ``video`` installs."""
    return find_spec("av") is not None


def sniff(data: bytes) -> str:
    """Pillow's name of a supported picture format, JPEG, PNG (APNG too), GIF, WEBP or AVIF, or one of ``VIDEOS``.

    Raises MediaError (EMPTY, VIDEO, NOT_A_PICTURE) for everything else; VIDEO for containers that are never read.
    """
    if not data:
        raise MediaError(Unscannable.EMPTY)
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"RIFF"):
        if data[8:12] == b"WEBP":
            return "WEBP"
        raise MediaError(Unscannable.VIDEO if data[8:12] == b"AVI " else Unscannable.NOT_A_PICTURE)
    return _container(data)


def _container(data: bytes) -> str:
    """The kind of an ISO media file (AVIF is one), of one like it, or of a Matroska file."""
    brands = _brands(data)
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if (brands and not brands & _PICTURE_OR_SOUND_BRANDS) or data[4:8] in _QUICKTIME_ATOMS:
        return "MP4"
    if data.startswith(_MATROSKA):
        return "WEBM"
    raise MediaError(Unscannable.VIDEO if data.startswith(_VIDEO_STARTS) else Unscannable.NOT_A_PICTURE)


def _brands(data: bytes) -> frozenset[bytes]:
    """Major and compatible brands of an ISO media file; empty for other files."""
    if data[4:8] != b"ftyp" or len(data) < _FTYP_BYTES:
        return frozenset()
    end = min(int.from_bytes(data[:4]), _LARGEST_FTYP, len(data))
    return frozenset({data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))})
