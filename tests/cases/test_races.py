"""Several people and events at once."""

from __future__ import annotations

import asyncio

from bot.errors import NotAllowedError, StaleCaseError
from bot.model import CaseState, Category, Decision
from tests.desk import GUILD, MODERATOR, OTHER_MODERATOR, picture

from .steps import reported


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


async def test_taking_a_duplicate_back_and_turning_it_round_at_once_never_wait_for_each_other(desk):
    """Each of the two presses changes both cases; the database would end one of them if they locked them crosswise."""
    for seed in range(200, 210):
        kept = await reported(desk, picture(seed), reporter=seed)
        same = await reported(desk, picture(seed + 100), reporter=seed)
        same = await desk.decisions.decide(same.id, same.version, MODERATOR, Decision.DUPLICATE, duplicate_of=kept.id)
        undone, turned = await asyncio.gather(
            desk.decisions.undo(same.id, same.version, MODERATOR),
            desk.decisions.decide(kept.id, kept.version, OTHER_MODERATOR, Decision.DUPLICATE, duplicate_of=same.id),
            return_exceptions=True,
        )
        assert undone.state is CaseState.OPEN
        if isinstance(turned, BaseException):
            assert isinstance(turned, NotAllowedError), "it came first, when the other one was a duplicate itself"
        else:
            assert turned.duplicate_of == same.id
