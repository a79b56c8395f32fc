"""Processes of the real bot on one PostgreSQL, and what they use while servers post."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
from PIL import Image

from bot.app import App
from bot.banks.service import BankService
from bot.demo import pictures as drawn
from bot.matching.extract import extract
from bot.matching.matcher import Matcher
from bot.matching.query import Wanted
from bot.model import (
    BankKind,
    BankLevel,
    Call,
    CallKind,
    Category,
    Fingerprint,
    Mode,
    Thresholds,
)
from bot.settings import load
from bot.store.engine import Store
from bot.store.notify import Listener
from bot.store.topics import Topic
from tests.discordd import Channel, Discordd, Member, payloads
from tests.discordd.ids import snowflake
from tests.discordd.permissions import EVERYONE
from tests.discordd.state import ChannelKind, Guild, Role

from .held import RAW, bytes_of_an_entry, descendants, entries_with_features, entries_with_hashes, made_up, size
from .held import seconds as seconds_of

SIZE = (1200, 1500)
SERVERS = 8
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


class Installed:
    """An installation with eight servers, half of them in each of two shards."""

    def __init__(self, discordd: Discordd, folder: Path, url: str) -> None:
        self.discordd = discordd
        self.folder = folder
        self.url = url
        self.common: dict[str, dict[str, Any]] = {
            "store": {"url": url},
            "media": {"workers": 1},
            "vault": {"key_file": str(folder / "vault.key")},
            "log": {"level": "warning"},
        }
        world = discordd.world
        self.places: list[tuple[Channel, Member]] = []
        self.reviews: list[Channel] = []
        for number in range(SERVERS):
            born = (snowflake() >> 22) // 2 * 2 + number % 2
            guild = world.create_guild(f"server {number}", id_=born << 22 | number)
            self.reviews.append(world.create_channel(guild, "review"))
            self.places.append((world.create_channel(guild, "art"), world.create_member(guild, "fan")))
        encoded = [drawn.encode(drawn.picture(seed, SIZE), quality=92) for seed in range(12)]
        self.blocked, self.harmless = encoded[:2], encoded[2:]

    def config(self, name: str, **tables: dict[str, Any]) -> Path:
        """A configuration of one process."""
        return self.discordd.write_config(self.folder / f"{name}.toml", **self.common, **tables)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[Any]:
        """The services of the installation, in this process."""
        app = await App.open(load(self.config("plain")))
        try:
            yield app
        finally:
            await app.stop()

    async def set_up(self, entries: int) -> None:
        """Servers that remove, and a list of so many entries, of which two are pictures that will be posted."""
        noise = np.random.default_rng(1).integers(0, 256, (entries, RAW), np.uint8)
        async with self.opened() as app:
            for review in self.reviews:
                await app.guilds.change(review.home.id, mode=Mode.REMOVE, review_channel_id=review.id)
            bank = await app.banks.own(None, BankKind.BLOCK)
            listed = [(Category.NCII_SYNTHETIC, _fingerprint(data)) for data in self.blocked]
            listed += [(Category.NCII_SYNTHETIC, made_up(row.tobytes())) for row in noise]
            now = datetime.now(UTC)
            for start in range(0, len(listed), 2000):
                async with app.store.write() as tx:
                    some = listed[start : start + 2000]
                    await tx.banks.add_entries(bank.id, some, source="benchmark", added_at=now, hunted_at=now)

    # ---------------------------------------------------------------------------------------------- by itself

    async def notify(self, tries: int) -> dict[str, float]:
        """From the commit of an entry in one process to its being matched in another, in milliseconds.

        The other one's index is here, filled as that of a real process; what is added has hashes of its own.
        """
        store, other = await Store.open(self.url), await Store.open(self.url)
        matcher = Matcher(Thresholds(), None)
        banks = BankService(other, matcher, clock=lambda: datetime.now(UTC))
        await banks.refresh()
        listener = Listener(other, {Topic.BANKS: (banks.refresh, 0.0)}, _nothing)
        await listener.start()
        took: list[float] = []
        random = np.random.default_rng(2)
        for _ in range(tries):
            entry = made_up(random.integers(0, 256, RAW, np.uint8).tobytes())
            async with store.write() as tx:
                bank = await tx.banks.ensure("default", BankKind.BLOCK, None, BankLevel.REMOVE)
                await tx.banks.add_entries(
                    bank.id,
                    [(Category.OTHER, entry)],
                    source="benchmark",
                    added_at=datetime.now(UTC),
                    hunted_at=datetime.now(UTC),
                )
            began = time.perf_counter()
            while not matcher.near(entry, None, BankKind.BLOCK):  # noqa: ASYNC110 - it comes from the database
                await asyncio.sleep(0.001)
            took.append((time.perf_counter() - began) * 1000)
        await listener.stop()
        await store.close()
        await other.close()
        return {"tries": tries, "median": statistics.median(took), "most": max(took)}

    async def outbox_rounds(self) -> dict[str, float]:
        """Milliseconds of a dispatcher's round that finds nothing to do, and of a look, with none and 1,000 pending."""
        store = await Store.open(self.url)
        now = datetime.now(UTC)

        async def round_() -> None:
            async with store.write() as tx:
                for urgent in (True, False):
                    await tx.outbox.claim(now=now, lease=timedelta(minutes=1), owner="bench", limit=8, urgent=urgent)
                await tx.outbox.next_due()

        async def look() -> None:
            async with store.read() as tx:
                await tx.outbox.next_due()

        found = {"empty": await _ms(round_)}
        calls = [Call(CallKind.NOTIFY, f"bench:{n}", f"bench:{n}", {}, None, 1) for n in range(1000)]
        async with store.write() as tx:
            await tx.outbox.put(calls, now + timedelta(days=1))
        found |= {"thousand": await _ms(round_), "look": await _ms(look)}
        async with store.write() as tx:
            await tx.connection.exec_driver_sql("DELETE FROM outbox WHERE key LIKE 'bench:%%'")
        await store.close()
        return found

    async def sighting_bytes(self) -> float:
        """Bytes on disk of a row of sightings, with its indexes."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute("VACUUM sightings")
            size = await connection.fetchval("SELECT pg_total_relation_size('sightings')")
            return size / max(1, await connection.fetchval("SELECT count(*) FROM sightings"))
        finally:
            await connection.close()

    @contextlib.asynccontextmanager
    async def running(self, count: int) -> AsyncIterator[Running]:
        """So many processes, connected and warm."""
        running = Running(self, await asyncpg.connect(self.url))
        try:
            await running.start(count)
            await running.phase(WARM_UP, blocked=True)
            yield running
        finally:
            await running.stop()


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


async def _ms(run: Any, times: int = 50) -> float:
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await run()
        took.append((time.perf_counter() - began) * 1000)
    return min(took)  # what it takes while nobody else works on the same processors


def _nothing(guild_id: int | None) -> None:
    """No settings are kept here."""


def _fingerprint(data: bytes) -> Fingerprint:
    with Image.open(io.BytesIO(data)) as image:
        return extract(image, Wanted.NOTHING, sha256=hashlib.sha256(data).digest()).fingerprint
