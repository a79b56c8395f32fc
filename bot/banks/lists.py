"""Lists that come from elsewhere or go there: importing them safely, and what of a bank may be exported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.errors import RefusedError
from bot.model import Bank, BankKind, BankLevel, Category
from bot.store.engine import Store, Tx

from .formats.jsonl import Listed
from .service import DEFAULT, BankService

BATCH = 500
"""Entries written in one transaction: a running bot is never kept from writing for long."""

NEVER_EXPORTED = frozenset({Category.MINOR_SUSPECTED})
"""Fingerprints of suspected minors go to authorities and their partners, not from community to community."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a list. ``colliding`` counts entries near a known-good one: each of those needs a look."""

    bank: Bank
    added: int
    existing: int
    colliding: int


async def import_list(
    store: Store,
    banks: BankService,
    listed: Sequence[Listed],
    *,
    name: str,
    level: BankLevel | None,
    source: str,
    clock: Callable[[], datetime],
) -> Imported:
    """Add a list to the installation's bank of this name.

    Foreign entries may flag, not remove: the bank is made with level ``review``, and a bank that may do more is
    refused with RefusedError, unless ``level`` says otherwise. An import that was cut short can simply be repeated.
    """
    async with store.write() as tx:
        bank = await _bank(tx, name, level)
    added = existing = colliding = 0
    for start in range(0, len(listed), BATCH):
        async with store.write() as tx:
            for item in listed[start : start + BATCH]:
                if await tx.banks.find_exact(item.fingerprint.sha256, [bank.id]):
                    existing += 1
                    continue
                await tx.banks.add_entry(
                    bank_id=bank.id,
                    category=item.category,
                    fingerprint=item.fingerprint,
                    note="",
                    added_by=None,
                    source=source,
                    added_at=clock(),
                )
                added += 1
                colliding += bool(banks.collisions(item.fingerprint, bank))
    await banks.refresh()
    return Imported(bank, added, existing, colliding)


async def _bank(tx: Tx, name: str, level: BankLevel | None) -> Bank:
    if level is not None:
        bank = await tx.banks.ensure(name, BankKind.BLOCK, None, level)
        await tx.banks.set_level(bank.id, level)
        return replace(bank, level=level)
    bank = await tx.banks.find(name, BankKind.BLOCK, None)
    if name == DEFAULT or (bank is not None and bank.level is BankLevel.REMOVE):
        raise RefusedError(
            f"The list {name} may remove messages on its own, and imported entries may not; name another list with "
            "--bank, or say --level remove if people you trust have confirmed every entry."
        )
    return bank or await tx.banks.ensure(name, BankKind.BLOCK, None, BankLevel.REVIEW)


async def export_list(store: Store, bank: Bank) -> tuple[list[Listed], int]:
    """The active entries of a bank that may leave the installation, oldest first, and how many may not."""
    async with store.read() as tx:
        entries = await tx.banks.entries([bank.id])
    kept = [Listed(entry.category, entry.fingerprint) for entry in entries if entry.category not in NEVER_EXPORTED]
    return kept[::-1], len(entries) - len(kept)
