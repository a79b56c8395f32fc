"""What a guild decided for itself, and what policy wants done about a media item."""

from __future__ import annotations

from dataclasses import dataclass, field

from .banks import Match
from .fingerprint import Fingerprint
from .media import MessageRef, Passing, Unscannable
from .reports import Signal
from .words import LaneOrder, Mode, NearMatches, Strictness, Verdict


@dataclass(frozen=True, slots=True)
class GuildSettings:
    """What one guild decided. A guild that never ran /setup has the defaults, and no review channel.

    ``remind_hours`` and ``escalate_hours``: after how many hours without a claim a case is brought up again, and
    escalated; 0: never. ``log_channel_id`` None: what is posted there goes to the review channel. ``show_reporters``:
    moderators see who reported, else nobody does. ``hold_reports``: as many reports of members who were right before
    remove a message until somebody decides; 0: never. ``hotline``: where people in this server's country find help.
    """

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
    near_matches: NearMatches = NearMatches.LEAVE
    lane_order: LaneOrder = LaneOrder.DELETE_AT_ONCE
    child_safety_channel_id: int | None = None
    escalation_role_id: int | None = None
    alert_role_id: int | None = None
    log_channel_id: int | None = None
    reveal: bool = False
    tell_authors: bool = True
    remind_hours: int = 6
    escalate_hours: int = 24
    show_reporters: bool = True
    hold_reports: int = 0
    hotline: str | None = None

    def scans(self, message: MessageRef) -> bool:
        """Whether what its author posts is looked at: members' always, that of webhooks and bots as the guild says."""
        if message.webhook_id is not None:
            return self.scan_webhooks
        return self.scan_bots or not message.author_is_bot


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
    """The outcome for one media item: its fingerprint and plan, or why it could not be scanned.

    ``thumbhash`` is a coarse rendering for the case that the item opens or joins, where the guild wants one.
    ``signals``: what the file says about itself, for that case too; it never changes the plan.
    ``passing``: why the item is worth another try later, where it is.
    """

    plan: Plan
    fingerprint: Fingerprint | None = None
    sha256: bytes | None = None
    unscannable: Unscannable | None = None
    thumbhash: bytes | None = field(default=None, repr=False)
    signals: tuple[Signal, ...] = ()
    passing: Passing | None = None
