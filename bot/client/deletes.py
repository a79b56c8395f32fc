"""Carries deletes out by the fastest lane: those of one channel that wait at the same time share requests.

Every delete stays a call of its own in the outbox, with its own end. Here they only meet on their way to Discord.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass

import discord
import structlog
from discord.http import HTTPClient

from bot.ops import metrics
from bot.outbox import CallError

from .delete_plan import BULK_SECONDS, LIMITS, MOST, Lane, Waiting, plan
from .refusals import ACTION_REFUSED, UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, holds_for_channel

log = structlog.get_logger(__name__)

ROOM = {Lane.OLD: 30, Lane.BULK: 2 * MOST}
"""How many deletes of one channel wait here at once: too old for bulk, and the others. More are given back until it is
their turn, so that one channel never takes all the places of the outbox."""

TURN = "More messages of this channel are being deleted; this one waits its turn."

CHANNELS = 256
"""How many channels are remembered at least; beyond that, those in which nothing happens are forgotten."""

GONE = {0, UNKNOWN_MESSAGE, UNKNOWN_CHANNEL}
"""Codes of a 404 that say that nothing is left to delete."""


@dataclass(eq=False, slots=True)
class Delete:
    """A delete on its way. ``own``: of the bot's own message, which needs no permission and goes alone.

    ``end`` is set when it is done or failed. ``alone``: Discord did not take it together with others.
    """

    message_id: int
    reason: str | None
    case_id: int | None
    own: bool
    end: asyncio.Future[None]
    alone: bool = False

    @property
    def age(self) -> float:
        """Seconds since the message was posted."""
        return time.time() - discord.utils.snowflake_time(self.message_id).timestamp()


class Deletes:
    """The deletes of all channels. Safe to call from many tasks at once."""

    def __init__(self, http: Callable[[], HTTPClient]) -> None:
        self._http = http
        self._channels: dict[int, _Channel] = {}

    async def delete(
        self, channel_id: int, message_id: int, *, reason: str | None, case_id: int | None, own: bool
    ) -> None:
        """Delete a message; it being gone already is a success.

        Raises what discord.py raises, and CallError with a time when too many wait in the channel.
        """
        end = asyncio.get_running_loop().create_future()
        await self._channel(channel_id).carry_out(Delete(message_id, reason, case_id, own, end))

    def _channel(self, channel_id: int) -> _Channel:
        found = self._channels.get(channel_id)
        if found is None:
            if len(self._channels) >= CHANNELS:
                self._channels = {id_: one for id_, one in self._channels.items() if one.busy}
            found = self._channels[channel_id] = _Channel(channel_id, self._http)
        return found


class _Channel:
    """The deletes of one channel: what waits, and when each lane was used."""

    def __init__(self, channel_id: int, http: Callable[[], HTTPClient]) -> None:
        self._id = channel_id
        self._http = http
        self._waiting: list[Delete] = []
        self._sent: dict[Lane, deque[float]] = {lane: deque(maxlen=limit) for lane, (limit, _) in LIMITS.items()}
        self._turns = dict.fromkeys(ROOM, 0.0)
        self._changed = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._requests: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether anything waits or is under way."""
        return self._pump is not None or bool(self._requests)

    async def carry_out(self, delete: Delete) -> None:
        """Have a delete done, together with others that wait."""
        self._admit(delete)
        self._add([delete])
        await delete.end

    def _admit(self, delete: Delete) -> None:
        """Raise CallError when too many wait already, with the time at which it should be this one's turn."""
        old = delete.age >= BULK_SECONDS
        queue = Lane.OLD if old else Lane.BULK
        if sum((one.age >= BULK_SECONDS) == old for one in self._waiting) < ROOM[queue]:
            return
        limit, period = LIMITS[queue]
        each = period / (limit if old else limit * MOST)
        now = time.monotonic()
        self._turns[queue] = max(self._turns[queue], now + ROOM[queue] * each) + each
        raise CallError(TURN, retry_after=self._turns[queue] - now)

    def _add(self, deletes: Iterable[Delete]) -> None:
        self._waiting.extend(deletes)
        self._changed.set()
        if self._pump is None:
            # A task: whatever is about to be added in this turn of the loop is there when it begins.
            self._pump = asyncio.create_task(self._run(), name=f"deletes-{self._id}")

    async def _run(self) -> None:
        """Send what can be sent, until nothing waits any more."""
        try:
            while True:
                self._waiting = [one for one in self._waiting if not one.end.done()]
                self._changed.clear()
                self._send()
                if not self._waiting:
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._until_free()):
                        await self._changed.wait()
        finally:
            self._pump = None
            self._fail(self._waiting, RuntimeError("the deletes of a channel ended"))  # nobody shall wait for ever

    def _send(self) -> None:
        waiting = [Waiting(one.message_id, one.age, one.own or one.alone) for one in self._waiting]
        lanes = {one.message_id: one.lane for one in waiting}
        batches = plan(waiting, {lane: self._free(lane) for lane in Lane})
        for message_id in batches.singles:
            for delete in self._take({message_id}):
                self._start(lanes[message_id], self._alone(delete))
        if batches.together:
            self._start(Lane.BULK, self._together(self._take(set(batches.together))))

    def _take(self, message_ids: Collection[int]) -> list[Delete]:
        """Take these out of what waits; a second delete of the same message stays for another turn."""
        taken: dict[int, Delete] = {}
        left: list[Delete] = []
        for one in self._waiting:
            if one.message_id in message_ids and one.message_id not in taken:
                taken[one.message_id] = one
            else:
                left.append(one)
        self._waiting = left
        return list(taken.values())

    def _start(self, lane: Lane, request: Coroutine[object, object, None]) -> None:
        self._sent[lane].append(time.monotonic())
        task = asyncio.create_task(request, name=f"delete-{lane.name.lower()}-{self._id}")
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    def _free(self, lane: Lane) -> int:
        limit, period = LIMITS[lane]
        since = time.monotonic() - period
        return limit - sum(at > since for at in self._sent[lane])

    def _until_free(self) -> float:
        """Seconds until a lane that is used up has room again."""
        full = [self._sent[lane][0] + LIMITS[lane][1] for lane in Lane if not self._free(lane)]
        return max(0.001, min(full, default=0.0) - time.monotonic())

    # ------------------------------------------------------------------------------------------------ requests

    async def _alone(self, delete: Delete) -> None:
        try:
            await self._http().delete_message(self._id, delete.message_id, reason=delete.reason)
        except Exception as error:  # noqa: BLE001 - whoever waits for the delete is told
            if isinstance(error, discord.NotFound) and error.code in GONE:
                self._done([delete])
            else:
                self._fail([delete], error)
        else:
            self._done([delete])

    async def _together(self, deletes: list[Delete]) -> None:
        ids: list[int | str] = [one.message_id for one in deletes]
        try:
            await self._http().delete_messages(self._id, ids, reason=shared_reason(deletes))
        except Exception as error:  # noqa: BLE001 - whoever waits for a delete is told
            if _about_single_messages(error):
                log.info("deletes.not_together", channel_id=self._id, messages=len(deletes))
                for one in deletes:
                    one.alone = True
                self._add(one for one in deletes if not one.end.done())
            elif isinstance(error, discord.NotFound) and error.code == UNKNOWN_CHANNEL:
                self._done(deletes)
            else:
                self._fail(deletes, error)
        else:
            metrics.BULK_DELETES.inc()
            metrics.BULK_DELETED_MESSAGES.inc(len(deletes))
            self._done(deletes)

    def _done(self, deletes: Iterable[Delete]) -> None:
        for one in deletes:
            if not one.end.done():
                one.end.set_result(None)

    def _fail(self, deletes: Iterable[Delete], error: Exception) -> None:
        failed = list(deletes)
        of_others = not all(one.own for one in failed)
        if of_others and isinstance(error, discord.HTTPException) and holds_for_channel(error):
            # What is refused here is refused for whatever waits, too: none of it need ask.
            failed += [one for one in self._waiting if not one.own]
        for one in failed:
            if not one.end.done():
                one.end.set_exception(error)


def shared_reason(deletes: Collection[Delete]) -> str | None:
    """The reason of a request for several deletes: theirs, or what theirs have in common, and of how many cases."""
    reasons = {one.reason for one in deletes if one.reason}
    if len(reasons) <= 1:
        return next(iter(reasons), None)
    beginnings = sorted({reason.partition(" (case ")[0] for reason in reasons})
    cases = {one.case_id for one in deletes}
    counted = f"{len(cases)} cases" if len(cases) > 1 else f"case {cases.pop()}"
    return f"{'; '.join(beginnings)} ({counted})"


def _about_single_messages(error: Exception) -> bool:
    """Whether the answer to a bulk delete may be due to some of its messages, so that the others can still go."""
    if not isinstance(error, discord.HTTPException) or error.code == UNKNOWN_CHANNEL or holds_for_channel(error):
        return False
    return error.status in {400, 404} or error.code == ACTION_REFUSED
