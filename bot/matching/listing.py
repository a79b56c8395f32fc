"""Which banks and entries there are, who sees them, and which entry was made from which file.

One thread changes a :class:`Listing` at a time; any number may read it meanwhile without a lock. Its dictionaries are
changed one key at a time, in an order in which a reader finds everything that it is led to, and what they hold is
replaced, never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.model import Bank, BankKind, Category, Entry, Fingerprint

from . import index, stored
from .index import BankIndex
from .local import Addition, LocalIndex

_SHA256_BYTES = 32
_MD5_BYTES = 16


class Listed(NamedTuple):
    """What a match says about an entry; its local features stand in their index alone."""

    bank_id: int
    category: Category
    fingerprint: Fingerprint
    featured: tuple[int, ...]
    """The places of the views that have local features, in the order of their index."""


class Listing:
    """All banks and active entries of one process."""

    def __init__(self, local: LocalIndex | None, banks: Iterable[Bank] = (), entries: Iterable[Entry] = ()) -> None:
        """Take over an empty index of local features (None: they are not used), and list entries.

        Revoked entries are left out. Raises ValueError for an entry without its bank or with a malformed fingerprint.
        """
        self.local = local
        self.banks = {bank.id: bank for bank in banks}
        self._visible = _visibility(self.banks.values())
        self._listed: dict[int, Listed] = {}
        self._files: dict[bytes, tuple[int, ...]] = {}
        members: dict[int, list[tuple[int, Fingerprint]]] = {bank_id: [] for bank_id in self.banks}
        additions: list[Addition] = []
        for entry in entries:
            if entry.revoked_at is not None or entry.id in self._listed:
                continue
            check(entry)
            if entry.bank_id not in members:
                raise ValueError(f"Entry {entry.id} names bank {entry.bank_id}, which is not among the banks.")
            members[entry.bank_id].append((entry.id, entry.fingerprint))
            additions.append(_addition(entry))
            self._list(entry)
        self._indexes = {bank_id: BankIndex(of_bank) for bank_id, of_bank in members.items()}
        if local is not None:
            local.put(additions)

    def visible(self, guild_id: int | None, kind: BankKind) -> list[int]:
        """The ids of the banks of this kind that the guild sees."""
        ids = self._visible.get(None, ())
        if guild_id is not None:
            ids += self._visible.get(guild_id, ())
        return [bank_id for bank_id in ids if self.banks[bank_id].kind is kind]

    def indexes(self, bank_ids: Iterable[int]) -> list[BankIndex]:
        """The hashes of these banks."""
        return [self._indexes[bank_id] for bank_id in bank_ids]

    def get(self, entry_id: int) -> Listed | None:
        """What is known of an active entry."""
        return self._listed.get(entry_id)

    def same_file(self, digest: bytes, guild_id: int | None, kind: BankKind) -> list[tuple[int, Listed]]:
        """The active entries of this kind, made from the file of this SHA-256 or MD5, that the guild sees, by id."""
        found: list[tuple[int, Listed]] = []
        for entry_id in sorted(self._files.get(digest, ())):
            listed = self._listed.get(entry_id)
            if listed is None:  # revoked while this ran
                continue
            bank = self.banks[listed.bank_id]
            if bank.kind is kind and bank.guild_id in (None, guild_id):
                found.append((entry_id, listed))
        return found

    def put(self, changed: Sequence[tuple[Bank, Entry]]) -> None:
        """List entries that passed :func:`check`, in place of what is listed under their ids; take revoked ones out."""
        for bank, entry in changed:
            before = self._listed.get(entry.id)
            if before is not None and (entry.revoked_at is not None or before.bank_id != bank.id):
                self._take_out(entry.id)
            elif before is not None:
                self._forget_files(entry.id, before.fingerprint)
            self.put_bank(bank)
            if entry.revoked_at is None:
                self._list(entry)
                self._indexes[bank.id].put(entry.id, entry.fingerprint)
        if self.local is not None:
            self.local.put(
                _addition(entry) if entry.revoked_at is None else Addition(entry.id, entry.bank_id, ())
                for _, entry in changed
            )

    def remove(self, entry_id: int) -> None:
        """Take an entry out; nothing happens if it is not there."""
        self._take_out(entry_id)
        if self.local is not None:
            self.local.drop([entry_id])

    def put_bank(self, bank: Bank) -> None:
        """List a bank, or give one that is listed its present kind, guild and level."""
        before = self.banks.get(bank.id)
        if before is None:
            self._indexes[bank.id] = BankIndex()
        self.banks[bank.id] = bank
        if before is None or before.guild_id != bank.guild_id:
            self._visible = _visibility(self.banks.values())

    def _take_out(self, entry_id: int) -> None:
        listed = self._listed.pop(entry_id, None)
        if listed is not None:
            self._indexes[listed.bank_id].drop(entry_id)
            self._forget_files(entry_id, listed.fingerprint)

    def _list(self, entry: Entry) -> None:
        fingerprint = entry.fingerprint
        featured = tuple(place for place, view in enumerate(fingerprint.views) if view.features)
        self._listed[entry.id] = Listed(entry.bank_id, entry.category, fingerprint.without_features(), featured)
        for digest in _digests(fingerprint):
            same = self._files.get(digest, ())
            if entry.id not in same:
                self._files[digest] = (*same, entry.id)

    def _forget_files(self, entry_id: int, fingerprint: Fingerprint) -> None:
        for digest in _digests(fingerprint):
            left = tuple(other for other in self._files.get(digest, ()) if other != entry_id)
            if left:
                self._files[digest] = left
            else:
                self._files.pop(digest, None)


def check(entry: Entry) -> None:
    """Raise ValueError for an entry whose hashes, grids, features or digests have an impossible length."""
    fingerprint = entry.fingerprint
    index.check(fingerprint)
    if len(fingerprint.sha256) not in (0, _SHA256_BYTES):
        raise ValueError(f"A SHA-256 has {_SHA256_BYTES} bytes, not {len(fingerprint.sha256)}.")
    if len(fingerprint.md5) not in (0, _MD5_BYTES):
        raise ValueError(f"An MD5 has {_MD5_BYTES} bytes, not {len(fingerprint.md5)}.")
    _addition(entry)


def _addition(entry: Entry) -> Addition:
    """The entry's local features, of as many views as have some."""
    views = [stored.from_bytes(view.features) for view in entry.fingerprint.views if view.features]
    return Addition(entry.id, entry.bank_id, views)


def _digests(fingerprint: Fingerprint) -> tuple[bytes, ...]:
    return tuple(digest for digest in (fingerprint.sha256, fingerprint.md5) if digest)


def _visibility(banks: Iterable[Bank]) -> dict[int | None, tuple[int, ...]]:
    """The ids of the banks of every guild, and under None of those that every guild sees."""
    visible: dict[int | None, list[int]] = {}
    for bank in banks:
        visible.setdefault(bank.guild_id, []).append(bank.id)
    return {guild_id: tuple(ids) for guild_id, ids in visible.items()}
