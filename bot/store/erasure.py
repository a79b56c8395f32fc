"""Erases rows as :mod:`bot.store.periods` says.

What to erase is looked for in transactions that only read and keep nobody from writing. It is erased in small ones,
each of which looks again whether it may.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from .repository import Repository
from .rules import Condition, Rule
from .tables import bank_changes, banks, cases, entries, outbox, sightings, sweeps

Key = tuple[Any, ...]


class Erasure(Repository):
    """Rows of any table that a rule speaks of."""

    __slots__ = ()

    async def find(self, rule: Rule, condition: Condition, *, limit: int) -> list[Key]:
        """The keys of rows for which a condition is true, the oldest first."""
        keys = tuple(rule.table.primary_key.columns)
        order = keys if rule.clock is None else (rule.clock.order, *keys)
        statement = sa.select(*keys).where(condition).order_by(*order).limit(limit)
        return [tuple(row) for row in await self._all(statement)]

    async def erase(self, rule: Rule, condition: Condition, keys: Sequence[Key]) -> int:
        """Erase those of these rows for which the condition is still true; how many.

        Never waits for anybody: a row that is just being changed is left for the next time.
        """
        if not keys:
            return 0
        columns = tuple(rule.table.primary_key.columns)
        doomed = sa.and_(_named(columns, keys), condition)
        if self._postgresql:
            free = sa.select(*columns).where(doomed).order_by(*columns).with_for_update(skip_locked=True)
            locked = [tuple(row) for row in await self._all(free)]
            if not locked:
                return 0
            doomed = _named(columns, locked)
        return await self._run(rule.table.delete().where(doomed))

    async def retire_lists(self, guild_id: int, at: datetime, *, limit: int) -> int:
        """Let entries of a server's own lists match nothing any more, so that every process drops them; how many."""
        own = sa.select(banks.c.id).where(banks.c.guild_id == guild_id)
        active = sa.select(entries.c.id).where(entries.c.bank_id.in_(own), entries.c.revoked_at.is_(None)).limit(limit)
        # The turn of who changes lists comes first: see Banks.
        await self._first(sa.select(bank_changes.c.number).with_for_update())
        ids = [row.id for row in await self._all(active)]
        if ids:
            raised = bank_changes.update().values(number=bank_changes.c.number + 1).returning(bank_changes.c.number)
            number = await self._scalar(raised)
            await self._run(entries.update().where(entries.c.id.in_(ids)).values(revoked_at=at, changed=number))
        return len(ids)

    async def forget_unheld(self, guild_id: int, user_id: int) -> None:
        """Erase what stands under a member's id in a server and is held by no case and no unfinished work."""
        posted = sa.and_(sightings.c.guild_id == guild_id, sightings.c.author_id == user_id)
        await self._run(sightings.update().where(posted, sightings.c.case_id.is_(None)).values(author_id=None))
        asked = sa.and_(sweeps.c.guild_id == guild_id, sweeps.c.requested_by == user_id)
        await self._run(sweeps.update().where(asked, sweeps.c.finished_at.is_not(None)).values(requested_by=None))
        told = sa.and_(outbox.c.guild_id == guild_id, outbox.c.lane == f"user:{user_id}")
        held = sa.exists().where(cases.c.id == outbox.c.case_id)
        await self._run(outbox.delete().where(told, outbox.c.finished_at.is_not(None), ~held))


def _named(columns: tuple[sa.ColumnElement[Any], ...], keys: Sequence[Key]) -> Condition:
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    return sa.tuple_(*columns).in_(keys)
