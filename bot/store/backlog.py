"""How much waits in the database, for those who watch the bot."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bot.model import CallKind

from .outbox import PATIENT, URGENT
from .repository import Repository
from .tables import CallState, jobs, outbox, sweeps

_PENDING = outbox.c.state == sa.literal_column(f"'{CallState.PENDING.value}'")


class Waiting(NamedTuple):
    """What waits. ``oldest_delete``, ``oldest_other``: since when the oldest delete and other call are due; or None."""

    calls: dict[CallKind, int]
    oldest_delete: datetime | None
    oldest_other: datetime | None
    jobs: int
    oldest_job: datetime | None
    sweeps: int


class Backlog(Repository):
    """Counts over the tables in which something waits."""

    __slots__ = ()

    async def answers(self) -> None:
        """Ask the database for nothing. Returns if it answers."""
        await self._scalar(sa.select(sa.literal(1)))

    async def waiting(self, now: datetime) -> Waiting:
        """What waits now."""
        kinds = await self._all(
            sa.select(outbox.c.kind, sa.func.count().label("number")).where(_PENDING).group_by(outbox.c.kind)
        )
        delete, other = [
            await self._scalar(
                sa.select(outbox.c.due_at)
                .where(_PENDING, outbox.c.urgency == urgency, outbox.c.due_at <= now)
                .order_by(outbox.c.due_at)
                .limit(1)
            )
            for urgency in (URGENT, PATIENT)
        ]
        oldest_job = sa.select(sa.func.min(jobs.c.created_at, type_=jobs.c.created_at.type))
        unfinished = sa.select(sa.func.count()).select_from(sweeps).where(sweeps.c.finished_at.is_(None))
        return Waiting(
            calls={row.kind: row.number for row in kinds},
            oldest_delete=delete,
            oldest_other=other,
            jobs=await self._scalar(sa.select(sa.func.count()).select_from(jobs)),
            oldest_job=await self._scalar(oldest_job),
            sweeps=await self._scalar(unfinished),
        )
