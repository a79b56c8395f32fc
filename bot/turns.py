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


_Lines = OrderedDict[Hashable, deque[_Waiting]]

_AHEAD_AT_ONCE = 3
"""How many that go ahead are served one after the other while others wait."""


class Turns:
    """A number of units. Who has to wait for some gets them in the order of asking within a key, the keys in turn.

    Who asks to go ``ahead`` comes before those who do not, three at a time; among themselves they have turns as well.

    What is next and does not fit is waited for, so that a large request is served in the end. ``spare`` units more are
    for keys that hold none. As long as one of those has some, the others begin with nothing in their place: they get
    no more than what is then left of ``units``.
    """

    def __init__(self, units: int, *, spare: int = 0) -> None:
        self.units = units
        self.free = units + spare
        self._spare = spare
        self._held: Counter[Hashable] = Counter()
        self._waiting: _Lines = OrderedDict()
        self._ahead: _Lines = OrderedDict()
        self._went_ahead = 0

    @asynccontextmanager
    async def hold(self, key: Hashable, units: int = 1) -> AsyncGenerator[bool]:
        """Have some units for a while. Whether the key has nothing else: neither units, nor anybody who waits."""
        taken, only = await self._take(key, units)
        try:
            yield only
        finally:
            self.give(key, taken)

    async def take(self, key: Hashable, units: int = 1, *, ahead: bool = False) -> int:
        """Take units, to be given back with :meth:`give`; how many. Who asks for more than there are gets them all."""
        taken, _ = await self._take(key, units, ahead=ahead)
        return taken

    async def _take(self, key: Hashable, units: int, *, ahead: bool = False) -> tuple[int, bool]:
        units = max(1, min(units, self.units))
        if not self._waiting and not self._ahead and self._fits(key, units):
            return units, self._grant(key, units)
        mine = _Waiting(units, asyncio.get_running_loop().create_future())
        (self._ahead if ahead else self._waiting).setdefault(key, deque()).append(mine)
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
        while self._serve_next():
            pass

    def _serve_next(self) -> bool:
        """Give somebody what they wait for, if there is room; whether any got something.

        Only a key that the spare units are not for is passed over. What else does not fit is waited for.
        """
        _tidy(self._ahead)
        _tidy(self._waiting)
        enough = self._went_ahead >= _AHEAD_AT_ONCE
        for lines in (self._waiting, self._ahead) if enough else (self._ahead, self._waiting):
            for key, line in lines.items():
                first = line[0]
                if first.units > self.free:
                    return False
                if self._fits(key, first.units):
                    self._serve_first(lines, key)
                    return True
        return False

    def _serve_first(self, lines: _Lines, key: Hashable) -> None:
        first = lines[key].popleft()
        if lines[key]:
            lines.move_to_end(key)
        else:
            del lines[key]
        self._went_ahead = self._went_ahead + 1 if lines is self._ahead and self._waiting else 0
        only = self._grant(key, first.units)
        first.granted.set_result(only and key not in self._ahead and key not in self._waiting)


def _tidy(lines: _Lines) -> None:
    """Leave out who does not wait any more."""
    for key, line in list(lines.items()):
        while line and line[0].granted.cancelled():
            line.popleft()
        if not line:
            del lines[key]
