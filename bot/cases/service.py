"""Cases as the rest of the program uses them: record what was seen, show it, and change it.

A sighting, its case, the case's history and the pending Discord calls are written in one transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Unpack

from bot import __version__
from bot.banks.service import BankService
from bot.errors import NotAllowedError, NotFoundError, StaleCaseError
from bot.model import (
    Case,
    CaseEvent,
    CaseOrigin,
    CaseView,
    Category,
    Fingerprint,
    GuildSettings,
    Match,
    MessageRef,
    Scan,
    SeenMedia,
    Sighting,
    Surface,
    Thresholds,
)
from bot.outbox import Outbox
from bot.store.cases import CaseChanges
from bot.store.engine import Store, Tx

from . import calls, cards, clusters, outcomes, priority, said, sanctions, texts
from .clusters import MOST_SIGHTINGS
from .states import UNDO_WINDOW


class CaseService:
    """The cases of all guilds. Thread-free; safe to call from many tasks at once."""

    def __init__(
        self,
        store: Store,
        banks: BankService,
        thresholds: Thresholds,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._banks = banks
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
            view = await tx.views.of_case(case_id)
        if view is None:
            raise NotFoundError(texts.no_case(case_id))
        return view

    async def copies(self, case_id: int, *, offset: int, limit: int) -> list[Sighting]:
        """Some of the sightings of a case, oldest first."""
        async with self._store.read() as tx:
            return await tx.sightings.by_case(case_id, limit=limit, offset=offset)

    async def authors(self, case_id: int) -> list[int]:
        """The members whom a sanction on this case would meet."""
        return sanctions.authors(await self.copies(case_id, offset=0, limit=MOST_SIGHTINGS))

    # --------------------------------------------------------------------------------------------- recording

    async def record(self, message: MessageRef, media: SeenMedia, scan: Scan, guild: GuildSettings) -> bool:
        """Write what was seen and what follows from it; whether that was new.

        Idempotent: a repeated item changes nothing, whatever became of its case meanwhile.
        """
        async with self._store.write(guild.guild_id, ahead=True) as tx:
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
        case = await self.join(tx, guild, plan.match.category, plan.match, scan.fingerprint, plan.reasons)
        if case is None and plan.delete and plan.match.category is not Category.MINOR_SUSPECTED:
            case = await clusters.confirmed(tx, guild, scan.fingerprint, now - UNDO_WINDOW)
        if case is None:
            case = await self.open(
                tx, guild, CaseOrigin.MATCH, plan.match.category, plan.match, scan.fingerprint, plan.reasons
            )
        added = await tx.sightings.add(message, media_id, surface, scan, seen_at=now, case_id=case.id)
        if scan.thumbhash is not None:
            await tx.cases.keep_thumbhash(case.id, scan.thumbhash)
        case = await said.note(tx, case, scan.signals, now)
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
        return None if case is None else await self.inform(tx, guild, case, category, match, reasons)

    async def inform(
        self,
        tx: Tx,
        guild: GuildSettings,
        case: Case,
        category: Category,
        match: Match | None,
        reasons: tuple[str, ...],
    ) -> Case:
        """Tell a case that nobody else can change now of a further picture of its cluster."""
        if category is Category.MINOR_SUSPECTED and not case.in_lane:
            case = await self.enter_lane(tx, guild, case, None)
        informed = await clusters.inform(tx, case, match, reasons)
        return case if informed is case else await self.prioritise(tx, informed)

    async def enter_lane(
        self, tx: Tx, guild: GuildSettings, case: Case, actor_id: int | None, request_id: int | None = None
    ) -> Case:
        """Move a case that nobody else can change now into the lane of suspected minors, with all its duplicates.

        A duplicate shows the same picture, and its card stands in the ordinary channel like any other.
        """
        for number in await tx.cases.duplicates_of(case.id):
            duplicate = await tx.cases.touch(number)
            if not duplicate.in_lane:
                moved = await clusters.into_lane(tx, duplicate)
                await self.event(tx, moved, "suspected_minor", actor_id)
                await self.draw(tx, moved, guild, f"v{moved.version}")
        moved = await self.prioritise(tx, await clusters.into_lane(tx, case))
        await self.event(tx, moved, "suspected_minor", actor_id, request_id=request_id)
        return moved

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
        return await self.prioritise(tx, case)

    async def prioritise(self, tx: Tx, case: Case) -> Case:
        """Weigh a case anew that nobody else can change now, after what its priority is made of changed."""
        return await priority.prioritise(tx, case, self._clock())

    async def weigh_others(self, tx: Tx, case: Case, guild: GuildSettings) -> None:
        """Weigh the other open cases of those who reported this one, whose end just changed.

        A card that says something else by it is drawn again.
        """
        for other in await priority.weigh_others(tx, case, self._clock()):
            await self.draw(tx, other, guild, f"weighed:{case.id}:{case.version}")

    async def draw(self, tx: Tx, case: Case, guild: GuildSettings, cause: str) -> None:
        """Have a change of the case shown; see :func:`bot.cases.cards.draw`."""
        await cards.draw(tx, case, guild, cause, self._clock())

    async def post_missing_cards(self, guild: GuildSettings) -> None:
        """Put up the cards of open cases that have none, or that belong elsewhere since the guild chose channels."""
        async with self._store.write() as tx:
            for case in await tx.cases.open_cases(guild.guild_id):
                if case.card_message_id is None or calls.misplaced(case, guild):
                    await self.draw(tx, case, guild, f"v{case.version}")
        self._wake()

    async def remove(self, tx: Tx, case: Case, messages: Iterable[MessageRef]) -> None:
        """Have messages deleted because a person wants it. What was given up is tried again: much may be mended."""
        wanted = [calls.delete(message, case.id) for message in messages]
        await tx.outbox.put(wanted, self._clock())
        await tx.outbox.revive([call.key for call in wanted], self._clock())

    async def remove_standing(self, tx: Tx, case: Case) -> None:
        """Have every message of a case deleted that still stands and is not left out, because a person wants it."""
        await self.remove(
            tx,
            case,
            [
                sighting.message
                for sighting in await tx.sightings.by_case(case.id, limit=MOST_SIGHTINGS)
                if sighting.deleted_at is None and sighting.excepted_by is None
            ],
        )

    async def event(
        self,
        tx: Tx,
        case: Case,
        kind: str,
        actor_id: int | None,
        detail: str = "",
        request_id: int | None = None,
    ) -> None:
        """Append one line to the case's history. ``request_id``: the press or command that caused it, if one did."""
        await tx.events.add(CaseEvent(case.id, self._clock(), kind, actor_id, detail, request_id))

    # --------------------------------------------------------------------------------------------- changing

    async def once(
        self,
        case_id: int,
        request_id: int | None,
        work: Callable[[Tx, Case], Awaitable[Case]],
        *,
        with_cases: Iterable[int] = (),
    ) -> Case:
        """Change a case in one transaction in which nobody else does; once for each press or command.

        It takes the guild's turn first, so that whoever changes several of its cases never waits for somebody who waits
        for them. ``with_cases`` are locked as well, and so is the case that this one is a duplicate of. Raises
        NotFoundError for a case that does not exist, and whatever ``work`` raises, after which nothing has changed.
        """
        async with self._store.write() as tx:
            found = await tx.cases.get(case_id)
            if found is not None:
                await tx.cases.in_turn(found.guild_id)
            locked = {number: await tx.cases.touch(number) for number in sorted({case_id, *with_cases})}
            case = locked[case_id]
            if case.duplicate_of is not None and case.duplicate_of not in locked:
                await tx.cases.touch(case.duplicate_of)
            if not await tx.events.answered(request_id):
                case = await work(tx, case)
        self._wake()
        return case

    async def renew_claim(self, case_id: int, holder_id: int, lease: timedelta) -> None:
        """Let the claim of whoever holds a case last for ``lease`` from now; nothing happens for anybody else's."""
        now = self._clock()
        async with self._store.write() as tx:
            await tx.cases.renew_claim(case_id, holder_id, now=now, until=now + lease)

    async def change(self, tx: Tx, case: Case, **changes: Unpack[CaseChanges]) -> Case:
        """Compare-and-set on the version that was read. Raises StaleCaseError when somebody was faster."""
        changed = await tx.cases.compare_and_set(case.id, case.version, **changes)
        if changed is None:
            raise StaleCaseError(texts.stale(case))
        return changed

    async def require_current(self, tx: Tx, case: Case, version: int | None, actor_id: int) -> None:
        """Raise StaleCaseError when the case is not at ``version``, and NotAllowedError when it is the moderator's own.

        ``version`` None: whatever it is. One's own is a case with a message of one's own in it.
        """
        self.require_version(case, version)
        if await tx.sightings.posted_by(case.id, actor_id):
            raise NotAllowedError(texts.OWN_MESSAGE)

    def require_version(self, case: Case, version: int | None) -> None:
        """Raise StaleCaseError when the case is not at ``version``; None: whatever it is."""
        if version is not None and case.version != version:
            raise StaleCaseError(texts.stale(case))

    def require_free(self, case: Case, actor_id: int) -> None:
        """Raise NotAllowedError when somebody else holds the case."""
        holder = case.held_by(self._clock())
        if holder is not None and holder != actor_id:
            raise NotAllowedError(texts.claimed(case))

    async def tell_reporters(self, tx: Tx, case: Case) -> None:
        """Have every reporter of a case that came to an end told the outcome, once and for all.

        Those who reported a duplicate hear with those of the case that it is a duplicate of.
        """
        await outcomes.ended(tx, case, self._clock())

    async def after_change(self) -> None:
        """To be called after a commit that changed entries or put calls: the outbox, the index and the hunt follow."""
        self._wake()
        await self._banks.refresh()
        self._hunt()
