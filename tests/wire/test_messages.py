"""Pictures posted in every way over the wire, and the real bot that finds them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.discordd import (
    CREATE_MESSAGE,
    DELETE_MESSAGE,
    ChannelKind,
    Discordd,
    Message,
)

from .conftest import BLOCKED, picture
from .installation import Installation


async def gone(discordd: Discordd, *messages: Message) -> None:
    await discordd.wait_for(lambda: all(message.deleted for message in messages))


async def one_card(installation: Installation) -> Message:
    await installation.discordd.wait_for(installation.cards)
    (card,) = installation.cards()
    return card


async def test_a_blocked_picture_is_deleted_and_gets_a_card(
    discordd: Discordd, installation: Installation, blocked: bytes, harmless: bytes
) -> None:
    post = discordd.world.post
    async with installation.running() as app:
        fine = post(installation.fans, installation.fan, "mine", attachments=[("mine.jpg", harmless)])
        bad = post(installation.fans, installation.fan, "look", attachments=[("a.jpg", blocked)])
        await gone(discordd, bad)
        await one_card(installation)
        await app.idle()
    assert not fine.deleted
    assert await installation.outcomes() == {"remove": 1, "clear": 1}
    (delete,) = discordd.journal.of(DELETE_MESSAGE)
    assert delete.params["message_id"] == str(bad.id)
    assert delete.headers["X-Audit-Log-Reason"]
    assert not any(request.files for request in discordd.journal.requests), "no picture is ever uploaded"


async def test_the_whole_way_on_postgresql(
    discordd: Discordd, postgres_url: str, tmp_path: Path, blocked: bytes, harmless: bytes
) -> None:
    installation = Installation(discordd, tmp_path, postgres_url)
    await installation.set_up()
    await installation.block(picture(BLOCKED))
    async with installation.running() as app:
        fine = discordd.world.post(installation.fans, installation.fan, attachments=[("mine.jpg", harmless)])
        bad = [
            discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)]) for _ in range(5)
        ]
        await gone(discordd, *bad)
        await one_card(installation)
        await app.idle()
    assert not fine.deleted
    assert await installation.outcomes() == {"remove": 5, "clear": 1}
    assert len(installation.cards()) == 1


async def test_a_moderator_confirms_on_the_card(discordd: Discordd, installation: Installation, blocked: bytes) -> None:
    async with installation.running() as app:
        discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
        card = await one_card(installation)
        await app.idle()
        custom_id = next(one for one in custom_ids(card.components) if ":confirm:" in one)
        press = discordd.interactions.press(installation.moderator, card, custom_id)
        await press.answered.wait()
        await discordd.wait_for(lambda: any(":undo:" in one for one in custom_ids(card.components)))


def custom_ids(components: Any) -> list[str]:
    if isinstance(components, list):
        return [found for one in components for found in custom_ids(one)]
    if not isinstance(components, dict):
        return []
    own = [components["custom_id"]] if "custom_id" in components else []
    return own + [found for value in components.values() for found in custom_ids(value)]


async def test_a_late_embed(discordd: Discordd, installation: Installation, blocked: bytes, harmless: bytes) -> None:
    async with installation.running() as app:
        message = discordd.world.post(installation.fans, installation.fan, "https://pictures.example/one.png")
        other = discordd.world.post(installation.fans, installation.fan, "https://pictures.example/two.png")
        await app.idle()
        discordd.world.unfurl(message, discordd.world.link_embed(blocked))
        discordd.world.unfurl(other, discordd.world.link_embed(harmless, "https://pictures.example/two.png"))
        await gone(discordd, message)
        await app.idle()
    assert not other.deleted


async def test_an_edit_that_brings_the_picture(
    discordd: Discordd, installation: Installation, blocked: bytes, harmless: bytes
) -> None:
    async with installation.running() as app:
        message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", harmless)])
        await app.idle()
        discordd.world.edit(message, attachments=[("b.jpg", blocked)])
        await gone(discordd, message)


@pytest.mark.parametrize(
    "surface", ["second attachment", "embed image", "embed thumbnail", "gallery", "sticker", "emoji", "forward"]
)
async def test_every_surface(
    discordd: Discordd, installation: Installation, blocked: bytes, harmless: bytes, surface: str
) -> None:
    world = discordd.world
    elsewhere = world.create_channel(world.create_guild("elsewhere"))
    original = world.post(elsewhere, world.create_user("jin"), attachments=[("a.jpg", blocked)], deliver=False)
    parts: dict[str, dict[str, Any]] = {
        "second attachment": {"attachments": [("a.jpg", harmless), ("b.bin", blocked)]},
        "embed image": {"embeds": [world.link_embed(blocked)]},
        "embed thumbnail": {"embeds": [world.link_embed(harmless), world.link_embed(blocked, part="thumbnail")]},
        "gallery": {"components": [{"type": 17, "components": [world.gallery(harmless, blocked)]}]},
        "sticker": {"stickers": [world.sticker("star", blocked)]},
        "emoji": {"content": f"hi {world.emoji('wave', blocked)}"},
        "forward": {"snapshots": [original]},
    }
    author = installation.fan if surface != "gallery" else world.create_webhook(installation.fans)
    async with installation.running():
        message = world.post(installation.fans, author, **parts[surface])
        await gone(discordd, message)
        await one_card(installation)


@pytest.mark.parametrize("place", ["webhook", "thread", "forum post", "voice chat", "announcement"])
async def test_every_place(discordd: Discordd, installation: Installation, blocked: bytes, place: str) -> None:
    world, guild, fan = discordd.world, installation.guild, installation.fan
    upload = [("a.jpg", blocked)]
    async with installation.running():
        if place == "webhook":
            message = world.post(installation.fans, world.create_webhook(installation.fans), attachments=upload)
        elif place == "thread":
            message = world.post(world.create_thread(installation.fans, "chat", fan), fan, attachments=upload)
        elif place == "forum post":
            post = world.create_thread(world.create_channel(guild, "art", ChannelKind.FORUM), "my art", fan)
            message = world.post(post, fan, attachments=upload, id_=post.id)
        else:
            kind = ChannelKind.VOICE if place == "voice chat" else ChannelKind.ANNOUNCEMENT
            message = world.post(world.create_channel(guild, "other", kind), fan, attachments=upload)
        await gone(discordd, message)
        await one_card(installation)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"content": None},
        {"content": ["a", 5]},
        {"author": None},
        {"author": [1, 2]},
        {"embeds": {"0": "x"}},
        {"embeds": [None, 5, {"image": "x"}]},
        {"components": [{"type": 9, "components": []}, {"type": 999}, None]},
        {"mentions": None, "member": 5},
        {"timestamp": "never", "type": "nine", "flags": None},
        {"sticker_items": [7], "message_snapshots": 3, "poll": {}},
    ],
    ids=lambda spoiled: "+".join(spoiled),
)
async def test_a_malformed_message_neither_stops_the_bot_nor_hides_media(
    discordd: Discordd, installation: Installation, blocked: bytes, spoiled: dict[str, Any]
) -> None:
    async with installation.running():
        message = discordd.world.post(
            installation.fans, installation.fan, attachments=[("a.jpg", blocked)], deliver=False
        )
        discordd.world.deliver(message, **spoiled)
        await gone(discordd, message)
        after = discordd.world.post(installation.fans, installation.fan, attachments=[("b.jpg", blocked)])
        await gone(discordd, after)


async def test_a_message_without_content_neither_stops_the_bot_nor_hides_media(
    discordd: Discordd, installation: Installation, blocked: bytes
) -> None:
    async with installation.running():
        message = discordd.world.post(
            installation.fans, installation.fan, attachments=[("a.jpg", blocked)], deliver=False
        )
        discordd.world.deliver(message, without=("content", "embeds", "mentions", "type"))
        await gone(discordd, message)


@pytest.mark.parametrize("data", [None, [], "text", 5, {}, {"id": "x", "guild_id": {}, "channel_id": None}], ids=repr)
async def test_an_event_that_is_no_message_does_not_stop_the_bot(
    discordd: Discordd, installation: Installation, blocked: bytes, data: Any
) -> None:
    async with installation.running():
        for event in ("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "CHANNEL_UPDATE", "NO_SUCH_EVENT"):
            discordd.world.deliver_raw(event, installation.guild, data)
        message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
        await gone(discordd, message)


async def test_duplicate_events_are_scanned_once(
    discordd: Discordd, installation: Installation, blocked: bytes, harmless: bytes
) -> None:
    async with installation.running() as app:
        upload = [("a.jpg", blocked), ("b.jpg", harmless)]
        message = discordd.world.post(installation.fans, installation.fan, attachments=upload)
        for _ in range(3):
            discordd.world.deliver(message)
        await gone(discordd, message)
        await app.idle()
        discordd.world.deliver(message)
        discordd.world.deliver(message, "MESSAGE_UPDATE")
        await asyncio.sleep(0)
        await app.idle()
        assert len(installation.cards()) == 1
    assert len(await installation.sightings(message)) == 2
    assert len([one for one in discordd.journal.of(DELETE_MESSAGE) if one.effect == 204]) == 1
    assert len(discordd.journal.of(CREATE_MESSAGE)) == 2, "the card, and the notice to the author"


async def test_own_messages_are_not_scanned(discordd: Discordd, installation: Installation, blocked: bytes) -> None:
    async with installation.running() as app:
        discordd.world.post(installation.fans, discordd.world.me, attachments=[("a.jpg", blocked)])
        last = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
        await gone(discordd, last)
        await app.idle()
    assert await installation.outcomes() == {"remove": 1}
