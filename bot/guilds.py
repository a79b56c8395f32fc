"""What each guild decided for itself, cached in memory: policy reads it for every picture."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TypedDict, Unpack

from .model import GuildSettings, LaneOrder, Mode, NearMatches, Strictness
from .store.engine import Store, Tx


class GuildChanges(TypedDict, total=False):
    """Fields of :class:`GuildSettings` that a guild may change."""

    mode: Mode
    review_channel_id: int | None
    moderator_role_id: int | None
    child_safety_role_id: int | None
    scan_webhooks: bool
    scan_bots: bool
    scan_avatars: bool
    strictness: Strictness
    local_features: bool
    near_matches: NearMatches
    lane_order: LaneOrder
    child_safety_channel_id: int | None
    escalation_role_id: int | None
    alert_role_id: int | None
    log_channel_id: int | None
    reveal: bool
    tell_authors: bool
    remind_hours: int
    escalate_hours: int
    show_reporters: bool
    hold_reports: int
    hotline: str | None


class GuildService:
    """The settings of all guilds of this process.

    A guild's events reach one process (Discord's shards see to that), whose cache :meth:`get` answers from. Shards move
    between processes, and commands of the program change settings too: whoever does is heard, and :meth:`forget` is
    called. What any process does for any guild (the outbox, the hunt, jobs that wait in the database) reads the row:
    :meth:`within` and :meth:`current`.
    """

    def __init__(self, store: Store, strictness: Strictness) -> None:
        """``strictness`` is that of guilds that set none."""
        self._store = store
        self._strictness = strictness
        self._cache: dict[int, GuildSettings] = {}
        self._forgotten = 0
        self._changing = asyncio.Lock()

    def peek(self, guild_id: int) -> GuildSettings | None:
        """What is cached, without waiting; None when the guild has not been read yet."""
        return self._cache.get(guild_id)

    async def get(self, guild_id: int) -> GuildSettings:
        """The guild's settings, or the defaults for a guild that never ran /setup."""
        cached = self._cache.get(guild_id)
        if cached is not None:
            return cached
        forgotten = self._forgotten
        settings = await self.current(guild_id)
        if forgotten != self._forgotten:  # changed while it was read: it may be what was before
            return settings
        return self._cache.setdefault(guild_id, settings)

    def forget(self, guild_id: int | None) -> None:
        """Read a guild's settings anew at the next :meth:`get`, because they changed elsewhere; None: those of all."""
        self._forgotten += 1
        if guild_id is None:
            self._cache.clear()
        else:
            self._cache.pop(guild_id, None)

    async def current(self, guild_id: int) -> GuildSettings:
        """The guild's settings as the database has them now, whichever process changed them."""
        async with self._store.read() as tx:
            return await self.within(tx, guild_id)

    async def within(self, tx: Tx, guild_id: int) -> GuildSettings:
        """Like :meth:`current`, as part of a transaction."""
        return await tx.guilds.get(guild_id) or GuildSettings(guild_id, strictness=self._strictness)

    async def change(self, guild_id: int, **changes: Unpack[GuildChanges]) -> GuildSettings:
        """Change what is given, and keep the rest. A guild that allows no renderings any more has none from then on."""
        async with self._changing:
            async with self._store.write() as tx:
                changed = replace(await self.within(tx, guild_id), **changes)
                await tx.guilds.save(changed)
                if not changes.get("reveal", True):
                    await tx.cases.drop_thumbhashes(guild_id)
            self._cache[guild_id] = changed
        return changed

    async def drop_features(self, guild_id: int) -> int:
        """Stop using local features in this guild, and forget those of its entries and cases; how many entries had any.

        Both or neither: a guild that switched them off keeps none. The banks have to be read anew afterwards.
        """
        async with self._changing:
            async with self._store.write() as tx:
                changed = replace(await self.within(tx, guild_id), local_features=False)
                await tx.guilds.save(changed)
                # Cases first, like whoever decides one and lists its picture: else each could wait for the other.
                await tx.cases.drop_features(guild_id)
                own = [bank.id for bank in await tx.banks.all() if bank.guild_id == guild_id]
                dropped = await tx.banks.drop_features(own)
            self._cache[guild_id] = changed
        return dropped
