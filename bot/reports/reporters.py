"""What moderators see of those who report, and what they do about those who report in bad faith.

A report is *dropped* when a moderator found its reporter to act in bad faith: it counts no more, and counts against
them. A case that loses its last report so stays open, at the end of the queue: nobody has looked at the picture yet,
and somebody of bad faith may still be right once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.cases import texts
from bot.cases.priority import prioritise
from bot.cases.service import CaseService
from bot.errors import NotAllowedError, NotFoundError
from bot.guilds import GuildService
from bot.model import Case, Category, Report, ReporterRecord, ReportKind, ReportState, Scope
from bot.outbox import Outbox
from bot.store.chain import AuditAction, reporter_payload
from bot.store.engine import Store, Tx

MUTES = (1, 7, 30)
"""For how many days a reporter can be muted."""

SEEN, DROPPED, RESTORED = "reporters_seen", "report_dropped", "report_restored"
"""Events of a case."""

SEEN_AGAIN = timedelta(minutes=10)
"""Within this time a moderator who looks again, or turns a page, leaves no further line in the history."""

OWN_MESSAGE = "A message of yours is part of this case, so who reported it is not for you to see or to act on."
OWN_REPORT = "That would be about your own reports; take them back yourself, or ask another moderator."
NO_REPORT = "That report does not exist any more; it was taken back, or erased after its time."
NO_SUCH_TIME = "A reporter can be muted for 1, 7 or 30 days."

_STEP = re.compile(r"R-([0-9]+) D-([0-9]+)")
"""What an event says of a dropped report: which one, and in which step, by the interaction that wanted it."""


@dataclass(frozen=True, slots=True)
class Moderator:
    """Who looks or acts, and which cases of the guild they may decide."""

    user_id: int
    scope: Scope
    may_escalated: bool

    def may_decide(self, case: Case) -> bool:
        """Whether this case is theirs to decide."""
        return self.scope.sees(case.category) and (self.may_escalated or not case.for_escalation_role)


@dataclass(frozen=True, slots=True)
class ByReport:
    """The reporter of a report, whoever that is."""

    guild_id: int
    case_id: int
    report_id: int


@dataclass(frozen=True, slots=True)
class ByMember:
    """A member by their id, who need not have reported anything."""

    guild_id: int
    member_id: int


Target = ByReport | ByMember


@dataclass(frozen=True, slots=True)
class SeenReport:
    """A report as moderators see it.

    ``number``: the reporter's place in the case, from 1, which never changes. ``reporter_id``: None where the guild
    shows nobody, and once it was forgotten. ``words``: as in :class:`bot.model.Report`. ``muted_until``: None where the
    guild shows nobody, because muting members one by one would tell who they are.
    """

    report_id: int
    number: int
    reporter_id: int | None
    kind: ReportKind
    dropped: bool
    category: Category
    created_at: datetime
    words: str | None
    record: ReporterRecord
    muted_until: datetime | None


@dataclass(frozen=True, slots=True)
class CaseReporters:
    """Who reported a case, oldest first. ``named``: whether the guild shows who they are."""

    case_id: int
    named: bool
    reports: tuple[SeenReport, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """How many reports stand again, and how many of the same step stay dropped as their case was decided since."""

    reports: int = 0
    too_late: int = 0


class ReporterService:
    """Reporters, for moderators. Safe to call from many tasks at once.

    Whoever posted in a case never learns who reported it. They cannot act on reports of it either: where they act on a
    member, such reports are left out without a word, as a refusal would tell. NotFoundError for what is not there, or
    not theirs to decide; NotAllowedError for one's own message or report.
    """

    def __init__(
        self,
        store: Store,
        guilds: GuildService,
        cases: CaseService,
        outbox: Outbox,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._guilds = guilds
        self._cases = cases
        self._outbox = outbox
        self._clock = clock

    async def of_case(self, guild_id: int, case_id: int, moderator: Moderator) -> CaseReporters:
        """Who reported a case. That names were shown is written into its history, with who saw them.

        Reports that were taken back are left out.
        """
        now = self._clock()
        async with self._store.write() as tx:
            case = await tx.cases.touch(case_id)
            await self._require(tx, case, guild_id, moderator)
            named = (await self._guilds.within(tx, guild_id)).show_reporters
            reports = await tx.reports.by_case(case_id)
            who = {report.reporter for report in reports}
            records = await tx.reports.records(guild_id, who, now, moderator.scope)
            kept = await tx.reporters.some(guild_id, who)
            seen = tuple(
                SeenReport(
                    report_id=report.id,
                    number=number,
                    reporter_id=report.reporter_id if named else None,
                    kind=report.kind,
                    dropped=report.state is ReportState.DROPPED,
                    category=report.category,
                    created_at=report.created_at,
                    words=report.words,
                    record=records[report.reporter],
                    muted_until=kept[report.reporter].muted_at(now) if named else None,
                )
                for number, report in enumerate(reports, start=1)
                if report.state is not ReportState.WITHDRAWN
            )
            if any(report.reporter_id is not None for report in seen):
                await self._note_seen(tx, case, moderator.user_id, now)
        return CaseReporters(case_id, named, seen)

    async def mute(self, target: Target, moderator: Moderator, days: int) -> datetime:
        """Take no reports from a member for so many days from now (:data:`MUTES`); until when. Tells them nothing."""
        if days not in MUTES:
            raise NotAllowedError(NO_SUCH_TIME)
        now = self._clock()
        until = now + timedelta(days=days)
        async with self._store.write() as tx:
            reporter = await self._reporter(tx, target, moderator)
            await tx.reporters.change(target.guild_id, reporter, muted_until=until, muted_by=moderator.user_id)
            payload = reporter_payload(reporter, until=until)
            tx.audit.append(target.guild_id, AuditAction.REPORTER_MUTED, now, moderator.user_id, payload)
        return until

    async def unmute(self, target: Target, moderator: Moderator) -> bool:
        """Take reports from a member again; whether they were muted."""
        now = self._clock()
        async with self._store.write() as tx:
            reporter = await self._reporter(tx, target, moderator)
            kept = await tx.reporters.get(target.guild_id, reporter)
            if kept.muted_until is None:
                return False
            await tx.reporters.change(target.guild_id, reporter, muted_until=None, muted_by=None)
            payload = reporter_payload(reporter)
            tx.audit.append(target.guild_id, AuditAction.REPORTER_UNMUTED, now, moderator.user_id, payload)
        return kept.muted_at(now) is not None

    async def drop(self, target: Target, moderator: Moderator, *, request_id: int) -> int:
        """Drop every report of a member that stands in an undecided case which the moderator may decide; how many.

        The same ``request_id`` (Discord's id of the interaction) drops nothing a second time.
        """
        now = self._clock()
        async with self._store.write() as tx:
            await tx.cases.in_turn(target.guild_id)
            reporter = await self._reporter(tx, target, moderator)
            if await tx.events.answered(request_id):
                return 0
            standing = await tx.reports.in_state(target.guild_id, reporter, ReportState.STANDING, waiting=True)
            reached = [
                (report, case) for report, case in await self._reached(tx, standing, moderator) if case.state.undecided
            ]
            reached = await _change(tx, reached, ReportState.STANDING, ReportState.DROPPED)
            details = [f"R-{report.id} D-{request_id}" for report, _ in reached]
            await self._written(tx, reached, DROPPED, details, moderator, request_id)
            if reached:
                payload = reporter_payload(reporter, report_ids=[report.id for report, _ in reached])
                tx.audit.append(target.guild_id, AuditAction.REPORTS_DROPPED, now, moderator.user_id, payload)
        self._outbox.wake()
        return len(reached)

    async def restore(self, target: Target, moderator: Moderator, *, request_id: int) -> Restored:
        """Have the reports of a member that were dropped in one step stand again.

        Which step: the one that dropped the report by which they were named, else the last one of which something can
        stand again. Reports of cases that were decided since stay dropped. Once for each ``request_id``.
        """
        now = self._clock()
        async with self._store.write() as tx:
            await tx.cases.in_turn(target.guild_id)
            reporter = await self._reporter(tx, target, moderator)
            if await tx.events.answered(request_id):
                return Restored()
            dropped = await tx.reports.in_state(target.guild_id, reporter, ReportState.DROPPED)
            steps = await self._steps(tx, dropped)
            reached = await self._reached(tx, [report for report in dropped if report.id in steps], moderator)
            step = _step_to_take_back(target, reached, steps)
            chosen = [(report, case) for report, case in reached if steps[report.id] == step]
            again = [(report, case) for report, case in chosen if case.state.undecided]
            again = await _change(tx, again, ReportState.DROPPED, ReportState.STANDING)
            details = [f"R-{report.id}" for report, _ in again]
            await self._written(tx, again, RESTORED, details, moderator, request_id)
            if again:
                payload = reporter_payload(reporter, report_ids=[report.id for report, _ in again])
                tx.audit.append(target.guild_id, AuditAction.REPORTS_RESTORED, now, moderator.user_id, payload)
        self._outbox.wake()
        return Restored(len(again), len(chosen) - len(again))

    # ------------------------------------------------------------------------------------------- parts

    async def _require(self, tx: Tx, case: Case, guild_id: int, moderator: Moderator) -> None:
        """Raise NotFoundError for a case that is not theirs to decide, NotAllowedError for one of their own."""
        if case.guild_id != guild_id or not moderator.may_decide(case):
            raise NotFoundError(texts.no_case(case.id))
        if await tx.sightings.posted_by(case.id, moderator.user_id):
            raise NotAllowedError(OWN_MESSAGE)

    async def _reporter(self, tx: Tx, target: Target, moderator: Moderator) -> bytes:
        """The digest of whom the moderator wants to act on."""
        own = tx.reports.digest(target.guild_id, moderator.user_id)
        if isinstance(target, ByMember):
            reporter = tx.reports.digest(target.guild_id, target.member_id)
        else:
            report = await tx.reports.get(target.report_id)
            case = await tx.cases.get(target.case_id)
            if report is None or case is None or report.case_id != case.id or report.state is ReportState.WITHDRAWN:
                raise NotFoundError(NO_REPORT)
            await self._require(tx, case, target.guild_id, moderator)
            reporter = report.reporter
        if reporter == own:
            raise NotAllowedError(OWN_REPORT)
        return reporter

    async def _reached(self, tx: Tx, reports: Sequence[Report], moderator: Moderator) -> list[tuple[Report, Case]]:
        """Those of these reports that the moderator may act on, with their cases, which nobody changes meanwhile."""
        reached: list[tuple[Report, Case]] = []
        for report in reports:
            case = await tx.cases.touch(report.case_id)
            if moderator.may_decide(case) and not await tx.sightings.posted_by(case.id, moderator.user_id):
                reached.append((report, case))
        return reached

    async def _steps(self, tx: Tx, dropped: Sequence[Report]) -> dict[int, tuple[int, str]]:
        """In which step each of these reports was dropped last; later steps are greater."""
        number_of: dict[str, int] = {}
        steps: dict[int, tuple[int, str]] = {}
        for number, event in enumerate(await tx.events.of_kind([report.case_id for report in dropped], DROPPED)):
            found = _STEP.fullmatch(event.detail)
            if found is not None:
                steps[int(found[1])] = (number_of.setdefault(found[2], number), found[2])
        return {report.id: steps[report.id] for report in dropped if report.id in steps}

    async def _written(
        self,
        tx: Tx,
        reached: Sequence[tuple[Report, Case]],
        kind: str,
        details: Sequence[str],
        moderator: Moderator,
        request_id: int,
    ) -> None:
        """Write down what became of reports, weigh their cases anew, and have them drawn again."""
        now = self._clock()
        for number, ((_, case), detail) in enumerate(zip(reached, details, strict=True)):
            first = request_id if number == 0 else None  # one event of all stands for the press
            await self._cases.event(tx, case, kind, moderator.user_id, detail, first)
            await prioritise(tx, case, now)
            guild = await self._guilds.within(tx, case.guild_id)
            await self._cases.draw(tx, case, guild, f"{kind}:{request_id}")

    async def _note_seen(self, tx: Tx, case: Case, moderator_id: int, now: datetime) -> None:
        lately = now - SEEN_AGAIN
        for event in await tx.events.of_kind([case.id], SEEN):
            if event.actor_id == moderator_id and event.at > lately:
                return
        await self._cases.event(tx, case, SEEN, moderator_id)


async def _change(
    tx: Tx, reached: Sequence[tuple[Report, Case]], old: ReportState, new: ReportState
) -> list[tuple[Report, Case]]:
    """Change the state of reports; without those that their members took back in the meantime."""
    changed = {report.id for report in await tx.reports.set_state([each.id for each, _ in reached], old, new)}
    return [(report, case) for report, case in reached if report.id in changed]


def _step_to_take_back(
    target: Target, reached: Sequence[tuple[Report, Case]], steps: dict[int, tuple[int, str]]
) -> tuple[int, str] | None:
    if isinstance(target, ByReport) and target.report_id in steps:
        return steps[target.report_id]
    undecided = [steps[report.id] for report, case in reached if case.state.undecided]
    return max(undecided or [steps[report.id] for report, _ in reached], default=None)
