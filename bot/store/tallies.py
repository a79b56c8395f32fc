"""How many pictures each guild's days had, by how they ended: what is left of sightings once they are erased.

A day is a number: days since 1970 in UTC. A tally names a guild, a day and a count, and nobody.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.model import Verdict

from .repository import Repository
from .tables import sightings, tallies
from .types import DAY, EPOCH

SCANNED = "scanned"
"""The name of the tally of all pictures of a day; the others are called like the verdicts."""


def day_number(at: datetime) -> int:
    """The day of a time."""
    return (at - EPOCH) // DAY


def day_start(number: int) -> datetime:
    """When a day begins."""
    return EPOCH + number * DAY


def day_of(column: sa.ColumnElement[datetime] | sa.Column[datetime]) -> sa.ColumnElement[int]:
    """The day of a time in a column."""
    return sa.type_coerce(column, sa.BigInteger) // 86_400_000


Sums = dict[tuple[int, str], int]
"""Counts of one day by guild and name."""


class Tallies(Repository):
    """Counts of days. Kept for good: they are no data about anybody."""

    __slots__ = ()

    async def sum_up(self, day: int) -> Sums:
        """The sightings of a day, counted for every guild that had any."""
        counted = await self._all(
            sa.select(sightings.c.guild_id, sightings.c.verdict, sa.func.count().label("number"))
            .where(sightings.c.seen_at >= day_start(day), sightings.c.seen_at < day_start(day + 1))
            .group_by(sightings.c.guild_id, sightings.c.verdict)
        )
        numbers: Sums = {}
        for row in counted:
            numbers[row.guild_id, row.verdict.value] = row.number
            numbers[row.guild_id, SCANNED] = numbers.get((row.guild_id, SCANNED), 0) + row.number
        return numbers

    async def keep(self, day: int, numbers: Sums, *, whole: bool) -> None:
        """Keep what was summed up of a day, again if it was done before.

        ``whole``: no sighting of that day has been erased yet, so the numbers are what the sightings say now. Else a
        number only ever grows: what is gone was counted before it went.
        """
        await self._lock("tallies", day)
        if whole:
            await self._run(tallies.delete().where(tallies.c.day == day))
        if numbers:
            rows = [
                {"guild_id": guild_id, "day": day, "name": name, "number": number}
                for (guild_id, name), number in numbers.items()
            ]
            await self._connection.execute(self._insert_larger(), rows)

    async def oldest(self) -> int | None:
        """The day of the oldest sighting that no case holds; None if there is none."""
        statement = sa.select(sightings.c.seen_at).where(sightings.c.case_id.is_(None))
        seen_at: datetime | None = await self._scalar(statement.order_by(sightings.c.seen_at).limit(1))
        return None if seen_at is None else day_number(seen_at)

    async def read(self, guild_id: int, first: int, last: int) -> dict[tuple[int, str], int]:
        """The tallies of a guild from the first to the last of these days, by day and name. Zeros are left out."""
        rows = await self._all(
            sa.select(tallies.c.day, tallies.c.name, tallies.c.number).where(
                tallies.c.guild_id == guild_id, tallies.c.day.between(first, last)
            )
        )
        return {(row.day, row.name): row.number for row in rows}

    async def last_day(self, guild_id: int) -> int | None:
        """The last day of a guild that has been counted; None if there is none."""
        return await self._scalar(sa.select(sa.func.max(tallies.c.day)).where(tallies.c.guild_id == guild_id))

    async def count(self, guild_id: int, since: datetime, until: datetime) -> dict[tuple[int, str], int]:
        """What :meth:`read` would give for days that have not been counted yet, from the sightings themselves."""
        day = day_of(sightings.c.seen_at).label("day")
        rows = await self._all(
            sa.select(day, sightings.c.verdict, sa.func.count().label("number"))
            .where(sightings.c.guild_id == guild_id, sightings.c.seen_at >= since, sightings.c.seen_at < until)
            .group_by(day, sightings.c.verdict)
        )
        found: dict[tuple[int, str], int] = {}
        for row in rows:
            verdict: Verdict = row.verdict
            found[row.day, verdict.value] = row.number
            found[row.day, SCANNED] = found.get((row.day, SCANNED), 0) + row.number
        return found

    def _insert_larger(self) -> sa.Insert:
        key = [tallies.c.guild_id, tallies.c.day, tallies.c.name]
        new = self._upsert(tallies)
        more: dict[str, Any] = {"number": new.excluded.number}
        return new.on_conflict_do_update(index_elements=key, set_=more, where=new.excluded.number > tallies.c.number)
