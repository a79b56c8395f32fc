import asyncio
import sqlite3
import sys
from datetime import UTC, datetime
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
    CaseState,
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
from bot.store import tables
from bot.store.codec import pack, thresholds_to_json
from bot.store.dialects import migration_engine, prepare
from bot.store.engine import Store
from bot.store.migrate import HEAD, config
from bot.store.tables import metadata

from .samples import GUILD, NOW, OTHER_GUILD, THRESHOLDS, VAULT, add_entry, call, expire, open_case

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


@pytest.mark.parametrize("migrate", [True, False])
async def test_the_database_of_another_program_is_left_alone(tmp_path: Path, migrate: bool):
    path = tmp_path / "places.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (id INTEGER)")
    connection.close()
    with pytest.raises(DatabaseError, match="another program"):
        await Store.open(f"sqlite:///{path}", migrate=migrate)


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


# ------------------------------------------------------------------------------------------- a database in use


EPOCH = datetime.fromtimestamp(0, UTC)
FINGERPRINT = Fingerprint(b"s" * 32, (View(Form.WHOLE, 0, b"h" * 256),), 640, 480, 1, 80)


def old_sighting(number: int, **more: Any) -> dict[str, Any]:
    common = {"guild_id": GUILD, "channel_id": 2, "message_id": 100 + number, "author_id": 50, "author_is_bot": False}
    rest = {"edited": False, "media_id": f"attachment:{number}", "surface": "attachment", "seen_at": 7}
    found = {"verdict": "remove", "sha256": b"s" * 32, "agreement": 0.875, "distance": 3, "margin": 20}
    return {"id": number, **common, **rest, **found, **more}


OLD_CASES = [
    {"id": 4, "state": "open", "version": 1},
    {"id": 5, "state": "decided", "version": 3, "decision": "confirm", "decided_by": 40, "decided_at": 9},
    {"id": 6, "state": "decided", "version": 2, "decision": "not_a_match", "decided_by": 41, "decided_at": 8},
    {"id": 7, "state": "open", "version": 4, "card_channel_id": 30, "card_message_id": 31, "sha256": None},
]
OLD_CALLS = [
    {"id": 11, "key": "delete:101", "kind": "delete_message", "state": "pending"},
    {"id": 12, "key": "card:4", "kind": "post_card", "state": "pending", "lease_owner": "a", "lease_until": 60},
    {"id": 13, "key": "card:5", "kind": "post_card", "state": "done", "finished_at": 9},
    {"id": 14, "key": "told:6:50", "kind": "notify", "state": "given_up", "finished_at": 9, "error": "Closed."},
    {"id": 15, "key": "log:1", "kind": "log_line", "state": "done", "finished_at": 8, "case_id": None},
    {"id": 16, "key": "card:7:v4", "kind": "edit_card", "state": "pending", "uncertain": True, "attempts": 3},
]
OUTCOMES = [
    {"id": 18, "key": "outcome:31", "kind": "notify", "state": "pending"},
    {"id": 19, "key": "outcome:32", "kind": "notify", "state": "done", "finished_at": 9},
]
OLD_REPORTER = 123456789012345678


def fill_second_version(connection: Connection) -> None:
    """Every kind of row that the version before the review queue could hold."""
    alembic = config()
    alembic.attributes["connection"] = connection
    command.upgrade(alembic, "0002_features")
    tables = sa.MetaData()
    tables.reflect(connection)

    def insert(table: str, *rows: dict[str, Any]) -> None:
        for row in rows:
            connection.execute(tables.tables[table].insert().values(**row))

    insert("banks", {"id": 1, "name": "own", "kind": "block", "guild_id": GUILD, "level": "remove"})
    entry = {"bank_id": 1, "category": "scam", "sha256": b"s" * 32, "width": 640, "height": 480, "frames": 1}
    entry |= {"quality": 80, "note": "", "source": "review", "added_at": 5, "changed": 1}
    insert("entries", {"id": 2, **entry})
    case = {"guild_id": GUILD, "category": "scam", "origin": "match", "opened_at": 5, "entry_id": 2}
    case |= {"thresholds": thresholds_to_json(THRESHOLDS), "program_version": "0.1.0", "reasons": ["near"]}
    case |= {"sha256": b"s" * 32, "fingerprint": pack(FINGERPRINT), "features": None, "match": sa.null()}
    for row in OLD_CASES:
        gone = {"fingerprint": None} if row.get("sha256", b"") is None else {}
        insert("cases", {**case, **row, **gone})
    insert("entries", {"id": 3, **entry, "case_id": 5, "sha256": b"t" * 32})
    insert("sightings", old_sighting(21, case_id=4), old_sighting(22, case_id=5, deleted_at=9), old_sighting(23))
    report = {"guild_id": GUILD, "category": "scam", "created_at": 6}
    insert("reports", {"id": 31, "case_id": 4, "reporter_id": OLD_REPORTER, "outcome_sent": False, **report})
    insert("reports", {"id": 32, "case_id": 5, "reporter_id": OLD_REPORTER, "outcome_sent": True, **report})
    insert("case_events", {"id": 41, "case_id": 4, "at": 5, "kind": "opened", "detail": "near"})
    insert("case_events", {"id": 42, "case_id": 5, "at": 9, "kind": "confirm", "actor_id": 40, "detail": ""})
    call = {"lane": "x", "payload": {"text": "é", "nothing": None}, "case_id": 4, "guild_id": GUILD, "urgency": 1}
    call |= {"created_at": 5, "due_at": 6, "attempts": 1, "uncertain": False}
    insert("outbox", *({**call, **row} for row in OLD_CALLS))
    told = {"lane": f"user:{OLD_REPORTER}", "payload": {"user_id": OLD_REPORTER, "text": "Thank you."}}
    insert("outbox", *({**call, **told, **row} for row in OUTCOMES))
    insert("jobs", {"id": 51, "message": {"a": 1}, "media": [], "created_at": 5})
    # The newest row of each of these is gone: its number is never given to another one.
    insert("cases", {**case, "id": 8, "state": "open", "version": 1})
    insert("outbox", {**call, "id": 20, "key": "gone", "kind": "notify", "state": "pending"})
    insert("reports", {"id": 33, "case_id": 4, "reporter_id": 61, "outcome_sent": False, **report})
    if connection.dialect.name == "postgresql":
        numbered = ("banks", "entries", "cases", "sightings", "reports", "case_events", "outbox", "jobs")
        for table in numbered:
            connection.execute(sa.text(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))"))
    connection.execute(sa.text("DELETE FROM cases WHERE id = 8"))
    connection.execute(sa.text("DELETE FROM outbox WHERE id = 20"))
    connection.execute(sa.text("DELETE FROM reports WHERE id = 33"))


def every_row(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    tables = sa.MetaData()
    tables.reflect(connection)
    return {
        name: [dict(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()]
        for name, table in tables.tables.items()
        if name != "alembic_version"
    }


async def test_a_database_in_use_loses_nothing(empty_database_url: str):
    await in_database(empty_database_url, fill_second_version)
    before = await in_database(empty_database_url, every_row)
    store = await Store.open(empty_database_url)
    after = await in_database(empty_database_url, every_row)
    for row in before["reports"]:
        del row["reporter_id"]
    for row in before["outbox"]:
        if row["key"].startswith("outcome:"):
            report_id = int(row["key"].removeprefix("outcome:"))
            row |= {"lane": f"report:{report_id}", "payload": {"report_id": report_id, "text": "Thank you."}}
    for table, rows in before.items():
        assert [{name: row[name] for name in old} for old, row in zip(rows, after[table], strict=True)] == rows, table
    assert {row["id"]: row["decision_number"] for row in after["cases"]} == {4: 0, 5: 1, 6: 1, 7: 0}
    for name in ("policy_reason", "duplicate_of", "claimed_by", "claimed_until", "thumbhash", "escalated_at"):
        assert {row[name] for row in after["cases"]} == {None}
    assert {(row["excepted_by"], row["moved_from"]) for row in after["sightings"]} == {(None, None)}
    await store.close()
    assert await in_database(empty_database_url, differences) == []


def in_file(url: str) -> bytes:
    return Path(url.removeprefix("sqlite:///")).read_bytes()


async def test_who_reported_is_sealed_and_stays_known(empty_database_url: str):
    await in_database(empty_database_url, fill_second_version)
    store = await Store.open(empty_database_url, VAULT)
    async with store.write() as tx:
        (waiting,), (told,) = await tx.reports.by_case(4), await tx.reports.by_case(5)
        assert (waiting.id, waiting.reporter_id, waiting.outcome_sent) == (31, OLD_REPORTER, False)
        assert (told.id, told.reporter_id, told.outcome_sent) == (32, OLD_REPORTER, True)
        assert waiting.reporter == told.reporter == tx.reports.digest(GUILD, OLD_REPORTER)
        case = await tx.cases.touch(6)
        new = await tx.reports.add(case_id=6, guild_id=GUILD, reporter_id=1, category=case.category, at=NOW)
        assert new is not None
        assert new.id == 34, "the number of a report that is gone is never given to another"
    await store.close()
    rows = await in_database(empty_database_url, every_row)
    assert str(OLD_REPORTER) not in repr(rows)
    if empty_database_url.startswith("sqlite"):
        content = in_file(empty_database_url)
        assert OLD_REPORTER.to_bytes(8, "big") not in content, "nor in what was deleted"
        assert str(OLD_REPORTER).encode() not in content


async def test_without_the_key_reports_go_on_without_their_reporters(empty_database_url: str):
    await in_database(empty_database_url, fill_second_version)
    store = await Store.open(empty_database_url)
    async with store.read() as tx:
        (waiting,), (told,) = await tx.reports.by_case(4), await tx.reports.by_case(5)
        assert (waiting.reporter_id, told.reporter_id) == (None, None)
        assert waiting.reporter != told.reporter
    await store.close()


async def test_a_database_in_use_goes_on_where_it_was(empty_database_url: str):
    await in_database(empty_database_url, fill_second_version)
    store = await Store.open(empty_database_url, VAULT)
    async with store.write() as tx:
        assert [case.id for case in await tx.cases.open_cases(GUILD)] == [4, 7]
        assert await tx.outbox.put([call("card:5"), call("gone")], NOW) == 1, "what happened once never happens again"
        claimed = await tx.outbox.claim(now=NOW, lease=NOW - NOW, owner="b", limit=9)
        assert {one.call.key for one in claimed} == {"delete:101", "gone", "outcome:31"}, "one call of each lane"
        assert (await open_case(tx)).id == 9
        decided = await tx.cases.compare_and_set(4, 1, state=CaseState.DECIDED, decided_at=EPOCH, decision_number=1)
        assert decided is not None
        assert await expire(tx, tables.cases, NOW) == 3
        assert [report.id for report in await tx.reports.by_case(4)] == [], "and what hangs on a case goes with it"
        kept = await tx.banks.entry(3)
        assert kept is not None
        assert kept.case_id is None
    await store.close()
