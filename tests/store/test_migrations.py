import asyncio
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from bot.errors import DatabaseError
from bot.store.dialects import migration_engine, prepare
from bot.store.engine import Store
from bot.store.migrate import HEAD, config
from bot.store.tables import metadata

from .samples import NOW, add_entry

OPEN = """
import asyncio, sys
from bot.store.engine import Store
async def main():
    await (await Store.open(sys.argv[1])).close()
asyncio.run(main())
"""


async def in_database(url: str, work: Any) -> Any:
    engine = migration_engine(*prepare(url, create=True))
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return compare_metadata(context, metadata)


def described(connection: Connection) -> dict[str, Any]:
    """All that the database itself says of each table, CHECK constraints and rules of foreign keys included."""
    inspector = sa.inspect(connection)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)
            ],
            "key": inspector.get_pk_constraint(table),
            "points": sorted(map(repr, inspector.get_foreign_keys(table))),
            "unique": sorted(map(repr, inspector.get_unique_constraints(table))),
            "checks": sorted(map(repr, inspector.get_check_constraints(table))),
            "indexes": sorted(
                repr((index["name"], index["column_names"], index["unique"], where(index.get("dialect_options", {}))))
                for index in inspector.get_indexes(table)
            ),
        }
        for table in metadata.tables
    }


def where(options: dict[str, Any]) -> str:
    return str(options.get("sqlite_where", options.get("postgresql_where")))


async def test_the_steps_lead_to_the_tables(empty_database_url: str):
    await (await Store.open(empty_database_url)).close()
    assert await in_database(empty_database_url, differences) == []
    migrated = await in_database(empty_database_url, described)

    def remake(connection: Connection) -> None:
        metadata.drop_all(connection)
        metadata.create_all(connection)

    await in_database(empty_database_url, remake)
    assert migrated == await in_database(empty_database_url, described)


def test_the_newest_step_is_the_one_that_a_start_expects():
    assert ScriptDirectory.from_config(config()).get_heads() == [HEAD]


async def test_opening_again_keeps_what_is_there(empty_database_url: str):
    store = await Store.open(empty_database_url)
    async with store.write() as tx:
        entry = await add_entry(tx)
    await store.close()
    store = await Store.open(empty_database_url, migrate=False)
    async with store.read() as tx:
        assert await tx.banks.entry(entry.id) == entry
    await store.close()


async def test_several_that_start_at_once_migrate_once(empty_database_url: str):
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", OPEN, empty_database_url, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    errors = [(await process.communicate())[1].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], errors
    store = await Store.open(empty_database_url, migrate=False)
    async with store.write() as tx:
        assert await tx.banks.change_number() == 0
        assert await tx.outbox.claim(now=NOW, lease=NOW - NOW, owner="a", limit=1) == []
    await store.close()


@pytest.mark.parametrize("migrate", [True, False])
async def test_a_database_of_a_newer_version_is_left_alone(empty_database_url: str, migrate: bool):
    await (await Store.open(empty_database_url)).close()
    newer = sa.text("UPDATE alembic_version SET version_num = '9999_later'")
    await in_database(empty_database_url, lambda connection: connection.execute(newer))
    with pytest.raises(DatabaseError, match="newer version of stanguard; install"):
        await Store.open(empty_database_url, migrate=migrate)


async def test_a_database_without_tables_waits_for_the_upgrade(empty_database_url: str):
    await in_database(empty_database_url, lambda connection: connection.execute(sa.text("SELECT 1")))
    with pytest.raises(DatabaseError, match="stanguard db upgrade"):
        await Store.open(empty_database_url, migrate=False)


async def test_the_database_of_another_program_is_left_alone(tmp_path: Path):
    path = tmp_path / "places.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (id INTEGER)")
    connection.close()
    with pytest.raises(DatabaseError, match="another program"):
        await Store.open(f"sqlite:///{path}")


async def test_a_migration_that_fails_leaves_nothing(empty_database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("alembic.op.execute", lambda statement: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await Store.open(empty_database_url)
    monkeypatch.undo()
    assert await in_database(empty_database_url, lambda connection: sa.inspect(connection).get_table_names()) == []
    await (await Store.open(empty_database_url)).close()
