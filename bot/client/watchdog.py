"""Keeps the bot connected where discord.py would not, and ends the process when nothing helps.

Three things discord.py 2.7 does not do by itself:

* It resumes a session at the address that came with it, for ever. If that address fails for good, the first address of
  the gateway is never asked (https://github.com/Rapptz/discord.py/issues/10511). After ``resume_seconds`` the session
  is given up here, and a new one is begun. What was posted meanwhile is read by whoever reads gaps.
* It has no way back when the very first connection fails.
* It does not notice a connection on which heartbeats are no longer answered while something else still arrives.

A session costs an IDENTIFY, of which Discord grants 1000 a day and then resets the token. So new sessions are begun at
growing distances, and not even a gateway that ends each of them at once leads to more.

A bot with several shards in one process falls back to a new session of a shard by itself (discord.py does that there);
what is watched there is only whether any shard stays silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

import structlog

from bot.errors import StanguardError

if TYPE_CHECKING:
    from .bot import ShardedStanguardBot, StanguardBot

log = structlog.get_logger(__name__)

_LONGEST_LOOK = 5.0
"""Seconds between two looks, at most."""

_LATE = 30.0
"""Seconds. A look that comes so late tells of this machine and not of Discord: whatever arrived waits to be read."""

_GOODBYE_SECONDS = 2.0
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
"""Seconds between two first connections that fail; each is twice as long as the one before."""

SESSIONS = 5
"""New sessions within :data:`SESSIONS_WITHIN` that are begun as fast as discord.py does."""

SESSIONS_WITHIN = 600.0
SESSION_PAUSE = 300.0
"""Seconds before each session beyond those: together with a process that ends and is started again, less than Discord
grants a day."""


class LinkState(StrEnum):
    """How a process stands with the gateway, as far as the worst of its shards goes."""

    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"


class LostError(StanguardError):
    """There was no session with Discord for too long."""


class _NothingToResumeError(Exception):
    """A connection failed before there was any session."""


class _NoSession:
    """Stands where discord.py keeps its connection while there is none: it would take up what is not there."""

    open = False
    latency = math.inf

    def __bool__(self) -> bool:
        return False

    @property
    def sequence(self) -> int:
        raise _NothingToResumeError


@dataclass(slots=True)
class _Shard:
    """One shard. Times are of the watchdog's clock.

    ``since``: when it came up or went down. ``alive``: when a heartbeat of a session was last answered. ``given_up``:
    when a session was given up, and no heartbeat was answered since.
    """

    since: float
    alive: float
    up: bool = False
    was_up: bool = False
    latency: float = math.inf
    given_up: float | None = None


class Watchdog:
    """Runs the connection of one bot. Times are seconds."""

    def __init__(
        self,
        bot: StanguardBot,
        *,
        resume_seconds: float,
        silent_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bot = bot
        self._resume_seconds = resume_seconds
        self._silent_seconds = silent_seconds
        self._clock = clock
        self._shards: dict[int, _Shard] = {}
        self._anew = asyncio.Event()
        self._sessions: deque[float] = deque(maxlen=SESSIONS)
        bot.watchdog = self

    # -------------------------------------------------------------------------------------------------- for others

    @property
    def state(self) -> LinkState:
        """How it stands with the gateway."""
        shards = self._shards.values()
        if any(not shard.up and shard.was_up for shard in shards):
            return LinkState.DOWN
        return LinkState.UP if shards and all(shard.up for shard in shards) else LinkState.CONNECTING

    @property
    def down_since(self) -> float | None:
        """Since when a shard has no session, a time of :func:`time.monotonic`; None: all have one."""
        return min((shard.since for shard in self._shards.values() if not shard.up), default=None)

    def up(self, shard_id: int) -> None:
        """A shard has a session: a new one, or one taken up again."""
        shard = self._shard(shard_id)
        shard.up = shard.was_up = True
        shard.since = self._clock()

    def down(self, shard_id: int) -> None:
        """A shard lost its connection. It is down until it has a session again; a connection alone is nothing yet."""
        shard = self._shard(shard_id)
        if shard.up:
            shard.up = False
            shard.since = self._clock()

    async def before_session(self) -> None:
        """To be awaited before a session is begun: waits where there were too many of late."""
        now = self._clock()
        if len(self._sessions) == SESSIONS and now - self._sessions[0] < SESSIONS_WITHIN and not self._bot.sharded:
            log.warning("gateway.too_many_sessions", pause=SESSION_PAUSE)
            # Connecting has a time limit in discord.py, so the wait is not done in here: it is begun all over, later.
            self._anew.set()
            await asyncio.Event().wait()
        self._sessions.append(now)

    # -------------------------------------------------------------------------------------------------- the connection

    async def run(self) -> None:
        """Stay connected until the bot is closed.

        Raises what discord.py raises when Discord refuses the bot for good, and LostError when there was no session for
        ``silent_seconds`` although a new one was tried for.
        """
        for shard_id in self._latencies():
            self._shard(shard_id)
        watch = asyncio.create_task(self._watch(), name="watchdog")
        try:
            while not self._bot.is_closed():
                connection = asyncio.create_task(self._connect(), name="connection")
                anew = asyncio.create_task(self._anew.wait(), name="new-session")
                try:
                    await asyncio.wait({connection, anew, watch}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    ended = connection.done()
                    for task in (connection, anew):
                        task.cancel()
                    await asyncio.gather(connection, anew, return_exceptions=True)
                if watch.done():
                    await watch
                if ended:
                    await connection
                    return
                await self._give_up_session(watch)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _connect(self) -> None:
        """Connect, and again as long as there was no session yet that discord.py could take up."""
        pause = _FIRST_PAUSE
        while True:
            if not self._bot.sharded:
                self._bot.ws = cast("Any", _NoSession())
            try:
                await self._bot.connect()
            except _NothingToResumeError:
                log.warning("gateway.not_connected", pause=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return

    async def _give_up_session(self, watch: asyncio.Task[None]) -> None:
        """Forget the session, so that the next connection begins a new one at the gateway's first address."""
        ws = self._bot.ws
        self.down(0)
        with contextlib.suppress(Exception):  # whatever is wrong with it: it is not needed any more
            async with asyncio.timeout(_GOODBYE_SECONDS):
                if ws.open:
                    await ws.close(code=4000)
        if len(self._sessions) == SESSIONS and self._clock() - self._sessions[0] < SESSIONS_WITHIN:
            self._sessions.popleft()  # the pause makes up for it
            await asyncio.wait({watch}, timeout=SESSION_PAUSE)
        self._anew.clear()

    # -------------------------------------------------------------------------------------------------- the watch

    async def _watch(self) -> None:
        """Look at every shard again and again. Raises LostError."""
        pause = min(_LONGEST_LOOK, self._resume_seconds / 4)
        while True:
            before = self._clock()
            await asyncio.sleep(pause)
            if self._clock() - before > pause + _LATE:
                log.warning("watchdog.late", seconds=round(self._clock() - before))
                continue
            for shard_id, latency in self._latencies().items():
                self._look(shard_id, latency)

    def _look(self, shard_id: int, latency: float) -> None:
        shard, now = self._shard(shard_id), self._clock()
        # It is measured anew with each answered heartbeat, and never the same twice; infinite before the first.
        if shard.up and math.isfinite(latency) and latency != shard.latency:
            shard.latency, shard.alive, shard.given_up = latency, now, None
        silent = now - shard.alive
        if silent >= self._silent_seconds:
            log.error("gateway.lost", shard=shard_id, seconds=round(silent))
            raise LostError(
                "There was no sign of life from Discord's gateway for {minutes} minutes, and a new session did not "
                "help; check the network and https://discordstatus.com, and start again.",
                minutes=max(1, round(silent / 60)),
            )
        due = shard.alive + self._silent_seconds / 2 if shard.up else shard.since + self._resume_seconds
        if shard.given_up is not None:
            due = shard.given_up + self._silent_seconds / 2
        if now >= due and not self._bot.sharded:
            log.warning("gateway.new_session", seconds=round(silent))
            shard.given_up = now
            self._anew.set()

    def _latencies(self) -> Mapping[int, float]:
        """The latency of each shard, by its number."""
        if self._bot.sharded:
            bot = cast("ShardedStanguardBot", self._bot)
            known = {number: shard.latency for number, shard in bot.shards.items()}
            numbers = bot.shard_ids or range(bot.shard_count or 0)
            return {number: known.get(number, math.inf) for number in numbers}
        return {0: self._bot.latency}

    def _shard(self, shard_id: int) -> _Shard:
        now = self._clock()
        return self._shards.setdefault(shard_id, _Shard(since=now, alive=now))
