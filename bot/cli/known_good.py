"""``stanguard known-good``: pictures that are known to be harmless, such as official photos."""

from __future__ import annotations

import typer

from bot.model import BankKind, Category

from . import entries
from .entries import SHOWN, EntryArgument, LimitOption, New, NoteOption, PathsArgument
from .files import walk
from .setup import ConfigOption, finish, prepare

app = typer.Typer(
    help="Pictures known to be harmless: what lies nearer to them than to a blocked entry stays up.",
    no_args_is_help=True,
)


@app.command("add")
def add(paths: PathsArgument, *, note: NoteOption = "", config: ConfigOption = None) -> None:
    """List pictures as known to be harmless, for example the official photos that fakes are made from."""
    settings = prepare(config)
    new = New(BankKind.KNOWN_GOOD, bank=None, category=Category.OTHER, note=note)
    finish(entries.add(settings, walk(paths), new))


@app.command("list")
def list_(*, limit: LimitOption = SHOWN, config: ConfigOption = None) -> None:
    """Show the entries, newest first."""
    finish(entries.list_entries(prepare(config), BankKind.KNOWN_GOOD, None, limit))


@app.command("revoke")
def revoke(entry_id: EntryArgument, *, config: ConfigOption = None) -> None:
    """Take an entry off the list."""
    finish(entries.revoke_entry(prepare(config), BankKind.KNOWN_GOOD, entry_id))
