"""The way of every posted picture: queue, scan, one transaction. Overload makes it late, never lossy.

The queue in memory is bounded and fair between guilds: a flood in one server does not hold up another. What does not
fit is written to the database as jobs and comes back when there is room, there too in turns between guilds.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

import structlog

from bot.cases.service import CaseService
from bot.errors import DatabaseError
from bot.guilds import GuildService
from bot.model import GuildSettings, MessageRef, Plan, Scan, SeenMedia, Unscannable, Verdict
from bot.ops import metrics
from bot.scanner import Scanner
from bot.store.engine import Store

from .addresses import Addresses
from .backlog import PAUSE, Backlog, Outstanding
from .fair_queue import Arrival, FairQueue, Item, Job
from .recorder import Recorder
from .retries import RETRY_FETCH, Retries

log = structlog.get_logger(__name__)

_SHARE = 0.75
"""Share of the workers that one guild's items may hold, so that another guild's picture finds one free."""

_RECENT = 20_000
"""Scanned items remembered in memory, by message and media id."""


class Pipeline:
    """Takes media items in, and sees each of them through to a committed plan."""

    def __init__(
        self,
        store: Store,
        scanner: Scanner,
        guilds: GuildService,
        cases: CaseService,
        *,
        capacity: int,
        workers: int,
        owner: str,
        place: str | None = None,
        accounted: Callable[[MessageRef], None] | None = None,
        forgotten: Callable[[MessageRef], None] | None = None,
        retry_fetch: Sequence[float] = RETRY_FETCH,
    ) -> None:
        """``owner`` and ``place``: who takes waiting jobs, as in :class:`bot.outbox.Outbox`.

        ``accounted`` is told of every submitted message once all of it is recorded or stands in the database.

        ``forgotten``: of each one that is let go of unscanned instead, because the database has been away for long and
        memory is bounded; it is to be read again. ``retry_fetch``: seconds before each further try of what the media
        host did not deliver.
        """
        self._store = store
        self._scanner = scanner
        self._guilds = guilds
        self._cases = cases
        self._recorder = Recorder(store, cases)
        self._queue = FairQueue(capacity, at_once=math.ceil(workers * _SHARE))
        self._workers = workers
        self._accounted = accounted
        self._outstanding = Outstanding()
        self._backlog = Backlog(
            store,
            self._queue,
            self._outstanding,
            lambda item: self._took(self._queue.put(item, over=True)),
            owner=owner,
            place=place,
            clock=cases.now,
            forgotten=forgotten,
        )
        self._retries = Retries(retry_fetch)
        self._recent: OrderedDict[tuple[int, str], None] = OrderedDict()
        self._under_way: dict[int, Item] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._accepting = False

    async def start(self, addresses: Addresses | None = None) -> None:
        """Start the workers; media left in the database by an earlier run come back first.

        ``addresses`` renews those that waited there for too long; None: nobody does.
        """
        self._accepting = True
        loops = await self._backlog.start(addresses)
        self._tasks = [*(asyncio.create_task(self._work(), name=f"scan-{n}") for n in range(self._workers)), *loops]

    async def stop(self, *, drain: float = 10.0) -> None:
        """Take nothing more in, finish what is under way for ``drain`` seconds, and keep the rest as jobs."""
        self._accepting = False
        self._backlog.close()
        try:
            async with asyncio.timeout(drain):
                await self._outstanding.wait()
        except TimeoutError:
            log.warning("pipeline.undrained", waiting=len(self._queue))
        ending = [*self._tasks, *self._backlog.renewing]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        self._tasks = []
        await self._recorder.close()
        left = [*self._under_way.values(), *self._queue.drain()]
        self._under_way = {}
        await self._backlog.keep(left)

    def submit(self, message: MessageRef, media: Sequence[SeenMedia], *, write_first: bool = False) -> None:
        """Take the media items of one message in. Never waits and never fails; after stop() they are only counted.

        ``write_first``: nobody would find them again if this process died, so they are written to the database as a
        job and taken from there. That costs them two transactions, and a new message needs neither.
        """
        if write_first:
            # Most edits repeat pictures that are recorded; these need no job.
            media = [item for item in media if (message.message_id, item.media_id) not in self._recent]
        if not media:
            if self._accounted is not None:
                self._accounted(message)
            return
        arrival = Arrival(message, self._accounted)
        if write_first:
            arrival.left = 1
            self._backlog.write_first(message, tuple(media), arrival)
            return
        left_over = tuple(item for item in media if not (self._accepting and self._put(_item(arrival, item))))
        arrival.left = len(media) - len(left_over) + bool(left_over)
        if left_over:
            self._backlog.spill(message, left_over, arrival)

    def wake(self) -> None:
        """There are new jobs in the database."""
        self._backlog.wake()

    def oldest_seconds(self) -> float:
        """For how long the oldest item in memory has waited for a worker, in seconds; 0 when none waits."""
        arrived = self._queue.oldest()
        return 0.0 if arrived is None else time.perf_counter() - arrived

    def ended(self) -> list[str]:
        """The loops that have ended though they must not."""
        return [task.get_name() for task in self._tasks if self._accepting and task.done()]

    async def idle(self) -> None:
        """Return when nothing waits in memory or in the database and no item is under way."""
        while True:
            await self._outstanding.wait()
            async with self._store.read() as tx:
                if not await tx.jobs.count():
                    return
            self._backlog.load()
            await asyncio.sleep(0.01)

    async def look(self) -> None:
        """As :meth:`wake`, for whoever hears of it from another process."""
        self.wake()

    def _put(self, item: Item) -> bool:
        """Take an item into memory; whether it has room there."""
        pushed_out = self._queue.put(item)
        if pushed_out is item:
            return False
        self._took(pushed_out)
        return True

    def _took(self, pushed_out: Item | None) -> None:
        """The queue has one item more, in the place of another one if that had to go."""
        self._outstanding.begin()
        if pushed_out is not None:
            self._backlog.put_back(pushed_out)
            self._outstanding.end()
        metrics.QUEUE_DEPTH.set(len(self._queue))

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
            self._queue.done(item)
            self._outstanding.end()
            self._backlog.load_if_room()

    async def _keep(self, item: Item) -> None:
        """Scan an item again later, because the database did not take the outcome."""
        if item.job is not None:  # its row is still there, and is given out again when the lease ends
            self._backlog.let_go(item.job)
            return
        await asyncio.sleep(PAUSE)
        self._backlog.spill(item.message, (item.media,), item.arrival)

    async def _write_off(self, item: Item) -> None:
        """Count an item that a defect keeps from being judged as unscannable; keep it if even that is impossible."""
        try:
            guild = await self._guilds.current(item.message.guild_id)
            await self._record(item, _failed(Unscannable.INTERNAL), guild)
            await self._done(item, Verdict.UNSCANNABLE)
        except Exception as error:  # noqa: BLE001 - as above; then it is the database that fails
            log.error("pipeline.not_written", error=type(error).__name__, message_id=item.message.message_id)
            await self._keep(item)

    async def _see(self, item: Item) -> None:
        guild_id = item.message.guild_id
        # A job may be of a guild that another process serves and changes.
        guild = await (self._guilds.get(guild_id) if item.job is None else self._guilds.current(guild_id))
        verdict: Verdict | None = None
        if not guild.scans(item.message):
            metrics.MEDIA.labels("skipped", "author").inc()
        elif not await self._seen_before(item):
            scan = await self._scan(item.media, guild)
            pause = self._retries.pause(item.message, item.media, scan)
            if pause is not None:
                await self._backlog.postpone(item, pause)
                await self._settled(item)
                return
            verdict = scan.plan.verdict
            await self._record(item, scan, guild)
            if scan.sha256 is not None:
                self._remember(item)
        metrics.SCAN_SECONDS.observe(time.perf_counter() - item.arrived)
        await self._done(item, verdict)

    async def _record(self, item: Item, scan: Scan, guild: GuildSettings) -> None:
        """Write the outcome down and count it, once however often and at the same time the item was delivered."""
        if await self._recorder.record(item.message, item.media, scan, guild):
            metrics.MEDIA.labels(scan.plan.verdict, scan.unscannable or "").inc()

    async def _seen_before(self, item: Item) -> bool:
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

    def _remember(self, item: Item) -> None:
        self._recent[item.message.message_id, item.media.media_id] = None
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    async def _scan(self, media: SeenMedia, guild: GuildSettings) -> Scan:
        try:
            return await self._scanner.scan(media, guild)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a picture provokes ends as unscannable
            log.error("pipeline.scan_failed", error=type(error).__name__, media_id=media.media_id)
            return _failed(Unscannable.INTERNAL)

    async def _done(self, item: Item, verdict: Verdict | None) -> None:
        """An item is recorded. ``verdict`` None: it was scanned before, or its author's posts are not looked at."""
        job = item.job
        if job is not None:
            if verdict is None and job.sweep_id is not None:
                async with self._store.read() as tx:
                    ended = await tx.sightings.ended(item.message.message_id, [item.media.media_id])
                verdict = ended.get(item.media.media_id)
            if verdict is not None:
                job.ended.append(verdict)
        await self._settled(item)

    async def _settled(self, item: Item) -> None:
        """An item stands in the database, as what came of it or as one to be tried again."""
        if item.arrival is not None:
            item.arrival.part_is_safe()
        if item.job is not None:
            await self._job_item_done(item.job)

    async def _job_item_done(self, job: Job) -> None:
        job.left -= 1
        if job.left:
            return
        if job.returned:
            self._backlog.give_back(job)
            return
        if job.sweep_id is None:
            await self._recorder.job_done(job.id)
        else:
            await self._count_swept(job, job.sweep_id)
        self._backlog.let_go(job)

    async def _count_swept(self, job: Job, sweep_id: int) -> None:
        """Strike a job off, and count for its sweep how its items ended."""
        async with self._store.write() as tx:
            if await tx.jobs.done(job.id):
                for verdict, number in Counter(job.ended).items():
                    await tx.sweeps.count_scanned(sweep_id, verdict, number)


def _item(arrival: Arrival, media: SeenMedia) -> Item:
    return Item(arrival.message, media, arrival=arrival)


def _failed(reason: Unscannable) -> Scan:
    return Scan(Plan(Verdict.UNSCANNABLE, reasons=(reason.sentence,)), unscannable=reason)
