"""What an operator does with a database: upgrade, check, back up, restore."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bot.errors import DatabaseError

from . import postgres_dump, sqlite_copy
from .codec import unpack
from .dialects import sqlite_path
from .engine import Store, Tx
from .tables import CallState, bank_changes, cases, outbox, sightings

WAITS_TOO_LONG = timedelta(days=1)
_BATCH = 2000


def _now() -> datetime:
    return datetime.now(UTC)


async def upgrade(url: str) -> None:
    """Make the database if there is none, and bring its tables up to date. Raises DatabaseError."""
    await (await Store.open(url)).close()


async def backup(url: str, path: Path) -> None:
    """Write one state of the database to a new file, while others go on writing to it.

    SQLite: an SQLite file. PostgreSQL: what ``pg_dump`` calls the custom format. Raises DatabaseError, also when the
    file exists.
    """
    _require_free(path)
    source = sqlite_path(url)
    if source is None:
        await postgres_dump.dump(url, path)
    else:
        await sqlite_copy.backup(source, path)


async def restore(url: str, path: Path) -> None:
    """Make the database out of a file that :func:`backup` wrote.

    Raises DatabaseError when the file is none, is of a newer version, or when there is a database already: what it
    holds would be lost.
    """
    _require_file(path)
    target = sqlite_path(url)
    if target is None:
        await postgres_dump.restore(url, path)
    else:
        await sqlite_copy.restore(path, target)


async def check(url: str, *, clock: Callable[[], datetime] = _now) -> list[str]:
    """What is wrong with a database: sentences that each name a remedy; none when it is sound and up to date.

    Reads every fingerprint of the sightings and cases.
    """
    try:
        store = await Store.open(url, migrate=False)
    except DatabaseError as error:
        return [str(error)]
    try:
        async with store.read() as tx:
            problems = await _sqlite_problems(tx) if store.dialect == "sqlite" else []
            return problems or [*await _row_problems(tx), *await _outbox_problems(tx, clock())]
    except DatabaseError as error:
        return [str(error)]
    finally:
        await store.close()


def _require_free(path: Path) -> None:
    if path.exists():
        raise DatabaseError(f"{path} exists already; name another file, or move that one away.")


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise DatabaseError(f"There is no file {path}; name one that `stanguard db backup` wrote.")


async def _sqlite_problems(tx: Tx) -> list[str]:
    found = (await tx.connection.exec_driver_sql("PRAGMA integrity_check(1)")).scalar()
    if found != "ok":
        return [f"The database is damaged ({found}); restore a backup with `stanguard db restore`."]
    pointing = (await tx.connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
    if pointing:
        named = ", ".join(sorted({row[0] for row in pointing}))
        lost = f"{_rows(len(pointing))} of {named} point to rows that are gone"
        return [f"{lost}; restore a backup with `stanguard db restore`."]
    return []


async def _row_problems(tx: Tx) -> list[str]:
    problems: list[str] = []
    if (await tx.connection.execute(sa.select(bank_changes.c.number))).scalar() is None:
        problems.append("The number of bank changes is gone; restore a backup with `stanguard db restore`.")
    for table in (cases, sightings):
        broken = await _unreadable(tx, table)
        if broken:
            problems.append(
                f"{_rows(broken)} of {table.name} hold a fingerprint that cannot be read; "
                "restore a backup with `stanguard db restore`."
            )
    return problems


async def _unreadable(tx: Tx, table: sa.Table) -> int:
    statement = (
        sa.select(table.c.id, table.c.sha256, table.c.fingerprint)
        .where(table.c.fingerprint.is_not(None))
        .order_by(table.c.id)
        .limit(_BATCH)
    )
    broken = 0
    last = 0
    while rows := (await tx.connection.execute(statement.where(table.c.id > last))).all():
        for row in rows:
            try:
                unpack(row.fingerprint, row.sha256)
            except ValueError:
                broken += 1
        last = rows[-1].id
    return broken


async def _outbox_problems(tx: Tx, now: datetime) -> list[str]:
    pending = outbox.c.state == CallState.PENDING
    waiting = sa.select(sa.func.count()).select_from(outbox).where(pending)
    late = (await tx.connection.execute(waiting.where(outbox.c.created_at < now - WAITS_TOO_LONG))).scalar_one()
    known = sa.select(cases.c.id)
    orphans = (
        await tx.connection.execute(waiting.where(outbox.c.case_id.is_not(None), outbox.c.case_id.not_in(known)))
    ).scalar_one()
    problems: list[str] = []
    if late:
        problems.append(
            f"{_calls(late)} waiting for more than a day; check that the bot runs and that its log names no failure."
        )
    if orphans:
        problems.append(f"{_calls(orphans)} waiting for a case that is gone; start the bot, which settles them.")
    return problems


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"


def _calls(number: int) -> str:
    return "1 Discord call is" if number == 1 else f"{number} Discord calls are"
