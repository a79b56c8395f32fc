"""What a member sees of their own reports, takes back, and is told in the end."""

from __future__ import annotations

import discord
import pytest
import simcord

from bot.model import CaseState, Mode
from tests.cogs.asking import question
from tests.cogs.test_report_form import link, spoken
from tests.world import World

__all__ = ["spoken"]


async def report(world: World, message: discord.Message, member: simcord.MemberActor | None = None, **options: str):
    who = member or world.other
    options = {"category": "scam", **options}
    await who.slash(world.fans, "report picture", link=link(message, world.guild.id), **options)
    await world.settle()


async def status(world: World, member: simcord.MemberActor | None = None) -> simcord.InteractionResult:
    return await (member or world.other).slash(world.fans, "report status")


async def press(world: World, label: str) -> None:
    await world.moderator.click(world.card(), label=label)
    await world.settle()


def told(member: simcord.MemberActor) -> list[str]:
    channel = member.user.dm_channel
    return [] if channel is None else [message.content for message in channel.history()]


async def test_somebody_who_reported_nothing_is_told_so(world: World) -> None:
    assert "reported nothing here" in world.answer(await status(world))


async def test_the_list_says_what_when_where_and_what_became_of_it(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    await report(world, message, words="They *sell* it.")
    shown = world.answer(await status(world))
    assert "**Report 1** · Scam · <t:" in shown
    assert f"[The message]({link(message, world.guild.id)})" in shown
    assert "> They \\*sell\\* it." in shown
    assert "It waits for a moderator." in shown
    await press(world, "Confirm")
    shown = world.answer(await status(world))
    assert "Confirmed by a moderator: it is removed" in shown
    assert "[The message]" not in shown
    for who in (world.fan, world.moderator):
        assert str(who.id) not in shown
    assert "reported nothing here" in world.answer(await status(world, world.fan))


async def test_what_was_undone_and_decided_otherwise_is_listed_and_told_once(world: World, harmless: bytes) -> None:
    await report(world, await world.post(world.fan, harmless))
    await press(world, "Confirm")
    await press(world, "Undo")
    assert "being looked at again" in world.answer(await status(world))
    await press(world, "Not a match")
    assert "does not break the rules" in world.answer(await status(world))
    (outcome,) = told(world.other)
    assert "A moderator confirmed it" in outcome


async def test_a_report_is_taken_back_by_the_menu(world: World, harmless: bytes) -> None:
    await report(world, await world.post(world.fan, harmless))
    listed = question_of(world, await status(world))
    result = await world.other.select(listed, ["1"])
    await world.settle()
    assert "report 1 is taken back" in world.answer(result)
    assert "You took it back." in world.text(listed)
    assert not any(part.get("type") == 3 for part in world.parts(listed))
    view = await world.view(1)
    assert (view.report_count, view.case.state) == (0, CaseState.OPEN)
    assert "Reported by" not in world.text(world.card())
    await press(world, "Confirm")
    assert told(world.other) == []


async def test_what_is_decided_meanwhile_is_not_taken_back(world: World, harmless: bytes) -> None:
    await report(world, await world.post(world.fan, harmless))
    listed = question_of(world, await status(world))
    await press(world, "Not a match")
    result = await world.other.select(listed, ["1"])
    await world.settle()
    assert "decided already" in world.answer(result)
    assert "does not break the rules" in world.text(listed)
    assert (await world.view(1)).report_count == 1


async def test_nobody_else_can_press_the_menu(world: World, harmless: bytes) -> None:
    await report(world, await world.post(world.fan, harmless))
    listed = question_of(world, await status(world))
    with pytest.raises(simcord.SetupError):
        await world.fan.select(listed, ["1"])
    assert (await world.view(1)).report_count == 1


async def test_the_menu_from_before_a_restart_is_explained(world: World, harmless: bytes) -> None:
    await report(world, await world.post(world.fan, harmless))
    listed = question_of(world, await status(world))
    await world.restart()
    result = await world.other.select(listed, ["1"])
    assert "too old to be turned over" in world.answer(result)
    assert (await world.view(1)).report_count == 1


async def test_long_lists_have_pages(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    await report(world, message)
    async with world.app.store.write() as tx:
        for _ in range(5):
            case = (await world.view(1)).case
            other = await tx.cases.open(
                guild_id=case.guild_id,
                category=case.category,
                origin=case.origin,
                opened_at=case.opened_at,
                entry_id=None,
                match=None,
                thresholds=case.thresholds,
                program_version=case.program_version,
                fingerprint=None,
            )
            await tx.reports.add(
                case_id=other.id,
                guild_id=case.guild_id,
                reporter_id=world.other.id,
                category=case.category,
                at=case.opened_at,
            )
    listed = question(world, await status(world))
    assert "**Report 6**" in world.text(listed)
    assert "**Report 1**" not in world.text(listed)
    await world.other.click(listed, label="Next")
    assert "**Report 1**" in world.text(listed)
    assert "page 2 of 2" in world.text(listed)
    await world.other.select(listed, ["1"])
    assert "page 2 of 2" in world.text(listed)
    assert "You took it back." in world.text(listed)


async def test_messages_are_switched_off_and_on(world: World, harmless: bytes) -> None:
    await report(world, await world.post(world.fan, harmless))
    off = await world.other.slash(world.fans, "report messages", wanted=0)
    assert "writes to you about your reports no more" in world.answer(off)
    await press(world, "Confirm")
    assert told(world.other) == []
    assert "Confirmed by a moderator" in world.answer(await status(world))
    on = await world.other.slash(world.fans, "report messages", wanted=1)
    assert "writes to you once about each report" in world.answer(on)


async def test_closed_direct_messages_are_nobodys_trouble(world: World, harmless: bytes) -> None:
    await report(world, await world.post(world.fan, harmless))
    world.env.inject_error("POST", "/users/@me/channels", status=403, code=50007)
    await press(world, "Not a match")
    assert "could not" not in world.text(world.card()).lower()
    (logged,) = world.errors
    assert logged["reason"] == "The member does not take direct messages, so they were not told."
    assert "does not break the rules" in world.answer(await status(world))


async def test_a_message_that_went_at_once_is_listed_as_removed(world: World, picture: bytes, copy: bytes) -> None:
    await world.change(mode=Mode.REVIEW)
    message = await world.post(world.fan, copy)
    await world.block(picture)
    await world.settle()
    await world.change(mode=Mode.REMOVE)
    await report(world, message)
    assert world.gone(message)
    assert "removed already; a moderator still decides" in world.answer(await status(world))


@pytest.mark.usefixtures("spoken")
@pytest.mark.parametrize("locale", ["ko", "ja"])
async def test_list_answers_and_outcome_speak_the_members_language(world: World, harmless: bytes, locale: str) -> None:
    world.speaks(world.other, locale)
    await report(world, await world.post(world.fan, harmless))
    listed = question_of(world, await status(world))
    lines = world.text(listed).splitlines()
    assert [line for line in lines if line and f"{locale}:" not in line] == []
    (menu,) = [part for part in world.parts(listed) if part.get("type") == 3]
    assert menu["placeholder"] == f"{locale}:Take a report back"
    assert menu["options"][0]["label"] == f"{locale}:Report 1: {locale}:Scam"
    switched = await world.other.slash(world.fans, "report messages", wanted=1)
    assert world.answer(switched).startswith(f"{locale}:From now on")
    await press(world, "Confirm")
    (outcome,) = told(world.other)
    assert outcome.startswith(f"{locale}:Thank you for report 1.")
    assert outcome.endswith(f"\n-# {locale}:From the moderators of Moonlark fans")
    assert "ko:" not in world.text(world.card())


def question_of(world: World, result: simcord.InteractionResult) -> simcord.ResponseMessage:
    """The list, which only the member sees."""
    shown = [message for message in (result.response, *result.followups) if message is not None]
    (listed,) = {message.id: message for message in shown if world.parts(message)}.values()
    assert listed.ephemeral
    return listed
