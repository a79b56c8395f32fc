"""Sweeps of a guild's history, and the stretches of channels that they consist of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.model import ARCHIVED_THREADS, Stretch, StretchState, Sweep, SweepCounts, SweepKind, SweepState, Verdict

from .repository import Repository
from .tables import stretches, sweeps
from .topics import Topic


class Range(NamedTuple):
    """The messages of a channel with ``after_id`` < id < ``before_id``."""

    channel_id: int
    after_id: int
    before_id: int


class Tally(NamedTuple):
    """The stretches of a sweep, counted. ``share``: how much of those that can be read is read, 0 to 1.

    ``oldest``: the smallest ``after_id``; None without stretches.
    """

    waiting: int
    done: int
    unreadable: int
    gone: int
    share: float
    oldest: int | None


_CHANNEL = stretches.c.channel_id != ARCHIVED_THREADS
"""Whether a stretch is one of a channel: looking for archived threads is none."""

_COUNTED = {
    Verdict.CLEAR: sweeps.c.clear,
    Verdict.REVIEW: sweeps.c.review,
    Verdict.REMOVE: sweeps.c.removed,
    Verdict.UNSCANNABLE: sweeps.c.unscannable,
}


class Sweeps(Repository):
    """Readings of history: those of the bot itself after an outage, and those that somebody asked for."""

    __slots__ = ()

    # ------------------------------------------------------------------------------------------- sweeps

    async def open(
        self, guild_id: int, kind: SweepKind, at: datetime, ranges: Sequence[Range], *, requested_by: int | None = None
    ) -> Sweep:
        """A new sweep that runs, with a stretch for each range."""
        sweep_id = await self._scalar(
            sweeps.insert()
            .values(guild_id=guild_id, kind=kind, state=SweepState.RUNNING, requested_by=requested_by, created_at=at)
            .returning(sweeps.c.id)
        )
        await self.add(sweep_id, guild_id, ranges)
        await self._tell(Topic.SWEEPS)
        found = await self.get(sweep_id)
        assert found is not None, "it was written in this very transaction"
        return found

    async def add(self, sweep_id: int, guild_id: int, ranges: Sequence[Range]) -> None:
        """Give a sweep further stretches."""
        if not ranges:
            return
        rows = [
            {
                "sweep_id": sweep_id,
                "guild_id": guild_id,
                "channel_id": one.channel_id,
                "after_id": one.after_id,
                "before_id": one.before_id,
                "cursor": one.before_id,
                "state": StretchState.WAITING,
            }
            for one in ranges
        ]
        await self._connection.execute(stretches.insert(), rows)

    async def get(self, sweep_id: int) -> Sweep | None:
        """One sweep; None if there is none of this number."""
        row = await self._first(sa.select(sweeps).where(sweeps.c.id == sweep_id))
        return None if row is None else _sweep(row)

    async def of_guild(self, guild_id: int, *, limit: int = 10) -> list[Sweep]:
        """The sweeps of a guild, newest first."""
        statement = sa.select(sweeps).where(sweeps.c.guild_id == guild_id).order_by(sweeps.c.id.desc()).limit(limit)
        return [_sweep(row) for row in await self._all(statement)]

    async def unfinished(self, guild_id: int | None = None, kind: SweepKind | None = None) -> list[Sweep]:
        """Sweeps whose last picture is not scanned yet, oldest first; paused ones included."""
        conditions: list[sa.ColumnElement[bool]] = [sweeps.c.finished_at.is_(None)]
        if guild_id is not None:
            conditions.append(sweeps.c.guild_id == guild_id)
        if kind is not None:
            conditions.append(sweeps.c.kind == kind)
        return [_sweep(row) for row in await self._all(sa.select(sweeps).where(*conditions).order_by(sweeps.c.id))]

    async def set_state(
        self, sweep_id: int, expected: Collection[SweepState], state: SweepState, *, finished_at: datetime | None = None
    ) -> bool:
        """Change where a sweep stands if it stands where it is expected; whether that was so."""
        values: dict[str, Any] = {"state": state}
        if finished_at is not None:
            values["finished_at"] = finished_at
        changed = await self._run(
            sweeps.update().where(sweeps.c.id == sweep_id, sweeps.c.state.in_(expected)).values(values)
        )
        if changed:
            await self._tell(Topic.SWEEPS)
        return changed > 0

    async def finish(self, sweep_id: int, at: datetime) -> None:
        """Note that everything that a sweep found is scanned."""
        await self._run(
            sweeps.update().where(sweeps.c.id == sweep_id, sweeps.c.finished_at.is_(None)).values(finished_at=at)
        )

    async def show_in(self, sweep_id: int, channel_id: int, message_id: int) -> None:
        """Note which message shows how far a sweep is."""
        await self._run(
            sweeps.update().where(sweeps.c.id == sweep_id).values(channel_id=channel_id, message_id=message_id)
        )

    async def count_read(self, sweep_id: int, *, messages: int, media: int) -> None:
        """Count messages that were read, and the media items in them that are to be scanned."""
        await self._run(
            sweeps.update()
            .where(sweeps.c.id == sweep_id)
            .values(messages=sweeps.c.messages + messages, media=sweeps.c.media + media)
        )

    async def count_scanned(self, sweep_id: int, verdict: Verdict, number: int = 1) -> None:
        """Count media items of a sweep that are scanned by now."""
        column = _COUNTED[verdict]
        await self._run(sweeps.update().where(sweeps.c.id == sweep_id).values({column.name: column + number}))

    async def in_turn(self, guild_id: int) -> None:
        """Wait until no other transaction asks for a sweep in this guild; until this one ends, none does."""
        await self._lock("sweeps", guild_id)

    async def asked_for(self, guild_id: int) -> list[Sweep]:
        """Sweeps that somebody asked for and that still go on, oldest first; paused ones included."""
        unfinished = await self.unfinished(guild_id)
        over = SweepState.CANCELLED
        return [one for one in unfinished if one.kind is not SweepKind.CATCH_UP and one.state is not over]

    async def reading(self, guild_id: int, channel_id: int, after_id: int) -> Sweep | None:
        """The sweep that somebody asked for and that reads this channel now.

        One of the whole guild counts while it has that channel before it and goes as far back.
        """
        statement = (
            sa.select(sweeps)
            .join(stretches, stretches.c.sweep_id == sweeps.c.id)
            .where(
                sweeps.c.guild_id == guild_id,
                sweeps.c.finished_at.is_(None),
                sweeps.c.state != SweepState.CANCELLED,
                stretches.c.channel_id == channel_id,
                sa.or_(
                    sweeps.c.kind == SweepKind.CHANNEL,
                    sa.and_(
                        sweeps.c.kind == SweepKind.SERVER,
                        stretches.c.state == StretchState.WAITING,
                        stretches.c.after_id <= after_id,
                    ),
                ),
            )
            .order_by(sweeps.c.id)
            .limit(1)
        )
        row = await self._first(statement)
        return None if row is None else _sweep(row)

    async def shown(self) -> list[Sweep]:
        """The sweeps that a message shows, oldest first."""
        return [
            _sweep(row)
            for row in await self._all(sa.select(sweeps).where(sweeps.c.message_id.is_not(None)).order_by(sweeps.c.id))
        ]

    async def hide(self, sweep_id: int) -> None:
        """Note that no message shows a sweep any more, or that the one which does has said its last."""
        await self._run(sweeps.update().where(sweeps.c.id == sweep_id).values(message_id=None))

    # ------------------------------------------------------------------------------------------- stretches

    async def stretches(self, sweep_id: int) -> list[Stretch]:
        """The stretches of a sweep, in the order in which they were asked for."""
        statement = sa.select(stretches).where(stretches.c.sweep_id == sweep_id).order_by(stretches.c.id)
        return [_stretch(row) for row in await self._all(statement)]

    async def tally(self, sweep_id: int) -> Tally:
        """How the stretches of a sweep stand, in one row however many there are."""
        waiting = stretches.c.state == StretchState.WAITING
        whole = sa.func.nullif(stretches.c.before_id - stretches.c.after_id, 0)
        part = sa.cast(stretches.c.before_id - stretches.c.cursor, sa.Float) / whole
        row = await self._first(
            sa.select(
                *(
                    sa.func.count().filter(stretches.c.state == state).label(state.value)
                    for state in (StretchState.WAITING, StretchState.DONE, StretchState.UNREADABLE, StretchState.GONE)
                ),
                sa.func.coalesce(sa.func.sum(sa.case((waiting, part), else_=0.0)), 0.0).label("part"),
                sa.func.min(stretches.c.after_id).label("oldest"),
            ).where(stretches.c.sweep_id == sweep_id, _CHANNEL)
        )
        assert row is not None, "an aggregate is one row"
        read, every = row.done + row.gone, row.waiting + row.done + row.gone
        share = 1.0 if not every else min(1.0, max(0.0, (read + row.part) / every))
        return Tally(row.waiting, row.done, row.unreadable, row.gone, share, row.oldest)

    async def channels_in(self, sweep_id: int, state: StretchState, *, limit: int) -> list[int]:
        """Channels of a sweep whose stretch stands like this, up to so many, in the order in which they were added."""
        statement = (
            sa.select(stretches.c.channel_id)
            .where(stretches.c.sweep_id == sweep_id, stretches.c.state == state, _CHANNEL)
            .order_by(stretches.c.id)
            .limit(limit)
        )
        return [row.channel_id for row in await self._all(statement)]

    async def waiting(self, guild_ids: Collection[int]) -> list[Stretch]:
        """What is still to be read in these guilds, of sweeps that run."""
        statement = (
            sa.select(stretches)
            .join(sweeps, sweeps.c.id == stretches.c.sweep_id)
            .where(
                stretches.c.state == StretchState.WAITING,
                stretches.c.guild_id.in_(guild_ids),
                sweeps.c.state == SweepState.RUNNING,
            )
            .order_by(stretches.c.id)
        )
        return [_stretch(row) for row in await self._all(statement)]

    async def move(self, stretch: Stretch, cursor: int, state: StretchState) -> bool:
        """Note that a stretch is read down to ``cursor``; False if somebody else read on from the same place."""
        return (
            await self._run(
                stretches.update()
                .where(
                    stretches.c.id == stretch.id,
                    stretches.c.cursor == stretch.cursor,
                    stretches.c.state == StretchState.WAITING,
                )
                .values(cursor=cursor, state=state)
            )
            > 0
        )


def _sweep(row: sa.Row[Any]) -> Sweep:
    return Sweep(
        id=row.id,
        guild_id=row.guild_id,
        kind=row.kind,
        state=row.state,
        requested_by=row.requested_by,
        created_at=row.created_at,
        finished_at=row.finished_at,
        channel_id=row.channel_id,
        message_id=row.message_id,
        counts=SweepCounts(
            messages=row.messages,
            media=row.media,
            clear=row.clear,
            review=row.review,
            removed=row.removed,
            unscannable=row.unscannable,
        ),
    )


def _stretch(row: sa.Row[Any]) -> Stretch:
    return Stretch(
        id=row.id,
        sweep_id=row.sweep_id,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        after_id=row.after_id,
        before_id=row.before_id,
        cursor=row.cursor,
        state=row.state,
    )
