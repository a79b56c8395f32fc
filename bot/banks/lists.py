"""Lists that come from elsewhere or go there: importing them safely, and what of a bank may be exported."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from bot.errors import RefusedError
from bot.model import Bank, BankKind, BankLevel, Category, Fingerprint
from bot.store.engine import Store, Tx
from bot.store.entry_rows import Identity, identity

from .formats.listed import Listed
from .service import DEFAULT, BankService

BATCH = 1000
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
    listed: Iterable[Listed],
    *,
    name: str,
    level: BankLevel | None,
    source: str,
    clock: Callable[[], datetime],
    hunt: bool = True,
) -> Imported:
    """Add a list to the installation's bank of this name.

    Foreign entries may flag, not remove: the bank is made with level ``review``, and a bank that may do more is
    refused with RefusedError, unless ``level`` says otherwise. An import that was cut short can simply be repeated.
    ``hunt``: what was posted before is searched for the new entries, as far as they can be found in it. The index of
    this process is left as it is: every bot on the database notices by itself.
    """
    async with store.write() as tx:
        bank = await _bank(tx, name, level, clock())
    rest = iter(listed)
    added = existing = colliding = 0
    while batch := list(islice(rest, BATCH)):
        async with store.write() as tx:
            new = await _new(tx, bank, batch)
            await _add(tx, bank, new, source, clock(), hunt=hunt)
        added += len(new)
        existing += len(batch) - len(new)
        pictures = (item.fingerprint for item in new if item.fingerprint.views)
        colliding += sum(bool(banks.opposed(picture, bank.guild_id, bank.kind)) for picture in pictures)
    return Imported(bank, added, existing, colliding)


async def _new(tx: Tx, bank: Bank, batch: Sequence[Listed]) -> list[Listed]:
    """What of these is not in the bank yet, each once."""
    known = await tx.banks.listed(bank.id, [item.fingerprint for item in batch])
    new: dict[Identity, Listed] = {}
    for item in batch:
        key = identity(item.fingerprint)
        if key not in known:
            new.setdefault(key, item)
    return list(new.values())


async def _add(tx: Tx, bank: Bank, new: Sequence[Listed], source: str, at: datetime, *, hunt: bool) -> None:
    """List pictures; what cannot be found among kept sightings counts as hunted."""
    hunted: list[tuple[Category, Fingerprint]] = []
    wanted: list[tuple[Category, Fingerprint]] = []
    for item in new:
        findable = hunt and bool(item.fingerprint.sha256 or item.fingerprint.views)
        (wanted if findable else hunted).append((item.category, item.fingerprint))
    await tx.banks.add_entries(bank.id, hunted, source=source, added_at=at, hunted_at=at)
    await tx.banks.add_entries(bank.id, wanted, source=source, added_at=at)


async def _bank(tx: Tx, name: str, level: BankLevel | None, at: datetime) -> Bank:
    if level is not None:
        bank = await tx.banks.ensure(name, BankKind.BLOCK, None, level)
        await tx.banks.set_level(bank.id, level, None, at)
        return replace(bank, level=level)
    bank = await tx.banks.find(name, BankKind.BLOCK, None)
    if name == DEFAULT or (bank is not None and bank.level in {BankLevel.STRICT, BankLevel.REMOVE}):
        raise RefusedError(
            f"The list {name} may remove messages on its own, and imported entries may not; name another list with "
            "--bank, or say --level remove if people you trust have confirmed every entry."
        )
    return bank or await tx.banks.ensure(name, BankKind.BLOCK, None, BankLevel.REVIEW)


class Export:
    """The active entries of a bank that may leave the installation, oldest first, as they are asked for.

    ``bundle``: all PDQ hashes of an entry, not the first alone. ``exported`` and ``left_out`` count what was given and
    what must not leave. Local features and grids never leave: no list format has a place for them.
    """

    def __init__(self, store: Store, bank: Bank, *, bundle: bool = False) -> None:
        self._store = store
        self._bank = bank
        self._bundle = bundle
        self.exported = 0
        self.left_out = 0

    async def __aiter__(self) -> AsyncIterator[Listed]:
        """Every such entry."""
        async with self._store.read() as tx:
            async for entries in tx.banks.stream([self._bank.id]):
                for entry in entries:
                    if entry.category in NEVER_EXPORTED:
                        self.left_out += 1
                        continue
                    self.exported += 1
                    yield Listed(entry.category, self._public(entry.fingerprint))

    def _public(self, fingerprint: Fingerprint) -> Fingerprint:
        views = tuple(replace(view, grid=b"", features=b"") for view in fingerprint.views)
        return replace(fingerprint, views=views, pdq=fingerprint.pdq if self._bundle else fingerprint.pdq[:1])
