"""Reading what was posted before: after an outage, or because somebody asked for it.

A sweep is one such reading in one guild; a stretch is its part in one channel or thread, read from the newest message
to the oldest. Message ids are snowflakes, so they are times as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

ARCHIVED_THREADS = 0
"""The channel id of a stretch that looks for threads which were archived since its ``after_id``, and adds a stretch
for each: they are in no list that Discord sends. No channel has this id."""


class SweepKind(StrEnum):
    """Why a guild's history is read: the bot was away, or a moderator asked for one channel or the whole server."""

    CATCH_UP = "catch_up"
    CHANNEL = "channel"
    SERVER = "server"


class SweepState(StrEnum):
    """Where a sweep stands. One that is paused or cancelled still has the pictures scanned that it has found."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"

    @property
    def over(self) -> bool:
        """Whether nothing will be read any more."""
        return self in (SweepState.CANCELLED, SweepState.DONE)


class StretchState(StrEnum):
    """Where the reading of one channel stands.

    ``unreadable``: the bot may not read its history; ``gone``: there is no such channel any more.
    """

    WAITING = "waiting"
    DONE = "done"
    UNREADABLE = "unreadable"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class SweepCounts:
    """What a sweep found: messages read, media items in them, and how those ended that were scanned by now."""

    messages: int = 0
    media: int = 0
    clear: int = 0
    review: int = 0
    removed: int = 0
    unscannable: int = 0

    @property
    def scanned(self) -> int:
        """Media items that are done, those included that had been scanned before."""
        return self.clear + self.review + self.removed + self.unscannable


@dataclass(frozen=True, slots=True)
class Sweep:
    """One reading of a guild's history. ``requested_by`` None: the bot itself, after an outage.

    ``channel_id`` and ``message_id``: the message that shows how far it is, if there is one.
    """

    id: int
    guild_id: int
    kind: SweepKind
    state: SweepState
    requested_by: int | None
    created_at: datetime
    finished_at: datetime | None = None
    channel_id: int | None = None
    message_id: int | None = None
    counts: SweepCounts = field(default_factory=SweepCounts)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The messages of one channel or thread with ``after_id`` < id < ``before_id``, read from the newest to the oldest.

    ``cursor``: what is younger is done; it begins as ``before_id``.
    """

    id: int
    sweep_id: int
    guild_id: int
    channel_id: int
    after_id: int
    before_id: int
    cursor: int
    state: StretchState = StretchState.WAITING

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1, in time: nobody knows how many messages there are."""
        if self.state is not StretchState.WAITING:
            return 1.0
        whole = (self.before_id >> 22) - (self.after_id >> 22)
        return 0.0 if whole <= 0 else min(1.0, max(0.0, ((self.before_id >> 22) - (self.cursor >> 22)) / whole))
