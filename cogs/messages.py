"""The message that a menu was opened on or that a link names, as raw JSON: parsed messages leave media out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import discord

from bot.errors import NotAllowedError, NotFoundError, RefusedError
from bot.media import surfaces
from bot.model import MediaRef, MessageRef, SeenMedia, UnscannableRef

from .access import Interaction, app_of
from .ui import texts

LINK = re.compile(
    r"<?https://(?:(?:ptb|canary)\.)?discord(?:app)?\.com/channels/([0-9]{15,20})/([0-9]{15,20})/([0-9]{15,20})/?>?"
)


def target_of(interaction: Interaction) -> tuple[MessageRef, tuple[SeenMedia, ...]]:
    """The message on which a message menu was opened, with everything that it shows."""
    data = cast("Mapping[str, Any]", interaction.data or {})
    resolved = data.get("resolved") or {}
    message = (resolved.get("messages") or {}).get(str(data.get("target_id")))
    return _walked(interaction, message)


def pictures_of_target(interaction: Interaction) -> tuple[MessageRef, tuple[MediaRef, ...]]:
    """The message on which a message menu was opened, with the pictures that can be fetched.

    RefusedError when there is none, with the reasons why.
    """
    message, media = target_of(interaction)
    return message, pictures(media)


def pictures(media: tuple[SeenMedia, ...]) -> tuple[MediaRef, ...]:
    """Those that can be fetched; RefusedError when there is none, with the reasons why."""
    found = tuple(item for item in media if isinstance(item, MediaRef))
    if not found:
        reasons = [item.reason.sentence for item in media if isinstance(item, UnscannableRef)]
        raise RefusedError(texts.unscannable(reasons) if reasons else texts.NO_PICTURE)
    return found


async def linked(interaction: Interaction, link: str) -> tuple[MessageRef, tuple[SeenMedia, ...]]:
    """The message behind a link, with everything that it shows.

    NotFoundError, in the same words whatever the cause, unless both the bot and the member can see the message: who
    asks must not learn what is written where they cannot look.
    """
    match = LINK.fullmatch(link.strip())
    if match is None:
        raise NotFoundError(texts.NOT_A_LINK)
    guild_id, channel_id, message_id = (int(part) for part in match.groups())
    if guild_id != interaction.guild_id:
        raise NotAllowedError(texts.OTHER_SERVER)
    try:
        if not await _sees(interaction, channel_id):
            raise NotFoundError(texts.NO_SUCH_MESSAGE)
        message = await interaction.client.http.get_message(channel_id, message_id)
    except (discord.NotFound, discord.Forbidden):
        raise NotFoundError(texts.NO_SUCH_MESSAGE) from None
    return _walked(interaction, message)


def _walked(interaction: Interaction, message: object) -> tuple[MessageRef, tuple[SeenMedia, ...]]:
    if interaction.guild_id is None:
        raise NotAllowedError(texts.SERVER_ONLY)
    cdn_url = app_of(interaction).settings.discord.cdn_url
    walked = surfaces.walk_message(cast("Mapping[str, Any]", message), guild_id=interaction.guild_id, cdn_url=cdn_url)
    if walked is None:
        raise NotFoundError(texts.NO_SUCH_MESSAGE)
    return walked


async def _sees(interaction: Interaction, channel_id: int) -> bool:
    """Whether the member who asks can read the channel or thread."""
    guild, member = interaction.guild, interaction.user
    if guild is None or not isinstance(member, discord.Member):
        return False
    channel = guild.get_channel_or_thread(channel_id) or await guild.fetch_channel(channel_id)
    rights = channel.permissions_for(member)
    if not (rights.view_channel and rights.read_message_history):
        return False
    if isinstance(channel, discord.Thread) and channel.is_private() and not rights.manage_threads:
        await channel.fetch_member(member.id)  # NotFound for who is not in the thread
    return True
