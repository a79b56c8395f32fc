"""The history of cases: what happened to each, by whom, and in answer to which press or command."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import CaseEvent

from .audit import Audit
from .chain import SALT_BYTES, event_payload
from .repository import Repository
from .tables import case_events, cases


class Events(Repository):
    """What happened to cases. A line is added, never changed."""

    __slots__ = ("_audit",)

    def __init__(self, connection: AsyncConnection, *, writing: bool, audit: Audit) -> None:
        super().__init__(connection, writing=writing)
        self._audit = audit

    async def add(self, event: CaseEvent) -> None:
        """Add a line to the history of a case, and to the audit log of its guild.

        Raises DatabaseError for what a person did in a database that was opened without the vault: see Audit.append.
        """
        salt = secrets.token_bytes(SALT_BYTES)
        event_id = await self._scalar(
            case_events.insert()
            .values(
                case_id=event.case_id,
                at=event.at,
                kind=event.kind,
                actor_id=event.actor_id,
                detail=event.detail,
                request_id=event.request_id,
                salt=salt,
            )
            .returning(case_events.c.id)
        )
        guild_id = await self._scalar(sa.select(cases.c.guild_id).where(cases.c.id == event.case_id))
        payload = event_payload(event, event_id, salt)
        self._audit.append(
            guild_id, event.kind, event.at, event.actor_id, payload, case_id=event.case_id, event_id=event_id
        )

    async def answered(self, request_id: int | None) -> bool:
        """Whether this press or command has changed a case already; it changes nothing a second time."""
        if request_id is None:
            return False
        found = sa.select(case_events.c.id).where(case_events.c.request_id == request_id)
        return await self._first(found) is not None

    async def of_case(self, case_id: int) -> list[CaseEvent]:
        """The history of a case, oldest first."""
        rows = await self._all(
            sa.select(case_events).where(case_events.c.case_id == case_id).order_by(case_events.c.id)
        )
        return [_event(row) for row in rows]

    async def of_kind(self, case_ids: Collection[int], kind: str) -> list[CaseEvent]:
        """What happened of one kind in any of these cases, oldest first."""
        rows = await self._all(
            sa.select(case_events)
            .where(case_events.c.case_id.in_(case_ids), case_events.c.kind == kind)
            .order_by(case_events.c.id)
        )
        return [_event(row) for row in rows]


def _event(row: sa.Row[Any]) -> CaseEvent:
    return CaseEvent(row.case_id, row.at, row.kind, row.actor_id, row.detail, row.request_id)
