"""Up to which message each channel and thread was processed."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from .repository import Repository
from .tables import watermarks


class Watermarks(Repository):
    """One row for each channel or thread in which the bot has seen a message or knows of one."""

    __slots__ = ()

    async def of_guild(self, guild_id: int) -> dict[int, int]:
        """The message ids by channel id."""
        rows = await self._all(
            sa.select(watermarks.c.channel_id, watermarks.c.message_id).where(watermarks.c.guild_id == guild_id)
        )
        return {row.channel_id: row.message_id for row in rows}

    async def newest(self) -> int | None:
        """The newest message of all; None if there is none."""
        return await self._scalar(sa.select(sa.func.max(watermarks.c.message_id)))

    async def raise_to(self, guild_id: int, marks: Mapping[int, int]) -> None:
        """Note that channels were processed up to these message ids, by channel id. None is ever lowered."""
        await self.raise_all({guild_id: marks})

    async def raise_all(self, marks: Mapping[int, Mapping[int, int]]) -> None:
        """Like :meth:`raise_to` for several guilds, by guild id and channel id, in one statement."""
        rows = [
            {"channel_id": channel_id, "guild_id": guild_id, "message_id": message_id}
            for guild_id, of_guild in marks.items()
            for channel_id, message_id in of_guild.items()
        ]
        if not rows:
            return
        rows.sort(key=lambda row: row["channel_id"])  # in this order: nobody waits for whoever waits for them
        inserted = self._upsert(watermarks)
        statement = inserted.on_conflict_do_update(
            index_elements=[watermarks.c.channel_id],
            set_={"message_id": inserted.excluded.message_id},
            where=watermarks.c.message_id < inserted.excluded.message_id,
        )
        await self._connection.execute(statement, rows)

    async def forget(self, guild_id: int) -> int:
        """Forget a guild's channels; how many."""
        return await self._run(watermarks.delete().where(watermarks.c.guild_id == guild_id))
