"""Banks, their entries, and the number that tells every process that they changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.errors import DatabaseError
from bot.model import Bank, BankKind, BankLevel, Category, Entry, Fingerprint, View

from .repository import Repository
from .tables import ALGORITHM, bank_changes, banks, entries, entry_views


class Banks(Repository):
    """Lists of fingerprints. Entries are never deleted, only revoked."""

    __slots__ = ()

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

    async def set_level(self, bank_id: int, level: BankLevel) -> None:
        """Change the most that a match with an entry of this bank may lead to."""
        if await self._run(banks.update().where(banks.c.id == bank_id).values(level=level)):
            await self._changed()

    async def change_number(self) -> int:
        """A number that grows with every change of a bank or an entry, whichever process made it."""
        return await self._scalar(sa.select(bank_changes.c.number))

    async def _changed(self, entry_ids: Collection[int] = ()) -> int:
        """Raise the change number, and stamp it on the entries that changed."""
        statement = bank_changes.update().values(number=bank_changes.c.number + 1).returning(bank_changes.c.number)
        number = await self._scalar(statement)
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
        """List a picture."""
        # The number first: it orders transactions, so that who reads up to a number has seen all below it.
        number = await self._changed()
        row = await self._first(
            entries.insert()
            .values(
                changed=number,
                bank_id=bank_id,
                category=category,
                sha256=fingerprint.sha256,
                width=fingerprint.width,
                height=fingerprint.height,
                frames=fingerprint.frames,
                quality=fingerprint.quality,
                note=note,
                source=source,
                added_by=added_by,
                added_at=added_at,
                case_id=case_id,
                hunted_at=hunted_at,
            )
            .returning(*entries.c)
        )
        if row is None:
            raise DatabaseError("The database did not keep the entry; run `stanguard db check`.")
        await self._insert_views(row.id, fingerprint.views)
        return _entry(row, fingerprint.views)

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

    async def find_exact(self, sha256: bytes, bank_ids: Collection[int]) -> list[Entry]:
        """Active entries of exactly this file, newest first."""
        return await self._entries(*_listed(bank_ids, active=True), entries.c.sha256 == sha256)

    async def changed_since(self, number: int) -> list[Entry]:
        """Entries added, revoked or brought back after the change of this number, revoked ones included."""
        return await self._entries(entries.c.changed > number)

    async def unhunted(self) -> list[Entry]:
        """Active entries of block banks whose earlier copies were not looked for yet, newest first."""
        blocking = sa.select(banks.c.id).where(banks.c.kind == BankKind.BLOCK)
        return await self._entries(
            entries.c.bank_id.in_(blocking), entries.c.hunted_at.is_(None), entries.c.revoked_at.is_(None)
        )

    async def mark_hunted(self, entry_id: int, at: datetime) -> None:
        """Note that earlier copies of this entry were looked for. No process needs to hear of it."""
        await self._run(entries.update().where(entries.c.id == entry_id).values(hunted_at=at))

    async def _insert_views(self, entry_id: int, views: Sequence[View]) -> None:
        if views:
            rows = [
                {
                    "entry_id": entry_id,
                    "algorithm": ALGORITHM,
                    "form": view.form,
                    "frame": view.frame,
                    "hashes": view.hashes,
                }
                for view in views
            ]
            await self._connection.execute(entry_views.insert(), rows)

    # ----------------------------------------------------------------------------------------------- revoke

    async def revoke(self, entry_id: int, by: int | None, at: datetime) -> bool:
        """Let an entry match nothing any more; False if it was revoked already or does not exist."""
        return bool(await self._revoke(by, at, entries.c.id == entry_id))

    async def revoke_by_case(self, case_id: int, by: int | None, at: datetime) -> list[int]:
        """Revoke the entries that this case made; their ids."""
        return await self._revoke(by, at, entries.c.case_id == case_id)

    async def unrevoke(self, entry_id: int) -> bool:
        """Let a revoked entry match again; False if it was not revoked."""
        await self._in_turn()
        statement = (
            entries.update()
            .where(entries.c.id == entry_id, entries.c.revoked_at.is_not(None))
            .values(revoked_at=None, revoked_by=None)
        )
        if not await self._run(statement):
            return False
        await self._changed([entry_id])
        return True

    async def _revoke(self, by: int | None, at: datetime, condition: sa.ColumnElement[bool]) -> list[int]:
        await self._in_turn()
        rows = await self._all(
            entries.update()
            .where(condition, entries.c.revoked_at.is_(None))
            .values(revoked_at=at, revoked_by=by)
            .returning(entries.c.id)
        )
        revoked = sorted(row.id for row in rows)
        if revoked:
            await self._changed(revoked)
        return revoked

    # ----------------------------------------------------------------------------------------------- reading

    async def _entries(
        self, *conditions: sa.ColumnElement[bool], limit: int | None = None, offset: int = 0
    ) -> list[Entry]:
        chosen = sa.select(entries.c.id).where(*conditions).order_by(entries.c.id.desc()).limit(limit)
        chosen = chosen.offset(offset) if offset else chosen
        chosen = chosen.subquery()
        rows = await self._all(
            sa.select(entries).join(chosen, chosen.c.id == entries.c.id).order_by(entries.c.id.desc())
        )
        views: defaultdict[int, list[View]] = defaultdict(list)
        if rows:
            for row in await self._all(
                sa.select(entry_views.c.entry_id, entry_views.c.form, entry_views.c.frame, entry_views.c.hashes)
                .join(chosen, chosen.c.id == entry_views.c.entry_id)
                .order_by(entry_views.c.id)
            ):
                views[row.entry_id].append(View(row.form, row.frame, row.hashes))
        return [_entry(row, views[row.id]) for row in rows]


def _listed(bank_ids: Collection[int], *, active: bool) -> list[sa.ColumnElement[bool]]:
    condition: list[sa.ColumnElement[bool]] = [entries.c.bank_id.in_(bank_ids)]
    if active:
        condition.append(entries.c.revoked_at.is_(None))
    return condition


def _bank(row: sa.Row[Any]) -> Bank:
    return Bank(id=row.id, name=row.name, kind=row.kind, guild_id=row.guild_id, level=row.level)


def _entry(row: sa.Row[Any], views: Iterable[View]) -> Entry:
    return Entry(
        id=row.id,
        bank_id=row.bank_id,
        category=row.category,
        fingerprint=Fingerprint(row.sha256, tuple(views), row.width, row.height, row.frames, row.quality),
        note=row.note,
        added_by=row.added_by,
        added_at=row.added_at,
        source=row.source,
        case_id=row.case_id,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
        hunted_at=row.hunted_at,
    )
