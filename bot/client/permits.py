"""Whether the bot may do what a call needs, asked of what is known before it is asked of Discord.

discord.py knows the roles and channels of the servers of this process's shards. Where those say no, no request is
made. Where Discord says no all the same, a breaker opens (:mod:`bot.client.breakers`). When the permissions change,
what was given up for want of them is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import discord
import structlog

from bot.cases.retrying import LOOK_BACK, retry_refused
from bot.model import Call, CallKind
from bot.ops import metrics
from bot.outbox import CallError

from .breakers import Breakers, Need
from .permissions import MANAGE_MESSAGES, VIEW, missing
from .refusals import holds_for_channel, lacks_in, mendable, refused

if TYPE_CHECKING:
    from .bot import StanguardBot

log = structlog.get_logger(__name__)

LATE = 5.0
"""Seconds after which one looks a second time: a call that was refused just before may not be written down yet."""


def need_of(call: Call) -> Need:
    """What a call about a message needs. A delete without a reason is one of the bot's own message."""
    if call.kind is not CallKind.DELETE_MESSAGE:
        return Need.WRITE
    return Need.DELETE_OWN if call.payload.get("reason") is None else Need.DELETE


class Permits:
    """What one bot may do where. ``breakers`` is what Discord's own answers taught."""

    def __init__(self, bot: StanguardBot) -> None:
        self._bot = bot
        self.breakers = Breakers()
        self._looking: set[int] = set()

    @contextlib.asynccontextmanager
    async def asked(self, call: Call, channel_id: int) -> AsyncGenerator[None]:
        """Around the request that a call makes in a channel: not made where it is known to be refused.

        Raises CallError with the sentence that Discord's own answer would get, and whatever the request raises.
        """
        need = need_of(call)
        lacking = self._lacking(call.guild_id, channel_id, need)
        if lacking:
            raise CallError(lacks_in(f"<#{channel_id}>", f"the permission {lacking[0]}"), permanent=True)
        self.breakers.check(channel_id, need)
        try:
            yield
        except discord.HTTPException as error:
            if holds_for_channel(error):
                sentence = refused(call, error).sentence
                known = bool(self._lacking(call.guild_id, channel_id, need))
                self.breakers.refused(call.guild_id, channel_id, need, sentence, expected=known)
                self._count()
            raise
        if self.breakers.succeeded(channel_id, need):
            self._count()
            log.info("permits.mended", channel_id=channel_id, guild_id=call.guild_id)
            if call.guild_id is not None:
                await self._retry(call.guild_id, channel_id)

    async def changed(self, guild_id: int) -> None:
        """The permissions of the bot in a guild may have changed: try again what was given up for want of them."""
        await self._look(guild_id)
        asyncio.get_running_loop().call_later(LATE, self._look_late, guild_id)

    async def look_everywhere(self) -> None:
        """Try again what was given up in the bot's servers: the permissions may have changed while it was away."""
        async with self._bot.app.store.read() as tx:
            guild_ids = await tx.outbox.guilds_with_given_up_deletes(self._bot.app.cases.now() - LOOK_BACK)
        for guild_id in guild_ids:
            if self._bot.get_guild(guild_id) is not None:
                await self._look(guild_id, heard=False)

    # ------------------------------------------------------------------------------------------------ looking

    def _lacking(self, guild_id: int | None, channel_id: int, need: Need) -> tuple[str, ...]:
        """The permissions that are known to be missing; none where this process does not know."""
        guild = None if guild_id is None else self._bot.get_guild(guild_id)
        if need is Need.WRITE or guild is None or guild.unavailable:
            return ()
        channel, me = guild.get_channel_or_thread(channel_id), guild.get_member(self._me)
        if channel is None or me is None:
            return ()
        try:
            permissions = channel.permissions_for(me)
        except discord.ClientException:  # a thread whose channel is not known
            return ()
        return missing(permissions, (VIEW,) if need is Need.DELETE_OWN else (VIEW, MANAGE_MESSAGES))

    @property
    def _me(self) -> int:
        return 0 if self._bot.user is None else self._bot.user.id

    def _look_late(self, guild_id: int) -> None:
        if not self._bot.is_closed() and guild_id not in self._looking:
            self._looking.add(guild_id)
            task = asyncio.create_task(self._look_again(guild_id), name="permits")
            task.add_done_callback(lambda _: self._looking.discard(guild_id))

    async def _look_again(self, guild_id: int) -> None:
        try:
            await self._look(guild_id)
        except Exception as error:  # noqa: BLE001 - a look at what could be tried again stops nothing else
            metrics.BACKGROUND_ERRORS.labels("permits").inc()
            log.error("permits.failed", error=type(error).__name__)

    async def _look(self, guild_id: int, *, heard: bool = True) -> None:
        ended = self.breakers.permissions_changed(
            guild_id, lambda channel_id, need: bool(self._lacking(guild_id, channel_id, need)), heard=heard
        )
        self._count()
        await self._retry(guild_id)
        if any(need is Need.WRITE for _, need in ended):
            await self._bot.app.cases.post_missing_cards(await self._bot.app.guilds.current(guild_id))

    async def _retry(self, guild_id: int, only: int | None = None) -> None:
        """Let deletes wait again that were given up in channels of a guild where nothing is known to be amiss."""

        def mended(channel_id: int, sentence: str) -> bool:
            return (
                channel_id == (only or channel_id)
                and mendable(sentence)
                and not self.breakers.is_open(channel_id, Need.DELETE)
                and not self._lacking(guild_id, channel_id, Need.DELETE)
            )

        app = self._bot.app
        again = await retry_refused(app.store, app.guilds, guild_id, mended, app.cases.now())
        if again:
            log.info("permits.tried_again", guild_id=guild_id, calls=again)
            app.outbox.wake()

    def _count(self) -> None:
        metrics.BREAKERS_OPEN.set(self.breakers.open)
