"""What ``/setup-review`` says."""

from __future__ import annotations

from collections.abc import Sequence

from discord import app_commands

from bot.model import GuildSettings, LaneOrder, NearMatches

NEAR: dict[NearMatches, str] = {
    NearMatches.LEAVE: "leave: the message stays until somebody decides",
    NearMatches.HOLD: "hold: the message is deleted, and somebody decides afterwards",
}
LANE: dict[LaneOrder, str] = {
    LaneOrder.DELETE_AT_ONCE: "delete at once: nobody else sees it",
    LaneOrder.ALERT_FIRST: "alert first: it stands until it was reported to Discord",
}
NAMES = {
    "child_safety_channel_id": "child_safety_channel",
    "log_channel_id": "log_channel",
    "escalation_role_id": "escalation_role",
    "alert_role_id": "alert_role",
}
NEAR_CHOICES = [app_commands.Choice(name=words, value=near.value) for near, words in NEAR.items()]
LANE_CHOICES = [app_commands.Choice(name=words, value=order.value) for order, words in LANE.items()]
CLEAR_CHOICES = [app_commands.Choice(name=name, value=field) for field, name in NAMES.items()]

TITLE = "How cases are reviewed in this server"
ALL_WELL = "✅ Nothing is missing."
NO_LANE_CHANNEL = (
    "⚠️ Suspected minors have no channel of their own, so their cards stand in the review channel, without any details: "
    "`/setup-review child_safety_channel:`"
)


def settings(server: GuildSettings) -> str:
    """What a server has decided, a line each."""
    lines = (
        f"**Near matches:** {NEAR[server.near_matches]}",
        f"**Suspected minors:** {LANE[server.lane_order]}",
        f"**Their channel:** {_channel(server.child_safety_channel_id, 'the review channel')}",
        f"**Escalated cases are decided by:** {_role(server.escalation_role_id, 'whoever has Manage Server')}",
        f"**Mentioned for each new case:** {_role(server.alert_role_id, 'nobody')}",
        f"**Numbers and check sums go to:** {_channel(server.log_channel_id, 'the review channel')}",
        f"**Looking at a grey rendering:** {'allowed' if server.reveal else 'not possible'}",
        f"**Authors of removed messages:** {'are told, and can appeal' if server.tell_authors else 'are told nothing'}",
        f"**Unclaimed cases:** {_unclaimed(server)}",
    )
    return "\n".join(lines)


def _unclaimed(server: GuildSettings) -> str:
    return f"brought up again {_after(server.remind_hours)}, escalated {_after(server.escalate_hours)}"


def _channel(channel_id: int | None, otherwise: str) -> str:
    return otherwise if channel_id is None else f"<#{channel_id}>"


def _role(role_id: int | None, otherwise: str) -> str:
    return otherwise if role_id is None else f"<@&{role_id}>"


def _after(hours: int) -> str:
    if not hours:
        return "never"
    return "after 1 hour" if hours == 1 else f"after {hours} hours"


def gone(what: str, field: str) -> str:
    """A channel or role (``what``) that was chosen does not exist any more."""
    name = NAMES[field]
    return f"⚠️ The {what} chosen as {name} does not exist any more; choose another: `/setup-review {name}:`"


def no_sanctions(lacking: Sequence[str]) -> str:
    """Moderators cannot have the bot sanction anybody, which may be what the server wants."""
    return f"-# For sanctions that moderators choose with a decision the bot would need: {', '.join(lacking)}."
