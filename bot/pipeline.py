"""The way of every posted picture: queue, scan, one transaction. Overload makes it late, never lossy.

The queue in memory is bounded and fair between guilds: a flood in one server does not hold up another. What does not
fit is written to the database as jobs and comes back when there is room.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from .cases.service import CaseService
from .errors import DatabaseError
from .guilds import GuildService
from .model import GuildSettings, MessageRef, Plan, Scan, SeenMedia, Unscannable, Verdict
from .ops import metrics
from .scanner import Scanner
from .store.engine import Store

log = structlog.get_logger(__name__)

_RELOAD_AT = 0.5
"""Share of the queue's capacity below which jobs come back from the database."""

_MEDIA_A_MESSAGE = 10
"""How many media items a message is reckoned with when jobs come back: Discord's limit for attachments."""

_RECENT = 20_000
"""Scanned items remembered in memory, by message and media id."""

_LOOK = 30.0
"""Seconds after which an idle process looks for jobs whose lease ended: of one that failed, or of a dead process."""

_PAUSE = 1.0
"""Seconds before a database that failed is asked again."""


@dataclass(slots=True)
class _Job:
    """A message that waited in the database; its row goes when all of its items are done."""

    id: int
    left: int


@dataclass(slots=True)
class _Item:
    message: MessageRef
    media: SeenMedia
    job: _Job | None = None
    arrived: float = field(default_factory=time.perf_counter)


class FairQueue:
    """A bounded queue that serves the guilds in turn, and the items of one guild in order."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._guilds: OrderedDict[int, deque[_Item]] = OrderedDict()
        self._length = 0
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return self._length

    def put(self, item: _Item, *, over: bool = False) -> bool:
        """Take the item; False when the queue is full, unless it may go over the capacity."""
        if self._length >= self.capacity and not over:
            return False
        self._guilds.setdefault(item.message.guild_id, deque()).append(item)
        self._length += 1
        self._filled.set()
        return True

    async def get(self) -> _Item:
        """The next item of the guild whose turn it is; waits for one."""
        while not self._guilds:
            self._filled.clear()
            await self._filled.wait()
        guild_id, items = self._guilds.popitem(last=False)
        item = items.popleft()
        self._length -= 1
        if items:
            self._guilds[guild_id] = items
        return item


class Pipeline:
    """Takes media items in, and sees each of them through to a committed plan."""

    def __init__(
        self, store: Store, scanner: Scanner, guilds: GuildService, cases: CaseService, *, capacity: int, workers: int
    ) -> None:
        self._store = store
        self._scanner = scanner
        self._guilds = guilds
        self._cases = cases
        self._queue = FairQueue(capacity)
        self._workers = workers
        self._overflow: list[tuple[MessageRef, tuple[SeenMedia, ...]]] = []
        self._spilled = asyncio.Event()
        self._reload = asyncio.Event()
        self._jobs_wait = True
        self._loading: set[int] = set()
        self._recent: OrderedDict[tuple[int, str], None] = OrderedDict()
        self._under_way: dict[int, _Item] = {}
        self._unfinished = 0
        self._rest = asyncio.Event()
        self._rest.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._accepting = False

    async def start(self) -> None:
        """Start the workers; media left in the database by an earlier run come back first."""
        self._accepting = True
        if self._store.dialect == "sqlite":  # alone on its database: what was taken was taken by an earlier run
            async with self._store.write() as tx:
                await tx.jobs.release()
        self._reload.set()
        self._tasks = [
            *(asyncio.create_task(self._work(), name=f"scan-{n}") for n in range(self._workers)),
            asyncio.create_task(self._spill(), name="spill"),
            asyncio.create_task(self._load(), name="load"),
        ]

    async def stop(self, *, drain: float = 10.0) -> None:
        """Take nothing more in, finish what is under way for ``drain`` seconds, and keep the rest as jobs."""
        self._accepting = False
        try:
            async with asyncio.timeout(drain):
                await self._rest.wait()
        except TimeoutError:
            log.warning("pipeline.undrained", waiting=len(self._queue))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        left = list(self._under_way.values())
        while len(self._queue):
            left.append(await self._queue.get())
        self._overflow += [(item.message, (item.media,)) for item in left if item.job is None]
        self._under_way = {}
        if self._overflow:
            await self._write_overflow()

    def submit(self, message: MessageRef, media: Sequence[SeenMedia]) -> None:
        """Take the media items of one message in. Never waits and never fails; after stop() they are only counted."""
        if not media:
            return
        left_over = tuple(item for item in media if not (self._accepting and self._put(_Item(message, item))))
        if left_over:
            self._spill_later(message, left_over)

    async def idle(self) -> None:
        """Return when nothing waits in memory or in the database and no item is under way."""
        while True:
            await self._rest.wait()
            async with self._store.read() as tx:
                if not await tx.jobs.count():
                    return
            self._reload.set()
            await asyncio.sleep(0.01)

    def _spill_later(self, message: MessageRef, media: tuple[SeenMedia, ...]) -> None:
        self._overflow.append((message, media))
        self._unfinished += 1
        self._rest.clear()
        metrics.MEDIA_SPILLED.inc(len(media))
        self._spilled.set()

    def _put(self, item: _Item, *, over: bool = False) -> bool:
        if not self._queue.put(item, over=over):
            return False
        self._unfinished += 1
        self._rest.clear()
        metrics.QUEUE_DEPTH.set(len(self._queue))
        return True

    def _finished(self) -> None:
        self._unfinished -= 1
        if not self._unfinished:
            self._rest.set()

    async def _work(self) -> None:
        while True:
            item = await self._queue.get()
            metrics.QUEUE_DEPTH.set(len(self._queue))
            self._under_way[id(item)] = item
            try:
                await self._see(item)
            except DatabaseError as error:
                log.error("pipeline.not_written", error=str(error), message_id=item.message.message_id)
                await self._keep(item)
            except Exception as error:  # noqa: BLE001 - one item must never stop the worker; it is accounted for
                log.error("pipeline.item_failed", error=type(error).__name__, message_id=item.message.message_id)
                await self._write_off(item)
            del self._under_way[id(item)]
            self._finished()
            self._load_if_room()

    async def _keep(self, item: _Item) -> None:
        """Scan an item again later, because the database did not take the outcome."""
        if item.job is not None:  # its row is still there, and is given out again when the lease ends
            self._loading.discard(item.job.id)
            return
        await asyncio.sleep(_PAUSE)
        self._spill_later(item.message, (item.media,))

    async def _write_off(self, item: _Item) -> None:
        """Count an item that a defect keeps from being judged as unscannable; keep it if even that is impossible."""
        try:
            guild = await self._guilds.current(item.message.guild_id)
            await self._record(item, _failed(Unscannable.INTERNAL), guild)
            if item.job is not None:
                await self._job_item_done(item.job)
        except Exception as error:  # noqa: BLE001 - as above; then it is the database that fails
            log.error("pipeline.not_written", error=type(error).__name__, message_id=item.message.message_id)
            await self._keep(item)

    async def _see(self, item: _Item) -> None:
        guild_id = item.message.guild_id
        # A job may be of a guild that another process serves and changes.
        guild = await (self._guilds.get(guild_id) if item.job is None else self._guilds.current(guild_id))
        if not _wanted(item.message, guild):
            metrics.MEDIA.labels("skipped", "author").inc()
        elif not await self._seen_before(item):
            scan = await self._scan(item.media, guild)
            await self._record(item, scan, guild)
            if scan.sha256 is not None:
                self._remember(item)
        metrics.SCAN_SECONDS.observe(time.perf_counter() - item.arrived)
        if item.job is not None:
            await self._job_item_done(item.job)

    async def _record(self, item: _Item, scan: Scan, guild: GuildSettings) -> None:
        """Write the outcome down and count it, once however often and at the same time the item was delivered."""
        if await self._cases.record(item.message, item.media, scan, guild):
            metrics.MEDIA.labels(scan.plan.verdict, scan.unscannable or "").inc()

    async def _seen_before(self, item: _Item) -> bool:
        """Whether this item of this message was scanned already.

        Discord delivers events more than once, and repeats all media of a message with every edit and late embed. A
        new message needs no look into the database: recording is idempotent, this only saves the work.
        """
        if (item.message.message_id, item.media.media_id) in self._recent:
            return True
        if not item.message.edited and item.job is None:
            return False
        async with self._store.read() as tx:
            return bool(await tx.sightings.known(item.message.message_id, [item.media.media_id]))

    def _remember(self, item: _Item) -> None:
        self._recent[item.message.message_id, item.media.media_id] = None
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    async def _scan(self, media: SeenMedia, guild: GuildSettings) -> Scan:
        try:
            return await self._scanner.scan(media, guild)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a picture provokes ends as unscannable
            log.error("pipeline.scan_failed", error=type(error).__name__, media_id=media.media_id)
            return _failed(Unscannable.INTERNAL)

    async def _job_item_done(self, job: _Job) -> None:
        job.left -= 1
        if not job.left:
            async with self._store.write() as tx:
                await tx.jobs.done(job.id)
            self._loading.discard(job.id)

    async def _spill(self) -> None:
        while True:
            await self._spilled.wait()
            self._spilled.clear()
            try:
                written = await self._write_overflow()
            except Exception as error:  # noqa: BLE001 - kept in memory and tried again: nothing may be lost
                metrics.BACKGROUND_ERRORS.labels("spill").inc()
                log.error("pipeline.spill_failed", error=type(error).__name__, waiting=len(self._overflow))
                await asyncio.sleep(_PAUSE)
                self._spilled.set()
                continue
            for _ in range(written):
                self._finished()
            self._jobs_wait = True
            self._load_if_room()

    def _load_if_room(self) -> None:
        if self._jobs_wait and len(self._queue) < _RELOAD_AT * self._queue.capacity:
            self._reload.set()

    async def _write_overflow(self) -> int:
        """Write what did not fit as jobs; how many. Until that is done it stays in memory, also if cancelled."""
        batch = self._overflow[:]
        async with self._store.write() as tx:
            for message, media in batch:
                await tx.jobs.put(message, media, self._cases.now())
        del self._overflow[: len(batch)]
        return len(batch)

    async def _load(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._reload.wait()
            self._reload.clear()
            if len(self._queue) >= self._queue.capacity:
                continue
            self._jobs_wait = False
            limit = max(1, (self._queue.capacity - len(self._queue)) // _MEDIA_A_MESSAGE)
            try:
                async with self._store.write() as tx:
                    jobs = await tx.jobs.take(limit)
            except Exception as error:  # noqa: BLE001 - the jobs stay in the database and are read again later
                metrics.BACKGROUND_ERRORS.labels("load").inc()
                log.error("pipeline.load_failed", error=type(error).__name__)
                await asyncio.sleep(_PAUSE)
                self._reload.set()
                continue
            self._jobs_wait |= len(jobs) == limit
            for job_id, message, media in jobs:
                if job_id in self._loading:  # its lease ended while it waited in memory
                    continue
                self._loading.add(job_id)
                job = _Job(job_id, len(media))
                for item in media:
                    self._put(_Item(message, item, job), over=True)  # a taken job is not given out again soon


def _failed(reason: Unscannable) -> Scan:
    return Scan(Plan(Verdict.UNSCANNABLE, reasons=(reason.sentence,)), unscannable=reason)


def _wanted(message: MessageRef, guild: GuildSettings) -> bool:
    if message.webhook_id is not None:
        return guild.scan_webhooks
    return guild.scan_bots or not message.author_is_bot
