"""Pictures for the demo and for tests: generated fan art, what people do to a picture before they post it again.

Everything is deterministic: the same seed gives the same pixels. Nothing is read from the disk or from the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import art
from .motifs import MOTIFS

SIZE = (720, 900)
FACE_SHARE = 0.08
"""The share of the area that :func:`face_swapped` replaces."""

_PATCH_SIZE = (240, 300)
_TITLES = (
    "MOONLARK", "SOFT ORBIT", "PAPER COMET", "NEON TIDES", "AFTERGLOW", "HALCYON", "VELVET SKY", "LANTERNS",
    "ECHO BLOOM", "NIGHT BUS", "WINTER SUN", "SUGAR STATIC", "FIRST LIGHT", "GLASS GARDEN", "LONG SUMMER",
)  # fmt: skip
_LINES = ("fan art", "world tour", "encore night", "album day", "light stick ocean", "photo card", "anniversary")


def picture(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A poster in RGB; another seed gives another motif, palette, layout and title."""
    return _picture(seed, size).copy()


@lru_cache(maxsize=24)
def _picture(seed: int, size: tuple[int, int]) -> Image.Image:
    rng = np.random.default_rng([seed, 2026])
    motif = MOTIFS[seed % len(MOTIFS)]
    palette = art.PALETTES[(3 * seed + seed // len(MOTIFS)) % len(art.PALETTES)]
    canvas = motif(rng, size, palette)
    _print_title(canvas, rng, palette, seed)
    return art.finish(canvas, rng)


def _print_title(canvas: art.Canvas, rng: np.random.Generator, palette: art.Palette, seed: int) -> None:
    size = canvas.shape[1], canvas.shape[0]
    tall = size[1] / size[0]
    title = _TITLES[int(rng.integers(len(_TITLES)))]
    line = f"{_LINES[int(rng.integers(len(_LINES)))]}  no. {seed % 1000:03d}"
    right = bool(rng.random() < 0.5)
    anchor, x = ("rs", 0.94) if right else ("ls", 0.06)
    letters = float(rng.uniform(0.07, 0.1))
    y = (0.06 * tall + letters) if rng.random() < 0.5 else 0.9 * tall
    title_mask = art.lettering(size, title, (x, y), letters, spacing=0.04, anchor=anchor)
    line_mask = art.lettering(size, line, (x, y + 0.048), 0.03, spacing=0.12, anchor=anchor)
    bar = (x - 0.12, y + 0.068, x, y + 0.074) if right else (x, y + 0.068, x + 0.12, y + 0.074)
    rule = art.polygon(size, [(bar[0], bar[1]), (bar[2], bar[1]), (bar[2], bar[3]), (bar[0], bar[3])])
    ink = np.maximum(title_mask, line_mask)
    shadow = Image.fromarray((np.maximum(ink, rule) * 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(size[0] / 90)
    )
    art.paint(canvas, np.clip(np.asarray(shadow, np.float32) / 255 * 2, 0, 1), palette.deep, 0.6)
    art.paint(canvas, ink, palette.light)
    art.paint(canvas, rule, palette.accent)


def encode(image: Image.Image, format: str = "JPEG", **options: object) -> bytes:  # noqa: A002 - Pillow's own word
    """The picture as a file; options go to Pillow's ``save``. A JPEG has quality 90 unless said otherwise."""
    if format == "JPEG":
        options = {"quality": 90, **options}
    buffer = BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def encode_animation(frames: Sequence[Image.Image], format: str = "GIF", *, milliseconds: int = 120) -> bytes:  # noqa: A002
    """Frames as an animated ``GIF``, ``WEBP`` or ``PNG`` (an APNG) that repeats for ever."""
    first, *others = frames
    options: dict[str, Any] = {"save_all": True, "append_images": others, "duration": milliseconds, "loop": 0}
    if format == "WEBP":
        options |= {"quality": 80}
    return encode(first, format, **options)


def twinkling(image: Image.Image, count: int, seed: int = 0) -> list[Image.Image]:
    """Frames of the picture with lights that come and go: an animation whose every frame shows the picture."""
    rng = np.random.default_rng([seed, 7])
    lights = rng.uniform((0.05, 0.05), (0.95, 0.95), (12, 2)) * (1.0, image.height / image.width)
    pixels = np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
    frames: list[Image.Image] = []
    for number in range(count):
        canvas = pixels.copy()
        for place, (x, y) in enumerate(lights):
            strength = 0.5 + 0.5 * np.cos(2 * np.pi * (number / max(count, 1) + place / len(lights)))
            art.spark(canvas, (float(x), float(y)), 0.014, (1.0, 1.0, 0.95), float(strength))
        frames.append(Image.fromarray((np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)))
    return frames


# --------------------------------------------------------------------------- what people do to a picture they repost


def recompressed(image: Image.Image, quality: int = 40) -> Image.Image:
    """The picture after a JPEG of low quality."""
    return Image.open(BytesIO(encode(image, quality=quality))).convert("RGB")


def mirrored(image: Image.Image) -> Image.Image:
    """Left and right exchanged."""
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def turned(image: Image.Image, degrees: int = 90) -> Image.Image:
    """Turned counter-clockwise; quarter turns lose nothing, other angles show grey corners."""
    return image.rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC, fillcolor=(60, 60, 60))


def resized(image: Image.Image, factor: float = 0.5) -> Image.Image:
    """Scaled on both axes."""
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image.resize(size, Image.Resampling.LANCZOS)


def cropped(image: Image.Image, share: float = 0.05) -> Image.Image:
    """The middle of the picture, with ``share`` of its area cut off around it."""
    keep = (1 - share) ** 0.5
    width, height = max(1, round(image.width * keep)), max(1, round(image.height * keep))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def bordered(image: Image.Image, share: float = 0.1, fill: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """A uniform border of ``share`` of the longer side on each edge."""
    edge = round(share * max(image.size))
    framed = Image.new("RGB", (image.width + 2 * edge, image.height + 2 * edge), fill)
    framed.paste(image, (edge, edge))
    return framed


def captioned(image: Image.Image, text: str = "omg look at this") -> Image.Image:
    """A white bar with a line of text above the picture."""
    bar = round(image.height * 0.12)
    out = Image.new("RGB", (image.width, image.height + bar), (255, 255, 255))
    out.paste(image, (0, bar))
    middle = (image.width / 2, bar / 2)
    ImageDraw.Draw(out).text(middle, text, fill=(20, 20, 20), font=art.font(bar * 0.42), anchor="mm")
    return out


def face_swapped(image: Image.Image, seed: int) -> Image.Image:
    """The picture with an ellipse of ``FACE_SHARE`` of its area blended over with other content.

    A harmless stand-in for a manipulation: the result lies close to the picture it was made from, as a face swap lies
    close to the official photo, so it shows whether known-good entries protect the original.
    """
    rng = np.random.default_rng([seed, 8])
    original = image.convert("RGB")
    width, height = image.size
    shape = float(rng.uniform(1.15, 1.4))
    across = (4 * FACE_SHARE * width * height / (np.pi * shape)) ** 0.5
    x, y = width * float(rng.uniform(0.35, 0.65)), height * float(rng.uniform(0.35, 0.55))
    left, top = round(x - across / 2), round(y - across * shape / 2)
    box = (left, top, left + round(across), top + round(across * shape))
    other = _picture(seed + 1_000_003, _PATCH_SIZE).resize((box[2] - left, box[3] - top), Image.Resampling.LANCZOS)
    patch = original.copy()
    patch.paste(_toned(other, original.crop(box)), box)
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return Image.composite(patch, original, mask.filter(ImageFilter.GaussianBlur(across / 16)))


def _toned(patch: Image.Image, place: Image.Image) -> Image.Image:
    """The detail of the patch in the light, the colour and about the contrast of the place it goes to."""
    blur = ImageFilter.GaussianBlur(place.width / 5)
    light = np.asarray(place.filter(blur), np.float32)
    detail = np.asarray(patch, np.float32) - np.asarray(patch.filter(blur), np.float32)
    contrast = float((np.asarray(place, np.float32) - light).std() / max(float(detail.std()), 1.0))
    return Image.fromarray(np.clip(light + detail * min(max(contrast, 0.6), 1.8), 0, 255).astype(np.uint8))
