"""Whether the database works: since when it does not, why, and whether its file is damaged.

Everybody who uses the database retries by themselves. What is said of it to people is said here, once a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Generator
from typing import Literal

import structlog

from bot.errors import DamagedDatabaseError, DatabaseAwayError

log = structlog.get_logger(__name__)

SAY_AGAIN = 60.0
"""Seconds between two lines in the log about a database that does not work."""

CALM = 5.0
"""Seconds without a failure after which a database that did not work counts as working again.

A transaction that turns out to have nothing to write succeeds on a full disk too.
"""

Kind = Literal["read", "write"]


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

    @contextlib.contextmanager
    def watching(self, kind: Kind) -> Generator[None]:
        """Note how one transaction ends."""
        try:
            yield
        except DamagedDatabaseError as error:
            self._fails(kind, str(error))
            self.damage = error
            self.damaged.set()
            raise
        except DatabaseAwayError as error:
            self._fails(kind, str(error))
            raise
        self._works(kind)

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
