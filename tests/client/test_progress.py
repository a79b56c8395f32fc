"""The messages that show how far a scan is: what Discord's answers mean for them."""

from __future__ import annotations

from dataclasses import replace

import discord
import pytest

from bot.app import utc_now
from bot.client.progress import ProgressMessages
from bot.history.progress import Progress, Shown
from bot.model import Sweep, SweepKind, SweepState
from cogs.ui.scan_cards import progress_view
from tests.world import World


@pytest.fixture
def messages(world: World) -> ProgressMessages:
    return ProgressMessages(world.bot, progress_view)


@pytest.fixture
def progress(world: World) -> Progress:
    sweep = Sweep(1, world.guild.id, SweepKind.SERVER, SweepState.RUNNING, world.moderator.id, utc_now())
    return Progress(sweep, channels=4, read=1, unreadable=0, percent=31)


async def posted(world: World, messages: ProgressMessages, progress: Progress) -> Progress:
    message_id = await messages.post(world.fans.id, progress)
    assert message_id is not None
    return replace(progress, sweep=replace(progress.sweep, channel_id=world.fans.id, message_id=message_id))


def last(world: World) -> discord.Message:
    message = world.fans.last_message
    assert message is not None
    return message


async def test_one_message_is_posted_and_changed(world: World, messages: ProgressMessages, progress: Progress) -> None:
    there = await posted(world, messages, progress)
    assert "**31 %**" in world.text(last(world))
    assert await messages.change(replace(there, percent=32)) is Shown.YES
    assert last(world).id == there.sweep.message_id
    assert "**32 %**" in world.text(last(world))
    body = world.env.http_requests[-1].json
    assert body is not None
    assert body["allowed_mentions"] == {"parse": []}, "who asked is not notified"


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (404, 10008, Shown.GONE),
        (404, 10003, Shown.GONE),
        (403, 50001, Shown.GONE),
        (400, 50083, Shown.GONE),  # an archived thread
        (400, 30046, Shown.LATER),
        (503, 0, Shown.LATER),
        (401, 0, Shown.LATER),
    ],
)
async def test_answers(
    world: World, messages: ProgressMessages, progress: Progress, status: int, code: int, outcome: Shown
) -> None:
    there = await posted(world, messages, progress)
    world.env.inject_error("PATCH", "/channels/*", status=status, code=code)
    assert await messages.change(there) is outcome


async def test_where_it_cannot_be_posted_there_is_none(
    world: World, messages: ProgressMessages, progress: Progress
) -> None:
    world.env.inject_error("POST", "/channels/*", status=403, code=50013)
    assert await messages.post(world.fans.id, progress) is None


def test_it_serves_the_servers_that_it_hears_of(world: World, messages: ProgressMessages) -> None:
    assert messages.serves(world.guild.id)
    assert not messages.serves(1)
