"""A card says what happened, within Discord's limits, and nothing that it must not say."""

from __future__ import annotations

import re
from typing import Any

import discord
import pytest

from bot.model import CaseOrigin, CaseState, CaseView, Category, Decision, Orientation, Stage, Surface
from cogs.ui.cards import MAX_TEXT, card

from . import builders as b


def text(view: CaseView) -> str:
    return "\n".join(item.content for item in card(view).walk_children() if isinstance(item, discord.ui.TextDisplay))


def components(view: CaseView) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    waiting = list(card(view).to_components())
    while waiting:
        part = waiting.pop(0)
        found.append(part)
        waiting += part.get("components", [])
    return found


def labels(view: CaseView) -> list[str]:
    return [part["label"] for part in components(view) if part["type"] == 2]


def accent(view: CaseView) -> int:
    return components(view)[0]["accent_color"]


def test_it_says_what_matched_and_how() -> None:
    shown = text(b.view(b.case(match=b.match(orientation=Orientation.MIRRORED))))
    assert "Case #12" in shown
    assert "Entry E-5" in shown
    assert "sexual deepfake" in shown
    assert "12 of 256 bits" in shown
    assert "mirrored" in shown
    assert "*own*" in shown


def test_it_says_how_far_the_known_good_picture_is() -> None:
    shown = text(b.view(b.case(match=b.match(known_good_id=9, known_good_distance=40))))
    assert "28 bits nearer than known-good E-9 (8 needed)" in shown


def test_a_known_good_picture_that_shows_something_else_is_not_called_near() -> None:
    shown = text(b.view(b.case(match=b.match(known_good_id=9, known_good_distance=120))))
    assert "nothing known-good is near" in shown
    assert "E-9" not in shown


def test_it_says_that_nothing_known_good_is_near() -> None:
    assert "nothing known-good is near" in text(b.view())


def test_it_names_the_very_same_file_instead_of_a_distance() -> None:
    shown = text(b.view(b.case(match=b.match(stage=Stage.SHA256, distance=0), reasons=())))
    assert "the very same file" in shown
    assert "bits away" not in shown


def test_it_says_how_many_frames_of_an_animation_match() -> None:
    assert "3 of 16 frames" in text(b.view(b.case(match=b.match(frames_matched=3, frames_compared=16))))


def test_it_names_the_list_of_the_installation() -> None:
    assert "the installation's list *partners*" in text(b.view(bank=b.bank(guild_id=None, name="partners")))


def test_it_says_who_posted_where_and_when() -> None:
    sighting = b.sighting()
    shown = text(b.view(sightings=(sighting,)))
    assert f"<@{sighting.message.author_id}> in <#{sighting.message.channel_id}>" in shown
    assert re.search(r"<t:\d+:R>", shown)


def test_a_standing_message_is_linked_and_a_removed_one_is_not() -> None:
    standing, removed = b.sighting(1, deleted_at=None), b.sighting(2)
    shown = text(b.view(sightings=(standing, removed)))
    assert f"[still up]({standing.message.link})" in shown
    assert removed.message.link not in shown
    assert "2 copies, 1 removed" in shown


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, "somebody"), ({"webhook_id": 7}, "a webhook")],
    ids=["unknown author", "webhook"],
)
def test_it_says_so_when_there_is_no_author_to_name(changes: dict[str, Any], expected: str) -> None:
    message = b.MessageRef(b.GUILD, 1, 2, author_id=changes.get("webhook_id"), webhook_id=changes.get("webhook_id"))
    assert f"{expected} in <#1>" in text(b.view(sightings=(b.sighting(message=message),)))


def test_it_says_where_in_the_message_the_picture_sat() -> None:
    assert "as sticker" in text(b.view(sightings=(b.sighting(surface=Surface.STICKER),)))


@pytest.mark.parametrize(
    ("view", "title"),
    [
        (b.view(), "removed, please check"),
        (b.view(sightings=(b.sighting(deleted_at=None),)), "needs review"),
        (b.view(b.decided()), "decided: confirmed"),
        (b.view(b.decided(Decision.NOT_A_MATCH)), "decided: not a match"),
    ],
)
def test_the_title_says_where_the_case_stands(view: CaseView, title: str) -> None:
    assert f"Case #12 · {title}" in text(view)


def test_every_state_has_its_own_colour() -> None:
    views = [
        b.view(),
        b.view(sightings=(b.sighting(deleted_at=None),)),
        b.view(b.decided()),
        b.view(b.decided(Decision.NOT_A_MATCH)),
        b.view(b.case(category=Category.MINOR_SUSPECTED)),
    ]
    assert len({accent(view) for view in views}) == len(views)


def test_an_open_case_can_be_decided_and_a_decided_one_taken_back() -> None:
    assert labels(b.view()) == ["Confirm", "Not a match"]
    assert labels(b.view(b.decided())) == ["Undo"]


def test_buttons_carry_case_action_and_version() -> None:
    ids = [part["custom_id"] for part in components(b.view(b.case(version=7))) if part["type"] == 2]
    assert ids == ["stanguard:case:12:confirm:7", "stanguard:case:12:reject:7"]


def test_a_decision_names_who_took_it_and_what_it_taught() -> None:
    events = (b.event("opened"), b.event("confirm", actor_id=42), b.event("entry_added", "E-6", 42))
    shown = text(b.view(b.decided(), events=events))
    assert "**Confirmed** by <@42>" in shown
    assert "listed as E-6" in shown


def test_what_an_earlier_decision_taught_is_not_shown_for_the_present_one() -> None:
    events = (b.event("known_good_added", "E-6", 42), b.event("undone", "E-6 revoked", 42), b.event("confirm", "", 42))
    assert "E-6" not in text(b.view(b.decided(), events=events))


def test_an_undone_case_says_who_took_the_decision_back() -> None:
    assert "<@43> took the decision back" in text(b.view(events=(b.event("undone", "", 43),)))


def test_a_reopened_case_says_why() -> None:
    why = "Case 11 on the same entry was not a match; please look again."
    assert why in text(b.view(events=(b.event("reopened", why),)))


def test_a_call_that_failed_is_shown() -> None:
    failure = "The bot lacks the permission Manage Messages in <#5>; give it to the bot's role there."
    assert failure in text(b.view(events=(b.event("call_failed", failure),)))


def test_reports_are_counted_and_reporters_not_named() -> None:
    shown = text(b.view(b.case(origin=CaseOrigin.REPORT, entry_id=None, match=None), entry=None, report_count=2))
    assert "Reported by 2 members." in shown
    assert "No entry is near" in shown


def test_notes_cannot_bring_markup_or_mentions_of_their_own() -> None:
    shown = text(b.view(entry=b.entry(note="**bold** `code`\n### Case #1 · decided")))
    assert "**bold**" not in shown
    assert "\n### Case #1" not in shown


def test_no_card_ever_shows_a_picture() -> None:
    media = {9, 11, 12, 13}  # section, thumbnail, media gallery, file
    for category in Category:
        assert not media & {part["type"] for part in components(b.view(b.case(category=category)))}


def test_two_hundred_sightings_fit() -> None:
    sightings = tuple(b.sighting(number, deleted_at=None) for number in range(200))
    view = b.view(
        b.case(reasons=("why " * 200,) * 20),
        sightings=sightings,
        entry=b.entry(note="note " * 200),
        bank=b.bank(name="list" * 100),
        events=tuple(b.event("call_failed", "failure " * 100) for _ in range(30)),
        report_count=200,
    )
    for shown in (view, b.view(b.case(category=Category.MINOR_SUSPECTED), sightings=sightings)):
        assert len(text(shown)) <= MAX_TEXT
        assert len(components(shown)) <= 40
        assert re.search(r"and 19\d more", text(shown))


def test_a_full_card_shows_some_sightings_all_the_same() -> None:
    sightings = tuple(b.sighting(number, deleted_at=None) for number in range(200))
    assert text(b.view(sightings=sightings)).count("still up") == 8


class TestSuspectedMinor:
    """The lane of suspected minors: ids and guidance, no detail."""

    view = b.view(
        b.case(category=Category.MINOR_SUSPECTED, reasons=("a reason",)),
        sightings=(b.sighting(1, deleted_at=None), b.sighting(2)),
        entry=b.entry(note="a note", category=Category.MINOR_SUSPECTED),
    )

    def test_it_shows_ids_and_links_for_the_report_to_discord(self) -> None:
        shown = text(self.view)
        message = self.view.sightings[0].message
        for wanted in (message.message_id, message.channel_id, message.author_id, b.GUILD):
            assert f"`{wanted}`" in shown
        assert message.link in shown

    def test_it_says_what_to_do(self) -> None:
        shown = text(self.view)
        assert "Do not open" in shown
        assert "Report Message" in shown
        assert "child-safety role" in shown

    def test_it_gives_no_detail(self) -> None:
        shown = text(self.view)
        for detail in ("a reason", "a note", "bits", "<@", "<#"):
            assert detail not in shown

    def test_it_has_the_same_buttons(self) -> None:
        assert labels(self.view) == ["Confirm", "Not a match"]

    def test_the_title_names_the_lane(self) -> None:
        assert "suspected minor" in text(self.view)


def test_a_card_stores_nothing_in_the_view_store() -> None:
    layout = card(b.view())
    assert layout.timeout is None
    assert all(isinstance(item, discord.ui.DynamicItem) for item in layout.walk_children() if item.is_dispatchable())


def test_every_kind_of_case_is_drawn() -> None:
    for origin in CaseOrigin:
        for state in CaseState:
            of = b.case(origin=origin) if state is CaseState.OPEN else b.decided(origin=origin)
            assert "Case #12" in text(b.view(of, sightings=()))
