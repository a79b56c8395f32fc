"""What happens to cases by the clock: leases run out, forgotten cases come up again, and everything ends some day.

Several processes may run this at once. What is due is read for all guilds together and changed guild by guild; each
case is looked at again under its own lock and changed only if it is still at the version that was read, and what
happens once a day is taken by a row of its own. So nothing happens twice, and one guild's trouble stops no other's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog

from bot.guilds import GuildService
from bot.model import Call, Case, CaseState, GuildSettings
from bot.ops import metrics
from bot.settings import ReviewSettings
from bot.store.aging import Due
from bot.store.cases import CaseChanges
from bot.store.engine import Store, Tx

from . import aging_texts as texts
from . import calls, notices, takedowns
from .priority import urgency
from .service import CaseService
from .states import UNDO_WINDOW, CaseAction, target

log = structlog.get_logger(__name__)

LONGER = timedelta(days=30)
"""How long an escalated case, one of a suspected minor, and one whose picture somebody asked to take down waits for a
decision at least."""

DAY = timedelta(days=1)
WEEK = timedelta(days=7)

DIGEST_AGE = timedelta(hours=1)
"""A digest is worth writing once something is open for so long: not right behind a new card."""

MOST_DRAWN = 25
"""Cards of a guild that one step of one run draws again. Discord takes about one a second in a channel, and new cards
must not wait behind hundreds of old ones."""

MOST_NAMED = 1_000
"""Cases of a guild that are brought up again at once: they share one line, and no card is drawn."""

_CLAIMS = frozenset({"claimed", "assigned"})

Act = Callable[[Tx, GuildSettings, dict[int, Due], list[Case], datetime], Awaitable[None]]
HeadLine = Callable[[Tx, int], Awaitable[str | None]]
"""The line about a guild's audit chain as it stands; None if it has none."""

Weekly = Callable[[Tx, GuildSettings, datetime], Awaitable[Sequence[Call]]]
"""The calls that post a guild's numbers of the last week."""


class AgingService:
    """Everything that is due by now, for all guilds. ``wake`` is called after a commit that wrote calls.

    ``head_line`` and ``weekly`` say what is posted once a day and once a week besides; None: nothing.
    """

    def __init__(
        self,
        store: Store,
        guilds: GuildService,
        cases: CaseService,
        settings: ReviewSettings,
        *,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
        head_line: HeadLine | None = None,
        weekly: Weekly | None = None,
    ) -> None:
        self._store = store
        self._guilds = guilds
        self._cases = cases
        self._expiry = timedelta(days=settings.expire_days)
        self._longer = max(LONGER, self._expiry)
        self._clock = clock
        self._wake = wake
        self._head_line = head_line
        self._weekly = weekly

    async def run(self) -> None:
        """Do all that is due. What fails in one guild is logged, counted, and tried again at the next run.

        Raises DatabaseError when what is due cannot be read.
        """
        now = self._clock()
        async with self._store.read() as tx:
            leases = await tx.aging.leases(now)
            unclaimed = await tx.aging.unclaimed(now)
            unreminded = await tx.aging.unreminded(now)
            late = await tx.aging.takedowns(now, takedowns.STEPS, takedowns.LATE)
            undecided = await tx.aging.undecided(now, ordinary=self._expiry, longer=self._longer)
            decided = await tx.aging.decided(now - UNDO_WINDOW)
            digests = await tx.aging.guilds_with_open("digest", not_since=now - DAY, before=now - DIGEST_AGE)
            heads = await tx.aging.guilds_due("head", not_since=now - DAY) if self._head_line else []
            weeks = await tx.aging.guilds_due("weekly", not_since=now - WEEK) if self._weekly else []
        await self._change("leases", leases, MOST_DRAWN, self._end_leases, now)
        # Escalated first: after a long rest a case that was due for everything is neither reminded of nor expired.
        await self._change("escalation", unclaimed, MOST_DRAWN, self._escalate, now)
        await self._change("takedown", late, MOST_DRAWN, self._hurry, now)
        await self._change("reminder", unreminded, MOST_NAMED, self._remind, now)
        await self._change("expiry", undecided, MOST_DRAWN, self._expire, now)
        await self._change("closing", decided, MOST_DRAWN, self._close, now)
        for guild_id in digests:
            await self._guarded("digest", guild_id, self._digest(guild_id, now))
        for guild_id in heads:
            await self._guarded("head", guild_id, self._head(guild_id, now))
        for guild_id in weeks:
            await self._guarded("weekly", guild_id, self._week(guild_id, now))

    # --------------------------------------------------------------------------------------------- cases

    async def _change(self, step: str, due: Sequence[Due], most: int, act: Act, now: datetime) -> None:
        """Take one step in every guild that has cases for it, up to ``most`` of them, oldest first."""
        by_guild: defaultdict[int, dict[int, Due]] = defaultdict(dict)
        for one in due:
            if len(by_guild[one.guild_id]) < most:
                by_guild[one.guild_id][one.case_id] = one
        for guild_id, wanted in by_guild.items():
            await self._guarded(step, guild_id, self._change_guild(guild_id, wanted, act, now))

    async def _change_guild(self, guild_id: int, wanted: dict[int, Due], act: Act, now: datetime) -> None:
        async with self._store.write() as tx:
            await tx.aging.in_turn(guild_id)
            free = await tx.cases.free(list(wanted))
            still = [case for case in free if case.version == wanted[case.id].version]
            if not still:
                return
            await act(tx, await self._guilds.within(tx, guild_id), wanted, still, now)
        self._wake()

    async def _guarded(self, step: str, guild_id: int, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one guild, the others get their turn
            metrics.BACKGROUND_ERRORS.labels("aging").inc()
            log.error("aging.failed", step=step, guild_id=guild_id, error=type(error).__name__)

    async def _set(self, tx: Tx, case: Case, action: CaseAction, kind: str, detail: str, changes: CaseChanges) -> Case:
        """Change a case that this transaction holds, and write the line of its history."""
        changes["state"] = target(case.state, action)
        changed = await self._cases.change(tx, case, **changes)
        await self._cases.event(tx, changed, kind, None, detail)
        return changed

    async def _draw(self, tx: Tx, case: Case, guild: GuildSettings) -> None:
        """Draw a card again. A case that never had one gets none by growing old."""
        if case.card_message_id is not None:
            await self._cases.draw(tx, case, guild, f"v{case.version}")

    async def _end_leases(
        self, tx: Tx, guild: GuildSettings, due: dict[int, Due], cases: list[Case], now: datetime
    ) -> None:
        del due
        for case in cases:
            if case.claimed_until is None or case.claimed_until > now:
                continue  # renewed meanwhile, which changes no version
            free = CaseChanges(claimed_by=None, claimed_until=None)
            released = await self._set(tx, case, CaseAction.RELEASE, "lease_ended", "", free)
            await self._draw(tx, released, guild)

    async def _escalate(
        self, tx: Tx, guild: GuildSettings, due: dict[int, Due], cases: list[Case], now: datetime
    ) -> None:
        hours = guild.escalate_hours
        raised: list[Case] = []
        for case in cases:
            since = due[case.id].since
            claimed = any(event.kind in _CLAIMS and event.at >= since for event in await tx.events.of_case(case.id))
            detail = texts.unclaimed(hours, claimed=claimed)
            changes = CaseChanges(escalated_at=now)
            raised.append(await self._set(tx, case, CaseAction.ESCALATE, "escalated", detail, changes))
            await self._draw(tx, raised[-1], guild)
        role_id = guild.escalation_role_id
        text = texts.escalated(sorted(raised, key=urgency), hours, role_id)
        await self._say(tx, guild, guild.review_channel_id, f"escalated:{_name(raised, now)}", text, mention=role_id)

    async def _remind(
        self, tx: Tx, guild: GuildSettings, due: dict[int, Due], cases: list[Case], now: datetime
    ) -> None:
        waiting = [case for case in cases if case.bumped_at is None or case.bumped_at < due[case.id].since]
        for lane in (False, True):
            named = sorted((case for case in waiting if case.in_lane is lane), key=urgency)
            channel_id = calls.card_channel(named[0], guild) if named else None
            if channel_id is None:
                continue
            await tx.aging.reminded([case.id for case in named], now)
            for case in named:
                await self._cases.event(tx, case, "reminded", None)
            text = texts.waiting(named, guild.remind_hours, lane=lane)
            await self._say(tx, guild, channel_id, f"reminded:{_name(named, now)}", text)

    async def _hurry(self, tx: Tx, guild: GuildSettings, due: dict[int, Due], cases: list[Case], now: datetime) -> None:
        """Bring requests to take a picture down up again; one that waited for 48 hours is escalated."""
        del due
        for case in cases:
            step = takedowns.overdue(case, now)  # a request may be withdrawn meanwhile, which changes no version
            if step is None or await takedowns.spoken_of(tx, case, step):
                continue
            await self._cases.event(tx, case, takedowns.LATE, None, takedowns.detail(step))
            late = case
            if step is takedowns.LAW and not case.in_lane and not _in_hand(case, now):
                freed = CaseChanges(escalated_at=now, claimed_by=None, claimed_until=None)
                late = await self._set(tx, case, CaseAction.ESCALATE, "escalated", takedowns.detail(step), freed)
                await self._draw(tx, late, guild)
            await takedowns.call_again(tx, late, guild, step, now)

    async def _expire(
        self, tx: Tx, guild: GuildSettings, due: dict[int, Due], cases: list[Case], now: datetime
    ) -> None:
        for case in cases:
            if case.claimed_until is not None and case.claimed_until > now:
                continue  # somebody has it in hand; their lease may have been renewed meanwhile
            if case.takedown_at is not None and case.takedown_at > now - self._longer:
                continue  # somebody asked meanwhile to take the picture down, which changes no version
            waited = now - due[case.id].since
            ended = CaseChanges(
                decision=None,
                decided_by=None,
                decided_at=now,
                thumbhash=None,
                claimed_by=None,
                claimed_until=None,
            )
            expired = await self._set(tx, case, CaseAction.EXPIRE, "expired", texts.undecided(waited), ended)
            await notices.expired(tx, expired, guild, now)
            await self._cases.tell_reporters(tx, expired)
            await self._draw(tx, expired, guild)

    async def _close(self, tx: Tx, guild: GuildSettings, due: dict[int, Due], cases: list[Case], now: datetime) -> None:
        del due, now
        for case in cases:
            closed = await self._set(tx, case, CaseAction.CLOSE, "closed", "", CaseChanges(thumbhash=None))
            await self._draw(tx, closed, guild)

    # --------------------------------------------------------------------------------------------- guilds

    async def _digest(self, guild_id: int, now: datetime) -> None:
        async with self._store.write() as tx:
            if not await tx.chores.take(guild_id, "digest", now=now, not_since=now - DAY):
                return
            guild = await self._guilds.within(tx, guild_id)
            queue = await tx.aging.queue(guild_id, now, lane=False)
            if queue.open:
                text = texts.digest(queue, guild_id)
                await self._say(tx, guild, guild.review_channel_id, f"digest:{_stamp(now)}", text)
            lane = await tx.aging.queue(guild_id, now, lane=True)
            if lane.open:
                text = texts.lane_digest(lane, guild_id)
                await self._say(tx, guild, _lane_channel(guild), f"digest:lane:{_stamp(now)}", text)
        self._wake()

    async def _head(self, guild_id: int, now: datetime) -> None:
        """Post the head of the audit log. The first day of a guild begins when it is first looked at."""
        assert self._head_line is not None, "without it no guild is looked for"
        async with self._store.write() as tx:
            first = await tx.chores.last(guild_id, "head") is None
            if not await tx.chores.take(guild_id, "head", now=now, not_since=now - DAY) or first:
                return
            line = await self._head_line(tx, guild_id)
            if line is not None:
                guild = await self._guilds.within(tx, guild_id)
                channel_id = guild.log_channel_id or guild.review_channel_id
                await self._say(tx, guild, channel_id, f"head:{_stamp(now)}", line)
        self._wake()

    async def _week(self, guild_id: int, now: datetime) -> None:
        """Post the week's numbers. The first week of a guild begins when it is first looked at."""
        assert self._weekly is not None, "without it no guild is looked for"
        async with self._store.write() as tx:
            first = await tx.chores.last(guild_id, "weekly") is None
            if not await tx.chores.take(guild_id, "weekly", now=now, not_since=now - WEEK) or first:
                return
            await tx.outbox.put(await self._weekly(tx, await self._guilds.within(tx, guild_id), now), now)
        self._wake()

    async def _say(
        self,
        tx: Tx,
        guild: GuildSettings,
        channel_id: int | None,
        name: str,
        text: str,
        *,
        mention: int | None = None,
    ) -> None:
        """Have one line written, once; nowhere in a guild without a channel for it."""
        if channel_id is None:
            return
        await tx.outbox.put([calls.line(guild, channel_id, name, text, mention=mention)], self._clock())


def _lane_channel(guild: GuildSettings) -> int | None:
    """Where cases of suspected minors are brought up."""
    return guild.child_safety_channel_id or guild.review_channel_id


def _in_hand(case: Case, now: datetime) -> bool:
    """Whether a case is escalated already, or somebody works on it just now."""
    leased = case.claimed_until is not None and case.claimed_until > now
    return case.state is CaseState.ESCALATED or leased


def _stamp(now: datetime) -> int:
    return int(now.timestamp() * 1000)


def _name(cases: Sequence[Case], now: datetime) -> str:
    """What tells a line about these cases from every other one."""
    return f"{cases[0].id}:{_stamp(now)}"
