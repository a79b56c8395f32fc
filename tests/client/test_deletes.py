"""Deletes of one channel on their way to Discord, beyond what the wire shows."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import discord
import pytest

from bot.client.delete_plan import Lane
from bot.client.deletes import ROOM, Delete, Deletes, shared_reason
from bot.outbox import CallError
from tests.world import World


def one(message_id: int, reason: str | None, case_id: int | None) -> Delete:
    return Delete(message_id, reason, case_id, own=False, end=asyncio.get_running_loop().create_future())


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([("blocked (case 1)", 1), ("blocked (case 1)", 1)], "blocked (case 1)"),
        ([("blocked (case 1)", 1), ("blocked (case 2)", 2), ("blocked (case 2)", 2)], "blocked (2 cases)"),
        ([("blocked (case 1)", 1), ("held (case 1)", 1)], "blocked; held (case 1)"),
        ([("blocked (case 1)", 1), ("held (case 2)", 2)], "blocked; held (2 cases)"),
        ([("by hand", None), ("by hand", None)], "by hand"),
    ],
)
async def test_the_reason_of_several_is_what_theirs_have_in_common(parts, reason: str):
    assert shared_reason([one(number, text, case_id) for number, (text, case_id) in enumerate(parts)]) == reason


def old(number: int) -> int:
    return discord.utils.time_snowflake(discord.utils.utcnow() - timedelta(days=30)) + number


async def test_a_channel_takes_so_many_and_gives_the_others_their_turn(world: World):
    deletes = Deletes(lambda: world.bot.http)
    tasks = [
        asyncio.create_task(deletes.delete(world.fans.id, old(number), reason=None, case_id=None, own=False))
        for number in range(ROOM[Lane.OLD] + 3)
    ]
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    turns = [end.retry_after for end in ends if isinstance(end, CallError)]
    assert len(turns) == 3
    assert turns == sorted(turns)
    assert all(turn is not None and turn > 4 for turn in turns)


async def test_a_message_of_the_bot_itself_never_goes_with_others(world: World):
    mine = [await world.bot.get_partial_messageable(world.fans.id).send("mine") for _ in range(6)]
    deletes = Deletes(lambda: world.bot.http)
    await asyncio.gather(
        *(deletes.delete(world.fans.id, message.id, reason=None, case_id=None, own=True) for message in mine)
    )
    assert all(world.gone(message) for message in mine)
    assert not [one for one in world.env.http_requests if one.path.endswith("bulk-delete")]


async def test_a_delete_that_nobody_waits_for_any_more_is_dropped(world: World):
    messages = [await world.fan.send(world.fans, "hello") for _ in range(2)]
    deletes = Deletes(lambda: world.bot.http)
    tasks = [
        asyncio.create_task(deletes.delete(world.fans.id, message.id, reason=None, case_id=None, own=False))
        for message in messages
    ]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.wait(tasks)
    assert not world.gone(messages[0])
    assert world.gone(messages[1])
