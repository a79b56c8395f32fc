"""``stanguard db``: the database of one installation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import complain, count, printable, say
from .setup import ConfigOption, finish, prepare

if TYPE_CHECKING:
    from bot.model import AuditHead
    from bot.settings import Settings

app = typer.Typer(help="Update, check, back up and restore the database.", no_args_is_help=True)


@app.command("upgrade")
def upgrade(*, config: ConfigOption = None) -> None:
    """Bring the tables up to date; the bot does so itself when it starts."""
    finish(_upgrade(prepare(config)))


async def _upgrade(settings: Settings) -> int:
    from bot.store import admin
    from bot.vault import Vault

    await admin.upgrade(settings.store.url, Vault.open_or_create(settings))
    say("The database is up to date.")
    return 0


@app.command("check")
def check(
    *,
    anchor: Annotated[
        list[str] | None,
        typer.Option(
            "--anchor",
            metavar="HEAD",
            help="A head of the audit log as it was posted in the log channel, to compare with; may be repeated.",
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Check the version and the integrity of the database, and prove its audit log row by row."""
    finish(_check(prepare(config), [_head(text) for text in anchor or ()]))


def _head(text: str) -> AuditHead:
    from bot.store.chain import ANCHOR_FORM, read_anchor

    try:
        return read_anchor(text)
    except ValueError:
        raise typer.BadParameter(
            f"a head of the audit log is written {ANCHOR_FORM}; copy it whole from the log channel"
        ) from None


async def _check(settings: Settings, anchors: list[AuditHead]) -> int:
    from bot.store import admin
    from bot.vault import Vault

    problems = await admin.check(settings.store.url, Vault.find(settings), anchors=anchors)
    for problem in problems:
        complain(problem)
    if problems:
        return 2
    say("The database is sound and up to date.")
    return 0


@app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the backup.")],
    *,
    config: ConfigOption = None,
) -> None:
    """Back the database up to a file. The bot may go on running."""
    finish(_backup(prepare(config), file))


async def _backup(settings: Settings, file: Path) -> int:
    from bot.store import admin

    await admin.backup(settings.store.url, file)
    say(
        f"The backup is in {printable(str(file))}; keep it as safe as the database itself. The vault's key is not in "
        "it: keep a copy of that, too, but in another place."
    )
    return 0


@app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that stanguard db backup wrote.")],
    *,
    config: ConfigOption = None,
) -> None:
    """Make the database out of a backup. Stop the bot, and move the old database away, first."""
    finish(_restore(prepare(config), file))


async def _restore(settings: Settings, file: Path) -> int:
    from bot.store import admin

    await admin.restore(settings.store.url, file)
    say(f"The database was made out of {printable(str(file))}; start the bot again.")
    return 0


@app.command("reseal")
def reseal(*, config: ConfigOption = None) -> None:
    """Seal everything with the vault's first key, after which the other keys can be thrown away. The bot may run."""
    finish(_reseal(prepare(config)))


async def _reseal(settings: Settings) -> int:
    from bot.store.engine import Store
    from bot.store.reseal import reseal
    from bot.vault import Vault

    vault = Vault.open_or_create(settings)
    store = await Store.open(settings.store.url, vault)
    try:
        resealed = await reseal(store, vault)
    finally:
        await store.close()
    say(
        f"{count(resealed, 'value')} sealed anew: the first key opens everything now. Older backups need the older key."
    )
    return 0


@app.command("forget-features")
def forget_features(*, config: ConfigOption = None) -> None:
    """Drop local features and what no key opens, for good: the way out when the key is lost. Stop the bot first."""
    finish(_forget_features(prepare(config)))


async def _forget_features(settings: Settings) -> int:
    from bot.store import admin
    from bot.store.single import only_bot
    from bot.vault import Vault

    with only_bot(settings.store.url):
        dropped = await admin.forget_features(settings.store.url, Vault.find(settings))
    say(
        f"The local features of {count(dropped, 'entry', 'entries')} are gone. Pictures go on matching by their "
        "hashes; parts of pictures match again only for what is listed from now on. Who reported, and what members "
        "wrote, is gone where the key does not open it."
    )
    return 0
