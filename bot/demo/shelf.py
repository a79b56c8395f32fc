"""What members of the simulated server can post: generated pictures, plain or in disguise.

The blocked pictures stand in for abuse and show nothing of the kind: two generated posters that a moderator put on the
blocklist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import count
from typing import TypeAlias

from PIL import Image

from bot.errors import NotFoundError

from . import pictures

BLOCKED_SEED = 23
OFFICIAL_SEED = 12
FIRST_FAN_ART = 1
SWAPPED_IN = 4
THUMBNAIL = (144, 180)

File: TypeAlias = tuple[str, bytes]
"""A file name and what is in the file."""


class Group(StrEnum):
    """Where an item stands on the shelf."""

    HARMLESS = "harmless"
    DISGUISED = "disguised"
    SNEAKY = "sneaky"


class Way(StrEnum):
    """How an item gets into the channel."""

    UPLOAD = "upload"
    LINK = "link"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to post. ``hint`` says what it is in a line."""

    key: str
    title: str
    hint: str
    group: Group
    way: Way = Way.UPLOAD


ITEMS = (
    Item("fan-art", "New fan art", "A new harmless picture every time", Group.HARMLESS),
    Item("official", "Official photo", "Listed as known-good, although a face swap of it is blocked", Group.HARMLESS),
    Item("swapped", "Face swap", "A blocked manipulation of the official photo, re-compressed", Group.SNEAKY),
    Item("among", "Third of three", "Two harmless pictures, and the blocked one behind them", Group.SNEAKY),
    Item("link", "Link preview", "Only a link; Discord adds the picture a moment later", Group.SNEAKY, Way.LINK),
    Item("forward", "Forwarded", "From a server that the bot is not on", Group.SNEAKY, Way.FORWARD),
    Item("same", "The very file", "Byte for byte", Group.DISGUISED),
    Item("recompressed", "Worse JPEG", "Compressed again at a low quality", Group.DISGUISED),
    Item("mirrored", "Mirrored", "Left is right", Group.DISGUISED),
    Item("turned", "Turned", "By a quarter", Group.DISGUISED),
    Item("bordered", "Framed", "With a wide white border", Group.DISGUISED),
    Item("cropped", "Cropped", "The edges are cut off", Group.DISGUISED),
    Item("animated", "Animated", "As a moving GIF", Group.DISGUISED),
)
_BY_KEY = {item.key: item for item in ITEMS}
_DISGUISES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "mirrored": pictures.mirrored,
    "turned": pictures.turned,
    "bordered": pictures.bordered,
    "cropped": pictures.cropped,
}


def item(key: str) -> Item:
    """The item of that name; NotFoundError when there is none."""
    try:
        return _BY_KEY[key]
    except KeyError:
        raise NotFoundError(f"There is nothing called {key!r} to post; choose one of {', '.join(_BY_KEY)}.") from None


@cache
def blocked_file() -> File:
    """The picture that the moderators blocked, as they had it."""
    return "soft-orbit.png", pictures.encode(_blocked(), "PNG")


def official_file() -> File:
    """The photo that the moderators listed as known-good."""
    return "official.png", pictures.encode(_official(), "PNG")


def swapped_file() -> File:
    """The manipulation of the official photo that the moderators blocked."""
    return "swap.png", pictures.encode(_swapped(), "PNG")


def _blocked() -> Image.Image:
    return pictures.picture(BLOCKED_SEED)


def _official() -> Image.Image:
    return pictures.picture(OFFICIAL_SEED)


def _swapped() -> Image.Image:
    return pictures.face_swapped(_official(), SWAPPED_IN)


class Shelf:
    """Makes the files of the items. No two files that it makes are the same, except where that is the point."""

    def __init__(self) -> None:
        self._fan_art = count(FIRST_FAN_ART)
        self._made = count()

    def files(self, key: str) -> list[File]:
        """The files of one post. Takes some tenths of a second: call it in a thread."""
        if key == "same":
            return [blocked_file()]
        number = next(self._made)
        if key == "animated":
            frames = pictures.twinkling(pictures.resized(_blocked()), 4, seed=number)
            return [(f"sparkle-{number}.gif", pictures.encode_animation(frames))]
        if key == "among":
            return [*self.files("fan-art"), *self.files("fan-art"), *self.files("recompressed")]
        image = _image(key, self._next_fan_art() if key == "fan-art" else 0)
        quality = 30 + number % 40
        return [(f"{key}-{number}.jpg", pictures.encode(image, quality=quality))]

    def _next_fan_art(self) -> int:
        return next(seed for seed in self._fan_art if seed not in {BLOCKED_SEED, OFFICIAL_SEED})


def _disguised(key: str) -> Image.Image:
    disguise = _DISGUISES.get(key)
    return _blocked() if disguise is None else disguise(_blocked())


def _image(key: str, fan_art: int) -> Image.Image:
    match key:
        case "fan-art":
            return pictures.picture(fan_art)
        case "official":
            return _official()
        case "swapped":
            return _swapped()
        case _:
            return _disguised(key)


def thumbnail(key: str) -> bytes:
    """A small JPEG of an item, for its button."""
    image = _image(key, FIRST_FAN_ART)
    image.thumbnail(THUMBNAIL)
    return pictures.encode(image, quality=80)
