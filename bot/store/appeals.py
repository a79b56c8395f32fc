"""Appeals of the authors of removed messages. Their words are sealed at rest."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import Appeal, AppealOutcome

from .repository import Repository
from .seals import Seals
from .tables import appeals

_NO_WORDS = b""
"""What is left of a statement that was erased."""

STATEMENTS = sa.select(appeals.c.id, appeals.c.case_id, appeals.c.author_id, appeals.c.statement).where(
    sa.func.length(appeals.c.statement) > 0
)
"""Every statement that was not erased, as it lies in its column."""


def statement_context(case_id: int, author_id: int) -> bytes:
    """What ties a sealed statement to its appeal."""
    return f"appeal:{case_id}:{author_id}".encode()


class Appeals(Repository):
    """Appeals; an author has at most one against each decision on a case."""

    __slots__ = ("_seals",)

    def __init__(self, connection: AsyncConnection, *, writing: bool, seals: Seals) -> None:
        super().__init__(connection, writing=writing)
        self._seals = seals

    async def add(
        self, *, case_id: int, guild_id: int, author_id: int, decision_number: int, statement: str, at: datetime
    ) -> Appeal | None:
        """Record an appeal; None if this author appealed this decision before. Raises DatabaseError without a vault."""
        row = await self._first(
            self._insert_new(appeals)
            .values(
                case_id=case_id,
                guild_id=guild_id,
                author_id=author_id,
                decision_number=decision_number,
                statement=self._seals.seal_text(statement, statement_context(case_id, author_id)),
                created_at=at,
            )
            .returning(*appeals.c)
        )
        return None if row is None else self._appeal(row)

    async def by_case(self, case_id: int) -> list[Appeal]:
        """The appeals of a case, oldest first."""
        return await self._appeals(appeals.c.case_id == case_id)

    async def by_author(self, guild_id: int, author_id: int) -> list[Appeal]:
        """The appeals of a member of a guild, oldest first."""
        return await self._appeals(sa.and_(appeals.c.guild_id == guild_id, appeals.c.author_id == author_id))

    async def answer(self, case_id: int, outcome: AppealOutcome, by: int | None, at: datetime) -> list[Appeal]:
        """Answer every appeal of a case that has no answer yet; those that were answered now.

        ``by`` None: nobody did, the case expired.
        """
        rows = await self._all(
            appeals.update()
            .where(appeals.c.case_id == case_id, appeals.c.outcome.is_(None))
            .values(outcome=outcome, answered_by=by, answered_at=at)
            .returning(*appeals.c)
        )
        return sorted((self._appeal(row) for row in rows), key=lambda appeal: appeal.id)

    async def erase(self, author_id: int, guild_id: int | None = None) -> int:
        """Forget what a member wrote, in one guild or in all (None); how many appeals. That they appealed stays."""
        theirs = sa.and_(appeals.c.author_id == author_id, appeals.c.statement != _NO_WORDS)
        if guild_id is not None:
            theirs = sa.and_(theirs, appeals.c.guild_id == guild_id)
        return await self._run(appeals.update().where(theirs).values(statement=_NO_WORDS))

    async def forget(self, appeal_ids: Collection[int]) -> None:
        """Forget what was written in these appeals, because no key opens it any more."""
        await self._run(appeals.update().where(appeals.c.id.in_(appeal_ids)).values(statement=_NO_WORDS))

    async def _appeals(self, condition: sa.ColumnElement[bool]) -> list[Appeal]:
        rows = await self._all(sa.select(appeals).where(condition).order_by(appeals.c.id))
        return [self._appeal(row) for row in rows]

    def _appeal(self, row: sa.Row[Any]) -> Appeal:
        return Appeal(
            id=row.id,
            case_id=row.case_id,
            guild_id=row.guild_id,
            author_id=row.author_id,
            decision_number=row.decision_number,
            statement=self._opened(row),
            created_at=row.created_at,
            outcome=row.outcome,
            answered_by=row.answered_by,
            answered_at=row.answered_at,
        )

    def _opened(self, row: sa.Row[Any]) -> str | None:
        if row.statement == _NO_WORDS:
            return ""
        return self._seals.open_text(row.statement, statement_context(row.case_id, row.author_id))
