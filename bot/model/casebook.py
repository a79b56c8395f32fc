"""Looking cases up: who may see which, what is asked for, and the light rows that lists show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .cases import CaseState, Decision, holder
from .reports import ReporterRecord
from .review import AppealOutcome, SanctionKind, SanctionState
from .words import Category


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cases somebody may know of. What is out of it is as if it did not exist.

    ``lane``: those of suspected minors; ``ordinary``: all others.
    """

    ordinary: bool
    lane: bool

    def sees(self, category: Category) -> bool:
        """Whether a case of this category may be known."""
        return self.lane if category is Category.MINOR_SUSPECTED else self.ordinary


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What is asked for; everything that is given has to be so. Empty ``states``: any.

    ``opened_after`` is included, ``opened_before`` is not. ``moderator_id``: who holds the case, decided it, or wrote
    in its history. ``author_id``: who posted a copy. ``text``: stands in a note or in a reason of the case, in either
    case of the letters a to z.
    """

    states: tuple[CaseState, ...] = ()
    category: Category | None = None
    decision: Decision | None = None
    opened_after: datetime | None = None
    opened_before: datetime | None = None
    channel_id: int | None = None
    moderator_id: int | None = None
    author_id: int | None = None
    text: str = ""


class CaseOrder(StrEnum):
    """In which order cases are listed.

    ``urgent``: those with a request to take them down, the oldest request first; then appeals, escalated cases and
    suspected minors, then all others, and among each of these the higher priority first, then the older; what is
    decided comes last.
    """

    NEWEST = "newest"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case in a list: without its fingerprint, so that nothing has to be opened for it.

    ``channel_count`` counts the channels with a copy. ``takedown_at``: as in :class:`Case`.
    """

    id: int
    guild_id: int
    category: Category
    state: CaseState
    version: int
    opened_at: datetime
    decision: Decision | None = None
    decided_at: datetime | None = None
    claimed_by: int | None = None
    claimed_until: datetime | None = None
    card_channel_id: int | None = None
    card_message_id: int | None = None
    takedown_at: datetime | None = None
    sighting_count: int = 0
    channel_count: int = 0
    report_count: int = 0

    def held_by(self, now: datetime) -> int | None:
        """Like :meth:`Case.held_by`."""
        return holder(self.claimed_by, self.claimed_until, now)

    @property
    def card_link(self) -> str | None:
        """The address of the card; None while there is none."""
        if self.card_channel_id is None or self.card_message_id is None:
            return None
        return f"https://discord.com/channels/{self.guild_id}/{self.card_channel_id}/{self.card_message_id}"


@dataclass(frozen=True, slots=True)
class ReportTally:
    """Reports and what came of them; those of a case that expired are only in ``total``.

    A report of a duplicate goes by the case that it is a duplicate of. ``mistaken``: the picture should not have gone.
    """

    total: int = 0
    confirmed: int = 0
    mistaken: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class SanctionLine:
    """A sanction in a member's history. ``until`` is the end of a timeout."""

    case_id: int
    kind: SanctionKind
    state: SanctionState
    ordered_by: int
    ordered_at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class AppealLine:
    """An appeal without what was said in it."""

    case_id: int
    decision_number: int
    created_at: datetime
    outcome: AppealOutcome | None


@dataclass(frozen=True, slots=True)
class MemberHistory:
    """What the moderators of a guild know about a member, newest first; the totals count what is left out too.

    ``cases``: those with a message of theirs that no moderator left out of the case. ``decisions`` counts how these
    were decided. ``reports_by`` and ``reports_on``: made by them, and on these cases. ``reports_by`` is None, and
    ``record`` and ``muted_until`` say nothing, where the guild shows nobody who reports.
    """

    cases: tuple[CaseLine, ...] = ()
    case_count: int = 0
    decisions: Mapping[Decision, int] = field(default_factory=dict[Decision, int])
    waiting_count: int = 0
    sanctions: tuple[SanctionLine, ...] = ()
    sanction_count: int = 0
    appeals: tuple[AppealLine, ...] = ()
    appeal_count: int = 0
    reports_by: ReportTally | None = ReportTally()
    reports_on: ReportTally = ReportTally()
    record: ReporterRecord | None = None
    muted_until: datetime | None = None
    muted_by: int | None = None
