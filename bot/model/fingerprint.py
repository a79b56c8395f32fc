"""What is kept of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

PHASH_BYTES = 32
"""Bytes of one 256-bit perceptual hash (imagehash.phash, hash size 16, bits packed big-endian, row by row)."""

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
    """The hashes of one form of one frame.

    ``hashes`` is ``k * PHASH_BYTES`` bytes: ``k`` is ORIENTATIONS for a full view (in the order of
    :class:`Orientation`) or 1 for an upright one.
    """

    form: Form
    frame: int
    hashes: bytes

    def upright(self) -> View:
        """The same view with the upright hash alone."""
        return View(self.form, self.frame, self.hashes[:PHASH_BYTES])


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything that is kept of a picture. The picture itself is gone when this exists.

    ``views`` is empty for a picture too plain or too symmetric to compare (``plain``): only ``sha256`` speaks for it
    then.
    ``quality`` is PDQ's gradient sum, 0 to 100.
    """

    sha256: bytes
    views: tuple[View, ...]
    width: int
    height: int
    frames: int
    quality: int

    @property
    def plain(self) -> bool:
        """Whether the picture is too plain to be compared by its look."""
        return not self.views

    def upright(self) -> Fingerprint:
        """The part that a sighting keeps: upright hashes only."""
        return Fingerprint(
            self.sha256,
            tuple(view.upright() for view in self.views),
            self.width,
            self.height,
            self.frames,
            self.quality,
        )
