"""Backups of a PostgreSQL database, by the tools that come with PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from bot.errors import DatabaseError

from .dialects import migration_engine, place, prepare, transaction
from .files import whole
from .migrate import VERSIONS
from .tables import metadata

_MAGIC = b"PGDMP"


async def dump(url: str, path: Path) -> None:
    """Write the database to the new file ``path``. Raises DatabaseError."""
    try:
        with whole(path) as unfinished:
            await _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={unfinished}")
    except OSError as error:
        raise DatabaseError(
            f"{path} cannot be written ({error.strerror or type(error).__name__}); choose another place."
        ) from error


async def restore(url: str, path: Path) -> None:
    """Fill the database, which must not hold our tables yet, from the file ``path``. Raises DatabaseError."""
    if not _is_dump(path):
        raise DatabaseError(f"{path} is not a backup of a PostgreSQL database; name one that was made from one.")
    dialect, target = prepare(url, create=False)
    engine = migration_engine(dialect, target)
    try:
        async with transaction(engine, target) as connection:
            held = await connection.run_sync(_tables)
    finally:
        await engine.dispose()
    if held & {VERSIONS.name, *metadata.tables}:
        raise DatabaseError(
            f"The database at {place(target)} holds tables already; make an empty one with `createdb`, "
            "set store.url to it, and restore again."
        )
    await _run("pg_restore", url, "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", str(path))


def _is_dump(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _tables(connection: Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names())


async def _run(tool: str, url: str, *arguments: str) -> None:
    found = shutil.which(tool)
    if found is None:
        raise DatabaseError(f"{tool} is not installed; install PostgreSQL's client programs and try again.")
    address = make_url(url)
    environment = dict(os.environ)
    if address.password:
        # Not on the command line, where every user of the machine could read it.
        environment["PGPASSWORD"] = str(address.password)
    shown = address.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    process = await asyncio.create_subprocess_exec(
        found,
        f"--dbname={shown}",
        "--no-password",
        *arguments,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, errors = await process.communicate()
    finally:
        if process.returncode is None:  # whoever is interrupted leaves no tool behind that goes on writing
            process.kill()
            await process.wait()
    if process.returncode:
        first, *_ = errors.decode(errors="replace").strip().splitlines() or [f"status {process.returncode}"]
        said = first.removeprefix(f"{tool}: ").removeprefix("error: ")[:200]
        raise DatabaseError(f"{tool} failed ({said}); check store.url and the version of {tool}.")
