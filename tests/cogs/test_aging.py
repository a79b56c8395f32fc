"""What moderators and members read when a case waits, and whom it pings."""

from __future__ import annotations

from datetime import timedelta

import discord
import pytest

from bot.model import CaseState, Category
from tests.world import World

HOUR = timedelta(hours=1)


@pytest.fixture
async def posted(world: World, picture: bytes, copy: bytes) -> discord.Message:
    """A copy of a blocked picture that a member posted and the bot removed: case 1, with its card."""
    await world.block(picture)
    return await world.post(world.fan, copy)


def lines(world: World) -> list[discord.Message]:
    """The bot's messages in the review channel that are no cards, oldest first."""
    return [message for message in world.review.history() if not world.buttons(message)]


def about(world: World, word: str) -> list[discord.Message]:
    return [message for message in lines(world) if word in message.content]


async def test_a_waiting_case_is_brought_up_with_a_link_to_its_card_and_nobody_is_pinged(
    world: World, posted: discord.Message
) -> None:
    await world.time_passes(6 * HOUR)
    (line,) = about(world, "for a claim")
    link = f"[#1](https://discord.com/channels/{world.guild.id}/{world.review.id}/{world.card().id})"
    assert line.content == f"**1 case** waits for a claim, open for more than 6 hours: {link}."
    for message in lines(world):
        assert (message.role_mentions, message.mentions, message.mention_everyone) == ([], [], False)


async def test_the_day_is_summed_up_in_the_review_channel(world: World, posted: discord.Message) -> None:
    await world.time_passes(2 * HOUR)
    (line,) = lines(world)
    assert line.content.startswith("**The queue today:** 1 case is open, 1 for less than 6 hours.\nThe oldest: [#1](")
    assert line.content.endswith("Decided in the last 24 hours: 0.")


async def test_an_escalation_pings_its_role_and_nobody_else(world: World, posted: discord.Message) -> None:
    elders = world.guild.create_role("Elders", mentionable=True)
    await world.change(escalation_role_id=elders.id, alert_role_id=world.moderators.id)
    await world.time_passes(24 * HOUR)
    (line,) = about(world, "escalated to you")
    assert line.content.startswith(f"<@&{elders.id}> **1 case** is escalated to you, open for more than 24 hours")
    assert [role.id for role in line.role_mentions] == [elders.id]
    assert (line.mentions, line.mention_everyone) == ([], False)
    assert (await world.view(1)).case.state is CaseState.ESCALATED


async def test_without_a_role_an_escalation_pings_nobody(world: World, posted: discord.Message) -> None:
    await world.time_passes(24 * HOUR)
    (line,) = about(world, "escalated to whoever has *Manage Server*")
    assert line.role_mentions == []


async def test_what_nobody_decided_ends_and_the_author_hears_that_nothing_is_held_against_them(
    world: World, posted: discord.Message
) -> None:
    await world.change(escalate_hours=0)
    await world.time_passes(timedelta(days=7))
    assert (await world.view(1)).case.state is CaseState.EXPIRED
    told = world.fan.user.dm_channel.last_message
    assert "nobody confirmed in time" in told.content
    assert "nothing is held against you" in told.content


async def test_suspected_minors_come_up_in_their_own_channel_alone(world: World, picture: bytes) -> None:
    safe = world.guild.create_text_channel("child-safety")
    await world.change(child_safety_channel_id=safe.id)
    await world.block(picture, Category.MINOR_SUSPECTED)
    await world.post(world.fan, picture)
    await world.time_passes(24 * HOUR)
    said = [message.content for message in safe.history() if not world.buttons(message)]
    assert [line.split(":")[0] for line in said] == ["**Suspected minors**", "**Suspected minors**"]
    assert any("1 case waits for a claim" in line for line in said)
    assert list(world.review.history()) == []


async def test_a_review_channel_that_was_deleted_stops_nothing(world: World, posted: discord.Message) -> None:
    world.env.backend.delete_channel(world.review.id)
    await world.time_passes(6 * HOUR)
    await world.time_passes(18 * HOUR)
    await world.time_passes(timedelta(days=30))
    assert (await world.view(1)).case.state is CaseState.EXPIRED
    assert {error["event"] for error in world.errors} == {"outbox.gave_up"}
