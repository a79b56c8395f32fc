"""Screenshots that show the picture: a desktop chat client, a chat on a phone, a full-screen viewer.

The interface comes from the generator alone, so that one seed gives the same interface around other pictures.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from PIL import Image, ImageDraw

from bot.demo.art import font

from .base import BLACK, WHITE, Colour, fit
from .cover import LINES

NAMES = ("mooncat", "jisoo_stan", "velvet", "Orbit Daily", "haru", "lightstick", "nova", "encore", "pixel", "sunny")
CHANNELS = ("general", "announcements", "fan-art", "concerts", "memes", "media", "off-topic", "photo-cards", "bots")
HUES = ((88, 101, 242), (235, 69, 158), (87, 242, 135), (254, 231, 92), (237, 66, 69), (69, 220, 220))


class Theme(NamedTuple):
    """The colours of an interface, from the frame inward."""

    rail: Colour
    side: Colour
    ground: Colour
    field: Colour
    text: Colour
    faint: Colour


DARK = Theme((30, 31, 34), (43, 45, 49), (49, 51, 56), (56, 58, 64), (219, 222, 225), (148, 155, 164))
LIGHT = Theme((227, 229, 232), (242, 243, 245), (255, 255, 255), (235, 237, 239), (49, 51, 56), (92, 100, 112))


def discord(image: Image.Image, rng: random.Random) -> Image.Image:
    """A window 1280 wide, light or dark; the long side of the picture is 30 to 55 % of it."""
    theme = rng.choice((DARK, LIGHT))
    shown = fit(image, *[1280 * rng.uniform(0.30, 0.55)] * 2)
    above, below = rng.randint(1, 3), rng.randint(1, 2)
    height = max(720, 48 + 62 * (above + below) + 90 + shown.height + 80)
    window = Image.new("RGB", (1280, height), theme.ground)
    draw = ImageDraw.Draw(window)
    _rails(draw, theme, rng, height)
    y = 60
    for _ in range(above):
        y = _message(draw, theme, rng, (330, y))
    y = _message(draw, theme, rng, (330, y)) - 8
    window.paste(shown, (386, y), _rounded(shown.size, 8))
    y += shown.height + 20
    for _ in range(below):
        y = _message(draw, theme, rng, (330, y))
    draw.rounded_rectangle((328, height - 62, 1024, height - 18), 8, fill=theme.field)
    draw.text((386, height - 40), "Message #general", fill=theme.faint, font=font(16), anchor="lm")
    return window


def _rails(draw: ImageDraw.ImageDraw, theme: Theme, rng: random.Random, height: int) -> None:
    """The server list, the channel list, the title and the member list."""
    draw.rectangle((0, 0, 71, height), fill=theme.rail)
    for number in range(7):
        draw.ellipse((12, 12 + 58 * number, 60, 60 + 58 * number), fill=rng.choice(HUES))
    draw.rectangle((72, 0, 311, height), fill=theme.side)
    draw.text((88, 24), "Orbit Fan Server", fill=theme.text, font=font(17), anchor="lm")
    for number, channel in enumerate(rng.sample(CHANNELS, len(CHANNELS))):
        draw.text((96, 76 + 34 * number), f"#  {channel}", fill=theme.faint, font=font(16), anchor="lm")
    draw.rectangle((1040, 0, 1280, height), fill=theme.side)
    for number, name in enumerate(rng.sample(NAMES, 8)):
        y = 80 + 44 * number
        draw.ellipse((1056, y - 16, 1088, y + 16), fill=rng.choice(HUES))
        draw.text((1100, y), name, fill=theme.faint, font=font(16), anchor="lm")
    draw.line((312, 47, 1280, 47), fill=theme.rail)
    draw.text((330, 24), "#  general", fill=theme.text, font=font(17), anchor="lm")


def _message(draw: ImageDraw.ImageDraw, theme: Theme, rng: random.Random, at: tuple[int, int]) -> int:
    """A message at a place; the y below it."""
    x, y = at
    draw.ellipse((x, y, x + 40, y + 40), fill=rng.choice(HUES))
    name = rng.choice(NAMES)
    draw.text((x + 56, y + 10), name, fill=rng.choice(HUES), font=font(16), anchor="lm")
    time = f"Today at {rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}"
    draw.text((x + 66 + font(16).getlength(name), y + 11), time, fill=theme.faint, font=font(12), anchor="lm")
    draw.text((x + 56, y + 32), rng.choice(LINES), fill=theme.text, font=font(16), anchor="lm")
    return y + 62


def phone(image: Image.Image, rng: random.Random) -> Image.Image:
    """A chat on a phone 720 wide, with bubbles above and below the picture."""
    theme = rng.choice((DARK, LIGHT))
    shown = fit(image, 720 * rng.uniform(0.62, 0.86), 900)
    screen = Image.new("RGB", (720, rng.choice((1280, 1440, 1560))), theme.ground)
    draw = ImageDraw.Draw(screen)
    _status(draw, theme.text, rng)
    draw.rectangle((0, 56, 720, 148), fill=theme.side)
    draw.ellipse((70, 68, 138, 136), fill=rng.choice(HUES))
    draw.text((156, 102), rng.choice(NAMES), fill=theme.text, font=font(30), anchor="lm")
    draw.line((44, 84, 26, 102, 44, 120), fill=theme.text, width=4)
    own = rng.random() < 0.5
    y = 170
    for _ in range(rng.randint(1, 3)):
        y = _bubble(draw, theme, rng, y)
    screen.paste(shown, (704 - shown.width if own else 16, y), _rounded(shown.size, 22))
    y += shown.height + 16
    while y < screen.height - 200:
        y = _bubble(draw, theme, rng, y)
    draw.rectangle((0, screen.height - 110, 720, screen.height), fill=theme.side)
    field = (90, screen.height - 92, 630, screen.height - 24)
    draw.rounded_rectangle(field, 34, fill=theme.field)
    draw.text((120, screen.height - 58), "Message", fill=theme.faint, font=font(28), anchor="lm")
    for x in (46, 674):
        draw.ellipse((x - 26, screen.height - 84, x + 26, screen.height - 32), fill=HUES[0])
    return screen


def _bubble(draw: ImageDraw.ImageDraw, theme: Theme, rng: random.Random, y: int) -> int:
    """A line of text in a bubble on either side; the y below it."""
    text, own = rng.choice(LINES), rng.random() < 0.5
    face = font(28)
    width = int(face.getlength(text)) + 48
    left = 704 - width if own else 16
    draw.rounded_rectangle((left, y, left + width, y + 64), 26, fill=HUES[0] if own else theme.field)
    draw.text((left + 24, y + 32), text, fill=WHITE if own else theme.text, font=face, anchor="lm")
    return y + 78


def viewer(image: Image.Image, rng: random.Random) -> Image.Image:
    """A full-screen viewer on a phone 720 wide: the picture on black between two rows of buttons."""
    screen = Image.new("RGB", (720, rng.choice((1280, 1440, 1560))), BLACK)
    draw = ImageDraw.Draw(screen)
    _status(draw, WHITE, rng)
    draw.line((44, 92, 26, 110, 44, 128), fill=WHITE, width=4)
    draw.text((360, 104), f"{rng.choice(NAMES)}, {rng.randint(1, 28)} November", fill=WHITE, font=font(28), anchor="mm")
    shown = fit(image, 720, screen.height - 340)
    screen.paste(shown, ((720 - shown.width) // 2, (screen.height - shown.height) // 2))
    for x in (90, 270, 450, 630):
        y = screen.height - 70
        draw.rounded_rectangle((x - 22, y - 22, x + 22, y + 22), rng.randint(4, 22), outline=WHITE, width=4)
    return screen


def _status(draw: ImageDraw.ImageDraw, ink: Colour, rng: random.Random) -> None:
    """The clock and the battery at the top of a phone."""
    draw.text((40, 30), f"{rng.randint(0, 23)}:{rng.randint(0, 59):02d}", fill=ink, font=font(26), anchor="lm")
    draw.rounded_rectangle((630, 18, 684, 42), 6, outline=ink, width=3)
    draw.rectangle((635, 23, 635 + rng.randint(6, 44), 37), fill=ink)
    for bar in range(4):
        draw.rectangle((566 + 12 * bar, 40 - 6 * bar, 573 + 12 * bar, 42), fill=ink)


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius, fill=255)
    return mask
