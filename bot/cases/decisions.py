"""Decisions: what a moderator's press on a case does, and how it is taken back.

A decision, what it teaches (entries of the guild's own banks), its sanctions, the notices and the pending Discord calls
are one transaction; the index of this process follows right after it. Whoever changes a case and a bank does so in this
order.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.errors import NotAllowedError
from bot.guilds import GuildService
from bot.model import (
    Case,
    CaseState,
    Decision,
    GuildSettings,
    PolicyReason,
    Sanction,
    SanctionOrder,
)
from bot.store.cases import CaseChanges
from bot.store.engine import Tx

from . import clusters, lessons, notices, outcomes, reasons, sanctions, texts
from .clusters import MOST_SIGHTINGS
from .looking import LookingService
from .service import CaseService
from .states import UNDO_WINDOW, CaseAction, reopened_to, target


class DecisionService:
    """Decides cases and takes decisions back. Safe to call from many tasks at once."""

    def __init__(
        self,
        guilds: GuildService,
        cases: CaseService,
        looking: LookingService,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._guilds = guilds
        self._cases = cases
        self._looking = looking
        self._clock = clock

    async def decide(
        self,
        case_id: int,
        version: int,
        actor_id: int,
        decision: Decision,
        *,
        reason: PolicyReason | None = None,
        sanction: SanctionOrder | None = None,
        duplicate_of: int | None = None,
        request_id: int | None = None,
    ) -> Case:
        """Decide a case as a moderator. ``reason`` None: the usual one. The same ``request_id`` decides once.

        Raises StaleCaseError, whose sentence says who was faster, when the case is not at ``version`` any more, and
        NotAllowedError when the moderator posted one of its pictures, somebody else holds the case, a sanction or a
        reason does not go with the decision, or the other case of a duplicate cannot take it.
        """

        async def change(tx: Tx, case: Case) -> Case:
            await self._cases.require_current(tx, case, version, actor_id)
            self._cases.require_free(case, actor_id)
            if sanction is not None and decision is not Decision.CONFIRM:
                raise NotAllowedError("Only a confirmed case can have a sanction; choose Confirm, or leave it away.")
            if (decision is Decision.DUPLICATE) != (duplicate_of is not None):
                raise NotAllowedError("A duplicate, and nothing else, needs the number of the case that it belongs to.")
            if duplicate_of is not None:
                await self._require_mergeable(tx, case, duplicate_of)
            decided = await self._cases.change(
                tx,
                case,
                state=target(case.state, CaseAction.DECIDE),
                decision=decision,
                decided_by=actor_id,
                decided_at=self._clock(),
                policy_reason=reasons.of(decision, case.category, reason),
                decision_number=case.decision_number + 1,
                duplicate_of=duplicate_of,
                claimed_by=None,
                claimed_until=None,
            )
            assert decided.policy_reason is not None
            await self._cases.event(tx, decided, decision.value, actor_id, decided.policy_reason.value, request_id)
            await self._looking.note_decided(tx, decided, actor_id)
            guild = await self._guilds.within(tx, case.guild_id)
            ordered = [] if sanction is None else await self._sanction(tx, decided, sanction, actor_id)
            decided = await self.apply(tx, decided, guild, actor_id, ordered)
            await self._cases.weigh_others(tx, decided, guild)
            await self._cases.tell_reporters(tx, decided)
            await self._cases.draw(tx, decided, guild, f"v{decided.version}")
            return decided

        others = () if duplicate_of is None else (duplicate_of,)
        decided = await self._cases.once(case_id, request_id, change, with_cases=others)
        await self._cases.after_change()
        return decided

    async def undo(
        self, case_id: int, version: int, actor_id: int, *, admin: bool = False, request_id: int | None = None
    ) -> Case:
        """Take a decision back: a new event, after which the case is open again.

        Entries that the decision added no longer match; an entry that it revoked matches again; timeouts and bans are
        lifted. What cannot be taken back (deleted messages, kicks, warnings) is said in the case's history. After the
        window in which a decision can be taken back, or about a closed case, only an ``admin`` may.
        """

        async def change(tx: Tx, case: Case) -> Case:
            await self._cases.require_current(tx, case, version, actor_id)
            to = reopened_to(case, CaseAction.UNDO)
            late = case.decided_at is not None and case.decided_at + UNDO_WINDOW < self._clock()
            if (late or case.state is CaseState.CLOSED) and not admin:
                raise NotAllowedError(texts.TOO_LATE_TO_UNDO)
            reopened = await self._cases.change(tx, case, **_reopened(to))
            guild = await self._guilds.within(tx, case.guild_id)
            parts = await self.revert(tx, case, guild, actor_id)
            reopened = await self._cases.prioritise(tx, reopened)
            await self._cases.weigh_others(tx, reopened, guild)
            await notices.taken_back(tx, case, self._clock())
            await outcomes.taken_back(tx, case)
            await self._cases.event(tx, reopened, "undone", actor_id, " ".join(parts), request_id)
            await self._cases.draw(tx, reopened, guild, f"v{reopened.version}")
            return reopened

        reopened = await self._cases.once(case_id, request_id, change)
        await self._cases.after_change()
        return reopened

    # ------------------------------------------------------------------------------------------- within a transaction

    async def apply(
        self, tx: Tx, case: Case, guild: GuildSettings, actor_id: int, ordered: list[Sanction] | None = None
    ) -> Case:
        """Carry out what the decision on a case means: lists, deletions, notices, sanctions. Returns the case as it is.

        ``ordered`` are the sanctions of this decision; the notices go out before them.
        """
        match case.decision:
            case Decision.CONFIRM:
                case = await self._confirm(tx, case, guild, actor_id)
            case Decision.NOT_A_MATCH | Decision.HARMLESS_EDIT:
                await self._harmless(tx, case, guild, actor_id)
            case Decision.DUPLICATE:
                await self._merge(tx, case, guild)
            case _:
                pass
        await notices.decided(tx, case, guild, ordered or (), self._clock())
        await sanctions.carry_out(tx, ordered or [], self._clock())
        return case

    async def revert(self, tx: Tx, case: Case, guild: GuildSettings, actor_id: int) -> list[str]:
        """Take back what the decision on ``case`` (as it was decided) did; sentences about what was and what cannot be.

        The row of the case is to be changed first.
        """
        taken_back = await tx.banks.revoke_by_case(case.id, actor_id, self._clock())
        restored = await self._entries_revoked_by(tx, case.id)
        for entry_id in restored:
            await tx.banks.unrevoke(entry_id, actor_id, self._clock())
        parts = [f"E-{entry_id} revoked." for entry_id in taken_back]
        parts += [f"E-{entry_id} matches again." for entry_id in restored]
        parts += await sanctions.lift(tx, case, self._clock())
        if case.duplicate_of is not None:
            await self._part(tx, case, guild)
        return parts

    # ------------------------------------------------------------------------------------------- parts of a decision

    async def _sanction(self, tx: Tx, case: Case, wanted: SanctionOrder, actor_id: int) -> list[Sanction]:
        sightings = await tx.sightings.by_case(case.id, limit=MOST_SIGHTINGS)
        members = sanctions.authors(sightings)
        ordered = await sanctions.order(tx, case, wanted, members, actor_id, self._clock())
        if ordered:
            await self._cases.event(tx, case, "sanctioned", actor_id, f"{sanctions.in_words(wanted, len(ordered))}.")
        return ordered

    async def _confirm(self, tx: Tx, case: Case, guild: GuildSettings, actor_id: int) -> Case:
        """List what was only near (or only reported), and delete what still stands.

        Of a picture that is known by its file alone, that is every kept copy of the file.
        """
        await clusters.gather_file(tx, case)
        if case.takedown_at is not None:
            for entry_id in await lessons.doubt_known_good(tx, case, actor_id, self._clock()):
                await self._cases.event(tx, case, "entry_revoked", actor_id, f"E-{entry_id}")
        entry = await lessons.block_picture(tx, case, guild, actor_id, self._clock())
        if entry is not None:
            await self._cases.event(tx, case, "entry_added", actor_id, f"E-{entry.id}")
            if case.entry_id is None:
                case = await tx.cases.compare_and_set(case.id, case.version, entry_id=entry.id) or case
        await self._cases.remove_standing(tx, case)
        return case

    async def _harmless(self, tx: Tx, case: Case, guild: GuildSettings, actor_id: int) -> None:
        """Remember the picture as known-good, and mend what hung on the same entry.

        An entry that is this very picture goes off the list, unless the picture is an edit of what was rightly listed.
        """
        await self._reopen_siblings(tx, case, guild)
        if case.decision is Decision.NOT_A_MATCH:
            for entry_id in await lessons.doubt_entries(tx, case, actor_id, self._clock()):
                await self._cases.event(tx, case, "entry_revoked", actor_id, f"E-{entry_id}")
        good = await lessons.know_picture(tx, case, guild, actor_id, self._clock())
        if good is not None:
            await self._cases.event(tx, case, "known_good_added", actor_id, f"E-{good.id}")

    async def _reopen_siblings(self, tx: Tx, case: Case, guild: GuildSettings) -> None:
        """Reopen confirmed cases on the same entry that the new known-good picture puts in doubt."""
        if case.entry_id is None or case.fingerprint is None:
            return
        for other in await tx.cases.decided_on_entry(case.guild_id, case.entry_id):
            if other.id == case.id or other.decision is not Decision.CONFIRM:
                continue
            if other.fingerprint is None or not lessons.in_doubt(other, case.fingerprint):
                continue
            changes = _reopened(reopened_to(other, CaseAction.REOPEN))
            reopened = await tx.cases.compare_and_set(other.id, other.version, **changes)
            if reopened is not None:
                await self._cases.prioritise(tx, reopened)
                await self._cases.weigh_others(tx, reopened, guild)
                lasting = await sanctions.lift(tx, other, self._clock())
                await notices.taken_back(tx, other, self._clock())
                await outcomes.taken_back(tx, other)
                detail = f"Case {case.id} on the same entry was not a match; please look again."
                await self._cases.event(tx, reopened, "reopened", None, " ".join([detail, *lasting]))
                await self._cases.draw(tx, reopened, guild, f"v{reopened.version}")

    async def _entries_revoked_by(self, tx: Tx, case_id: int) -> list[int]:
        """Entries that the last decision revoked and that nothing has brought back."""
        revoked: list[int] = []
        for event in await tx.events.of_case(case_id):
            if event.kind == "entry_revoked":
                revoked.append(int(event.detail.removeprefix("E-")))
            elif event.kind in {"undone", "overturned"}:
                revoked.clear()
        return revoked

    # ------------------------------------------------------------------------------------------- duplicates

    async def _require_mergeable(self, tx: Tx, case: Case, other_id: int) -> None:
        """NotAllowedError when a case cannot be a duplicate of the other one."""
        if other_id == case.id:
            raise NotAllowedError("A case is no duplicate of itself; name the other one.")
        other = await tx.cases.get(other_id)
        hidden = other is not None and other.in_lane and not case.in_lane
        if other is None or other.guild_id != case.guild_id or hidden:
            raise NotAllowedError(f"There is no case {other_id} in this server; look its number up with /case list.")
        if other.state is CaseState.EXPIRED:
            raise NotAllowedError(f"Case {other_id} expired before anybody decided it; decide this one by itself.")
        if other.decision is Decision.DUPLICATE:
            raise NotAllowedError(f"Case {other_id} is itself a duplicate of case {other.duplicate_of}; name that one.")
        if await tx.cases.duplicates_of(case.id):
            raise NotAllowedError(f"Case {case.id} has duplicates of its own; make {other_id} one of them instead.")

    async def _merge(self, tx: Tx, case: Case, guild: GuildSettings) -> None:
        """Give the copies of a duplicate to the other case, whose decision is theirs."""
        assert case.duplicate_of is not None
        other = await tx.cases.touch(case.duplicate_of)  # locked by decide() already, in its order
        moved = await tx.sightings.move(case.id, other.id)
        if case.in_lane and not other.in_lane:
            other = await self._cases.enter_lane(tx, guild, other, case.decided_by)
        other = await self._cases.prioritise(tx, other)
        await self._cases.event(tx, other, "merged", case.decided_by, f"{texts.copies(moved)} of case {case.id}.")
        if other.decision is Decision.CONFIRM:
            await self._cases.remove_standing(tx, other)
        if not other.state.undecided:
            await self._cases.tell_reporters(tx, other)
            await notices.decided(tx, other, guild, (), self._clock())
        await self._cases.draw(tx, other, guild, f"merged:{case.id}:{case.decision_number}")

    async def _part(self, tx: Tx, case: Case, guild: GuildSettings) -> None:
        """Take the copies of a duplicate back from the other case."""
        assert case.duplicate_of is not None
        moved = await tx.sightings.move_back(case.id)
        other = await tx.cases.get(case.duplicate_of)
        if other is not None:
            other = await self._cases.prioritise(tx, other)
            await self._cases.event(tx, other, "parted", None, f"{texts.copies(moved)} went back to case {case.id}.")
            await self._cases.draw(tx, other, guild, f"parted:{case.id}:{case.decision_number}")


def _reopened(state: CaseState) -> CaseChanges:
    """What becomes of a case whose decision is taken back."""
    return CaseChanges(
        state=state,
        decision=None,
        decided_by=None,
        decided_at=None,
        policy_reason=None,
        duplicate_of=None,
        bumped_at=None,
    )
