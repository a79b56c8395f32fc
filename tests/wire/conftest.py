"""A loopback Discord with an installation of the real bot, and pictures for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.demo import pictures
from bot.matching.warm_up import warm_up
from tests.discordd import Discordd, RateLimits

from .installation import Installation

BLOCKED, HARMLESS = 3, 4


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """The very first start of a bot compiles, for a minute where tests run beside it; nothing here waits for that."""
    warm_up()


@cache
def picture(seed: int, quality: int = 90) -> bytes:
    """A JPEG; another quality gives other bytes of the same picture."""
    return pictures.encode(pictures.picture(seed, (480, 600)), quality=quality)


@pytest.fixture
def blocked() -> bytes:
    """A copy of the blocked picture with bytes of its own, as a re-upload has them."""
    return picture(BLOCKED, 80)


@pytest.fixture
def harmless() -> bytes:
    return picture(HARMLESS)


@pytest.fixture
async def discordd(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Discordd]:
    """A loopback Discord with limits that no test meets by accident."""
    # The bot turns discord.py to the addresses of its settings; afterwards they are Discord's again.
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)

    async def at_once(self: discord.Client, shard_id: int | None, *, initial: bool = False) -> None:
        """discord.py pauses for five seconds before it identifies anew."""

    monkeypatch.setattr(discord.Client, "before_identify_hook", at_once)
    async with Discordd(limits=RateLimits.generous()) as server:
        server.general.max_concurrency = 16
        yield server


Install = Callable[..., Installation]


@pytest.fixture
def install(discordd: Discordd, sqlite_url: str, tmp_path: Path) -> Install:
    """Makes the installation, with settings of a test's own."""

    def make(**tables: dict[str, object]) -> Installation:
        return Installation(discordd, tmp_path, sqlite_url, **tables)

    return make


@pytest.fixture
async def installation(install: Install) -> Installation:
    """An installation that is set up, with one blocked picture."""
    made = install()
    await made.set_up()
    await made.block(picture(BLOCKED))
    return made
