"""Erases what is past its time, as :mod:`bot.store.periods` says for each table, while the bot runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from bot.settings import RetentionSettings
from bot.store.engine import Store, Tx
from bot.store.periods import children_first, expired
from bot.store.rules import Condition, Period, Rule
from bot.store.tallies import day_number, day_start

log = structlog.get_logger(__name__)


LEFT = timedelta(days=30)
"""How long after a reporter left a server what is known of them there is kept, in case they come back."""

_BATCH = 500
"""Rows of one transaction: a running bot is never kept from writing for long."""

PAUSE_SECONDS = 0.01
"""Between two transactions that erase."""


async def purge(store: Store, periods: RetentionSettings, *, exposure_days: int, now: datetime) -> None:
    """Erase what is older than its period, table by table, as the rules of :mod:`bot.store.periods` say.

    Rows that hang on others go before those. A case that waits for a decision stays: :mod:`bot.cases.aging` sees to it
    that none waits for ever. Before anything goes, the pictures of completed days are counted; these tallies of a
    server's days, which name nobody, are kept.
    """
    await count_days(store, periods, now=now)
    days = {
        Period.SIGHTINGS: periods.sightings_days,
        Period.CASES: periods.cases_days,
        Period.EXPOSURES: exposure_days,
    }
    before = {period: now - timedelta(days=number) for period, number in days.items()}
    erased: dict[str, int] = {}
    for rule in children_first():
        for condition in expired(rule, before):
            number = await erase(store, rule, condition)
            if number:
                erased[rule.table.name] = erased.get(rule.table.name, 0) + number
    if erased:
        log.info("retention.purged", **erased)
    if "jobs" in erased:
        # Their addresses ended long ago. It takes an outage as long as the period, or pictures faster than scans.
        log.error("retention.pictures_lost", messages=erased["jobs"], waited_days=periods.sightings_days)


async def erase(
    store: Store, rule: Rule, condition: Condition, *, allowed: Callable[[Tx], Awaitable[bool]] | None = None
) -> int:
    """Erase the rows of a table for which a condition is true, a batch a transaction; how many.

    ``allowed`` is asked at the beginning of each transaction; once it says no, the rest stays.
    """
    total = 0
    while True:
        async with store.read() as tx:
            keys = await tx.erasure.find(rule, condition, limit=_BATCH)
        if not keys:
            return total
        async with store.write() as tx:
            if allowed is not None and not await allowed(tx):
                return total
            number = await tx.erasure.erase(rule, condition, keys)
        total += number
        if number == 0 or len(keys) < _BATCH:
            return total
        # Whoever waits to write gets their turn, however fast the next batch is found.
        await asyncio.sleep(PAUSE_SECONDS)


async def forget_reporters(store: Store, *, identity_days: int, now: datetime) -> None:
    """Erase what is past its time of those who reported; doing it again, or in several processes, changes nothing.

    Who made a report: ``identity_days``. The digest of what a member had erased: as long as their reports count against
    too many of them. All that is known of a reporter who left the server: :data:`LEFT`. A mute: until it is over.
    """
    async with store.read() as tx:
        unlinkable, gone = await tx.privacy.unlinkable(now), await tx.privacy.gone(now - LEFT)
    # First, because it knows erased reports by their missing id.
    for guild_id, reporter in unlinkable:
        async with store.write() as tx:
            await tx.cases.in_turn(guild_id)
            await tx.privacy.unlink(guild_id, reporter, now)
    for guild_id, reporter in gone:
        await _forget_who_left(store, guild_id, reporter, now)
    identities, forgotten = 0, _BATCH
    while forgotten == _BATCH:
        async with store.write() as tx:
            forgotten = await tx.privacy.forget_ids(now - timedelta(days=identity_days), limit=_BATCH)
        identities += forgotten
    async with store.write() as tx:
        reporters = await tx.reporters.purge(now)
    if identities or gone or unlinkable or reporters:
        log.info(
            "retention.reporters",
            identities=identities,
            left=len(gone),
            erased=len(unlinkable),
            rows=reporters,
        )


async def _forget_who_left(store: Store, guild_id: int, reporter: bytes, now: datetime) -> None:
    """Erase all that ``/privacy delete`` would. Their id may be forgotten by now; what lies under it is found anew."""
    async with store.write() as tx:
        await tx.cases.in_turn(guild_id)
        if not await tx.privacy.still_gone(guild_id, reporter, now - LEFT):
            return
        for user_id in await tx.privacy.known_ids(guild_id):
            if tx.reports.digest(guild_id, user_id) == reporter:
                await tx.appeals.erase(user_id, guild_id)
                await tx.looking.erase(guild_id, user_id)
        await tx.privacy.erase(guild_id, reporter, now)


async def count_days(store: Store, periods: RetentionSettings, *, now: datetime) -> None:
    """Count the pictures of every completed day of which some may be erased next; doing it again changes nothing.

    A day at the edge of the period may have been erased in part, by another process just now too; it was counted
    before. After a long rest there are days beyond that edge.
    """
    kept_since = now - timedelta(days=periods.sightings_days)
    async with store.read() as tx:
        oldest = await tx.tallies.oldest()
    for day in range(min(day_number(kept_since), oldest or day_number(now)), day_number(now)):
        # Counted without keeping anybody from writing: a day that is over gets no more sightings.
        async with store.read() as tx:
            numbers = await tx.tallies.sum_up(day)
        async with store.write() as tx:
            await tx.tallies.keep(day, numbers, whole=day_start(day) >= kept_since + timedelta(days=1))
