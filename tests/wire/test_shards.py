"""How the shards of a process begin: as many at once as Discord allows, and no two processes at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from bot import client
from bot.app import App
from tests.discordd import Discordd

from .conftest import Install
from .installation import Installation

FOR_EVER = 3600.0


@contextlib.asynccontextmanager
async def beginning(installation: Installation) -> AsyncIterator[App]:
    """The bot while it connects, however far it comes."""
    app = await App.open(installation._settings())
    run = asyncio.create_task(client.run(app))
    try:
        yield app
    finally:
        run.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await run


@pytest.mark.parametrize(("at_once", "begun"), [(1, {0}), (2, {0, 1}), (3, {0, 1, 2})])
async def test_as_many_begin_at_once_as_discord_allows(
    discordd: Discordd, install: Install, monkeypatch: pytest.MonkeyPatch, at_once: int, begun: set[int]
) -> None:
    monkeypatch.setattr("bot.client.bot.IDENTIFY_SECONDS", FOR_EVER)
    discordd.general.max_concurrency = at_once
    async with beginning(install(discord={"shard_count": 3})):
        await discordd.wait_for(lambda: {one.shard for one in discordd.gateway.connected} >= begun)
        await asyncio.sleep(0.5)
        assert {one.shard for one in discordd.gateway.connected} == begun


async def test_the_turn_of_a_shard_is_kept_from_other_processes(
    discordd: Discordd, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.client.bot.IDENTIFY_SECONDS", FOR_EVER)
    discordd.general.max_concurrency = 1
    async with beginning(install(discord={"shard_count": 2, "shard_ids": [0]})):
        await discordd.wait_for(lambda: discordd.gateway.connected)
    # The next process on this database finds the turn taken, although it has begun nothing itself.
    async with beginning(install(discord={"shard_count": 2, "shard_ids": [1]})) as app:
        await discordd.wait_for(lambda: any(one.path == "/gateway/bot" for one in discordd.journal.requests[-3:]))
        await asyncio.sleep(0.5)
        assert not [one for one in discordd.gateway.connected if one.shard == 1]
        async with app.store.write() as tx:
            await tx.connection.exec_driver_sql("DELETE FROM chores")
        await discordd.wait_for(lambda: any(one.shard == 1 for one in discordd.gateway.connected))
