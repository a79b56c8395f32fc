"""What a member's report leads to: the same scan as for any picture, and a case in the same queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.cases.service import CaseService
from bot.model import Case, CaseOrigin, Category, GuildSettings, MessageRef, Plan, Scan, SeenMedia, Verdict
from bot.outbox import Outbox
from bot.scanner import Scanner
from bot.store.engine import Store, Tx

REPORTED = "A member reported it."
"""The reason that a report gives to its case."""

UPLOAD = (
    "Thank you. The moderators cannot see your upload, only its fingerprint: report the message itself if it stands in "
    "this server. You will hear once what came of it."
)
KNOWN_UPLOAD = (
    "Thank you. The server's blocklist knows this picture; if it stands in this server, report the message itself."
)
UNREADABLE_UPLOAD = (
    "The bot cannot read this file, and the moderators cannot see an upload, so nothing was reported; report the "
    "message itself if it stands in this server."
)


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """What the reporter is told at once, and the cases that hold the report."""

    sentence: str
    case_ids: tuple[int, ...]


class ReportService:
    """Takes reports of messages and of uploaded pictures. An upload is fingerprinted in memory and forgotten."""

    def __init__(
        self, store: Store, scanner: Scanner, cases: CaseService, outbox: Outbox, *, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._scanner = scanner
        self._cases = cases
        self._outbox = outbox
        self._clock = clock

    async def report(
        self,
        guild: GuildSettings,
        reporter_id: int,
        category: Category,
        message: MessageRef | None,
        media: Sequence[SeenMedia],
    ) -> ReportAnswer:
        """Report the pictures of a message, or uploaded ones (``message`` None).

        What matches an entry is removed at once, as if it had just been posted; everything else opens a case, or joins
        the one of the same picture. An upload that cannot be read opens none: there would be nothing to look at.
        """
        if not media:
            return ReportAnswer("There is no picture in that message, so there is nothing to report here.", ())
        reported = None if message is None else category  # nobody gets to see an upload, however coarsely
        scans = [(item, await self._scanner.scan(item, guild, reported=reported)) for item in media]
        if message is None and all(scan.fingerprint is None for _, scan in scans):
            return ReportAnswer(UNREADABLE_UPLOAD, ())
        cases: dict[int, Case] = {}
        removed = again = 0
        async with self._store.write() as tx:
            await tx.cases.in_turn(guild.guild_id)
            for item, scan in scans:
                case = await self._case(tx, guild, category, message, item, scan)
                cases[case.id] = case
                removed += scan.plan.delete and message is not None
            for case in cases.values():
                report = await tx.reports.add(case.id, guild.guild_id, reporter_id, category, self._clock())
                again += report is None
                if report is not None:
                    await self._cases.event(tx, case, "reported", None, category.value)
                    await self._cases.draw(tx, case, guild, f"report:{report.id}")
        self._outbox.wake()
        return ReportAnswer(
            _answer(
                [scan for _, scan in scans], removed=removed > 0, again=again == len(cases), upload=message is None
            ),
            tuple(cases),
        )

    async def _case(
        self,
        tx: Tx,
        guild: GuildSettings,
        category: Category,
        message: MessageRef | None,
        item: SeenMedia,
        scan: Scan,
    ) -> Case:
        plan = scan.plan
        if plan.match is not None and category is not Category.MINOR_SUSPECTED:
            category = plan.match.category
        reasons = (*plan.reasons, REPORTED)
        case = None if message is None else await self._case_of(tx, message, item.media_id)
        if case is None:
            case = await self._cases.open_or_join(
                tx, guild, CaseOrigin.REPORT, category, plan.match, scan.fingerprint, reasons
            )
        else:
            case = await self._cases.inform(tx, guild, case, category, plan.match, reasons)
        if message is not None:
            await self._tie(tx, message, item, scan, case)
            if scan.thumbhash is not None:
                await tx.cases.keep_thumbhash(case.id, scan.thumbhash)
            if plan.delete:
                await self._cases.remove(tx, case, [message])
        return case

    async def _case_of(self, tx: Tx, message: MessageRef, media_id: str) -> Case | None:
        """The open case that this very item of this message hangs on already; nobody decides it meanwhile."""
        for sighting in await tx.sightings.by_message(message.message_id):
            if sighting.media_id == media_id and sighting.case_id is not None:
                case = await tx.cases.touch(sighting.case_id)
                if case.state.undecided:
                    return case
        return None

    async def _tie(self, tx: Tx, message: MessageRef, item: SeenMedia, scan: Scan, case: Case) -> None:
        """Tie the reported item to the case, whether it was seen before or not."""
        plan = scan.plan
        kept = scan if plan.verdict is not Verdict.CLEAR else Scan(Plan(Verdict.REVIEW), scan.fingerprint, scan.sha256)
        now = self._clock()
        if await tx.sightings.add(message, item.media_id, item.surface, kept, seen_at=now, case_id=case.id) is not None:
            return
        loose = [
            sighting.id
            for sighting in await tx.sightings.by_message(message.message_id)
            if sighting.media_id == item.media_id and sighting.case_id is None
        ]
        if loose:
            match = plan.match
            await tx.sightings.attach(
                loose,
                case.id,
                None if match is None else match.entry_id,
                {} if match is None or match.distance is None else dict.fromkeys(loose, match.distance),
                message.author_id,
                agreements={} if match is None or match.agreement is None else dict.fromkeys(loose, match.agreement),
            )


def _answer(scans: Sequence[Scan], *, removed: bool, again: bool, upload: bool) -> str:
    """What the reporter is told: what happened, and what they can do if that is not enough."""
    if removed:
        return "Thank you. It matches the server's blocklist and is being removed now; a moderator will check it."
    if again:
        return "Thank you. You have reported this already; the moderators have it in their queue."
    known = any(scan.plan.match is not None for scan in scans)
    if upload:
        return KNOWN_UPLOAD if known else UPLOAD
    if known:
        return "Thank you. The server's blocklist knows this picture; a moderator will decide about the message."
    if all(scan.unscannable for scan in scans):
        return "Thank you. The bot cannot read this file itself, so a moderator will look at the message."
    return "Thank you. A moderator will look at it; you will hear once what came of it."
