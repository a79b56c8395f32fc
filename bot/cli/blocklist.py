"""``stanguard blocklist``: the lists of fingerprints that posted pictures are matched against."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.errors import StanguardError
from bot.model import BankKind, BankLevel, Category

from . import entries
from .entries import SHOWN, EntryArgument, LimitOption, New, NoteOption, PathsArgument, checked_name
from .files import walk
from .output import complain, count, printable, say
from .setup import ConfigOption, finish, opened, prepare

if TYPE_CHECKING:
    from bot.settings import Settings

app = typer.Typer(help="The fingerprints of known abuse that pictures are matched against.", no_args_is_help=True)

CategoryOption = Annotated[Category, typer.Option("--category", help="What the pictures are.")]
BankOption = Annotated[
    str | None,
    typer.Option("--bank", metavar="B", help="One of the installation's lists.", show_default="the list default"),
]
EveryBankOption = Annotated[
    str | None,
    typer.Option("--bank", metavar="B", help="One of the installation's lists.", show_default="every list"),
]


@app.command("add")
def add(
    paths: PathsArgument,
    *,
    category: CategoryOption,
    bank: BankOption = None,
    note: NoteOption = "",
    config: ConfigOption = None,
) -> None:
    """Block pictures. Only their fingerprints are kept; copies that were posted already are hunted by the bot."""
    settings = prepare(config)
    finish(entries.add(settings, walk(paths), New(BankKind.BLOCK, bank, category, note)))


@app.command("list")
def list_(*, bank: EveryBankOption = None, limit: LimitOption = SHOWN, config: ConfigOption = None) -> None:
    """Show the active entries, newest first."""
    finish(entries.list_entries(prepare(config), BankKind.BLOCK, bank, limit))


@app.command("show")
def show(entry_id: EntryArgument, *, config: ConfigOption = None) -> None:
    """Show everything that is known of an entry, known-good ones included."""
    finish(entries.show_entry(prepare(config), entry_id))


@app.command("revoke")
def revoke(entry_id: EntryArgument, *, config: ConfigOption = None) -> None:
    """Take an entry out of matching, at once and in every process."""
    finish(entries.revoke_entry(prepare(config), BankKind.BLOCK, entry_id))


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A list in the format of stanguard blocklist export.")],
    *,
    bank: Annotated[
        str | None, typer.Option("--bank", metavar="B", help="The list to add to.", show_default="the file's own name")
    ] = None,
    level: Annotated[
        BankLevel | None,
        typer.Option(
            "--level",
            help="The most that a match with this list may lead to. Foreign lists should only flag: review.",
            show_default="review for a new list",
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Import a list of fingerprints from elsewhere. Its entries may flag, not remove, unless you say so."""
    finish(_import(prepare(config), file, bank, level))


async def _import(settings: Settings, file: Path, bank: str | None, level: BankLevel | None) -> int:
    from bot.banks.formats import jsonl
    from bot.banks.lists import import_list

    checked_name(bank)
    try:
        with file.open("rb") as stream:
            header, listed = jsonl.read(stream)
    except OSError as error:
        raise StanguardError(f"{file} cannot be read ({error.strerror}); check the path and its permissions.") from None
    async with opened(settings) as app:
        result = await import_list(
            app.store,
            app.banks,
            listed,
            name=bank or header.name,
            level=level,
            source=f"list {header.name}",
            clock=_now,
        )
    if result.colliding:
        complain(
            f"{result.colliding} of them {'lies' if result.colliding == 1 else 'lie'} near known-good entries, which "
            "keep such pictures up; ask the publisher of the list which is right."
        )
    say(
        f"{result.bank.name}: {result.added} added, {result.existing} there already "
        f"(may lead to: {result.bank.level}; list of {header.exported_at:%Y-%m-%d})"
    )
    return 0


@app.command("export")
def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write the list; an existing file is replaced.")
    ],
    *,
    bank: BankOption = None,
    config: ConfigOption = None,
) -> None:
    """Write a list to a file: fingerprints and categories, never a picture, a note or a name of a person."""
    finish(_export(prepare(config), file, bank))


async def _export(settings: Settings, file: Path, name: str | None) -> int:
    from bot.banks.formats.jsonl import Header, lines
    from bot.banks.lists import export_list
    from bot.banks.service import DEFAULT

    async with opened(settings) as app:
        async with app.store.read() as tx:
            banks = await entries.installation_banks(tx, BankKind.BLOCK, name or DEFAULT)
        listed, left_out = await export_list(app.store, banks[0])
    _write(file, lines(Header(banks[0].name, _now()), listed))
    if left_out:
        complain(
            f"{count(left_out, 'picture')} of suspected minors stayed out: report those to Discord and to the "
            "authorities, and do not pass them on."
        )
    say(f"{printable(str(file))}: {count(len(listed), 'entry', 'entries')} of {banks[0].name}")
    return 0


def _write(file: Path, content: Iterable[bytes]) -> None:
    """Write a file that is either whole or not there, readable by its owner alone."""
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as stream:
            try:
                stream.writelines(content)
                stream.flush()
                os.fsync(stream.fileno())
                Path(stream.name).replace(file)
            except BaseException:
                Path(stream.name).unlink()
                raise
    except OSError as error:
        raise StanguardError(f"{file} cannot be written ({error.strerror}); check the folder and its space.") from None


def _now() -> datetime:
    return datetime.now(UTC)
