"""Authors hear of removals and appeal: by the button of the notice, or by /appeal where direct messages are closed."""

from __future__ import annotations

from datetime import timedelta

import discord
import pytest
import simcord

from bot.cases import appeals
from bot.model import AppealOutcome, CaseState, Category, Decision
from cogs.ui import appeal_texts as words
from cogs.ui import texts
from tests.world import World

WORDS = "I painted this **myself**."


@pytest.fixture
async def removed(world: World, picture: bytes, copy: bytes) -> World:
    """Case 1: a copy of a blocked picture that a member posted and the bot removed."""
    await world.block(picture)
    await world.post(world.fan, copy)
    return world


def notices(world: World) -> list[discord.Message]:
    return list(world.fan.user.dm_channel.history())


def last(world: World) -> str:
    return world.text(notices(world)[-1])


async def decide(world: World, decision: Decision = Decision.CONFIRM) -> None:
    case = (await world.view(1)).case
    await world.app.decisions.decide(1, case.version, world.moderator.id, decision)
    await world.settle()


async def uphold(world: World, outcome: AppealOutcome = AppealOutcome.UPHELD) -> None:
    case = (await world.view(1)).case
    await world.app.appeals.answer(1, case.version, world.second_moderator.id, outcome)
    await world.settle()


async def press(world: World) -> simcord.InteractionResult:
    """The author presses the button of the newest notice that has one."""
    (*_, message) = [message for message in notices(world) if world.buttons(message)]
    return await world.fan.user.click(message, label="Appeal")


async def submit(world: World, shown: simcord.InteractionResult, statement: str = WORDS) -> str:
    result = await world.fan.user.submit_modal(shown, {"statement": statement})
    await world.settle()
    return world.answer(result)


async def menu(world: World) -> simcord.InteractionResult:
    result = await world.fan.slash(world.fans, "appeal")
    await world.settle()
    return result


def offered(world: World, result: simcord.InteractionResult) -> simcord.ResponseMessage:
    """The answer of /appeal with the menu, seen by the author alone."""
    (shown,) = {
        message.id: message
        for message in (result.response, *result.followups)
        if message is not None and message.ephemeral
    }.values()
    return shown


async def test_a_removal_is_told_with_a_button(removed: World) -> None:
    (notice,) = notices(removed)
    shown = removed.text(notice)
    assert f"Your message with a picture in <#{removed.fans.id}> was removed automatically" in shown
    assert shown.endswith("-# From the moderators of Moonlark fans")
    assert removed.buttons(notice) == ["Appeal"]


async def test_an_appeal_in_a_direct_message_reaches_the_moderators(removed: World) -> None:
    await decide(removed)
    assert await submit(removed, await press(removed)) == words.SENT_DECIDED
    view = await removed.view(1)
    assert (view.case.state, view.appeals[0].statement) == (CaseState.APPEALED, WORDS)
    shown = removed.text(removed.review.last_message)
    assert f"somebody else than <@{removed.moderator.id}> answers it" in shown
    assert "myself" not in shown


async def test_an_appeal_against_a_removal_waits_for_the_decision(removed: World) -> None:
    assert await submit(removed, await press(removed)) == words.SENT_UNDECIDED
    assert (await removed.view(1)).case.state is CaseState.OPEN
    await decide(removed, Decision.NOT_A_MATCH)
    assert "Your appeal about your message" in last(removed)
    assert "was granted" in last(removed)


async def test_the_outcome_is_told_once(removed: World) -> None:
    await decide(removed)
    await submit(removed, await press(removed))
    await uphold(removed)
    assert "another moderator looked at it" in last(removed)
    assert removed.buttons(notices(removed)[-1]) == []
    told = [message for message in notices(removed) if "our appeal" in removed.text(message)]
    assert len(told) == 1


async def test_a_second_appeal_is_refused_before_anything_is_written(removed: World) -> None:
    await decide(removed)
    await submit(removed, await press(removed))
    again = await press(removed)
    assert again.modal is None
    assert removed.answer(again) == appeals.WAITING
    await uphold(removed)
    assert removed.answer(await press(removed)) == appeals.ANSWERED


async def test_of_two_forms_that_were_open_at_once_one_counts(removed: World) -> None:
    await decide(removed)
    first, second = await press(removed), await press(removed)
    assert await submit(removed, first) == words.SENT_DECIDED
    assert await submit(removed, second) == appeals.WAITING
    assert len((await removed.view(1)).appeals) == 1


async def test_after_thirty_days_the_button_says_that_it_is_too_late(
    removed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await decide(removed)
    later = removed.app.cases.now() + timedelta(days=31)
    monkeypatch.setattr(removed.app.appeals, "_clock", lambda: later)
    assert "It is too late to appeal" in removed.answer(await press(removed))
    assert removed.answer(await menu(removed)) == words.NOTHING


async def test_the_button_works_after_a_restart(removed: World) -> None:
    await decide(removed)
    await removed.restart()
    assert await submit(removed, await press(removed)) == words.SENT_DECIDED


async def test_a_form_from_before_a_restart_is_explained_in_a_direct_message_too(removed: World) -> None:
    await decide(removed)
    shown = await press(removed)
    await removed.restart()
    assert await submit(removed, shown) == texts.OLD_FORM
    assert (await removed.view(1)).appeals == ()


async def test_what_went_well_for_the_author_cannot_be_appealed(removed: World) -> None:
    await decide(removed, Decision.NOT_A_MATCH)
    assert "it was a mistake" in last(removed)
    assert removed.buttons(notices(removed)[-1]) == []
    assert removed.answer(await press(removed)) == appeals.IN_FAVOUR


async def test_where_direct_messages_are_closed_the_command_is_the_way(
    world: World, picture: bytes, copy: bytes
) -> None:
    await world.block(picture)
    world.env.inject_error("POST", f"/channels/{world.fan.user.dm_channel.id}/messages", status=403, code=50007)
    await world.post(world.fan, copy)
    assert notices(world) == []
    assert world.errors
    assert "not told" not in world.text(world.card())
    await decide(world)
    shown = offered(world, await menu(world))
    assert words.MENU_HOW in world.text(shown)
    form = await world.fan.select(shown, ["1"])
    result = await world.fan.submit_modal(form, {"statement": WORDS})
    await world.settle()
    assert world.answer(result) == words.SENT_DECIDED
    assert (await world.view(1)).appeals[0].statement == WORDS
    assert world.answer(await menu(world)) == words.NOTHING


async def test_the_menu_names_what_was_decided(removed: World) -> None:
    await decide(removed)
    day = (await removed.view(1)).case.decided_at
    assert _options(removed, offered(removed, await menu(removed))) == [
        (f"Case 1 · decided {day:%Y-%m-%d}", "Decided by a moderator: the rule against sexual deepfakes")
    ]


async def test_the_menu_names_a_suspected_minor_without_detail(world: World, picture: bytes, copy: bytes) -> None:
    await world.block(picture, Category.MINOR_SUSPECTED)
    await world.post(world.fan, copy)
    await decide(world)
    ((label, description),) = _options(world, offered(world, await menu(world)))
    assert (label[:16], description) == ("Case 1 · decided", "Decided by a moderator")


async def test_the_menu_works_after_a_restart(removed: World) -> None:
    shown = offered(removed, await menu(removed))
    await removed.restart()
    form = await removed.fan.select(shown, ["1"])
    result = await removed.fan.submit_modal(form, {"statement": WORDS})
    assert removed.answer(result) == words.SENT_UNDECIDED


async def test_who_posted_nothing_has_nothing_to_appeal(removed: World) -> None:
    assert removed.answer(await removed.other.slash(removed.fans, "appeal")) == words.NOTHING


async def test_everybody_sees_the_command(world: World) -> None:
    assert "appeal" in world.other.available_commands(world.fans)


async def test_the_form_says_who_reads_it_and_fits(removed: World) -> None:
    shown = await press(removed)
    assert shown.modal is not None
    (label,) = shown.modal["components"]
    assert shown.modal["title"] == "Appeal in case 1"
    assert (label["label"], label["description"]) == (words.FORM_STATEMENT, words.FORM_HINT)
    assert label["component"]["max_length"] == appeals.LONGEST_STATEMENT


def _options(world: World, message: simcord.ResponseMessage) -> list[tuple[str, str]]:
    stored = world.env.backend.get_message(message.channel_id, message.id)
    rows = [part for part in stored.components if part["type"] == 1]
    return [(option["label"], option["description"]) for option in rows[0]["components"][0]["options"]]
