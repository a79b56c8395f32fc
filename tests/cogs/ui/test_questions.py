"""Questions are for one person, and within Discord's limits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bot.cases.proposals import Proposal
from cogs.ui import enrolment_texts as words
from cogs.ui.cards import MAX_TEXT
from cogs.ui.questions import TAKEN, Choice, Question
from tests.cogs import builders as b


def interaction(user_id: int) -> Any:
    return SimpleNamespace(id=b.SNOWFLAKE, user=SimpleNamespace(id=user_id), extras={})


async def _nothing(interaction: Any) -> None:
    del interaction


@pytest.fixture
async def question() -> Question:
    choices = [Choice(label, _nothing) for label in (*words.CROPS.values(), words.CANCEL)]
    proposal = Proposal(b.fingerprint(), ("A long reason. " * 100,) * 10, has_border=True)
    paragraphs = words.question(proposal, "picture: " + "a" * 250)
    return Question(interaction(1), words.QUESTION_TITLE, paragraphs, choices, too_late=words.TOO_LATE)


async def test_nobody_else_can_answer(question: Question) -> None:
    theirs, ours = interaction(2), interaction(1)
    assert not await question.interaction_check(theirs)
    assert await question.interaction_check(ours)
    assert ours.extras[TAKEN]


async def test_it_is_within_discords_limits(question: Question) -> None:
    parts: list[dict[str, Any]] = []
    waiting: list[Any] = list(question.to_components())
    while waiting:
        part = waiting.pop()
        parts.append(part)
        waiting += part.get("components", [])
    assert len(parts) <= 40
    assert sum(len(part.get("content", "")) for part in parts) <= MAX_TEXT
    buttons = [part for part in parts if part["type"] == 2]
    assert len(buttons) == 4
    assert len({button["custom_id"] for button in buttons}) == 4
    for button in buttons:
        assert len(button["label"]) <= 80
        assert len(button["custom_id"]) <= 100


async def test_two_questions_of_one_command_have_buttons_of_their_own() -> None:
    made = [Question(interaction(1), "?", [], [Choice("Yes", _nothing)], too_late="") for _ in range(2)]
    first, second = (question.children[1].to_component_dict()["components"][0]["custom_id"] for question in made)
    assert first != second
