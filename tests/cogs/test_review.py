"""Moderators decide on cards: who may, what a press does, and what happens when two press at once."""

from __future__ import annotations

import discord
import pytest
import simcord
from simcord import interactions
from simcord.backend import serializers

from bot.client import DiscordCalls
from bot.demo import pictures
from bot.model import Call, CallKind, CaseState, Category, Decision, Mode
from tests.world import World


@pytest.fixture
async def posted(world: World, picture: bytes, copy: bytes) -> discord.Message:
    """A copy of a blocked picture that a member posted and the bot removed: case 1, with its card."""
    await world.block(picture)
    return await world.post(world.fan, copy)


async def test_a_copy_goes_and_a_card_comes(world: World, posted: discord.Message) -> None:
    assert world.gone(posted)
    shown = world.text(world.card())
    assert "Case #1 · removed, please check" in shown
    assert f"<@{world.fan.id}> in <#{world.fans.id}>" in shown
    assert world.buttons(world.card())[:2] == ["Confirm", "Not a match"]


async def test_a_harmless_picture_stays_and_nobody_hears_of_it(world: World, picture: bytes, harmless: bytes) -> None:
    await world.block(picture)
    message = await world.post(world.fan, harmless)
    assert not world.gone(message)
    assert world.cards() == []


async def test_a_second_copy_joins_the_card(world: World, posted: discord.Message, picture: bytes) -> None:
    again = await world.post(world.other, picture)
    assert world.gone(again)
    assert "2 copies by 2 members in 1 channel, 2 removed" in world.text(world.card())


async def test_review_mode_leaves_the_message_up_until_it_is_confirmed(
    world: World, picture: bytes, copy: bytes
) -> None:
    await world.change(mode=Mode.REVIEW)
    await world.block(picture)
    message = await world.post(world.fan, copy)
    assert not world.gone(message)
    assert "needs review" in world.text(world.card())
    await world.moderator.click(world.card(), label="Confirm")
    await world.settle()
    assert world.gone(message)


async def test_confirm_redraws_the_card(world: World, posted: discord.Message) -> None:
    result = await world.moderator.click(world.card(), label="Confirm")
    assert result.acknowledged
    await world.settle()
    shown = world.text(world.card())
    assert "decided: confirmed" in shown
    assert f"**Confirmed** by <@{world.moderator.id}>" in shown
    assert world.buttons(world.card()) == ["Undo", "History"]


async def test_not_a_match_protects_the_picture_and_tells_the_author(
    world: World, posted: discord.Message, copy: bytes
) -> None:
    await world.moderator.click(world.card(), label="Not a match")
    await world.settle()
    assert (await world.view(1)).case.decision is Decision.NOT_A_MATCH
    told = world.fan.user.dm_channel.last_message
    assert told is not None
    assert "it was a mistake" in told.content
    assert not world.gone(await world.post(world.fan, copy))


@pytest.mark.parametrize("kind", ["the very file", "smaller", "cropped"])
async def test_the_hint_says_whether_not_a_match_takes_the_entry_off(world: World, picture: bytes, kind: str) -> None:
    drawn = pictures.picture(1, (320, 400))
    posted = {
        "the very file": picture,
        "smaller": pictures.encode(pictures.resized(drawn, 0.7), quality=50),
        "cropped": pictures.encode(drawn.crop((10, 10, 310, 390))),
    }[kind]
    await world.block(picture)
    await world.post(world.fan, posted)
    said = "E-1 goes off the blocklist" in world.text(world.card())
    await world.moderator.click(world.card(), label="Not a match")
    await world.settle()
    entry, _ = await world.app.banks.show(1, guild_id=None)
    assert said == (entry.revoked_at is not None)
    assert said or kind != "the very file"


async def test_undo_opens_the_case_again(world: World, posted: discord.Message) -> None:
    await world.moderator.click(world.card(), label="Confirm")
    await world.settle()
    await world.moderator.click(world.card(), label="Undo")
    await world.settle()
    assert (await world.view(1)).case.state is CaseState.OPEN
    assert f"<@{world.moderator.id}> took the decision back" in world.text(world.card())
    assert world.buttons(world.card())[:2] == ["Confirm", "Not a match"]


async def test_the_slower_of_two_moderators_hears_who_was_faster(world: World, posted: discord.Message) -> None:
    seen_by_both = world.card()
    button = f"stanguard:case:1:reject:{(await world.view(1)).case.version}"
    await world.app.decisions.decide(1, (await world.view(1)).case.version, world.moderator.id, Decision.CONFIRM)
    result = await world.second_moderator.click(seen_by_both, custom_id=button)
    answer = world.answer(result)
    assert f"<@{world.moderator.id}> was faster" in answer
    assert (await world.view(1)).case.decision is Decision.CONFIRM
    assert "decided: confirmed" in world.text(world.card())


async def test_a_press_on_an_outdated_card_draws_it_anew(world: World, posted: discord.Message) -> None:
    stored = world.env.backend.get_message(world.review.id, world.card().id)
    outdated = stored.components
    await world.app.decisions.decide(1, (await world.view(1)).case.version, world.moderator.id, Decision.CONFIRM)
    await world.settle()
    stored.components = outdated
    assert "removed, please check" in world.text(world.card())
    result = await world.second_moderator.click(world.card(), label="Not a match")
    assert "was faster" in world.answer(result)
    assert "decided: confirmed" in world.text(world.card())


async def test_of_two_presses_at_the_same_moment_one_counts(world: World, posted: discord.Message) -> None:
    backend, card = world.env.backend, world.card()
    stored = backend.get_message(world.review.id, card.id)
    version = (await world.view(1)).case.version
    results = []
    for member, action in ((world.moderator, "confirm"), (world.second_moderator, "reject")):
        record, payload = interactions.base_payload(
            backend,
            type=3,
            channel_id=world.review.id,
            guild_id=world.guild.id,
            user_id=member.id,
            data={"custom_id": f"stanguard:case:1:{action}:{version}", "component_type": 2},
        )
        payload["message"] = dict(serializers.message_payload(backend, stored))
        record.source_message_id = card.id
        backend.emit("INTERACTION_CREATE", payload)
        results.append(simcord.InteractionResult(world.env, record))
    await world.settle()
    told = [result for result in results if result.followups]
    assert len(told) == 1
    assert "was faster" in world.answer(told[0])
    winner = (await world.view(1)).case.decided_by
    assert winner in {world.moderator.id, world.second_moderator.id}
    assert f"<@{winner}>" in world.answer(told[0])
    assert f"by <@{winner}>" in world.text(world.card())


async def test_buttons_work_after_a_restart(world: World, posted: discord.Message) -> None:
    await world.restart()
    await world.moderator.click(world.card(), label="Confirm")
    await world.settle()
    assert (await world.view(1)).case.decision is Decision.CONFIRM
    await world.restart()
    await world.moderator.click(world.card(), label="Undo")
    await world.settle()
    assert (await world.view(1)).case.state is CaseState.OPEN


async def test_nothing_is_kept_in_memory_for_a_card(world: World, posted: discord.Message) -> None:
    await world.moderator.click(world.card(), label="Confirm")
    await world.settle()
    store = world.bot._connection._view_store
    assert not store._views
    assert not store._synced_message_views


@pytest.mark.parametrize("who", ["fan", "other", "guardian"])
async def test_members_cannot_decide(world: World, posted: discord.Message, who: str) -> None:
    member: simcord.MemberActor = getattr(world, who)
    await world.change(moderator_role_id=world.moderators.id)
    result = await _press_anyhow(world, member, "confirm")
    assert "Only this server's moderators can do that" in world.answer(result)
    assert (await world.view(1)).case.state is CaseState.OPEN


async def test_without_a_moderators_role_manage_messages_is_enough(world: World, posted: discord.Message) -> None:
    await world.change(moderator_role_id=None)
    await world.moderator.click(world.card(), label="Confirm")
    assert (await world.view(1)).case.decision is Decision.CONFIRM


async def test_the_owner_can_always_decide(world: World, posted: discord.Message) -> None:
    await world.owner.click(world.card(), label="Confirm")
    assert (await world.view(1)).case.decided_by == world.owner.id


async def test_nobody_decides_about_their_own_message(world: World, picture: bytes, copy: bytes) -> None:
    await world.block(picture)
    await world.post(world.moderator, copy)
    result = await world.moderator.click(world.card(), label="Not a match")
    assert "A message of yours is part of this case" in world.answer(result)
    assert (await world.view(1)).case.state is CaseState.OPEN
    await world.second_moderator.click(world.card(), label="Confirm")
    assert (await world.view(1)).case.decided_by == world.second_moderator.id


class TestSuspectedMinor:
    """Cases of suspected minors are the child-safety role's alone."""

    @pytest.fixture(autouse=True)
    async def case(self, world: World, picture: bytes, copy: bytes) -> None:
        await world.block(picture, Category.MINOR_SUSPECTED)
        await world.post(world.fan, copy)

    async def test_moderators_cannot_decide(self, world: World) -> None:
        result = await world.moderator.click(world.card(), label="Not a match")
        assert "child-safety role alone" in world.answer(result)
        assert (await world.view(1)).case.state is CaseState.OPEN

    async def test_the_child_safety_role_decides(self, world: World) -> None:
        await world.guardian.click(world.card(), label="Confirm")
        assert (await world.view(1)).case.decided_by == world.guardian.id

    async def test_without_that_role_manage_server_decides(self, world: World) -> None:
        await world.change(child_safety_role_id=None)
        refused = await world.moderator.click(world.card(), label="Confirm")
        assert "child-safety role alone" in world.answer(refused)
        await world.owner.click(world.card(), label="Confirm")
        assert (await world.view(1)).case.decided_by == world.owner.id


async def test_a_deleted_card_comes_back_with_the_next_change(world: World, posted: discord.Message) -> None:
    await world.owner.delete(world.card())
    assert world.cards() == []
    await world.app.decisions.decide(1, (await world.view(1)).case.version, world.moderator.id, Decision.CONFIRM)
    await world.settle()
    assert "decided: confirmed" in world.text(world.card())
    await world.moderator.click(world.card(), label="Undo")
    assert (await world.view(1)).case.state is CaseState.OPEN


async def test_a_message_that_its_author_deleted_first_counts_as_removed(
    world: World, picture: bytes, copy: bytes
) -> None:
    await world.change(mode=Mode.REVIEW)
    await world.block(picture)
    message = await world.post(world.fan, copy)
    await world.fan.delete(message)
    await world.moderator.click(world.card(), label="Confirm")
    await world.settle()
    assert "1 copy, 1 removed" in world.text(world.card())


async def test_a_case_of_another_server_cannot_be_reached(world: World, posted: discord.Message) -> None:
    elsewhere = world.env.create_guild("Elsewhere", owner=world.owner.user)
    channel = elsewhere.create_text_channel("general")
    owner = simcord.MemberActor(world.env, elsewhere, world.owner.user)
    result = await _press_anyhow(world, owner, "confirm", channel=channel)
    assert "belongs to another server" in world.answer(result)
    assert (await world.view(1)).case.state is CaseState.OPEN


async def test_a_case_that_is_gone_is_explained(world: World, posted: discord.Message) -> None:
    result = await _press_anyhow(world, world.moderator, "confirm", case_id=77)
    assert "There is no case 77" in world.answer(result)


async def _press_anyhow(
    world: World,
    member: simcord.MemberActor,
    action: str,
    *,
    case_id: int = 1,
    channel: simcord.ChannelHandle | None = None,
) -> simcord.InteractionResult:
    """A press of a card's button by somebody whom the review channel would not show it to."""
    where = channel or world.fans
    call = Call(CallKind.POST_CARD, f"test:{where.id}", "test", {"channel_id": where.id}, case_id=1)
    result = await DiscordCalls(world.bot).carry_out(call, uncertain=False)
    assert result.message_id is not None
    stored = world.env.backend.get_message(where.id, result.message_id)
    version = (await world.view(1)).case.version
    for row in stored.components[0]["components"]:
        for button in row.get("components", []):
            if f":{action}:" in button["custom_id"]:
                button["custom_id"] = f"stanguard:case:{case_id}:{action}:{version}"
    message = next(message for message in where.history() if message.id == result.message_id)
    return await member.click(message, custom_id=f"stanguard:case:{case_id}:{action}:{version}")
