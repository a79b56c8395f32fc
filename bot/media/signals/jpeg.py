"""Words in JPEG files: EXIF, XMP and IPTC in the application segments before the pixels, and manifests."""

from __future__ import annotations

from .blocks import Blocks

MOST_SEGMENTS = 512
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""

_PIXELS, _END = 0xDA, 0xD9


def blocks(data: bytes) -> Blocks:
    """What stands in the segments of a file up to its pixels."""
    found = Blocks()
    at = 2
    for _ in range(MOST_SEGMENTS):
        if data[at : at + 1] != b"\xff" or at + 2 > len(data) or found.full:
            break
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker in (_PIXELS, _END):
            break
        if marker in _BARE:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4])
        _segment(marker, data[at + 4 : at + 2 + length], found)
        at += 2 + max(length, 2)
    return found


def _segment(marker: int, body: bytes, found: Blocks) -> None:
    if marker == 0xE1 and body.startswith(b"Exif\0"):
        found.exif.append(body)
    elif marker == 0xE1 and body.startswith(_XMP):
        found.xmp.append(body[len(_XMP) :])
    elif marker == 0xED and body.startswith(_PHOTOSHOP):
        found.iptc.append(body[len(_PHOTOSHOP) :])
    elif marker == 0xEB:
        found.manifest = True
