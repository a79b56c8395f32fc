"""Reads the stretches of history that wait, page by page, and leaves what is to be scanned in the database as jobs.

Each page is one transaction: its jobs, and how far the stretch is read by then. Whoever finds that somebody else read
on meanwhile writes nothing, so that a page counts once, whatever crashes and however many processes there are.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog

from bot.errors import DatabaseError
from bot.guilds import GuildService
from bot.media import identity, surfaces
from bot.model import (
    ARCHIVED_THREADS,
    GuildSettings,
    MessageRef,
    SeenMedia,
    Stretch,
    StretchState,
    SweepState,
    Verdict,
)
from bot.ops import metrics
from bot.store.engine import Store, Tx

from .discord import PAGE, ChannelGoneError, History, NoAnswerError, UnreadableError
from .gaps import compare
from .times import made_at

log = structlog.get_logger(__name__)

READERS = 4
"""Channels that are read at the same time: each has its own limits at Discord, so that none waits for another's."""

MOST_WAITING = 200
"""Messages that wait to be scanned above which nothing more is read: what is posted now waits behind them."""

_PAUSE = 0.5
"""Seconds before it is looked again whether the jobs became fewer."""

_FIRST_DELAY, _LONGEST_DELAY = 5.0, 300.0
"""Seconds before a channel is tried again of which Discord gave no answer, the first time and at the most."""

_OVER = (SweepState.CANCELLED, SweepState.DONE)


class _OvertakenError(Exception):
    """Somebody else read on from the same place, so that nothing of this page is written."""


@dataclass(slots=True)
class _Delay:
    until: float
    seconds: float


@dataclass(slots=True)
class _Found:
    """What a page holds of a stretch. ``pictures``: messages with media items; ``unplaced``: those without an id."""

    messages: int = 0
    oldest: int | None = None
    unplaced: int = 0
    pictures: list[tuple[MessageRef, tuple[SeenMedia, ...]]] = field(
        default_factory=list[tuple[MessageRef, tuple[SeenMedia, ...]]]
    )


class Sweeper:
    """Reads what waits in the guilds that are ``served``: in turns between them, in each the newest messages first."""

    def __init__(
        self,
        store: Store,
        guilds: GuildService,
        history: History,
        *,
        served: AbstractSet[int],
        cdn_url: str,
        clock: Callable[[], datetime],
        wanted: Callable[[], None],
        found: Callable[[], None],
    ) -> None:
        """``wanted`` asks for :meth:`run`; ``found`` is told of new jobs. ``served`` is read at every look."""
        self._store = store
        self._guilds = guilds
        self._history = history
        self._served = served
        self._cdn_url = cdn_url
        self._clock = clock
        self._wanted = wanted
        self._found = found
        self._stale = True
        self._plan: OrderedDict[int, dict[int, Stretch]] = OrderedDict()
        self._busy: set[int] = set()
        self._delays: dict[int, _Delay] = {}
        self._turn = asyncio.Condition()

    def wake(self) -> None:
        """There are new stretches, or a sweep was paused, resumed or cancelled."""
        self._stale = True
        self._wanted()

    async def run(self) -> None:
        """Read until nothing is left that can be read now. Raises DatabaseError; the next run goes on from there."""
        self._stale = True
        self._busy.clear()
        await self._finish()
        async with asyncio.TaskGroup() as readers:
            for _ in range(READERS):
                readers.create_task(self._reader())
        await self._finish()

    async def idle(self) -> bool:
        """Whether nothing waits to be read in the guilds that are served, but what Discord gives no answer about."""
        async with self._store.read() as tx:
            waiting = await tx.sweeps.waiting(self._served)
        return all(stretch.id in self._delays for stretch in waiting)

    # ------------------------------------------------------------------------------------------- whose turn it is

    async def _reader(self) -> None:
        while (stretch := await self._take()) is not None:
            left: Stretch | None = stretch
            try:
                left = await self._read_on(stretch)
            finally:
                async with self._turn:
                    self._busy.discard(stretch.id)
                    of_guild = self._plan.get(stretch.guild_id, {})
                    if left is None:
                        of_guild.pop(stretch.id, None)
                    elif stretch.id in of_guild:
                        of_guild[stretch.id] = left
                    self._turn.notify_all()

    async def _take(self) -> Stretch | None:
        """The next stretch; waits while others are being read, for they may leave something. None: all is read."""
        async with self._turn:
            while True:
                if self._stale:
                    await self._plan_anew()
                stretch = self._choose()
                if stretch is not None:
                    self._busy.add(stretch.id)
                    return stretch
                if not self._busy:
                    self._turn.notify_all()
                    return None
                await self._turn.wait()

    async def _plan_anew(self) -> None:
        self._stale = False
        async with self._store.read() as tx:
            waiting = await tx.sweeps.waiting(self._served)
        plan: OrderedDict[int, dict[int, Stretch]] = OrderedDict((guild_id, {}) for guild_id in self._plan)
        for stretch in waiting:
            plan.setdefault(stretch.guild_id, {})[stretch.id] = stretch
        self._plan = OrderedDict((guild_id, of_guild) for guild_id, of_guild in plan.items() if of_guild)
        still = {stretch.id for stretch in waiting}
        self._delays = {id_: delay for id_, delay in self._delays.items() if id_ in still}

    def _choose(self) -> Stretch | None:
        """Of the guild whose turn it is, what is read down to the youngest message; of a channel one at a time."""
        now = time.monotonic()
        for guild_id, of_guild in self._plan.items():
            reading = {of_guild[id_].channel_id for id_ in self._busy & of_guild.keys()}
            free = [
                one
                for one in of_guild.values()
                if one.id not in self._busy
                and one.channel_id not in reading
                and (one.id not in self._delays or self._delays[one.id].until <= now)
            ]
            if free:
                self._plan.move_to_end(guild_id)
                return max(free, key=lambda one: one.cursor)
        return None

    # ------------------------------------------------------------------------------------------- one page

    async def _read_on(self, stretch: Stretch) -> Stretch | None:
        """Read one page; the stretch as it stands then, None if there is nothing more to be read of it for now."""
        await self._room()
        async with self._store.read() as tx:
            sweep = await tx.sweeps.get(stretch.sweep_id)
        if sweep is None or sweep.state is not SweepState.RUNNING:
            return None
        try:
            read = self._archived if stretch.channel_id == ARCHIVED_THREADS else self._page
            left = await read(stretch)
        except UnreadableError as error:
            log.warning("history.unreadable", channel_id=stretch.channel_id, reason=str(error))
            left = await self._end(stretch, StretchState.UNREADABLE)
        except ChannelGoneError:
            left = await self._end(stretch, StretchState.GONE)
        except NoAnswerError as error:
            self._put_off(stretch, error)
            return stretch
        except _OvertakenError:
            self._stale = True
            return None
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - what one channel provokes holds no other up
            metrics.BACKGROUND_ERRORS.labels("history").inc()
            self._put_off(stretch, NoAnswerError(f"The answer could not be used ({type(error).__name__})."))
            return stretch
        self._delays.pop(stretch.id, None)
        return left

    async def _room(self) -> None:
        while True:
            async with self._store.read() as tx:
                if await tx.jobs.count() < MOST_WAITING:
                    return
            await asyncio.sleep(_PAUSE)

    def _put_off(self, stretch: Stretch, error: NoAnswerError) -> None:
        before = self._delays.get(stretch.id)
        seconds = _FIRST_DELAY if before is None else min(2 * before.seconds, _LONGEST_DELAY)
        seconds = max(seconds, error.retry_after or 0.0)
        self._delays[stretch.id] = _Delay(time.monotonic() + seconds, seconds)
        log.warning("history.no_answer", channel_id=stretch.channel_id, reason=str(error), again_in=seconds)

    async def _page(self, stretch: Stretch) -> Stretch | None:
        page = await self._history.page(stretch.channel_id, stretch.cursor)
        guild = await self._guilds.get(stretch.guild_id)
        found = self._walk(page, stretch, guild)
        if found.unplaced:
            log.warning("history.malformed", channel_id=stretch.channel_id, messages=found.unplaced)
        # Without a single id in it a page leads nowhere: the stretch ends, instead of being read for ever.
        over = len(page) < PAGE or found.oldest is None or found.oldest <= stretch.after_id
        cursor = stretch.cursor if found.oldest is None else min(stretch.cursor, found.oldest)
        moved = replace(stretch, cursor=cursor, state=StretchState.DONE if over else StretchState.WAITING)
        async with self._store.write() as tx:
            if not await tx.sweeps.move(stretch, moved.cursor, moved.state):
                raise _OvertakenError
            media = 0
            for message, items in found.pictures:
                media += await self._leave(tx, stretch.sweep_id, message, items)
            await tx.sweeps.count_read(stretch.sweep_id, messages=found.messages, media=media)
        if media:
            self._found()
        if over:
            await self._finish()
            return None
        return moved

    def _walk(self, page: Sequence[Mapping[str, Any]], stretch: Stretch, guild: GuildSettings) -> _Found:
        found = _Found()
        for message in page:
            message_id = identity.snowflake(message.get("id"))
            if message_id is None:
                found.unplaced += 1
                continue
            found.oldest = message_id if found.oldest is None else min(found.oldest, message_id)
            if not stretch.after_id < message_id < stretch.before_id:
                continue
            found.messages += 1
            placed = {**message, "channel_id": str(stretch.channel_id)}
            walked = surfaces.walk_message(
                placed, guild_id=stretch.guild_id, cdn_url=self._cdn_url, avatars=guild.scan_avatars
            )
            if walked is None:
                continue
            reference, media = walked
            own = self._history.me is not None and reference.author_id == self._history.me
            if media and guild.scans(reference) and not own:
                found.pictures.append((reference, media))
        return found

    async def _leave(self, tx: Tx, sweep_id: int, message: MessageRef, media: tuple[SeenMedia, ...]) -> int:
        """Leave a message to be scanned, but what was already; how many media items it has."""
        ended = await tx.sightings.ended(message.message_id, [item.media_id for item in media])
        for verdict, number in Counter[Verdict](ended.values()).items():
            await tx.sweeps.count_scanned(sweep_id, verdict, number)
        left = [item for item in media if item.media_id not in ended]
        if left:
            await tx.jobs.put(message, left, self._clock(), sweep_id=sweep_id)
        return len(media)

    async def _archived(self, stretch: Stretch) -> Stretch | None:
        """Add a stretch for every thread with messages that were missed and that was archived since."""
        heads = await self._history.archived(stretch.guild_id, made_at(stretch.after_id))
        newest = {one.channel_id: one.last_message_id or 0 for one in heads}
        async with self._store.write() as tx:
            if not await tx.sweeps.move(stretch, stretch.cursor, StretchState.DONE):
                raise _OvertakenError
            known = await tx.watermarks.of_guild(stretch.guild_id)
            # A thread without a mark had no message while the bot listened: read what came since it did not.
            marks = {id_: known.get(id_, max(stretch.after_id, id_ - 1)) for id_ in newest}
            missing = compare(marks, newest, oldest=stretch.after_id, joined=stretch.after_id)
            await tx.sweeps.add(stretch.sweep_id, stretch.guild_id, missing.ranges)
            await tx.watermarks.raise_to(stretch.guild_id, missing.marks)
        self._stale = True
        await self._finish()
        return None

    # ------------------------------------------------------------------------------------------- the end

    async def _end(self, stretch: Stretch, state: StretchState) -> None:
        async with self._store.write() as tx:
            await tx.sweeps.move(stretch, stretch.cursor, state)
        await self._finish()

    async def _finish(self) -> None:
        """Note which sweeps are read to the end, and which of those have nothing left that is to be scanned."""
        async with self._store.read() as tx:
            unfinished = [one for one in await tx.sweeps.unfinished() if one.guild_id in self._served]
            if not unfinished:
                return
            waiting = {one.sweep_id for one in await tx.sweeps.waiting(self._served)}
            read = [one.id for one in unfinished if one.state is SweepState.RUNNING and one.id not in waiting]
            over = [one.id for one in unfinished if one.state in _OVER]
            scanned = [id_ for id_ in (*read, *over) if not await tx.jobs.count(sweep_id=id_)]
        if not (read or scanned):
            return
        async with self._store.write() as tx:
            for sweep_id in read:
                # Whoever adds stretches to a sweep that runs changes its row first, so that one waits for the other.
                if not await tx.sweeps.set_state(sweep_id, {SweepState.RUNNING}, SweepState.RUNNING):
                    continue
                stretches = await tx.sweeps.stretches(sweep_id)
                if all(one.state is not StretchState.WAITING for one in stretches):
                    await tx.sweeps.set_state(sweep_id, {SweepState.RUNNING}, SweepState.DONE)
            for sweep_id in scanned:
                sweep = await tx.sweeps.get(sweep_id)
                if sweep is not None and sweep.state in _OVER and not await tx.jobs.count(sweep_id=sweep_id):
                    await tx.sweeps.finish(sweep_id, self._clock())
                    log.info("history.finished", sweep=sweep_id, kind=str(sweep.kind), messages=sweep.counts.messages)
