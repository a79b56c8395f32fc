"""A model of an installation's growth out of measured constants: what up to 100,000 servers need, and what fills first.

Nothing in here is measured; every number is a constant of :mod:`benchmarks.scaling` times an assumption that stands in
:class:`Assumptions`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

SIZES = (1_000, 10_000, 100_000)
SHARD_GUILDS = 1_000
"""Servers of a shard as Discord recommends them; 2,500 are the most that it allows."""

REST_PER_SECOND = 50.0
"""Requests of one bot in a second, all processes together, apart from answers to commands."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What servers do. ``peak``: how much more in the busiest hour than on average.

    ``matched``: which share of the pictures matches something; each costs ``calls`` requests to Discord (a delete, a
    card, its edits, a line of the log).
    """

    pictures_per_guild_day: float = 50.0
    messages_per_guild_day: float = 1_000.0
    peak: float = 4.0
    matched: float = 0.002
    calls: float = 4.0
    entries: int = 10_000
    days: int = 30
    loop_share: float = 0.5
    """How much of its time the event loop of a process may be busy in the busiest hour, so that it is never late."""

    decoder_share: float = 0.7


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured constants. CPU in seconds, of one event; sizes in bytes."""

    loop: float
    other_threads: float
    decoders: float
    database: float
    loop_message: float
    loop_match: float
    database_match: float
    transactions: float
    rows: float
    wal: float
    transactions_match: float
    sighting_bytes: float
    base_bytes: float
    worker_bytes: float
    guild_bytes: float
    entry_bytes: float
    connections_most: int


def grow(costs: Costs, assumed: Assumptions, guilds: int) -> dict[str, Any]:
    """What an installation of so many servers needs in its busiest hour, and how full each thing is then."""
    per_second = guilds * assumed.peak / 86_400
    pictures = per_second * assumed.pictures_per_guild_day
    messages = per_second * assumed.messages_per_guild_day
    matches = pictures * assumed.matched
    loop = pictures * costs.loop + messages * costs.loop_message + matches * costs.loop_match
    decoding = pictures * (costs.decoders + costs.other_threads)
    database = pictures * costs.database + matches * costs.database_match
    shards = max(1, math.ceil(guilds / SHARD_GUILDS))
    processes = max(1, math.ceil(loop / assumed.loop_share))
    processes = min(processes, shards)
    workers = max(processes, math.ceil(decoding / assumed.decoder_share))
    memory = processes * (costs.base_bytes + assumed.entries * costs.entry_bytes)
    memory += workers * costs.worker_bytes + guilds * costs.guild_bytes
    kept = guilds * assumed.pictures_per_guild_day * assumed.days * costs.sighting_bytes
    calls = matches * assumed.calls
    use = {
        "event loops": loop / processes,
        "PostgreSQL, of one core": database,
        "Discord's 50 requests a second": calls / REST_PER_SECOND,
    }
    return {
        "guilds": guilds,
        "pictures_per_second": pictures,
        "messages_per_second": messages,
        "shards": shards,
        "shards_at_least": max(1, math.ceil(guilds / 2_500)),
        "processes": processes,
        "decoders": workers,
        "cores": loop + decoding + database,
        "connections_most": processes * costs.connections_most,
        "transactions_per_second": pictures * costs.transactions + matches * costs.transactions_match,
        "rows_per_second": pictures * costs.rows,
        "wal_mib_per_second": pictures * costs.wal / 2**20,
        "memory_gib": memory / 2**30,
        "memory_gib_per_process": memory / processes / 2**30,
        "sightings_gib": kept / 2**30,
        "rest_per_second": calls,
        "pictures_until_rest_is_full": REST_PER_SECOND / assumed.calls / assumed.matched,
        "use": use,
        "fullest": max(use, key=lambda name: use[name]),
    }


def table(costs: Costs, assumed: Assumptions) -> dict[str, Any]:
    """The model for every size, with what it assumes."""
    return {"assumed": asdict(assumed), "sizes": [grow(costs, assumed, guilds) for guilds in SIZES]}
