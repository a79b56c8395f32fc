"""``stanguard blocklist``: the lists of fingerprints that posted pictures are matched against."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from bot.banks.formats.files import ListFormat
from bot.errors import StanguardError
from bot.model import BankKind, BankLevel, Category

from . import entries
from .entries import SHOWN, EntryArgument, LimitOption, New, NoteOption, PathsArgument, checked_name
from .files import walk
from .output import complain, count, printable, progress, say
from .setup import ConfigOption, finish, opened, prepare

if TYPE_CHECKING:
    from bot.banks.formats.files import ListFile
    from bot.banks.formats.listed import Listed
    from bot.banks.lists import Imported
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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A list of stanguard, or of hashes, one a line or CSV.")],
    *,
    form: Annotated[
        ListFormat, typer.Option("--format", help="How the file is written; auto finds out where that is certain.")
    ] = ListFormat.AUTO,
    category: Annotated[
        Category | None,
        typer.Option("--category", help="What the pictures of a list are that does not say so itself."),
    ] = None,
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
    """Import a list of fingerprints from elsewhere. Its entries may flag, not remove, unless you say so.

    Posts from before the import are searched only for lists of stanguard itself.
    """
    finish(_import(prepare(config), _Import(file, form, category, bank, level)))


@dataclass(frozen=True, slots=True)
class _Import:
    """What is to be imported, and how."""

    file: Path
    form: ListFormat
    category: Category | None
    bank: str | None
    level: BankLevel | None


async def _import(settings: Settings, wanted: _Import) -> int:
    from bot.banks.formats.files import open_list
    from bot.banks.lists import import_list

    checked_name(wanted.bank)
    with contextlib.ExitStack() as stack:
        try:
            stream = stack.enter_context(wanted.file.open("rb"))
            found = open_list(stream, wanted.form, wanted.category)
        except OSError as error:
            raise StanguardError(
                f"{wanted.file} cannot be read ({error.strerror}); check the path and its permissions."
            ) from None
        own_name = found.header.name if found.header else wanted.file.stem
        name = wanted.bank or checked_name(own_name) or own_name
        async with opened(settings) as app:
            with progress("Importing", found.entries) as advance:
                result = await import_list(
                    app.store,
                    app.banks,
                    _told(found, advance),
                    name=name,
                    level=wanted.level,
                    source=f"list {own_name}",
                    clock=_now,
                    hunt=found.header is not None,
                )
    _report_imported(result, found)
    return 0


def _told(entries: Iterable[Listed], advance: Callable[[], None]) -> Iterator[Listed]:
    for entry in entries:
        yield entry
        advance()


def _report_imported(result: Imported, found: ListFile) -> None:
    if found.left_out:
        complain(
            f"{count(found.left_out, 'hash', 'hashes')} stayed out: of pictures so plain that they would match others."
        )
    if result.colliding:
        complain(
            f"{result.colliding} of them {'lies' if result.colliding == 1 else 'lie'} near known-good entries, which "
            "keep such pictures up; ask the publisher of the list which is right."
        )
    dated = f"; list of {found.header.exported_at:%Y-%m-%d}" if found.header else ""
    say(
        f"{result.bank.name}: {result.added} added, {result.existing} there already "
        f"(may lead to: {result.bank.level}{dated})"
    )


@app.command("export")
def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write the list; an existing file is replaced.")
    ],
    *,
    bank: BankOption = None,
    pdq_bundle: Annotated[
        bool,
        typer.Option(
            "--pdq-bundle",
            help="Write up to eight PDQ hashes an entry, of crops and turns too, where entries have them: whoever "
            "reads the list finds more edited copies, and learns a little more of the pictures.",
        ),
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Write a list to a file: fingerprints and categories, never a picture, a note or a name of a person."""
    finish(_export(prepare(config), file, bank, bundle=pdq_bundle))


async def _export(settings: Settings, file: Path, name: str | None, *, bundle: bool) -> int:
    from bot.banks.formats.jsonl import line, lines
    from bot.banks.formats.listed import Header
    from bot.banks.lists import Export
    from bot.banks.service import DEFAULT

    async with opened(settings) as app:
        async with app.store.read() as tx:
            banks = await entries.installation_banks(tx, BankKind.BLOCK, name or DEFAULT)
        export = Export(app.store, banks[0], bundle=bundle)
        with _written(file) as stream:
            stream.writelines(lines(Header(banks[0].name, _now()), ()))
            async for entry in export:
                stream.write(line(entry))
    if export.left_out:
        complain(
            f"{count(export.left_out, 'picture')} of suspected minors stayed out: report those to Discord and to the "
            "authorities, and do not pass them on."
        )
    say(f"{printable(str(file))}: {count(export.exported, 'entry', 'entries')} of {banks[0].name}")
    return 0


@contextlib.contextmanager
def _written(file: Path) -> Generator[IO[bytes]]:
    """A file that is either whole in the end or not there, readable by its owner alone."""
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as stream:
            try:
                yield stream
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
