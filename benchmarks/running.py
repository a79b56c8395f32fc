"""Processes of the real bot on one installation, and what they use while servers post."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg

from tests.discordd import Channel, Member, payloads
from tests.discordd.ids import snowflake
from tests.discordd.permissions import EVERYONE
from tests.discordd.state import ChannelKind, Guild, Role

from .held import bytes_of_an_entry, descendants, entries_with_features, entries_with_hashes, size
from .held import seconds as seconds_of
from .installed import Installed

CHANNELS, ROLES = 40, 30
WARM_UP = 24
QUIET = 3.0
"""Seconds after which the database has counted what it did: it does not do that at once."""

GUARD = 240.0

_serial = itertools.count()


def unique(jpeg: bytes) -> bytes:
    """The same picture as another file, by a comment with a number."""
    comment = f"upload {next(_serial)}".encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


@dataclass(slots=True)
class Used:
    """What so many items of one kind used: seconds of a processor, rows and bytes written."""

    items: int
    seconds: float = 0.0
    loop: float = 0.0
    threads: float = 0.0
    decoders: float = 0.0
    database: float = 0.0
    transactions: float = 0.0
    rows: float = 0.0
    wal: float = 0.0

    @property
    def cpu(self) -> float:
        """All processor time of the bot's own processes."""
        return self.loop + self.threads + self.decoders

    def per(self) -> dict[str, float]:
        """The same for one item."""
        names = ("loop", "threads", "decoders", "database", "transactions", "rows", "wal")
        return {name: getattr(self, name) / self.items for name in names}


@contextlib.asynccontextmanager
async def running(installed: Installed, count: int) -> AsyncIterator[Running]:
    """So many processes, connected and warm."""
    processes = Running(installed, await asyncpg.connect(installed.url))
    try:
        await processes.start(count)
        await processes.phase(WARM_UP, blocked=True)
        yield processes
    finally:
        await processes.stop()


class Running:
    """Processes of the bot that run."""

    def __init__(self, installed: Installed, server: asyncpg.Connection[Any]) -> None:
        self.connections = 0
        self._installed = installed
        self._discordd = installed.discordd
        self._server = server
        self._processes: list[subprocess.Popen[bytes]] = []
        self._backend_seconds: dict[int, float] = {}

    async def start(self, count: int) -> None:
        """Start the processes, each with its shard, and wait until they know every server."""
        before = len(self._discordd.journal.frames)
        environment = {**os.environ, **self._discordd.environment()}
        for shard in range(count):
            sharding: dict[str, Any] = {"shard_ids": [shard], "shard_count": count}
            config = self._installed.config(f"bot-{count}-{shard}", discord=sharding)
            with config.with_suffix(".log").open("wb") as log:
                command = [sys.executable, "-m", "bot", "run", "--config", str(config)]
                process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: ASYNC220
            self._processes.append(process)
        frames, wanted = self._discordd.journal.frames, set(self._discordd.world.guilds)
        await self._discordd.wait_for(
            lambda: {one.id for one in frames[before:] if one.event == "GUILD_CREATE"} >= wanted, within=GUARD
        )

    async def stop(self) -> None:
        """End them gracefully."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            await asyncio.to_thread(process.wait)
        await self._server.close()

    async def phase(self, count: int, *, blocked: bool = False, media: bool = True, fresh: bool = True) -> Used:
        """Let the servers post so many at once, wait until all is done, and say what that used.

        ``fresh``: each as a file of its own; else files that were posted before. ``media`` False: words alone.
        """
        installed, journal = self._installed, self._discordd.journal
        await self._quiet()
        before, rows_before = await self._counters(), await self._sightings()
        began = time.perf_counter()
        last = None
        for number in range(count):
            channel, fan = installed.places[number % len(installed.places)]
            if media:
                files = installed.blocked if blocked else installed.harmless
                data = files[number // len(installed.places) % len(files)]
                last = self._discordd.world.post(channel, fan, attachments=[("a.jpg", unique(data) if fresh else data)])
            else:
                last = self._discordd.world.post(channel, fan, "Words about a song. " * 5)
            if not number % 50:
                await asyncio.sleep(0)
        if media:
            deadline = time.monotonic() + GUARD
            while await self._sightings() < rows_before + count and time.monotonic() < deadline:
                await self._look()
                await asyncio.sleep(0.05)
        elif last is not None:
            await self._discordd.wait_for(lambda: last.id in journal.creates, within=GUARD)
        seconds = time.perf_counter() - began
        await self._quiet()
        after = await self._counters()
        return Used(count, seconds, **{name: after[name] - before[name] for name in after})

    async def _quiet(self) -> None:
        """Wait until the outbox is empty and what follows is over."""
        while await self._server.fetchval("SELECT count(*) FROM outbox WHERE state = 'pending'"):
            await self._look()
            await asyncio.sleep(0.05)
        await asyncio.sleep(QUIET)

    async def _sightings(self) -> int:
        return await self._server.fetchval("SELECT count(*) FROM sightings")

    async def _look(self) -> None:
        """Note which connections of the bot's processes stand, and what the database spent for each so far.

        Some are closed again: what they had spent by then must not be forgotten.
        """
        backends = await self._backends()
        self.connections = max(self.connections, len(backends))
        for pid in backends:
            self._backend_seconds[pid] = max(self._backend_seconds.get(pid, 0.0), seconds_of(pid)[0])

    async def _backends(self) -> list[int]:
        rows = await self._server.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return [row["pid"] for row in rows]

    async def _counters(self) -> dict[str, float]:
        loop = threads = decoders = 0.0
        for process in self._processes:
            own, in_loop, reaped = seconds_of(process.pid)
            loop += in_loop
            threads += own - in_loop
            decoders += reaped + sum(seconds_of(child)[0] for child in descendants(process.pid))
        await self._look()
        database = sum(self._backend_seconds.values())
        await self._server.execute("SELECT pg_stat_clear_snapshot()")
        row = await self._server.fetchrow(
            "SELECT xact_commit, tup_inserted + tup_updated + tup_deleted AS rows, pg_current_wal_lsn() - '0/0' AS wal"
            " FROM pg_stat_database WHERE datname = current_database()"
        )
        assert row is not None
        return {
            "loop": loop,
            "threads": threads,
            "decoders": decoders,
            "database": database,
            "transactions": float(row["xact_commit"]),
            "rows": float(row["rows"]),
            "wal": float(row["wal"]),
        }

    # ---------------------------------------------------------------------------------------------- memory

    def memory(self) -> dict[str, float]:
        """Bytes of the first process and of its decoder (PSS), and of an entry in the index (measured here)."""
        pid = self._processes[0].pid
        children = descendants(pid)
        sizes = [size(child) for child in children]
        return {
            "process": size(pid),
            "decoder": sum(sizes) / max(1, len(sizes)),
            "decoders": len(sizes),
            "process_rss": size(pid, "Rss:"),
            "entry": bytes_of_an_entry(entries_with_hashes(20_000)),
            "entry_with_features": bytes_of_an_entry(entries_with_features(2_000)),
        }

    async def guilds(self, count: int) -> dict[str, float]:
        """What discord.py keeps of so many servers more, each with channels and roles as a real one has."""
        pid = self._processes[0].pid
        before = size(pid)
        world, journal = self._discordd.world, self._discordd.journal
        last = 0
        for number in range(count):
            guild = _guild(number, world.me)
            last = guild.id
            self._discordd.gateway.emit("GUILD_CREATE", guild.id, payloads.guild_create(guild, world.me))
            if not number % 20:
                await asyncio.sleep(0.01)
        await self._discordd.wait_for(lambda: any(one.id == last for one in journal.frames[-50:]), within=GUARD)
        await asyncio.sleep(3)
        grown = size(pid) - before
        return {"guilds": count, "channels": CHANNELS, "roles": ROLES, "bytes": grown, "bytes_per_guild": grown / count}


def _guild(number: int, me: Any) -> Guild:
    guild = Guild(snowflake(), f"fans of a group {number}", snowflake())
    for place in range(ROLES):
        role = Role(guild.id if not place else snowflake(), f"role {place}", EVERYONE, position=place)
        guild.roles[role.id] = role
    guild.members[me.id] = Member(me, guild, [])
    for place in range(CHANNELS):
        channel = Channel(snowflake(), ChannelKind.TEXT, f"channel-{place}", guild, position=place)
        guild.channels[channel.id] = channel
    return guild
