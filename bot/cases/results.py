"""What became of the Discord calls of a case: written into it, in the outbox's own transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.guilds import GuildService
from bot.model import Call, CallKind
from bot.outbox import CallResult
from bot.store.chain import AuditAction, deletion_payload
from bot.store.engine import Tx

from . import calls, notices, sanctions
from .service import CaseService

_CARDS = {CallKind.POST_CARD, CallKind.EDIT_CARD}


class ResultService:
    """What the outbox reports of its calls, once each of them is done or given up."""

    def __init__(self, guilds: GuildService, cases: CaseService, *, clock: Callable[[], datetime]) -> None:
        self._guilds = guilds
        self._cases = cases
        self._clock = clock

    async def completed(self, tx: Tx, call: Call, result: CallResult) -> None:
        """Write down what a finished Discord call changed."""
        if call.kind is CallKind.DELETE_MESSAGE:
            await self._deleted(tx, call)
        elif call.kind in _CARDS:
            await self._card_stands(tx, call, result)
        elif call.key.startswith((sanctions.ORDERED, sanctions.LIFT)):
            await sanctions.completed(tx, call)
            await self._redraw(tx, call, "done")
        elif call.kind is CallKind.NOTIFY and call.key.startswith(calls.OUTCOME):
            await tx.reports.mark_outcome(int(call.key.removeprefix(calls.OUTCOME)))

    async def gave_up(self, tx: Tx, call: Call, sentence: str) -> None:
        """Write into the case that a Discord call could not be carried out, and show it on the card."""
        if call.case_id is None or (case := await tx.cases.get(call.case_id)) is None:
            return
        # Many members take no direct messages: that stands in the history, and is no trouble that a card has to show.
        untold = call.kind is CallKind.NOTIFY and not call.key.startswith(sanctions.ORDERED)
        await self._cases.event(tx, case, "not_told" if untold else "call_failed", None, sentence)
        await sanctions.gave_up(tx, call, sentence)
        if call.kind not in _CARDS and not untold:
            await self._redraw(tx, call, "failed")

    async def _deleted(self, tx: Tx, call: Call) -> None:
        channel_id, message_id = call.payload["channel_id"], call.payload["message_id"]
        assert isinstance(channel_id, int)
        assert isinstance(message_id, int)
        # Held first: whoever decides it meanwhile either sees the message gone, or is seen here.
        case = None if call.case_id is None else await tx.cases.get(call.case_id, hold=True)
        await tx.sightings.mark_deleted(message_id, self._clock())
        gone = deletion_payload(call.case_id, channel_id, message_id)
        tx.audit.append(call.guild_id, AuditAction.MESSAGE_DELETED, self._clock(), None, gone, case_id=call.case_id)
        if case is not None:
            guild = await self._guilds.within(tx, case.guild_id)
            await self._cases.draw(tx, case, guild, f"deleted:{message_id}")
            await notices.removed(tx, case, guild, message_id, self._clock(), held=calls.holds(call))

    async def _card_stands(self, tx: Tx, call: Call, result: CallResult) -> None:
        """Note where a card stands; one that was on its way when a minor was suspected goes on to its own channel."""
        if call.case_id is None or result.channel_id is None or result.message_id is None:
            return
        await tx.cases.set_card(call.case_id, result.channel_id, result.message_id)
        case = await tx.cases.get(call.case_id)
        if case is not None and case.in_lane:
            guild = await self._guilds.within(tx, case.guild_id)
            if calls.misplaced(case, guild):
                await self._cases.draw(tx, case, guild, f"moved:{result.message_id}")

    async def _redraw(self, tx: Tx, call: Call, how: str) -> None:
        if call.case_id is not None and (case := await tx.cases.get(call.case_id)) is not None:
            guild = await self._guilds.within(tx, case.guild_id)
            await self._cases.draw(tx, case, guild, f"{how}:{call.key}")
