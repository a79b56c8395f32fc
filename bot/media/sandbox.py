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
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress

from pebble import ProcessExpired, ProcessPool

from bot.errors import StanguardError
from bot.matching.query import Query, Wanted
from bot.model import Unscannable
from bot.settings import MediaSettings

from . import pool as pools
from . import wire, worker
from .errors import MediaError

_JAM_SECONDS = 5.0
"""How much later than its own time-out a picture may be answered before the whole pool counts as stuck."""

_PATIENCE_SECONDS = 10.0
_ATTEMPTS = 3
"""Pools on which one picture is tried. A pool breaks through no fault of most pictures that are in work."""


class Sandbox:
    """A pool of decoder processes. Start it before use; any number of pictures may then be handed in at once."""

    def __init__(self, settings: MediaSettings) -> None:
        self._workers = settings.workers
        self._memory = settings.decode_memory
        self._limits = wire.Limits(settings.max_pixels, settings.max_frames, settings.decode_seconds)
        self._free = asyncio.Semaphore(settings.workers)
        self._changing = asyncio.Lock()
        self._pool: ProcessPool | None = None
        self._running: set[Future[bytes]] = set()
        self._retired: set[threading.Thread] = set()

    async def start(self) -> None:
        """Start the processes and wait until one answers. Raises StanguardError if none can be started."""
        try:
            self._pool = await _launch(self._workers, self._memory)
            reply = await self._answer(b"", Wanted.NOTHING)
        except BrokenProcessPool:
            reply = None
        if reply != wire.Reply(None, Unscannable.EMPTY):
            await self.stop()
            raise StanguardError(
                "The processes that decode pictures do not start; raise media.decode_memory, or this machine's limits"
                " on processes and memory."
            )

    async def stop(self) -> None:
        """End all processes. Pictures still in work fail with MediaError."""
        async with self._changing:
            pool, self._pool = self._pool, None
        if pool is not None:
            self._retire(pool)
        for future in tuple(self._running):
            future.cancel()
        for thread in self._retired:
            await asyncio.to_thread(thread.join, _PATIENCE_SECONDS)

    async def query(self, data: bytes, wanted: Wanted = Wanted.NOTHING) -> Query:
        """What is wanted of a file, besides its hashes and grids.

        Raises MediaError, with the part that could be read, if there is one.
        """
        async with self._free:
            reply = await self._answer(data, wanted)
        if reply.reason is not None:
            raise MediaError(reply.reason, partial=reply.query)
        if reply.query is None:
            raise MediaError(Unscannable.INTERNAL)
        return reply.query

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
        for _ in range(_ATTEMPTS):
            pool = self._pool
            if pool is None:
                break
            try:
                return await self._ask(pool, data, wanted)
            except BrokenProcessPool:
                await self._replace(pool)
        return wire.Reply(None, Unscannable.WORKER_DIED)

    async def _ask(self, pool: ProcessPool, data: bytes, wanted: Wanted) -> wire.Reply:
        """One picture to one pool. Raises BrokenProcessPool when the pool, not the picture, is to blame."""
        try:
            limits = self._limits._replace(wanted=wanted)
            future = pool.schedule(worker.run, args=(data, limits), timeout=self._limits.seconds)
        except RuntimeError as error:
            raise BrokenProcessPool from error
        self._running.add(future)
        jam = asyncio.timeout(self._limits.seconds + _JAM_SECONDS)
        try:
            async with jam:
                return wire.unpack(await asyncio.wrap_future(future))
        except TimeoutError:
            if jam.expired():
                raise BrokenProcessPool("no process answers") from None
            return wire.Reply(None, Unscannable.DECODE_TIMEOUT)
        except ProcessExpired as error:
            return wire.Reply(None, _cause_of_death(error))
        except ValueError as error:
            raise BrokenProcessPool("a process gave an answer that no decoder gives") from error
        except asyncio.CancelledError:
            if self._pool is None and not _cancelled_from_outside():
                return wire.Reply(None, Unscannable.WORKER_DIED)
            raise
        finally:
            self._running.discard(future)

    async def _replace(self, broken: ProcessPool) -> None:
        async with self._changing:
            if self._pool is not broken:
                return
            self._retire(broken)
            # If even that fails, the broken pool stays in place, and the next picture tries again.
            with suppress(BrokenProcessPool):
                self._pool = await _launch(self._workers, self._memory)

    def _retire(self, pool: ProcessPool) -> None:
        """End a pool in a thread of its own: one that is stuck must not hold up the program, not even its end."""
        self._retired = {thread for thread in self._retired if thread.is_alive()}
        pool.stop()
        thread = threading.Thread(target=pool.join, name="retired-decoders", daemon=True)
        self._retired.add(thread)
        thread.start()


async def _launch(workers: int, memory: int) -> ProcessPool:
    """A pool with its processes started. Raises BrokenProcessPool if the machine cannot start them.

    The first time, this takes as long as loading the libraries of a decoder does.
    """
    try:
        pool = pools.create(workers, memory)
        await asyncio.to_thread(lambda: pool.active)
    except OSError as error:
        raise BrokenProcessPool from error
    return pool


def _cause_of_death(error: ProcessExpired) -> Unscannable:
    if sys.platform != "win32" and error.exitcode == -signal.SIGXCPU:
        return Unscannable.DECODE_TIMEOUT
    return Unscannable.WORKER_DIED


def _cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
