"""The queue in memory: bounded, and fair between guilds, so that a flood in one server does not hold up another."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.model import MessageRef, SeenMedia, Verdict

_SWEPT_TURN = 4
"""One in so many turns of a guild is for what a sweep of its history found, if anything else waits as well."""


@dataclass(slots=True)
class Job:
    """A message that waited in the database; its row goes when all of its items are done.

    ``left``: items that are not. ``sweep_id``: the sweep that found it, if one did, which counts how its items ended.
    ``returned``: an item of it was pushed out of memory, so that the row stays and is given out again.
    """

    id: int
    left: int
    sweep_id: int | None = None
    ended: list[Verdict] = field(default_factory=list[Verdict])
    returned: bool = False


@dataclass(slots=True)
class Arrival:
    """A message as it came; it is accounted for when nothing of it is left that only this process knows.

    ``accounted`` is told so. ``left``: parts that only this process knows.
    """

    message: MessageRef
    accounted: Callable[[MessageRef], None] | None = None
    left: int = 0

    def part_is_safe(self) -> None:
        """A part of it is recorded, or stands in the database."""
        self.left -= 1
        if not self.left and self.accounted is not None:
            self.accounted(self.message)


@dataclass(slots=True)
class Item:
    """A media item on its way; ``arrived`` is a time of :func:`time.perf_counter`."""

    message: MessageRef
    media: SeenMedia
    job: Job | None = None
    arrival: Arrival | None = None
    arrived: float = field(default_factory=time.perf_counter)


@dataclass(slots=True)
class _Line:
    """What waits of one guild: seen as it was posted, or found by a sweep."""

    live: deque[Item] = field(default_factory=deque[Item])
    swept: deque[Item] = field(default_factory=deque[Item])
    turn: int = 0

    def __len__(self) -> int:
        return len(self.live) + len(self.swept)

    def put(self, item: Item) -> None:
        (self.live if item.job is None or item.job.sweep_id is None else self.swept).append(item)

    def first(self) -> Item:
        self.turn += 1
        sweeps_turn = self.swept and (not self.live or self.turn % _SWEPT_TURN == 0)
        return (self.swept if sweeps_turn else self.live).popleft()

    def oldest(self) -> float:
        return min(items[0].arrived for items in (self.live, self.swept) if items)

    def newest(self) -> Item:
        return (self.swept or self.live).pop()


class FairQueue:
    """A bounded queue that serves the guilds in turn, and the live items of one guild in order.

    ``at_once``: items of one guild that may be under way at the same time, from :meth:`get` to :meth:`done`; None: as
    many as are taken.
    """

    def __init__(self, capacity: int, at_once: int | None = None) -> None:
        self.capacity = capacity
        self._at_once = at_once
        self._lines: OrderedDict[int, _Line] = OrderedDict()
        self._under_way: Counter[int] = Counter()
        self._length = 0
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return self._length

    def oldest(self) -> float | None:
        """When the item that waits longest arrived, by :func:`time.perf_counter`; None when nothing waits."""
        return min((line.oldest() for line in self._lines.values()), default=None)

    def put(self, item: Item, *, over: bool = False) -> Item | None:
        """Take an item in; what has no room in a full queue, to be kept elsewhere.

        That is the newest item of the guild that has the most, if it has at least two more than the guild of this one,
        and otherwise this one. ``over``: it may go over the capacity.
        """
        guild_id = item.message.guild_id
        pushed_out: Item | None = None
        if self._length >= self.capacity and not over:
            fullest = max(self._lines, key=lambda one: len(self._lines[one]))
            mine = self._lines.get(guild_id, ())
            if len(self._lines[fullest]) < len(mine) + 2:
                return item
            pushed_out = self._lines[fullest].newest()
            self._length -= 1
        self._lines.setdefault(guild_id, _Line()).put(item)
        self._length += 1
        self._changed.set()
        return pushed_out

    def crowded(self, share: float) -> list[int]:
        """The guilds that have as much or more of this share of the capacity as would be theirs in equal parts."""
        least = share * self.capacity / max(1, len(self._lines))
        return [guild_id for guild_id, line in self._lines.items() if len(line) >= least]

    async def get(self) -> Item:
        """The next item of the guild whose turn it is; waits for one. To be followed by :meth:`done`."""
        while (guild_id := self._next()) is None:
            self._changed.clear()
            await self._changed.wait()
        self._under_way[guild_id] += 1
        return self._pop(guild_id)

    def done(self, item: Item) -> None:
        """An item is not under way any more."""
        self._under_way[item.message.guild_id] -= 1
        if not self._under_way[item.message.guild_id]:
            del self._under_way[item.message.guild_id]
        self._changed.set()

    def drain(self) -> list[Item]:
        """Everything that waits, taken out."""
        return [self._pop(next(iter(self._lines))) for _ in range(self._length)]

    def _pop(self, guild_id: int) -> Item:
        line = self._lines.pop(guild_id)
        if len(line) > 1:
            self._lines[guild_id] = line
        self._length -= 1
        return line.first()

    def _next(self) -> int | None:
        """The guild whose turn it is, of those that may have more under way."""
        if self._at_once is None:
            return next(iter(self._lines), None)
        return next((one for one in self._lines if self._under_way[one] < self._at_once), None)
