"""A flood: what many accounts post in one server within a minute, and one picture a second in a quiet server beside it.

Pictures are generated. What is posted of them is chosen at random, always in the same way: see SHARES.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import imagehash

from bot.app import App
from bot.demo import pictures
from bot.demo.motifs import MOTIFS
from bot.model import BankKind, Category, Mode, Strictness
from bot.settings import load
from tests.discordd import Channel, Discordd, Member, Message

from .bots import BLOCKED, CONFIG

SHARES = {"own file": 50, "very file": 20, "re-encoded": 12, "cropped": 10, "forward": 5, "sticker": 3}
"""Of 100 posts: a known picture as a file of its own, a file that was posted before, another JPEG quality, 4 to 12 % of
width and height cut off, a forward of an earlier post, a sticker of the server."""

SIZE = (900, 1120)
QUIET_CHANNELS = 5
ONE_IN = 10
"""One in so many posts is blocked."""


@dataclass(slots=True)
class Look:
    """A picture in the ways in which it is posted. All are JPEG files but the sticker, which is a PNG."""

    file: bytes
    encoded: list[bytes]
    cropped: list[bytes]
    sticker: bytes


def make(blocked: int, harmless: int) -> tuple[list[Look], list[Look]]:
    """Generate the pictures, on all processors.

    The harmless ones have other motifs than the blocked ones. Two posters that show the same thing, half of a picture
    large, are a question to matching, and benchmarks/matching.py asks it: a flood is to show what load does.
    """
    seeds = [*itertools.islice(_seeds(bad=True), blocked), *itertools.islice(_seeds(bad=False), harmless)]
    with ProcessPoolExecutor() as pool:
        looks = list(pool.map(_make, seeds))
    return looks[:blocked], looks[blocked:]


def _seeds(*, bad: bool) -> Iterator[int]:
    """The seeds of pictures of one half of the motifs."""
    kinds = len(MOTIFS)
    return (seed for seed in itertools.count() if (seed % kinds < kinds // 2) is bad)


def _make(seed: int) -> Look:
    image = pictures.picture(seed, SIZE)
    chance = random.Random(seed)
    cropped: list[bytes] = []
    for _ in range(2):
        left, top, right, bottom = (chance.uniform(0.02, 0.06) for _ in range(4))
        box = (left * SIZE[0], top * SIZE[1], (1 - right) * SIZE[0], (1 - bottom) * SIZE[1])
        cropped.append(pictures.encode(image.crop(tuple(map(int, box))), quality=88))
    encoded = [pictures.encode(image, quality=quality) for quality in (60, 75, 85)]
    sticker = pictures.encode(image.resize((320, 320)), "PNG")
    return Look(pictures.encode(image, quality=92), encoded, cropped, sticker)


_serial = itertools.count()


class Upload:
    """A JPEG as a file of its own: with a comment that has a number. It becomes bytes when it is downloaded."""

    def __init__(self, jpeg: bytes) -> None:
        self._jpeg = jpeg
        comment = f"upload {next(_serial)}".encode()
        self._comment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment

    def __len__(self) -> int:
        return len(self._jpeg) + len(self._comment)

    def __bytes__(self) -> bytes:
        return self._jpeg[:2] + self._comment + self._jpeg[2:]


@dataclass(slots=True)
class Posted:
    """What was posted. ``blocked`` and ``harmless``: message ids."""

    blocked: list[int] = field(default_factory=list)
    harmless: list[int] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)

    @property
    def ids(self) -> set[int]:
        return {*self.blocked, *self.harmless}


class Place:
    """A flooded server and a quiet one on a loopback Discord."""

    def __init__(self, discordd: Discordd, looks: tuple[list[Look], list[Look]], accounts: int, channels: int) -> None:
        self.discordd = discordd
        self.blocked, self.harmless = looks
        world = discordd.world
        self.loud, self.quiet = world.create_guild("flooded"), world.create_guild("quiet")
        self.reviews = [world.create_channel(guild, "review") for guild in (self.loud, self.quiet)]
        self.channels = [world.create_channel(self.loud, f"art-{number}") for number in range(channels)]
        self.quiet_channels = [world.create_channel(self.quiet, f"art-{number}") for number in range(QUIET_CHANNELS)]
        self.accounts = [world.create_member(self.loud, f"account-{number}") for number in range(accounts)]
        self.fan = world.create_member(self.quiet, "fan")
        self._chance = random.Random(7)
        self._stickers = {
            bad: [world.sticker(f"sticker-{number}", look.sticker) for number, look in enumerate(of[:5])]
            for bad, of in ((True, self.blocked), (False, self.harmless))
        }
        self._earlier: dict[bool, list[Message]] = {True: [], False: []}

    async def prepare(self, folder: Path) -> None:
        """Set the servers up and block the pictures, for either bot."""
        self.discordd.write_config(
            folder / CONFIG, store={"url": f"sqlite:///{folder / 'bot.db'}"}, log={"level": "warning"}
        )
        app = await App.open(load(folder / CONFIG))
        try:
            await app.decoders.start()
            bank = await app.banks.own(None, BankKind.BLOCK)
            for look in self.blocked:
                listed = await app.scanner.reference_of(look.file)
                await app.banks.add(bank, listed, Category.NCII_SYNTHETIC, source="benchmark")
            for guild, review in zip((self.loud, self.quiet), self.reviews, strict=True):
                await app.guilds.change(
                    guild.id, mode=Mode.REMOVE, strictness=Strictness.STANDARD, review_channel_id=review.id
                )
        finally:
            await app.stop()
        listed = itertools.islice(_seeds(bad=True), len(self.blocked))
        hashes = [str(imagehash.phash(pictures.picture(seed, SIZE), hash_size=16)) for seed in listed]
        (folder / BLOCKED).write_text(json.dumps(hashes))

    async def flood(self, count: int, seconds: float) -> Posted:
        """Post so many pictures, evenly over so many seconds."""
        posted = Posted()
        began = time.perf_counter()
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number * seconds / count - time.perf_counter()))
            bad = number % ONE_IN == 0
            channel = self._chance.choice(self.channels)
            kind = self._chance.choices(list(SHARES), list(SHARES.values()))[0]
            message = self._post(kind, bad, channel, self._chance.choice(self.accounts))
            (posted.blocked if bad else posted.harmless).append(message.id)
            posted.kinds[kind] = posted.kinds.get(kind, 0) + 1
        return posted

    def _post(self, kind: str, bad: bool, channel: Channel, account: Member) -> Message:
        world = self.discordd.world
        look = self._chance.choice(self.blocked if bad else self.harmless)
        if kind == "sticker":
            return world.post(channel, account, stickers=[self._chance.choice(self._stickers[bad])])
        if kind == "forward":
            standing = [one for one in self._earlier[bad][-50:] if not one.deleted]
            if standing:
                return world.post(channel, account, snapshots=[self._chance.choice(standing)])
        file: object = Upload(look.file)
        if kind in ("very file", "forward"):
            file = look.encoded[0]
        elif kind == "re-encoded":
            file = Upload(self._chance.choice(look.encoded))
        elif kind == "cropped":
            file = Upload(self._chance.choice(look.cropped))
        message = world.post(channel, account, attachments=[("art.jpg", file)])  # pyright: ignore[reportArgumentType]
        self._earlier[bad].append(message)
        return message

    def post_quietly(self, number: int) -> Message:
        """One blocked picture in the quiet server."""
        look = self.blocked[number % len(self.blocked)]
        channel = self.quiet_channels[number % QUIET_CHANNELS]
        file = Upload(look.file)
        return self.discordd.world.post(channel, self.fan, attachments=[("art.jpg", file)])  # pyright: ignore[reportArgumentType]

    async def quietly(self, pause: float, *, count: int | None = None, until: asyncio.Event | None = None) -> list[int]:
        """A blocked picture in the quiet server every ``pause`` seconds: so many, or until the event; message ids."""
        posted: list[int] = []
        for number in itertools.count():
            if number == count or (until is not None and until.is_set()):
                return posted
            posted.append(self.post_quietly(number).id)
            await asyncio.sleep(pause)
        return posted

    def seconds(self, ids: list[int]) -> list[float]:
        """From the frame that tells of each message to its DELETE, of those that were deleted."""
        journal = self.discordd.journal
        return [journal.deletes[one] - journal.creates[one] for one in ids if one in journal.deletes]


def recorded(folder: Path, guild_id: int) -> set[int]:
    """Messages of a guild of which every picture is accounted for, as the bot's database says."""
    with sqlite3.connect(f"file:{folder / 'bot.db'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT DISTINCT message_id FROM sightings WHERE guild_id = ?", (guild_id,))
        return {message_id for (message_id,) in rows}
