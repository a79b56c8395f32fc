"""Bringing the tables of a database up to date, in one transaction, with one process at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from bot.errors import DatabaseError
from bot.vault import Vault

from .dialects import Dialect, migration_engine, place, transaction

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0007_job_owner"
"""The newest revision in ``migrations/versions``; spelled out so that a start need not read the scripts."""

_LOCK = 0x7374616E67756172  # "stanguar"
VERSIONS = sa.table("alembic_version", sa.column("version_num", sa.String))
"""Alembic's own table: one row with the revision."""


def config() -> Config:
    """Alembic's configuration; nothing of it lies in a file."""
    # Imported late, because it takes longer than everything else at a start that migrates nothing.
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", "bot.store:migrations")
    return made


def revision(connection: Connection) -> str | None:
    """The revision of a database; None if it has none."""
    if not sa.inspect(connection).has_table(VERSIONS.name):
        return None
    return connection.scalar(sa.select(VERSIONS.c.version_num))


async def bring_up_to_date(dialect: Dialect, target: URL, vault: Vault | None) -> None:
    """Migrate the database to HEAD. ``vault`` seals what an older version kept in clear.

    Raises VaultError when it does not open what is sealed already, and DatabaseError when the database cannot be
    reached, belongs to something else or to a newer version, or is refused.
    """
    engine = migration_engine(dialect, target)
    try:
        async with transaction(engine, target) as connection:
            await connection.run_sync(_upgrade, place(target), vault)
    finally:
        await engine.dispose()


def not_at_head(found: str | None, name: str) -> DatabaseError:
    """The sentence for a database of stanguard that is not at HEAD and must not be changed now."""
    if found is None or is_known(found):
        return DatabaseError(f"The tables at {name} are of an older version; run `stanguard db upgrade`.")
    return newer(name)


def is_foreign(connection: Connection) -> bool:
    """Whether another program made the tables of an SQLite file; on PostgreSQL, programs may share a database."""
    return (
        connection.dialect.name == "sqlite"
        and revision(connection) is None
        and bool(sa.inspect(connection).get_table_names())
    )


def foreign(name: str) -> DatabaseError:
    """The sentence for the database of another program."""
    return DatabaseError(f"{name} is the database of another program; correct store.url.")


def _upgrade(connection: Connection, name: str, vault: Vault | None) -> None:
    from alembic import command

    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    found = revision(connection)
    if found == HEAD:
        return
    if is_foreign(connection):
        raise foreign(name)
    if found is not None and not is_known(found):
        raise newer(name)
    alembic = config()
    alembic.attributes["connection"] = connection
    alembic.attributes["vault"] = vault
    command.upgrade(alembic, HEAD)
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise DatabaseError(f"{name} holds rows that point nowhere; restore a backup with `stanguard db restore`.")


def is_known(found: str) -> bool:
    """Whether a revision is one of ``migrations/versions``."""
    from alembic.script import ScriptDirectory

    return any(script.revision == found for script in ScriptDirectory.from_config(config()).walk_revisions())


def newer(name: str) -> DatabaseError:
    """The sentence for a revision that is not known here."""
    return DatabaseError(
        f"The database at {name} is of a newer version of stanguard; install that version or a later one."
    )
