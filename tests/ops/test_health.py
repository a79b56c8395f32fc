"""The checks of doctor that need neither Discord nor the decoder."""

import asyncio
import os
import shutil
import socket
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from bot.ops import health
from bot.ops.health_state import Health, Part
from bot.ops.server import HealthServer
from bot.settings import HealthSettings
from bot.store.shards import Shards


def url(path):
    return f"sqlite:///{path}"


def test_a_writable_folder_is_fine(tmp_path):
    finding = health.data_folder(url(tmp_path / "stanguard.db"))
    assert finding.ok
    assert str(tmp_path) in finding.detail
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_still_to_be_made_is_fine(tmp_path):
    finding = health.data_folder(url(tmp_path / "a" / "b" / "stanguard.db"))
    assert finding.ok
    assert "first start" in finding.detail


def test_a_folder_that_takes_no_file_is_a_problem_with_a_remedy(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(health.tempfile, "TemporaryFile", refuse)
    finding = health.data_folder(url(tmp_path / "stanguard.db"))
    assert not finding.ok
    assert "Permission denied" in finding.detail
    assert str(tmp_path) in finding.remedy


def test_a_full_disk_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5 * 2**20))
    finding = health.data_folder(url(tmp_path / "stanguard.db"))
    assert not finding.ok
    assert "5 MiB" in finding.detail
    assert finding.remedy


def test_a_database_server_keeps_its_own_folder():
    assert health.data_folder("postgresql://host/name").ok


def test_todays_clock_is_fine(tmp_path):
    assert health.clock(url(tmp_path / "none.db"), now=lambda: health.NOT_BEFORE + timedelta(days=30)).ok


@pytest.mark.parametrize("stored", [False, True])
def test_a_clock_in_the_past_is_a_problem(tmp_path, stored):
    path = tmp_path / "stanguard.db"
    now = health.NOT_BEFORE + timedelta(days=30)
    if stored:
        path.touch()
        later = now + timedelta(days=1)
        os.utime(path, (later.timestamp(), later.timestamp()))
    else:
        now = datetime(1970, 1, 1, tzinfo=UTC)
    finding = health.clock(url(path), now=lambda: now)
    assert not finding.ok
    assert "NTP" in finding.remedy


def test_a_few_minutes_do_not_matter(tmp_path):
    path = tmp_path / "stanguard.db"
    path.touch()
    later = health.NOT_BEFORE + timedelta(days=40, minutes=4)
    os.utime(path, (later.timestamp(), later.timestamp()))
    assert health.clock(url(path), now=lambda: health.NOT_BEFORE + timedelta(days=40)).ok


@pytest.mark.parametrize(
    ("running", "ok", "said"),
    [
        ([], True, "no process runs"),
        ([Shards(1, (0,))], True, "the bot runs"),
        ([Shards(3, (0, 1, 2))], True, "all 3 are served"),
        ([Shards(4, (0, 3))], False, "nobody serves 1, 2 of 4"),
        ([Shards(40, (0,))], False, "19, 20 and more of 40"),
        ([Shards(2, (0,)), Shards(4, (1, 2, 3))], False, "count 2 and 4 shards"),
    ],
)
def test_shards_that_nobody_serves_are_a_problem(running, ok, said):
    finding = health.shards(running)
    assert finding.ok is ok
    assert said in finding.detail
    assert bool(finding.remedy) is not ok


def test_no_health_port():
    found = health.port(HealthSettings(port=0))
    assert found.ok
    assert "health.port" in found.detail


def test_a_health_port_that_is_free_or_taken_by_others():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        settings = HealthSettings(port=other.getsockname()[1])
        other.listen()
        threading.Thread(target=lambda: other.accept()[0].close(), daemon=True).start()
        found = health.port(settings)
        assert not found.ok
        assert f"http://127.0.0.1:{settings.port}: another program listens there" in found.detail
        assert "health.port" in found.remedy
    found = health.port(settings)
    assert found.ok
    assert found.detail == f"http://127.0.0.1:{settings.port}, free"


async def test_a_health_port_where_the_bot_answers():
    async def nothing() -> None:
        pass

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings = HealthSettings(port=probe.getsockname()[1])
    state = Health()
    server = HealthServer(settings, state, nothing)
    await server.start()
    found = await asyncio.to_thread(health.port, settings)
    assert found.ok
    assert "a running bot answers" in found.detail
    state.report(Part.BACKGROUND, ok=False, reason="Loops have ended.")
    assert (await asyncio.to_thread(health.port, settings)).ok, "one that is not well is ours all the same"
    await server.stop()
