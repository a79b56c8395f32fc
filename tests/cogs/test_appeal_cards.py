"""Moderators answer appeals on the card: somebody else than the decider, once, and the author hears it."""

from __future__ import annotations

import discord
import pytest

from bot.model import CaseState, Decision
from tests.world import World

WORDS = "It is my own drawing, **really** @everyone"


@pytest.fixture
async def appealed(world: World, picture: bytes, copy: bytes) -> discord.Message:
    """Case 1: confirmed by the moderator, and appealed by its author."""
    await world.block(picture)
    await world.post(world.fan, copy)
    await world.moderator.click(world.card(), label="Confirm")
    await world.settle()
    await world.app.appeals.appeal(1, world.fan.id, WORDS)
    await world.settle()
    return world.card()


def heard(world: World) -> list[str]:
    return [message.content for message in world.fan.user.dm_channel.history()]


async def test_the_card_says_what_the_author_wrote_without_its_markup(world: World, appealed: discord.Message) -> None:
    shown = world.text(appealed)
    assert "Case #1 · appealed" in shown
    assert "It is my own drawing" in shown
    assert "**really**" not in shown
    assert world.buttons(appealed)[:3] == ["Uphold", "Overturn", "Claim"]


async def test_whoever_decided_cannot_answer(world: World, appealed: discord.Message) -> None:
    result = await world.moderator.click(appealed, label="Uphold")
    assert "another moderator" in world.answer(result)
    assert (await world.view(1)).case.state is CaseState.APPEALED


async def test_uphold_closes_the_case(world: World, appealed: discord.Message) -> None:
    before = len(heard(world))
    await world.second_moderator.click(appealed, label="Uphold")
    await world.settle()
    case = (await world.view(1)).case
    assert (case.state, case.decision) == (CaseState.CLOSED, Decision.CONFIRM)
    assert "answered by" in world.text(world.card())
    assert world.buttons(world.card()) == ["History"]
    assert len(heard(world)) == before + 1


async def test_overturn_takes_the_decision_back(world: World, appealed: discord.Message, copy: bytes) -> None:
    before = len(heard(world))
    await world.second_moderator.click(appealed, label="Overturn")
    await world.settle()
    case = (await world.view(1)).case
    assert (case.state, case.decision, case.decided_by) == (
        CaseState.DECIDED,
        Decision.NOT_A_MATCH,
        world.second_moderator.id,
    )
    assert len(heard(world)) == before + 1
    assert not world.gone(await world.post(world.fan, copy))


async def test_the_buttons_work_after_a_restart(world: World, appealed: discord.Message) -> None:
    await world.restart()
    await world.second_moderator.click(world.card(), label="Uphold")
    await world.settle()
    assert (await world.view(1)).case.state is CaseState.CLOSED
