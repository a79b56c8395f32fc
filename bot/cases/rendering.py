"""A grey plane as a PNG, written by hand: what is shown here was never a file of somebody else's."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

ENLARGED = 8
"""How many times larger each side of a rendering is shown."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY_8_BIT = struct.pack("!BBBBB", 8, 0, 0, 0, 0)


def enlarged(plane: NDArray[np.uint8], factor: int = ENLARGED) -> NDArray[np.uint8]:
    """The plane, uint8 (height, width), with sides ``factor`` times as long, smooth in between."""
    height, width = plane.shape
    return np.rint(_shares(height, factor) @ plane @ _shares(width, factor).T).astype(np.uint8)


def png(plane: NDArray[np.uint8]) -> bytes:
    """The plane, uint8 (height, width), as a PNG without anything but its pixels."""
    height, width = plane.shape
    lines = b"".join(b"\0" + row.tobytes() for row in plane)
    head = struct.pack("!II", width, height) + _GREY_8_BIT
    return _SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(lines)) + _chunk(b"IEND", b"")


def _shares(side: int, factor: int) -> NDArray[np.float64]:
    """How much of each old pixel is in each new one along one axis, (side * factor, side): the nearer, the more."""
    places = np.clip((np.arange(side * factor) + 0.5) / factor - 0.5, 0, side - 1)
    return np.maximum(0, 1 - np.abs(places[:, np.newaxis] - np.arange(side)))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
