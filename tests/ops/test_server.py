"""What a monitor can ask for: statuses, bodies, and that nothing else is ever answered."""

import asyncio
import json
import socket

import aiohttp
import pytest
import structlog
from prometheus_client import CONTENT_TYPE_LATEST

from bot.ops import server as served
from bot.ops.health_state import LIVENESS, READINESS, Health, Part
from bot.ops.server import PATHS, HealthServer
from bot.settings import HealthSettings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Asked:
    """The server on a free port, and somebody who asks it."""

    def __init__(self) -> None:
        self.health = Health()
        self.measured = 0
        self.server = HealthServer(HealthSettings(port=free_port()), self.health, self.measure)

    async def measure(self) -> None:
        self.measured += 1

    async def ask(self, path: str, method: str = "GET") -> tuple[int, str, dict[str, str]]:
        assert self.server.address is not None
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.server.address + path, allow_redirects=False) as response,
        ):
            return response.status, await response.text(), dict(response.headers)


@pytest.fixture
async def asked(monkeypatch):
    monkeypatch.setattr(served, "FRESH", 0.0)
    made = Asked()
    await made.server.start()
    yield made
    await made.server.stop()


async def test_all_is_well(asked):
    for path in ("/healthz", "/readyz"):
        status, body, headers = await asked.ask(path)
        assert (status, json.loads(body)) == (200, {"ok": True})
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("part", list(Part))
async def test_which_part_makes_it_say_no(asked, part):
    asked.health.report(part, ok=False, reason="It broke.")
    status, body, _ = await asked.ask("/healthz")
    assert status == (503 if part in LIVENESS else 200)
    assert json.loads(body) == ({"ok": False, "problems": {part: "It broke."}} if part in LIVENESS else {"ok": True})
    status, body, _ = await asked.ask("/readyz")
    assert status == (503 if part in READINESS else 200)
    said = json.loads(body)
    assert said["ok"] is (part not in READINESS)
    assert said["problems" if part in READINESS else "also"] == {part: "It broke."}


async def test_the_numbers(asked):
    status, body, headers = await asked.ask("/metrics")
    assert status == 200
    assert headers["Content-Type"] == CONTENT_TYPE_LATEST
    assert "# TYPE stanguard_media_total counter" in body
    assert "process_open_fds" in body
    assert asked.measured == 1


@pytest.mark.parametrize("path", PATHS)
async def test_a_head_has_no_body(asked, path):
    status, body, _ = await asked.ask(path, "HEAD")
    assert (status, body) == (200, "")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_nothing_can_be_done(asked, path, method):
    status, body, _ = await asked.ask(path, method)
    assert status == 405
    assert body == "405: Method Not Allowed"


@pytest.mark.parametrize("path", ["/", "/healthz/", "/metrics/../config.toml", "/debug", "/healthz%00", "//metrics"])
async def test_nothing_else_is_there(asked, path):
    status, body, headers = await asked.ask(path)
    assert (status, body) == (404, "404: Not Found")
    assert headers["Server"] == "stanguard"


async def test_who_asks_often_costs_nothing(asked, monkeypatch):
    monkeypatch.setattr(served, "FRESH", 60.0)
    looks = []

    def look():
        looks.append(1)
        return served_state

    served_state = (await asked.health.look())[Part.DATABASE]
    asked.health.probe(Part.DATABASE, look)
    await asyncio.gather(*(asked.ask("/readyz") for _ in range(20)))
    assert len(looks) == 1


async def test_a_taken_port_is_one_line_and_nothing_more():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        settings = HealthSettings(port=other.getsockname()[1])
        server = HealthServer(settings, Health(), Asked().measure)
        with structlog.testing.capture_logs() as lines:
            await server.start()
            await server.stop()
    (line,) = lines
    assert line["event"] == "health.not_served"
    assert line["reason"] == "another program listens there"
    assert "health.port" in line["remedy"]
    assert server.address is None


async def test_port_0_is_nowhere():
    server = HealthServer(HealthSettings(port=0), Health(), Asked().measure)
    await server.start()
    assert server.address is None
    await server.stop()


async def test_by_default_it_listens_on_loopback_alone():
    assert HealthSettings().host == "127.0.0.1"
