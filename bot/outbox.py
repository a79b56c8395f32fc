"""Carries out the pending Discord calls of the store, one after the other in each lane, and resumes after a crash.

A call is claimed with a lease, carried out, and noted as done in the transaction that also takes over its result. A
crash at any point leaves a lease that runs out; the call is then claimed again and marked as uncertain, and
:class:`Calls` sees to it that nobody sees it twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from .model import Call, CallKind
from .store.engine import Store, Tx
from .store.outbox import ClaimedCall

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
"""How long a call stays with a dispatcher that fell silent. A living one renews three times in this time."""

MAX_ATTEMPTS = 12
FIRST_DELAY = 1.0
LAST_DELAY = 300.0
POLL = 5.0
"""Seconds after which an idle dispatcher looks for calls that another process wrote or dropped."""

_LINE = "outbox"
"""Where the dispatcher waits for the database's writer."""

SOON = 0.1
"""Seconds to wait for a call that is due while another transaction still holds it."""


class CallError(Exception):
    """A call was not carried out. ``sentence`` goes into the case and the log; it never holds message text.

    ``permanent``: trying again cannot help. ``retry_after``: seconds until Discord wants to be asked again.
    ``uncertain``: it may have happened all the same; by default so for a failure that is neither permanent nor names
    a time, such as a connection that broke. One that names a time and is not uncertain is no attempt: however often
    a call has to wait, it is not given up for that.
    """

    def __init__(
        self,
        sentence: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        uncertain: bool | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.permanent = permanent
        self.retry_after = retry_after
        self.uncertain = not permanent and retry_after is None if uncertain is None else uncertain

    @property
    def waits(self) -> bool:
        """Whether the call was not even tried, and waits for its time."""
        return self.retry_after is not None and not self.permanent and not self.uncertain


@dataclass(frozen=True, slots=True)
class CallResult:
    """Which message a call made or changed, if it did."""

    channel_id: int | None = None
    message_id: int | None = None


class Calls(Protocol):
    """Who can really talk to Discord."""

    async def carry_out(self, call: Call, *, uncertain: bool) -> CallResult:
        """Do what ``call`` says. Raises CallError.

        ``uncertain``: an earlier attempt may have done it already; look first, so that nobody sees it twice.
        """
        ...


Completed = Callable[[Tx, Call, CallResult], Awaitable[None]]
GaveUp = Callable[[Tx, Call, str], Awaitable[None]]
Count = Callable[[CallKind, str], None]


def _now() -> datetime:
    return datetime.now(UTC)


def _no_count(kind: CallKind, outcome: str) -> None:
    del kind, outcome


class Outbox:
    """The dispatcher of one process.

    ``completed`` and ``gave_up`` run in the transaction that finishes the call, at least once for each call that
    happened and exactly once as far as the database shows. ``owner`` must differ between processes that live at the
    same time; one that begins with ``place`` belongs to a process that is gone when this one starts, because no two are
    in one place at a time. ``count`` hears of every attempt: done, retried, postponed or given_up.

    ``concurrency``: how many calls run at once, apart from deletes. These have places of their own, so that cards that
    wait for a rate limit do not hold them up, and more: several of one channel become one request.
    """

    def __init__(
        self,
        store: Store,
        *,
        completed: Completed,
        gave_up: GaveUp,
        owner: str,
        place: str | None = None,
        concurrency: int = 24,
        deletes: int = 256,
        clock: Callable[[], datetime] = _now,
        count: Count = _no_count,
    ) -> None:
        self._store = store
        self._completed = completed
        self._gave_up = gave_up
        self._owner = owner
        self._place = place
        self._concurrency = concurrency
        self._deletes = deletes
        self._clock = clock
        self._count = count
        self._running: dict[int, asyncio.Task[None]] = {}
        self._patient: set[int] = set()
        self._woken = asyncio.Event()
        self._written = True
        self._at_rest = asyncio.Event()
        self._stopping = False
        self._loops: list[asyncio.Task[None]] = []

    # ------------------------------------------------------------------------------------------- start and stop

    async def start(self, calls: Calls) -> None:
        """Carry out what is pending, and from now on what is written."""
        if self._store.dialect == "sqlite" or self._place is not None:
            # Whatever is leased was in the hands of one that is gone: a process has an SQLite file for itself.
            predecessors = None if self._store.dialect == "sqlite" else self._place
            async with self._store.write() as tx:
                await tx.outbox.release(now=self._clock(), predecessors=predecessors)
        self._stopping = False
        self.wake()
        self._loops = [
            asyncio.create_task(self._dispatch(calls), name="outbox-dispatch"),
            asyncio.create_task(self._renew(), name="outbox-renew"),
        ]

    async def stop(self, *, drain: float = 10.0) -> None:
        """Claim nothing more, wait up to ``drain`` seconds for running calls, and give back the rest as uncertain."""
        if not self._loops:
            return
        dispatch, renew = self._loops
        self._stopping = True
        self.wake()
        try:
            async with asyncio.timeout(drain):
                await dispatch
                if self._running:
                    await asyncio.wait(self._running.values())
        except TimeoutError:
            log.warning("outbox.not_drained", running=len(self._running))
        leftover = [dispatch, renew, *self._running.values()]
        for task in leftover:
            task.cancel()
        await asyncio.gather(*leftover, return_exceptions=True)
        self._loops = []
        try:
            async with self._store.write() as tx:
                await tx.outbox.release(now=self._clock(), owner=self._owner)
        except Exception as error:  # noqa: BLE001 - the leases run out by themselves, and stopping must go on
            log.error("outbox.not_released", error=type(error).__name__)
        self._at_rest.set()

    def wake(self) -> None:
        """Look for calls now. To be called after a commit that wrote some; costs nothing."""
        self._written = True
        self._look_again()

    def _look_again(self) -> None:
        self._at_rest.clear()
        self._woken.set()

    def ended(self) -> list[str]:
        """The loops that have ended though they must not."""
        return [task.get_name() for task in self._loops if not self._stopping and task.done()]

    async def look(self) -> None:
        """Take up what another process wrote and did not take up itself; claims nothing where nothing is due."""
        if self._is_due(await self._next_due()):
            self.wake()

    async def idle(self) -> None:
        """Return when no call is running and none is due. Calls that wait for another attempt are not due."""
        if self._loops:
            self.wake()
            await self._at_rest.wait()

    # --------------------------------------------------------------------------------------------- dispatching

    async def _dispatch(self, calls: Calls) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                pause = await self._round(calls)
            except Exception as error:  # noqa: BLE001 - the dispatcher outlives any failure of the database
                log.error("outbox.round_failed", error=type(error).__name__)
                pause = FIRST_DELAY
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    async def _round(self, calls: Calls) -> float | None:
        """Start what may run now. Returns after how many seconds to look again; None: when woken."""
        urgent = self._deletes - (len(self._running) - len(self._patient))
        patient = self._concurrency - len(self._patient)
        if urgent <= 0 and patient <= 0:
            return None
        written, self._written = self._written, False
        if not written and not self._is_due(due := await self._next_due()):  # most calls that end are the last one
            return self._pause(due)
        now, owner = self._clock(), self._owner
        claimed: list[ClaimedCall] = []
        async with self._store.write(_LINE, ahead=True) as tx:
            for limit, deletes in ((urgent, True), (patient, False)):
                if limit > 0:
                    claimed += await tx.outbox.claim(now=now, lease=LEASE, owner=owner, limit=limit, urgent=deletes)
        others = sum(call.call.kind is not CallKind.DELETE_MESSAGE for call in claimed)
        full = len(claimed) - others >= urgent or others >= patient
        for call in claimed:
            if call.id in self._running:  # the lease ran out all the same, for example while the database was away
                continue
            task = asyncio.create_task(self._carry_out(calls, call), name=f"outbox-{call.call.kind}-{call.id}")
            self._running[call.id] = task
            if call.call.kind is not CallKind.DELETE_MESSAGE:
                self._patient.add(call.id)
        if full:  # whatever ends makes room and wakes; deletes that another process wrote are looked for all the same
            return POLL
        return self._pause(await self._next_due())

    async def _next_due(self) -> datetime | None:
        async with self._store.read() as tx:
            return await tx.outbox.next_due()

    def _is_due(self, due: datetime | None) -> bool:
        return due is not None and due <= self._clock()

    def _pause(self, due: datetime | None) -> float:
        """Seconds until the next look. Rest begins when nothing runs, nothing is due and nobody called meanwhile."""
        seconds = POLL if due is None else (due - self._clock()).total_seconds()
        if seconds > 0 and not self._running and not self._woken.is_set():
            self._at_rest.set()
        return min(max(seconds, SOON), POLL)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            if not self._running:
                continue
            try:
                async with self._store.write() as tx:
                    await tx.outbox.renew(list(self._running), owner=self._owner, until=self._clock() + LEASE)
            except Exception as error:  # noqa: BLE001 - two more tries follow before the leases run out
                log.error("outbox.not_renewed", error=type(error).__name__)

    # ------------------------------------------------------------------------------------------------ one call

    async def _carry_out(self, calls: Calls, claimed: ClaimedCall) -> None:
        try:
            try:
                result = await calls.carry_out(claimed.call, uncertain=claimed.uncertain)
            except CallError as error:
                await self._failed(claimed, error)
            except Exception as error:  # noqa: BLE001 - a defect in one call must not stop the others
                # Only the type: the text of a foreign error may quote what it failed on.
                log.error("outbox.call_crashed", **_names(claimed), error=type(error).__name__)
                await self._failed(claimed, CallError(f"An internal error stopped it ({type(error).__name__})."))
            else:
                await self._done(claimed, result)
        finally:
            del self._running[claimed.id]
            self._patient.discard(claimed.id)
            self._look_again()

    async def _done(self, claimed: ClaimedCall, result: CallResult) -> None:
        try:
            async with self._store.write(claimed.call.guild_id) as tx:
                if await tx.outbox.done(claimed.id, self._clock()):
                    await self._completed(tx, claimed.call, result)
        except Exception as error:  # noqa: BLE001 - whatever it was, the call happened and must be settled later
            log.error("outbox.not_written", **_names(claimed), error=type(error).__name__)
            await self._failed(claimed, CallError("It was carried out but could not be written down."))
        else:
            self._count(claimed.call.kind, "done")

    async def _failed(self, claimed: ClaimedCall, error: CallError) -> None:
        gives_up = error.permanent or (claimed.attempts >= MAX_ATTEMPTS and not error.waits)
        try:
            async with self._store.write(claimed.call.guild_id) as tx:
                if gives_up:
                    await self._give_up(tx, claimed, error)
                else:
                    await tx.outbox.retry(
                        claimed.id,
                        at=self._clock() + timedelta(seconds=_delay(claimed.attempts, error)),
                        error=error.sentence,
                        uncertain=error.uncertain,
                        owner=self._owner,
                        counted=not error.waits,
                    )
        except Exception as failure:  # noqa: BLE001 - the lease runs out, then the call is taken up again
            log.error("outbox.not_written", **_names(claimed), error=type(failure).__name__)
            return
        if gives_up:
            log.error("outbox.gave_up", **_names(claimed), reason=error.sentence)
        elif error.waits:
            log.debug("outbox.waits", **_names(claimed), reason=error.sentence)
        else:
            log.info("outbox.retry", **_names(claimed), reason=error.sentence)
        self._count(claimed.call.kind, "given_up" if gives_up else "postponed" if error.waits else "retried")

    async def _give_up(self, tx: Tx, claimed: ClaimedCall, error: CallError) -> None:
        if await tx.outbox.give_up(claimed.id, at=self._clock(), error=error.sentence, owner=self._owner):
            await self._gave_up(tx, claimed.call, error.sentence)


def _delay(attempts: int, error: CallError) -> float:
    """Seconds until the next attempt: what Discord asked for, else twice as long each time, a little at random."""
    if error.retry_after is not None:
        return max(0.0, error.retry_after)
    doubled = FIRST_DELAY * 2 ** min(attempts - 1, 16)
    return min(max(doubled * random.uniform(0.75, 1.25), FIRST_DELAY), LAST_DELAY)  # noqa: S311 - spreads load only


def _names(claimed: ClaimedCall) -> dict[str, int | str | None]:
    """What a log line says of a call: never its payload."""
    return {
        "kind": claimed.call.kind,
        "call_id": claimed.id,
        "case_id": claimed.call.case_id,
        "guild_id": claimed.call.guild_id,
        "attempts": claimed.attempts,
    }
