"""``stanguard evidence``: a case as a signed pack without any picture, and the proof that a pack is whole."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from bot.errors import StanguardError

from .output import complain, count, printable, say
from .setup import ConfigOption, finish, opened, prepare

if TYPE_CHECKING:
    from bot.cases.packs import Proven
    from bot.settings import Settings

MAKE = "pack"


class _CaseGroup(TyperGroup):
    """Takes a bare case number for the command that makes a pack of it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - a class that typer keeps to itself
        """Put the command's name before what is no command."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [MAKE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_CaseGroup,
    help="A case as an evidence pack, without any picture: stanguard evidence CASE -o FILE. Nothing is sent anywhere.",
    no_args_is_help=True,
    subcommand_metavar="CASE -o FILE | verify FILE",
)


def _case_id(text: str) -> int:
    match = re.fullmatch(r"#?([1-9][0-9]{0,17})", text, re.ASCII)
    if match is None:
        raise typer.BadParameter("a case has a number, such as 12")
    return int(match[1])


@app.command(MAKE, hidden=True)
def pack(
    case_id: Annotated[int, typer.Argument(metavar="CASE", parser=_case_id, help="The number of the case.")],
    *,
    file: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where to write the signed JSON; a text of the same name is written beside it.",
        ),
    ],
    tag: Annotated[
        str | None,
        typer.Option(
            "--tag",
            metavar="TAG",
            help="Whom the pack is meant for: a tag of the setting evidence.contacts.",
            show_default="nobody",
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write the evidence pack of a case: ids, times, digests, decisions, signed. It holds no picture."""
    finish(_pack(prepare(config), case_id, file, tag))


async def _pack(settings: Settings, case_id: int, file: Path, tag: str | None) -> int:
    text = file.with_suffix(".txt")
    if text == file:
        raise StanguardError(f"{file} is the place of the text beside the pack; name a file that ends in .json.")
    for path in (file, text):
        if path.exists():
            raise StanguardError(f"{path} exists already; name another file, or move that one away.")
    async with opened(settings) as app:
        made = await app.evidence.pack(case_id, tag=tag)
    with contextlib.ExitStack() as undo:
        for path, content in ((file, made.json), (text, made.text.encode())):
            _write(path, content)
            undo.callback(path.unlink, missing_ok=True)
        undo.pop_all()
    say(f"{printable(str(file))}: case {case_id}, signed, {len(made.json)} bytes")
    say(f"{printable(str(text))}: the same to read; read it before you hand anything on")
    say(f"Signing key: {made.key}")
    return 0


def _write(path: Path, content: bytes) -> None:
    """Write a new file, readable by its owner alone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
        except BaseException:
            path.unlink()
            raise
    except OSError as error:
        raise StanguardError(
            f"{path} cannot be written ({error.strerror or type(error).__name__}); check the folder and its space."
        ) from None


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An evidence pack: the JSON file.")],
    *,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="FINGERPRINT",
            help="The fingerprint of the signing key, as whoever made the pack told you over another way.",
            show_default="the key of this installation",
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Prove that a pack was not changed, and say by whose key it was signed. Needs no database."""
    finish(_verify(prepare(config), file, key))


async def _verify(settings: Settings, file: Path, key: str | None) -> int:
    from bot.cases import packs

    data = _read(file, packs.MOST_BYTES)
    try:
        proven = packs.prove(data)
    except packs.EvidenceError as error:
        complain(f"{file}: {error}")
        return 2
    say(f"{printable(str(file))}: case {proven.case_id}, made {packs.stamp(proven.created_at)}")
    say("Signature: intact")
    say(f"Audit log: {_log(proven)}")
    say(f"Signing key: {proven.key}")
    if key is not None:
        return _told(packs.same_key(key, proven.key), f"It is the key {printable(key)} that you named.")
    own, why = await _own_key(settings)
    if own is None:
        complain(
            f"Whose key it is cannot be told here ({why}); ask whoever made the pack for the fingerprint, over another "
            "way, and compare it with --key."
        )
        return 0
    return _told(packs.same_key(own, proven.key), "It is the key of this installation.")


def _told(same: bool, sentence: str) -> int:
    if same:
        say(sentence)
        return 0
    complain("It was signed with another key: anybody could have made it; ask who did for the fingerprint of theirs.")
    return 2


def _log(proven: Proven) -> str:
    if not proven.rows:
        return "the pack holds no row of it"
    rows = f"{count(proven.rows, 'row')} intact"
    if not proven.linked or proven.head is None:
        return f"{rows}; the rows between them are too many to be in the pack"
    return f"{rows}, each tied to the next up to the head {proven.head.anchor}"


async def _own_key(settings: Settings) -> tuple[str | None, str]:
    """The fingerprint of this installation's signing key; or None, and why it is not known."""
    from bot.cases.packs import fingerprint, public_key
    from bot.errors import DatabaseError
    from bot.store import admin
    from bot.vault import Vault, VaultError

    try:
        vault = Vault.find(settings)
        seed = None if vault is None else await admin.signing_seed(settings.store.url, vault)
    except (DatabaseError, VaultError) as error:
        return None, str(error).rstrip(".")
    if seed is None:
        return None, "no pack was ever signed here" if vault else "there is no key of a vault here"
    return fingerprint(public_key(seed)), ""


def _read(file: Path, limit: int) -> bytes:
    """The bytes of a file, up to one more than ``limit``."""
    try:
        with file.open("rb") as stream:
            return stream.read(limit + 1)
    except OSError as error:
        raise StanguardError(
            f"{file} cannot be read ({error.strerror or type(error).__name__}); check the path and its permissions."
        ) from None
