"""The audit log: one chain a guild, which the database itself keeps as it was written."""

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa

from bot.errors import DatabaseError
from bot.model import INSTALLATION, AuditHead, BankKind, BankLevel, CaseEvent, Category, Surface
from bot.store import admin, chain
from bot.store.engine import Store
from bot.store.tables import audit

from .chains import MODERATOR, fill, problems, rows_of
from .samples import GUILD, NOW, OTHER_GUILD, VAULT, add_entry, fingerprint, message, open_case, scan


async def test_an_event_of_a_case_is_a_row_of_the_chain_of_its_guild(store: Store):
    case_id = await fill(store, 3)
    other = await fill(store, 1, OTHER_GUILD)
    first, second, third = await rows_of(store)
    assert (first.seq, first.prev, first.case_id, first.action, first.at) == (1, chain.ROOT, case_id, "noted", NOW)
    assert (second.prev, third.prev) == (first.hash, second.hash)
    assert all(chain.is_whole(row) for row in (first, second, third))
    assert (first.actor, second.actor) == (None, chain.pseudonym(store.secret, GUILD, MODERATOR))
    assert [row.case_id for row in await rows_of(store, OTHER_GUILD)] == [other]
    async with store.read() as tx:
        told = await tx.audit.told(case_id)
        assert await tx.audit.guilds() == [OTHER_GUILD, GUILD]
        assert await tx.audit.head(GUILD) == AuditHead(GUILD, 3, third.hash)
        assert await tx.audit.head(5) is None
        assert await tx.audit.excerpt(case_id) == [first, second, third]
        assert await tx.audit.row(GUILD, 2) == second
    for row, event in zip((first, second, third), told, strict=True):
        assert event.salt is not None
        assert row.event_id == event.event_id
        assert chain.digest(chain.event_payload(event.event, event.event_id, event.salt)) == row.payload_sha256


async def test_no_id_of_a_person_is_in_the_log(store: Store):
    await fill(store, 4)
    for row in await rows_of(store):
        assert str(MODERATOR) not in repr(row)
        assert MODERATOR.to_bytes(8, "big") not in b"".join([row.actor or b"", row.payload_sha256, row.hash])


async def test_changes_of_banks_are_logged_where_the_bank_belongs(store: Store):
    async with store.write() as tx:
        entry = await add_entry(tx)
        await tx.banks.set_level(entry.bank_id, BankLevel.REVIEW, MODERATOR, NOW)
        assert await tx.banks.revoke(entry.id, MODERATOR, NOW)
        assert not await tx.banks.revoke(entry.id, MODERATOR, NOW)
        assert await tx.banks.unrevoke(entry.id, MODERATOR, NOW)
        bank = await tx.banks.ensure("list", BankKind.BLOCK, None, BankLevel.REVIEW)
        pictures = [(Category.SCAM, fingerprint(seed)) for seed in (3, 4)]
        await tx.banks.add_entries(bank.id, pictures, source="list x", added_at=NOW)
        await tx.banks.add_entries(bank.id, [], source="list x", added_at=NOW)
    who = chain.pseudonym(store.secret, GUILD, MODERATOR)
    assert [(row.action, row.subject, row.actor) for row in await rows_of(store)] == [
        ("bank_entry_added", f"E-{entry.id}", who),
        ("bank_level_changed", f"B-{entry.bank_id}", who),
        ("bank_entry_revoked", f"E-{entry.id}", who),
        ("bank_entry_restored", f"E-{entry.id}", who),
    ]
    (imported,) = await rows_of(store, INSTALLATION)
    assert (imported.action, imported.subject, imported.actor) == ("bank_entries_imported", f"B-{bank.id}", None)


async def test_entries_that_a_case_made_are_logged_with_the_case(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        bank = await tx.banks.ensure("own", BankKind.BLOCK, GUILD, BankLevel.REMOVE)
        common = {"category": Category.SCAM, "note": "", "added_by": None, "source": "review", "added_at": NOW}
        await tx.banks.add_entry(bank_id=bank.id, fingerprint=fingerprint(2), case_id=case.id, **common)
        await tx.banks.revoke_by_case(case.id, MODERATOR, NOW)
    assert [(row.action, row.case_id) for row in await rows_of(store)] == [
        ("bank_entry_added", case.id),
        ("bank_entry_revoked", case.id),
    ]


async def test_what_is_rolled_back_leaves_no_row(store: Store):
    await fill(store, 2)

    async def fail():
        async with store.write() as tx:
            await tx.events.add(CaseEvent(1, NOW, "noted", None, ""))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await fill(store, 1)
    assert [row.seq for row in await rows_of(store)] == [1, 2, 3]


async def test_who_only_reads_appends_nothing(store: Store):
    async with store.read() as tx:
        with pytest.raises(RuntimeError, match="only reads"):
            tx.audit.append(GUILD, "noted", NOW, None, {})


async def test_without_the_vault_only_the_bot_itself_can_be_logged(store: Store):
    case_id = await fill(store, 1)
    bare = await Store.open(store.url)

    async def note(actor_id: int | None):
        async with bare.write() as tx:
            await tx.events.add(CaseEvent(case_id, NOW, "noted", actor_id, "words"))

    await note(None)
    with pytest.raises(DatabaseError, match="vault's key; open the database with it"):
        await note(MODERATOR)
    await bare.close()
    assert [row.seq for row in await rows_of(store)] == [1, 2]
    async with store.read() as tx:
        assert len(await tx.events.of_case(case_id)) == 2
    assert await problems(store) == []


async def test_an_ordinary_picture_costs_no_statement(sqlite_url: str):
    store = await Store.open(sqlite_url, VAULT)
    statements: list[str] = []
    sa.event.listen(
        store._writer.sync_engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
    )
    async with store.write() as tx:
        await tx.sightings.add(message(), "a", Surface.ATTACHMENT, scan(), seen_at=NOW)
    await store.close()
    assert [statement.split()[0] for statement in statements] == ["BEGIN", "INSERT"]


async def test_many_writers_make_one_chain(store: Store):
    """Of two processes: on PostgreSQL they meet at the lock of the chain, and go through it one after the other."""
    case_ids = [await fill(store, 1), await fill(store, 1, OTHER_GUILD)]
    stores = [store, await Store.open(store.url, VAULT)]

    async def note(number: int):
        async with stores[number % 2].write() as tx:
            # In turns one way and the other: chains are locked in one order, whatever order they are written in.
            for case_id in case_ids if number % 3 else reversed(case_ids):
                await tx.events.add(CaseEvent(case_id, NOW, "noted", MODERATOR, f"{number}"))
                await asyncio.sleep(0)

    await asyncio.gather(*(note(number) for number in range(60)))
    await stores[1].close()
    for guild_id in (GUILD, OTHER_GUILD):
        rows = await rows_of(store, guild_id)
        walk = chain.Walk(guild_id)
        walk.follow(rows)
        assert (walk.broken, walk.seq) == (None, 61)
    assert await problems(store) == []


async def test_a_chain_and_a_bank_never_wait_for_each_other(postgres_url: str):
    """One writes to a case and then to a bank, another the other way round; neither dies of a deadlock."""
    store = await Store.open(postgres_url, VAULT)
    case_id = await fill(store, 1)
    async with store.write() as tx:
        entry = await add_entry(tx)

    async def first(number: int):
        async with store.write() as tx:
            await tx.events.add(CaseEvent(case_id, NOW, "noted", None, ""))
            await asyncio.sleep(0.001)
            await tx.banks.set_level(entry.bank_id, BankLevel.REVIEW, None, NOW)

    async def second(number: int):
        async with store.write() as tx:
            await tx.banks.set_level(entry.bank_id, BankLevel.REMOVE, None, NOW)
            await asyncio.sleep(0.001)
            await tx.events.add(CaseEvent(case_id, NOW, "noted", None, ""))

    await asyncio.gather(*(work(number) for number in range(15) for work in (first, second)))
    assert await problems(store) == []
    assert len(await rows_of(store)) == 1 + 1 + 60
    await store.close()


# ------------------------------------------------------------------------------------------------ refused by triggers


CHANGE = audit.update().where(audit.c.seq == 1).values(action="other")


@pytest.mark.parametrize(
    "statement",
    [CHANGE, audit.delete(), audit.delete().where(audit.c.seq == 2)],
    ids=["update", "delete all", "delete one"],
)
async def test_rows_cannot_be_changed_or_deleted(store: Store, statement: sa.Executable):
    await fill(store, 3)
    before = await rows_of(store)

    async def change():
        async with store.write() as tx:
            await tx.connection.execute(statement)

    with pytest.raises(DatabaseError, match="contradicts what it holds"):
        await change()
    assert await rows_of(store) == before


async def test_the_database_itself_refuses_other_programs_too(database_url: str):
    store = await Store.open(database_url, VAULT)
    await fill(store, 3)
    before = await rows_of(store)
    copied = "(guild_id, seq, at, action, payload_sha256, prev, hash)"
    values = "SELECT guild_id, seq, at, 'other', payload_sha256, prev, hash FROM audit WHERE seq = 2"
    if store.dialect == "sqlite":
        with contextlib.closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
            for statement in (
                "UPDATE audit SET action = 'other'",
                "DELETE FROM audit",
                f"INSERT OR REPLACE INTO audit {copied} {values}",
                "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE id = 1",
            ):
                with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                    connection.execute(statement)
    else:
        connection = await asyncpg.connect(database_url)
        for statement in (
            "UPDATE audit SET action = 'other'",
            "DELETE FROM audit",
            f"INSERT INTO audit {copied} {values} ON CONFLICT (guild_id, seq) DO UPDATE SET action = 'other'",
        ):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append-only"):
                await connection.execute(statement)
        await connection.close()
    assert await rows_of(store) == before
    await store.close()


async def test_missing_triggers_are_told(store: Store):
    await fill(store, 1)
    async with store.write() as tx:
        where = "" if store.dialect == "sqlite" else " ON audit"
        await tx.connection.exec_driver_sql(f"DROP TRIGGER audit_loses_no_rows{where}")
    try:
        [problem] = await problems(store)
        assert problem.startswith("The triggers that keep the audit log")
    finally:
        if store.dialect == "postgresql":  # its tables are used again
            async with store.write() as tx:
                await tx.connection.exec_driver_sql(
                    "CREATE TRIGGER audit_loses_no_rows BEFORE DELETE ON audit "
                    "FOR EACH ROW EXECUTE FUNCTION audit_refuses_change()"
                )


async def carried_over(url: str, path: Path, restored_url: str) -> None:
    """A backup of the one database, restored as the other, holds the same chain under the same triggers."""
    store = await Store.open(url, VAULT)
    await fill(store, 4)
    before = await rows_of(store)
    await store.close()
    await admin.backup(url, path)
    await admin.restore(restored_url, path)
    restored = await Store.open(restored_url, VAULT)
    assert await rows_of(restored) == before
    assert await problems(restored) == []

    async def change(statement: sa.Executable):
        async with restored.write() as tx:
            await tx.connection.execute(statement)

    for statement in (audit.delete(), CHANGE):
        with pytest.raises(DatabaseError, match="contradicts what it holds"):
            await change(statement)
    await fill(restored, 1)
    assert [row.seq for row in await rows_of(restored)] == [1, 2, 3, 4, 5]
    await restored.close()


async def test_a_backup_carries_the_chain_and_its_triggers(sqlite_url: str, tmp_path: Path):
    await carried_over(sqlite_url, tmp_path / "backup", f"sqlite:///{tmp_path / 'restored.db'}")


async def test_a_backup_of_postgresql_carries_them_too(postgres_url: str, bare_postgres: str, tmp_path: Path):
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    try:
        await carried_over(postgres_url, tmp_path / "backup", bare_postgres)
    finally:
        connection = await asyncpg.connect(bare_postgres)
        await connection.execute("DROP SCHEMA public CASCADE")
        await connection.execute("CREATE SCHEMA public")
        await connection.close()
