"""Cases as moderators look them up. Whatever is out of their scope is answered as if it did not exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot.errors import NotFoundError, StaleCaseError
from bot.model import CaseFilter, CaseLine, CaseOrder, CaseView, MemberHistory, Scope
from bot.store.engine import Store

from . import texts
from .claims import ClaimService
from .states import LEASE

MOST_RACES = 10
"""How often somebody may be faster before a moderator is told to ask again."""


class CasebookService:
    """Looking cases up, and handing them out one after the other."""

    def __init__(self, store: Store, claims: ClaimService, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._claims = claims
        self._clock = clock

    async def view(self, guild_id: int, case_id: int, scope: Scope) -> CaseView:
        """All that is kept of a case; NotFoundError, in the same words, if there is none in this guild and scope."""
        async with self._store.read() as tx:
            view = await tx.views.of_case(case_id)
        if view is None or view.case.guild_id != guild_id or not scope.sees(view.case.category):
            raise NotFoundError(texts.no_case(case_id))
        return view

    async def search(
        self,
        guild_id: int,
        filters: CaseFilter,
        scope: Scope,
        *,
        limit: int,
        offset: int = 0,
        order: CaseOrder = CaseOrder.NEWEST,
    ) -> tuple[list[CaseLine], int]:
        """The cases that fit, in this order, and how many fit in all."""
        async with self._store.read() as tx:
            return await tx.casebook.search(guild_id, filters, scope, limit=limit, offset=offset, order=order)

    async def suggest(self, guild_id: int, digits: str, scope: Scope, *, limit: int) -> list[CaseLine]:
        """Cases whose number begins with these digits, the most likely ones first."""
        async with self._store.read() as tx:
            return await tx.casebook.suggest(guild_id, digits, scope, limit=limit)

    async def history(self, guild_id: int, user_id: int, scope: Scope) -> MemberHistory:
        """What is known of a member, who need not be in the guild any more.

        As a reporter as well, unless the guild shows nobody who reports: there a number or a mute would tell.
        """
        now = self._clock()
        async with self._store.read() as tx:
            known = await tx.casebook.history(guild_id, user_id, scope)
            guild = await tx.guilds.get(guild_id)
            if guild is not None and not guild.show_reporters:
                return replace(known, reports_by=None)
            reporter = tx.reports.digest(guild_id, user_id)
            records = await tx.reports.records(guild_id, [reporter], now, scope)
            kept = await tx.reporters.get(guild_id, reporter)
        muted = kept.muted_at(now)
        return replace(
            known,
            record=records[reporter],
            muted_until=muted,
            muted_by=None if muted is None else kept.muted_by,
        )

    async def take_next(
        self, guild_id: int, moderator_id: int, scope: Scope, *, may_escalated: bool, request_id: int
    ) -> CaseLine | None:
        """Claim the case that this moderator should take next; None if there is none.

        One that they hold already stays theirs, and the claim of it lasts longer. Raises StaleCaseError when others
        were faster again and again.
        """
        for _ in range(MOST_RACES):
            now = self._clock()
            async with self._store.read() as tx:
                line = await tx.casebook.next_case(
                    guild_id,
                    moderator_id,
                    scope,
                    may_escalated=may_escalated,
                    opted_out=await tx.looking.opted_out(guild_id, moderator_id),
                    now=now,
                )
            if line is None:
                return None
            if line.held_by(now) == moderator_id:
                await self._claims.renew(line.id, moderator_id)
                return line if line.claimed_until is None else replace(line, claimed_until=now + LEASE)
            try:
                case = await self._claims.claim(line.id, line.version, moderator_id, request_id=request_id)
            except StaleCaseError:
                continue
            return replace(
                line,
                state=case.state,
                version=case.version,
                claimed_by=case.claimed_by,
                claimed_until=case.claimed_until,
            )
        raise StaleCaseError(texts.OTHERS_WERE_FASTER)
