"""The append-only audit log: one hash chain a guild, see :mod:`bot.store.chain`. Triggers refuse to change a row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import DatabaseError
from bot.model import INSTALLATION, AuditHead, AuditRow, CaseEvent

from . import chain
from .repository import Repository
from .tables import audit, case_events
from .types import EPOCH, MILLISECOND


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a case with what its row of the log is compared by; ``salt`` None: from before there was a log."""

    event: CaseEvent
    event_id: int
    salt: bytes | None


@dataclass(frozen=True, slots=True)
class _Pending:
    """What a row will say, before its place in the chain is known."""

    at: datetime
    actor: bytes | None
    action: str
    case_id: int | None
    event_id: int | None
    subject: str | None
    payload_sha256: bytes


class Audit(Repository):
    """The chains. Rows that a transaction appends are written at its very end, by :meth:`flush`.

    So the lock of a chain is the last one that a transaction takes, and nobody who holds it ever waits for a case or a
    bank that somebody else holds.
    """

    __slots__ = ("_pending", "_secret")

    def __init__(self, connection: AsyncConnection, *, writing: bool, secret: bytes | None) -> None:
        super().__init__(connection, writing=writing)
        self._secret = secret
        self._pending: defaultdict[int, list[_Pending]] = defaultdict(list)

    def append(
        self,
        guild_id: int | None,
        action: str,
        at: datetime,
        by: int | None,
        payload: object,
        *,
        case_id: int | None = None,
        event_id: int | None = None,
        subject: str | None = None,
    ) -> None:
        """Have a row written at the end of this transaction; ``guild_id`` None: in the chain of the installation.

        ``payload`` is what the row keeps the digest of: values of JSON. Raises DatabaseError for a person (``by``) in a
        database that was opened without the vault, because pseudonyms are made with the installation's secret; what
        the bot itself does can be written without it. Raises RuntimeError in a transaction that only reads.
        """
        if not self._writing:
            raise RuntimeError("a transaction that only reads appends nothing to the audit log")
        guild_id = INSTALLATION if guild_id is None else guild_id
        self._pending[guild_id].append(
            _Pending(
                EPOCH + chain.milliseconds(at) * MILLISECOND,
                None if by is None else self._pseudonym(guild_id, by),
                action,
                case_id,
                event_id,
                subject,
                chain.digest(payload),
            )
        )

    def _pseudonym(self, guild_id: int, user_id: int) -> bytes:
        if self._secret is None:
            raise DatabaseError(
                "What a person does cannot be logged without the vault's key; open the database with it."
            )
        return chain.pseudonym(self._secret, guild_id, user_id)

    async def flush(self) -> None:
        """Write what was appended. Others that append to the same chains wait until this transaction ends."""
        for guild_id, waiting in sorted(self._pending.items()):  # in this order: two may write to the same chains
            await self._lock("audit", guild_id)
            head = await self.head(guild_id)
            seq, last = (0, chain.ROOT) if head is None else (head.seq, head.hash)
            rows: list[dict[str, Any]] = []
            for pending in waiting:
                seq += 1
                row = AuditRow(
                    guild_id,
                    seq,
                    pending.at,
                    pending.actor,
                    pending.action,
                    pending.case_id,
                    pending.event_id,
                    pending.subject,
                    pending.payload_sha256,
                    last,
                    b"",
                )
                last = chain.link(last, chain.body_sha256(row))
                rows.append({name: getattr(row, name) for name in _COLUMNS} | {"hash": last})
            await self._connection.execute(audit.insert(), rows)
        self._pending.clear()

    async def head(self, guild_id: int) -> AuditHead | None:
        """The newest row of a guild's chain; None if there is none."""
        row = await self._first(
            sa.select(audit.c.seq, audit.c.hash)
            .where(audit.c.guild_id == guild_id)
            .order_by(audit.c.seq.desc())
            .limit(1)
        )
        return None if row is None else AuditHead(guild_id, row.seq, row.hash)

    async def guilds(self) -> list[int]:
        """The guilds that have a chain, 0 for the installation's own."""
        rows = await self._all(sa.select(audit.c.guild_id).distinct().order_by(audit.c.guild_id))
        return [row.guild_id for row in rows]

    async def stream(self, guild_id: int, *, after: int = 0, batch: int = 1000) -> AsyncIterator[list[AuditRow]]:
        """The rows of a guild's chain from number ``after`` + 1 on, in lists of ``batch``."""
        statement = sa.select(audit).where(audit.c.guild_id == guild_id).order_by(audit.c.seq).limit(batch)
        while True:
            rows = await self._all(statement.where(audit.c.seq > after))
            if rows:
                yield [_row(row) for row in rows]
                after = rows[-1].seq
            if len(rows) < batch:
                return

    async def row(self, guild_id: int, seq: int) -> AuditRow | None:
        """One row of a guild's chain."""
        row = await self._first(sa.select(audit).where(audit.c.guild_id == guild_id, audit.c.seq == seq))
        return None if row is None else _row(row)

    async def excerpt(self, case_id: int) -> list[AuditRow]:
        """The rows that a case left in the chain of its guild, oldest first."""
        rows = await self._all(
            sa.select(audit).where(audit.c.case_id == case_id).order_by(audit.c.guild_id, audit.c.seq)
        )
        return [_row(row) for row in rows]

    async def told(self, case_id: int) -> list[Told]:
        """The history of a case, oldest first."""
        rows = await self._all(
            sa.select(case_events).where(case_events.c.case_id == case_id).order_by(case_events.c.id)
        )
        return [
            Told(CaseEvent(row.case_id, row.at, row.kind, row.actor_id, row.detail), row.id, row.salt) for row in rows
        ]


_COLUMNS = [column.name for column in audit.c if column.name not in {"id", "hash"}]


def _row(row: sa.Row[Any]) -> AuditRow:
    return AuditRow(
        guild_id=row.guild_id,
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        action=row.action,
        case_id=row.case_id,
        event_id=row.event_id,
        subject=row.subject,
        payload_sha256=row.payload_sha256,
        prev=row.prev,
        hash=row.hash,
    )
