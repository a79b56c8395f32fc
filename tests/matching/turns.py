"""The orientations as operations on pictures and on arrays, and Hamming distance, for tests of hashes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bot.model import Orientation

_TRANSPOSES = {
    Orientation.MIRRORED: Image.Transpose.FLIP_LEFT_RIGHT,
    Orientation.UPSIDE_DOWN_MIRRORED: Image.Transpose.FLIP_TOP_BOTTOM,
    Orientation.TURNED_LEFT: Image.Transpose.ROTATE_90,
    Orientation.UPSIDE_DOWN: Image.Transpose.ROTATE_180,
    Orientation.TURNED_RIGHT: Image.Transpose.ROTATE_270,
    Orientation.TRANSPOSED: Image.Transpose.TRANSPOSE,
    Orientation.TRANSVERSED: Image.Transpose.TRANSVERSE,
}


def brought_into(picture: Image.Image, orientation: Orientation) -> Image.Image:
    """What a query shows that lies in this orientation relative to the picture."""
    return picture if orientation is Orientation.UPRIGHT else picture.transpose(_TRANSPOSES[orientation])


def grey_brought_into(plane: NDArray[np.uint8], orientation: Orientation) -> NDArray[np.uint8]:
    return np.array(brought_into(Image.fromarray(plane), orientation))


def bits_apart(one: bytes | NDArray[np.uint8], other: bytes | NDArray[np.uint8]) -> int:
    return (int.from_bytes(bytes(one)) ^ int.from_bytes(bytes(other))).bit_count()
