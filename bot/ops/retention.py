"""Erases what is past its time. Every table with data about people has its period here."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from bot.settings import RetentionSettings
from bot.store.engine import Store
from bot.store.tallies import day_number, day_start

log = structlog.get_logger(__name__)


async def purge(store: Store, periods: RetentionSettings, *, exposure_days: int, now: datetime) -> None:
    """Erase what is older than its period.

    Sightings that no case holds, and finished calls, which name channels and members: as long as sightings, but a
    call of a case as long as its case, so that nothing of it can happen a second time. Cases that are decided, closed
    or expired, with their sightings, reports, sanctions, appeals and history: as long as cases. A case that waits for a
    decision stays: :mod:`bot.cases.aging` sees to it that none waits for ever. What moderators had to
    look at: ``exposure_days``. Before anything goes, the pictures of completed days are counted; these tallies of a
    server's days, which name nobody, are kept.
    """
    await count_days(store, periods, now=now)
    async with store.write() as tx:
        sightings = await tx.sightings.purge(now - timedelta(days=periods.sightings_days))
        calls = await tx.outbox.purge(now - timedelta(days=periods.sightings_days))
        cases = await tx.cases.purge(now - timedelta(days=periods.cases_days))
        exposures = await tx.looking.purge(now - timedelta(days=exposure_days))
    if sightings or cases or calls or exposures:
        log.info("retention.purged", sightings=sightings, cases=cases, calls=calls, exposures=exposures)


async def count_days(store: Store, periods: RetentionSettings, *, now: datetime) -> None:
    """Count the pictures of every completed day of which some may be erased next; doing it again changes nothing.

    A day at the edge of the period may have been erased in part, by another process just now too; it was counted
    before. After a long rest there are days beyond that edge.
    """
    kept_since = now - timedelta(days=periods.sightings_days)
    async with store.read() as tx:
        oldest = await tx.tallies.oldest()
    for day in range(min(day_number(kept_since), oldest or day_number(now)), day_number(now)):
        async with store.write() as tx:
            await tx.tallies.roll_up(day, whole=day_start(day) >= kept_since + timedelta(days=1))
