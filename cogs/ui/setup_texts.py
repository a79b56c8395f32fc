"""What ``/setup`` says: the settings, what they mean in measured numbers, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discord import app_commands

from bot.client.permissions import Gap
from bot.model import GuildSettings, Strictness

from . import figures as f
from .texts import MODES, count

STRICTNESS: dict[Strictness, str] = {
    Strictness.AUTO: "auto: strict until enough pictures are known to be good",
    Strictness.STANDARD: "standard: remove what reaches the standard tier",
    Strictness.STRICT: "strict: remove only what reaches the strict tier",
}
FEATURES = {True: "on: also finds crops, screenshots, collages", False: "off: compares whole pictures alone"}
FEATURES_IMPOSSIBLE = "off: whoever runs the bot switched them off for all servers"

STRICTNESS_CHOICES = [
    app_commands.Choice(name=words, value=strictness.value) for strictness, words in STRICTNESS.items()
]
FEATURES_CHOICES = [app_commands.Choice(name=words, value="on" if on else "off") for on, words in FEATURES.items()]


@dataclass(frozen=True, slots=True)
class Scale:
    """How a server's pictures are judged now.

    ``strict``: the strict tier removes; ``known_good`` of the ``enough`` entries that ``auto`` asks for are there.
    ``possible``: the installation itself uses local features.
    """

    strict: bool
    known_good: int
    enough: int
    possible: bool = True


SETUP_TITLE = "stanguard in this server"
SETUP_SAVED = "Saved"
ALL_WELL = "✅ The bot has everything that it needs in every channel."
EVERYONE_IS_NO_ROLE = "Everybody has that role; choose the role that only your moderators have."
NO_REVIEW_CHANNEL = "⚠️ No review channel is set, so nobody is shown any case: `/setup review_channel:`"
REVIEW_CHANNEL_GONE = "⚠️ The review channel does not exist any more; choose another: `/setup review_channel:`"
NO_MODERATOR_ROLE = "-# No moderators' role is set, so everybody with Manage Messages reviews: `/setup moderator_role:`"
MODERATOR_ROLE_GONE = "⚠️ The moderators' role does not exist any more; choose another: `/setup moderator_role:`"
CHILD_SAFETY_ROLE_GONE = "⚠️ The child-safety role does not exist any more; choose another: `/setup child_safety_role:`"
NAMED_CHANNELS = 15


def commands_hidden(role_id: int) -> str:
    """Discord shows the moderators' commands to those with Manage Messages alone, unless an admin says otherwise."""
    return (
        f"-# <@&{role_id}> lacks Manage Messages, so Discord hides the moderators' commands from it: allow them in "
        "Server Settings → Integrations → the bot, or give the role that permission."
    )


def review_channel_unseen(channel_id: int, role_id: int) -> str:
    """Those who are to decide cases do not see them."""
    return f"⚠️ <@&{role_id}> cannot see the review channel <#{channel_id}>: give it View Channel there."


def settings(server: GuildSettings, now: Scale) -> str:
    """What a server has decided, a line each."""
    review = f"<#{server.review_channel_id}>" if server.review_channel_id else "not set"
    moderators = f"<@&{server.moderator_role_id}>" if server.moderator_role_id else "whoever has Manage Messages"
    child_safety = f"<@&{server.child_safety_role_id}>" if server.child_safety_role_id else "whoever has Manage Server"
    lines = (
        f"**Mode:** {MODES[server.mode]}",
        f"**Review channel:** {review}",
        f"**Moderators:** {moderators}",
        f"**Suspected minors are decided by:** {child_safety}",
        f"**Posts of webhooks:** {_checked(on=server.scan_webhooks)}",
        f"**Posts of other bots:** {_checked(on=server.scan_bots)}",
        f"**Strictness:** {_strictness(server, now)}",
        f"**Local features:** {FEATURES[server.local_features] if now.possible else FEATURES_IMPOSSIBLE}",
    )
    return "\n".join(lines)


def _strictness(server: GuildSettings, now: Scale) -> str:
    if server.strictness is not Strictness.AUTO:
        return STRICTNESS[server.strictness]
    tier = "strict" if now.strict else "standard"
    pictures = "known-good picture" if now.known_good == 1 else "known-good pictures"
    return f"auto, {tier} now: {now.known_good} {pictures}, standard from {now.enough}"


def scale(server: GuildSettings, now: Scale) -> str:
    """What the tiers and the local features are worth, in what was measured with them."""
    lines = _with_features() if server.local_features and now.possible else _without_features()
    return "\n".join(f"-# {line}" for line in lines)


def _with_features() -> tuple[str, ...]:
    found = (
        f"Copies found, mean of {f.EDITS} kinds of edits: {f.percent(f.FOUND_FOR_REVIEW)} for review; "
        f"{f.percent(f.FOUND_FOR_REMOVAL)} reach removal by the standard tier, "
        f"{f.percent(f.FOUND_FOR_STRICT_REMOVAL)} by the strict one. Whole pictures alone (local features off) "
        f"find {f.percent(f.FOUND_BY_WHOLE_PICTURES)}."
    )
    wrong = (
        f"Wrongly removed: {f.WRONG_UNRELATED_PAIRS} of {f.UNRELATED_PAIRS:,} unrelated pairs; of "
        f"{f.BURST_FRAMES} other frames of a listed burst {f.BURST_FRAMES_REMOVED} by the standard tier and "
        f"{f.BURST_FRAMES_STRICTLY_REMOVED} by the strict one."
    )
    good = (
        f"Official originals of listed fakes: {f.percent(f.ORIGINALS_REMOVED)} would be removed, "
        f"{f.percent(f.ORIGINALS_REMOVED_WHEN_KNOWN)} once they are listed with `/known-good add`."
    )
    return found, wrong, good


def _without_features() -> tuple[str, ...]:
    found = (
        f"Whole pictures alone find {f.percent(f.FOUND_BY_WHOLE_PICTURES)} of the copies for review, mean of "
        f"{f.EDITS} kinds of edits; with local features it is {f.percent(f.FOUND_FOR_REVIEW)}."
    )
    return found, f"Wrong matches: {f.WRONG_UNRELATED_PAIRS} of {f.UNRELATED_PAIRS:,} unrelated pairs."


FEATURES_OFF_TITLE = "Switch local features off?"
FEATURES_OFF = (
    f"Only whole pictures are compared then, which finds {f.percent(f.FOUND_BY_WHOLE_PICTURES)} of the edited copies "
    f"instead of {f.percent(f.FOUND_FOR_REVIEW)}: crops, screenshots and collages are missed.\n"
    "The local features of this server's own entries are deleted. They cannot be made again without the pictures: "
    "switching back on is for entries that you list afterwards."
)
FEATURES_OFF_YES = "Switch off and delete"
FEATURES_OFF_NO = "Keep them"
FEATURES_KEPT = "Local features stay on."


def features_dropped(entries: int) -> str:
    """Local features were switched off, and those of so many entries deleted."""
    return f"Local features are off; those of {count(entries, 'entry', 'entries')} are deleted."


def _checked(*, on: bool) -> str:
    return "checked" if on else "not checked"


def channel_lacks(channel_id: int, lacking: Sequence[str]) -> str:
    """The bot cannot write where it should."""
    return f"⚠️ In <#{channel_id}> the bot lacks: {', '.join(lacking)}."


def channel_open(channel_id: int) -> str:
    """A channel for moderators is open to all."""
    return f"⚠️ Everybody can read <#{channel_id}>: take View Channel from @everyone there, so that it stays private."


def channels_lack(broken: Sequence[Gap]) -> list[str]:
    """Channels that the bot cannot protect."""
    if not broken:
        return []
    lines = ["⚠️ **Not fully protected.** Give the bot's role in these channels:"]
    lines += [f"- <#{gap.channel_id}>: {', '.join(gap.missing)}" for gap in broken[:NAMED_CHANNELS]]
    if len(broken) > NAMED_CHANNELS:
        lines.append(f"- and in {count(len(broken) - NAMED_CHANNELS, 'more channel')}")
    return ["\n".join(lines)]


def channels_closed(aside: Sequence[Gap]) -> list[str]:
    """Channels closed to most people, the bot included."""
    if not aside:
        return []
    names = ", ".join(f"<#{gap.channel_id}>" for gap in aside[:NAMED_CHANNELS])
    more = f" and {len(aside) - NAMED_CHANNELS} more" if len(aside) > NAMED_CHANNELS else ""
    return [f"-# Closed to the bot, so not checked: {names}{more}"]
