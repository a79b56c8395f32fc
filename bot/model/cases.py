"""Cases, what hangs on them, and the pending Discord calls that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .banks import Bank, Entry, Match, Thresholds
from .fingerprint import Fingerprint
from .media import MessageRef, Surface, Unscannable
from .words import Category, Verdict


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    DECIDED = "decided"


class Decision(StrEnum):
    """What a moderator decided about a case."""

    CONFIRM = "confirm"
    NOT_A_MATCH = "not_a_match"


class CaseOrigin(StrEnum):
    """What opened a case."""

    MATCH = "match"
    REPORT = "report"
    BLOCK = "block"
    HUNT = "hunt"


@dataclass(frozen=True, slots=True)
class Case:
    """A picture cluster in one guild on which people decide. ``version`` guards every change (compare-and-set)."""

    id: int
    guild_id: int
    category: Category
    origin: CaseOrigin
    state: CaseState
    version: int
    opened_at: datetime
    entry_id: int | None
    match: Match | None
    thresholds: Thresholds
    program_version: str
    fingerprint: Fingerprint | None
    reasons: tuple[str, ...] = ()
    decision: Decision | None = None
    decided_by: int | None = None
    decided_at: datetime | None = None
    card_channel_id: int | None = None
    card_message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """One media item that was seen: its fingerprint, where and when. The author is kept only if it matched."""

    id: int
    message: MessageRef
    media_id: str
    surface: Surface
    seen_at: datetime
    verdict: Verdict
    fingerprint: Fingerprint | None
    unscannable: Unscannable | None = None
    entry_id: int | None = None
    distance: int | None = None
    margin: int | None = None
    case_id: int | None = None
    deleted_at: datetime | None = None
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One line of a case's history. ``actor_id`` None: the bot itself. ``detail`` never holds message text."""

    case_id: int
    at: datetime
    kind: str
    actor_id: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """All that a card shows, read in one transaction."""

    case: Case
    bank: Bank | None
    entry: Entry | None
    sightings: tuple[Sighting, ...]
    sighting_count: int
    removed_count: int
    report_count: int
    events: tuple[CaseEvent, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A member's report. The reporter is never shown to the reported member."""

    id: int
    case_id: int
    guild_id: int
    reporter_id: int
    category: Category
    created_at: datetime
    outcome_sent: bool = False


class CallKind(StrEnum):
    """A Discord call that the outbox carries out."""

    DELETE_MESSAGE = "delete_message"
    POST_CARD = "post_card"
    EDIT_CARD = "edit_card"
    NOTIFY = "notify"
    LOG_LINE = "log_line"


@dataclass(frozen=True, slots=True)
class Call:
    """A pending Discord call.

    ``key`` makes it happen once: a second call with the same key is not written. Calls with the same ``lane`` run one
    after the other in the order written. ``payload`` holds ids and ready sentences, never a picture.
    """

    kind: CallKind
    key: str
    lane: str
    payload: dict[str, int | str | None]
    case_id: int | None = None
    guild_id: int | None = None
