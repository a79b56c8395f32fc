"""Lists of reporters fit into Discord's limits, and cards say no more of reports than they should."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import Case, CaseState, CaseView, Category, ReporterRecord, ReportKind, Standing
from bot.reports.reporters import DROPPED, RESTORED, SEEN, CaseReporters, SeenReport
from cogs.ui import casebook_pages
from cogs.ui import reporters_texts as words
from cogs.ui.cards import MAX_COMPONENTS, MAX_TEXT, card
from cogs.ui.reporters import PAGE, ReporterAction, reporter_view, reporters_view
from tests.cogs import builders as b

records = st.builds(
    ReporterRecord,
    st.builds(Standing, st.floats(0, 10_000), st.floats(0, 10_000)),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
)
seen = st.builds(
    SeenReport,
    report_id=st.integers(1, b.SNOWFLAKE),
    number=st.integers(1, 1000),
    reporter_id=st.none() | st.integers(10**17, b.SNOWFLAKE),
    kind=st.sampled_from(ReportKind),
    dropped=st.booleans(),
    category=st.sampled_from(Category),
    created_at=st.just(b.NOW),
    words=st.none() | st.text(max_size=1000) | st.sampled_from(("*" * 1000, "_ " * 500)),
    record=records,
    muted_until=st.none() | st.just(b.NOW),
)


def report(**changes: Any) -> SeenReport:
    given_: dict[str, Any] = {
        "report_id": 1,
        "number": 1,
        "reporter_id": 77,
        "kind": ReportKind.REPORT,
        "dropped": False,
        "category": Category.SCAM,
        "created_at": b.NOW,
        "words": "",
        "record": ReporterRecord(),
        "muted_until": None,
    }
    return SeenReport(**(given_ | changes))


def parts(view: discord.ui.LayoutView) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    waiting = list(view.to_components())
    while waiting:
        part = waiting.pop(0)
        found.append(part)
        waiting += part.get("components", [])
    return found


def text(view: discord.ui.LayoutView) -> str:
    return "\n".join(part["content"] for part in parts(view) if part["type"] == 10)


def labels(view: discord.ui.LayoutView) -> list[str]:
    return [part["label"] for part in parts(view) if part["type"] == 2]


@given(st.lists(seen, max_size=30), st.booleans(), st.integers(0, 9))
def test_every_page_fits(reports: list[SeenReport], named: bool, page: int) -> None:
    shown = CaseReporters(b.SNOWFLAKE, named, tuple(reports))
    view = reporters_view(shown, page)
    assert len(text(view)) <= MAX_TEXT
    assert len(parts(view)) <= MAX_COMPONENTS
    for part in parts(view):
        assert len(part.get("custom_id", "")) <= 100
        assert part.get("type") != 3 or 1 <= len(part["options"]) <= 25


@given(seen, st.booleans())
def test_every_single_report_fits(one: SeenReport, named: bool) -> None:
    view = reporter_view(CaseReporters(b.SNOWFLAKE, named, (one,)), one, words.dropped(10_000))
    assert len(text(view)) <= MAX_TEXT
    assert len(parts(view)) <= MAX_COMPONENTS


def test_pages_hold_every_report_once() -> None:
    reports = tuple(report(report_id=number, number=number) for number in range(1, 2 * PAGE + 2))
    shown = CaseReporters(3, True, reports)
    options = [
        option["value"]
        for page in range(3)
        for part in parts(reporters_view(shown, page))
        if part["type"] == 3
        for option in part["options"]
    ]
    assert options == [str(number) for number in range(1, 2 * PAGE + 2)]


@pytest.mark.parametrize(
    ("confirmed", "refused", "said"),
    [
        (0, 0, "new"),
        (1, 0, "new: 1 confirmed, 0 refused"),
        (3, 1, "usually right: 3 confirmed, 1 refused"),
        (1, 1, "mixed: 1 confirmed, 1 refused"),
        (2, 1, "mixed: 2 confirmed, 1 refused"),
        (1, 3, "often wrong: 1 confirmed, 3 refused"),
        (0, 2, "often wrong: 0 confirmed, 2 refused"),
    ],
)
def test_standing_in_words(confirmed: int, refused: int, said: str) -> None:
    assert words.standing(ReporterRecord(Standing(confirmed, refused), confirmed, refused)) == said


def test_words_of_members_stand_as_they_are_on_one_line() -> None:
    shown = words.line(report(words="# **big**\n> quoted\n[a](http://b)"))
    assert shown.count("\n") == 1
    assert "**big**" not in shown
    assert "cannot be opened" in words.line(report(words=None))
    assert "\n" not in words.line(report(words=" \n "))


@pytest.mark.parametrize(("muted", "named", "offered"), [(None, True, False), (b.NOW, True, True), (None, False, True)])
def test_unmuting_is_offered_where_it_may_be_known(muted: datetime | None, named: bool, offered: bool) -> None:
    one = report(muted_until=muted)
    view = reporter_view(CaseReporters(3, named, (one,)), one)
    assert (words.UNMUTE in labels(view)) == offered
    assert {words.DROP, words.RESTORE, "Mute 1 day", "Mute 7 days", "Mute 30 days"} < set(labels(view))


def test_custom_ids_name_the_report_and_nobody() -> None:
    one = report(report_id=9)
    ids = [
        part["custom_id"] for part in parts(reporter_view(CaseReporters(3, True, (one,)), one)) if "custom_id" in part
    ]
    assert all("77" not in custom_id for custom_id in ids)
    assert {f"stanguard:reporter:3:9:{action}" for action in ReporterAction} - {"stanguard:reporter:3:9:unmute"} < set(
        ids
    )


@pytest.mark.parametrize(
    ("count", "dropped", "said"),
    [
        (0, 0, []),
        (1, 0, ["Reported by 1 member."]),
        (2, 1, ["Reported by 2 members. 1 report was dropped."]),
        (0, 1, ["Its report was dropped as made in bad faith."]),
        (0, 3, ["All its 3 reports were dropped as made in bad faith."]),
    ],
)
def test_a_card_says_what_was_dropped(count: int, dropped: int, said: list[str]) -> None:
    events = (*(b.event(DROPPED, "R-1 D-2", 42) for _ in range(dropped + 1)), b.event(RESTORED, "R-1", 42))
    shown = text(card(b.view(report_count=count, events=events)))
    assert [line for line in shown.split("\n") if "report" in line.lower()] == said


def view_of(case: Case, **changes: Any) -> CaseView:
    return b.view(case, sightings=tuple(b.sighting(number, deleted_at=None) for number in (1, 2)), **changes)


@pytest.mark.parametrize("state", CaseState)
def test_the_button_is_on_every_card_with_a_report(state: CaseState) -> None:
    case = b.case(state=state)
    assert words.OPEN not in labels(card(view_of(case)))
    for shown in (view_of(case, report_count=1), view_of(case, events=(b.event(DROPPED, "R-1 D-2", 42),))):
        assert labels(card(shown)).count(words.OPEN) == 1
        rows = [part for part in parts(card(shown)) if part["type"] == 1]
        assert all(len(row["components"]) <= 5 for row in rows)


def test_not_on_one_that_everybody_in_the_review_channel_sees() -> None:
    view = view_of(b.case(category=Category.MINOR_SUSPECTED), report_count=1)
    assert words.OPEN not in labels(card(view))
    assert words.OPEN in labels(card(view, details=True))


def test_the_history_says_who_did_it_and_nothing_of_whom() -> None:
    events = (b.event(SEEN, "", 42), b.event(DROPPED, "R-1 D-2", 42), b.event(RESTORED, "R-1", 42))
    shown = "\n".join(casebook_pages.story(b.view(events=events), 9).paragraphs)
    assert "<@42> saw who reported it." in shown
    assert "<@42> dropped a report as made in bad faith." in shown
    assert "<@42> let a dropped report stand again." in shown
    assert "R-1" not in shown
