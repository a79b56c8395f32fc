"""Every media item that was seen: its fingerprint, where and when; who posted it only if it matched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.model import MessageRef, Scan, Sighting, Surface, Unscannable, Verdict

from .codec import HEADER, load, pack
from .repository import Repository
from .tables import sightings

NOT_FETCHED = frozenset(
    {
        Unscannable.NO_PROXY,
        Unscannable.HOST_REFUSED,
        Unscannable.REDIRECT,
        Unscannable.GONE,
        Unscannable.FETCH_FAILED,
        Unscannable.FETCH_TIMEOUT,
    }
)
"""The bytes never arrived, so that the item is worth another try when Discord mentions it again."""


class Numbers(NamedTuple):
    """Sightings of a case: all, of removed messages, left out of its decision; their authors and channels."""

    total: int
    removed: int
    excepted: int
    authors: int
    channels: int


class Plain(NamedTuple):
    """What came of a media item from which nothing follows: no case and no call."""

    message: MessageRef
    media_id: str
    surface: Surface
    scan: Scan


class Sightings(Repository):
    """Media items that were seen, kept for the retention window or as long as their case."""

    __slots__ = ()

    async def add(
        self,
        message: MessageRef,
        media_id: str,
        surface: Surface,
        scan: Scan,
        *,
        seen_at: datetime,
        case_id: int | None = None,
    ) -> int | None:
        """Record a scan; None if this very file at this place is recorded already.

        Only upright hashes and grids are kept. The author is kept only when a moderator may have to know: the plan
        says review or remove, or a case holds it.
        """
        values = _values(message, media_id, surface, scan, seen_at, case_id)
        return (await self._connection.execute(self._insert_new(sightings).returning(sightings.c.id), values)).scalar()

    async def add_all(self, scans: Sequence[Plain], *, seen_at: datetime) -> list[bool]:
        """Record several scans as :meth:`add` does, none of them of a case; which were not recorded before."""
        if not scans:
            return []
        rows = [_values(*one, seen_at, None) for one in scans]
        result = await self._connection.execute(
            self._insert_new(sightings).returning(sightings.c.message_id, sightings.c.media_id, sightings.c.sha256),
            rows,
        )
        new = {tuple(row) for row in result.all()}
        added: list[bool] = []
        for row in rows:
            key = row["message_id"], row["media_id"], row["sha256"]
            added.append(key in new)
            new.discard(key)  # of two that are the same, one was new
        return added

    async def by_case(self, case_id: int, *, limit: int = 25, offset: int = 0) -> list[Sighting]:
        """The sightings of a case, oldest first."""
        return await self._sightings(sightings.c.case_id == case_id, limit=limit, offset=offset)

    async def count_by_case(self, case_id: int) -> Numbers:
        """How many sightings a case has, and of what kind."""
        row = await self._first(
            sa.select(
                sa.func.count(),
                sa.func.count(sightings.c.deleted_at),
                sa.func.count(sightings.c.excepted_by),
                sa.func.count(sightings.c.author_id.distinct()),
                sa.func.count(sightings.c.channel_id.distinct()),
            ).where(sightings.c.case_id == case_id)
        )
        return Numbers(0, 0, 0, 0, 0) if row is None else Numbers(*row)

    async def set_excepted(self, case_id: int, sighting_ids: Collection[int], by: int | None) -> int:
        """Leave sightings out of the decision on their case, or (``by`` None) take them in again; how many changed."""
        left_out = sightings.c.excepted_by.is_not(None)
        return await self._change(
            sa.and_(
                sightings.c.case_id == case_id,
                sightings.c.id.in_(sighting_ids),
                left_out if by is None else sa.not_(left_out),
            ),
            excepted_by=by,
        )

    async def move(self, from_case: int, to_case: int) -> int:
        """Give the sightings of a duplicate to the case that it is a duplicate of; how many."""
        return await self._change(sightings.c.case_id == from_case, case_id=to_case, moved_from=from_case)

    async def move_back(self, to_case: int) -> int:
        """Give back the sightings that were moved from a case; how many."""
        return await self._change(sightings.c.moved_from == to_case, case_id=to_case, moved_from=None)

    async def posted_by(self, case_id: int, author_id: int) -> bool:
        """Whether a member posted any of the sightings of a case, those included that went to another one with it."""
        found = sa.select(sightings.c.id).where(
            sa.or_(sightings.c.case_id == case_id, sightings.c.moved_from == case_id),
            sightings.c.author_id == author_id,
        )
        return await self._first(found.limit(1)) is not None

    async def posted(self, guild_id: int, author_id: int, *, case_id: int | None = None) -> list[Sighting]:
        """What a member posted in a guild that a case holds, or this case, oldest first."""
        conditions = [sightings.c.guild_id == guild_id, sightings.c.author_id == author_id]
        conditions.append(sightings.c.case_id.is_not(None) if case_id is None else sightings.c.case_id == case_id)
        return await self._sightings(sa.and_(*conditions))

    async def recorded(self, message_id: int, media_id: str, scan: Scan) -> bool:
        """Whether :meth:`add` would find this very file at this place recorded already."""
        found = sa.select(sightings.c.id).where(
            sightings.c.message_id == message_id,
            sightings.c.media_id == media_id,
            sightings.c.sha256 == _sha256(scan),
        )
        return await self._first(found.limit(1)) is not None

    async def by_message(self, message_id: int) -> list[Sighting]:
        """The sightings in one message, oldest first."""
        return await self._sightings(sightings.c.message_id == message_id)

    async def of_file(self, guild_id: int, sha256: bytes) -> list[Sighting]:
        """The sightings of this very file in a guild, oldest first. Reads all that the guild keeps: for rare use."""
        return await self._sightings(sa.and_(sightings.c.guild_id == guild_id, sightings.c.sha256 == sha256))

    async def known(self, message_id: int, media_ids: Collection[str]) -> set[str]:
        """Which of these media items of a message were seen already, apart from those that could not be fetched."""
        return set(await self.ended(message_id, media_ids))

    async def ended(self, message_id: int, media_ids: Collection[str]) -> dict[str, Verdict]:
        """How these media items of a message ended; those are left out that :meth:`known` leaves out."""
        rows = await self._all(
            sa.select(sightings.c.media_id, sightings.c.verdict)
            .where(
                sightings.c.message_id == message_id,
                sightings.c.media_id.in_(media_ids),
                sa.or_(sightings.c.unscannable.is_(None), sightings.c.unscannable.not_in(NOT_FETCHED)),
            )
            .order_by(sightings.c.id)
        )
        return {row.media_id: row.verdict for row in rows}

    async def stream(self, guild_id: int | None, since: datetime, *, batch: int = 500) -> AsyncIterator[list[Sighting]]:
        """Sightings seen since then that can be compared and still stand, oldest first, in lists of ``batch``.

        ``guild_id`` None: those of every guild. Reading a list holds the event loop up, a larger one for longer.
        """
        conditions = [
            sightings.c.seen_at >= since,
            sightings.c.deleted_at.is_(None),
            sa.func.length(sightings.c.fingerprint) > HEADER.size,
        ]
        if guild_id is not None:
            conditions.append(sightings.c.guild_id == guild_id)
        place = sa.tuple_(sightings.c.seen_at, sightings.c.id)
        statement = sa.select(sightings).where(*conditions).order_by(sightings.c.seen_at, sightings.c.id).limit(batch)
        rows = await self._all(statement)
        while rows:
            yield [_sighting(row) for row in rows]
            if len(rows) < batch:
                return
            last = sa.tuple_(
                sa.literal(rows[-1].seen_at, sightings.c.seen_at.type), sa.literal(rows[-1].id, sightings.c.id.type)
            )
            rows = await self._all(statement.where(place > last))

    async def attach(
        self,
        sighting_ids: Collection[int],
        case_id: int,
        entry_id: int | None,
        distances: Mapping[int, int],
        author_id: int | None = None,
        *,
        agreements: Mapping[int, float] | None = None,
    ) -> None:
        """Tie sightings to a case: found near this entry, at these distances and agreements by sighting id.

        A match by hashes alone has no agreement, and one by local features no distance. ``author_id``: who posted
        them, where that is known and was not kept before. What an earlier case said of them is over.
        """
        if not sighting_ids:
            return
        agreements = agreements or {}
        rows = [
            {"row_id": id_, "row_distance": distances.get(id_), "row_agreement": agreements.get(id_)}
            for id_ in sorted(sighting_ids)
        ]
        changes: dict[str, Any] = {
            "case_id": case_id,
            "excepted_by": None,
            "moved_from": None,
            "entry_id": entry_id,
            "distance": sa.bindparam("row_distance"),
            "agreement": sa.bindparam("row_agreement"),
        }
        if author_id is not None:
            changes["author_id"] = author_id
        await self._connection.execute(
            sightings.update().where(sightings.c.id == sa.bindparam("row_id")).values(changes), rows
        )

    async def mark_deleted(self, message_id: int, at: datetime) -> None:
        """Note that a message is gone. A time that was noted before stays."""
        await self._change(
            sa.and_(sightings.c.message_id == message_id, sightings.c.deleted_at.is_(None)), deleted_at=at
        )

    async def counts(self, guild_id: int | None, since: datetime) -> dict[str, int]:
        """How many media items ended how since then: by verdict, the unscannable ones as ``unscannable:reason``.

        ``guild_id`` None: in every guild.
        """
        statement = (
            sa.select(sightings.c.verdict, sightings.c.unscannable, sa.func.count().label("number"))
            .where(sightings.c.seen_at >= since)
            .group_by(sightings.c.verdict, sightings.c.unscannable)
        )
        if guild_id is not None:
            statement = statement.where(sightings.c.guild_id == guild_id)
        totals: dict[str, int] = {}
        for row in await self._all(statement):
            key = f"{Verdict.UNSCANNABLE}:{row.unscannable}" if row.verdict is Verdict.UNSCANNABLE else str(row.verdict)
            totals[key] = totals.get(key, 0) + row.number
        return totals

    async def _change(self, condition: sa.ColumnElement[bool], **values: Any) -> int:  # noqa: ANN401 - of any column
        """Change rows in the order of their numbers, so that two who change the same never wait for each other."""
        if self._postgresql:
            await self._all(sa.select(sightings.c.id).where(condition).order_by(sightings.c.id).with_for_update())
        return await self._run(sightings.update().where(condition).values(**values))

    async def _sightings(
        self, condition: sa.ColumnElement[bool], *, limit: int | None = None, offset: int = 0
    ) -> list[Sighting]:
        statement = sa.select(sightings).where(condition).order_by(sightings.c.seen_at, sightings.c.id)
        statement = statement.limit(limit).offset(offset or None)
        return [_sighting(row) for row in await self._all(statement)]


def _values(
    message: MessageRef, media_id: str, surface: Surface, scan: Scan, seen_at: datetime, case_id: int | None
) -> dict[str, Any]:
    """A scan as a row."""
    fingerprint = scan.fingerprint
    match = scan.plan.match
    named = case_id is not None or scan.plan.verdict in (Verdict.REVIEW, Verdict.REMOVE)
    return {
        "guild_id": message.guild_id,
        "channel_id": message.channel_id,
        "message_id": message.message_id,
        "author_id": message.author_id if named else None,
        "author_is_bot": message.author_is_bot,
        "webhook_id": message.webhook_id,
        "edited": message.edited,
        "media_id": media_id,
        "surface": surface,
        "seen_at": seen_at,
        "verdict": scan.plan.verdict,
        "sha256": _sha256(scan),
        "fingerprint": pack(fingerprint.upright()) if fingerprint else None,
        "unscannable": scan.unscannable,
        "entry_id": match.entry_id if match else None,
        "distance": match.distance if match else None,
        "margin": match.margin if match else None,
        "agreement": match.evidence.agreement if match and match.evidence else None,
        "case_id": case_id,
    }


def _sha256(scan: Scan) -> bytes:
    return scan.fingerprint.sha256 if scan.fingerprint else scan.sha256 or b""


def _sighting(row: sa.Row[Any]) -> Sighting:
    return Sighting(
        id=row.id,
        message=MessageRef(
            guild_id=row.guild_id,
            channel_id=row.channel_id,
            message_id=row.message_id,
            author_id=row.author_id,
            author_is_bot=row.author_is_bot,
            webhook_id=row.webhook_id,
            edited=row.edited,
        ),
        media_id=row.media_id,
        surface=row.surface,
        seen_at=row.seen_at,
        verdict=row.verdict,
        fingerprint=load(row.fingerprint, row.sha256),
        unscannable=row.unscannable,
        entry_id=row.entry_id,
        distance=row.distance,
        margin=row.margin,
        case_id=row.case_id,
        deleted_at=row.deleted_at,
        agreement=row.agreement,
        excepted_by=row.excepted_by,
        moved_from=row.moved_from,
    )
