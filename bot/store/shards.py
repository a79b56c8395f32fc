"""Which shards run just now: every process holds a lock for each of its own, as long as it is connected.

So no guild is served by two processes, whoever copied a configuration; and whoever looks can see which shards run.
The locks are PostgreSQL's advisory locks of a session: they go with the process, however it ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import ConfigError

_CLASS = 0x57A6
"""What tells these locks from every other one of the database."""

_MOST = 1 << 15
"""A lock has 31 bits beside its class: half of them for the number of shards, half for which of them."""

PATIENCE = 15.0
"""Seconds that a process waits at its start for one that is just ending."""

_HELD = (
    "SELECT objid::bigint AS key FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
    " AND classid = {} AND database = (SELECT oid FROM pg_database WHERE datname = current_database()){}"
)


@dataclass(frozen=True, slots=True)
class Shards:
    """Some of the ``count`` shards of a bot, by number from 0."""

    count: int
    ids: tuple[int, ...]

    @classmethod
    def of(cls, ids: Collection[int] | None, count: int | None) -> Shards:
        """What a process with these settings serves: without a count everything, which is one shard of one."""
        count = 1 if count is None else count
        return cls(count, tuple(sorted(set(range(count) if ids is None else ids))))


async def claim_shards(driver: Any, shards: Shards, *, patient: bool) -> None:  # noqa: ANN401 - asyncpg's connection
    """Take the locks of these shards for this connection. Raises ConfigError when another process has one of them.

    ``patient``: wait for up to :data:`PATIENCE` seconds before.
    """
    if shards.count >= _MOST:
        raise ConfigError(f"discord.shard_count is {shards.count}, but at most {_MOST - 1} are possible; lower it.")
    until = time.monotonic() + (PATIENCE if patient else 0)
    while True:
        refusal = await _try(driver, shards)
        if refusal is None:
            return
        if time.monotonic() >= until:
            raise ConfigError(refusal)
        await asyncio.sleep(0.25)


async def _try(driver: Any, shards: Shards) -> str | None:  # noqa: ANN401 - as above
    taken: list[int] = []
    refusal = None
    for shard in shards.ids:
        key = shards.count << 15 | shard
        if not await driver.fetchval(f"SELECT pg_try_advisory_lock({_CLASS}, {key})"):
            refusal = (
                f"Another process runs shard {shard} of {shards.count} on this database already; stop that one, or "
                "give each process shards of its own with discord.shard_ids."
            )
            break
        taken.append(key)
    if refusal is None:
        others = [row["key"] for row in await driver.fetch(_HELD.format(_CLASS, " AND pid <> pg_backend_pid()"))]
        counts = {key >> 15 for key in others} - {shards.count}
        if counts:
            refusal = (
                f"Another process on this database runs with discord.shard_count {min(counts)}, this one with "
                f"{shards.count}, so that servers would be served twice; give all the same, and start them anew."
            )
    if refusal is not None:
        for key in taken:
            await driver.fetchval(f"SELECT pg_advisory_unlock({_CLASS}, {key})")
    return refusal


async def running_shards(connection: AsyncConnection) -> list[Shards]:
    """Which shards run just now on this database, by how many there are in all; more than one count is a mistake."""
    keys = [row.key for row in await connection.execute(sa.text(_HELD.format(_CLASS, "")))]
    counts = sorted({key >> 15 for key in keys})
    return [Shards(count, tuple(sorted(key & (_MOST - 1) for key in keys if key >> 15 == count))) for count in counts]
