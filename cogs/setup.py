"""``/setup``: what a server decides for itself, and whether the bot has what it needs there."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import StanguardBot
from bot.client.permissions import gaps
from bot.errors import NotAllowedError, RefusedError
from bot.model import GuildSettings, Mode, Strictness

from .access import Interaction, app_of, require_admin
from .setup_checks import channel_problems, role_problems
from .ui import setup_texts as words
from .ui import texts
from .ui.answers import replace, show
from .ui.cards import NEEDS_REVIEW, NOT_A_MATCH
from .ui.questions import Choice, Question


class Setup(commands.Cog):
    """For members with Manage Server; checked again at every use."""

    @app_commands.command(name="setup", description="Show or change what the bot does in this server, and check it")
    @app_commands.describe(
        review_channel="Where cases are shown to the moderators; keep it closed to everybody else",
        moderator_role="Who reviews cases and changes the lists",
        mode="What the bot does with a match",
        child_safety_role="Who alone decides cases of suspected minors",
        scan_webhooks="Check what webhooks post (on at first)",
        scan_bots="Check what other bots post (off at first)",
        strictness="How much evidence removes a post without a person",
        local_features="Find parts of listed pictures, too; off deletes what was kept for it",
    )
    @app_commands.choices(
        mode=texts.MODE_CHOICES, strictness=words.STRICTNESS_CHOICES, local_features=words.FEATURES_CHOICES
    )
    @app_commands.default_permissions(manage_guild=True)
    async def setup(
        self,
        interaction: Interaction,
        review_channel: discord.TextChannel | None = None,
        moderator_role: discord.Role | None = None,
        mode: app_commands.Choice[str] | None = None,
        child_safety_role: discord.Role | None = None,
        scan_webhooks: bool | None = None,
        scan_bots: bool | None = None,
        strictness: app_commands.Choice[str] | None = None,
        local_features: app_commands.Choice[str] | None = None,
    ) -> None:
        """Change what is given, then show all settings and what is missing."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await require_admin(interaction)
        for role in (moderator_role, child_safety_role):
            if role is not None and role.is_default():
                raise RefusedError(words.EVERYONE_IS_NO_ROLE)
        given: dict[str, Any] = {
            "review_channel_id": review_channel.id if review_channel else None,
            "moderator_role_id": moderator_role.id if moderator_role else None,
            "child_safety_role_id": child_safety_role.id if child_safety_role else None,
            "mode": Mode(mode.value) if mode else None,
            "scan_webhooks": scan_webhooks,
            "scan_bots": scan_bots,
            "strictness": Strictness(strictness.value) if strictness else None,
        }
        if local_features is not None and local_features.value == "on":
            given["local_features"] = True
        changes = {name: value for name, value in given.items() if value is not None}
        if changes:
            server = await app_of(interaction).guilds.change(server.guild_id, **changes)
            await app_of(interaction).cases.post_missing_cards(server)
        guild = interaction.guild
        if guild is None:
            raise NotAllowedError(texts.SERVER_ONLY)
        problems = _problems(guild, server)
        now = _scale(app_of(interaction), server)
        await show(
            interaction,
            words.SETUP_SAVED if changes else words.SETUP_TITLE,
            [
                words.settings(server, now),
                *(problems or [words.ALL_WELL]),
                *_hints(guild, server),
                words.scale(server, now),
            ],
            colour=NEEDS_REVIEW if problems else NOT_A_MATCH,
        )
        if local_features is not None and local_features.value == "off" and server.local_features:
            await _ask_before_dropping(interaction)


def _scale(app: App, server: GuildSettings) -> words.Scale:
    """How a server's pictures are judged now."""
    installation = app.settings.matching
    return words.Scale(
        app.scanner.strict(server),
        app.matcher.known_good_count(server.guild_id),
        installation.enough_known_good,
        possible=installation.local_features,
    )


async def _ask_before_dropping(interaction: Interaction) -> None:
    """What is deleted cannot be made again, so a second press decides."""
    choices = [
        Choice(words.FEATURES_OFF_YES, _drop_features, discord.ButtonStyle.danger),
        Choice(words.FEATURES_OFF_NO, _keep_features),
    ]
    question = Question(
        interaction, words.FEATURES_OFF_TITLE, [words.FEATURES_OFF], choices, too_late=words.FEATURES_KEPT
    )
    await question.ask(interaction)


async def _drop_features(interaction: Interaction) -> None:
    server = await require_admin(interaction)
    app = app_of(interaction)
    dropped = await app.guilds.drop_features(server.guild_id)
    await app.banks.refresh()
    await replace(interaction, words.SETUP_SAVED, [words.features_dropped(dropped)])


async def _keep_features(interaction: Interaction) -> None:
    await replace(interaction, words.SETUP_TITLE, [words.FEATURES_KEPT])


def _problems(guild: discord.Guild, server: GuildSettings) -> list[str]:
    """What is missing, each with its remedy."""
    broken = [gap for gap in gaps(guild.channels, guild.me) if not gap.meant]
    return [*_review_channel(guild, server), *_roles(guild, server), *words.channels_lack(broken)]


def _hints(guild: discord.Guild, server: GuildSettings) -> list[str]:
    """What may well be meant so, but is good to know."""
    aside = [gap for gap in gaps(guild.channels, guild.me) if gap.meant]
    return [*_hidden_commands(guild, server), *words.channels_closed(aside)]


def _hidden_commands(guild: discord.Guild, server: GuildSettings) -> list[str]:
    """The moderators' commands are for Manage Messages by default, which the moderators' role may lack."""
    if server.moderator_role_id is None:
        return [words.NO_MODERATOR_ROLE]
    role = guild.get_role(server.moderator_role_id)
    if role is None or role.permissions.manage_messages or role.permissions.administrator:
        return []
    return [words.commands_hidden(role.id)]


def _review_channel(guild: discord.Guild, server: GuildSettings) -> list[str]:
    if server.review_channel_id is None:
        return [words.NO_REVIEW_CHANNEL]
    found = channel_problems(guild, server.review_channel_id, words.REVIEW_CHANNEL_GONE)
    channel = guild.get_channel(server.review_channel_id)
    moderators = None if server.moderator_role_id is None else guild.get_role(server.moderator_role_id)
    if channel is not None and moderators is not None and not channel.permissions_for(moderators).view_channel:
        found.append(words.review_channel_unseen(channel.id, moderators.id))
    return found


def _roles(guild: discord.Guild, server: GuildSettings) -> list[str]:
    return [
        *role_problems(guild, server.moderator_role_id, words.MODERATOR_ROLE_GONE),
        *role_problems(guild, server.child_safety_role_id, words.CHILD_SAFETY_ROLE_GONE),
    ]


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Setup())
