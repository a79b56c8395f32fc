"""What members reported, how reliable they were, what puts a case before another, and what files say of themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .words import Category, Language

REPORTER_BYTES = 16
"""Bytes of the keyed digest that stands for a member in what is kept of their reports."""

MOST_WORDS = 1000
"""Characters that a member may write with a report."""


class ReportKind(StrEnum):
    """A report of any member, or the request of the person shown (or of somebody for them) to take a picture down."""

    REPORT = "report"
    TAKEDOWN = "takedown"


class ReportState(StrEnum):
    """Whether a report counts. What became of it is what became of its case.

    ``withdrawn``: the member took it back. ``dropped``: a moderator found that it was made in bad faith.
    """

    STANDING = "standing"
    WITHDRAWN = "withdrawn"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Report:
    """A member's report. The reporter is never shown to the reported member.

    ``reporter``: a keyed digest, the same for every report of one member in one guild. ``reporter_id``: who that is,
    None once it was forgotten, or where no key opens it. ``words``: what they wrote, None where no key opens it.
    ``message_id``: the message that they reported, None for an upload or a fingerprint.
    """

    id: int
    case_id: int
    guild_id: int
    kind: ReportKind
    state: ReportState
    reporter: bytes
    reporter_id: int | None
    category: Category
    language: Language
    message_id: int | None
    words: str | None
    created_at: datetime
    outcome_sent: bool = False

    @property
    def counts(self) -> bool:
        """Whether it still stands."""
        return self.state is ReportState.STANDING


@dataclass(frozen=True, slots=True)
class Standing:
    """How often a reporter was right in a guild: reports confirmed and refused, each weighing less as it ages.

    A weight is 0.5 ** (age / HALF_LIFE). Shown to moderators alone; it orders their queue and removes nothing alone.
    """

    confirmed: float = 0.0
    refused: float = 0.0

    @property
    def score(self) -> float:
        """From 0 to 1, 0.5 for somebody new: the mean of the Beta distribution after one of either (Laplace's rule)."""
        return (self.confirmed + 1) / (self.confirmed + self.refused + 2)

    @property
    def trusted(self) -> bool:
        """Whether the reports of this member may hold a message, where the guild wants that."""
        return self.confirmed >= LEAST_CONFIRMED and self.score >= LEAST_SCORE


@dataclass(frozen=True, slots=True)
class ReporterRecord:
    """A standing together with the plain numbers that it is made of, each report counting one whatever its age."""

    standing: Standing = Standing()
    confirmed: int = 0
    refused: int = 0


HALF_LIFE_DAYS = 90
LEAST_CONFIRMED = 2.5
LEAST_SCORE = 0.75


@dataclass(frozen=True, slots=True)
class Reporter:
    """What a guild keeps about a member as a reporter, besides the reports. ``reporter``: as in :class:`Report`.

    ``silent``: they want no message about what became of their reports. ``muted_until``: until then the guild takes no
    reports from them. ``left_at``: when it was noticed that they had left the server. ``erase_at``: when the digest
    goes from their erased reports that were made too lately for it to go at once.
    """

    guild_id: int
    reporter: bytes
    silent: bool = False
    muted_until: datetime | None = None
    muted_by: int | None = None
    left_at: datetime | None = None
    erase_at: datetime | None = None

    def muted_at(self, now: datetime) -> datetime | None:
        """Until when the guild takes no reports from them, if it takes none at this time."""
        return self.muted_until if self.muted_until is not None and self.muted_until > now else None


class Weight(StrEnum):
    """What a case's priority is made of."""

    TAKEDOWN = "takedown"
    MINOR = "minor"
    REPORTS = "reports"
    NEAR_MATCH = "near_match"
    SIGNALS = "signals"


@dataclass(frozen=True, slots=True)
class PriorityPart:
    """One reason for a case's place in the queue. ``number``: how many, such as members who reported; 0: no number.

    ``trusted``: how many of these members are usually right.
    """

    weight: Weight
    points: int
    number: int = 0
    trusted: int = 0


class SignalKind(StrEnum):
    """What a file says about itself. It may be wrong, in either direction; that there is nothing says nothing."""

    AI_MADE = "ai_made"
    AI_EDITED = "ai_edited"
    CAMERA = "camera"
    SOFTWARE = "software"
    REMOTE = "remote"


class SignalSource(StrEnum):
    """Where in a file a signal stands."""

    PNG_TEXT = "png_text"
    EXIF = "exif"
    IPTC = "iptc"
    XMP = "xmp"
    C2PA = "c2pa"


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that a file says about itself. ``tool``: the program that it names, empty if none.

    ``signed``: the statement is signed, and the signature fits the file; who signed it may be anybody.
    """

    kind: SignalKind
    source: SignalSource
    tool: str = ""
    signed: bool = False


MOST_SIGNALS = 8
"""Signals that are kept of a file, and of a case."""


def together(*groups: Iterable[Signal]) -> tuple[Signal, ...]:
    """Each signal once, those that weigh most first, and no more than MOST_SIGNALS."""
    order = list(SignalKind)
    found = dict.fromkeys(signal for group in groups for signal in group)
    return tuple(sorted(found, key=lambda signal: order.index(signal.kind))[:MOST_SIGNALS])
