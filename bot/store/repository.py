"""What every repository shares: the connection of its transaction, and the few statements that dialects spell apart."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from .topics import CHANNEL, Topic


class Repository:
    """The rows of one subject, inside one transaction."""

    __slots__ = ("_connection", "_writing")

    def __init__(self, connection: AsyncConnection, *, writing: bool) -> None:
        self._connection = connection
        self._writing = writing

    @property
    def _postgresql(self) -> bool:
        return self._connection.dialect.name == "postgresql"

    async def _all(self, statement: sa.Executable) -> list[sa.Row[Any]]:
        return list((await self._connection.execute(statement)).all())

    async def _first(self, statement: sa.Executable) -> sa.Row[Any] | None:
        return (await self._connection.execute(statement)).first()

    async def _scalar(self, statement: sa.Executable) -> Any:  # noqa: ANN401 - the value of any column
        return (await self._connection.execute(statement)).scalar()

    async def _run(self, statement: sa.Executable) -> int:
        return (await self._connection.execute(statement)).rowcount

    def _upsert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that can be told what to do about a row whose unique key is there already."""
        return postgresql.insert(table) if self._postgresql else sqlite.insert(table)

    def _insert_new(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that leaves out rows whose unique key is there already."""
        return self._upsert(table).on_conflict_do_nothing()

    async def _lock(self, *parts: object) -> None:
        """Wait until no other transaction holds the lock of this name; it is held until this one ends.

        SQLite has one writer at a time and needs none.
        """
        if self._writing and self._postgresql:
            name = ":".join(str(part) for part in parts)
            await self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))

    async def _tell(self, topic: Topic, guild_id: int | None = None) -> None:
        """Let other processes hear, when this transaction commits, that something of this topic changed.

        An SQLite file has one process. Saying the same twice in a transaction is heard once.
        """
        if self._postgresql:
            payload = topic.value if guild_id is None else f"{topic}:{guild_id}"
            await self._connection.execute(sa.select(sa.func.pg_notify(CHANNEL, payload)))
