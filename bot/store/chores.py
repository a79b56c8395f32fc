"""When each recurring job of a guild was done last, so that it is done once, whichever process does it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from .repository import Repository
from .tables import chores

INSTALLATION = 0
"""Stands for a guild where a job is of the whole installation: no guild has this id."""


class Chores(Repository):
    """Recurring jobs of guilds, and of the installation."""

    __slots__ = ()

    async def last(self, guild_id: int, name: str) -> datetime | None:
        """When the job was done last; None if never."""
        return await self._scalar(sa.select(chores.c.at).where(chores.c.guild_id == guild_id, chores.c.name == name))

    async def take(self, guild_id: int, name: str, *, now: datetime, not_since: datetime) -> bool:
        """Take the job unless somebody did it since then; whether this transaction has it now.

        Others wait until the transaction ends; if it fails, the job is as it was.
        """
        await self._lock("chore", guild_id, name)
        at = await self.last(guild_id, name)
        if at is not None and at > not_since:
            return False
        if at is None:
            await self._run(chores.insert().values(guild_id=guild_id, name=name, at=now))
        else:
            await self._run(chores.update().where(chores.c.guild_id == guild_id, chores.c.name == name).values(at=now))
        return True
