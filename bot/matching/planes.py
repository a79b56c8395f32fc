"""From a decoded picture of any colour mode to luminance planes, which are all that fingerprinting needs."""

from __future__ import annotations

import numpy as np
from PIL import Image

SIDE = 800
"""Planes keep at least this many pixels along their longer axis, if the picture has them, and fewer than twice that."""

SMALL_SIDE = 256
"""Small planes keep at least this many pixels along each axis, if there are so many, and fewer than twice as many."""


def planes(image: Image.Image) -> list[Image.Image]:
    """The picture as people see it, in luminance (mode "L"), reduced; one plane, or two if it is transparent.

    A transparent picture looks different on a light and on a dark background, and a picture can be drawn in its
    transparency alone so that only one of the two shows it. So there is a plane for each: on white, then on black.
    A picture that already is a small luminance plane comes back unchanged.
    """
    grey, alpha = _grey_and_alpha(image)
    if alpha is None or alpha.getextrema() == (255, 255):
        return [_reduced(grey)]
    white = Image.composite(grey, Image.new("L", grey.size, 255), alpha)
    black = Image.composite(grey, Image.new("L", grey.size, 0), alpha)
    return [_reduced(white), _reduced(black)]


def small(plane: Image.Image) -> Image.Image:
    """The plane reduced to what hashes and grids need."""
    across, down = max(1, plane.width // SMALL_SIDE), max(1, plane.height // SMALL_SIDE)
    return plane if across == down == 1 else plane.reduce((across, down))


def _grey_and_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    if image.mode.startswith("I"):
        return _from_16_bit(image), None
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        return colours.convert("L"), colours.getchannel("A")
    if image.mode in {"1", "L", "RGB"}:
        return image.convert("L"), None
    # A palette's index is no brightness, and CMYK is ink: both become colours before they become grey.
    return image.convert("RGB").convert("L"), None


def _from_16_bit(image: Image.Image) -> Image.Image:
    """Pillow's own conversion clips 16-bit greys to white instead of scaling them."""
    deep = np.asarray(image).astype(np.int32, copy=False)
    return Image.fromarray((np.clip(deep, 0, 65535) >> 8).astype(np.uint8))


def _reduced(plane: Image.Image) -> Image.Image:
    factor = max(1, max(plane.size) // SIDE)
    return plane if factor == 1 else plane.reduce(factor)
