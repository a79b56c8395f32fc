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
    GuildSettings,
    Match,
    Sighting,
    Surface,
    Thresholds,
    Verdict,
)
from bot.policy import tier
from bot.reports.reporters import DROPPED, RESTORED
from bot.reports.service import REPORTED

from . import card_buttons, card_priority, card_takedowns, hints, reporters_texts, signal_texts, texts
from . import card_people as people
from . import queue_texts as words
from .persistent import framed

MAX_TEXT = 4000
"""Characters of text that Discord takes in one message of components."""

MAX_COMPONENTS = 40
"""Parts that Discord takes in one message, buttons and separators included."""

SIGHTINGS = 8
ROOM_FOR_SIGHTINGS = 500
"""Characters that the lines about copies may take at the least."""

REASONS = 5
FAILURES = 3
LINE = 250
"""Characters of one line that others worded: a reason, a note, a failure."""

SightingLine = Callable[[Sighting], str]
Sections = list[list[str]]
"""The parts of a card, each of some lines."""

GUIDANCE = (texts.CHILD_SAFETY_CARE, texts.CHILD_SAFETY_REPORT, texts.CHILD_SAFETY_DECIDE)

NEEDS_REVIEW = discord.Colour(0xE8A33D)
REMOVED = discord.Colour(0xD64545)
CONFIRMED = discord.Colour(0x6E7681)
NOT_A_MATCH = discord.Colour(0x3BA55D)
URGENT = discord.Colour(0x3B82C4)
CHILD_SAFETY = discord.Colour(0x7A3E9D)


def card(view: CaseView, guild: GuildSettings | None = None, *, details: bool = False) -> discord.ui.LayoutView:
    """Draw a case for its moderators; suspected minors get ids and guidance, no detail.

    Where those have no channel of their own, everybody in the review channel sees the card: it holds no ids then,
    unless ``details`` are asked for, for one person of the child-safety role.
    """
    own_channel = guild is not None and guild.child_safety_channel_id is not None
    hidden = view.case.in_lane and not own_channel and not details
    sections = _hidden(view) if hidden else _sections(view, MAX_TEXT, hints.lines(view), _people(view))
    container = discord.ui.Container[discord.ui.LayoutView](accent_colour=_accent(view))
    rows = card_buttons.rows(view, guild, hidden=hidden)
    room = MAX_COMPONENTS - 1 - sum(1 + len(row) for row in rows)
    for number, text in enumerate(_joined(_texts(sections), (room + 1) // 2)):
        if number:
            container.add_item(discord.ui.Separator(visible=number == 1))
        container.add_item(discord.ui.TextDisplay(text))
    for row in rows:
        container.add_item(discord.ui.ActionRow[Any](*row))
    return framed(container)


def facts(view: CaseView, most: int) -> list[str]:
    """The sections of a card about the picture and its copies, in at most so many characters."""
    return _texts(_sections(view, most, [], [card_takedowns.lines(view), _reports(view)]))


def _texts(sections: Sections) -> list[str]:
    return ["\n".join(lines) for lines in sections if lines]


def _joined(parts: list[str], most: int) -> list[str]:
    """At most so many texts: the last ones stand together where there are more."""
    return parts if len(parts) <= most else [*parts[: most - 1], "\n".join(parts[most - 1 :])]


def _sections(view: CaseView, most: int, hinted: list[str], about_people: Sections) -> Sections:
    title = [*_title(view), *card_priority.lines(view)]
    if view.case.in_lane:
        line = _sighting_by_id
        server = f"Server `{view.case.guild_id}`" + (f" · entry **E-{view.entry.id}**" if view.entry else "")
        about, hinted = [title, list(GUIDANCE), [server]], []
    else:
        line = sighting_line
        about = [title, _match(view), _reasons(view), signal_texts.lines(view.case)]
    rest = [*about_people, _failures(view), _decision(view), hinted]
    _shorten([*about, *rest], most)
    return [*about, _sightings(view, _room([*about, *rest], most), line), *rest]


def _hidden(view: CaseView) -> Sections:
    """Suspected minors, where others see the card as well."""
    return [_title(view), list(GUIDANCE), [words.NOTHING_TO_SHOW], people.holder(view.case), _decision(view)]


def _people(view: CaseView) -> Sections:
    """What members and moderators did with the case."""
    return [
        card_takedowns.lines(view),
        _reports(view),
        people.appeals(view),
        people.notes(view.events),
        [*people.escalation(view), *people.holder(view.case)],
        people.sanctions(view),
    ]


def _shorten(sections: Sections, most: int) -> None:
    """Cut the longest lines until there is room for some copies: all of them stand in the case's history."""
    while _room(sections, most) < ROOM_FOR_SIGHTINGS:
        section = max((one for one in sections if one), key=lambda lines: max(map(len, lines)))
        at = max(range(len(section)), key=lambda number: len(section[number]))
        section[at] = section[at][: len(section[at]) * 2 // 3] + "…"


def _room(sections: Iterable[Sequence[str]], most: int) -> int:
    return most - sum(len(line) + 1 for lines in sections for line in lines)


def _title(view: CaseView) -> list[str]:
    case = view.case
    state = _state(view)
    lane = " · suspected minor" if case.category is Category.MINOR_SUSPECTED else ""
    return [
        f"### Case #{case.id} · {state}{lane}",
        f"-# {texts.ORIGINS[case.origin]} {texts.ago(case.opened_at)} · stanguard {case.program_version}",
    ]


def _state(view: CaseView) -> str:
    case = view.case
    match case.state:
        case CaseState.APPEALED:
            return "appealed, please look again"
        case CaseState.EXPIRED:
            return "expired: nobody decided"
        case CaseState.ESCALATED:
            return "escalated"
        case CaseState.DECIDED | CaseState.CLOSED if case.decision is not None:
            return f"{words.STATES[case.state]}: {words.DECISIONS[case.decision]}"
        case _:
            return "removed, please check" if _all_removed(view) else "needs review"


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
        heading += f" · {whose} list *{people.plain(view.bank.name)}*"
    lines = [heading]
    if entry.revoked_at is not None:
        lines.append(f"This entry was revoked {texts.ago(entry.revoked_at)}; it matches nothing any more.")
    if match is not None:
        lines += _facts(match, case)
    if entry.note:
        lines.append(f"Note: {people.plain(entry.note)}")
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
    return ["**Why**", *(f"- {people.plain(reason)}" for reason in reasons[:REASONS])] if reasons else []


def _sightings(view: CaseView, room: int, line: SightingLine) -> list[str]:
    """As many sightings as fit, oldest first, and how many there are."""
    if not view.sighting_count:
        if card_takedowns.named_alone(view):
            return [card_takedowns.NAMED_ALONE]
        return [texts.UPLOADED if hints.uploaded(view) else texts.POSTED_NOWHERE]
    total = texts.count(view.sighting_count, "copy", "copies")
    spread = ""
    if view.author_count > 1 or view.channel_count > 1:
        spread = f" by {texts.count(view.author_count, 'member')} in {texts.count(view.channel_count, 'channel')}"
    left_out = f", {words.left_out(view.excepted_count)}" if view.excepted_count else ""
    lines = [f"**Posted** · {total}{spread}, {view.removed_count} removed{left_out}"]
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


def sighting_line(sighting: Sighting) -> str:
    """Who posted one copy where and when, and whether it stands."""
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
    standing = "removed" if sighting.deleted_at is not None else f"[still up]({sighting.message.link})"
    return f"{standing} · left out" if sighting.excepted_by is not None else standing


def _reports(view: CaseView) -> list[str]:
    happened = [event.kind for event in view.events]
    return reporters_texts.card(view.report_count, happened.count(DROPPED) - happened.count(RESTORED))


def _failures(view: CaseView) -> list[str]:
    failed = [event for event in view.events if event.kind == "call_failed"]
    return [f"⚠️ {event.detail[:LINE]}" for event in failed[-FAILURES:]]


def _decision(view: CaseView) -> list[str]:
    case = view.case
    if case.decision is not None and case.decided_by is not None and case.decided_at is not None:
        what = words.DECIDED_BY[case.decision]
        if case.duplicate_of is not None:
            what += f" of case #{case.duplicate_of}"
        why = "" if case.policy_reason is None else f": {words.REASONS[case.policy_reason]}"
        return [f"**{what}** by <@{case.decided_by}> {texts.ago(case.decided_at)}{why}{_taught(view.events)}"]
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


def _accent(view: CaseView) -> discord.Colour:
    if view.case.state in (CaseState.APPEALED, CaseState.ESCALATED):
        return URGENT
    if view.case.decision is Decision.CONFIRM:
        return CONFIRMED
    if view.case.decision is not None:
        return NOT_A_MATCH
    if view.case.in_lane:
        return CHILD_SAFETY
    if view.case.state is CaseState.EXPIRED:
        return CONFIRMED
    return REMOVED if _all_removed(view) else NEEDS_REVIEW
