"""Scan jobs: media items that did not fit into the queue in memory and wait here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bot.model import MessageRef, SeenMedia

from .codec import media_from_json, media_to_json, message_from_json, message_to_json
from .repository import Repository
from .tables import jobs

LEASE = timedelta(minutes=5)
"""How long a taken job stays away from others; a process that dies with it delays the scan by this much."""


class Jobs(Repository):
    """Waiting scan jobs, oldest first."""

    __slots__ = ()

    async def put(self, message: MessageRef, media: Sequence[SeenMedia], at: datetime) -> None:
        """Let the media items of one message wait."""
        values = {"message": message_to_json(message), "media": media_to_json(media), "created_at": at}
        await self._run(jobs.insert().values(values))

    async def take(
        self, limit: int, *, now: datetime | None = None, lease: timedelta = LEASE
    ) -> list[tuple[int, MessageRef, tuple[SeenMedia, ...]]]:
        """Up to ``limit`` waiting jobs, oldest first. Each is given out once, until it is done or its lease ends."""
        now = now or datetime.now(UTC)
        free = sa.or_(jobs.c.taken_until.is_(None), jobs.c.taken_until <= now)
        picked = sa.select(jobs.c.id).where(free).order_by(jobs.c.id).limit(limit)
        if self._postgresql:
            picked = picked.with_for_update(skip_locked=True)
        chosen = picked.cte("picked")
        rows = await self._all(
            jobs.update()
            .where(jobs.c.id.in_(sa.select(chosen.c.id)))
            .values(taken_until=now + lease)
            .returning(jobs.c.id, jobs.c.message, jobs.c.media)
        )
        return [
            (row.id, message_from_json(row.message), media_from_json(row.media))
            for row in sorted(rows, key=lambda row: row.id)
        ]

    async def release(self) -> None:
        """Give back every taken job. For the start of a process that is alone on its database."""
        await self._run(jobs.update().where(jobs.c.taken_until.is_not(None)).values(taken_until=None))

    async def done(self, job_id: int) -> None:
        """Strike a job off."""
        await self._run(jobs.delete().where(jobs.c.id == job_id))

    async def count(self) -> int:
        """How many jobs wait or are being worked on."""
        return await self._scalar(sa.select(sa.func.count()).select_from(jobs))
