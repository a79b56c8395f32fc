"""What ``/setup-reports`` says."""

from __future__ import annotations

import discord

from bot.model import GuildSettings, Mode
from bot.settings import ReportSettings

from . import texts

MOST_HELD = 20
"""The most reports that a server may wait for before a message is held."""

LONGEST_HOTLINE = 200

TITLE = "How members report in this server"
UNSET = "-"
HOTLINE_REFUSED = (
    "The hotline has to be one line of up to 200 printable characters, such as a name with a number or an address; "
    f"write {UNSET} to unset it. Nothing was changed."
)
HOLD = (
    "-# *Held* means: when so many members whose reports were right before (three times at least) report one "
    "message, it is deleted until somebody decides. Others do not count, however many they are. A decision for the "
    "author says that it was a mistake, but a deleted message cannot be put back."
)
HOLD_NEEDS_REMOVE = (
    "⚠️ Nothing is held now: that works in the mode *remove* alone, as the other modes delete nothing without you: "
    "`/setup mode:`"
)
NAMES_HIDDEN = (
    "-# With names hidden, moderators see numbers in place of members, /history leaves reports out, and nobody finds a "
    "reporter by name. What is known of how often somebody was right is shown all the same."
)


def settings(server: GuildSettings) -> str:
    """What a server has decided, a line each."""
    names = "those who may decide the case, which its history notes" if server.show_reporters else "nobody"
    held = f"when {texts.count(server.hold_reports, 'reliable member')} reported it" if server.hold_reports else "never"
    hotline = "none" if server.hotline is None else discord.utils.escape_markdown(server.hotline)
    lines = (
        f"**Who reported is shown to:** {names}",
        f"**A reported message is held:** {held}",
        f"**Hotline that members are told of:** {hotline}",
    )
    return "\n".join(lines)


def windows(limits: ReportSettings) -> str:
    """What every server of this installation has in common."""
    return (
        "**Set by whoever runs the bot**, the same for every server: a member may report "
        f"{limits.per_member_10_minutes} pictures in ten minutes and {limits.per_member_day} in a day, and ask "
        f"{texts.count(limits.takedowns_per_member_day, 'time')} a day for a picture to be taken down; reports may "
        f"open {limits.cases_per_server_hour} cases an hour here. Who reported is forgotten after "
        f"{texts.count(limits.identity_days, 'day')}."
    )


def notes(server: GuildSettings) -> list[str]:
    """What the settings mean, where it is not plain."""
    found = [HOLD] if server.hold_reports else []
    if server.hold_reports and server.mode is not Mode.REMOVE:
        found.append(HOLD_NEEDS_REMOVE)
    return found if server.show_reporters else [*found, NAMES_HIDDEN]
