"""The card of a case, drawn from its row alone and never with a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import discord

from bot import explain
from bot.model import (
    Case,
    CaseEvent,
    CaseState,
    CaseView,
    Category,
    Decision,
    Match,
    Sighting,
    Surface,
    Thresholds,
    Verdict,
)
from bot.policy import tier
from bot.reports.service import REPORTED

from . import hints, texts
from .buttons import CaseAction, CaseButton

MAX_TEXT = 4000
"""Characters of text that Discord takes in one message of components."""

SIGHTINGS = 8
REASONS = 5
FAILURES = 3
LINE = 250
"""Characters of one line that others worded: a reason, a note, a failure."""

SightingLine = Callable[[Sighting], str]

NEEDS_REVIEW = discord.Colour(0xE8A33D)
REMOVED = discord.Colour(0xD64545)
CONFIRMED = discord.Colour(0x6E7681)
NOT_A_MATCH = discord.Colour(0x3BA55D)
CHILD_SAFETY = discord.Colour(0x7A3E9D)


def card(view: CaseView) -> discord.ui.LayoutView:
    """Draw a case for its moderators; suspected minors get ids and guidance, no detail."""
    container = discord.ui.Container[discord.ui.LayoutView](accent_colour=_accent(view))
    for number, text in enumerate(_sections(view, MAX_TEXT, hints.lines(view))):
        if number:
            container.add_item(discord.ui.Separator(visible=number == 1))
        container.add_item(discord.ui.TextDisplay(text))
    container.add_item(discord.ui.ActionRow[Any](*_buttons(view.case)))
    layout = discord.ui.LayoutView(timeout=None)
    layout.add_item(container)
    return layout


def facts(view: CaseView, most: int) -> list[str]:
    """The sections of a card without its buttons and what they would do, in at most so many characters."""
    return _sections(view, most, [])


def _sections(view: CaseView, most: int, hinted: list[str]) -> list[str]:
    in_lane = view.case.category is Category.MINOR_SUSPECTED
    sections = _child_safety(view, most) if in_lane else _ordinary(view, most, hinted)
    return ["\n".join(lines) for lines in sections if lines]


def _ordinary(view: CaseView, most: int, hinted: list[str]) -> list[list[str]]:
    about = (_title(view), _match(view), _reasons(view))
    sections = [*about, [], _reports(view), _failures(view), _decision(view), hinted]
    sections[3] = _sightings(view, _room(sections, most), _sighting)
    return sections


def _child_safety(view: CaseView, most: int) -> list[list[str]]:
    guidance = [
        texts.CHILD_SAFETY_CARE,
        texts.CHILD_SAFETY_REPORT,
        texts.CHILD_SAFETY_DECIDE,
    ]
    facts = [f"Server `{view.case.guild_id}`" + (f" · entry **E-{view.entry.id}**" if view.entry else "")]
    sections = [_title(view), guidance, facts, [], _reports(view), _failures(view), _decision(view)]
    sections[3] = _sightings(view, _room(sections, most), _sighting_by_id)
    return sections


def _room(sections: Iterable[Sequence[str]], most: int) -> int:
    return most - sum(len(line) + 1 for lines in sections for line in lines)


def _title(view: CaseView) -> list[str]:
    case = view.case
    if case.decision is not None:
        state = f"decided: {texts.DECISIONS[case.decision]}"
    elif _all_removed(view):
        state = "removed, please check"
    else:
        state = "needs review"
    lane = " · suspected minor" if case.category is Category.MINOR_SUSPECTED else ""
    return [
        f"### Case #{case.id} · {state}{lane}",
        f"-# {texts.ORIGINS[case.origin]} {texts.ago(case.opened_at)} · stanguard {case.program_version}",
    ]


def _all_removed(view: CaseView) -> bool:
    return view.removed_count > 0 and view.removed_count >= view.sighting_count


_TIERS = {Verdict.REMOVE: "Clear match with E-{id}", Verdict.REVIEW: "Near match with E-{id}"}


def _match(view: CaseView) -> list[str]:
    case, entry, match = view.case, view.entry, view.case.match
    if entry is None:
        return [f"**No entry was near when it was found** · said to be: {texts.CATEGORIES[case.category]}"]
    heading = f"**{_grade(match, case.thresholds).format(id=entry.id)}** · {texts.CATEGORIES[entry.category]}"
    if view.bank is not None:
        whose = "this server's" if view.bank.guild_id is not None else "the installation's"
        heading += f" · {whose} list *{_plain(view.bank.name)}*"
    lines = [heading]
    if entry.revoked_at is not None:
        lines.append(f"This entry was revoked {texts.ago(entry.revoked_at)}; it matches nothing any more.")
    if match is not None:
        lines += _facts(match, case)
    if entry.note:
        lines.append(f"Note: {_plain(entry.note)}")
    return lines


def _grade(match: Match | None, limits: Thresholds) -> str:
    """How far the evidence alone goes; a picture that a moderator listed himself needs none."""
    if match is None:
        return "Listed as E-{id}"
    return _TIERS.get(tier(match, limits), "Match with E-{id}")


def _facts(match: Match, case: Case) -> list[str]:
    """How alike the two are, and what known-good picture is near; what a reason says already is left out."""
    said = " ".join(case.reasons)
    lines = [explain.facts(match, case.thresholds)]
    frames = explain.frames(match)
    if frames is not None and frames not in said:
        lines.append(f"{frames} of the animation match.")
    if match.known_good_id is None:
        lines.append("No known-good picture is near.")
    elif f"E-{match.known_good_id} " not in said and (rival := explain.rival(match)) is not None:
        lines.append(rival)
    return lines


def _reasons(view: CaseView) -> list[str]:
    """What led to the verdict, apart from what the card says anyway."""
    match = view.case.match
    said = {REPORTED} | (set() if match is None else {explain.sentence(match)})
    reasons = [reason for reason in view.case.reasons if reason not in said]
    return ["**Why**", *(f"- {_plain(reason)}" for reason in reasons[:REASONS])] if reasons else []


def _sightings(view: CaseView, room: int, line: SightingLine) -> list[str]:
    """As many sightings as fit, oldest first, and how many there are."""
    if not view.sighting_count:
        return [texts.UPLOADED if hints.uploaded(view) else texts.POSTED_NOWHERE]
    total = texts.count(view.sighting_count, "copy", "copies")
    lines = [f"**Posted** · {total}, {view.removed_count} removed"]
    room -= len(lines[0]) + len(f"-# and {view.sighting_count} more") + 2
    shown = 0
    for sighting in view.sightings[:SIGHTINGS]:
        text = line(sighting)
        if len(text) + 1 > room:
            break
        room -= len(text) + 1
        lines.append(text)
        shown += 1
    if shown < view.sighting_count:
        lines.append(f"-# and {view.sighting_count - shown} more")
    return lines


def _sighting(sighting: Sighting) -> str:
    message = sighting.message
    who = "a webhook" if message.webhook_id is not None else "somebody"
    if message.author_id is not None and message.webhook_id is None:
        who = f"<@{message.author_id}>"
    form = "" if sighting.surface is Surface.ATTACHMENT else f" as {texts.SURFACES[sighting.surface]}"
    return f"- {who} in <#{message.channel_id}>{form} {texts.ago(sighting.seen_at)} · {_standing(sighting)}"


def _sighting_by_id(sighting: Sighting) -> str:
    message = sighting.message
    author = f" · author `{message.author_id}`" if message.author_id is not None else ""
    return (
        f"- message `{message.message_id}` · channel `{message.channel_id}`{author} · "
        f"{texts.exactly(sighting.seen_at)} · {_standing(sighting)}"
    )


def _standing(sighting: Sighting) -> str:
    return "removed" if sighting.deleted_at is not None else f"[still up]({sighting.message.link})"


def _reports(view: CaseView) -> list[str]:
    return [f"Reported by {texts.count(view.report_count, 'member')}."] if view.report_count else []


def _failures(view: CaseView) -> list[str]:
    failed = [event for event in view.events if event.kind == "call_failed"]
    return [f"⚠️ {event.detail[:LINE]}" for event in failed[-FAILURES:]]


def _decision(view: CaseView) -> list[str]:
    case = view.case
    if case.decision is not None and case.decided_by is not None and case.decided_at is not None:
        what = "Confirmed" if case.decision is Decision.CONFIRM else "Called not a match"
        return [f"**{what}** by <@{case.decided_by}> {texts.ago(case.decided_at)}{_taught(view.events)}"]
    for event in reversed(view.events):
        if event.kind == "undone" and event.actor_id is not None:
            return [f"<@{event.actor_id}> took the decision back {texts.ago(event.at)}."]
        if event.kind == "reopened":
            return [f"Open again {texts.ago(event.at)}: {event.detail[:LINE]}"]
    return []


_TAUGHT = {
    "entry_added": "listed as {detail}",
    "blocked": "listed as {detail}",
    "known_good_added": "known-good as {detail}",
    "entry_revoked": "{detail} revoked",
}


def _taught(events: Sequence[CaseEvent]) -> str:
    """What the last decision changed in the lists."""
    since = max((at for at, event in enumerate(events) if event.kind in {"undone", "reopened"}), default=-1)
    changes = [
        _TAUGHT[event.kind].format(detail=event.detail) for event in events[since + 1 :] if event.kind in _TAUGHT
    ]
    return f" · {', '.join(changes[-3:])}" if changes else ""


def _buttons(case: Case) -> list[CaseButton]:
    actions = (CaseAction.CONFIRM, CaseAction.REJECT) if case.state is CaseState.OPEN else (CaseAction.UNDO,)
    return [CaseButton(case.id, action, case.version) for action in actions]


def _accent(view: CaseView) -> discord.Colour:
    if view.case.decision is Decision.CONFIRM:
        return CONFIRMED
    if view.case.decision is Decision.NOT_A_MATCH:
        return NOT_A_MATCH
    if view.case.category is Category.MINOR_SUSPECTED:
        return CHILD_SAFETY
    return REMOVED if _all_removed(view) else NEEDS_REVIEW


def _plain(text: str) -> str:
    """Words that others chose, on one line and without markup."""
    return discord.utils.escape_markdown(" ".join(text.split()))[:LINE]
