"""Cases: opened, found and changed. Their history is bot.store.events; all that a card shows is bot.store.views."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import DatabaseError, NotFoundError
from bot.model import (
    UNDECIDED,
    Case,
    CaseOrigin,
    CaseState,
    Category,
    Decision,
    Fingerprint,
    Match,
    PolicyReason,
    PriorityPart,
    Signal,
    Thresholds,
)

from .codec import (
    load,
    load_features,
    match_from_json,
    match_to_json,
    pack,
    pack_features,
    parts_from_json,
    parts_to_json,
    signals_from_json,
    signals_to_json,
    thresholds_from_json,
    thresholds_to_json,
)
from .repository import Repository
from .seals import Seals, case_context
from .tables import cases, guilds, sightings

CaseList = list[Case]

_UNDECIDED = cases.c.state.in_(UNDECIDED)


class CaseChanges(TypedDict, total=False):
    """Fields of :class:`Case` that a change may set; what is not given stays as it is."""

    state: CaseState
    decision: Decision | None
    decided_by: int | None
    decided_at: datetime | None
    policy_reason: PolicyReason | None
    decision_number: int
    duplicate_of: int | None
    category: Category
    match: Match | None
    entry_id: int | None
    reasons: tuple[str, ...]
    claimed_by: int | None
    claimed_until: datetime | None
    thumbhash: bytes | None
    bumped_at: datetime | None
    escalated_at: datetime | None


class Cases(Repository):
    """Cases. Every change of one goes through its version."""

    __slots__ = ("_seals", "_turns")

    def __init__(self, connection: AsyncConnection, *, writing: bool, seals: Seals) -> None:
        super().__init__(connection, writing=writing)
        self._seals = seals
        self._turns: set[int] = set()

    async def open(
        self,
        *,
        guild_id: int,
        category: Category,
        origin: CaseOrigin,
        opened_at: datetime,
        entry_id: int | None,
        match: Match | None,
        thresholds: Thresholds,
        program_version: str,
        fingerprint: Fingerprint | None,
        reasons: tuple[str, ...] = (),
    ) -> Case:
        """Open a case, at version 1."""
        row = await self._first(
            cases.insert()
            .values(
                guild_id=guild_id,
                category=category,
                origin=origin,
                state=CaseState.OPEN,
                version=1,
                opened_at=opened_at,
                entry_id=entry_id,
                match=match_to_json(match),
                thresholds=thresholds_to_json(thresholds),
                program_version=program_version,
                sha256=fingerprint.sha256 if fingerprint else None,
                fingerprint=pack(fingerprint) if fingerprint else None,
                features=self._sealed(fingerprint) if fingerprint else None,
                reasons=list(reasons),
            )
            .returning(*cases.c)
        )
        if row is None:
            raise DatabaseError("The database did not keep the case; run `stanguard db check`.")
        return self._case(row)

    async def get(self, case_id: int, *, hold: bool = False) -> Case | None:
        """The case of this id; ``hold``: nobody else changes it until this transaction ends."""
        statement = sa.select(cases).where(cases.c.id == case_id)
        row = await self._first(statement.with_for_update() if hold else statement)
        return None if row is None else self._case(row)

    async def touch(self, case_id: int) -> Case:
        """The case as it stands; a transaction that writes keeps it so until it ends. Raises NotFoundError."""
        statement = sa.select(cases).where(cases.c.id == case_id)
        row = await self._first(statement.with_for_update() if self._writing else statement)
        if row is None:
            raise NotFoundError(f"There is no case {case_id}; it may have been erased after its time.")
        return self._case(row)

    async def free(self, case_ids: Collection[int]) -> CaseList:
        """Those of these cases that nobody else is changing just now, kept so until a transaction that writes ends.

        Never waits, so it may follow any other lock.
        """
        statement = sa.select(cases).where(cases.c.id.in_(case_ids)).order_by(cases.c.id)
        return await self._cases(statement.with_for_update(skip_locked=True) if self._writing else statement)

    async def in_turn(self, guild_id: int) -> None:
        """Have others that look for open cases of this guild wait until a transaction that writes ends.

        So two of them can never both find none and open one each. To be called before any row of a case is locked.
        """
        if guild_id not in self._turns:
            await self._lock("case", guild_id)
            self._turns.add(guild_id)

    async def find_open(self, guild_id: int, *, entry_id: int | None = None) -> Case | None:
        """The oldest undecided case of a guild, of one entry if given. Takes its turn: :meth:`in_turn`."""
        await self.in_turn(guild_id)
        statement = sa.select(cases).where(cases.c.guild_id == guild_id, _UNDECIDED)
        if entry_id is not None:
            statement = statement.where(cases.c.entry_id == entry_id)
        row = await self._first(statement.order_by(cases.c.id).limit(1))
        return None if row is None else self._case(row)

    async def open_cases(self, guild_id: int) -> CaseList:
        """Every undecided case of a guild, oldest first. Takes its turn: :meth:`in_turn`."""
        await self.in_turn(guild_id)
        return await self._cases(sa.select(cases).where(cases.c.guild_id == guild_id, _UNDECIDED).order_by(cases.c.id))

    async def confirmed_file(self, guild_id: int, sha256: bytes, since: datetime) -> CaseList:
        """Cases of a guild that were confirmed since then and hold this very file, newest first. Takes its turn."""
        await self.in_turn(guild_id)
        seen = sa.select(sightings.c.id).where(sightings.c.case_id == cases.c.id, sightings.c.sha256 == sha256)
        return await self._cases(
            sa.select(cases)
            .where(
                cases.c.guild_id == guild_id,
                cases.c.state == CaseState.DECIDED,
                cases.c.decision == Decision.CONFIRM,
                cases.c.decided_at >= since,
                sa.or_(cases.c.sha256 == sha256, seen.exists()),
            )
            .order_by(cases.c.id.desc())
        )

    async def of_file(self, guild_id: int, sha256: bytes) -> CaseList:
        """Cases of a guild that hold this very file, newest first; what was left out of a case does not count."""
        seen = sa.select(sightings.c.case_id).where(
            sightings.c.sha256 == sha256, sightings.c.case_id.is_not(None), sightings.c.excepted_by.is_(None)
        )
        own = sa.select(cases.c.id).where(cases.c.sha256 == sha256)
        held = cases.c.id.in_(own.union(seen))
        return await self._cases(sa.select(cases).where(held, cases.c.guild_id == guild_id).order_by(cases.c.id.desc()))

    async def decided_on_entry(self, guild_id: int, entry_id: int) -> CaseList:
        """Every decided case of a guild that hangs on this entry, oldest first."""
        return await self._cases(
            sa.select(cases)
            .where(
                cases.c.guild_id == guild_id,
                cases.c.entry_id == entry_id,
                cases.c.state.in_((CaseState.DECIDED, CaseState.CLOSED)),
            )
            .order_by(cases.c.id)
        )

    async def duplicates_of(self, case_id: int) -> list[int]:
        """The cases that were decided to be duplicates of this one."""
        rows = await self._all(sa.select(cases.c.id).where(cases.c.duplicate_of == case_id).order_by(cases.c.id))
        return [row.id for row in rows]

    async def open_duplicates(self, guild_id: int) -> CaseList:
        """The duplicates of the undecided cases of a guild, oldest first. Takes its turn: :meth:`in_turn`."""
        await self.in_turn(guild_id)
        undecided = sa.select(cases.c.id).where(cases.c.guild_id == guild_id, _UNDECIDED)
        return await self._cases(sa.select(cases).where(cases.c.duplicate_of.in_(undecided)).order_by(cases.c.id))

    async def compare_and_set(self, case_id: int, version: int, **changes: Unpack[CaseChanges]) -> Case | None:
        """Change the given fields and raise the version by one; None if ``version`` is not the current one."""
        values: dict[str, Any] = dict(changes)
        if "match" in changes:
            values["match"] = match_to_json(changes["match"])
        if "reasons" in changes:
            values["reasons"] = list(changes["reasons"])
        row = await self._first(
            cases.update()
            .where(cases.c.id == case_id, cases.c.version == version)
            .values(version=version + 1, **values)
            .returning(*cases.c)
        )
        return None if row is None else self._case(row)

    async def set_card(self, case_id: int, channel_id: int | None, message_id: int | None) -> None:
        """Note where the card of a case stands. The version stays: nothing was decided."""
        await self._run(
            cases.update().where(cases.c.id == case_id).values(card_channel_id=channel_id, card_message_id=message_id)
        )

    async def renew_claim(self, case_id: int, holder_id: int, *, now: datetime, until: datetime) -> None:
        """Let the lease of somebody who holds a case end later. The version stays: nothing changed for anybody else."""
        await self._run(
            cases.update()
            .where(cases.c.id == case_id, cases.c.claimed_by == holder_id, cases.c.claimed_until > now)
            .values(claimed_until=until)
        )

    async def keep_thumbhash(self, case_id: int, thumbhash: bytes) -> None:
        """Keep a rendering of a picture for its case, if that is undecided and has none.

        Nothing is kept where a minor is suspected, nor in a guild that allows no renderings (any more): the scan may
        have begun before. To be called in the guild's turn: :meth:`in_turn`.
        """
        allowed = sa.select(guilds.c.guild_id).where(guilds.c.guild_id == cases.c.guild_id, guilds.c.reveal)
        await self._run(
            cases.update()
            .where(
                cases.c.id == case_id,
                _UNDECIDED,
                cases.c.thumbhash.is_(None),
                cases.c.category != Category.MINOR_SUSPECTED,
                allowed.exists(),
            )
            .values(thumbhash=thumbhash)
        )

    async def prioritise(self, case_id: int, parts: Sequence[PriorityPart], takedown_at: datetime | None) -> None:
        """Write down what puts a case before others. The version stays: nothing was decided."""
        values = {"priority": sum(part.points for part in parts), "priority_parts": parts_to_json(parts)}
        await self._run(cases.update().where(cases.c.id == case_id).values(takedown_at=takedown_at, **values))

    async def keep_signals(self, case_id: int, signals: Sequence[Signal]) -> None:
        """Write down what the files of a case say about themselves, over what was there. The version stays."""
        await self._run(cases.update().where(cases.c.id == case_id).values(signals=signals_to_json(signals)))

    async def drop_thumbhashes(self, guild_id: int) -> int:
        """Forget the renderings of all cases of a guild; how many there were. Takes its turn: :meth:`in_turn`."""
        await self.in_turn(guild_id)
        kept = sa.and_(cases.c.guild_id == guild_id, cases.c.thumbhash.is_not(None))
        return await self._run(cases.update().where(kept).values(thumbhash=None))

    async def drop_features(self, guild_id: int | None = None) -> None:
        """Forget the local features of every case of a guild, which takes its turn, or of all guilds (None)."""
        if guild_id is not None:
            await self.in_turn(guild_id)
        forget = cases.update().where(cases.c.features.is_not(None)).values(features=None)
        await self._run(forget if guild_id is None else forget.where(cases.c.guild_id == guild_id))

    async def list(self, guild_id: int, *, state: CaseState | None = None, limit: int = 25) -> CaseList:
        """Cases of a guild, newest first."""
        statement = sa.select(cases).where(cases.c.guild_id == guild_id).order_by(cases.c.id.desc()).limit(limit)
        if state is not None:
            statement = statement.where(cases.c.state == state)
        return await self._cases(statement)

    async def _cases(self, statement: sa.Executable) -> CaseList:
        return [self._case(row) for row in await self._all(statement)]

    def _sealed(self, fingerprint: Fingerprint) -> bytes | None:
        return self._seals.seal(pack_features(fingerprint.views), case_context(fingerprint.sha256))

    def _case(self, row: sa.Row[Any]) -> Case:
        fingerprint = load(row.fingerprint, row.sha256)
        if fingerprint is not None and row.features is not None:
            features = self._seals.open(row.features, case_context(fingerprint.sha256))
            fingerprint = load_features(fingerprint, features)
        return Case(
            id=row.id,
            guild_id=row.guild_id,
            category=row.category,
            origin=row.origin,
            state=row.state,
            version=row.version,
            opened_at=row.opened_at,
            entry_id=row.entry_id,
            match=match_from_json(row.match),
            thresholds=thresholds_from_json(row.thresholds),
            program_version=row.program_version,
            fingerprint=fingerprint,
            reasons=tuple(row.reasons),
            decision=row.decision,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
            card_channel_id=row.card_channel_id,
            card_message_id=row.card_message_id,
            policy_reason=row.policy_reason,
            decision_number=row.decision_number,
            duplicate_of=row.duplicate_of,
            claimed_by=row.claimed_by,
            claimed_until=row.claimed_until,
            thumbhash=row.thumbhash,
            bumped_at=row.bumped_at,
            escalated_at=row.escalated_at,
            priority=parts_from_json(row.priority_parts),
            takedown_at=row.takedown_at,
            signals=signals_from_json(row.signals),
        )
