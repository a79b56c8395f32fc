"""Recipes of pictures: what to make from which photos of a folder, small enough to pass between processes.

The folder holds photographs. Two subfolders are used where they are there: ``faces``, with one folder for each person,
and ``scenes``, with one folder for each place, both with several pictures in each.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from bot.demo.pictures import encode

from .edits import ALL_EDITS, Others, decode

SEED = 20261122

Maker = Callable[[Sequence[Image.Image], random.Random, int], Image.Image]
"""Makes a picture from photos, a generator and a number that says which of several."""


@dataclass(frozen=True, slots=True)
class Picture:
    """How to make one picture.

    ``tags`` name what other pictures have in common with it without being copies, the more telling ones last: a
    template, an interface, a person. The part before the colon is the family in which a false positive counts.
    """

    maker: Maker
    photos: tuple[Path, ...] = ()
    number: int = 0
    tags: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What its chance depends on: nothing but the recipe."""
        names = "+".join(
            "/".join(path.parts[-2:]) if path.parent.parent.name in FOLDERS else path.name for path in self.photos
        )
        return f"{SEED}:{self.maker.__name__}:{names}:{self.number}"

    def image(self) -> Image.Image:
        """The picture, in RGB."""
        return self.maker([decode(path.read_bytes()) for path in self.photos], random.Random(self.key), self.number)

    def file(self) -> bytes:
        """The picture as it is listed: the photo's own file, or a JPEG of high quality."""
        return self.photos[0].read_bytes() if self.maker is photo else encode(self.image(), quality=95)


FOLDERS = ("faces", "scenes")


def photo(photos: Sequence[Image.Image], rng: random.Random, number: int) -> Image.Image:
    """The photo itself."""
    del rng, number
    return photos[0]


def part(photos: Sequence[Image.Image], rng: random.Random, number: int) -> Image.Image:
    """A quarter of the area: 0 to 3 are the quarters of the photo, 4 to 8 lie across them."""
    del rng
    across, down = ((0, 0), (2, 0), (0, 2), (2, 2), (1, 1), (1, 0), (0, 1), (2, 1), (1, 2))[number]
    width, height = photos[0].width // 2, photos[0].height // 2
    left, top = across * width // 2, down * height // 2
    return photos[0].crop((left, top, left + width, top + height))


PARTS = 9


def edited(picture: Picture, image: Image.Image, edit: str, partners: Sequence[Path]) -> bytes:
    """The file of an edited copy; ``image`` is the picture made."""

    def others(rng: random.Random) -> Image.Image:
        return _partner(rng.choice(partners)).copy()

    draw: Others | None = others if partners else None
    rng = random.Random(f"{picture.key}:{edit}")
    return ALL_EDITS[edit](image, rng, draw) if draw else ALL_EDITS[edit](image, rng)


@lru_cache(maxsize=32)
def _partner(path: Path) -> Image.Image:
    return decode(path.read_bytes())


def photographs(folder: Path) -> list[Path]:
    """The files of a folder that Pillow can open, sorted by name; none if there is no such folder."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            with Image.open(path):
                found.append(path)
        except (OSError, UnidentifiedImageError):
            continue
    return found


def groups(folder: Path) -> dict[str, list[Path]]:
    """The photographs of every subfolder, by its name."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return {path.name: found for path in folders if (found := photographs(path))}
