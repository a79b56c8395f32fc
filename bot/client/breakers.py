"""Breakers: where Discord refused for want of a permission, nobody asks again until something changed.

Answers that say no count: ten thousand of them in ten minutes, and Discord bans the address. So the first refusal of a
channel opens its breaker for that need, and further calls are told the same without a request.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from bot.outbox import CallError

FIRST_PAUSE = 60.0
LONGEST_PAUSE = 3600.0
"""Seconds until one call may try again though nothing is known to have changed: longer after each refusal."""

PROBE_SECONDS = 60.0
"""Seconds for which the others wait to hear how that one call ended."""

AGAIN = 1.0
"""Seconds after which they ask how it ended."""

REMEMBERED = 10_000
"""Breakers that are kept; beyond that, those whose pause is over go."""


class Need(Enum):
    """What for a channel was asked: to delete what others wrote, to delete one's own, or to write."""

    DELETE = "delete"
    DELETE_OWN = "delete own"
    WRITE = "write"


@dataclass(slots=True)
class _Breaker:
    """``ends``: until when nobody asks; while ``probing``, until when one call is waited for."""

    guild_id: int | None
    sentence: str
    refusals: int
    ends: float
    unexpected: bool
    probing: bool = False


class Breakers:
    """The breakers of one process, by channel and need."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: dict[tuple[int, Need], _Breaker] = {}

    @property
    def open(self) -> int:
        """How many are open."""
        now = self._clock()
        return sum(one.ends > now for one in self._found.values())

    def is_open(self, channel_id: int, need: Need) -> bool:
        """Whether Discord is not asked now."""
        breaker = self._found.get((channel_id, need))
        return breaker is not None and breaker.ends > self._clock()

    def check(self, channel_id: int, need: Need) -> None:
        """Return where a call may ask Discord, else raise CallError with what Discord said last time.

        When the pause is over one call may ask, and the others wait until it is known how that ended.
        """
        breaker = self._found.get((channel_id, need))
        if breaker is None:
            return
        now = self._clock()
        if breaker.ends > now:
            if breaker.probing:
                raise CallError(breaker.sentence, retry_after=AGAIN)
            raise CallError(breaker.sentence, permanent=True)
        breaker.probing, breaker.ends = True, now + PROBE_SECONDS

    def refused(self, guild_id: int | None, channel_id: int, need: Need, sentence: str, *, expected: bool) -> None:
        """Discord refused. ``expected``: by what is known of the permissions there; else something else is amiss."""
        now, key = self._clock(), (channel_id, need)
        before = self._found.get(key)
        if before is not None and before.ends > now and not before.probing:
            return  # asked before the first answer came: nothing new
        if before is None and len(self._found) >= REMEMBERED:
            self._found = {at: one for at, one in self._found.items() if one.ends > now}
        refusals = 1 if before is None else before.refusals + 1
        pause = min(FIRST_PAUSE * 2 ** min(refusals - 1, 16), LONGEST_PAUSE)
        self._found[key] = _Breaker(guild_id, sentence, refusals, now + pause, not expected)

    def succeeded(self, channel_id: int, need: Need) -> bool:
        """Discord did it: close the breaker. Whether there was one."""
        return self._found.pop((channel_id, need), None) is not None

    def permissions_changed(
        self, guild_id: int, lacking: Callable[[int, Need], bool], *, heard: bool = True
    ) -> set[tuple[int, Need]]:
        """Let a call try again where nothing is ``lacking`` any more; in which channels, and for what.

        ``heard`` False: nobody told of a change, it only may have happened. Where Discord refused although nothing was
        known to be lacking, one change is taken for a reason to ask again, and after that only the pause: no change of
        a role tells whether that is mended, and there may be many.
        """
        ended: set[tuple[int, Need]] = set()
        for key, one in self._found.items():
            hopeless = one.unexpected and (one.refusals > 1 or not heard)
            if one.guild_id == guild_id and not one.probing and not hopeless and not lacking(*key):
                one.ends = self._clock()
                ended.add(key)
        return ended
