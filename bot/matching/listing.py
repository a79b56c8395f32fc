"""Which banks and entries there are, who sees them, and which entry was made from which file.

One thread changes a :class:`Listing` at a time; any number may read it meanwhile without a lock. Its dictionaries are
changed one key at a time, in an order in which a reader finds everything that it is led to, and what they hold is
replaced, never changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bot.model import Bank, BankKind, Category, Entry, Fingerprint

from .index import BankIndex, Rows, check_hashes

_SHA256_BYTES = 32


class Listed(NamedTuple):
    """What a match says about an entry."""

    bank_id: int
    category: Category
    fingerprint: Fingerprint


class Listing:
    """All banks and active entries of one process."""

    def __init__(self, banks: Iterable[Bank] = (), entries: Iterable[Entry] = ()) -> None:
        """Revoked entries are left out. Raises ValueError for an entry without its bank or with malformed hashes."""
        self.banks = {bank.id: bank for bank in banks}
        self._visible = _visibility(self.banks.values())
        self._listed: dict[int, Listed] = {}
        self._by_sha256: dict[bytes, tuple[int, ...]] = {}
        members: dict[int, list[tuple[int, Fingerprint]]] = {bank_id: [] for bank_id in self.banks}
        for entry in {entry.id: entry for entry in entries if entry.revoked_at is None}.values():
            check(entry)
            if entry.bank_id not in members:
                raise ValueError(f"Entry {entry.id} names bank {entry.bank_id}, which is not among the banks.")
            members[entry.bank_id].append((entry.id, entry.fingerprint))
            self._list(entry)
        self._indexes = {bank_id: BankIndex(of_bank) for bank_id, of_bank in members.items()}

    def rows(self, guild_id: int | None, kind: BankKind) -> list[Rows]:
        """The searchable rows of every bank of this kind that the guild sees."""
        ids = self._visible.get(None, ())
        if guild_id is not None:
            ids += self._visible.get(guild_id, ())
        return [self._indexes[bank_id].rows for bank_id in ids if self.banks[bank_id].kind is kind]

    def get(self, entry_id: int) -> Listed | None:
        """What is known of an active entry."""
        return self._listed.get(entry_id)

    def same_file(self, sha256: bytes, guild_id: int | None, kind: BankKind) -> list[tuple[int, Listed]]:
        """The active entries of this kind, made from this file, that the guild sees, in the order of their ids."""
        found: list[tuple[int, Listed]] = []
        for entry_id in sorted(self._by_sha256.get(sha256, ())):
            listed = self._listed.get(entry_id)
            if listed is None:  # revoked while this ran
                continue
            bank = self.banks[listed.bank_id]
            if bank.kind is kind and bank.guild_id in (None, guild_id):
                found.append((entry_id, listed))
        return found

    def put(self, bank: Bank, entry: Entry) -> None:
        """List an entry that passed :func:`check`, in place of what is listed under its id; take a revoked one out."""
        before = self._listed.get(entry.id)
        if before is not None and (entry.revoked_at is not None or before.bank_id != bank.id):
            self.remove(entry.id)
        elif before is not None and before.fingerprint.sha256 != entry.fingerprint.sha256:
            self._forget_file(entry.id, before.fingerprint.sha256)
        self.put_bank(bank)
        if entry.revoked_at is None:
            self._list(entry)
            self._indexes[bank.id].put(entry.id, entry.fingerprint)

    def remove(self, entry_id: int) -> None:
        """Take an entry out; nothing happens if it is not there."""
        listed = self._listed.pop(entry_id, None)
        if listed is not None:
            self._indexes[listed.bank_id].drop(entry_id)
            self._forget_file(entry_id, listed.fingerprint.sha256)

    def _list(self, entry: Entry) -> None:
        sha256 = entry.fingerprint.sha256
        self._listed[entry.id] = Listed(entry.bank_id, entry.category, entry.fingerprint)
        same = self._by_sha256.get(sha256, ())
        if entry.id not in same:
            self._by_sha256[sha256] = (*same, entry.id)

    def _forget_file(self, entry_id: int, sha256: bytes) -> None:
        left = tuple(other for other in self._by_sha256.get(sha256, ()) if other != entry_id)
        if left:
            self._by_sha256[sha256] = left
        else:
            self._by_sha256.pop(sha256, None)

    def put_bank(self, bank: Bank) -> None:
        """List a bank, or give one that is listed its present kind, guild and level."""
        before = self.banks.get(bank.id)
        self.banks[bank.id] = bank
        if before is None:
            self._indexes[bank.id] = BankIndex()
        if before is None or before.guild_id != bank.guild_id:
            self._visible = _visibility(self.banks.values())


def check(entry: Entry) -> None:
    """Raise ValueError for an entry whose hashes or SHA-256 have an impossible length."""
    check_hashes(entry.fingerprint)
    if len(entry.fingerprint.sha256) != _SHA256_BYTES:
        raise ValueError(f"A SHA-256 has {_SHA256_BYTES} bytes, not {len(entry.fingerprint.sha256)}.")


def _visibility(banks: Iterable[Bank]) -> dict[int | None, tuple[int, ...]]:
    """The ids of the banks of every guild, and under None of those that every guild sees."""
    visible: dict[int | None, list[int]] = {}
    for bank in banks:
        visible.setdefault(bank.guild_id, []).append(bank.id)
    return {guild_id: tuple(ids) for guild_id, ids in visible.items()}
