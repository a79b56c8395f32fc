"""What moderators do about people: policy reasons, sanctions, and the appeals against them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class PolicyReason(StrEnum):
    """Under which rule, or for which reason, a case was decided or escalated."""

    SEXUAL_DEEPFAKE = "sexual_deepfake"
    INTIMATE_PICTURE = "intimate_picture"
    MINOR_SAFETY = "minor_safety"
    HARASSMENT = "harassment"
    SCAM = "scam"
    OTHER_RULE = "other_rule"
    DIFFERENT_PICTURE = "different_picture"
    OFFICIAL_PHOTO = "official_photo"
    FAN_EDIT = "fan_edit"
    SATIRE = "satire"
    SAME_PICTURE = "same_picture"
    WITHIN_RULES = "within_rules"
    ALREADY_HANDLED = "already_handled"
    CANNOT_TELL = "cannot_tell"
    SECOND_OPINION = "second_opinion"
    LEGAL = "legal"


class SanctionKind(StrEnum):
    """What can be done to the author of a removed message. Never by a match: by a moderator's own choice."""

    WARN = "warn"
    TIMEOUT = "timeout"
    KICK = "kick"
    BAN = "ban"

    @property
    def lasting(self) -> bool:
        """Whether it can be lifted again; a warning was read, and whoever was kicked is gone."""
        return self in (SanctionKind.TIMEOUT, SanctionKind.BAN)


MOST_TIMEOUT = timedelta(days=28)
"""The longest timeout that Discord takes (https://discord.com/developers/docs/resources/guild#modify-guild-member)."""

MOST_DELETED = timedelta(days=7)
"""The most history of a member that a ban can delete (``delete_message_seconds`` of Create Guild Ban)."""


@dataclass(frozen=True, slots=True)
class SanctionOrder:
    """A sanction that a moderator wants. ``duration`` is for a timeout alone, ``delete_messages`` for a ban alone."""

    kind: SanctionKind
    duration: timedelta | None = None
    delete_messages: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        """Raise ValueError for an order that Discord would refuse."""
        if (self.kind is SanctionKind.TIMEOUT) != (self.duration is not None):
            raise ValueError("a timeout has a duration, and nothing else has one")
        if self.duration is not None and not timedelta(0) < self.duration <= MOST_TIMEOUT:
            raise ValueError("a timeout lasts up to 28 days")
        if (
            not timedelta(0)
            <= self.delete_messages
            <= (MOST_DELETED if self.kind is SanctionKind.BAN else timedelta(0))
        ):
            raise ValueError("a ban deletes up to 7 days of messages, and nothing else deletes any")


class SanctionState(StrEnum):
    """Where a sanction stands: ordered, in force, impossible, to be lifted, lifted."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    LIFTING = "lifting"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class Sanction:
    """A sanction on one member, by the decision of this number on a case. ``until`` is the end of a timeout."""

    id: int
    case_id: int
    guild_id: int
    user_id: int
    kind: SanctionKind
    decision_number: int
    ordered_by: int
    ordered_at: datetime
    state: SanctionState
    until: datetime | None = None
    delete_message_seconds: int = 0
    error: str = ""


class AppealOutcome(StrEnum):
    """How an appeal was answered."""

    UPHELD = "upheld"
    OVERTURNED = "overturned"


@dataclass(frozen=True, slots=True)
class Appeal:
    """What the author of a removed message says against a decision; ``decision_number`` 0: against the machine's.

    ``statement`` is the author's own words, sealed at rest: None where they cannot be opened, empty once they were
    erased. ``answered_by`` None with an outcome: the case expired.
    """

    id: int
    case_id: int
    guild_id: int
    author_id: int
    decision_number: int
    statement: str | None
    created_at: datetime
    outcome: AppealOutcome | None = None
    answered_by: int | None = None
    answered_at: datetime | None = None
