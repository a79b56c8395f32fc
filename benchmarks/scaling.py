"""What a picture costs, what a process and a server hold, and what one hundred thousand servers would need.

uv run python -m benchmarks.scaling [--pictures 150] [--guilds 2000] [--entries 10000] [--json FILE]

Real processes of the bot run against a loopback Discord and a PostgreSQL database that is made for it
(STANGUARD_TEST_POSTGRES names the server). Measured is processor time, not how long something took, because that is the
same on a busy machine: of the event loop's thread, of the other threads (search), of the decoders and of the database.
One process and two do the same work, one after the other. Pictures are generated JPEG files of 1200 x 1500 pixels.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import secrets
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from tests.discordd import Discordd, RateLimits

from .growth import Assumptions, Costs, table
from .installed import Installed
from .running import Used, running

DEFAULT_SERVER = "postgresql://127.0.0.1:5432/test"


@asynccontextmanager
async def database():
    """A new database on the server, which is dropped in the end."""
    server = os.environ.get("STANGUARD_TEST_POSTGRES", DEFAULT_SERVER)
    name = f"stanguard_scaling_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


async def measure(pictures: int, guilds: int, entries: int, folder: Path) -> dict[str, Any]:
    """All figures of a run."""
    async with database() as url, Discordd(limits=RateLimits.generous()) as discordd:
        discordd.general.max_concurrency = 16
        installed = Installed(discordd, folder, url)
        await installed.set_up(entries)
        found: dict[str, Any] = {"notify_ms": await installed.notify(20), "outbox_ms": await installed.outbox_rounds()}
        async with running(installed, 1) as one:
            found["memory"] = {"at_rest": one.memory()}
            phases = {
                "new": await one.phase(pictures, blocked=False),
                "re-posts": await one.phase(pictures, fresh=False),
                "matched": await one.phase(max(20, pictures // 4), blocked=True),
                "files of entries": await one.phase(max(20, pictures // 4), blocked=True, fresh=False),
                "messages": await one.phase(pictures * 10, media=False),
            }
            found["connections"] = one.connections
            found["memory"]["guilds"] = await one.guilds(guilds)
        async with running(installed, 2) as two:
            phases["new, two processes"] = await two.phase(pictures, blocked=False)
            found["connections_two"] = two.connections
        found["phases"] = {name: asdict(used) | {"per": used.per()} for name, used in phases.items()}
        found["sighting_bytes"] = await installed.sighting_bytes()
        found["throughput"] = {
            str(number): phases[name].items / phases[name].seconds
            for number, name in ((1, "new"), (2, "new, two processes"))
        }
        one_cost, two_cost = (phases[name].cpu / phases[name].items for name in ("new", "new, two processes"))
        found["cost_ratio"] = two_cost / one_cost
        found["speedup_with_cores"] = 2 * one_cost / two_cost
        found["growth"] = table(_costs(found, phases, entries), Assumptions(entries=entries))
    return found


def _costs(found: dict[str, Any], phases: dict[str, Used], entries: int) -> Costs:
    new, matched, messages = (phases[name].per() for name in ("new", "matched", "messages"))
    memory = found["memory"]
    return Costs(
        loop=new["loop"],
        other_threads=new["threads"],
        decoders=new["decoders"],
        database=new["database"],
        loop_message=messages["loop"],
        loop_match=max(0.0, matched["loop"] - new["loop"]),
        database_match=max(0.0, matched["database"] - new["database"]),
        transactions=new["transactions"],
        rows=new["rows"],
        wal=new["wal"],
        transactions_match=max(0.0, matched["transactions"] - new["transactions"]),
        sighting_bytes=found["sighting_bytes"],
        base_bytes=memory["at_rest"]["process"] - entries * memory["at_rest"]["entry"],
        worker_bytes=memory["at_rest"]["decoder"] * memory["at_rest"]["decoders"],
        guild_bytes=memory["guilds"]["bytes_per_guild"],
        entry_bytes=memory["at_rest"]["entry_with_features"],
        connections_most=21,
    )


def show(found: dict[str, Any]) -> None:
    """The figures as tables."""
    console = Console(width=120)
    phases = Table("For one of", "number", "loop ms", "threads ms", "decoders ms", "database ms", "tx", "rows", "WAL B")
    for name, phase in found["phases"].items():
        per = phase["per"]
        times = [f"{per[key] * 1000:.2f}" for key in ("loop", "threads", "decoders", "database")]
        counts = [f"{per['transactions']:.1f}", f"{per['rows']:.1f}", f"{per['wal']:.0f}"]
        phases.add_row(name, str(phase["items"]), *times, *counts)
    console.print(phases)
    memory = found["memory"]
    rest, guilds = memory["at_rest"], memory["guilds"]
    console.print(
        f"A process at rest: {rest['process'] / 2**20:.0f} MiB (PSS), a decoder {rest['decoder'] / 2**20:.0f} MiB, "
        f"an entry {rest['entry']:.0f} bytes, with local features {rest['entry_with_features']:.0f}; "
        f"1,000 servers {guilds['bytes_per_guild'] * 1000 / 2**20:.1f} MiB "
        f"({guilds['guilds']} with {guilds['channels']} channels and {guilds['roles']} roles each)."
    )
    console.print(
        f"Connections: {found['connections']} with one process, {found['connections_two']} with two. "
        f"A sighting takes {found['sighting_bytes']:.0f} bytes with its indexes."
    )
    heard, rounds = found["notify_ms"], found["outbox_ms"]
    console.print(
        f"From commit to match in another process: median {heard['median']:.0f} ms, most {heard['most']:.0f} ms "
        f"({heard['tries']} tries). A round of the outbox: {rounds['empty']:.1f} ms with nothing pending, "
        f"{rounds['thousand']:.1f} ms with 1,000 calls of other lanes that are not due, a look {rounds['look']:.1f} ms."
    )
    console.print(
        f"New pictures a second here: {found['throughput']['1']:.1f} with one process, {found['throughput']['2']:.1f} "
        f"with two. Two processes spend {found['cost_ratio']:.2f} times as much a picture: with a processor for each "
        f"thing that works they would do {found['speedup_with_cores']:.2f} times as much."
    )
    growth = Table("Servers", *(f"{size['guilds']:,}" for size in found["growth"]["sizes"]))
    sizes = found["growth"]["sizes"]
    for name in [name for name in sizes[0] if name not in {"guilds", "use", "fullest"}]:
        growth.add_row(name, *(_number(size[name]) for size in sizes))
    for name in sizes[0]["use"]:
        growth.add_row(f"used: {name}", *(f"{size['use'][name]:.1%}" for size in sizes))
    growth.add_row("fullest", *(size["fullest"] for size in sizes))
    console.print(growth)


def _number(value: float) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"


def main(
    pictures: Annotated[int, typer.Option(min=20, help="New pictures of each phase.")] = 150,
    guilds: Annotated[int, typer.Option(min=10, help="Servers that discord.py is told of.")] = 2000,
    entries: Annotated[int, typer.Option(min=100, help="Entries on the list of all.")] = 10_000,
    out: Annotated[Path | None, typer.Option("--json", help="Write the figures here, too.")] = None,
) -> None:
    """Measure and print."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(pictures, guilds, entries, Path(folder)))
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    found["machine"] = f"{os.cpu_count()} processors, {system}"
    found["seconds"] = time.perf_counter() - began
    show(found)
    print(f"{found['machine']}; {found['seconds']:.0f} s")
    if out is not None:
        out.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
