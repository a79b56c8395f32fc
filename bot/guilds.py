"""What each guild decided for itself, cached in memory: policy reads it for every picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict, Unpack

from .model import GuildSettings, Mode, Thresholds
from .store.engine import Store


class GuildChanges(TypedDict, total=False):
    """Fields of :class:`GuildSettings` that a guild may change."""

    mode: Mode
    review_channel_id: int | None
    moderator_role_id: int | None
    child_safety_role_id: int | None
    scan_webhooks: bool
    scan_bots: bool
    scan_avatars: bool
    thresholds: Thresholds


class GuildService:
    """The settings of all guilds of this process.

    A guild is served by one process (Discord's shards see to that), and its settings change only through that process,
    so the cache needs no invalidation from outside.
    """

    def __init__(self, store: Store, defaults: Thresholds) -> None:
        self._store = store
        self._defaults = defaults
        self._cache: dict[int, GuildSettings] = {}

    def peek(self, guild_id: int) -> GuildSettings | None:
        """What is cached, without waiting; None when the guild has not been read yet."""
        return self._cache.get(guild_id)

    async def get(self, guild_id: int) -> GuildSettings:
        """The guild's settings, or the defaults for a guild that never ran /setup."""
        cached = self._cache.get(guild_id)
        if cached is not None:
            return cached
        async with self._store.read() as tx:
            settings = await tx.guilds.get(guild_id)
        settings = settings or GuildSettings(guild_id, thresholds=self._defaults)
        return self._cache.setdefault(guild_id, settings)

    async def change(self, guild_id: int, **changes: Unpack[GuildChanges]) -> GuildSettings:
        """Change what is given, and keep the rest."""
        changed = replace(await self.get(guild_id), **changes)
        async with self._store.write() as tx:
            await tx.guilds.save(changed)
        self._cache[guild_id] = changed
        return changed
