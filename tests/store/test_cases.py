import asyncio

import pytest

from bot.errors import NotFoundError
from bot.model import CaseEvent, CaseState, Category, Decision, Surface, Verdict
from bot.store import tables
from bot.store.engine import Store

from .samples import (
    DAY,
    GUILD,
    MINUTE,
    NOW,
    OTHER_GUILD,
    add_entry,
    expire,
    fingerprint,
    match,
    message,
    open_case,
    scan,
)


async def test_a_case_keeps_everything(store: Store):
    async with store.write() as tx:
        entry = await add_entry(tx)
        opened = await open_case(tx, entry)
        bare = await open_case(tx)
        await tx.cases.set_card(opened.id, 2**63 - 1, 2**62 + 1)
    async with store.read() as tx:
        kept = await tx.cases.get(opened.id)
        assert kept is not None
        assert (kept.card_channel_id, kept.card_message_id) == (2**63 - 1, 2**62 + 1)
        assert (kept.version, kept.state, kept.match, kept.fingerprint) == (
            1,
            CaseState.OPEN,
            match(entry),
            fingerprint(9),
        )
        assert kept.reasons == ("It lies 7 bits away.", "Nothing known to be good is near.")
        assert await tx.cases.get(bare.id) == bare
        assert await tx.cases.get(999) is None
        assert await tx.cases.touch(bare.id) == bare
        with pytest.raises(NotFoundError, match="999"):
            await tx.cases.touch(999)


async def test_a_change_needs_the_current_version_and_changes_only_what_is_given(store: Store):
    async with store.write() as tx:
        entry = await add_entry(tx)
        opened = await open_case(tx, entry)
        decided = await tx.cases.compare_and_set(
            opened.id,
            1,
            state=CaseState.DECIDED,
            decision=Decision.CONFIRM,
            decided_by=2**60,
            decided_at=NOW,
            category=Category.SCAM,
            match=match(entry, 3),
            reasons=("Otherwise.",),
        )
        assert decided is not None
        assert await tx.cases.compare_and_set(opened.id, 1, state=CaseState.OPEN) is None
        assert await tx.cases.get(opened.id) == decided
        undone = await tx.cases.compare_and_set(
            opened.id, 2, state=CaseState.OPEN, decision=None, decided_by=None, decided_at=None, match=None
        )
    assert (decided.version, decided.category, decided.match, decided.entry_id) == (
        2,
        Category.SCAM,
        match(entry, 3),
        entry.id,
    )
    assert undone is not None
    assert (undone.version, undone.decision, undone.decided_at, undone.match) == (3, None, None, None)
    assert (undone.category, undone.reasons, undone.entry_id) == (Category.SCAM, ("Otherwise.",), entry.id)


async def test_of_two_who_decide_at_once_one_wins(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)

    async def decide(actor_id: int):
        async with store.write() as tx:
            return await tx.cases.compare_and_set(case.id, 1, state=CaseState.DECIDED, decided_by=actor_id)

    outcomes = await asyncio.gather(*(decide(actor_id) for actor_id in range(6)))
    assert sum(outcome is not None for outcome in outcomes) == 1


async def test_two_that_find_no_case_cannot_both_open_one(store: Store):
    async with store.write() as tx:
        entry = await add_entry(tx)

    async def join():
        async with store.write() as tx:
            found = await tx.cases.find_open(GUILD, entry_id=entry.id)
            return found or await open_case(tx, entry)

    cases = await asyncio.gather(*(join() for _ in range(8)))
    assert len({case.id for case in cases}) == 1


async def test_cases_are_found_by_guild_state_and_entry(store: Store):
    async with store.write() as tx:
        entry, other = await add_entry(tx, 1), await add_entry(tx, 2)
        first, second = await open_case(tx, entry), await open_case(tx, other)
        third = await open_case(tx, entry)
        foreign = await open_case(tx, entry, guild_id=OTHER_GUILD)
        decided = await tx.cases.compare_and_set(first.id, 1, state=CaseState.DECIDED, decided_at=NOW)
    async with store.read() as tx:
        assert await tx.cases.find_open(GUILD) == second
        assert await tx.cases.find_open(GUILD, entry_id=entry.id) == third
        assert await tx.cases.find_open(OTHER_GUILD, entry_id=other.id) is None
        assert await tx.cases.open_cases(GUILD) == [second, third]
        assert await tx.cases.open_cases(OTHER_GUILD) == [foreign]
        assert await tx.cases.decided_on_entry(GUILD, entry.id) == [decided]
        assert await tx.cases.decided_on_entry(GUILD, other.id) == []
        assert await tx.cases.list(GUILD) == [third, second, decided]
        assert await tx.cases.list(GUILD, state=CaseState.OPEN, limit=1) == [third]


async def test_the_view_holds_all_that_a_card_shows(store: Store):
    async with store.write() as tx:
        entry = await add_entry(tx)
        case = await open_case(tx, entry)
        for number in range(30):
            await tx.sightings.add(
                message(number),
                "a",
                Surface.ATTACHMENT,
                scan(number, verdict=Verdict.REMOVE, match=match(entry)),
                seen_at=NOW + number * MINUTE,
                case_id=case.id,
            )
        await tx.sightings.mark_deleted(message(0).message_id, NOW)
        await tx.reports.add(case_id=case.id, guild_id=GUILD, reporter_id=7, category=Category.SCAM, at=NOW)
        opened = CaseEvent(case.id, NOW, "opened", None, "It matched.")
        confirmed = CaseEvent(case.id, NOW, "confirmed", 2**60, "")
        await tx.events.add(opened)
        await tx.events.add(confirmed)
    async with store.read() as tx:
        view = await tx.views.of_case(case.id)
        assert await tx.views.of_case(case.id + 1) is None
        bank = await tx.banks.get(entry.bank_id)
    assert view is not None
    assert (view.case, view.entry, view.bank) == (case, entry, bank)
    assert [sighting.message.message_id for sighting in view.sightings] == [
        message(number).message_id for number in range(25)
    ]
    assert (view.sighting_count, view.removed_count, view.report_count) == (30, 1, 1)
    assert view.events == (opened, confirmed)


async def test_the_view_of_a_case_without_entry_stands_alone(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        view = await tx.views.of_case(case.id)
    assert view is not None
    assert (view.entry, view.bank, view.sightings, view.sighting_count) == (None, None, (), 0)


async def test_a_purged_case_takes_its_sightings_events_and_reports_but_no_entry(store: Store):
    async with store.write() as tx:
        entry = await add_entry(tx)
        old, young, still_open = [await open_case(tx, entry) for _ in range(3)]
        await tx.cases.compare_and_set(old.id, 1, state=CaseState.DECIDED, decided_at=NOW - DAY)
        await tx.cases.compare_and_set(young.id, 1, state=CaseState.DECIDED, decided_at=NOW)
        await tx.sightings.add(message(1), "a", Surface.ATTACHMENT, scan(1), seen_at=NOW, case_id=old.id)
        await tx.reports.add(case_id=old.id, guild_id=GUILD, reporter_id=7, category=Category.SCAM, at=NOW)
        await tx.events.add(CaseEvent(old.id, NOW, "opened", None, ""))
        made = await tx.banks.add_entry(
            bank_id=entry.bank_id,
            category=Category.SCAM,
            fingerprint=fingerprint(4),
            note="",
            added_by=None,
            source="case",
            added_at=NOW,
            case_id=old.id,
        )
    async with store.write() as tx:
        assert await expire(tx, tables.cases, NOW) == 1
    async with store.read() as tx:
        assert [case.id for case in await tx.cases.list(GUILD)] == [still_open.id, young.id]
        assert await tx.sightings.by_message(message(1).message_id) == []
        assert await tx.reports.by_case(old.id) == []
        assert await tx.events.of_case(old.id) == []
        assert await tx.banks.entry(entry.id) == entry
        kept = await tx.banks.entry(made.id)
        assert kept is not None
        assert kept.case_id is None


async def test_the_number_of_a_purged_case_is_not_given_to_another(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
        await tx.cases.compare_and_set(case.id, 1, state=CaseState.DECIDED, decided_at=NOW - DAY)
    async with store.write() as tx:
        await expire(tx, tables.cases, NOW)
        assert (await open_case(tx)).id > case.id
