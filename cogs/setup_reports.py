"""``/setup-reports``: who sees who reported, when reports hold a message, and where members find help."""

from __future__ import annotations

from typing import Any

from discord import app_commands
from discord.ext import commands

from bot.client import StanguardBot
from bot.errors import RefusedError
from bot.model import Mode

from .access import Interaction, app_of, require_admin
from .ui import setup_reports_texts as words
from .ui import setup_texts
from .ui.answers import show
from .ui.cards import NEEDS_REVIEW, NOT_A_MATCH


class SetupReports(commands.Cog):
    """For members with Manage Server; checked again at every use."""

    @app_commands.command(name="setup-reports", description="Show or change how members report in this server")
    @app_commands.describe(
        show_reporters="Whether those who may decide a case see who reported it; else nobody does",
        hold_reports="Delete a message, pending review, once so many reliable members reported it (0: never)",
        hotline="Where people in your country find help, told to whoever asks for a takedown; - unsets it",
    )
    @app_commands.default_permissions(manage_guild=True)
    async def setup_reports(
        self,
        interaction: Interaction,
        show_reporters: bool | None = None,
        hold_reports: app_commands.Range[int, 0, words.MOST_HELD] | None = None,
        hotline: str | None = None,
    ) -> None:
        """Change what is given, then show all of it and what it means."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await require_admin(interaction)
        app = app_of(interaction)
        given: dict[str, Any] = {"show_reporters": show_reporters, "hold_reports": hold_reports}
        changes = {name: value for name, value in given.items() if value is not None}
        if hotline is not None:
            changes["hotline"] = hotline_of(hotline)
        if changes:
            server = await app.guilds.change(server.guild_id, **changes)
        idle = server.hold_reports > 0 and server.mode is not Mode.REMOVE
        await show(
            interaction,
            setup_texts.SETUP_SAVED if changes else words.TITLE,
            [words.settings(server), *words.notes(server), words.windows(app.settings.reports)],
            colour=NEEDS_REVIEW if idle else NOT_A_MATCH,
        )


def hotline_of(written: str) -> str | None:
    """The hotline that an admin wrote, None to unset it. RefusedError for what is not one line of printable text."""
    text = written.strip()
    if text in {"", words.UNSET}:
        return None
    if len(text) > words.LONGEST_HOTLINE or not text.isprintable():
        raise RefusedError(words.HOTLINE_REFUSED)
    return text


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(SetupReports())
