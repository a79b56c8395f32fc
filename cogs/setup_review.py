"""``/setup-review``: how a server's moderators work: what is held, who is called, what authors are told."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import StanguardBot
from bot.client.permissions import SANCTION_NEEDS, missing
from bot.errors import NotAllowedError, RefusedError
from bot.model import GuildSettings, LaneOrder, NearMatches

from .access import Interaction, app_of, require_admin
from .setup_checks import channel_problems, role_problems
from .ui import setup_review_texts as words
from .ui import setup_texts, texts
from .ui.answers import show
from .ui.cards import NEEDS_REVIEW, NOT_A_MATCH

CHANNELS = ("child_safety_channel_id", "log_channel_id")
ROLES = ("escalation_role_id", "alert_role_id")
CLEARABLE = (*CHANNELS, *ROLES)


class SetupReview(commands.Cog):
    """For members with Manage Server; checked again at every use."""

    @app_commands.command(name="setup-review", description="Show or change how cases are reviewed in this server")
    @app_commands.describe(
        near_matches="What happens to messages that are near a blocked picture, but not near enough to be removed",
        suspected_minors="Whether such a message is removed first, or reported to Discord first",
        child_safety_channel="Where cases of suspected minors are shown; only the child-safety role should see it",
        escalation_role="Who decides what moderators escalate; without it those with Manage Server",
        alert_role="Who is mentioned once for each new case",
        log_channel="Where the weekly numbers and the daily check sum of the audit log go",
        reveal="Let moderators look at a coarse grey rendering of a picture, one at a time",
        tell_authors="Write to the authors of removed messages, and let them appeal",
        remind_hours="After how many hours without a claim a case is brought up again (0: never)",
        escalate_hours="After how many hours without a claim a case is escalated (0: never)",
        clear="Unset one of the channels or roles",
    )
    @app_commands.choices(
        near_matches=words.NEAR_CHOICES, suspected_minors=words.LANE_CHOICES, clear=words.CLEAR_CHOICES
    )
    @app_commands.default_permissions(manage_guild=True)
    async def setup_review(
        self,
        interaction: Interaction,
        near_matches: app_commands.Choice[str] | None = None,
        suspected_minors: app_commands.Choice[str] | None = None,
        child_safety_channel: discord.TextChannel | None = None,
        escalation_role: discord.Role | None = None,
        alert_role: discord.Role | None = None,
        log_channel: discord.TextChannel | None = None,
        reveal: bool | None = None,
        tell_authors: bool | None = None,
        remind_hours: app_commands.Range[int, 0, 168] | None = None,
        escalate_hours: app_commands.Range[int, 0, 168] | None = None,
        clear: app_commands.Choice[str] | None = None,
    ) -> None:
        """Change what is given, then show all of it and what is missing."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await require_admin(interaction)
        if escalation_role is not None and escalation_role.is_default():
            raise RefusedError(setup_texts.EVERYONE_IS_NO_ROLE)
        given: dict[str, Any] = {
            "near_matches": NearMatches(near_matches.value) if near_matches else None,
            "lane_order": LaneOrder(suspected_minors.value) if suspected_minors else None,
            "child_safety_channel_id": child_safety_channel.id if child_safety_channel else None,
            "escalation_role_id": escalation_role.id if escalation_role else None,
            "alert_role_id": alert_role.id if alert_role else None,
            "log_channel_id": log_channel.id if log_channel else None,
            "reveal": reveal,
            "tell_authors": tell_authors,
            "remind_hours": remind_hours,
            "escalate_hours": escalate_hours,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        if clear is not None and clear.value in CLEARABLE and clear.value not in changes:
            changes[clear.value] = None
        if changes:
            server = await _change(app_of(interaction), server, changes)
        guild = interaction.guild
        if guild is None:
            raise NotAllowedError(texts.SERVER_ONLY)
        problems = _problems(guild, server)
        await show(
            interaction,
            setup_texts.SETUP_SAVED if changes else words.TITLE,
            [words.settings(server), *(problems or [words.ALL_WELL]), *_hints(guild)],
            colour=NEEDS_REVIEW if problems else NOT_A_MATCH,
        )


async def _change(app: App, server: GuildSettings, changes: dict[str, Any]) -> GuildSettings:
    changed = await app.guilds.change(server.guild_id, **changes)
    await app.cases.post_missing_cards(changed)
    return changed


def _problems(guild: discord.Guild, server: GuildSettings) -> list[str]:
    """What is missing, each with its remedy."""
    found: list[str] = []
    for name in CHANNELS:
        found += channel_problems(guild, getattr(server, name), words.gone("channel", name))
    for name in ROLES:
        found += role_problems(guild, getattr(server, name), words.gone("role", name))
    if server.child_safety_channel_id is None:
        found.append(words.NO_LANE_CHANNEL)
    return found


def _hints(guild: discord.Guild) -> list[str]:
    """What may well be meant so, but is good to know."""
    lacking = missing(guild.me.guild_permissions, SANCTION_NEEDS)
    return [words.no_sanctions(lacking)] if lacking else []


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(SetupReview())
