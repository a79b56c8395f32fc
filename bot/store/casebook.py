"""Looking cases up: lists by filters, the history of a member, and the case that a moderator should take next.

Nothing in here reads a fingerprint or opens what is sealed. Whatever is out of a :class:`Scope` is left out of every
row and every number.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import (
    UNDECIDED,
    AppealLine,
    CaseFilter,
    CaseLine,
    CaseOrder,
    CaseState,
    Category,
    Decision,
    MemberHistory,
    ReportState,
    ReportTally,
    SanctionLine,
    Scope,
)

from .duplicates import reports_with_cases
from .reports import Reports
from .repository import Repository
from .tables import appeals, case_events, cases, reports, sanctions, sightings

Condition = sa.ColumnElement[bool]
Order = Sequence[sa.ColumnElement[Any]]

MOST_CASES = 10
MOST_SANCTIONS = 8
MOST_APPEALS = 5
"""Of each in the history of a member; the totals count them all."""

_UNDECIDED = cases.c.state.in_(UNDECIDED)
_MINOR = cases.c.category == Category.MINOR_SUSPECTED
_NEWEST = (cases.c.id.desc(),)
WANTED_AT = sa.case((cases.c.state != CaseState.APPEALED, cases.c.takedown_at))
"""Since when somebody wants a picture taken down. One that is under appeal was taken down long ago."""

URGENT: Order = (
    sa.case(
        (WANTED_AT.is_not(None), 0),
        (cases.c.state == CaseState.APPEALED, 1),
        (cases.c.state == CaseState.ESCALATED, 2),
        (_MINOR, 3),
        else_=4,
    ),
    WANTED_AT,
    cases.c.priority.desc(),
    cases.c.opened_at,
    cases.c.id,
)
"""The order of undecided cases: see CaseOrder.URGENT."""

_ORDERS: dict[CaseOrder, Order] = {CaseOrder.NEWEST: _NEWEST, CaseOrder.URGENT: (sa.not_(_UNDECIDED), *URGENT)}
_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

_COLUMNS = (
    cases.c.id,
    cases.c.guild_id,
    cases.c.category,
    cases.c.state,
    cases.c.version,
    cases.c.opened_at,
    cases.c.decision,
    cases.c.decided_at,
    cases.c.claimed_by,
    cases.c.claimed_until,
    cases.c.card_channel_id,
    cases.c.card_message_id,
    cases.c.takedown_at,
)


class Casebook(Repository):
    """Cases as moderators look them up. Reads only."""

    __slots__ = ("_reports",)

    def __init__(self, connection: AsyncConnection, *, writing: bool, reports: Reports) -> None:
        super().__init__(connection, writing=writing)
        self._reports = reports

    async def search(
        self,
        guild_id: int,
        filters: CaseFilter,
        scope: Scope,
        *,
        limit: int,
        offset: int = 0,
        order: CaseOrder = CaseOrder.NEWEST,
    ) -> tuple[list[CaseLine], int]:
        """The cases of a guild that fit, in this order, and how many fit in all."""
        fitting = sa.and_(_visible(guild_id, scope), *self._conditions(filters))
        total = await self._scalar(sa.select(sa.func.count()).select_from(cases).where(fitting))
        return await self._lines(fitting, _ORDERS[order], limit=limit, offset=offset), total

    async def suggest(self, guild_id: int, digits: str, scope: Scope, *, limit: int) -> list[CaseLine]:
        """Cases whose number begins with these digits: that very one first, undecided ones next, then the newest."""
        fitting = _visible(guild_id, scope)
        order: Order = (sa.case((_UNDECIDED, 0), else_=1), *_NEWEST)
        if digits:
            fitting = sa.and_(fitting, sa.cast(cases.c.id, sa.String).startswith(digits, autoescape=True))
            order = (sa.func.length(sa.cast(cases.c.id, sa.String)) > len(digits), *order)
        return await self._lines(fitting, order, limit=limit)

    async def next_case(
        self,
        guild_id: int,
        moderator_id: int,
        scope: Scope,
        *,
        may_escalated: bool,
        opted_out: Collection[Category],
        now: datetime,
    ) -> CaseLine | None:
        """The undecided case that a moderator should take next; None if there is nothing for them.

        Never one that another holds, with a message of their own, or with an appeal against their own decision; and
        none that they skipped or of a category that they do not want to see, unless they hold it anyway. The order is
        that of CaseOrder.URGENT.
        """
        in_force = sa.or_(cases.c.claimed_until.is_(None), cases.c.claimed_until > now)
        held = sa.and_(cases.c.claimed_by.is_not(None), in_force)
        mine = sa.and_(cases.c.claimed_by == moderator_id, in_force)
        skipped = sa.select(case_events.c.case_id).where(
            case_events.c.actor_id == moderator_id, case_events.c.kind == "skipped"
        )
        wanted = sa.and_(cases.c.id.not_in(skipped), cases.c.category.not_in(opted_out))
        own_decision = sa.and_(cases.c.state == CaseState.APPEALED, cases.c.decided_by == moderator_id)
        fitting = [
            _visible(guild_id, scope),
            _UNDECIDED,
            sa.or_(mine, sa.and_(sa.not_(held), wanted)),
            cases.c.id.not_in(_posted_by(moderator_id)),
            sa.not_(sa.func.coalesce(own_decision, sa.false())),
        ]
        if not may_escalated:
            fitting.append(sa.or_(cases.c.state != CaseState.ESCALATED, _MINOR))
        lines = await self._lines(sa.and_(*fitting), URGENT, limit=1)
        return lines[0] if lines else None

    # ------------------------------------------------------------------------------------------- a member

    async def history(self, guild_id: int, user_id: int, scope: Scope) -> MemberHistory:
        """What is known of a member in a guild."""
        visible = _visible(guild_id, scope)
        posted = sa.and_(visible, cases.c.id.in_(_posted_by(user_id).where(sightings.c.excepted_by.is_(None))))
        ended = await self._all(
            sa.select(cases.c.decision, _UNDECIDED.label("waiting"), sa.func.count().label("number"))
            .where(posted)
            .group_by(cases.c.decision, sa.literal_column("waiting"))
        )
        decisions: dict[Decision, int] = {
            row.decision: row.number for row in ended if row.decision is not None and not row.waiting
        }
        reported = sa.and_(
            visible,
            reports.c.guild_id == guild_id,
            reports.c.reporter == self._reports.digest(guild_id, user_id),
            reports.c.state == ReportState.STANDING,
        )
        sanctioned, sanction_count = await self._sanctions(visible, user_id)
        appealed, appeal_count = await self._appeals(visible, user_id)
        return MemberHistory(
            cases=tuple(await self._lines(posted, _NEWEST, limit=MOST_CASES)),
            case_count=sum(row.number for row in ended),
            decisions=decisions,
            waiting_count=sum(row.number for row in ended if row.waiting),
            sanctions=sanctioned,
            sanction_count=sanction_count,
            appeals=appealed,
            appeal_count=appeal_count,
            reports_by=await self._tally(reported),
            reports_on=await self._tally(sa.and_(posted, reports.c.state == ReportState.STANDING)),
        )

    async def _sanctions(self, visible: Condition, user_id: int) -> tuple[tuple[SanctionLine, ...], int]:
        rows = await self._all(
            sa.select(sanctions, sa.func.count().over().label("total"))
            .join(cases, cases.c.id == sanctions.c.case_id)
            .where(visible, sanctions.c.guild_id == cases.c.guild_id, sanctions.c.user_id == user_id)
            .order_by(sanctions.c.id.desc())
            .limit(MOST_SANCTIONS)
        )
        lines = tuple(
            SanctionLine(row.case_id, row.kind, row.state, row.ordered_by, row.ordered_at, row.until) for row in rows
        )
        return lines, rows[0].total if rows else 0

    async def _appeals(self, visible: Condition, user_id: int) -> tuple[tuple[AppealLine, ...], int]:
        rows = await self._all(
            sa.select(
                appeals.c.case_id,
                appeals.c.decision_number,
                appeals.c.created_at,
                appeals.c.outcome,
                sa.func.count().over().label("total"),
            )
            .join(cases, cases.c.id == appeals.c.case_id)
            .where(visible, appeals.c.guild_id == cases.c.guild_id, appeals.c.author_id == user_id)
            .order_by(appeals.c.id.desc())
            .limit(MOST_APPEALS)
        )
        lines = tuple(AppealLine(row.case_id, row.decision_number, row.created_at, row.outcome) for row in rows)
        return lines, rows[0].total if rows else 0

    async def _tally(self, condition: Condition) -> ReportTally:
        ended = reports_with_cases()
        waiting = ended.state.in_(UNDECIDED)
        mistaken = ended.decision.in_([each for each in Decision if each.mistaken])
        row = await self._first(
            sa.select(
                sa.func.count(),
                _number(sa.and_(sa.not_(waiting), ended.decision == Decision.CONFIRM)),
                _number(sa.and_(sa.not_(waiting), mistaken)),
                _number(waiting),
            )
            .select_from(ended.source)
            .where(condition)
        )
        return ReportTally() if row is None else ReportTally(*row)

    # ------------------------------------------------------------------------------------------- parts

    def _conditions(self, filters: CaseFilter) -> list[Condition]:
        fitting: list[Condition] = []
        if filters.states:
            fitting.append(cases.c.state.in_(filters.states))
        if filters.category is not None:
            fitting.append(cases.c.category == filters.category)
        if filters.decision is not None:
            fitting.append(cases.c.decision == filters.decision)
        if filters.opened_after is not None:
            fitting.append(cases.c.opened_at >= filters.opened_after)
        if filters.opened_before is not None:
            fitting.append(cases.c.opened_at < filters.opened_before)
        if filters.channel_id is not None:
            # By the case: channels have far more sightings than cases.
            there = sa.and_(sightings.c.case_id == cases.c.id, sightings.c.channel_id == filters.channel_id)
            fitting.append(sa.exists().where(there))
        if filters.author_id is not None:
            fitting.append(cases.c.id.in_(_posted_by(filters.author_id)))
        if filters.moderator_id is not None:
            # An appeal stands in the history too, and is a member's.
            wrote = sa.select(case_events.c.case_id).where(
                case_events.c.actor_id == filters.moderator_id, case_events.c.kind != "appealed"
            )
            fitting.append(
                sa.or_(
                    cases.c.claimed_by == filters.moderator_id,
                    cases.c.decided_by == filters.moderator_id,
                    cases.c.id.in_(wrote),
                )
            )
        if filters.text:
            fitting.append(self._says(filters.text))
        return fitting

    def _says(self, text: str) -> Condition:
        """Whether a note or a reason holds this text. Reasons are taken out of their JSON, which spells words anew."""
        notes = sa.exists().where(
            case_events.c.case_id == cases.c.id, case_events.c.kind == "note", self._holds(case_events.c.detail, text)
        )
        taken_apart = sa.func.json_array_elements_text if self._postgresql else sa.func.json_each
        reason = taken_apart(cases.c.reasons).table_valued(sa.column("value", sa.Text))
        reasons = sa.select(sa.literal(1)).select_from(reason).where(self._holds(reason.c.value, text))
        return sa.or_(notes, reasons.exists())

    def _holds(self, column: sa.ColumnElement[str], text: str) -> Condition:
        """LIKE, in which both databases take a to z, and nothing else, for the same in either case."""
        plain = sa.collate(column, "C") if self._postgresql else column
        return sa.func.lower(plain).contains(text.translate(_FOLD), autoescape=True)

    async def _lines(self, fitting: Condition, order: Order, *, limit: int, offset: int = 0) -> list[CaseLine]:
        """One page of cases. What hangs on them is counted for the page alone."""
        page = sa.select(cases.c.id).where(fitting).order_by(*order).limit(limit).offset(offset).subquery()
        seen = sa.select(sa.func.count()).where(sightings.c.case_id == cases.c.id)
        channels = sa.select(sa.func.count(sightings.c.channel_id.distinct())).where(sightings.c.case_id == cases.c.id)
        reported = sa.select(sa.func.count()).where(
            reports.c.case_id == cases.c.id, reports.c.state == ReportState.STANDING
        )
        rows = await self._all(
            sa.select(*_COLUMNS, seen.scalar_subquery(), channels.scalar_subquery(), reported.scalar_subquery())
            .join(page, page.c.id == cases.c.id)
            .order_by(*order)
        )
        return [CaseLine(*row) for row in rows]


def _visible(guild_id: int, scope: Scope) -> Condition:
    if scope.ordinary and scope.lane:
        return cases.c.guild_id == guild_id
    if scope.ordinary:
        return sa.and_(cases.c.guild_id == guild_id, sa.not_(_MINOR))
    if scope.lane:
        return sa.and_(cases.c.guild_id == guild_id, _MINOR)
    return sa.false()


def _posted_by(user_id: int) -> sa.Select[tuple[int | None]]:
    """The cases with a copy that somebody posted."""
    return sa.select(sightings.c.case_id).where(sightings.c.author_id == user_id, sightings.c.case_id.is_not(None))


def _number(condition: Condition) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)
