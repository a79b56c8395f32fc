"""The load: a loopback Discord with several servers, pictures of 500 kB, posts one by one and posts all at once."""

from __future__ import annotations

import asyncio
import hashlib
import io
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image

from bot.app import App
from bot.demo import pictures
from bot.matching.extract import extract
from bot.matching.query import Wanted
from bot.model import BankKind, Category, Fingerprint, Form, Mode, View
from bot.settings import load
from tests.discordd import Channel, Discordd, Member, Message

from .bots import BLOCKED, CONFIG, HANDLED

SIZE = (1200, 1500)
TARGET_BYTES = 500_000
GUILDS, CHANNELS = 4, 5
WARM_UP = 10
REST = 0.15
"""Seconds between two posts at rest: everything that follows a post (the card, the database) is over by then."""

GUARD = 600.0
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Pictures:
    """JPEG files of about 500 kB."""

    blocked: list[bytes]
    harmless: list[bytes]


def make_pictures(blocked: int, harmless: int) -> Pictures:
    """Generate the pictures, on all processors."""
    with ProcessPoolExecutor() as pool:
        files = list(pool.map(_make_picture, range(blocked + harmless)))
    return Pictures(files[:blocked], files[blocked:])


def _make_picture(seed: int) -> bytes:
    image = pictures.picture(seed, SIZE)
    encoded = (pictures.encode(image, quality=quality) for quality in range(70, 99))
    return next((data for data in encoded if len(data) >= TARGET_BYTES), pictures.encode(image, quality=99))


_serial = itertools.count()


def unique(jpeg: bytes) -> bytes:
    """The same picture as another file: a comment with a number, so that no exact hash recognises it."""
    comment = f"upload {next(_serial)}".encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


class Scene:
    """Servers with channels and one member each, on a loopback Discord with Discord's own rate limits."""

    def __init__(self, discordd: Discordd, files: Pictures) -> None:
        self.discordd = discordd
        self.files = files
        world = discordd.world
        self.guilds = [world.create_guild(f"server {number}") for number in range(GUILDS)]
        self.reviews = {guild.id: world.create_channel(guild, "review") for guild in self.guilds}
        self.places: list[tuple[Channel, Member]] = []
        for guild in self.guilds:
            fan = world.create_member(guild, "fan")
            self.places += [(world.create_channel(guild, f"art-{number}"), fan) for number in range(CHANNELS)]
        random.Random(1).shuffle(self.places)

    async def list_pictures(self, folder: Path, entries: int) -> None:
        """Set the servers up, and put the blocked pictures among so many entries, for either bot."""
        noise = np.random.default_rng(1).integers(0, 256, (entries - len(self.files.blocked), 8, 32), np.uint8)
        self.discordd.write_config(
            folder / CONFIG, store={"url": f"sqlite:///{folder / 'bot.db'}"}, log={"level": "warning"}
        )
        listed = [_fingerprint(data) for data in self.files.blocked] + [_made_up(hashes) for hashes in noise]
        app = await App.open(load(folder / CONFIG))
        try:
            bank = await app.banks.own(None, BankKind.BLOCK)
            async with app.store.write() as tx:
                for number, one in enumerate(listed):
                    await tx.banks.add_entry(
                        bank_id=bank.id,
                        category=Category.NCII_SYNTHETIC,
                        fingerprint=one,
                        note=f"entry {number}",
                        added_by=None,
                        source="benchmark",
                        added_at=datetime.now(UTC),
                        hunted_at=datetime.now(UTC),
                    )
            for guild in self.guilds:
                review = self.reviews[guild.id]
                await app.guilds.change(guild.id, mode=Mode.REMOVE, review_channel_id=review.id)
        finally:
            await app.stop()
        hashes = [str(imagehash.phash(Image.open(io.BytesIO(data)), hash_size=16)) for data in self.files.blocked]
        hashes += [row[0].tobytes().hex() for row in noise]
        (folder / BLOCKED).write_text(json.dumps(hashes))

    async def at_rest(self, posts: int) -> Rest:
        """Blocked pictures one by one, after a few that warm the bot up."""
        journal = self.discordd.journal
        seconds: list[float] = []
        began = time.perf_counter()
        for number in range(posts + WARM_UP):
            if number == WARM_UP:
                began = time.perf_counter()
            channel, fan = self.places[number % len(self.places)]
            message = self._post(channel, fan, self.files.blocked[number % len(self.files.blocked)])
            await self.discordd.wait_for(lambda id_=message.id: id_ in journal.deletes)
            seconds.append(journal.deletes[message.id] - journal.creates[message.id])
            await asyncio.sleep(REST)
        return Rest(began, time.perf_counter(), seconds[WARM_UP:])

    async def burst(self, count: int, handled: Callable[[], Awaitable[int]]) -> Burst:
        """So many pictures at once, one in ten blocked. ``handled`` counts what the bot has judged so far."""
        journal = self.discordd.journal
        before = await handled()
        blocked: list[Message] = []
        first: Message | None = None
        for number in range(count):
            channel, fan = self.places[number % len(self.places)]
            bad = number % 10 == number // len(self.places) % 10
            files = self.files.blocked if bad else self.files.harmless
            message = self._post(channel, fan, files[number % len(files)])
            first = first or message
            if bad:
                blocked.append(message)
        done, judged_at, deadline = 0, None, time.monotonic() + GUARD
        while time.monotonic() < deadline:
            done = await handled() - before
            if done >= count and judged_at is None:
                judged_at = time.perf_counter()
            if done >= count and all(message.id in journal.deletes for message in blocked):
                break
            await asyncio.sleep(0.1)
        ended = time.perf_counter()
        began = journal.creates[first.id] if first else ended
        seconds = [journal.deletes[one.id] - journal.creates[one.id] for one in blocked if one.id in journal.deletes]
        return Burst(count, len(blocked), min(done, count), began, judged_at or ended, ended, seconds)

    def _post(self, channel: Channel, fan: Member, picture: bytes) -> Message:
        return self.discordd.world.post(channel, fan, attachments=[("art.jpg", unique(picture))])


@dataclass(slots=True)
class Rest:
    """How posts one by one went. ``seconds``: from the frame that tells of each to its DELETE."""

    began: float
    ended: float
    seconds: list[float]


@dataclass(slots=True)
class Burst:
    """How a burst went: when all pictures were judged, and when all blocked ones were deleted too.

    ``seconds``: from frame to DELETE of each blocked picture that was deleted.
    """

    pictures: int
    blocked: int
    handled: int
    began: float
    judged: float
    ended: float
    seconds: list[float]


class Bot:
    """One of the bots of :mod:`benchmarks.bots`, running."""

    def __init__(self, kind: str, discordd: Discordd, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self._log = (folder / "bot.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.bots", kind, str(folder)],
            env={**os.environ, **discordd.environment()},
            stdout=self._log,
            stderr=self._log,
        )

    def stop(self) -> None:
        """End it gracefully; nothing happens to one that has ended."""
        self.process.terminate()
        self.process.wait()
        self._log.close()

    async def handled(self) -> int:
        """How many pictures it has judged so far."""
        if self.kind == "common":
            path = self.folder / HANDLED
            return int((path.read_text() if path.exists() else "") or 0)
        return await asyncio.to_thread(_count_sightings, self.folder / "bot.db")


def _count_sightings(path: Path) -> int:
    import sqlite3

    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return database.execute("SELECT count(*) FROM sightings").fetchone()[0]


def _fingerprint(data: bytes) -> Fingerprint:
    with Image.open(io.BytesIO(data)) as image:
        return extract(image, Wanted.NOTHING, sha256=hashlib.sha256(data).digest()).fingerprint


def _made_up(hashes: np.ndarray) -> Fingerprint:
    """An entry that no picture comes near: random bits."""
    view = View(Form.WHOLE, 0, hashes.tobytes())
    return Fingerprint(hashlib.sha256(view.hashes).digest(), (view,), 1000, 1000, 1, 100)
