"""Servers that the bot leaves: noted when Discord says so, and erased after a time of grace.

A server counts as left when Discord says that the bot was removed from it, or when a new session does not name it.
A server that is only unavailable is named in both cases, so an outage makes nobody leave. And because erasing cannot be
undone, Discord is asked once more, for each server, just before: only its plain answer that the bot is not in there
lets anything go; no answer lets all stay until the next time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.guilds import GuildService
from bot.store.chain import AuditAction
from bot.store.engine import Store, Tx
from bot.store.periods import children_first, of_guild

from .retention import erase

log = structlog.get_logger(__name__)

MOST_PURGED = 20
"""Servers that one run erases at most: each is asked for at Discord, and there is a next run."""

PAUSE_SECONDS = 1.0
"""Between two questions to Discord: this is never urgent, and other calls shall not wait behind it."""

_BATCH = 500


class Servers(Protocol):
    """Tells whether the bot is in a server."""

    async def is_here(self, guild_id: int) -> bool | None:
        """Whether the bot is in a server now; None for every answer that says neither."""
        ...


class DepartureService:
    """Hears of servers that come and go, and erases those that the bot left for good."""

    def __init__(
        self,
        store: Store,
        guilds: GuildService,
        *,
        grace: timedelta,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
    ) -> None:
        """``wake`` is called when calls of the outbox that stood still may go on."""
        self._store = store
        self._guilds = guilds
        self._grace = grace
        self._clock = clock
        self._wake = wake
        self._gone: set[int] = set()
        self._heard: deque[Callable[[], Awaitable[None]]] = deque()
        self._working: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------------------------------- hearing

    def hear_session(self, guild_ids: Collection[int], shard_id: int, shard_count: int) -> None:
        """A new session of a shard began, with all servers that the bot is in there, available or not. Never waits."""
        here = frozenset(guild_ids)
        self._take_up(lambda: self._compare(here, shard_id, shard_count))

    def hear_joined(self, guild_id: int) -> None:
        """A server is here: it was joined, or it became available. Never waits."""
        self._take_up(lambda: self._note_back(guild_id))

    def hear_left(self, guild_id: int) -> None:
        """The bot was removed from a server, which is not the same as a server that is unavailable. Never waits."""
        self._take_up(lambda: self._note_left([guild_id]))

    async def settled(self) -> None:
        """Return when all that was heard is noted."""
        while self._working is not None and not self._working.done():
            await asyncio.wait([self._working])

    async def stop(self) -> None:
        """Note what was heard, and return."""
        await self.settled()

    def _take_up(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do things one after the other, in the order in which Discord said them."""
        self._heard.append(work)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work(), name="departures")

    async def _work(self) -> None:
        while self._heard:
            work = self._heard.popleft()
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - the next session compares again; nothing is erased on a guess
                log.error("departures.not_noted", error=type(error).__name__)

    async def _compare(self, here: frozenset[int], shard_id: int, shard_count: int) -> None:
        """What the database knows of servers that belong to this shard, against those that are there."""
        async with self._store.read() as tx:
            known, gone = await tx.departures.known(), await tx.departures.all()
        mine = {guild_id for guild_id in known | gone.keys() if (guild_id >> 22) % shard_count == shard_id}
        self._gone |= (mine | here) & gone.keys()
        for guild_id in sorted(here & gone.keys()):
            await self._note_back(guild_id)
        await self._note_left(sorted(mine - here - gone.keys()))

    async def _note_left(self, guild_ids: Collection[int]) -> None:
        if not guild_ids:
            return
        stopped = 0
        async with self._store.write() as tx:
            now = self._clock()
            await tx.departures.note(guild_ids, now)
            for guild_id in guild_ids:
                stopped += await tx.departures.stop_calls(guild_id, now)
        for guild_id in guild_ids:
            self._gone.add(guild_id)
            self._guilds.forget(guild_id)
        log.warning("departures.left", servers=len(guild_ids), stopped_calls=stopped, erased_in=str(self._grace))

    async def _note_back(self, guild_id: int) -> None:
        if guild_id not in self._gone:  # as of nearly every server that becomes available
            return
        async with self._store.write() as tx:
            now = self._clock()
            back = await tx.departures.forget(guild_id)
            resumed = await tx.departures.resume_calls(guild_id, now)
        self._gone.discard(guild_id)
        self._guilds.forget(guild_id)
        self._wake()
        log.info("departures.back", kept=back, resumed_calls=resumed)

    # ------------------------------------------------------------------------------------------- erasing

    async def purge(self, servers: Servers) -> None:
        """Erase what is left of servers whose time of grace is over, if Discord says that the bot is not in there."""
        before = self._clock() - self._grace
        async with self._store.read() as tx:
            due = await tx.departures.due(before)
        for number, guild_id in enumerate(due[:MOST_PURGED]):
            if number:
                await asyncio.sleep(PAUSE_SECONDS)
            here = await servers.is_here(guild_id)
            if here is None:
                log.info("departures.no_answer", servers=len(due) - number)
                return
            if here:
                self._gone.add(guild_id)
                await self._note_back(guild_id)
            else:
                await self.purge_server(guild_id, before)

    async def purge_server(self, guild_id: int, before: datetime) -> bool:
        """Erase everything of a server that the bot left before then; whether nothing is left.

        The lists of a server take two runs: first their entries are taken out of matching, which every process hears
        of, then they go. The chain of the audit log stays, with a row that says what became of the rest. If the bot is
        back meanwhile, what is there still stays.
        """

        async def due(tx: Tx) -> bool:
            return await tx.departures.is_due(guild_id, before)

        retired = await self._retire(guild_id, due)
        erased: dict[str, int] = {}
        for rule in children_first():
            condition = of_guild(rule, guild_id)
            listed = rule.table.name in {"banks", "entries", "entry_views"}
            if condition is None or rule.table.name == "departures" or (listed and retired):
                continue
            number = await erase(self._store, rule, condition, allowed=due)
            if number:
                erased[rule.table.name] = number
        async with self._store.write() as tx:
            over = not retired and await due(tx)
            if erased and await due(tx):
                tx.audit.append(guild_id, AuditAction.SERVER_ERASED, self._clock(), None, erased)
            if over:
                await tx.departures.forget(guild_id)
        if over:
            self._gone.discard(guild_id)
        self._guilds.forget(guild_id)
        log.info("departures.erased", complete=over, **erased)
        return over

    async def _retire(self, guild_id: int, due: Callable[[Tx], Awaitable[bool]]) -> int:
        total, number = 0, _BATCH
        while number == _BATCH:
            async with self._store.write() as tx:
                number = await tx.erasure.retire_lists(guild_id, self._clock(), limit=_BATCH) if await due(tx) else 0
            total += number
        return total
