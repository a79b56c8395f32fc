"""What ``stanguard doctor`` finds: one line a check, each problem with its remedy.

Only the checks that need neither Discord nor the decoder stand here; :mod:`bot.client.probe` and
:mod:`bot.cli.doctor` return findings of the same form.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.store.dialects import sqlite_path

SPACE_NEEDED = 100 * 1024 * 1024
"""Bytes that must be free where the database grows; a month of sightings of a large guild takes about as much."""

NOT_BEFORE = datetime(2026, 11, 1, tzinfo=UTC)
"""This program did not exist before: a clock that says so is wrong."""

CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. ``remedy`` says what to do and is empty when ``ok``."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def data_folder(url: str) -> Finding:
    """Whether the folder of an SQLite database takes new files and has room left."""
    name = "Data folder"
    path = sqlite_path(url)
    if path is None:
        return Finding(name, ok=True, detail="kept by the PostgreSQL server")
    folder = path.absolute().parent
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free
    except OSError as error:
        return Finding(
            name,
            ok=False,
            detail=f"{existing} takes no new file ({error.strerror or type(error).__name__})",
            remedy=f"Make {existing} writable for the user that runs stanguard, or set store.url to another folder.",
        )
    if free < SPACE_NEEDED:
        return Finding(
            name,
            ok=False,
            detail=f"only {free // 2**20} MiB are free in {existing}",
            remedy=f"Free at least {SPACE_NEEDED // 2**20} MiB there, or set store.url to another disk.",
        )
    made = "" if existing == folder else ", made at the first start"
    return Finding(name, ok=True, detail=f"{folder}{made}")


def _now() -> datetime:
    return datetime.now(UTC)


def clock(url: str, *, now: Callable[[], datetime] = _now) -> Finding:
    """Whether the system clock can be true: signed addresses, retention and case times depend on it."""
    name = "Clock"
    time = now()
    latest = NOT_BEFORE
    path = sqlite_path(url)
    if path is not None and path.is_file():
        latest = max(latest, datetime.fromtimestamp(path.stat().st_mtime, UTC))
    if time < latest - CLOCK_TOLERANCE:
        return Finding(
            name,
            ok=False,
            detail=f"it says {time:%Y-%m-%d %H:%M} UTC, but {latest:%Y-%m-%d %H:%M} UTC has been already",
            remedy="Set the clock of this machine, best by turning on time synchronisation (NTP).",
        )
    return Finding(name, ok=True, detail=f"{time:%Y-%m-%d %H:%M} UTC")
