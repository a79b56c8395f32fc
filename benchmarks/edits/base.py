"""What all edits share: their signature, the other pictures that some of them need, and the file at the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from io import BytesIO
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bot.demo.art import font
from bot.demo.pictures import encode, picture

QUALITY = 88
"""The JPEG quality of an edited copy, unless the edit is a codec."""

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
Colour: TypeAlias = tuple[int, int, int]

Others: TypeAlias = Callable[[random.Random], Image.Image]
"""Draws another picture, for edits that show two."""

Change: TypeAlias = Callable[[Image.Image, random.Random, Others], Image.Image]
"""An edit before its file is written. Pictures are RGB."""

Plain: TypeAlias = Callable[[Image.Image, random.Random], Image.Image]
"""A change that needs no other picture."""


def painted(rng: random.Random) -> Image.Image:
    """Another picture where there is no folder to draw from: one of 64 posters made by code."""
    return picture(rng.randrange(64), (400, 500))


class Edit(Protocol):
    """From an RGB picture to the file of an edited copy. All chance comes from the generator."""

    def __call__(self, image: Image.Image, rng: random.Random, others: Others = painted) -> bytes: ...


def alone(change: Plain) -> Change:
    """A change that looks at one picture, with the signature of all."""
    return lambda image, rng, _: change(image, rng)


def as_jpeg(change: Change) -> Edit:
    """The edit whose file is a JPEG of the changed picture."""

    def edit(image: Image.Image, rng: random.Random, others: Others = painted) -> bytes:
        return encode(change(image, rng, others), quality=QUALITY)

    return edit


def decode(data: bytes) -> Image.Image:
    """A file as an upright RGB picture; transparent parts lie on black."""
    return ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB")


def pixels(image: Image.Image) -> NDArray[np.float32]:
    """The picture as float32 of shape (height, width, 3), 0 to 255."""
    return np.asarray(image, np.float32)


def from_pixels(values: NDArray[Any]) -> Image.Image:
    """The inverse of :func:`pixels`; values outside 0 to 255 are cut off."""
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def generator(rng: random.Random) -> np.random.Generator:
    """A numpy generator that goes on from ``rng``."""
    return np.random.default_rng(rng.getrandbits(64))


def resize(image: Image.Image, width: float, height: float) -> Image.Image:
    """Scaled to a size, at least one pixel."""
    return image.resize((max(1, round(width)), max(1, round(height))), Image.Resampling.LANCZOS)


def fit(image: Image.Image, width: float, height: float) -> Image.Image:
    """Scaled as large as goes into a box."""
    factor = min(width / image.width, height / image.height)
    return resize(image, image.width * factor, image.height * factor)


def cover(image: Image.Image, width: int, height: int) -> Image.Image:
    """Scaled and cut about its middle so that it fills a box."""
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def fitting_font(text: str, height: float, width: float):
    """The font of a height, smaller where the line would not fit the width."""
    face = font(height)
    length = face.getlength(text)
    return face if length <= width else font(height * width / length)
