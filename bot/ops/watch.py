"""Tells each server when the bot is blind, and when it sees again: one message for each, whatever happens between.

A shard is *blind* once something that scanning cannot do without has failed for two minutes, and *sees again* once
nothing has failed for a minute. What fails and mends itself in between, once or often and for different causes, belongs
to one episode. An episode begins when all was well for the last time, which is written down every 15 seconds. So the
beginning is the same for a process that is started in the middle of it, and a time in which none ran is told as well.

The messages are rows of the outbox, whose keys hold the beginning of the episode. The first one is taken back when it
could not be sent before the end: then a server reads once that the bot was blind from when to when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.errors import DatabaseError
from bot.guilds import GuildService
from bot.model import Call, CallKind
from bot.store.engine import Store

from . import metrics
from .health_state import SIGHT, Health

log = structlog.get_logger(__name__)

BLIND_AFTER = timedelta(seconds=120)
SEES_AFTER = timedelta(seconds=60)

KEEP_EVERY = timedelta(seconds=15)
"""How often it is written down that all is well. An episode may be told as beginning earlier by this much."""

LOOK_SECONDS = 5.0

PACE = 5
"""Messages of one process in a second, at most: deletes share Discord's limits with them."""

BATCH = 50
"""Servers of one transaction."""

PATIENCE = 30.0
"""Seconds that the database has for one batch."""

GATEWAY_AWAY = "The connection to Discord is lost."
NOT_RUNNING = "The program was not running."

_NOBODY = 0
"""Chores of no server in particular have this id."""


class Gateway(Protocol):
    """The connection to Discord, as the client sees it."""

    def shards(self) -> Mapping[int, bool]:
        """The shards of this process, and whether each is connected."""
        ...

    def serves(self, guild_id: int) -> bool:
        """Whether the bot is in a server of a connected shard; True as long as that is not known."""
        ...


@dataclass(slots=True)
class _Sight:
    """What is known of one shard. ``kept``: what is written down; ``begin`` None: all is well.

    ``noticed``: when an episode showed, which is a little after it began.
    """

    watched_since: datetime
    kept: datetime | None
    looked: datetime
    begin: datetime | None = None
    noticed: datetime | None = None
    well_since: datetime | None = None
    causes: dict[str, None] = field(default_factory=dict[str, None])
    told: bool = False


class Watch:
    """Looks at the health of one process and writes the messages. ``wake`` is called after a commit that wrote some."""

    def __init__(
        self,
        store: Store,
        guilds: GuildService,
        health: Health,
        gateway: Gateway,
        *,
        shard_count: int,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._guilds = guilds
        self._health = health
        self._gateway = gateway
        self._shard_count = shard_count
        self._clock = clock
        self._wake = wake
        self._sights: dict[int, _Sight] = {}

    async def look(self) -> None:
        """Look once at every shard, and tell who has to be told. To be called every few seconds."""
        problems = await self._health.problems(SIGHT)
        now = self._clock().replace(microsecond=0)  # as it is written down
        for shard, connected in self._gateway.shards().items():
            causes = [*problems.values(), *([] if connected else [GATEWAY_AWAY])]
            try:
                await self._look_at(shard, causes, now)
            except (DatabaseError, TimeoutError) as error:
                # It is one of the causes itself, and is seen as such; nothing is forgotten until it was written.
                log.warning("watch.not_written", error=type(error).__name__)
        metrics.BLIND.set(sum(_blind(sight, now) for sight in self._sights.values()))

    async def _look_at(self, shard: int, causes: Sequence[str], now: datetime) -> None:
        sight = await self._sight(shard, now)
        self._note(sight, causes, now)
        if sight.begin is None:
            await self._keep(shard, sight, now)
        elif sight.well_since is not None:
            if now - sight.well_since < SEES_AFTER:
                return
            if sight.told or sight.well_since - (sight.noticed or sight.begin) >= BLIND_AFTER:
                await self._tell_end(shard, sight, now)
            sight.begin = sight.noticed = sight.well_since = None
            sight.causes, sight.told = {}, False
            await self._keep(shard, sight, now)
        elif not sight.told and _blind(sight, now):
            await self._tell_begin(shard, sight, now)
            sight.told = True

    async def _sight(self, shard: int, now: datetime) -> _Sight:
        """What is known of a shard; at the first look what was written down before."""
        sight = self._sights.get(shard)
        if sight is None:
            async with asyncio.timeout(PATIENCE), self._store.read() as tx:
                kept = await tx.chores.last(_NOBODY, self._chore(shard))
            sight = self._sights[shard] = _Sight(watched_since=now, kept=kept, looked=kept or now)
            self._begin(sight, kept, kept)
        return sight

    @staticmethod
    def _begin(sight: _Sight, begin: datetime | None, noticed: datetime | None) -> None:
        """Something is not well; nothing changes if that is known."""
        if sight.begin is None:
            sight.begin, sight.noticed = begin, noticed
        sight.well_since = None

    def _note(self, sight: _Sight, causes: Sequence[str], now: datetime) -> None:
        """Take over what is failing now, and a time in which nobody looked: no process ran, or the machine slept."""
        if now - sight.looked >= BLIND_AFTER:
            causes = [NOT_RUNNING, *causes]
            self._begin(sight, sight.kept or sight.looked, sight.looked)
        sight.looked = now
        if [cause for cause in causes if cause is not NOT_RUNNING]:
            self._begin(sight, sight.kept or now, now)
        elif sight.begin is not None:
            sight.well_since = sight.well_since or now
        sight.causes.update(dict.fromkeys(causes))

    # ------------------------------------------------------------------------------------------------- writing

    async def _keep(self, shard: int, sight: _Sight, now: datetime) -> None:
        """Write down that all is well, if that was not done lately."""
        if sight.kept is not None and now - sight.kept < KEEP_EVERY:
            return
        async with asyncio.timeout(PATIENCE), self._store.write() as tx:
            await tx.chores.take(_NOBODY, self._chore(shard), now=now, not_since=now)
        sight.kept = now

    def _chore(self, shard: int) -> str:
        return f"sees:{shard}/{self._shard_count}"

    async def _tell_begin(self, shard: int, sight: _Sight, now: datetime) -> None:
        begin = sight.begin
        assert begin is not None, "an episode has begun"
        text = blind_text(begin, tuple(sight.causes))
        told = await self._tell(shard, _key("blind", begin), text, now)
        log.error("watch.blind", since=begin.isoformat(), causes=" ".join(sight.causes), servers_told=told)

    async def _tell_end(self, shard: int, sight: _Sight, now: datetime) -> None:
        begin, end = sight.begin, sight.well_since
        assert begin is not None, "an episode has begun"
        assert end is not None, "all has been well for a while"
        text = sees_text(begin, end, tuple(sight.causes))
        told = await self._tell(shard, _key("sees", begin), text, now, instead_of=_key("blind", begin))
        log.warning("watch.sees", begin=begin.isoformat(), end=end.isoformat(), servers_told=told)

    async def _tell(
        self,
        shard: int,
        key: str,
        text: str,
        now: datetime,
        *,
        instead_of: str | None = None,
    ) -> int:
        """Write a message to every server of the shard that has a channel for it, one after the other in time.

        ``instead_of``: the key of a message that need not be sent any more. Returns how many were new; what fails
        halfway is taken up again.
        """
        async with asyncio.timeout(PATIENCE), self._store.read() as tx:
            every = await tx.guilds.ids()
        concerned = [one for one in every if self._shard_of(one) == shard and self._gateway.serves(one)]
        written = told = 0
        for start in range(0, len(concerned), BATCH):
            async with asyncio.timeout(PATIENCE), self._store.write() as tx:
                batch = concerned[start : start + BATCH]
                if instead_of is not None:
                    await tx.outbox.withdraw([_of_guild(one, instead_of) for one in batch], now)
                for guild_id in batch:
                    guild = await self._guilds.within(tx, guild_id)
                    channel_id = guild.log_channel_id or guild.review_channel_id
                    if channel_id is None:
                        continue
                    due = now + timedelta(seconds=written / PACE)
                    written += 1
                    told += await tx.outbox.put([_call(guild_id, channel_id, key, text)], due)
            self._wake()
        return told

    def _shard_of(self, guild_id: int) -> int:
        return (guild_id >> 22) % self._shard_count


def _blind(sight: _Sight, now: datetime) -> bool:
    """Whether an episode has lasted long enough, and been watched long enough, to be told.

    After a start it is given time to end: nobody needs to read that the bot is blind when it has just come back.
    """
    if sight.begin is None:
        return False
    return now - max(sight.noticed or sight.begin, sight.watched_since) >= BLIND_AFTER


def _key(what: str, begin: datetime) -> str:
    return f"{what}:{int(begin.timestamp() * 1000)}"


def _of_guild(guild_id: int, key: str) -> str:
    return f"line:{guild_id}:{key}"


def _call(guild_id: int, channel_id: int, key: str, text: str) -> Call:
    return Call(
        CallKind.LOG_LINE,
        key=_of_guild(guild_id, key),
        lane=f"sight:{guild_id}",  # not that of other lines, which must not wait for this one's turn
        payload={"channel_id": channel_id, "text": text, "mention_role": None},
        guild_id=guild_id,
    )


def blind_text(begin: datetime, causes: Collection[str]) -> str:
    """That the bot sees nothing."""
    return (
        f"**Pictures are not being checked** since {_moment(begin)}. {' '.join(causes)} "
        "What is posted now is checked as soon as that is over, and there will be a line here."
    )


def sees_text(begin: datetime, end: datetime, causes: Collection[str]) -> str:
    """That the bot sees again, and what it missed."""
    return (
        f"**Pictures are being checked again.** They were not from {_moment(begin)} to {_moment(end)}. "
        f"{' '.join(causes)} What was posted meanwhile is being caught up; `/scan status` shows how far that is."
    )


def _moment(at: datetime) -> str:
    """A moment as Discord shows it to each reader in their own time."""
    return f"<t:{int(at.timestamp())}:f>"
