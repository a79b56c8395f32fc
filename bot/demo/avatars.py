"""Faces for the people of the simulated server: a letter on a coloured ground; the bot has a shield."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import ImageDraw
from simcord.backend import Backend
from simcord.backend.cdn import CDN_BASE

from . import art, pictures
from .cdn import LoopbackCdn

AVATAR = "5" * 32
"""The hash that Discord would give an avatar; all people here have the same."""

SIZE = (160, 160)
_SHIELD = ((0.5, 0.2), (0.74, 0.29), (0.74, 0.52), (0.66, 0.7), (0.5, 0.81), (0.34, 0.7), (0.26, 0.52), (0.26, 0.29))


def letter(name: str, number: int) -> bytes:
    """A PNG with the first letter of a name."""
    palette = art.PALETTES[number % len(art.PALETTES)]
    canvas = art.ramp(SIZE, (palette.high, palette.middle, palette.low), 35)

    def draw(sheet: ImageDraw.ImageDraw, unit: float) -> None:
        sheet.text((unit / 2, unit / 2), name[:1], fill=255, font=art.font(unit * 0.56), anchor="mm")

    art.paint(canvas, art.shape(SIZE, draw), (1.0, 1.0, 1.0))
    return _png(canvas)


def shield() -> bytes:
    """A PNG for the bot."""
    canvas = art.ramp(SIZE, (art.colour("3d5afe"), art.colour("1a237e")), 20)
    art.paint(canvas, art.polygon(SIZE, _SHIELD), (1.0, 1.0, 1.0))

    def tick(sheet: ImageDraw.ImageDraw, unit: float) -> None:
        points = [(x * unit, y * unit) for x, y in ((0.39, 0.5), (0.47, 0.59), (0.62, 0.4))]
        sheet.line(points, fill=255, width=round(0.07 * unit), joint="curve")

    art.paint(canvas, art.shape(SIZE, tick), art.colour("2a3bbf"))
    return _png(canvas)


def _png(canvas: art.Canvas) -> bytes:
    return pictures.encode(art.finish(canvas, np.random.default_rng(0), grain=0.0, vignette=0.0), "PNG")


def put_avatars(cdn: LoopbackCdn, backend: Backend, user_ids: Sequence[int]) -> None:
    """Give the bot and these people faces; the preview asks the CDN for them by address."""
    backend.bot_user.avatar = AVATAR
    cdn.stand_in(avatar_address(backend.bot_user.id), shield())
    for number, user_id in enumerate(user_ids):
        cdn.stand_in(avatar_address(user_id), letter(backend.get_user(user_id).global_name or "?", number))


def avatar_address(user_id: int) -> str:
    """Where simcord's preview looks for the face of a person who has :data:`AVATAR`."""
    return f"{CDN_BASE}/avatars/{user_id}/{AVATAR}.png"
