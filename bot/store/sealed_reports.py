"""What lies sealed in reports, for whoever changes or checks the keys: ids of reporters, and their words.

Both are sealed in the context of the reporter's digest, which is made with the installation's secret: with another
secret the digest is another one, and both have to be sealed anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from bot.vault import Vault, VaultError

from .engine import Store, Tx
from .reporter_ids import ReporterIds, id_context, words_context
from .reports import NO_WORDS
from .seals import Seals
from .tables import reporters, reports

_HAS_ID = reports.c.sealed_id.is_not(None)
_HAS_WORDS = reports.c.words != NO_WORDS
_ROWS: sa.Select[*tuple[Any, ...]] = sa.select(
    reports.c.id, reports.c.case_id, reports.c.guild_id, reports.c.reporter, reports.c.sealed_id, reports.c.words
).order_by(reports.c.id)
_BATCH = 200


async def sealed_values(tx: Tx) -> AsyncIterator[tuple[bytes, bytes]]:
    """Everything that is sealed in reports, each with its context."""
    async for rows in _batches(tx, _ROWS.where(sa.or_(_HAS_ID, _HAS_WORDS))):
        for row in rows:
            for _, sealed, context in _sealed(row):
                yield sealed, context


async def reseal_reports(store: Store, vault: Vault) -> int:
    """Seal anew what an older key sealed; how many values. Raises VaultError for what no key opens."""
    rows = _ROWS.where(sa.or_(_HAS_ID, _HAS_WORDS)).limit(_BATCH)
    last = resealed = 0
    while True:
        async with store.write() as tx:
            # Held, because nothing that was erased meanwhile may be written back.
            found = (await tx.connection.execute(rows.where(reports.c.id > last).with_for_update())).all()
            for row in found:
                anew = {
                    column: vault.seal(vault.open(sealed, context), context)
                    for column, sealed, context in _sealed(row)
                    if not vault.is_current(sealed)
                }
                if anew:
                    await tx.connection.execute(reports.update().where(reports.c.id == row.id).values(**anew))
                    resealed += len(anew)
        if not found:
            return resealed
        last = found[-1].id


async def renew_digests(tx: Tx, vault: Vault | None, secret: bytes | None) -> None:
    """Drop what ``vault`` does not open, and go over to the digests of a new ``secret`` for the members whom it opens.

    The others keep a digest that nothing leads to any more, so that what was kept of them besides, such as a mute,
    goes. ``secret`` None: that is so for all of them.
    """
    opens = _opener(vault)
    ids = None if vault is None or secret is None else ReporterIds(Seals(vault), secret)
    renewed: dict[bytes, tuple[int, int, bytes]] = {}
    async for rows in _batches(tx, _ROWS.where(_HAS_ID)):
        for row in rows:
            user_id = opens(row.sealed_id, id_context(row.reporter))
            if ids is not None and user_id is not None and row.reporter not in renewed:
                number = int(user_id)
                renewed[row.reporter] = (row.guild_id, number, ids.digest(row.guild_id, number))
    async for rows in _batches(tx, _ROWS):
        for row in rows:
            words = None if row.words == NO_WORDS else opens(row.words, words_context(row.case_id, row.reporter))
            values: dict[str, Any] = {}
            if ids is not None and vault is not None and row.reporter in renewed:
                _, user_id, reporter = renewed[row.reporter]
                values["reporter"] = reporter
                if row.sealed_id is not None:
                    opened = opens(row.sealed_id, id_context(row.reporter)) is not None
                    values["sealed_id"] = ids.seal(reporter, user_id) if opened else None
                values["words"] = NO_WORDS if words is None else vault.seal(words, words_context(row.case_id, reporter))
            else:
                values["sealed_id"] = None
                if words is None:
                    values["words"] = NO_WORDS
            await tx.connection.execute(reports.update().where(reports.c.id == row.id).values(**values))
    await _renew_reporters(tx, {old: (guild_id, new) for old, (guild_id, _, new) in renewed.items()})


async def _renew_reporters(tx: Tx, renewed: dict[bytes, tuple[int, bytes]]) -> None:
    for row in (await tx.connection.execute(sa.select(reporters.c.guild_id, reporters.c.reporter))).all():
        here = sa.and_(reporters.c.guild_id == row.guild_id, reporters.c.reporter == row.reporter)
        guild_id, reporter = renewed.get(row.reporter, (None, b""))
        if guild_id == row.guild_id:
            await tx.connection.execute(reporters.update().where(here).values(reporter=reporter))
        else:
            await tx.connection.execute(reporters.delete().where(here))


def _sealed(row: sa.Row[Any]) -> Iterator[tuple[str, bytes, bytes]]:
    """What is sealed in a row: the column, the value, its context."""
    if row.sealed_id is not None:
        yield "sealed_id", row.sealed_id, id_context(row.reporter)
    if row.words != NO_WORDS:
        yield "words", row.words, words_context(row.case_id, row.reporter)


def _opener(vault: Vault | None) -> Callable[[bytes, bytes], bytes | None]:
    """Opens what the vault opens; None for everything else."""

    def opens(sealed: bytes, context: bytes) -> bytes | None:
        try:
            return None if vault is None else vault.open(sealed, context)
        except VaultError:
            return None

    return opens


async def _batches(tx: Tx, rows: sa.Select[*tuple[Any, ...]]) -> AsyncIterator[Sequence[sa.Row[Any]]]:
    last = 0
    while found := (await tx.connection.execute(rows.where(reports.c.id > last).limit(_BATCH))).all():
        yield found
        last = found[-1].id
