"""What an operator does with a database: upgrade, check, back up, restore, give up what is sealed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.errors import DatabaseError
from bot.model import AuditHead
from bot.vault import Vault, VaultError

from . import postgres_dump, sqlite_copy
from .appeals import STATEMENTS, statement_context
from .audit_check import audit_problems
from .chain import AuditAction
from .codec import unpack
from .dialects import sqlite_path
from .engine import Store, Tx
from .files import require_free
from .installation import new_sealed
from .sealed_reports import renew_digests, sealed_values
from .seals import SECRET_CONTEXT, SIGNING_CONTEXT, case_context, view_context
from .tables import CallState, appeals, bank_changes, cases, entries, entry_views, outbox, sightings

WAITS_TOO_LONG = timedelta(days=1)
_BATCH = 1000


def _now() -> datetime:
    return datetime.now(UTC)


async def upgrade(url: str, vault: Vault | None = None) -> None:
    """Make the database if there is none, and bring its tables up to date.

    Raises DatabaseError, and VaultError when ``vault`` does not open what is sealed in it.
    """
    await (await Store.open(url, vault)).close()


async def backup(url: str, path: Path) -> None:
    """Write one state of the database to a new file, while others go on writing to it.

    SQLite: an SQLite file. PostgreSQL: what ``pg_dump`` calls the custom format. Raises DatabaseError, also when the
    file exists.
    """
    require_free(path)
    source = sqlite_path(url)
    if source is None:
        await postgres_dump.dump(url, path)
    else:
        await sqlite_copy.backup(source, path)


async def restore(url: str, path: Path) -> None:
    """Make the database out of a file that :func:`backup` wrote.

    Raises DatabaseError when the file is none, is of a newer version, or when there is a database already: what it
    holds would be lost.
    """
    _require_file(path)
    target = sqlite_path(url)
    if target is None:
        await postgres_dump.restore(url, path)
    else:
        await sqlite_copy.restore(path, target)


async def forget_features(url: str, vault: Vault | None = None, *, clock: Callable[[], datetime] = _now) -> int:
    """Drop the local features of every entry and case and the secret that scrambled them; how many entries had any.

    For an installation whose key is lost. The next start makes a new secret; pictures go on matching by their hashes.
    The key that signs evidence packs is kept if ``vault`` opens it: packs that were handed out need it to be known.
    The audit log is told, because the pseudonyms in it were made with the secret: from now on they are others.
    What members wrote in appeals and reports, and who reported, goes with them where ``vault`` does not open it; what
    it opens of reports goes over to the new secret.
    """
    store = await Store.open(url)
    try:
        async with store.write() as tx:
            dropped = await tx.banks.drop_features()
            await tx.cases.drop_features()
            await _forget_unopened(tx, vault)
            await renew_digests(tx, vault, await _renew_secret(tx, vault))
            tx.audit.append(None, AuditAction.SECRET_RENEWED, clock(), None, {})
        return dropped
    finally:
        await store.close()


async def _forget_unopened(tx: Tx, vault: Vault | None) -> None:
    async for rows in _batches(tx, STATEMENTS, appeals.c.id):
        lost = [
            row.id for row in rows if not _opens(vault, row.statement, statement_context(row.case_id, row.author_id))
        ]
        await tx.appeals.forget(lost)


async def signing_seed(url: str, vault: Vault) -> bytes | None:
    """The seed of the installation's signing key; None if none was made. Writes nothing.

    Raises DatabaseError when there is no database at HEAD, and VaultError when ``vault`` does not open it.
    """
    store = await Store.open(url, migrate=False)
    try:
        async with store.read() as tx:
            sealed = await tx.installation.sealed_signing_key()
    finally:
        await store.close()
    return None if sealed is None else vault.open(sealed, SIGNING_CONTEXT)


async def _renew_secret(tx: Tx, vault: Vault | None) -> bytes | None:
    """The new secret; None without a vault, when the next process that opens the database makes it."""
    signing_key = await tx.installation.sealed_signing_key()
    if vault is None:
        await tx.installation.forget()
        return None
    secret = new_sealed(vault, SECRET_CONTEXT)
    if signing_key is not None and _opens(vault, signing_key, SIGNING_CONTEXT):
        await tx.installation.replace(secret=secret)
    else:
        await tx.installation.forget()
        await tx.installation.keep(secret)
    return vault.open(secret, SECRET_CONTEXT)


async def check(
    url: str,
    vault: Vault | None = None,
    *,
    anchors: Collection[AuditHead] = (),
    clock: Callable[[], datetime] = _now,
) -> list[str]:
    """What is wrong with a database: sentences that each name a remedy; none when it is sound and up to date.

    Reads every fingerprint of the sightings and cases and the whole audit log, and opens all that is sealed; ``vault``
    None: no key is here. ``anchors`` are heads of the audit log that were written down elsewhere.
    """
    try:
        store = await Store.open(url, migrate=False)
    except DatabaseError as error:
        return [str(error)]
    try:
        async with store.read() as tx:
            problems = await _sqlite_problems(tx) if store.dialect == "sqlite" else []
            if problems:
                return problems
            return [
                *await _row_problems(tx),
                *await _seal_problems(tx, vault),
                *await audit_problems(tx, anchors, await _secret(tx, vault)),
                *await _outbox_problems(tx, clock()),
            ]
    except DatabaseError as error:
        return [str(error)]
    finally:
        await store.close()


async def _secret(tx: Tx, vault: Vault | None) -> bytes | None:
    sealed = await tx.installation.sealed_secret()
    if vault is None or sealed is None or not _opens(vault, sealed, SECRET_CONTEXT):
        return None
    return vault.open(sealed, SECRET_CONTEXT)


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise DatabaseError(f"There is no file {path}; name one that `stanguard db backup` wrote.")


async def _sqlite_problems(tx: Tx) -> list[str]:
    found = (await tx.connection.exec_driver_sql("PRAGMA integrity_check(1)")).scalar()
    if found != "ok":
        return [f"The database is damaged ({found}); restore a backup with `stanguard db restore`."]
    pointing = (await tx.connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
    if pointing:
        named = ", ".join(sorted({row[0] for row in pointing}))
        lost = f"{_rows(len(pointing))} of {named} point to rows that are gone"
        return [f"{lost}; restore a backup with `stanguard db restore`."]
    return []


async def _row_problems(tx: Tx) -> list[str]:
    problems: list[str] = []
    if (await tx.connection.execute(sa.select(bank_changes.c.number))).scalar() is None:
        problems.append("The number of bank changes is gone; restore a backup with `stanguard db restore`.")
    for table in (cases, sightings):
        broken = await _unreadable(tx, table)
        if broken:
            problems.append(
                f"{_rows(broken)} of {table.name} hold a fingerprint that cannot be read; "
                "restore a backup with `stanguard db restore`."
            )
    return problems


async def _unreadable(tx: Tx, table: sa.Table) -> int:
    statement = sa.select(table.c.id, table.c.sha256, table.c.fingerprint).where(table.c.fingerprint.is_not(None))
    broken = 0
    async for rows in _batches(tx, statement, table.c.id):
        for row in rows:
            try:
                unpack(row.fingerprint, row.sha256)
            except ValueError:
                broken += 1
    return broken


async def _seal_problems(tx: Tx, vault: Vault | None) -> list[str]:
    total = broken = 0
    secret, signing_key = await tx.installation.sealed_secret(), await tx.installation.sealed_signing_key()
    for sealed, context in ((secret, SECRET_CONTEXT), (signing_key, SIGNING_CONTEXT)):
        if sealed is not None:
            total += 1
            broken += not _opens(vault, sealed, context)
    views = (
        sa.select(entry_views.c.id, entries.c.sha256, entry_views.c.form, entry_views.c.frame, entry_views.c.features)
        .join(entries, entries.c.id == entry_views.c.entry_id)
        .where(entry_views.c.features.is_not(None))
    )
    async for rows in _batches(tx, views, entry_views.c.id):
        total += len(rows)
        broken += sum(not _opens(vault, row.features, view_context(row.sha256, row.form, row.frame)) for row in rows)
    held = sa.select(cases.c.id, cases.c.sha256, cases.c.features).where(cases.c.features.is_not(None))
    async for rows in _batches(tx, held, cases.c.id):
        total += len(rows)
        broken += sum(not _opens(vault, row.features, case_context(row.sha256)) for row in rows)
    async for rows in _batches(tx, STATEMENTS, appeals.c.id):
        total += len(rows)
        broken += sum(not _opens(vault, row.statement, statement_context(row.case_id, row.author_id)) for row in rows)
    async for sealed, context in sealed_values(tx):
        total += 1
        broken += not _opens(vault, sealed, context)
    if not broken:
        return []
    why = "no key is here" if vault is None else "another key sealed them, or they were changed"
    found = f"{broken} of {total} sealed values cannot be opened ({why})"
    return [f"{found}; put the right key back, or give up all local features with `stanguard db forget-features`."]


def _opens(vault: Vault | None, sealed: bytes, context: bytes) -> bool:
    if vault is None:
        return False
    try:
        vault.open(sealed, context)
    except VaultError:
        return False
    return True


async def _batches(
    tx: Tx, statement: sa.Select[*tuple[Any, ...]], key: sa.Column[Any]
) -> AsyncIterator[Sequence[sa.Row[Any]]]:
    """The rows of a statement, by their key, in lists."""
    last = 0
    while rows := (await tx.connection.execute(statement.where(key > last).order_by(key).limit(_BATCH))).all():
        yield rows
        last = rows[-1].id


async def _outbox_problems(tx: Tx, now: datetime) -> list[str]:
    pending = outbox.c.state == CallState.PENDING
    waiting = sa.select(sa.func.count()).select_from(outbox).where(pending)
    late = (await tx.connection.execute(waiting.where(outbox.c.created_at < now - WAITS_TOO_LONG))).scalar_one()
    known = sa.select(cases.c.id)
    orphans = (
        await tx.connection.execute(waiting.where(outbox.c.case_id.is_not(None), outbox.c.case_id.not_in(known)))
    ).scalar_one()
    problems: list[str] = []
    if late:
        problems.append(
            f"{_calls(late)} waiting for more than a day; check that the bot runs and that its log names no failure."
        )
    if orphans:
        problems.append(f"{_calls(orphans)} waiting for a case that is gone; start the bot, which settles them.")
    return problems


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"


def _calls(number: int) -> str:
    return "1 Discord call is" if number == 1 else f"{number} Discord calls are"
