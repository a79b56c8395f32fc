"""Deletes that were given up for want of a permission, once the bot has it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.cases.retrying import LOOK_BACK, retry_refused
from bot.model import BankKind, CallKind, Category, Decision, Mode
from bot.outbox import CallError
from tests.desk import FANS, GUILD, MODERATOR, Desk, picture

ABUSE = picture(1)
SENTENCE = "The bot lacks the permission Manage Messages in <#20>."


@pytest.fixture
async def message_id(desk: Desk) -> int:
    """A blocked picture that Discord did not let the bot delete; by now it would."""
    await desk.guilds.change(GUILD, mode=Mode.REMOVE)
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, Category.NCII_SYNTHETIC, source="test")
    desk.discord.refuse[CallKind.DELETE_MESSAGE] = CallError(SENTENCE, permanent=True)
    message = await desk.post(ABUSE)
    await desk.settle()
    del desk.discord.refuse[CallKind.DELETE_MESSAGE]
    return message.message_id


async def retry(desk: Desk, *, channel_id: int = FANS, sentence: str = SENTENCE, guild_id: int = GUILD) -> int:
    again = await retry_refused(
        desk.store, desk.guilds, guild_id, lambda *found: found == (channel_id, sentence), desk.now()
    )
    await desk.settle()
    return again


async def test_what_is_mended_is_deleted_after_all(desk: Desk, message_id: int):
    assert await retry(desk) == 1
    assert desk.discord.deleted == [message_id]
    assert await retry(desk) == 0, "what is done is not done again"


async def test_what_is_not_mended_is_left_alone(desk: Desk, message_id: int):
    assert await retry(desk, channel_id=FANS + 1) == 0
    assert await retry(desk, sentence="Another.") == 0
    assert await retry(desk, guild_id=GUILD + 1) == 0
    assert desk.discord.deleted == []


@pytest.mark.parametrize("decision", [Decision.NOT_A_MATCH, Decision.HARMLESS_EDIT, Decision.NO_ACTION])
async def test_what_was_decided_to_be_harmless_is_not_deleted(desk: Desk, message_id: int, decision: Decision):
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, decision)
    assert await retry(desk) == 0
    assert desk.discord.deleted == []


async def test_what_was_confirmed_is_deleted_even_where_the_bot_removes_nothing_by_itself(desk: Desk, message_id: int):
    desk.discord.refuse[CallKind.DELETE_MESSAGE] = CallError(SENTENCE, permanent=True)
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    del desk.discord.refuse[CallKind.DELETE_MESSAGE]
    await desk.guilds.change(GUILD, mode=Mode.REVIEW)
    assert await retry(desk) == 1
    assert desk.discord.deleted == [message_id]


async def test_before_anybody_decided_a_guild_that_wants_no_removals_any_more_has_none(desk: Desk, message_id: int):
    await desk.guilds.change(GUILD, mode=Mode.REVIEW)
    assert await retry(desk) == 0


async def test_a_message_that_is_gone_meanwhile_is_not_asked_for(desk: Desk, message_id: int):
    async with desk.store.write() as tx:
        await tx.sightings.mark_deleted(message_id, desk.now())
    assert await retry(desk) == 0


async def test_what_was_given_up_long_ago_stays_so(desk: Desk, message_id: int):
    desk.time += LOOK_BACK + timedelta(seconds=1)
    assert await retry(desk) == 0
