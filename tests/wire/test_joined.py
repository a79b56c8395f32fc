"""A server that the bot came to is watched from that moment, also where it was noted nowhere that the bot is there."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta

from bot.model import BankKind, Category, Mode
from bot.store.engine import Store
from tests.discordd import Channel, Discordd, Guild, Message

from .conftest import BLOCKED, picture
from .installation import Installation, fingerprint_of
from .test_catch_up import only_once
from .test_kill import Processes


@contextlib.asynccontextmanager
async def locked(installation: Installation) -> AsyncIterator[None]:
    """The bot can write nothing down."""
    path = installation.database_url.removeprefix("sqlite:///")
    other = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
    with contextlib.closing(other):
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def post(discordd: Discordd, guild: Guild, channel: Channel, quality: int, *, age: timedelta = timedelta(0)) -> Message:
    author = next(member for member in guild.members.values() if member.user is not discordd.world.me)
    return discordd.world.post(channel, author, attachments=[("a.jpg", picture(BLOCKED, quality))], age=age)


async def set_up(installation: Installation, guild: Guild) -> None:
    async with installation.opened() as app:
        await app.guilds.change(guild.id, mode=Mode.REMOVE)
        bank = await app.banks.own(guild.id, BankKind.BLOCK)
        await app.banks.add(bank, fingerprint_of(picture(BLOCKED)), Category.NCII_SYNTHETIC, source="test")


async def noted(installation: Installation, guild: Guild) -> dict[int, int]:
    store = await Store.open(installation.database_url, migrate=False)
    try:
        async with store.read() as tx:
            return await tx.watermarks.of_guild(guild.id)
    finally:
        await store.close()


async def test_killed_before_a_new_server_was_noted(discordd: Discordd, installation: Installation) -> None:
    processes = Processes(installation)
    try:
        process = await processes.start()
        async with locked(installation):
            guild = discordd.world.create_guild("Sunlark fans")
            channel = discordd.world.create_channel(guild, "fan-art")
            missed = post(discordd, guild, channel, 50)
            await discordd.wait_for(lambda: missed.id in discordd.journal.creates)
            await process.kill()
        assert await noted(installation, guild) == {}
        await set_up(installation, guild)
        await processes.start()
        await discordd.wait_for(lambda: missed.deleted, within=60)
        await installation.settled()
    finally:
        processes.end()
    assert only_once(discordd, missed)


async def test_joined_while_the_bot_was_stopped(discordd: Discordd, installation: Installation) -> None:
    async with installation.running() as app:
        await app.idle()
    guild = discordd.world.create_guild("Sunlark fans")
    channel = discordd.world.create_channel(guild, "fan-art")
    before = post(discordd, guild, channel, 40, age=timedelta(minutes=30))
    missed = post(discordd, guild, channel, 50)
    await set_up(installation, guild)
    async with installation.running() as app:
        await discordd.wait_for(lambda: missed.deleted)
        await app.idle()
    assert only_once(discordd, missed)
    assert not before.deleted, "nothing is promised for what was posted before the bot came"
