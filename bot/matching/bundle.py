"""The PDQ hashes by which others can find an entry: of the picture, and of crops that people make of it.

A list carries no pictures, so that whoever receives one hash can find crops only by guessing what was cut off. The
publisher still has the picture and can add hashes of seven crops. How much that finds stands in docs/matching.md;
whether the crops go along is the operator's choice.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .pdq import RECOMMENDED_QUALITY, pdq
from .views.extraction import INNER_QUALITY_GATE
from .views.hashing import inner_quality
from .views.patches import plane_of, square_of

_LARGE, _SMALL = 0.84, 0.65
"""Sides of the crops, as shares of the picture's: about 30 and 60 % of its area are cut off."""

_PLACES = ((0.5, 0.5, _SMALL), (0.5, 0.5, _LARGE), (0, 0, _LARGE), (1, 0, _LARGE), (0, 1, _LARGE), (1, 1, _LARGE))
"""Where a crop lies, from 0 (left, top) to 1 (right, bottom), and its side."""


def published(pixels: NDArray[np.uint8]) -> tuple[bytes, ...]:
    """Up to eight upright PDQ hashes of a luminance plane, that of the whole first; none of a plane too plain for it.

    A hash is left out where the view has too little in it, as a whole or within its border: what is nearly empty lies
    near everything that is.
    """
    hashes: list[bytes] = []
    for number, view in enumerate(_views(pixels)):
        plane, _ = plane_of(view)
        found = pdq(Image.fromarray(plane))
        square = square_of(plane.astype(np.float32))[None]
        enough = found.quality >= RECOMMENDED_QUALITY and int(inner_quality(square)[0]) >= INNER_QUALITY_GATE
        if not enough and number == 0:
            return ()
        if enough and found.hash not in hashes:
            hashes.append(found.hash)
    return tuple(hashes)


def _views(pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    height, width = pixels.shape
    yield pixels
    for across, down, side in _PLACES:
        wide, high = max(1, round(side * width)), max(1, round(side * height))
        left, top = round(across * (width - wide)), round(down * (height - high))
        yield np.ascontiguousarray(pixels[top : top + high, left : left + wide])
    if width >= height:
        yield np.ascontiguousarray(pixels[:, width // 6 : width - width // 6])
    else:
        yield np.ascontiguousarray(pixels[height // 6 : height - height // 6])
