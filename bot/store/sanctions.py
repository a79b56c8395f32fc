"""Sanctions that moderators ordered, each by one decision on a case."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.model import Sanction, SanctionKind, SanctionState

from .repository import Repository
from .tables import sanctions


class Sanctions(Repository):
    """Sanctions; a decision has at most one on a member."""

    __slots__ = ()

    async def order(
        self,
        *,
        case_id: int,
        guild_id: int,
        user_id: int,
        kind: SanctionKind,
        decision_number: int,
        ordered_by: int,
        ordered_at: datetime,
        until: datetime | None = None,
        delete_message_seconds: int = 0,
    ) -> Sanction | None:
        """Order a sanction; None if this decision sanctioned the member already."""
        row = await self._first(
            self._insert_new(sanctions)
            .values(
                case_id=case_id,
                guild_id=guild_id,
                user_id=user_id,
                kind=kind,
                decision_number=decision_number,
                ordered_by=ordered_by,
                ordered_at=ordered_at,
                state=SanctionState.PENDING,
                until=until,
                delete_message_seconds=delete_message_seconds,
                error="",
            )
            .returning(*sanctions.c)
        )
        return None if row is None else _sanction(row)

    async def get(self, sanction_id: int) -> Sanction | None:
        """The sanction of this id."""
        row = await self._first(sa.select(sanctions).where(sanctions.c.id == sanction_id))
        return None if row is None else _sanction(row)

    async def by_case(self, case_id: int) -> list[Sanction]:
        """The sanctions of a case, oldest first."""
        return await self._sanctions(sanctions.c.case_id == case_id)

    async def by_member(self, guild_id: int, user_id: int) -> list[Sanction]:
        """The sanctions on a member of a guild, oldest first."""
        return await self._sanctions(sa.and_(sanctions.c.guild_id == guild_id, sanctions.c.user_id == user_id))

    async def advance(
        self, sanction_id: int, expected: tuple[SanctionState, ...], state: SanctionState, error: str = ""
    ) -> bool:
        """Move a sanction on, if it stands where it is expected; whether it did."""
        statement = (
            sanctions.update()
            .where(sanctions.c.id == sanction_id, sanctions.c.state.in_(expected))
            .values(state=state, error=error)
        )
        return await self._run(statement) > 0

    async def _sanctions(self, condition: sa.ColumnElement[bool]) -> list[Sanction]:
        return [
            _sanction(row) for row in await self._all(sa.select(sanctions).where(condition).order_by(sanctions.c.id))
        ]


def _sanction(row: sa.Row[Any]) -> Sanction:
    return Sanction(
        id=row.id,
        case_id=row.case_id,
        guild_id=row.guild_id,
        user_id=row.user_id,
        kind=row.kind,
        decision_number=row.decision_number,
        ordered_by=row.ordered_by,
        ordered_at=row.ordered_at,
        state=row.state,
        until=row.until,
        delete_message_seconds=row.delete_message_seconds,
        error=row.error,
    )
