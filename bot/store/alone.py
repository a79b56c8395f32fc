"""A job that one of several processes on the same PostgreSQL does at a time, by an advisory lock of the session."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from .dialects import unreachable

_PREFIX = "alone:"


@asynccontextmanager
async def alone(engine: AsyncEngine, target: URL, name: str) -> AsyncGenerator[bool]:
    """Whether the lock of this name is held here until the end of the block; a connection stays open for it.

    Not a lock of a transaction: one that is open for minutes keeps PostgreSQL from tidying up what others deleted.
    Raises DatabaseError when the database cannot be reached.
    """
    try:
        connection = await engine.connect()
    except (DBAPIError, PoolTimeoutError, OSError) as error:
        raise unreachable(target, error) from error
    try:
        connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        mine = await _try(connection, target, name)
        try:
            yield mine
        finally:
            if mine:
                await _free(connection, name)
    finally:
        with contextlib.suppress(DBAPIError, OSError):
            await connection.close()


async def _try(connection: AsyncConnection, target: URL, name: str) -> bool:
    try:
        return bool((await connection.execute(sa.select(sa.func.pg_try_advisory_lock(_key(name))))).scalar())
    except (DBAPIError, OSError) as error:
        raise unreachable(target, error) from error


async def _free(connection: AsyncConnection, name: str) -> None:
    """Give the lock back; a connection on which that is impossible is closed, and with it goes the lock."""
    try:
        await connection.execute(sa.select(sa.func.pg_advisory_unlock(_key(name))))
    except (DBAPIError, OSError):  # the connection broke, and the lock with it
        await connection.invalidate()
    except BaseException:  # cancelled halfway: a lock must not stay in the pool
        await connection.invalidate()
        raise


def _key(name: str) -> sa.ColumnElement[int]:
    return sa.func.hashtextextended(f"{_PREFIX}{name}", 0)
