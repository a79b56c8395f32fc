"""The checks of doctor that need neither Discord nor the decoder."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from bot.ops import health


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
