"""What ``blocklist`` and ``known-good`` have in common: adding pictures to a bank, listing and revoking entries."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.errors import NotFoundError, RefusedError
from bot.model import Bank, BankKind, Category, Entry, Fingerprint

from .files import Walk, read, side_by_side
from .output import complain, count, printable, progress, say, show
from .setup import opened

if TYPE_CHECKING:
    from bot.app import App
    from bot.media.errors import MediaError
    from bot.settings import Settings
    from bot.store.engine import Tx

SHOWN = 50
"""Entries of a list that are shown when no number is given."""

COMMAND = {BankKind.BLOCK: "blocklist", BankKind.KNOWN_GOOD: "known-good"}
ADDED, THERE, REFUSED = "added", "there already", "refused"


def _entry_id(text: str) -> int:
    match = re.fullmatch(r"(?:[Ee]-?)?([1-9][0-9]{0,17})", text)
    if match is None:
        raise typer.BadParameter("an entry has a number, such as 12 or E-12")
    return int(match[1])


EntryArgument = Annotated[
    int, typer.Argument(metavar="ID", parser=_entry_id, help="The number of the entry: 12 or E-12.")
]
PathsArgument = Annotated[list[Path], typer.Argument(metavar="PATH", help="Pictures, or folders of pictures.")]
NoteOption = Annotated[
    str, typer.Option("--note", metavar="T", help="A note for moderators. Please no names of the people shown.")
]
LimitOption = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, help="How many entries to show, newest first.")
]


@dataclass(frozen=True, slots=True)
class New:
    """What is to be listed: the pictures' bank, category and note."""

    kind: BankKind
    bank: str | None
    category: Category
    note: str


# ------------------------------------------------------------------------------------------------- banks


async def installation_banks(tx: Tx, kind: BankKind, name: str | None = None) -> list[Bank]:
    """The installation's banks of a kind, or the one of this name; NotFoundError names those that exist."""
    ours = [bank for bank in await tx.banks.all() if bank.kind is kind and bank.guild_id is None]
    chosen = [bank for bank in ours if name in {None, bank.name}]
    if name is not None and not chosen:
        names = ", ".join(bank.name for bank in ours) or "none yet"
        raise NotFoundError(f"There is no list {printable(name)} in the {COMMAND[kind]}; the lists are: {names}.")
    return chosen


def checked_name(name: str | None) -> str | None:
    """The name that a person chose for a list; RefusedError when a list cannot be called that."""
    from bot.banks.formats.jsonl import is_name

    if name is not None and not is_name(name):
        raise RefusedError(
            f"A list cannot be called {printable(name)!r}; use 1 to 64 letters, digits, spaces and . _ -, with a "
            "letter or digit first."
        )
    return name


# ------------------------------------------------------------------------------------------------- adding


async def add(settings: Settings, found: Walk, new: New) -> int:
    """List pictures, each by its fingerprint, and print what became of each; the exit status."""
    from bot.media.errors import MediaError

    for problem in found.problems:
        complain(problem)
    name = checked_name(new.bank)
    rows: list[tuple[str, str, str, str]] = []
    async with opened(settings, decoding=bool(found.files)) as app:
        if not found.files:
            return 2

        async def fingerprint(path: str) -> tuple[str, Fingerprint | MediaError]:
            try:
                data = await asyncio.to_thread(read, path, settings.media.max_bytes)
                return path, await app.scanner.reference_of(data)
            except MediaError as error:
                return path, error

        bank = await app.banks.own(None, new.kind, name)
        results = side_by_side(found.files, fingerprint, at_once=settings.media.workers + 1)
        async with contextlib.aclosing(results):
            with progress("Adding", len(found.files)) as advance:
                async for path, result in results:
                    rows.append((path, *await _add(app, bank, result, new)))
                    advance()
    refused = _report_added(rows, bank)
    return 2 if found.problems or refused else 0


async def _add(app: App, bank: Bank, result: Fingerprint | MediaError, new: New) -> tuple[str, str, str]:
    """Outcome, entry and remark for one picture."""
    if isinstance(result, Exception):
        return REFUSED, "", str(result)
    try:
        added = await app.banks.add(bank, result, new.category, note=new.note, source="cli")
    except RefusedError as error:
        return REFUSED, "", str(error)
    outcome = THERE if added.existing else ADDED
    return outcome, f"E-{added.entry.id}", " ".join(added.warnings)


def _report_added(rows: list[tuple[str, str, str, str]], bank: Bank) -> int:
    """Print what became of each file; returns how many were refused."""
    from rich.table import Table
    from rich.text import Text

    table = Table("File", "Result", "Entry", "Remark", show_edge=False)
    for path, outcome, entry, remark in rows:
        table.add_row(Text(printable(path), overflow="fold"), outcome, entry, Text(remark))
    show(table)
    counted = Counter(outcome for _, outcome, _, _ in rows)
    refused = counted[REFUSED]
    say(f"{COMMAND[bank.kind]} {bank.name}: {counted[ADDED]} added, {counted[THERE]} {THERE}, {refused} {REFUSED}")
    if refused:
        complain(f"{count(refused, 'file was', 'files were')} not listed; the remarks say why.")
    return refused


# ------------------------------------------------------------------------------------------------- looking


async def list_entries(settings: Settings, kind: BankKind, bank: str | None, limit: int) -> int:
    """Print the active entries of all banks of a kind, or of one of the installation's; the exit status."""
    from rich.table import Table
    from rich.text import Text

    async with opened(settings) as app, app.store.read() as tx:
        banks = await tx.banks.all() if bank is None else await installation_banks(tx, kind, bank)
        by_id = {item.id: item for item in banks if item.kind is kind}
        entries = await tx.banks.entries(by_id.keys(), limit=limit)
        total = await tx.banks.count(by_id.keys())
    if entries:
        blocking = kind is BankKind.BLOCK  # known-good entries have no category that would say anything
        category = ["Category"] if blocking else []
        table = Table("Entry", "List", *category, "Added (UTC)", "Source", "Note", show_edge=False)
        for entry in entries:
            table.add_row(
                f"E-{entry.id}",
                Text(bank_title(by_id[entry.bank_id])),
                *([entry.category] if blocking else []),
                f"{entry.added_at:%Y-%m-%d %H:%M}",
                Text(printable(entry.source)),
                Text(printable(entry.note)),
            )
        show(table)
    hidden = f", {len(entries)} shown (more with --limit)" if len(entries) < total else ""
    say(f"{count(total, 'entry', 'entries')}{hidden}")
    return 0


def bank_title(bank: Bank) -> str:
    """A bank's name, with the server that it belongs to."""
    return printable(bank.name) if bank.guild_id is None else f"{printable(bank.name)} of server {bank.guild_id}"


async def show_entry(settings: Settings, entry_id: int) -> int:
    """Print everything that is known of an entry, on whatever list it stands; the exit status."""
    async with opened(settings) as app:
        entry, bank = await app.banks.show(entry_id, guild_id=None)
    for name, value in _facts(entry, bank):
        say(f"{name:<10} {value}")
    return 0


def _facts(entry: Entry, bank: Bank) -> list[tuple[str, str]]:
    fingerprint = entry.fingerprint
    state = "active"
    if entry.revoked_at is not None:
        state = f"revoked {entry.revoked_at:%Y-%m-%d %H:%M} UTC by {_person(entry.revoked_by)}"
    blocking = bank.kind is BankKind.BLOCK
    effect = f"may lead to: {bank.level}" if blocking else COMMAND[bank.kind]
    return [
        ("Entry", f"E-{entry.id}"),
        ("State", state),
        ("List", f"{bank_title(bank)} ({effect})"),
        *([("Category", entry.category)] if blocking else []),
        (
            "Added",
            f"{entry.added_at:%Y-%m-%d %H:%M} UTC by {_person(entry.added_by)}, source {printable(entry.source)}",
        ),
        ("Picture", _picture(fingerprint)),
        ("SHA-256", fingerprint.sha256.hex() or "not known"),
        *([("MD5", fingerprint.md5.hex())] if fingerprint.md5 else []),
        ("Case", "none" if entry.case_id is None else str(entry.case_id)),
        ("Note", printable(entry.note) or "none"),
    ]


def _picture(fingerprint: Fingerprint) -> str:
    """What is kept of a picture, in words."""
    if fingerprint.plain:
        return "known by its exact file alone"
    kept: list[str] = []
    if fingerprint.width:
        kept += [f"{fingerprint.width} x {fingerprint.height}", count(fingerprint.frames, "frame")]
        kept.append(f"quality {fingerprint.quality} of 100")
    if fingerprint.views:
        kept.append(count(len(fingerprint.views), "view"))
    if fingerprint.pdq:
        kept.append(count(len(fingerprint.pdq), "PDQ hash", "PDQ hashes"))
    if not fingerprint.width:
        kept.append("known by its hash alone")
    elif fingerprint.has_features:
        kept.append("with local features")
    return ", ".join(kept)


def _person(user_id: int | None) -> str:
    return "the operator" if user_id is None else f"user {user_id}"


async def revoke_entry(settings: Settings, kind: BankKind, entry_id: int) -> int:
    """Take an entry out of matching; the exit status."""
    async with opened(settings) as app:
        entry, bank = await _entry(app, kind, entry_id)
        if entry.revoked_at is not None:
            say(f"E-{entry.id} was revoked already, on {entry.revoked_at:%Y-%m-%d %H:%M} UTC.")
            return 0
        await app.banks.revoke(entry.id, guild_id=bank.guild_id, by=None)
    say(f"E-{entry.id} is revoked: {_REVOKED[kind]}")
    return 0


_REVOKED = {
    BankKind.BLOCK: "it matches nothing any more. Messages that it removed stay removed.",
    BankKind.KNOWN_GOOD: "it protects nothing any more.",
}


async def _entry(app: App, kind: BankKind, entry_id: int) -> tuple[Entry, Bank]:
    entry, bank = await app.banks.show(entry_id, guild_id=None)
    if bank.kind is not kind:
        other = COMMAND[bank.kind]
        raise NotFoundError(f"E-{entry_id} is not on this list; use stanguard {other} revoke.")
    return entry, bank
