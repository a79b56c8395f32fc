"""Cases are handed out one after the other, and nobody learns of one that is not theirs to know."""

from __future__ import annotations

import asyncio

import pytest

from bot.cases.casebook import CasebookService
from bot.cases.states import LEASE
from bot.errors import NotFoundError
from bot.model import Category, Scope
from tests.desk import GUILD, MODERATOR, Desk, picture

ALL = Scope(ordinary=True, lane=True)
ORDINARY = Scope(ordinary=True, lane=False)


@pytest.fixture
def casebook(desk: Desk) -> CasebookService:
    return CasebookService(desk.store, desk.claims, clock=desk.now)


async def waiting(desk: Desk, number: int, category: Category = Category.OTHER) -> list[int]:
    """Cases that wait, each of a reported picture of its own."""
    guild = await desk.guilds.get(GUILD)
    found: list[int] = []
    for seed in range(number):
        message = desk.message()
        item = desk.item(message, picture(500 + seed))
        found += (await desk.reports.report(guild, 60, category, message, [item])).case_ids
    return found


async def test_moderators_who_ask_at_once_get_a_case_each(desk: Desk, casebook: CasebookService):
    cases = await waiting(desk, 4)
    taken = await asyncio.gather(
        *(
            casebook.take_next(GUILD, MODERATOR + number, ALL, may_escalated=False, request_id=number + 1)
            for number in range(5)
        )
    )
    assert sorted(line.id for line in taken if line is not None) == cases
    assert taken.count(None) == 1
    for number, line in enumerate(taken):
        if line is not None:
            assert (line.claimed_by, line.claimed_until) == (MODERATOR + number, desk.time + LEASE)
            assert (await desk.cases.view(line.id)).case.claimed_by == MODERATOR + number


async def test_one_that_is_held_already_is_renewed(desk: Desk, casebook: CasebookService):
    (case_id,) = await waiting(desk, 1)
    await casebook.take_next(GUILD, MODERATOR, ALL, may_escalated=False, request_id=1)
    version = (await desk.cases.view(case_id)).case.version
    desk.time += LEASE / 2
    again = await casebook.take_next(GUILD, MODERATOR, ALL, may_escalated=False, request_id=2)
    assert again is not None
    case = (await desk.cases.view(case_id)).case
    assert (again.id, case.version) == (case_id, version)
    assert again.claimed_until == case.claimed_until == desk.time + LEASE


async def test_the_same_request_takes_one_case(desk: Desk, casebook: CasebookService):
    await waiting(desk, 2)
    taken = [await casebook.take_next(GUILD, MODERATOR, ALL, may_escalated=False, request_id=1) for _ in range(2)]
    assert [line.id for line in taken if line is not None] == [1, 1]


async def test_a_case_out_of_scope_or_of_another_guild_is_no_case(desk: Desk, casebook: CasebookService):
    (case_id,) = await waiting(desk, 1, Category.MINOR_SUSPECTED)
    assert (await casebook.view(GUILD, case_id, ALL)).case.id == case_id
    sentences = set()
    for guild_id, scope, asked in ((GUILD, ORDINARY, case_id), (GUILD + 1, ALL, case_id), (GUILD, ALL, 99)):
        with pytest.raises(NotFoundError) as missing:
            await casebook.view(guild_id, asked, scope)
        sentences.add(str(missing.value).replace(str(asked), "N"))
    assert len(sentences) == 1
    assert await casebook.take_next(GUILD, MODERATOR, ORDINARY, may_escalated=True, request_id=1) is None
