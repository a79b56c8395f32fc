"""What people do to a picture before they post it again: 74 edits, each of which makes an encoded file.

``EDITS[name](image, rng)`` takes an RGB picture and a generator for places, signs and texts, so that a run can be
repeated. Edits that show other photos too draw them with a third argument, a function of the generator; without it they
are pictures made by code. Files are JPEG of quality 88 unless the edit is a codec. Crops name the share of the area
that is cut off. ``EXTRAS`` stand beside the 74 and do not count in their mean.
"""

from __future__ import annotations

import random

from PIL import Image

from bot.demo.pictures import encode

from . import chains, cover, layouts, shape, tone, warps
from .base import BLACK, QUALITY, WHITE, Change, Edit, Others, alone, as_jpeg, decode, painted
from .screens import discord, phone, viewer

__all__ = ["ALL_EDITS", "EDITS", "EXTRAS", "GROUPS", "Edit", "Others", "decode", "painted"]


def _codec(format_: str, quality: int) -> Edit:
    def edit(image: Image.Image, rng: random.Random, others: Others = painted) -> bytes:
        del rng, others
        return encode(image, format_, quality=quality)

    return edit


def _gif(image: Image.Image, rng: random.Random, others: Others = painted) -> bytes:
    del rng, others
    return encode(image.quantize(256, method=Image.Quantize.MEDIANCUT), "GIF")


def _reread(edit: Edit) -> Change:
    """A codec as a step of a chain."""
    return lambda image, rng, others: decode(edit(image, rng, others))


def _inverted_crop(image: Image.Image, rng: random.Random, others: Others) -> Image.Image:
    return tone.invert(shape.crop(0.30)(image, rng, others), rng)


_CODECS: dict[str, Edit] = {
    "none": _codec("JPEG", QUALITY),
    "jpeg75": _codec("JPEG", 75),
    "jpeg50": _codec("JPEG", 50),
    "jpeg30": _codec("JPEG", 30),
    "webp50": _codec("WEBP", 50),
    "gif256": _gif,
}

_CHANGES: dict[str, Change] = {
    "resize50": shape.scale(0.5),
    "resize25": shape.scale(0.25),
    "resize320": shape.long_side(320),
    "squeeze80": shape.squeeze(0.8),
    "crop05": shape.crop(0.05),
    "crop10": shape.crop(0.10),
    "crop20": shape.crop(0.20),
    "crop30": shape.crop(0.30),
    "crop50": shape.crop(0.50),
    "crop70": shape.crop(0.70),
    "hflip": shape.transposed(Image.Transpose.FLIP_LEFT_RIGHT),
    "vflip": shape.transposed(Image.Transpose.FLIP_TOP_BOTTOM),
    "rot1": shape.tilt(1),
    "rot3": shape.tilt(3),
    "rot5": shape.tilt(5),
    "rot10c": shape.tilt(10),
    "rot10": shape.turn(10),
    "rot15": shape.turn(15),
    "rot90": shape.transposed(Image.Transpose.ROTATE_90),
    "rot180": shape.transposed(Image.Transpose.ROTATE_180),
    "border05_w": shape.border(0.05, WHITE),
    "border10_b": shape.border(0.10, BLACK),
    "border20_w": shape.border(0.20, WHITE),
    "letterbox": alone(shape.letterbox),
    "blurfill": alone(shape.blurfill),
    "shot_discord": alone(discord),
    "shot_phone": alone(phone),
    "shot_viewer": alone(viewer),
    "caption_top": cover.caption("top"),
    "caption_bottom": cover.caption("bottom"),
    "caption_over": alone(cover.caption_over),
    "wm_corner": alone(cover.corner_mark),
    "wm_tiled": alone(cover.tiled_marks),
    "sticker05": cover.stickers(0.05),
    "sticker10": cover.stickers(0.10),
    "sticker20": cover.stickers(0.20),
    "censor10": cover.censor(0.10, centred=False),
    "censor_ctr10": cover.censor(0.10, centred=True),
    "mosaic10": cover.mosaic(0.10, 24),
    "blur1": tone.blur(0.003),
    "blur3": tone.blur(0.008),
    "noise10": tone.noise(10),
    "noise25": tone.noise(25),
    "bright_up": tone.brightness(1.4),
    "bright_dn": tone.brightness(0.55),
    "contrast_up": tone.contrast(1.6),
    "contrast_dn": tone.contrast(0.5),
    "gamma_up": tone.gamma(0.55),
    "gamma_dn": tone.gamma(1.8),
    "gray": alone(tone.grey),
    "sat2": tone.saturation(2.2),
    "tint": alone(tone.tint),
    "hue": alone(tone.hue),
    "invert": alone(tone.invert),
    "pip25": layouts.pip(0.25),
    "pip40": layouts.pip(0.40),
    "pip_host20": layouts.host(0.20),
    "collage2": layouts.collage(2, 1, 480, whole=False),
    "collage2fit": layouts.collage(2, 1, 480, whole=True),
    "collage4": layouts.collage(2, 2, 320, whole=False),
    "collage4fit": layouts.collage(2, 2, 320, whole=True),
    "chain3": alone(chains.generations),
    "flipcropjpg": chains.flip_crop_jpeg,
}

_WARPS: dict[str, Change] = {
    "persp": alone(warps.photographed),
    "persp_soft": alone(warps.slanted),
    "wave": alone(warps.wave),
}

_STEPS = _CHANGES | _WARPS | {name: _reread(codec) for name, codec in _CODECS.items()}
_COMBOS: dict[str, Change] = {f"combo_{kind}": chains.combo(kinds, _STEPS) for kind, kinds in chains.KINDS.items()}

GROUPS: dict[str, tuple[str, ...]] = {
    "codec": ("none", "jpeg75", "jpeg50", "jpeg30", "webp50", "gif256", "chain3"),
    "resize": ("resize50", "resize25", "resize320", "squeeze80"),
    "crop5_10": ("crop05", "crop10"),
    "crop20_30": ("crop20", "crop30"),
    "crop50_70": ("crop50", "crop70"),
    "flip": ("hflip", "vflip"),
    "rot90_180": ("rot90", "rot180"),
    "rot1_5": ("rot1", "rot3", "rot5"),
    "rot10_15": ("rot10c", "rot10", "rot15"),
    "border": ("border05_w", "border10_b", "border20_w", "letterbox", "blurfill"),
    "screenshot": ("shot_discord", "shot_phone", "shot_viewer"),
    "caption": ("caption_top", "caption_bottom", "caption_over"),
    "watermark": ("wm_corner", "wm_tiled"),
    "sticker5_10": ("sticker05", "sticker10"),
    "sticker20": ("sticker20", "pip_host20"),
    "censor": ("censor10", "censor_ctr10", "mosaic10"),
    "blur_noise": ("blur1", "blur3", "noise10", "noise25"),
    "colour": (
        "bright_up", "bright_dn", "contrast_up", "contrast_dn", "gamma_up", "gamma_dn", "gray", "sat2", "tint", "hue",
    ),
    "invert": ("invert",),
    "pip_collage": ("pip25", "pip40", "collage2", "collage2fit", "collage4", "collage4fit"),
    "combos": ("flipcropjpg", "combo_light", "combo_heavy"),
    "warp": ("persp", "persp_soft", "wave"),
}  # fmt: skip
"""The rows of the table: every one of the 74 edits is in one group."""

EDITS: dict[str, Edit] = _CODECS | {name: as_jpeg(change) for name, change in (_CHANGES | _COMBOS | _WARPS).items()}
"""The 74 edits, in the order in which they are told."""

EXTRAS: dict[str, Edit] = {"invertcrop": as_jpeg(_inverted_crop)}

ALL_EDITS: dict[str, Edit] = EDITS | EXTRAS
