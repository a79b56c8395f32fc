"""What becomes of a report after it was made, as whoever made it sees it.

Members are found by their digest, so all of this works also after their ids were forgotten. Nothing here says who else
reported, who posted and who decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.cases import calls, outcomes
from bot.cases.priority import prioritise
from bot.cases.service import CaseService
from bot.errors import NotFoundError, RefusedError, StaleCaseError
from bot.language import mark, say
from bot.model import Case, CaseState, Decision, GuildSettings, Language, Report, ReportState, Sighting
from bot.store.engine import Store, Tx

WITHDRAWN = mark(
    "Your report {report} is taken back and counts no more. The moderators may still look at the picture, but you hear "
    "nothing about it. If you change your mind, report it again."
)
WITHDRAWN_BEFORE = mark("Your report {report} was taken back already.")
NO_SUCH_REPORT = mark("There is no such report of yours here; `/report status` shows those that there are.")
DECIDED_ALREADY = mark("This report was decided already, so it cannot be taken back any more.")
MOVED = mark("Something changed about this report just now; please try again.")


class Became(StrEnum):
    """What became of a report.

    ``removed_first``: nobody decided yet, but the message is gone. ``again``: what was decided is looked at anew.
    ``nothing_done``: closed without action, and what whoever made a dropped report sees.
    """

    WAITING = "waiting"
    REMOVED_FIRST = "removed_first"
    AGAIN = "again"
    CONFIRMED = "confirmed"
    WITHIN_RULES = "within_rules"
    NOTHING_DONE = "nothing_done"
    UNDECIDED = "undecided"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True)
class Followed:
    """A member's own report. ``link``: to the message, None if it is gone, was never seen, or there was none.

    ``open``: it can be taken back now.
    """

    report: Report
    became: Became
    link: str | None
    open: bool


class FollowUpService:
    """Members and their own reports."""

    def __init__(self, store: Store, cases: CaseService) -> None:
        self._store = store
        self._cases = cases

    async def recipient(self, report_id: int) -> int | None:
        """Whom to tell what became of a report.

        None if it counts no more, if they want to hear nothing, or if who made it was forgotten.
        """
        async with self._store.read() as tx:
            report = await tx.reports.get(report_id)
            if report is None or not report.counts:
                return None
            reporter = await tx.reporters.get(report.guild_id, report.reporter)
        return None if reporter.silent else report.reporter_id

    async def tell(self, guild_id: int, user_id: int, *, wanted: bool) -> None:
        """Write to a member what becomes of their reports in a guild, or do not, from now on."""
        async with self._store.write() as tx:
            await tx.reporters.change(guild_id, tx.reports.digest(guild_id, user_id), silent=not wanted)

    async def made_by(self, guild_id: int, user_id: int, *, limit: int, offset: int = 0) -> tuple[list[Followed], int]:
        """Some of a member's reports in a guild, newest first, and how many there are."""
        async with self._store.read() as tx:
            reporter = tx.reports.digest(guild_id, user_id)
            reports = await tx.reports.by_reporter(guild_id, reporter, limit=limit, offset=offset)
            total = await tx.reports.count_by_reporter(guild_id, reporter)
            return [await _followed(tx, report) for report in reports], total

    async def withdraw(
        self, guild: GuildSettings, user_id: int, report_id: int, language: Language = Language.ENGLISH
    ) -> str:
        """Take a member's report back while nobody has decided; what to answer, in their language.

        The case stays, even if nobody else reported it: what it shows may be abuse whoever said so, and nobody can
        make a case vanish by reporting and taking back, or by making the reporter do so. A second time is the same as
        once. Raises NotFoundError for what is not theirs and RefusedError once it was decided, or dropped, which they
        are not told.
        """
        async with self._store.read() as tx:
            report = await _own(tx, guild.guild_id, user_id, report_id)
            case = await tx.cases.touch(report.case_id)
            holding = case.duplicate_of
        answer = say(language, WITHDRAWN, report=report_id)

        async def change(tx: Tx, case: Case) -> Case:
            nonlocal answer
            if case.duplicate_of != holding:
                raise StaleCaseError(MOVED)
            report = await _own(tx, guild.guild_id, user_id, report_id)
            if report.state is ReportState.WITHDRAWN:
                answer = say(language, WITHDRAWN_BEFORE, report=report_id)
                return case
            if not _open(report, await _deciding(tx, case)):
                raise RefusedError(DECIDED_ALREADY)
            await tx.reports.set_state([report.id], ReportState.STANDING, ReportState.WITHDRAWN)
            await tx.outbox.cancel(calls.outcome_key(report.id))
            await self._cases.event(tx, case, "report_withdrawn", None)
            await prioritise(tx, case, self._cases.now())
            made = int(report.created_at.timestamp() * 1000)  # it may be made again, and taken back again
            await self._cases.draw(tx, case, guild, f"withdrawn:{report.id}:{made}")
            return case

        await self._cases.once(report.case_id, None, change, with_cases=() if holding is None else (holding,))
        return answer


async def _own(tx: Tx, guild_id: int, user_id: int, report_id: int) -> Report:
    """The report of this number, if this member made it in this guild; else NotFoundError, whatever the cause."""
    report = await tx.reports.get(report_id)
    if report is None or report.guild_id != guild_id or report.reporter != tx.reports.digest(guild_id, user_id):
        raise NotFoundError(NO_SUCH_REPORT)
    return report


async def _deciding(tx: Tx, case: Case) -> Case:
    """The case whose decision counts: for a duplicate the other one."""
    other = None if case.duplicate_of is None else await tx.cases.get(case.duplicate_of)
    return other or case


async def _followed(tx: Tx, report: Report) -> Followed:
    case = await _deciding(tx, await tx.cases.touch(report.case_id))
    seen = [] if report.message_id is None else await tx.sightings.by_message(report.message_id)
    here = [one for one in seen if one.message.guild_id == report.guild_id]
    standing = [one for one in here if one.deleted_at is None]
    return Followed(
        report,
        _became(report, case, here, gone=bool(here) and not standing),
        standing[0].message.link if standing else None,
        _open(report, case),
    )


def _open(report: Report, case: Case) -> bool:
    """Whether a report can be taken back: an appeal is about a decision that was made."""
    return report.counts and case.state.undecided and case.state is not CaseState.APPEALED


def _became(report: Report, case: Case, seen: Sequence[Sighting], *, gone: bool) -> Became:
    if report.state is ReportState.WITHDRAWN:
        return Became.TAKEN_BACK
    if report.state is ReportState.DROPPED:
        return Became.NOTHING_DONE
    if case.state.undecided:
        if case.decision_number:
            return Became.AGAIN
        return Became.REMOVED_FIRST if gone else Became.WAITING
    if case.state is CaseState.EXPIRED:
        return Became.UNDECIDED
    if case.decision is Decision.CONFIRM:
        mine = [one for one in seen if one.case_id == case.id]
        return Became.WITHIN_RULES if outcomes.left_out(report, mine) else Became.CONFIRMED
    if case.decision in (Decision.NOT_A_MATCH, Decision.HARMLESS_EDIT):
        return Became.WITHIN_RULES
    return Became.NOTHING_DONE
