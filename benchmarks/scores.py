"""Counting: which pairs of a query and a listed picture are right, unrelated or hard, and what was found of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .peers import Hits
from .photos import Picture

UNRELATED = "unrelated"
SIBLINGS = ("half", "burst")
"""Families whose pictures are of the same photo and must not be taken for one another all the same."""

_RIGHT, _OWN = -1, -2


class Relations:
    """How a query is related to every listed picture.

    A pair is *right* when the query is a copy of what is listed. It does not count at all when both show the same
    photo otherwise, a quarter of it for example, unless they are siblings. It counts in the family of the last tag
    that both have, else as unrelated, or in the family that the query names for this.
    """

    def __init__(self, entries: Sequence[Picture]) -> None:
        self.families: list[str] = []
        self._count = len(entries)
        self._by_photo: dict[str, list[int]] = defaultdict(list)
        self._by_tag: dict[str, list[int]] = defaultdict(list)
        for number, entry in enumerate(entries):
            for path in entry.photos:
                self._by_photo[str(path)].append(number)
            for tag in entry.tags:
                self._by_tag[tag].append(number)

    def of(
        self, picture: Picture, right: int | None = None, otherwise: str = UNRELATED, more_tags: Sequence[str] = ()
    ) -> NDArray[np.int16]:
        """A number for every listed picture: right, own (not counted), or the place in ``families``.

        ``more_tags`` are what the query shares with others by its edit; the picture's own tags tell more.
        """
        related = np.full(self._count, self._family(otherwise), np.int16)
        tags = (*more_tags, *picture.tags)
        siblings = [tag for tag in tags if _named(tag) in SIBLINGS]
        for tag in (tag for tag in tags if tag not in siblings):
            related[self._by_tag.get(tag, [])] = self._family(_named(tag))
        for path in picture.photos:
            related[self._by_photo.get(str(path), [])] = _OWN
        for tag in siblings:
            related[self._by_tag.get(tag, [])] = self._family(_named(tag))
        if right is not None:
            related[right] = _RIGHT
        return related

    def _family(self, name: str) -> int:
        if name not in self.families:
            self.families.append(name)
        return self.families.index(name)


def _named(tag: str) -> str:
    return tag.split(":")[0]


@dataclass
class Score:
    """What one contender did; tiers are numbered from the loosest, 1, as in its hits."""

    tiers: int
    listed: NDArray[np.bool_]
    """Which of the offered pictures it took. One that was refused counts as missed when a copy of it is asked for,
    and takes no part in false positives."""

    asked: Counter[str] = field(default_factory=Counter)
    found: Counter[tuple[str, int]] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    false_pairs: Counter[tuple[str, int]] = field(default_factory=Counter)
    false_queries: Counter[tuple[str, int]] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)

    def count(self, edit: str, related: NDArray[np.int16], families: Sequence[str], hits: Hits) -> None:
        """Count one query; ``related`` and ``families`` are of :class:`Relations`."""
        numbers, counts = np.unique(related[self.listed & (related >= 0)], return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            self.pairs[families[int(number)]] += count
        right = np.flatnonzero(related == _RIGHT)
        self.asked[edit] += len(right)
        found = [(int(related[number]), level) for number, level in hits.items()]
        for tier in range(1, self.tiers + 1):
            self.found[edit, tier] += sum(hits.get(int(number), 0) >= tier for number in right)
            wrong = Counter(families[place] for place, level in found if place >= 0 and level >= tier)
            for family, count in wrong.items():
                self.false_pairs[family, tier] += count
                self.false_queries[family, tier] += 1

    def recall(self, edit: str, tier: int) -> float:
        """The share of the copies made by an edit that were found."""
        return self.found[edit, tier] / self.asked[edit] if self.asked[edit] else float("nan")

    def mean_recall(self, edits: Sequence[str], tier: int) -> float:
        """The mean over edits, each of which counts the same; those that nothing was asked of are left out."""
        shares = [self.recall(edit, tier) for edit in edits if self.asked[edit]]
        return sum(shares) / len(shares) if shares else float("nan")

    def figures(self, tier: int, edits: Sequence[str], groups: dict[str, tuple[str, ...]]) -> dict[str, Any]:
        """All that is known of one tier."""
        counted = [edit for edit in self.asked if self.asked[edit]]
        return {
            "mean_recall": self.mean_recall(edits, tier),
            "recall_by_group": {name: self.mean_recall(members, tier) for name, members in groups.items()},
            "recall_by_edit": {edit: self.recall(edit, tier) for edit in counted},
            "false_positives": {
                family: {
                    "pairs": self.pairs[family],
                    "false_pairs": self.false_pairs[family, tier],
                    "false_queries": self.false_queries[family, tier],
                }
                for family in self.pairs
            },
        }

    @property
    def median_ms(self) -> float:
        return median(self.milliseconds) if self.milliseconds else float("nan")
