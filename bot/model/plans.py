"""What a guild decided for itself, and what policy wants done about a media item."""

from __future__ import annotations

from dataclasses import dataclass

from .banks import Match
from .fingerprint import Fingerprint
from .media import Unscannable
from .words import Mode, Strictness, Verdict


@dataclass(frozen=True, slots=True)
class GuildSettings:
    """What one guild decided. A guild that never ran /setup has the defaults, and no review channel."""

    guild_id: int
    mode: Mode = Mode.OBSERVE
    review_channel_id: int | None = None
    moderator_role_id: int | None = None
    child_safety_role_id: int | None = None
    scan_webhooks: bool = True
    scan_bots: bool = False
    scan_avatars: bool = False
    strictness: Strictness = Strictness.AUTO
    local_features: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What policy wants done about one media item, with its reasons in plain words.

    ``verdict`` is what the comparison says; ``delete``, ``open_case`` and ``log`` are what the guild's mode and the
    bank's level allow to be done about it.
    """

    verdict: Verdict
    match: Match | None = None
    delete: bool = False
    open_case: bool = False
    log: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """The outcome for one media item: its fingerprint and plan, or why it could not be scanned."""

    plan: Plan
    fingerprint: Fingerprint | None = None
    sha256: bytes | None = None
    unscannable: Unscannable | None = None
