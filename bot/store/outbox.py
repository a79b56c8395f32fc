"""Pending Discord calls as rows: written in the transaction that wants them, claimed by a dispatcher with a lease.

A call is *pending* until it is *done* or *given up*. A dispatcher holds it by a lease (owner and end); a lease that ran
out means that its dispatcher died with the call in hand, so that nobody knows whether it happened.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from bot.model import Call, CallKind

from .repository import Repository
from .tables import CallState, outbox
from .topics import Topic

# Literals, not bound values: only then can either database tell that the partial indexes hold every such row.
_PENDING_STATE: sa.ColumnElement[Any] = sa.literal_column(f"'{CallState.PENDING.value}'")
_PENDING = outbox.c.state == _PENDING_STATE
_GIVEN_UP_STATE: sa.ColumnElement[Any] = sa.literal_column(f"'{CallState.GIVEN_UP.value}'")
_OTHER = outbox.alias("other")
URGENT, PATIENT = 0, 1
_KEYS = 1_000
"""Keys that are looked for at once: both databases limit what one statement can name."""


@dataclass(frozen=True, slots=True)
class ClaimedCall:
    """A call that the claimer shall carry out now.

    ``attempts`` counts this one. ``uncertain``: an earlier attempt may have happened, though nobody noted so.
    """

    id: int
    call: Call
    attempts: int
    uncertain: bool


class OutboxRows(Repository):
    """Pending Discord calls."""

    __slots__ = ()

    async def put(self, calls: Sequence[Call], at: datetime) -> int:
        """Write calls; how many were new. A call whose key was ever written is left out."""
        calls = await self._unwritten(calls)
        if not calls:
            return 0
        rows = [
            {
                "key": call.key,
                "kind": call.kind,
                "lane": call.lane,
                "payload": dict(call.payload),
                "case_id": call.case_id,
                "guild_id": call.guild_id,
                "urgency": URGENT if call.kind is CallKind.DELETE_MESSAGE else PATIENT,
                "state": CallState.PENDING,
                "created_at": at,
                "due_at": at,
                "attempts": 0,
                "uncertain": False,
            }
            for call in calls
        ]
        result = await self._connection.execute(self._insert_new(outbox).returning(outbox.c.id), rows)
        new = len(result.all())
        if new:
            await self._tell(Topic.OUTBOX)
        return new

    async def written(self, keys: Sequence[str]) -> set[str]:
        """Which of these keys were ever written, whatever became of their calls."""
        found: set[str] = set()
        for start in range(0, len(keys), _KEYS):
            rows = await self._all(sa.select(outbox.c.key).where(outbox.c.key.in_(keys[start : start + _KEYS])))
            found.update(row.key for row in rows)
        return found

    async def _unwritten(self, calls: Sequence[Call]) -> Sequence[Call]:
        """Without the calls whose key is there already.

        On PostgreSQL an insert would wait for whoever is just finishing the call of that key, and that one may be
        waiting for a row that this transaction holds. SQLite has one writer, and its insert sees to it alone.
        """
        if not calls or not self._postgresql:
            return calls
        written = await self.written([call.key for call in calls])
        return [call for call in calls if call.key not in written]

    async def claim(
        self, *, now: datetime, lease: timedelta, owner: str, limit: int, urgent: bool | None = None
    ) -> list[ClaimedCall]:
        """Lease up to ``limit`` calls that may run now: deletes first, then the others, the longest waiting first.

        Of deletes the newest come first: members see now what was posted now, and thousands of old ones that a hunt
        found must not hold that up. Only the first unfinished call of a lane is ever given out, and never while
        another of that lane is leased. ``urgent``: deletes alone; False: the others alone.
        """
        if urgent is None:
            deletes = await self.claim(now=now, lease=lease, owner=owner, limit=limit, urgent=True)
            left = limit - len(deletes)
            return deletes + await self.claim(now=now, lease=lease, owner=owner, limit=left, urgent=False)
        # Claims follow one another, so that two of them never give out two calls of one lane between them.
        await self._lock("outbox", "claim")
        values = {"now": now, "until": now + lease, "owner": owner, "most": limit}
        rows = list((await self._connection.execute(_claim(urgent, self._postgresql), values)).all())
        rows.sort(key=lambda row: (row.due_at, row.id), reverse=urgent)
        return [_claimed(row) for row in rows]

    async def revive(self, keys: Collection[str], at: datetime) -> int:
        """Let calls that were given up wait again, as if just written; how many."""
        revived = await self._run(
            outbox.update()
            .where(outbox.c.key.in_(keys), outbox.c.state == CallState.GIVEN_UP)
            .values(state=CallState.PENDING, due_at=at, finished_at=None, attempts=0, error=None)
        )
        if revived:
            await self._tell(Topic.OUTBOX)
        return revived

    async def cancel(self, key: str) -> bool:
        """Take a call back that nobody has taken up yet; whether it will never happen.

        One that is in somebody's hands just now, or ever was, is not waited for: it may have happened.
        """
        untouched = sa.select(outbox.c.id).where(
            outbox.c.key == key, _PENDING, outbox.c.lease_owner.is_(None), outbox.c.attempts == 0
        )
        found = await self._scalar(untouched.with_for_update(skip_locked=True))
        return found is not None and await self._run(outbox.delete().where(outbox.c.id == found)) > 0

    async def withdraw(self, keys: Collection[str], now: datetime) -> int:
        """Take back calls that wait and are in nobody's hands, though an attempt may have been made; how many."""
        idle = sa.or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= now)
        waiting = sa.select(outbox.c.id).where(outbox.c.key.in_(keys), _PENDING, idle)
        found = await self._all(waiting.with_for_update(skip_locked=True))
        return await self._run(outbox.delete().where(outbox.c.id.in_([row.id for row in found])))

    async def renew(self, ids: Collection[int], *, owner: str, until: datetime) -> None:
        """Extend the leases that ``owner`` still holds."""
        await self._run(outbox.update().where(*_held(ids, owner)).values(lease_until=until))

    async def done(self, call_id: int, at: datetime) -> bool:
        """Note that a call was carried out, whoever leases it now; False if it was finished before."""
        return await self._finish(CallState.DONE, call_id, at, error=None, owner=None)

    async def give_up(self, call_id: int, *, at: datetime, error: str, owner: str | None = None) -> bool:
        """Note that a call will never be carried out; False if it was finished before or ``owner`` lost its lease."""
        return await self._finish(CallState.GIVEN_UP, call_id, at, error=error, owner=owner)

    async def retry(
        self,
        call_id: int,
        *,
        at: datetime,
        error: str,
        uncertain: bool = False,
        owner: str | None = None,
        counted: bool = True,
    ) -> bool:
        """Give a call back, to be claimed from ``at`` on; False if it is finished or ``owner`` lost its lease.

        ``uncertain``: the failed attempt may have happened all the same. ``counted`` False: there was no attempt.
        """
        changed = await self._run(
            outbox.update()
            .where(*_held([call_id], owner))
            .values(
                due_at=at,
                error=error,
                uncertain=sa.true() if uncertain else outbox.c.uncertain,
                attempts=outbox.c.attempts if counted else outbox.c.attempts - 1,
                lease_owner=None,
                lease_until=None,
            )
        )
        return changed > 0

    async def release(self, *, now: datetime, owner: str | None = None, predecessors: str | None = None) -> int:
        """End the leases of ``owner``, or of everybody, as if they had run out; how many.

        ``predecessors``: of every owner whose name begins like this.
        """
        holder = outbox.c.lease_owner.is_not(None) if owner is None else outbox.c.lease_owner == owner
        if predecessors is not None:
            holder = outbox.c.lease_owner.startswith(predecessors, autoescape=True)
        return await self._run(
            outbox.update().where(_PENDING, holder, outbox.c.lease_until > now).values(lease_until=now)
        )

    async def next_due(self) -> datetime | None:
        """When the next call may be claimed, in the past if one may now; None if nothing is pending."""
        times = await self._first(_NEXT_DUE)
        return min((time for time in times or () if time is not None), default=None)

    async def given_up_deletes(self, guild_id: int, since: datetime) -> list[tuple[Call, str]]:
        """The deletes of a guild that were given up since then, each with what was said of it."""
        rows = await self._all(
            sa.select(outbox).where(
                outbox.c.state == _GIVEN_UP_STATE,
                outbox.c.guild_id == guild_id,
                outbox.c.finished_at >= since,
                outbox.c.kind == CallKind.DELETE_MESSAGE,
            )
        )
        return [(_call(row), row.error or "") for row in rows]

    async def guilds_with_given_up_deletes(self, since: datetime) -> list[int]:
        """The guilds in which any delete was given up since then."""
        given_up = (outbox.c.state == _GIVEN_UP_STATE, outbox.c.guild_id.is_not(None), outbox.c.finished_at >= since)
        rows = await self._all(
            sa.select(outbox.c.guild_id).where(*given_up, outbox.c.kind == CallKind.DELETE_MESSAGE).distinct()
        )
        return [row.guild_id for row in rows]

    async def waiting(self, case_id: int, kinds: Collection[CallKind]) -> bool:
        """Whether a call of these kinds for this case waits and nobody has taken it up yet.

        In a transaction that writes, nobody takes it up before the transaction ends. One that somebody takes up or
        finishes just now does not count, and is not waited for: they may be waiting for what this transaction holds.
        """
        statement = (
            sa.select(outbox.c.id)
            .where(_PENDING, outbox.c.case_id == case_id, outbox.c.kind.in_(kinds), outbox.c.lease_owner.is_(None))
            .limit(1)
        )
        if self._writing:
            statement = statement.with_for_update(read=True, skip_locked=True)
        return await self._first(statement) is not None

    async def pending(self) -> int:
        """How many calls are neither done nor given up."""
        return await self._scalar(sa.select(sa.func.count()).select_from(outbox).where(_PENDING))

    async def _finish(
        self, state: CallState, call_id: int, at: datetime, *, error: str | None, owner: str | None
    ) -> bool:
        changed = await self._run(
            outbox.update()
            .where(*_held([call_id], owner))
            .values(state=state, finished_at=at, error=error, lease_owner=None, lease_until=None)
        )
        return changed > 0


def _held(ids: Collection[int], owner: str | None) -> list[sa.ColumnElement[bool]]:
    held: list[sa.ColumnElement[bool]] = [outbox.c.id.in_(ids), _PENDING]
    if owner is not None:
        held.append(outbox.c.lease_owner == owner)
    return held


def _heads_lane() -> sa.ColumnElement[bool]:
    return outbox.c.id == _of_lane(sa.func.min(_OTHER.c.id))


def _of_lane(value: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    # A single value, not EXISTS: PostgreSQL would make that a join, and without fresh statistics a quadratic one.
    return sa.select(value).where(_OTHER.c.lane == outbox.c.lane, _OTHER.c.state == _PENDING_STATE).scalar_subquery()


@cache
def _claim(urgent: bool, postgresql: bool) -> sa.Executable:
    """Lease calls for ``owner`` ``until`` then that may run ``now``, at ``most`` so many.

    Made once, as _NEXT_DUE is: the dispatcher asks both whenever something is written or done, and to put them together
    takes longer than to carry them out.
    """
    now = sa.bindparam("now", type_=outbox.c.due_at.type)
    leased_until = sa.func.coalesce(_of_lane(sa.func.max(_OTHER.c.lease_until)), 0)
    # The whole order is one index's, so that it ends at the limit however many wait.
    order = (outbox.c.due_at.desc(), outbox.c.id.desc()) if urgent else (outbox.c.due_at, outbox.c.id)
    picked = (
        sa.select(outbox.c.id)
        .where(_PENDING, outbox.c.urgency == (URGENT if urgent else PATIENT), outbox.c.due_at <= now)
        .where(_heads_lane(), leased_until <= now)
        .order_by(*order)
        .limit(sa.bindparam("most", type_=sa.Integer()))
    )
    if postgresql:
        picked = picked.with_for_update(skip_locked=True)
    chosen = picked.cte("picked")
    return (
        outbox.update()
        .where(outbox.c.id.in_(sa.select(chosen.c.id)))
        .values(
            attempts=outbox.c.attempts + 1,
            uncertain=sa.or_(outbox.c.uncertain, outbox.c.lease_until.is_not(None)),
            lease_owner=sa.bindparam("owner"),
            lease_until=sa.bindparam("until", type_=outbox.c.lease_until.type),
        )
        .returning(*outbox.c)
    )


def _next_due() -> sa.Select[Any]:
    # The first of each order, and the few that are leased: the least of all that wait would mean to look at all.
    free = [
        sa.select(outbox.c.due_at)
        .where(_PENDING, outbox.c.urgency == urgency, outbox.c.lease_until.is_(None), _heads_lane())
        .order_by(outbox.c.due_at)
        .limit(1)
        .scalar_subquery()
        for urgency in (URGENT, PATIENT)
    ]
    when = sa.case((outbox.c.lease_until > outbox.c.due_at, outbox.c.lease_until), else_=outbox.c.due_at)
    leased = (
        sa.select(sa.func.min(when, type_=outbox.c.due_at.type))
        .where(_PENDING, outbox.c.lease_until.is_not(None), _heads_lane())
        .scalar_subquery()
    )
    return sa.select(*(time.label(f"due_{number}") for number, time in enumerate((*free, leased))))


_NEXT_DUE = _next_due()


def _claimed(row: sa.Row[Any]) -> ClaimedCall:
    return ClaimedCall(id=row.id, call=_call(row), attempts=row.attempts, uncertain=row.uncertain)


def _call(row: sa.Row[Any]) -> Call:
    return Call(row.kind, row.key, row.lane, row.payload, row.case_id, row.guild_id)
