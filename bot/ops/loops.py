"""Jobs that are done again and again for as long as the process lives."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from bot.store.chores import INSTALLATION
from bot.store.engine import Store

from . import metrics

log = structlog.get_logger(__name__)

Run = Callable[[], Awaitable[object]]


class Loops:
    """The background of one process. A job that fails is counted, and tried again when its time comes."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._went_well: dict[str, float] = {}

    def add(self, name: str, run: Run, seconds: float, wanted: asyncio.Event | None = None) -> None:
        """Do a job now, every so many seconds, and at once when it is wanted."""
        repeated = self._repeat(name, run, seconds, wanted or asyncio.Event())
        self._tasks.append(asyncio.create_task(repeated, name=name))

    def ended(self) -> list[str]:
        """The jobs that are not done any more though they must be."""
        return [task.get_name() for task in self._tasks if task.done()]

    def went_well(self, name: str) -> float | None:
        """When a job was done without failing last, by :func:`time.monotonic`; None: never yet."""
        return self._went_well.get(name)

    async def stop(self) -> None:
        """End them all, wherever they are."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def once(self, name: str, run: Run, seconds: float) -> Run:
        """A job of the whole installation: done if no process is at it, and none did it for about ``seconds``.

        A process that is alone on its database does it whenever it is asked to. One that died halfway did not do it.
        """

        async def one_of_all() -> None:
            async with self._store.alone(name) as mine:
                if not mine:
                    return
                if self._store.dialect == "sqlite":
                    await run()
                    return
                async with self._store.read() as tx:
                    last = await tx.chores.last(INSTALLATION, name)
                now = self._clock()
                if last is not None and now - last < timedelta(seconds=0.9 * seconds):
                    return
                await run()
                async with self._store.write() as tx:
                    await tx.chores.take(INSTALLATION, name, now=now, not_since=now)

        return one_of_all

    def alone(self, name: str, run: Run) -> Run:
        """A job that one process at a time does; another one leaves it out meanwhile."""

        async def if_free() -> None:
            async with self._store.alone(name) as mine:
                if mine:
                    await run()

        return if_free

    async def _repeat(self, name: str, run: Run, seconds: float, wanted: asyncio.Event) -> None:
        while True:
            wanted.clear()
            try:
                await run()
                self._went_well[name] = time.monotonic()
            except Exception as error:  # noqa: BLE001 - a background job is tried again, and counted
                metrics.BACKGROUND_ERRORS.labels(name).inc()
                log.error("loops.job_failed", job=name, error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await wanted.wait()
