"""What a member's report leads to: the same scan as for any picture, and a case in the same queue.

A report is refused in words before anything is fetched for it, and answered at once where people decided already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.cases import said
from bot.cases.priority import prioritise
from bot.cases.service import CaseService
from bot.language import say
from bot.model import (
    MOST_WORDS,
    Case,
    CaseOrigin,
    Category,
    GuildSettings,
    Language,
    MessageRef,
    Scan,
    SeenMedia,
    Sighting,
)
from bot.outbox import Outbox
from bot.scanner import Scanner
from bot.settings import ReportSettings
from bot.store.engine import Store, Tx

from . import answers, decided, pictures
from .answers import Outcome, Taken
from .hold import explain, hold
from .windows import MOST_PICTURES, Room, Windows

REPORTED = "A member reported it."
"""The reason that a report gives to its case."""


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """What the reporter is told at once, and the cases that hold the report."""

    sentence: str
    case_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Told:
    """A report as it was made, by one member in one guild. ``message`` None: of uploaded pictures."""

    guild: GuildSettings
    reporter_id: int
    category: Category
    message: MessageRef | None
    language: Language
    words: str


@dataclass(frozen=True, slots=True)
class _Looked:
    """One reported picture after its scan. ``known_good``: its very file is; ``near_good``: the nearest such entry."""

    item: SeenMedia
    scan: Scan
    known_good: bool
    near_good: int | None

    @property
    def reasons(self) -> tuple[str, ...]:
        """What a case is told that the report opens or joins."""
        return () if self.near_good is None else (near_good(self.near_good),)


def near_good(entry_id: int) -> str:
    """The reason of a case whose picture is known to nobody, but near a picture that is known to be good."""
    return (
        f"Near known-good entry E-{entry_id}: it may be a copy of that official or harmless picture, or a manipulation "
        "of it."
    )


class ReportService:
    """Takes reports of messages and of uploaded pictures. An upload is fingerprinted in memory and forgotten.

    Safe to call from many tasks at once: the reports of one guild are written one after the other.
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
        self._windows = Windows(settings)
        self._clock = clock

    async def report(
        self,
        guild: GuildSettings,
        reporter_id: int,
        category: Category,
        message: MessageRef | None,
        media: Sequence[SeenMedia],
        *,
        language: Language = Language.ENGLISH,
        words: str = "",
    ) -> ReportAnswer:
        """Report the pictures of a message, or uploaded ones (``message`` None): the first ten of them.

        What matches an entry is removed at once, as if it had just been posted. What was decided before, or is
        known-good, is answered from that. Everything else opens a case, or joins the one of the same picture. An upload
        that cannot be read opens none: there would be nothing to look at.

        A report of one's own message, of a muted member, or beyond the windows of a member is refused before anything
        is fetched; beyond the window of the server, only what would open a new case is, and never a suspected minor.
        ``words`` beyond what a report holds are cut off. Raises DatabaseError without the vault.
        """
        if not media:
            return ReportAnswer(say(language, answers.NO_PICTURE), ())
        if message is not None and message.author_id == reporter_id:
            return ReportAnswer(say(language, answers.OWN_MESSAGE), ())
        told = _Told(guild, reporter_id, category, message, language, words.strip()[:MOST_WORDS])
        async with self._store.read() as tx:
            room = await self._room(tx, told)
            reporter = tx.reports.digest(guild.guild_id, reporter_id)
        if isinstance(room, str):
            return ReportAnswer(room, ())
        wanted = min(len(media), MOST_PICTURES, room.number)
        fetched = self._windows.take(guild.guild_id, reporter, wanted, self._clock())
        if not fetched.number:
            return ReportAnswer(answers.too_many(language, fetched), ())
        looked = [await self._look(told, item) for item in media[: fetched.number]]
        return await self._write(told, looked, len(media))

    async def _room(self, tx: Tx, told: _Told) -> Room | str:
        """How many more pictures the member may report, or why none, in their language."""
        guild_id, now = told.guild.guild_id, self._clock()
        reporter = tx.reports.digest(guild_id, told.reporter_id)
        muted_until = (await tx.reporters.get(guild_id, reporter)).muted_at(now)
        if muted_until is not None:
            return answers.muted(told.language, muted_until)
        room = await self._windows.room(tx, guild_id, reporter, now)
        return room if room.number > 0 else answers.too_many(told.language, room)

    async def _look(self, told: _Told, item: SeenMedia) -> _Looked:
        reported = None if told.message is None else told.category  # nobody gets to see an upload, however coarsely
        scan = await self._scanner.scan(item, told.guild, reported=reported)
        near = None if scan.plan.match is not None else self._scanner.near_known_good(scan, told.guild)
        return _Looked(item, scan, self._scanner.known_good(scan, told.guild), near)

    async def _write(self, told: _Told, looked: Sequence[_Looked], given: int) -> ReportAnswer:
        """Write down what follows from a report, all of it in one transaction. ``given``: pictures that it had."""
        guild = told.guild
        async with self._store.write() as tx:
            await tx.cases.in_turn(guild.guild_id)
            # Again: another report of this member may have been written, or a moderator may have muted them, meanwhile.
            room = await self._room(tx, told)
            if isinstance(room, str):
                return ReportAnswer(room, ())
            looked = looked[: room.number]
            taken = [await self._take(tx, told, one) for one in looked]
            case_ids = tuple(dict.fromkeys(one.case_id for one in taken if one.case_id is not None))
            new = [await self._join(tx, told, case_id) for case_id in case_ids]
        self._outbox.wake()
        sentence = answers.answer(told.language, taken, again=bool(new) and not any(new), upload=told.message is None)
        rest = answers.left_out(told.language, given, Room(len(looked), room.span))
        return ReportAnswer(f"{sentence} {rest}".strip(), case_ids)

    async def _take(self, tx: Tx, told: _Told, one: _Looked) -> Taken:
        """Answer one picture from what is known of it, or give it to its case."""
        scan, message = one.scan, told.message
        hanging = [] if message is None else await _hanging(tx, message, one)
        if one.known_good:
            return await self._answer_good(tx, told, one, hanging)
        case = await self._open_case_of(tx, hanging)
        if case is None:
            answer = await decided.of(tx, told.guild, told.category, scan, hanging, upload=message is None)
            if answer is not None:
                return await self._answer_decided(tx, told, one, hanging, answer)
            if message is None and scan.fingerprint is None:
                return Taken(Outcome.UNREADABLE, scan)
        case = await self._case(tx, told, one, case)
        if case is None:
            return Taken(Outcome.NO_ROOM, scan)
        case = await said.note(tx, case, scan.signals, self._clock())
        if message is None:
            return Taken(Outcome.QUEUED, scan, case.id)
        await self._tie(tx, message, one, hanging, case)
        if scan.thumbhash is not None:
            await tx.cases.keep_thumbhash(case.id, scan.thumbhash)
        if scan.plan.delete:
            await self._cases.remove(tx, case, [message])
        return Taken(Outcome.REMOVED if scan.plan.delete else Outcome.QUEUED, scan, case.id)

    # --------------------------------------------------------------------------------------------- answered at once

    async def _answer_good(self, tx: Tx, told: _Told, one: _Looked, hanging: Sequence[Sighting]) -> Taken:
        """The very file is known-good: nobody has to look again, whatever it is reported as."""
        answer = await decided.of(tx, told.guild, told.category, one.scan, hanging, upload=told.message is None)
        if answer is not None and answer.harmless:
            return Taken(Outcome.HARMLESS, one.scan, decided_at=answer.case.decided_at)
        return Taken(Outcome.KNOWN_GOOD, one.scan)

    async def _answer_decided(
        self, tx: Tx, told: _Told, one: _Looked, hanging: Sequence[Sighting], answer: decided.Answer
    ) -> Taken:
        """A moderator has decided about it: what was confirmed is removed, if it still stands, by that decision."""
        if answer.harmless:
            return Taken(Outcome.HARMLESS, one.scan, decided_at=answer.case.decided_at)
        if told.message is not None:
            await self._tie(tx, told.message, one, hanging, answer.case)
            await self._cases.remove(tx, answer.case, [told.message])
        return Taken(Outcome.CONFIRMED, one.scan)

    # --------------------------------------------------------------------------------------------- what a case holds

    async def _open_case_of(self, tx: Tx, hanging: Iterable[Sighting]) -> Case | None:
        """The open case that this very item of this message hangs on already; nobody decides it meanwhile."""
        for sighting in hanging:
            if sighting.case_id is not None:
                case = await tx.cases.touch(sighting.case_id)
                if case.state.undecided:
                    return case
        return None

    async def _case(self, tx: Tx, told: _Told, one: _Looked, case: Case | None) -> Case | None:
        """The case that the picture hangs on, told of the report, or the one of its cluster, or a new one.

        None where the server has no room for a new one; what matches an entry and a suspected minor always get theirs.
        """
        guild, plan = told.guild, one.scan.plan
        category = pictures.category_of(told.category, plan)
        reasons = (*plan.reasons, *one.reasons, REPORTED)
        if case is None:
            case = await self._cases.join(tx, guild, category, plan.match, one.scan.fingerprint, reasons)
        else:
            case = await self._cases.inform(tx, guild, case, category, plan.match, reasons)
        if case is not None:
            for reason in one.reasons:
                case = await explain(tx, case, reason)
            return case
        exempt = plan.match is not None or category is Category.MINOR_SUSPECTED
        if not exempt and await self._windows.server_full(tx, guild.guild_id, self._clock()):
            return None
        return await self._cases.open(tx, guild, CaseOrigin.REPORT, category, plan.match, one.scan.fingerprint, reasons)

    async def _join(self, tx: Tx, told: _Told, case_id: int) -> bool:
        """Put the report on a case, and what follows from that; whether it is new there."""
        now = self._clock()
        report = await tx.reports.add(
            case_id=case_id,
            guild_id=told.guild.guild_id,
            reporter_id=told.reporter_id,
            category=told.category,
            at=now,
            language=told.language,
            message_id=None if told.message is None else told.message.message_id,
            words=told.words,
        )
        case = await tx.cases.touch(case_id)
        if report is not None:
            await self._cases.event(tx, case, "reported", None, told.category.value)
        case = await hold(tx, self._cases, told.guild, case, now)
        await prioritise(tx, case, now)
        # A report that was taken back is made again under its number, and the card says something else then.
        cause = f"v{case.version}" if report is None else f"report:{report.id}:{int(now.timestamp() * 1000)}"
        await self._cases.draw(tx, case, told.guild, cause)
        return report is not None

    async def _tie(self, tx: Tx, message: MessageRef, one: _Looked, hanging: Sequence[Sighting], case: Case) -> None:
        """Tie the reported item to its case, whether it was seen before or not.

        What hangs on a case that came to an end goes over to the one in which it is looked at again.
        """
        item, scan, now = one.item, pictures.kept(one.scan), self._clock()
        added = await tx.sightings.add(message, item.media_id, item.surface, scan, seen_at=now, case_id=case.id)
        loose = [sighting.id for sighting in hanging if await _is_loose(tx, sighting)]
        if added is None:
            await pictures.attach(tx, loose, case, one.scan.plan, message.author_id)


async def _hanging(tx: Tx, message: MessageRef, one: _Looked) -> list[Sighting]:
    """What was seen of this item of this message before, apart from another file that its address led to."""
    sha256 = decided.file_of(one.scan)
    return [
        sighting
        for sighting in await tx.sightings.by_message(message.message_id)
        if sighting.media_id == one.item.media_id
        and (sha256 is None or sighting.fingerprint is None or sighting.fingerprint.sha256 == sha256)
    ]


async def _is_loose(tx: Tx, sighting: Sighting) -> bool:
    """Whether no case holds a sighting that somebody still has to decide."""
    return sighting.case_id is None or not (await tx.cases.touch(sighting.case_id)).state.undecided
