"""A blocked picture goes wherever in a message, and in whichever kind of message, it sits."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import discord
import pytest
from simcord.backend import serializers
from simcord.backend.models import MessageSticker
from simcord.enums import ChannelType

from bot.demo import pictures
from bot.model import Mode, Verdict
from tests.world import World


@pytest.fixture(autouse=True)
async def blocked(world: World, picture: bytes) -> None:
    await world.block(picture)


async def test_an_attachment(world: World, copy: bytes) -> None:
    assert world.gone(await world.post(world.fan, copy))


async def test_the_last_of_several_attachments(world: World, copy: bytes, harmless: bytes) -> None:
    files = [("a.jpg", harmless), ("b.png", pictures.encode(pictures.picture(3, (300, 300)), "PNG")), ("c.jpg", copy)]
    message = await world.fan.send(world.fans, attachments=files)
    await world.settle()
    assert world.gone(message)
    assert await world.sighting_count() == 3


async def test_whatever_the_file_calls_itself(world: World, copy: bytes) -> None:
    assert world.gone(await world.post(world.fan, copy, name="notes.txt"))


async def test_a_forward(world: World, copy: bytes, harmless: bytes) -> None:
    elsewhere = world.guild.create_text_channel("archive")
    source = world.env.backend.create_message(
        elsewhere.id,
        world.other.id,
        attachments=world.env.backend.store_attachments(elsewhere.id, [("old.jpg", copy)]),
        broadcast=False,
    )
    original = next(message for message in elsewhere.history() if message.id == source.id)
    forwarded = await world.fan.forward(original, world.fans)
    await world.settle()
    assert world.gone(forwarded)


@pytest.mark.parametrize("part", ["image", "thumbnail"])
async def test_the_picture_of_a_link(world: World, copy: bytes, part: str) -> None:
    address = world.cdn.publish("external/preview.jpg", copy)
    embed = {"type": "link", "url": "https://x.test", part: {"url": "https://x.test/a.jpg", "proxy_url": address}}
    assert world.gone(await world.arrange(world.fan.id, "https://x.test", embeds=[embed]))


async def test_the_preview_that_arrives_after_the_message(world: World, copy: bytes) -> None:
    message = await world.arrange(world.fan.id, "https://x.test")
    assert not world.gone(message)
    address = world.cdn.publish("external/late.jpg", copy)
    embed = {"type": "image", "url": "https://x.test", "thumbnail": {"url": "https://x.test/a", "proxy_url": address}}
    world.env.backend.edit_message(world.fans.id, message.id, {"embeds": [embed]})
    await world.settle()
    assert world.gone(message)


async def test_an_edit_that_swaps_the_picture(world: World, copy: bytes, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    swapped = world.env.backend.store_attachments(world.fans.id, [("b.jpg", copy)])
    world.env.backend.edit_message(world.fans.id, message.id, {"attachments": swapped})
    await world.settle()
    assert world.gone(message)


async def test_a_sticker(world: World, picture: bytes) -> None:
    world.cdn.publish("stickers/4242.png", pictures.encode(pictures.picture(1, (320, 320)), "PNG"))
    await world.block(pictures.encode(pictures.picture(1, (320, 320)), "PNG"))
    sticker = MessageSticker(4242, "wave", 1, world.guild.id)
    assert world.gone(await world.arrange(world.fan.id, stickers=[sticker]))


async def test_a_custom_emoji(world: World) -> None:
    emoji = pictures.encode(pictures.picture(1, (128, 128)), "PNG")
    await world.block(emoji)
    for name in ("4343.png", "4343.webp", "4343.gif"):
        world.cdn.publish(f"emojis/{name}", emoji)
    assert world.gone(await world.arrange(world.fan.id, "hello <:moon:4343>"))


async def test_a_picture_in_the_components_of_a_bot(world: World, copy: bytes) -> None:
    await world.change(scan_bots=True)
    address = world.cdn.publish("attachments/1/2/gallery.jpg", copy)
    media = {"url": address, "proxy_url": address}
    gallery = {"type": 12, "items": [{"media": media}]}
    app = world.guild.add_member(world.env.create_user("app", bot=True))
    message = await world.arrange(app.id, components=[{"type": 17, "components": [gallery]}], flags=1 << 15)
    assert world.gone(message)


async def test_a_webhook_is_checked_unless_the_server_says_otherwise(world: World, copy: bytes) -> None:
    webhook = world.guild.create_webhook(world.fans, "news")
    message = await webhook.send(attachments=[("a.jpg", copy)])
    await world.settle()
    assert world.gone(message)
    await world.change(scan_webhooks=False)
    message = await webhook.send(attachments=[("a.jpg", copy)])
    await world.settle()
    assert not world.gone(message)


async def test_another_bot_is_checked_only_if_the_server_says_so(world: World, copy: bytes) -> None:
    app = world.guild.add_member(world.env.create_user("app", bot=True))
    assert not world.gone(await world.post(app, copy))
    await world.change(scan_bots=True)
    assert world.gone(await world.post(app, copy))


async def test_the_bot_does_not_check_itself(world: World, copy: bytes) -> None:
    await world.change(scan_bots=True)
    attachments = world.env.backend.store_attachments(world.fans.id, [("a.jpg", copy)])
    assert world.bot.user is not None
    message = await world.arrange(world.bot.user.id, attachments=attachments)
    assert not world.gone(message)
    assert await world.sighting_count() == 0


async def test_a_thread(world: World, copy: bytes) -> None:
    thread = world.env.backend.create_thread(world.fans.id, "drafts", world.fan.id)
    attachments = world.env.backend.store_attachments(thread.id, [("a.jpg", copy)])
    assert world.gone(await world.arrange(world.fan.id, channel_id=thread.id, attachments=attachments))


async def test_a_thread_that_the_bot_has_not_heard_of(world: World, copy: bytes) -> None:
    thread = world.env.backend.create_thread(world.fans.id, "drafts", world.fan.id, broadcast=False)
    attachments = world.env.backend.store_attachments(thread.id, [("a.jpg", copy)])
    assert world.gone(await world.arrange(world.fan.id, channel_id=thread.id, attachments=attachments))


async def test_a_forum_post(world: World, copy: bytes) -> None:
    forum = world.guild.create_forum_channel("questions")
    thread = world.env.backend.create_thread(forum.id, "who is this", world.fan.id, broadcast=False)
    world.env.backend.announce_thread_create(thread)
    attachments = world.env.backend.store_attachments(thread.id, [("a.jpg", copy)])
    assert world.gone(await world.arrange(world.fan.id, channel_id=thread.id, attachments=attachments))


async def test_the_chat_of_a_voice_channel(world: World, copy: bytes) -> None:
    voice = world.guild.create_voice_channel("listening party")
    assert voice._channel.type == ChannelType.VOICE
    message = await world.fan.send(voice, attachments=[("a.jpg", copy)])
    await world.settle()
    assert world.gone(message)


async def test_an_avatar_only_if_the_server_says_so(world: World) -> None:
    avatar = pictures.encode(pictures.picture(1, (256, 256)), "PNG")
    await world.block(avatar)
    shown = world.guild.add_member(world.env.create_user("ava", avatar="0" * 32))
    for extension in ("png", "webp"):
        world.cdn.publish(f"avatars/{shown.id}/{'0' * 32}.{extension}", avatar)
    assert not world.gone(await world.arrange(shown.id, "hello"))
    await world.change(scan_avatars=True)
    assert world.gone(await world.arrange(shown.id, "hello again"))


async def test_nothing_is_lost_before_the_settings_of_the_server_were_read(world: World, copy: bytes) -> None:
    world.app.guilds._cache.clear()
    assert world.gone(await world.post(world.fan, copy))


async def test_a_message_that_discord_py_cannot_parse_is_checked_all_the_same(world: World, copy: bytes) -> None:
    message = await world.fan.send(world.fans, "look")
    payload = _payload(world, message)
    payload["attachments"] = world.env.backend.store_attachments(world.fans.id, [("a.jpg", copy)])
    del payload["content"]  # a KeyError in discord.py's Message
    world.env.backend.emit("MESSAGE_UPDATE", payload)
    await world.settle()
    assert world.gone(message)
    (error,) = world.errors
    assert error["event"] == "gateway.unparsable"


async def test_an_unknown_component_does_not_hide_what_follows(world: World, copy: bytes) -> None:
    await world.change(scan_bots=True)
    app = world.guild.add_member(world.env.create_user("app", bot=True))
    message = await world.arrange(app.id, "look")
    payload = _payload(world, message)
    address = world.cdn.publish("attachments/1/3/gallery.jpg", copy)
    gallery = {"type": 12, "items": [{"media": {"url": address, "proxy_url": address}}]}
    payload["components"] = [{"type": 9, "components": []}, {"type": 99}, gallery]
    world.env.backend.emit("MESSAGE_UPDATE", payload)
    await world.settle()
    assert world.gone(message)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"id": None},
        {"guild_id": "x", "channel_id": [], "id": {}},
        {"attachments": "none"},
        {"embeds": [None, 7, {"image": 3}]},
        {"author": None},
    ],
)
async def test_malformed_payloads_stop_nothing(world: World, copy: bytes, broken: dict[str, Any]) -> None:
    message = await world.fan.send(world.fans, "hello")
    payload = {**_payload(world, message), **broken} if broken else {}
    for event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
        with world.env._bot_scope():
            world.bot._connection.parsers[event](deepcopy(payload))
    await world.settle()
    assert all(error["event"] == "gateway.unparsable" for error in world.errors)
    assert world.gone(await world.post(world.fan, copy))


async def test_the_same_event_twice_is_one_sighting(world: World, copy: bytes) -> None:
    await world.change(mode=Mode.REVIEW)
    message = await world.post(world.fan, copy)
    for event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
        world.env.backend.emit(event, _payload(world, message))
        await world.settle()
    assert await world.sighting_count() == 1
    assert "1 copy, 0 removed" in world.text(world.card())


async def test_direct_messages_are_nobodys_business(world: World, copy: bytes) -> None:
    attachments = world.env.backend.store_attachments(world.fan.user.dm_channel.id, [("a.jpg", copy)])
    await world.fan.send_dm("look", attachments=attachments)
    await world.settle()
    assert await world.sighting_count() == 0
    assert world.cdn.requests == []


async def test_what_cannot_be_read_is_counted_and_not_called_clear(world: World) -> None:
    await world.post(world.fan, b"this is no picture", name="picture.jpg")
    async with world.app.store.read() as tx:
        counts = await tx.sightings.counts(world.guild.id, world.app.cases.now().replace(year=2000))
    assert counts == {f"{Verdict.UNSCANNABLE}:not_a_picture": 1}


def _payload(world: World, message: discord.Message) -> dict[str, Any]:
    """A message as Discord would send it."""
    stored = world.env.backend.messages[message.channel.id].get(message.id)
    assert stored is not None
    return deepcopy(dict(serializers.message_payload(world.env.backend, stored)))
