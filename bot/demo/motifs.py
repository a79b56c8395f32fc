"""What the demo's pictures show: six motifs of concert posters and fan cards, each drawn from a seed.

Nothing in them shows a person who exists: figures are flat outlines without a face.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import ImageDraw

from .art import (
    Canvas,
    Palette,
    Point,
    bokeh,
    clouds,
    disc,
    glow,
    grid,
    mix,
    paint,
    polygon,
    ramp,
    shape,
    shine,
    spark,
    spline,
    window,
)

Size = tuple[int, int]
Motif = Callable[[np.random.Generator, Size, Palette], Canvas]


def stage(rng: np.random.Generator, size: Size, palette: Palette) -> Canvas:
    """A stage in haze: beams from above, bokeh, and the raised hands of the crowd."""
    tall = size[1] / size[0]
    canvas = ramp(size, (palette.deep, palette.low, palette.middle, palette.low), float(rng.uniform(-25, 25)))
    paint(canvas, clouds(rng, size, 3), palette.deep, 0.55)
    lights = (palette.high, palette.accent, palette.light)
    for _ in range(int(rng.integers(4, 8))):
        top, foot = float(rng.uniform(-0.1, 1.1)), float(rng.uniform(-0.3, 1.3))
        half = float(rng.uniform(0.04, 0.14))
        corners = [(top - 0.008, -0.02), (top + 0.008, -0.02), (foot + half, tall), (foot - half, tall)]
        beam = polygon(size, corners, blur=0.006) * np.linspace(1, 0.15, size[1], dtype=np.float32)[:, None]
        shine(canvas, beam, lights[int(rng.integers(3))], float(rng.uniform(0.35, 0.7)))
    heart = (float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.45, 0.7)) * tall)
    shine(canvas, glow(size, heart, 0.3), palette.light, 0.75)
    _performer(canvas, rng, heart, palette)
    bokeh(canvas, rng, lights, 26, (0.0, 0.8))
    _crowd(canvas, rng, palette)
    return canvas


_SINGER = (
    (0.0, -0.078), (0.03, -0.074), (0.052, -0.055), (0.047, -0.01), (0.032, 0.045), (0.043, 0.09), (0.072, 0.2),
    (0.1, 0.3), (0.035, 0.315), (-0.035, 0.315), (-0.1, 0.3), (-0.072, 0.2), (-0.043, 0.09), (-0.032, 0.045),
    (-0.047, -0.01), (-0.052, -0.055), (-0.03, -0.074),
)  # fmt: skip
"""Shoulders, waist and skirt; x and y from the breastbone, y downward."""

_LIMBS = (
    (((0.044, -0.056), (0.092, -0.09), (0.118, -0.19)), 0.019),
    (((-0.044, -0.056), (-0.082, 0.0), (-0.024, -0.07)), 0.019),
    (((0.0, -0.06), (0.004, -0.1)), 0.026),
    (((0.028, 0.28), (0.034, 0.38), (0.044, 0.5)), 0.028),
    (((-0.028, 0.28), (-0.031, 0.38), (-0.03, 0.5)), 0.028),
)
"""Arms, neck and legs: joints and thickness."""


def _performer(canvas: Canvas, rng: np.random.Generator, at: Point, palette: Palette) -> None:
    """A singer in the light: one arm up, the other at the microphone."""
    size = canvas.shape[1], canvas.shape[0]
    lean, side = float(rng.uniform(-0.08, 0.08)), float(rng.choice([-1.0, 1.0]))

    def spot(x: float, y: float) -> Point:
        return at[0] + x * side + lean * (0.3 - y), at[1] + y

    def draw(sheet: ImageDraw.ImageDraw, unit: float) -> None:
        def dot(centre: Point, across: float, down: float) -> None:
            x, y = centre
            sheet.ellipse(((x - across) * unit, (y - down) * unit, (x + across) * unit, (y + down) * unit), fill=255)

        dot(spot(0.004, -0.128), 0.028, 0.033)
        sheet.polygon([(x * unit, y * unit) for x, y in spline([spot(*point) for point in _SINGER])], fill=255)
        for joints, thick in _LIMBS:
            places = [spot(*joint) for joint in joints]
            sheet.line([(x * unit, y * unit) for x, y in places], fill=255, width=round(thick * unit), joint="curve")
            for place in places:
                dot(place, thick / 2, thick / 2)
        dot(spot(-0.014, -0.088), 0.009, 0.009)

    paint(canvas, shape(size, draw, blur=0.001), mix(palette.deep, (0.0, 0.0, 0.0), 0.4), 0.96)


def _crowd(canvas: Canvas, rng: np.random.Generator, palette: Palette) -> None:
    size = canvas.shape[1], canvas.shape[0]
    tall = size[1] / size[0]
    dark = mix(palette.deep, (0.0, 0.0, 0.0), 0.35)
    for row, (level, scale) in enumerate(((0.86, 0.7), (0.93, 1.0))):
        heads = [
            (float(x + rng.uniform(-0.02, 0.02)), float((level + rng.uniform(-0.015, 0.015)) * tall))
            for x in np.arange(-0.02, 1.06, 0.085 * scale)
        ]
        raised = [bool(rng.random() < 0.55) for _ in heads]
        tips = [(x + float(rng.uniform(-0.05, 0.05)), y - float(rng.uniform(0.12, 0.19)) * scale) for x, y in heads]

        def draw(
            sheet: ImageDraw.ImageDraw,
            unit: float,
            heads: list[Point] = heads,
            raised: list[bool] = raised,
            tips: list[Point] = tips,
            scale: float = scale,
        ) -> None:
            radius = 0.034 * scale
            for (x, y), up, (tx, ty) in zip(heads, raised, tips, strict=True):
                sheet.ellipse(
                    ((x - radius) * unit, (y - radius * 1.15) * unit, (x + radius) * unit, (y + radius * 1.15) * unit),
                    fill=255,
                )
                sheet.rounded_rectangle(
                    (
                        (x - radius * 1.9) * unit,
                        (y + radius * 1.1) * unit,
                        (x + radius * 1.9) * unit,
                        (tall + 0.1) * unit,
                    ),
                    radius * unit,
                    fill=255,
                )
                if up:
                    sheet.line(
                        ((x + radius) * unit, (y + radius * 1.5) * unit, tx * unit, ty * unit),
                        fill=255,
                        width=round(0.017 * scale * unit),
                    )

        paint(canvas, shape(size, draw, blur=0.0012 * (2 - row)), mix(dark, palette.low, 0.25 * (1 - row)))
        for up, (tx, ty) in zip(raised, tips, strict=True):
            if up:
                spark(canvas, (tx, ty - 0.012), 0.03 * scale, palette.accent, 0.9)
                spark(canvas, (tx, ty - 0.012), 0.011 * scale, palette.light, 0.9)


def dusk(rng: np.random.Generator, size: Size, palette: Palette) -> Canvas:
    """Ridges behind ridges under a large low sun, with clouds."""
    tall = size[1] / size[0]
    canvas = ramp(size, (palette.low, palette.middle, palette.high, palette.light), float(rng.uniform(-30, 30)))
    veil = clouds(rng, size, 2)
    paint(canvas, np.clip((veil - 0.5) * 2.6, 0, 1), palette.light, 0.5)
    sun = (float(rng.uniform(0.12, 0.88)), float(rng.uniform(0.16, 0.5)) * tall)
    radius = float(rng.uniform(0.1, 0.24))
    shine(canvas, glow(size, sun, radius * 2.2), palette.light, 0.6)
    paint(canvas, disc(size, sun, radius), palette.accent, 0.95)
    shine(canvas, glow(size, (sun[0] - radius * 0.4, sun[1] - radius * 0.4), radius), palette.light, 0.5)
    x = grid(size)[0][0]
    level = float(rng.uniform(0.42, 0.6))
    count = int(rng.integers(4, 7))
    for ridge in range(count):
        share = (ridge + 1) / count
        line = np.full_like(x, level + (0.9 - level) * ridge / count)
        for wave in range(1, 7):
            line += np.float32(rng.normal(0, 0.07 / wave)) * np.sin(2 * np.pi * (wave * x + rng.random())).astype(
                np.float32
            )
        rough = rng.normal(0, 0.001, 360).cumsum()
        line += np.asarray(np.interp(x, np.linspace(0, 1, len(rough)), rough), np.float32)
        ground = mix(palette.high, palette.deep, share**0.7)
        corners = [(0.0, tall + 0.1), *zip(x.tolist(), (line * tall).tolist(), strict=True), (1.0, tall + 0.1)]
        mask = polygon(size, corners)
        paint(canvas, mask, ground)
        paint(canvas, mask * clouds(rng, size, 7, 3), mix(ground, palette.middle, 0.6), 0.45)
    _flock(canvas, rng, palette)
    return canvas


def _flock(canvas: Canvas, rng: np.random.Generator, palette: Palette) -> None:
    size = canvas.shape[1], canvas.shape[0]
    centre = rng.uniform((0.2, 0.12), (0.8, 0.4))
    birds = [
        (float(x), float(y), float(rng.uniform(0.012, 0.028)))
        for x, y in rng.normal(centre, (0.14, 0.07), (int(rng.integers(6, 14)), 2))
    ]

    def draw(sheet: ImageDraw.ImageDraw, unit: float) -> None:
        for x, y, span in birds:
            wing = span * unit
            for side in (-1, 1):
                joint = (x * unit + side * wing * 0.5, y * unit - wing * 0.45)
                tip = (x * unit + side * wing, y * unit - wing * 0.15)
                sheet.line(
                    (x * unit, y * unit, *joint, *tip), fill=255, width=max(2, round(wing * 0.16)), joint="curve"
                )

    paint(canvas, shape(size, draw), palette.deep, 0.85)


def petals(rng: np.random.Generator, size: Size, palette: Palette) -> Canvas:
    """Large flowers in soft light, some of them out of focus."""
    tall = size[1] / size[0]
    canvas = ramp(size, (palette.light, palette.high, palette.middle), float(rng.uniform(0, 360)))
    paint(canvas, clouds(rng, size, 3), mix(palette.low, palette.middle, 0.5), 0.75)
    bokeh(canvas, rng, (palette.light, palette.accent), 22, (0.0, 1.0))
    places = rng.uniform((0.0, 0.05), (1.0, 0.95), (9, 2)) * (1.0, tall)
    radii = np.sort(rng.uniform(0.1, 0.36, 9))
    for number, ((x, y), radius) in enumerate(zip(places, radii, strict=True)):
        _flower(canvas, rng, (float(x), float(y)), float(radius), palette, blur=0.014 * max(0, 4 - number) / 4)
    return canvas


def _flower(
    canvas: Canvas, rng: np.random.Generator, centre: Point, radius: float, palette: Palette, *, blur: float
) -> None:
    part, dx, dy = window(canvas, centre, radius * 1.5)
    away, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    count = int(rng.integers(5, 9))
    base = mix(
        palette.high,
        (palette.accent, palette.light, palette.middle)[int(rng.integers(3))],
        float(rng.uniform(0.3, 0.9)),
    )
    turn = float(rng.uniform(0, 2 * np.pi))
    for layer, shrink in enumerate((1.0, 0.68)):
        phase = angle + turn + layer * np.pi / count
        reach = radius * shrink * (0.52 + 0.48 * np.abs(np.cos(phase * count / 2)) ** 0.7)
        soft = max(2.0 / canvas.shape[1], blur)
        mask = np.clip((reach - away) / soft + 0.5, 0, 1)
        ratio = np.clip(away / np.maximum(reach, 1e-6), 0, 1)
        fold = 0.5 + 0.5 * np.cos(phase * count) * ratio
        inner, outer = (
            np.asarray(mix(base, palette.low, 0.55)),
            np.asarray(mix(base, palette.light, 0.45 + 0.2 * layer)),
        )
        ink = inner + (outer - inner) * (0.25 + 0.75 * ratio * fold)[..., None]
        ink = ink * (1 - 0.12 * np.clip(np.sin(phase * count * 5) * ratio, 0, 1))[..., None]
        shadow = np.clip((reach * 1.06 - np.hypot(dx - 0.012, dy - 0.016)) / (soft * 8) + 0.3, 0, 1)
        paint(part, shadow, palette.deep, 0.28)
        paint(part, mask, ink)
    for heart, ink in ((0.13, mix(palette.accent, palette.deep, 0.25)), (0.085, palette.accent)):
        soft = (0.004 + blur) / radius
        paint(part, np.clip((heart - away / radius) / soft + 0.5, 0, 1), ink)


def city(rng: np.random.Generator, size: Size, palette: Palette) -> Canvas:
    """A skyline at night with lit windows, a moon, and the lights of a street."""
    tall = size[1] / size[0]
    canvas = ramp(size, (palette.deep, palette.low, palette.middle, palette.high), float(rng.uniform(-20, 20)))
    paint(canvas, np.clip(clouds(rng, size, 3) * 1.8 - 0.8, 0, 1), palette.high, 0.45)
    moon = (float(rng.uniform(0.12, 0.88)), float(rng.uniform(0.12, 0.34)) * tall)
    radius = float(rng.uniform(0.06, 0.15))
    shine(canvas, glow(size, moon, radius * 2.4), palette.high, 0.6)
    paint(canvas, disc(size, moon, radius), palette.light)
    paint(canvas, disc(size, moon, radius) * clouds(rng, size, 9, 2), mix(palette.light, palette.middle, 0.6), 0.5)
    for depth, share in enumerate((0.2, 0.55, 0.95)):
        _skyline(canvas, rng, 0.34 + 0.06 * depth, share, palette)
    bokeh(canvas, rng, (palette.accent, palette.high, palette.light), 34, (0.78, 1.02))
    return canvas


def _skyline(canvas: Canvas, rng: np.random.Generator, level: float, share: float, palette: Palette) -> None:
    size = canvas.shape[1], canvas.shape[0]
    tall = size[1] / size[0]
    towers: list[list[Point]] = []
    windows: list[tuple[float, float, float, float]] = []
    x, step = -0.05, 0.026
    while x < 1.05:
        width = float(rng.uniform(0.07, 0.17))
        top = float(rng.uniform(level, level + 0.44)) * tall
        roof = top - float(rng.uniform(0, 0.05))
        towers.append([(x, tall + 0.1), (x, top), (x + width / 2, roof), (x + width, top), (x + width, tall + 0.1)])
        columns, rows = max(2, int(width / 0.019) - 1), max(2, int((tall - top) / step))
        pitch = width / (columns + 0.6)
        lit = rng.random((rows, columns)) < float(rng.uniform(0.12, 0.45))
        for row, column in zip(*np.nonzero(lit), strict=True):
            left, upper = x + (float(column) + 0.5) * pitch, top + 0.02 + float(row) * step
            windows.append((left, upper, left + pitch * 0.6, upper + step * 0.55))
        x += width + float(rng.uniform(-0.01, 0.07))

    def walls(sheet: ImageDraw.ImageDraw, unit: float) -> None:
        for corners in towers:
            sheet.polygon([(px * unit, py * unit) for px, py in corners], fill=255)

    def panes(sheet: ImageDraw.ImageDraw, unit: float) -> None:
        for pane in windows:
            sheet.rectangle([edge * unit for edge in pane], fill=255)

    paint(canvas, shape(size, walls), mix(palette.middle, palette.deep, share))
    paint(
        canvas, shape(size, panes), mix(palette.accent, palette.light, float(rng.uniform(0, 0.7))), 0.25 + 0.65 * share
    )


def record(rng: np.random.Generator, size: Size, palette: Palette) -> Canvas:
    """A modern cover: a vinyl record over broad diagonal bands."""
    tall = size[1] / size[0]
    x, y = grid(size)
    bands = (palette.light, palette.high, palette.middle, palette.low, palette.accent, palette.high)
    order = rng.permutation(len(bands))
    angle = float(rng.uniform(0, np.pi))
    along = np.cos(angle) * x + np.sin(angle) * y + 0.02 * np.sin(6 * y + float(rng.uniform(0, 6)))
    edges = np.sort(rng.uniform(along.min(), along.max(), len(bands) - 1))
    canvas = np.asarray(bands, np.float32)[order][np.digitize(along, edges)]
    shade = clouds(rng, size, 4)
    canvas *= (0.78 + 0.34 * shade)[..., None]
    for _ in range(3):
        centre = (float(rng.uniform(0, 1)), float(rng.uniform(0, 1)) * tall)
        ink = (palette.accent, palette.light, palette.deep, palette.middle)[int(rng.integers(4))]
        paint(canvas, disc(size, centre, float(rng.uniform(0.06, 0.2))), ink, 0.9)
    centre = (float(rng.uniform(0.15, 0.85)), float(rng.uniform(0.25, 0.75)) * tall)
    radius = float(rng.uniform(0.32, 0.52))
    paint(canvas, disc(size, (centre[0] + 0.015, centre[1] + 0.025), radius * 1.01, blur=0.02), palette.deep, 0.6)
    paint(canvas, disc(size, centre, radius), mix(palette.deep, (0.0, 0.0, 0.0), 0.45))
    dx, dy = x - centre[0], y - centre[1]
    away, turn = np.hypot(dx, dy), np.arctan2(dy, dx)
    grooves = disc(size, centre, radius * 0.97) - disc(size, centre, radius * 0.37)
    sheen = np.abs(np.cos(turn + float(rng.uniform(0, np.pi)))) ** 14 + 0.5 * np.abs(np.cos(turn + 1.1)) ** 30
    shine(canvas, (grooves * (0.12 + 0.1 * np.sin(away * 900) + 0.5 * sheen)).astype(np.float32), palette.light, 0.55)
    paint(canvas, disc(size, centre, radius * 0.36), palette.accent)
    paint(canvas, disc(size, centre, radius * 0.36) * (turn > 0.3), mix(palette.accent, palette.middle, 0.55))
    paint(canvas, disc(size, centre, radius * 0.05), palette.light)
    return canvas


def aurora(rng: np.random.Generator, size: Size, palette: Palette) -> Canvas:
    """Ribbons of light over a starry sky, and a faceless figure that looks up at them."""
    tall = size[1] / size[0]
    x, y = grid(size)
    canvas = ramp(size, (palette.deep, palette.deep, palette.low, palette.middle), float(rng.uniform(-40, 40)))
    paint(canvas, clouds(rng, size, 3), palette.low, 0.4)
    for across, down, strength in rng.random((420, 3)):
        spark(canvas, (float(across), float(down) * tall), 0.0012, palette.light, float(strength))
    spread = clouds(rng, size, 5)
    inks = (palette.high, palette.accent, palette.middle, palette.light)
    for _ in range(int(rng.integers(5, 8))):
        course = float(rng.uniform(0.05, 0.8)) * tall + float(rng.uniform(-0.7, 0.7)) * (x - 0.5)
        for wave in (1, 2, 4):
            course = course + float(rng.normal(0, 0.11 / wave)) * np.sin(2 * np.pi * (wave * x + float(rng.random())))
        below = (course - y) / float(rng.uniform(0.12, 0.34))
        fall = np.where(below > 0, np.exp(-below * 2.2), np.exp(-((below * 9) ** 2)))
        streaks = 0.6 + 0.4 * np.sin(x * float(rng.uniform(60, 140)) + 4 * spread)
        shine(canvas, (fall * streaks).astype(np.float32), inks[int(rng.integers(4))], float(rng.uniform(0.45, 0.85)))
    _figure(canvas, rng, palette)
    return canvas


_BUST = (
    (0.0, 0.56), (0.075, 0.54), (0.118, 0.47), (0.122, 0.38), (0.135, 0.27), (0.15, 0.205), (0.25, 0.15), (0.3, 0.06),
    (0.33, -0.12), (-0.33, -0.12), (-0.3, 0.06), (-0.25, 0.15), (-0.15, 0.205), (-0.135, 0.27), (-0.122, 0.38),
    (-0.118, 0.47), (-0.075, 0.54),
)  # fmt: skip
"""Head, hair and shoulders seen from behind; x from the middle, y from the foot of the picture upward."""


def _figure(canvas: Canvas, rng: np.random.Generator, palette: Palette) -> None:
    """A listener with headphones, from behind."""
    size = canvas.shape[1], canvas.shape[0]
    tall = size[1] / size[0]
    x, scale = float(rng.uniform(0.25, 0.75)), float(rng.uniform(0.75, 1.15))
    lean = float(rng.uniform(-0.16, 0.16))

    def spot(px: float, py: float) -> Point:
        return x + (px + lean * max(0.0, py - 0.1)) * scale, tall - py * scale

    outline = spline([spot(px, py) for px, py in _BUST])
    shine(canvas, polygon(size, outline, blur=0.022), palette.light, 0.8)
    body = polygon(size, outline)
    paint(canvas, body, mix(palette.deep, (0.0, 0.0, 0.0), 0.3))
    paint(canvas, body * clouds(rng, size, 4), mix(palette.low, palette.middle, 0.5), 0.4)

    def headphones(sheet: ImageDraw.ImageDraw, unit: float) -> None:
        across, up = 0.128, 0.575
        band = [
            spot(across * float(np.cos(t)), 0.43 + (up - 0.43) * float(np.sin(t))) for t in np.linspace(0, np.pi, 32)
        ]
        sheet.line(
            [(px * unit, py * unit) for px, py in band], fill=255, width=round(0.02 * scale * unit), joint="curve"
        )
        for side in (-1, 1):
            cup = [
                spot(side * across + 0.034 * float(np.cos(t)), 0.425 + 0.06 * float(np.sin(t)))
                for t in np.linspace(0, 6.2, 40)
            ]
            sheet.polygon([(px * unit, py * unit) for px, py in cup], fill=255)

    cover = shape(size, headphones, blur=0.0008)
    paint(canvas, cover, palette.accent)
    paint(canvas, cover * np.clip((grid(size)[0] - x) * 3 + 0.4, 0, 1), palette.low, 0.55)


MOTIFS: tuple[Motif, ...] = (stage, dusk, petals, city, record, aurora)
