"""What every repository shares: the connection of its transaction, and the few statements that dialects spell apart."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


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

    def _insert_new(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that leaves out rows whose unique key is there already."""
        if self._postgresql:
            return postgresql.insert(table).on_conflict_do_nothing()
        return sqlite.insert(table).on_conflict_do_nothing()

    async def _lock(self, *parts: object) -> None:
        """Wait until no other transaction holds the lock of this name; it is held until this one ends.

        SQLite has one writer at a time and needs none.
        """
        if self._writing and self._postgresql:
            name = ":".join(str(part) for part in parts)
            await self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))
