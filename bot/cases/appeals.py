"""Appeals of authors of removed messages, and how another moderator answers them.

An appeal is against one decision on a case, by its number. Against a removal that nobody decided about yet (number 0,
or a decision that was taken back) it waits for the next decision, which answers it. Against a decision it brings the
case back to the moderators, and somebody else than the decider answers it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.errors import NotAllowedError, StaleCaseError
from bot.guilds import GuildService
from bot.model import (
    Appeal,
    AppealOutcome,
    Call,
    Case,
    CaseState,
    Decision,
    GuildSettings,
    PolicyReason,
    Sighting,
)
from bot.store.engine import Store, Tx

from . import calls, notices, outcomes, reasons, sanctions, texts
from .decisions import DecisionService
from .service import CaseService
from .states import APPEAL_WINDOW, CaseAction, target

LONGEST_STATEMENT = 1000
"""Characters of what an author can say."""

NOT_YOURS = "There is nothing in this case that you could appeal: no message of yours was removed in it."
IN_FAVOUR = "The decision was in your favour, so there is nothing to appeal: nothing is held against you."
EXPIRED = "Nobody confirmed it in time, so nothing is held against you and there is nothing to appeal."
WAITING = "You have appealed already; you will hear once how it was answered."
ANSWERED = "Your appeal was answered already, and each decision can be appealed once."
NO_WORDS = "The appeal is empty; write what the moderators should know."
MOVED = "The moderators just moved this case; please try again."
NOT_GRANTED = "Granting an appeal needs a decision in favour of the author; choose another one, or uphold."


@dataclass(frozen=True, slots=True)
class Appealable:
    """What a member can appeal. ``at``: when it was decided, or removed (``reason`` None) if nobody decided yet.

    ``reason`` is None, too, where a minor is suspected: such a case is named without any detail.
    """

    case_id: int
    at: datetime
    until: datetime
    channel_id: int | None
    decided: bool
    reason: PolicyReason | None


class AppealService:
    """Takes appeals and their answers. Safe to call from many tasks at once."""

    def __init__(
        self,
        store: Store,
        guilds: GuildService,
        cases: CaseService,
        decisions: DecisionService,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._guilds = guilds
        self._cases = cases
        self._decisions = decisions
        self._clock = clock

    # --------------------------------------------------------------------------------------------- authors

    async def open_for(self, guild_id: int, author_id: int) -> list[Appealable]:
        """What a member can appeal now in a guild, newest first."""
        async with self._store.read() as tx:
            posted = await tx.sightings.posted(guild_id, author_id)
            sanctioned = await tx.sanctions.by_member(guild_id, author_id)
            numbers = {one.case_id for one in posted} | {one.case_id for one in sanctioned}
            found: list[Appealable] = []
            for number in numbers:
                case = None if number is None else await tx.cases.get(number)
                if case is None:
                    continue
                what = await self._look(tx, case, author_id)
                if isinstance(what, Appealable):
                    found.append(what)
        return sorted(found, key=lambda one: (one.at, one.case_id), reverse=True)

    async def check(self, case_id: int, author_id: int) -> Appealable:
        """What the author would appeal in a case now; NotAllowedError, in one sentence, when they cannot."""
        async with self._store.read() as tx:
            case = await self._followed(tx, case_id)
            return await self._require(tx, case, author_id)

    async def appeal(self, case_id: int, author_id: int, statement: str, *, request_id: int | None = None) -> Case:
        """Appeal as the author of a removed message or as a sanctioned member; once for each decision.

        Raises NotAllowedError with one sentence for the author when they cannot: it is not about them, too late, in
        their favour, or they did so already.
        """
        words = statement.strip()[:LONGEST_STATEMENT].strip()
        if not words:
            raise NotAllowedError(NO_WORDS)
        async with self._store.read() as tx:
            case_id = (await self._followed(tx, case_id)).id

        async def change(tx: Tx, case: Case) -> Case:
            if case.duplicate_of is not None:
                raise StaleCaseError(MOVED)
            await self._require(tx, case, author_id)
            now = self._clock()
            appeal = await tx.appeals.add(
                case_id=case.id,
                guild_id=case.guild_id,
                author_id=author_id,
                decision_number=case.decision_number,
                statement=words,
                at=now,
            )
            assert appeal is not None, "the row of the case is locked, and its appeals were just looked at"
            guild = await self._guilds.within(tx, case.guild_id)
            return await self._bring_back(tx, case, guild, appeal, request_id)

        return await self._cases.once(case_id, request_id, change)

    async def erase(self, author_id: int, guild_id: int | None = None) -> int:
        """Forget what a member wrote in appeals, in one guild or in all (None); how many. The outcomes stay."""
        async with self._store.write() as tx:
            return await tx.appeals.erase(author_id, guild_id)

    # --------------------------------------------------------------------------------------------- moderators

    async def answer(
        self,
        case_id: int,
        version: int,
        actor_id: int,
        outcome: AppealOutcome,
        *,
        decision: Decision = Decision.NOT_A_MATCH,
        reason: PolicyReason | None = None,
        request_id: int | None = None,
    ) -> Case:
        """Answer every open appeal of an appealed case as a moderator who did not decide it.

        UPHELD: the decision stays and the case is closed. OVERTURNED: the decision is taken back and ``decision``, for
        ``reason``, takes its place. Each author hears it once. Raises StaleCaseError when the case is not at
        ``version`` any more, and NotAllowedError when the moderator decided it, is one of its authors or an appellant,
        or somebody else holds it.
        """
        if outcome is AppealOutcome.OVERTURNED and not decision.mistaken:
            raise NotAllowedError(NOT_GRANTED)

        async def change(tx: Tx, case: Case) -> Case:
            await self._require_other(tx, case, version, actor_id)
            guild = await self._guilds.within(tx, case.guild_id)
            if outcome is AppealOutcome.UPHELD:
                answered = await self._uphold(tx, case, actor_id, request_id)
            else:
                why = reasons.of(decision, case.category, reason)
                answered = await self._overturn(tx, case, guild, actor_id, decision, why, request_id)
            await self._cases.weigh_others(tx, answered, guild)
            await self._cases.draw(tx, answered, guild, f"v{answered.version}")
            return answered

        answered = await self._cases.once(case_id, request_id, change)
        await self._cases.after_change()
        return answered

    async def _require_other(self, tx: Tx, case: Case, version: int, actor_id: int) -> None:
        """Raise an error unless the case is appealed and somebody without a part in it answers what they saw."""
        await self._cases.require_current(tx, case, version, actor_id)
        target(case.state, CaseAction.UPHOLD)
        if case.decided_by == actor_id:
            raise NotAllowedError(texts.OWN_DECISION)
        if any(appeal.author_id == actor_id for appeal in await tx.appeals.by_case(case.id)):
            raise NotAllowedError(texts.OWN_MESSAGE)
        self._cases.require_free(case, actor_id)

    async def _uphold(self, tx: Tx, case: Case, actor_id: int, request_id: int | None) -> Case:
        closed = await self._cases.change(
            tx, case, state=target(case.state, CaseAction.UPHOLD), claimed_by=None, claimed_until=None
        )
        await self._cases.event(tx, closed, "upheld", actor_id, "", request_id)
        await notices.upheld(tx, closed, actor_id, self._clock())
        return closed

    async def _overturn(
        self,
        tx: Tx,
        case: Case,
        guild: GuildSettings,
        actor_id: int,
        decision: Decision,
        reason: PolicyReason,
        request_id: int | None,
    ) -> Case:
        decided = await self._cases.change(
            tx,
            case,
            state=target(case.state, CaseAction.OVERTURN),
            decision=decision,
            decided_by=actor_id,
            decided_at=self._clock(),
            policy_reason=reason,
            decision_number=case.decision_number + 1,
            claimed_by=None,
            claimed_until=None,
        )
        parts = await self._decisions.revert(tx, case, guild, actor_id)
        await outcomes.taken_back(tx, case)
        await self._cases.event(tx, decided, "overturned", actor_id, " ".join(parts), request_id)
        await self._cases.event(tx, decided, decision.value, actor_id, reason.value)
        decided = await self._decisions.apply(tx, decided, guild, actor_id)
        await self._cases.tell_reporters(tx, decided)
        return decided

    # --------------------------------------------------------------------------------------------- what can be appealed

    async def _followed(self, tx: Tx, case_id: int) -> Case:
        """The case, or the one that holds the copies of a duplicate; NotAllowedError when there is none."""
        case = await tx.cases.get(case_id)
        if case is not None and case.duplicate_of is not None:
            case = await tx.cases.get(case.duplicate_of)
        if case is None:
            raise NotAllowedError(NOT_YOURS)
        return case

    async def _require(self, tx: Tx, case: Case, author_id: int) -> Appealable:
        what = await self._look(tx, case, author_id)
        if isinstance(what, str):
            raise NotAllowedError(what)
        return what

    async def _look(self, tx: Tx, case: Case, author_id: int) -> Appealable | str:
        """What a member can appeal in a case, or the sentence why they cannot."""
        mine = [
            one
            for one in await tx.sightings.posted(case.guild_id, author_id, case_id=case.id)
            if one.deleted_at is not None and one.message.member_id is not None
        ]
        ordered = await sanctions.of_decision(tx, case, case.decision_number)
        sanctioned = any(one.user_id == author_id for one in ordered)
        if not mine and not sanctioned:
            return NOT_YOURS
        if case.state is CaseState.EXPIRED:
            return EXPIRED
        if notices.in_favour(case, mine):
            return IN_FAVOUR
        for appeal in await tx.appeals.by_case(case.id):
            if appeal.author_id == author_id and appeal.decision_number == case.decision_number:
                return WAITING if appeal.outcome is None else ANSWERED
        at = _since(case, mine)
        if self._clock() > at + APPEAL_WINDOW:
            return too_late(at)
        return Appealable(
            case.id,
            at,
            at + APPEAL_WINDOW,
            mine[-1].message.channel_id if mine else None,
            case.decision is not None,
            None if case.in_lane else case.policy_reason,
        )

    async def _bring_back(
        self, tx: Tx, case: Case, guild: GuildSettings, appeal: Appeal, request_id: int | None
    ) -> Case:
        """Show an appeal to the moderators: a decided case is theirs again, and they are called for the first one."""
        if case.state.undecided and case.state is not CaseState.APPEALED:
            await self._cases.event(tx, case, "appealed", appeal.author_id, "against the removal", request_id)
            await self._cases.draw(tx, case, guild, f"appeal:{appeal.id}")
            return case
        if case.state is CaseState.APPEALED:  # at another version: whoever answers has to have seen this one, too
            back = await self._cases.change(tx, case)
        else:
            to = target(case.state, CaseAction.APPEAL)
            back = await self._cases.change(tx, case, state=to, claimed_by=None, claimed_until=None, bumped_at=None)
            back = await self._cases.prioritise(tx, back)
            await self._cases.weigh_others(tx, back, guild)
            alert = _alert(back, guild)
            await tx.outbox.put([alert] if alert else [], self._clock())
        await self._cases.event(tx, back, "appealed", appeal.author_id, "against the decision", request_id)
        await self._cases.draw(tx, back, guild, f"v{back.version}")
        return back


def too_late(at: datetime) -> str:
    """To an author whose time to appeal is over."""
    ended = int((at + APPEAL_WINDOW).timestamp())
    return f"It is too late to appeal: that was possible until <t:{ended}:D>. If it still matters, ask the moderators."


def _since(case: Case, mine: Sequence[Sighting]) -> datetime:
    """When the time to appeal began: with the decision, or with the removal of the author's last message."""
    if case.decided_at is not None:
        return case.decided_at
    removals = [one.deleted_at for one in mine if one.deleted_at is not None]
    return max(removals, default=case.opened_at)


def _alert(case: Case, guild: GuildSettings) -> Call | None:
    channel_id = calls.card_channel(case, guild)
    own = case.in_lane and channel_id == guild.child_safety_channel_id
    role_id = guild.child_safety_role_id if own else guild.alert_role_id
    return calls.alert(case, channel_id, role_id, texts.appealed(case), f"appealed:{case.version}")
