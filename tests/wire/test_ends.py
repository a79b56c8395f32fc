"""How the process ends: damage, a wish to end while everything is stuck, and a second wish."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import DamagedDatabaseError
from tests.discordd import Discordd, Hold

from .conftest import picture
from .installation import BotProcess, Installation


@pytest.fixture
def process(installation: Installation) -> Iterator[BotProcess]:
    process = installation.process()
    yield process
    process.end()


def damage(path: Path) -> None:
    """Overwrite every page but the first, and have everybody read them again."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as other:
        other.execute("CREATE TABLE anything (x)")
        other.execute("DROP TABLE anything")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        length = file.seek(0, 2)
        file.seek(4096)
        file.write(b"\xa5" * (length - 4096))


async def run_into_damage(installation: Installation) -> None:
    """Run the bot on a file that is damaged under it, until it ends by itself."""
    async with installation.running():
        (run,) = [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__qualname__", "") == "run"]
        await asyncio.to_thread(damage, Path(installation.database_url.removeprefix("sqlite:///")))
        upload = [("a.jpg", picture(9))]
        installation.discordd.world.post(installation.fans, installation.fan, attachments=upload)
        await asyncio.wait({run}, timeout=60)
        assert run.done()


async def test_a_database_that_is_damaged_under_the_bot_ends_it(installation: Installation) -> None:
    with pytest.raises(DamagedDatabaseError, match=r"`stanguard db check`.*`stanguard db restore`"):
        await run_into_damage(installation)
    assert not installation.discordd.gateway.connected


async def test_it_ends_in_ten_seconds_though_everything_is_stuck(
    discordd: Discordd, installation: Installation, process: BotProcess, blocked: bytes, harmless: bytes
) -> None:
    await process.connected()
    stuck = [Hold(), Hold()]
    discordd.faults.script("DELETE", "/channels/*/messages/*", stuck[0])
    message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
    await stuck[0].arrived.wait()
    discordd.faults.script("GET", "/*/attachments/**", stuck[1])
    other = discordd.world.post(installation.fans, installation.fan, attachments=[("b.jpg", harmless)])
    await stuck[1].arrived.wait()
    path = installation.database_url.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as program:
        program.execute("BEGIN IMMEDIATE")
        before = time.monotonic()
        status = await process.stop()
        assert time.monotonic() - before < 11
        program.execute("ROLLBACK")
    assert status == 2, "not all could be written down, and it says so"
    assert "stanguard: It did not end in time and was stopped;" in process.log()
    for hold in stuck:
        hold.drop()
    again = installation.process()
    try:
        await again.connected()
        await discordd.wait_for(lambda: message.deleted)
        await installation.settled()
        assert not other.deleted
    finally:
        again.end()


async def test_a_second_signal_ends_it_at_once(
    discordd: Discordd, installation: Installation, process: BotProcess, blocked: bytes
) -> None:
    await process.connected()
    held = discordd.faults.hold("GET", "/*/attachments/**")
    discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
    await held.arrived.wait()
    ending = asyncio.create_task(process.stop())
    await discordd.wait_for(lambda: "bot.stopping" in process.log())
    before = time.monotonic()
    assert await process.stop() == -signal.SIGTERM
    assert time.monotonic() - before < 3
    assert await ending == -signal.SIGTERM
