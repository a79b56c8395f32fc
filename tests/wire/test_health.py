"""The real process, asked by a monitor: from its start, over a lost connection, to its end."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot import app as app_module
from bot.app import App
from bot.ops import watch
from tests.discordd import Discordd, Failure

from .conftest import Install
from .installation import ROOT, Installation


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def watched(install: Install, port: int) -> Installation:
    made = install(health={"port": port})
    await made.set_up()
    return made


class Monitor:
    """Asks the process, and keeps every answer."""

    def __init__(self, port: int) -> None:
        self._origin = f"http://127.0.0.1:{port}"
        self.answers: list[str] = []

    async def ask(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self._origin + path) as response:
            body = await response.text()
        self.answers.append(f"{response.headers}{body}")
        return response.status, body

    async def until(self, path: str, status: int, wanted: Callable[[str], bool] = lambda body: True) -> str:
        """The first answer with this status that is wanted."""
        async with asyncio.timeout(300):
            while True:
                try:
                    found, body = await self.ask(path)
                except aiohttp.ClientError:
                    found, body = 0, ""
                if found == status and wanted(body):
                    return body
                await asyncio.sleep(0.1)

    async def number(self, name: str, **labels: str) -> float:
        _, body = await self.ask("/metrics")
        for family in text_string_to_metric_families(body):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        raise AssertionError(f"there is no {name} {labels}")


async def health_check(config: Path, environment: dict[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.ops.healthcheck", str(config), cwd=ROOT, env=os.environ | environment
    )
    return await process.wait()


async def test_a_process_from_its_start_to_its_end(
    discordd: Discordd, watched: Installation, port: int, harmless: bytes
) -> None:
    monitor = Monitor(port)
    assert await health_check(watched.config, discordd.environment()) == 1
    process = watched.process()
    try:
        said = json.loads(await monitor.until("/readyz", 503))
        assert said["problems"]["services"] == "It is being started."
        assert (await monitor.ask("/healthz"))[0] == 200, "it is alive while it starts"
        await process.connected()
        await monitor.until("/readyz", 200)
        discordd.world.post(watched.fans, watched.fan, attachments=[("a.jpg", harmless)])
        async with asyncio.timeout(60):
            while await monitor.number("stanguard_scan_seconds_count") < 1:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        assert await monitor.number("stanguard_media_total", verdict="clear", reason="") == 1
        assert await monitor.number("stanguard_gateway_events_total", event="MESSAGE_CREATE") == 1
        assert await monitor.number("stanguard_message_lag_seconds_count") == 1
        assert await monitor.number("stanguard_gateway_shards", state="connected") == 1
        assert await monitor.number("stanguard_gateway_sessions_total", how="new") == 1
        assert await monitor.number("stanguard_database_write_seconds_count") > 0
        assert await monitor.number("stanguard_loop_lag_seconds_count") > 0
        assert await monitor.number("process_open_fds") > 0
        assert await monitor.number("stanguard_queue_age_seconds") == 0
        assert await monitor.number("stanguard_outbox_pending", kind="delete_message") == 0
        assert await health_check(watched.config, discordd.environment()) == 0
        assert await process.stop() == 0
        with pytest.raises(aiohttp.ClientError):
            await monitor.ask("/healthz")
    finally:
        process.end()
    everything = "".join(monitor.answers)
    assert discordd.token not in everything
    assert "Moonlark" not in everything
    for one in (watched.guild, watched.fans, watched.review, watched.fan.user, watched.moderator.user):
        assert str(one.id) not in everything


async def test_a_process_that_cannot_reach_the_gateway(discordd: Discordd, watched: Installation, port: int) -> None:
    for _ in range(50):
        discordd.faults.script("GET", "/gateway", Failure(503))
    monitor = Monitor(port)
    process = watched.process()
    try:
        body = await monitor.until("/readyz", 503, lambda body: "services" not in body)
        assert json.loads(body) == {"ok": False, "problems": {"gateway": "It is not connected to Discord yet."}}
        assert (await monitor.ask("/healthz"))[0] == 200, "a new process would not help"
        assert await monitor.number("stanguard_gateway_shards", state="away") == 1
        assert await process.stop() == 0
    finally:
        process.end()


async def test_a_port_that_is_taken_does_not_keep_it_from_scanning(
    discordd: Discordd, watched: Installation, port: int
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        process = watched.process()
        try:
            await process.connected()
            assert await process.stop() == 0
        finally:
            process.end()
    log = process.log()
    assert log.count("health.not_served") == 1
    assert "health.port" in log


async def test_systemd_hears_of_it(
    discordd: Discordd, watched: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        process = watched.process()
        said: list[str] = []

        async def hear(wanted: str, times: int = 1) -> None:
            async with asyncio.timeout(300):
                while "\n".join(said).split("\n").count(wanted) < times:
                    said.append((await asyncio.get_running_loop().sock_recv(systemd, 4096)).decode())

        try:
            await hear("READY=1")
            await hear("WATCHDOG=1", times=3)
            await process.connected()
            assert await process.stop() == 0
            await hear("STOPPING=1")
        finally:
            process.end()


async def test_a_server_reads_once_that_the_bot_was_blind(
    discordd: Discordd, watched: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The times are short here, so that nobody waits for minutes; the gateway is really away."""
    monkeypatch.setattr(app_module, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(watch, "BLIND_AFTER", timedelta(seconds=2))
    monkeypatch.setattr(watch, "SEES_AFTER", timedelta(seconds=2))

    def lines() -> list[str]:
        return [one.content for one in discordd.world.my_messages(watched.review) if "checked" in one.content]

    async def heard(number: int) -> None:
        await discordd.wait_for(lambda: len(lines()) == number, within=300)

    async with watched.running() as app:
        await all_was_well(app)
        away = [discordd.faults.always("GET", path, Failure(503)) for path in ("/gateway", "/gateway/resume")]
        discordd.gateway.drop()
        await heard(1)
        for fault in away:
            discordd.faults.lift(fault)
        await heard(2)
        await asyncio.sleep(0.5)
    blind, sees = lines()
    assert "**Pictures are not being checked**" in blind
    assert "**Pictures are being checked again.**" in sees
    assert "`/scan status`" in sees


async def all_was_well(app: App) -> None:
    """Return when the watch has written down that all is well, so that what comes then is an outage."""
    at = None
    while at is None:
        async with app.store.read() as tx:
            at = await tx.chores.last(0, "sees:0/1")
