"""What a guild keeps about its members as reporters, besides their reports: whether they are muted, and what they want.

Members are known here by their digest alone: see bot.store.reporter_ids.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.model import Reporter

from .repository import Repository
from .tables import reporters


class ReporterChanges(TypedDict, total=False):
    """Fields of :class:`Reporter` that a change may set; what is not given stays as it is."""

    silent: bool
    muted_until: datetime | None
    muted_by: int | None
    left_at: datetime | None
    erase_at: datetime | None


class Reporters(Repository):
    """Members as reporters. One of whom nothing is kept has the defaults."""

    __slots__ = ()

    async def get(self, guild_id: int, reporter: bytes) -> Reporter:
        """What is kept of a member."""
        return (await self.some(guild_id, [reporter]))[reporter]

    async def some(self, guild_id: int, wanted: Collection[bytes]) -> Mapping[bytes, Reporter]:
        """What is kept of each of these members."""
        kept = sa.and_(reporters.c.guild_id == guild_id, reporters.c.reporter.in_(wanted))
        found = {row.reporter: _reporter(row) for row in await self._all(sa.select(reporters).where(kept))}
        return {reporter: found.get(reporter) or Reporter(guild_id, reporter) for reporter in wanted}

    async def change(self, guild_id: int, reporter: bytes, **changes: Unpack[ReporterChanges]) -> None:
        """Change what is given, and keep the rest. One statement: a row that says nothing may go at any time."""
        values: dict[str, Any] = dict(changes)
        if not values:
            return
        insert = postgresql.insert if self._postgresql else sqlite.insert
        row = insert(reporters).values(guild_id=guild_id, reporter=reporter, **values)
        await self._run(row.on_conflict_do_update(index_elements=["guild_id", "reporter"], set_=values))

    async def seen(self, guild_id: int, reporter: bytes) -> None:
        """Note that a member is in the guild, after all or again."""
        gone = sa.and_(*_row(guild_id, reporter), reporters.c.left_at.is_not(None))
        await self._run(reporters.update().where(gone).values(left_at=None))

    async def purge(self, now: datetime) -> int:
        """Forget rows that say nothing (any more), such as that of a mute which is over; how many.

        Never waits for anybody: a row that is just being changed is left for the next time.
        """
        row = sa.tuple_(reporters.c.guild_id, reporters.c.reporter)
        empty = sa.select(reporters.c.guild_id, reporters.c.reporter).where(_says_nothing(now))
        return await self._run(reporters.delete().where(row.in_(empty.with_for_update(skip_locked=True))))

    async def purge_one(self, guild_id: int, reporter: bytes, now: datetime) -> None:
        """Forget the row of a member if it says nothing (any more)."""
        await self._run(reporters.delete().where(*_row(guild_id, reporter), _says_nothing(now)))


def _row(guild_id: int, reporter: bytes) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return reporters.c.guild_id == guild_id, reporters.c.reporter == reporter


def _says_nothing(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        sa.not_(reporters.c.silent),
        sa.or_(reporters.c.muted_until.is_(None), reporters.c.muted_until <= now),
        reporters.c.left_at.is_(None),
        reporters.c.erase_at.is_(None),
    )


def _reporter(row: sa.Row[Any]) -> Reporter:
    return Reporter(
        guild_id=row.guild_id,
        reporter=row.reporter,
        silent=row.silent,
        muted_until=row.muted_until,
        muted_by=row.muted_by,
        left_at=row.left_at,
        erase_at=row.erase_at,
    )
