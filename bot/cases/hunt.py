"""Blocking by a moderator, and the hunt for copies that were posted before.

A newly blocked picture is looked for among the kept sightings, by fingerprint alone: nothing is downloaded again. New
entries carry no hunting time until their hunt is committed, so one that was added by another process, or just before a
crash, is hunted when this process notices it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.banks.crops import has_border
from bot.banks.service import BankService, ensure_own
from bot.guilds import GuildService
from bot.matching.gate import gated
from bot.matching.likeness import nearest_sightings
from bot.model import (
    Bank,
    BankKind,
    Case,
    CaseOrigin,
    CaseState,
    Category,
    Decision,
    Entry,
    Fingerprint,
    GuildSettings,
    MessageRef,
    Mode,
    Plan,
    Scan,
    Sighting,
    Surface,
    Verdict,
)
from bot.outbox import Outbox
from bot.policy import waits_for_report
from bot.scanner import Scanner
from bot.store.cases import CaseChanges
from bot.store.engine import Store, Tx

from . import calls, notices, reasons
from .proposals import Proposal, Resembling, lookalikes
from .service import CaseService
from .states import CaseAction, target


@dataclass(frozen=True, slots=True)
class Hunted:
    """What a hunt found: copies that are removed, and near ones that wait for a person."""

    removed: int = 0
    review: int = 0


@dataclass(frozen=True, slots=True)
class Blocked:
    """The result of blocking a picture. ``existing``: this very file was listed already."""

    entry: Entry
    case: Case
    existing: bool
    warnings: tuple[str, ...]
    earlier: Hunted


class Hunter:
    """Blocks pictures for moderators and hunts their earlier copies."""

    def __init__(
        self,
        store: Store,
        scanner: Scanner,
        banks: BankService,
        guilds: GuildService,
        cases: CaseService,
        outbox: Outbox,
        *,
        window: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._scanner = scanner
        self._banks = banks
        self._guilds = guilds
        self._cases = cases
        self._outbox = outbox
        self._window = window
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def propose(self, guild: GuildSettings, fingerprint: Fingerprint) -> Proposal:
        """What to ask before a picture is listed in the guild's own bank; nothing for a file that is listed already.

        Writes nothing.
        """
        fingerprint = gated(fingerprint)
        if await self._banks.listed(fingerprint, guild.guild_id):
            return Proposal(fingerprint)
        doubts = self._banks.opposed(fingerprint, guild.guild_id, BankKind.BLOCK)
        found = await self.resembling(guild, fingerprint)
        if found.shared:
            doubts = (*doubts, found.sentence(self._window.days))
        return Proposal(fingerprint, doubts, has_border(fingerprint, self._scanner.thresholds))

    async def resembling(self, guild: GuildSettings, fingerprint: Fingerprint) -> Resembling:
        """Recent ordinary posts of the guild that would reach the review tier if the picture were listed.

        Posts of the very file are left out: they are copies.
        """
        limits = self._scanner.thresholds
        messages: set[int] = set()
        files: set[bytes] = set()
        async with self._store.read() as tx:
            async for batch in tx.sightings.stream(guild.guild_id, self._clock() - self._window):
                for sighting in await asyncio.to_thread(lookalikes, fingerprint, batch, limits):
                    assert sighting.fingerprint is not None
                    messages.add(sighting.message.message_id)
                    files.add(sighting.fingerprint.sha256)
        return Resembling(len(messages), len(files))

    async def block(
        self,
        guild: GuildSettings,
        message: MessageRef | None,
        media_id: str,
        surface: Surface,
        fingerprint: Fingerprint,
        category: Category,
        note: str,
        actor_id: int,
    ) -> Blocked:
        """List a picture in the guild's own bank as a moderator's decision, and remove it and its earlier copies.

        ``message`` None: the picture came as an upload to a command. In a guild that only observes nothing is
        removed. A picture too plain to compare is listed by its exact file alone, and in a guild that switched local
        features off without them, however it was asked for.
        """
        fingerprint = gated(fingerprint if guild.local_features else fingerprint.without_features())
        # From before it is listed, so that nobody else looks for the same copies meanwhile and this answer misses them.
        async with self._store.alone(_job(fingerprint)):
            async with self._store.write() as tx:
                joined = await self._cases.join(tx, guild, category, None, fingerprint, ())
                case = joined or await self._cases.open(tx, guild, CaseOrigin.BLOCK, category, None, fingerprint, ())
                bank = await ensure_own(tx, guild.guild_id, BankKind.BLOCK)
                category = case.category if case.in_lane else category
                entry, existing = await self._list(tx, bank, case, category, fingerprint, note, actor_id)
                case = await self._note_block(
                    tx, case, entry, actor_id, decide=joined is None or self._may_end(case, actor_id)
                )
                if message is not None:
                    await self._tie(tx, message, media_id, surface, fingerprint, case)
                if guild.mode is not Mode.OBSERVE and not waits_for_report(guild, case.category):
                    await self._cases.remove_standing(tx, case)
                if case.state is CaseState.DECIDED:
                    await self._cases.weigh_others(tx, case, guild)
                    await notices.decided(tx, case, guild, (), self._clock())
                    await self._cases.tell_reporters(tx, case)
                await self._cases.draw(tx, case, guild, f"v{case.version}")
            self._outbox.wake()
            await self._banks.refresh()
            earlier = await self.hunt(entry)
        return Blocked(entry, case, existing, self._banks.collisions(fingerprint, bank, but=entry.id), earlier)

    async def hunt_new(self) -> int:
        """Hunt every entry that has not been hunted yet, and say how many there were.

        Of several processes each entry is hunted by one: a hunt reads the sightings of every guild that sees the bank.
        """
        async with self._store.read() as tx:
            entries = await tx.banks.unhunted()
        for entry in entries:
            async with self._store.alone(_job(entry.fingerprint, entry.id)) as mine:
                if mine and await self._waits(entry):
                    await self.hunt(entry)
        return len(entries)

    async def _waits(self, entry: Entry) -> bool:
        """Whether an entry is still to be hunted: another process may have been faster."""
        async with self._store.read() as tx:
            return await tx.banks.waits_for_hunt(entry.id)

    async def hunt(self, entry: Entry) -> Hunted:
        """Look for an entry's copies among the kept sightings of the guilds that see its bank."""
        async with self._one_at_a_time:
            await self._banks.refresh()  # what another process just listed is judged by the index, too
            async with self._store.read() as tx:
                current = await tx.banks.entry(entry.id)
                bank = await tx.banks.get(entry.bank_id)
                if current is None or bank is None or current.revoked_at is not None:
                    return Hunted()
                near = await self._near(tx, bank.guild_id, entry)
            return await self._act(entry, near)

    async def _near(self, tx: Tx, guild_id: int | None, entry: Entry) -> dict[int, list[Sighting]]:
        """Kept sightings that may be copies, by guild."""
        found: defaultdict[int, list[Sighting]] = defaultdict(list)
        reach = self._scanner.thresholds.review.distance
        async for batch in tx.sightings.stream(guild_id, self._clock() - self._window):
            prints = [sighting.fingerprint for sighting in batch if sighting.fingerprint is not None]
            distances = await asyncio.to_thread(nearest_sightings, entry.fingerprint, prints)
            for sighting, distance in zip(batch, distances, strict=True):
                if distance <= reach:
                    found[sighting.message.guild_id].append(sighting)
        return found

    async def _act(self, entry: Entry, near: dict[int, list[Sighting]]) -> Hunted:
        removed = review = 0
        async with self._store.write() as tx:
            for guild_id, sightings in sorted(near.items()):  # in this order: two hunts may meet in the same guilds
                guild = await self._guilds.within(tx, guild_id)
                await tx.cases.in_turn(guild_id)
                current = await tx.banks.entry(entry.id)
                if current is None or current.revoked_at is not None:  # somebody just took its decision back
                    continue
                own = await tx.cases.get(entry.case_id) if entry.case_id is not None else None
                by_person = own is not None and own.guild_id == guild_id and own.decision is Decision.CONFIRM
                for verdict in (Verdict.REMOVE, Verdict.REVIEW):
                    hits = self._hits(entry, guild, sightings, verdict)
                    if not hits:
                        continue
                    join = own if by_person and verdict is Verdict.REMOVE else None
                    delete = await self._collect(tx, entry, guild, hits, join)
                    removed += len(hits) if delete else 0
                    review += 0 if delete else len(hits)
            await tx.banks.mark_hunted(entry.id, self._clock())
        if removed or review:
            self._outbox.wake()
        return Hunted(removed, review)

    def _hits(
        self, entry: Entry, guild: GuildSettings, sightings: Sequence[Sighting], verdict: Verdict
    ) -> list[tuple[Sighting, Plan]]:
        """The sightings whose full judgement, known-good entries included, is this verdict on this entry."""
        hits: list[tuple[Sighting, Plan]] = []
        for sighting in sightings:
            if sighting.fingerprint is None or sighting.case_id is not None:
                continue
            plan = self._scanner.judge(sighting.fingerprint, guild)
            if plan.verdict is verdict and plan.match is not None and plan.match.entry_id == entry.id:
                hits.append((sighting, plan))
        return hits

    async def _collect(
        self, tx: Tx, entry: Entry, guild: GuildSettings, hits: Sequence[tuple[Sighting, Plan]], join: Case | None
    ) -> bool:
        """Tie the hits to one case and have them deleted if policy or a moderator's own decision says so."""
        plan = hits[0][1]
        if join is None and not plan.open_case:
            return False
        case = join or await self._cases.open_or_join(
            tx, guild, CaseOrigin.HUNT, entry.category, plan.match, hits[0][0].fingerprint, plan.reasons
        )
        matches = {sighting.id: hit.match for sighting, hit in hits if hit.match is not None}
        await tx.sightings.attach(
            list(matches),
            case.id,
            entry.id,
            {id_: match.distance for id_, match in matches.items() if match.distance is not None},
            agreements={id_: match.agreement for id_, match in matches.items() if match.agreement is not None},
        )
        by_person = join is not None and guild.mode is not Mode.OBSERVE
        delete = plan.delete or (by_person and not waits_for_report(guild, case.category))
        if delete:
            await tx.outbox.put([calls.delete(sighting.message, case.id) for sighting, _ in hits], self._clock())
        copies = "1 earlier copy" if len(hits) == 1 else f"{len(hits)} earlier copies"
        await self._cases.event(tx, case, "hunted", None, f"{copies} found among the kept sightings.")
        await self._cases.draw(tx, case, guild, f"hunt:{entry.id}:{max(matches)}")
        return delete

    async def _list(
        self,
        tx: Tx,
        bank: Bank,
        case: Case,
        category: Category,
        fingerprint: Fingerprint,
        note: str,
        actor_id: int,
    ) -> tuple[Entry, bool]:
        """The entry of this very file, and whether it was there before.

        One that was listed before anybody suspected a minor gives way to one in that lane.
        """
        listed = await tx.banks.find_exact(fingerprint.sha256, [bank.id])
        lane = Category.MINOR_SUSPECTED
        fitting = [entry for entry in listed if entry.category is lane or category is not lane]
        if fitting:
            return fitting[0], True
        for entry in listed:
            await tx.banks.revoke(entry.id, actor_id, self._clock())
            await self._cases.event(tx, case, "entry_revoked", actor_id, f"E-{entry.id}")
        entry = await tx.banks.add_entry(
            bank_id=bank.id,
            category=category,
            fingerprint=fingerprint,
            note=note,
            added_by=actor_id,
            source="moderator",
            added_at=self._clock(),
            case_id=case.id,
        )
        return entry, False

    def _may_end(self, case: Case, actor_id: int) -> bool:
        """Whether a block decides the case that it joined.

        Not one in the lane of suspected minors, which is not a moderator's to decide, nor one that somebody else works
        on, that was escalated, or that is appealed.
        """
        if case.in_lane or case.state not in (CaseState.OPEN, CaseState.CLAIMED):
            return False
        return case.held_by(self._clock()) in (None, actor_id)

    async def _note_block(self, tx: Tx, case: Case, entry: Entry, actor_id: int, *, decide: bool) -> Case:
        """Write the block into its case, which it decides at once if it may: the moderator saw the picture."""
        changes = CaseChanges(entry_id=case.entry_id or entry.id)
        if decide:
            changes.update(
                state=target(case.state, CaseAction.DECIDE),
                decision=Decision.CONFIRM,
                decided_by=actor_id,
                decided_at=self._clock(),
                policy_reason=reasons.of(Decision.CONFIRM, case.category, None),
                decision_number=case.decision_number + 1,
                claimed_by=None,
                claimed_until=None,
            )
        noted = await tx.cases.compare_and_set(case.id, case.version, **changes)
        assert noted is not None, "the row of the case is locked by this very transaction"
        await self._cases.event(tx, noted, "blocked", actor_id, f"E-{entry.id}")
        return noted

    async def _tie(
        self, tx: Tx, message: MessageRef, media_id: str, surface: Surface, fingerprint: Fingerprint, case: Case
    ) -> None:
        """Tie the blocked message itself to the case, whether it was seen before or not."""
        scan = Scan(Plan(Verdict.REMOVE), fingerprint, fingerprint.sha256)
        seen_at = case.decided_at or self._clock()  # by the moderator, whose decision it is
        added = await tx.sightings.add(message, media_id, surface, scan, seen_at=seen_at, case_id=case.id)
        if added is None:
            known = [
                sighting.id
                for sighting in await tx.sightings.by_message(message.message_id)
                if sighting.media_id == media_id
            ]
            await tx.sightings.attach(known, case.id, case.entry_id, dict.fromkeys(known, 0), message.author_id)


def _job(fingerprint: Fingerprint, entry_id: int | None = None) -> str:
    """What tasks and processes call the hunt for the copies of a file; an entry without a file goes by its number."""
    return f"hunt:{fingerprint.sha256.hex() or entry_id}"
