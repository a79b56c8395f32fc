"""What is told of the connection to the gateway, by the events that discord.py gives out."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace

import discord
import pytest

from bot.client.bot import ShardedStanguardBot, StanguardBot
from bot.client.connection import LOST, NEVER_CONNECTED, RESUME_SECONDS, Connection
from bot.ops.health_state import WELL, Health, Part, failing
from bot.ops.vital_signs import ContentSigns
from bot.settings import DiscordSettings


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Line:
    """A bot that never connects, and whose events come from here."""

    def __init__(self, settings: DiscordSettings) -> None:
        app = SimpleNamespace(
            settings=SimpleNamespace(discord=settings),
            health=Health(),
            contents=ContentSigns(),
            departures=SimpleNamespace(),
        )
        self.clock = Clock()
        sharded = settings.shard_count is not None
        kind = ShardedStanguardBot if sharded else StanguardBot
        shards = {"shard_count": settings.shard_count, "shard_ids": list(settings.shard_ids or ())} if sharded else {}
        self.bot = kind(app, **shards)  # type: ignore[arg-type]
        self.health = app.health
        self.connection = Connection(self.bot, clock=self.clock)

    async def happens(self, event: str, *args: int) -> None:
        self.bot.dispatch(event, *args)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.fixture
async def line():
    made = Line(DiscordSettings())
    async with made.bot:
        yield made


async def test_before_the_first_connection(line):
    assert line.connection.shards() == {0: False}
    assert line.connection.look() == failing(NEVER_CONNECTED)
    assert await line.health.problems([Part.GATEWAY]) == {Part.GATEWAY: NEVER_CONNECTED}
    assert math.isnan(line.connection.latency())
    assert line.connection.serves(1), "as long as nobody knows"


@pytest.mark.parametrize("back", ["connect", "resumed"])
async def test_a_lost_connection_has_a_minute_to_come_back(line, back):
    await line.happens("connect")
    assert line.connection.shards() == {0: True}
    assert line.connection.look() == WELL
    await line.happens("disconnect")
    assert line.connection.shards() == {0: False}
    line.clock.now += RESUME_SECONDS - 1
    assert line.connection.look() == WELL
    await line.happens("disconnect")  # every attempt that fails
    line.clock.now += 1
    assert line.connection.look() == failing(LOST)
    await line.happens(back)
    assert line.connection.look() == WELL


async def test_each_shard_has_its_own_state():
    line = Line(DiscordSettings(shard_ids=(2, 3), shard_count=4))
    async with line.bot:
        assert line.connection.shards() == {2: False, 3: False}
        await line.happens("shard_connect", 2)
        assert line.connection.look() == failing(NEVER_CONNECTED)
        await line.happens("shard_connect", 3)
        assert line.connection.look() == WELL
        await line.happens("shard_disconnect", 3)
        assert line.connection.shards() == {2: True, 3: False}
        line.clock.now += RESUME_SECONDS
        assert line.connection.look() == failing(LOST)
        await line.happens("shard_resumed", 3)
        assert line.connection.shards() == {2: True, 3: True}


def test_the_events_are_those_that_discord_py_gives_out():
    """A renamed event would leave the bot blind to its own blindness."""
    import inspect

    from discord import shard, state

    words = inspect.getsource(state) + inspect.getsource(shard) + inspect.getsource(discord.client)
    for event in ("connect", "resumed", "disconnect", "shard_connect", "shard_resumed", "shard_disconnect"):
        assert f"dispatch('{event}'" in words
