"""Numbers about a guild's days: what moderators see, what members see, and what a chart is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .review import SanctionKind


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    part: int = 0
    whole: int = 0

    @property
    def value(self) -> float | None:
        """Between 0 and 1; None of nothing."""
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class DayNumbers:
    """One day in UTC. ``median``: half of the cases first decided on it were decided within this time."""

    day: date
    scanned: int = 0
    removed: int = 0
    reviewed: int = 0
    mistaken: int = 0
    median: timedelta | None = None


@dataclass(frozen=True, slots=True)
class OpenCases:
    """Cases that wait for a decision now. Those not escalated or appealed are parted by how long they are open.

    ``total`` may be more than its parts: see :class:`Numbers`.
    """

    total: int = 0
    under_6_hours: int = 0
    under_24_hours: int = 0
    under_3_days: int = 0
    older: int = 0
    escalated: int = 0
    appealed: int = 0


@dataclass(frozen=True, slots=True)
class ReportNumbers:
    """Reports of members and what came of them so far. ``total`` may be more than its parts: see :class:`Numbers`."""

    total: int = 0
    confirmed: int = 0
    rejected: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True)
class AppealNumbers:
    """Appeals made, and how they were answered so far."""

    upheld: int = 0
    overturned: int = 0
    open: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.upheld + self.overturned + self.open


@dataclass(frozen=True, slots=True)
class ListNumbers:
    """Decisions on matches with one list, and how many of them said that it was a mistake.

    ``mistaken`` None: there were too few decisions to say.
    """

    name: str
    decided: int
    mistaken: Share | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """What happened in a guild from ``since`` until just before ``until``; ``open`` alone is about now.

    Cases of suspected minors are in the totals (``removed_*``, ``reviewed``, ``open.total``, ``reports.total``) where
    there are enough of them there not to point at one, and nowhere else.

    ``false_positives``: of the decided cases with a picture that had been removed before, how many decisions said that
    it should not have been. ``decision_median`` and ``decision_p90``: from the opening of a case to its first
    decision, half and nine tenths of them within that time.
    """

    guild_id: int
    since: datetime
    until: datetime
    days: tuple[DayNumbers, ...]
    scanned: int = 0
    unscannable: int = 0
    removed_at_once: int = 0
    removed_by_person: int = 0
    reviewed: int = 0
    false_positives: Share = Share()
    decision_median: timedelta | None = None
    decision_p90: timedelta | None = None
    open: OpenCases = OpenCases()
    reports: ReportNumbers = ReportNumbers()
    appeals: AppealNumbers = AppealNumbers()
    sanctions: tuple[tuple[SanctionKind, int], ...] = ()
    lists: tuple[ListNumbers, ...] = ()

    @property
    def removed(self) -> int:
        """Pictures that were removed, automatically and by a person."""
        return self.removed_at_once + self.removed_by_person


@dataclass(frozen=True, slots=True)
class PublicNumbers:
    """What every member may see of :class:`Numbers`. ``put_right``: removed pictures whose removal was a mistake."""

    since: datetime
    until: datetime
    scanned: int
    removed: int
    reviewed: int
    put_right: int
    decision_median: timedelta | None
    appeals: AppealNumbers
    lists: tuple[ListNumbers, ...]
