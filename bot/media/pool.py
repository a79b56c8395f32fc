"""A pebble process pool for hostile work. Pebble takes a multiprocessing context; this one differs in three things.

* What a decoder process says is unpickled by the bot. A file that took over a decoder could say anything, and a
  pickle can run code. So the bot's end of the pipe knows the four classes of pebble's replies and no other.
* A started process would import the main program first, with all its libraries. A decoder does without.
* The server that decoders are forked from is started without the bot's own environment, which holds the token.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
from collections.abc import Callable, Generator
from contextlib import contextmanager
from multiprocessing import spawn
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import RLock
from typing import Any, cast

from pebble import ProcessPool
from pebble.common.types import Result, ResultStatus
from pebble.pool.process import WORKERS_NAME, Acknowledgement, TaskResult

from . import wire, worker

RECYCLE_AFTER = 1000
"""Pictures after which a process is replaced, so that a leak in a decoder stays small."""

_PRELOADED = ["bot.media.preload"]
_OWN_VARIABLES = "STANGUARD_"
_SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_LARGEST_MESSAGE = wire.LARGEST_REPLY + 1024


def create(workers: int, memory: int, niceness: int = worker.NICENESS) -> ProcessPool:
    """A pool of decoder processes, none of them started yet. ``memory``, ``niceness``: as in worker.prepare."""
    return ProcessPool(
        max_workers=workers,
        max_tasks=RECYCLE_AFTER,
        initializer=worker.prepare,
        initargs=(memory, niceness),
        context=DecoderContext(),
    )


def inherited() -> dict[str, str]:
    """The environment without the bot's own variables, for a process that must not see the token.

    As where they are read, it does not matter whether they are written in capitals.
    """
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(_OWN_VARIABLES)}


class DecoderContext:
    """The part of a multiprocessing context that pebble uses: processes forked from a small server, or spawned."""

    def __init__(self) -> None:
        methods = multiprocessing.get_all_start_methods()
        self._base: BaseContext = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        _leave_the_main_program_out()
        if self.get_start_method() == "forkserver":
            _start_server()

    def get_start_method(self) -> str:
        """The name of the start method."""
        return self._base.get_start_method()

    def RLock(self) -> RLock:  # noqa: N802 - the context protocol's name
        """A lock that processes share."""
        return self._base.RLock()

    def Pipe(self, duplex: bool = True) -> tuple[Any, Any]:  # noqa: N802 - the context protocol's name
        """A reading and a writing end. The reading end is strict in this process and an ordinary one in others."""
        reader, writer = self._base.Pipe(duplex)
        return StrictReader(reader), writer

    def Process(  # noqa: N802 - the context protocol's name
        self, *, target: Callable[..., object], name: str, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> BaseProcess:
        """A process, not started yet."""
        process = cast("type[BaseProcess]", getattr(self._base, "Process"))  # noqa: B009 - only concrete contexts declare it
        return process(target=target, name=name, args=args, kwargs=kwargs)


class StrictReader:
    """A connection's reading end that accepts pebble's own messages and no other."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection = connection

    def __reduce__(self) -> tuple[Any, ...]:
        return _ordinary, (self._connection,)

    def fileno(self) -> int:
        """The file descriptor, for poll."""
        return self._connection.fileno()

    def poll(self, timeout: float | None = 0.0) -> bool:
        """Whether something can be read within ``timeout`` seconds."""
        return self._connection.poll(timeout)

    def close(self) -> None:
        """Close the reading end."""
        self._connection.close()

    def recv(self) -> object:
        """The next message. Raises pickle.PicklingError, for which pebble gives up the pool, if it is not pebble's."""
        message = self._connection.recv_bytes(_LARGEST_MESSAGE)
        try:
            return _Unpickler(io.BytesIO(message)).load()
        except Exception as error:
            raise pickle.PicklingError("a decoder process sent something else than a reply") from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Callable[..., object]:
        if (module_name, global_name) == ("builtins", "getattr"):
            return _status
        for known in (TaskResult, Acknowledgement, Result, ResultStatus):
            if (module_name, global_name) == (known.__module__, known.__qualname__):
                return known
        raise pickle.UnpicklingError("not a class of a reply")


def _status(known: object, name: object) -> ResultStatus:
    """What Python up to 3.11.3 pickles a member of an enumeration as, and nothing else that ``getattr`` could do."""
    if known is not ResultStatus or not isinstance(name, str):
        raise pickle.UnpicklingError("not a status of a reply")
    return ResultStatus[name]


def _ordinary(connection: Connection[Any, Any]) -> Connection[Any, Any]:
    """What a :class:`StrictReader` is in another process."""
    return connection


def _leave_the_main_program_out() -> None:
    """Have decoder processes start without the main program. There is no setting for it."""
    prepare = spawn.get_preparation_data
    if getattr(prepare, "leaves_out_main", False):
        return

    def get_preparation_data(name: str) -> dict[str, Any]:
        data = prepare(name)
        if name == WORKERS_NAME:
            data.pop("init_main_from_name", None)
            data.pop("init_main_from_path", None)
        return data

    get_preparation_data.leaves_out_main = True  # type: ignore[attr-defined]
    spawn.get_preparation_data = get_preparation_data


def _start_server() -> None:
    from multiprocessing import forkserver

    multiprocessing.set_forkserver_preload(_PRELOADED)
    with _environment():
        forkserver.ensure_running()


@contextmanager
def _environment() -> Generator[None]:
    """The environment without the bot's own variables, for the moment in which the server starts and copies it."""
    before = dict(os.environ)
    for name in before.keys() - inherited().keys():
        del os.environ[name]
    os.environ.update(_SINGLE_THREADED)
    try:
        yield
    finally:
        for name in _SINGLE_THREADED.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
