"""A card says why its case comes first: in words for every reason, within Discord's limits, and naming nobody."""

from __future__ import annotations

from dataclasses import replace

import discord
import pytest

from bot.model import CaseState, Category, Decision, GuildSettings, PriorityPart, Weight
from cogs.ui import card_priority
from cogs.ui.cards import MAX_TEXT, card

from . import builders as b

OWN_CHANNEL = GuildSettings(b.GUILD, child_safety_channel_id=77)
EVERY = tuple(PriorityPart(weight, 2000 - at, 4, 2) for at, weight in enumerate(Weight))


def shown(view, server=OWN_CHANNEL) -> str:
    items = card(view, server).walk_children()
    return "\n".join(item.content for item in items if isinstance(item, discord.ui.TextDisplay))


def test_every_weight_has_words():
    assert card_priority.WORDS.keys() == set(Weight)
    (line,) = card_priority.lines(b.view(b.case(priority=EVERY)))
    assert line == (
        "**Why first:** takedown requested by 4 members · a minor is suspected · 4 members reported it (2 of them "
        "usually right) · near a listed picture and not removed · its file says that AI made or changed it"
    )


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (PriorityPart(Weight.TAKEDOWN, 1000, 1), "takedown requested"),
        (PriorityPart(Weight.REPORTS, 40, 1), "1 member reported it"),
        (PriorityPart(Weight.REPORTS, 60, 1, 1), "1 member reported it, who is usually right"),
        (PriorityPart(Weight.REPORTS, 60, 3), "3 members reported it"),
    ],
)
def test_it_counts(part, said):
    assert card_priority.lines(b.view(b.case(priority=(part,)))) == [f"**Why first:** {said}"]


def test_a_case_that_waits_like_any_other_says_nothing_and_neither_does_a_decided_one():
    assert "Why first" not in shown(b.view())
    assert "Why first" not in shown(b.view(b.decided(Decision.CONFIRM, priority=EVERY)))
    for state in (CaseState.OPEN, CaseState.ESCALATED, CaseState.APPEALED):
        assert "Why first" in shown(b.view(b.case(state=state, priority=EVERY)))


def test_the_card_that_hides_a_suspected_minor_hides_this_too():
    view = b.view(b.case(category=Category.MINOR_SUSPECTED, priority=EVERY))
    assert "Why first" not in shown(view, GuildSettings(b.GUILD))
    assert "Why first" in shown(view)


def test_it_fits_on_a_full_card():
    many = tuple(replace(part, number=10**6, trusted=10**6) for part in EVERY)
    sightings = tuple(b.sighting(number, deleted_at=None) for number in range(200))
    notes = tuple(b.event("note", "note " * 100, 42) for _ in range(30))
    full = b.case(priority=many, reasons=("why " * 200,) * 20)
    view = b.view(full, sightings=sightings, entry=b.entry(note="note " * 200), events=notes, report_count=10**6)
    for case in (full, replace(full, category=Category.MINOR_SUSPECTED)):
        text = shown(replace(view, case=case))
        assert len(text) <= MAX_TEXT
        assert "1000000 members reported it" in text
