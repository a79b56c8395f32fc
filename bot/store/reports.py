"""What members reported."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.model import Category, Report

from .repository import Repository
from .tables import reports


class Reports(Repository):
    """Reports of members, each tied to a case."""

    __slots__ = ()

    async def add(
        self, case_id: int, guild_id: int, reporter_id: int, category: Category, at: datetime
    ) -> Report | None:
        """Record a report; None if this member already reported this case."""
        row = await self._first(
            self._insert_new(reports)
            .values(
                case_id=case_id,
                guild_id=guild_id,
                reporter_id=reporter_id,
                category=category,
                created_at=at,
                outcome_sent=False,
            )
            .returning(*reports.c)
        )
        return None if row is None else _report(row)

    async def by_case(self, case_id: int) -> list[Report]:
        """The reports of a case, oldest first."""
        rows = await self._all(sa.select(reports).where(reports.c.case_id == case_id).order_by(reports.c.id))
        return [_report(row) for row in rows]

    async def count_by_case(self, case_id: int) -> int:
        """How many members reported this case."""
        return await self._scalar(sa.select(sa.func.count()).select_from(reports).where(reports.c.case_id == case_id))

    async def mark_outcome(self, report_id: int) -> bool:
        """Note that the reporter heard the outcome; False if that was noted before."""
        statement = (
            reports.update().where(reports.c.id == report_id, sa.not_(reports.c.outcome_sent)).values(outcome_sent=True)
        )
        return await self._run(statement) > 0


def _report(row: sa.Row[Any]) -> Report:
    return Report(
        id=row.id,
        case_id=row.case_id,
        guild_id=row.guild_id,
        reporter_id=row.reporter_id,
        category=row.category,
        created_at=row.created_at,
        outcome_sent=row.outcome_sent,
    )
