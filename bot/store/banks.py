"""Banks, their entries, and the number that tells every process that they changed.

Every change of what matches is written to the audit log as well: of the bank's guild, or of the installation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import DatabaseError
from bot.model import Bank, BankKind, BankLevel, Category, Entry, Fingerprint, View

from .audit import Audit
from .chain import AuditAction, digest
from .entry_rows import IDENTITY_COLUMNS, Identity, entry_of, entry_values, identity, only_hash, view_of, view_rows
from .repository import Repository
from .seals import Seals
from .tables import bank_changes, banks, entries, entry_views
from .topics import Topic


class Banks(Repository):
    """Lists of fingerprints. Entries are never deleted, only revoked."""

    __slots__ = ("_audit", "_seals")

    def __init__(self, connection: AsyncConnection, *, writing: bool, seals: Seals, audit: Audit) -> None:
        super().__init__(connection, writing=writing)
        self._seals = seals
        self._audit = audit

    # ------------------------------------------------------------------------------------------------ banks

    async def ensure(self, name: str, kind: BankKind, guild_id: int | None, level: BankLevel) -> Bank:
        """The bank of this name, made with ``level`` if there is none yet."""
        found = await self.find(name, kind, guild_id)
        if found is not None:
            return found
        statement = self._insert_new(banks).values(name=name, kind=kind, guild_id=guild_id, level=level)
        if await self._run(statement) > 0:
            await self._changed()
        made = await self.find(name, kind, guild_id)
        if made is None:
            raise DatabaseError("The database lost a bank that was just made; run `stanguard db check`.")
        return made

    async def get(self, bank_id: int) -> Bank | None:
        """The bank of this id."""
        row = await self._first(sa.select(banks).where(banks.c.id == bank_id))
        return None if row is None else _bank(row)

    async def find(self, name: str, kind: BankKind, guild_id: int | None) -> Bank | None:
        """The bank of this name of a guild, or of the installation if ``guild_id`` is None."""
        row = await self._first(
            sa.select(banks).where(
                banks.c.name == name, banks.c.kind == kind, banks.c.guild_id.is_not_distinct_from(guild_id)
            )
        )
        return None if row is None else _bank(row)

    async def all(self) -> list[Bank]:
        """Every bank, oldest first."""
        return [_bank(row) for row in await self._all(sa.select(banks).order_by(banks.c.id))]

    async def set_level(self, bank_id: int, level: BankLevel, by: int | None, at: datetime) -> None:
        """Change the most that a match with an entry of this bank may lead to."""
        if await self._run(banks.update().where(banks.c.id == bank_id).values(level=level)):
            await self._changed()
            payload = {"bank_id": str(bank_id), "level": level}
            await self._log(AuditAction.LEVEL_CHANGED, bank_id, at, by, payload, f"B-{bank_id}")

    async def change_number(self) -> int:
        """A number that grows with every change of a bank or an entry, whichever process made it."""
        return await self._scalar(sa.select(bank_changes.c.number))

    async def _changed(self, entry_ids: Collection[int] = ()) -> int:
        """Raise the change number, and stamp it on the entries that changed."""
        statement = bank_changes.update().values(number=bank_changes.c.number + 1).returning(bank_changes.c.number)
        number = await self._scalar(statement)
        await self._tell(Topic.BANKS)
        if entry_ids:
            await self._run(entries.update().where(entries.c.id.in_(entry_ids)).values(changed=number))
        return number

    async def _in_turn(self) -> None:
        """Wait for the turn to change banks, before a row of an entry is locked: as :meth:`add_entry` does."""
        await self._first(sa.select(bank_changes.c.number).with_for_update())

    # ---------------------------------------------------------------------------------------------- entries

    async def add_entry(
        self,
        *,
        bank_id: int,
        category: Category,
        fingerprint: Fingerprint,
        note: str,
        added_by: int | None,
        source: str,
        added_at: datetime,
        case_id: int | None = None,
        hunted_at: datetime | None = None,
    ) -> Entry:
        """List a picture. Raises ValueError for a fingerprint that nothing could ever match."""
        # The number first: it orders transactions, so that who reads up to a number has seen all below it.
        number = await self._changed()
        row = await self._first(
            entries.insert()
            .values(
                changed=number,
                bank_id=bank_id,
                category=category,
                note=note,
                source=source,
                added_by=added_by,
                added_at=added_at,
                case_id=case_id,
                hunted_at=hunted_at,
                **entry_values(fingerprint),
            )
            .returning(*entries.c)
        )
        if row is None:
            raise DatabaseError("The database did not keep the entry; run `stanguard db check`.")
        await self._insert_views([(row.id, fingerprint)])
        payload = {
            "bank_id": str(bank_id),
            "category": category,
            "entry_id": str(row.id),
            "picture": _named(fingerprint),
            "source": source,
        }
        await self._log(AuditAction.ENTRY_ADDED, bank_id, added_at, added_by, payload, f"E-{row.id}", case_id)
        return entry_of(row, fingerprint.views)

    async def add_entries(
        self,
        bank_id: int,
        pictures: Sequence[tuple[Category, Fingerprint]],
        *,
        source: str,
        added_at: datetime,
        hunted_at: datetime | None = None,
    ) -> None:
        """List many pictures of a foreign list at once, without notes. Raises ValueError as :meth:`add_entry` does."""
        if not pictures:
            return
        number = await self._changed()
        payload = {
            "bank_id": str(bank_id),
            "pictures": digest([_named(fingerprint) for _, fingerprint in pictures]).hex(),
            "source": source,
        }
        await self._log(AuditAction.ENTRIES_IMPORTED, bank_id, added_at, None, payload, f"B-{bank_id}")
        rows = [
            {
                "changed": number,
                "bank_id": bank_id,
                "category": category,
                "note": "",
                "source": source,
                "added_at": added_at,
                "hunted_at": hunted_at,
                **entry_values(fingerprint),
            }
            for category, fingerprint in pictures
        ]
        if not any(fingerprint.views for _, fingerprint in pictures):
            await self._connection.execute(entries.insert(), rows)
            return
        insert = entries.insert().returning(entries.c.id, sort_by_parameter_order=True)
        made = (await self._connection.execute(insert, rows)).all()
        await self._insert_views([(row.id, fingerprint) for row, (_, fingerprint) in zip(made, pictures, strict=True)])

    async def entry(self, entry_id: int) -> Entry | None:
        """The entry of this id, revoked or not."""
        return next(iter(await self._entries(entries.c.id == entry_id)), None)

    async def entries(
        self, bank_ids: Collection[int], *, active: bool = True, limit: int | None = None, offset: int = 0
    ) -> list[Entry]:
        """Entries of these banks, newest first; with ``active`` without the revoked ones."""
        return await self._entries(*_listed(bank_ids, active=active), limit=limit, offset=offset)

    async def count(self, bank_ids: Collection[int], *, active: bool = True) -> int:
        """How many entries :meth:`entries` would give without a limit."""
        condition = _listed(bank_ids, active=active)
        return await self._scalar(sa.select(sa.func.count()).select_from(entries).where(*condition))

    async def find_exact(self, sha256: bytes, bank_ids: Collection[int], *, md5: bytes = b"") -> list[Entry]:
        """Active entries of exactly this file, by either of its digests, newest first."""
        same = [column == digest for column, digest in ((entries.c.sha256, sha256), (entries.c.md5, md5)) if digest]
        return await self._entries(*_among(bank_ids, active=True), sa.or_(*same)) if same else []

    async def listed(self, bank_id: int, fingerprints: Iterable[Fingerprint]) -> set[Identity]:
        """Which of these pictures are active entries of a bank, each by what it is known by."""
        wanted: defaultdict[str, set[bytes]] = defaultdict(set)
        for kind, value in map(identity, fingerprints):
            wanted[kind].add(value)
        found: set[Identity] = set()
        for kind, values in wanted.items():
            column = IDENTITY_COLUMNS[kind]
            statement = sa.select(column).where(*_among([bank_id], active=True), column.in_(values))
            if kind == "hashes":
                # An entry of which more than one hash is known is not the same as the hash alone.
                alone = (only_hash(), sa.func.length(entries.c.sha256) == 0)
                statement = statement.join(entries, entries.c.id == entry_views.c.entry_id).where(*alone)
            found |= {(kind, row[0]) for row in await self._all(statement)}
        return found

    async def stream(
        self, bank_ids: Collection[int], *, active: bool = True, batch: int = 1000
    ) -> AsyncIterator[list[Entry]]:
        """What :meth:`entries` gives, oldest first, in lists of ``batch``: a large bank never lies in memory twice."""
        conditions = _among(bank_ids, active=active)
        last = 0
        while True:
            chosen = sa.select(entries.c.id).where(*conditions, entries.c.id > last).order_by(entries.c.id).limit(batch)
            found = await self._load(chosen)
            if found:
                yield found[::-1]
                last = found[0].id
            if len(found) < batch:
                return

    async def changed_since(self, number: int) -> list[Entry]:
        """Entries added, revoked or brought back after the change of this number, revoked ones included."""
        return await self._entries(entries.c.changed > number)

    async def unhunted(self) -> list[Entry]:
        """Active entries of block banks whose earlier copies were not looked for yet, newest first."""
        blocking = sa.select(banks.c.id).where(banks.c.kind == BankKind.BLOCK)
        return await self._entries(
            entries.c.bank_id.in_(blocking), entries.c.hunted_at.is_(None), entries.c.revoked_at.is_(None)
        )

    async def waits_for_hunt(self, entry_id: int) -> bool:
        """Whether the earlier copies of this entry are still to be looked for."""
        statement = sa.select(entries.c.id).where(
            entries.c.id == entry_id, entries.c.hunted_at.is_(None), entries.c.revoked_at.is_(None)
        )
        return await self._scalar(statement) is not None

    async def mark_hunted(self, entry_id: int, at: datetime) -> None:
        """Note that earlier copies of this entry were looked for. No process needs to hear of it."""
        await self._run(entries.update().where(entries.c.id == entry_id).values(hunted_at=at))

    async def _insert_views(self, made: Iterable[tuple[int, Fingerprint]]) -> None:
        rows = [row for entry_id, fingerprint in made for row in view_rows(entry_id, fingerprint, self._seals)]
        if rows:
            await self._connection.execute(entry_views.insert(), rows)

    async def drop_features(self, bank_ids: Collection[int] | None = None) -> int:
        """Forget the local features of every entry of these banks, or of all, revoked ones included; how many had any.

        Every process hears of it and loads those entries anew.
        """
        await self._in_turn()
        having = sa.select(entry_views.c.entry_id).where(entry_views.c.features.is_not(None))
        condition = [entries.c.id.in_(having)]
        if bank_ids is not None:
            condition.append(entries.c.bank_id.in_(bank_ids))
        number = await self._scalar(sa.select(sa.func.count()).select_from(entries).where(*condition))
        if number:
            changed = await self._changed()
            await self._run(entries.update().where(*condition).values(changed=changed))
            stripped = sa.select(entries.c.id).where(*condition)
            await self._run(entry_views.update().where(entry_views.c.entry_id.in_(stripped)).values(features=None))
        return number

    # ----------------------------------------------------------------------------------------------- revoke

    async def revoke(self, entry_id: int, by: int | None, at: datetime) -> bool:
        """Let an entry match nothing any more; False if it was revoked already or does not exist."""
        return bool(await self._revoke(by, at, None, entries.c.id == entry_id))

    async def revoke_by_case(self, case_id: int, by: int | None, at: datetime) -> list[int]:
        """Revoke the entries that this case made; their ids."""
        return await self._revoke(by, at, case_id, entries.c.case_id == case_id)

    async def unrevoke(self, entry_id: int, by: int | None, at: datetime) -> bool:
        """Let a revoked entry match again; False if it was not revoked."""
        await self._in_turn()
        statement = (
            entries.update()
            .where(entries.c.id == entry_id, entries.c.revoked_at.is_not(None))
            .values(revoked_at=None, revoked_by=None)
            .returning(entries.c.bank_id)
        )
        bank_id = await self._scalar(statement)
        if bank_id is None:
            return False
        await self._changed([entry_id])
        payload = {"bank_id": str(bank_id), "entry_id": str(entry_id)}
        await self._log(AuditAction.ENTRY_RESTORED, bank_id, at, by, payload, f"E-{entry_id}")
        return True

    async def _revoke(
        self, by: int | None, at: datetime, case_id: int | None, condition: sa.ColumnElement[bool]
    ) -> list[int]:
        await self._in_turn()
        rows = await self._all(
            entries.update()
            .where(condition, entries.c.revoked_at.is_(None))
            .values(revoked_at=at, revoked_by=by)
            .returning(entries.c.id, entries.c.bank_id)
        )
        revoked = {row.id: row.bank_id for row in rows}
        if revoked:
            await self._changed(revoked)
        for entry_id, bank_id in sorted(revoked.items()):
            payload = {"bank_id": str(bank_id), "entry_id": str(entry_id)}
            await self._log(AuditAction.ENTRY_REVOKED, bank_id, at, by, payload, f"E-{entry_id}", case_id)
        return sorted(revoked)

    async def _log(
        self,
        action: AuditAction,
        bank_id: int,
        at: datetime,
        by: int | None,
        payload: dict[str, str],
        subject: str,
        case_id: int | None = None,
    ) -> None:
        guild_id = await self._scalar(sa.select(banks.c.guild_id).where(banks.c.id == bank_id))
        self._audit.append(guild_id, action, at, by, payload, subject=subject, case_id=case_id)

    # ----------------------------------------------------------------------------------------------- reading

    async def _entries(
        self, *conditions: sa.ColumnElement[bool], limit: int | None = None, offset: int = 0
    ) -> list[Entry]:
        chosen = sa.select(entries.c.id).where(*conditions).order_by(entries.c.id.desc()).limit(limit)
        return await self._load(chosen.offset(offset) if offset else chosen)

    async def _load(self, ids: sa.Select[Any]) -> list[Entry]:
        """The entries of these ids, newest first."""
        chosen = ids.subquery()
        rows = await self._all(
            sa.select(entries).join(chosen, chosen.c.id == entries.c.id).order_by(entries.c.id.desc())
        )
        if not rows:
            return []
        digests = {row.id: row.sha256 for row in rows}
        views: defaultdict[int, list[View]] = defaultdict(list)
        for row in await self._all(
            sa.select(entry_views).join(chosen, chosen.c.id == entry_views.c.entry_id).order_by(entry_views.c.id)
        ):
            views[row.entry_id].append(view_of(row, digests[row.entry_id], self._seals))
        return [entry_of(row, views.get(row.id, ())) for row in rows]


def _listed(bank_ids: Collection[int], *, active: bool) -> list[sa.ColumnElement[bool]]:
    condition: list[sa.ColumnElement[bool]] = [entries.c.bank_id.in_(bank_ids)]
    if active:
        condition.append(entries.c.revoked_at.is_(None))
    return condition


def _among(bank_ids: Collection[int], *, active: bool) -> list[sa.ColumnElement[bool]]:
    """The same condition, for statements that find entries by a hash or in their order.

    SQLite would take the index on banks for it and read a whole bank every time; a sum is in no index.
    """
    condition: list[sa.ColumnElement[bool]] = [(entries.c.bank_id + 0).in_(bank_ids)]
    if active:
        condition.append(entries.c.revoked_at.is_(None))
    return condition


def _named(fingerprint: Fingerprint) -> str:
    """What a picture is known by, as text."""
    kind, value = identity(fingerprint)
    return f"{kind}:{value.hex()}"


def _bank(row: sa.Row[Any]) -> Bank:
    return Bank(id=row.id, name=row.name, kind=row.kind, guild_id=row.guild_id, level=row.level)
