import asyncio
import sqlite3
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import aiosqlite
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import StatementError

from bot.errors import DatabaseError
from bot.model import CaseEvent, GuildSettings
from bot.store.dialects import prepare
from bot.store.engine import Store
from bot.store.sqlite_driver import Cursor
from bot.store.types import EPOCH, Milliseconds
from bot.vault import Vault

from .samples import GUILD, NOW, VAULT, call, open_case


async def test_a_failed_transaction_leaves_nothing(store: Store):
    async def save_and_fail():
        async with store.write() as tx:
            await tx.guilds.save(GuildSettings(GUILD))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await save_and_fail()
    async with store.read() as tx:
        assert await tx.guilds.get(GUILD) is None


async def test_what_only_reads_cannot_write(store: Store):
    async def save():
        async with store.read() as tx:
            await tx.guilds.save(GuildSettings(GUILD))

    with pytest.raises(DatabaseError):
        await save()
    async with store.write() as tx:
        assert await tx.guilds.get(GUILD) is None
        await tx.guilds.save(GuildSettings(GUILD))


async def test_what_reads_sees_one_state_throughout(store: Store):
    async with store.read() as reading:
        assert await reading.guilds.get(GUILD) is None
        async with store.write() as tx:
            await tx.guilds.save(GuildSettings(GUILD))
        assert await reading.guilds.get(GUILD) is None
    async with store.read() as reading:
        assert await reading.guilds.get(GUILD) is not None


async def test_many_writers_at_once_all_get_their_turn(store: Store):
    async def write(number: int):
        async with store.write() as tx:
            await tx.outbox.put([call(f"{number}")], NOW)

    await asyncio.gather(*(write(number) for number in range(100)))
    async with store.read() as tx:
        assert await tx.outbox.pending() == 100


async def test_two_processes_write_to_one_database(store: Store):
    other = await Store.open(store.url, VAULT)

    async def write(to: Store, number: int):
        async with to.write() as tx:
            await tx.outbox.put([call(f"{number}")], NOW)

    try:
        await asyncio.gather(*(write((store, other)[number % 2], number) for number in range(40)))
    finally:
        await other.close()
    async with store.read() as tx:
        assert await tx.outbox.pending() == 40


async def test_a_cancelled_writer_does_not_stop_the_next(store: Store):
    entered = asyncio.Event()

    async def write():
        async with store.write() as tx:
            await tx.guilds.save(GuildSettings(GUILD))
            entered.set()
            while True:
                await tx.guilds.get(GUILD)

    task = asyncio.create_task(write())
    await entered.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with store.write() as tx:
        assert await tx.guilds.get(GUILD) is None
        await tx.guilds.save(GuildSettings(GUILD))


async def test_a_writer_inside_a_writer_is_refused_instead_of_waiting_for_itself(store: Store):
    async def write():
        async with store.write():
            pass

    async with store.write() as tx:
        with pytest.raises(RuntimeError, match="open already"):
            await write()
        await tx.guilds.save(GuildSettings(GUILD))
    await write()
    async with store.read() as tx:
        assert await tx.guilds.get(GUILD) is not None


async def test_a_statement_that_is_cancelled_halfway_keeps_no_lock(sqlite_url: str):
    """Even while somebody holds the task, and with it the statement, of which a row was not read."""
    store = await Store.open(sqlite_url, VAULT)
    async with store.write() as tx:
        await tx.guilds.save(GuildSettings(GUILD))
        await tx.guilds.save(GuildSettings(GUILD - 1))
    rows = sa.text("UPDATE guilds SET guild_id = guild_id RETURNING guild_id")

    async def write() -> None:
        async with store.write() as tx:
            await tx.connection.execute(rows)

    held: list[asyncio.Task[None]] = []
    execute = Cursor.execute

    async def cancelled(self: Cursor, sql: str, *parameters: object) -> object:
        cursor = await execute(self, sql, *parameters)
        if sql.startswith("UPDATE guilds"):
            held[0].cancel()
            await asyncio.sleep(0)
        return cursor

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cursor, "execute", cancelled)
        held.append(asyncio.create_task(write()))
        await asyncio.gather(*held, return_exceptions=True)
    assert held[0].cancelled()
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), timeout=0, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.close()
    await store.close()


async def test_a_statement_is_one_visit_to_the_thread_of_its_connection(sqlite_url: str):
    store = await Store.open(sqlite_url, VAULT)
    visits: list[str] = []
    visit = aiosqlite.Connection._execute  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportUnknownVariableType]

    async def counted(
        self: aiosqlite.Connection, step: Callable[..., object], *args: object, **kinds: object
    ) -> object:
        visits.append(step.__name__)
        return await visit(self, step, *args, **kinds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aiosqlite.Connection, "_execute", counted)
        async with store.write() as tx:
            await tx.guilds.save(GuildSettings(GUILD))
            assert await tx.guilds.get(GUILD) is not None
            await tx.connection.execute(sa.text("SELECT :number"), [{"number": 1}])
    begin, save, get, select = 1, 2, 1, 1  # saved by an update, which finds nothing, and an insert
    assert visits == ["run"] * (begin + save + get + select) + ["commit", "rollback"]  # the latter by the pool
    await store.close()


async def test_those_who_wait_in_different_lines_write_in_turn(sqlite_url: str):
    store = await Store.open(sqlite_url, VAULT)
    order: list[str | None] = []

    async def write(line: str | None, *, ahead: bool = False) -> None:
        async with store.write(line, ahead=ahead):
            order.append(line)

    async with store.write("loud"):
        waiting = [asyncio.create_task(write(line)) for line in ("loud", "loud", "loud", "quiet", None)]
        waiting.append(asyncio.create_task(write("urgent", ahead=True)))
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert order == ["urgent", "loud", "quiet", None, "loud", "loud"]
    await store.close()


async def test_who_waits_too_long_for_the_writer_is_told_so_and_leaves_the_line(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
):
    store = await Store.open(sqlite_url, VAULT)
    monkeypatch.setattr("bot.store.engine.WAIT_SECONDS", 0.05)

    async def write() -> None:
        async with store.write():
            pass

    async with store.write():
        with pytest.raises(DatabaseError, match="Something else was being written"):
            await asyncio.create_task(write())
    await write()
    await store.close()


async def test_a_row_that_points_nowhere_is_refused_without_quoting_it(store: Store):
    async def add():
        async with store.write() as tx:
            await tx.events.add(CaseEvent(999, NOW, "opened", 2**60, "words of a moderator"))

    with pytest.raises(DatabaseError, match="stanguard db check") as caught:
        await add()
    assert "words" not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_a_failing_statement_does_not_quote_its_values(sqlite_url: str):
    store = await Store.open(sqlite_url, VAULT)

    async def add():
        async with store.write() as tx:
            await tx.connection.exec_driver_sql("DROP TABLE case_events")
            await tx.events.add(CaseEvent(999, NOW, "opened", 2**60, "words of a moderator"))

    try:
        with pytest.raises(DatabaseError) as caught:
            await add()
    finally:
        await store.close()
    assert caught.value.__cause__ is not None
    assert "words" not in str(caught.value.__cause__)


async def test_a_time_without_zone_is_refused(store: Store):
    async def put():
        async with store.write() as tx:
            await tx.outbox.put([call("one")], datetime(2026, 11, 22))  # noqa: DTZ001

    with pytest.raises(StatementError, match="time zone"):
        await put()


@given(st.integers(-(10**15), 10**17))
def test_a_time_is_kept_to_the_millisecond(microseconds: int):
    time = (EPOCH + timedelta(microseconds=microseconds)).astimezone(timezone(timedelta(hours=9)))
    kept = Milliseconds()
    number = kept.process_bind_param(time, sqlite.dialect())
    back = kept.process_result_value(number, sqlite.dialect())
    assert back is not None
    assert back.tzinfo is UTC
    assert timedelta() <= time - back < timedelta(milliseconds=1)


# ------------------------------------------------------------------------------------------------------- opening


async def opening_fails(url: str, *, migrate: bool = True) -> str:
    with pytest.raises(DatabaseError) as caught:
        await Store.open(url, VAULT, migrate=migrate)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


async def test_the_folder_of_a_new_file_is_made(tmp_path: Path):
    path = tmp_path / "new" / "folder with % and ?" / "stanguard.db"
    store = await Store.open(f"sqlite:///{path}")
    await store.close()
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


async def test_a_file_that_is_no_database_is_named(tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("Nothing of a database in here. " * 100)
    sentence = await opening_fails(f"sqlite:///{path}")
    assert str(path) in sentence
    assert "not a database" in sentence


async def test_a_folder_is_no_database(tmp_path: Path):
    assert str(tmp_path) in await opening_fails(f"sqlite:///{tmp_path}")


async def test_a_place_where_no_folder_can_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert "store.url" in await opening_fails(f"sqlite:///{tmp_path}/file/stanguard.db")


async def test_a_missing_file_is_not_made_without_leave(tmp_path: Path):
    path = tmp_path / "none.db"
    assert "stanguard db upgrade" in await opening_fails(f"sqlite:///{path}", migrate=False)
    assert not path.exists()


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:///:memory:", "mysql://host/name", "postgresql://host:port/x"])
async def test_an_address_that_cannot_be_used_is_refused(url: str):
    await opening_fails(url)


def test_the_words_of_libpq_are_translated_for_the_driver():
    dialect, target = prepare("postgresql://me:p%40ss@db.example:5433/name?sslmode=require", create=True)
    assert dialect == "postgresql"
    assert target.render_as_string(hide_password=False) == (
        "postgresql+asyncpg://me:p%40ss@db.example:5433/name?ssl=require"
    )


async def test_a_server_that_does_not_answer_is_named_without_the_password():
    sentence = await opening_fails("postgresql://someone:hush@127.0.0.1:1/stanguard")
    assert "127.0.0.1:1/stanguard" in sentence
    assert "hush" not in sentence


async def test_a_database_that_the_server_does_not_have_is_named(postgres_url: str):
    assert "nowhere" in await opening_fails(f"{postgres_url.rpartition('/')[0]}/nowhere")


async def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    assert "stanguard[postgres]" in await opening_fails("postgresql://127.0.0.1/stanguard")


async def test_a_locked_file_is_told(sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.store.dialects.BUSY_MILLISECONDS", 10)
    first, second = await Store.open(sqlite_url, VAULT), await Store.open(sqlite_url, VAULT)

    async def write():
        async with second.write() as tx:
            await open_case(tx)

    try:
        async with first.write():
            with pytest.raises(DatabaseError, match="locked"):
                await write()
        await write()
    finally:
        await first.close()
        await second.close()


# --------------------------------------------------------------------------------------------------- the secret


async def test_every_process_has_the_same_secret(empty_database_url: str):
    stores = await asyncio.gather(*(Store.open(empty_database_url, VAULT) for _ in range(3)))
    stores.append(await Store.open(empty_database_url, Vault([b"n" * 32, bytes(range(32))])))
    secrets = {store.secret for store in stores}
    for store in stores:
        await store.close()
    assert [len(secret) for secret in secrets] == [32]


async def test_two_installations_have_two_secrets(sqlite_url: str, postgres_url: str):
    stores = [await Store.open(url, VAULT) for url in (sqlite_url, postgres_url)]
    assert stores[0].secret != stores[1].secret
    for store in stores:
        await store.close()


async def test_the_secret_does_not_lie_in_the_database(store: Store):
    async with store.read() as tx:
        sealed = await tx.installation.sealed_secret()
    assert sealed is not None
    assert store.secret not in sealed


async def test_without_a_vault_there_is_no_secret(sqlite_url: str):
    store = await Store.open(sqlite_url)
    with pytest.raises(RuntimeError, match="without a vault"):
        _ = store.secret
    await store.close()
