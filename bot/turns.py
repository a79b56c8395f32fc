"""What several servers share and none may take for itself: places, bytes, the writer; given out to them in turn."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager
from typing import NamedTuple


class _Waiting(NamedTuple):
    units: int
    granted: asyncio.Future[bool]


class Turns:
    """A number of units. Who has to wait for some gets them in the order of asking within a key, the keys in turn.

    What is next and does not fit is waited for, so that a large request is served in the end. ``spare`` units more are
    for keys that hold none. As long as one of those has some, the others begin with nothing in their place: they get
    no more than what is then left of ``units``.
    """

    def __init__(self, units: int, *, spare: int = 0) -> None:
        self.units = units
        self.free = units + spare
        self._spare = spare
        self._held: Counter[Hashable] = Counter()
        self._waiting: OrderedDict[Hashable, deque[_Waiting]] = OrderedDict()

    @asynccontextmanager
    async def hold(self, key: Hashable, units: int = 1) -> AsyncGenerator[bool]:
        """Have some units for a while. Whether the key has nothing else: neither units, nor anybody who waits."""
        taken, only = await self._take(key, units)
        try:
            yield only
        finally:
            self.give(key, taken)

    async def take(self, key: Hashable, units: int = 1) -> int:
        """Take units, to be given back with :meth:`give`; how many. Who asks for more than there are gets them all."""
        taken, _ = await self._take(key, units)
        return taken

    async def _take(self, key: Hashable, units: int) -> tuple[int, bool]:
        units = max(1, min(units, self.units))
        if not self._waiting and self._fits(key, units):
            return units, self._grant(key, units)
        mine = _Waiting(units, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(key, deque()).append(mine)
        self._serve()
        try:
            return units, await mine.granted
        except asyncio.CancelledError:
            if mine.granted.cancelled():
                self._serve()  # it may have been what others waited behind
            else:
                self.give(key, units)
            raise

    def give(self, key: Hashable, units: int) -> None:
        """Give units back."""
        self._change(key, -units)
        self._serve()

    def settle(self, key: Hashable, taken: int, needed: int) -> int:
        """Hold ``needed`` instead of ``taken`` units, without waiting; how many are held now.

        More than were taken make a debt that has to be paid off before anybody else gets some.
        """
        needed = max(1, min(needed, self.units))
        self.give(key, taken - needed)
        return needed

    def _fits(self, key: Hashable, units: int) -> bool:
        return units <= self.free - (self._spare if self._held[key] else 0)

    def _grant(self, key: Hashable, units: int) -> bool:
        """Let a key have units; whether these are all that it has."""
        only = not self._held[key]
        self._change(key, units)
        return only

    def _change(self, key: Hashable, units: int) -> None:
        self.free -= units
        self._held[key] += units
        if not self._held[key]:
            del self._held[key]

    def _serve(self) -> None:
        while self._round():
            pass

    def _round(self) -> bool:
        """Give each key what is next of it, if there is room; whether any got something.

        Only a key that the spare units are not for is passed over. What else does not fit is waited for.
        """
        served = False
        for key, line in list(self._waiting.items()):
            while line and line[0].granted.cancelled():
                line.popleft()
            if not line:
                del self._waiting[key]
                continue
            first = line[0]
            if first.units > self.free:
                break
            if self._fits(key, first.units):
                served = True
                line.popleft()
                only = self._grant(key, first.units)
                first.granted.set_result(only and not line)
                if line:
                    self._waiting.move_to_end(key)
                else:
                    del self._waiting[key]
        return served
