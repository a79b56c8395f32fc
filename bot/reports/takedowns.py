"""What a request to take a picture down leads to, by the person shown or by somebody who acts for them.

A request removes nothing by itself, apart from what matches an entry anyway: it puts a case to the top of the queue,
starts its clock and calls the moderators. Nobody has to send the picture again: a message is named, or a file by its
fingerprint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.cases import priority, said, takedowns
from bot.cases.service import CaseService
from bot.errors import NotAllowedError, RefusedError
from bot.language import mark
from bot.model import (
    MOST_WORDS,
    Case,
    CaseOrigin,
    Category,
    Fingerprint,
    GuildSettings,
    Language,
    MessageRef,
    Plan,
    ReportKind,
    ReportState,
    Scan,
    SeenMedia,
    Sighting,
)
from bot.outbox import Outbox
from bot.scanner import Scanner
from bot.settings import ReportSettings
from bot.store.engine import Store, Tx

from . import pictures
from .service import REPORTED

DAY = timedelta(days=1)

EVENT = "takedown"
"""The kind of the event that a request was made. Its detail says by whom, in the words of :data:`ACTING`."""

BY_FILE = "by the fingerprint of the file"

NOTHING_SHOWN = mark("There is no picture in that message that the bot can see.")
TOO_MANY = mark(
    "You have asked for as many pictures to be taken down as one member can in a day here. Please write to the "
    "moderators, or use the official ways that do not depend on this server: <https://discord.com/report>, "
    "<https://stopncii.org> and, for pictures of somebody under 18, <https://takeitdown.ncmec.org>."
)


class Acting(StrEnum):
    """Who asks."""

    SELF = "self"
    FOR_THEM = "for_them"


ACTING: dict[Acting, str] = {
    Acting.SELF: "by the person shown",
    Acting.FOR_THEM: "by somebody who acts for the person shown",
}
"""Who asks, as the history of the case says it: nothing that could name them."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks for a takedown, how, and what they say. ``words`` is cut to what a report can hold."""

    member_id: int
    acting: Acting
    category: Category = Category.OTHER
    language: Language = Language.ENGLISH
    words: str = ""


class Outcome(StrEnum):
    """What a request led to.

    ``waits``: moderators decide. ``removed``: it matches the blocklist and is being removed, moderators check it.
    ``again``: the member asked before. ``refused``: moderators found an earlier request of the member to be in bad
    faith. ``listed``: the very file is on the blocklist, so nobody needs to decide about it.
    """

    WAITS = "waits"
    REMOVED = "removed"
    AGAIN = "again"
    REFUSED = "refused"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What whoever asked is told, and the cases that hold the request. ``own``: the message is their own."""

    outcome: Outcome
    case_ids: tuple[int, ...] = ()
    own: bool = False


class TakedownService:
    """Takes requests to take pictures down. That a member is muted as a reporter does not matter here.

    Every method raises NotAllowedError when whoever asks did so too often today.
    """

    def __init__(
        self,
        store: Store,
        scanner: Scanner,
        cases: CaseService,
        outbox: Outbox,
        settings: ReportSettings,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._scanner = scanner
        self._cases = cases
        self._outbox = outbox
        self._most = settings.takedowns_per_member_day
        self._clock = clock

    async def by_message(
        self, guild: GuildSettings, ask: Ask, message: MessageRef, media: Sequence[SeenMedia]
    ) -> Answer:
        """Ask for the pictures of a message to be taken down; each opens a case, or joins the one of its cluster.

        What matches an entry is removed at once, as if it had just been posted. RefusedError for a message without a
        picture.
        """
        if not media:
            raise RefusedError(NOTHING_SHOWN)
        async with self._store.read() as tx:
            await self._require_room(tx, guild, ask)
        scans = [(item, await self._scanner.scan(item, guild, reported=ask.category)) for item in media]
        cases: dict[int, Case] = {}
        async with self._store.write() as tx:
            await tx.cases.in_turn(guild.guild_id)
            await self._require_room(tx, guild, ask)
            known = await tx.sightings.by_message(message.message_id)
            found: list[Case] = []
            for item, scan in scans:  # the cases first, like everybody who locks both them and their sightings
                mine = [one for one in known if one.media_id == item.media_id]
                found.append(await self._case(tx, guild, ask, scan.plan, mine, scan.fingerprint))
            for case, (item, scan) in zip(found, scans, strict=True):
                mine = [one for one in known if one.media_id == item.media_id]
                await self._tie(tx, case, message, item, scan, mine)
                cases[case.id] = await tx.cases.touch(case.id)  # another item of the message may have told it more
            outcomes = [
                await self._file(tx, guild, case, ask, ACTING[ask.acting], message.message_id)
                for case in cases.values()
            ]
        self._outbox.wake()
        removed = any(scan.plan.delete for _, scan in scans)
        outcome = Outcome.REMOVED if removed else _first(outcomes)
        return Answer(outcome, tuple(cases), own=message.author_id == ask.member_id)

    async def by_file(self, guild: GuildSettings, ask: Ask, sha256: bytes) -> Answer:
        """Ask for a file to be taken down by its SHA-256, wherever it stands or will be posted.

        The answer never tells whether the file was seen: whoever asks must not learn what is posted where they cannot
        look. A file that the bot removes anyway needs no decision, unless a copy of it still stands.
        """
        plan = self._scanner.judge_file(sha256, guild)
        async with self._store.write() as tx:
            await tx.cases.in_turn(guild.guild_id)
            await self._require_room(tx, guild, ask)
            seen = await tx.sightings.of_file(guild.guild_id, sha256)
            standing = [sighting for sighting in seen if sighting.deleted_at is None]
            if plan.delete and not standing:
                return Answer(Outcome.LISTED)
            case = await self._case_of_file(tx, guild, ask, sha256, plan, seen)
            await self._take(tx, case, [sighting for sighting in standing if sighting.case_id != case.id], plan)
            if plan.delete:
                await self._cases.remove(tx, case, [sighting.message for sighting in standing])
            outcome = await self._file(tx, guild, case, ask, f"{ACTING[ask.acting]}, {BY_FILE}", None)
        self._outbox.wake()
        return Answer(Outcome.LISTED if plan.delete else outcome, (case.id,))

    async def _require_room(self, tx: Tx, guild: GuildSettings, ask: Ask) -> None:
        reporter = tx.reports.digest(guild.guild_id, ask.member_id)
        since = self._clock() - DAY
        made = await tx.reports.made_since(guild.guild_id, reporter, ReportKind.TAKEDOWN, since)
        if made >= self._most:
            raise NotAllowedError(TOO_MANY)

    async def _file(
        self, tx: Tx, guild: GuildSettings, case: Case, ask: Ask, detail: str, message_id: int | None
    ) -> Outcome:
        """Write the request down, put its case to the top and call the moderators."""
        now = self._clock()
        report = await tx.reports.add(
            case_id=case.id,
            guild_id=guild.guild_id,
            reporter_id=ask.member_id,
            category=ask.category,
            at=now,
            kind=ReportKind.TAKEDOWN,
            language=ask.language,
            message_id=message_id,
            words=ask.words.strip()[:MOST_WORDS],
        )
        if report is None:
            return await self._known(tx, case, ask)
        await self._cases.event(tx, case, EVENT, None, detail)
        await priority.prioritise(tx, case, now)
        await self._cases.draw(tx, case, guild, f"takedown:{report.id}:{now.timestamp()}")
        await takedowns.call(tx, case, guild, now)
        return Outcome.WAITS

    async def _known(self, tx: Tx, case: Case, ask: Ask) -> Outcome:
        reporter = tx.reports.digest(case.guild_id, ask.member_id)
        mine = [report for report in await tx.reports.by_case(case.id) if report.reporter == reporter]
        dropped = any(report.state is ReportState.DROPPED for report in mine)
        return Outcome.REFUSED if dropped else Outcome.AGAIN

    # ------------------------------------------------------------------------------------------- which case

    async def _tie(
        self, tx: Tx, case: Case, message: MessageRef, item: SeenMedia, scan: Scan, known: Sequence[Sighting]
    ) -> None:
        """Tie an item of the message to its case, and have it removed if it matches; ``known``: how it was seen."""
        plan, kept, now = scan.plan, pictures.kept(scan), self._clock()
        await tx.sightings.add(message, item.media_id, item.surface, kept, seen_at=now, case_id=case.id)
        await self._take(tx, case, [one for one in known if one.case_id != case.id], plan, message.author_id)
        if scan.thumbhash is not None:
            await tx.cases.keep_thumbhash(case.id, scan.thumbhash)
        await said.note(tx, case, scan.signals, now)
        if plan.delete:
            await self._cases.remove(tx, case, [message])

    async def _case_of_file(
        self, tx: Tx, guild: GuildSettings, ask: Ask, sha256: bytes, plan: Plan, seen: Sequence[Sighting]
    ) -> Case:
        named = Fingerprint(sha256, (), 0, 0, 0, 0)
        shown = next((sighting.fingerprint for sighting in seen if sighting.fingerprint is not None), named)
        return await self._case(tx, guild, ask, plan, seen, shown)

    async def _case(
        self,
        tx: Tx,
        guild: GuildSettings,
        ask: Ask,
        plan: Plan,
        known: Sequence[Sighting],
        fingerprint: Fingerprint | None,
    ) -> Case:
        """The undecided case of one of these sightings, or of the picture's cluster, told of it; or a new one.

        A case that was decided is left alone: the request says what those who decided it did not know.
        """
        category = pictures.category_of(ask.category, plan)
        reasons = (*plan.reasons, REPORTED)
        for sighting in known:
            held = None if sighting.case_id is None else await tx.cases.get(sighting.case_id)
            if held is None or not held.state.undecided:
                continue
            case = await tx.cases.touch(held.id)
            if case.state.undecided:  # else somebody decided it while this waited for its row
                return await self._cases.inform(tx, guild, case, category, plan.match, reasons)
        origin = CaseOrigin.REPORT
        return await self._cases.open_or_join(tx, guild, origin, category, plan.match, fingerprint, reasons)

    async def _take(
        self, tx: Tx, case: Case, sightings: Sequence[Sighting], plan: Plan, author_id: int | None = None
    ) -> None:
        """Tie sightings that no case holds, or one that was decided, to the case of the request."""
        free: list[int] = []
        for sighting in sightings:
            holder = None if sighting.case_id is None else await tx.cases.get(sighting.case_id)
            if sighting.deleted_at is None and (holder is None or not holder.state.undecided):
                free.append(sighting.id)
        await pictures.attach(tx, free, case, plan, author_id)


def _first(outcomes: Sequence[Outcome]) -> Outcome:
    """What counts of several: that something waits, before that it was asked before, before that it was refused."""
    return next(one for one in (Outcome.WAITS, Outcome.AGAIN, Outcome.REFUSED) if one in outcomes)
