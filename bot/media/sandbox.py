"""Decodes untrusted pictures in child processes with limits, and takes back nothing but what can be compared.

What is protected. A file that makes a decoder hang, crash, or ask for too much memory costs its own picture and
nothing else: the process is replaced. Every process has limits on memory, processor time and open files, can write no
file and leave no core dump, and starts without the bot's environment. What it sends back is read by code that can
build queries only: hashes, features, and a small plane of luminance.

What is not. The processes run with the bot's user on the bot's machine. A file that takes over a decoder (by a
memory error in a C library) can read what that user can read and use the network, and, as the processes share their
pipe, see and misreport other pictures. Who wants a wall against that runs the whole bot as a user of its own, in a
container or a service unit with a read-only file system.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace

import structlog
from pebble import ProcessExpired, ProcessPool

from bot.errors import StanguardError
from bot.matching.query import Query, Wanted
from bot.model import Passing, Signal, Unscannable, together
from bot.settings import MediaSettings

from . import pool as pools
from . import wire, worker
from .errors import MediaError
from .signals import packing

log = structlog.get_logger(__name__)

_JAM_SECONDS = 5.0
"""How much later than its own time-out a picture may be answered before the whole pool counts as stuck."""

_MANIFEST_SECONDS = 5.0
"""What a manifest may take at most. It is read in milliseconds, unless somebody made it to be slow."""

_PATIENCE_SECONDS = 10.0
_POOLS = 3
"""Pools on which one picture is tried. A pool breaks through no fault of most pictures that are in work."""

_DEATHS = 2
"""Processes that one picture may cost: the first may have died of something else."""

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
"""Seconds between two tries to start processes on a machine that cannot; each is twice as long as the one before."""


def _unheard() -> None:
    pass


class Sandbox:
    """A pool of decoder processes. Start it before use; any number of pictures may then be handed in at once."""

    def __init__(
        self,
        settings: MediaSettings,
        *,
        workers: int | None = None,
        niceness: int = worker.NICENESS,
        restarted: Callable[[], None] = _unheard,
    ) -> None:
        """``workers``: how many processes, if not as many as the settings say. ``niceness``: as in worker.prepare.

        ``restarted`` is called when all are replaced.
        """
        self.answered_at: float | None = None
        """When a process said something about a file last, by :func:`time.monotonic`; None: never."""
        self._restarted = restarted
        self._workers = settings.workers if workers is None else workers
        self._niceness = niceness
        self._memory = settings.decode_memory
        self._limits = wire.Limits(settings.max_pixels, settings.max_frames, settings.decode_seconds)
        self._free = asyncio.Semaphore(self._workers)
        self._changing = asyncio.Lock()
        self._pool: ProcessPool | None = None
        self._running: set[Future[bytes]] = set()
        self._retired: set[threading.Thread] = set()
        self._blind_since: float | None = None
        self._pause = _FIRST_PAUSE
        self._not_before = 0.0

    @property
    def free(self) -> bool:
        """Whether a picture that is handed in now is begun with at once."""
        return not self._free.locked()

    @property
    def failing_since(self) -> float | None:
        """Since when nothing can be decoded, as a time of :func:`time.monotonic`; None: it can, as far as is known."""
        return self._blind_since

    async def start(self) -> None:
        """Start the processes and wait until one answers. Raises StanguardError if none can be started."""
        try:
            self._pool = await self._launch()
            works = await self._works()
        except BrokenProcessPool:
            works = False
        if not works:
            await self.stop()
            raise StanguardError(
                "The processes that decode pictures do not start; raise media.decode_memory, or this machine's limits"
                " on processes and memory."
            )

    async def stop(self, *, within: float = _PATIENCE_SECONDS) -> None:
        """End all processes. Pictures still in work fail with MediaError.

        ``within``: seconds to wait for their end; one that has not ended by then is left to the operating system.
        """
        async with self._changing:
            pool, self._pool = self._pool, None
        if pool is not None:
            self._retire(pool)
        for future in tuple(self._running):
            future.cancel()
        until = time.monotonic() + within
        for thread in self._retired:
            await asyncio.to_thread(thread.join, max(0.0, until - time.monotonic()))

    async def query(self, data: bytes, wanted: Wanted = Wanted.NOTHING) -> Query:
        """What is wanted of a file, besides its hashes and grids, and what it says about itself.

        Its manifest is read once it is decoded, and whatever becomes of that: nobody can hide a picture behind one.
        Raises MediaError, with the part that could be read, if there is one. Where no process can be started at the
        moment, that is no outcome: the error says ``passing``, and processes are tried again, ever less often.
        """
        async with self._free:
            reply = await self._answer(data, wanted)
            found = reply.query
            if found is not None and reply.manifest:
                found = replace(found, signals=together(found.signals, await self._manifest(data)))
        if reply.reason is not None:
            raise MediaError(reply.reason, partial=found)
        if found is None:
            raise MediaError(Unscannable.INTERNAL)
        return found

    async def answers(self) -> bool:
        """Whether a process answers now."""
        try:
            await self.query(b"")
        except MediaError as error:
            return error.reason is Unscannable.EMPTY
        return False

    async def self_test(self) -> dict[str, Unscannable | None]:
        """Whether a process decodes each format: the format's name to None, or to what is wrong."""
        from . import samples

        outcome: dict[str, Unscannable | None] = {}
        for name, data in (await asyncio.to_thread(samples.pictures)).items():
            try:
                await self.query(data)
                outcome[name] = None
            except MediaError as error:
                outcome[name] = error.reason
        return outcome

    async def _answer(self, data: bytes, wanted: Wanted) -> wire.Reply:
        pools = deaths = 0
        while pools < _POOLS and deaths < _DEATHS:
            pool = self._pool
            if pool is None or (self._blind_since is not None and time.monotonic() < self._not_before):
                raise _blind()
            try:
                reply = await self._ask(pool, data, wanted)
            except BrokenProcessPool:
                pools += 1
                await self._replace(pool)
                continue
            if reply.reason is not Unscannable.WORKER_DIED:
                self._seeing()
                return reply
            deaths += 1
        if not await self._works():  # then it was not the picture
            raise _blind()
        return wire.Reply(None, Unscannable.WORKER_DIED)

    async def _works(self) -> bool:
        """Whether a process answers at all."""
        pool = self._pool
        if pool is None:
            return False
        try:
            works = await self._ask(pool, b"", Wanted.NOTHING) == wire.Reply(None, Unscannable.EMPTY)
        except BrokenProcessPool:
            works = False
        if works:
            self._seeing()
        else:
            self._see_nothing()
        return works

    async def _ask(self, pool: ProcessPool, data: bytes, wanted: Wanted) -> wire.Reply:
        """One picture to one pool. Raises BrokenProcessPool when the pool, not the picture, is to blame."""
        limits = self._limits._replace(wanted=wanted)
        answer = await self._call(pool, worker.run, data, limits, seconds=limits.seconds)
        if isinstance(answer, Unscannable):
            if answer is not Unscannable.WORKER_DIED:
                self.answered_at = time.monotonic()
            return wire.Reply(None, answer)
        try:
            reply = wire.unpack(answer)
        except ValueError as error:
            raise BrokenProcessPool("a process gave an answer that no decoder gives") from error
        self.answered_at = time.monotonic()
        return reply

    async def _manifest(self, data: bytes) -> tuple[Signal, ...]:
        """What the manifest of a file says; nothing if it cannot be read, or not in time."""
        pool = self._pool
        if pool is None:
            return ()
        seconds = min(self._limits.seconds, _MANIFEST_SECONDS)
        try:
            answer = await self._call(pool, worker.provenance, data, seconds, seconds=seconds)
            return () if isinstance(answer, Unscannable) else packing.unpack(answer)
        except (BrokenProcessPool, ValueError):
            with suppress(MediaError):
                await self._replace(pool)
            return ()

    async def _call(
        self, pool: ProcessPool, work: Callable[..., bytes], *args: object, seconds: float
    ) -> object | Unscannable:
        """Whatever a process answers, or why it does not. Raises BrokenProcessPool when the pool is to blame."""
        try:
            future = pool.schedule(work, args=args, timeout=seconds)
        except RuntimeError as error:
            raise BrokenProcessPool from error
        self._running.add(future)
        jam = asyncio.timeout(seconds + _JAM_SECONDS)
        try:
            async with jam:
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if jam.expired():
                raise BrokenProcessPool("no process answers") from None
            return Unscannable.DECODE_TIMEOUT
        except ProcessExpired as error:
            return _cause_of_death(error)
        except ValueError as error:
            raise BrokenProcessPool("a process gave an answer that no decoder gives") from error
        except asyncio.CancelledError:
            if self._pool is None and not _cancelled_from_outside():
                return Unscannable.WORKER_DIED
            raise
        finally:
            self._running.discard(future)

    async def _replace(self, broken: ProcessPool) -> None:
        """Put a new pool in the place of a broken one. Raises MediaError (``passing``) when there cannot be one now."""
        async with self._changing:
            if self._pool is not broken:
                return
            if self._blind_since is not None and time.monotonic() < self._not_before:
                raise _blind()  # somebody else tried a moment ago
            self._retire(broken)
            self._restarted()
            try:
                self._pool = await self._launch()
            except BrokenProcessPool:  # the broken pool stays in place, and a later picture tries again
                self._see_nothing()
                raise _blind() from None

    async def _launch(self) -> ProcessPool:
        """A pool with its processes started. Raises BrokenProcessPool if the machine cannot start them.

        The first time, this takes as long as loading the libraries of a decoder does.
        """
        try:
            pool = pools.create(self._workers, self._memory, self._niceness)
            started = asyncio.get_running_loop().run_in_executor(None, lambda: pool.active)
            try:
                await asyncio.shield(started)
            except asyncio.CancelledError:
                started.add_done_callback(lambda _: self._retire(pool))  # a pool that is being started cannot be ended
                raise
        except (OSError, EOFError) as error:  # EOFError: the server that forks the processes could not, and ended
            raise BrokenProcessPool from error
        return pool

    def _see_nothing(self) -> None:
        now = time.monotonic()
        if self._blind_since is None:
            self._blind_since = now
            log.error("decoders.down")
        self._not_before = now + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _seeing(self) -> None:
        if self._blind_since is not None:
            log.info("decoders.up", seconds=round(time.monotonic() - self._blind_since))
            self._blind_since = None
        self._pause = _FIRST_PAUSE

    def _retire(self, pool: ProcessPool) -> None:
        """End a pool in a thread of its own: one that is stuck must not hold up the program, not even its end."""
        self._retired = {thread for thread in self._retired if thread.is_alive()}
        pool.stop()
        thread = threading.Thread(target=pool.join, name="retired-decoders", daemon=True)
        self._retired.add(thread)
        thread.start()


def _blind() -> MediaError:
    return MediaError(Unscannable.WORKER_DIED, passing=Passing.BLIND)


def _cause_of_death(error: ProcessExpired) -> Unscannable:
    if sys.platform != "win32" and error.exitcode == -signal.SIGXCPU:
        return Unscannable.DECODE_TIMEOUT
    return Unscannable.WORKER_DIED


def _cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
