"""The wish to end (SIGINT, SIGTERM) from the first moment of ``stanguard run`` on, and the latest moment of the end.

The bot sees to these signals itself once it is on its way to Discord. Before that there are seconds, at the first start
minutes, of imports, migration and compiling.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Generator
from types import FrameType
from typing import Literal

from .output import complain

LONGEST_END = 9.75
"""Seconds from the wish to end to the end, whatever happens: supervisors kill after ten."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Deadline:
    """Ends the process for certain: a thread that waits for a locked database or a stuck disk would hold it up.

    Whatever is under way then is taken up at the next start, as after any other sudden end.
    """

    def __init__(self) -> None:
        # Its put() is the only way to wake a thread that a signal handler may use, whatever it interrupted.
        self._said = queue.SimpleQueue[Literal["begins", "closed", "kept"]]()
        threading.Thread(target=self._watch, name="deadline", daemon=True).start()

    def begins(self) -> None:
        """The end is wanted: it comes in :data:`LONGEST_END` seconds, if not by itself. The first time counts."""
        self._said.put("begins")

    def closed(self) -> None:
        """Only threads are left that nobody can stop, such as one that compiles; they may be cut off."""
        self._said.put("closed")

    def kept(self) -> None:
        """All has ended, the threads included."""
        self._said.put("kept")

    def _watch(self) -> None:
        said, closed = self._said.get(), False
        until = time.monotonic() + LONGEST_END
        with contextlib.suppress(queue.Empty):
            while said != "kept":
                closed |= said == "closed"
                said = self._said.get(timeout=max(0.0, until - time.monotonic()))
            return
        if closed:
            os._exit(0)
        complain("It did not end in time and was stopped; what was under way is taken up at the next start.")
        os._exit(2)


class EarlyEnd:
    """Hears the first SIGINT or SIGTERM until the bot hears them itself; a second one ends the process the hard way."""

    def __init__(self, began: Callable[[], None]) -> None:
        """``began`` is called in the handler of the signal: it must not take a lock."""
        self.wanted = False
        self._began = began
        self._cancel: Callable[[], object] | None = None

    @contextlib.contextmanager
    def heard(self) -> Generator[None]:
        """Hear the signals in this block, as far as nobody else takes them over in it."""
        before = {}
        with contextlib.suppress(ValueError):  # not in the main thread
            before = {number: signal.signal(number, self._caught) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                if signal.getsignal(number) == self._caught:
                    signal.signal(number, handler)

    @contextlib.contextmanager
    def cancels_this(self) -> Generator[None]:
        """Cancel the task that runs this block when the signal comes, or at once if it came before."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None, "only a task can be cancelled"
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        if self.wanted:
            self._cancel()
        try:
            yield
        finally:
            self._cancel = None

    def _caught(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.wanted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._began()
        if self._cancel is not None:
            self._cancel()
