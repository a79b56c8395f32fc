"""Which deletes of one channel go out now, alone or together: a pure function of their ages and of Discord's limits.

Discord limits deletes by the message's age, each lane of a channel apart from the others, and takes up to a hundred
ids younger than two weeks in one request. A few go out alone, at once; what would have to wait goes together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class Lane(Enum):
    """A limit of its own: single deletes by the age of the message, and deletes of many at once."""

    FRESH = "younger than 10 s"
    RECENT = "up to two weeks"
    OLD = "older than two weeks"
    BULK = "bulk"


LIMITS: Mapping[Lane, tuple[int, float]] = MappingProxyType(
    {Lane.FRESH: (5, 1.0), Lane.RECENT: (3, 0.333), Lane.OLD: (30, 4.0), Lane.BULK: (1, 1.0)}
)
"""How many requests in how many seconds, as people have measured; Discord publishes none, and discord.py keeps to what
each answer says. Here they only tell what is faster."""

FRESH_SECONDS = 10.0
OLD_SECONDS = 14 * 24 * 3600.0

BULK_SECONDS = OLD_SECONDS - 3600.0
"""The age up to which a message goes into a bulk delete: one that is too old fails them all, and clocks differ."""

FEWEST, MOST = 2, 100
"""How many ids Discord takes in one bulk delete."""

FROM = 4
"""From so many on a bulk delete is worth its place: fewer go out alone just as fast, if none has to wait."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delete that waits. ``age``: of the message, in seconds. ``alone``: it must not go with others."""

    message_id: int
    age: float
    alone: bool = False

    @property
    def lane(self) -> Lane:
        """The lane of its single delete."""
        if self.age <= FRESH_SECONDS:
            return Lane.FRESH
        return Lane.RECENT if self.age < OLD_SECONDS else Lane.OLD


@dataclass(frozen=True, slots=True)
class Batches:
    """What goes out now: ids that go alone, and those that go in one bulk delete (none, or at least two)."""

    singles: tuple[int, ...] = ()
    together: tuple[int, ...] = ()


def plan(waiting: Collection[Waiting], free: Mapping[Lane, int]) -> Batches:
    """What to send now. ``free``: how many requests each lane takes at this moment.

    The youngest go first: that is what members are looking at. No id goes twice, and none that does not wait.
    """
    left = dict(free)
    ordered = sorted({one.message_id: one for one in waiting}.values(), key=lambda one: (one.age, -one.message_id))
    joinable = [one for one in ordered if not one.alone and one.age < BULK_SECONDS]
    singles = _fitting([one for one in ordered if one.alone or one.age >= BULK_SECONDS], left)
    fitting = _fitting(joinable, dict(left))
    at_once = len(fitting) == len(joinable) < FROM
    together: list[Waiting] = []
    if not at_once and left[Lane.BULK] > 0 and len(joinable) >= FEWEST:
        together = joinable[:MOST]
    # What does not fit into the bulk delete, or waits for the next one, does not wait where a lane is free.
    singles += _fitting(joinable[len(together) :], left)
    return Batches(tuple(one.message_id for one in singles), tuple(one.message_id for one in together))


def _fitting(ordered: list[Waiting], left: dict[Lane, int]) -> list[Waiting]:
    """Those for which their lane has room, which is taken."""
    found: list[Waiting] = []
    for one in ordered:
        if left[one.lane] > 0:
            left[one.lane] -= 1
            found.append(one)
    return found
