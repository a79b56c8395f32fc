"""Copies of an SQLite database, by SQLite's own backup interface: one state, however many others write meanwhile."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from bot.errors import DatabaseError

from .files import whole
from .migrate import VERSIONS, is_known, newer

_SIDE_FILES = ("-wal", "-shm", "-journal")


async def backup(source: Path, target: Path) -> None:
    """Copy the database ``source`` to the new file ``target``. Raises DatabaseError."""
    await asyncio.to_thread(_copy, source, target)


async def restore(source: Path, target: Path) -> None:
    """Make the database ``target`` out of the backup ``source``. Raises DatabaseError."""
    await asyncio.to_thread(_restore, source, target)


def _restore(source: Path, target: Path) -> None:
    for path in (target, *(target.with_name(target.name + end) for end in _SIDE_FILES)):
        if path.exists():
            raise DatabaseError(f"{path} exists already; stop the bot, move that file away, and restore again.")
    _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    if not source.exists():
        raise DatabaseError(f"There is no database at {source}; nothing needs a backup yet.")
    with _told(source, target), whole(target) as unfinished:
        with closing(_reader(source)) as reader, closing(sqlite3.connect(unfinished)) as writer:
            _require_ours(reader, source)
            reader.backup(writer)
            writer.execute("PRAGMA journal_mode = DELETE")
            found = writer.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise DatabaseError(f"{source} is damaged ({found}); use an older backup.")


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _require_ours(connection: sqlite3.Connection, path: Path) -> None:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if VERSIONS.name not in tables:
        raise DatabaseError(f"{path} is not a database of stanguard; name a file that `stanguard db backup` wrote.")
    found = connection.execute(str(sa.select(VERSIONS.c.version_num))).fetchone()
    if found is None or not is_known(found[0]):
        raise newer(str(path))


@contextmanager
def _told(source: Path, target: Path) -> Generator[None]:
    """Turns what can go wrong with the two files into one sentence."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise DatabaseError(f"There is no room for {target}; choose another place or make room.") from error
        raise DatabaseError(f"{source} cannot be read ({error}); check its permissions.") from error
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{source} is not a database or is damaged ({error}); use another file.") from error
    except OSError as error:
        raise DatabaseError(
            f"{target} cannot be written ({error.strerror or type(error).__name__}); choose another place."
        ) from error
