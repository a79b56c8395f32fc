"""Edits that change values and leave every pixel in its place: blur, noise, brightness, colour."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from .base import Change, alone, from_pixels, generator, pixels


def blur(share: float) -> Change:
    """A Gaussian blur with a radius of this share of the long side."""
    return alone(lambda image, _: image.filter(ImageFilter.GaussianBlur(share * max(image.size))))


def noise(sigma: float) -> Change:
    """Gaussian noise on every channel, in grey levels."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        return from_pixels(pixels(image) + generator(rng).normal(0, sigma, (image.height, image.width, 3)))

    return alone(change)


def brightness(factor: float) -> Change:
    return alone(lambda image, _: ImageEnhance.Brightness(image).enhance(factor))


def contrast(factor: float) -> Change:
    return alone(lambda image, _: ImageEnhance.Contrast(image).enhance(factor))


def saturation(factor: float) -> Change:
    return alone(lambda image, _: ImageEnhance.Color(image).enhance(factor))


def gamma(exponent: float) -> Change:
    """Values to a power; below 1 the picture gets brighter."""
    return alone(lambda image, _: from_pixels(255 * (pixels(image) / 255) ** exponent))


def grey(image: Image.Image, _: random.Random) -> Image.Image:
    return image.convert("L").convert("RGB")


def tint(image: Image.Image, rng: random.Random) -> Image.Image:
    """Sepia, a warm or a cool light, or two colours from dark to light."""
    how = rng.choice(("sepia", "warm", "cool", "duotone"))
    if how == "sepia":
        return ImageOps.colorize(image.convert("L"), (30, 18, 6), (255, 240, 205), mid=(145, 110, 75))
    if how == "duotone":
        dark, light = rng.choice((((20, 10, 70), (255, 190, 120)), ((60, 0, 40), (140, 255, 230))))
        return ImageOps.colorize(image.convert("L"), dark, light)
    gains = (1.15, 1.0, 0.75) if how == "warm" else (0.75, 1.0, 1.2)
    return from_pixels(pixels(image) * np.asarray(gains, np.float32))


def hue(image: Image.Image, rng: random.Random) -> Image.Image:
    """All hues turned by 45 to 315 degrees."""
    tones, saturations, values = image.convert("HSV").split()
    step = rng.randint(32, 224)
    return Image.merge("HSV", (tones.point([(tone + step) % 256 for tone in range(256)]), saturations, values)).convert(
        "RGB"
    )


def invert(image: Image.Image, _: random.Random) -> Image.Image:
    return ImageOps.invert(image)
