"""Edits that lay something over or beside the picture: captions, watermarks, stickers, black boxes."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageDraw

from bot.demo.art import font

from .base import BLACK, WHITE, Change, alone, fitting_font

LINES = (
    "omg look at this", "I can't believe it", "who made this", "wait for it", "this is so real", "link in my profile",
    "only real fans know", "she said what?", "me after the concert", "POV: front row", "day 3 of asking", "no way!!",
)  # fmt: skip
CAPITALS = ("WHEN THE LIGHTS GO OUT", "AND NOBODY KNEW", "ONE DOES NOT SIMPLY", "NOT AGAIN", "TOP TEXT", "EVERY TIME")
MARKS = ("@fanpage_daily", "do not repost", "stage archive", "photo: nightcam", "t.me/leaks4u")


def caption(edge: str) -> Change:
    """A bar of 12 to 22 % of the height with two lines of text, at the ``top`` or at the ``bottom``."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        height = round(image.height * rng.uniform(0.12, 0.22))
        bar = caption_bar((image.width, height), rng)
        out = Image.new("RGB", (image.width, image.height + height))
        out.paste(bar, (0, 0 if edge == "top" else image.height))
        out.paste(image, (0, height if edge == "top" else 0))
        return out

    return alone(change)


def caption_bar(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """A white or black bar with two lines of text."""
    ground, ink = rng.choice(((WHITE, (20, 20, 20)), (BLACK, (240, 240, 240))))
    bar = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(bar)
    for number, line in enumerate(rng.sample(LINES, 2)):
        face = fitting_font(line, size[1] * 0.34, size[0] * 0.92)
        draw.text((size[0] * 0.04, size[1] * (0.29 + 0.42 * number)), line, fill=ink, font=face, anchor="lm")
    return bar


def caption_over(image: Image.Image, rng: random.Random) -> Image.Image:
    """Outlined capitals across the top and the bottom of the picture."""
    out = image.copy()
    draw = ImageDraw.Draw(out)
    top, bottom = rng.sample(CAPITALS, 2)
    for line, y, anchor in ((top, 0.03, "ma"), (bottom, 0.97, "md")):
        face = fitting_font(line, image.height * 0.11, image.width * 0.94)
        stroke = max(1, round(image.height * 0.008))
        place = image.width / 2, image.height * y
        draw.text(place, line, fill=WHITE, font=face, anchor=anchor, stroke_width=stroke, stroke_fill=BLACK)
    return out


def corner_mark(image: Image.Image, rng: random.Random) -> Image.Image:
    """A line of half transparent text in a corner."""
    text = rng.choice(MARKS)
    face = fitting_font(text, image.height * 0.05, image.width * 0.6)
    margin = 0.025 * min(image.size)
    right, low = rng.random() < 0.5, rng.random() < 0.5
    place = (image.width - margin if right else margin, image.height - margin if low else margin)
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).text(place, text, fill=165, font=face, anchor=("r" if right else "l") + ("d" if low else "a"))
    return Image.composite(Image.new("RGB", image.size, WHITE), image, mask)


def tiled_marks(image: Image.Image, rng: random.Random) -> Image.Image:
    """Tilted text all over the picture at one third opacity."""
    side = 2 * max(image.size)
    sheet = Image.new("L", (side, side))
    draw, face, text = ImageDraw.Draw(sheet), font(image.height / 14), rng.choice(MARKS)
    step = int(face.getlength(text) * 1.4)
    for row, y in enumerate(range(0, side, max(1, image.height // 5))):
        for x in range(-(row % 2) * step // 2, side, step):
            draw.text((x, y), text, fill=85, font=face)
    left, top = (side - image.width) // 2, (side - image.height) // 2
    mask = sheet.rotate(rng.uniform(20, 40)).crop((left, top, left + image.width, top + image.height))
    return Image.composite(Image.new("RGB", image.size, WHITE), image, mask)


def stickers(share: float) -> Change:
    """Three discs with a face, together of this share of the area."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        out = image.copy()
        radius = min((share / 3 * image.width * image.height / math.pi) ** 0.5, min(image.size) / 2)
        for x, y in _places(image.size, radius, rng):
            face(ImageDraw.Draw(out), x, y, radius, rng)
        return out

    return alone(change)


def _places(size: tuple[int, int], radius: float, rng: random.Random) -> list[tuple[float, float]]:
    """Three centres that lie apart where twenty tries suffice."""
    found: list[tuple[float, float]] = []
    for tries in range(60):
        place = rng.uniform(radius, size[0] - radius), rng.uniform(radius, size[1] - radius)
        if len(found) < 3 and (tries % 20 == 19 or all(math.dist(place, other) >= 2 * radius for other in found)):
            found.append(place)
    return found


def face(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, rng: random.Random) -> None:
    """A disc with two eyes and a mouth, like an emoji."""
    fill = rng.choice(((255, 205, 60), (255, 120, 150), (120, 200, 255)))
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    for side in (-1, 1):
        eye, dot = (x + side * radius * 0.35, y - radius * 0.25), radius * 0.12
        draw.ellipse((eye[0] - dot, eye[1] - dot, eye[0] + dot, eye[1] + dot), fill=(60, 40, 20))
    mouth = (x - radius * 0.5, y - radius * 0.5, x + radius * 0.5, y + radius * 0.55)
    draw.arc(mouth, 20, 160, fill=(60, 40, 20), width=max(1, round(radius * 0.1)))


def _box(size: tuple[int, int], share: float, rng: random.Random, *, centred: bool) -> tuple[int, int, int, int]:
    """A rectangle of this share of the area, somewhere or in the middle."""
    stretch = rng.uniform(0.8, 1.25)
    width, height = round(size[0] * share**0.5 * stretch), round(size[1] * share**0.5 / stretch)
    left, top = size[0] - width, size[1] - height
    left, top = (left // 2, top // 2) if centred else (rng.randint(0, left), rng.randint(0, top))
    return left, top, left + width, top + height


def censor(share: float, *, centred: bool) -> Change:
    """A black box over this share of the area."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        out = image.copy()
        out.paste(BLACK, _box(image.size, share, rng, centred=centred))
        return out

    return alone(change)


def mosaic(share: float, cell: int) -> Change:
    """This share of the area in squares of ``cell`` pixels."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        out = image.copy()
        box = _box(image.size, share, rng, centred=False)
        part = image.crop(box)
        coarse = part.resize((max(1, part.width // cell), max(1, part.height // cell)), Image.Resampling.BOX)
        out.paste(coarse.resize(part.size, Image.Resampling.NEAREST), box)
        return out

    return alone(change)
