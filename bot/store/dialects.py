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
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from bot.errors import DatabaseError, why_unreachable

Dialect = Literal["sqlite", "postgresql"]
CONNECTIONS = 10
"""How many connections are kept open; as many again are opened while they are all in use."""

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


def connect_engines(dialect: Dialect, target: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """The engines that write and that read."""
    if dialect == "sqlite":
        return (
            sqlite_engine(target, begin="BEGIN IMMEDIATE", pool_size=1, max_overflow=0),
            sqlite_engine(target, begin="BEGIN", pool_size=CONNECTIONS, query_only=True),
        )
    engine = create_async_engine(
        target,
        hide_parameters=True,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
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
    engine = create_async_engine(target, hide_parameters=True, **pool)

    def connected(connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's own class
        del record
        # Python's driver would begin transactions by itself, late and not for every statement.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        _write_ahead(cursor)
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        if query_only:
            cursor.execute("PRAGMA query_only = ON")
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
        except (DBAPIError, PoolTimeoutError, OSError) as error:
            raise unreachable(target, error) from error
        try:
            async with connection.begin():
                yield connection
        except (IntegrityError, DataError) as error:
            # PostgreSQL quotes the whole row in these, which no log shall ever hold.
            raise refused(error) from None
        except DBAPIError as error:
            raise refused(error) from error


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
        if "not a database" in text or "malformed" in text:
            return DatabaseError(f"{place(target)} is not a database; move it away or correct store.url.")
        if "locked" in text:
            return DatabaseError(f"{place(target)} is locked by another program; close that program and try again.")
        if Path(place(target)).is_dir():
            return DatabaseError(f"{place(target)} is a folder; add the name of a file to store.url.")
        return DatabaseError(f"{place(target)} cannot be opened as a database; check the path and its permissions.")
    return DatabaseError(
        f"The database at {place(target)} cannot be reached ({why_unreachable(error)}); check store.url and that the "
        "server runs."
    )


def refused(error: DBAPIError) -> DatabaseError:
    """The sentence for a statement that the database refused. Values never appear in it."""
    text = _text(error)
    if isinstance(error, IntegrityError):
        broken = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None) or error.orig
        return DatabaseError(
            f"The database refused a change that contradicts what it holds ({broken}); run `stanguard db check`."
        )
    if "locked" in text:
        return DatabaseError("The database is locked by another program; close that program and try again.")
    if "deadlock" in text or "could not serialize" in text:
        return DatabaseError("Somebody else changed the same at the same moment; please try again.")
    if "disk is full" in text or "no space left" in text:
        return DatabaseError("The disk that holds the database is full; make room on it.")
    if "not a database" in text or "malformed" in text:
        return DatabaseError("The database is damaged; restore a backup with `stanguard db restore`.")
    if "readonly" in text or "read-only" in text:
        return DatabaseError("The database cannot be written; check the permissions of its file and folder.")
    if error.connection_invalidated:
        return DatabaseError("The connection to the database broke; check that the server runs.")
    return DatabaseError("The database failed to carry out a statement; run `stanguard db check`.")


def _text(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error).lower()
