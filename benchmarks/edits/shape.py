"""Edits that move the picture: scaling, crops, flips, rotations, borders."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageFilter

from bot.demo.pictures import bordered

from .base import BLACK, WHITE, Change, Colour, alone, cover, fit, resize


def scale(factor: float) -> Change:
    """Scaled on both axes."""
    return alone(lambda image, _: resize(image, image.width * factor, image.height * factor))


def long_side(length: int) -> Change:
    """Scaled to a long side in pixels."""
    return alone(lambda image, _: fit(image, length, length))


def squeeze(factor: float) -> Change:
    """Scaled on one axis."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        across, down = rng.choice(((factor, 1.0), (1.0, factor)))
        return resize(image, image.width * across, image.height * down)

    return alone(change)


def crop(share: float) -> Change:
    """This share of the area cut off; what stays lies anywhere and is up to 25 % wider or narrower in proportion."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        stretch = rng.uniform(0.75, 1.25) ** 0.5
        across = min(1.0, max((1 - share) ** 0.5 * stretch, 1 - share))
        width, height = round(image.width * across), round(image.height * (1 - share) / across)
        left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
        return image.crop((left, top, left + width, top + height))

    return alone(change)


def transposed(how: Image.Transpose) -> Change:
    """A flip or a quarter turn."""
    return alone(lambda image, _: image.transpose(how))


def tilt(degrees: float) -> Change:
    """Turned either way and cut to the largest upright rectangle inside."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        turned = image.rotate(degrees * rng.choice((-1, 1)), resample=Image.Resampling.BICUBIC)
        width, height = _inner(image.width, image.height, math.radians(degrees))
        left, top = (image.width - width) / 2, (image.height - height) / 2
        return turned.crop((math.ceil(left), math.ceil(top), math.floor(left + width), math.floor(top + height)))

    return alone(change)


def _inner(width: float, height: float, angle: float) -> tuple[float, float]:
    """The size of the largest upright rectangle inside a turned one (angle up to 45 degrees)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    short, long = sorted((width, height))
    if short <= 2 * sine * cosine * long:  # two corners touch the long sides, the others lie free
        half = short / 2
        return (half / sine, half / cosine) if width >= height else (half / cosine, half / sine)
    double = cosine * cosine - sine * sine
    return (width * cosine - height * sine) / double, (height * cosine - width * sine) / double


def turn(degrees: float) -> Change:
    """Turned either way on a larger canvas with black or white corners."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        angle, fill = degrees * rng.choice((-1, 1)), rng.choice((BLACK, WHITE))
        return image.rotate(angle, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=fill)

    return alone(change)


def border(share: float, fill: Colour) -> Change:
    """A uniform border of a share of the long side on each edge."""
    return alone(lambda image, _: bordered(image, share, fill))


def letterbox(image: Image.Image, _: random.Random) -> Image.Image:
    """Black bars above and below, to 1.6 times the height."""
    out = Image.new("RGB", (image.width, round(1.6 * image.height)), BLACK)
    out.paste(image, (0, (out.height - image.height) // 2))
    return out


def blurfill(image: Image.Image, rng: random.Random) -> Image.Image:
    """The short side lengthened, the room filled with the picture's own enlarged and blurred copy."""
    factor = rng.uniform(1.5, 1.9)
    wide = image.width >= image.height
    width, height = (image.width, round(image.height * factor)) if wide else (round(image.width * factor), image.height)
    out = cover(image, width, height).filter(ImageFilter.GaussianBlur(0.03 * max(width, height)))
    out.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return out
