"""Banks, their entries, and how near a picture lies to one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .fingerprint import Fingerprint, Orientation
from .words import BankKind, BankLevel, Category, Part, Stage


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
class Evidence:
    """The comparison of a query with an entry, gradient by gradient, after one was laid upon the other.

    ``agreement`` is the share of the entry's reliable gradients that are visible in the query and point the same way,
    ``visible`` the share of the entry's informative area that is seen, ``coverage`` the share of it that is seen and
    agrees, ``significance`` how many deviations the agreement lies above chance. ``inliers`` are the local features
    that fit one geometry; None where whole pictures were compared.
    """

    agreement: float
    coverage: float
    significance: float
    inliers: int | None = None
    visible: float = 1.0


@dataclass(frozen=True, slots=True)
class Fitting:
    """The least evidence of local features: how many fit one geometry, and what the gradients then show."""

    inliers: int
    agreement: float
    coverage: float
    significance: float

    def met_by(self, evidence: Evidence) -> bool:
        """Whether the evidence is enough; never where whole pictures were compared."""
        return (
            evidence.inliers is not None
            and evidence.inliers >= self.inliers
            and evidence.agreement >= self.agreement
            and evidence.coverage >= self.coverage
            and evidence.significance >= self.significance
        )


@dataclass(frozen=True, slots=True)
class Tier:
    """The evidence that one tier asks for.

    The first four are for the picture as a whole: ``distance`` is the most bits of 256 between the hashes, and
    ``agreement``, ``coverage`` and ``significance`` are the least of the comparison of gradients (:class:`Evidence`).
    For a match by local features ``usual`` is enough, or ``many`` with less agreement, or ``few`` with more: small
    pictures within pictures have few features, and one that is partly covered keeps many.
    """

    distance: int
    agreement: float
    coverage: float
    significance: float
    usual: Fitting
    many: Fitting
    few: Fitting

    def met_by(self, evidence: Evidence, distance: int | None) -> bool:
        """Whether the evidence is enough; ``distance`` is that between the hashes of the whole pictures."""
        if evidence.inliers is not None:
            return any(fitting.met_by(evidence) for fitting in (self.usual, self.many, self.few))
        return (
            distance is not None
            and distance <= self.distance
            and evidence.agreement >= self.agreement
            and evidence.coverage >= self.coverage
            and evidence.significance >= self.significance
        )


REMOVE = Tier(
    64, 0.88, 0.25, 10.0, Fitting(8, 0.88, 0.25, 8.0), Fitting(50, 0.82, 0.25, 8.0), Fitting(5, 0.90, 0.6, 12.0)
)
STRICT = Tier(64, 0.90, 0.4, 10.0, Fitting(8, 0.90, 0.4, 8.0), Fitting(50, 0.86, 0.4, 8.0), Fitting(5, 0.95, 0.6, 12.0))
REVIEW = Tier(76, 0.80, 0.0, 8.0, Fitting(6, 0.75, 0.0, 7.0), Fitting(12, 0.72, 0.0, 8.0), Fitting(4, 0.88, 0.0, 9.0))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What each tier asks for; the defaults were measured, see docs/matching.md.

    ``hash_*`` are bits of 256 for entries that are nothing but a hash: up to ``hash_remove`` a match may remove, up to
    ``hash_review`` (``hash_review_box`` for a rectangle found within a picture) it is for a person. ``margin`` is how
    much better, as a share of gradients, a post must agree with the blocked entry than with every known-good one
    before it is removed without a person; ``margin_bits`` is the same where only hashes can be compared.
    """

    remove: Tier = REMOVE
    strict: Tier = STRICT
    review: Tier = REVIEW
    hash_remove: int = 31
    hash_review: int = 47
    hash_review_box: int = 56
    margin: float = 0.02
    margin_bits: int = 8


@dataclass(frozen=True, slots=True)
class Match:
    """A query lies near a blocked entry.

    ``distance`` and ``known_good_distance`` are bits of 256 between hashes of whole pictures; ``distance`` is None for
    a match by local features. ``evidence`` is None for the very file and for an entry that is nothing but a hash.
    ``part`` says which part of the query was compared, ``orientation`` and ``inverted`` how it lies and whether its
    colours are inverted. ``known_good_agreement`` is the best agreement of a known-good entry with the same frame.
    """

    entry_id: int
    bank_id: int
    category: Category
    stage: Stage
    distance: int | None
    part: Part
    orientation: Orientation
    inverted: bool = False
    evidence: Evidence | None = None
    known_good_id: int | None = None
    known_good_distance: int | None = None
    known_good_agreement: float | None = None
    frames_matched: int = 1
    frames_compared: int = 1

    @property
    def agreement(self) -> float | None:
        """The agreement of the evidence, if there is any."""
        return None if self.evidence is None else self.evidence.agreement

    @property
    def margin(self) -> int | None:
        """How many bits nearer the query is to the entry than to any known-good one; None if that cannot be said."""
        if self.known_good_distance is None or self.distance is None:
            return None
        return self.known_good_distance - self.distance

    @property
    def lead(self) -> float | None:
        """How much better the query agrees with the entry than with any known-good one; None if that is unknown."""
        if self.evidence is None or self.known_good_agreement is None:
            return None
        return self.evidence.agreement - self.known_good_agreement
