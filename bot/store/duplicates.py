"""What was decided about the case of a report, where a duplicate counts as the case that it belongs to."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from bot.model import CaseState, Decision

from .tables import cases, reports


class Ended(NamedTuple):
    """Reports with their cases, and how these stand: to be selected from ``source``."""

    source: sa.FromClause
    state: sa.ColumnElement[CaseState]
    decision: sa.ColumnElement[Decision | None]
    decided_at: sa.ColumnElement[datetime | None]


def reports_with_cases() -> Ended:
    """Every report with its case."""
    original = cases.alias("original")
    belongs = sa.and_(original.c.id == cases.c.duplicate_of, cases.c.decision == Decision.DUPLICATE)
    return Ended(
        reports.join(cases, cases.c.id == reports.c.case_id).outerjoin(original, belongs),
        sa.func.coalesce(original.c.state, cases.c.state),
        sa.case((original.c.id.is_not(None), original.c.decision), else_=cases.c.decision),
        sa.func.coalesce(original.c.decided_at, cases.c.decided_at),
    )
