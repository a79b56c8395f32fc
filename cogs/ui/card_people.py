"""The lines of a card about people: who works on the case, what was noted, sanctioned and appealed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import discord

from bot.model import Appeal, AppealOutcome, Case, CaseEvent, CaseState, CaseView, SanctionState

from . import queue_texts as words
from . import texts

NOTES = 2
APPEALS = 3
LINE = 250
STATEMENT = 300
"""Characters of a statement that a card shows; the whole of it stands in the case's history."""


def plain(text: str, longest: int = LINE) -> str:
    """Words that others chose, on one line and without markup."""
    return discord.utils.escape_markdown(" ".join(text.split()))[:longest]


def holder(case: Case) -> list[str]:
    """Who has claimed the case, and until when."""
    if case.claimed_by is None or not case.state.undecided:
        return []
    if case.claimed_until is None:
        return [f"**Given to** <@{case.claimed_by}>."]
    return [f"**Claimed** by <@{case.claimed_by}>; free again {texts.ago(case.claimed_until)} unless they go on."]


def escalation(view: CaseView) -> list[str]:
    """Who escalated the case, and why."""
    if view.case.state is not CaseState.ESCALATED:
        return []
    for event in reversed(view.events):
        if event.kind == "escalated":
            who = "by the bot" if event.actor_id is None else f"by <@{event.actor_id}>"
            return [f"**Escalated** {who} {texts.ago(event.at)}: {_why(event)}"]
    return []


def _why(event: CaseEvent) -> str:
    known = {reason.value: said for reason, said in words.REASONS.items()}
    return known.get(event.detail, plain(event.detail))


def notes(events: Sequence[CaseEvent]) -> list[str]:
    """The last notes of moderators."""
    written = [event for event in events if event.kind == "note"]
    lines = [f"- <@{event.actor_id}> {texts.ago(event.at)}: {plain(event.detail)}" for event in written[-NOTES:]]
    more = f" · {texts.count(len(written), 'note')} in all" if len(written) > NOTES else ""
    return [f"**Notes**{more}", *lines] if lines else []


def sanctions(view: CaseView) -> list[str]:
    """The sanctions of the last decision, by kind and how they stand."""
    now = [one for one in view.sanctions if one.decision_number == view.case.decision_number]
    if not now:
        return []
    counted = Counter((one.kind, one.state) for one in now)
    parts = [
        f"{texts.count(number, words.SANCTIONS[kind])} {words.SANCTION_STATES[state]}"
        for (kind, state), number in sorted(counted.items())
    ]
    failed = [one for one in now if one.error and one.state in (SanctionState.FAILED, SanctionState.DONE)]
    return [f"**Sanctions** · {', '.join(parts)}", *(f"⚠️ <@{one.user_id}>: {one.error[:LINE]}" for one in failed[:2])]


def _answerer(appeal: Appeal) -> str:
    """Who answered an appeal: the bot itself where nobody decided in time."""
    return "the bot" if appeal.answered_by is None else f"<@{appeal.answered_by}>"


def appeals(view: CaseView) -> list[str]:
    """What authors say against the decision; the lane of suspected minors shows that they do, not what."""
    open_ones = [appeal for appeal in view.appeals if appeal.outcome is None]
    if not open_ones:
        last = view.appeals[-1] if view.appeals else None
        if last is None or last.answered_at is None:
            return []
        how = "upheld, the decision stays" if last.outcome is AppealOutcome.UPHELD else "overturned"
        return [f"**Appeal** answered by {_answerer(last)} {texts.ago(last.answered_at)}: {how}."]
    against = "the decision" if view.case.state is CaseState.APPEALED else "the removal"
    lines = [f"**Appeal** against {against} · {texts.count(len(open_ones), 'author')}"]
    for appeal in open_ones[:APPEALS]:
        if view.case.in_lane:
            said = "see History"
        elif appeal.statement is None:
            said = "cannot be opened here"
        else:
            said = plain(appeal.statement, STATEMENT) or "no words"
        lines.append(f"- <@{appeal.author_id}> {texts.ago(appeal.created_at)}: {said}")
    return lines
