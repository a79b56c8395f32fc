"""The Discord part of ``stanguard doctor``: token, intent and permissions, asked over REST without connecting."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.errors import ConfigError
from bot.guilds import GuildService
from bot.ops.health import Finding
from bot.settings import DiscordSettings

from .bot import apply_addresses
from .permissions import INVITE, REVIEW_NEEDS, Gap, gaps, missing
from .runner import explained, token_of

SERVERS = 20
"""Servers that are looked at one by one; more would only make the answer long."""

NAMED = 8
"""Channels that are named in one line."""


async def probe(settings: DiscordSettings, guilds: GuildService | None) -> list[Finding]:
    """Log in and look around. Never raises for what Discord answers: that becomes a finding.

    ``guilds`` None: the database cannot be read, so review channels are not looked at.
    """
    apply_addresses(settings)
    # It never connects, so it hears of nothing; discord.py warns of a client without this intent all the same.
    client = discord.Client(intents=discord.Intents(guilds=True), max_ratelimit_timeout=30.0)
    try:
        with explained():
            await client.login(token_of(settings))
            user = client.user
            found = Finding("Token", ok=True, detail=f"logged in as {user}")
            return [found, *await examine(client, guilds)]
    except ConfigError as error:
        what, _, remedy = str(error).partition("; ")
        return [Finding("Token", ok=False, detail=what, remedy=remedy[:1].upper() + remedy[1:])]
    finally:
        await client.close()


async def examine(client: discord.Client, guilds: GuildService | None) -> list[Finding]:
    """What a client that is logged in finds: the intent, and the permissions in every server."""
    info = await client.application_info()
    found = [_intent(info)]
    servers = [guild async for guild in client.fetch_guilds(limit=None, with_counts=False)]
    if not servers:
        link = discord.utils.oauth_url(info.id, permissions=INVITE, scopes=("bot", "applications.commands"))
        found.append(Finding("Servers", ok=False, detail="the bot is in no server", remedy=f"Invite it: {link}"))
    for server in servers[:SERVERS]:
        found += await _server(client, server.id, guilds)
    if len(servers) > SERVERS:
        found.append(Finding("Servers", ok=True, detail=f"{len(servers) - SERVERS} more were not looked at"))
    return found


def _intent(info: discord.AppInfo) -> Finding:
    name = "Message Content Intent"
    if info.flags.gateway_message_content or info.flags.gateway_message_content_limited:
        return Finding(name, ok=True, detail="on")
    return Finding(
        name,
        ok=False,
        detail="off, so the bot is not shown any picture",
        remedy="Turn it on in the Developer Portal (Bot, Privileged Gateway Intents).",
    )


async def _server(client: discord.Client, guild_id: int, guilds: GuildService | None) -> list[Finding]:
    assert client.user is not None, "only a client that is logged in looks at servers"
    guild = await client.fetch_guild(guild_id, with_counts=False)
    channels = await guild.fetch_channels()
    me = await guild.fetch_member(client.user.id)
    found = [_watching(guild.name, len(channels), gaps(channels, me))]
    if guilds is not None:
        review = (await guilds.get(guild_id)).review_channel_id
        found.append(_review(guild.name, review, channels, me))
    return found


def _watching(name: str, total: int, lacking: Sequence[Gap]) -> Finding:
    title = f"Permissions in {name}"
    aside = [gap for gap in lacking if gap.meant]
    broken = [gap for gap in lacking if not gap.meant]
    if broken:
        named = "; ".join(f"#{gap.channel_name}: {', '.join(gap.missing)}" for gap in broken[:NAMED])
        more = f"; and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        return Finding(
            title,
            ok=False,
            detail=f"missing in {named}{more}",
            remedy="Give these to the bot's role in the channel's settings, or for the whole server.",
        )
    unseen = f"; closed to the bot and left out: {_names(aside)}" if aside else ""
    return Finding(title, ok=True, detail=f"{total - len(aside)} channels are watched{unseen}")


def _names(found: Sequence[Gap]) -> str:
    names = ", ".join(f"#{gap.channel_name}" for gap in found[:NAMED])
    return names if len(found) <= NAMED else f"{names} and {len(found) - NAMED} more"


def _review(
    name: str, channel_id: int | None, channels: Sequence[discord.abc.GuildChannel], me: discord.Member
) -> Finding:
    title = f"Review channel of {name}"
    if channel_id is None:
        return Finding(title, ok=False, detail="none is set", remedy="Run /setup there and choose one.")
    channel = next((channel for channel in channels if channel.id == channel_id), None)
    if channel is None:
        return Finding(title, ok=False, detail="it does not exist any more", remedy="Run /setup there and choose one.")
    lacking = missing(channel.permissions_for(me), REVIEW_NEEDS)
    if lacking:
        return Finding(
            title,
            ok=False,
            detail=f"missing in #{channel.name}: {', '.join(lacking)}",
            remedy="Give these to the bot's role in that channel's settings.",
        )
    return Finding(title, ok=True, detail=f"#{channel.name}")
