"""aiosqlite for SQLAlchemy, with one visit to the connection's thread for each statement.

A connection has a thread of its own, and each step of a statement is a visit to it: SQLAlchemy has it make a cursor,
execute, fetch all rows, and close the cursor. On a busy machine a visit costs more than what is done there, because
twice in each of them one thread waits for another to let go of the interpreter. And a statement that is carried out to
its end and closed there leaves no lock behind, whoever is cancelled meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite

Rows = list[Any]


async def connect(path: Path) -> aiosqlite.Connection:
    """A connection to an SQLite file that begins no transaction by itself."""
    return await Connection(path)


class Connection(aiosqlite.Connection):
    """A connection for SQLAlchemy, which uses nothing of it but cursors, commit, rollback, and its end."""

    def __init__(self, path: Path) -> None:
        # SQLAlchemy looks at what a statement left behind from the event loop's thread.
        open_it = partial(sqlite3.connect, path.absolute(), isolation_level=None, check_same_thread=False)
        super().__init__(open_it, iter_chunk_size=64)
        self._thread.daemon = True  # a program that was interrupted does not wait for its database

    def cursor(self) -> Cursor:  # type: ignore[override]
        """A cursor, without a visit to the thread."""
        return Cursor(self)

    def run(self, sql: str, parameters: Iterable[Any], *, many: bool) -> tuple[sqlite3.Cursor, Rows]:
        """In the thread: carry a statement out to its end. The cursor, which is closed, and all rows."""
        cursor = self._conn.cursor()
        try:
            (cursor.executemany if many else cursor.execute)(sql, parameters)  # pyright: ignore[reportArgumentType]
            return cursor, cursor.fetchall()
        finally:
            cursor.close()


class Cursor(aiosqlite.Cursor):
    """A cursor that has all rows of a statement as soon as it was executed. They can be had once, by ``fetchall``."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, None)  # type: ignore[arg-type]
        self._visit: Callable[..., Awaitable[tuple[sqlite3.Cursor, Rows]]] = partial(self._execute, connection.run)  # pyright: ignore[reportUnknownMemberType]
        self._rows: Rows = []

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> Cursor:
        """Carry a statement out."""
        self._cursor, self._rows = await self._visit(sql, parameters or (), many=False)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Cursor:
        """Carry a statement out for each of several rows of parameters."""
        self._cursor, self._rows = await self._visit(sql, parameters, many=True)
        return self

    async def fetchall(self) -> Rows:
        """The rows that were not asked for yet."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is left to be closed."""
