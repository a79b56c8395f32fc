"""Finds what was posted while the bot did not listen, whenever Discord introduces a guild to a new session.

Discord says there which message is the newest of each channel. Where that is newer than what is accounted for, the
messages between become stretches of a sweep, in the same transaction that raises the marks: from then on a crash loses
nothing, because the stretches stand in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

import structlog

from bot.media import identity
from bot.model import ARCHIVED_THREADS, MessageRef, SweepKind, SweepState
from bot.store.engine import Store, Tx
from bot.store.sweeps import Range

from .times import first_id, length, made_at
from .watermarks import Tracker

log = structlog.get_logger(__name__)

OVERLAP_SECONDS = 60.0
"""How much of what is accounted for is read again: events of one channel may arrive in another order than posted."""

ARCHIVED_AFTER = timedelta(minutes=5)
"""Threads are archived after an hour at the least; in a gap shorter than this, hardly one was by hand."""

_WITHOUT_MESSAGES = frozenset({4, 14, 15, 16})
"""Channel types in which no message stands: categories, directories, forums and media channels (their threads do)."""


class Missing(NamedTuple):
    """What is to be read of a guild, the marks once that is noted, and how many channels are not read from the start.

    ``since``: how far the guild as a whole was accounted for; when the bot came, if nothing ever was.
    """

    ranges: list[Range]
    marks: dict[int, int]
    cut: int
    since: int


@dataclass(frozen=True, slots=True)
class _Appearance:
    """A guild as a session was told of it. ``heads``: the newest message by channel id, 0 where there is none.

    ``joined``: the first id that a message can have that was posted when the bot was in it. ``marks``: how far the
    channels were accounted for in memory when the bot was told of it first, if nothing was written since; ``heard``:
    the newest message of all guilds that had come by then.
    """

    heads: dict[int, int]
    joined: int
    marks: dict[int, int]
    heard: int


class Gaps:
    """Turns what was missed into stretches. ``served`` are the guilds that this process is told of."""

    def __init__(
        self,
        store: Store,
        tracker: Tracker,
        *,
        most: timedelta,
        alone: bool,
        clock: Callable[[], datetime],
        wanted: Callable[[], None],
        found: Callable[[], None],
    ) -> None:
        """``most``: how far back it is read at most. ``alone``: all guilds are heard over one connection.

        ``wanted`` asks for :meth:`write`; ``found`` is told when there are stretches.
        """
        self._store = store
        self._tracker = tracker
        self._most = most
        self._alone = alone
        self._heard_before: int | None = None
        self._clock = clock
        self._wanted = wanted
        self._found = found
        self._appeared: dict[int, _Appearance] = {}
        self._lost = False
        self.served: set[int] = set()

    @property
    def pending(self) -> bool:
        """Whether something is known to be missing and not noted yet, or may be."""
        return self._lost or bool(self._appeared)

    def appeared(self, data: Mapping[str, Any]) -> None:
        """Take in the raw JSON of a GUILD_CREATE. Waits for nothing: it runs in the gateway's reader.

        Until the gap is written no mark of the guild is: messages of the new session are above it.
        """
        guild_id = identity.snowflake(data.get("id"))
        if guild_id is None or data.get("unavailable") is True:
            return
        heads = dict(_heads(data))
        joined = first_id(_joined_at(data) or self._clock())
        appearance = _Appearance(heads, joined, self._tracker.hold(guild_id), self._tracker.newest)
        earlier = self._appeared.get(guild_id)
        self._appeared[guild_id] = appearance if earlier is None else replace(earlier, heads=appearance.heads)
        self.served.add(guild_id)
        self._wanted()

    def left(self, data: Mapping[str, Any]) -> None:
        """Take in the raw JSON of a GUILD_DELETE: the bot was removed, or (``unavailable``) Discord has an outage."""
        guild_id = identity.snowflake(data.get("id"))
        if guild_id is not None and data.get("unavailable") is not True:
            self.served.discard(guild_id)

    def forgotten(self, message: MessageRef) -> None:
        """A message was let go of unscanned, because the database took nothing for long: it is to be read again."""
        self._tracker.forgotten(message)
        self._lost = True

    async def write(self) -> None:
        """Compare and note what is missing, guild by guild. Raises DatabaseError; the rest is done the next time."""
        if self._lost:
            await self._note_lost()
        while self._appeared:
            guild_id = next(iter(self._appeared))
            appearance = self._appeared.pop(guild_id)
            try:
                await self._write(guild_id, appearance)
            except BaseException:
                # A newer session knows of newer messages, and the older marks are the ones that were not written.
                newer = self._appeared.get(guild_id, appearance)
                self._appeared[guild_id] = replace(appearance, heads=newer.heads)
                raise
            if guild_id not in self._appeared:
                self._tracker.release(guild_id)

    async def _note_lost(self) -> None:
        now = self._clock()
        self._lost = False
        try:
            for guild_id, channels in self._tracker.lost().items():
                ranges = [Range(channel_id, after, until + 1) for channel_id, (after, until) in channels.items()]
                async with self._store.write() as tx:
                    await self._note(tx, guild_id, ranges, now)
                self._tracker.noted(guild_id)
                log.info("catch_up.forgotten", guild_id=guild_id, channels=len(ranges))
                self._found()
        except BaseException:
            self._lost = True
            raise

    async def _write(self, guild_id: int, appearance: _Appearance) -> None:
        now = self._clock()
        oldest = first_id(now - self._most)
        async with self._store.write() as tx:
            if self._heard_before is None:
                self._heard_before = await tx.watermarks.newest() or 0
            await tx.watermarks.raise_to(guild_id, appearance.marks)
            marks = await tx.watermarks.of_guild(guild_id)
            missing = compare(marks, appearance.heads, oldest=oldest, joined=appearance.joined)
            ranges = missing.ranges
            since = missing.since
            heard = max(since, appearance.heard, self._heard_before) if self._alone else since
            if made_at(heard) < now - ARCHIVED_AFTER:
                after = max(since - length(OVERLAP_SECONDS), oldest)
                ranges = [*ranges, Range(ARCHIVED_THREADS, after, first_id(now))]
            if ranges:
                await self._note(tx, guild_id, ranges, now)
            await tx.watermarks.raise_to(guild_id, missing.marks)
        if missing.cut:
            log.warning(
                "catch_up.too_long_ago",
                guild_id=guild_id,
                channels=missing.cut,
                days=self._most.days,
                remedy="what was posted before that is not looked at; /scan reads further back",
            )
        if ranges:
            log.info("catch_up.gap", guild_id=guild_id, channels=len(missing.ranges))
            self._found()

    async def _note(self, tx: Tx, guild_id: int, ranges: list[Range], now: datetime) -> None:
        """Add to the sweep of the guild that runs, or open one."""
        for sweep in await tx.sweeps.unfinished(guild_id, SweepKind.CATCH_UP):
            # Changing nothing keeps it from being called done before this transaction ends.
            if await tx.sweeps.set_state(sweep.id, {SweepState.RUNNING}, SweepState.RUNNING):
                await tx.sweeps.add(sweep.id, guild_id, ranges)
                return
        await tx.sweeps.open(guild_id, SweepKind.CATCH_UP, now, ranges)


def compare(marks: Mapping[int, int], heads: Mapping[int, int], *, oldest: int, joined: int) -> Missing:
    """What is missing in a guild: ``marks`` is how far its channels are accounted for, ``heads`` their newest messages.

    A channel without a mark has had no message while the bot listened, if the guild has any mark at all: it is read
    from the last moment at which the bot is known to have listened. A guild without any is one that the bot came to
    and in which it noted nothing, because it was away or died before it could: it is read from when the bot came,
    ``joined``, for nothing is promised for what was posted before. Nothing below ``oldest`` is read.
    """
    since = max(marks.values(), default=joined)
    ranges: list[Range] = []
    raised: dict[int, int] = {}
    cut = 0
    for channel_id, head in heads.items():
        # All messages of a channel are younger than it; the first one of a forum's thread has the id of the thread.
        beginning = channel_id - 1
        mark = marks.get(channel_id)
        if mark is None:
            listened = since - length(OVERLAP_SECONDS) if marks else since
            mark = max(beginning, listened)
            raised[channel_id] = max(head, beginning)
        if head <= mark:
            continue
        raised[channel_id] = head
        after = max(mark - length(OVERLAP_SECONDS), beginning)
        cut += mark < oldest
        if head > oldest:
            ranges.append(Range(channel_id, max(after, oldest), head + 1))
    return Missing(ranges, raised, cut, since)


def _joined_at(guild: Mapping[str, Any]) -> datetime | None:
    """When the bot came to a guild, by its GUILD_CREATE; None if that does not say."""
    try:
        at = datetime.fromisoformat(str(guild.get("joined_at")))
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _heads(guild: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """The channels and threads of a GUILD_CREATE that can hold messages, each with its newest one; 0 without any."""
    for key in ("channels", "threads"):
        listed = guild.get(key)
        for item in cast("list[Any]", listed) if isinstance(listed, list) else ():
            if not isinstance(item, dict):
                continue
            channel = cast("dict[str, Any]", item)
            channel_id = identity.snowflake(channel.get("id"))
            if channel_id is not None and channel.get("type") not in _WITHOUT_MESSAGES:
                yield channel_id, identity.snowflake(channel.get("last_message_id")) or 0
