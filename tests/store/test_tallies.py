"""Pictures of days, counted before they are erased, and never counted down by the erasing."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.model import Plan, Scan, Surface, Unscannable, Verdict
from bot.ops import retention
from bot.settings import RetentionSettings
from bot.store.engine import Store, Tx
from bot.store.tables import sightings, tallies
from bot.store.tallies import day_number, day_start

from .samples import DAY, GUILD, MINUTE, NOW, OTHER_GUILD, call, message, open_case, scan

TODAY = day_number(NOW)
PERIODS = RetentionSettings(sightings_days=4)


async def see(tx: Tx, number: int, at: datetime, verdict: Verdict = Verdict.CLEAR, *, guild_id: int = GUILD) -> None:
    found = scan(number, verdict=verdict)
    if verdict is Verdict.UNSCANNABLE:
        found = Scan(Plan(verdict), unscannable=Unscannable.GONE)
    added = await tx.sightings.add(message(number, guild_id=guild_id), "a", Surface.ATTACHMENT, found, seen_at=at)
    assert added is not None


async def read(store: Store, guild_id: int = GUILD) -> dict[tuple[int, str], int]:
    async with store.read() as tx:
        return await tx.tallies.read(guild_id, 0, TODAY)


def test_a_day_is_a_day_in_utc():
    assert day_number(datetime(1970, 1, 2, tzinfo=UTC)) == 1
    assert day_number(datetime(1970, 1, 1, 23, 59, 59, 999_999, tzinfo=UTC)) == 0
    assert day_start(TODAY) == datetime(2026, 11, 22, tzinfo=UTC)


async def test_completed_days_are_counted_by_how_pictures_ended(store: Store):
    start = day_start(TODAY)
    async with store.write() as tx:
        await see(tx, 1, start - MINUTE)
        await see(tx, 2, start - DAY)
        await see(tx, 3, start - DAY, Verdict.REVIEW)
        await see(tx, 4, start - DAY, Verdict.REMOVE)
        await see(tx, 5, start - DAY, Verdict.UNSCANNABLE)
        await see(tx, 6, start - 2 * DAY, Verdict.REMOVE)
        await see(tx, 7, start)  # today goes on
        await see(tx, 8, start - MINUTE, guild_id=OTHER_GUILD)
    await retention.count_days(store, PERIODS, now=NOW)
    assert await read(store) == {
        (TODAY - 1, "scanned"): 5,
        (TODAY - 1, "clear"): 2,
        (TODAY - 1, "review"): 1,
        (TODAY - 1, "remove"): 1,
        (TODAY - 1, "unscannable"): 1,
        (TODAY - 2, "scanned"): 1,
        (TODAY - 2, "remove"): 1,
    }
    assert await read(store, OTHER_GUILD) == {(TODAY - 1, "scanned"): 1, (TODAY - 1, "clear"): 1}


async def test_counting_again_changes_nothing(store: Store):
    async with store.write() as tx:
        await see(tx, 1, NOW - DAY)
        await see(tx, 2, NOW - 3 * DAY, Verdict.REMOVE)
    await retention.count_days(store, PERIODS, now=NOW)
    before = await read(store)
    await retention.count_days(store, PERIODS, now=NOW)
    await retention.count_days(store, PERIODS, now=NOW + 6 * 60 * MINUTE)
    assert await read(store) == before != {}


async def test_what_changes_late_is_corrected(store: Store):
    async with store.write() as tx:
        await see(tx, 1, NOW - 2 * DAY)
        await see(tx, 2, NOW - 2 * DAY, Verdict.REMOVE)
    await retention.count_days(store, PERIODS, now=NOW)
    async with store.write() as tx:
        await see(tx, 3, NOW - 2 * DAY)
        await tx.connection.execute(sightings.delete().where(sightings.c.verdict == Verdict.REMOVE))
    await retention.count_days(store, PERIODS, now=NOW)
    assert await read(store) == {(TODAY - 2, "scanned"): 2, (TODAY - 2, "clear"): 2}


async def test_the_tally_of_a_day_outlives_its_sightings(store: Store):
    async with store.write() as tx:
        for number in range(24):
            await see(tx, number, day_start(TODAY - 4) + number * 60 * MINUTE)
    for hours in range(0, 60, 12):
        await retention.purge(store, PERIODS, exposure_days=90, now=NOW - DAY + timedelta(hours=hours))
    async with store.read() as tx:
        assert await tx.sightings.counts(None, NOW - 400 * DAY) == {}
    assert await read(store) == {(TODAY - 4, "scanned"): 24, (TODAY - 4, "clear"): 24}


@pytest.mark.parametrize("asleep", [0, 9])
async def test_nothing_is_erased_uncounted_with_the_shortest_period(store: Store, asleep: int):
    """The bot may rest for days, and every day is erased in part before it could be counted again."""
    periods = RetentionSettings(sightings_days=1)
    first = day_start(TODAY - 40)
    for hours in range(0, 72, 6):
        now = first + timedelta(hours=hours)
        async with store.write() as tx:
            await see(tx, hours, now)
        await retention.purge(store, periods, exposure_days=90, now=now)
    for hours in range(0, 72, 6):
        await retention.purge(store, periods, exposure_days=90, now=first + timedelta(days=3 + asleep, hours=hours))
    found = await read(store)
    assert [found[TODAY - 40 + day, "scanned"] for day in range(3)] == [4, 4, 4]


async def test_a_case_that_is_held_for_longer_does_not_count_its_day_down(store: Store):
    old = NOW - 3 * DAY
    async with store.write() as tx:
        case = await open_case(tx)
        await tx.sightings.add(message(1), "a", Surface.ATTACHMENT, scan(1), seen_at=old, case_id=case.id)
        await see(tx, 2, old)
    for days in range(5):
        await retention.purge(store, PERIODS, exposure_days=90, now=NOW + days * DAY)
    assert (await read(store))[day_number(old), "scanned"] == 2


async def test_days_that_are_not_counted_yet_are_read_from_the_sightings(store: Store):
    async with store.write() as tx:
        await see(tx, 1, NOW)
        await see(tx, 2, NOW, Verdict.UNSCANNABLE)
        await see(tx, 3, NOW - DAY)
        await see(tx, 4, NOW + DAY)
        await see(tx, 5, NOW, guild_id=OTHER_GUILD)
    async with store.read() as tx:
        assert await tx.tallies.last_day(GUILD) is None
        assert await tx.tallies.count(GUILD, day_start(TODAY), NOW + MINUTE) == {
            (TODAY, "scanned"): 2,
            (TODAY, "clear"): 1,
            (TODAY, "unscannable"): 1,
        }
    await retention.count_days(store, PERIODS, now=NOW)
    async with store.read() as tx:
        assert await tx.tallies.last_day(GUILD) == TODAY - 1


async def test_tallies_are_kept_for_good(store: Store):
    async with store.write() as tx:
        await see(tx, 1, NOW - DAY)
        await tx.outbox.put([call("a")], NOW)
    await retention.purge(store, PERIODS, exposure_days=90, now=NOW)
    await retention.purge(store, PERIODS, exposure_days=90, now=NOW + 2000 * DAY)
    assert await read(store) == {(TODAY - 1, "scanned"): 1, (TODAY - 1, "clear"): 1}


def test_a_tally_can_name_nobody():
    assert {column.name for column in tallies.c} == {"guild_id", "day", "name", "number"}
