"""What a decision teaches, and what it must not teach."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from bot.model import BankKind, BankLevel, CallKind, Category, Decision, Fingerprint
from bot.outbox import CallError
from tests.desk import GUILD, MODERATOR, Desk, picture

ABUSE = picture(1)


async def add(desk: Desk, level: BankLevel, fingerprint: Fingerprint, *, guild_id: int | None = GUILD) -> None:
    """An entry of a bank of this level, hunted already."""
    async with desk.store.write() as tx:
        bank = await tx.banks.ensure("list", BankKind.BLOCK, guild_id, level)
        await tx.banks.add_entry(
            bank_id=bank.id,
            category=Category.OTHER,
            fingerprint=fingerprint,
            note="",
            added_by=None,
            source="test",
            added_at=desk.now(),
            hunted_at=desk.now(),
        )
    await desk.banks.refresh()


async def test_a_similar_picture_that_is_not_a_match_does_not_clear_the_blocked_one(desk):
    await desk.post(picture(1, away=55))
    await desk.block(ABUSE)
    await desk.settle()
    async with desk.store.read() as tx:
        (waiting,) = await tx.cases.open_cases(GUILD)
    await desk.decisions.decide(waiting.id, waiting.version, MODERATOR, Decision.NOT_A_MATCH)
    again = await desk.post(ABUSE)
    await desk.settle()
    assert again.message_id in desk.discord.deleted


async def test_confirming_a_match_of_a_foreign_list_lets_its_copies_be_removed(desk):
    await add(desk, BankLevel.REVIEW, ABUSE, guild_id=None)
    await desk.post(picture(1, away=3))
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    again = await desk.post(picture(1, away=3))
    await desk.settle()
    assert again.message_id in desk.discord.deleted


async def test_the_very_file_of_a_foreign_list_does_not_hide_an_own_entry_that_may_remove(desk):
    message = desk.message()
    item = desk.item(message, ABUSE)
    file = hashlib.sha256(await desk.media.fetch(item.url)).digest()
    await add(desk, BankLevel.REMOVE, picture(1, away=5))
    await add(desk, BankLevel.REVIEW, replace(ABUSE, sha256=file), guild_id=None)
    await desk.see(message, item)
    await desk.settle()
    assert message.message_id in desk.discord.deleted


async def test_blocking_removes_every_message_of_a_case_that_waited(desk):
    first, second = await desk.post(ABUSE), await desk.post(picture(1, away=4))
    guild = await desk.guilds.get(GUILD)
    for message, shown in ((first, ABUSE), (second, picture(1, away=4))):
        await desk.reports.report(guild, 60, Category.OTHER, message, [desk.item(message, shown)])
    await desk.block(ABUSE, first)
    await desk.settle()
    assert sorted(desk.discord.deleted) == [first.message_id, second.message_id]


async def test_confirming_tries_a_deletion_again_that_was_given_up(desk):
    await add(desk, BankLevel.REMOVE, ABUSE)
    desk.discord.refuse[CallKind.DELETE_MESSAGE] = CallError("The bot lacks Manage Messages.", permanent=True)
    message = await desk.post(ABUSE)
    await desk.settle()
    desk.discord.refuse.clear()
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]


async def test_seeing_the_same_item_again_after_the_decision_opens_no_empty_case(desk):
    await add(desk, BankLevel.REMOVE, ABUSE)
    message = desk.message()
    item = desk.item(message, ABUSE)
    await desk.see(message, item)
    await desk.settle()
    case = await desk.only_case()
    await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    await desk.see(message, item)
    assert (await desk.only_case()).id == case.id
