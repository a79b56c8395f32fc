"""PDQ of whole pictures, bit for bit as ThreatExchange computes it, for lists that are exchanged with others.

The hash comes from the ``pdqhash`` package, which compiles the reference implementation. Here are the conversion from
a picture, the eight orientations in our order and the notation as 64 hexadecimal digits.
"""

from __future__ import annotations

import string
from typing import Any, NamedTuple, cast

import numpy as np
import pdqhash  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image

from bot.model import Orientation

PDQ_BYTES = 32
RECOMMENDED_QUALITY = 50
"""Below this quality, of 100, ThreatExchange advises against using a hash."""

RECOMMENDED_DISTANCE = 31
"""Up to this many differing bits, of 256, ThreatExchange calls two pictures a match."""

_HEX_DIGITS = frozenset(string.hexdigits)

_REFERENCE_ORDER: tuple[Orientation, ...] = (
    Orientation.UPRIGHT,
    Orientation.TURNED_LEFT,
    Orientation.UPSIDE_DOWN,
    Orientation.TURNED_RIGHT,
    Orientation.UPSIDE_DOWN_MIRRORED,
    Orientation.MIRRORED,
    Orientation.TRANSPOSED,
    Orientation.TRANSVERSED,
)
"""What the reference implementation calls original, rotate90, rotate180, rotate270, flipX, flipY, flipPlus1 and
flipMinus1, in its order."""


class Pdq(NamedTuple):
    """A hash and how far it can be trusted."""

    hash: bytes
    """32 bytes, in the order of the hexadecimal notation."""
    quality: int
    """0 to 100; plain and smooth pictures have little."""


class OrientedPdq(NamedTuple):
    """The hashes of a picture in all orientations."""

    hashes: bytes
    """8 times 32 bytes: hash ``j`` is that of the picture brought into ``Orientation(j)``."""
    quality: int


def pdq(picture: Image.Image) -> Pdq:
    """The PDQ of a picture of any mode, as it lies; transparent parts count as black.

    Pictures of fewer than five pixels along an axis have the zero hash and the quality 0, as in the reference.
    """
    bits, quality = cast("Any", pdqhash).compute(_colours(picture))
    return Pdq(_packed(bits), int(quality))


def oriented_pdq(picture: Image.Image) -> OrientedPdq:
    """The PDQ of a picture in the eight orientations, computed from one transform of it.

    They are a few bits off the hashes of pictures that really are turned, since those are reduced at other places.
    """
    hashes, quality = cast("Any", pdqhash).compute_dihedral(_colours(picture))
    by_orientation = dict(zip(_REFERENCE_ORDER, hashes, strict=True))
    return OrientedPdq(b"".join(_packed(by_orientation[one]) for one in Orientation), int(quality))


def from_hex(text: str) -> bytes:
    """The hash written as 64 hexadecimal digits of either case; blanks around them are ignored.

    Raises ValueError for anything else.
    """
    digits = text.strip()
    if len(digits) != 2 * PDQ_BYTES or not _HEX_DIGITS.issuperset(digits):
        raise ValueError("a PDQ hash is written as 64 hexadecimal digits")
    return bytes.fromhex(digits)


def to_hex(hash_: bytes) -> str:
    """The hash as 64 lower-case hexadecimal digits. Raises ValueError unless it has 32 bytes."""
    if len(hash_) != PDQ_BYTES:
        raise ValueError("a PDQ hash has 32 bytes")
    return hash_.hex()


def _colours(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    return np.ascontiguousarray(picture.convert("RGB"))


def _packed(bits: NDArray[np.integer[Any]]) -> bytes:
    return np.packbits(np.asarray(bits, np.uint8)).tobytes()
