"""How the bot presents itself to Discord, and how it is built from settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import discord
import pytest
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.app import App
from bot.client import create_bot
from bot.client.bot import apply_addresses
from bot.settings import DiscordSettings, Settings
from tests.world import World


async def app_with(sqlite_url: str, **discord_settings: Any) -> App:
    return await App.open(Settings(store={"url": sqlite_url}, discord=discord_settings))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def own_addresses() -> Iterator[None]:
    yield
    apply_addresses(DiscordSettings())


async def test_it_hears_no_more_than_it_needs(world: World) -> None:
    assert world.bot.intents == discord.Intents(guilds=True, guild_messages=True, message_content=True)


async def test_it_keeps_neither_messages_nor_members(world: World) -> None:
    await world.fan.send(world.fans, "hello")
    assert list(world.bot.cached_messages) == []
    cached = world.bot.get_guild(world.guild.id)
    assert cached is not None
    assert [member.id for member in cached.members] == [cached.me.id]


async def test_there_are_no_text_commands(world: World) -> None:
    assert world.bot.user is not None
    before = len(world.env.http_requests)
    await world.fan.send(world.fans, f"<@{world.bot.user.id}> help")
    await world.settle()
    assert len(world.env.http_requests) == before


async def test_a_failing_handler_is_counted_and_logged_without_its_words(world: World) -> None:
    async def on_typing(*_: object) -> None:
        raise ValueError("a member's words")

    world.bot.add_listener(on_typing, "on_guild_channel_create")
    world.guild.create_text_channel("new")
    await world.settle()
    logged, caught = world.errors
    assert logged["event"] == "gateway.handler_failed"
    assert "words" not in str(logged)
    assert isinstance(caught, ValueError)


async def test_if_the_commands_cannot_be_published_it_protects_all_the_same(world: World, picture: bytes) -> None:
    world.env.inject_error("PUT", "/applications/*", status=500)
    await world.restart()
    assert [error["event"] for error in world.errors] == ["commands.not_published"]
    await world.block(picture)
    assert world.gone(await world.post(world.fan, picture))


async def test_after_the_intake_stopped_nothing_more_comes_in(world: World, picture: bytes) -> None:
    await world.block(picture)
    world.bot.stop_intake()
    assert not world.gone(await world.post(world.fan, picture))


async def test_one_process_needs_no_shards(sqlite_url: str) -> None:
    app = await app_with(sqlite_url)
    assert not isinstance(create_bot(app), commands.AutoShardedBot)
    await app.stop()


@pytest.mark.parametrize(("ids", "publishes"), [(None, True), ((0, 1), True), ((2, 3), False)])
async def test_a_process_of_several_takes_its_shards(
    sqlite_url: str, ids: tuple[int, ...] | None, publishes: bool
) -> None:
    app = await app_with(sqlite_url, shard_count=4, shard_ids=ids)
    bot = create_bot(app)
    assert isinstance(bot, commands.AutoShardedBot)
    assert bot.shard_count == 4
    assert bot.shard_ids == (None if ids is None else list(ids))
    assert bot.publishes_commands is publishes
    await app.stop()


async def test_it_goes_to_the_configured_addresses(sqlite_url: str) -> None:
    app = await app_with(sqlite_url, api_url="http://127.0.0.1:1/api/v10/", gateway_url="ws://127.0.0.1:2/")
    create_bot(app)
    assert Route("GET", "/users/@me").url == "http://127.0.0.1:1/api/v10/users/@me"
    assert URL("ws://127.0.0.1:2/") == DiscordWebSocket.DEFAULT_GATEWAY
    await app.stop()


def test_and_to_discords_own_without_any() -> None:
    apply_addresses(DiscordSettings(api_url="http://127.0.0.1:1", gateway_url="ws://127.0.0.1:2"))
    apply_addresses(DiscordSettings())
    assert Route.BASE == "https://discord.com/api/v10"
    assert DiscordWebSocket.DEFAULT_GATEWAY.host == "gateway.discord.gg"


async def test_a_sharded_bot_protects_as_well(sqlite_url: str, picture: bytes) -> None:
    async with World(sqlite_url, settings={"discord": {"shard_count": 2}}) as world:
        assert isinstance(world.bot, commands.AutoShardedBot)
        await world.block(picture)
        assert world.gone(await world.post(world.fan, picture))
        await world.moderator.click(world.card(), label="Confirm")
        await world.settle()
        assert "decided: confirmed" in world.text(world.card())
