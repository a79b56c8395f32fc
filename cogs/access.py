"""Who asks, in which server, and whether they may: checked at every use, as command permissions are only defaults."""

from __future__ import annotations

import discord

from bot.app import App
from bot.client import StanguardBot
from bot.client.permissions import (
    may_configure,
    may_decide,
    may_decide_case,
    may_decide_escalated,
    may_moderate,
)
from bot.errors import NotAllowedError, NotFoundError
from bot.model import Case, CaseView, Category, GuildSettings, Scope

from .ui import texts

Interaction = discord.Interaction[StanguardBot]


def app_of(interaction: Interaction) -> App:
    """The services behind the bot."""
    return interaction.client.app


async def server_of(interaction: Interaction) -> GuildSettings:
    """The settings of the server where it was asked; NotAllowedError outside of servers."""
    if interaction.guild_id is None:
        raise NotAllowedError(texts.SERVER_ONLY)
    return await app_of(interaction).guilds.get(interaction.guild_id)


async def require_moderator(interaction: Interaction) -> GuildSettings:
    """The server's settings, if the member may moderate it; else NotAllowedError."""
    server = await server_of(interaction)
    if not may_moderate(server, role_ids(interaction), rights(interaction)):
        raise NotAllowedError(texts.NOT_A_MODERATOR)
    return server


async def require_admin(interaction: Interaction) -> GuildSettings:
    """The server's settings, if the member may change them; else NotAllowedError."""
    server = await server_of(interaction)
    if not may_configure(rights(interaction)):
        raise NotAllowedError(texts.NOT_AN_ADMIN)
    return server


def require_decider(interaction: Interaction, server: GuildSettings, category: Category) -> None:
    """NotAllowedError if the member may not decide cases of this category."""
    if may_decide(server, category, role_ids(interaction), rights(interaction)):
        return
    raise NotAllowedError(texts.NOT_CHILD_SAFETY if category is Category.MINOR_SUSPECTED else texts.NOT_A_MODERATOR)


async def case_of(interaction: Interaction, case_id: int) -> tuple[GuildSettings, CaseView]:
    """A case that the member may decide, with the server's settings.

    Raises NotFoundError for one of another server, and NotAllowedError when it is not theirs to decide: suspected
    minors are the child-safety role's, and escalated cases those of the role that was named for them.
    """
    server = await server_of(interaction)
    view = await app_of(interaction).cases.view(case_id)
    if view.case.guild_id != server.guild_id:
        raise NotFoundError(texts.FOREIGN_CASE)
    require_decider(interaction, server, view.case.category)
    if not may_decide_case(server, view.case, role_ids(interaction), rights(interaction)):
        raise NotAllowedError(texts.ESCALATED_CASE)
    return server, view


def require_undoer(interaction: Interaction, server: GuildSettings, case: Case) -> None:
    """NotAllowedError if the case was escalated and the member may not decide such cases: nor take them back then."""
    if case.escalated_at is not None and not case.in_lane and not may_escalated(interaction, server):
        raise NotAllowedError(texts.ESCALATED_CASE)


def scope_of(interaction: Interaction, server: GuildSettings) -> Scope:
    """Which cases of the server the member may know of."""
    roles, permissions = role_ids(interaction), rights(interaction)
    return Scope(
        ordinary=may_moderate(server, roles, permissions),
        lane=may_decide(server, Category.MINOR_SUSPECTED, roles, permissions),
    )


def may_escalated(interaction: Interaction, server: GuildSettings) -> bool:
    """Whether the member may decide escalated cases."""
    return may_decide_escalated(server, role_ids(interaction), rights(interaction))


async def require_scope(interaction: Interaction) -> tuple[GuildSettings, Scope]:
    """The server's settings and which of its cases the member may know of; NotAllowedError if none at all."""
    server = await server_of(interaction)
    scope = scope_of(interaction, server)
    if not (scope.ordinary or scope.lane):
        raise NotAllowedError(texts.NOT_A_MODERATOR)
    return server, scope


def rights(interaction: Interaction) -> discord.Permissions:
    """What the member may do in the whole server. What a single channel grants says nothing about the others."""
    user = interaction.user
    return user.guild_permissions if isinstance(user, discord.Member) else discord.Permissions.none()


def role_ids(interaction: Interaction) -> frozenset[int]:
    """The roles of the member who asks, as Discord sent them with the interaction."""
    user = interaction.user
    return frozenset(role.id for role in user.roles) if isinstance(user, discord.Member) else frozenset()
