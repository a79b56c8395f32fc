"""What can go wrong at login and on the connection, in one sentence each."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest
from pydantic import SecretStr

from bot.app import App
from bot.client import run
from bot.client.runner import explained, token_of
from bot.errors import ConfigError, StanguardError
from bot.settings import TOKEN_VARIABLE, DiscordSettings, Settings


def closed(code: int) -> discord.ConnectionClosed:
    socket: Any = SimpleNamespace(close_code=code)
    return discord.ConnectionClosed(socket, shard_id=None, code=code)


def answered(status: int) -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="", headers={})
    return discord.HTTPException(response, "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (discord.LoginFailure("Improper token has been passed."), TOKEN_VARIABLE),
        (discord.PrivilegedIntentsRequired(0), "Message Content Intent"),
        (closed(4004), TOKEN_VARIABLE),
        (closed(4010), "shard_ids"),
        (closed(4011), "shard_count"),
        (closed(4014), "Message Content Intent"),
        (closed(4999), "4999"),
        (answered(503), "503"),
        (aiohttp.ClientConnectionError("127.0.0.1"), "check the network"),
        (OSError("no route"), "check the network"),
        (TimeoutError(), "check the network"),
        (discord.GatewayNotFound(), "check the network"),
    ],
)
def test_each_cause_has_its_remedy(error: Exception, words: str) -> None:
    with pytest.raises(ConfigError) as caught, explained():
        raise error
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), explained():
        raise ZeroDivisionError


def test_an_error_that_has_its_sentence_keeps_it() -> None:
    with pytest.raises(StanguardError, match="as it is"), explained():
        raise StanguardError("as it is")


@pytest.mark.parametrize("token", [None, SecretStr(""), SecretStr("  ")])
def test_no_token(token: SecretStr | None) -> None:
    with pytest.raises(ConfigError, match=TOKEN_VARIABLE):
        token_of(DiscordSettings(token=token))


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("Bot a.b.c", "the word Bot"),
        ('"a.b.c"', "quotes"),
        ("a.b c", "a space"),
        ("a.b\nc", "a line break"),
        ("tök.b.c", "no token has"),
        ("123456789012345678", "application's id"),
        ("0123456789abcdef" * 4, "public key"),
        ("abcdefghijklmnopqrstuvwxyz_-0123", "client secret"),
    ],
)
def test_what_cannot_be_a_token_is_told_and_not_shown(token: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        token_of(DiscordSettings(token=SecretStr(token)))
    assert TOKEN_VARIABLE in str(caught.value)
    assert token not in str(caught.value)


def test_a_token_is_taken_without_the_spaces_around_it() -> None:
    assert token_of(DiscordSettings(token=SecretStr(" abc\n"))) == "abc"


async def test_without_a_token_nothing_starts_and_the_database_is_closed(sqlite_url: str) -> None:
    app = await App.open(Settings(store={"url": sqlite_url}))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=TOKEN_VARIABLE):
        await run(app)


async def test_a_discord_that_cannot_be_reached_is_explained(sqlite_url: str) -> None:
    settings = {"token": "abc", "api_url": "http://127.0.0.1:1/api/v10"}
    app = await App.open(Settings(store={"url": sqlite_url}, discord=settings))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="cannot be reached"):
        await run(app)
