"""``stanguard scan``: match files and folders against the blocklist."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from bot.model import BankKind, GuildSettings, Mode, Plan, Scan, Unscannable, Verdict

from .entries import PathsArgument, installation_banks
from .files import Walk, read, side_by_side, walk
from .output import complain, count, printable, progress, say, show
from .setup import ConfigOption, finish, opened, prepare

if TYPE_CHECKING:
    from bot.app import App
    from bot.scanner import Scanner
    from bot.settings import Settings

NO_GUILD = 0
"""No Discord server has this id: what is scanned sees the installation's banks alone."""


@dataclass(frozen=True, slots=True)
class Row:
    """The outcome for one file, as ``--json`` prints it. ``distance`` is bits of 256, ``ms`` what the file took."""

    path: str
    verdict: Verdict
    entry: int | None
    category: str | None
    stage: str | None
    distance: int | None
    reason: str
    ms: float


@dataclass(frozen=True, slots=True)
class Result:
    """One file and what became of it; ``ms`` are milliseconds."""

    path: str
    scan: Scan
    ms: float

    def row(self) -> Row:
        """The result in the words of ``--json``."""
        match = self.scan.plan.match
        reasons = self.scan.plan.reasons
        if not reasons and self.scan.unscannable is not None:
            reasons = (self.scan.unscannable.sentence,)
        return Row(
            path=self.path,
            verdict=self.scan.plan.verdict,
            entry=None if match is None else match.entry_id,
            category=None if match is None else match.category,
            stage=None if match is None else match.stage,
            distance=None if match is None else match.distance,
            reason=" ".join(reasons),
            ms=round(self.ms, 1),
        )


def scan(
    paths: PathsArgument,
    *,
    bank: Annotated[
        str | None, typer.Option("--bank", metavar="B", help="Match against this one of the installation's lists.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    config: ConfigOption = None,
) -> None:
    """Match files and folders against the blocklist.

    Folders are walked in order, with hidden files and without following links.

    Exits with 0 when nothing was found, 1 when something matched, 2 after an error.
    """
    settings = prepare(config)
    finish(_scan(settings, walk(paths), bank, as_json=as_json))


async def _scan(settings: Settings, found: Walk, bank: str | None, *, as_json: bool) -> int:
    started = time.perf_counter()
    for problem in found.problems:
        complain(problem)
    rows: list[Row] = []
    counted: Counter[Verdict] = Counter()
    unreadable = 0
    async with opened(settings, decoding=bool(found.files)) as app:
        scanner, listed = await _scanner(app, bank)
        if found.files and not listed:
            complain("The blocklist is empty, so nothing can match; add pictures with stanguard blocklist add.")
        work = _worker(settings, scanner)
        results = side_by_side(found.files, work, at_once=settings.media.workers + 1)
        async with contextlib.aclosing(results):
            with progress("Scanning", len(found.files), shown=not as_json) as advance:
                async for result in results:
                    row = result.row()
                    counted[row.verdict] += 1
                    unreadable += result.scan.unscannable is Unscannable.UNREADABLE
                    if as_json:
                        say(json.dumps(asdict(row)))
                    elif row.verdict is not Verdict.CLEAR:
                        rows.append(row)
                    advance()
    if found.files and not as_json:
        _report(rows, counted, found.left_out, time.perf_counter() - started)
    nothing = bool(found.folders and found.files) and counted[Verdict.UNSCANNABLE] == counted.total()
    if nothing:
        complain("None of these files is a picture that can be compared; name a folder of pictures.")
    if unreadable:
        complain(f"{count(unreadable, 'file')} could not be read; check the permissions.")
    if found.problems or nothing or unreadable:
        return 2
    return 1 if counted[Verdict.REMOVE] or counted[Verdict.REVIEW] else 0


async def _scanner(app: App, bank_name: str | None) -> tuple[Scanner, int]:
    """A scanner on the installation's banks, or on one of them and what is known good; and how many entries block."""
    from bot.app import judging_of
    from bot.matching.matcher import Matcher
    from bot.matching.packing import Signature
    from bot.scanner import Scanner

    async with app.store.read() as tx:
        blocking = await installation_banks(tx, BankKind.BLOCK, bank_name)
        used = [*blocking, *await installation_banks(tx, BankKind.KNOWN_GOOD)]
        entries = await tx.banks.entries([bank.id for bank in used])
        listed = await tx.banks.count([bank.id for bank in blocking])
    limits = app.settings.matching
    judging = judging_of(limits)
    matcher = Matcher(judging.thresholds, Signature.derived(app.store.secret) if limits.local_features else None)
    matcher.load(used, entries)
    return Scanner(app.fetcher, app.decoders, matcher, judging, max_bytes=app.settings.media.max_bytes), listed


def _worker(settings: Settings, scanner: Scanner) -> Callable[[str], Awaitable[Result]]:
    """What is done with one file, by its path."""
    from bot.media.errors import MediaError

    guild = GuildSettings(NO_GUILD, mode=Mode.REMOVE, strictness=settings.matching.strictness)

    async def work(path: str) -> Result:
        started = time.perf_counter()
        try:
            data = await asyncio.to_thread(read, path, settings.media.max_bytes)
        except MediaError as error:
            scan = Scan(Plan(Verdict.UNSCANNABLE, reasons=(error.reason.sentence,)), unscannable=error.reason)
        else:
            scan = await scanner.scan_bytes(data, guild)
        return Result(path, scan, (time.perf_counter() - started) * 1000)

    return work


def _report(rows: Sequence[Row], counted: Counter[Verdict], left: int, seconds: float) -> None:
    from rich.table import Table
    from rich.text import Text

    if rows:
        table = Table("File", "Verdict", "Entry", "Why", show_edge=False)
        for row in rows:
            table.add_row(
                Text(printable(row.path), overflow="fold"),
                row.verdict,
                "" if row.entry is None else f"E-{row.entry} {row.category}",
                Text(row.reason),
            )
        show(table)
    parts = ", ".join(f"{counted[verdict]} {verdict}" for verdict in (Verdict.REMOVE, Verdict.REVIEW, Verdict.CLEAR))
    left_out = f"; {count(left, 'link or special file')} left out" if left else ""
    unscannable = f"{counted[Verdict.UNSCANNABLE]} unscannable"
    say(f"{count(counted.total(), 'file')}: {parts}, {unscannable}{left_out} ({seconds:.1f} s)")
