"""What ``stanguard doctor`` finds: one line a check, each problem with its remedy.

Only the checks that need neither Discord nor the decoder stand here; :mod:`bot.client.probe` and
:mod:`bot.cli.doctor` return findings of the same form.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.settings import HealthSettings
from bot.store.dialects import sqlite_path
from bot.store.shards import Shards

from .healthcheck import ask
from .server import REMEDY, refusal, shown

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


def port(settings: HealthSettings) -> Finding:
    """Whether the bot can serve its health where the settings say, or does so already."""
    name = "Health port"
    if not settings.port:
        return Finding(name, ok=True, detail="none; set health.port to have /healthz, /readyz and /metrics")
    address = f"http://{shown(settings.host, settings.port)}"
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":  # as a server does: ports of connections that have just ended are free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and _is_ours(settings):
            return Finding(name, ok=True, detail=f"{address}, where a running bot answers")
        return Finding(name, ok=False, detail=f"{address}: {refusal(error)}", remedy=REMEDY)
    return Finding(name, ok=True, detail=f"{address}, free")


def _is_ours(settings: HealthSettings) -> bool:
    try:
        _, body = ask(settings)
        answer = json.loads(body)
    except (OSError, http.client.HTTPException, ValueError):
        return False
    return isinstance(answer, dict) and "ok" in answer


def shards(running: Sequence[Shards]) -> Finding:
    """Whether the processes that run on a database serve every shard. No shard at all is no problem: nothing runs."""
    name = "Shards"
    if not running:
        return Finding(name, ok=True, detail="no process runs on this database just now")
    if len(running) > 1:
        counts = " and ".join(str(one.count) for one in running)
        return Finding(
            name,
            ok=False,
            detail=f"processes run that count {counts} shards, so that some servers are served twice",
            remedy="Set the same discord.shard_count for every process, and start them anew.",
        )
    (served,) = running
    absent = sorted(set(range(served.count)) - set(served.ids))
    if absent:
        numbers = ", ".join(map(str, absent[:20])) + (" and more" if len(absent) > 20 else "")
        return Finding(
            name,
            ok=False,
            detail=f"nobody serves {numbers} of {served.count}",
            remedy="Start a process that has them in discord.shard_ids.",
        )
    return Finding(name, ok=True, detail=f"all {served.count} are served" if served.count > 1 else "the bot runs")


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
