"""Cases, what hangs on them, and the pending Discord calls that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .banks import Bank, Entry, Match, Thresholds
from .fingerprint import Fingerprint
from .media import MessageRef, Surface, Unscannable
from .reports import PriorityPart, Signal
from .review import Appeal, PolicyReason, Sanction
from .words import Category, Verdict


class CaseState(StrEnum):
    """Where a case stands; what leads from one to the next is the table of :mod:`bot.cases.states`.

    ``decided``: within the time in which the decision can be taken back; ``closed``: after it, or after an appeal.
    """

    OPEN = "open"
    CLAIMED = "claimed"
    ESCALATED = "escalated"
    DECIDED = "decided"
    CLOSED = "closed"
    APPEALED = "appealed"
    EXPIRED = "expired"

    @property
    def undecided(self) -> bool:
        """Whether a person still has to decide, for the first time or about an appeal."""
        return self in UNDECIDED


UNDECIDED = (CaseState.OPEN, CaseState.CLAIMED, CaseState.ESCALATED, CaseState.APPEALED)


class Decision(StrEnum):
    """What a moderator decided about a case.

    ``not_a_match``: it is another picture. ``harmless_edit``: it is an edit of the listed one that does no harm.
    ``duplicate``: it belongs to another case. ``no_action``: nothing is to be done, and nothing is learnt from it.
    """

    CONFIRM = "confirm"
    NOT_A_MATCH = "not_a_match"
    HARMLESS_EDIT = "harmless_edit"
    DUPLICATE = "duplicate"
    NO_ACTION = "no_action"

    @property
    def mistaken(self) -> bool:
        """Whether it says that the picture should not have been removed."""
        return self in (Decision.NOT_A_MATCH, Decision.HARMLESS_EDIT, Decision.NO_ACTION)


class CaseOrigin(StrEnum):
    """What opened a case."""

    MATCH = "match"
    REPORT = "report"
    BLOCK = "block"
    HUNT = "hunt"


@dataclass(frozen=True, slots=True)
class Case:
    """A picture cluster in one guild on which people decide. ``version`` guards every change (compare-and-set).

    ``priority``: what puts it before other cases; ``takedown_at``: when the oldest standing request to take its picture
    down was made; ``signals``: what its files say about themselves. None of these three raises the version.
    """

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
    policy_reason: PolicyReason | None = None
    decision_number: int = 0
    duplicate_of: int | None = None
    claimed_by: int | None = None
    claimed_until: datetime | None = None
    thumbhash: bytes | None = None
    bumped_at: datetime | None = None
    escalated_at: datetime | None = None
    priority: tuple[PriorityPart, ...] = ()
    takedown_at: datetime | None = None
    signals: tuple[Signal, ...] = ()

    @property
    def in_lane(self) -> bool:
        """Whether the case is one of a suspected minor, which has a lane of its own."""
        return self.category is Category.MINOR_SUSPECTED

    @property
    def for_escalation_role(self) -> bool:
        """Whether those decide the case now whom the guild named for escalated ones. One in the lane stays there."""
        return self.state is CaseState.ESCALATED and not self.in_lane

    def held_by(self, now: datetime) -> int | None:
        """Who has claimed the case at this time; None once the lease ran out. One that was assigned has no lease."""
        return holder(self.claimed_by, self.claimed_until, now)


def holder(claimed_by: int | None, claimed_until: datetime | None, now: datetime) -> int | None:
    """Whose claim holds at this time, by what is kept of it."""
    return None if claimed_until is not None and claimed_until <= now else claimed_by


@dataclass(frozen=True, slots=True)
class Sighting:
    """One media item that was seen: its fingerprint, where and when. The author is kept only if it matched.

    ``excepted_by``: the moderator who left it out of the decision on its case. ``moved_from``: the case that was
    decided to be a duplicate of the one that holds it now.
    """

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
    excepted_by: int | None = None
    moved_from: int | None = None


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One line of a case's history. ``actor_id`` None: the bot itself. ``detail`` never holds message text.

    ``request_id`` names the press or command that caused it (Discord's id of the interaction), so that the same one,
    delivered twice, changes nothing the second time.
    """

    case_id: int
    at: datetime
    kind: str
    actor_id: int | None
    detail: str
    request_id: int | None = None


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
    excepted_count: int = 0
    author_count: int = 0
    channel_count: int = 0
    sanctions: tuple[Sanction, ...] = ()
    appeals: tuple[Appeal, ...] = ()
    duplicates: tuple[int, ...] = ()


class CallKind(StrEnum):
    """A Discord call that the outbox carries out."""

    DELETE_MESSAGE = "delete_message"
    POST_CARD = "post_card"
    EDIT_CARD = "edit_card"
    NOTIFY = "notify"
    LOG_LINE = "log_line"
    TIMEOUT = "timeout"
    KICK = "kick"
    BAN = "ban"
    LIFT_TIMEOUT = "lift_timeout"
    UNBAN = "unban"
    STATS_POST = "stats_post"


PayloadValue = int | str | None | Mapping[str, str]
"""What a call may say: ids, ready sentences, and the words of a button."""


@dataclass(frozen=True, slots=True)
class Call:
    """A pending Discord call.

    ``key`` makes it happen once: a second call with the same key is not written. Calls with the same ``lane`` run one
    after the other in the order written. ``payload`` holds ids and ready sentences as JSON, never a picture.
    """

    kind: CallKind
    key: str
    lane: str
    payload: Mapping[str, PayloadValue]
    case_id: int | None = None
    guild_id: int | None = None
