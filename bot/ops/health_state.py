"""What state each part of the process is in. Parts are asked when somebody wants to know; some say it themselves.

* :meth:`Health.probe` names something to ask: a function that looks, and answers with a :class:`State`.
* :meth:`Health.report` is for what only shows when it happens: it holds until the same source reports again.

Reasons are read by monitors and stand in alerts: whatever looks like an id, a token or an address is taken out of them.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

PATIENCE = 3.0
"""Seconds after which a part that was asked counts as not answering."""

LONGEST_REASON = 160

_TELLTALE = re.compile(r"\S*(?:\d{6,}|://|@)\S*|\S{40,}")
"""Words that may be an id, an address or a secret."""


class Part(StrEnum):
    """What can fail on its own."""

    SERVICES = "services"
    """Whether everything has been started and nothing is being stopped."""
    BACKGROUND = "background"
    """The loops that must never end."""
    DATABASE = "database"
    BANKS = "banks"
    DECODER = "decoder"
    GATEWAY = "gateway"
    MEDIA = "media"
    """Whether Discord's media hosts deliver."""
    CONTENT = "content"
    """Whether messages arrive with what is in them."""
    OUTBOX = "outbox"
    QUEUE = "queue"


LIVENESS = frozenset({Part.BACKGROUND})
"""What only a new process can mend."""

READINESS = frozenset({Part.SERVICES, Part.BACKGROUND, Part.DATABASE, Part.BANKS, Part.DECODER, Part.GATEWAY})
"""What must be well for a posted picture to be dealt with at once."""

SIGHT = frozenset({Part.DATABASE, Part.DECODER, Part.MEDIA, Part.CONTENT})
"""What makes the bot blind on all of its servers; the gateway does so by shard."""


@dataclass(frozen=True, slots=True)
class State:
    """How a part is. ``reason``: one plain sentence when it is not well."""

    ok: bool
    reason: str = ""


WELL = State(ok=True)

Probe = Callable[[], State | Awaitable[State]]
"""Looks at a part, without side effects that anybody would notice. What it raises counts as a failure of the part."""


def failing(reason: str) -> State:
    """The state of a part that is not well."""
    return State(ok=False, reason=reason)


def plain(reason: str) -> str:
    """A reason as outsiders may see it: one short line, without anything that may be an id, an address or a secret."""
    line = "".join(character if character.isprintable() else " " for character in reason)
    return " ".join(_TELLTALE.sub("…", line).split())[:LONGEST_REASON]


class Health:
    """The state of all parts of one process."""

    def __init__(self) -> None:
        self._probes: dict[Part, list[Probe]] = defaultdict(list)
        self._reports: dict[tuple[Part, str], State] = {}

    def probe(self, part: Part, look: Probe) -> None:
        """Ask ``look`` from now on whenever the part's state is wanted. A part is well if all of its probes say so."""
        self._probes[part].append(look)

    def report(self, part: Part, *, ok: bool, reason: str = "", source: str = "") -> None:
        """Say how a part is, until ``source`` says otherwise. A report that all is well overrules no failing probe."""
        if ok:
            self._reports.pop((part, source), None)
        else:
            self._reports[part, source] = failing(reason)

    async def look(self, parts: Collection[Part] = tuple(Part)) -> dict[Part, State]:
        """The state of the parts, all asked at once; a part that nobody speaks for is well."""
        asked = [(part, look) for part in parts for look in self._probes.get(part, ())]
        answers = await asyncio.gather(*(_ask(look) for _, look in asked))
        said = [(part, state) for (part, _), state in self._reports.items() if part in parts]
        states = dict.fromkeys(parts, WELL)
        for part, state in [*zip((part for part, _ in asked), answers, strict=True), *said]:
            if states[part].ok and not state.ok:
                states[part] = failing(plain(state.reason))
        return states

    async def problems(self, parts: Collection[Part]) -> dict[Part, str]:
        """Which of the parts are not well, and why."""
        return reasons(await self.look(parts))


def reasons(states: Mapping[Part, State]) -> dict[Part, str]:
    """Which parts are not well, and why."""
    return {part: state.reason for part, state in states.items() if not state.ok}


async def _ask(look: Probe) -> State:
    try:
        async with asyncio.timeout(PATIENCE):
            state = look()
            return await state if inspect.isawaitable(state) else state
    except TimeoutError:
        return failing("It does not answer.")
    except Exception as error:  # noqa: BLE001 - whatever a probe meets is what is wrong with its part
        return failing(f"Asking it failed ({type(error).__name__}).")
