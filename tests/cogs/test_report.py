"""Members report; only they see the answer, and the moderators see the case."""

from __future__ import annotations

import discord
import pytest
import simcord

from bot.model import CaseOrigin, Category, Mode
from tests.world import World

MENU = "Report picture"


def link(message: discord.Message, guild_id: int, host: str = "discord.com") -> str:
    return f"https://{host}/channels/{guild_id}/{message.channel.id}/{message.id}"


async def test_a_reported_message_opens_a_case(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    shown = await world.other.context_menu(world.fans, MENU, message)
    result = await world.other.submit_modal(shown, {"category": ["harassment"]})
    await world.settle()
    assert "A moderator will look at it" in world.answer(result)
    case = (await world.view(1)).case
    assert case.origin is CaseOrigin.REPORT
    assert case.category is Category.HARASSMENT
    card = world.text(world.card())
    assert "Reported by 1 member." in card
    assert str(world.other.id) not in card
    assert not world.gone(message)


async def test_a_reported_copy_of_a_blocked_picture_goes_at_once(world: World, picture: bytes, copy: bytes) -> None:
    app = world.guild.add_member(world.env.create_user("app", bot=True))  # bots are not checked here
    message = await world.post(app, copy)
    await world.block(picture)
    await world.settle()
    shown = await world.other.context_menu(world.fans, MENU, message)
    result = await world.other.submit_modal(shown, {"category": ["ncii_synthetic"]})
    await world.settle()
    assert "matches the server's blocklist" in world.answer(result)
    assert world.gone(message)


async def test_the_second_report_of_a_member_changes_nothing(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    for _ in range(2):
        result = await world.other.slash(
            world.fans, "report picture", category="scam", link=link(message, world.guild.id)
        )
    await world.settle()
    assert "reported this already" in world.answer(result)
    assert (await world.view(1)).report_count == 1


async def test_two_members_join_in_one_case(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    for member in (world.other, world.moderator):
        await member.slash(world.fans, "report picture", category="scam", link=link(message, world.guild.id))
    await world.settle()
    assert "Reported by 2 members." in world.text(world.card())


async def test_only_the_chosen_pictures_are_reported(world: World, picture: bytes, harmless: bytes) -> None:
    message = await world.fan.send(world.fans, attachments=[("a.jpg", picture), ("b.jpg", harmless)])
    await world.settle()
    shown = await world.other.context_menu(world.fans, MENU, message)
    labels = [option["label"] for option in _control(shown, "pictures")["options"]]
    assert labels == ["1. a.jpg", "2. b.jpg"]
    await world.other.submit_modal(shown, {"category": ["other"], "pictures": ["1"]})
    await world.settle()
    view = await world.view(1)
    assert [sighting.media_id for sighting in view.sightings] == [f"attachment:{message.attachments[1].id}"]
    assert len(world.cards()) == 1


async def test_several_chosen_pictures_are_several_cases(world: World, picture: bytes, harmless: bytes) -> None:
    message = await world.fan.send(world.fans, attachments=[("a.jpg", picture), ("b.jpg", harmless)])
    await world.settle()
    shown = await world.other.context_menu(world.fans, MENU, message)
    await world.other.submit_modal(shown, {"category": ["other"], "pictures": ["0", "1"]})
    await world.settle()
    assert len(world.cards()) == 2


async def test_one_picture_needs_no_choice(world: World, harmless: bytes) -> None:
    shown = await world.other.context_menu(world.fans, MENU, await world.post(world.fan, harmless))
    assert [control["custom_id"] for control in _controls(shown)] == ["category", "words"]


async def test_a_forwarded_picture_can_be_reported(world: World, harmless: bytes) -> None:
    original = await world.post(world.other, harmless)
    forwarded = await world.fan.forward(original, world.fans)
    await world.settle()
    shown = await world.other.context_menu(world.fans, MENU, forwarded)
    await world.other.submit_modal(shown, {"category": ["other"]})
    await world.settle()
    assert (await world.view(1)).sightings[0].message.message_id == forwarded.id


async def test_a_message_without_a_picture_cannot_be_reported(world: World) -> None:
    message = await world.fan.send(world.fans, "just words")
    result = await world.other.context_menu(world.fans, MENU, message)
    assert result.modal is None
    assert "no picture in that message" in world.answer(result)


async def test_a_file_that_the_bot_cannot_read_still_reaches_a_person(world: World) -> None:
    message = await world.post(world.fan, b"no picture at all", name="a.jpg")
    shown = await world.other.context_menu(world.fans, MENU, message)
    result = await world.other.submit_modal(shown, {"category": ["other"]})
    await world.settle()
    assert "a moderator will look at the message" in world.answer(result)
    assert len(world.cards()) == 1


@pytest.mark.parametrize("host", ["discord.com", "ptb.discord.com", "canary.discord.com", "discordapp.com"])
async def test_a_link_of_any_client_is_understood(world: World, harmless: bytes, host: str) -> None:
    message = await world.post(world.fan, harmless)
    result = await world.other.slash(
        world.fans, "report picture", category="other", link=link(message, world.guild.id, host)
    )
    assert "A moderator will look at it" in world.answer(result)


@pytest.mark.parametrize(
    "wrong",
    [
        "hello",
        "https://discord.com.evil.test/channels/{guild}/{channel}/{message}",
        "https://evil.test/?https://discord.com/channels/{guild}/{channel}/{message}",
        "http://discord.com/channels/{guild}/{channel}/{message}",
        "https://discord.com/channels/@me/{channel}/{message}",
        "https://discord.com/channels/{guild}/{channel}",
        "https://discord.com/channels/{guild}/{channel}/{message}/../../../users/@me",
        "https://discord.com/channels/{guild}/{channel}/{message}?x=1",
    ],
)
async def test_a_wrong_link_is_explained(world: World, harmless: bytes, wrong: str) -> None:
    message = await world.post(world.fan, harmless)
    written = wrong.format(guild=world.guild.id, channel=message.channel.id, message=message.id)
    result = await world.other.slash(world.fans, "report picture", category="other", link=written)
    assert "not a link to a message" in world.answer(result)
    assert world.cards() == []


async def test_a_link_into_another_server_is_refused(world: World) -> None:
    result = await world.other.slash(
        world.fans, "report picture", category="other", link="https://discord.com/channels/" + "/".join(["1" * 18] * 3)
    )
    assert "in another server" in world.answer(result)


async def test_a_link_to_a_message_that_is_gone_is_explained(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    await world.fan.delete(message)
    result = await world.other.slash(world.fans, "report picture", category="other", link=link(message, world.guild.id))
    assert "no message there that both of us can see" in world.answer(result)


async def test_a_member_learns_nothing_about_a_channel_that_they_cannot_see(world: World, harmless: bytes) -> None:
    message = await world.moderator.send(world.review, attachments=[("a.jpg", harmless)])
    await world.settle()
    result = await world.fan.slash(world.fans, "report picture", category="other", link=link(message, world.guild.id))
    assert "no message there that both of us can see" in world.answer(result)
    allowed = await world.second_moderator.slash(
        world.fans, "report picture", category="other", link=link(message, world.guild.id)
    )
    assert "A moderator will look at it" in world.answer(allowed)


async def test_the_same_holds_for_a_private_thread(world: World, harmless: bytes) -> None:
    backend = world.env.backend
    thread = backend.create_thread(world.fans.id, "secret", world.fan.id, type=12)
    files = backend.store_attachments(thread.id, [("a.jpg", harmless)])
    message = await world.arrange(world.moderator.id, channel_id=thread.id, attachments=files)
    address = f"https://discord.com/channels/{world.guild.id}/{thread.id}/{message.id}"
    outside = await world.other.slash(world.fans, "report picture", category="other", link=address)
    assert "no message there that both of us can see" in world.answer(outside)
    inside = await world.fan.slash(world.fans, "report picture", category="other", link=address)
    assert "A moderator will look at it" in world.answer(inside)


async def test_a_link_into_a_thread_that_the_bot_has_not_heard_of(world: World, harmless: bytes) -> None:
    backend = world.env.backend
    thread = backend.create_thread(world.fans.id, "old", world.fan.id, broadcast=False)
    files = backend.store_attachments(thread.id, [("a.jpg", harmless)])
    message = backend.create_message(thread.id, world.fan.id, attachments=files, broadcast=False)
    address = f"https://discord.com/channels/{world.guild.id}/{thread.id}/{message.id}"
    result = await world.other.slash(world.fans, "report picture", category="other", link=address)
    assert "A moderator will look at it" in world.answer(result)


async def test_an_upload_can_be_reported(world: World, harmless: bytes) -> None:
    result = await world.other.slash(world.fans, "report picture", category="scam", picture=("a.jpg", harmless))
    await world.settle()
    assert "moderators cannot see your upload, only its fingerprint" in world.answer(result)
    assert "The bot keeps no picture, so you cannot look at it here" in world.text(world.card())


async def test_an_upload_of_a_listed_picture_is_known(world: World, picture: bytes, copy: bytes) -> None:
    await world.block(picture)
    result = await world.other.slash(world.fans, "report picture", category="scam", picture=("a.jpg", copy))
    await world.settle()
    assert "The server's blocklist knows this picture" in world.answer(result)
    assert "Clear match with E-1" in world.text(world.card())


async def test_an_upload_that_cannot_be_read_opens_no_case(world: World) -> None:
    result = await world.other.slash(world.fans, "report picture", category="scam", picture=("a.jpg", b"words"))
    await world.settle()
    assert "nothing was reported; report the message itself" in world.answer(result)
    assert world.cards() == []


async def test_either_a_link_or_an_upload(world: World, harmless: bytes) -> None:
    options = {"link": "https://x", "picture": ("a.jpg", harmless)}
    result = await world.other.slash(world.fans, "report picture", category="scam", **options)
    assert "one of the two" in world.answer(result)


async def test_a_report_of_a_suspected_minor_comes_with_guidance(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    shown = await world.other.context_menu(world.fans, MENU, message)
    result = await world.other.submit_modal(shown, {"category": ["minor_suspected"]})
    await world.settle()
    assert "Report the message to Discord itself" in world.answer(result)
    assert "suspected minor" in world.text(world.card())


async def test_reports_work_in_a_server_that_only_observes(world: World, harmless: bytes) -> None:
    await world.change(mode=Mode.OBSERVE)
    message = await world.post(world.fan, harmless)
    await world.other.slash(world.fans, "report picture", category="other", link=link(message, world.guild.id))
    await world.settle()
    assert len(world.cards()) == 1


async def test_the_reporter_hears_the_outcome_once(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    await world.other.slash(world.fans, "report picture", category="other", link=link(message, world.guild.id))
    await world.settle()
    for label in ("Confirm", "Undo", "Not a match"):
        await world.moderator.click(world.card(), label=label)
        await world.settle()
    told = [message.content for message in world.other.user.dm_channel.history()]
    (outcome,) = [text for text in told if text.startswith("Thank you for report 1.")]
    assert outcome.endswith("\n-# From the moderators of Moonlark fans")


async def test_a_reported_copy_that_stays_is_said_to_be_known(world: World, picture: bytes, copy: bytes) -> None:
    await world.change(mode=Mode.REVIEW)
    message = await world.post(world.fan, copy)
    await world.block(picture)
    await world.settle()
    result = await world.other.slash(world.fans, "report picture", category="other", link=link(message, world.guild.id))
    assert "blocklist knows this picture; a moderator will decide" in world.answer(result)


def _controls(shown: simcord.InteractionResult) -> list[dict[str, object]]:
    assert shown.modal is not None
    return [label["component"] for label in shown.modal["components"]]


def _control(shown: simcord.InteractionResult, custom_id: str) -> dict[str, list[dict[str, str]]]:
    return next(control for control in _controls(shown) if control["custom_id"] == custom_id)  # type: ignore[return-value]
