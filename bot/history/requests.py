"""Reading what was posted before because somebody asked for it, and telling how far all such reading is.

The reading itself is the sweeper's, which takes waiting stretches out of the database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.errors import NotAllowedError, NotFoundError, RefusedError
from bot.model import StretchState, Sweep, SweepKind, SweepState
from bot.settings import CatchUpSettings
from bot.store.chain import AuditAction, scan_payload
from bot.store.engine import Store, Tx
from bot.store.sweeps import Range

from .discord import PAGE, ChannelHead, History, UnreadableError
from .progress import Pace, Progress, paceable, percent_of, rounded
from .since import read_since
from .times import first_id, made_at

LAST_FINISHED = 5
"""Readings that are told of after their end."""

MOST_AT_ONCE = 20
"""Requested readings of one guild that go on at the same time."""

MOST_UNREADABLE = 200
"""Channels that are named because they cannot be read, for each reading."""

MOST_PACES = 1000
"""Readings whose pace is remembered."""

NOT_CONNECTED = "The bot is not connected to Discord yet; try again in a minute."
UNREADABLE = "The bot may not read <#{channel}>; give its role View Channel and Read Message History there."
NOTHING_THERE = "Nothing stands in <#{channel}>, so there is nothing to read."
NOTHING_SINCE = "Nothing was posted in <#{channel}> in that time; choose a longer one."
NOTHING_ANYWHERE = "Nothing was posted in that time where the bot may read; choose a longer one, or see /setup."
TOO_MANY = "{most} scans go on in this server already; wait until one is done, or cancel one."
NO_SCAN = "There is no scan S-{id} here; it may have been forgotten after its time."
NOT_ASKED_FOR = "What was missed during an outage is always read; only scans that somebody asked for can be stopped."
OVER = "This scan is over already."
PAUSED_BEFORE = "This scan is paused already."
RUNS_BEFORE = "This scan goes on already."

_STANDS = {SweepState.PAUSED: PAUSED_BEFORE, SweepState.RUNNING: RUNS_BEFORE}


@dataclass(frozen=True, slots=True)
class Requested:
    """What a request led to. ``new`` False: that was being read already, and this is how far it is."""

    progress: Progress
    new: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """What reading a whole guild would mean: channels and active threads with something to read, and unreadable ones.

    Archived threads come to these; how many is known only once Discord was asked for them.
    """

    channels: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A channel that a reading could not read."""

    sweep_id: int
    channel_id: int


@dataclass(frozen=True, slots=True)
class Status:
    """All reading in a guild: what goes on, after outages first; the last that ended, newest first; and what failed."""

    running: tuple[Progress, ...]
    finished: tuple[Progress, ...]
    unreadable: tuple[Unreadable, ...]


class SweepService:
    """Requests for reading what was posted before. Safe to call from many tasks at once.

    NotFoundError for what is not in that guild, NotAllowedError and RefusedError with one sentence for the rest.
    """

    def __init__(self, store: Store, settings: CatchUpSettings, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._history: History | None = None
        self._wake: Callable[[], None] = lambda: None
        self._paces: dict[int, Pace] = {}

    def connect(self, history: History, wake: Callable[[], None]) -> None:
        """Ask ``history`` for the channels of guilds; call ``wake`` when something is asked for or stopped."""
        self._history = history
        self._wake = wake

    @property
    def messages_per_second(self) -> int:
        """How many messages are read in a second at most, in all guilds of this process together."""
        return max(1, int(self._settings.requests_per_second * PAGE))

    def since(self, text: str) -> datetime:
        """The time that somebody wrote; RefusedError if it is none, or too long ago."""
        return read_since(text, self._clock())

    # ------------------------------------------------------------------------------------------- asking

    async def request_channel(self, guild_id: int, channel_id: int, since: datetime, by: int) -> Requested:
        """Read one channel or thread back to a time, unless that is going on. Raises UnreadableError as well."""
        before_id = self._newest(channel_id, since, await self._connected().channels(guild_id)) + 1
        after_id = first_id(since) - 1
        async with self._store.write() as tx:
            await tx.sweeps.in_turn(guild_id)
            standing = await tx.sweeps.reading(guild_id, channel_id, after_id)
            if standing is None:
                await self._require_room(tx, guild_id)
                ranges = [Range(channel_id, after_id, before_id)]
                sweep = await self._open(tx, guild_id, SweepKind.CHANNEL, ranges, (), since, by)
            else:
                sweep = standing
        if standing is None:
            self._wake()
        return Requested(await self.look(sweep), new=standing is None)

    async def outlook(self, guild_id: int, since: datetime) -> Outlook:
        """What :meth:`request_server` would read, as far as it can be known without asking Discord."""
        readable, unreadable = _parted(await self._connected().channels(guild_id), first_id(since))
        return Outlook(len(readable), len(unreadable))

    async def server_scan(self, guild_id: int) -> Progress | None:
        """How far the reading of the whole guild is that somebody asked for; None if there is none now."""
        async with self._store.read() as tx:
            standing = await self._standing(tx, guild_id)
        return None if standing is None else await self.look(standing)

    async def request_server(self, guild_id: int, since: datetime, by: int) -> Requested:
        """Read every channel and thread of a guild back to a time, unless that is going on.

        Asks Discord for the threads that were archived since, which can take a minute. Raises NoAnswerError as well.
        """
        history = self._connected()
        if standing := await self.server_scan(guild_id):
            return Requested(standing, new=False)
        heads = [*await history.channels(guild_id), *await history.archived(guild_id, since)]
        after_id = first_id(since) - 1
        readable, unreadable = _parted(heads, after_id + 1)
        if not readable:
            raise RefusedError(NOTHING_ANYWHERE)
        now_id = first_id(self._clock())
        ranges = [Range(head.channel_id, after_id, (head.last_message_id or 0) + 1) for head in readable]
        closed = [Range(head.channel_id, after_id, max(head.last_message_id or 0, now_id) + 1) for head in unreadable]
        async with self._store.write() as tx:
            await tx.sweeps.in_turn(guild_id)
            found = await self._standing(tx, guild_id)
            if found is None:
                await self._require_room(tx, guild_id)
                sweep = await self._open(tx, guild_id, SweepKind.SERVER, ranges, closed, since, by)
            else:
                sweep = found
        if found is None:
            self._wake()
        return Requested(await self.look(sweep), new=found is None)

    # ------------------------------------------------------------------------------------------- stopping

    async def pause(self, guild_id: int, sweep_id: int, by: int) -> None:
        """Read no further for now. What was found is scanned all the same."""
        await self._change(guild_id, sweep_id, by, (SweepState.RUNNING,), SweepState.PAUSED, AuditAction.SCAN_PAUSED)

    async def go_on(self, guild_id: int, sweep_id: int, by: int) -> None:
        """Read on from where a paused scan stopped."""
        expected = (SweepState.PAUSED,)
        await self._change(guild_id, sweep_id, by, expected, SweepState.RUNNING, AuditAction.SCAN_CONTINUED)

    async def cancel(self, guild_id: int, sweep_id: int, by: int) -> None:
        """Read no further. What was found is scanned all the same."""
        expected = (SweepState.RUNNING, SweepState.PAUSED)
        await self._change(guild_id, sweep_id, by, expected, SweepState.CANCELLED, AuditAction.SCAN_CANCELLED)

    # ------------------------------------------------------------------------------------------- looking

    async def progress(self, guild_id: int, sweep_id: int) -> Progress:
        """How far one is."""
        async with self._store.read() as tx:
            sweep = await _of(tx, guild_id, sweep_id)
        return await self.look(sweep)

    async def look(self, sweep: Sweep) -> Progress:
        """How far one is, given its row."""
        one_only = sweep.kind is SweepKind.CHANNEL
        async with self._store.read() as tx:
            tally = await tx.sweeps.tally(sweep.id)
            stretches = await tx.sweeps.stretches(sweep.id) if one_only else []
        return Progress(
            sweep,
            channels=tally.waiting + tally.done + tally.gone,
            read=tally.done + tally.gone,
            unreadable=tally.unreadable,
            percent=percent_of(tally.share, all_read=tally.waiting == 0),
            since=None if tally.oldest is None else made_at(tally.oldest + 1),
            channel_id=stretches[0].channel_id if stretches else None,
            left=self._left(sweep, tally.share) if tally.waiting else None,
        )

    async def status(self, guild_id: int) -> Status:
        """All reading in a guild."""
        async with self._store.read() as tx:
            unfinished = await tx.sweeps.unfinished(guild_id)
            running = sorted(unfinished, key=lambda sweep: sweep.kind is not SweepKind.CATCH_UP)
            latest = await tx.sweeps.of_guild(guild_id, limit=MOST_AT_ONCE + 2 * LAST_FINISHED)
            finished = [sweep for sweep in latest if sweep.finished_at is not None][:LAST_FINISHED]
            unreadable: dict[int, Unreadable] = {}
            for sweep in sorted((*running, *finished), key=lambda sweep: -sweep.id):
                closed = await tx.sweeps.channels_in(sweep.id, StretchState.UNREADABLE, limit=MOST_UNREADABLE)
                for channel_id in closed:
                    unreadable.setdefault(channel_id, Unreadable(sweep.id, channel_id))
        return Status(
            tuple([await self.look(sweep) for sweep in running]),
            tuple([await self.look(sweep) for sweep in finished]),
            tuple(unreadable.values()),
        )

    # ------------------------------------------------------------------------------------------- its message

    async def show_in(self, sweep_id: int, channel_id: int, message_id: int) -> None:
        """Note which message shows how far one is."""
        async with self._store.write() as tx:
            await tx.sweeps.show_in(sweep_id, channel_id, message_id)

    async def shown(self) -> Sequence[Sweep]:
        """Those that a message shows, of all guilds."""
        async with self._store.read() as tx:
            return await tx.sweeps.shown()

    async def hide(self, sweep_id: int) -> None:
        """Note that no message shows one any more."""
        async with self._store.write() as tx:
            await tx.sweeps.hide(sweep_id)

    # ------------------------------------------------------------------------------------------- parts

    def _connected(self) -> History:
        if self._history is None:
            raise NotAllowedError(NOT_CONNECTED)
        return self._history

    def _newest(self, channel_id: int, since: datetime, heads: Sequence[ChannelHead]) -> int:
        """The newest message that a request for a channel is about; later ones are seen as they come."""
        head = next((head for head in heads if head.channel_id == channel_id), None)
        if head is None:  # an archived thread: not known before it is read
            return first_id(self._clock() + timedelta(milliseconds=1))
        if not head.readable:
            raise UnreadableError(UNREADABLE, channel=channel_id)
        if head.last_message_id is None:
            raise RefusedError(NOTHING_THERE, channel=channel_id)
        if head.last_message_id < first_id(since):
            raise RefusedError(NOTHING_SINCE, channel=channel_id)
        return head.last_message_id

    async def _standing(self, tx: Tx, guild_id: int) -> Sweep | None:
        asked = await tx.sweeps.asked_for(guild_id)
        return next((sweep for sweep in asked if sweep.kind is SweepKind.SERVER), None)

    async def _require_room(self, tx: Tx, guild_id: int) -> None:
        if len(await tx.sweeps.asked_for(guild_id)) >= MOST_AT_ONCE:
            raise RefusedError(TOO_MANY, most=MOST_AT_ONCE)

    async def _open(
        self,
        tx: Tx,
        guild_id: int,
        kind: SweepKind,
        ranges: Sequence[Range],
        closed: Sequence[Range],
        since: datetime,
        by: int,
    ) -> Sweep:
        now = self._clock()
        sweep = await tx.sweeps.open(guild_id, kind, now, [*ranges, *closed], requested_by=by)
        if closed:
            shut = {one.channel_id for one in closed}
            for stretch in await tx.sweeps.stretches(sweep.id):
                if stretch.channel_id in shut:
                    await tx.sweeps.move(stretch, stretch.cursor, StretchState.UNREADABLE)
        channel_id = ranges[0].channel_id if kind is SweepKind.CHANNEL else None
        payload = scan_payload(sweep.id, since=since, channel_id=channel_id)
        tx.audit.append(guild_id, AuditAction.SCAN_REQUESTED, now, by, payload, subject=f"S-{sweep.id}")
        return sweep

    async def _change(
        self,
        guild_id: int,
        sweep_id: int,
        by: int,
        expected: Sequence[SweepState],
        state: SweepState,
        action: AuditAction,
    ) -> None:
        async with self._store.write() as tx:
            sweep = await _of(tx, guild_id, sweep_id)
            if sweep.kind is SweepKind.CATCH_UP:
                raise NotAllowedError(NOT_ASKED_FOR)
            if not await tx.sweeps.set_state(sweep_id, expected, state):
                now_is = (await _of(tx, guild_id, sweep_id)).state
                raise NotAllowedError(OVER if now_is.over else _STANDS[now_is])
            tx.audit.append(guild_id, action, self._clock(), by, scan_payload(sweep_id), subject=f"S-{sweep_id}")
        self._wake()

    def _left(self, sweep: Sweep, share: float) -> timedelta | None:
        if not paceable(sweep):
            self._paces.pop(sweep.id, None)
            return None
        pace = self._paces.setdefault(sweep.id, Pace())
        if len(self._paces) > MOST_PACES:
            del self._paces[next(iter(self._paces))]  # of one that nobody looked at to its end
        pace.look(self._clock(), share)
        left = pace.left
        return None if left is None else rounded(left)


def _parted(heads: Sequence[ChannelHead], first_id: int) -> tuple[list[ChannelHead], list[ChannelHead]]:
    """The channels that have something to read from ``first_id`` on, and those that cannot be read; each once."""
    once = list({head.channel_id: head for head in reversed(heads)}.values())[::-1]
    readable = [head for head in once if head.readable and (head.last_message_id or 0) >= first_id]
    return readable, [head for head in once if not head.readable]


async def _of(tx: Tx, guild_id: int, sweep_id: int) -> Sweep:
    sweep = await tx.sweeps.get(sweep_id)
    if sweep is None or sweep.guild_id != guild_id:
        raise NotFoundError(NO_SCAN, id=sweep_id)
    return sweep
