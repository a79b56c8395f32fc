"""Discord throws the bot out of a server, has an outage, or lets it back in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

import bot.app as app_module
from bot.app import App
from bot.store.tables import banks, cases, departures, guilds, sightings
from tests.discordd import Discordd

from .installation import Installation


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - what another task writes to the database
            await asyncio.sleep(0.01)


async def is_gone(app: App, guild_id: int) -> bool:
    await app.departures.settled()
    async with app.store.read() as tx:
        return guild_id in await tx.departures.all()


async def number(app: App, *tables: sa.Table, guild_id: int) -> list[int]:
    """How many rows of a server these tables hold."""
    found: list[int] = []
    async with app.store.read() as tx:
        for table in tables:
            statement = sa.select(sa.func.count()).select_from(table).where(table.c.guild_id == guild_id)
            found.append((await tx.connection.execute(statement)).scalar_one())
    return found


async def test_being_thrown_out_is_noted_and_an_outage_is_not(discordd: Discordd, installation: Installation) -> None:
    guild = installation.guild
    other = discordd.world.create_guild("Sunlark fans")
    async with installation.running() as app:
        discordd.world.deliver_raw("GUILD_DELETE", guild, {"id": str(guild.id), "unavailable": True})
        discordd.world.remove_guild(other)
        await until(lambda: is_gone(app, other.id))  # which was said after the outage
        assert not await is_gone(app, guild.id)
        discordd.world.remove_guild(guild)
        await until(lambda: is_gone(app, guild.id))
        discordd.world.invite_back(guild)

        async def back() -> bool:
            return not await is_gone(app, guild.id)

        await until(back)


async def test_a_server_that_threw_the_bot_out_while_it_was_away_is_erased_after_its_time(
    discordd: Discordd, installation: Installation, blocked: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    guild, other = installation.guild, discordd.world.create_guild("Sunlark fans")
    async with installation.running() as app:
        message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
        await discordd.wait_for(lambda: message.deleted and installation.cards())
        await app.idle()
        await app.guilds.change(other.id, reveal=True)
    discordd.world.remove_guild(guild)
    async with installation.running() as app:
        await until(lambda: is_gone(app, guild.id))
        assert not await is_gone(app, other.id)
        assert await number(app, cases, sightings, banks, guilds, guild_id=guild.id) == [1, 1, 1, 1]
        async with app.store.write() as tx:
            await tx.connection.execute(departures.update().values(left_at=datetime.now(UTC) - timedelta(days=31)))

    async def over() -> bool:
        found = await number(app, cases, sightings, guilds, banks, departures, guild_id=guild.id)
        return found == [0, 0, 0, 0, 0]

    monkeypatch.setattr(app_module, "DEPARTURE_SECONDS", 0.2)  # the lists go in the second round
    async with installation.running() as app:
        await until(over)
        assert await number(app, guilds, guild_id=other.id) == [1]
