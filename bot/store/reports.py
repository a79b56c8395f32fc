"""What members reported. Who they are and what they wrote never lies here in clear: see bot.store.reporter_ids."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import (
    HALF_LIFE_DAYS,
    UNDECIDED,
    CaseOrigin,
    Category,
    Decision,
    Language,
    Report,
    ReporterRecord,
    ReportKind,
    ReportState,
    Scope,
    Standing,
)

from .duplicates import reports_with_cases
from .reporter_ids import ReporterIds, words_context
from .repository import Repository
from .seals import Seals
from .tables import cases, reports
from .types import DAY

NO_WORDS = b""
"""What stands in the column of a report without words, or whose words were erased."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A report that stands, as it weighs in a case: nothing sealed is opened for it. ``reporter``: as in Report.

    ``case_id``: the case that was reported, or the one that it is a duplicate of.
    """

    case_id: int
    reporter: bytes
    kind: ReportKind
    created_at: datetime


class Reports(Repository):
    """Reports of members, each tied to a case; a member has at most one on each case."""

    __slots__ = ("_ids", "_seals")

    def __init__(self, connection: AsyncConnection, *, writing: bool, seals: Seals, secret: bytes | None) -> None:
        super().__init__(connection, writing=writing)
        self._seals = seals
        self._ids = ReporterIds(seals, secret)

    def digest(self, guild_id: int, user_id: int) -> bytes:
        """What stands for a member in the reports of a guild. Raises DatabaseError without the vault."""
        return self._ids.digest(guild_id, user_id)

    async def add(
        self,
        *,
        case_id: int,
        guild_id: int,
        reporter_id: int,
        category: Category,
        at: datetime,
        kind: ReportKind = ReportKind.REPORT,
        language: Language = Language.ENGLISH,
        message_id: int | None = None,
        words: str = "",
    ) -> Report | None:
        """Record a report; None if one of this member on this case stands already, or was dropped.

        One that was withdrawn is made again, as it is given now. A request to take a picture down takes the place of an
        ordinary report, whatever became of that. Raises DatabaseError without the vault.
        """
        reporter = self.digest(guild_id, reporter_id)
        values: dict[str, Any] = {
            "kind": kind,
            "state": ReportState.STANDING,
            "sealed_id": self._ids.seal(reporter, reporter_id),
            "words": self._seals.seal_text(words, words_context(case_id, reporter)) if words else NO_WORDS,
            "category": category,
            "language": language,
            "message_id": message_id,
            "created_at": at,
        }
        replaced: sa.ColumnElement[bool] = reports.c.state == ReportState.WITHDRAWN
        if kind is ReportKind.TAKEDOWN:
            replaced = sa.or_(replaced, reports.c.kind == ReportKind.REPORT)
        again = (
            reports.update()
            .where(reports.c.case_id == case_id, reports.c.reporter == reporter, replaced)
            .values(values)
            .returning(*reports.c)
        )
        new = (
            self._insert_new(reports)
            .values(case_id=case_id, guild_id=guild_id, reporter=reporter, outcome_sent=False, **values)
            .returning(*reports.c)
        )
        row = await self._first(again) or await self._first(new)
        return None if row is None else self._report(row)

    async def get(self, report_id: int, *, hold: bool = False) -> Report | None:
        """The report of this id; ``hold``: nobody else changes it until this transaction ends."""
        statement = sa.select(reports).where(reports.c.id == report_id)
        row = await self._first(statement.with_for_update() if hold else statement)
        return None if row is None else self._report(row)

    async def by_case(self, case_id: int) -> list[Report]:
        """The reports of a case, oldest first, also those that count no more."""
        return await self._reports(sa.select(reports).where(reports.c.case_id == case_id).order_by(reports.c.id))

    async def by_reporter(
        self, guild_id: int, reporter: bytes, *, limit: int | None = None, offset: int = 0
    ) -> list[Report]:
        """The reports of a member in a guild, newest first."""
        theirs = sa.and_(reports.c.guild_id == guild_id, reports.c.reporter == reporter)
        statement = sa.select(reports).where(theirs).order_by(reports.c.id.desc()).limit(limit).offset(offset)
        return await self._reports(statement)

    async def count_by_reporter(self, guild_id: int, reporter: bytes) -> int:
        """How many reports a member made in a guild, also those that count no more."""
        theirs = sa.and_(reports.c.guild_id == guild_id, reports.c.reporter == reporter)
        return await self._scalar(sa.select(sa.func.count()).select_from(reports).where(theirs))

    async def count_by_case(self, case_id: int) -> int:
        """How many members' reports of this case stand."""
        standing = sa.and_(reports.c.case_id == case_id, reports.c.state == ReportState.STANDING)
        return await self._scalar(sa.select(sa.func.count()).select_from(reports).where(standing))

    async def voices(self, case_ids: Collection[int]) -> list[Voice]:
        """The reports that stand on these cases and on their duplicates, oldest first."""
        of_duplicate = cases.c.duplicate_of.in_(case_ids)
        weighs_in = sa.case((of_duplicate, cases.c.duplicate_of), else_=cases.c.id)
        rows = await self._all(
            sa.select(weighs_in.label("case_id"), reports.c.reporter, reports.c.kind, reports.c.created_at)
            .join(cases, cases.c.id == reports.c.case_id)
            .where(sa.or_(cases.c.id.in_(case_ids), of_duplicate), reports.c.state == ReportState.STANDING)
            .order_by(reports.c.id)
        )
        return [Voice(*row) for row in rows]

    async def open_cases_of(self, guild_id: int, reporters: Collection[bytes], *, limit: int) -> list[int]:
        """The undecided cases in which reports of these members weigh, newest first.

        One whose duplicate they reported is meant, too.
        """
        original = cases.alias("original")
        undecided = sa.func.coalesce(original.c.state, cases.c.state).in_([state.value for state in UNDECIDED])
        number = sa.func.coalesce(original.c.id, cases.c.id).label("number")
        rows = await self._all(
            sa.select(number)
            .select_from(
                reports.join(cases, cases.c.id == reports.c.case_id).outerjoin(
                    original, original.c.id == cases.c.duplicate_of
                )
            )
            .where(
                reports.c.guild_id == guild_id,
                reports.c.reporter.in_(reporters),
                reports.c.state == ReportState.STANDING,
                undecided,
            )
            .group_by(number)
            .order_by(number.desc())
            .limit(limit)
        )
        return [row.number for row in rows]

    async def made_since(self, guild_id: int, reporter: bytes, kind: ReportKind, since: datetime) -> int:
        """How many reports of this kind a member made in a guild since then, also those that count no more."""
        made = sa.and_(
            reports.c.guild_id == guild_id,
            reports.c.reporter == reporter,
            reports.c.kind == kind,
            reports.c.created_at >= since,
        )
        return await self._scalar(sa.select(sa.func.count()).select_from(reports).where(made))

    async def cases_opened_since(self, guild_id: int, since: datetime) -> int:
        """How many cases reports opened in a guild since then."""
        opened = sa.and_(cases.c.guild_id == guild_id, cases.c.origin == CaseOrigin.REPORT, cases.c.opened_at >= since)
        return await self._scalar(sa.select(sa.func.count()).select_from(cases).where(opened))

    async def set_state(self, report_ids: Collection[int], old: ReportState, new: ReportState) -> list[Report]:
        """Change the state of those of these reports that are in the old one; those that were changed, oldest first."""
        rows = await self._all(
            reports.update()
            .where(reports.c.id.in_(report_ids), reports.c.state == old)
            .values(state=new)
            .returning(*reports.c)
        )
        return sorted((self._report(row) for row in rows), key=lambda report: report.id)

    async def mark_outcome(self, report_id: int) -> bool:
        """Note that the reporter heard the outcome; False if that was noted before."""
        statement = (
            reports.update().where(reports.c.id == report_id, sa.not_(reports.c.outcome_sent)).values(outcome_sent=True)
        )
        return await self._run(statement) > 0

    async def standings(self, guild_id: int, reporters: Collection[bytes], now: datetime) -> Mapping[bytes, Standing]:
        """How often each of these members was right in a guild: by what was decided about the cases they reported.

        A duplicate's decision is that of the case it belongs to. A dropped report was wrong; a withdrawn one, one whose
        case was closed without action, and one that nobody decided say nothing.
        """
        records = await self.records(guild_id, reporters, now)
        return {reporter: record.standing for reporter, record in records.items()}

    async def records(
        self, guild_id: int, reporters: Collection[bytes], now: datetime, scope: Scope | None = None
    ) -> Mapping[bytes, ReporterRecord]:
        """Like :meth:`standings`, with the plain numbers; ``scope``: by the cases that somebody may know of alone."""
        ended = reports_with_cases()
        known = [category for category in Category if scope is None or scope.sees(category)]
        rows = await self._all(
            sa.select(
                reports.c.reporter,
                reports.c.state,
                ended.decision.label("decision"),
                sa.func.coalesce(ended.decided_at, reports.c.created_at).label("at"),
            )
            .select_from(ended.source)
            .where(
                reports.c.guild_id == guild_id,
                reports.c.reporter.in_(reporters),
                cases.c.category.in_(known),
                sa.or_(
                    reports.c.state == ReportState.DROPPED,
                    sa.and_(reports.c.state == ReportState.STANDING, ended.state.not_in(UNDECIDED)),
                ),
            )
        )
        confirmed: dict[bytes, list[float]] = {reporter: [] for reporter in reporters}
        refused: dict[bytes, list[float]] = {reporter: [] for reporter in reporters}
        for row in rows:
            weight = 0.5 ** (max((now - row.at) / DAY, 0.0) / HALF_LIFE_DAYS)
            if row.state is ReportState.DROPPED or row.decision in (Decision.NOT_A_MATCH, Decision.HARMLESS_EDIT):
                refused[row.reporter].append(weight)
            elif row.decision is Decision.CONFIRM:
                confirmed[row.reporter].append(weight)
        return {
            reporter: ReporterRecord(
                Standing(sum(confirmed[reporter]), sum(refused[reporter])),
                len(confirmed[reporter]),
                len(refused[reporter]),
            )
            for reporter in reporters
        }

    async def in_state(
        self, guild_id: int, reporter: bytes, state: ReportState, *, waiting: bool = False
    ) -> list[Report]:
        """The reports of a member in a guild that are in this state, by the number of their case.

        ``waiting``: only those of cases that nobody decided yet.
        """
        statement = (
            sa.select(*reports.c)
            .join(cases, cases.c.id == reports.c.case_id)
            .where(reports.c.guild_id == guild_id, reports.c.reporter == reporter, reports.c.state == state)
            .order_by(reports.c.case_id)
        )
        return await self._reports(statement.where(cases.c.state.in_(UNDECIDED)) if waiting else statement)

    async def _reports(self, statement: sa.Executable) -> list[Report]:
        return [self._report(row) for row in await self._all(statement)]

    def _report(self, row: sa.Row[Any]) -> Report:
        return Report(
            id=row.id,
            case_id=row.case_id,
            guild_id=row.guild_id,
            kind=row.kind,
            state=row.state,
            reporter=row.reporter,
            reporter_id=self._ids.open(row.reporter, row.sealed_id),
            category=row.category,
            language=row.language,
            message_id=row.message_id,
            words=self._words(row),
            created_at=row.created_at,
            outcome_sent=row.outcome_sent,
        )

    def _words(self, row: sa.Row[Any]) -> str | None:
        if row.words == NO_WORDS:
            return ""
        return self._seals.open_text(row.words, words_context(row.case_id, row.reporter))
