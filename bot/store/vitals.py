"""Whether the database works: since when it does not, why, and whether its file is damaged.

Everybody who uses the database retries by themselves. What is said of it to people is said here, once a minute; who
judges and counts writes, as the health does, listens here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Generator
from typing import Literal, Protocol

import structlog

from bot.errors import DamagedDatabaseError, DatabaseAwayError, DatabaseError

log = structlog.get_logger(__name__)

SAY_AGAIN = 60.0
"""Seconds between two lines in the log about a database that does not work."""

CALM = 5.0
"""Seconds without a failure after which a database that did not work counts as working again.

A transaction that turns out to have nothing to write succeeds on a full disk too.
"""

Kind = Literal["read", "write"]


class Wrote(Protocol):
    """Hears of every transaction that writes: how many seconds it took, and whether the database took it.

    The seconds begin with the wait for its turn. What a transaction raises by itself is no word about the database, and
    nobody hears of it.
    """

    def __call__(self, seconds: float, *, ok: bool) -> None: ...  # noqa: D102


class Vitals:
    """The state of one database, as its transactions find it.

    ``damaged`` is set when the file turns out to be damaged; ``damage`` is then the error with its sentence.
    ``speaks``: whether the log is told. Whoever opens a database is told by the error alone.
    """

    def __init__(self) -> None:
        self.damaged = asyncio.Event()
        self.damage: DamagedDatabaseError | None = None
        self._failing: dict[Kind, float] = {}
        self._last: dict[Kind, float] = {}
        self.speaks = False
        self._listeners: list[Wrote] = []
        self._sentence = ""
        self._said = -SAY_AGAIN

    @property
    def failing_since(self) -> float | None:
        """Since when it cannot be read or not be written, a time of :func:`time.monotonic`; None: it works."""
        return min(self._failing.values(), default=None)

    @property
    def why(self) -> str:
        """What is wrong and what to do, in one sentence; empty while it works."""
        return self._sentence if self._failing else ""

    def on_write(self, listener: Wrote) -> None:
        """Have somebody hear of every transaction that writes, from now on."""
        self._listeners.append(listener)

    @contextlib.contextmanager
    def watching(self, kind: Kind) -> Generator[None]:
        """Note how one transaction ends."""
        begun = time.perf_counter()
        try:
            yield
        except DatabaseError as error:
            if isinstance(error, DamagedDatabaseError | DatabaseAwayError):
                self._fails(kind, str(error))
            if isinstance(error, DamagedDatabaseError):
                self.damage = error
                self.damaged.set()
            self._tell(kind, begun, ok=False)
            raise
        self._works(kind)
        self._tell(kind, begun, ok=True)

    def _tell(self, kind: Kind, begun: float, *, ok: bool) -> None:
        if kind == "write":
            seconds = time.perf_counter() - begun
            for listener in self._listeners:
                listener(seconds, ok=ok)

    def _fails(self, kind: Kind, sentence: str) -> None:
        now = time.monotonic()
        since = self._failing.setdefault(kind, now)
        self._last[kind] = now
        self._sentence = sentence
        if self.speaks and now - self._said >= SAY_AGAIN:
            self._said = now
            log.error("database.failing", reason=sentence, seconds=round(now - since))

    def _works(self, kind: Kind) -> None:
        if kind not in self._failing or time.monotonic() - self._last[kind] < CALM:
            return
        since = self._failing.pop(kind)
        if not self._failing:
            log.info("database.works", seconds=round(time.monotonic() - since))
