"""Banks, their entries, and how near a picture lies to one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .fingerprint import Fingerprint, Form, Orientation
from .words import BankKind, BankLevel, Category, Stage


@dataclass(frozen=True, slots=True)
class Bank:
    """A named list. ``guild_id`` None: visible to every guild of this installation."""

    id: int
    name: str
    kind: BankKind
    guild_id: int | None
    level: BankLevel


@dataclass(frozen=True, slots=True)
class Entry:
    """One listed picture, by its fingerprint. ``revoked_at`` set: it no longer matches anything."""

    id: int
    bank_id: int
    category: Category
    fingerprint: Fingerprint
    note: str
    added_by: int | None
    added_at: datetime
    source: str
    case_id: int | None = None
    revoked_at: datetime | None = None
    revoked_by: int | None = None
    hunted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Hamming distances between 256-bit hashes, of 256 bits.

    ``remove`` 43 is the largest distance with no false positive in 5.4 million unrelated and 12,040 hard pairs with
    eight orientations stored; ``review`` 64 has none in the unrelated pairs. ``margin``: how much nearer a post must
    lie to the blocked entry than to every known-good one before it is removed without a person.
    """

    remove: int = 43
    review: int = 64
    margin: int = 8


@dataclass(frozen=True, slots=True)
class Match:
    """A query lies near a blocked entry. ``distance`` and ``known_good_distance`` are bits of 256."""

    entry_id: int
    bank_id: int
    category: Category
    stage: Stage
    distance: int
    form: Form
    orientation: Orientation
    known_good_id: int | None = None
    known_good_distance: int | None = None
    frames_matched: int = 1
    frames_compared: int = 1

    @property
    def margin(self) -> int | None:
        """How much nearer the query is to the entry than to any known-good entry; None if none is near."""
        return None if self.known_good_distance is None else self.known_good_distance - self.distance
