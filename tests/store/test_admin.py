import asyncio
import contextlib
import shutil
import sqlite3
import stat
from pathlib import Path

import asyncpg
import pytest

from bot.errors import DatabaseError
from bot.model import CallKind, Surface
from bot.store import admin
from bot.store.engine import Store
from bot.store.reseal import reseal
from bot.vault import Vault, VaultError

from .samples import DAY, GUILD, NOW, VAULT, add_entry, call, fingerprint, message, open_case, scan


async def fill(url: str) -> int:
    """Some rows of every kind; the id of an entry."""
    store = await Store.open(url, VAULT)
    async with store.write() as tx:
        entry = await add_entry(tx)
        case = await open_case(tx, entry)
        await tx.sightings.add(message(1), "a", Surface.ATTACHMENT, scan(1), seen_at=NOW, case_id=case.id)
        await tx.outbox.put([call("card", kind=CallKind.POST_CARD, case_id=case.id)], NOW)
    await store.close()
    return entry.id


async def holds(url: str, entry_id: int) -> bool:
    store = await Store.open(url, VAULT, migrate=False)
    async with store.read() as tx:
        found = await tx.banks.entry(entry_id) is not None
    await store.close()
    return found


def sqlite_file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@contextlib.contextmanager
def raw(url: str):
    """The file as any other program sees it, without our foreign keys."""
    with contextlib.closing(sqlite3.connect(sqlite_file(url))) as connection, connection:
        yield connection


async def test_upgrade_makes_a_database_that_is_sound(empty_database_url: str):
    assert "stanguard db upgrade" in (await admin.check(empty_database_url))[0]
    await admin.upgrade(empty_database_url)
    assert await admin.check(empty_database_url) == []


async def test_a_filled_database_is_sound(database_url: str):
    await fill(database_url)
    assert await admin.check(database_url, VAULT, clock=lambda: NOW) == []


async def test_a_backup_is_restored_whole(sqlite_url: str, tmp_path: Path):
    entry_id = await fill(sqlite_url)
    await admin.backup(sqlite_url, tmp_path / "kept" / "backup.db")
    restored = f"sqlite:///{tmp_path / 'other' / 'stanguard.db'}"
    await admin.restore(restored, tmp_path / "kept" / "backup.db")
    assert await holds(restored, entry_id)
    assert await admin.check(restored, VAULT, clock=lambda: NOW) == []


async def test_a_backup_of_postgresql_is_restored_whole(postgres_url: str, bare_postgres: str, tmp_path: Path):
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    entry_id = await fill(postgres_url)
    path = tmp_path / "backup.dump"
    await admin.backup(postgres_url, path)
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    try:
        await admin.restore(bare_postgres, path)
        assert await holds(bare_postgres, entry_id)
        assert await admin.check(bare_postgres, VAULT, clock=lambda: NOW) == []
        with pytest.raises(DatabaseError, match="createdb"):
            await admin.restore(bare_postgres, path)
    finally:
        connection = await asyncpg.connect(bare_postgres)
        await connection.execute("DROP SCHEMA public CASCADE")
        await connection.execute("CREATE SCHEMA public")
        await connection.close()


async def test_a_backup_while_others_write_is_one_state(sqlite_url: str, tmp_path: Path):
    store = await Store.open(sqlite_url, VAULT)
    stopping = asyncio.Event()

    async def write():
        number = 0
        while not stopping.is_set():
            async with store.write() as tx:
                case = await open_case(tx)
                for copy in range(3):
                    await tx.sightings.add(
                        message(number), f"{copy}", Surface.ATTACHMENT, scan(number), seen_at=NOW, case_id=case.id
                    )
            number += 1

    writer = asyncio.create_task(write())
    backups = [tmp_path / f"{number}.db" for number in range(5)]
    for path in backups:
        await asyncio.sleep(0.05)
        await admin.backup(sqlite_url, path)
    stopping.set()
    await writer
    await store.close()
    counts = []
    for path in backups:
        assert await admin.check(f"sqlite:///{path}", VAULT) == []
        with raw(f"sqlite:///{path}") as connection:
            (cases,) = connection.execute("SELECT count(*) FROM cases").fetchone()
            (sightings,) = connection.execute("SELECT count(*) FROM sightings").fetchone()
        assert sightings == 3 * cases
        counts.append(cases)
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


async def test_a_backup_is_one_file_for_its_owner_alone(sqlite_url: str, tmp_path: Path):
    folder = tmp_path / "kept"
    await admin.backup(sqlite_url, folder / "backup.db")
    assert names(folder) == ["backup.db"]
    assert stat.S_IMODE((folder / "backup.db").stat().st_mode) & 0o077 == 0


async def test_a_backup_never_overwrites(database_url: str, tmp_path: Path):
    path = tmp_path / "backup"
    path.write_text("older")
    with pytest.raises(DatabaseError, match="exists already; name another"):
        await admin.backup(database_url, path)
    assert path.read_text() == "older"


async def test_a_backup_that_cannot_be_written_is_told(database_url: str, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match="choose another place"):
        await admin.backup(database_url, tmp_path / "file" / "backup")


async def test_a_missing_database_has_no_backup(tmp_path: Path):
    with pytest.raises(DatabaseError, match="no database"):
        await admin.backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "backup")
    assert names(tmp_path) == []


@pytest.mark.parametrize("leftover", ["stanguard.db", "stanguard.db-wal"])
async def test_restoring_never_overwrites_and_says_what_to_do(sqlite_url: str, tmp_path: Path, leftover: str):
    await admin.backup(sqlite_url, tmp_path / "backup.db")
    target = tmp_path / "other"
    target.mkdir()
    (target / leftover).write_text("older")
    with pytest.raises(DatabaseError, match="move that file away, and restore again"):
        await admin.restore(f"sqlite:///{target}/stanguard.db", tmp_path / "backup.db")
    assert (target / leftover).read_text() == "older"


async def test_only_a_backup_is_restored(sqlite_url: str, postgres_url: str, tmp_path: Path):
    notes, foreign, later = tmp_path / "notes.txt", tmp_path / "foreign.db", tmp_path / "later.db"
    notes.write_text("Nothing of a database in here. " * 50)
    with raw(f"sqlite:///{foreign}") as connection:
        connection.execute("CREATE TABLE bookmarks (id INTEGER)")
    await admin.backup(sqlite_url, later)
    with raw(f"sqlite:///{later}") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_later'")
    target = f"sqlite:///{tmp_path}/target.db"
    for path, sentence in {
        notes: "not a database",
        foreign: "not a database of stanguard",
        later: "newer version",
        tmp_path / "none.db": "no file",
    }.items():
        with pytest.raises(DatabaseError, match=sentence):
            await admin.restore(target, path)
        assert not sqlite_file(target).exists()
    with pytest.raises(DatabaseError, match="not a backup of a PostgreSQL database"):
        await admin.restore(postgres_url, later)


async def test_a_missing_tool_is_named(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatabaseError, match="pg_dump is not installed; install"):
        await admin.backup(postgres_url, tmp_path / "backup")
    assert names(tmp_path) == []


async def test_a_tool_that_fails_is_told_without_the_password(tmp_path: Path):
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    with pytest.raises(DatabaseError, match="pg_dump failed") as caught:
        await admin.backup("postgresql://someone:hush@127.0.0.1:1/stanguard", tmp_path / "backup")
    assert "hush" not in str(caught.value)
    assert names(tmp_path) == []


# ---------------------------------------------------------------------------------------------------- finding fault


async def test_a_damaged_file_is_found(sqlite_url: str):
    await fill(sqlite_url)
    path = sqlite_file(sqlite_url)
    with raw(sqlite_url) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sightings'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    [problem] = await admin.check(sqlite_url)
    assert "damaged" in problem
    assert "stanguard db restore" in problem


async def test_a_row_that_points_nowhere_is_found(sqlite_url: str):
    await fill(sqlite_url)
    with raw(sqlite_url) as connection:
        connection.execute("DELETE FROM cases")
    [problem] = await admin.check(sqlite_url)
    assert problem.startswith("1 row of sightings")


async def test_a_fingerprint_that_cannot_be_read_is_found(database_url: str):
    await fill(database_url)
    store = await Store.open(database_url, VAULT)
    async with store.write() as tx:
        await tx.connection.exec_driver_sql(
            "UPDATE sightings SET fingerprint = " + (r"'\x00'::bytea" if store.dialect == "postgresql" else "x'00'")
        )
    await store.close()
    [problem] = await admin.check(database_url, VAULT, clock=lambda: NOW)
    assert problem.startswith("1 row of sightings hold a fingerprint")


async def test_calls_that_wait_too_long_or_for_nothing_are_found(database_url: str):
    store = await Store.open(database_url, VAULT)
    async with store.write() as tx:
        await tx.outbox.put([call("one"), call("two"), call("orphan", case_id=999)], NOW)
    await store.close()
    assert await admin.check(database_url, VAULT, clock=lambda: NOW + DAY) == [
        "1 Discord call is waiting for a case that is gone; start the bot, which settles them."
    ]
    late, _ = await admin.check(database_url, VAULT, clock=lambda: NOW + 2 * DAY)
    assert late.startswith("3 Discord calls are waiting for more than a day; check that the bot runs")


async def test_a_server_that_does_not_answer_is_a_problem():
    [problem] = await admin.check("postgresql://127.0.0.1:1/stanguard")
    assert "cannot be reached" in problem


# ----------------------------------------------------------------------------------------------------- sealed


def other_vault() -> Vault:
    return Vault([b"another key of 32 bytes, no less"])


@pytest.mark.parametrize("vault", [None, other_vault()], ids=["none", "another"])
async def test_what_the_key_does_not_open_is_found(database_url: str, vault: Vault | None):
    await fill(database_url)
    [problem] = await admin.check(database_url, vault, clock=lambda: NOW)
    assert problem.startswith("3 of 3 sealed values cannot be opened")
    assert "stanguard db forget-features" in problem


async def test_checking_makes_no_secret(database_url: str):
    assert await admin.check(database_url, VAULT) == []
    store = await Store.open(database_url)
    async with store.read() as tx:
        assert await tx.installation.sealed_secret() is None
    await store.close()


async def test_a_lost_key_is_told_and_forgetting_features_is_the_way_out(database_url: str):
    entry_id = await fill(database_url)
    with pytest.raises(VaultError, match="stanguard db forget-features") as caught:
        await Store.open(database_url, other_vault())
    assert str(caught.value).endswith(".")
    store = await Store.open(database_url, VAULT)
    async with store.read() as tx:
        before, change = await tx.banks.entry(entry_id), await tx.banks.change_number()
    secret = store.secret
    await store.close()
    assert await admin.forget_features(database_url) == 1
    store = await Store.open(database_url, other_vault())
    async with store.read() as tx:
        [entry] = await tx.banks.changed_since(change)
        [case] = await tx.cases.open_cases(GUILD)
    assert before is not None
    assert before.fingerprint.has_features
    assert entry.fingerprint == before.fingerprint.without_features()
    assert case.fingerprint == fingerprint(9).without_features()
    assert store.secret != secret
    await store.close()
    assert await admin.check(database_url, other_vault(), clock=lambda: NOW) == []
    assert await admin.forget_features(database_url) == 0


async def test_after_resealing_the_older_key_is_needed_no_more(database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.store.reseal._BATCH", 2)
    await fill(database_url)
    store = await Store.open(database_url, VAULT)
    async with store.write() as tx:
        for seed in range(2, 6):
            await add_entry(tx, seed)
    secret = store.secret
    await store.close()
    both = Vault([b"another key of 32 bytes, no less", bytes(range(32))])
    store = await Store.open(database_url, both)
    assert await reseal(store, both) == 1 + 5 + 1
    assert await reseal(store, both) == 0
    await store.close()
    assert await admin.check(database_url, other_vault(), clock=lambda: NOW) == []
    store = await Store.open(database_url, other_vault())
    async with store.read() as tx:
        banks = [bank.id for bank in await tx.banks.all()]
        entries = await tx.banks.entries(banks)
        [case] = await tx.cases.open_cases(GUILD)
    assert [entry.fingerprint for entry in entries] == [fingerprint(seed) for seed in (5, 4, 3, 2, 1)]
    assert case.fingerprint == fingerprint(9)
    assert store.secret == secret
    await store.close()


async def test_what_no_key_opens_is_not_resealed(database_url: str):
    await fill(database_url)
    store = await Store.open(database_url)
    with pytest.raises(VaultError):
        await reseal(store, other_vault())
    await store.close()


async def appeal(url: str) -> None:
    """Something that a member wrote, in a database of :func:`fill`, and something that was erased."""
    store = await Store.open(url, VAULT)
    async with store.write() as tx:
        [case] = await tx.cases.open_cases(GUILD)
        for author in (1, 2):
            await tx.appeals.add(
                case_id=case.id, guild_id=GUILD, author_id=author, decision_number=0, statement="Mine.", at=NOW
            )
        assert await tx.appeals.erase(2) == 1
    await store.close()


async def statements(url: str, vault: Vault) -> list[str | None]:
    store = await Store.open(url, vault)
    async with store.read() as tx:
        [case] = await tx.cases.open_cases(GUILD)
        found = [one.statement for one in await tx.appeals.by_case(case.id)]
    await store.close()
    return found


async def test_what_members_wrote_is_checked_and_resealed(database_url: str):
    await fill(database_url)
    await appeal(database_url)
    [problem] = await admin.check(database_url, other_vault(), clock=lambda: NOW)
    assert problem.startswith("4 of 4 sealed values cannot be opened")
    both = Vault([b"another key of 32 bytes, no less", bytes(range(32))])
    store = await Store.open(database_url, both)
    assert await reseal(store, both) == 1 + 1 + 1 + 1
    assert await reseal(store, both) == 0
    await store.close()
    assert await admin.check(database_url, other_vault(), clock=lambda: NOW) == []
    assert await statements(database_url, other_vault()) == ["Mine.", ""]


@pytest.mark.parametrize("lost", [True, False])
async def test_what_members_wrote_is_given_up_only_with_a_lost_key(database_url: str, lost: bool):
    await fill(database_url)
    await appeal(database_url)
    vault = other_vault() if lost else VAULT
    await admin.forget_features(database_url, vault)
    assert await admin.check(database_url, vault, clock=lambda: NOW) == []
    assert await statements(database_url, vault) == ["" if lost else "Mine.", ""]
