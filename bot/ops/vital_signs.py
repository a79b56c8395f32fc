"""What tells that the database, the decoder, the media hosts and the messages are as they should be.

Each of these watches what happens anyway, and asks only after a silence. They answer as :mod:`bot.ops.health_state`
wants it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, cast

from bot.errors import DatabaseError, StanguardError
from bot.store.engine import Store

from . import metrics
from .health_state import WELL, State, failing

Monotonic = Callable[[], float]

WINDOW = 30.0
"""Seconds of writes that are judged together."""

SEVERAL_FAILURES = 3
"""Failed writes within the window that are more than an accident, if they are at least half of all."""

SILENCE = 30.0
"""Seconds after which something that was not needed is asked whether it still works."""

ANSWER_SECONDS = 2.5
"""How long a decoder may take to answer a question; less than a probe has."""

DATABASE_FAILS = "The database does not take what is written."
DATABASE_SILENT = "The database does not answer."
DECODER_DEAD = "The processes that decode pictures do not work."
MEDIA_FAILS = "Discord's media hosts do not deliver most pictures."
CONTENT_MISSING = "Messages arrive without their content; the Message Content Intent may have been taken away."


class DatabaseSigns:
    """Whether the database takes writes, by the writes of this process, and answers, by asking after a silence."""

    def __init__(self, store: Store, *, clock: Monotonic = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._writes: deque[tuple[float, bool]] = deque(maxlen=1000)
        store.vitals.on_write(self.wrote)

    def wrote(self, seconds: float, *, ok: bool) -> None:
        """Note a transaction that wrote, and how long it took with the wait for its turn."""
        self._writes.append((self._clock(), ok))
        if ok:
            metrics.DATABASE_WRITE_SECONDS.observe(seconds)
        else:
            metrics.DATABASE_ERRORS.inc()

    async def look(self) -> State:
        """The state of the database; asks it something if it was not written to lately."""
        since = self._clock() - WINDOW
        recent = [ok for at, ok in self._writes if at >= since]
        failed = recent.count(False)
        if failed and (failed == len(recent) or (failed >= SEVERAL_FAILURES and failed * 2 >= len(recent))):
            return failing(DATABASE_FAILS)
        if recent:
            return WELL
        try:
            async with self._store.read() as tx:
                await tx.backlog.answers()
        except DatabaseError:
            return failing(DATABASE_SILENT)
        return WELL


class DecoderSigns:
    """Whether pictures are decoded: by the last answer, and by asking after a silence.

    ``answered``: when a decoder answered last, by ``clock``; None: never. ``ask``: whether one answers now.
    ``running``: whether decoders are meant to be there; while they are not, nobody asks them.
    """

    def __init__(
        self,
        answered: Callable[[], float | None],
        ask: Callable[[], Coroutine[None, None, bool]],
        *,
        running: Callable[[], bool] = lambda: True,
        clock: Monotonic = time.monotonic,
    ) -> None:
        self._answered = answered
        self._ask = ask
        self._running = running
        self._clock = clock
        self._asking: asyncio.Task[bool] | None = None

    async def look(self) -> State:
        """The state of the decoder."""
        at = self._answered()
        if not self._running() or (at is not None and self._clock() - at < SILENCE):
            return WELL
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="decoder-asked")
        # Never cancelled: taking a question back may cost the process that is just about to answer it.
        await asyncio.wait({self._asking}, timeout=ANSWER_SECONDS)
        return WELL if self._asking.done() and self._asking.result() else failing(DECODER_DEAD)


class Fetches(Protocol):
    """Delivers the bytes behind an address."""

    async def fetch(self, url: str) -> bytes: ...  # noqa: D102


class FetchSigns:
    """A fetcher that notes how another one fares, to tell when Discord's media hosts fail for most pictures.

    Only what lies on Discord's own storage counts: an address behind the media proxy leads to a host of a member's
    choice, who could have it fail. Once failing, it takes fetches that succeed to be well again.
    """

    COUNTED = 20
    """Fetches that are looked at."""
    ENOUGH = 10
    """Fetches within :attr:`PERIOD` without which nothing is said."""
    PERIOD = 180.0
    FAILED = 0.8
    """The share of failures that means that the hosts fail."""
    AGAIN = 3
    """Successes among the last five after which they deliver again."""

    _HOST_FAILED = frozenset({"fetch_failed", "fetch_timeout"})
    _ELSEWHERE = ("://media.", "://images-ext-", "/external/")

    def __init__(self, fetcher: Fetches, *, clock: Monotonic = time.monotonic) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._fetches: deque[tuple[float, bool]] = deque(maxlen=self.COUNTED)
        self._failing = False

    async def fetch(self, url: str) -> bytes:
        """Like the fetcher's own."""
        try:
            data = await self._fetcher.fetch(url)
        except StanguardError as error:
            self._note(url, ok=getattr(error, "reason", None) not in self._HOST_FAILED)
            raise
        self._note(url, ok=True)
        return data

    def _note(self, url: str, *, ok: bool) -> None:
        if any(part in url for part in self._ELSEWHERE):
            return
        now = self._clock()
        self._fetches.append((now, ok))
        outcomes = [ok for at, ok in self._fetches if at >= now - self.PERIOD]
        if self._failing:
            self._failing = sum(ok for _, ok in list(self._fetches)[-5:]) < self.AGAIN
        elif len(outcomes) >= self.ENOUGH:
            self._failing = outcomes.count(False) >= self.FAILED * len(outcomes)

    def look(self) -> State:
        """The state of the media hosts."""
        return failing(MEDIA_FAILS) if self._failing else WELL


class ContentSigns:
    """Whether messages arrive with what is in them. A member cannot post nothing, so many empty ones in a row tell.

    Without the privileged intent Discord sends messages with text, files, embeds and components taken out, except the
    bot's own and those that mention it.
    """

    IN_A_ROW = 20
    _PARTS = (
        "content",
        "attachments",
        "embeds",
        "components",
        "sticker_items",
        "stickers",
        "poll",
        "message_snapshots",
    )
    _ORDINARY = frozenset({0, 19})
    """Types of messages that members write: a message, and a reply."""

    def __init__(self) -> None:
        self._newest = 0
        self._empty = 0

    def message(self, data: Mapping[str, Any]) -> None:
        """Look at the raw JSON of a message; edits and repeated events are passed over."""
        number, author = str(data.get("id")), data.get("author")
        if not number.isdecimal() or int(number) <= self._newest:
            return
        self._newest = int(number)
        by_member = isinstance(author, Mapping) and not cast("Mapping[str, Any]", author).get("bot")
        if not by_member or data.get("type", 0) not in self._ORDINARY or data.get("mentions") or "content" not in data:
            return
        self._empty = 0 if any(data.get(part) for part in self._PARTS) else self._empty + 1

    def look(self) -> State:
        """The state of what arrives."""
        return failing(CONTENT_MISSING) if self._empty >= self.IN_A_ROW else WELL
