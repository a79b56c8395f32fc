"""What the clock forgets of those who reported, and what a member has erased."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.model import Category, Report, Reporter, Surface
from bot.ops import retention
from bot.store.engine import Store, Tx
from bot.store.looking import Exposure
from tests.conftest import VAULT

from .samples import DAY, GUILD, MINUTE, NOW, OTHER_GUILD, add_entry, message, open_case, scan

MEMBER, OTHER = 2**63 - 1, 7


async def add(tx: Tx, at=NOW, member: int = MEMBER, *, guild_id: int = GUILD, **more) -> Report:
    case = await open_case(tx, guild_id=guild_id)
    report = await tx.reports.add(
        case_id=case.id, guild_id=guild_id, reporter_id=member, category=Category.SCAM, at=at, words="My words", **more
    )
    assert report is not None
    return report


async def by(store: Store, member: int = MEMBER, guild_id: int = GUILD) -> list[Report]:
    async with store.read() as tx:
        return await tx.reports.by_reporter(guild_id, tx.reports.digest(guild_id, member))


async def forget(store: Store, now, days: int = 30) -> None:
    await retention.forget_reporters(store, identity_days=days, now=now)


async def test_an_id_becomes_a_digest_after_its_days(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "_BATCH", 2)
    async with store.write() as tx:
        made = [await add(tx, NOW + number * DAY) for number in range(5)]
    await forget(store, NOW + 30 * DAY)
    assert [report.reporter_id for report in await by(store)] == [MEMBER] * 5
    await forget(store, NOW + 33 * DAY + MINUTE)
    await forget(store, NOW + 33 * DAY + MINUTE)
    found = await by(store)
    assert [report.id for report in found] == [report.id for report in reversed(made)], "the digest still finds them"
    assert [report.reporter_id for report in found] == [MEMBER, None, None, None, None]
    assert {report.words for report in found} == {"My words"}
    await forget(store, NOW + 33 * DAY + MINUTE, days=1)
    assert [report.reporter_id for report in await by(store)] == [None] * 5


async def test_what_is_erased_leads_to_nobody(store: Store):
    async with store.write() as tx:
        mine, foreign = await add(tx), await add(tx, member=OTHER)
        elsewhere = await add(tx, guild_id=OTHER_GUILD)
        await tx.reporters.change(GUILD, mine.reporter, silent=True, left_at=NOW)
    for number in (1, 0):
        async with store.write() as tx:
            assert await tx.privacy.erase(GUILD, mine.reporter, NOW + DAY) == (number, None)
    async with store.read() as tx:
        anonymous = await tx.reports.get(mine.id)
        assert await tx.reporters.get(GUILD, mine.reporter) == Reporter(GUILD, mine.reporter)
        assert await tx.reports.count_by_case(mine.case_id) == 1, "the report itself stays"
    assert anonymous is not None
    assert (anonymous.reporter_id, anonymous.words) == (None, "")
    assert anonymous.reporter != mine.reporter
    assert await by(store) == []
    assert await by(store, OTHER) == [foreign]
    assert await by(store, guild_id=OTHER_GUILD) == [elsewhere]


async def test_erased_reports_of_one_member_have_nothing_in_common(store: Store):
    async with store.write() as tx:
        made = [await add(tx) for _ in range(3)]
        await tx.privacy.erase(GUILD, made[0].reporter, NOW + DAY)
        reporters = {report.reporter for one in made for report in await tx.reports.by_case(one.case_id)}
    assert len(reporters) == 3


async def test_what_counts_against_too_many_reports_goes_on_counting_for_its_day(store: Store):
    async with store.write() as tx:
        old, young = await add(tx), await add(tx, NOW + DAY)
        now = NOW + DAY + MINUTE
        assert await tx.privacy.erase(GUILD, old.reporter, now) == (2, NOW + 2 * DAY)
        assert await tx.privacy.erase(GUILD, old.reporter, now) == (0, NOW + 2 * DAY)
    (kept,) = await by(store)
    assert (kept.id, kept.reporter_id, kept.words) == (young.id, None, "")
    async with store.write() as tx:
        again = await add(tx, now)
    await forget(store, NOW + 2 * DAY - MINUTE)
    assert [report.id for report in await by(store)] == [again.id, young.id]
    await forget(store, NOW + 2 * DAY)
    (kept,) = await by(store)
    assert kept == again, "what was reported since was not asked to be erased"
    async with store.read() as tx:
        assert await tx.privacy.unlinkable(NOW + 365 * DAY) == []


async def test_a_report_made_since_keeps_its_digest_whatever_the_clock_was_late_with(store: Store):
    async with store.write() as tx:
        erased = await add(tx)
        await tx.privacy.erase(GUILD, erased.reporter, NOW + MINUTE)
        since = await add(tx, NOW + 2 * MINUTE)
    await forget(store, NOW + 5 * DAY, days=1)
    (kept,) = await by(store)
    assert (kept.id, kept.reporter_id, kept.words) == (since.id, None, "My words")


async def test_a_mute_is_not_shaken_off(store: Store):
    async with store.write() as tx:
        reporter = (await add(tx)).reporter
        until = NOW + 10 * DAY
        await tx.reporters.change(GUILD, reporter, silent=True, muted_until=until, muted_by=40)
        await tx.privacy.erase(GUILD, reporter, NOW + DAY)
    muted = Reporter(GUILD, reporter, muted_until=until, muted_by=40)
    await forget(store, until - MINUTE)
    async with store.read() as tx:
        assert await tx.reporters.get(GUILD, reporter) == muted
    await forget(store, until)
    assert await rows(store, "reporters") == 0


async def test_rows_that_say_nothing_go_and_the_others_stay(store: Store):
    async with store.write() as tx:
        said = [{"silent": True}, {"muted_until": NOW + MINUTE}, {"left_at": NOW}, {"erase_at": NOW + DAY}]
        for number, changes in enumerate([*said, {"silent": False}, {"muted_until": NOW}]):
            await tx.reporters.change(GUILD, bytes([number] * 16), **changes)
        assert await tx.reporters.purge(NOW) == 2
        assert await tx.reporters.purge(NOW) == 0
        left = await tx.reporters.some(GUILD, [bytes([number] * 16) for number in range(6)])
    assert [left[bytes([number] * 16)] != Reporter(GUILD, bytes([number] * 16)) for number in range(6)] == [
        *[True] * 4,
        *[False] * 2,
    ]


async def test_who_stays_away_for_30_days_is_forgotten_with_what_they_wrote_and_faced(store: Store):
    async with store.write() as tx:
        report = await add(tx)
        for author in (MEMBER, OTHER):
            await tx.appeals.add(
                case_id=report.case_id, guild_id=GUILD, author_id=author, decision_number=0, statement="Mine", at=NOW
            )
            await tx.looking.add(guild_id=GUILD, user_id=author, case_id=1, at=NOW, kind=Exposure.DECIDED)
            await tx.looking.opt_out(GUILD, author, [Category.SCAM])
        await tx.reporters.change(GUILD, report.reporter, left_at=NOW + DAY)
    await forget(store, NOW + 31 * DAY - MINUTE)
    assert len(await by(store)) == 1
    await forget(store, NOW + 31 * DAY)
    assert await by(store) == []
    async with store.read() as tx:
        assert [appeal.statement for appeal in await tx.appeals.by_case(report.case_id)] == ["", "Mine"]
        assert await tx.privacy.known_ids(GUILD) == {OTHER}
    assert await rows(store, "reporters") == 0


async def test_who_came_back_is_not_forgotten(store: Store):
    async with store.write() as tx:
        report = await add(tx)
        await tx.reporters.change(GUILD, report.reporter, left_at=NOW)
        await tx.reporters.seen(GUILD, report.reporter)
        assert not await tx.privacy.still_gone(GUILD, report.reporter, NOW + 99 * DAY)
    await forget(store, NOW + 29 * DAY)
    assert await by(store) == [report]


async def test_what_stands_under_an_id_is_counted(store: Store):
    async with store.write() as tx:
        entry = await add_entry(tx)
        case = await open_case(tx, entry)
        for number, author in ((1, MEMBER), (1, MEMBER), (2, MEMBER), (3, OTHER)):
            where = message(number, author_id=author)
            await tx.sightings.add(where, f"{number}", Surface.ATTACHMENT, scan(number), seen_at=NOW, case_id=case.id)
        await tx.looking.add(guild_id=GUILD, user_id=MEMBER, case_id=1, at=NOW, kind=Exposure.REVEALED)
        assert entry.added_by is not None
        assert await tx.privacy.traces(GUILD, entry.added_by) == (0, 0, 1, 0, 0)
        assert await tx.privacy.traces(GUILD, MEMBER) == (2, 0, 0, 1, 0)
        assert await tx.privacy.traces(OTHER_GUILD, MEMBER) == (0, 0, 0, 0, 0)


async def test_nothing_that_was_erased_lies_on_in_the_file(sqlite_url: str):
    store = await Store.open(sqlite_url, VAULT)
    sealed: list[bytes] = []
    async with store.write() as tx:
        for _ in range(200):
            await add(tx)
        for row in await tx.connection.execute(sa.text("SELECT reporter, sealed_id, words FROM reports")):
            sealed += row
    await store.close()
    assert all(value in file_of(sqlite_url) for value in sealed)
    store = await Store.open(sqlite_url, VAULT)
    async with store.write() as tx:
        await tx.privacy.erase(GUILD, sealed[0], NOW + DAY)
    await store.close()
    left = file_of(sqlite_url)
    # A digest may lie on where a page of an index was balanced; it says nothing without the installation's secret.
    assert [value for value in sealed if value != sealed[0] and value in left] == []


def file_of(url: str) -> bytes:
    """All of a database that nobody has open."""
    path = Path(url.removeprefix("sqlite:///"))
    assert [file.name for file in path.parent.iterdir()] == [path.name], "what was in its log is in the file now"
    return path.read_bytes()


async def rows(store: Store, table: str) -> int:
    async with store.read() as tx:
        return (await tx.connection.execute(sa.text(f"SELECT count(*) FROM {table}"))).scalar_one()
