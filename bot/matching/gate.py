"""Which views of a picture may become an entry: a picture with little in it agrees with too many others."""

from __future__ import annotations

from dataclasses import replace

from bot.model import Fingerprint, View

from .grid import informative

LEAST_STEPS = 181
"""Reliable steps, of 544, of a view that may be listed: a third of them."""

LEAST_TILES = 8
"""Tiles, of 16, that must have something to compare."""


def gated(fingerprint: Fingerprint) -> Fingerprint:
    """The fingerprint without the views that carry too little to be told from others; maybe without any.

    Of a picture of which no view is left, the PDQ hashes go too, unless they are all that was ever known of it.
    """
    views = tuple(view for view in fingerprint.views if _enough(view))
    if len(views) == len(fingerprint.views):
        return fingerprint
    return replace(fingerprint, views=views, pdq=fingerprint.pdq if views else ())


def _enough(view: View) -> bool:
    if not view.grid:
        return True
    found = informative(view.grid)
    return found.bits >= LEAST_STEPS and found.tiles >= LEAST_TILES
