"""Who works on a case: claims, skips, escalation, notes, single copies left out, and the lane of suspected minors."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from bot.errors import NotAllowedError
from bot.guilds import GuildService
from bot.model import Case, CaseState, PolicyReason
from bot.store.engine import Tx

from . import calls, reasons, texts
from .service import CaseService
from .states import LEASE, CaseAction, target

LONGEST_NOTE = 500
"""Characters of a note."""


class ClaimService:
    """Everything that moderators do with a case before they decide it. Safe to call from many tasks at once.

    Every method is one transaction, in which nobody else changes the case. ``version`` is that of the card that was
    pressed: StaleCaseError when the case is not at it any more. NotAllowedError when a message of the moderator is part
    of the case, when somebody else holds it, or when its state does not allow it. The same ``request_id`` changes
    nothing the second time.
    """

    def __init__(self, guilds: GuildService, cases: CaseService, *, clock: Callable[[], datetime]) -> None:
        self._guilds = guilds
        self._cases = cases
        self._clock = clock

    # ------------------------------------------------------------------------------------------- who holds it

    async def claim(self, case_id: int, version: int, actor_id: int, *, request_id: int | None = None) -> Case:
        """Take a case for ten minutes, which activity renews. An appeal is never for those who decided before."""

        async def change(tx: Tx, case: Case) -> Case:
            await self._require_mine(tx, case, version, actor_id)
            if case.state is CaseState.APPEALED and case.decided_by == actor_id:
                raise NotAllowedError(texts.OWN_DECISION)
            until = self._clock() + LEASE
            to = target(case.state, CaseAction.CLAIM)
            claimed = await self._cases.change(tx, case, state=to, claimed_by=actor_id, claimed_until=until)
            return await self._written(tx, claimed, "claimed", actor_id, request_id=request_id)

        return await self._cases.once(case_id, request_id, change)

    async def renew(self, case_id: int, actor_id: int) -> None:
        """Renew a claim, if the moderator holds one: what they do with the case shows that they are at it."""
        await self._cases.renew_claim(case_id, actor_id, LEASE)

    async def release(
        self, case_id: int, version: int, actor_id: int, *, admin: bool = False, request_id: int | None = None
    ) -> Case:
        """Give a case back. Another's claim can be ended by an ``admin`` alone."""

        async def change(tx: Tx, case: Case) -> Case:
            self._cases.require_version(case, version)
            if case.claimed_by is None or (case.claimed_by != actor_id and not admin):
                raise NotAllowedError(texts.NOT_YOURS)
            released = await self._release(tx, case)
            return await self._written(tx, released, "released", actor_id, request_id=request_id)

        return await self._cases.once(case_id, request_id, change)

    async def skip(self, case_id: int, actor_id: int, *, request_id: int | None = None) -> Case:
        """Leave a case to others, without giving a reason; a claim of one's own ends with it."""

        async def change(tx: Tx, case: Case) -> Case:
            if not case.state.undecided:
                raise NotAllowedError(texts.stale(case))
            if case.claimed_by == actor_id:
                case = await self._release(tx, case)
            return await self._written(tx, case, "skipped", actor_id, request_id=request_id)

        return await self._cases.once(case_id, request_id, change)

    async def assign(
        self, case_id: int, version: int, member_id: int, by: int, *, request_id: int | None = None
    ) -> Case:
        """Give a case to a member until they decide it or give it back. Whether they may decide it is not checked."""

        async def change(tx: Tx, case: Case) -> Case:
            await self._cases.require_current(tx, case, version, by)
            if await tx.sightings.posted_by(case_id, member_id):
                raise NotAllowedError("A message of that member is part of the case; give it to somebody else.")
            if case.state is CaseState.APPEALED and case.decided_by == member_id:
                raise NotAllowedError("That member made the decision that is appealed; assign it to another one.")
            to = target(case.state, CaseAction.CLAIM)
            assigned = await self._cases.change(tx, case, state=to, claimed_by=member_id, claimed_until=None)
            return await self._written(tx, assigned, "assigned", by, f"to <@{member_id}>", request_id)

        return await self._cases.once(case_id, request_id, change)

    # ------------------------------------------------------------------------------------------- what it needs

    async def escalate(
        self,
        case_id: int,
        version: int,
        actor_id: int,
        reason: PolicyReason = reasons.ESCALATION[0],
        *,
        request_id: int | None = None,
    ) -> Case:
        """Give a case to those who decide escalated ones, who are called. The lane of suspected minors has its own."""

        async def change(tx: Tx, case: Case) -> Case:
            await self._require_mine(tx, case, version, actor_id)
            if reason not in reasons.ESCALATION:
                raise NotAllowedError("That reason does not go with an escalation; choose one of the others.")
            escalated = await self._cases.change(
                tx,
                case,
                state=target(case.state, CaseAction.ESCALATE),
                claimed_by=None,
                claimed_until=None,
                escalated_at=self._clock(),
            )
            guild = await self._guilds.within(tx, case.guild_id)
            alert = calls.alert(
                escalated,
                calls.card_channel(escalated, guild),
                guild.child_safety_role_id if escalated.in_lane else guild.escalation_role_id,
                texts.escalated(escalated),
                f"escalated:{escalated.version}",
            )
            await tx.outbox.put([alert] if alert else [], self._clock())
            return await self._written(tx, escalated, "escalated", actor_id, reason.value, request_id)

        return await self._cases.once(case_id, request_id, change)

    async def mark_minor(self, case_id: int, version: int, actor_id: int, *, request_id: int | None = None) -> Case:
        """Move a case into the lane of suspected minors, which nothing but a decision takes it out of.

        What could show the picture is forgotten at once, and the card leaves the ordinary review channel.
        """

        async def change(tx: Tx, case: Case) -> Case:
            await self._cases.require_current(tx, case, version, actor_id)
            if case.in_lane:
                return case
            if not case.state.undecided:
                raise NotAllowedError("A decided case cannot be moved; take the decision back first.")
            guild = await self._guilds.within(tx, case.guild_id)
            marked = await self._cases.enter_lane(tx, guild, case, actor_id, request_id)
            await self._cases.draw(tx, marked, guild, f"v{marked.version}")
            return marked

        return await self._cases.once(case_id, request_id, change)

    async def reported(self, case_id: int, version: int, actor_id: int, *, request_id: int | None = None) -> Case:
        """A suspected minor was reported to Discord: the messages that were left standing for that go now."""

        async def change(tx: Tx, case: Case) -> Case:
            await self._require_mine(tx, case, version, actor_id)
            if not case.in_lane:
                raise NotAllowedError("Only a case of a suspected minor waits for a report to Discord.")
            if not case.state.undecided:
                raise NotAllowedError(texts.stale(case))
            await self._cases.remove_standing(tx, case)
            return await self._written(tx, case, "reported_to_discord", actor_id, request_id=request_id)

        return await self._cases.once(case_id, request_id, change)

    async def except_sightings(
        self,
        case_id: int,
        actor_id: int,
        sighting_ids: Collection[int],
        *,
        excepted: bool,
        request_id: int | None = None,
    ) -> Case:
        """Leave single copies out of the decision on their case, or take them in again."""

        async def change(tx: Tx, case: Case) -> Case:
            await self._require_mine(tx, case, None, actor_id)
            if not case.state.undecided:
                raise NotAllowedError("The case is decided; take the decision back before you change what it is about.")
            changed = await tx.sightings.set_excepted(case_id, sighting_ids, actor_id if excepted else None)
            if not changed:
                return case
            what = "left out" if excepted else "taken in again"
            return await self._written(tx, case, "excepted", actor_id, f"{texts.copies(changed)} {what}.", request_id)

        return await self._cases.once(case_id, request_id, change)

    async def note(self, case_id: int, actor_id: int, text: str, *, request_id: int | None = None) -> Case:
        """Keep a moderator's note with a case, in whatever state it is. NotAllowedError for one without words."""
        plain = " ".join(text.split())[:LONGEST_NOTE].rstrip()
        if not plain:
            raise NotAllowedError("The note is empty; write what the other moderators should know.")

        async def change(tx: Tx, case: Case) -> Case:
            return await self._written(tx, case, "note", actor_id, plain, request_id)

        return await self._cases.once(case_id, request_id, change)

    # ------------------------------------------------------------------------------------------- parts

    async def _require_mine(self, tx: Tx, case: Case, version: int | None, actor_id: int) -> None:
        """Like :meth:`CaseService.require_current`, and NotAllowedError when somebody else holds the case."""
        await self._cases.require_current(tx, case, version, actor_id)
        self._cases.require_free(case, actor_id)

    async def _release(self, tx: Tx, case: Case) -> Case:
        return await self._cases.change(
            tx, case, state=target(case.state, CaseAction.RELEASE), claimed_by=None, claimed_until=None
        )

    async def _written(
        self, tx: Tx, case: Case, kind: str, actor_id: int, detail: str = "", request_id: int | None = None
    ) -> Case:
        """Write a change into the history and have it shown; activity renews a claim of the moderator's own."""
        await self._cases.event(tx, case, kind, actor_id, detail, request_id)
        now = self._clock()
        await tx.cases.renew_claim(case.id, actor_id, now=now, until=now + LEASE)
        guild = await self._guilds.within(tx, case.guild_id)
        await self._cases.draw(tx, case, guild, f"{kind}:{case.version}:{request_id or now.timestamp()}")
        return case
