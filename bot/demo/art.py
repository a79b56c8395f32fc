"""How the demo's pictures are painted: layers of light, shapes and grain on a float canvas.

A canvas is ``float32`` of shape (height, width, 3), 0 to 1; a mask is the cover of every pixel, shape (height, width).
Places and lengths are in widths of the canvas, so that a motif looks alike at every size, and all chance comes from one
generator, so that a seed gives the same picture again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Canvas: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
Colour: TypeAlias = tuple[float, float, float]
Point: TypeAlias = tuple[float, float]

_SUPERSAMPLE = 2


def colour(code: str) -> Colour:
    """``"ff8040"`` as three shares."""
    red, green, blue = bytes.fromhex(code)
    return red / 255, green / 255, blue / 255


@dataclass(frozen=True, slots=True)
class Palette:
    """Five colours that go together, from the darkest to the lightest, and one that stands out."""

    deep: Colour
    low: Colour
    middle: Colour
    high: Colour
    light: Colour
    accent: Colour

    @classmethod
    def of(cls, codes: str) -> Palette:
        """From six hexadecimal codes, in the order of the fields."""
        return cls(*map(colour, codes.split()))


PALETTES = tuple(
    map(
        Palette.of,
        (
            "160f2e 3b1f5b 8a3a83 f2789f ffe3d8 ffd166",
            "0b1c2c 13405a 2a8c95 8fd6c1 f4f9e9 ff8a5b",
            "1d1128 40284a a4508b f7a072 fff1d6 5fe3e0",
            "101935 22356f 5b6fc9 a9b8f5 f3f0ff ff6b9a",
            "23120b 5c2a1d b5532f f2a65a fff0d0 3fb8af",
            "0f2027 203a43 5c8374 c3d9b0 fbf8e3 f25f5c",
            "2b0a1f 6d1a4c c93a6b ff8fa3 ffe9ef 8ee3ef",
            "141414 2f2d3a 6a5d7b c9a7c7 f7edf5 ffb400",
            "08192f 0d3b66 3d7ea6 f4b183 fdf3dc ee964b",
            "1a1040 3a2a8c 7a5cff c3a6ff f6f1ff 5bffb0",
        ),
    )
)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """A colour ``share`` of the way from the first to the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def grid(size: tuple[int, int]) -> tuple[Mask, Mask]:
    """The x and y of every pixel in units of the width; y runs from 0 to height / width."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (x + 0.5) / width, (y + 0.5) / width


def ramp(size: tuple[int, int], stops: Sequence[Colour], degrees: float) -> Canvas:
    """A linear gradient over evenly spaced colours; at 0 degrees it runs from the top to the bottom."""
    x, y = grid(size)
    angle = np.deg2rad(degrees)
    along = np.sin(angle) * x + np.cos(angle) * y
    along = (along - along.min()) / max(float(np.ptp(along)), 1e-6)
    places = np.linspace(0, 1, len(stops))
    canvas = np.empty((*along.shape, 3), np.float32)
    for channel in range(3):
        canvas[..., channel] = np.interp(along, places, [stop[channel] for stop in stops])
    return canvas


def clouds(rng: np.random.Generator, size: tuple[int, int], cells: int, octaves: int = 4) -> Mask:
    """Smooth noise from 0 to 1 with about ``cells`` blobs across, finer octaves at falling strength."""
    width, height = size
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        across = cells * 2**octave
        down = max(2, round(across * height / width))
        knots = Image.fromarray(rng.random((down + 1, across + 1), dtype=np.float32))
        total += np.asarray(knots.resize(size, Image.Resampling.BICUBIC)) / 2**octave
    return (total - total.min()) / max(float(np.ptp(total)), 1e-6)


def shape(size: tuple[int, int], draw: Callable[[ImageDraw.ImageDraw, float], None], *, blur: float = 0.0) -> Mask:
    """The coverage, 0 to 1, of what ``draw`` paints in white.

    ``draw`` gets the drawing and the number of its pixels in one canvas width. ``blur`` is in shares of the width.
    """
    width, height = size
    sheet = Image.new("L", (width * _SUPERSAMPLE, height * _SUPERSAMPLE))
    draw(ImageDraw.Draw(sheet), float(width * _SUPERSAMPLE))
    sheet = sheet.resize(size, Image.Resampling.BOX)
    if blur:
        sheet = sheet.filter(ImageFilter.GaussianBlur(blur * width))
    return np.asarray(sheet, np.float32) / 255


def paint(canvas: Canvas, mask: Mask, ink: Colour | Mask, opacity: float = 1.0) -> None:
    """Lay ink over the canvas, in place."""
    painted = _box(mask)
    ground = canvas[painted]
    pigment = np.asarray(ink, np.float32)
    if pigment.ndim > 1:
        pigment = pigment[painted]
    ground += (mask[painted] * np.float32(opacity))[..., None] * (pigment - ground)


def shine(canvas: Canvas, mask: Mask, light: Colour, strength: float = 1.0) -> None:
    """Add light without burning out (screen blending), in place."""
    lit = _box(mask)
    ground = canvas[lit]
    added = np.clip((mask[lit] * np.float32(strength))[..., None] * np.asarray(light, np.float32), 0, 1)
    ground += added * (1 - np.clip(ground, 0, 1))


def _box(mask: Mask) -> tuple[slice, slice]:
    """The smallest rectangle that holds all of the mask that is not zero: the rest need not be computed."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def glow(size: tuple[int, int], centre: Point, radius: float) -> Mask:
    """A soft round light that falls to a third at ``radius``; centre and radius in canvas widths."""
    x, y = grid(size)
    return np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / radius**2).astype(np.float32)


def disc(size: tuple[int, int], centre: Point, radius: float, *, blur: float = 0.0) -> Mask:
    """A filled circle."""
    x, y = centre

    def draw(sheet: ImageDraw.ImageDraw, unit: float) -> None:
        box = ((x - radius) * unit, (y - radius) * unit, (x + radius) * unit, (y + radius) * unit)
        sheet.ellipse(box, fill=255)

    return shape(size, draw, blur=blur)


def spline(points: Sequence[Point], steps: int = 8) -> list[Point]:
    """A closed smooth curve through the points (Catmull-Rom), as the corners of a polygon."""
    knots = np.asarray(points, np.float64)
    before, after, second = (np.roll(knots, shift, axis=0) for shift in (1, -1, -2))
    curve: list[Point] = []
    for start, first, end, last in zip(before, knots, after, second, strict=True):
        for t in np.arange(steps) / steps:
            x, y = 0.5 * (
                2 * first
                + (end - start) * t
                + (2 * start - 5 * first + 4 * end - last) * t**2
                + (3 * first - start - 3 * end + last) * t**3
            )
            curve.append((float(x), float(y)))
    return curve


def polygon(size: tuple[int, int], points: Sequence[Point], *, blur: float = 0.0) -> Mask:
    """A filled polygon, its corners in canvas widths."""
    return shape(
        size,
        lambda sheet, unit: sheet.polygon([(x * unit, y * unit) for x, y in points], fill=255),
        blur=blur,
    )


def window(canvas: Canvas, centre: Point, reach: float) -> tuple[Canvas, Mask, Mask]:
    """A view on the canvas within ``reach`` of a point, and the x and y of its pixels from that point."""
    height, width = canvas.shape[:2]
    left, right = (round((centre[0] + side * reach) * width) for side in (-1, 1))
    top, bottom = (round((centre[1] + side * reach) * width) for side in (-1, 1))
    left, right, top, bottom = max(left, 0), max(min(right, width), 0), max(top, 0), max(min(bottom, height), 0)
    y, x = np.mgrid[top : max(top, bottom), left : max(left, right)].astype(np.float32)
    part = canvas[top : max(top, bottom), left : max(left, right)]
    return part, (x + 0.5) / width - np.float32(centre[0]), (y + 0.5) / width - np.float32(centre[1])


def bokeh(
    canvas: Canvas, rng: np.random.Generator, lights: Sequence[Colour], count: int, band: tuple[float, float]
) -> None:
    """Out-of-focus lights between two shares of the height, pale discs with a brighter rim, in place."""
    height, width = canvas.shape[:2]
    tall = height / width
    for _ in range(count):
        radius = float(rng.uniform(0.012, 0.06) * rng.choice([1.0, 1.0, 1.6]))
        x, y = float(rng.uniform(-0.05, 1.05)), float(rng.uniform(*band)) * tall
        light = lights[int(rng.integers(len(lights)))]
        strength = float(rng.uniform(0.15, 0.5))
        _stamp(canvas, (x, y), radius, light, strength)


def _stamp(canvas: Canvas, centre: Point, radius: float, light: Colour, strength: float) -> None:
    part, x, y = window(canvas, centre, radius * 1.15)
    away = np.hypot(x, y) / radius
    soft = 1.5 / (radius * canvas.shape[1])
    inside = np.clip((1 - away) / soft, 0, 1)
    rim = np.exp(-(((away - 0.93) / 0.08) ** 2)) * inside
    shine(part, 0.55 * inside + 0.45 * rim, light, strength)


def spark(canvas: Canvas, centre: Point, radius: float, light: Colour, strength: float = 1.0) -> None:
    """A small soft light, in place."""
    part, x, y = window(canvas, centre, radius * 2.5)
    shine(part, np.exp(-(x**2 + y**2) / radius**2), light, strength)


def font(pixels: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that Pillow brings along, so that a picture does not depend on the fonts of the machine."""
    return ImageFont.load_default(max(8.0, pixels))


def lettering(
    size: tuple[int, int], text: str, at: Point, height: float, *, spacing: float = 0.0, anchor: str = "ls"
) -> Mask:
    """Text with its baseline start (``ls``) or end (``rs``) at a point; height and point in canvas widths.

    ``spacing`` is the extra room after each letter in letter heights.
    """

    def draw(sheet: ImageDraw.ImageDraw, unit: float) -> None:
        face = font(height * unit)
        steps = [face.getlength(letter) + spacing * height * unit for letter in text]
        x = at[0] * unit - (sum(steps) if anchor == "rs" else 0)
        for letter, step in zip(text, steps, strict=True):
            sheet.text((x, at[1] * unit), letter, fill=255, font=face, anchor="ls")
            x += step

    return shape(size, draw)


def finish(canvas: Canvas, rng: np.random.Generator, *, grain: float = 0.018, vignette: float = 0.3) -> Image.Image:
    """Darken the corners, add film grain and turn the canvas into an RGB picture."""
    height, width = canvas.shape[:2]
    x, y = grid((width, height))
    away = ((x - 0.5) / 0.5) ** 2 + ((y * width / height - 0.5) / 0.5) ** 2
    canvas = canvas * (1 - vignette * np.clip(away / 2, 0, 1) ** 1.5)[..., None]
    canvas = canvas + rng.normal(0, grain, (height, width, 1)).astype(np.float32)
    return Image.fromarray((np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8))
