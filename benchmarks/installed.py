"""An installation of the real bot on PostgreSQL, and what its parts take by themselves."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import statistics
import time
from collections.abc import AsyncIterator
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
from tests.discordd import Channel, Discordd, Member
from tests.discordd.ids import snowflake

from .held import RAW, made_up

SIZE = (1200, 1500)
SERVERS = 8


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
