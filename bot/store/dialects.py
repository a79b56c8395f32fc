"""What differs between SQLite and PostgreSQL when connecting: addresses, pools, pragmas, and what errors mean."""

from __future__ import annotations

import importlib.util
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from bot.errors import DamagedDatabaseError, DatabaseAwayError, DatabaseError, why_unreachable

from .sqlite_driver import connect

Dialect = Literal["sqlite", "postgresql"]
KEPT_OPEN = 10
"""How many connections are kept open at rest; those beyond are opened while all are in use, and closed again."""

CONNECTIONS = 20
"""The most connections of one process to PostgreSQL, unless a setting says otherwise; two more are its own."""

WAIT_SECONDS = 30
"""How long a transaction waits for one of them."""

CONNECT_SECONDS = 10
BUSY_MILLISECONDS = 10_000
_SWITCHES = 20


def sqlite_path(url: str) -> Path | None:
    """The file that an ``sqlite:///`` address names; None for any other address."""
    if not url.startswith("sqlite:///"):
        return None
    path = url.removeprefix("sqlite:///")
    if not path or path.startswith(":memory:"):
        raise DatabaseError("The database must be a file; set store.url to sqlite:/// and a path.")
    return Path(path).expanduser()


def prepare(url: str, *, create: bool) -> tuple[Dialect, URL]:
    """Check an address and translate it for the driver; with ``create`` make an SQLite file and its folder.

    Raises DatabaseError when the address cannot be used.
    """
    path = sqlite_path(url)
    if path is not None:
        if create:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)  # who was seen where is for nobody else on this machine
            except OSError as error:
                raise DatabaseError(
                    f"{path} cannot be made ({error.strerror or type(error).__name__}); "
                    "check its folder, or choose another place with store.url."
                ) from error
        elif not path.exists():
            raise DatabaseError(f"There is no database at {path}; `stanguard db upgrade` makes one.")
        return "sqlite", URL.create("sqlite+aiosqlite", database=str(path))
    try:
        target = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseError("The database address cannot be read; write it as postgresql://user@host/name.") from None
    if target.get_backend_name() != "postgresql":
        raise DatabaseError("The database address must begin with sqlite:/// or postgresql://; correct store.url.")
    if importlib.util.find_spec("asyncpg") is None:
        raise DatabaseError(
            "PostgreSQL needs a driver that is not installed; run `uv sync --no-dev --extra postgres`, or install "
            "`stanguard[postgres]` with pip."
        )
    query = dict(target.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return "postgresql", target.set(drivername="postgresql+asyncpg", query=query)


def connect_engines(dialect: Dialect, target: URL, connections: int = CONNECTIONS) -> tuple[AsyncEngine, AsyncEngine]:
    """The engines that write and that read; ``connections``: the most that both open to PostgreSQL together."""
    if dialect == "sqlite":
        return (
            sqlite_engine(target, begin="BEGIN IMMEDIATE", pool_size=1, max_overflow=0),
            sqlite_engine(target, begin="BEGIN", pool_size=KEPT_OPEN, query_only=True),
        )
    engine = create_async_engine(
        target,
        hide_parameters=True,
        pool_size=min(KEPT_OPEN, connections),
        max_overflow=max(0, connections - KEPT_OPEN),
        pool_timeout=WAIT_SECONDS,
        pool_pre_ping=True,
        connect_args={"timeout": CONNECT_SECONDS},
    )
    return engine, engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def migration_engine(dialect: Dialect, target: URL) -> AsyncEngine:
    """An engine for one transaction that changes tables."""
    if dialect == "sqlite":
        # SQLite changes most tables by making them anew, which foreign keys would forbid halfway.
        return sqlite_engine(target, begin="BEGIN IMMEDIATE", poolclass=NullPool, foreign_keys=False)
    return create_async_engine(
        target, hide_parameters=True, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS}
    )


def sqlite_engine(
    target: URL,
    *,
    begin: str,
    query_only: bool = False,
    foreign_keys: bool = True,
    **pool: Any,  # noqa: ANN401 - how SQLAlchemy shall keep connections, in its own words
) -> AsyncEngine:
    """An engine on an SQLite file whose transactions begin with the statement ``begin``."""
    path = Path(place(target))
    engine = create_async_engine(target, async_creator=lambda: connect(path), hide_parameters=True, **pool)

    def connected(connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's own class
        del record
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        _write_ahead(cursor)
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        # What is erased is overwritten, so that it does not lie on in free pages of the file.
        cursor.execute("PRAGMA query_only = ON" if query_only else "PRAGMA secure_delete = ON")
        cursor.close()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begun)
    return engine


def _write_ahead(cursor: Any) -> None:  # noqa: ANN401 - the driver's own class
    """Switch to write-ahead logging. Where several do that to a new file at once, SQLite fails instead of waiting."""
    for _ in range(_SWITCHES):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            cursor.execute("BEGIN IMMEDIATE")  # for which it does wait
            cursor.execute("COMMIT")
        else:
            return
    cursor.execute("PRAGMA journal_mode = WAL")


@asynccontextmanager
async def transaction(engine: AsyncEngine, target: URL) -> AsyncGenerator[AsyncConnection]:
    """One transaction: committed at the end, rolled back when anything is raised. Raises DatabaseError."""
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(engine.connect())
        except Exception as error:
            if not _of_the_database(error):
                raise
            raise unreachable(target, error) from error
        try:
            async with connection.begin():
                yield connection
        except (IntegrityError, DataError) as error:
            # PostgreSQL quotes the whole row in these, which no log shall ever hold.
            raise refused(error, target) from None
        except Exception as error:
            if isinstance(error, DBAPIError):
                raise refused(error, target) from error
            if not _of_the_database(error):
                raise
            raise _lost() from error  # drivers let some of what breaks a connection through as it is


def _of_the_database(error: Exception) -> bool:
    """Whether an exception out of a transaction tells of the database, and not of a defect of ours."""
    if isinstance(error, DBAPIError | PoolTimeoutError | OSError | EOFError):
        return True
    return type(error).__module__.partition(".")[0] in {"asyncpg", "sqlite3"}


def place(target: URL) -> str:
    """How a sentence names the database: the file, or server and name, never a password."""
    if target.get_backend_name() == "sqlite":
        return str(target.database)
    port = f":{target.port}" if target.port else ""
    return f"{target.host or 'the local server'}{port}/{target.database or ''}"


def unreachable(target: URL, error: BaseException) -> DatabaseError:
    """The sentence for a database that cannot be opened."""
    text = _text(error)
    if target.get_backend_name() == "sqlite":
        if "malformed" in text:
            return _damaged(target)
        if "not a database" in text:
            return DamagedDatabaseError(
                f"{place(target)} is not a database, or its beginning is damaged; correct store.url, or restore a "
                "backup with `stanguard db restore`."
            )
        if "locked" in text:
            return DatabaseAwayError(f"{place(target)} is locked by another program; close that program and try again.")
        if _full(text):
            return _no_room()
        if Path(place(target)).is_dir():
            return DatabaseError(f"{place(target)} is a folder; add the name of a file to store.url.")
        if isinstance(error, TimeoutError | PoolTimeoutError):
            return DatabaseAwayError(
                f"Something else was being written to {place(target)} for {WAIT_SECONDS} s; look for what slows its "
                "disk down, and try again."
            )
        return DatabaseAwayError(f"{place(target)} cannot be opened as a database; check the path and its permissions.")
    if isinstance(error, PoolTimeoutError):
        return DatabaseAwayError(
            f"All connections of this process to the database at {place(target)} were in use for {WAIT_SECONDS} s; "
            "look for what slows the database down, or raise store.connections."
        )
    return DatabaseAwayError(
        f"The database at {place(target)} cannot be reached ({why_unreachable(error)}); check store.url and that the "
        "server runs."
    )


def refused(error: DBAPIError, target: URL) -> DatabaseError:
    """The sentence for a statement that the database refused. Values never appear in it."""
    text = _text(error)
    if isinstance(error, IntegrityError):
        broken = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None) or error.orig
        return DatabaseError(
            f"The database refused a change that contradicts what it holds ({broken}); run `stanguard db check`."
        )
    if "locked" in text:
        return DatabaseAwayError("The database is locked by another program; close that program and try again.")
    if "deadlock" in text or "could not serialize" in text:
        return DatabaseError("Somebody else changed the same at the same moment; please try again.")
    if _full(text):
        return _no_room()
    if "not a database" in text or "malformed" in text:
        return _damaged(target)
    if "disk i/o error" in text:
        return DatabaseAwayError("The disk that holds the database fails; check the disk and the room on it.")
    if "readonly" in text or "read-only" in text:
        return DatabaseAwayError("The database cannot be written; check the permissions of its file and folder.")
    if "unable to open" in text:
        return DatabaseAwayError("The file of the database cannot be opened; check its path and its permissions.")
    if error.connection_invalidated or _connection_lost(error):
        return _lost()
    return DatabaseError("The database failed to carry out a statement; run `stanguard db check`.")


_AWAY_STATES = ("08", "53", "57P", "58")
"""Classes of SQLSTATE that tell of the server and not of a statement: connection, resources, shutdown, system."""


def _connection_lost(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(_AWAY_STATES)
    return isinstance(error, InterfaceError)  # asyncpg: the connection is closed


def _damaged(target: URL) -> DatabaseError:
    return DamagedDatabaseError(
        f"{place(target)} is damaged; see how far with `stanguard db check`, and restore a backup with "
        "`stanguard db restore`."
    )


def _no_room() -> DatabaseError:
    return DatabaseAwayError("The disk that holds the database is full; make room on it.")


def _lost() -> DatabaseError:
    return DatabaseAwayError("The connection to the database broke; check that the server runs.")


def _full(text: str) -> bool:
    return "disk is full" in text or "no space left" in text


def _text(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error).lower()
