"""The services on a real database and a real matcher, with pictures that are hashes and a Discord that is a list."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from bot.banks.service import BankService
from bot.cases.aging import AgingService
from bot.cases.appeals import AppealService
from bot.cases.claims import ClaimService
from bot.cases.decisions import DecisionService
from bot.cases.hunt import Hunter
from bot.cases.looking import LookingService
from bot.cases.results import ResultService
from bot.cases.service import CaseService
from bot.guilds import GuildService
from bot.matching.grid import CELLS, GRID_BITS
from bot.matching.matcher import Matcher
from bot.matching.query import Frame, Query, Wanted
from bot.media.errors import MediaError
from bot.model import (
    Call,
    CallKind,
    Case,
    Category,
    Fingerprint,
    Form,
    MediaRef,
    MessageRef,
    Mode,
    Signal,
    Strictness,
    Surface,
    Thresholds,
    Unscannable,
    View,
)
from bot.outbox import CallError, CallResult, Outbox
from bot.reports.follow_up import FollowUpService
from bot.reports.leaving import LeavingService
from bot.reports.privacy import PrivacyService
from bot.reports.reporters import ReporterService
from bot.reports.service import ReportService
from bot.reports.takedowns import TakedownService
from bot.scanner import Judging, Scanner
from bot.settings import ReportSettings, ReviewSettings, Settings
from bot.store.engine import Store

GUILD, FANS, REVIEW, MODERATOR, OTHER_MODERATOR = 10, 20, 30, 40, 41


REMOVED, REVIEWED = 43, 64
"""The most that a :func:`picture` may be ``away`` and still be removed, or reviewed, by the standard tier."""


def picture(seed: int, *, away: int = 0, plain: bool = False) -> Fingerprint:
    """A fingerprint at random, or one ``away`` bits from it in every orientation; the farther lies past the nearer.

    The agreement of the gradients falls as the hashes part: barely enough for the tier at REMOVED and at REVIEWED.
    """
    bits = random.Random(seed)
    hashes = bytearray(bits.randbytes(8 * 32))
    order = bits.sample(range(256), 256)
    for orientation in range(8):
        for bit in order[:away]:
            hashes[orientation * 32 + bit // 8] ^= 1 << bit % 8
    sha256 = hashlib.sha256(f"{seed}:{away}".encode()).digest()
    views = () if plain else (View(Form.WHOLE, 0, bytes(hashes), _grid(bits, away)),)
    return Fingerprint(sha256, views, 600, 800, 1, 0 if plain else 100)


def _grid(bits: random.Random, away: int) -> bytes:
    """Signs at random, all reliable, of which as many are changed as go with a distance of ``away`` bits."""
    signs = [bits.getrandbits(1) for _ in range(GRID_BITS)]
    limits = Thresholds()
    changed = (0, 1 - limits.remove.agreement, 1 - limits.review.agreement, 0.8)
    signs_changed = int(GRID_BITS * float(np.interp(away, (0, REMOVED, REVIEWED, 256), changed)))
    for place in bits.sample(range(GRID_BITS), GRID_BITS)[:signs_changed]:
        signs[place] ^= 1
    rows = [int("".join(map(str, signs[32 * row : 32 * row + 32])), 2) | 0xFFFF_FFFF << 32 for row in range(CELLS)]
    return b"".join(row.to_bytes(8, "little") for row in rows)


PLANE = np.linspace(40, 220, 320 * 240).reshape(240, 320).astype(np.uint8)
"""What every picture looks like, where somebody looks: darker above than below."""


@dataclass
class Media:
    """Stands in for fetch and sandbox: an address is the name of a fingerprint, or of what went wrong.

    ``contents``: what lies at an address, where two have to be the very same file. ``fetched``: what was asked for.
    ``signals``: what the files of a fingerprint say about themselves.
    """

    pictures: dict[str, Fingerprint | Unscannable] = field(default_factory=dict)
    files: dict[bytes, Fingerprint] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    signals: dict[Fingerprint, tuple[Signal, ...]] = field(default_factory=dict)

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        found = self.pictures[url]
        if isinstance(found, Unscannable):
            raise MediaError(found)
        data = self.contents.get(url) or found.sha256 + url.encode()
        self.files[data] = found
        return data

    async def query(self, data: bytes, wanted: Wanted, *, ahead: bool = False) -> Query:
        planes = (Frame(0, PLANE, 1.0),) if wanted & Wanted.PLANES else ()
        found = self.files[data]
        return Query(found, planes, signals=self.signals.get(found, ()))


class Discord:
    """Carries calls out by writing them down. ``refuse`` maps a kind to the error that it ends in.

    While ``hold`` is an event that is not set, calls of the kinds ``held`` (cards) are under way and do not arrive;
    ``sent`` is set once one is.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.refuse: dict[CallKind, CallError] = {}
        self.hold: asyncio.Event | None = None
        self.held = {CallKind.POST_CARD, CallKind.EDIT_CARD}
        self.sent = asyncio.Event()
        self.cards: dict[int | None, CallResult] = {}
        self.recipient: Callable[[int], Awaitable[int | None]] | None = None
        self._reporters: dict[str, int | None] = {}

    async def carry_out(self, call: Call, *, uncertain: bool) -> CallResult:
        del uncertain
        await asyncio.sleep(0)
        if self.hold is not None and call.kind in self.held:
            self.sent.set()
            await self.hold.wait()
        if call.kind in self.refuse:
            raise self.refuse[call.kind]
        if "report_id" in call.payload:
            report_id = call.payload["report_id"]
            assert isinstance(report_id, int)
            assert self.recipient is not None
            self._reporters[call.key] = await self.recipient(report_id)
        self.calls.append(call)
        if call.kind is CallKind.POST_CARD:
            channel_id = call.payload["channel_id"]
            assert isinstance(channel_id, int)
            self.cards[call.case_id] = CallResult(channel_id, 100 * channel_id + (call.case_id or 0))
        if call.kind in {CallKind.POST_CARD, CallKind.EDIT_CARD}:
            return self.cards[call.case_id]
        return CallResult()

    @property
    def deleted(self) -> list[int]:
        return [call.payload["message_id"] for call in self.calls if call.kind is CallKind.DELETE_MESSAGE]

    def told(self, user_id: int) -> list[str]:
        return [
            str(call.payload["text"])
            for call in self.calls
            if call.kind is CallKind.NOTIFY
            and (self._reporters[call.key] if "report_id" in call.payload else call.payload["user_id"]) == user_id
        ]

    def count(self, kind: CallKind) -> int:
        return sum(call.kind is kind for call in self.calls)


class Desk:
    """Everything behind the bot but Discord, the network and the decoder."""

    def __init__(self, store: Store) -> None:
        limits = Thresholds()
        self.store = store
        self.time = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.media = Media()
        self.discord = Discord()
        self.matcher = Matcher(limits)
        self.scanner = Scanner(self.media, self.media, self.matcher, Judging(limits, 25), max_bytes=10_000)
        self.guilds = GuildService(store, Strictness.STANDARD)
        self.banks = BankService(store, self.matcher, clock=self.now)
        self.cases = CaseService(store, self.banks, limits, clock=self.now)
        self.results = ResultService(self.guilds, self.cases, clock=self.now)
        self.looking = LookingService(store, self.guilds, ReviewSettings(), clock=self.now)
        self.decisions = DecisionService(self.guilds, self.cases, self.looking, clock=self.now)
        self.claims = ClaimService(self.guilds, self.cases, clock=self.now)
        self.appeals = AppealService(store, self.guilds, self.cases, self.decisions, clock=self.now)
        self.outbox = Outbox(
            store, completed=self.results.completed, gave_up=self.results.gave_up, owner="desk", clock=self.now
        )
        self.aging = AgingService(
            store, self.guilds, self.cases, ReviewSettings(), clock=self.now, wake=self.outbox.wake
        )
        self.hunter = Hunter(
            store,
            self.scanner,
            self.banks,
            self.guilds,
            self.cases,
            self.outbox,
            window=timedelta(days=30),
            clock=self.now,
        )
        self.cases.connect(self.outbox, lambda: None)
        self.reports = ReportService(store, self.scanner, self.cases, self.outbox, ReportSettings(), clock=self.now)
        self.takedowns = TakedownService(store, self.scanner, self.cases, self.outbox, ReportSettings(), clock=self.now)
        self.follow_up = FollowUpService(store, self.cases)
        self.privacy = PrivacyService(store, Settings(), clock=self.now)
        self.leaving = LeavingService(store, clock=self.now, pause=0)
        self.reporters = ReporterService(store, self.guilds, self.cases, self.outbox, clock=self.now)
        self.discord.recipient = self.follow_up.recipient
        self._message = 1000

    def now(self) -> datetime:
        return self.time

    async def open(self, mode: Mode = Mode.REMOVE) -> None:
        await self.guilds.change(GUILD, mode=mode, review_channel_id=REVIEW)
        await self.banks.refresh()
        await self.outbox.start(self.discord)

    async def settle(self) -> None:
        """Hunt what is new and carry out what is due, until nothing is left to do."""
        await self.banks.refresh()
        await self.hunter.hunt_new()
        await self.outbox.idle()

    def message(self, author: int = 50, **changes) -> MessageRef:
        self._message += 1
        return MessageRef(GUILD, FANS, self._message, author, **changes)

    def item(self, message: MessageRef, shown: Fingerprint | Unscannable, number: int = 0) -> MediaRef:
        """A media item of a message that shows this fingerprint."""
        name = f"{message.message_id}/{number}"
        self.media.pictures[name] = shown
        return MediaRef(f"attachment:{name}", Surface.ATTACHMENT, name)

    async def post(self, shown: Fingerprint | Unscannable, author: int = 50, **changes) -> MessageRef:
        """A member posts a picture, and the bot sees it."""
        message = self.message(author, **changes)
        await self.see(message, self.item(message, shown))
        return message

    async def see(self, message: MessageRef, item: MediaRef) -> bool:
        guild = await self.guilds.get(message.guild_id)
        return await self.cases.record(message, item, await self.scanner.scan(item, guild), guild)

    async def block(
        self, shown: Fingerprint, message: MessageRef | None = None, category: Category = Category.NCII_SYNTHETIC
    ):
        """A moderator blocks a picture, by the message that shows it or by an upload."""
        guild = await self.guilds.get(GUILD)
        media_id = "upload" if message is None else f"attachment:{message.message_id}/0"
        return await self.hunter.block(guild, message, media_id, Surface.ATTACHMENT, shown, category, "", MODERATOR)

    async def only_case(self) -> Case:
        async with self.store.read() as tx:
            (case,) = await tx.cases.list(GUILD)
        return case
