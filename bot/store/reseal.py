"""Sealing everything anew with the vault's current key, so that an older key can be thrown away."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bot.vault import Vault

from .appeals import STATEMENTS, statement_context
from .engine import Store, Tx
from .sealed_reports import reseal_reports
from .seals import SECRET_CONTEXT, SIGNING_CONTEXT, case_context, view_context
from .tables import appeals, cases, entries, entry_views

_BATCH = 200
"""Rows of one transaction: a running bot is never kept from writing for long."""


async def reseal(store: Store, vault: Vault) -> int:
    """Seal anew what an older key of the vault sealed; how many values. Raises VaultError for what none of them opens.

    It can be repeated after it was cut short. Other processes need the current key before it begins.
    """
    views = sa.select(
        entry_views.c.id, entry_views.c.features, entries.c.sha256, entry_views.c.form, entry_views.c.frame
    ).join(entries, entries.c.id == entry_views.c.entry_id)
    resealed = await _installation(store, vault)
    resealed += await _features(store, vault, entry_views, views)
    held = sa.select(cases.c.id, cases.c.features, cases.c.sha256)
    resealed += await _features(store, vault, cases, held)
    resealed += await _statements(store, vault)
    return resealed + await reseal_reports(store, vault)


async def _installation(store: Store, vault: Vault) -> int:
    async with store.write() as tx:
        secret = _anew(vault, await tx.installation.sealed_secret(), SECRET_CONTEXT)
        signing_key = _anew(vault, await tx.installation.sealed_signing_key(), SIGNING_CONTEXT)
        resealed = sum(value is not None for value in (secret, signing_key))
        if resealed:
            await tx.installation.replace(secret=secret, signing_key=signing_key)
    return resealed


def _anew(vault: Vault, sealed: bytes | None, context: bytes) -> bytes | None:
    """The same, sealed with the current key; None if there is none, or if it is so already."""
    if sealed is None or vault.is_current(sealed):
        return None
    return vault.seal(vault.open(sealed, context), context)


async def _features(store: Store, vault: Vault, table: sa.Table, rows: sa.Select[*tuple[Any, ...]]) -> int:
    rows = rows.where(table.c.features.is_not(None)).order_by(table.c.id).limit(_BATCH)
    last = resealed = 0
    while True:
        async with store.write() as tx:
            found = (await tx.connection.execute(rows.where(table.c.id > last))).all()
            for row in found:
                if not vault.is_current(row.features):
                    await _reseal_row(tx, vault, table, row)
                    resealed += 1
        if not found:
            return resealed
        last = found[-1].id


async def _reseal_row(tx: Tx, vault: Vault, table: sa.Table, row: sa.Row[Any]) -> None:
    context = case_context(row.sha256) if table is cases else view_context(row.sha256, row.form, row.frame)
    anew = vault.seal(vault.open(row.features, context), context)
    await tx.connection.execute(table.update().where(table.c.id == row.id).values(features=anew))


async def _statements(store: Store, vault: Vault) -> int:
    """What members wrote in their appeals, apart from what was erased."""
    rows = STATEMENTS.order_by(appeals.c.id).limit(_BATCH)
    last = resealed = 0
    while True:
        async with store.write() as tx:
            # Held, because nothing that was erased meanwhile may be written back.
            found = (await tx.connection.execute(rows.where(appeals.c.id > last).with_for_update())).all()
            for row in found:
                if not vault.is_current(row.statement):
                    context = statement_context(row.case_id, row.author_id)
                    anew = vault.seal(vault.open(row.statement, context), context)
                    await tx.connection.execute(appeals.update().where(appeals.c.id == row.id).values(statement=anew))
                    resealed += 1
        if not found:
            return resealed
        last = found[-1].id
