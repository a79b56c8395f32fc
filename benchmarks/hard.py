"""Pictures that are easily taken for one another and must not be: what they share is made by code.

The same meme template, chat interface or text banner around other photos, the two halves of one photo, neighbouring
frames of a burst, and pictures with nothing in them; and, where the folder has them, faces and scenes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bot.demo.art import PALETTES, font, ramp
from bot.demo.pictures import picture

from .edits import screens
from .edits.base import Colour
from .edits.base import cover as fill
from .edits.cover import CAPITALS, LINES, caption_bar
from .photos import Picture, groups, part, photo

TEXT, INTERFACE = "text", "interface"
"""Families of pictures that show the same words in the same letters, or parts of one interface, in other places."""

_ALL_KINDS = (TEXT, INTERFACE)
EDIT_TAGS: dict[str, tuple[str, ...]] = {
    "shot_discord": _ALL_KINDS,
    "shot_phone": _ALL_KINDS,
    "shot_viewer": _ALL_KINDS,
    "caption_top": (TEXT,),
    "caption_bottom": (TEXT,),
    "caption_over": (TEXT,),
    "combo_light": (TEXT,),
    "combo_heavy": _ALL_KINDS,
}
"""What edits add that listed pictures show too."""


def half(photos: Sequence[Image.Image], rng: random.Random, number: int) -> Image.Image:
    """The left (0) or the right half (1) of a photo; they share no pixel."""
    del rng
    image = photos[0]
    middle = image.width // 2
    return image.crop((0, 0, middle, image.height) if number == 0 else (middle, 0, image.width, image.height))


def burst(photos: Sequence[Image.Image], rng: random.Random, number: int) -> Image.Image:
    """A frame of a burst: the first photo as the background, moved and zoomed a little from frame to frame, and
    before it a third of the area of other content, which has moved on and turned around."""
    ground, subject = photos
    keep = rng.uniform(0.90, 0.97)
    width, height = round(ground.width * keep), round(ground.height * keep)
    left, top = rng.randint(0, ground.width - width), rng.randint(0, ground.height - height)
    frame = ground.crop((left, top, left + width, top + height)).resize(ground.size, Image.Resampling.LANCZOS)
    if number:
        subject = subject.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return replaced(frame, subject, 0.33, (rng.uniform(0.35, 0.65), rng.uniform(0.4, 0.6)))


def replaced(image: Image.Image, other: Image.Image, share: float, centre: tuple[float, float]) -> Image.Image:
    """The picture with a feathered ellipse of this share of the area (up to 0.5) showing another one."""
    across, down = (2 * side * (share / np.pi) ** 0.5 for side in image.size)
    box = centre[0] * image.width - across / 2, centre[1] * image.height - down / 2
    left, top = max(0, round(box[0])), max(0, round(box[1]))
    left, top = min(left, image.width - round(across)), min(top, image.height - round(down))
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse((left, top, left + round(across), top + round(down)), fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(0.02 * max(image.size)))
    return Image.composite(fill(other, *image.size), image, mask)


def tampered(photos: Sequence[Image.Image], rng: random.Random, number: int) -> Image.Image:
    """The first photo with ``number`` percent of its area replaced by the second."""
    return replaced(photos[0], photos[1], number / 100, (rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6)))


def meme(photos: Sequence[Image.Image], rng: random.Random, number: int) -> Image.Image:
    """One of five templates with the photo in its window: a line above, and beside or below a drawn reaction."""
    del rng
    style = random.Random(f"template {number}")
    palette = PALETTES[number % len(PALETTES)]
    paper, ink = ((255, 255, 255), (15, 15, 15)) if number % 2 else (_bytes(palette.deep), (245, 245, 245))
    sheet = Image.new("RGB", (720, 820 if number % 3 else 680), paper)
    draw = ImageDraw.Draw(sheet)
    draw.text((360, 52), style.choice(CAPITALS), fill=ink, font=font(44), anchor="mm")
    reaction = picture(40 + number, (330, 420))
    if number % 3:
        sheet.paste(fill(photos[0], 680, 400), (20, 100))
        sheet.paste(fill(reaction, 330, 280), (20, 520))
        place = (370, 560)
    else:
        sheet.paste(fill(photos[0], 340, 420), (360, 100))
        sheet.paste(fill(reaction, 330, 420), (20, 100))
        place = (30, 548)
    for row, line in enumerate(style.sample(LINES, 3)):
        draw.text((place[0], place[1] + row * 40), line, fill=ink, font=font(28), anchor="lm")
    return sheet


def discord(photos: Sequence[Image.Image], rng: random.Random, number: int) -> Image.Image:
    """The photo in one and the same desktop chat."""
    del rng
    return screens.discord(photos[0], random.Random(f"desktop {number}"))


def phone(photos: Sequence[Image.Image], rng: random.Random, number: int) -> Image.Image:
    """The photo in one and the same chat on a phone."""
    del rng
    return screens.phone(photos[0], random.Random(f"phone {number}"))


def banner(photos: Sequence[Image.Image], rng: random.Random, number: int) -> Image.Image:
    """The photo under one and the same banner of text, a fifth of its height."""
    del rng
    image = photos[0]
    height = image.height // 5
    out = Image.new("RGB", (image.width, image.height + height))
    out.paste(caption_bar((image.width, height), random.Random(f"banner {number}")), (0, 0))
    out.paste(image, (0, height))
    return out


def plain(photos: Sequence[Image.Image], rng: random.Random, number: int) -> Image.Image:
    """A blank sheet, a gradient or a text, by the number's remainder."""
    del photos
    size = rng.choice(((512, 512), (640, 400), (400, 640)))
    palette = rng.choice(PALETTES)
    if number % 3 == 0:
        return Image.new("RGB", size, rng.choice(((255, 255, 255), (0, 0, 0), _bytes(palette.middle))))
    if number % 3 == 1:
        values = ramp(size, (palette.low, palette.high), rng.uniform(0, 360))
        return Image.fromarray((values * 255).astype(np.uint8))
    paper, ink = rng.choice((((255, 255, 255), (20, 20, 20)), ((49, 51, 56), (219, 222, 225))))
    sheet = Image.new("RGB", size, paper)
    draw = ImageDraw.Draw(sheet)
    for row in range(rng.randint(2, 8)):
        draw.text((24, 30 + row * 46), rng.choice(LINES), fill=ink, font=font(28))
    return sheet


def _bytes(share: tuple[float, float, float]) -> Colour:
    red, green, blue = (round(255 * value) for value in share)
    return red, green, blue


def around(photos: Sequence[Path], listed: int, asked: int) -> tuple[list[Picture], list[Picture]]:
    """Templates, interfaces and banners: pictures to list and pictures to ask for, of each family so many.

    All show different photos, as far as there are enough.
    """
    kinds = (
        (meme, "template", 5, (TEXT,)),
        (discord, "discord", 2, (TEXT, INTERFACE)),
        (phone, "phone", 2, (TEXT, INTERFACE)),
        (banner, "banner", 1, (TEXT,)),
    )
    entries: list[Picture] = []
    queries: list[Picture] = []
    for maker, family, variants, tags in kinds:
        order = random.Random(family).sample(list(photos), len(photos))
        for place, path in enumerate(order[: listed + asked]):
            number = place % variants
            made = Picture(maker, (path,), number, (*tags, f"{family}:{number}"))
            (entries if place < listed else queries).append(made)
    return entries, queries


def halves(photos: Sequence[Path]) -> tuple[list[Picture], list[Picture]]:
    """The left halves to list, the right halves to ask for."""
    left, right = ([Picture(half, (path,), side, (f"half:{path.name}",)) for path in photos] for side in (0, 1))
    return left, right


def bursts(photos: Sequence[Path]) -> tuple[list[Picture], list[Picture]]:
    """The first frames to list, the second frames to ask for; photos are background and subject in turns."""
    pairs = list(zip(photos[::2], photos[1::2], strict=False))
    first, second = ([Picture(burst, pair, frame, (f"burst:{pair[0].name}",)) for pair in pairs] for frame in (0, 1))
    return first, second


def blanks(count: int) -> list[Picture]:
    """Pictures with nothing in them, to ask for."""
    return [Picture(plain, (), number) for number in range(count)]


def faces(folder: Path) -> tuple[list[Picture], list[Picture]]:
    """Of every second person one picture to list; the others of all persons, up to three each, to ask for."""
    entries: list[Picture] = []
    queries: list[Picture] = []
    for number, (person, paths) in enumerate(groups(folder / "faces").items()):
        tagged = [Picture(photo, (path,), 0, ("face", f"person:{person}")) for path in paths[:4]]
        listed = 1 - number % 2
        entries += tagged[:listed]
        queries += tagged[listed:]
    return entries, queries


def scenes(folder: Path) -> tuple[list[Picture], list[Picture]]:
    """Of every place one picture to list, up to five others to ask for."""
    entries: list[Picture] = []
    queries: list[Picture] = []
    for place, paths in groups(folder / "scenes").items():
        tagged = [Picture(photo, (path,), 0, (f"scene:{place}",)) for path in paths[:6]]
        entries += tagged[:1]
        queries += tagged[1:]
    return entries, queries


def quarters(photos: Sequence[Path], count: int) -> list[Picture]:
    """Quarters of the photos as further entries: the first of every photo, then the second, and so on."""
    return [Picture(part, (path,), number) for number in range(9) for path in photos][:count]
