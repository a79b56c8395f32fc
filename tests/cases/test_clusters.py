"""Which case a picture joins, what the case learns from it, and what happens when several do so at once."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import StaleCaseError
from bot.model import BankKind, CaseState, Category, Decision, Mode
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
