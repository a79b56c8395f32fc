"""Cases as the rest of the program uses them: record what was seen, decide, undo.

Every public method writes one transaction: the sighting, the case, its history and the pending Discord calls together.
What the decision teaches (entries of the guild's own banks) is part of the same transaction; the index of this process
follows right after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from bot import __version__
from bot.banks.service import BankService
from bot.errors import NotAllowedError, NotFoundError, StaleCaseError
from bot.guilds import GuildService
from bot.model import (
    Call,
    CallKind,
    Case,
    CaseEvent,
    CaseOrigin,
    CaseView,
    Category,
    Decision,
    Fingerprint,
    GuildSettings,
    Match,
    MessageRef,
    Scan,
    SeenMedia,
    Surface,
    Thresholds,
)
from bot.outbox import CallResult, Outbox
from bot.store.chain import AuditAction, deletion_payload
from bot.store.engine import Store, Tx

from . import calls, clusters, lessons, texts
from .states import CaseAction, target

log = structlog.get_logger(__name__)

MOST_SIGHTINGS = 10_000
"""Sightings of a case on which a decision acts."""


class CaseService:
    """The cases of all guilds. Thread-free; safe to call from many tasks at once."""

    def __init__(
        self,
        store: Store,
        banks: BankService,
        guilds: GuildService,
        thresholds: Thresholds,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._banks = banks
        self._guilds = guilds
        self._thresholds = thresholds
        self._clock = clock
        self._wake: Callable[[], None] = lambda: None
        self._hunt: Callable[[], None] = lambda: None

    def connect(self, outbox: Outbox, hunt: Callable[[], None]) -> None:
        """Say whom to wake after a commit: the outbox for its calls, the hunter for new entries."""
        self._wake = outbox.wake
        self._hunt = hunt

    def now(self) -> datetime:
        """The time that is written into rows."""
        return self._clock()

    async def view(self, case_id: int) -> CaseView:
        """All that a card shows; NotFoundError when there is no such case."""
        async with self._store.read() as tx:
            view = await tx.cases.view(case_id)
        if view is None:
            raise NotFoundError(f"There is no case {case_id}; it may have been erased after its time.")
        return view

    # --------------------------------------------------------------------------------------------- recording

    async def record(self, message: MessageRef, media: SeenMedia, scan: Scan, guild: GuildSettings) -> bool:
        """Write what was seen and what follows from it; whether that was new.

        Idempotent: a repeated item changes nothing, whatever became of its case meanwhile.
        """
        async with self._store.write() as tx:
            new = await self._record(tx, message, media.media_id, media.surface, scan, guild)
        if scan.plan.open_case or scan.plan.log:
            self._wake()
        return new

    async def _record(
        self, tx: Tx, message: MessageRef, media_id: str, surface: Surface, scan: Scan, guild: GuildSettings
    ) -> bool:
        plan = scan.plan
        now = self._clock()
        if not plan.open_case or plan.match is None:
            added = await tx.sightings.add(message, media_id, surface, scan, seen_at=now)
            if added is not None and plan.log:
                line = calls.log_line(message, media_id, guild, texts.observed(message, plan))
                await tx.outbox.put([line] if line else [], now)
            return added is not None
        await tx.cases.in_turn(guild.guild_id)
        if await tx.sightings.recorded(message.message_id, media_id, scan):
            return False
        case = await self.open_or_join(
            tx, guild, CaseOrigin.MATCH, plan.match.category, plan.match, scan.fingerprint, plan.reasons
        )
        added = await tx.sightings.add(message, media_id, surface, scan, seen_at=now, case_id=case.id)
        if plan.delete:
            await tx.outbox.put([calls.delete(message, case.id)], now)
        await self.draw(tx, case, guild, f"sighting:{added}")
        return True

    async def open_or_join(
        self,
        tx: Tx,
        guild: GuildSettings,
        origin: CaseOrigin,
        category: Category,
        match: Match | None,
        fingerprint: Fingerprint | None,
        reasons: tuple[str, ...],
    ) -> Case:
        """The open case of this picture's cluster in the guild, told of it, or a new one."""
        case = await self.join(tx, guild, category, match, fingerprint, reasons)
        return case or await self.open(tx, guild, origin, category, match, fingerprint, reasons)

    async def join(
        self,
        tx: Tx,
        guild: GuildSettings,
        category: Category,
        match: Match | None,
        fingerprint: Fingerprint | None,
        reasons: tuple[str, ...],
    ) -> Case | None:
        """The open case of this picture's cluster in the guild, told of it; None if there is none."""
        case = await clusters.open_case(
            tx, guild, fingerprint, None if match is None else match.entry_id, self._thresholds
        )
        return None if case is None else await clusters.inform(tx, case, category, match, reasons, self._clock())

    async def open(
        self,
        tx: Tx,
        guild: GuildSettings,
        origin: CaseOrigin,
        category: Category,
        match: Match | None,
        fingerprint: Fingerprint | None,
        reasons: tuple[str, ...],
    ) -> Case:
        """A new case. In a guild that switched local features off it keeps none, not even those of a known file."""
        if fingerprint is not None and not guild.local_features:
            fingerprint = fingerprint.without_features()
        case = await tx.cases.open(
            guild_id=guild.guild_id,
            category=category,
            origin=origin,
            opened_at=self._clock(),
            entry_id=None if match is None else match.entry_id,
            match=match,
            thresholds=self._thresholds,
            program_version=__version__,
            fingerprint=fingerprint,
            reasons=reasons,
        )
        await self.event(tx, case, "opened", None, " ".join(reasons))
        return case

    async def draw(self, tx: Tx, case: Case, guild: GuildSettings, cause: str) -> None:
        """Have a change of the case shown: by its first card, or by drawing the card again.

        A drawing that is still waiting will show the change anyway; one that is under way may not.
        """
        post = calls.post_card(case, guild)
        if post is None or await tx.outbox.waiting(case.id, (CallKind.POST_CARD, CallKind.EDIT_CARD)):
            return
        if not await tx.outbox.put([post], self._clock()):
            await tx.outbox.put([calls.edit_card(case, cause)], self._clock())

    async def post_missing_cards(self, guild: GuildSettings) -> None:
        """Put up the cards of open cases that have none: they were opened before the guild had a review channel."""
        async with self._store.write() as tx:
            for case in await tx.cases.open_cases(guild.guild_id):
                if case.card_message_id is None:
                    await self.draw(tx, case, guild, f"v{case.version}")
        self._wake()

    async def remove(self, tx: Tx, case: Case, messages: Iterable[MessageRef]) -> None:
        """Have messages deleted because a person wants it. What was given up is tried again: much may be mended."""
        wanted = [calls.delete(message, case.id) for message in messages]
        await tx.outbox.put(wanted, self._clock())
        await tx.outbox.revive([call.key for call in wanted], self._clock())

    async def remove_standing(self, tx: Tx, case: Case) -> None:
        """Have every message of a case deleted that still stands, because a person wants it."""
        sightings = await tx.sightings.by_case(case.id, limit=MOST_SIGHTINGS)
        await self.remove(tx, case, [sighting.message for sighting in sightings if sighting.deleted_at is None])

    async def event(self, tx: Tx, case: Case, kind: str, actor_id: int | None, detail: str = "") -> None:
        """Append one line to the case's history."""
        await tx.cases.add_event(CaseEvent(case.id, self._clock(), kind, actor_id, detail))

    # --------------------------------------------------------------------------------------------- deciding

    async def decide(self, case_id: int, version: int, actor_id: int, decision: Decision) -> Case:
        """Decide an open case as a moderator.

        Raises StaleCaseError, whose sentence says who was faster, when the case is not at ``version`` any more, and
        NotAllowedError when the moderator posted one of its pictures.
        """
        async with self._store.write() as tx:
            case = await self._current(tx, case_id, version, actor_id)
            decided = await tx.cases.compare_and_set(
                case_id,
                version,
                state=target(case.state, CaseAction.DECIDE),
                decision=decision,
                decided_by=actor_id,
                decided_at=self._clock(),
            )
            if decided is None:
                raise StaleCaseError(texts.stale(case))
            await self.event(tx, decided, decision.value, actor_id)
            guild = await self._guilds.within(tx, case.guild_id)
            if decision is Decision.CONFIRM:
                decided = await self._confirm(tx, decided, guild, actor_id)
            else:
                await self._not_a_match(tx, decided, guild, actor_id)
            await self.tell_reporters(tx, decided)
            await self.draw(tx, decided, guild, f"v{decided.version}")
        await self._after_change()
        return decided

    async def undo(self, case_id: int, version: int, actor_id: int) -> Case:
        """Take a decision back: a new event, after which the case is open again.

        Entries that the decision added no longer match; an entry that it revoked matches again. Messages that were
        deleted stay deleted: Discord has no way to put them back.
        """
        async with self._store.write() as tx:
            case = await self._current(tx, case_id, version, actor_id)
            reopened = await tx.cases.compare_and_set(
                case_id,
                version,
                state=target(case.state, CaseAction.UNDO),
                decision=None,
                decided_by=None,
                decided_at=None,
            )
            if reopened is None:
                raise StaleCaseError(texts.stale(case))
            taken_back = await tx.banks.revoke_by_case(case_id, actor_id, self._clock())
            restored = await self._entries_revoked_by(tx, case_id)
            for entry_id in restored:
                await tx.banks.unrevoke(entry_id, actor_id, self._clock())
            parts = [f"E-{entry_id} revoked" for entry_id in taken_back]
            parts += [f"E-{entry_id} matches again" for entry_id in restored]
            await self.event(tx, reopened, "undone", actor_id, "; ".join(parts))
            guild = await self._guilds.within(tx, case.guild_id)
            await self.draw(tx, reopened, guild, f"v{reopened.version}")
        await self._after_change()
        return reopened

    async def _current(self, tx: Tx, case_id: int, version: int, actor_id: int) -> Case:
        case = await tx.cases.touch(case_id)
        if case.version != version:
            raise StaleCaseError(texts.stale(case))
        if await tx.sightings.posted_by(case_id, actor_id):
            raise NotAllowedError(texts.OWN_MESSAGE)
        return case

    async def _confirm(self, tx: Tx, case: Case, guild: GuildSettings, actor_id: int) -> Case:
        """List what was only near (or only reported), and delete what still stands."""
        entry = await lessons.block_picture(tx, case, guild, actor_id, self._clock())
        if entry is not None:
            await self.event(tx, case, "entry_added", actor_id, f"E-{entry.id}")
            if case.entry_id is None:
                case = await tx.cases.compare_and_set(case.id, case.version, entry_id=entry.id) or case
        await self.remove_standing(tx, case)
        return case

    async def _not_a_match(self, tx: Tx, case: Case, guild: GuildSettings, actor_id: int) -> None:
        """Remember the picture as known-good, mend what hung on the same entry, and tell the authors."""
        await self._reopen_siblings(tx, case, guild)  # first: whoever changes a case and a bank does so in this order
        for entry_id in await lessons.doubt_entries(tx, case, actor_id, self._clock()):
            await self.event(tx, case, "entry_revoked", actor_id, f"E-{entry_id}")
        good = await lessons.know_picture(tx, case, guild, actor_id, self._clock())
        if good is not None:
            await self.event(tx, case, "known_good_added", actor_id, f"E-{good.id}")
        authors = {
            sighting.message.author_id
            for sighting in await tx.sightings.by_case(case.id, limit=MOST_SIGHTINGS)
            if sighting.deleted_at is not None
            and sighting.message.author_id is not None
            and sighting.message.webhook_id is None
            and not sighting.message.author_is_bot
        }
        told = [
            calls.notify(author, texts.restored(case), key=f"restored:{case.id}:{author}", case=case)
            for author in sorted(authors)
        ]
        await tx.outbox.put(told, self._clock())

    async def _reopen_siblings(self, tx: Tx, case: Case, guild: GuildSettings) -> None:
        """Reopen confirmed cases on the same entry that the new known-good picture puts in doubt."""
        if case.entry_id is None or case.fingerprint is None:
            return
        for other in await tx.cases.decided_on_entry(case.guild_id, case.entry_id):
            if other.id == case.id or other.decision is not Decision.CONFIRM:
                continue
            if other.fingerprint is None or not lessons.in_doubt(other, case.fingerprint):
                continue
            reopened = await tx.cases.compare_and_set(
                other.id,
                other.version,
                state=target(other.state, CaseAction.REOPEN),
                decision=None,
                decided_by=None,
                decided_at=None,
            )
            if reopened is not None:
                detail = f"Case {case.id} on the same entry was not a match; please look again."
                await self.event(tx, reopened, "reopened", None, detail)
                await self.draw(tx, reopened, guild, f"v{reopened.version}")

    async def tell_reporters(self, tx: Tx, case: Case) -> None:
        """Have every reporter of a decided case told the outcome, once and for all."""
        pending = [
            calls.notify(report.reporter_id, texts.outcome(case), key=f"outcome:{report.id}", case=case)
            for report in await tx.reports.by_case(case.id)
            if not report.outcome_sent
        ]
        await tx.outbox.put(pending, self._clock())

    async def _entries_revoked_by(self, tx: Tx, case_id: int) -> list[int]:
        """Entries that the last decision revoked and that no undo has brought back."""
        revoked: list[int] = []
        for event in await tx.cases.events(case_id):
            if event.kind == "entry_revoked":
                revoked.append(int(event.detail.removeprefix("E-")))
            elif event.kind == "undone":
                revoked.clear()
        return revoked

    async def _after_change(self) -> None:
        self._wake()
        await self._banks.refresh()
        self._hunt()

    # --------------------------------------------------------------------------------------------- the outbox's reports

    async def completed(self, tx: Tx, call: Call, result: CallResult) -> None:
        """Write down, in the outbox's own transaction, what a finished Discord call changed."""
        if call.kind is CallKind.DELETE_MESSAGE:
            channel_id, message_id = call.payload["channel_id"], call.payload["message_id"]
            assert isinstance(channel_id, int)
            assert isinstance(message_id, int)
            await tx.sightings.mark_deleted(message_id, self._clock())
            gone = deletion_payload(call.case_id, channel_id, message_id)
            tx.audit.append(call.guild_id, AuditAction.MESSAGE_DELETED, self._clock(), None, gone, case_id=call.case_id)
            if call.case_id is not None and (case := await tx.cases.get(call.case_id)) is not None:
                guild = await self._guilds.within(tx, case.guild_id)
                await self.draw(tx, case, guild, f"deleted:{message_id}")
        elif call.kind in {CallKind.POST_CARD, CallKind.EDIT_CARD}:
            if call.case_id is not None and result.channel_id is not None and result.message_id is not None:
                await tx.cases.set_card(call.case_id, result.channel_id, result.message_id)
        elif call.kind is CallKind.NOTIFY and call.key.startswith("outcome:"):
            await tx.reports.mark_outcome(int(call.key.removeprefix("outcome:")))

    async def gave_up(self, tx: Tx, call: Call, sentence: str) -> None:
        """Write into the case that a Discord call could not be carried out, and show it on the card."""
        if call.case_id is None or (case := await tx.cases.get(call.case_id)) is None:
            return
        await self.event(tx, case, "call_failed", None, sentence)
        if call.kind in {CallKind.DELETE_MESSAGE, CallKind.NOTIFY}:
            guild = await self._guilds.within(tx, case.guild_id)
            await self.draw(tx, case, guild, f"failed:{call.key}")
