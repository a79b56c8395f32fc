"""Scan jobs: media items that did not fit into the queue in memory and wait here.

A process holds the jobs that it took by a lease (owner and end). A lease that ran out means that the process died or is
very late; whoever takes the job then may scan once more what was scanned already, which is recorded once all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from bot.model import MessageRef, SeenMedia

from .codec import media_from_json, media_to_json, message_from_json, message_to_json
from .repository import Repository
from .tables import jobs
from .topics import Topic

LEASE = timedelta(minutes=5)
"""How long a taken job stays away from others, if nobody starts in the place of a process that died with it."""

MOST_GUILDS = 20
"""Guilds that jobs are taken of at once; the others have their turn the next time."""

_SWEPT_SHARE = 4
"""One in so many of a guild's jobs is one that a sweep found, if there are any."""


class WaitingJob(NamedTuple):
    """A message whose media wait. ``sweep_id``: the sweep that found it; None: it was seen as it was posted.

    ``guild_id`` as the row has it: None in one of an older version.
    """

    id: int
    message: MessageRef
    media: tuple[SeenMedia, ...]
    created_at: datetime
    sweep_id: int | None
    guild_id: int | None


class Jobs(Repository):
    """Waiting scan jobs. Guilds have turns, so that the thousands of one never hold up the few of another."""

    __slots__ = ()

    async def put(
        self, message: MessageRef, media: Sequence[SeenMedia], at: datetime, *, sweep_id: int | None = None
    ) -> None:
        """Let the media items of one message wait. ``sweep_id``: the sweep that found it, if one did."""
        await self.put_all([(message, media)], at, sweep_id=sweep_id)

    async def postpone(
        self, message: MessageRef, media: SeenMedia, at: datetime, *, until: datetime, job_id: int | None = None
    ) -> None:
        """Let one media item wait, and give it to nobody before ``until``. ``job_id``: the job that it is taken from.

        That job is not changed: it is struck off when all of its items are done with, and this one now is.
        """
        sweep_id = None if job_id is None else await self._scalar(sa.select(jobs.c.sweep_id).where(jobs.c.id == job_id))
        await self.put_all([(message, (media,))], at, sweep_id=sweep_id, taken_until=until)

    async def put_all(
        self,
        messages: Sequence[tuple[MessageRef, Sequence[SeenMedia]]],
        at: datetime,
        *,
        sweep_id: int | None = None,
        taken_until: datetime | None = None,
    ) -> None:
        """Let the media items of several messages wait. ``taken_until``: give them to nobody before then."""
        rows = [
            {
                "message": message_to_json(message),
                "media": media_to_json(media),
                "created_at": at,
                "guild_id": message.guild_id,
                "sweep_id": sweep_id,
                "taken_until": taken_until,
            }
            for message, media in messages
        ]
        if rows:
            await self._connection.execute(jobs.insert(), rows)
            await self._tell(Topic.JOBS)

    async def take(
        self,
        limit: int,
        *,
        owner: str,
        now: datetime | None = None,
        lease: timedelta = LEASE,
        after: int = 0,
        avoid: Collection[int] = (),
    ) -> list[WaitingJob]:
        """Up to ``limit`` waiting jobs. Each is given out once, to ``owner``, until it is done or its lease ends.

        Every guild gets as many as any other, as far as it has any: those that were seen as they were posted, oldest
        first, and one in four that a sweep found. Turns begin with the guild that follows ``after`` by its id, and
        guilds to ``avoid`` get none. Sorted by id.
        """
        now = now or datetime.now(UTC)
        free = sa.or_(jobs.c.taken_until.is_(None), jobs.c.taken_until <= now)
        guilds = await self._guilds(free, after, avoid)
        taken: list[WaitingJob] = []
        while guilds and len(taken) < limit:
            unfinished: list[int | None] = []
            for number, guild_id in enumerate(guilds):
                share = -(-(limit - len(taken)) // (len(guilds) - number))
                mine = await self._take(guild_id, share, free, owner, now + lease)
                taken += mine
                if share and len(mine) == share:
                    unfinished.append(guild_id)
            guilds = unfinished
        return sorted(taken, key=lambda job: job.id)

    async def _guilds(self, free: sa.ColumnElement[bool], after: int, avoid: Collection[int]) -> list[int | None]:
        """Some guilds that have waiting jobs, in turn; None stands for the rows that name none.

        One step through the index for each guild, however many rows it has.
        """
        found: list[int | None] = []
        if await self._first(sa.select(jobs.c.id).where(jobs.c.guild_id.is_(None), free).limit(1)) is not None:
            found.append(None)
        for first, last in ((after, None), (-1, after)):
            place, end = first, sa.true() if last is None else jobs.c.guild_id <= last
            while len(found) < MOST_GUILDS:
                row = await self._first(
                    sa.select(jobs.c.guild_id)
                    .where(jobs.c.guild_id > place, jobs.c.guild_id.not_in(avoid), end, free)
                    .order_by(jobs.c.guild_id)
                    .limit(1)
                )
                if row is None:
                    break
                place = row.guild_id
                found.append(place)
        return found

    async def _take(
        self, guild_id: int | None, limit: int, free: sa.ColumnElement[bool], owner: str, until: datetime
    ) -> list[WaitingJob]:
        """Up to ``limit`` jobs of one guild; less than that only if it has no more."""
        of_guild = sa.and_(jobs.c.guild_id.is_(None) if guild_id is None else jobs.c.guild_id == guild_id, free)
        live, swept = jobs.c.sweep_id.is_(None), jobs.c.sweep_id.is_not(None)
        picked = await self._picked(sa.and_(of_guild, live), limit)
        swept_least = limit // _SWEPT_SHARE
        others = await self._picked(sa.and_(of_guild, swept), max(limit - len(picked), swept_least))
        chosen = [*picked[: limit - len(others)], *others]
        rows = await self._all(
            jobs.update()
            .where(jobs.c.id.in_(chosen))
            .values(lease_owner=owner, taken_until=until)
            .returning(jobs.c.id, jobs.c.message, jobs.c.media, jobs.c.created_at, jobs.c.sweep_id, jobs.c.guild_id)
        )
        return [
            WaitingJob(
                row.id,
                message_from_json(row.message),
                media_from_json(row.media),
                row.created_at,
                row.sweep_id,
                row.guild_id,
            )
            for row in rows
        ]

    async def _picked(self, condition: sa.ColumnElement[bool], limit: int) -> list[int]:
        statement = sa.select(jobs.c.id).where(condition).order_by(jobs.c.sweep_id, jobs.c.id).limit(limit)
        rows = await self._all(statement.with_for_update(skip_locked=True) if self._postgresql else statement)
        return [row.id for row in rows]

    async def give_back(self, job_ids: Collection[int], *, owner: str) -> None:
        """Let jobs that ``owner`` took wait again; not one that somebody else took after its lease."""
        await self._free(jobs.c.id.in_(job_ids), jobs.c.lease_owner == owner)

    async def release(self, *, owner: str | None = None, predecessors: str | None = None) -> int:
        """Give back every job that ``owner`` took, and tell others of it; how many.

        ``predecessors``: those of every owner whose name begins like this. Neither: every job, also one that waits for
        its time; for a process that is alone on its database.
        """
        if predecessors is not None:
            condition = jobs.c.lease_owner.startswith(predecessors, autoescape=True)
        else:
            condition = jobs.c.taken_until.is_not(None) if owner is None else jobs.c.lease_owner == owner
        released = await self._free(condition)
        if released:
            await self._tell(Topic.JOBS)
        return released

    async def _free(self, *conditions: sa.ColumnElement[bool]) -> int:
        return await self._run(jobs.update().where(*conditions).values(lease_owner=None, taken_until=None))

    async def done(self, *job_ids: int) -> int:
        """Strike jobs off; how many. One that somebody else had after its lease may be gone already."""
        return await self._run(jobs.delete().where(jobs.c.id.in_(job_ids)))

    async def count(self, *, sweep_id: int | None = None) -> int:
        """How many jobs wait or are being worked on, in all or of one sweep."""
        statement = sa.select(sa.func.count()).select_from(jobs)
        return await self._scalar(statement if sweep_id is None else statement.where(jobs.c.sweep_id == sweep_id))
