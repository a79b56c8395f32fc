"""The pages of a whole case and of a list of cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import discord

from bot.model import Appeal, CaseEvent, CaseLine, CaseView, Decision, PolicyReason, Sanction
from bot.reports.reporters import DROPPED, RESTORED, SEEN

from . import casebook_texts as words
from . import texts
from .cards import facts
from .pages import ROOM, Page, pack
from .queue_texts import REASONS

LINES = 10
"""Cases on a page."""

LONGEST = 1200
"""Characters of one line of a history: a note of 500 characters, each of them escaped, and who wrote it when."""

_EVENTS: dict[str, str] = {
    "opened": "The case was opened.",
    "reported": "A member reported it as {category}.",
    "held": "Members who were right before reported it, so it was deleted until somebody decides:",
    "takedown": "A takedown was requested {detail}.",
    "takedown_late": "The takedown waited:",
    "report_withdrawn": "A member took their report back.",
    "hunted": "Earlier posts were searched:",
    "blocked": "{actor} blocked the picture as {detail}.",
    "claimed": "{actor} claimed it.",
    "released": "{actor} gave it back.",
    "skipped": "{actor} skipped it.",
    "assigned": "{actor} gave it",
    "escalated": "{actor} escalated it: {reason}.",
    "suspected_minor": "It went into the lane of suspected minors{by}.",
    "reported_to_discord": "{actor} said that it was reported to Discord.",
    "excepted": "{actor} changed what the case is about:",
    "note": "{actor} wrote a note.",
    "undone": "{actor} took the decision back.",
    "reopened": "The case was opened again.",
    "merged": "It got",
    "parted": "It lost",
    "sanctioned": "{actor} ordered a sanction:",
    "entry_added": "The picture was listed as {detail}.",
    "entry_revoked": "{detail} was revoked.",
    "known_good_added": "The picture is known-good as {detail}.",
    "reminded": "It was brought up again.",
    "lease_ended": "A claim ended without activity.",
    "expired": "It expired: nobody decided in time.",
    "closed": "The case was closed.",
    "appealed": "{actor} appealed.",
    "upheld": "{actor} upheld the decision.",
    "overturned": "{actor} overturned the decision.",
    "revealed": "{actor} looked at the rendering.",
    SEEN: "{actor} saw who reported it.",
    DROPPED: "{actor} dropped a report as made in bad faith.",
    RESTORED: "{actor} let a dropped report stand again.",
    "call_failed": "⚠️ Something could not be done:",
}
"""What each kind of event is called. What it says of its detail is in it, or follows it."""

_UNSAID = frozenset({"note", DROPPED, RESTORED})
"""Events whose detail stands elsewhere, or is for the program alone."""

_SAID = ("{detail}", "{category}", "{reason}")


def listing(
    lines: Sequence[CaseLine], total: int, number: int, *, title: str, asked: str, empty: str, now: datetime
) -> Page:
    """One page of a list of cases. ``asked``: what was asked for."""
    shown = "\n".join(words.line(line, now) for line in lines) or empty
    head = f"### {title}" + (f"\n{asked}" if asked else "")
    return Page([head, shown], number, page_count(total), texts.count(total, "case"))


def page_count(total: int) -> int:
    """On how many pages so many cases are."""
    return max(1, -(-total // LINES))


def story(view: CaseView, number: int) -> Page:
    """One page of all that is kept of a case: what its card says, then what people wrote and did, then its history.

    The last page for a number that is too high.
    """
    case_id = view.case.id
    parts = (
        (f"### Case #{case_id} · notes, sanctions, appeals", _people(view)),
        (f"### Case #{case_id} · history", [_event(event) for event in view.events]),
    )
    pages = [facts(view, ROOM)]
    for title, lines in parts:
        pages += [[title, text] for text in pack(lines, ROOM - len(title))]
    at = min(number, len(pages))
    return Page(pages[at - 1], at, len(pages))


def _people(view: CaseView) -> Iterable[str]:
    for event in view.events:
        if event.kind == "note":
            yield f"- **Note** by {_actor(event)} {texts.ago(event.at)}: {_plain(event.detail)}"[:LONGEST]
    for sanction in view.sanctions:
        yield _sanction(sanction)
    for appeal in view.appeals:
        yield _appeal(appeal)
    for duplicate in view.duplicates:
        yield f"- Case #{duplicate} was decided to be a duplicate of this one."


def _sanction(of: Sanction) -> str:
    until = f" until {texts.exactly(of.until)}" if of.until is not None else ""
    state = f" · {words.SANCTION_STATES[of.state]}" if words.SANCTION_STATES[of.state] else ""
    why = f": {_plain(of.error)}" if of.error else ""
    what = words.SANCTIONS[of.kind]
    return f"- <@{of.user_id}> {what}{until} by <@{of.ordered_by}> {texts.ago(of.ordered_at)}{state}{why}"[:LONGEST]


def _appeal(of: Appeal) -> str:
    said = "their words cannot be opened any more" if of.statement is None else f"“{_plain(of.statement)}”"
    answered = f" by <@{of.answered_by}>" if of.answered_by is not None else ""
    head = f"- **Appeal** of <@{of.author_id}> {texts.ago(of.created_at)} · {words.APPEALS[of.outcome]}{answered}: "
    return head + _cut(said, LONGEST - len(head))


def _event(event: CaseEvent) -> str:
    template = _EVENTS.get(event.kind)
    if event.kind in set(Decision):
        template = "{actor} decided: " + words.DECISIONS[Decision(event.kind)] + " ({reason})."
    detail = "" if event.kind in _UNSAID else _plain(event.detail)
    if template is None:
        template = event.kind.replace("_", " ").capitalize() + "{by}" + (":" if detail else ".")
    by = "" if event.actor_id is None else f" by <@{event.actor_id}>"
    said = template.format(
        actor=_actor(event), by=by, detail=detail, category=_category(event.detail), reason=_reason(event.detail)
    )
    if detail and not any(part in template for part in _SAID):
        said += f" {detail}"
    head = f"- {texts.exactly(event.at)} "
    return head + _cut(said, LONGEST - len(head))


def _category(detail: str) -> str:
    return next((name for category, name in texts.CATEGORIES.items() if category == detail), "abuse")


def _reason(detail: str) -> str:
    known = detail in set(PolicyReason)
    return REASONS[PolicyReason(detail)] if known else _plain(detail).removesuffix(".") or "no reason given"


def _actor(event: CaseEvent) -> str:
    return "The bot" if event.actor_id is None else f"<@{event.actor_id}>"


def _plain(text: str) -> str:
    """Words that others chose, on one line and without markup."""
    return discord.utils.escape_markdown(" ".join(text.split()))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
