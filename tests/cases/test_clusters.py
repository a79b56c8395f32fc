"""Which case a picture joins, what the case learns from it, and what happens when several do so at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.errors import StaleCaseError
from bot.model import (
    BankKind,
    CallKind,
    CaseState,
    Category,
    Decision,
    MessageRef,
    Mode,
    SanctionKind,
    SanctionOrder,
    SanctionState,
)
from tests.desk import GUILD, MODERATOR, picture

ABUSE = picture(1)
COPY = picture(1, away=4)


async def report(desk, message, shown, category=Category.OTHER, reporter=60):
    guild = await desk.guilds.get(GUILD)
    return await desk.reports.report(guild, reporter, category, message, [desk.item(message, shown)])


async def add(desk, category=Category.NCII_SYNTHETIC):
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    return (await desk.banks.add(bank, ABUSE, category, source="test")).entry


async def test_a_reported_case_shows_the_first_match_that_joins_it(desk):
    await report(desk, await desk.post(ABUSE), ABUSE)
    entry = await add(desk)
    joining = await desk.post(COPY)
    await desk.settle()
    case = await desk.only_case()
    assert (case.entry_id, case.match.entry_id, case.match.distance) == (entry.id, entry.id, 4)
    assert "of the blocked picture (E-" in case.reasons[0]
    assert "A member reported it." in case.reasons
    assert desk.discord.deleted == [joining.message_id]


@pytest.mark.parametrize("mode", [Mode.REVIEW, Mode.REMOVE])
async def test_a_match_with_a_suspected_minor_takes_a_reported_case_into_that_lane(desk, mode):
    await desk.guilds.change(GUILD, mode=mode)
    await report(desk, await desk.post(ABUSE), ABUSE)
    before = await desk.only_case()
    await add(desk, Category.MINOR_SUSPECTED)
    await desk.post(COPY)
    case = await desk.only_case()
    assert case.category is Category.MINOR_SUSPECTED
    assert (await desk.cases.view(case.id)).events[-1].kind == "suspected_minor"
    with pytest.raises(StaleCaseError):  # what a moderator saw was no case of that lane
        await desk.decisions.decide(case.id, before.version, MODERATOR, Decision.NOT_A_MATCH)


async def test_nothing_but_a_decision_takes_a_case_out_of_the_lane(desk):
    message = await desk.post(ABUSE)
    await report(desk, message, ABUSE, Category.MINOR_SUSPECTED)
    await report(desk, message, ABUSE, Category.SCAM, reporter=61)
    await add(desk, Category.HARASSMENT)
    await desk.post(COPY)
    assert (await desk.only_case()).category is Category.MINOR_SUSPECTED


async def test_a_copy_that_comes_in_while_its_case_is_decided_is_not_forgotten(desk):
    """It hangs on the decided case and goes with it, or it waits in a case of its own."""
    await desk.guilds.change(GUILD, mode=Mode.REVIEW)
    await add(desk)
    for _ in range(5):
        await desk.post(ABUSE)
        async with desk.store.read() as tx:
            case = await tx.cases.find_open(GUILD)
        _, message = await asyncio.gather(
            desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM), desk.post(COPY)
        )
        await desk.settle()
        async with desk.store.read() as tx:
            (sighting,) = await tx.sightings.by_message(message.message_id)
            where = await tx.cases.get(sighting.case_id)
        assert where.state is CaseState.OPEN or message.message_id in desk.discord.deleted
        if where.state is CaseState.OPEN:
            await desk.decisions.decide(where.id, where.version, MODERATOR, Decision.CONFIRM)


async def test_the_same_picture_near_two_different_entries_is_one_case(desk):
    """Which entry lies nearest may differ from copy to copy; what people see is one picture."""
    await add(desk)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    other = (await desk.banks.add(bank, picture(1, away=100), Category.SCAM, source="test")).entry
    near_the_first, near_the_other = picture(1, away=46), picture(1, away=54)
    await desk.post(near_the_first)
    first = await desk.only_case()
    await desk.post(near_the_other, author=51)
    await desk.settle()
    case = await desk.only_case()
    view = await desk.cases.view(case.id)
    assert (case.entry_id, view.sighting_count) == (first.entry_id, 2)
    assert {sighting.entry_id for sighting in view.sightings} == {first.entry_id, other.id}
    assert desk.discord.count(CallKind.POST_CARD) == 1


async def test_different_pictures_near_one_entry_are_one_case_and_others_are_their_own(desk):
    await add(desk)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, picture(5), Category.NCII_SYNTHETIC, source="test")
    await desk.post(picture(1, away=40))
    await desk.post(picture(1, away=64))
    await desk.post(picture(5, away=40))
    async with desk.store.read() as tx:
        second, first = await tx.cases.list(GUILD)
    assert [(await desk.cases.view(case.id)).sighting_count for case in (first, second)] == [2, 1]


async def test_a_raid_is_one_card_one_mention_and_one_decision(desk):
    """50 copies by 20 people in 10 channels, all at once, at different distances from the entry."""
    await desk.guilds.change(GUILD, alert_role_id=72)
    await add(desk)
    messages = [
        MessageRef(GUILD, 200 + number % 10, 5000 + number, 300 + number % 20, webhook_id=9 if number == 49 else None)
        for number in range(50)
    ]
    await asyncio.gather(
        *(
            desk.see(message, desk.item(message, picture(1, away=number % 30)))
            for number, message in enumerate(messages)
        )
    )
    await desk.settle()
    view = await desk.cases.view((await desk.only_case()).id)
    assert (view.sighting_count, view.author_count, view.channel_count) == (50, 20, 10)
    assert (view.removed_count, view.excepted_count, len(view.sightings)) == (50, 0, 25)
    assert desk.discord.count(CallKind.POST_CARD) == 1
    assert [call.kind for call in desk.discord.calls if call.payload.get("mention_role")] == [CallKind.POST_CARD]
    order = SanctionOrder(SanctionKind.TIMEOUT, timedelta(hours=1))
    decided = await desk.decisions.decide(view.case.id, view.case.version, MODERATOR, Decision.CONFIRM, sanction=order)
    await desk.settle()
    timed_out = [call.payload["user_id"] for call in desk.discord.calls if call.kind is CallKind.TIMEOUT]
    assert sorted(timed_out) == list(range(300, 320))
    assert sorted(desk.discord.deleted) == [message.message_id for message in messages]
    await desk.decisions.undo(decided.id, decided.version, MODERATOR)
    await desk.settle()
    lifted = [call.payload["user_id"] for call in desk.discord.calls if call.kind is CallKind.LIFT_TIMEOUT]
    assert sorted(lifted) == list(range(300, 320))
    assert {one.state for one in (await desk.cases.view(decided.id)).sanctions} == {SanctionState.LIFTED}
    assert desk.discord.count(CallKind.POST_CARD) == 1


async def test_a_decision_about_a_held_raid_deletes_every_copy_but_those_left_out(desk):
    await desk.guilds.change(GUILD, mode=Mode.REVIEW)
    await add(desk)
    messages = [await desk.post(picture(1, away=number % 30), author=300 + number % 20) for number in range(30)]
    case = await desk.only_case()
    async with desk.store.read() as tx:
        seen = await tx.sightings.by_case(case.id, limit=100)
    await desk.claims.except_sightings(case.id, MODERATOR, [one.id for one in seen[:3]], excepted=True)
    assert (await desk.cases.view(case.id)).excepted_count == 3
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    assert sorted(desk.discord.deleted) == [message.message_id for message in messages[3:]]
