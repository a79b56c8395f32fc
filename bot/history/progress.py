"""How far the reading of history is: what people are shown of it, and the messages that show it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Protocol

from bot.model import Sweep, SweepState

from .times import made_at

PACE_WINDOW = timedelta(minutes=5)
PACE_LEAST = timedelta(seconds=20)
PACE_LEAST_SHARE = 0.01
"""An estimate needs a look so long ago, since when so much was read; what is older than the window counts no more."""

YOUNG = timedelta(minutes=55)
OLD_PAUSE = timedelta(seconds=60)
"""Discord takes fewer changes of messages that are older than an hour, so these are changed once in such a time."""

AT_ONCE = 5
"""Messages that are changed at the same time: deletes need room beside them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is. ``percent`` is of what the bot can read, in time, and 100 only when all of it is read.

    ``channels`` can be read, of which ``read`` are; ``unreadable`` cannot. ``since``: what was posted from then on.
    ``channel_id``: the only channel of a sweep of one. ``left``: an estimate for the reading, rounded; None without
    enough to go by.
    """

    sweep: Sweep
    channels: int
    read: int
    unreadable: int
    percent: int
    since: datetime | None = None
    channel_id: int | None = None
    left: timedelta | None = None

    @property
    def over(self) -> bool:
        """Whether nothing changes any more."""
        return self.sweep.finished_at is not None

    @property
    def all_read(self) -> bool:
        """Whether nothing is left to be read, so that the sweep only waits for pictures to be scanned."""
        return self.sweep.state.over or self.read >= self.channels

    @property
    def unscanned(self) -> int:
        """Pictures that were found and are not scanned yet."""
        return max(0, self.sweep.counts.media - self.sweep.counts.scanned)


class Pace:
    """Estimates from some looks how long the rest of a sweep takes. Begin a new one after a pause."""

    def __init__(self) -> None:
        self._looks: deque[tuple[datetime, float]] = deque()

    def look(self, at: datetime, share: float) -> None:
        """Note how much was read at a time."""
        self._looks.append((at, share))
        while at - self._looks[0][0] > PACE_WINDOW:
            self._looks.popleft()

    @property
    def left(self) -> timedelta | None:
        """The time that the rest takes at this pace; None without enough looks."""
        if not self._looks:
            return None
        (first, before), (last, now) = self._looks[0], self._looks[-1]
        if last - first < PACE_LEAST or now - before < PACE_LEAST_SHARE:
            return None
        return (last - first) * ((1.0 - now) / (now - before))


def rounded(left: timedelta) -> timedelta:
    """An estimate as exact as it can be meant: in minutes, in 5 minutes from half an hour on, in hours from two on."""
    minutes = left / timedelta(minutes=1)
    step = 1 if minutes < 30 else 5 if minutes < 120 else 60
    return timedelta(minutes=max(1, round(minutes / step) * step))


class Shown(Enum):
    """What became of an attempt to change the message that shows a sweep."""

    YES = auto()
    GONE = auto()  # no message there any more, or none that the bot may change
    LATER = auto()  # Discord did not answer, or asks to wait


class Sweeps(Protocol):
    """What the board asks of the service."""

    async def shown(self) -> Sequence[Sweep]:
        """The sweeps that a message shows."""
        ...

    async def look(self, sweep: Sweep) -> Progress:
        """How far one is."""
        ...

    async def hide(self, sweep_id: int) -> None:
        """Note that no message shows one any more."""
        ...


class ProgressBoard:
    """Keeps the messages true that show how far sweeps are; which these are stands in the database."""

    def __init__(self, sweeps: Sweeps, *, clock: Callable[[], datetime]) -> None:
        self._sweeps = sweeps
        self._clock = clock
        self._change: Callable[[Progress], Awaitable[Shown]] | None = None
        self._serves: Callable[[int], bool] = lambda _: False
        self._few = asyncio.Semaphore(AT_ONCE)
        self._last: dict[int, tuple[Progress, datetime]] = {}

    def connect(self, change: Callable[[Progress], Awaitable[Shown]], serves: Callable[[int], bool]) -> None:
        """Have messages changed by ``change`` from now on, in the guilds that this process ``serves``."""
        self._change, self._serves = change, serves
        self._last.clear()

    def disconnect(self) -> None:
        """Have none changed any more."""
        self._change = None

    async def show_progress(self) -> None:
        """Change every message whose sweep moved since; to be called every few seconds, by one task."""
        change = self._change
        if change is None:
            return
        sweeps = [sweep for sweep in await self._sweeps.shown() if self._serves(sweep.guild_id)]
        for gone in self._last.keys() - {sweep.id for sweep in sweeps}:
            del self._last[gone]
        await asyncio.gather(*(self._show(sweep, change) for sweep in sweeps))

    async def _show(self, sweep: Sweep, change: Callable[[Progress], Awaitable[Shown]]) -> None:
        progress = await self._sweeps.look(sweep)
        if not self._due(progress):
            return
        async with self._few:
            outcome = await change(progress)
        if outcome is Shown.GONE or (outcome is Shown.YES and progress.over):
            await self._sweeps.hide(sweep.id)
            self._last.pop(sweep.id, None)
        elif outcome is Shown.YES:
            self._last[sweep.id] = (progress, self._clock())

    def _due(self, progress: Progress) -> bool:
        last = self._last.get(progress.sweep.id)
        if last is None or progress.over:
            return True
        before, changed_at = last
        if progress == before:
            return False
        message_id, now = progress.sweep.message_id, self._clock()
        old = message_id is not None and now - made_at(message_id) > YOUNG
        return progress.sweep.state is not before.sweep.state or not old or now - changed_at >= OLD_PAUSE


def percent_of(share: float, *, all_read: bool) -> int:
    """A share in whole percent, 100 only for all of it."""
    return 100 if all_read else min(99, int(share * 100))


def paceable(sweep: Sweep) -> bool:
    """Whether a sweep is being read now, so that its pace says something."""
    return sweep.state is SweepState.RUNNING and sweep.finished_at is None
