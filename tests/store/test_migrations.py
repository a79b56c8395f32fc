import asyncio
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from bot.errors import DatabaseError
from bot.model import (
    BankLevel,
    Category,
    Fingerprint,
    Form,
    GuildSettings,
    Match,
    Mode,
    Orientation,
    Part,
    Stage,
    Thresholds,
    View,
)
from bot.store.dialects import migration_engine, prepare
from bot.store.engine import Store
from bot.store.migrate import HEAD, config
from bot.store.tables import metadata

from .samples import GUILD, NOW, OTHER_GUILD, VAULT, add_entry

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
    await (await Store.open(empty_database_url, VAULT)).close()
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
    store = await Store.open(empty_database_url, VAULT)
    async with store.write() as tx:
        entry = await add_entry(tx)
    await store.close()
    store = await Store.open(empty_database_url, VAULT, migrate=False)
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
    store = await Store.open(empty_database_url, VAULT, migrate=False)
    async with store.write() as tx:
        assert await tx.banks.change_number() == 0
        assert await tx.outbox.claim(now=NOW, lease=NOW - NOW, owner="a", limit=1) == []
    await store.close()


@pytest.mark.parametrize("migrate", [True, False])
async def test_a_database_of_a_newer_version_is_left_alone(empty_database_url: str, migrate: bool):
    await (await Store.open(empty_database_url, VAULT)).close()
    newer = sa.text("UPDATE alembic_version SET version_num = '9999_later'")
    await in_database(empty_database_url, lambda connection: connection.execute(newer))
    with pytest.raises(DatabaseError, match="newer version of stanguard; install"):
        await Store.open(empty_database_url, VAULT, migrate=migrate)


async def test_a_database_without_tables_waits_for_the_upgrade(empty_database_url: str):
    await in_database(empty_database_url, lambda connection: connection.execute(sa.text("SELECT 1")))
    with pytest.raises(DatabaseError, match="stanguard db upgrade"):
        await Store.open(empty_database_url, VAULT, migrate=False)


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
        await Store.open(empty_database_url, VAULT)
    monkeypatch.undo()
    assert await in_database(empty_database_url, lambda connection: sa.inspect(connection).get_table_names()) == []
    await (await Store.open(empty_database_url, VAULT)).close()


# ------------------------------------------------------------------------------------------- rows of older versions


OLD_MATCH = {
    "entry_id": 7,
    "bank_id": 3,
    "category": "scam",
    "stage": "phash",
    "distance": 12,
    "form": "trimmed",
    "orientation": 3,
    "known_good_id": None,
    "known_good_distance": None,
    "frames_matched": 1,
    "frames_compared": 2,
}
OLD_VIEW = b"\0" + b"\0\0\0\0" + b"h" * 256
OLD_FINGERPRINT = b"\1\x08\x50" + b"\0\1" + b"\0\0\2\x80\0\0\1\xe0\0\0\0\1" + OLD_VIEW


def fill_first_version(connection: Connection) -> None:
    alembic = config()
    alembic.attributes["connection"] = connection
    command.upgrade(alembic, "0001_ground")
    tables = sa.MetaData()
    tables.reflect(connection)

    def insert(table: str, **values: Any) -> None:
        connection.execute(tables.tables[table].insert().values(**values))

    insert("banks", id=3, name="own", kind="block", guild_id=GUILD, level="review")
    insert("banks", id=9, name="gone", kind="block", guild_id=None, level="review")
    common = {"note": "n", "source": "cli", "added_at": 5, "changed": 1, "quality": 80, "category": "scam"}
    for number in (7, 8):
        insert("entries", id=number, bank_id=3, sha256=b"s" * 32, width=640, height=480, frames=1, **common)
    insert("entry_views", entry_id=7, form="whole", frame=0, hashes=b"h" * 256)
    common = {"guild_id": GUILD, "category": "scam", "origin": "match", "state": "open", "version": 1, "opened_at": 5}
    thresholds = {"remove": 40, "review": 60, "margin": 9}
    for number, found in ((5, OLD_MATCH), (6, None)):
        kept = {"sha256": b"s" * 32, "fingerprint": OLD_FINGERPRINT} if found else {}
        row = {"match": sa.null() if found is None else found, "thresholds": thresholds, "reasons": ["near"], **kept}
        entry_id = None if found is None else 7
        insert("cases", id=number, entry_id=entry_id, program_version="0.1.0", **common, **row)
    flags = {"scan_webhooks": True, "scan_bots": False, "scan_avatars": False}
    insert("guilds", guild_id=GUILD, mode="remove", remove=40, review=60, margin=9, **flags)
    connection.execute(sa.text("DELETE FROM entries WHERE id = 8"))
    connection.execute(sa.text("DELETE FROM banks WHERE id = 9"))
    if connection.dialect.name == "postgresql":
        for table, last in (("banks", 9), ("entries", 8), ("cases", 6)):
            connection.execute(sa.text(f"SELECT setval('{table}_id_seq', {last})"))


async def test_what_the_first_version_wrote_is_read_by_this_one(empty_database_url: str):
    await in_database(empty_database_url, fill_first_version)
    store = await Store.open(empty_database_url, VAULT)
    async with store.read() as tx:
        entry = await tx.banks.entry(7)
        first, second = await tx.cases.open_cases(GUILD)
        settings = await tx.guilds.get(GUILD)
    assert entry is not None
    picture = Fingerprint(b"s" * 32, (View(Form.WHOLE, 0, b"h" * 256),), 640, 480, 1, 80)
    assert entry.fingerprint == first.fingerprint == picture
    assert first.match == Match(
        7, 3, Category.SCAM, Stage.PHASH, 12, Part.TRIMMED, Orientation.TURNED_LEFT, frames_compared=2
    )
    assert first.thresholds == Thresholds(hash_remove=40, hash_review=60, margin_bits=9)
    assert (first.entry_id, second.match, second.fingerprint) == (7, None, None)
    assert settings == GuildSettings(GUILD, Mode.REMOVE)
    async with store.write() as tx:
        made = await add_entry(tx, guild_id=OTHER_GUILD)
        assert (made.id, made.bank_id) == (9, 10)
        await tx.banks.set_level(3, BankLevel.STRICT, None, NOW)
    await store.close()
    assert await in_database(empty_database_url, differences) == []
