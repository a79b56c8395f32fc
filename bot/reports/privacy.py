"""What a member is shown of what is held on them in a guild, and how they have it erased."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.model import Appeal, Category, Report, Reporter, Sanction
from bot.settings import Settings
from bot.store.engine import Store, Tx
from bot.store.privacy import Traces

LIMITS = timedelta(days=1)
"""What a moderator faced within this time counts for their limits, so that erasing it is not a way around them."""


@dataclass(frozen=True, slots=True)
class Periods:
    """For how many days things are kept: who reported, cases after their decision, sightings, what moderators faced."""

    identity: int
    cases: int
    sightings: int
    exposures: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """All that is held on a member in a guild. Reports are newest first, appeals and sanctions oldest first."""

    reports: tuple[Report, ...]
    reporter: Reporter
    appeals: tuple[Appeal, ...]
    sanctions: tuple[Sanction, ...]
    opted_out: frozenset[Category]
    traces: Traces
    muted_until: datetime | None

    @property
    def waiting(self) -> int:
        """Their reports whose outcome they could still be told."""
        return sum(
            report.counts and not report.outcome_sent and report.reporter_id is not None for report in self.reports
        )


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was erased just now, and what is left.

    ``reports``, ``appeals``: how many lost what could be erased of them. ``until``: when the digest goes from those
    reports that count against too many until then; None: it went from all.
    """

    reports: int
    appeals: int
    exposures: int
    until: datetime | None
    left: Holdings


class PrivacyService:
    """Members and what is held on them. Everything in here is for the eyes of that member alone."""

    def __init__(self, store: Store, settings: Settings, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self.periods = Periods(
            identity=settings.reports.identity_days,
            cases=settings.retention.cases_days,
            sightings=settings.retention.sightings_days,
            exposures=settings.review.exposure_days,
        )

    async def show(self, guild_id: int, user_id: int) -> Holdings:
        """What is held on a member."""
        async with self._store.read() as tx:
            return await self._holdings(tx, guild_id, user_id)

    async def delete(self, guild_id: int, user_id: int) -> Deletion:
        """Erase what can be erased of a member; doing it again changes nothing.

        The reports stand as those of somebody, and nobody can be told any more what became of them. What counts against
        too many reports, and for a moderator's limits, goes on counting for its day. A mute stays until it is over.
        """
        now = self._clock()
        async with self._store.write() as tx:
            await tx.cases.in_turn(guild_id)
            erased = await tx.privacy.erase(guild_id, tx.reports.digest(guild_id, user_id), now)
            appeals = await tx.appeals.erase(user_id, guild_id)
            exposures = await tx.looking.erase(guild_id, user_id, now - LIMITS)
            await tx.erasure.forget_unheld(guild_id, user_id)
            left = await self._holdings(tx, guild_id, user_id)
        return Deletion(erased.reports, appeals, exposures, erased.until, left)

    async def seen(self, guild_id: int, user_id: int) -> None:
        """Note that a member is in the guild: whoever was found to have left it came back."""
        async with self._store.read() as tx:
            reporter = tx.reports.digest(guild_id, user_id)
            if (await tx.reporters.get(guild_id, reporter)).left_at is None:
                return
        async with self._store.write() as tx:
            await tx.reporters.seen(guild_id, reporter)

    async def _holdings(self, tx: Tx, guild_id: int, user_id: int) -> Holdings:
        digest = tx.reports.digest(guild_id, user_id)
        reporter = await tx.reporters.get(guild_id, digest)
        muted = reporter.muted_until is not None and reporter.muted_until > self._clock()
        return Holdings(
            reports=tuple(await tx.reports.by_reporter(guild_id, digest)),
            reporter=reporter,
            appeals=tuple(await tx.appeals.by_author(guild_id, user_id)),
            sanctions=tuple(await tx.sanctions.by_member(guild_id, user_id)),
            opted_out=await tx.looking.opted_out(guild_id, user_id),
            traces=await tx.privacy.traces(guild_id, user_id),
            muted_until=reporter.muted_until if muted else None,
        )
