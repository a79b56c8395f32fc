"""The kinds of views, and how near a foreign hash must lie to a view of each kind.

A view that shows a found picture as it is decides alone; one that is only a guess at what was cut off or turned asks a
person. Limits are Hamming distances, of 256 bits, between PDQ hashes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NEVER = -1
"""A limit that no distance reaches."""


class ViewKind(IntEnum):
    """How a view was made from the posted picture; the values are stored with the views."""

    WHOLE = 0
    TRIMMED = 1
    """Uniform bars or blurred bands cut off."""
    PANEL = 2
    """A box that a flat or smooth background surrounds."""
    RECTANGLE = 3
    """A box between straight step lines, or a cell of a grid of such lines."""
    SPLIT = 4
    """A half or a quarter, whether or not a line divides the picture there."""
    UPRIGHTED = 5
    """A tilted picture found on its background, turned back and cut out."""
    UNTURNED = 6
    """The picture turned back by some degrees to the frame from which it may have been cut."""
    ZOOMED_OUT = 7
    """The picture inside a slightly larger frame, its edges drawn out: the rest may have been cut off."""
    WIDENED = 8
    """A found box made wider or higher: collages cut their pictures to the shape of the cell."""


class Limits(NamedTuple):
    """Hamming distances, of 256 bits."""

    remove: int
    """Up to this distance the picture may be removed without a person; :data:`NEVER` if not at all."""
    review: int
    """Up to this distance the picture is shown to a moderator."""


_REMOVE = 31
"""What PDQ's publishers recommend. Innocent originals of changed pictures begin to match above it."""

_LIMITS: dict[ViewKind, Limits] = {
    ViewKind.WHOLE: Limits(_REMOVE, 47),
    ViewKind.TRIMMED: Limits(_REMOVE, 47),
    ViewKind.PANEL: Limits(_REMOVE, 56),
    ViewKind.RECTANGLE: Limits(_REMOVE, 56),
    ViewKind.SPLIT: Limits(NEVER, 47),
    ViewKind.UPRIGHTED: Limits(_REMOVE, 56),
    ViewKind.UNTURNED: Limits(NEVER, 47),
    ViewKind.ZOOMED_OUT: Limits(NEVER, 47),
    ViewKind.WIDENED: Limits(NEVER, 47),
}

REMOVE_LIMIT: NDArray[np.int16] = np.array([_LIMITS[kind].remove for kind in ViewKind], np.int16)
"""Largest distance that removes, by kind; shape (kinds,)."""

REVIEW_LIMIT: NDArray[np.int16] = np.array([_LIMITS[kind].review for kind in ViewKind], np.int16)
"""Largest distance that asks a person, by kind; shape (kinds,)."""

INVERTIBLE = (ViewKind.WHOLE, ViewKind.TRIMMED)
"""The kinds for which a caller also looks at ``256 - distance``, that is at the picture with inverted colours."""
