"""What a run lists and asks for: a folder's photographs dealt out to references, further entries and negatives."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import hard
from .edits import ALL_EDITS, EDITS
from .photos import SEED, Picture, photo, photographs
from .scores import UNRELATED

SHARES = (15, 30, 45)
"""Percent of the area that is replaced in a tampered copy."""

ORIGINAL_VARIANTS = 7
"""Edits in which the innocent original of a tampered copy is asked for, besides as it is."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything, where the folder has enough photographs."""

    references: int = 60
    """Photographs that are listed and asked for after every edit."""

    entries: int = 1100
    """Quarters of photographs that are listed too, so that more can be found wrongly."""

    negatives: int = 200
    """Photographs of which no more than quarters are listed."""

    variants: int = 3
    """Edits, drawn at random, in which every negative is asked for besides as it is. Of hard negatives it is one."""

    listed: int = 15
    asked: int = 30
    """Of every family of hard negatives."""

    plain: int = 48
    tampered: int = 60
    """Photographs of which tampered copies are blocked, in a list of their own."""


QUICK = Sizes(references=6, entries=90, negatives=24, variants=1, listed=4, asked=6, tampered=5)


@dataclass(frozen=True, slots=True)
class Task:
    """A picture to ask for in several edits. ``right`` is the entry that it is a copy of; ``family`` the one in which
    a false positive counts where nothing more telling is shared."""

    picture: Picture
    edits: tuple[str, ...]
    right: int | None = None
    family: str = UNRELATED


@dataclass(frozen=True, slots=True)
class Plan:
    """The main run, and the run of tampered copies and their innocent originals, which has a list of its own."""

    references: int
    partners: Sequence[Path]
    """Photographs that edits show beside the picture. Nothing of them is listed."""

    entries: Sequence[Picture]
    tasks: Sequence[Task]
    tampered: Sequence[Picture]
    originals: Sequence[Picture]
    """The original of the tampered pictures ``len(SHARES) * n`` and following is number ``n``."""

    tampered_tasks: Sequence[Task]


def make_plan(folder: Path, sizes: Sizes, edits: Iterable[str] = ALL_EDITS) -> Plan:
    """Deal a folder out. Raises ValueError if it holds fewer than eight photographs."""
    photos = photographs(folder)
    if len(photos) < 8:
        raise ValueError(f"{folder} holds fewer than eight pictures")
    random.Random(SEED).shuffle(photos)
    partner_count = min(24, max(2, len(photos) // 12))
    partners, photos = photos[:partner_count], photos[partner_count:]
    references = photos[: min(sizes.references, len(photos) // 2)]
    rest = photos[len(references) :]
    entries = [Picture(photo, (path,)) for path in references]
    tasks = [Task(entry, tuple(edits), number) for number, entry in enumerate(entries)]
    tasks += _asked([Picture(photo, (path,)) for path in rest[: sizes.negatives]], sizes.variants)
    families = (
        hard.around(rest, sizes.listed, sizes.asked),
        hard.halves(rest[: sizes.asked]),
        hard.bursts(rest[: 2 * sizes.asked]),
        hard.faces(folder),
        hard.scenes(folder),
    )
    for listed, asked in families:
        entries += listed
        tasks += _asked(asked, 1)
    tasks += _asked(hard.blanks(sizes.plain), 0, "plain")
    entries += hard.quarters(photos, sizes.entries)
    changed, originals = _tampered(photos[: sizes.tampered], partners)
    tampered_tasks = _asked(changed, 1) + _asked(originals, ORIGINAL_VARIANTS)
    return Plan(len(references), partners, entries, tasks, changed, originals, tampered_tasks)


def _asked(pictures: Iterable[Picture], variants: int, family: str = UNRELATED) -> list[Task]:
    names = sorted(EDITS.keys() - {"none"})
    return [
        Task(picture, ("none", *random.Random(f"{picture.key}:variants").sample(names, variants)), family=family)
        for picture in pictures
    ]


def _tampered(photos: Sequence[Path], others: Sequence[Path]) -> tuple[list[Picture], list[Picture]]:
    changed = [
        Picture(hard.tampered, (path, others[number % len(others)]), share)
        for number, path in enumerate(photos)
        for share in SHARES
    ]
    return changed, [Picture(photo, (path,)) for path in photos]
