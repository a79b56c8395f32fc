"""What is held on one member of a guild, and how it is erased: at their wish, after they left, and by the clock.

A member's reports are found by their digest alone (see bot.store.reporter_ids). To erase them is to forget the sealed
id and the words, and to put random bytes in the place of the digest: what is left is a report of somebody. Only then
would reports also stop to count against too many of them, so that the digest of a report outlives its day.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import REPORTER_BYTES

from .reporter_ids import ReporterIds
from .reporters import Reporters
from .reports import NO_WORDS
from .repository import Repository
from .seals import Seals
from .tables import (
    appeals,
    banks,
    case_events,
    cases,
    entries,
    exposures,
    reporters,
    reports,
    reviewers,
    sightings,
    sweeps,
)

REPORT_WINDOW = timedelta(days=1)
"""The longest time over which reports of a member are counted against too many of them."""


class Traces(NamedTuple):
    """How often a member's id stands in a guild outside of reports and appeals.

    Messages that they posted; events of cases that say what they did; entries that they listed; how often they faced a
    case; and checks of older messages that they asked for.
    """

    messages: int
    events: int
    entries: int
    exposures: int
    sweeps: int = 0


class Erased(NamedTuple):
    """Reports that were erased just now, and when the digest goes from the youngest of them (None: it is gone)."""

    reports: int
    until: datetime | None


class Privacy(Repository):
    """What concerns one member, across tables."""

    __slots__ = ("_ids", "_reporters")

    def __init__(
        self, connection: AsyncConnection, *, writing: bool, reporters: Reporters, seals: Seals, secret: bytes | None
    ) -> None:
        super().__init__(connection, writing=writing)
        self._reporters = reporters
        self._ids = ReporterIds(seals, secret)

    async def traces(self, guild_id: int, user_id: int) -> Traces:
        """What stands in a guild under a member's own id."""
        posted = (sightings.c.guild_id == guild_id, sightings.c.author_id == user_id)
        did = (cases.c.guild_id == guild_id, case_events.c.actor_id == user_id)
        listed = (banks.c.guild_id == guild_id, entries.c.added_by == user_id)
        asked = (sweeps.c.guild_id == guild_id, sweeps.c.requested_by == user_id)
        faced = (exposures.c.guild_id == guild_id, exposures.c.user_id == user_id)
        number = sa.select(sa.func.count())
        events = number.select_from(case_events.join(cases)).where(*did)
        pictures = number.select_from(entries.join(banks, banks.c.id == entries.c.bank_id)).where(*listed)
        return Traces(
            messages=await self._scalar(sa.select(sa.func.count(sightings.c.message_id.distinct())).where(*posted)),
            events=await self._scalar(events),
            entries=await self._scalar(pictures),
            exposures=await self._scalar(number.select_from(exposures).where(*faced)),
            sweeps=await self._scalar(number.select_from(sweeps).where(*asked)),
        )

    async def known_ids(self, guild_id: int) -> set[int]:
        """The members of a guild of whom something is kept by their id that can be erased with their reports."""
        wrote = sa.select(appeals.c.author_id).where(appeals.c.guild_id == guild_id, appeals.c.statement != b"")
        faced = sa.select(exposures.c.user_id).where(exposures.c.guild_id == guild_id)
        chose = sa.select(reviewers.c.user_id).where(reviewers.c.guild_id == guild_id)
        return {row[0] for row in await self._all(sa.union(wrote, faced, chose))}

    # ------------------------------------------------------------------------------------------- the clock

    async def forget_ids(self, before: datetime, *, limit: int) -> int:
        """Forget who made the oldest reports from before then, up to so many; how many. Their digest stays.

        Never waits for anybody: a report that is just being changed is left for the next time.
        """
        old = (
            sa.select(reports.c.id)
            .where(reports.c.sealed_id.is_not(None), reports.c.created_at < before)
            .order_by(reports.c.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return await self._run(reports.update().where(reports.c.id.in_(old)).values(sealed_id=None))

    async def unlinkable(self, now: datetime) -> list[tuple[int, bytes]]:
        """The guilds and members of whose erased reports the digest is to go by now."""
        due = sa.select(reporters.c.guild_id, reporters.c.reporter).where(reporters.c.erase_at <= now)
        return [(row.guild_id, row.reporter) for row in await self._all(due)]

    async def gone(self, since: datetime) -> list[tuple[int, bytes]]:
        """The guilds and members of whom it was noticed, then or before, that they had left."""
        left = sa.select(reporters.c.guild_id, reporters.c.reporter).where(reporters.c.left_at <= since)
        return [(row.guild_id, row.reporter) for row in await self._all(left)]

    async def still_gone(self, guild_id: int, reporter: bytes, since: datetime) -> bool:
        """Whether that is so still. Nobody can note that they came back until a transaction that writes ends."""
        row = (reporters.c.guild_id == guild_id, reporters.c.reporter == reporter, reporters.c.left_at <= since)
        return await self._first(sa.select(reporters.c.reporter).where(*row).with_for_update()) is not None

    # ------------------------------------------------------------------------------------------- erasing

    async def erase(self, guild_id: int, reporter: bytes, now: datetime) -> Erased:
        """Forget who made a member's reports, what they wrote and what they chose. A mute stays until it is over.

        To be called in the guild's turn, so that nobody who changes several of these reports waits for this.
        """
        theirs = sa.and_(reports.c.guild_id == guild_id, reports.c.reporter == reporter)
        known = sa.or_(reports.c.sealed_id.is_not(None), reports.c.words != NO_WORDS)
        rows = await self._all(
            sa.select(reports.c.id, known.label("known")).where(theirs).order_by(reports.c.id).with_for_update()
        )
        await self._run(reports.update().where(theirs).values(sealed_id=None, words=NO_WORDS))
        unlinked, until = await self._unlink(guild_id, reporter, now)
        await self._reporters.change(guild_id, reporter, silent=False, left_at=None, erase_at=until)
        await self._reporters.purge_one(guild_id, reporter, now)
        return Erased(len({row.id for row in rows if row.known}.union(unlinked)), until)

    async def unlink(self, guild_id: int, reporter: bytes, now: datetime) -> None:
        """Take the digest off the reports that were erased before, as far as they are old enough by now."""
        _, until = await self._unlink(guild_id, reporter, now)
        await self._reporters.change(guild_id, reporter, erase_at=until)

    async def _unlink(self, guild_id: int, reporter: bytes, now: datetime) -> tuple[Sequence[int], datetime | None]:
        """The reports that lost their digest, and when the others of the erased ones will; those made since have ids.

        The id of a report is forgotten by the clock only when it is older than the window, and after this was done.
        """
        erased = sa.and_(reports.c.guild_id == guild_id, reports.c.reporter == reporter, reports.c.sealed_id.is_(None))
        rows = await self._all(
            sa.select(reports.c.id, reports.c.created_at).where(erased).order_by(reports.c.id).with_for_update()
        )
        old = [row.id for row in rows if row.created_at <= now - REPORT_WINDOW]
        if old:
            await self._connection.execute(
                reports.update()
                .where(reports.c.id == sa.bindparam("row_id"))
                .values(reporter=sa.bindparam("row_reporter")),
                [{"row_id": number, "row_reporter": secrets.token_bytes(REPORTER_BYTES)} for number in old],
            )
        young = [row.created_at + REPORT_WINDOW for row in rows if row.created_at > now - REPORT_WINDOW]
        return old, max(young, default=None)

    # ------------------------------------------------------------------------------------------- who left

    async def guilds_with_ids(self) -> list[int]:
        """The guilds in which the bot still knows who made some report."""
        rows = await self._all(sa.select(reports.c.guild_id).distinct().where(reports.c.sealed_id.is_not(None)))
        return sorted(row[0] for row in rows)

    async def with_ids(self, guild_id: int) -> list[tuple[bytes, int]]:
        """The members of a guild of whom the bot knows that they reported: their digest and id, in a lasting order."""
        newest = (
            sa.select(sa.func.max(reports.c.id))
            .where(reports.c.guild_id == guild_id, reports.c.sealed_id.is_not(None))
            .group_by(reports.c.reporter)
        )
        rows = await self._all(
            sa.select(reports.c.reporter, reports.c.sealed_id)
            .where(reports.c.id.in_(newest))
            .order_by(reports.c.reporter)
        )
        opened = ((row.reporter, self._ids.open(row.reporter, row.sealed_id)) for row in rows)
        return [(reporter, user_id) for reporter, user_id in opened if user_id is not None]
