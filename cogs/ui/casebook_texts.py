"""The words in which cases are looked up, and what is found."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import discord
from discord import app_commands

from bot.errors import NotFoundError
from bot.model import (
    UNDECIDED,
    AppealLine,
    AppealOutcome,
    CaseFilter,
    CaseLine,
    CaseOrder,
    CaseState,
    MemberHistory,
    ReportTally,
    SanctionKind,
    SanctionLine,
    SanctionState,
)

from . import texts
from .queue_texts import DECISIONS
from .reporters_texts import NOT_SHOWN
from .reporters_texts import standing as standing_of

# -------------------------------------------------------------------------------- words

STATES: dict[CaseState, str] = {
    CaseState.OPEN: "open",
    CaseState.CLAIMED: "claimed",
    CaseState.ESCALATED: "escalated",
    CaseState.APPEALED: "appealed",
    CaseState.DECIDED: "decided, can be taken back",
    CaseState.CLOSED: "closed",
    CaseState.EXPIRED: "expired",
}
SANCTIONS: dict[SanctionKind, str] = {
    SanctionKind.WARN: "warned",
    SanctionKind.TIMEOUT: "timed out",
    SanctionKind.KICK: "kicked",
    SanctionKind.BAN: "banned",
}
SANCTION_STATES: dict[SanctionState, str] = {
    SanctionState.PENDING: "under way",
    SanctionState.DONE: "",
    SanctionState.FAILED: "did not work",
    SanctionState.LIFTING: "being lifted",
    SanctionState.LIFTED: "lifted",
}
APPEALS: dict[AppealOutcome | None, str] = {
    None: "waits for an answer",
    AppealOutcome.UPHELD: "the decision stands",
    AppealOutcome.OVERTURNED: "the decision was overturned",
}

WAITING, ANY = "waiting", "any"
STATE_CHOICES = [
    app_commands.Choice(name="waiting for a decision (open, claimed, escalated, appealed)", value=WAITING),
    *(app_commands.Choice(name=words, value=state.value) for state, words in STATES.items()),
    app_commands.Choice(name="any", value=ANY),
]
DECISION_CHOICES = [app_commands.Choice(name=words, value=decision.value) for decision, words in DECISIONS.items()]

_AGES: dict[str, tuple[str, timedelta]] = {
    "day": ("opened in the last 24 hours", timedelta(days=1)),
    "week": ("opened in the last 7 days", timedelta(days=7)),
    "month": ("opened in the last 30 days", timedelta(days=30)),
    "over-day": ("opened more than 24 hours ago", timedelta(days=1)),
    "over-week": ("opened more than 7 days ago", timedelta(days=7)),
}
AGE_CHOICES = [app_commands.Choice(name=words, value=value) for value, (words, _) in _AGES.items()]

_ORDERS = {CaseOrder.NEWEST: "newest first", CaseOrder.URGENT: "most urgent first, as /case next takes them"}
ORDER_CHOICES = [app_commands.Choice(name=words, value=order.value) for order, words in _ORDERS.items()]

TAKEDOWN = "▲ takedown"
"""Marks a case whose picture somebody wants taken down."""

NOT_A_CASE = "Cases have numbers such as #12; see /case list for them."
NOTHING_FOUND = "No case fits."
NOTHING_TYPED = "Write what to look for; without words, use /case list."
NOTHING_WAITS = "No case waits for a decision."
NOTHING_NEXT = (
    "Nothing waits for you: what is left is held by others, has a message of yours in it, was skipped by you, or is of "
    "a category that you do not want to see."
)
NOT_HERE = "That person is not in this server any more, so they cannot be given a case."
CANNOT_TAKE = "That member may not decide this case, so it stays as it is; choose somebody who may."

NUMBER = re.compile(r"\s*#?\s*([0-9]{1,18})\b.*", re.DOTALL)
TYPED = re.compile(r"\s*#?\s*([0-9]{1,18})?\s*")


def number_of(written: str) -> int:
    """The number of a case as people write it: ``#12``, ``12``, or a whole suggestion. NotFoundError for all else."""
    match = NUMBER.fullmatch(written)
    if match is None:
        raise NotFoundError(NOT_A_CASE)
    return int(match[1])


def digits_of(typed: str) -> str | None:
    """The digits that were typed so far; None when it is no number."""
    match = TYPED.fullmatch(typed)
    return None if match is None else match[1] or ""


def states_of(chosen: str) -> tuple[CaseState, ...]:
    """The states that a choice stands for."""
    if chosen == WAITING:
        return UNDECIDED
    return () if chosen == ANY else (CaseState(chosen),)


def state_name(chosen: str) -> str:
    """What a choice of states is called in the title of a list."""
    return {WAITING: "waiting for a decision", ANY: "in any state"}.get(chosen) or STATES[CaseState(chosen)]


def searched(text: str) -> str:
    """The title of what was found for these words."""
    return f"Cases with “{discord.utils.escape_markdown(' '.join(text.split()))}”"


def opened(age: str | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    """From when, and until when, a choice of age wants cases to have been opened."""
    if age is None:
        return None, None
    at = now - _AGES[age][1]
    return (None, at) if age.startswith("over") else (at, None)


# -------------------------------------------------------------------------------- lists


def standing(line: CaseLine) -> str:
    """How a case stands, in a word or two."""
    if line.decision is None or line.state.undecided:
        return STATES[line.state]
    return DECISIONS[line.decision]


def link(line: CaseLine) -> str:
    """The number of a case, leading to its card where there is one."""
    return f"**#{line.id}**" if line.card_link is None else f"**[#{line.id}]({line.card_link})**"


def line(of: CaseLine, now: datetime) -> str:
    """One case in a list."""
    copies = texts.count(of.sighting_count, "copy", "copies")
    if of.channel_count > 1:
        copies += f" in {of.channel_count} channels"
    parts = [link(of), *_marks(of), texts.CATEGORIES[of.category], standing(of), copies]
    if of.report_count:
        parts.append(texts.count(of.report_count, "report"))
    parts.append(f"opened {texts.ago(of.opened_at)}")
    holder = of.held_by(now)
    if holder is not None:
        parts.append(f"held by <@{holder}>")
    return "- " + " · ".join(parts)


def suggestion(of: CaseLine) -> str:
    """A case in a list of suggestions, at most 100 characters."""
    copies = texts.count(of.sighting_count, "copy", "copies")
    return " · ".join([f"#{of.id}", *_marks(of), texts.CATEGORIES[of.category], standing(of), copies])[:100]


def _marks(of: CaseLine) -> list[str]:
    waits = of.state.undecided and of.state is not CaseState.APPEALED  # what is under appeal was taken down already
    return [TAKEDOWN] if of.takedown_at is not None and waits else []


def filtered(filters: CaseFilter, order: CaseOrder) -> str:
    """What a list was asked for beyond the state, in as few words as it takes."""
    parts: list[str] = []
    if filters.category is not None:
        parts.append(texts.CATEGORIES[filters.category])
    if filters.decision is not None:
        parts.append(DECISIONS[filters.decision])
    if filters.opened_after is not None:
        parts.append(f"opened after {texts.exactly(filters.opened_after)}")
    if filters.opened_before is not None:
        parts.append(f"opened before {texts.exactly(filters.opened_before)}")
    if filters.channel_id is not None:
        parts.append(f"in <#{filters.channel_id}>")
    if filters.moderator_id is not None:
        parts.append(f"worked on by <@{filters.moderator_id}>")
    if filters.author_id is not None:
        parts.append(f"posted by <@{filters.author_id}>")
    if order is not CaseOrder.NEWEST:
        parts.append("most urgent first")
    return f"-# {' · '.join(parts)}" if parts else ""


# -------------------------------------------------------------------------------- what commands did


def taken(of: CaseLine) -> str:
    """To a moderator who asked for the next case."""
    until = "" if of.claimed_until is None else f" until {texts.ago(of.claimed_until)}; what you do with it renews that"
    about = " · ".join([texts.CATEGORIES[of.category].capitalize(), *_marks(of)])
    return f"{link(of)} is yours{until}.\n{about} · {_where(of)}"


def _where(of: CaseLine) -> str:
    if of.card_link is None:
        return f"it has no card; look at it with `/case show case:{of.id}`."
    return f"its card: {of.card_link}"


def noted(case_id: int) -> str:
    """A note was kept."""
    return f"Your note is kept with case #{case_id}; the moderators who may see the case see it in /case show."


def assigned(case_id: int, member_id: int) -> str:
    """A case was given to somebody."""
    return f"Case #{case_id} is <@{member_id}>'s until they decide it or give it back. They were not pinged; tell them."


def undone(case_id: int, what: str) -> str:
    """A decision was taken back. ``what``: sentences on what was taken back, and what could not be."""
    sentences = f"Case #{case_id} is open again. {what}".strip()
    return f"{sentences} Messages that were removed stay removed."


# -------------------------------------------------------------------------------- a member


def history(member_id: int, known: MemberHistory, now: datetime) -> list[str]:
    """What is known of a member, in paragraphs, without who reported whom."""
    title = f"### History of <@{member_id}>"
    reporter = _reporter(known)
    if not (known.case_count or known.sanction_count or known.appeal_count or _reported(known)):
        nothing = "Nothing is known of this member: no case, no sanction, no appeal"
        return [title, f"{nothing}, no report." if known.reports_by is not None else f"{nothing}.\n{reporter}"]
    cases = [f"**{texts.count(known.case_count, 'case')} with messages of theirs**{_ends(known)}"]
    cases += [line(each, now) for each in known.cases]
    cases += _more(known.case_count - len(known.cases), "see all with /case list state:any author:")
    sanctions = [f"**{texts.count(known.sanction_count, 'sanction')}**"]
    sanctions += [sanction(each) for each in known.sanctions]
    sanctions += _more(known.sanction_count - len(known.sanctions))
    appeals = [f"**{texts.count(known.appeal_count, 'appeal')}**"]
    appeals += [appeal(each) for each in known.appeals]
    appeals += _more(known.appeal_count - len(known.appeals))
    reports = [
        f"**Reports on these cases**: {_tally(known.reports_on)}",
        reporter,
    ]
    return [title, *("\n".join(lines) for lines in (cases, sanctions, appeals, reports))]


def _reported(known: MemberHistory) -> bool:
    """Whether anything may be said of the member as a reporter."""
    numbers = known.record is not None and known.record.confirmed + known.record.refused
    return bool(numbers or known.muted_until or (known.reports_by is not None and known.reports_by.total))


def _reporter(known: MemberHistory) -> str:
    if known.reports_by is None:
        return f"**Reports made by them**: left out. {NOT_SHOWN}"
    lines = [f"**Reports made by them**: {_tally(known.reports_by)}"]
    if known.record is not None and known.record.confirmed + known.record.refused:
        lines.append(f"-# as a reporter {standing_of(known.record)}")
    if known.muted_until is not None:
        by = "" if known.muted_by is None else f" by <@{known.muted_by}>"
        lines.append(f"-# muted as a reporter until {texts.exactly(known.muted_until)}{by}")
    return "\n".join(lines)


def _ends(known: MemberHistory) -> str:
    parts = [f"{known.decisions[each]} {words}" for each, words in DECISIONS.items() if known.decisions.get(each)]
    if known.waiting_count:
        parts.append(f"{known.waiting_count} waiting")
    return f": {', '.join(parts)}" if parts else ""


def _tally(reports: ReportTally) -> str:
    if not reports.total:
        return "none"
    parts = [f"{reports.confirmed} confirmed", f"{reports.mistaken} not", f"{reports.waiting} waiting"]
    return f"{reports.total} ({', '.join(parts)})"


def _more(number: int, how: str = "") -> list[str]:
    if number <= 0:
        return []
    return [f"-# and {number} more" + (f"; {how}" if how else "")]


def sanction(of: SanctionLine) -> str:
    """One sanction of a member."""
    until = f" until {texts.exactly(of.until)}" if of.until is not None else ""
    state = f" · {SANCTION_STATES[of.state]}" if SANCTION_STATES[of.state] else ""
    return f"- {SANCTIONS[of.kind]}{until} by <@{of.ordered_by}> {texts.ago(of.ordered_at)}, case #{of.case_id}{state}"


def appeal(of: AppealLine) -> str:
    """One appeal of a member."""
    return f"- case #{of.case_id}, {texts.ago(of.created_at)} · {APPEALS[of.outcome]}"


def evidence(case_id: int, key: str) -> str:
    """What comes with an evidence pack."""
    return (
        f"The evidence pack of case #{case_id}: the same twice, for programs and for people, without any picture. Read "
        "the text before you hand it on: it holds the ids of members and your notes. It is signed with this "
        f"installation's key `{key}`; `stanguard evidence verify` proves that nothing was changed."
    )
