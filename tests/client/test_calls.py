"""The outbox's calls against a simulated Discord: done once, mended where possible, explained where not."""

from __future__ import annotations

import re
from typing import Any, Self

import discord
import pytest

from bot.client import DiscordCalls, create_bot
from bot.model import Call, CallKind, Decision, PayloadValue
from bot.outbox import CallError, CallResult
from tests.world import World


@pytest.fixture
def calls(world: World) -> DiscordCalls:
    return DiscordCalls(world.bot)


def delete(world: World, message: discord.Message) -> Call:
    payload: dict[str, int | str | None] = {
        "channel_id": message.channel.id,
        "message_id": message.id,
        "reason": "matches the blocklist",
    }
    return Call(CallKind.DELETE_MESSAGE, f"delete:{message.id}", "lane", payload, guild_id=world.guild.id)


def log_line(world: World, text: str = "a line") -> Call:
    payload: dict[str, int | str | None] = {"channel_id": world.review.id, "text": text}
    return Call(CallKind.LOG_LINE, "log:1", "lane", payload, guild_id=world.guild.id)


def notify(member_id: int, text: str = "a word to you", **more: PayloadValue) -> Call:
    return Call(CallKind.NOTIFY, "notify:1", "lane", {"user_id": member_id, "text": text, **more})


def post_card(world: World, case_id: int = 1) -> Call:
    return Call(CallKind.POST_CARD, "card:1", "lane", {"channel_id": world.review.id}, case_id=case_id)


def edit_card(case_id: int = 1) -> Call:
    return Call(CallKind.EDIT_CARD, "card:1:v2", "lane", {}, case_id=case_id)


async def refused(calls: DiscordCalls, call: Call) -> CallError:
    with pytest.raises(CallError) as caught:
        await calls.carry_out(call, uncertain=False)
    return caught.value


@pytest.fixture
async def case_id(world: World, picture: bytes) -> int:
    """A case that has no card yet."""
    review = world.review.id
    await world.change(review_channel_id=None)
    await world.block(picture)
    await world.post(world.fan, picture)
    await world.change(review_channel_id=review)
    assert world.cards() == []
    return 1


class TestDelete:
    """Deleting a message."""

    async def test_it_goes_and_the_reason_is_given(self, world: World, calls: DiscordCalls) -> None:
        message = await world.fan.send(world.fans, "hello")
        result = await calls.carry_out(delete(world, message), uncertain=False)
        assert result == CallResult(world.fans.id, message.id)
        assert world.gone(message)
        assert world.env.http_requests[-1].reason == "matches the blocklist"

    async def test_what_is_gone_already_is_a_success(self, world: World, calls: DiscordCalls) -> None:
        message = await world.fan.send(world.fans, "hello")
        await world.fan.delete(message)
        assert (await calls.carry_out(delete(world, message), uncertain=True)).message_id == message.id

    async def test_so_is_a_channel_that_is_gone(self, world: World, calls: DiscordCalls) -> None:
        message = await world.fan.send(world.fans, "hello")
        world.env.inject_error("DELETE", "/channels/*", status=404, code=10003)
        await calls.carry_out(delete(world, message), uncertain=False)

    async def test_a_missing_permission_is_named_with_its_channel(self, world: World, calls: DiscordCalls) -> None:
        message = await world.fan.send(world.fans, "hello")
        world.env.inject_error("DELETE", "/channels/*", status=403, code=50013)
        error = await refused(calls, delete(world, message))
        assert error.permanent
        assert "Manage Messages" in error.sentence
        assert f"<#{world.fans.id}>" in error.sentence

    async def test_a_channel_that_the_bot_cannot_see_is_named(self, world: World, calls: DiscordCalls) -> None:
        message = await world.fan.send(world.fans, "hello")
        world.env.inject_error("DELETE", "/channels/*", status=403, code=50001)
        assert "View Channel" in (await refused(calls, delete(world, message))).sentence

    @pytest.mark.parametrize("status", [401, 429, 500, 502, 503])
    async def test_what_may_pass_is_tried_again(self, world: World, calls: DiscordCalls, status: int) -> None:
        message = await world.fan.send(world.fans, "hello")
        world.env.inject_error("DELETE", "/channels/*", status=status)
        assert not (await refused(calls, delete(world, message))).permanent
        await calls.carry_out(delete(world, message), uncertain=False)
        assert world.gone(message)


class TestCards:
    """Posting and redrawing cards."""

    async def test_a_card_is_posted_and_found_again(self, world: World, calls: DiscordCalls, case_id: int) -> None:
        result = await calls.carry_out(post_card(world), uncertain=False)
        assert result == CallResult(world.review.id, world.card().id)
        assert world.buttons(world.card())[:2] == ["Confirm", "Not a match"]

    async def test_nobody_is_pinged(self, world: World, calls: DiscordCalls, case_id: int) -> None:
        await calls.carry_out(post_card(world), uncertain=False)
        stored = world.env.backend.get_message(world.review.id, world.card().id)
        assert f"<@{world.fan.id}>" in world.text(world.card())
        assert not stored.ping_user_ids

    async def test_after_an_uncertain_end_a_standing_card_is_adopted(
        self, world: World, calls: DiscordCalls, case_id: int
    ) -> None:
        first = await calls.carry_out(post_card(world), uncertain=False)
        await world.app.decisions.decide(case_id, 1, world.moderator.id, Decision.CONFIRM)
        again = await calls.carry_out(post_card(world), uncertain=True)
        assert again == first
        assert "decided: confirmed" in world.text(world.card())

    async def test_after_an_uncertain_end_without_a_card_one_is_posted(
        self, world: World, calls: DiscordCalls, case_id: int
    ) -> None:
        await world.moderator.send(world.review, f"look at stanguard:case:{case_id}:confirm:1")
        await calls.carry_out(post_card(world), uncertain=True)
        assert len(world.cards()) == 1

    async def test_the_card_of_another_case_is_not_adopted(
        self, world: World, calls: DiscordCalls, case_id: int, harmless: bytes
    ) -> None:
        await calls.carry_out(post_card(world), uncertain=False)
        await world.change(review_channel_id=None)
        await world.block(harmless)
        await world.post(world.fan, harmless)
        await calls.carry_out(post_card(world, case_id=2), uncertain=True)
        assert len(world.cards()) == 2

    async def test_the_same_call_always_has_the_same_nonce(
        self, world: World, calls: DiscordCalls, case_id: int
    ) -> None:
        nonces = []
        for _ in range(2):
            await calls.carry_out(post_card(world), uncertain=False)
            sent = world.env.http_requests[-1].json
            nonces.append((sent["nonce"], sent["enforce_nonce"]))
        assert nonces[0] == nonces[1]
        assert len(nonces[0][0]) <= 25

    async def test_an_edit_redraws_from_the_row(self, world: World, picture: bytes, calls: DiscordCalls) -> None:
        await world.block(picture)
        await world.post(world.fan, picture)
        await world.app.decisions.decide(1, (await world.view(1)).case.version, world.moderator.id, Decision.CONFIRM)
        await calls.carry_out(edit_card(), uncertain=False)
        assert "decided: confirmed" in world.text(world.card())

    async def test_an_edit_of_a_card_that_is_gone_posts_it_again(
        self, world: World, picture: bytes, calls: DiscordCalls
    ) -> None:
        await world.block(picture)
        await world.post(world.fan, picture)
        old = world.card()
        await world.owner.delete(old)
        result = await calls.carry_out(edit_card(), uncertain=False)
        assert world.card().id == result.message_id != old.id

    async def test_it_follows_to_a_new_review_channel(self, world: World, picture: bytes, calls: DiscordCalls) -> None:
        await world.block(picture)
        await world.post(world.fan, picture)
        await world.owner.delete(world.card())
        moved = world.guild.create_text_channel("new-review")
        await world.change(review_channel_id=moved.id)
        assert (await calls.carry_out(edit_card(), uncertain=False)).channel_id == moved.id

    async def test_without_any_review_channel_it_says_so(self, world: World, calls: DiscordCalls, case_id: int) -> None:
        await world.change(review_channel_id=None)
        error = await refused(calls, edit_card())
        assert error.permanent
        assert "/setup" in error.sentence

    async def test_a_review_channel_that_is_gone_is_explained(
        self, world: World, calls: DiscordCalls, case_id: int
    ) -> None:
        world.env.inject_error("POST", "/channels/*", status=404, code=10003)
        error = await refused(calls, post_card(world))
        assert error.permanent
        assert "does not exist any more; choose another with /setup" in error.sentence

    async def test_a_case_that_was_erased_has_no_card(self, world: World, calls: DiscordCalls) -> None:
        assert (await refused(calls, post_card(world, case_id=99))).permanent

    async def test_a_missing_permission_is_named(self, world: World, calls: DiscordCalls, case_id: int) -> None:
        world.env.inject_error("POST", "/channels/*", status=403, code=50013)
        error = await refused(calls, post_card(world))
        assert "Send Messages" in error.sentence
        assert f"<#{world.review.id}>" in error.sentence


class TestWriting:
    """Direct messages to members, and lines in the review channel."""

    async def test_a_member_is_told(self, world: World, calls: DiscordCalls) -> None:
        await calls.carry_out(notify(world.fan.id), uncertain=False)
        told = world.fan.user.dm_channel.last_message
        assert told is not None
        assert told.content == "a word to you"

    @pytest.mark.parametrize("code", [50007, 50278])
    async def test_closed_direct_messages_are_explained(self, world: World, calls: DiscordCalls, code: int) -> None:
        world.env.inject_error("POST", "/channels/*/messages", status=403, code=code)
        error = await refused(calls, notify(world.fan.id))
        assert error.permanent
        assert error.sentence == "The member does not take direct messages, so they were not told."

    async def test_a_line_is_written_without_pinging(self, world: World, calls: DiscordCalls) -> None:
        await calls.carry_out(log_line(world, f"@everyone <@{world.fan.id}>"), uncertain=False)
        line = world.review.last_message
        assert line is not None
        stored = world.env.backend.get_message(world.review.id, line.id)
        assert not stored.ping_user_ids
        assert not stored.mention_everyone

    @pytest.mark.parametrize("kind", ["line", "notice"])
    async def test_after_an_uncertain_end_nothing_is_said_twice(
        self, world: World, calls: DiscordCalls, kind: str
    ) -> None:
        call = log_line(world) if kind == "line" else notify(world.fan.id)
        first = await calls.carry_out(call, uncertain=False)
        assert await calls.carry_out(call, uncertain=True) == first

    async def test_what_a_member_wrote_is_not_taken_for_the_bots_own(self, world: World, calls: DiscordCalls) -> None:
        message = await world.moderator.send(world.review, "a line")
        assert (await calls.carry_out(log_line(world), uncertain=True)).message_id != message.id


class Appeal(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=r"test:appeal:(?P<case>[0-9]+)"):
    """A button that is answered from its custom id alone."""

    def __init__(self, case_id: int) -> None:
        super().__init__(discord.ui.Button(label="Appeal", custom_id=f"test:appeal:{case_id}"))
        self.case_id = case_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["case"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_message(f"about case {self.case_id}", ephemeral=True)


def appeal(case_id: int, label: str = "Appeal") -> PayloadValue:
    return {"label": label, "custom_id": f"test:appeal:{case_id}"}


class TestButton:
    """The button below a direct message."""

    async def test_it_is_there_and_answers_after_a_restart(self, world: World, calls: DiscordCalls) -> None:
        await calls.carry_out(notify(world.fan.id, button=appeal(7)), uncertain=False)
        told = world.fan.user.dm_channel.last_message
        assert told is not None
        assert told.content == "a word to you"
        assert world.buttons(told) == ["Appeal"]
        assert world.bot.persistent_views == []
        assert told.id not in world.bot._connection._view_store._synced_message_views
        await world.restart()
        world.bot.add_dynamic_items(Appeal)
        assert world.answer(await world.fan.user.click(told, label="Appeal")) == "about case 7"

    async def test_after_an_uncertain_end_it_is_not_sent_twice(self, world: World, calls: DiscordCalls) -> None:
        call = notify(world.fan.id, button=appeal(7))
        first = await calls.carry_out(call, uncertain=False)
        assert await calls.carry_out(call, uncertain=True) == first

    @pytest.mark.parametrize("before", [{}, {"button": appeal(7)}])
    async def test_the_same_words_about_another_case_are_another_message(
        self, world: World, calls: DiscordCalls, before: dict[str, PayloadValue]
    ) -> None:
        first = await calls.carry_out(notify(world.fan.id, **before), uncertain=False)
        call = Call(CallKind.NOTIFY, "notify:2", "lane", notify(world.fan.id, button=appeal(77)).payload)
        assert await calls.carry_out(call, uncertain=True) != first

    async def test_words_without_a_button_are_not_those_with_one(self, world: World, calls: DiscordCalls) -> None:
        first = await calls.carry_out(notify(world.fan.id, button=appeal(7)), uncertain=False)
        call = Call(CallKind.NOTIFY, "notify:2", "lane", notify(world.fan.id).payload)
        assert await calls.carry_out(call, uncertain=True) != first

    async def test_a_long_label_is_cut_to_what_discord_takes(self, world: World, calls: DiscordCalls) -> None:
        await calls.carry_out(notify(world.fan.id, button=appeal(7, "A" * 81)), uncertain=False)
        told = world.fan.user.dm_channel.last_message
        assert told is not None
        assert world.buttons(told) == ["A" * 80]

    @pytest.mark.parametrize("button", ["Appeal", {}, {"label": "Appeal"}, {"custom_id": "test:appeal:7"}])
    async def test_half_a_button_is_given_up(self, world: World, calls: DiscordCalls, button: PayloadValue) -> None:
        error = await refused(calls, notify(world.fan.id, button=button))
        assert error.permanent
        assert "lacks its button" in error.sentence

    async def test_a_button_that_discord_refuses_is_not_taken_for_closed_messages(
        self, world: World, calls: DiscordCalls
    ) -> None:
        world.env.inject_error("POST", "/channels/*/messages", status=400, code=50035)
        error = await refused(calls, notify(world.fan.id, button=appeal(7)))
        assert error.permanent
        assert error.sentence == "Discord refused it (status 400, code 50035)."


async def test_before_the_bot_is_logged_in_calls_wait(world: World) -> None:
    error = await refused(DiscordCalls(create_bot(world.app)), log_line(world))
    assert not error.permanent
    assert not error.uncertain
    assert error.retry_after is not None


@pytest.mark.parametrize("payload", [{}, {"channel_id": "x", "text": "y"}])
async def test_a_call_without_its_payload_is_given_up(
    world: World, calls: DiscordCalls, payload: dict[str, int | str | None]
) -> None:
    assert (await refused(calls, Call(CallKind.LOG_LINE, "k", "l", payload))).permanent
