"""How far each channel is accounted for: kept in memory, written every two seconds.

A message is accounted for when all of its media items are recorded or stand in the database as a job, or when it has
none. What is written can only be too low: after a crash a little is read twice, and recording is idempotent.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.model import MessageRef
from bot.store.engine import Store

FLUSH_SECONDS = 2.0
"""How often the marks are written."""

LATE_EMBED = 10.0
"""Seconds within which Discord adds the picture of a link to a message that came without it."""


@dataclass(slots=True)
class _Open:
    """A message that is not accounted for yet. ``times``: how often it came and is being worked on.

    ``before``: the newest message below it that had come when it did; 0 if that is not known. ``held``: the mark in the
    database is below it, and stays there until it is accounted for.
    """

    before: int
    held: bool = False
    times: int = 1


@dataclass(slots=True)
class _Channel:
    newest: int = 0
    written: int = 0
    open: dict[int, _Open] = field(default_factory=dict[int, _Open])
    lost: int | None = None
    """What is above this id was let go of in part, and is to be read again; None: nothing was."""
    noting: int | None = None
    """The same for what is just being noted in the database."""

    @property
    def mark(self) -> int:
        """An id up to which everything that came is accounted for; 0 if there is none to name."""
        mark = self.open[min(self.open)].before if self.open else self.newest
        return min(one for one in (mark, self.lost, self.noting) if one is not None)

    @property
    def clean(self) -> bool:
        """Whether nothing is to be remembered of it."""
        return not self.open and self.lost is None and self.noting is None and self.mark <= self.written


class Tracker:
    """Up to which message each channel is accounted for. All but :meth:`flush` are called from the gateway's reader.

    What is held in memory is the channels in which something was posted since the last flush or is being worked on,
    and of those the messages being worked on: no more than the pipeline holds.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` is in seconds."""
        self._store = store
        self._clock = clock
        self.newest = 0
        """The newest message that came."""
        self._guilds: dict[int, dict[int, _Channel]] = {}
        self._held: set[int] = set()
        self._lingering: deque[tuple[float, MessageRef]] = deque()

    def passed(self, message: MessageRef, *, changed: bool = False) -> None:
        """A message came in which there is nothing to scan. ``changed``: not for the first time."""
        if changed:  # it says nothing about the messages before it
            return
        self._came(self._channel(message), message.message_id)

    def seen(self, message: MessageRef, *, changed: bool = False) -> bool:
        """A message came, and is not accounted for before :meth:`accounted` says so, as often as this was called.

        ``changed``: it came before, and came again because something in it changed. Returns whether a mark below it
        holds until then, so that a process that died meanwhile finds it again. Where none does, the mark may have
        passed it long ago, and what is new in it is lost with this process unless it stands in the database.
        """
        channel, message_id = self._channel(message), message.message_id
        known = channel.open.get(message_id)
        if known is not None:
            known.times += 1
            if not changed:  # a change of it came first
                self._came(channel, message_id)
            return known.held
        if changed:
            channel.open[message_id] = _Open(0)
            return False
        # The first one of a channel of which nothing was left to write: everything before it is accounted for.
        newest = channel.newest or message_id - 1
        held = newest < message_id
        channel.open[message_id] = _Open(newest if held else 0, held)
        self._came(channel, message_id)
        return held

    def accounted(self, message: MessageRef) -> None:
        """All media items of a message are recorded, or stand in the database as jobs."""
        channel = self._guilds.get(message.guild_id, {}).get(message.channel_id)
        known = None if channel is None else channel.open.get(message.message_id)
        if channel is None or known is None:
            return
        known.times -= 1
        if not known.times:
            del channel.open[message.message_id]

    def forgotten(self, message: MessageRef) -> None:
        """A message is worked on no more, and not accounted for: its channel is to be read again from before it."""
        channel, message_id = self._channel(message), message.message_id
        known = channel.open.pop(message_id, None)
        before = message_id - 1 if known is None or not known.before else known.before
        channel.lost = before if channel.lost is None else min(channel.lost, before)

    def lost(self) -> dict[int, dict[int, tuple[int, int]]]:
        """What is to be read again, by guild and channel: what lies between these two ids, the second one included.

        It is said again until :meth:`noted` is called.
        """
        said: dict[int, dict[int, tuple[int, int]]] = {}
        for guild_id, channels in self._guilds.items():
            for channel_id, one in channels.items():
                if one.lost is not None:
                    one.noting, one.lost = min(one.lost, one.lost if one.noting is None else one.noting), None
                if one.noting is not None:
                    said.setdefault(guild_id, {})[channel_id] = one.noting, max(one.newest, one.noting + 1)
        return said

    def noted(self, guild_id: int) -> None:
        """What :meth:`lost` said of a guild stands in the database now, to be read."""
        for one in self._guilds.get(guild_id, {}).values():
            one.noting = None

    def linger(self, message: MessageRef, *, changed: bool = False) -> None:
        """A message came to which Discord may add an embed yet: it is accounted for when that time has passed."""
        self.seen(message, changed=changed)
        self._lingering.append((self._clock() + LATE_EMBED, message))

    def hold(self, guild_id: int) -> dict[int, int]:
        """Write nothing of this guild until :meth:`release`; its marks at this moment, by channel id.

        Whoever asks for it raises the marks in the database above all that came until now, once they know what of that
        is to be read again. What is read again is read once: a message that changes after that is not found so.
        """
        self._held.add(guild_id)
        channels = self._guilds.get(guild_id, {})
        for channel in channels.values():
            for message in channel.open.values():
                message.held = False
        return {channel_id: one.mark for channel_id, one in channels.items() if one.mark}

    def release(self, guild_id: int) -> None:
        """Write the marks of this guild again."""
        self._held.discard(guild_id)

    async def flush(self) -> None:
        """Write what has changed, in one transaction. Raises DatabaseError; then all of it is written next time."""
        now = self._clock()
        while self._lingering and self._lingering[0][0] <= now:
            self.accounted(self._lingering.popleft()[1])
        marks: dict[int, dict[int, int]] = {}
        for guild_id in self._guilds.keys() - self._held:
            channels = self._guilds[guild_id].items()
            changed = {channel_id: one.mark for channel_id, one in channels if one.mark > one.written}
            if changed:
                marks[guild_id] = changed
        if marks:
            async with self._store.write() as tx:
                await tx.watermarks.raise_all(marks)
        for guild_id, changed in marks.items():
            for channel_id, mark in changed.items():
                self._guilds[guild_id][channel_id].written = mark
        self._drop_clean()

    def _channel(self, message: MessageRef) -> _Channel:
        channels = self._guilds.get(message.guild_id)
        if channels is None:
            channels = self._guilds[message.guild_id] = {}
        channel = channels.get(message.channel_id)
        if channel is None:
            channel = channels[message.channel_id] = _Channel()
        return channel

    def _came(self, channel: _Channel, message_id: int) -> None:
        channel.newest = max(channel.newest, message_id)
        self.newest = max(self.newest, message_id)

    def _drop_clean(self) -> None:
        for guild_id in self._guilds.keys() - self._held:
            channels = self._guilds[guild_id]
            for channel_id in [id_ for id_, one in channels.items() if one.clean]:
                del channels[channel_id]
            if not channels:
                del self._guilds[guild_id]
