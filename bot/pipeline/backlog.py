"""What has no room in memory, or has to wait, waits in the database as jobs; and comes back when there is room.

A flood may last for hours. What waits of a quiet guild does not wait for its end: while one guild's items fill the
queue, those of the others are taken out all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog

from bot.model import MessageRef, SeenMedia
from bot.ops import metrics
from bot.store.engine import Store
from bot.store.jobs import WaitingJob

from .addresses import Addresses
from .fair_queue import Arrival, FairQueue, Item, Job
from .retries import Alarms

log = structlog.get_logger(__name__)

_RELOAD_AT = 0.5
"""Share of the queue's capacity below which jobs come back from the database."""

_MEDIA_A_MESSAGE = 10
"""How many media items a message is reckoned with when jobs come back: Discord's limit for attachments."""

_SPILLED_TOGETHER = 200
"""Messages that are written to the database at once: nothing else can be written meanwhile."""

_ASIDE = 0.05
"""Share of the capacity that jobs of other guilds may take at once while one guild's items fill the queue."""

_LOOK_ASIDE = 1.0
"""Seconds after which those are looked for again."""

_LOOK = 30.0
"""Seconds after which an idle process looks for jobs whose lease ended: of one that failed, or of a dead process."""

PAUSE = 1.0
"""Seconds before a database that failed is asked again."""

MOST_KEPT = 20_000
"""Messages kept in memory for a database that takes none: about 50 MB. Further ones are forgotten, and read again."""

_MOST_RENEWED = 200
"""Jobs that wait for new addresses at the same time; above it no further jobs are read."""


class Outstanding:
    """How much is not done with yet, in memory and on its way to the database."""

    def __init__(self) -> None:
        self._number = 0
        self._none = asyncio.Event()
        self._none.set()

    def begin(self) -> None:
        """One more."""
        self._number += 1
        self._none.clear()

    def end(self) -> None:
        """One less."""
        self._number -= 1
        if not self._number:
            self._none.set()

    async def wait(self) -> None:
        """Return when nothing is left."""
        await self._none.wait()


class _Spilled(NamedTuple):
    """What did not fit of a message; it stays in memory until it stands in the database."""

    message: MessageRef
    media: tuple[SeenMedia, ...]
    arrival: Arrival | None


class Backlog:
    """The jobs of one process: writes them, gives them back, and takes them out again."""

    def __init__(
        self,
        store: Store,
        queue: FairQueue,
        outstanding: Outstanding,
        put: Callable[[Item], None],
        *,
        owner: str,
        place: str | None,
        clock: Callable[[], datetime],
        forgotten: Callable[[MessageRef], None] | None = None,
    ) -> None:
        """``put`` takes an item of a job into the queue, whatever is in there.

        ``owner`` must differ between processes that live at the same time; one that begins with ``place`` belongs to a
        process that is gone when this one starts, because no two are in one place at a time.

        ``forgotten`` is told of each message that is let go of, because the database has been away for long and memory
        is bounded.
        """
        self._store = store
        self._queue = queue
        self._outstanding = outstanding
        self._put = put
        self._owner = owner
        self._place = place
        self._clock = clock
        self._forgotten = forgotten
        self._addresses: Addresses | None = None
        self._renewing: set[asyncio.Task[None]] = set()
        self._spilled: list[_Spilled] = []
        self._returned: list[int] = []
        self._loading: set[int] = set()
        self._last_guild = 0
        self._to_write = asyncio.Event()
        self._to_load = asyncio.Event()
        self._alarms = Alarms(self._to_load)
        self._jobs_wait = True
        self._giving_out = False
        self._started = False

    async def start(self, addresses: Addresses | None) -> list[asyncio.Task[None]]:
        """The loops that write and load. What an earlier run left comes first. ``addresses``: as Pipeline.start."""
        self._addresses = addresses
        self._giving_out = self._started = True
        if self._store.dialect == "sqlite" or self._place is not None:
            # Whatever is taken was taken by one that is gone: a process has an SQLite file for itself.
            predecessors = None if self._store.dialect == "sqlite" else self._place
            async with self._store.write() as tx:
                released = await tx.jobs.release(predecessors=predecessors)
            if released:
                log.info("pipeline.taken_over", jobs=released)
        self._to_load.set()
        return [
            asyncio.create_task(self._write(), name="spill"),
            asyncio.create_task(self._load(), name="load"),
        ]

    def close(self) -> None:
        """Give out nothing more: a process that ends finishes what it has."""
        self._giving_out = False

    @property
    def renewing(self) -> list[asyncio.Task[None]]:
        """What runs beside the loops and has to be ended with them."""
        return list(self._renewing)

    async def keep(self, items: Collection[Item]) -> None:
        """Write everything down that only this process knows, with these items, and give back what it took.

        Once the loops have ended.
        """
        self._spilled += [_Spilled(item.message, (item.media,), item.arrival) for item in items if item.job is None]
        while self._spilled or self._returned:
            await self._write_some()
        if not self._started:
            return
        self._started = False
        try:
            async with self._store.write() as tx:
                await tx.jobs.release(owner=self._owner)
        except Exception as error:  # noqa: BLE001 - the leases run out by themselves, and stopping must go on
            log.error("pipeline.not_released", error=type(error).__name__)

    def spill(self, message: MessageRef, media: tuple[SeenMedia, ...], arrival: Arrival | None) -> None:
        """Let media items of a message wait in the database, because there is no room for them."""
        if self.write_first(message, media, arrival):
            metrics.MEDIA_SPILLED.inc(len(media))

    def write_first(self, message: MessageRef, media: tuple[SeenMedia, ...], arrival: Arrival | None) -> bool:
        """Write media items of a message to the database before anything else; False if they were let go of."""
        if len(self._spilled) >= MOST_KEPT:
            metrics.MEDIA_FORGOTTEN.inc(len(media))
            log.error("pipeline.forgotten", message_id=message.message_id, waiting=len(self._spilled))
            if self._forgotten is not None:
                self._forgotten(message)
            return False
        self._spilled.append(_Spilled(message, media, arrival))
        self._outstanding.begin()
        self._to_write.set()
        return True

    def put_back(self, item: Item) -> None:
        """Let an item that was pushed out of memory wait in the database: its message, or the row it came from."""
        if item.job is None:
            self.spill(item.message, (item.media,), item.arrival)
            return
        metrics.MEDIA_SPILLED.inc()
        item.job.returned = True
        item.job.left -= 1
        if not item.job.left:
            self.give_back(item.job)

    def give_back(self, job: Job) -> None:
        """Let a job be given out again, now that none of it is in memory."""
        self._returned.append(job.id)
        self._outstanding.begin()
        self._to_write.set()

    async def postpone(self, item: Item, pause: float) -> None:
        """Let an item wait for so many seconds. Raises DatabaseError."""
        until = datetime.now(UTC) + timedelta(seconds=pause)  # jobs are given out by the clock of the machine
        job_id = None if item.job is None else item.job.id
        async with self._store.write() as tx:
            await tx.jobs.postpone(item.message, item.media, self._clock(), until=until, job_id=job_id)
        metrics.MEDIA_POSTPONED.inc()
        self._alarms.ring_in(pause)

    def let_go(self, job: Job) -> None:
        """Nothing of a job is in memory any more: its row is gone, or is given out again when its lease ends."""
        self._loading.discard(job.id)

    def wake(self) -> None:
        """There are new jobs in the database."""
        self._jobs_wait = True
        self.load_if_room()

    def load_if_room(self) -> None:
        """Take jobs out if any wait and the queue has room."""
        if self._jobs_wait and len(self._queue) < _RELOAD_AT * self._queue.capacity:
            self._to_load.set()

    def load(self) -> None:
        """Look for jobs now."""
        self._to_load.set()

    async def _write(self) -> None:
        while True:
            await self._to_write.wait()
            self._to_write.clear()
            try:
                written = await self._write_some()
            except Exception as error:  # noqa: BLE001 - kept in memory and tried again: nothing may be lost
                metrics.BACKGROUND_ERRORS.labels("spill").inc()
                log.error("pipeline.spill_failed", error=type(error).__name__, waiting=len(self._spilled))
                await asyncio.sleep(PAUSE)
                self._to_write.set()
                continue
            for _ in range(written):
                self._outstanding.end()
            self.wake()

    async def _write_some(self) -> int:
        """Write some of what did not fit as jobs; how many. Until then it stays in memory, also if cancelled."""
        batch, returned = self._spilled[:_SPILLED_TOGETHER], self._returned[:_SPILLED_TOGETHER]
        async with self._store.write() as tx:
            await tx.jobs.put_all([(one.message, one.media) for one in batch], self._clock())
            if returned:
                await tx.jobs.give_back(returned, owner=self._owner)
        del self._spilled[: len(batch)]
        del self._returned[: len(returned)]
        self._loading.difference_update(returned)
        for one in batch:
            if one.arrival is not None:
                one.arrival.part_is_safe()
        if self._spilled or self._returned:
            self._to_write.set()
        return len(batch) + len(returned)

    async def _load(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_ASIDE if self._jobs_wait else _LOOK):
                    await self._to_load.wait()
            self._to_load.clear()
            try:
                await self._load_some()
            except Exception as error:  # noqa: BLE001 - the jobs stay in the database and are read again later
                metrics.BACKGROUND_ERRORS.labels("load").inc()
                log.error("pipeline.load_failed", error=type(error).__name__)
                await asyncio.sleep(PAUSE)
                self._to_load.set()

    async def _load_some(self) -> None:
        """Take jobs out as far as there is room; where one guild's items leave none, those of the others anyway."""
        if not self._giving_out or len(self._renewing) >= _MOST_RENEWED:
            return
        room, avoid = self._queue.capacity - len(self._queue), list[int]()
        if room < _RELOAD_AT * self._queue.capacity:
            if room <= -self._queue.capacity:
                return
            room, avoid = int(_ASIDE * self._queue.capacity), self._queue.crowded(_RELOAD_AT)
        limit = max(1, room // _MEDIA_A_MESSAGE)
        if not avoid:
            self._jobs_wait = False
        async with self._store.write() as tx:
            jobs = await tx.jobs.take(limit, owner=self._owner, after=self._last_guild, avoid=avoid)
        self._jobs_wait |= len(jobs) == limit
        served = [job.guild_id for job in jobs if job.guild_id is not None]
        self._last_guild = max(served, key=lambda one: (one <= self._last_guild, one), default=self._last_guild)
        for waiting in jobs:
            if waiting.id in self._loading:  # its lease ended while it waited in memory
                continue
            self._loading.add(waiting.id)
            if self._addresses and any(self._addresses.expired(item, waiting.created_at) for item in waiting.media):
                task = asyncio.create_task(self._renew(self._addresses, waiting), name="renew")
                self._renewing.add(task)
                task.add_done_callback(self._renewing.discard)
            else:
                self._put_job(waiting, waiting.media)

    def _put_job(self, waiting: WaitingJob, media: Sequence[SeenMedia]) -> None:
        job = Job(waiting.id, len(media), waiting.sweep_id)
        for item in media:
            self._put(Item(waiting.message, item, job))  # a taken job is not given out again soon

    async def _renew(self, addresses: Addresses, job: WaitingJob) -> None:
        """Get the addresses of a job anew before it is scanned, beside the workers: that may take a while."""
        media: Sequence[SeenMedia] | None = None
        try:
            media = await addresses.renewed(job.message, job.media)
        except Exception as error:  # noqa: BLE001 - the job stays in the database and is read again later
            metrics.BACKGROUND_ERRORS.labels("renew").inc()
            log.error("pipeline.renew_failed", error=type(error).__name__, message_id=job.message.message_id)
        if media is None:  # it is given out again when its lease ends
            self._loading.discard(job.id)
        else:
            self._put_job(job, media)
        self.load_if_room()
