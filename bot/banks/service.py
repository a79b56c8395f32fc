"""Banks as people use them: add, revoke, list, with the checks that keep a bank safe to match against."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.errors import NotFoundError
from bot.matching.gate import gated
from bot.matching.matcher import Matcher
from bot.model import Bank, BankKind, BankLevel, Category, Entry, Fingerprint
from bot.store.engine import Store, Tx

PLAIN = (
    "It is too plain to be compared by its look (nearly one colour, a smooth gradient, or its own mirror image), so "
    "only this exact file will be found; list the picture without the empty space around it if there is some."
)

CROP = "If it shares a frame or a template with harmless pictures, crop it to the abusive part and list that instead."

OWN = "own"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Added:
    """The result of adding a picture. ``existing``: this very file was listed already, nothing new was written.

    ``warnings`` are sentences about what was noticed: entries that it lies near, or that only its exact file is known.
    """

    entry: Entry
    existing: bool
    warnings: tuple[str, ...]


class BankService:
    """Changes banks in the database and in the index of this process together."""

    def __init__(self, store: Store, matcher: Matcher, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._matcher = matcher
        self._clock = clock
        self._loaded = -1
        self._refreshing = asyncio.Lock()

    async def own(self, guild_id: int | None, kind: BankKind, name: str | None = None) -> Bank:
        """The guild's own bank, or one of the installation's (``guild_id`` None); made when it does not exist."""
        async with self._store.write() as tx:
            bank = await ensure_own(tx, guild_id, kind, name)
        await self.refresh()
        return bank

    async def add(
        self,
        bank: Bank,
        fingerprint: Fingerprint,
        category: Category,
        *,
        note: str = "",
        by: int | None = None,
        source: str,
        case_id: int | None = None,
    ) -> Added:
        """List a picture by its fingerprint, or by its exact file alone if it is too plain to compare."""
        fingerprint = gated(fingerprint)
        warnings = self.collisions(fingerprint, bank)
        async with self._store.write() as tx:
            listed = await tx.banks.find_exact(fingerprint.sha256, [bank.id])
            if listed:
                return Added(listed[0], existing=True, warnings=warnings)
            entry = await tx.banks.add_entry(
                bank_id=bank.id,
                category=category,
                fingerprint=fingerprint,
                note=note,
                added_by=by,
                source=source,
                added_at=self._clock(),
                case_id=case_id,
            )
        await self.refresh()
        return Added(entry, existing=False, warnings=warnings)

    def collisions(self, fingerprint: Fingerprint, bank: Bank, *, but: int | None = None) -> tuple[str, ...]:
        """Sentences about what a new entry of this bank should be told of: entries that it lies near, or plainness.

        ``but`` is the entry itself, if it is listed already.
        """
        if not fingerprint.views:
            return (PLAIN,) if not fingerprint.pdq else ()
        opposed = self.opposed(fingerprint, bank.guild_id, bank.kind)
        advice = (CROP,) if opposed and bank.kind is BankKind.BLOCK else ()
        return (*opposed, *self._covered(fingerprint, bank, but), *advice)

    def opposed(self, fingerprint: Fingerprint, guild_id: int | None, kind: BankKind) -> tuple[str, ...]:
        """Sentences about entries of the other kind that a new one of ``kind`` lies near: one is likely a mistake."""
        return tuple(self._opposed(fingerprint, guild_id, kind))

    def _opposed(self, fingerprint: Fingerprint, guild_id: int | None, kind: BankKind) -> Iterator[str]:
        other = BankKind.KNOWN_GOOD if kind is BankKind.BLOCK else BankKind.BLOCK
        word = "known-good" if other is BankKind.KNOWN_GOOD else "blocked"
        effect = (
            "copies nearer to the known-good one stay up"
            if other is BankKind.KNOWN_GOOD
            else "copies nearer to this known-good entry stay up from now on"
        )
        for entry_id, distance in self._matcher.near(fingerprint, guild_id, other)[:3]:
            yield f"It lies {distance} of 256 bits from {word} entry E-{entry_id}: {effect}."

    def _covered(self, fingerprint: Fingerprint, bank: Bank, but: int | None) -> Iterator[str]:
        """Near entries of the same kind, whose list finds copies of this picture already."""
        near = [entry_id for entry_id, _ in self._matcher.near(fingerprint, bank.guild_id, bank.kind)]
        others = [f"E-{entry_id}" for entry_id in near if entry_id != but][:3]
        if others:
            yield f"It lies near {', '.join(others)}, by which most of its copies are found already."

    async def listed(self, fingerprint: Fingerprint, guild_id: int) -> bool:
        """Whether this very file stands on the guild's own blocklist."""
        async with self._store.read() as tx:
            bank = await tx.banks.find(OWN, BankKind.BLOCK, guild_id)
            return bank is not None and bool(await tx.banks.find_exact(fingerprint.sha256, [bank.id]))

    async def set_level(self, guild_id: int, level: BankLevel, *, by: int) -> None:
        """Change the most that a match with the guild's own blocklist may lead to."""
        async with self._store.write() as tx:
            bank = await ensure_own(tx, guild_id, BankKind.BLOCK)
            await tx.banks.set_level(bank.id, level, by, self._clock())
        await self.refresh()

    async def revoke(self, entry_id: int, *, guild_id: int | None, by: int | None) -> Entry:
        """Take an entry out of matching; NotFoundError when it is not there or not this guild's to revoke.

        ``guild_id`` None is the operator, who may revoke everything.
        """
        entry, bank = await self.show(entry_id, guild_id=guild_id)
        if guild_id is not None and bank.guild_id != guild_id:
            raise NotFoundError(
                f"E-{entry_id} belongs to the installation's list {bank.name}; only the bot's operator can revoke it."
            )
        if entry.revoked_at is None:
            async with self._store.write() as tx:
                await tx.banks.revoke(entry_id, by, self._clock())
            await self.refresh()
            entry, _ = await self.show(entry_id, guild_id=guild_id)
        return entry

    async def show(self, entry_id: int, *, guild_id: int | None) -> tuple[Entry, Bank]:
        """An entry that this guild may see, with its bank. ``guild_id`` None is the operator, who sees all."""
        async with self._store.read() as tx:
            entry = await tx.banks.entry(entry_id)
            bank = None if entry is None else await tx.banks.get(entry.bank_id)
        if entry is None or bank is None or (guild_id is not None and bank.guild_id not in {None, guild_id}):
            raise NotFoundError(f"There is no entry E-{entry_id} here; see the list for the numbers.")
        return entry, bank

    async def list(
        self, guild_id: int | None, kind: BankKind, *, limit: int = 25, offset: int = 0
    ) -> tuple[list[Entry], int]:
        """Active entries that this guild sees, newest first, and how many there are. None: every bank."""
        async with self._store.read() as tx:
            ids = [
                bank.id
                for bank in await tx.banks.all()
                if bank.kind is kind and (guild_id is None or bank.guild_id in {None, guild_id})
            ]
            return await tx.banks.entries(ids, limit=limit, offset=offset), await tx.banks.count(ids)

    async def refresh(self) -> bool:
        """Bring the index up to the database, if it changed here or in another process; whether it had changed.

        Only what is newer than the index is read: a list of many thousand entries is loaded once, at the start.
        """
        async with self._refreshing, self._store.read() as tx:
            number = await tx.banks.change_number()
            if number == self._loaded:
                return False
            banks = await tx.banks.all()
            if self._loaded < 0:
                entries = await tx.banks.entries([bank.id for bank in banks])
                await asyncio.to_thread(self._matcher.load, banks, entries)
            else:
                await asyncio.to_thread(self._matcher.update, banks, await tx.banks.changed_since(self._loaded))
            self._loaded = number
        return True


async def ensure_own(tx: Tx, guild_id: int | None, kind: BankKind, name: str | None = None) -> Bank:
    """The guild's own bank or the installation's, within the caller's transaction."""
    name = name or (DEFAULT if guild_id is None else OWN)
    return await tx.banks.ensure(name, kind, guild_id, BankLevel.REMOVE)
