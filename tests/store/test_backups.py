"""Backups: one state under load, whole or not there, equal when restored."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa

from bot.errors import DatabaseError
from bot.store import admin, files
from bot.store.engine import Store
from bot.store.tables import cases, sightings

from .filled import fill, rows
from .samples import GUILD, NOW, OTHER_GUILD, VAULT

WRITE = """
import asyncio, sys
from bot.model import CaseEvent, Surface
from bot.store.engine import Store
from tests.store.samples import NOW, VAULT, message, open_case, scan

async def main(url, first):
    store, number = await Store.open(url, VAULT, migrate=False), first
    print("open", flush=True)
    while True:
        async with store.write() as tx:
            case = await open_case(tx)
            await tx.events.add(CaseEvent(case.id, NOW, "noted", 40, "words"))
            for copy in range(3):
                await tx.sightings.add(
                    message(number), str(copy), Surface.ATTACHMENT, scan(number), seen_at=NOW, case_id=case.id
                )
        number += 1

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

BACK_UP_AND_STALL = """
import asyncio, os, sys, time
from pathlib import Path
from bot.store import admin

def stall(descriptor):
    print("nearly done", flush=True)
    time.sleep(3600)

os.fsync = stall
asyncio.run(admin.backup(sys.argv[1], Path(sys.argv[2])))
"""


@pytest.fixture(autouse=True)
def tools(request: pytest.FixtureRequest) -> None:
    if "postgres" in request.node.name and shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")


@asynccontextmanager
async def child(script: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that has said its first line, and is killed in the end."""
    root = Path(__file__).parents[2]
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *arguments, stdout=asyncio.subprocess.PIPE, cwd=root
    )
    try:
        assert started.stdout is not None
        assert await started.stdout.readline()
        yield started
    finally:
        started.kill()
        await started.wait()


@pytest.fixture
def empty_place(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where nothing is yet, of the same kind."""
    if database_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'empty' / 'stanguard.db'}"
    return request.getfixturevalue("bare_postgres")


@asynccontextmanager
async def restored(path: Path, url: str) -> AsyncIterator[Store]:
    """What a backup makes out of an empty place, which is empty again afterwards."""
    await admin.restore(url, path)
    assert await admin.check(url, VAULT, clock=lambda: NOW) == []
    store = await Store.open(url, VAULT, migrate=False)
    try:
        yield store
    finally:
        await store.close()
        await _empty(url)


async def _empty(url: str) -> None:
    if url.startswith("sqlite"):
        shutil.rmtree(Path(url.removeprefix("sqlite:///")).parent)
        return
    connection = await asyncpg.connect(url)
    await connection.execute("DROP SCHEMA public CASCADE")
    await connection.execute("CREATE SCHEMA public")
    await connection.close()


async def test_backups_while_other_processes_write_are_sound(database_url: str, empty_place: str, tmp_path: Path):
    paths = [tmp_path / f"{number}.backup" for number in range(3)]
    async with child(WRITE, database_url, "0"), child(WRITE, database_url, "1000000"):
        for path in paths:
            await asyncio.sleep(0.3)
            await admin.backup(database_url, path)
    counts: list[int] = []
    for path in paths:
        async with restored(path, empty_place) as store, store.read() as tx:
            opened = await tx.connection.scalar(sa.select(sa.func.count()).select_from(cases))
            seen = await tx.connection.scalar(sa.select(sa.func.count()).select_from(sightings))
        assert seen == 3 * opened, "a transaction is in a backup as a whole or not at all"
        counts.append(opened)
    assert counts == sorted(counts)
    assert counts[0] < counts[-1], "they went on writing"


async def test_what_is_restored_into_an_empty_place_is_equal(database_url: str, empty_place: str, tmp_path: Path):
    store = await Store.open(database_url, VAULT)
    for number, guild_id in enumerate((GUILD, OTHER_GUILD)):
        await fill(store, guild_id, 2**60, NOW, number=number)
    before, secret = await rows(store), store.secret
    await store.close()
    await admin.backup(database_url, tmp_path / "kept.backup")
    async with restored(tmp_path / "kept.backup", empty_place) as again:
        assert await rows(again) == before
        assert again.secret == secret


async def test_a_backup_that_is_killed_leaves_nothing_that_looks_whole(database_url: str, tmp_path: Path):
    folder = tmp_path / "kept"
    path = folder / "day.backup"
    async with child(BACK_UP_AND_STALL, database_url, str(path)):
        assert [name.startswith(".day.backup.") for name in names(folder)] == [True]
    assert [name.startswith(".day.backup.") for name in names(folder)] == [True]
    assert list(folder.glob("*.backup")) == []
    await admin.backup(database_url, path)
    assert [one.name for one in folder.glob("*.backup")] == ["day.backup"]


def content(path: Path) -> str:
    return path.read_text()


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_backup_that_is_interrupted_leaves_no_file_and_no_program(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tool = tmp_path / "tools" / "pg_dump"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/number.part\nmv {tmp_path}/number.part {tmp_path}/number\n")
    with tool.open("a") as file:
        file.write("exec sleep 3600\n")
    tool.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    backup = asyncio.create_task(admin.backup(postgres_url, tmp_path / "kept" / "day.backup"))
    while not (tmp_path / "number").exists():
        await asyncio.sleep(0.01)
        assert not backup.done()
    backup.cancel()
    with pytest.raises(asyncio.CancelledError):
        await backup
    assert names(tmp_path / "kept") == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "number").read_text()), 0)


@pytest.fixture
def appears(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Another file takes the name just before the backup would."""
    path = tmp_path / "day.backup"
    real = os.fsync

    def fsync(descriptor: int) -> None:
        real(descriptor)
        path.write_text("another one")

    monkeypatch.setattr(files.os, "fsync", fsync)
    return path


async def test_a_backup_overwrites_nothing_that_came_meanwhile(database_url: str, appears: Path):
    with pytest.raises(DatabaseError, match="exists already; name another"):
        await admin.backup(database_url, appears)
    assert content(appears) == "another one"
    assert [name for name in names(appears.parent) if "day.backup" in name] == ["day.backup"]


async def test_a_disk_without_hard_links_is_no_obstacle(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def unknown(self: Path, target: Path) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", unknown)
    await admin.backup(database_url, tmp_path / "kept" / "day.backup")
    assert names(tmp_path / "kept") == ["day.backup"]


async def test_a_backup_is_for_its_owner_alone_whatever_the_mask(database_url: str, tmp_path: Path):
    mask = os.umask(0)
    try:
        await admin.backup(database_url, tmp_path / "day.backup")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "day.backup").stat().st_mode) == 0o600


def test_the_nightly_unit_keeps_backups_as_long_as_the_privacy_policy_says():
    root = Path(__file__).parents[2]
    unit = content(root / "deploy" / "stanguard-backup.service")
    started = [line.removeprefix("ExecStart=") for line in unit.splitlines() if line.startswith("ExecStart=")]
    assert "stanguard db backup" in started[0]
    kept = re.findall(r'-name "\*\.db" -mtime \+(\d+) -delete', unit)
    assert kept == re.findall(
        r"Backups are kept for \[(\d+)\] days", content(root / "docs" / "privacy-policy-template.md")
    )
    assert len(kept) == 1
    assert "Persistent=true" in content(root / "deploy" / "stanguard-backup.timer")
