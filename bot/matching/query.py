"""Everything about one posted picture that can be compared. It lives in memory for as long as the comparison takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.model import Fingerprint, Signal

LEAST_FEATURES = 60
"""Local features that a frame or an entry must have before it is compared by them."""


class Features(NamedTuple):
    """Local features of a plane, n of them.

    ``descriptors``: uint64 (n, 4), 256 bits in canonical mirror form. ``points``: float32 (n, 4), x and y in pixels
    of the plane, the diameter of the patch in pixels, and its angle in radians. ``mirrored``: uint8 (n,), 1 where the
    descriptor is that of the mirrored patch. ``doubtful``: uint8 (n,), 1 where the choice of the form was close, so
    that a query looks both up.
    """

    descriptors: NDArray[np.uint64]
    points: NDArray[np.float32]
    mirrored: NDArray[np.uint8]
    doubtful: NDArray[np.uint8]


class QueryViews(NamedTuple):
    """Parts of a plane as whole pictures of their own, v of them, for entries that are nothing but a hash.

    ``kinds``: uint8 (v,), each a :class:`bot.matching.views.kinds.ViewKind`; the first view is always the whole.
    ``pdq`` and ``phash``: uint8 (v, 8, 32), hashes such that element j is near the upright hash of an entry that the
    picture shows in Orientation(j).
    """

    kinds: NDArray[np.uint8]
    pdq: NDArray[np.uint8]
    phash: NDArray[np.uint8]


class Wanted(IntFlag):
    """What to extract besides hashes and grids.

    ``FEATURES`` finds parts of entries, ``VIEWS`` finds entries that are nothing but a hash, and ``REFERENCE`` is what
    a new entry is made from. ``PLANES`` asks for nothing but the planes, which come with the first two anyway.
    """

    NOTHING = 0
    FEATURES = 1
    VIEWS = 2
    REFERENCE = 4
    PLANES = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """One distinct frame of a query.

    ``plane`` is its luminance, uint8 (height, width), for the comparison of what the features align; ``scale`` is the
    length of one pixel of the features' plane in pixels of ``plane``.
    """

    number: int
    plane: NDArray[np.uint8]
    scale: float
    features: Features | None = None
    views: QueryViews | None = None

    @property
    def described(self) -> bool:
        """Whether there are features enough to find parts by."""
        return self.features is not None and len(self.features.points) >= LEAST_FEATURES


@dataclass(frozen=True, slots=True)
class Reference:
    """Local features for one view of an entry, with the size in pixels of the frame that their points lie in."""

    view: int
    features: Features
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Query:
    """One picture as the matcher compares it. ``references`` are there if they were asked for.

    ``signals``: what its file says about itself, which nothing is compared with.
    """

    fingerprint: Fingerprint
    frames: tuple[Frame, ...] = ()
    references: tuple[Reference, ...] = field(default=(), repr=False)
    signals: tuple[Signal, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether there is nothing in the picture that could be compared by its look."""
        return self.fingerprint.plain and not any(frame.described for frame in self.frames)
