"""ThumbHash in grey: a picture in about 25 bytes, and back to a blur of at most 32 by 32 pixels.

The format is the one published at https://evanw.github.io/thumbhash/: a few coefficients of the discrete cosine
transform, four bits each, behind a header with the mean brightness, the scale and the shape. What is written in here
has no colour and no transparency; of what others wrote, the luminance is read.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LONGEST_SIDE = 32
"""Pixels of the longer side of a decoded picture."""

MOST_BYTES = 32

_HEADER = 5
_FACTORS, _FACTORS_WITH_ALPHA = 7, 5
"""Coefficients along the longer side."""
_LEAST_FACTORS = 3
_CHROMA_FACTORS = 10
"""Coefficients of both colour channels together; in grey they are zero."""
_ALPHA_FACTORS = 14
_NO_SCALE = 1e-6
"""Below it, what varies is rounding."""

_COLOURLESS = 32 << 6 | 32 << 12
"""The middle of both colour channels, in the header."""


class _Head(NamedTuple):
    """What the first bytes say: ``mean`` and ``scale`` from 0 to 1, the number of factors across and down."""

    mean: float
    scale: float
    across: int
    down: int
    alpha: bool

    @property
    def start(self) -> int:
        """Where the factors begin."""
        return _HEADER + self.alpha


def encode(plane: NDArray[np.uint8]) -> bytes:
    """The ThumbHash of a plane of luminance, uint8 (height, width), as of an opaque grey picture.

    Raises ValueError for anything but a non-empty array of bytes with two axes.
    """
    if plane.ndim != 2 or plane.dtype != np.uint8 or not plane.size:
        raise ValueError("a plane is a non-empty array of bytes with two axes")
    height, width = plane.shape
    across = max(1, _round(_FACTORS * width / max(width, height)))
    down = max(1, _round(_FACTORS * height / max(width, height)))
    used = max(_LEAST_FACTORS, across), max(_LEAST_FACTORS, down)
    waves_across, waves_down = _waves(width, used[0]), _waves(height, used[1])
    spectrum = waves_down @ (plane / 255.0) @ waves_across.T / plane.size
    mean = float(spectrum[0, 0])
    varying = np.array([spectrum[place] for place in _places(*used)])
    scale = float(np.abs(varying).max())
    nibbles = np.floor(15 * (0.5 + 0.5 / scale * varying) + 0.5) if scale > _NO_SCALE else np.zeros(len(varying))
    landscape = width > height
    head24 = _round(63 * mean) | _COLOURLESS | _round(31 * scale) << 18
    head16 = (down if landscape else across) | landscape << 15
    return (
        head24.to_bytes(3, "little")
        + head16.to_bytes(2, "little")
        + _packed([*nibbles.astype(int).tolist(), *[0] * _CHROMA_FACTORS])
    )


def decode(thumbhash: bytes) -> NDArray[np.uint8]:
    """The picture of a ThumbHash in grey, uint8 (height, width), each side at most LONGEST_SIDE pixels.

    Raises ValueError for bytes that are none.
    """
    head = _head(thumbhash)
    used = max(_LEAST_FACTORS, head.across), max(_LEAST_FACTORS, head.down)
    places = _places(*used)
    count = len(places) + _CHROMA_FACTORS + (_ALPHA_FACTORS if head.alpha else 0)
    if len(thumbhash) != head.start + (count + 1) // 2:
        raise ValueError("the ThumbHash is cut off, or longer than it says")
    ratio = head.across / head.down
    width = LONGEST_SIDE if ratio > 1 else _round(LONGEST_SIDE * ratio)
    height = _round(LONGEST_SIDE / ratio) if ratio > 1 else LONGEST_SIDE
    spectrum = np.zeros((used[1], used[0]))
    for place, nibble in zip(places, _unpacked(thumbhash[head.start :]), strict=False):
        spectrum[place] = 2 * head.scale * (nibble / 7.5 - 1)
    spectrum[0, 0] = head.mean
    light = _waves(height, used[1]).T @ spectrum @ _waves(width, used[0])
    return (np.clip(light, 0, 1) * 255).astype(np.uint8)


def _head(thumbhash: bytes) -> _Head:
    if not _HEADER < len(thumbhash) <= MOST_BYTES:
        raise ValueError("a ThumbHash has more than 5 bytes and at most 32")
    head24, head16 = int.from_bytes(thumbhash[:3], "little"), int.from_bytes(thumbhash[3:5], "little")
    alpha = bool(head24 >> 23)
    longer, shorter = _FACTORS_WITH_ALPHA if alpha else _FACTORS, head16 & 7
    if not shorter:
        raise ValueError("the ThumbHash has no shape")
    across, down = (longer, shorter) if head16 >> 15 else (shorter, longer)
    return _Head((head24 & 63) / 63, (head24 >> 18 & 31) / 31, across, down, alpha)


def _places(across: int, down: int) -> list[tuple[int, int]]:
    """Row and column of every factor but the mean, in the order in which they are written."""
    return [
        (row, column)
        for row in range(down)
        for column in range(across)
        if (row or column) and column * down < across * (down - row)
    ]


def _waves(pixels: int, factors: int) -> NDArray[np.float64]:
    """The cosines along one axis, (factors, pixels)."""
    return np.cos(np.pi / pixels * np.outer(np.arange(factors), np.arange(pixels) + 0.5))


def _packed(nibbles: list[int]) -> bytes:
    pairs = zip(nibbles[::2], [*nibbles[1::2], 0], strict=False)
    return bytes(low | high << 4 for low, high in pairs)


def _unpacked(data: bytes) -> list[int]:
    return [nibble for byte in data for nibble in (byte & 15, byte >> 4)]


def _round(number: float) -> int:
    """Half rounds up, as in the published program, and not to the even number as in Python."""
    return math.floor(number + 0.5)
