"""What the clock asks of cases, for all guilds at once: which ones wait too long, ran out, or are due to be closed.

Nothing here reads a fingerprint. What is found was true when it was read; whoever acts on it asks again under the lock
of the case (:meth:`bot.store.cases.Cases.free`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.model import UNDECIDED, CaseState, Category

from .casebook import URGENT, WANTED_AT
from .repository import Repository
from .tables import case_events, cases, chores, guilds

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

MOST_FIRST = 3
"""Cases that are named because something puts them before others."""

_REOPENED = sa.select(sa.func.max(case_events.c.at)).where(
    case_events.c.case_id == cases.c.id, case_events.c.kind.in_(("undone", "reopened"))
)
_SINCE: sa.ColumnElement[Any] = sa.func.coalesce(
    _REOPENED.correlate(cases).scalar_subquery(), cases.c.opened_at, type_=cases.c.opened_at.type
)
"""Since when a case waits: since it was opened, or last opened again."""

_IN_LANE = cases.c.category == Category.MINOR_SUSPECTED
_UNDECIDED = cases.c.state.in_(UNDECIDED)
_HAS_CHANNEL = sa.or_(
    guilds.c.review_channel_id.is_not(None), sa.and_(_IN_LANE, guilds.c.child_safety_channel_id.is_not(None))
)
"""Whether a case's guild has a channel in which the case can be spoken of."""


@dataclass(frozen=True, slots=True)
class Due:
    """A case for which it is time, as it stood at this version. ``since``: since when it waits for a decision."""

    case_id: int
    guild_id: int
    version: int
    since: datetime


@dataclass(frozen=True, slots=True)
class First:
    """A case that something puts before others. ``card``: the channel and the message of its card.

    ``wanted``: somebody wants its picture taken down.
    """

    case_id: int
    card: tuple[int, int] | None
    wanted: bool


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits in one guild, counted, with its oldest case. ``decided``: decisions of the last 24 hours.

    ``fresh``: for less than 6 hours; ``today``: for 6 to 24 hours; ``old``: for longer. ``takedowns``: those whose
    picture somebody wants taken down, since ``wanted_since`` at the longest. ``first``: some of those that something
    puts before others and that nobody has in hand, the most urgent first.
    """

    fresh: int
    today: int
    old: int
    claimed: int
    escalated: int
    appealed: int
    decided: int
    oldest_id: int | None
    oldest_at: datetime | None
    oldest_card: tuple[int, int] | None
    takedowns: int = 0
    wanted_since: datetime | None = None
    first: tuple[First, ...] = ()

    @property
    def open(self) -> int:
        """How many cases wait for a decision."""
        return self.fresh + self.today + self.old


class Aging(Repository):
    """Cases and guilds for which it is time."""

    __slots__ = ()

    async def leases(self, now: datetime) -> list[Due]:
        """Claims whose lease ran out."""
        return await self._due(
            cases.c.state.in_((CaseState.CLAIMED, CaseState.ESCALATED, CaseState.APPEALED)),
            cases.c.claimed_until <= now,
        )

    async def unclaimed(self, now: datetime) -> list[Due]:
        """Cases that nobody claimed for the guild's ``escalate_hours``, outside the lane of suspected minors.

        Only those whose card was put up: a case that nobody could see was not ignored by anybody.
        """
        return await self._due(*_open(now), sa.not_(_IN_LANE), *_waiting(guilds.c.escalate_hours, now))

    async def unreminded(self, now: datetime) -> list[Due]:
        """Cases that nobody claimed for the guild's ``remind_hours`` and that were not brought up again since."""
        unreminded = sa.or_(cases.c.bumped_at.is_(None), cases.c.bumped_at < _SINCE)
        return await self._due(*_open(now), _HAS_CHANNEL, unreminded, *_waiting(guilds.c.remind_hours, now))

    async def undecided(self, now: datetime, *, ordinary: timedelta, longer: timedelta) -> list[Due]:
        """Cases that nobody decided for ``ordinary``; in the lane, and once escalated, for ``longer``.

        Not those that somebody has in hand just now, by a lease that still runs, nor those whose picture somebody asked
        to take down less than ``longer`` ago.
        """
        waits = cases.c.state.in_((CaseState.OPEN, CaseState.CLAIMED))
        escalated = cases.c.state == CaseState.ESCALATED
        return await self._due(
            cases.c.state.in_((CaseState.OPEN, CaseState.CLAIMED, CaseState.ESCALATED)),
            cases.c.opened_at <= now - min(ordinary, longer),
            sa.or_(cases.c.claimed_until.is_(None), cases.c.claimed_until <= now),
            sa.or_(cases.c.takedown_at.is_(None), cases.c.takedown_at <= now - longer),
            sa.or_(
                sa.and_(waits, sa.not_(_IN_LANE), now - ordinary >= _SINCE),
                sa.and_(waits, _IN_LANE, now - longer >= _SINCE),
                sa.and_(escalated, sa.func.coalesce(cases.c.escalated_at, cases.c.opened_at) <= now - longer),
            ),
        )

    async def takedowns(self, now: datetime, steps: Sequence[timedelta], said: str) -> list[Due]:
        """Cases whose picture somebody asked to take down at least the first step ago, and that nobody decided.

        Of the steps that passed, in order, the last one counts. Left out are cases in whose history an event of the
        kind ``said`` tells that it was spoken of, and those of guilds without a channel for it.
        """
        passed: list[sa.ColumnElement[bool]] = []
        for step, later in zip(steps, (*steps[1:], None), strict=True):
            after = sa.type_coerce(
                sa.type_coerce(cases.c.takedown_at, sa.BigInteger) + step // timedelta(milliseconds=1),
                cases.c.takedown_at.type,
            )
            spoken = sa.exists().where(
                case_events.c.case_id == cases.c.id, case_events.c.kind == said, case_events.c.at >= after
            )
            conditions = [cases.c.takedown_at <= now - step, sa.not_(spoken)]
            if later is not None:
                conditions.append(cases.c.takedown_at > now - later)
            passed.append(sa.and_(*conditions))
        return await self._due(
            cases.c.takedown_at.is_not(None),
            cases.c.state.in_((CaseState.OPEN, CaseState.CLAIMED, CaseState.ESCALATED)),
            guilds.c.guild_id == cases.c.guild_id,
            _HAS_CHANNEL,
            sa.or_(*passed),
        )

    async def decided(self, before: datetime) -> list[Due]:
        """Cases that were decided before then and are not closed yet."""
        return await self._due(cases.c.state == CaseState.DECIDED, cases.c.decided_at <= before)

    async def in_turn(self, guild_id: int) -> None:
        """Have others that age the cases of this guild wait until a transaction that writes ends.

        So that what is due at once is said in one line, not half of it by each. To be called before anything is locked.
        """
        await self._lock("aging", guild_id)

    async def reminded(self, case_ids: list[int], at: datetime) -> None:
        """Note when cases were brought up again. Their versions stay: nobody's card is out of date by it."""
        await self._run(cases.update().where(cases.c.id.in_(case_ids)).values(bumped_at=at))

    # ------------------------------------------------------------------------------------------------ by guild

    async def guilds_with_open(self, name: str, *, not_since: datetime, before: datetime) -> list[int]:
        """Guilds with a case that was opened ``before`` and is undecided, and a chore not done ``not_since`` then."""
        waits = sa.exists().where(cases.c.guild_id == guilds.c.guild_id, _UNDECIDED, cases.c.opened_at <= before)
        return await self._guilds(name, not_since, waits)

    async def guilds_due(self, name: str, *, not_since: datetime) -> list[int]:
        """Guilds with a channel to write to, and a chore not done ``not_since`` then."""
        channel = sa.func.coalesce(guilds.c.log_channel_id, guilds.c.review_channel_id)
        return await self._guilds(name, not_since, channel.is_not(None))

    async def queue(self, guild_id: int, now: datetime, *, lane: bool) -> Queue:
        """What waits in a guild: in the lane of suspected minors, or outside it."""
        of_guild = (cases.c.guild_id == guild_id, _IN_LANE if lane else sa.not_(_IN_LANE))
        fresh = sa.case((cases.c.opened_at > now - 6 * HOUR, 1), else_=0)
        old = sa.case((cases.c.opened_at <= now - DAY, 1), else_=0)
        free = cases.c.state != CaseState.CLAIMED
        rows = await self._all(
            sa.select(
                cases.c.state,
                sa.func.count().label("number"),
                sa.func.sum(fresh).label("fresh"),
                sa.func.sum(old).label("old"),
                sa.func.count(WANTED_AT).label("takedowns"),
                sa.func.min(WANTED_AT).label("wanted_since"),
            )
            .where(*of_guild, _UNDECIDED)
            .group_by(cases.c.state)
        )
        by_state: dict[CaseState, int] = {row.state: int(row.number) for row in rows}
        number = sum(by_state.values())
        fresh_number, old_number = sum(int(row.fresh) for row in rows), sum(int(row.old) for row in rows)
        oldest = await self._first(
            sa.select(cases.c.id, cases.c.opened_at, cases.c.card_channel_id, cases.c.card_message_id)
            .where(*of_guild, _UNDECIDED)
            .order_by(cases.c.opened_at, cases.c.id)
            .limit(1)
        )
        first = await self._all(
            sa.select(
                cases.c.id, cases.c.card_channel_id, cases.c.card_message_id, WANTED_AT.is_not(None).label("wanted")
            )
            .where(*of_guild, _UNDECIDED, sa.or_(WANTED_AT.is_not(None), sa.and_(cases.c.priority > 0, free)))
            .order_by(*URGENT)
            .limit(MOST_FIRST)
        )
        decided = await self._scalar(
            sa.select(sa.func.count())
            .select_from(cases)
            .where(*of_guild, cases.c.decision.is_not(None), cases.c.decided_at > now - DAY)
        )
        return Queue(
            fresh=fresh_number,
            today=number - fresh_number - old_number,
            old=old_number,
            claimed=by_state.get(CaseState.CLAIMED, 0),
            escalated=by_state.get(CaseState.ESCALATED, 0),
            appealed=by_state.get(CaseState.APPEALED, 0),
            decided=decided,
            oldest_id=None if oldest is None else oldest.id,
            oldest_at=None if oldest is None else oldest.opened_at,
            oldest_card=None if oldest is None else _card(oldest),
            takedowns=sum(row.takedowns for row in rows),
            wanted_since=min((row.wanted_since for row in rows if row.wanted_since is not None), default=None),
            first=tuple(First(row.id, _card(row), bool(row.wanted)) for row in first),
        )

    # ------------------------------------------------------------------------------------------------ inside

    async def _due(self, *conditions: sa.ColumnElement[bool]) -> list[Due]:
        rows = await self._all(
            sa.select(cases.c.id, cases.c.guild_id, cases.c.version, _SINCE.label("since"))
            .where(*conditions)
            .order_by(cases.c.id)
        )
        return [Due(row.id, row.guild_id, row.version, row.since) for row in rows]

    async def _guilds(self, name: str, not_since: datetime, condition: sa.ColumnElement[bool]) -> list[int]:
        of_guild = sa.and_(chores.c.guild_id == guilds.c.guild_id, chores.c.name == name)
        rows = await self._all(
            sa.select(guilds.c.guild_id)
            .select_from(guilds.outerjoin(chores, of_guild))
            .where(sa.or_(chores.c.at.is_(None), chores.c.at <= not_since), condition)
            .order_by(guilds.c.guild_id)
        )
        return [row.guild_id for row in rows]


def _card(row: sa.Row[Any]) -> tuple[int, int] | None:
    return None if row.card_message_id is None else (row.card_channel_id, row.card_message_id)


def _open(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Open cases with a card of guilds with settings, old enough for the shortest time that a guild can set."""
    return (
        cases.c.state == CaseState.OPEN,
        cases.c.opened_at <= now - HOUR,
        cases.c.card_message_id.is_not(None),
        guilds.c.guild_id == cases.c.guild_id,
    )


def _waiting(hours: sa.ColumnElement[int], now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """That a case waits for longer than its guild's number of hours; 0 hours mean never."""
    in_milliseconds = sa.cast(hours, sa.BigInteger) * (HOUR // timedelta(milliseconds=1))
    until = sa.type_coerce(sa.type_coerce(_SINCE, sa.BigInteger) + in_milliseconds, cases.c.opened_at.type)
    return hours > 0, until <= now
