"""``stanguard run`` as a process of its own, against a Discord on loopback."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.settings import TOKEN_VARIABLE
from bot.store.dialects import migration_engine, prepare
from bot.store.migrate import _LOCK
from tests.discordd import Discordd, Intent, RateLimits

on_linux = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="processes can be looked into on Linux alone"
)


@pytest.fixture
async def discordd():
    async with Discordd(limits=RateLimits.generous()) as server:
        yield server


@pytest.fixture
def config(discordd, tmp_path, sqlite_url):
    return discordd.write_config(tmp_path / "config.toml", store={"url": sqlite_url}, media={"workers": 1})


class Running:
    """The program as a child process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def end(self) -> tuple[int, str, str]:
        out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), err.decode()

    async def has_said(self, words: str) -> None:
        """Wait until its log says this."""
        assert self.process.stderr is not None
        said = ""
        while words not in said:
            line = await self.process.stderr.readline()
            assert line, f"it has ended: {said}"
            said += line.decode()

    async def hears(self, number: signal.Signals) -> None:
        """Wait until the signal is caught, from which on it is not the system that ends the process."""
        while not self._caught() >> (number - 1) & 1:  # noqa: ASYNC110 - another process is on its way
            await asyncio.sleep(0.005)

    def _caught(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt"))

    def family(self) -> list[Path]:
        """The process and everything that it started, in /proc."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return [Path(f"/proc/{pid}") for pid in found]


@pytest.fixture
async def start():
    processes = []

    async def start(*arguments, token=None) -> Running:
        environment = dict(os.environ)
        if token is not None:
            environment[TOKEN_VARIABLE] = token
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *map(str, arguments),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        processes.append(process)
        return Running(process)

    yield start
    for process in processes:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def test_a_wrong_token_is_one_sentence(discordd, config, start):
    discordd.world.create_guild("fans")
    status, out, err = await (await start("run", "--config", config, token="a.wrong.token")).end()
    assert status == 2
    assert out == ""
    assert err.splitlines()[-1].startswith("stanguard: Discord does not accept the token")
    assert "Traceback" not in err
    assert "a.wrong.token" not in err


async def test_a_missing_intent_is_one_sentence(discordd, config, start):
    discordd.gateway.allowed = Intent(0)
    status, _, err = await (await start("run", "--config", config, token=discordd.token)).end()
    assert status == 2
    assert "Message Content Intent" in err.splitlines()[-1]
    assert "Traceback" not in err


async def test_discord_out_of_reach_is_one_sentence(start, tmp_path, sqlite_url):
    config = tmp_path / "config.toml"
    config.write_text(
        f'[discord]\napi_url = "http://127.0.0.1:9/api/v10"\n[store]\nurl = "{sqlite_url}"\n', encoding="utf-8"
    )
    status, _, err = await (await start("run", "--config", config, token="a.b.c")).end()
    assert status == 2
    assert "cannot be reached" in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_it_runs_until_it_is_asked_to_stop(discordd, config, start, number):
    discordd.world.create_guild("fans")
    running = await start("run", "--config", config, token=discordd.token)
    await discordd.wait_connected(within=120)
    running.process.send_signal(number)
    status, out, err = await running.end()
    assert (status, out) == (0, "")
    assert "Traceback" not in err
    assert discordd.token not in err


async def ended_early(running: Running, number: signal.Signals = signal.SIGTERM) -> None:
    """Ask it to end: it does in time (else its status were 2), says so, and leaves nobody behind."""
    family = running.family()
    running.process.send_signal(number)
    status, out, err = await running.end()
    assert (status, out) == (0, ""), err
    assert err.splitlines()[-1].startswith("stanguard: It was asked to end while it was starting, and has ended;")
    assert "Traceback" not in err
    while any(process.exists() for process in family):  # noqa: ASYNC110 - they notice that it is gone
        await asyncio.sleep(0.05)


@on_linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_it_ends_when_it_is_asked_to_before_anything_is_read(discordd, config, start, number):
    running = await start("run", "--config", config, token=discordd.token)
    await running.hears(signal.SIGTERM)
    await ended_early(running, number)
    assert discordd.journal.requests == []


@on_linux
@pytest.mark.parametrize("empty_database_url", ["postgres"], indirect=True)
async def test_it_ends_when_it_is_asked_to_while_it_waits_to_migrate(discordd, start, tmp_path, empty_database_url):
    config = discordd.write_config(tmp_path / "config.toml", store={"url": empty_database_url}, media={"workers": 1})
    waits = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    tables = sa.text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    engine = migration_engine(*prepare(empty_database_url, create=False))
    async with engine.connect() as other:
        await other.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        running = await start("run", "--config", config, token=discordd.token)
        while not (await other.execute(waits)).scalar():  # noqa: ASYNC110 - another process is on its way
            await asyncio.sleep(0.05)
        await ended_early(running)
        assert (await other.execute(waits)).scalar() == (await other.execute(tables)).scalar() == 0
    await engine.dispose()


@on_linux
async def test_it_ends_when_it_is_asked_to_at_login(discordd, config, start):
    login = discordd.faults.hold("GET", "/users/@me")
    running = await start("run", "--config", config, token=discordd.token)
    await login.arrived.wait()
    await ended_early(running)
    login.drop()
    again = await start("run", "--config", config, token=discordd.token)
    await discordd.wait_connected(within=120)
    again.process.send_signal(signal.SIGTERM)
    assert (await again.end())[0] == 0, "nothing was left half done"


@on_linux
@pytest.mark.parametrize("words", ["bot.logged_in", "app.preparing"], ids=["decoders", "compiling"])
async def test_it_ends_when_it_is_asked_to_while_everything_is_started(discordd, config, start, words):
    running = await start("run", "--config", config, token=discordd.token)
    await running.has_said(words)
    await ended_early(running)
    assert not discordd.gateway.connected


async def test_a_second_one_on_the_same_sqlite_file_is_one_sentence(discordd, config, start):
    discordd.world.create_guild("fans")
    first = await start("run", "--config", config, token=discordd.token)
    await discordd.wait_connected(within=120)
    status, out, err = await (await start("run", "--config", config, token=discordd.token)).end()
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert f"(process {first.process.pid})" in err
    assert len(discordd.gateway.connected) == 1
    first.process.kill()
    await first.process.wait()
    third = await start("run", "--config", config, token=discordd.token)
    await discordd.wait_for(lambda: len(discordd.gateway.sessions) > 1, within=120)
    third.process.send_signal(signal.SIGTERM)
    assert (await third.end())[0] == 0


@on_linux
async def test_child_processes_have_neither_the_token_nor_core_files(discordd, config, start):
    discordd.world.create_guild("fans")
    running = await start("run", "--config", config, token=discordd.token)
    await discordd.wait_connected(within=120)
    own, *children = running.family()
    assert children, "the decoder's workers run"
    token = discordd.token.encode()
    for _ in range(100):
        holders = [child for child in children if token in shown(child, "environ") + shown(child, "cmdline")]
        if not holders:
            break
        await asyncio.sleep(0.05)  # a child that is just being made shows its parent until it has begun
    assert holders == []
    for process in (own, *children):
        for line in shown(process, "limits").decode().splitlines():
            if line.startswith("Max core file size"):
                assert line.split()[4] == "0"


def shown(process: Path, name: str) -> bytes:
    """What /proc says of a process; nothing of one that has ended."""
    try:
        return (process / name).read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
