"""A database that does not work for a while, or never again."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
import structlog

from bot.errors import DamagedDatabaseError, DatabaseAwayError, DatabaseError
from bot.store import dialects, vitals
from bot.store.engine import Store
from bot.store.tables import jobs
from tests.conftest import VAULT
from tests.store.samples import NOW


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """What works counts as working at once."""
    monkeypatch.setattr(vitals, "CALM", 0.0)


async def write(store: Store) -> None:
    async with store.write() as tx:
        await tx.connection.execute(jobs.insert().values(message={}, media=[], created_at=NOW))


async def read(store: Store) -> int:
    async with store.read() as tx:
        return await tx.jobs.count()


@pytest.fixture
async def opened(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(dialects, "BUSY_MILLISECONDS", 50)
    store = await Store.open(sqlite_url, VAULT)
    yield store
    await store.close()


def path_of(store: Store) -> Path:
    return Path(store.url.removeprefix("sqlite:///"))


async def test_a_lock_of_another_program_is_noted_and_passes(opened: Store) -> None:
    other = sqlite3.connect(path_of(opened), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(DatabaseAwayError, match="locked by another program"):
                await write(opened)
        assert await read(opened) == 0, "it can still be read"
        assert opened.vitals.failing_since is not None
        assert "locked" in opened.vitals.why
        other.execute("ROLLBACK")
        other.close()
        await write(opened)
    assert (opened.vitals.failing_since, opened.vitals.why) == (None, "")
    assert [line["event"] for line in logs] == ["database.failing", "database.works"], "once, not with every failure"


async def test_what_writes_nothing_does_not_tell_that_the_database_works(
    opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vitals, "CALM", 60.0)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(DatabaseAwayError):
                await fill(opened, 1)
            async with opened.write():
                pass
    assert opened.vitals.failing_since is not None
    assert [line["event"] for line in logs] == ["database.failing"]


async def fill(store: Store, pages: int) -> None:
    """Write a megabyte to a file that may have so many pages; SQLite takes the number that there are for fewer."""
    async with store.write() as tx:
        await tx.connection.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
        await tx.connection.execute(jobs.insert().values(message={"x": "x" * 1_000_000}, media=[], created_at=NOW))


async def test_a_full_disk_is_noted_and_passes(opened: Store) -> None:
    with pytest.raises(DatabaseAwayError, match="disk that holds the database is full; make room"):
        await fill(opened, 1)
    assert opened.vitals.failing_since is not None
    await fill(opened, 1_000_000)
    assert opened.vitals.failing_since is None
    assert await read(opened) == 1


def damage(path: Path) -> None:
    """Overwrite every page but the first with noise."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)


async def test_a_damaged_file_is_told_with_its_remedies(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url, VAULT)
    damage(path_of(store))
    await store.close()
    other = Store(sqlite_url, "sqlite", dialects.prepare(sqlite_url, create=False)[1], VAULT)
    with pytest.raises(DamagedDatabaseError, match=r"`stanguard db check`.*`stanguard db restore`"):
        await read(other)
    assert other.vitals.damaged.is_set()
    assert other.vitals.damage is not None
    await other.close()


@pytest.mark.parametrize("kind", ["pages", "beginning"])
async def test_a_damaged_file_is_told_at_the_start(sqlite_url: str, kind: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    if kind == "pages":
        damage(path)
    else:
        path.write_bytes(b"\xa5" * 8192)  # noqa: ASYNC240 - nothing else runs
    with pytest.raises(DamagedDatabaseError, match="stanguard db restore"):
        await Store.open(sqlite_url, VAULT)


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset"), TimeoutError(), EOFError()], ids=repr)
async def test_what_a_driver_lets_through_of_a_broken_connection_is_no_defect_of_ours(
    opened: Store, error: Exception
) -> None:
    async def broken() -> None:
        async with opened.write():
            raise error

    with pytest.raises(DatabaseAwayError, match="connection to the database broke"):
        await broken()
    with pytest.raises(ZeroDivisionError):
        async with opened.write():
            raise ZeroDivisionError
    assert opened.vitals.failing_since is not None, "a defect says nothing about the database"


async def test_who_listens_hears_how_each_write_ended_and_how_long_it_took_with_its_turn(opened: Store) -> None:
    heard: list[tuple[float, bool]] = []
    also: list[bool] = []
    opened.vitals.on_write(lambda seconds, *, ok: heard.append((seconds, ok)))
    opened.vitals.on_write(lambda seconds, *, ok: also.append(ok))
    await write(opened)
    await read(opened)
    with pytest.raises(DatabaseError):
        await fill(opened, 1)
    with pytest.raises(ZeroDivisionError):
        async with opened.write():
            raise ZeroDivisionError
    assert [ok for _, ok in heard] == also == [True, False]
    async with opened.write():
        waiting = asyncio.create_task(write(opened))
        await asyncio.sleep(0)  # it waits now
        since = time.perf_counter()
        await asyncio.sleep(0.05)
        waited = time.perf_counter() - since
    await waiting
    assert heard[-1][0] >= waited


# -------------------------------------------------------------------------------------------------------- PostgreSQL


async def on_server(url: str, statement: str) -> None:
    admin = await asyncpg.connect(url, server_settings={"default_transaction_read_only": "off"})
    try:
        await admin.execute(statement)
    finally:
        await admin.close()


DROP = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


async def test_connections_that_break_in_a_transaction_are_no_defect_of_ours(postgres_url: str) -> None:
    store = await Store.open(postgres_url, VAULT)

    async def broken_off(*, before_commit: bool) -> None:
        async with store.write() as tx:
            if not before_commit:
                await on_server(postgres_url, DROP)
            await tx.connection.execute(jobs.insert().values(message={}, media=[], created_at=NOW))
            if before_commit:
                await on_server(postgres_url, DROP)

    for before_commit in (False, True):
        with pytest.raises(DatabaseAwayError, match="connection to the database broke"):
            await broken_off(before_commit=before_commit)
        assert store.vitals.failing_since is not None
        await write(store)
        assert store.vitals.failing_since is None
    assert await read(store) == 2
    await store.close()


async def test_idle_connections_that_broke_are_replaced_without_an_error(postgres_url: str) -> None:
    store = await Store.open(postgres_url, VAULT)
    await asyncio.gather(*(read(store) for _ in range(5)))
    await on_server(postgres_url, DROP)
    assert await asyncio.gather(*(read(store) for _ in range(5))) == [0] * 5
    await store.close()


async def test_a_server_that_only_reads_is_noted_and_passes(postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    store = await Store.open(postgres_url, VAULT)
    await on_server(postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        await on_server(postgres_url, DROP)
        with pytest.raises(DatabaseAwayError, match="cannot be written"):
            await write(store)
    finally:
        await on_server(postgres_url, f"ALTER DATABASE {name} RESET default_transaction_read_only")
    await on_server(postgres_url, DROP)
    await write(store)
    assert store.vitals.failing_since is None
    await store.close()


async def test_a_server_that_takes_no_more_connections_is_told(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await Store.open(postgres_url, VAULT)
    await store.close()

    async def refuse(*_: object, **__: object) -> None:
        raise asyncpg.TooManyConnectionsError("sorry, too many clients already")

    with monkeypatch.context() as patch:
        patch.setattr(asyncpg, "connect", refuse)
        with pytest.raises(DatabaseError, match="too many are connected already"):
            await read(store)
    assert await read(store) == 0
    await store.close()
