"""Every table is filled, and what the rules promise is looked at: at a member's wish, and by the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.ops import retention
from bot.reports.privacy import PrivacyService
from bot.settings import RetentionSettings, Settings
from bot.store import tables
from bot.store.engine import Store
from bot.store.periods import RULES
from bot.store.rules import Rule, Wish
from tests.store.filled import Rows, fill, rows
from tests.store.samples import DAY, GUILD, MINUTE, NOW, OTHER_GUILD

MEMBER, OTHER = 2**60 + 7, 2**60 + 8
INSTALLATION = {"installation", "bank_changes"}


class Time:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def full(store: Store) -> Store:
    await fill(store, GUILD, MEMBER, NOW)
    await fill(store, OTHER_GUILD, MEMBER, NOW, number=1)
    return store


async def purge(store: Store, now: Any) -> None:
    await retention.purge(store, RetentionSettings(), exposure_days=90, now=now)
    await retention.forget_reporters(store, identity_days=30, now=now)


def of(found: Rows, guild_id: int) -> Rows:
    """The rows of a server, by its id or through what they hang on."""
    mine: Rows = {}
    for rule in reversed([RULES[table.name] for table in reversed(tables.metadata.sorted_tables)]):
        name = rule.table.name
        if "guild_id" in rule.table.c:
            mine[name] = [row for row in found[name] if row["guild_id"] == guild_id]
        elif rule.parent is not None:
            (key,) = rule.parent.foreign_keys
            parents = {row[key.column.name] for row in mine[key.column.table.name]}
            mine[name] = [row for row in found[name] if row[rule.parent.name] in parents]
    return mine


def values(found: Rows, table: str, column: str) -> set[Any]:
    return {str(row[column]) for row in found[table] if row[column] not in (None, b"", "")}


def held(table: str, row: dict[str, Any]) -> bool:
    """Whether a case or unfinished work holds a row."""
    if table == "sightings":
        return row["case_id"] is not None
    return row["finished_at"] is None or row.get("case_id") is not None


def goes_by_the_clock(rule: Rule) -> bool:
    return rule.clock is not None or (rule.parent is not None and rule.table.name not in {"entries", "entry_views"})


async def test_every_table_is_filled(full: Store):
    found = of(await rows(full), GUILD)
    assert {*found, *INSTALLATION} == set(tables.metadata.tables)
    assert {name for name, there in found.items() if not there} == set()
    for rule in RULES.values():
        for column, holds in rule.holds.items():
            if holds.personal and rule.table.name not in INSTALLATION:
                assert values(found, rule.table.name, column), f"{rule.table.name}.{column} is empty, so proves nothing"


async def test_a_member_has_erased_what_the_rules_say(full: Store, time: Time):
    before = await rows(full)
    privacy = PrivacyService(full, Settings(), clock=time)
    await privacy.delete(GUILD, MEMBER)
    at_once = await rows(full)
    assert of(at_once, OTHER_GUILD) == of(before, OTHER_GUILD), "the wish is about one server"
    time.now += DAY + MINUTE
    await purge(full, time.now)
    await privacy.delete(GUILD, MEMBER)
    later = of(await rows(full), GUILD)
    before, at_once = of(before, GUILD), of(at_once, GUILD)
    for name, rule in RULES.items():
        for column, wish in rule.wish.items():
            was, is_now, is_later = (values(one, name, column) for one in (before, at_once, later))
            where = f"{name}.{column}: {wish}"
            if wish is Wish.ERASED:
                assert not was & is_now, where
            elif wish is Wish.COUNTED:
                assert not was & is_later, where
            elif wish is Wish.UNHELD:
                free = {name: [row for row in before[name] if not held(name, row)]}
                assert free[name], where
                assert values({name: [row for row in at_once[name] if not held(name, row)]}, name, column) == set(), (
                    where
                )
                assert [row for row in at_once[name] if held(name, row)] == [
                    row for row in before[name] if held(name, row)
                ], where
            elif name != "reporters":  # a mute was over a day later
                assert was == is_now, where
    assert len(at_once["exposures"]) == 1, "the one of today goes on counting"
    assert (len(at_once["reporters"]), len(later["reporters"])) == (1, 0), "a mute is not shaken off"


async def test_another_member_loses_nothing(store: Store, time: Time):
    await fill(store, GUILD, OTHER, NOW)
    before = await rows(store)
    await PrivacyService(store, Settings(), clock=time).delete(GUILD, MEMBER)
    assert await rows(store) == before


LEFT_AFTER = {
    # after so many days: how many rows of a server are left
    30: {
        "sightings": 3, "outbox": 3, "jobs": 1, "sweeps": 2, "stretches": 2, "exposures": 2, "cases": 2, "reports": 1,
        "case_events": 1, "appeals": 1, "sanctions": 1,
    },
    31: {
        "sightings": 2, "outbox": 2, "jobs": 0, "sweeps": 1, "stretches": 1, "exposures": 2, "cases": 2, "reports": 1,
        "case_events": 1, "appeals": 1, "sanctions": 1,
    },
    91: {
        "sightings": 2, "outbox": 2, "jobs": 0, "sweeps": 1, "stretches": 1, "exposures": 0, "cases": 2, "reports": 1,
        "case_events": 1, "appeals": 1, "sanctions": 1,
    },
    # The case that ended is gone, with all that hung on it; the one that waits, and what waits, is there.
    181: {
        "sightings": 1, "outbox": 1, "jobs": 0, "sweeps": 1, "stretches": 1, "exposures": 0, "cases": 1, "reports": 0,
        "case_events": 0, "appeals": 0, "sanctions": 0,
    },
}  # fmt: skip


async def test_the_clock_erases_what_the_rules_say(full: Store):
    timed = {rule.table.name for rule in RULES.values() if goes_by_the_clock(rule)}
    for days, left in LEFT_AFTER.items():
        assert set(left) == timed
        for _ in range(2):  # again changes nothing
            await purge(full, NOW + days * DAY - (MINUTE if days == 30 else timedelta()))
            found = of(await rows(full), GUILD)
            assert {name: len(found[name]) for name in left} == left, days
    assert values(found, "cases", "decided_by") == set()
    for name in ("entries", "banks", "guilds", "guides", "watermarks", "audit"):
        assert found[name], name


async def test_the_tables_that_no_clock_erases_are_left_alone(full: Store):
    untimed = [rule.table.name for rule in RULES.values() if not goes_by_the_clock(rule)]
    before = await rows(full)
    await purge(full, NOW + 181 * DAY)
    after = await rows(full)
    # A mute that is over goes, and days are counted before their sightings go.
    for name in set(untimed) - {"reporters", "tallies"}:
        assert after[name] == before[name], name


async def test_pictures_that_waited_too_long_are_told_of(full: Store):
    with capture_logs() as logged:
        await purge(full, NOW + 31 * DAY)
    assert [line for line in logged if line["event"] == "retention.pictures_lost"] == [
        {"event": "retention.pictures_lost", "log_level": "error", "messages": 2, "waited_days": 30}
    ]


async def test_what_is_more_than_a_batch_goes_all_the_same(full: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "_BATCH", 2)
    ended = of(await rows(full), GUILD)["case_events"][0]["case_id"]
    async with full.write() as tx:
        for number in range(5):
            event = {"case_id": ended, "at": NOW, "kind": "noted", "detail": str(number)}
            await tx.connection.execute(tables.case_events.insert().values(event))
    await purge(full, NOW + 181 * DAY)
    found = of(await rows(full), GUILD)
    assert (len(found["cases"]), len(found["case_events"])) == (1, 0)
