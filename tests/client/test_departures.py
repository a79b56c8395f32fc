"""What Discord says about the servers that the bot is in, and what is made of an answer that says nothing."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from bot.client.departures import DiscordServers, sinks_of
from bot.client.raw import Parser, guard
from tests.world import World


class Heard:
    """Stands in for the service: writes down what it hears."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def hear_session(self, guild_ids: set[int], shard_id: int, shard_count: int) -> None:
        self.events.append(("session", guild_ids, shard_id, shard_count))

    def hear_joined(self, guild_id: int) -> None:
        self.events.append(("joined", guild_id))

    def hear_left(self, guild_id: int) -> None:
        self.events.append(("left", guild_id))


def heard(event: str, data: Any) -> tuple[list[tuple[Any, ...]], list[Any]]:
    """What the service and discord.py's own parser get."""
    parsed: list[Any] = []
    parsers: dict[str, Parser] = dict.fromkeys(("READY", "GUILD_CREATE", "GUILD_DELETE"), parsed.append)
    service = Heard()
    guard(parsers, {name: [sink] for name, sink in sinks_of(service).items()})  # type: ignore[arg-type]
    parsers[event](data)
    return service.events, parsed


@pytest.mark.parametrize(
    ("event", "data", "expected"),
    [
        ("READY", {"guilds": [{"id": "5", "unavailable": True}]}, ("session", {5}, 0, 1)),
        ("READY", {"guilds": [{"id": "5"}, {"id": "6"}], "shard": [3, 16]}, ("session", {5, 6}, 3, 16)),
        ("READY", {"guilds": []}, ("session", set(), 0, 1)),
        ("GUILD_CREATE", {"id": "5", "unavailable": False}, ("joined", 5)),
        ("GUILD_DELETE", {"id": "5"}, ("left", 5)),
        ("GUILD_DELETE", {"id": "5", "unavailable": False}, ("left", 5)),
        ("GUILD_DELETE", {"id": "5", "unavailable": True}, None),
    ],
)
def test_what_discord_says_is_heard(event: str, data: Any, expected: tuple[Any, ...] | None):
    events, parsed = heard(event, data)
    assert events == ([] if expected is None else [expected])
    assert parsed == [data]


@pytest.mark.parametrize(
    ("event", "data"),
    [("READY", {}), ("READY", {"guilds": [{"id": None}]}), ("GUILD_DELETE", {}), ("GUILD_DELETE", {"id": "five"})],
)
def test_nothing_is_concluded_from_what_cannot_be_read(event: str, data: Any):
    with structlog.testing.capture_logs() as logged:
        events, parsed = heard(event, data)
    assert (events, parsed) == ([], [data])
    assert [line["event"] for line in logged] == ["gateway.sink_failed"]


async def test_discord_is_asked_whether_the_bot_is_in_a_server(world: World):
    servers = DiscordServers(world.bot)
    assert await servers.is_here(world.guild.id) is True
    assert await servers.is_here(1) is False
    world.env.inject_error("GET", "/guilds/*", status=403, code=50001)
    assert await servers.is_here(world.guild.id) is False


@pytest.mark.parametrize(("status", "code"), [(403, 0), (404, 0), (401, 0), (400, 20001), (404, 10003)])
async def test_an_answer_that_says_neither_is_none(world: World, status: int, code: int):
    world.env.inject_error("GET", "/guilds/*", status=status, code=code, times=None)
    assert await DiscordServers(world.bot).is_here(world.guild.id) is None
