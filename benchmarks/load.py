"""A flood of pictures in one server, and what a quiet server beside it notices.

uv run python -m benchmarks.load [--pictures 5000] [--accounts 200] [--channels 50] [--seconds 60] [--json] [--peer]
uv run python -m benchmarks.load --soak 20 [--json]

The bot runs in a process of its own against a loopback Discord with the rate limits that people measured, which shares
the processors with it: what the bot has is what the loopback Discord leaves. One in ten pictures is blocked. In a quiet
second server a blocked picture is posted every 0.4 seconds: at rest, during the flood, and at rest again, so that a
machine that becomes faster or slower meanwhile does not pass for an effect of the flood. ``--peer`` runs the common way
(benchmarks/bots.py) after it under the same flood. ``--soak`` posts five pictures a second for so many minutes instead
and looks for growth. Verdicts are printed, never asserted: the exit status is 0 when it ran.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import os
import platform
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from tests.discordd import Discordd
from tests.discordd.journal import CREATE_MESSAGE

from .bots import HANDLED, LAG, STATE
from .flood import SHARES, Place, Posted, make, recorded
from .measure import LagProbe, MemoryProbe, open_files, percentile, read_lag, slope
from .scene import Bot

BLOCKED_LOOKS, HARMLESS_LOOKS = 12, 60
QUIET_PAUSE = 0.4
"""Seconds between two posts in the quiet server. There have to be some hundreds of them: of sixty, the p99 is the
slowest one."""

WARM_UP = 8
COOL_DOWN = 5.0
"""Seconds after the flood in which cards that waited for a rate limit are drawn, before it counts as rest."""

SOAK_RATE = 5.0
"""Pictures a second."""

SOAK_WARM_UP = 1 / 3
"""Share of a soak that is left out of the slope: caches fill, and allocators take what they keep."""

PATIENCE = 600.0
"""Seconds after the last post that the bot gets to be done."""

OK = 200
OWN_LAG = "own-lag.bin"
AIMS: dict[str, tuple[str, Callable[[Result], bool]]] = {
    "lost": ("no picture lost", lambda one: one.lost == 0),
    "not_deleted": ("every blocked picture deleted", lambda one: one.not_deleted == 0),
    "wrongly_deleted": ("no other deleted", lambda one: one.wrongly_deleted == 0),
    "quiet_p99_ratio": ("the quiet server's p99 at most twice that at rest", lambda one: one.quiet_p99_ratio <= 2),
    "peak_rss_mb": ("the bot's own process at most 512 MiB", lambda one: one.peak_rss_mb <= 512),
    "peak_pss_mb": ("all its processes at most 900 MiB", lambda one: one.peak_pss_mb <= 900),
    "loop_lag_p99_ms": ("the event loop at most 50 ms late at p99", lambda one: one.loop_lag_p99_ms <= 50),
    "cards": ("one card for each blocked picture and server at most", lambda one: one.cards <= one.clusters),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What one bot did. Times are milliseconds or seconds, as they say; sizes are MiB; counts are of pictures."""

    pictures: int
    blocked: int
    lost: int
    not_deleted: int
    wrongly_deleted: int
    p50_ms: float
    p99_ms: float
    quiet_rest_posts: int
    quiet_rest_p50_ms: float
    quiet_rest_p99_ms: float
    quiet_posts: int
    quiet_not_deleted: int
    quiet_p50_ms: float
    quiet_p99_ms: float
    quiet_p99_ratio: float
    posting_s: float
    done_s: float
    throughput: float
    spilled: int
    not_fetched: int
    not_decoded: int
    cards: int
    clusters: int
    peak_rss_mb: float
    peak_pss_mb: float
    processes: int
    loop_lag_p50_ms: float
    loop_lag_p99_ms: float
    loop_lag_max_ms: float
    discord_lag_max_ms: float
    memory_slope_mb_h: float
    files_begin: int
    files_end: int
    tasks_begin: int
    tasks_end: int


ROWS = (
    ("pictures posted", "pictures", ""),
    ("of them blocked", "blocked", ""),
    ("lost (no outcome)", "lost", ""),
    ("blocked and not deleted", "not_deleted", ""),
    ("deleted without being blocked", "wrongly_deleted", ""),
    ("frame to DELETE, p50", "p50_ms", "ms"),
    ("frame to DELETE, p99", "p99_ms", "ms"),
    ("quiet server at rest: posts", "quiet_rest_posts", ""),
    ("quiet server at rest: frame to DELETE, p50", "quiet_rest_p50_ms", "ms"),
    ("quiet server at rest: frame to DELETE, p99", "quiet_rest_p99_ms", "ms"),
    ("quiet server under the load: posts", "quiet_posts", ""),
    ("quiet server under the load: not deleted", "quiet_not_deleted", ""),
    ("quiet server under the load: frame to DELETE, p50", "quiet_p50_ms", "ms"),
    ("quiet server under the load: frame to DELETE, p99", "quiet_p99_ms", "ms"),
    ("quiet server: p99 under the load to p99 at rest", "quiet_p99_ratio", ""),
    ("time in which they were posted", "posting_s", "s"),
    ("time until all were judged and deleted", "done_s", "s"),
    ("throughput", "throughput", "pictures/s"),
    ("spilled into the database", "spilled", ""),
    ("recognised by id: not fetched", "not_fetched", ""),
    ("recognised by digest: not decoded", "not_decoded", ""),
    ("cards posted", "cards", ""),
    ("blocked pictures times servers", "clusters", ""),
    ("peak memory of the bot's process, RSS", "peak_rss_mb", "MiB"),
    ("peak memory of all its processes, PSS", "peak_pss_mb", "MiB"),
    ("its processes", "processes", ""),
    ("loop lag, p50", "loop_lag_p50_ms", "ms"),
    ("loop lag, p99", "loop_lag_p99_ms", "ms"),
    ("loop lag, longest", "loop_lag_max_ms", "ms"),
    ("loop lag of the loopback Discord, longest", "discord_lag_max_ms", "ms"),
    ("growth of the bot's process", "memory_slope_mb_h", "MiB/h"),
    ("open files at the beginning", "files_begin", ""),
    ("open files at the end", "files_end", ""),
    ("tasks at the beginning", "tasks_begin", ""),
    ("tasks at the end", "tasks_end", ""),
)


@dataclass(frozen=True, slots=True)
class Load:
    """What is posted: so many pictures, evenly over so many seconds.

    ``rest``: posts in the quiet server at rest, half of them before and half of them after.
    """

    pictures: int
    accounts: int
    channels: int
    seconds: float
    rest: int


async def measure(kind: str, looks: Any, load: Load) -> Result:
    """Run one bot through the load."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Discordd() as discordd:
            place = Place(discordd, looks, load.accounts, load.channels)
            await place.prepare(folder)
            bot = Bot(kind, discordd, folder)
            try:
                await discordd.wait_connected(within=180)
                with uncollected():
                    return await _measured(bot, place, folder, load)
            finally:
                bot.stop()


async def _measured(bot: Bot, place: Place, folder: Path, load: Load) -> Result:
    await _deleted(place, await place.quietly(QUIET_PAUSE, count=WARM_UP))
    resting = await place.quietly(QUIET_PAUSE, count=load.rest - load.rest // 2)
    await _deleted(place, resting)
    begin, files = _state(folder), open_files(bot.process.pid)
    memory, lag = MemoryProbe(bot.process.pid), LagProbe(folder / OWN_LAG)
    began, over, probing = time.perf_counter(), asyncio.Event(), asyncio.create_task(lag.run())
    beside = asyncio.create_task(place.quietly(QUIET_PAUSE, until=over))
    handled_before = _handled(bot, place, folder)
    posted = await place.flood(load.pictures, load.seconds)
    posted_at = time.perf_counter()
    handled = await _done(bot, place, folder, posted, handled_before, posted_at + PATIENCE)
    ended = time.perf_counter()
    over.set()
    quiet = await beside
    await _deleted(place, quiet)
    peak = memory.stop()
    await asyncio.sleep(1.5)  # the state is written every second
    end, files_end = _state(folder), open_files(bot.process.pid)
    await asyncio.sleep(COOL_DOWN)
    rested = await place.quietly(QUIET_PAUSE, count=load.rest // 2)
    await _deleted(place, rested)
    resting += rested
    probing.cancel()
    await asyncio.gather(probing, return_exceptions=True)
    bot.stop()
    lags, own_lags = (read_lag(folder / name, began, ended) for name in (LAG, OWN_LAG))
    deletes = set(place.discordd.journal.deletes)
    seconds, rest, under = (place.seconds(ids) for ids in (posted.blocked, resting, quiet))
    reviews = {review.id for review in place.reviews}
    cards = [
        one
        for one in place.discordd.journal.of(CREATE_MESSAGE)
        if one.status == OK and int(one.params["channel_id"]) in reviews
    ]
    judged = [(at, float(size)) for at, size in memory.series if at >= began + SOAK_WARM_UP * (ended - began)]
    return Result(
        pictures=load.pictures,
        blocked=len(posted.blocked),
        lost=load.pictures - handled,
        not_deleted=len(set(posted.blocked) - deletes),
        wrongly_deleted=len(set(posted.harmless) & deletes),
        p50_ms=1000 * percentile(seconds, 0.5),
        p99_ms=1000 * percentile(seconds, 0.99),
        quiet_rest_posts=len(resting),
        quiet_rest_p50_ms=1000 * percentile(rest, 0.5),
        quiet_rest_p99_ms=1000 * percentile(rest, 0.99),
        quiet_posts=len(quiet),
        quiet_not_deleted=len(set(quiet) - deletes),
        quiet_p50_ms=1000 * percentile(under, 0.5),
        quiet_p99_ms=1000 * percentile(under, 0.99),
        quiet_p99_ratio=percentile(under, 0.99) / percentile(rest, 0.99),
        posting_s=posted_at - began,
        done_s=ended - began,
        throughput=handled / (ended - began),
        spilled=end["spilled"] - begin["spilled"],
        not_fetched=end["not_fetched"] - begin["not_fetched"],
        not_decoded=end["not_decoded"] - begin["not_decoded"],
        cards=len(cards),
        clusters=2 * len(place.blocked),
        peak_rss_mb=peak.own / 2**20,
        peak_pss_mb=peak.pss / 2**20,
        processes=peak.processes,
        loop_lag_p50_ms=1000 * percentile(lags, 0.5),
        loop_lag_p99_ms=1000 * percentile(lags, 0.99),
        loop_lag_max_ms=1000 * max(lags, default=float("nan")),
        discord_lag_max_ms=1000 * max(own_lags, default=float("nan")),
        memory_slope_mb_h=slope(judged) * 3600 / 2**20,
        files_begin=files,
        files_end=files_end,
        tasks_begin=begin["tasks"],
        tasks_end=end["tasks"],
    )


@contextmanager
def uncollected() -> Generator[None]:
    """Without garbage collection: what this process keeps of thousands of requests takes tenths of a second to walk.

    For as long the loopback Discord would stand still, and the bot would seem to be late.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _state(folder: Path) -> dict[str, int]:
    state: dict[str, float] = json.loads((folder / STATE).read_text())
    return {name: int(value) for name, value in state.items()}


def _handled(bot: Bot, place: Place, folder: Path) -> int:
    """Pictures of the flooded server that are accounted for; of the common way, all that it judged."""
    if bot.kind == "common":
        path = folder / HANDLED
        return int((path.read_text() if path.exists() else "") or 0)
    return len(recorded(folder, place.loud.id))


async def _done(bot: Bot, place: Place, folder: Path, posted: Posted, before: int, deadline: float) -> int:
    """How many pictures are accounted for as soon as all are, or nothing happens any more."""
    blocked, deletes = set(posted.blocked), place.discordd.journal.deletes
    last: tuple[int, int] | None = None
    since = time.perf_counter()
    while True:
        if bot.kind == "common":
            handled = min(_handled(bot, place, folder) - before, len(posted.ids))
        else:
            handled = len(await asyncio.to_thread(recorded, folder, place.loud.id) & posted.ids)
        gone = len(blocked & deletes.keys())
        if handled == len(posted.ids) and gone == len(blocked):
            return handled
        now = time.perf_counter()
        if (handled, gone) != last:
            last, since = (handled, gone), now
        if now > deadline or now - since > STUCK:
            return handled
        await asyncio.sleep(0.25)


STUCK = 45.0
"""Seconds without any progress after which a bot counts as done with what it did."""


async def _deleted(place: Place, ids: list[int]) -> None:
    """Wait until the messages are deleted, or a while."""
    deletes, deadline = place.discordd.journal.deletes, time.monotonic() + STUCK
    while not all(one in deletes for one in ids) and time.monotonic() < deadline:  # noqa: ASYNC110 - two things
        await asyncio.sleep(0.05)


def table(results: dict[str, Result], title: str) -> Table:
    """The results side by side."""
    shown = Table("", *results, "", title=title)
    for label, name, unit in ROWS:
        values = [getattr(result, name) for result in results.values()]
        shown.add_row(label, *(f"{one:.1f}" if isinstance(one, float) else str(one) for one in values), unit)
    return shown


def verdicts(result: Result) -> dict[str, bool]:
    """Which aims are held, by the figure that they are about."""
    return {name: holds(result) for name, (_, holds) in AIMS.items()}


def main(
    *,
    pictures: Annotated[int, typer.Option(help="Pictures of the flood.")] = 5000,
    accounts: Annotated[int, typer.Option(help="Accounts that post them.")] = 200,
    channels: Annotated[int, typer.Option(help="Channels that they post into.")] = 50,
    seconds: Annotated[float, typer.Option(help="Seconds in which they are posted.")] = 60.0,
    rest: Annotated[int, typer.Option(help="Posts in the quiet server at rest.")] = 200,
    looks: Annotated[int, typer.Option(help="Harmless pictures that the posts are made of.")] = HARMLESS_LOOKS,
    soak: Annotated[float | None, typer.Option(help="Minutes of five pictures a second, instead of a flood.")] = None,
    peer: Annotated[bool, typer.Option("--peer", help="Measure the common way as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one object in the last line.")] = False,
) -> None:
    """Measure, and print a table."""
    console = Console(width=None if os.isatty(1) else 120)
    if soak is not None:
        seconds, pictures = 60 * soak, math.ceil(60 * soak * SOAK_RATE)
    load = Load(pictures, accounts, channels, seconds, rest)
    made = make(BLOCKED_LOOKS, looks)
    results = {kind: asyncio.run(measure(kind, made, load)) for kind in ("stanguard", *(["common"] if peer else []))}
    size = sum(len(look.file) for half in made for look in half) // (len(made[0]) + len(made[1]))
    environment = {
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 1),
        "picture_bytes": size,
        "shares_of_100": SHARES,
    }
    shares = ", ".join(f"{share} {kind}" for kind, share in SHARES.items())
    console.print(
        f"{environment['processors']} processors that the loopback Discord shares, load "
        f"{environment['load_average']}, Python {environment['python']}; {accounts} accounts, {channels} channels, "
        f"{BLOCKED_LOOKS} blocked and {looks} "
        f"harmless pictures of {size // 1000} kB; of 100 posts: {shares}."
    )
    console.print(table(results, "A steady load" if soak is not None else "A flood"))
    held = verdicts(results["stanguard"])
    for name, (aim, _) in AIMS.items():
        console.print(f"{'held  ' if held[name] else 'MISSED'} {aim}: {getattr(results['stanguard'], name):.4g}")
    if as_json:
        figures: dict[str, Any] = asdict(results["stanguard"]) | {"aims_held": held, "environment": environment}
        if "common" in results:
            figures["common"] = asdict(results["common"])
        print(json.dumps(figures))


if __name__ == "__main__":
    typer.run(main)
