"""A card says what happened, within Discord's limits, and nothing that it must not say."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import discord
import pytest

from bot.media.signals.names import NAMES
from bot.model import (
    BankLevel,
    CaseOrigin,
    CaseState,
    CaseView,
    Category,
    Decision,
    GuildSettings,
    Match,
    Mode,
    Orientation,
    Part,
    Signal,
    SignalKind,
    SignalSource,
    Stage,
    Surface,
    Thresholds,
)
from bot.policy import Facts, decide
from bot.reports.service import REPORTED
from cogs.ui import signal_texts
from cogs.ui.cards import MAX_TEXT, card

from . import builders as b

SERVER = GuildSettings(b.GUILD, child_safety_channel_id=77)
"""A server in which suspected minors have a channel of their own."""


def text(view: CaseView, server: GuildSettings = SERVER, *, details: bool = False) -> str:
    shown = card(view, server, details=details).walk_children()
    return "\n".join(item.content for item in shown if isinstance(item, discord.ui.TextDisplay))


def components(view: CaseView, server: GuildSettings = SERVER) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    waiting = list(card(view, server).to_components())
    while waiting:
        part = waiting.pop(0)
        found.append(part)
        waiting += part.get("components", [])
    return found


def labels(view: CaseView) -> list[str]:
    return labels_in(components(view))


def labels_in(parts: list[dict[str, Any]]) -> list[str]:
    return [part["label"] for part in parts if part["type"] == 2]


def accent(view: CaseView) -> int:
    return components(view)[0]["accent_color"]


def test_it_says_what_matched_and_how() -> None:
    shown = text(b.view(b.case(match=b.match(orientation=Orientation.TURNED_LEFT))))
    assert "Case #12" in shown
    assert "**Clear match with E-5** · sexual deepfake · this server's list *own*" in shown
    assert "78 % of the blocked picture is visible, turned left by 90 degrees; 94 % of it is identical." in shown


@pytest.mark.parametrize(
    ("match", "heading"),
    [
        (b.match(), "Clear match"),
        (b.match(distance=None, stage=Stage.LOCAL, evidence=b.evidence(inliers=9)), "Clear match"),
        (b.match(stage=Stage.SHA256, distance=0, evidence=None), "Clear match"),
        (b.hash_match(31), "Clear match"),
        (b.match(evidence=b.evidence(agreement=0.82)), "Near match"),
        (b.match(distance=None, stage=Stage.LOCAL, evidence=b.evidence(agreement=0.8, inliers=7)), "Near match"),
        (b.hash_match(40), "Near match"),
        (b.hash_match(20, part=Part.SPLIT), "Near match"),
    ],
)
def test_the_heading_says_how_far_the_evidence_goes(match: Match, heading: str) -> None:
    assert f"**{heading} with E-5**" in text(b.view(b.case(match=match)))


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (
            b.hash_match(28),
            "The posted picture differs from the blocked one in 28 of 256 bits (up to 31 for removal, up to 47",
        ),
        (
            b.hash_match(52, part=Part.BOX),
            "A rectangle within the posted picture differs from the blocked one in 52 of 256 bits",
        ),
        (b.hash_match(52, part=Part.BOX), "up to 56 for review"),
        (b.hash_match(9, part=Part.APPROXIMATION), "up to 47 for review, never enough for removal"),
        (b.hash_match(9, inverted=True), "The posted picture, in inverted colours, differs"),
        (b.hash_match(28), "only a hash of that one is known"),
    ],
)
def test_an_entry_that_is_only_a_hash_is_told_by_bits_and_limits(match: Match, expected: str) -> None:
    assert expected in text(b.view(b.case(match=match)))


def test_nothing_is_called_complete_that_is_not() -> None:
    assert "99 % of it is identical" in text(b.view(b.case(match=b.match(evidence=b.evidence(agreement=0.999)))))


def test_the_reasons_do_not_repeat_what_the_card_says() -> None:
    shown = text(b.view())
    assert shown.count("is visible") == 1
    assert "**Why**" not in shown


def test_other_reasons_are_shown() -> None:
    case = b.case(reasons=(*b.case().reasons, "This list may only flag, not remove."))
    shown = text(b.view(case))
    assert "**Why**\n- This list may only flag, not remove." in shown
    assert shown.count("is visible") == 1


def test_it_says_how_well_the_known_good_picture_fits() -> None:
    match = b.match(known_good_id=9, known_good_distance=40, known_good_agreement=0.61)
    assert "of known-good entry E-9, 61 % is identical" in text(b.view(b.case(match=match)))


def test_of_hashes_it_says_how_far_the_known_good_picture_is() -> None:
    match = b.hash_match(12, known_good_id=9, known_good_distance=40)
    assert "known-good entry E-9 lies 40 bits away" in text(b.view(b.case(match=match)))


def test_a_known_good_picture_that_a_reason_names_is_not_named_twice() -> None:
    match = b.match(known_good_id=9, known_good_agreement=0.93)
    facts = Facts(Thresholds(), {1: BankLevel.REMOVE})
    reasons = decide([match], GuildSettings(b.GUILD, mode=Mode.REMOVE), facts).reasons
    shown = text(b.view(b.case(match=match, reasons=reasons)))
    assert shown.count("known-good entry E-9") == 1


def test_it_says_that_nothing_known_good_is_near() -> None:
    assert "No known-good picture is near." in text(b.view())


def test_it_names_the_very_same_file_instead_of_a_distance() -> None:
    shown = text(b.view(b.case(match=b.match(stage=Stage.SHA256, distance=0, evidence=None), reasons=())))
    assert "It is the very file that is listed." in shown
    assert "bits" not in shown


def test_it_says_how_many_frames_of_an_animation_match() -> None:
    match = b.match(frames_matched=3, frames_compared=16)
    assert "3 of 16 frames of the animation match." in text(b.view(b.case(match=match)))
    reasons = ("Only 3 of 16 frames of the animation match.",)
    assert text(b.view(b.case(match=match, reasons=reasons))).count("3 of 16 frames") == 1


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
    first_row = ["Confirm", "Not a match", "Decide…", "Claim", "Not me"]
    assert labels(b.view()) == [*first_row, "Escalate", "May be a minor", "History"]
    two = (b.sighting(1), b.sighting(2))
    assert labels(b.view(sightings=two)) == [*first_row, "Copies…", "Escalate", "May be a minor", "History"]
    assert labels(b.view(b.decided())) == ["Undo", "History"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (CaseState.CLAIMED, "Give back"),
        (CaseState.ESCALATED, "Decide…"),
        (CaseState.APPEALED, "Uphold"),
        (CaseState.CLOSED, "History"),
        (CaseState.EXPIRED, "History"),
    ],
)
def test_the_buttons_are_those_of_the_state(state: CaseState, expected: str) -> None:
    of = b.case(state=state, claimed_by=42) if state is CaseState.CLAIMED else b.case(state=state)
    shown = labels(b.view(of))
    assert expected in shown
    assert ("Escalate" in shown) == (state is CaseState.CLAIMED)
    assert ("Confirm" in shown) == (state in (CaseState.CLAIMED, CaseState.ESCALATED))
    assert "Undo" not in shown


def test_buttons_carry_case_action_and_version() -> None:
    ids = [part["custom_id"] for part in components(b.view(b.case(version=7))) if part["type"] == 2]
    assert ids[:3] == ["stanguard:case:12:confirm:7", "stanguard:case:12:reject:7", "stanguard:case:12:decide:7"]
    assert all(re.fullmatch(r"stanguard:case:12:[a-z]+:7", custom_id) for custom_id in ids)


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
    assert "No entry was near when it was found" in shown


def test_a_reported_picture_that_was_listed_later_names_its_entry() -> None:
    of = b.decided(origin=CaseOrigin.REPORT, match=None, reasons=(REPORTED,))
    shown = text(b.view(of, events=(b.event("entry_added", "E-5", 42),)))
    assert "**Listed as E-5**" in shown
    assert "No entry" not in shown


def test_a_report_is_not_told_twice() -> None:
    of = b.case(origin=CaseOrigin.REPORT, entry_id=None, match=None, reasons=(REPORTED,))
    shown = text(b.view(of, entry=None, report_count=1))
    assert shown.count("eported by 1 member") == 1
    assert "**Why**" not in shown


def test_of_an_upload_it_says_that_nobody_can_look_at_it() -> None:
    of = b.case(origin=CaseOrigin.REPORT, entry_id=None, match=None)
    shown = text(b.view(of, entry=None, sightings=()))
    assert "**Uploaded with a report.** The bot keeps no picture, so you cannot look at it here" in shown


class TestHints:
    """What each button would do now."""

    @pytest.mark.parametrize(
        ("view", "expected"),
        [
            (b.view(), "*Confirm*: it is abuse; it stays removed, and copies are found from now on."),
            (
                b.view(sightings=(b.sighting(deleted_at=None),)),
                "*Confirm*: it is abuse; what still stands is deleted, and copies are found from now on.",
            ),
            (b.view(b.case(fingerprint=b.fingerprint(plain=True)), entry=None), "only this exact file is found"),
            (b.view(b.case(fingerprint=None), entry=None), "copies cannot be found"),
        ],
    )
    def test_of_confirm(self, view: CaseView, expected: str) -> None:
        assert expected in text(view)

    @pytest.mark.parametrize(
        ("view", "expected", "not_expected"),
        [
            (b.view(), "removed messages cannot be put back", "goes off"),
            (b.view(sightings=(b.sighting(deleted_at=None),)), "what still stands stays", "put back"),
            (b.view(b.case(match=b.match(distance=2))), "E-5 goes off the blocklist", "stays,"),
            (b.view(entry=b.entry(case_id=12)), "E-5 goes off the blocklist", "stays,"),
            (
                b.view(b.case(match=b.match(distance=2)), bank=b.bank(guild_id=None)),
                "goes to the known-good",
                "goes off",
            ),
            (b.view(b.case(fingerprint=None), entry=None, sightings=()), "it is harmless; nothing changes", "goes to"),
        ],
    )
    def test_of_not_a_match(self, view: CaseView, expected: str, not_expected: str) -> None:
        (line,) = [line for line in text(view).splitlines() if line.startswith("-# *Not a match*")]
        assert expected in line
        assert not_expected not in line

    def test_of_undo(self) -> None:
        shown = text(b.view(b.decided()))
        assert "*Undo*: the case is open again" in shown
        assert "removed messages stay removed" in shown
        assert "*Confirm*" not in shown


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
        events=(
            *(b.event("call_failed", "failure " * 100) for _ in range(30)),
            *(b.event("note", "note " * 100, 42) for _ in range(30)),
            b.event("escalated", "second_opinion", 42),
        ),
        report_count=200,
        appeals=tuple(b.appeal(number, "please " * 140) for number in range(1, 30)),
        sanctions=tuple(b.sanction(number, error="no " * 100) for number in range(1, 50)),
        author_count=50,
        channel_count=20,
    )
    lane = b.case(category=Category.MINOR_SUSPECTED)
    escalated = b.case(state=CaseState.ESCALATED, claimed_by=42, reasons=("why " * 200,) * 20)
    for shown in (
        view,
        replace(view, case=escalated),
        replace(view, case=lane),
        b.view(lane, sightings=sightings),
    ):
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
        for detail in ("a reason", "a note", "bits", "identical", "<@", "<#"):
            assert detail not in shown

    def test_it_has_the_same_buttons(self) -> None:
        assert labels(self.view)[:3] == ["Confirm", "Not a match", "Decide…"]
        assert "May be a minor" not in labels(self.view)

    def test_what_stands_can_be_removed_once_it_was_reported(self) -> None:
        assert "Reported: remove now" in labels(self.view)
        gone = replace(self.view, sightings=(b.sighting(2),), sighting_count=1, removed_count=1)
        assert "Reported: remove now" not in labels(gone)

    def test_without_a_channel_of_its_own_it_shows_no_id_either(self) -> None:
        server = GuildSettings(b.GUILD)
        shown = text(self.view, server)
        message = self.view.sightings[0].message
        for hidden in (message.message_id, message.channel_id, message.author_id):
            assert str(hidden) not in shown
        assert "Do not open" in shown
        assert labels_in(components(self.view, server))[-1] == "Details"
        assert f"`{message.message_id}`" in text(self.view, server, details=True)

    def test_the_title_names_the_lane(self) -> None:
        assert "suspected minor" in text(self.view)


def test_a_card_stores_nothing_in_the_view_store() -> None:
    layout = card(b.view())
    assert layout.timeout is None
    assert all(isinstance(item, discord.ui.DynamicItem) for item in layout.walk_children() if item.is_dispatchable())


def test_every_kind_of_case_is_drawn() -> None:
    for origin in CaseOrigin:
        for state in CaseState:
            undecided = b.case(origin=origin, state=state)
            of = undecided if state.undecided else replace(b.decided(origin=origin), state=state)
            assert "Case #12" in text(b.view(of, sightings=()))


COMFYUI = Signal(SignalKind.AI_MADE, SignalSource.PNG_TEXT, "ComfyUI")
EVERY_SIGNAL = tuple(
    Signal(kind, source, tool, signed=source is SignalSource.C2PA)
    for kind in SignalKind
    for source in SignalSource
    for tool in ("", max(NAMES, key=len))
)


def test_what_the_file_says_of_itself_is_one_neutral_line():
    signed = Signal(SignalKind.AI_MADE, SignalSource.C2PA, signed=True)
    elsewhere = Signal(SignalKind.REMOTE, SignalSource.C2PA)
    case = b.case(signals=(COMFYUI, replace(COMFYUI, source=SignalSource.EXIF), signed, elsewhere))
    (line,) = [line for line in text(b.view(case)).splitlines() if "says of itself" in line]
    assert line == (
        "**The file says of itself:** AI-made with ComfyUI (PNG text, EXIF) · signed by whoever says so: AI-made (C2PA)"
        " · its manifest lies elsewhere and was not fetched (C2PA)"
    )
    assert "says of itself" not in text(b.view(b.case()))


@pytest.mark.parametrize("signal", EVERY_SIGNAL, ids=str)
def test_every_signal_has_its_words(signal):
    shown = text(b.view(b.case(signals=(signal,))))
    assert "says of itself" in shown
    assert signal.tool in shown
    assert ("signed by" in shown) == signal.signed


@pytest.mark.parametrize("server", [SERVER, GuildSettings(b.GUILD)])
@pytest.mark.parametrize("details", [False, True])
def test_a_suspected_minors_card_does_not_say_what_the_file_says(server, details):
    view = b.view(b.case(category=Category.MINOR_SUSPECTED, signals=(COMFYUI,)))
    assert "ComfyUI" not in text(view, server, details=details)
    assert "says of itself" not in text(view, server, details=details)
    assert signal_texts.lines(view.case) == []
