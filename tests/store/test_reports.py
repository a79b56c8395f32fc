from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.errors import DatabaseError
from bot.model import (
    Case,
    CaseState,
    Category,
    Decision,
    Language,
    PriorityPart,
    Report,
    ReportKind,
    ReportState,
    Weight,
)
from bot.store.engine import Store, Tx
from bot.store.reports import Voice

from .samples import DAY, GUILD, MINUTE, NOW, OTHER_GUILD, open_case

FIRST, SECOND = 2**63 - 1, 7


async def add(tx: Tx, case: Case, reporter_id: int = FIRST, **more) -> Report | None:
    given = {"category": Category.HARASSMENT, "at": NOW, **more}
    return await tx.reports.add(case_id=case.id, guild_id=case.guild_id, reporter_id=reporter_id, **given)


async def decide(tx: Tx, case: Case, decision: Decision, at=NOW, **more) -> None:
    changes = {"state": CaseState.DECIDED, "decision": decision, "decided_at": at, **more}
    assert await tx.cases.compare_and_set(case.id, case.version, **changes) is not None


async def test_a_member_reports_a_case_once(store: Store):
    async with store.write() as tx:
        case, other = await open_case(tx), await open_case(tx)
        first = await add(tx, case, words="Look at the hands", language=Language.KOREAN, message_id=5)
        assert await add(tx, case, category=Category.SCAM) is None
        second = await add(tx, case, SECOND, at=NOW + MINUTE, kind=ReportKind.TAKEDOWN)
        elsewhere = await add(tx, other, SECOND)
    assert first is not None
    assert (first.reporter_id, first.category, first.created_at) == (FIRST, Category.HARASSMENT, NOW)
    assert (first.words, first.language, first.message_id) == ("Look at the hands", Language.KOREAN, 5)
    async with store.read() as tx:
        assert await tx.reports.by_case(case.id) == [first, second]
        assert await tx.reports.by_case(other.id) == [elsewhere]
        assert await tx.reports.count_by_case(case.id) == 2
        theirs = tx.reports.digest(GUILD, SECOND)
        assert await tx.reports.by_reporter(GUILD, theirs) == [elsewhere, second]
        assert await tx.reports.by_reporter(GUILD, theirs, limit=1, offset=1) == [second]
        assert theirs != tx.reports.digest(OTHER_GUILD, SECOND)


async def test_a_withdrawn_report_can_be_made_again(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        first = await add(tx, case, words="once")
        assert first is not None
        (withdrawn,) = await tx.reports.set_state([first.id], ReportState.STANDING, ReportState.WITHDRAWN)
        assert not withdrawn.counts
        assert await tx.reports.set_state([first.id], ReportState.STANDING, ReportState.WITHDRAWN) == []
        assert await tx.reports.count_by_case(case.id) == 0
        again = await add(tx, case, words="twice", at=NOW + DAY)
        assert again is not None
        assert (again.id, again.words, again.created_at, again.counts) == (first.id, "twice", NOW + DAY, True)


async def test_a_dropped_report_is_not_made_again(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        first = await add(tx, case)
        assert first is not None
        await tx.reports.set_state([first.id], ReportState.STANDING, ReportState.DROPPED)
        assert await add(tx, case) is None


async def test_the_outcome_is_told_once(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        report = await add(tx, case)
        assert report is not None
        assert await tx.reports.mark_outcome(report.id)
        assert not await tx.reports.mark_outcome(report.id)
        assert [kept.outcome_sent for kept in await tx.reports.by_case(case.id)] == [True]


async def test_what_was_made_lately_is_counted(store: Store):
    async with store.write() as tx:
        for minutes in (0, 5, 20):
            await add(tx, await open_case(tx), at=NOW + minutes * MINUTE)
        await add(tx, await open_case(tx), at=NOW + 20 * MINUTE, kind=ReportKind.TAKEDOWN)
        reporter = tx.reports.digest(GUILD, FIRST)
        assert await tx.reports.made_since(GUILD, reporter, ReportKind.REPORT, NOW + 5 * MINUTE) == 2
        assert await tx.reports.made_since(GUILD, reporter, ReportKind.TAKEDOWN, NOW) == 1
        assert await tx.reports.made_since(OTHER_GUILD, reporter, ReportKind.REPORT, NOW) == 0


async def test_nothing_lies_in_clear(store: Store):
    async with store.write() as tx:
        await add(tx, await open_case(tx), 123456789012345678, words="the blue dress")
        row = (await tx.connection.execute(sa.text("SELECT * FROM reports"))).one()
    for value in row:
        lies = value if isinstance(value, bytes) else str(value).encode()
        for secret in (b"123456789012345678", (123456789012345678).to_bytes(8, "big"), b"blue", b"dress"):
            assert secret not in lies
            assert secret not in lies[::-1]


async def test_without_the_vault_nobody_is_known_and_nothing_can_be_reported(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        await add(tx, case, words="secret")
    bare = await Store.open(store.url, migrate=False)
    async with bare.write() as tx:
        (report,) = await tx.reports.by_case(case.id)
        assert (report.reporter_id, report.words) == (None, None)
        with pytest.raises(DatabaseError, match="open the database with the vault's key"):
            await add(tx, case, SECOND)
    await bare.close()


async def test_who_was_right_how_often(store: Store):
    async with store.write() as tx:
        outcomes = {Decision.CONFIRM: NOW, Decision.NOT_A_MATCH: NOW - 90 * DAY, Decision.NO_ACTION: NOW}
        for decision, at in outcomes.items():
            case = await open_case(tx)
            await add(tx, case)
            await decide(tx, case, decision, at)
        await add(tx, await open_case(tx))  # nobody decided yet
        original, duplicate = await open_case(tx), await open_case(tx)
        await add(tx, duplicate)
        await decide(tx, original, Decision.CONFIRM, NOW - 180 * DAY)
        await decide(tx, duplicate, Decision.DUPLICATE, duplicate_of=original.id)
        for number, state in enumerate((ReportState.WITHDRAWN, ReportState.DROPPED)):
            case = await open_case(tx)
            report = await add(tx, case, at=NOW - number * 90 * DAY)
            assert report is not None
            await tx.reports.set_state([report.id], ReportState.STANDING, state)
        reporter, other = tx.reports.digest(GUILD, FIRST), tx.reports.digest(GUILD, SECOND)
        standings = await tx.reports.standings(GUILD, [reporter, other], NOW)
        assert standings[reporter].confirmed == pytest.approx(1 + 0.25)
        assert standings[reporter].refused == pytest.approx(0.5 + 0.5)
        assert (standings[other].score, standings[other].trusted) == (0.5, False)


async def test_nobody_is_trusted_before_they_were_right_some_times(store: Store):
    async with store.write() as tx:
        trusted = []
        for _ in range(4):
            case = await open_case(tx)
            await add(tx, case)
            await decide(tx, case, Decision.CONFIRM)
            reporter = tx.reports.digest(GUILD, FIRST)
            trusted.append((await tx.reports.standings(GUILD, [reporter], NOW))[reporter].trusted)
        assert trusted == [False, False, True, True]
        later = await tx.reports.standings(GUILD, [reporter], NOW + timedelta(days=365))
        assert not later[reporter].trusted, "what was long ago weighs less"


async def test_what_weighs_in_a_case_are_its_reports_that_stand_and_those_of_its_duplicates(store: Store):
    async with store.write() as tx:
        case, twin, other = [await open_case(tx) for _ in range(3)]
        await add(tx, case)
        await add(tx, twin, SECOND, kind=ReportKind.TAKEDOWN, at=NOW + MINUTE)
        withdrawn = await add(tx, case, SECOND)
        assert withdrawn is not None
        await tx.reports.set_state([withdrawn.id], ReportState.STANDING, ReportState.WITHDRAWN)
        await add(tx, other)
        await decide(tx, twin, Decision.DUPLICATE, duplicate_of=case.id)
        first, second = tx.reports.digest(GUILD, FIRST), tx.reports.digest(GUILD, SECOND)
        mine = Voice(case.id, first, ReportKind.REPORT, NOW)
        theirs = Voice(case.id, second, ReportKind.TAKEDOWN, NOW + MINUTE)
        assert await tx.reports.voices([case.id]) == [mine, theirs]
        both = await tx.reports.voices([case.id, other.id])
        assert both == [mine, theirs, Voice(other.id, first, ReportKind.REPORT, NOW)]
        assert await tx.reports.voices([]) == []


async def test_the_open_cases_of_reporters_are_found_the_newest_first(store: Store):
    async with store.write() as tx:
        case, twin, decided, third = [await open_case(tx) for _ in range(4)]
        for one in (twin, decided, third):
            await add(tx, one)
        await add(tx, third, SECOND)
        await decide(tx, twin, Decision.DUPLICATE, duplicate_of=case.id)
        await decide(tx, decided, Decision.CONFIRM)
        first, second = tx.reports.digest(GUILD, FIRST), tx.reports.digest(GUILD, SECOND)
        assert await tx.reports.open_cases_of(GUILD, [first, second], limit=9) == [third.id, case.id]
        assert await tx.reports.open_cases_of(GUILD, [first], limit=1) == [third.id]
        assert await tx.reports.open_cases_of(GUILD, [second], limit=9) == [third.id]
        assert await tx.reports.open_cases_of(OTHER_GUILD, [first], limit=9) == []


async def test_a_priority_is_kept_with_its_parts_and_raises_no_version(store: Store):
    weights = (PriorityPart(Weight.TAKEDOWN, 1000, 1), PriorityPart(Weight.REPORTS, 60, 3, 2))
    async with store.write() as tx:
        case = await open_case(tx)
        await tx.cases.prioritise(case.id, weights, NOW)
    async with store.read() as tx:
        kept = await tx.cases.get(case.id)
    assert kept == replace(case, priority=weights, takedown_at=NOW)
    async with store.write() as tx:
        await tx.cases.prioritise(case.id, (), None)
        assert await tx.cases.get(case.id) == case
