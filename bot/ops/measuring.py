"""Numbers that have to be asked for: what waits in the database, and how late the event loop is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from bot.errors import DatabaseError
from bot.model import CallKind
from bot.store.backlog import Waiting
from bot.store.engine import Store

from . import metrics
from .health_state import WELL, State, failing

FRESH = 5.0
"""Seconds for which what was counted in the database is good enough."""

PATIENCE = 2.0
"""Seconds that the database has to count."""

LATE = 300.0
"""Seconds after which whatever waits is late."""

LAG_SECONDS = 0.1
"""How often the event loop is measured."""

OUTBOX_LATE = "Calls to Discord have been due for more than five minutes."
QUEUE_LATE = "Pictures have waited in memory for more than five minutes."

_UNKNOWN = float("nan")


class Measuring:
    """Keeps the gauges about what waits, when somebody wants to read them.

    ``queue_age``: for how many seconds the oldest media item in memory has waited.
    """

    def __init__(self, store: Store, queue_age: Callable[[], float], *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._queue_age = queue_age
        self._now = now
        self._counting = asyncio.Lock()
        self._counted = float("-inf")
        self._outbox_age = 0.0

    async def refresh(self) -> None:
        """Bring the gauges up to date. What the database does not say in time is not a number."""
        metrics.QUEUE_AGE.set(self._queue_age())
        async with self._counting:
            if time.monotonic() - self._counted < FRESH:
                return
            now = self._now()
            try:
                async with asyncio.timeout(PATIENCE), self._store.read() as tx:
                    waiting = await tx.backlog.waiting(now)
            except (DatabaseError, TimeoutError):
                waiting = None
            self._counted = time.monotonic()
            self._set(waiting, now)

    def _set(self, waiting: Waiting | None, now: datetime) -> None:
        for kind in CallKind:
            metrics.OUTBOX_PENDING.labels(kind).set(_UNKNOWN if waiting is None else waiting.calls.get(kind, 0))
        delete, other = (None, None) if waiting is None else (waiting.oldest_delete, waiting.oldest_other)
        for urgency, since in (("delete", delete), ("other", other)):
            metrics.OUTBOX_AGE.labels(urgency).set(_UNKNOWN if waiting is None else _age(since, now))
        metrics.JOBS_WAITING.set(_UNKNOWN if waiting is None else waiting.jobs)
        metrics.JOBS_AGE.set(_UNKNOWN if waiting is None else _age(waiting.oldest_job, now))
        metrics.SWEEPS_WAITING.set(_UNKNOWN if waiting is None else waiting.sweeps)
        self._outbox_age = max(_age(delete, now), _age(other, now))

    async def outbox(self) -> State:
        """Whether calls are carried out in time; nothing is said while the database does not answer."""
        await self.refresh()
        return failing(OUTBOX_LATE) if self._outbox_age > LATE else WELL

    def queue(self) -> State:
        """Whether pictures are scanned in time."""
        return failing(QUEUE_LATE) if self._queue_age() > LATE else WELL


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


async def measure_lag() -> None:
    """Observe for ever how late the event loop is."""
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(LAG_SECONDS)
        metrics.LOOP_LAG_SECONDS.observe(max(0.0, time.perf_counter() - begun - LAG_SECONDS))
