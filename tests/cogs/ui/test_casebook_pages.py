"""Pages of cases stay within Discord's limits, whatever is in them, and lose nothing."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cases.claims import LONGEST_NOTE
from bot.model import (
    Appeal,
    AppealLine,
    AppealOutcome,
    CaseEvent,
    CaseLine,
    CaseState,
    CaseView,
    Category,
    Decision,
    MemberHistory,
    ReporterRecord,
    ReportTally,
    Sanction,
    SanctionKind,
    SanctionLine,
    SanctionState,
    Standing,
)
from bot.store.casebook import MOST_APPEALS, MOST_CASES, MOST_SANCTIONS
from cogs.ui import casebook_pages, casebook_texts
from cogs.ui.cards import MAX_TEXT
from cogs.ui.pages import TAKEN, TOO_OLD, Page, Pages, pack
from tests.cogs import builders as b

MOST_CASES_LISTED = 10_000
ids = st.integers(1, b.SNOWFLAKE)
later = b.NOW + timedelta(days=20)

lines = st.builds(
    CaseLine,
    id=st.integers(1, MOST_CASES_LISTED),
    guild_id=st.just(b.SNOWFLAKE),
    category=st.sampled_from(Category),
    state=st.sampled_from(CaseState),
    version=st.just(1),
    opened_at=st.just(b.NOW),
    decision=st.none() | st.sampled_from(Decision),
    claimed_by=st.none() | ids,
    card_channel_id=st.none() | st.just(b.SNOWFLAKE),
    card_message_id=st.just(b.SNOWFLAKE),
    sighting_count=st.integers(0, MOST_CASES_LISTED),
    channel_count=st.integers(0, 500),
    report_count=st.integers(0, MOST_CASES_LISTED),
)
sentences = st.text(max_size=40).map(lambda text: text * 30) | st.sampled_from(["*" * 1200, "`_" * 700, "x " * 400])
notes = sentences.map(lambda text: " ".join(text.split())[:LONGEST_NOTE].rstrip())
kinds = st.sampled_from([*casebook_pages._EVENTS, *Decision, "appealed", "of_a_later_version"])
events = st.builds(CaseEvent, st.just(12), st.just(b.NOW), kinds, st.none() | ids, notes)
sanctions = st.builds(
    Sanction,
    *(st.just(1), st.just(12), st.just(b.GUILD), ids, st.sampled_from(SanctionKind), st.just(1), ids, st.just(b.NOW)),
    state=st.sampled_from(SanctionState),
    until=st.none() | st.just(later),
    error=sentences,
)
appeals = st.builds(
    Appeal,
    *(st.just(1), st.just(12), st.just(b.GUILD), ids, st.just(1), st.none() | sentences, st.just(b.NOW)),
    outcome=st.none() | st.sampled_from(AppealOutcome),
    answered_by=st.none() | ids,
)
views = st.builds(
    lambda category, copies, reasons, **parts: b.view(
        b.case(category=category, reasons=tuple(reasons)),
        sightings=tuple(b.sighting(number) for number in range(copies)),
        **{name: tuple(part) for name, part in parts.items()},
    ),
    st.sampled_from(Category),
    st.integers(0, 25),
    st.lists(sentences, max_size=8),
    events=st.lists(events, max_size=40),
    sanctions=st.lists(sanctions, max_size=5),
    appeals=st.lists(appeals, max_size=3),
    duplicates=st.lists(st.integers(1, MOST_CASES_LISTED), max_size=30),
)


def interaction(user_id: int) -> Any:
    return SimpleNamespace(id=b.SNOWFLAKE, user=SimpleNamespace(id=user_id), extras={})


async def _nothing(interaction: Any, number: int) -> Page:
    del interaction
    return Page(("text",), number, 3)


async def drawn(page: Page) -> str:
    """What Discord gets of a page, in words; fails if it would refuse that."""
    view = Pages(interaction(1), _nothing)
    view.draw(page)
    parts: list[dict[str, Any]] = []
    waiting: list[Any] = list(view.to_components())
    while waiting:
        part = waiting.pop(0)
        parts.append(part)
        waiting += part.get("components", [])
    assert len(parts) <= 40
    shown = [part["content"] for part in parts if part["type"] == 10]
    assert all(shown), "Discord refuses empty texts"
    assert sum(len(text) for text in shown) <= MAX_TEXT
    buttons = [part for part in parts if part["type"] == 2]
    assert len(buttons) == (4 if page.pages > 1 else 0)
    assert all(len(button["custom_id"]) <= 100 for button in buttons)
    return "\n".join(shown)


@given(st.lists(lines, max_size=casebook_pages.LINES), st.integers(1, 1000), st.text(min_size=1, max_size=100))
async def test_a_page_of_ten_thousand_cases(listed: list[CaseLine], number: int, typed: str) -> None:
    page = casebook_pages.listing(
        listed,
        MOST_CASES_LISTED,
        number,
        title=casebook_texts.searched(typed),
        asked="",
        empty=casebook_texts.NOTHING_FOUND,
        now=b.NOW,
    )
    shown = await drawn(page)
    assert shown.endswith(f"-# 10000 cases · page {number} of 1000")
    assert [text for text in shown.split("\n") if text.startswith("- ")] == [
        casebook_texts.line(line, b.NOW) for line in listed
    ]


@given(lines)
def test_a_suggestion_fits(line: CaseLine) -> None:
    assert casebook_texts.number_of(casebook_texts.suggestion(line)) == line.id
    assert len(casebook_texts.suggestion(line)) <= 100


@given(views)
async def test_a_story_loses_nothing(view: CaseView) -> None:
    first = casebook_pages.story(view, 1)
    pages = [casebook_pages.story(view, number) for number in range(1, first.pages + 1)]
    shown = [await drawn(page) for page in pages]
    assert casebook_pages.story(view, first.pages + 1) == pages[-1]
    everything = "\n".join(shown)
    for event in view.events:
        if event.kind == "note":
            assert discord.utils.escape_markdown(event.detail) in everything
    assert sum(text.count(f"\n- <t:{int(b.NOW.timestamp())}:f> ") for text in shown[1:]) >= len(view.events)
    assert "…" not in [paragraph[-1:] for paragraph in pages[0].paragraphs[1:-1]]


@given(
    st.lists(lines, min_size=MOST_CASES, max_size=MOST_CASES),
    st.sampled_from(SanctionKind),
    st.sampled_from(SanctionState),
    st.none() | st.sampled_from(AppealOutcome),
)
async def test_a_history_fits(
    listed: list[CaseLine], kind: SanctionKind, state: SanctionState, outcome: AppealOutcome | None
) -> None:
    number = MOST_CASES_LISTED
    sanction = SanctionLine(number, kind, state, b.SNOWFLAKE, b.NOW, later)
    appeal = AppealLine(number, number, b.NOW, outcome)
    tally = ReportTally(number, number, number, number)
    known = MemberHistory(
        cases=tuple(listed),
        case_count=number,
        decisions=dict.fromkeys(Decision, number),
        waiting_count=number,
        sanctions=(sanction,) * MOST_SANCTIONS,
        sanction_count=number,
        appeals=(appeal,) * MOST_APPEALS,
        appeal_count=number,
        reports_by=tally,
        reports_on=tally,
        record=ReporterRecord(Standing(number, number), number, number),
        muted_until=b.NOW,
        muted_by=b.SNOWFLAKE,
    )
    shown = await drawn(Page(casebook_texts.history(b.SNOWFLAKE, known, b.NOW)))
    assert "Reports made by them**: 10000 (10000 confirmed, 10000 not, 10000 waiting)" in shown
    assert "as a reporter mixed: 10000 confirmed, 10000 refused" in shown
    assert shown.endswith(f"muted as a reporter until <t:{int(b.NOW.timestamp())}:f> by <@{b.SNOWFLAKE}>")


@given(st.lists(st.text(max_size=30), max_size=20), st.integers(1, 60))
def test_packing_keeps_the_order_and_the_limit(given_lines: list[str], room: int) -> None:
    packed = pack(given_lines, room)
    assert all(len(paragraph) <= room for paragraph in packed)
    fitting = [line if len(line) <= room else line[: room - 1] + "…" for line in given_lines]
    assert "\n".join(packed) == "\n".join(fitting)


@given(st.lists(st.text(max_size=5000), max_size=6), st.text(max_size=300))
async def test_a_page_that_is_too_long_is_cut(paragraphs: list[str], footer: str) -> None:
    page = Page(paragraphs, footer=footer)
    assert sum(map(len, page.paragraphs)) + len(f"-# {page.under}") <= MAX_TEXT


@pytest.mark.parametrize("person", [1, 2])
async def test_pages_are_for_one_person(person: int) -> None:
    pressed = interaction(person)
    assert await Pages(interaction(1), _nothing).interaction_check(pressed) == (person == 1)
    assert pressed.extras[TAKEN]


async def test_pages_that_ran_out_stay_and_say_so() -> None:
    shown: list[Any] = []

    async def edit(*, view: Any) -> None:
        shown.append(view.to_components())

    view = Pages(interaction(1), _nothing)
    pressed = SimpleNamespace(edit_original_response=edit, response=SimpleNamespace(defer=_deferred))
    await view.turn(pressed, 2)  # type: ignore[arg-type]
    await view.on_timeout()
    (container,) = shown[-1]
    assert [part["content"] for part in container["components"]] == ["text", f"-# {TOO_OLD}"]


async def _deferred() -> None:
    return None
