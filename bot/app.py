"""Builds the services once, from settings, and starts and stops them in order. Nothing else knows every part."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

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
from .cases.results import ResultService
from .cases.service import CaseService
from .cases.stats import StatsService
from .guilds import GuildService
from .history.addresses import Addresses
from .history.discord import History
from .history.gaps import Gaps
from .history.progress import ProgressBoard
from .history.requests import SweepService
from .history.sweeper import Sweeper
from .history.watermarks import FLUSH_SECONDS, Tracker
from .matching.matcher import Matcher
from .matching.packing import Signature
from .matching.warm_up import warm_up
from .media.compiling import compile_kernels
from .media.decoders import Decoders
from .media.fetch import Fetcher
from .model import Thresholds
from .ops import interpreter, metrics, retention
from .ops.charts import Charts
from .ops.departures import DepartureService, Servers
from .ops.health_state import WELL, Health, Part, State, failing
from .ops.loops import Loops
from .ops.measuring import Measuring
from .ops.monitor import Monitor
from .ops.vital_signs import ContentSigns, DatabaseSigns, DecoderSigns, FetchSigns
from .ops.watch import LOOK_SECONDS, Gateway, Watch
from .outbox import Calls, Outbox
from .pipeline import Pipeline
from .reports.follow_up import FollowUpService
from .reports.guide import GuideService
from .reports.leaving import LeavingService, Members
from .reports.privacy import PrivacyService
from .reports.reporters import ReporterService
from .reports.service import ReportService
from .reports.takedowns import TakedownService
from .scanner import Judging, Scanner
from .settings import MatchingSettings, Settings
from .store.engine import Store
from .store.notify import Listener
from .store.shards import Shards
from .store.topics import Topic
from .vault import Vault

log = structlog.get_logger(__name__)

BANK_POLL_SECONDS = 2.0
BANKS_STALE_SECONDS = 60.0
"""After how many seconds without a good look at the lists the bot does not count as ready."""
AGING_SECONDS = 60.0
RETENTION_SECONDS = 6 * 3600.0
LEAVING_SECONDS = 3600.0
GAP_SECONDS = 5.0
SWEEP_SECONDS = 5.0
PROGRESS_SECONDS = 8.0
DEPARTURE_SECONDS = 3600.0
OUTBOX_PAUSE = 0.2
"""Seconds after which a process looks for the calls that another one wrote: that one takes them up at once itself."""

JOBS_PAUSE = 0.05


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
        self.health = Health()
        limits = settings.matching
        judging = judging_of(limits)
        window = timedelta(days=settings.retention.sightings_days)
        self.matcher = Matcher(judging.thresholds, Signature.derived(store.secret) if limits.local_features else None)
        self.fetcher = Fetcher(settings.media)
        self.decoders = Decoders(settings.media, restarted=metrics.DECODER_RESTARTS.inc)
        self.fetches = FetchSigns(self.fetcher)
        self.contents = ContentSigns()
        self.scanner = Scanner(
            self.fetches,
            self.decoders,
            self.matcher,
            judging,
            max_bytes=settings.media.max_bytes,
            bytes_in_flight=settings.media.bytes_in_flight,
            decoders=settings.media.workers,
            searches=settings.media.workers,
        )
        self.guilds = GuildService(store, limits.strictness)
        self.banks = BankService(store, self.matcher, clock=clock)
        self.cases = CaseService(store, self.banks, judging.thresholds, clock=clock)
        self.results = ResultService(self.guilds, self.cases, clock=clock)
        self.looking = LookingService(store, self.guilds, settings.review, clock=clock)
        self.decisions = DecisionService(self.guilds, self.cases, self.looking, clock=clock)
        self.claims = ClaimService(self.guilds, self.cases, clock=clock)
        self.casebook = CasebookService(store, self.claims, clock=clock)
        self.stats = StatsService(store, clock=clock)
        self.charts = Charts()
        self.appeals = AppealService(store, self.guilds, self.cases, self.decisions, clock=clock)
        shards = Shards.of(settings.discord.shard_ids, settings.discord.shard_count)
        place = f"{shards.ids[0]}/{shards.count} "  # the listener sees to it that nobody else has this shard
        owner = f"{place}{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.outbox = Outbox(
            store,
            completed=self.results.completed,
            gave_up=self.results.gave_up,
            owner=owner,
            place=place,
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
        self.reports = ReportService(store, self.scanner, self.cases, self.outbox, settings.reports, clock=clock)
        self.takedowns = TakedownService(store, self.scanner, self.cases, self.outbox, settings.reports, clock=clock)
        self.follow_up = FollowUpService(store, self.cases)
        self.guide = GuideService(store)
        self.privacy = PrivacyService(store, settings, clock=clock)
        self.leaving = LeavingService(store, clock=clock)
        self.departures = DepartureService(
            store,
            self.guilds,
            grace=timedelta(days=settings.retention.left_server_days),
            clock=clock,
            wake=self.outbox.wake,
        )
        self.reporters = ReporterService(store, self.guilds, self.cases, self.outbox, clock=clock)
        self.scans = SweepService(store, settings.catch_up, clock=clock)
        self.progress = ProgressBoard(self.scans, clock=clock)
        self.evidence = EvidenceService(store, settings.evidence, clock=clock)
        self.marks = Tracker(store)
        self._gaps_wanted = asyncio.Event()
        self._sweep_wanted = asyncio.Event()
        self.gaps = Gaps(
            store,
            self.marks,
            most=timedelta(days=settings.catch_up.most_days),
            alone=settings.discord.shard_count is None,
            clock=clock,
            wanted=self._gaps_wanted.set,
            found=self.sweep,
        )
        self.pipeline = Pipeline(
            store,
            self.scanner,
            self.guilds,
            self.cases,
            capacity=settings.queue.capacity,
            workers=settings.media.fetch_concurrency,
            owner=owner,
            place=place,
            accounted=self.marks.accounted,
            forgotten=self.gaps.forgotten,
            retry_fetch=settings.media.retry_seconds,
        )
        self._sweeper: Sweeper | None = None
        measuring = Measuring(store, self.pipeline.oldest_seconds, now=clock)
        self.monitor = Monitor(settings.health, self.health, measuring.refresh)
        decoder = DecoderSigns(
            lambda: self.decoders.answered_at, self.decoders.answers, running=lambda: self.monitor.running
        )
        for part, look in (
            (Part.BACKGROUND, self._background),
            (Part.BANKS, self._banks),
            (Part.DATABASE, DatabaseSigns(store).look),
            (Part.DECODER, decoder.look),
            (Part.MEDIA, self.fetches.look),
            (Part.CONTENT, self.contents.look),
            (Part.OUTBOX, measuring.outbox),
            (Part.QUEUE, measuring.queue),
        ):
            self.health.probe(part, look)
        self.listener = Listener(
            store,
            {
                Topic.BANKS: (self.banks.refresh, 0.0),
                Topic.OUTBOX: (self.outbox.look, OUTBOX_PAUSE),
                Topic.JOBS: (self.pipeline.look, JOBS_PAUSE),
                Topic.SWEEPS: (self._look_for_sweeps, 0.0),
            },
            self.guilds.forget,
            shards,
        )
        self._clock = clock
        self._hunt_wanted = asyncio.Event()
        self._loops = Loops(store, clock=clock)
        self.cases.connect(self.outbox, self._hunt_wanted.set)

    @classmethod
    async def open(cls, settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> App:
        """Open the database and load the banks; starts no loop, no worker and no connection.

        Raises DatabaseError with one sentence. Call ``stop`` when done, even if ``start`` was never called.
        """
        vault = Vault.open_or_create(settings)
        store = await Store.open(settings.store.url, vault, connections=settings.store.connections)
        try:
            app = cls(settings, store, clock=clock)
            await app.banks.refresh()
        except BaseException:  # asked to end meanwhile, too
            await store.close()
            raise
        return app

    async def start(
        self,
        calls: Calls,
        *,
        members: Members | None = None,
        history: History | None = None,
        gateway: Gateway | None = None,
        servers: Servers | None = None,
    ) -> None:
        """Set everything going; ``calls`` carries out what the outbox holds, from now on.

        ``members`` is asked who left a server, ``history`` reads what was posted before, ``gateway`` is asked whether
        it is connected, so that servers hear when the bot is blind, and ``servers`` whether the bot is in one, before
        one that it left is erased. What is None is not done. Raises ConfigError when another process on the same
        database serves the shards of this one.
        """
        await self.listener.start()
        log.info("app.preparing")  # the first start after an installation compiles for up to half a minute
        await compile_kernels()
        await self.decoders.start()
        await asyncio.to_thread(warm_up)
        interpreter.settle()
        await self.fetcher.start()
        await self.outbox.start(calls)
        cdn_url = self.settings.discord.cdn_url
        addresses = None if history is None else Addresses(history, cdn_url=cdn_url, clock=self._clock)
        await self.pipeline.start(addresses)
        loops = self._loops
        loops.add("marks", self.marks.flush, FLUSH_SECONDS)
        loops.add("gaps", self.gaps.write, GAP_SECONDS, self._gaps_wanted)
        loops.add("banks", self.banks.refresh, BANK_POLL_SECONDS)
        loops.add("hunt", self.hunter.hunt_new, BANK_POLL_SECONDS, self._hunt_wanted)
        loops.add("progress", self.progress.show_progress, PROGRESS_SECONDS)
        loops.add("aging", loops.alone("aging", self.aging.run), AGING_SECONDS)
        loops.add("retention", loops.once("retention", self._retain, RETENTION_SECONDS), RETENTION_SECONDS)
        if members is not None:
            ask_who_left = partial(self.leaving.run, members)
            loops.add("leaving", loops.once("leaving", ask_who_left, LEAVING_SECONDS), LEAVING_SECONDS)
        if history is not None:
            self._sweeper = Sweeper(
                self.store,
                self.guilds,
                history,
                served=self.gaps.served,
                cdn_url=cdn_url,
                clock=self._clock,
                wanted=self._sweep_wanted.set,
                found=self.pipeline.wake,
            )
            self.scans.connect(history, self.sweep)
            loops.add("sweep", self._sweeper.run, SWEEP_SECONDS, self._sweep_wanted)
        if gateway is not None:
            loops.add("watch", self._watch(gateway).look, LOOK_SECONDS)
        if servers is not None:
            loops.add("departures", partial(self.departures.purge, servers), DEPARTURE_SECONDS)
        self.monitor.started()

    def sweep(self) -> None:
        """Look at once for history to be read: there is more of it, or a sweep was paused, resumed or cancelled."""
        if self._sweeper is not None:
            self._sweeper.wake()

    async def _look_for_sweeps(self) -> None:
        self.sweep()

    async def stop(self, *, within: float = 10.0) -> None:
        """Stop taking media in, finish what is under way, carry out what is due, and close, in ``within`` seconds.

        Every step is done whatever becomes of those before it; what one of them raises comes out in the end. What does
        not end in time is not lost: media under way are kept as jobs, calls stay in the outbox.
        """
        self.monitor.stopping()
        until = time.monotonic() + within

        def left(keep: float) -> float:
            """Seconds for a step that leaves this share of the whole to the steps after it."""
            return max(0.0, until - time.monotonic() - keep * within)

        async with contextlib.AsyncExitStack() as steps:  # the last one first
            steps.push_async_callback(self.store.close)
            steps.push_async_callback(lambda: self.decoders.stop(within=left(0.05)))
            steps.push_async_callback(self.fetcher.close)
            steps.push_async_callback(self.listener.stop)
            steps.push_async_callback(self.departures.stop)
            steps.push_async_callback(lambda: self.outbox.stop(drain=left(0.2)))
            steps.push_async_callback(self.marks.flush)
            steps.push_async_callback(self.gaps.write)
            steps.push_async_callback(lambda: self.pipeline.stop(drain=left(0.5)))
            steps.push_async_callback(self._loops.stop)

    async def idle(self) -> None:
        """Return when nothing missed is left to read, no media waits, no new entry is left to hunt, no call is due."""
        while True:
            if not self.gaps.pending and (self._sweeper is None or await self._sweeper.idle()):
                break
            await asyncio.sleep(0.02)
        await self.pipeline.idle()
        await self.banks.refresh()
        await self.hunter.hunt_new()
        await self.outbox.idle()

    def _watch(self, gateway: Gateway) -> Watch:
        return Watch(
            self.store,
            self.guilds,
            self.health,
            gateway,
            shard_count=self.settings.discord.shard_count or 1,
            clock=self._clock,
            wake=self.outbox.wake,
        )

    def _background(self) -> State:
        """Whether all loops are there that must never end."""
        ended = self._loops.ended() if self.monitor.running else []
        ended += self.pipeline.ended() + self.outbox.ended()
        return failing(f"Loops have ended: {', '.join(ended)}.") if ended else WELL

    def _banks(self) -> State:
        """Whether the lists in memory are those of the database."""
        at = self._loops.went_well("banks")
        if at is not None and time.monotonic() - at > BANKS_STALE_SECONDS:
            return failing("The lists could not be read anew for a while.")
        return WELL

    async def _retain(self) -> None:
        exposure_days = self.settings.review.exposure_days
        await retention.purge(self.store, self.settings.retention, exposure_days=exposure_days, now=self._clock())
        identity_days = self.settings.reports.identity_days
        await retention.forget_reporters(self.store, identity_days=identity_days, now=self._clock())
