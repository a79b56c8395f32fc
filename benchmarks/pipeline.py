"""From the frame that tells of a post to the DELETE on the wire, over a loopback Discord, beside the common way.

uv run python -m benchmarks.pipeline [--pictures 1000] [--at-rest 200] [--entries 1000] [--json FILE]

Both bots run in a process of their own, against the same servers, rate limits, pictures and list: first blocked
pictures one by one, then a burst of pictures of which one in ten is blocked. Pictures are generated JPEG files of about
500 kB; each is posted as a file of its own, so that no exact hash recognises it.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.discordd import Discordd

from .bots import LAG
from .measure import MemoryProbe, percentile, read_lag
from .scene import CHANNELS, GUILDS, Bot, Pictures, Scene, make_pictures

BLOCKED_PICTURES, HARMLESS_PICTURES = 10, 20
AIMS = {"at_rest_p50_ms": 40.0, "burst_lag_p99_ms": 25.0}


@dataclass(frozen=True, slots=True)
class Result:
    """What one bot did. Times are milliseconds, memory is MiB, throughput is pictures a second."""

    at_rest_posts: int
    at_rest_p50_ms: float
    at_rest_p99_ms: float
    at_rest_lag_p50_ms: float
    at_rest_lag_p99_ms: float
    burst_pictures: int
    burst_handled: int
    burst_lost: int
    burst_blocked: int
    burst_deleted: int
    burst_seconds: float
    burst_throughput: float
    burst_p50_ms: float
    burst_p99_ms: float
    burst_lag_p50_ms: float
    burst_lag_p99_ms: float
    burst_lag_max_ms: float
    peak_pss_mib: float
    peak_rss_mib: float
    processes: int


ROWS = (
    ("at rest: frame to DELETE, p50", "at_rest_p50_ms", "ms"),
    ("at rest: frame to DELETE, p99", "at_rest_p99_ms", "ms"),
    ("at rest: loop lag, p50", "at_rest_lag_p50_ms", "ms"),
    ("at rest: loop lag, p99", "at_rest_lag_p99_ms", "ms"),
    ("burst: pictures handled", "burst_handled", ""),
    ("burst: pictures lost", "burst_lost", ""),
    ("burst: blocked pictures deleted", "burst_deleted", ""),
    ("burst: time until all is done", "burst_seconds", "s"),
    ("burst: throughput", "burst_throughput", "pictures judged/s"),
    ("burst: frame to DELETE, p50", "burst_p50_ms", "ms"),
    ("burst: frame to DELETE, p99", "burst_p99_ms", "ms"),
    ("burst: loop lag, p50", "burst_lag_p50_ms", "ms"),
    ("burst: loop lag, p99", "burst_lag_p99_ms", "ms"),
    ("burst: loop lag, longest", "burst_lag_max_ms", "ms"),
    ("peak memory of all processes, PSS", "peak_pss_mib", "MiB"),
    ("peak memory of all processes, RSS", "peak_rss_mib", "MiB"),
    ("processes", "processes", ""),
)


async def measure(kind: str, files: Pictures, *, pictures: int, at_rest: int, entries: int) -> Result:
    """Run one bot through both loads."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Discordd() as discordd:
            scene = Scene(discordd, files)
            await scene.list_pictures(folder, entries)
            bot = Bot(kind, discordd, folder)
            try:
                await discordd.wait_connected(within=120)
                memory = MemoryProbe(bot.process.pid)
                alone = await scene.at_rest(at_rest)
                burst = await scene.burst(pictures, bot.handled)
                peak = memory.stop()
            finally:
                bot.stop()
        calm, busy = read_lag(folder / LAG, alone.began, alone.ended), read_lag(folder / LAG, burst.began, burst.ended)
    return Result(
        at_rest_posts=len(alone.seconds),
        at_rest_p50_ms=1000 * percentile(alone.seconds, 0.5),
        at_rest_p99_ms=1000 * percentile(alone.seconds, 0.99),
        at_rest_lag_p50_ms=1000 * percentile(calm, 0.5),
        at_rest_lag_p99_ms=1000 * percentile(calm, 0.99),
        burst_pictures=burst.pictures,
        burst_handled=burst.handled,
        burst_lost=burst.pictures - burst.handled,
        burst_blocked=burst.blocked,
        burst_deleted=len(burst.seconds),
        burst_seconds=burst.ended - burst.began,
        burst_throughput=burst.handled / (burst.judged - burst.began),
        burst_p50_ms=1000 * percentile(burst.seconds, 0.5),
        burst_p99_ms=1000 * percentile(burst.seconds, 0.99),
        burst_lag_p50_ms=1000 * percentile(busy, 0.5),
        burst_lag_p99_ms=1000 * percentile(busy, 0.99),
        burst_lag_max_ms=1000 * max(busy, default=float("nan")),
        peak_pss_mib=peak.pss / 2**20,
        peak_rss_mib=peak.rss / 2**20,
        processes=peak.processes,
    )


def table(results: dict[str, Result], title: str) -> Table:
    """The results side by side."""
    shown = Table("", *results, "", title=title)
    for label, name, unit in ROWS:
        values = [getattr(result, name) for result in results.values()]
        shown.add_row(label, *(f"{one:.1f}" if isinstance(one, float) else str(one) for one in values), unit)
    return shown


def main(
    *,
    pictures: Annotated[int, typer.Option(help="Pictures of the burst.")] = 1000,
    at_rest: Annotated[int, typer.Option(help="Blocked pictures posted one by one.")] = 200,
    entries: Annotated[int, typer.Option(help="Entries of the list.")] = 1000,
    only: Annotated[str | None, typer.Option(help="stanguard or common.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
) -> None:
    """Measure both bots and print a table."""
    console = Console()
    with console.status("Generating pictures"):
        files = make_pictures(BLOCKED_PICTURES, HARMLESS_PICTURES)
    size = sum(map(len, files.blocked)) // len(files.blocked)
    results: dict[str, Result] = {}
    for kind in (only,) if only else ("stanguard", "common"):
        with console.status(f"Measuring {kind}"):
            results[kind] = asyncio.run(measure(kind, files, pictures=pictures, at_rest=at_rest, entries=entries))
    where = f"{os.cpu_count()} processors, Python {platform.python_version()}"
    load = f"{GUILDS} servers of {CHANNELS} channels, {size // 1000} kB JPEG files, {entries} entries"
    console.print(table(results, f"{where}; {load}"))
    if json_file is not None:
        figures = {
            "environment": {"processors": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()},
            "parameters": {"pictures": pictures, "at_rest": at_rest, "entries": entries, "picture_bytes": size},
            "aims": AIMS,
            "results": {kind: asdict(result) for kind, result in results.items()},
        }
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
