"""Builds the services once, from settings, and starts and stops them in order. Nothing else knows every part."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog

from .banks.service import BankService
from .cases.aging import AgingService
from .cases.appeals import AppealService
from .cases.audit import head_line
from .cases.casebook import CasebookService
from .cases.claims import ClaimService
from .cases.decisions import DecisionService
from .cases.evidence import EvidenceService
from .cases.hunt import Hunter
from .cases.looking import LookingService
from .cases.service import CaseService
from .cases.stats import StatsService
from .guilds import GuildService
from .matching.matcher import Matcher
from .matching.packing import Signature
from .matching.warm_up import warm_up
from .media.fetch import Fetcher
from .media.sandbox import Sandbox
from .model import Thresholds
from .ops import metrics, retention
from .ops.charts import Charts
from .outbox import Calls, Outbox
from .pipeline import Pipeline
from .reports.service import ReportService
from .scanner import Judging, Scanner
from .settings import MatchingSettings, Settings
from .store.engine import Store
from .vault import Vault

log = structlog.get_logger(__name__)

BANK_POLL_SECONDS = 2.0
AGING_SECONDS = 60.0
RETENTION_SECONDS = 6 * 3600.0


def utc_now() -> datetime:
    """The time of day, aware and in UTC."""
    return datetime.now(UTC)


def judging_of(settings: MatchingSettings) -> Judging:
    """How an installation with these settings judges."""
    thresholds = Thresholds(
        hash_remove=settings.hash_remove,
        hash_review=settings.hash_review,
        hash_review_box=settings.hash_review_box,
    )
    return Judging(thresholds, settings.enough_known_good)


class App:
    """Every service of one process. ``open`` builds them, ``start`` sets them going, ``stop`` ends them in order."""

    def __init__(self, settings: Settings, store: Store, *, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.store = store
        limits = settings.matching
        judging = judging_of(limits)
        window = timedelta(days=settings.retention.sightings_days)
        self.matcher = Matcher(judging.thresholds, Signature.derived(store.secret) if limits.local_features else None)
        self.fetcher = Fetcher(settings.media)
        self.sandbox = Sandbox(settings.media)
        self.scanner = Scanner(
            self.fetcher,
            self.sandbox,
            self.matcher,
            judging,
            max_bytes=settings.media.max_bytes,
            searches=settings.media.workers,
        )
        self.guilds = GuildService(store, limits.strictness)
        self.banks = BankService(store, self.matcher, clock=clock)
        self.cases = CaseService(store, self.banks, self.guilds, judging.thresholds, clock=clock)
        self.looking = LookingService(store, self.guilds, settings.review, clock=clock)
        self.decisions = DecisionService(self.guilds, self.cases, self.looking, clock=clock)
        self.claims = ClaimService(self.guilds, self.cases, clock=clock)
        self.casebook = CasebookService(store, self.claims, clock=clock)
        self.stats = StatsService(store, clock=clock)
        self.charts = Charts()
        self.appeals = AppealService(store, self.guilds, self.cases, self.decisions, clock=clock)
        self.outbox = Outbox(
            store,
            completed=self.cases.completed,
            gave_up=self.cases.gave_up,
            owner=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
            clock=clock,
            count=lambda kind, outcome: metrics.CALLS.labels(kind, outcome).inc(),
        )
        self.aging = AgingService(
            store,
            self.guilds,
            self.cases,
            settings.review,
            clock=clock,
            wake=self.outbox.wake,
            head_line=head_line,
            weekly=self.stats.weekly,
        )
        self.hunter = Hunter(
            store,
            self.scanner,
            self.banks,
            self.guilds,
            self.cases,
            self.outbox,
            window=window,
            clock=clock,
        )
        self.reports = ReportService(store, self.scanner, self.cases, self.outbox, clock=clock)
        self.evidence = EvidenceService(store, settings.evidence, clock=clock)
        self.pipeline = Pipeline(
            store,
            self.scanner,
            self.guilds,
            self.cases,
            capacity=settings.queue.capacity,
            workers=settings.media.fetch_concurrency,
        )
        self._clock = clock
        self._hunt_wanted = asyncio.Event()
        self._background: list[asyncio.Task[None]] = []
        self.cases.connect(self.outbox, self._hunt_wanted.set)

    @classmethod
    async def open(cls, settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> App:
        """Open the database and load the banks; starts no loop, no worker and no connection.

        Raises DatabaseError with one sentence. Call ``stop`` when done, even if ``start`` was never called.
        """
        store = await Store.open(settings.store.url, Vault.open_or_create(settings))
        app = cls(settings, store, clock=clock)
        await app.banks.refresh()
        return app

    async def start(self, calls: Calls) -> None:
        """Set everything going; ``calls`` carries out what the outbox holds, from now on."""
        await self.sandbox.start()
        log.info("app.preparing")  # the first start after an installation compiles for up to half a minute
        await asyncio.to_thread(warm_up)
        await self.fetcher.start()
        await self.outbox.start(calls)
        await self.pipeline.start()
        self._background = [
            asyncio.create_task(self._repeat(self.banks.refresh, BANK_POLL_SECONDS, asyncio.Event()), name="banks"),
            asyncio.create_task(self._repeat(self.hunter.hunt_new, BANK_POLL_SECONDS, self._hunt_wanted), name="hunt"),
            asyncio.create_task(self._repeat(self._age, AGING_SECONDS, asyncio.Event()), name="aging"),
            asyncio.create_task(self._repeat(self._retain, RETENTION_SECONDS, asyncio.Event()), name="retention"),
        ]

    async def stop(self) -> None:
        """Stop taking media in, finish what is under way, carry out what is due, and close.

        Every step is done whatever becomes of those before it; what one of them raises comes out in the end.
        """
        async with contextlib.AsyncExitStack() as steps:  # the last one first
            steps.push_async_callback(self.store.close)
            steps.push_async_callback(self.sandbox.stop)
            steps.push_async_callback(self.fetcher.close)
            steps.push_async_callback(self._end_background)
            steps.push_async_callback(self.outbox.stop)
            steps.push_async_callback(self.pipeline.stop)

    async def _end_background(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def idle(self) -> None:
        """Return when no media waits, no new entry is left to hunt and no call is due."""
        await self.pipeline.idle()
        await self.banks.refresh()
        await self.hunter.hunt_new()
        await self.outbox.idle()

    async def _age(self) -> None:
        await self.aging.run()

    async def _retain(self) -> None:
        exposure_days = self.settings.review.exposure_days
        await retention.purge(self.store, self.settings.retention, exposure_days=exposure_days, now=self._clock())

    async def _repeat(self, run: Callable[[], Awaitable[object]], seconds: float, wanted: asyncio.Event) -> None:
        """Run a job every so many seconds, and at once when it is wanted."""
        while True:
            wanted.clear()
            try:
                await run()
            except Exception as error:  # noqa: BLE001 - a background job is tried again, and counted
                name = run.__name__.strip("_")
                metrics.BACKGROUND_ERRORS.labels(name).inc()
                log.error("app.background_failed", job=name, error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await wanted.wait()
