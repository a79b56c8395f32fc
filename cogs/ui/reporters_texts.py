"""What moderators read about reporters, in the list of a case and after they acted on one."""

from __future__ import annotations

from datetime import datetime

from discord import app_commands

from bot.model import ReporterRecord, ReportKind
from bot.reports.reporters import MUTES, CaseReporters, Restored, SeenReport

from . import texts
from .card_people import plain

OPEN = "Reporters"
EARLIER, LATER, BACK = "Earlier", "Later", "Back to the list"
MENU = "Choose one to read all of it, or to act on the reporter"
DROP = "Drop all their open reports"
RESTORE = "Let dropped ones stand again"
UNMUTE = "Unmute"

SHORT_WORDS = 120
"""Characters of a reporter's words in the list; all of them are shown for one report at a time."""

ALL_WORDS = 2000
"""Characters of a reporter's words, each of which may have to be escaped."""

FEWEST_DECIDED = 2
USUALLY_RIGHT, OFTEN_WRONG = 0.65, 0.35
"""From and up to which score (:class:`bot.model.Standing`) a reporter is called so."""

NOBODY = "No report of this case stands."
SEEN = "-# Only you see this. That you looked stands in the case's history."
HIDDEN = (
    "-# Only you see this. This server shows nobody who reports (`/setup-reports`): a number stands for one member, in "
    "this case alone."
)
NOT_SHOWN = (
    "This server shows nobody who reports, so what a member reported cannot be looked up by name. Somebody with Manage "
    "Server can change that with /setup-reports."
)
ON_ALL = (
    "-# *Mute*: their reports are refused for that time; they are told when they try. *Drop*: every report of theirs "
    "in an undecided case that you may decide counts no more, and counts against them; it can be taken back."
)
MUTE_CHOICES = [app_commands.Choice(name=texts.count(days, "day"), value=days) for days in MUTES]


def mute(days: int) -> str:
    """What the button that mutes is called."""
    return f"Mute {texts.count(days, 'day')}"


def title(case_id: int) -> str:
    """Above the list of a case."""
    return f"### Who reported case #{case_id}"


def heading(shown: CaseReporters, page: int, pages: int) -> str:
    """Above one page of the list; ``page`` begins at 0."""
    numbers = f"-# {texts.count(len(shown.reports), 'report')} · page {page + 1} of {pages}\n" if pages > 1 else ""
    return f"{title(shown.case_id)}\n{numbers}{SEEN if shown.named else HIDDEN}"


def standing(record: ReporterRecord) -> str:
    """How often a reporter was right, in words and numbers."""
    numbers = f"{record.confirmed} confirmed, {record.refused} refused"
    if not record.confirmed + record.refused:
        return "new"
    if record.confirmed + record.refused < FEWEST_DECIDED:
        return f"new: {numbers}"
    score = record.standing.score
    if score >= USUALLY_RIGHT:
        return f"usually right: {numbers}"
    return f"often wrong: {numbers}" if score <= OFTEN_WRONG else f"mixed: {numbers}"


def line(report: SeenReport) -> str:
    """One report in the list: who, what, when, how reliable, and the beginning of their words."""
    return f"{report.number}. {_about(report)}{_quoted(report, SHORT_WORDS)}"


def whole(report: SeenReport) -> str:
    """One report with everything that was written."""
    return f"{_about(report)}{_quoted(report, ALL_WORDS)}"


def option(report: SeenReport) -> str:
    """One report in the menu, at most 100 characters."""
    return f"{report.number}. {texts.CATEGORIES[report.category]}"[:100]


def _about(report: SeenReport) -> str:
    who = f"Reporter {report.number}" if report.reporter_id is None else f"<@{report.reporter_id}>"
    parts = [who]
    if report.kind is ReportKind.TAKEDOWN:
        parts.append("**asks to take it down**")
    parts += [texts.CATEGORIES[report.category], texts.ago(report.created_at), standing(report.record)]
    if report.muted_until is not None:
        parts.append(f"muted until {texts.exactly(report.muted_until)}")
    if report.dropped:
        parts.append("**dropped**")
    return " · ".join(parts)


def _quoted(report: SeenReport, most: int) -> str:
    if report.words is None:
        return "\n> -# their words cannot be opened here"
    if not report.words.strip():
        return ""
    said = plain(report.words, most + 1)
    return f"\n> {said}" if len(said) <= most else f"\n> {said[:most].rstrip(chr(92))}…"


# -------------------------------------------------------------------------------- what was done


def muted(until: datetime) -> str:
    """No reports are taken from somebody now."""
    return (
        f"Muted until {texts.exactly(until)}: this server takes no reports from them. They are told when they try, and "
        "what they reported before stays as it is."
    )


def unmuted(*, was_muted: bool) -> str:
    """Reports are taken from somebody again."""
    return "Not muted any more: they can report again." if was_muted else "They were not muted; nothing changed."


UNMUTED = "Whether they were muted or not: they can report now."


def dropped(number: int) -> str:
    """Open reports of somebody were dropped."""
    if not number:
        return "They have no open report in a case that you may decide; nothing changed."
    return (
        f"Dropped {texts.count(number, 'report')}. The cases stay open, with their cards drawn anew; a case without "
        f"any other report goes to the end of the queue. *{RESTORE}* or `/reporter restore` takes it back."
    )


DROPPED = (
    "Whatever open reports they had in cases that you may decide are dropped now. `/reporter restore` takes it back."
)


def restored(what: Restored) -> str:
    """Dropped reports of somebody stand again."""
    late = ""
    if what.too_late:
        stays = "1 report of the same step stays" if what.too_late == 1 else f"{what.too_late} of the same step stay"
        late = f" {stays} dropped, as the case was decided since."
    if not what.reports:
        return f"No dropped report of theirs can stand again.{late}"
    again = "1 report stands" if what.reports == 1 else f"{what.reports} reports stand"
    return f"{again} again, as before they were dropped.{late}"


RESTORED = (
    "What was dropped of theirs in one step, the last one, stands again, where it was in a case that you may decide "
    "and that nobody decided since."
)


def card(report_count: int, dropped_count: int) -> list[str]:
    """What a card says of reports: how many stand, and that others were dropped. Never whose."""
    lost = texts.count(dropped_count, "report") + (" was dropped" if dropped_count == 1 else " were dropped")
    if report_count:
        stands = f"Reported by {texts.count(report_count, 'member')}."
        return [f"{stands} {lost[0].upper()}{lost[1:]}."] if dropped_count else [stands]
    if not dropped_count:
        return []
    return [
        "Its report was dropped as made in bad faith."
        if dropped_count == 1
        else f"All its {lost} as made in bad faith."
    ]


# -------------------------------------------------------------------------------- by name


def reporter(member_id: int, record: ReporterRecord, open_count: int, muted_until: datetime | None) -> list[str]:
    """What is known of a member as a reporter, in paragraphs."""
    lines = [
        f"**Standing:** {standing(record)}",
        f"**Open reports:** {open_count}",
        f"**Muted:** {'no' if muted_until is None else f'until {texts.exactly(muted_until)}'}",
    ]
    return [f"<@{member_id}> as a reporter in this server", "\n".join(lines)]
