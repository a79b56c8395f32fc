"""Edits that show the picture together with others: picture in picture and collages."""

from __future__ import annotations

import random

from PIL import Image

from .base import BLACK, WHITE, Change, Others, cover, fit, resize

GROUND_WIDTH = 960


def _inset(ground: Image.Image, shown: Image.Image, rng: random.Random) -> Image.Image:
    """One picture somewhere on another, with a thin white frame half of the time."""
    if rng.random() < 0.5:
        framed = Image.new("RGB", (shown.width + 6, shown.height + 6), WHITE)
        framed.paste(shown, (3, 3))
        shown = framed
    out = ground.copy()
    left, top = (rng.randint(0, max(0, room)) for room in (out.width - shown.width, out.height - shown.height))
    out.paste(shown, (left, top))
    return out


def pip(share: float) -> Change:
    """The picture on another photo, at this share of that photo's width of 960 pixels."""

    def change(image: Image.Image, rng: random.Random, others: Others) -> Image.Image:
        ground = others(rng)
        ground = resize(ground, GROUND_WIDTH, GROUND_WIDTH * ground.height / ground.width)
        width = share * GROUND_WIDTH
        return _inset(ground, resize(image, width, width * image.height / image.width), rng)

    return change


def host(share: float) -> Change:
    """Another photo on the picture, covering this share of its area."""

    def change(image: Image.Image, rng: random.Random, others: Others) -> Image.Image:
        guest = others(rng)
        factor = (share * image.width * image.height / (guest.width * guest.height)) ** 0.5
        factor = min(factor, image.width / guest.width, image.height / guest.height)
        return _inset(image, resize(guest, guest.width * factor, guest.height * factor), rng)

    return change


def collage(columns: int, rows: int, cell: int, *, whole: bool) -> Change:
    """A grid of square cells with photos, one of them the picture.

    Each is fitted into its cell ``whole``, or cut so that it fills the cell.
    """

    def change(image: Image.Image, rng: random.Random, others: Others) -> Image.Image:
        place = rng.randrange(columns * rows)
        gap, fill = rng.choice((0, 4, 8)), rng.choice((BLACK, WHITE))
        out = Image.new("RGB", (columns * (cell + gap) + gap, rows * (cell + gap) + gap), fill)
        for number in range(columns * rows):
            shown = image if number == place else others(rng)
            shown = fit(shown, cell, cell) if whole else cover(shown, cell, cell)
            left = gap + (number % columns) * (cell + gap) + (cell - shown.width) // 2
            top = gap + (number // columns) * (cell + gap) + (cell - shown.height) // 2
            out.paste(shown, (left, top))
        return out

    return change
