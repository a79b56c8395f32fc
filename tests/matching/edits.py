"""What people make of a picture before they post it again, besides the edits of :mod:`bot.demo.pictures`."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageOps

from bot.demo.pictures import cropped, picture

OTHERS = 9_000
"""Seeds of pictures beside and behind a copy, which no test lists."""


def inverted(image: Image.Image) -> Image.Image:
    return ImageOps.invert(image.convert("RGB"))


def inverted_and_cropped(image: Image.Image) -> Image.Image:
    return inverted(cropped(image, 0.2))


def off_centre(image: Image.Image, share: float) -> Image.Image:
    """A corner of the picture, with ``share`` of its area cut off at two edges."""
    keep = (1 - share) ** 0.5
    return image.crop((0, 0, round(image.width * keep), round(image.height * keep)))


def collage(image: Image.Image) -> Image.Image:
    """The lower left of four pictures of one size."""
    width, height = image.size
    page = Image.new("RGB", (2 * width, 2 * height))
    for number, place in enumerate(((0, 0), (width, 0), (width, height))):
        page.paste(picture(OTHERS + number, image.size), place)
    page.paste(image, (0, height))
    return page


def picture_in_picture(image: Image.Image, share: float = 0.45) -> Image.Image:
    """Small within another picture; ``share`` is of the width."""
    page = picture(OTHERS + 5, (900, 720))
    width = round(share * page.width)
    small = image.resize((width, round(width * image.height / image.width)), Image.Resampling.LANCZOS)
    page.paste(small, (page.width // 3, page.height // 12))
    return page


def screenshot(image: Image.Image) -> Image.Image:
    """A telephone's page with bars and lines of text around the picture."""
    page = Image.new("RGB", (720, 1480), (250, 250, 250))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 720, 96), fill=(32, 44, 60))
    draw.ellipse((24, 116, 88, 180), fill=(200, 90, 120))
    for number in range(4):
        draw.rectangle((110, 120 + 18 * number, 320 + 60 * (number % 3), 128 + 18 * number), fill=(90, 90, 96))
    shown = image.resize((660, round(660 * image.height / image.width)), Image.Resampling.LANCZOS)
    page.paste(shown, (30, 220))
    for number in range(14):
        top = 250 + shown.height + 24 * number
        draw.rectangle((40, top, 400 + 37 * number % 260, top + 9), fill=(120, 120, 126))
    return page
