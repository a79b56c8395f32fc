"""Which servers the bot is in: what Discord says by itself, and what it answers when it is asked.

Read from the raw events, because discord.py keeps servers that a new session of one of several shards does not name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import discord

from bot.ops.departures import DepartureService

from .raw import Sink
from .refusals import MISSING_ACCESS, UNKNOWN_GUILD

if TYPE_CHECKING:
    from .bot import StanguardBot


def sinks_of(departures: DepartureService) -> dict[str, Sink]:
    """What a service hears of servers that come and go: a sink for each of these events."""
    return {
        "READY": partial(_session, departures),
        "GUILD_CREATE": partial(_created, departures),
        "GUILD_DELETE": partial(_deleted, departures),
    }


def _session(departures: DepartureService, data: Mapping[str, Any]) -> None:
    """A session names every server of its shard, those that are unavailable too."""
    shard_id, shard_count = data.get("shard") or (0, 1)
    departures.hear_session({int(guild["id"]) for guild in data["guilds"]}, int(shard_id), int(shard_count))


def _created(departures: DepartureService, data: Mapping[str, Any]) -> None:
    departures.hear_joined(int(data["id"]))


def _deleted(departures: DepartureService, data: Mapping[str, Any]) -> None:
    """A server that is unavailable has an outage; from one that is not, the bot was removed."""
    if not data.get("unavailable"):
        departures.hear_left(int(data["id"]))


class DiscordServers:
    """Implements :class:`bot.ops.departures.Servers`."""

    def __init__(self, bot: StanguardBot) -> None:
        self._bot = bot

    async def is_here(self, guild_id: int) -> bool | None:
        """Whether the bot is in a server now, by Discord's own answer; None for every answer that says neither."""
        if not self._bot.logged_in:
            return None
        try:
            await self._bot.http.get_guild(guild_id, with_counts=False)
        except discord.HTTPException as error:
            return False if error.code in {UNKNOWN_GUILD, MISSING_ACCESS} else None
        except (discord.RateLimited, TimeoutError, aiohttp.ClientError, OSError, RuntimeError):
            # RuntimeError is what a closed session raises while the bot shuts down.
            return None
        return True
