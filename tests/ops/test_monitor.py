"""Who is told what from the first to the last moment: monitors, and systemd over its socket."""

import asyncio
import socket

import pytest

from bot.ops.health_state import Health, Part
from bot.ops.monitor import STARTING, STOPPING, Monitor
from bot.ops.sd_notify import notify, watchdog_seconds
from bot.settings import HealthSettings


class Systemd:
    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        lines = []
        while True:
            try:
                lines += self.socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return lines

    async def next(self) -> str:
        async with asyncio.timeout(60):
            return (await asyncio.get_running_loop().sock_recv(self.socket, 4096)).decode()


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    address = str(tmp_path / "notify")
    made = Systemd(address)
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    yield made
    made.socket.close()


@pytest.fixture
async def monitor():
    async def nothing() -> None:
        pass

    health = Health()
    made = Monitor(HealthSettings(port=0), health, nothing)
    made.health = health
    yield made
    await made.stop()


async def test_from_start_to_end(monitor, systemd):
    await monitor.start()
    assert await monitor.health.problems([Part.SERVICES]) == {Part.SERVICES: STARTING}
    assert systemd.heard() == []
    monitor.started()
    assert await monitor.health.problems([Part.SERVICES]) == {}
    assert "READY=1" in systemd.heard()
    monitor.stopping()
    assert await monitor.health.problems([Part.SERVICES]) == {Part.SERVICES: STOPPING}
    assert "STOPPING=1" in systemd.heard()


async def test_systemd_hears_nothing_of_a_process_without_its_loops(monitor, systemd, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "60000")
    await monitor.start()
    assert await systemd.next() == "WATCHDOG=1"
    assert await systemd.next() == "WATCHDOG=1"
    monitor.health.report(Part.BACKGROUND, ok=False, reason="Loops have ended: scan-1.")
    while await systemd.next() == "WATCHDOG=1":
        pass
    assert {await systemd.next() for _ in range(3)} == {"STATUS=Loops have ended: scan-1."}
    monitor.health.report(Part.DATABASE, ok=False, reason="It is away.")
    monitor.health.report(Part.BACKGROUND, ok=True)
    while await systemd.next() != "WATCHDOG=1":
        pass


def test_an_abstract_socket(monkeypatch):
    name = "stanguard-test-notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        assert notify("READY=1", "STATUS=x")
        assert channel.recv(100) == b"READY=1\nSTATUS=x"


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "vsock:2:1234"])
def test_without_systemd_nothing_happens(monkeypatch, address):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not notify("READY=1")


def test_a_full_socket_is_not_waited_for(systemd):
    for _ in range(10_000):
        if not notify("WATCHDOG=1"):
            return
    raise AssertionError("it never filled")


@pytest.mark.parametrize(
    ("microseconds", "process", "seconds"),
    [("30000000", None, 30.0), ("30000000", "1", None), (None, None, None), ("0", None, None), ("x", None, None)],
)
def test_how_often_systemd_wants_to_hear(monkeypatch, microseconds, process, seconds):
    for name, value in (("WATCHDOG_USEC", microseconds), ("WATCHDOG_PID", process)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert watchdog_seconds() == seconds
