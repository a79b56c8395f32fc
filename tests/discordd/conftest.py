"""A loopback Discord, and the real discord.py connected to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from . import Channel, Discordd, Guild, Intent, Member, RateLimits


class Probe(discord.Client):
    """The smallest bot: it remembers what it hears."""

    def __init__(self, intents: Intent = Intent.GUILDS | Intent.GUILD_MESSAGES | Intent.MESSAGE_CONTENT) -> None:
        wanted = discord.Intents.none()
        wanted.value = int(intents)
        super().__init__(intents=wanted, max_messages=None, guild_ready_timeout=0.05)
        self.heard: list[discord.Message] = []
        self.edits: list[discord.RawMessageUpdateEvent] = []
        self.deletions: list[int] = []
        self.resumed = 0
        self.readied = 0

    async def on_ready(self) -> None:
        self.readied += 1

    async def on_resumed(self) -> None:
        self.resumed += 1

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        self.edits.append(payload)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        self.deletions.append(payload.message_id)

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        self.deletions.extend(payload.message_ids)


Connect = Callable[..., Awaitable[Any]]


@pytest.fixture
async def discordd(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Discordd]:
    """A loopback Discord that discord.py talks to, with limits that no test meets by accident."""
    async with Discordd(limits=RateLimits.generous()) as server:
        point_discord_py(server, monkeypatch)
        yield server


def point_discord_py(server: Discordd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn discord.py's addresses to the server."""
    monkeypatch.setattr(Route, "BASE", server.api_url)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", URL(server.gateway_url))
    monkeypatch.setattr(discord.Asset, "BASE", server.cdn.cdn_url)


@pytest.fixture
def guild(discordd: Discordd) -> Guild:
    return discordd.world.create_guild("fans")


@pytest.fixture
def channel(discordd: Discordd, guild: Guild) -> Channel:
    return discordd.world.create_channel(guild, "art")


@pytest.fixture
def member(discordd: Discordd, guild: Guild) -> Member:
    return discordd.world.create_member(guild, "mina")


@pytest.fixture
async def connect(discordd: Discordd) -> AsyncIterator[Connect]:
    """Connects a client (a Probe, unless another is given) and closes it in the end."""
    running: list[tuple[discord.Client, asyncio.Task[None]]] = []

    async def start(client: discord.Client | None = None, *, token: str | None = None) -> discord.Client:
        client = client or Probe()
        task = asyncio.create_task(client.start(token or discordd.token))
        running.append((client, task))
        ready = asyncio.create_task(discordd.wait_for(client.is_ready))
        await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if task.done():
            running.remove((client, task))
            await client.close()
            await task
        return client

    yield start
    for client, task in running:
        await client.close()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, discord.ConnectionClosed):
            await task
