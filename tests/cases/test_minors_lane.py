"""Suspected minors: once a case is in that lane, nothing takes it out but who may decide there."""

from __future__ import annotations

from bot.model import BankKind, CaseState, Category
from tests.desk import GUILD, picture

ABUSE = picture(1)


async def report(desk, message, category: Category) -> None:
    guild = await desk.guilds.get(GUILD)
    await desk.reports.report(guild, 60, category, message, [desk.item(message, ABUSE)])


async def list_as(desk, category: Category) -> None:
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, category, source="test")


async def test_a_match_of_that_category_moves_the_case_it_joins(desk):
    message = await desk.post(ABUSE)
    await report(desk, message, Category.OTHER)
    await list_as(desk, Category.MINOR_SUSPECTED)
    await desk.post(picture(1, away=3))
    await desk.settle()
    case = await desk.only_case()
    assert case.category is Category.MINOR_SUSPECTED
    assert case.match is not None


async def test_a_report_of_that_category_moves_the_case_of_a_match(desk):
    await list_as(desk, Category.NCII_SYNTHETIC)
    await report(desk, desk.message(), Category.MINOR_SUSPECTED)
    assert (await desk.only_case()).category is Category.MINOR_SUSPECTED


async def test_blocking_its_picture_removes_but_does_not_decide(desk):
    message = await desk.post(ABUSE)
    await report(desk, message, Category.MINOR_SUSPECTED)
    blocked = await desk.block(ABUSE, message, Category.OTHER)
    await desk.settle()
    assert blocked.case.state is CaseState.OPEN
    assert blocked.entry.category is Category.MINOR_SUSPECTED
    assert desk.discord.deleted == [message.message_id]
