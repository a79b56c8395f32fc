"""The review queue as moderators use it: claims, forms, copies, escalation, the lane, and roles that are called."""

from __future__ import annotations

from typing import Any

import discord
import pytest
import simcord

from bot.demo import pictures
from bot.model import (
    CaseState,
    Category,
    Decision,
    LaneOrder,
    NearMatches,
    PolicyReason,
    SanctionKind,
    SanctionState,
    Verdict,
)
from tests.world import World

from .asking import choose


@pytest.fixture
async def posted(world: World, picture: bytes, copy: bytes) -> discord.Message:
    """A copy of a blocked picture that a member posted and the bot removed: case 1, with its card."""
    await world.block(picture)
    return await world.post(world.fan, copy)


async def press(world: World, who: simcord.MemberActor, label: str) -> simcord.InteractionResult:
    result = await who.click(world.card(), label=label)
    await world.settle()
    return result


@pytest.fixture
def sheriff(world: World) -> simcord.MemberActor:
    """A moderator who may time out, kick and ban by hand, too."""
    powers = discord.Permissions(moderate_members=True, kick_members=True, ban_members=True)
    role = world.guild.create_role("Sheriffs", permissions=powers)
    return world.guild.add_member(world.env.create_user("sana"), roles=[world.moderators, role])


async def fill(world: World, who: simcord.MemberActor, **values: Any) -> simcord.InteractionResult:
    """Open the form of Decide… and send it."""
    shown = await who.click(world.card(), label="Decide…")
    result = await who.submit_modal(shown, {"duplicate": "", "note": "", **values})
    await world.settle()
    return result


def asked(world: World, result: simcord.InteractionResult) -> simcord.ResponseMessage:
    """The question that a press led to; the first answer to a press is the card itself."""
    (shown,) = [message for message in result.followups if world.buttons(message)]
    assert shown.ephemeral
    return shown


class TestClaims:
    async def test_a_claim_shows_and_keeps_others_away(self, world: World, posted: discord.Message) -> None:
        await press(world, world.moderator, "Claim")
        assert f"**Claimed** by <@{world.moderator.id}>" in world.text(world.card())
        refused = await press(world, world.second_moderator, "Confirm")
        assert f"<@{world.moderator.id}> is working on case 1" in world.answer(refused)
        assert (await world.view(1)).case.state is CaseState.CLAIMED

    async def test_whoever_claimed_it_gives_it_back(self, world: World, posted: discord.Message) -> None:
        await press(world, world.moderator, "Claim")
        refused = await press(world, world.second_moderator, "Give back")
        assert "You have not claimed this case" in world.answer(refused)
        await press(world, world.moderator, "Give back")
        assert (await world.view(1)).case.state is CaseState.OPEN
        assert "Claim" in world.buttons(world.card())

    async def test_an_admin_ends_the_claim_of_somebody_else(self, world: World, posted: discord.Message) -> None:
        await press(world, world.moderator, "Claim")
        await press(world, world.owner, "Give back")
        assert (await world.view(1)).case.claimed_by is None

    async def test_not_me_leaves_it_to_the_others(self, world: World, posted: discord.Message) -> None:
        await press(world, world.moderator, "Claim")
        result = await press(world, world.moderator, "Not me")
        assert "you need no reason" in world.answer(result)
        case = (await world.view(1)).case
        assert (case.state, case.claimed_by) == (CaseState.OPEN, None)


class TestTheForm:
    async def test_it_claims_the_case_while_it_is_open(self, world: World, posted: discord.Message) -> None:
        await world.moderator.click(world.card(), label="Decide…")
        await world.settle()
        assert (await world.view(1)).case.held_by(world.app.cases.now()) == world.moderator.id

    async def test_a_decision_with_reason_sanction_and_note(
        self, world: World, posted: discord.Message, sheriff: simcord.MemberActor
    ) -> None:
        await fill(
            world,
            sheriff,
            decision=["confirm"],
            reason=["sexual_deepfake"],
            sanction=["ban-1d"],
            note="third time this week",
        )
        view = await world.view(1)
        assert (view.case.decision, view.case.policy_reason) == (Decision.CONFIRM, PolicyReason.SEXUAL_DEEPFAKE)
        (sanction,) = view.sanctions
        assert (sanction.kind, sanction.user_id, sanction.delete_message_seconds) == (
            SanctionKind.BAN,
            world.fan.id,
            86_400,
        )
        assert sanction.state is SanctionState.DONE
        shown = world.text(world.card())
        assert "sexual deepfake" in shown
        assert "1 ban done" in shown
        assert "third time this week" in shown

    async def test_a_sanction_that_is_not_possible_decides_nothing(self, world: World, posted: discord.Message) -> None:
        result = await fill(world, world.moderator, decision=["confirm"], sanction=["kick"])
        assert "You lack the permission Kick Members" in world.answer(result)
        assert (await world.view(1)).case.decision is None

    async def test_undo_lifts_the_ban(
        self, world: World, posted: discord.Message, sheriff: simcord.MemberActor
    ) -> None:
        await fill(world, sheriff, decision=["confirm"], sanction=["ban-0"])
        await press(world, world.moderator, "Undo")
        view = await world.view(1)
        assert view.case.state is CaseState.OPEN
        assert view.sanctions[0].state is SanctionState.LIFTED

    @pytest.mark.parametrize(
        ("values", "sentence"),
        [
            ({"decision": ["not_a_match"], "sanction": ["warn"]}, "Only a confirmed case can have a sanction"),
            ({"decision": ["confirm"], "reason": ["fan_edit"]}, "That reason does not go with that decision"),
            ({"decision": ["duplicate"]}, "needs the number of the case"),
            ({"decision": ["duplicate"], "duplicate": "the other"}, "is named by its number"),
            ({"decision": ["duplicate"], "duplicate": "#99"}, "There is no case 99"),
            ({"decision": ["duplicate"], "duplicate": "1"}, "no duplicate of itself"),
            ({"decision": ["confirm"], "duplicate": "1"}, "needs the number of the case"),
        ],
    )
    async def test_what_does_not_fit_is_refused_in_words(
        self, world: World, posted: discord.Message, values: dict[str, Any], sentence: str
    ) -> None:
        result = await fill(world, world.moderator, **values)
        assert sentence in world.answer(result)
        assert (await world.view(1)).case.decision is None

    async def test_a_duplicate_moves_its_copies(self, world: World, posted: discord.Message, harmless: bytes) -> None:
        other = await world.post(world.other, harmless)
        await world.app.reports.report(
            await world.server(), world.fan.id, Category.OTHER, world.ref(other), [world.upload(harmless)]
        )
        await world.settle()
        shown = await world.moderator.click(world.cards()[1], label="Decide…")
        await world.moderator.submit_modal(
            shown, {"decision": ["duplicate"], "duplicate": "1", "note": "", "reason": [], "sanction": []}
        )
        await world.settle()
        assert "of case #1" in world.text(world.cards()[1])
        assert (await world.view(1)).sighting_count == 2

    async def test_a_harmless_edit_is_known_good_and_its_author_is_told(
        self, world: World, posted: discord.Message, copy: bytes
    ) -> None:
        await fill(world, world.moderator, decision=["harmless_edit"])
        assert "Called a harmless edit" in world.text(world.card())
        assert not world.gone(await world.post(world.fan, copy))
        assert (await world.app.banks.show(1, guild_id=None))[0].revoked_at is None


class TestCopies:
    @pytest.fixture
    async def raid(self, world: World, picture: bytes) -> list[discord.Message]:
        await world.block(picture)
        people = (world.fan, world.other)
        return [await world.post(people[number % 2], picture, f"{number}.jpg") for number in range(22)]

    async def test_a_raid_is_one_card_with_its_numbers(self, world: World, raid: list[discord.Message]) -> None:
        assert "22 copies by 2 members in 1 channel, 22 removed" in world.text(world.card())
        assert len(world.review.history()) == 1

    async def test_single_copies_are_left_out(self, world: World, raid: list[discord.Message]) -> None:
        result = await press(world, world.moderator, "Copies…")
        (listed,) = [message for message in (result.response, *result.followups) if message and message.ephemeral]
        assert "22 copies · page 1 of 2" in world.text(listed)
        (shown,) = [part for part in world.parts(listed) if part.get("type") == 3]
        fans_own = [option["value"] for option in shown["options"][::2]]
        await world.moderator.select(listed, fans_own, custom_id=shown["custom_id"])
        await world.settle()
        assert (await world.view(1)).excepted_count == 10
        assert "10 left out" in world.text(world.card())
        await world.moderator.click(listed, label="Later")
        await world.settle()
        assert "page 2 of 2" in world.text(listed)

    async def test_what_is_left_out_is_not_sanctioned(
        self, world: World, raid: list[discord.Message], sheriff: simcord.MemberActor
    ) -> None:
        copies = await world.app.cases.copies(1, offset=0, limit=100)
        own = [one.id for one in copies if one.message.author_id == world.fan.id]
        await world.app.claims.except_sightings(1, world.moderator.id, own, excepted=True)
        await fill(world, sheriff, decision=["confirm"], sanction=["timeout-1d"])
        assert [one.user_id for one in (await world.view(1)).sanctions] == [world.other.id]

    async def test_the_list_works_after_a_restart(self, world: World, raid: list[discord.Message]) -> None:
        result = await press(world, world.moderator, "Copies…")
        (listed,) = [message for message in (result.response, *result.followups) if message and message.ephemeral]
        await world.restart()
        await world.moderator.click(listed, label="Later")
        await world.settle()
        assert "page 2 of 2" in world.text(listed)


class TestEscalation:
    async def test_it_asks_why_and_calls_the_role(self, world: World, posted: discord.Message) -> None:
        seniors = world.guild.create_role("Seniors")
        await world.change(escalation_role_id=seniors.id)
        question = asked(world, await press(world, world.moderator, "Escalate"))
        assert "Escalated." in await choose(world, world.moderator, question, "A legal question")
        assert "Case #1 · escalated" in world.text(world.card())
        assert "a legal question" in world.text(world.card())
        assert any("was escalated" in message.content for message in world.review.history())
        assert world.called() == [seniors.id]

    async def test_only_those_who_decide_escalated_cases_do(self, world: World, posted: discord.Message) -> None:
        question = asked(world, await press(world, world.moderator, "Escalate"))
        await choose(world, world.moderator, question, "A second opinion")
        refused = await press(world, world.second_moderator, "Confirm")
        assert "This case was escalated" in world.answer(refused)
        await press(world, world.owner, "Confirm")
        assert (await world.view(1)).case.decision is Decision.CONFIRM

    async def test_cancel_keeps_it(self, world: World, posted: discord.Message) -> None:
        question = asked(world, await press(world, world.moderator, "Escalate"))
        assert "It stays as it was." in await choose(world, world.moderator, question, "Cancel")
        assert (await world.view(1)).case.state is CaseState.OPEN


class TestSuspectedMinors:
    @pytest.fixture
    async def lane(self, world: World) -> simcord.ChannelHandle:
        closed = discord.PermissionOverwrite(view_channel=False)
        seen = discord.PermissionOverwrite(view_channel=True)
        bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
        channel = world.guild.create_text_channel(
            "child-safety",
            overwrites={world.guild.default_role: closed, world.child_safety: seen, bot_role: seen},
        )
        await world.change(child_safety_channel_id=channel.id)
        return channel

    async def test_a_moderator_moves_a_case_into_the_lane(
        self, world: World, posted: discord.Message, lane: simcord.ChannelHandle
    ) -> None:
        question = asked(world, await press(world, world.moderator, "May be a minor"))
        assert "Moved." in await choose(world, world.moderator, question, "Move it")
        assert world.cards() == []
        (card,) = lane.history()
        assert "suspected minor" in world.text(card)
        assert str(posted.id) in world.text(card)
        await world.guardian.click(card, label="Confirm")
        await world.settle()
        assert (await world.view(1)).case.decision is Decision.CONFIRM

    async def test_alert_first_leaves_it_standing_until_it_was_reported(
        self, world: World, picture: bytes, copy: bytes, lane: simcord.ChannelHandle
    ) -> None:
        await world.change(lane_order=LaneOrder.ALERT_FIRST)
        await world.block(picture, Category.MINOR_SUSPECTED)
        message = await world.post(world.fan, copy)
        assert not world.gone(message)
        (card,) = lane.history()
        await world.guardian.click(card, label="Reported: remove now")
        await world.settle()
        assert world.gone(message)
        assert (await world.view(1)).case.state is CaseState.OPEN

    async def test_the_child_safety_role_is_called_once(
        self, world: World, picture: bytes, copy: bytes, lane: simcord.ChannelHandle
    ) -> None:
        await world.block(picture, Category.MINOR_SUSPECTED)
        await world.post(world.fan, copy)
        await world.post(world.other, copy)
        assert len(lane.history()) == 1
        assert world.called() == [world.child_safety.id]

    async def test_without_a_channel_its_details_are_for_one_person(
        self, world: World, picture: bytes, copy: bytes
    ) -> None:
        await world.block(picture, Category.MINOR_SUSPECTED)
        message = await world.post(world.fan, copy)
        assert str(message.id) not in world.text(world.card())
        refused = await press(world, world.moderator, "Details")
        assert "child-safety role alone" in world.answer(refused)
        assert str(message.id) in world.answer(await press(world, world.guardian, "Details"))


class TestCalling:
    async def test_the_alert_role_is_mentioned_once_for_a_case(self, world: World, picture: bytes) -> None:
        await world.change(alert_role_id=world.moderators.id)
        await world.block(picture)
        for person in (world.fan, world.other, world.fan):
            await world.post(person, picture)
        assert len(world.review.history()) == 1
        assert world.called() == [world.moderators.id]

    async def test_copies_after_the_decision_join_it_silently(self, world: World, posted: discord.Message) -> None:
        await press(world, world.moderator, "Confirm")
        again = await world.post(world.other, await posted_file(world))
        assert world.gone(again)
        assert len(world.review.history()) == 1
        assert "2 copies by 2 members" in world.text(world.card())


async def posted_file(world: World) -> bytes:
    """The very file that was posted first."""
    return pictures.encode(pictures.resized(pictures.picture(1, (320, 400)), 0.7), quality=50)


async def test_held_matches_go_first_and_are_decided_after(world: World, picture: bytes) -> None:
    await world.change(near_matches=NearMatches.HOLD)
    await world.block(picture)
    near = pictures.encode(pictures.picture(1, (320, 400)).crop((85, 110, 240, 300)))
    message = await world.post(world.fan, near)
    view = await world.view(1)
    assert view.sightings[0].verdict is Verdict.REVIEW
    assert world.gone(message)
    assert "Held: it is deleted" in world.text(world.card())
