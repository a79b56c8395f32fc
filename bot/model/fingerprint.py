"""What is kept of a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

PHASH_BYTES = 32
"""Bytes of one 256-bit perceptual hash (imagehash.phash, hash size 16, bits packed big-endian, row by row)."""

GRID_BYTES = 136
"""Bytes of one gradient-sign grid: 544 signs and 544 marks of reliability, see :mod:`bot.matching.grid`."""

PDQ_BYTES = 32
MOST_PDQ_HASHES = 8
"""PDQ hashes that one entry may carry: of the picture, and of crops and turns of it that its publisher made."""

ORIENTATIONS = 8
"""The flips and quarter turns of a square: the dihedral group of order 8."""


class Form(StrEnum):
    """Which form of a picture was hashed: as it is, or with its uniform border cut off."""

    WHOLE = "whole"
    TRIMMED = "trimmed"


class Orientation(IntEnum):
    """How a query lies relative to the entry; the order of the hashes in :class:`View`."""

    UPRIGHT = 0
    MIRRORED = 1
    UPSIDE_DOWN_MIRRORED = 2
    TURNED_LEFT = 3
    UPSIDE_DOWN = 4
    TURNED_RIGHT = 5
    TRANSPOSED = 6
    TRANSVERSED = 7


@dataclass(frozen=True, slots=True)
class View:
    """What is kept of one form of one frame.

    ``hashes`` is ``k * PHASH_BYTES`` bytes: ``k`` is ORIENTATIONS for a full view (in the order of
    :class:`Orientation`) or 1 for an upright one. ``grid`` is GRID_BYTES, or empty where only the hash is known.
    ``features`` are packed local features (:mod:`bot.matching.packing`), or empty; only entries and cases have them.
    """

    form: Form
    frame: int
    hashes: bytes
    grid: bytes = b""
    features: bytes = b""

    def upright(self) -> View:
        """The same view with the upright hash alone, without local features."""
        return View(self.form, self.frame, self.hashes[:PHASH_BYTES], self.grid)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything that is kept of a picture. The picture itself is gone when this exists.

    ``views`` is empty for a picture too plain or too symmetric to compare (``plain``): only its exact file speaks for
    it then. An entry of a foreign list may have nothing but a hash: ``sha256`` and ``md5`` are empty where the list
    does not tell them, and so are the size (0) and ``pdq``, up to MOST_PDQ_HASHES upright PDQ hashes of PDQ_BYTES.
    ``quality`` is PDQ's gradient sum, 0 to 100.
    """

    sha256: bytes
    views: tuple[View, ...]
    width: int
    height: int
    frames: int
    quality: int
    md5: bytes = b""
    pdq: tuple[bytes, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the picture is too plain to be compared by its look."""
        return not (self.views or self.pdq)

    @property
    def file_alone(self) -> bool:
        """Whether the digest of the file is all that is known: nobody has seen the picture in it."""
        return self.plain and not self.width

    @property
    def has_features(self) -> bool:
        """Whether parts of the picture can be found by local features."""
        return any(view.features for view in self.views)

    def upright(self) -> Fingerprint:
        """The part that a sighting keeps: upright hashes and grids only."""
        return replace(self, views=tuple(view.upright() for view in self.views), md5=b"", pdq=())

    def without_features(self) -> Fingerprint:
        """The same without local features."""
        if not self.has_features:
            return self
        return replace(self, views=tuple(replace(view, features=b"") for view in self.views))
