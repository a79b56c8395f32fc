"""What people do to a picture before they post it again, each as an encoded file.

An edit gets the picture and a generator for its random parts, so that a run can be repeated. Files are JPEG of quality
88 unless the edit is a codec. Crops name the share of the area that is cut off.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from bot.demo.art import font
from bot.demo.pictures import bordered, encode, mirrored, resized

Edit = Callable[[Image.Image, random.Random], bytes]


def _file(change: Callable[[Image.Image, random.Random], Image.Image]) -> Edit:
    return lambda image, rng: encode(change(image, rng), quality=88)


def _codec(format_: str, quality: int) -> Edit:
    return lambda image, _: encode(image, format_, quality=quality)


def _crop(share: float) -> Edit:
    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        stretch = rng.uniform(0.75, 1.25) ** 0.5
        keep = (1 - share) ** 0.5
        across = min(1.0, max(keep * stretch, 1 - share))
        width, height = round(image.width * across), round(image.height * (1 - share) / across)
        left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
        return image.crop((left, top, left + width, top + height))

    return _file(change)


def _border(share: float, fill: tuple[int, int, int]) -> Edit:
    return _file(lambda image, _: bordered(image, share, fill))


def _transpose(how: Image.Transpose) -> Edit:
    return _file(lambda image, _: image.transpose(how))


def _tilt(degrees: float) -> Edit:
    """Turned by a little, then cut to the largest upright rectangle of the same shape."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        angle = degrees * rng.choice((-1, 1))
        sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
        ratio = max(image.size) / min(image.size)
        scale = 1 / (cosine + ratio * sine)
        turned = image.rotate(angle, resample=Image.Resampling.BICUBIC)
        width, height = image.width * scale, image.height * scale
        left, top = (image.width - width) / 2, (image.height - height) / 2
        return turned.crop((math.ceil(left), math.ceil(top), math.floor(left + width), math.floor(top + height)))

    return _file(change)


def _watermark(image: Image.Image, rng: random.Random) -> Image.Image:
    """Tilted text all over the picture at one third opacity."""
    side = 2 * max(image.size)
    sheet = Image.new("L", (side, side))
    draw, face = ImageDraw.Draw(sheet), font(image.height / 14)
    text = rng.choice(("@fanpage_daily", "do not repost", "stage archive"))
    step = int(face.getlength(text) * 1.4)
    for row, y in enumerate(range(0, side, max(1, image.height // 5))):
        for x in range(-(row % 2) * step // 2, side, step):
            draw.text((x, y), text, fill=85, font=face)
    left, top = (side - image.width) // 2, (side - image.height) // 2
    mask = sheet.rotate(rng.uniform(20, 40)).crop((left, top, left + image.width, top + image.height))
    return Image.composite(Image.new("RGB", image.size, (255, 255, 255)), image, mask)


def _stickers(share: float) -> Edit:
    """Three discs with a face of dots and a line, together of this share of the area."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        out = image.copy()
        draw = ImageDraw.Draw(out)
        radius = (share / 3 * image.width * image.height / math.pi) ** 0.5
        for _ in range(3):
            x, y = rng.uniform(radius, image.width - radius), rng.uniform(radius, image.height - radius)
            fill = rng.choice(((255, 205, 60), (255, 120, 150), (120, 200, 255)))
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
            for side in (-1, 1):
                eye = x + side * radius * 0.35, y - radius * 0.25
                dot = radius * 0.12
                draw.ellipse((eye[0] - dot, eye[1] - dot, eye[0] + dot, eye[1] + dot), fill=(60, 40, 20))
            mouth = (x - radius * 0.5, y - radius * 0.5, x + radius * 0.5, y + radius * 0.55)
            draw.arc(mouth, 20, 160, fill=(60, 40, 20), width=max(1, round(radius * 0.1)))
        return out

    return _file(change)


def _noise(sigma: float) -> Edit:
    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        grain = np.random.default_rng(rng.randrange(2**32)).normal(0, sigma, (image.height, image.width, 3))
        return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))

    return _file(change)


EDITS: dict[str, Edit] = {
    "none": lambda image, _: encode(image, quality=95),
    "jpeg75": _codec("JPEG", 75),
    "jpeg50": _codec("JPEG", 50),
    "jpeg30": _codec("JPEG", 30),
    "webp50": _codec("WEBP", 50),
    "resize50": _file(lambda image, _: resized(image, 0.5)),
    "resize25": _file(lambda image, _: resized(image, 0.25)),
    "crop05": _crop(0.05),
    "crop10": _crop(0.10),
    "border05": _border(0.05, (255, 255, 255)),
    "border20": _border(0.20, (0, 0, 0)),
    "hflip": _file(lambda image, _: mirrored(image)),
    "vflip": _transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "rot90": _transpose(Image.Transpose.ROTATE_90),
    "rot180": _transpose(Image.Transpose.ROTATE_180),
    "rot3": _tilt(3),
    "watermark": _file(_watermark),
    "sticker05": _stickers(0.05),
    "gray": _file(lambda image, _: image.convert("L").convert("RGB")),
    "bright": _file(lambda image, _: ImageEnhance.Brightness(image).enhance(1.4)),
    "contrast": _file(lambda image, _: ImageEnhance.Contrast(image).enhance(1.6)),
    "blur": _file(lambda image, _: image.filter(ImageFilter.GaussianBlur(0.008 * max(image.size)))),
    "noise": _noise(20),
}
