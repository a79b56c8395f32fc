"""Proves the audit log: every chain from its first row on, and the histories of cases against it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.model import INSTALLATION, AuditHead, AuditRow, CaseEvent

from . import chain
from .engine import Tx
from .tables import audit, case_events, cases

TRIGGERS = {
    "sqlite": ("audit_keeps_rows", "audit_loses_no_rows", "audit_replaces_no_rows"),
    "postgresql": ("audit_keeps_rows", "audit_loses_no_rows"),
}
REMEDY = (
    "find out who could write to the database, compare the log with the heads that were posted, and restore a backup "
    "from before with `stanguard db restore`"
)


async def audit_problems(tx: Tx, anchors: Collection[AuditHead], secret: bytes | None) -> list[str]:
    """What is wrong with the audit log, in sentences that name the first broken row of each chain.

    ``secret`` is the installation's: without it nobody can tell who stands behind a pseudonym.
    """
    problems = await _trigger_problems(tx)
    renewed = await _secret_renewed(tx)
    broken: set[int] = set()
    for guild_id in await tx.audit.guilds():
        problem = await _chain_problem(tx, guild_id, secret, renewed)
        if problem is not None:
            problems.append(problem)
            broken.add(guild_id)
    problems += [sentence for guild_id, sentence in await _events_without_rows(tx) if guild_id not in broken]
    for anchor in anchors:
        row = await tx.audit.row(anchor.guild_id, anchor.seq)
        if row is None or row.hash != anchor.hash:
            what = "was changed or replaced" if row is not None else "is gone: the newest rows were cut off"
            problems.append(_sentence(anchor.guild_id, anchor.seq, f"{what} since its hash was written down"))
    return problems


def _sentence(guild_id: int, seq: int, clause: str) -> str:
    whose = "the installation" if guild_id == INSTALLATION else f"server {guild_id}"
    return f"Row {seq} of the audit log of {whose} {clause}; {REMEDY}."


async def _trigger_problems(tx: Tx) -> list[str]:
    if tx.connection.dialect.name == "sqlite":
        statement = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
    else:
        statement = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit'::regclass AND tgenabled IN ('O', 'A')"
    found = {row[0] for row in (await tx.connection.exec_driver_sql(statement)).all()}
    if found.issuperset(TRIGGERS[tx.connection.dialect.name]):
        return []
    return [f"The triggers that keep the audit log as it was written are gone; {REMEDY}."]


async def _secret_renewed(tx: Tx) -> datetime | None:
    """When the secret that pseudonyms are made with became another one, for the last time."""
    renewed = sa.select(sa.func.max(audit.c.at)).where(
        audit.c.guild_id == INSTALLATION, audit.c.action == chain.AuditAction.SECRET_RENEWED
    )
    return (await tx.connection.execute(renewed)).scalar()


async def _chain_problem(tx: Tx, guild_id: int, secret: bytes | None, renewed: datetime | None) -> str | None:
    walk = chain.Walk(guild_id)
    async for rows in tx.audit.stream(guild_id):
        walk.follow(rows)
        told = [row for row in rows if walk.broken is None or row.seq < walk.broken[0]]
        events = await _events(tx, told)
        for row in told:
            event = None if row.event_id is None else events.get(row.event_id)
            clause = None if event is None else _contradiction(row, event, secret, renewed)
            if clause is not None:
                return _sentence(guild_id, row.seq, clause)
        if walk.broken is not None:
            return _sentence(guild_id, *walk.broken)
    return None


async def _events(tx: Tx, rows: Sequence[AuditRow]) -> dict[int, sa.Row[Any]]:
    ids = [row.event_id for row in rows if row.event_id is not None]
    found = (await tx.connection.execute(sa.select(case_events).where(case_events.c.id.in_(ids)))).all()
    return {event.id: event for event in found}


def _contradiction(row: AuditRow, event: sa.Row[Any], secret: bytes | None, renewed: datetime | None) -> str | None:
    """How the history of a case differs from what was logged of it. An event that was erased contradicts nothing."""
    words = CaseEvent(event.case_id, event.at, event.kind, event.actor_id, event.detail)
    if chain.digest(chain.event_payload(words, event.id, event.salt or b"")) != row.payload_sha256:
        return f"does not fit the history of case {event.case_id}, which was changed"
    unknown = secret is None or (renewed is not None and row.at < renewed)
    if event.actor_id is None or (unknown and row.actor is not None):
        return None
    if row.actor is None or secret is None or chain.pseudonym(secret, row.guild_id, event.actor_id) != row.actor:
        return f"names another person than the history of case {event.case_id}, which was changed"
    return None


async def _events_without_rows(tx: Tx) -> list[tuple[int, str]]:
    """Events of cases that should have a row in the log and have none: the first one of each guild."""
    first = sa.select(sa.func.min(audit.c.event_id)).scalar_subquery()
    own = sa.and_(audit.c.event_id == case_events.c.id, audit.c.guild_id == cases.c.guild_id)
    statement = (
        sa.select(cases.c.guild_id, sa.func.min(case_events.c.id).label("event_id"))
        .join(cases, cases.c.id == case_events.c.case_id)
        .join(audit, own, isouter=True)
        .where(audit.c.id.is_(None), sa.or_(case_events.c.salt.is_not(None), case_events.c.id > first))
        .group_by(cases.c.guild_id)
        .order_by(cases.c.guild_id)
    )
    missing: list[tuple[int, str]] = []
    for guild_id, event_id in (await tx.connection.execute(statement)).all():
        case_id = await tx.connection.scalar(sa.select(case_events.c.case_id).where(case_events.c.id == event_id))
        head = await tx.audit.head(guild_id)
        clause = f"is gone: case {case_id} tells of something that the log does not hold"
        missing.append((guild_id, _sentence(guild_id, 1 if head is None else head.seq + 1, clause)))
    return missing
