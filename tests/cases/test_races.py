"""Several people and events at once."""

from __future__ import annotations

import asyncio

from bot.errors import StaleCaseError
from bot.model import Category, Decision
from tests.desk import GUILD, MODERATOR, picture


async def test_reports_of_one_picture_at_once_make_one_case(desk):
    guild = await desk.guilds.get(GUILD)
    messages = [desk.message() for _ in range(6)]
    await asyncio.gather(
        *(
            desk.reports.report(guild, 60 + number, Category.OTHER, message, [desk.item(message, picture(1))])
            for number, message in enumerate(messages)
        )
    )
    view = await desk.cases.view((await desk.only_case()).id)
    assert (view.report_count, view.sighting_count) == (6, 6)


async def test_blocking_and_confirming_at_once_both_end_well(desk):
    """Whoever comes second hears that the case changed; nothing fails, and the picture goes."""
    guild = await desk.guilds.get(GUILD)
    for seed in range(100, 106):
        shown = picture(seed)
        message = await desk.post(shown)
        answer = await desk.reports.report(guild, 60, Category.OTHER, message, [desk.item(message, shown)])
        case = (await desk.cases.view(answer.case_ids[0])).case
        results = await asyncio.gather(
            desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM),
            desk.block(shown, message),
            return_exceptions=True,
        )
        failed = [result for result in results if isinstance(result, BaseException)]
        assert all(isinstance(error, StaleCaseError) for error in failed)
        await desk.settle()
        assert message.message_id in desk.discord.deleted
