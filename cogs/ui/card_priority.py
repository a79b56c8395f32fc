"""The line of a card that says why its case comes before others. It counts members and names nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.model import CaseView, PriorityPart, Weight

from . import texts


def lines(view: CaseView) -> list[str]:
    """What puts an undecided case before others, the weightiest first; nothing for one that waits like any other."""
    if not view.case.state.undecided or not view.case.priority:
        return []
    return [f"**Why first:** {' · '.join(WORDS[part.weight](part) for part in view.case.priority)}"]


def _takedown(part: PriorityPart) -> str:
    return "takedown requested" if part.number <= 1 else f"takedown requested by {texts.count(part.number, 'member')}"


def _reports(part: PriorityPart) -> str:
    said = f"{texts.count(part.number, 'member')} reported it"
    if not part.trusted:
        return said
    if part.number == 1:
        return f"{said}, who is usually right"
    return f"{said} ({part.trusted} of them usually right)"


WORDS: Mapping[Weight, Callable[[PriorityPart], str]] = {
    Weight.TAKEDOWN: _takedown,
    Weight.MINOR: lambda _: "a minor is suspected",
    Weight.REPORTS: _reports,
    Weight.NEAR_MATCH: lambda _: "near a listed picture and not removed",
    Weight.SIGNALS: lambda _: "its file says that AI made or changed it",
}
