"""What a member is told of what is held on them: within Discord's limits, and in every language."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.model import (
    MOST_WORDS,
    Appeal,
    Category,
    Language,
    Report,
    Reporter,
    ReportKind,
    ReportState,
    Sanction,
    SanctionKind,
    SanctionState,
)
from bot.reports.privacy import Deletion, Holdings, Periods
from bot.store.privacy import Traces
from cogs.ui import privacy_texts as words
from cogs.ui.pages import ROOM

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG = MOST_WORDS - 3
PERIODS = Periods(identity=30, cases=180, sightings=30, exposures=90)
NOTHING = Holdings((), Reporter(1, bytes(16)), (), (), frozenset(), Traces(0, 0, 0, 0), None)


def report(number: int, **changes) -> Report:
    given = Report(
        number,
        number,
        1,
        ReportKind.REPORT,
        ReportState.STANDING,
        bytes(16),
        9,
        Category.SCAM,
        Language.ENGLISH,
        None,
        "",
        NOW,
    )
    return replace(given, **changes)


EVERYTHING = Holdings(
    reports=(
        report(5, kind=ReportKind.TAKEDOWN, category=Category.NCII_REAL, words="Mine"),
        report(4, state=ReportState.WITHDRAWN),
        report(3, reporter_id=None, words="Old"),
        report(2, words=None),
        report(1, outcome_sent=True),
    ),
    reporter=Reporter(1, bytes(16), silent=True, muted_until=NOW, erase_at=NOW),
    appeals=(Appeal(1, 12, 1, 9, 1, "It was art", NOW), Appeal(2, 13, 1, 9, 1, None, NOW)),
    sanctions=(Sanction(1, 12, 1, 9, SanctionKind.TIMEOUT, 1, 40, NOW, SanctionState.DONE, NOW),),
    opted_out=frozenset({Category.SCAM, Category.HARASSMENT}),
    traces=Traces(messages=2, events=3, entries=4, exposures=5, sweeps=6),
    muted_until=NOW,
)


def shown(held: Holdings, language: Language = Language.ENGLISH) -> list[str]:
    """Every page of it."""
    first = words.page(language, held, PERIODS, 1)
    return ["\n".join(words.page(language, held, PERIODS, number).paragraphs) for number in range(1, first.pages + 1)]


def test_everything_is_named():
    text = "\n".join(shown(EVERYTHING))
    at = f"<t:{int(NOW.timestamp())}:f>"
    for said in (
        "**5 reports of yours**",
        f"- {at}: a request to take a picture down (Real intimate picture). That it was you is known to the bot.",
        "You wrote: “Mine”",
        "Scam. You took it back.",
        "That it was you is forgotten; a keyed digest is left. You wrote: “Old”",
        "What you wrote cannot be opened any more.",
        "You want no messages about your reports.",
        f"You cannot report here until {at}.",
        f"It goes by itself after {at}.",
        "- 2 messages, with their places",
        f"A penalty of {at}: timeout.",
        "**2 appeals of yours**",
        "in case 12. You wrote: “It was art”",
        "- 5 times that you faced a case",
        "Kept for 90 days.",
        "What you do not want to be shown: Harassment or false news, Scam.",
        "- 3 lines in the histories",
        "- 4 pictures on the lists",
        "- 6 checks of older messages were asked for by you.\nKept for 30 days.",
    ):
        assert said in text
    assert EVERYTHING.waiting == 2, "the ones with an id that count and were not answered"


def test_what_is_long_is_on_several_pages_and_nothing_is_left_out():
    held = replace(NOTHING, reports=tuple(report(number, words=f"{number:03}" + "*" * LONG) for number in range(9)))
    pages = shown(held)
    assert len(pages) > 1
    assert all(len(page) <= ROOM for page in pages)
    assert re.findall(r"“(\d{3})", "".join(pages)) == [f"{number:03}" for number in range(9)]
    assert "".join(pages).count("\\*") == 9 * LONG
    assert words.page(Language.ENGLISH, held, PERIODS, 99).number == len(pages)


@pytest.mark.parametrize("held", [NOTHING, EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize("language", list(Language))
def test_every_sentence_takes_its_values_in_every_language(language: Language, held: Holdings):
    deletion = Deletion(reports=2, appeals=1, exposures=3, until=NOW, left=held)
    said = [*shown(held, language), *words.question(language, held), *words.deleted(language, deletion, PERIODS)]
    assert all(said)
    assert not re.search(r"[{}]", "".join(said))


def test_what_stays_is_said_with_the_reason():
    assert len(words.deleted(Language.ENGLISH, Deletion(0, 0, 0, None, NOTHING), PERIODS)) == 1
    text = "\n".join(words.deleted(Language.ENGLISH, Deletion(1, 1, 1, NOW, EVERYTHING), PERIODS))
    for said in (
        "limit by deleting",
        "shake it off",
        "explain decisions",
        "counts for your limits",
        "ask whoever runs",
    ):
        assert said in text
