"""The gateway of our loopback Discord, seen by the real discord.py."""

from __future__ import annotations

import json

import discord
import pytest

from . import Channel, Discordd, Guild, Intent, Member
from .conftest import Connect, Probe


async def test_a_client_logs_in_and_sees_its_guilds(discordd: Discordd, connect: Connect, channel: Channel) -> None:
    client = await connect()
    assert client.user is not None
    assert client.user.id == discordd.world.me.id
    guild = client.get_guild(channel.home.id)
    assert guild is not None
    assert guild.me.guild_permissions.manage_messages
    seen = guild.get_channel(channel.id)
    assert isinstance(seen, discord.TextChannel)
    assert seen.permissions_for(guild.me).manage_messages


async def test_a_wrong_token_is_refused_by_rest(connect: Connect, guild: Guild) -> None:
    with pytest.raises(discord.LoginFailure):
        await connect(token="wrong")


async def test_a_wrong_token_is_refused_by_the_gateway(discordd: Discordd, connect: Connect, guild: Guild) -> None:
    discordd.gateway.token = "another"
    with pytest.raises(discord.ConnectionClosed) as error:
        await connect()
    assert error.value.code == 4004


async def test_a_privileged_intent_that_is_not_switched_on_is_refused(discordd: Discordd, connect: Connect) -> None:
    discordd.gateway.allowed = Intent(0)
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await connect()


async def test_the_app_says_which_intents_are_switched_on(discordd: Discordd, connect: Connect, guild: Guild) -> None:
    discordd.gateway.allowed = Intent.MESSAGE_CONTENT
    client = await connect()
    flags = (await client.application_info()).flags
    assert flags.gateway_message_content_limited
    assert not flags.gateway_guild_members_limited


async def test_a_message_with_everything_arrives(
    discordd: Discordd, connect: Connect, channel: Channel, member: Member
) -> None:
    client = await connect()
    world = discordd.world
    original = world.post(channel, member, attachments=[("first.png", b"first")], deliver=False)
    message = world.post(
        channel,
        member,
        f"look {world.emoji('wave', b'emoji')}",
        attachments=[("a b.jpg", b"data")],
        embeds=[world.link_embed(b"linked")],
        stickers=[world.sticker("star", b"sticker")],
        snapshots=[original],
    )
    await discordd.wait_for(lambda: client.heard)
    heard = client.heard[0]
    assert heard.id == message.id
    assert heard.author.id == member.user.id
    assert [one.filename for one in heard.attachments] == ["a b.jpg"]
    assert await heard.attachments[0].read() == b"data"
    assert heard.embeds[0].image.proxy_url == message.embeds[0]["image"]["proxy_url"]
    assert await heard.stickers[0].read() == b"sticker"
    assert await heard.message_snapshots[0].attachments[0].read() == b"first"


async def test_components_and_webhooks_arrive(discordd: Discordd, connect: Connect, channel: Channel) -> None:
    client = await connect()
    webhook = discordd.world.create_webhook(channel)
    discordd.world.post(channel, webhook, components=[discordd.world.gallery(b"one", b"two")], username="someone")
    await discordd.wait_for(lambda: client.heard)
    heard = client.heard[0]
    assert heard.webhook_id == webhook.id
    assert heard.author.name == "someone"
    gallery = heard.components[0]
    assert isinstance(gallery, discord.MediaGalleryComponent)
    assert len(gallery.items) == 2


async def test_edits_late_embeds_and_deletions_arrive(
    discordd: Discordd, connect: Connect, channel: Channel, member: Member
) -> None:
    client = await connect()
    world = discordd.world
    first, second, third = (world.post(channel, member, str(number)) for number in range(3))
    world.edit(first, content="changed")
    world.unfurl(second, world.link_embed(b"late"))
    world.delete(first)
    world.delete(second, third)
    await discordd.wait_for(lambda: len(client.deletions) == 3)
    assert [edit.data["content"] for edit in client.edits] == ["changed", "1"]
    assert client.edits[0].data["edited_timestamp"]
    assert not client.edits[1].data["edited_timestamp"]
    assert client.edits[1].message.embeds[0].image.url


async def test_content_is_kept_from_a_bot_without_the_intent(
    discordd: Discordd, connect: Connect, channel: Channel, member: Member
) -> None:
    client = await connect(Probe(Intent.GUILDS | Intent.GUILD_MESSAGES))
    discordd.world.post(channel, member, "hidden", attachments=[("a.jpg", b"data")])
    discordd.world.post(channel, member, "for you", mentions=[discordd.world.me])
    await discordd.wait_for(lambda: len(client.heard) == 2)
    assert (client.heard[0].content, client.heard[0].attachments) == ("", [])
    assert client.heard[1].content == "for you"


async def test_events_without_their_intent_do_not_arrive(
    discordd: Discordd, connect: Connect, channel: Channel, member: Member
) -> None:
    await connect(Probe(Intent.GUILDS))
    discordd.world.post(channel, member, "unheard")
    last = discordd.world.create_channel(channel.home, "later")
    await discordd.wait_for(lambda: [one for one in discordd.journal.events("CHANNEL_CREATE") if one.id == last.id])
    assert not discordd.journal.events("MESSAGE_CREATE")


async def test_reconnect_resumes_and_replays(
    discordd: Discordd, connect: Connect, channel: Channel, member: Member
) -> None:
    client = await connect()
    discordd.gateway.reconnect()
    posted = [discordd.world.post(channel, member, str(number)).id for number in range(5)]
    await discordd.wait_for(lambda: len(client.heard) == 5)
    assert [one.id for one in client.heard] == posted
    assert (client.resumed, client.readied) == (1, 1)
    # Some of them may have been on the way when the client left; what it missed came again.
    assert any(frame.replayed for frame in discordd.journal.events("MESSAGE_CREATE"))
    assert discordd.journal.of("GET /gateway/resume")


@pytest.mark.parametrize("how", ["drop", "close 4000", "close 1000"])
async def test_a_lost_connection_is_resumed(
    discordd: Discordd, connect: Connect, channel: Channel, member: Member, how: str
) -> None:
    client = await connect()
    if how == "drop":
        discordd.gateway.drop()
    else:
        discordd.gateway.close(int(how.split()[1]))
    await discordd.wait_for(lambda: not discordd.gateway.connected)
    posted = discordd.world.post(channel, member, "while away")
    await discordd.wait_for(lambda: client.heard)
    assert client.heard[0].id == posted.id
    assert (client.resumed, client.readied) == (1, 1)


async def test_an_invalid_session_identifies_anew_and_missed_events_are_lost(
    discordd: Discordd, connect: Connect, channel: Channel, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect()

    async def at_once(shard_id: int | None, *, initial: bool = False) -> None:
        """discord.py waits five seconds here."""

    monkeypatch.setattr(client, "before_identify_hook", at_once)
    discordd.gateway.invalidate()
    discordd.world.post(channel, member, "lost")
    await discordd.wait_for(lambda: client.readied == 2)
    kept = discordd.world.post(channel, member, "heard")
    await discordd.wait_for(lambda: client.heard)
    assert [one.id for one in client.heard] == [kept.id]
    assert client.resumed == 0


async def test_a_close_code_that_is_final_ends_the_client(discordd: Discordd, connect: Connect, guild: Guild) -> None:
    client = await connect()
    discordd.gateway.close(4013)
    await discordd.wait_for(client.is_closed)


async def test_duplicates_and_raw_events_go_out_as_given(
    discordd: Discordd, connect: Connect, channel: Channel, member: Member
) -> None:
    client = await connect()
    message = discordd.world.post(channel, member, "twice")
    discordd.world.deliver(message, content="spoiled")
    discordd.world.deliver_raw("MESSAGE_DELETE", channel.home, {"id": "5", "channel_id": str(channel.id)})
    discordd.gateway.send_text(json.dumps({"op": 11}))
    await discordd.wait_for(lambda: client.deletions)
    assert [one.content for one in client.heard] == ["twice", "spoiled"]
    assert client.deletions == [5]


async def test_shards_get_their_own_guilds(discordd: Discordd, connect: Connect, monkeypatch) -> None:
    discordd.general.shards = 2
    world = discordd.world
    even, odd = world.create_guild("even", id_=2 << 22), world.create_guild("odd", id_=3 << 22)
    intents = discord.Intents.none()
    intents.guilds = intents.guild_messages = True
    client = discord.AutoShardedClient(intents=intents, guild_ready_timeout=0.05)

    async def at_once(shard_id: int | None, *, initial: bool = False) -> None:
        """discord.py waits five seconds here."""

    monkeypatch.setattr(client, "before_identify_hook", at_once)
    await connect(client)
    messages = [
        world.post(world.create_channel(guild), world.create_member(guild, "mina"), "hello") for guild in (even, odd)
    ]
    await discordd.wait_for(lambda: len(discordd.journal.events("MESSAGE_CREATE")) == 2)
    shards = {frame.id: frame.shard for frame in discordd.journal.events("MESSAGE_CREATE")}
    assert shards == {messages[0].id: 0, messages[1].id: 1}


async def test_members_are_sent_on_request(discordd: Discordd, connect: Connect, guild: Guild, member: Member) -> None:
    client = await connect(Probe(Intent.GUILDS | Intent.GUILD_MEMBERS))
    seen = client.get_guild(guild.id)
    assert seen is not None
    assert seen.get_member(member.user.id) is not None
