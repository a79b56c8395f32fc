"""What a guild's numbers are computed from: cases and what hangs on them, counted by the database.

Cases of suspected minors are always counted apart, and with how many cases stand behind a count, so that the caller can
keep a small number to itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.model import (
    AppealNumbers,
    AppealOutcome,
    CaseOrigin,
    CaseState,
    Category,
    Decision,
    ReportState,
    SanctionKind,
    SanctionState,
)

from .repository import Repository
from .tables import appeals, banks, case_events, cases, entries, reports, sanctions, sightings
from .tallies import day_of
from .types import EPOCH, MILLISECOND

MISTAKEN = tuple(decision for decision in Decision if decision.mistaken)

REMOVING = ("confirm", "blocked", "merged", "reported_to_discord")
"""Events of a case after which what still stands of it is deleted, because a person wants it."""

BLOCKED_FIRST = 1000
"""Milliseconds by which the event of a block may come before the sighting of a message that nobody had seen."""

_HOW_MANY = sa.func.count().label("number")
_IN_LANE = cases.c.category == Category.MINOR_SUSPECTED
_OPEN = (CaseState.OPEN, CaseState.CLAIMED)
_STANDING = (SanctionState.PENDING, SanctionState.DONE)


class Removed(NamedTuple):
    """Pictures that were removed on a day; ``cases``: of how many cases. ``day`` None: cases of suspected minors."""

    day: int | None
    by_person: bool
    number: int
    cases: int


class Reviewed(NamedTuple):
    """Cases decided on a day; ``removed``: had a picture removed before; ``mistaken``: of those, decided so."""

    day: int | None
    number: int
    removed: int
    mistaken: int


class Waiting(NamedTuple):
    """Undecided cases of one kind: ``escalated``, ``appealed``, or the number of the span of their age."""

    lane: bool
    kind: str
    number: int


class Reported(NamedTuple):
    """Reports with one outcome, on how many cases: ``confirmed``, ``rejected`` or ``open``."""

    lane: bool
    outcome: str
    number: int
    cases: int


class Times(NamedTuple):
    """From opening to first decision: half and nine tenths of the cases, and half of those decided on each day."""

    median: timedelta | None
    p90: timedelta | None
    by_day: dict[int, timedelta]


class ListRow(NamedTuple):
    """Decided cases that a match with one list opened, and how many were a mistake."""

    name: str
    decided: int
    mistaken: int


class NumberRows(Repository):
    """Counts over the cases of one guild. Every period is from ``since`` until just before ``until``."""

    __slots__ = ()

    async def removed(self, guild_id: int, since: datetime, until: datetime) -> list[Removed]:
        """Pictures of cases whose message was deleted, by day and by who wanted it.

        A person did if they decided, blocked or released the case while the message stood.
        """
        by = (
            sa.select(case_events.c.id)
            .where(
                case_events.c.case_id == sightings.c.case_id,
                case_events.c.kind.in_(REMOVING),
                case_events.c.actor_id.is_not(None),
                case_events.c.at <= sightings.c.deleted_at,
                _number(case_events.c.at)
                >= _number(sightings.c.seen_at) - sa.case((case_events.c.kind == "blocked", BLOCKED_FIRST), else_=0),
            )
            .exists()
        )
        rows = (
            sa.select(
                sa.case((_IN_LANE, None), else_=day_of(sightings.c.deleted_at)).label("day"),
                sa.case((by, 1), else_=0).label("by_person"),
                sightings.c.case_id,
            )
            .join_from(cases, sightings, sightings.c.case_id == cases.c.id)
            .where(
                cases.c.guild_id == guild_id,
                sightings.c.case_id.is_not(None),
                sightings.c.deleted_at >= since,
                sightings.c.deleted_at < until,
            )
            .subquery()
        )
        found = await self._all(
            sa.select(rows.c.day, rows.c.by_person, _HOW_MANY, _of_cases(rows)).group_by(rows.c.day, rows.c.by_person)
        )
        return [Removed(row.day, bool(row.by_person), row.number, row.cases) for row in found]

    async def reviewed(self, guild_id: int, since: datetime, until: datetime) -> list[Reviewed]:
        """Decided cases by day. A duplicate counts as decided, and as nothing else: its pictures are the other's."""
        gone = sa.and_(
            cases.c.decision != Decision.DUPLICATE,
            sa.select(sightings.c.id)
            .where(sightings.c.case_id == cases.c.id, sightings.c.deleted_at < cases.c.decided_at)
            .exists(),
        )
        rows = (
            sa.select(
                sa.case((_IN_LANE, None), else_=day_of(cases.c.decided_at)).label("day"),
                sa.case((gone, 1), else_=0).label("removed"),
                sa.case((sa.and_(cases.c.decision.in_(MISTAKEN), gone), 1), else_=0).label("mistaken"),
            )
            .where(*_decided(guild_id, since, until))
            .subquery()
        )
        found = await self._all(
            sa.select(rows.c.day, _HOW_MANY, _sum(rows, "removed"), _sum(rows, "mistaken")).group_by(rows.c.day)
        )
        return [Reviewed(row.day, row.number, int(row.removed), int(row.mistaken)) for row in found]

    async def times(self, guild_id: int, since: datetime, until: datetime) -> Times:
        """How long people took. A moderator's own block decides at once and says nothing about that."""
        events = sa.and_(case_events.c.case_id == cases.c.id, case_events.c.kind.in_(list(Decision)))
        # A block of a picture whose case was open already decides it without an event of a decision.
        at = sa.func.coalesce(sa.func.min(_number(case_events.c.at)), _number(cases.c.decided_at))
        first = (
            sa.select((at - _number(cases.c.opened_at)).label("took"), at.label("at"))
            .join_from(cases, case_events, events, isouter=True)
            .where(
                cases.c.guild_id == guild_id,
                sa.not_(_IN_LANE),
                cases.c.origin != CaseOrigin.BLOCK,
                cases.c.decision_number > 0,
            )
            .group_by(cases.c.id)
            .subquery()
        )
        day = day_of(first.c.at)
        places = (
            sa.select(
                day.label("day"),
                first.c.took,
                sa.func.row_number().over(order_by=first.c.took).label("place"),
                sa.func.count().over().label("whole"),
                sa.func.row_number().over(partition_by=day, order_by=first.c.took).label("day_place"),
                sa.func.count().over(partition_by=day).label("day_whole"),
            )
            .where(_number(first.c.at) >= _instant(since), _number(first.c.at) < _instant(until))
            .subquery()
        )
        middle = sa.or_(_middle(places.c.place, places.c.whole), places.c.place == _ninth(places.c.whole))
        rows = await self._all(sa.select(places).where(sa.or_(middle, _middle(places.c.day_place, places.c.day_whole))))
        by_day: dict[int, list[int]] = {}
        for row in rows:
            if row.day_place in _middles(row.day_whole):
                by_day.setdefault(row.day, []).append(row.took)
        return Times(
            _mean([row.took for row in rows if row.place in _middles(row.whole)]),
            _mean([row.took for row in rows if row.place == (9 * row.whole + 9) // 10]),
            {number: span for number, took in by_day.items() if (span := _mean(took)) is not None},
        )

    async def waiting(self, guild_id: int, now: datetime, ages: Sequence[timedelta]) -> list[Waiting]:
        """Undecided cases; those that are neither escalated nor appealed by the first of ``ages`` that they are under.

        The number of the span is a text: ``"0"`` is under the first age, ``str(len(ages))`` is as old as the last.
        """
        spans = [(cases.c.opened_at > now - age, str(number)) for number, age in enumerate(ages)]
        kind = sa.case(
            (cases.c.state == CaseState.ESCALATED, "escalated"),
            (cases.c.state == CaseState.APPEALED, "appealed"),
            *spans,
            else_=str(len(ages)),
        ).label("kind")
        lane = sa.case((_IN_LANE, 1), else_=0).label("lane")
        waiting = (*_OPEN, CaseState.ESCALATED, CaseState.APPEALED)
        rows = sa.select(lane, kind).where(cases.c.guild_id == guild_id, cases.c.state.in_(waiting)).subquery()
        found = await self._all(sa.select(rows.c.lane, rows.c.kind, _HOW_MANY).group_by(rows.c.lane, rows.c.kind))
        return [Waiting(bool(row.lane), row.kind, row.number) for row in found]

    async def reported(self, guild_id: int, since: datetime, until: datetime) -> list[Reported]:
        """Reports and what came of their cases. A duplicate's outcome is that of the case that it belongs to."""
        other = cases.alias("other")
        decision = sa.case((cases.c.decision == Decision.DUPLICATE, other.c.decision), else_=cases.c.decision)
        rows = (
            sa.select(
                sa.case((sa.or_(_IN_LANE, other.c.category == Category.MINOR_SUSPECTED), 1), else_=0).label("lane"),
                sa.case(
                    (decision == Decision.CONFIRM, "confirmed"),
                    (sa.or_(decision.in_(MISTAKEN), cases.c.state == CaseState.EXPIRED), "rejected"),
                    else_="open",
                ).label("outcome"),
                reports.c.case_id,
            )
            .join_from(cases, reports, reports.c.case_id == cases.c.id)
            .join(other, other.c.id == cases.c.duplicate_of, isouter=True)
            .where(
                cases.c.guild_id == guild_id,
                reports.c.created_at >= since,
                reports.c.created_at < until,
                reports.c.state == ReportState.STANDING,
            )
            .subquery()
        )
        found = await self._all(
            sa.select(rows.c.lane, rows.c.outcome, _HOW_MANY, _of_cases(rows)).group_by(rows.c.lane, rows.c.outcome)
        )
        return [Reported(bool(row.lane), row.outcome, row.number, row.cases) for row in found]

    async def appealed(self, guild_id: int, since: datetime, until: datetime) -> AppealNumbers:
        """Appeals made in that time, by their answers so far."""
        rows = await self._all(
            sa.select(appeals.c.outcome, _HOW_MANY)
            .join_from(appeals, cases, cases.c.id == appeals.c.case_id)
            .where(
                appeals.c.guild_id == guild_id,
                appeals.c.created_at >= since,
                appeals.c.created_at < until,
                sa.not_(_IN_LANE),
            )
            .group_by(appeals.c.outcome)
        )
        found: dict[AppealOutcome | None, int] = {row.outcome: row.number for row in rows}
        return AppealNumbers(
            upheld=found.get(AppealOutcome.UPHELD, 0),
            overturned=found.get(AppealOutcome.OVERTURNED, 0),
            open=found.get(None, 0),
        )

    async def sanctioned(self, guild_id: int, since: datetime, until: datetime) -> dict[SanctionKind, int]:
        """Sanctions ordered in that time that neither failed nor were taken back."""
        rows = await self._all(
            sa.select(sanctions.c.kind, _HOW_MANY)
            .join_from(sanctions, cases, cases.c.id == sanctions.c.case_id)
            .where(
                sanctions.c.guild_id == guild_id,
                sanctions.c.ordered_at >= since,
                sanctions.c.ordered_at < until,
                sanctions.c.state.in_(_STANDING),
                sa.not_(_IN_LANE),
            )
            .group_by(sanctions.c.kind)
        )
        return {row.kind: row.number for row in rows}

    async def lists(self, guild_id: int, since: datetime, until: datetime) -> list[ListRow]:
        """Decided cases by the list whose entry matched, the most decided first."""
        mistaken = sa.func.sum(sa.case((cases.c.decision.in_(MISTAKEN), 1), else_=0)).label("mistaken")
        rows = await self._all(
            sa.select(banks.c.name, _HOW_MANY, mistaken)
            .join_from(cases, entries, entries.c.id == cases.c.entry_id)
            .join(banks, banks.c.id == entries.c.bank_id)
            .where(
                *_decided(guild_id, since, until),
                sa.not_(_IN_LANE),
                cases.c.decision != Decision.DUPLICATE,
                # Without one the entry was made by the decision, and no list was right or wrong.
                cases.c.match.is_not(None),
            )
            .group_by(banks.c.id, banks.c.name)
            .order_by(_HOW_MANY.desc(), banks.c.name, banks.c.id)
        )
        return [ListRow(row.name, row.number, int(row.mistaken)) for row in rows]


def _decided(guild_id: int, since: datetime, until: datetime) -> list[sa.ColumnElement[bool]]:
    return [
        cases.c.guild_id == guild_id,
        cases.c.decision.is_not(None),
        cases.c.decided_at >= since,
        cases.c.decided_at < until,
    ]


def _of_cases(rows: sa.Subquery) -> sa.Label[int]:
    return sa.func.count(rows.c.case_id.distinct()).label("cases")


def _sum(rows: sa.Subquery, name: str) -> sa.Label[int]:
    return sa.func.sum(rows.c[name]).label(name)


def _number(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """A time as milliseconds, to count with."""
    return sa.type_coerce(column, sa.BigInteger)


def _instant(at: datetime) -> int:
    return (at - EPOCH) // MILLISECOND


def _middle(place: sa.ColumnElement[int], whole: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether a place is the middle of so many, or one of the two in the middle."""
    return sa.or_(place == _half(whole + 1), place == _half(whole) + 1)


def _half(number: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return number // 2


def _ninth(whole: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """The place up to which nine tenths of so many are."""
    return (9 * whole + 9) // 10


def _middles(whole: int) -> tuple[int, int]:
    return (whole + 1) // 2, whole // 2 + 1


def _mean(took: Sequence[int]) -> timedelta | None:
    return sum(took) / len(took) * MILLISECOND if took else None
