"""Edits made of several: generations of compression, and edits drawn at random."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from PIL import Image

from bot.demo.pictures import encode, mirrored

from .base import Change, Others, decode, resize
from .shape import crop

KINDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "light": (
        ("crop05", "crop10", "rot1", "persp_soft"),
        ("hflip",),
        ("bright_up", "bright_dn", "contrast_up", "contrast_dn", "gamma_up", "gamma_dn", "sat2", "tint", "gray"),
        ("blur1", "noise10", "jpeg50", "resize50"),
        ("sticker05", "wm_corner", "caption_over", "mosaic10"),
        ("border05_w", "caption_top", "caption_bottom"),
    ),
    "heavy": (
        ("crop20", "crop30", "rot5", "rot10c", "persp_soft"),
        ("hflip", "rot90", "rot180"),
        ("noise25", "blur3", "jpeg30", "hue", "contrast_dn"),
        ("sticker10", "sticker20", "censor10", "wm_tiled", "caption_over"),
        (
            "shot_discord", "shot_phone", "shot_viewer", "collage2", "collage2fit", "pip40", "letterbox", "blurfill",
            "border20_w", "rot10",
        ),
    ),
}  # fmt: skip
"""What the random chains draw from: one edit of each of three kinds, in this order, since what shows the picture small
or within something else is done last."""


def generations(image: Image.Image, rng: random.Random) -> Image.Image:
    """Three times scaled down and written as a JPEG; the last file is the result's."""
    for _ in range(3):
        factor = rng.uniform(0.75, 0.92)
        smaller = resize(image, image.width * factor, image.height * factor)
        image = decode(encode(smaller, quality=rng.randint(45, 75)))
    return image


def flip_crop_jpeg(image: Image.Image, rng: random.Random, others: Others) -> Image.Image:
    """Mirrored, cut by 15 % of the area, written as a JPEG of quality 45."""
    return decode(encode(crop(0.15)(mirrored(image), rng, others), quality=45))


def combo(kinds: Sequence[Sequence[str]], changes: Mapping[str, Change]) -> Change:
    """Three edits of different kinds, one after the other."""

    def change(image: Image.Image, rng: random.Random, others: Others) -> Image.Image:
        for number in sorted(rng.sample(range(len(kinds)), 3)):
            image = changes[rng.choice(kinds[number])](image, rng, others)
        return image

    return change
