"""What is wrong with the channels and roles that a server chose, for the commands that set it up."""

from __future__ import annotations

import discord

from bot.client.permissions import REVIEW_NEEDS, missing

from .ui import setup_texts as words


def channel_problems(guild: discord.Guild, channel_id: int | None, gone: str) -> list[str]:
    """What is wrong with a channel that only moderators should read. ``gone``: what to say if it exists no more."""
    if channel_id is None:
        return []
    channel = guild.get_channel(channel_id)
    if channel is None:
        return [gone]
    found: list[str] = []
    lacking = missing(channel.permissions_for(guild.me), REVIEW_NEEDS)
    if lacking:
        found.append(words.channel_lacks(channel.id, lacking))
    if channel.permissions_for(guild.default_role).view_channel:
        found.append(words.channel_open(channel.id))
    return found


def role_problems(guild: discord.Guild, role_id: int | None, gone: str) -> list[str]:
    """Whether a role exists no more. ``gone``: what to say then."""
    return [] if role_id is None or guild.get_role(role_id) is not None else [gone]
