"""Servers that the bot has left: since when, and what waits for it to come back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from .periods import RULES
from .repository import Repository
from .tables import CallState, departures, outbox

LEFT = "The bot has left the server."
"""Why a call was given up when the bot left; by it those calls are found when it comes back."""


class Departures(Repository):
    """Servers that the bot has left."""

    __slots__ = ()

    async def known(self) -> set[int]:
        """The servers of which the database holds anything. However many rows they have, each is one look-up."""
        found: set[int] = set()
        for column in _indexed():
            walk = sa.select(sa.func.min(column).label("guild_id")).cte("walk", recursive=True)
            later = sa.select(sa.func.min(column)).where(column > walk.c.guild_id).scalar_subquery()
            walk = walk.union_all(sa.select(later).where(walk.c.guild_id.is_not(None)))
            rows = await self._all(sa.select(walk.c.guild_id).where(walk.c.guild_id.is_not(None)))
            found.update(row.guild_id for row in rows)
        return found

    async def all(self) -> dict[int, datetime]:
        """When the bot left each server that it is gone from."""
        rows = await self._all(sa.select(departures.c.guild_id, departures.c.left_at))
        return {row.guild_id: row.left_at for row in rows}

    async def note(self, guild_ids: Collection[int], at: datetime) -> None:
        """Note that the bot is gone from these servers; one of which that is known keeps its time."""
        rows = [{"guild_id": guild_id, "left_at": at} for guild_id in sorted(guild_ids)]
        if rows:
            await self._connection.execute(self._insert_new(departures), rows)

    async def forget(self, guild_id: int) -> bool:
        """Note that the bot is back in a server; False if it was not known to be gone."""
        return await self._run(departures.delete().where(departures.c.guild_id == guild_id)) > 0

    async def due(self, before: datetime) -> list[int]:
        """The servers that the bot left before then, the longest ago first."""
        rows = await self._all(
            sa.select(departures.c.guild_id)
            .where(departures.c.left_at < before)
            .order_by(departures.c.left_at, departures.c.guild_id)
        )
        return [row.guild_id for row in rows]

    async def is_due(self, guild_id: int, before: datetime) -> bool:
        """Whether that is so of one server. Nobody can note that the bot is back until a transaction ends."""
        row = sa.select(departures.c.guild_id).where(departures.c.guild_id == guild_id, departures.c.left_at < before)
        return await self._first(row.with_for_update()) is not None

    async def stop_calls(self, guild_id: int, at: datetime) -> int:
        """Give up the calls that wait for a server, because none can be carried out there now; how many.

        One that somebody has taken up just now is left to them. Nobody is waited for.
        """
        waiting = sa.select(outbox.c.id).where(
            outbox.c.guild_id == guild_id,
            outbox.c.state == sa.literal_column(f"'{CallState.PENDING.value}'"),
            outbox.c.lease_owner.is_(None),
        )
        given_up = {"state": CallState.GIVEN_UP, "finished_at": at, "error": LEFT}
        waiting = waiting.with_for_update(skip_locked=True)
        return await self._run(outbox.update().where(outbox.c.id.in_(waiting)).values(given_up))

    async def resume_calls(self, guild_id: int, at: datetime) -> int:
        """Let the calls that were given up so wait again, as if just written; how many."""
        stopped = (outbox.c.guild_id == guild_id, outbox.c.state == CallState.GIVEN_UP, outbox.c.error == LEFT)
        pending = {"state": CallState.PENDING, "due_at": at, "finished_at": None, "attempts": 0, "error": None}
        return await self._run(outbox.update().where(*stopped).values(pending))


def _indexed() -> Iterator[sa.Column[Any]]:
    """The columns that name a server of which there are rows, where an index of all rows begins with them.

    The other tables hold nothing of a server of which none of these do. The departures themselves do not count.
    """
    for rule in RULES.values():
        column = rule.guild
        if column is None or rule.table is departures:
            continue
        whole = (index for index in rule.table.indexes if index.dialect_kwargs.get("sqlite_where") is None)
        leading = [rule.table.primary_key.columns[0], *(next(iter(index.columns)) for index in whole)]
        if any(one is column for one in leading):
            yield column
