"""Erases what is past its time. Every table with data about people has its period here."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from bot.settings import RetentionSettings
from bot.store.engine import Store

log = structlog.get_logger(__name__)


async def purge(store: Store, periods: RetentionSettings, *, now: datetime) -> None:
    """Erase sightings and decided cases (with their reports and history) that are older than their period."""
    async with store.write() as tx:
        sightings = await tx.sightings.purge(now - timedelta(days=periods.sightings_days))
        cases = await tx.cases.purge(now - timedelta(days=periods.cases_days))
    if sightings or cases:
        log.info("retention.purged", sightings=sightings, cases=cases)
