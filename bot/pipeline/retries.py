"""What failed through no fault of its own is tried again: how often, and when."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Sequence

from bot.model import MessageRef, Passing, Scan, SeenMedia

RETRY_FETCH = (60.0, 300.0, 1800.0)
"""Seconds before a media host that did not deliver is asked again, time after time."""

BLIND_FIRST = 15.0
BLIND_LONGEST = 300.0
"""Seconds before an item is tried again that nothing could decode; each time twice as long."""

REMEMBERED = 50_000
"""Items of which it is known how often they were tried. One that is forgotten is tried a few times more."""


class Retries:
    """Counts the tries of each item, in memory: after a restart an item has all of them again."""

    def __init__(self, fetches: Sequence[float] = RETRY_FETCH) -> None:
        """``fetches``: seconds before each further try of what the media host did not deliver."""
        self._fetches = tuple(fetches)
        self._tried: OrderedDict[tuple[int, str], int] = OrderedDict()

    def pause(self, message: MessageRef, media: SeenMedia, scan: Scan) -> float | None:
        """Seconds until an item is worth another try; None: what came out is final.

        The host is asked a few times. That nothing can be decoded is no outcome, however long it lasts.
        """
        key = message.message_id, media.media_id
        tried = self._tried.pop(key, 0)
        if scan.passing is None or (scan.passing is Passing.HOST and tried >= len(self._fetches)):
            return None
        self._tried[key] = tried + 1
        if len(self._tried) > REMEMBERED:
            self._tried.popitem(last=False)
        if scan.passing is Passing.HOST:
            return self._fetches[tried]
        return min(BLIND_FIRST * 2 ** min(tried, 16), BLIND_LONGEST)


class Alarms:
    """Sets an event at times to come. Few timers do for many: they go off at tenths of a second."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event
        self._set: set[float] = set()

    def ring_in(self, seconds: float) -> None:
        """Set the event in so many seconds, or a tenth of a second later."""
        loop = asyncio.get_running_loop()
        at = math.ceil((loop.time() + seconds) * 10) / 10
        if at not in self._set:
            self._set.add(at)
            loop.call_at(at, self._ring, at)

    def _ring(self, at: float) -> None:
        self._set.discard(at)
        self._event.set()
