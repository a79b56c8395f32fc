"""REST of our loopback Discord, called by the real discord.py."""

from __future__ import annotations

import io

import aiohttp
import discord
import pytest
from discord import app_commands

from . import (
    CREATE_MESSAGE,
    DELETE_MESSAGE,
    MODERATION_BOT,
    Channel,
    ChannelKind,
    Discordd,
    Guild,
    Member,
    Permission,
    RateLimits,
)
from .conftest import Connect, Probe


@pytest.fixture
async def client(connect: Connect, channel: Channel) -> Probe:
    return await connect()


async def text_channel(client: discord.Client, channel: Channel) -> discord.TextChannel:
    fetched = await client.fetch_channel(channel.id)
    assert isinstance(fetched, discord.TextChannel)
    return fetched


async def test_the_content_type_is_exactly_json(discordd: Discordd) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {discordd.token}"}) as session:
        for path in ("/users/@me", "/users/1"):
            async with session.get(discordd.api_url + path) as response:
                assert response.headers["Content-Type"] == "application/json"
                assert response.headers["Via"]


async def test_what_a_doctor_reads(client: Probe, guild: Guild, channel: Channel, member: Member) -> None:
    assert [one.id async for one in client.fetch_guilds()] == [guild.id]
    fetched = await client.fetch_guild(guild.id)
    assert {one.id for one in await fetched.fetch_channels()} == {channel.id}
    assert {one.id for one in await fetched.fetch_roles()} == set(guild.roles)
    assert client.user is not None
    me = await fetched.fetch_member(client.user.id)
    assert me.id == client.user.id
    assert (await client.fetch_user(member.user.id)).name == "mina"
    with pytest.raises(discord.NotFound) as error:
        await fetched.fetch_member(5)
    assert error.value.code == 10007


async def test_posts_edits_and_deletes(discordd: Discordd, client: Probe, channel: Channel) -> None:
    target = await text_channel(client, channel)
    sent = await target.send("hello", embed=discord.Embed(title="one"), file=discord.File(io.BytesIO(b"data"), "a.txt"))
    assert channel.messages[sent.id].attachments[0]["filename"] == "a.txt"
    assert await sent.attachments[0].read() == b"data"
    edited = await sent.edit(content="changed")
    assert edited.edited_at
    assert (await target.fetch_message(sent.id)).content == "changed"
    await sent.delete()
    await discordd.wait_for(lambda: client.deletions)
    assert not channel.messages
    with pytest.raises(discord.NotFound) as error:
        await sent.delete()
    assert error.value.code == 10008


async def test_an_upload_is_in_the_journal(discordd: Discordd, client: Probe, channel: Channel) -> None:
    await (await text_channel(client, channel)).send(file=discord.File(io.BytesIO(b"picture"), "a.png"))
    assert list(discordd.journal.of(CREATE_MESSAGE)[0].files.values()) == [b"picture"]


async def test_a_nonce_makes_a_message_once(client: Probe, channel: Channel) -> None:
    target = await text_channel(client, channel)
    first, second = [await target.send("once", nonce="n1") for _ in range(2)]
    assert first.id == second.id
    assert len(channel.messages) == 1
    with pytest.raises(discord.HTTPException) as error:
        await target.send("too long", nonce="n" * 26)
    assert error.value.code == 50035


async def test_history_pages(discordd: Discordd, client: Probe, channel: Channel, member: Member) -> None:
    ids = [discordd.world.post(channel, member, str(number)).id for number in range(250)]
    target = await text_channel(client, channel)
    assert [one.id async for one in target.history(limit=None)] == ids[::-1]
    assert [one.id async for one in target.history(limit=None, after=discord.Object(ids[9]))] == ids[10:]
    assert [one.id async for one in target.history(limit=3, before=discord.Object(ids[9]))] == ids[8:5:-1]


async def test_bulk_deletion(discordd: Discordd, client: Probe, channel: Channel, member: Member) -> None:
    ids = [discordd.world.post(channel, member, str(number)).id for number in range(3)]
    target = await text_channel(client, channel)
    await target.delete_messages([discord.Object(id_) for id_ in ids])
    await discordd.wait_for(lambda: len(client.deletions) == 3)
    assert set(ids) == set(discordd.journal.deletes)
    assert not channel.messages


@pytest.mark.parametrize(("lacking", "code"), [(Permission.MANAGE_MESSAGES, 50013), (Permission.VIEW_CHANNEL, 50001)])
async def test_permissions_are_asked_for(
    discordd: Discordd, client: Probe, channel: Channel, member: Member, lacking: Permission, code: int
) -> None:
    message = discordd.world.post(channel, member, "stays")
    discordd.world.overwrite(channel, channel.home.members[discordd.world.me.id], deny=lacking)
    with pytest.raises(discord.Forbidden) as error:
        await client.http.delete_message(channel.id, message.id)
    assert error.value.code == code
    assert message.id in channel.messages
    assert not discordd.world.my_permissions(channel) & lacking


async def test_unknown_places(client: Probe) -> None:
    with pytest.raises(discord.NotFound) as error:
        await client.fetch_channel(5)
    assert error.value.code == 10003
    with pytest.raises(discord.NotFound) as error:
        await client.fetch_guild(5)
    assert error.value.code == 10004


async def test_history_without_its_permission_is_empty(
    discordd: Discordd, client: Probe, channel: Channel, member: Member
) -> None:
    discordd.world.post(channel, member, "unread")
    me = channel.home.members[discordd.world.me.id]
    discordd.world.overwrite(channel, me, deny=Permission.READ_MESSAGE_HISTORY)
    target = await text_channel(client, channel)
    assert [one async for one in target.history()] == []


async def test_a_voice_channel_needs_connect_and_a_thread_its_own_permission(
    discordd: Discordd, client: Probe, guild: Guild, member: Member
) -> None:
    world = discordd.world
    voice = world.create_channel(guild, "stage", ChannelKind.VOICE)
    forum = world.create_channel(guild, "gallery", ChannelKind.FORUM)
    post = world.create_thread(forum, "my art", member)
    starter = world.post(post, member, "first", id_=post.id)
    assert (await client.http.get_message(post.id, starter.id))["content"] == "first"
    me = guild.members[world.me.id]
    world.overwrite(forum, me, deny=Permission.SEND_MESSAGES_IN_THREADS)
    world.overwrite(voice, me, deny=Permission.CONNECT)
    thread = await client.fetch_channel(post.id)
    assert isinstance(thread, discord.Thread)
    with pytest.raises(discord.Forbidden) as error:
        await thread.send("no")
    assert error.value.code == 50013
    with pytest.raises(discord.Forbidden) as error:
        await client.fetch_channel(voice.id)
    assert error.value.code == 50001


async def test_direct_messages(discordd: Discordd, client: Probe, member: Member) -> None:
    user = await client.fetch_user(member.user.id)
    sent = await user.send("hello")
    assert discordd.world.direct_channel(member.user).messages[sent.id].content == "hello"
    member.user.accepts_dms = False
    with pytest.raises(discord.Forbidden) as error:
        await user.send("no")
    assert error.value.code == 50007


async def test_messages_of_others_cannot_be_edited(
    discordd: Discordd, client: Probe, channel: Channel, member: Member
) -> None:
    message = discordd.world.post(channel, member, "mine", embeds=[discordd.world.link_embed(b"data")])
    partial = (await text_channel(client, channel)).get_partial_message(message.id)
    with pytest.raises(discord.Forbidden) as error:
        await partial.edit(content="no")
    assert error.value.code == 50005
    await (await partial.fetch()).edit(suppress=True)
    assert message.flags & 4


async def test_a_card_beyond_the_limits_is_refused(client: Probe, channel: Channel) -> None:
    target = await text_channel(client, channel)
    view = discord.ui.LayoutView()
    view.add_item(discord.ui.TextDisplay("x" * 4001))
    with pytest.raises(discord.HTTPException) as error:
        await target.send(view=view)
    assert error.value.code == 50035
    with pytest.raises(discord.HTTPException) as error:
        await target.send("")
    assert error.value.code == 50006


async def test_rate_limits_are_kept_by_the_client_without_a_429(
    discordd: Discordd, client: Probe, channel: Channel, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = RateLimits()
    monkeypatch.setattr(discordd.limits, "rule", limited.rule)
    messages = [discordd.world.post(channel, member, str(number)) for number in range(7)]
    for message in messages:
        await client.http.delete_message(channel.id, message.id)
    deletes = discordd.journal.of(DELETE_MESSAGE)
    assert [one.status for one in deletes] == [204] * 7
    assert deletes[5].at - deletes[0].at > 0.9, "the sixth delete belongs to the next window of one second"


async def test_a_bot_that_ignores_its_limits_gets_429(discordd: Discordd, channel: Channel, member: Member) -> None:
    discordd.limits.rule = RateLimits({DELETE_MESSAGE + " younger than 10 s": (1, 30.0)}).rule
    path = f"{discordd.api_url}/channels/{channel.id}/messages/"
    first, second = (discordd.world.post(channel, member, str(number)) for number in range(2))
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {discordd.token}"}) as session:
        async with session.delete(path + str(first.id)) as response:
            assert response.status == 204
            assert response.headers["X-RateLimit-Remaining"] == "0"
        async with session.delete(path + str(second.id)) as response:
            assert response.status == 429
            body = await response.json()
            assert 0 < body["retry_after"] <= 30
            assert body["global"] is False
            assert response.headers["Via"]
    assert second.id in channel.messages


def test_young_and_old_messages_have_buckets_of_their_own(discordd: Discordd) -> None:
    limits = RateLimits()
    names = set()
    for age_ms in (0, 60_000, 15 * 24 * 3600_000):
        id_ = discordd.world.me.id - (age_ms << 22)
        params = {"channel_id": "1", "message_id": str(id_)}
        names.add(limits.rule(DELETE_MESSAGE, params).headers["X-RateLimit-Bucket"])
    assert len(names) == 3


def test_the_whole_bot_has_a_limit() -> None:
    limits = RateLimits(per_second=2)
    rulings = [limits.rule("GET /users/@me", {}) for _ in range(3)]
    assert [one.is_global for one in rulings] == [False, False, True]
    assert limits.rule("POST /interactions/{interaction_id}/{interaction_token}/callback", {}).retry_after is None


async def test_commands_are_registered(discordd: Discordd, client: Probe, guild: Guild) -> None:
    tree = app_commands.CommandTree(client)

    @tree.command(name="report", description="Report a picture")
    async def report(interaction: discord.Interaction) -> None: ...

    synced = await tree.sync()
    again = await tree.sync()
    assert [one.id for one in synced] == [one.id for one in again]
    assert discordd.general.commands[None][0]["name"] == "report"
    await tree.sync(guild=discord.Object(guild.id))
    assert discordd.general.commands[guild.id] == []


def test_the_bot_asks_for_no_more_than_moderation_needs() -> None:
    assert not MODERATION_BOT & (Permission.ADMINISTRATOR | Permission.BAN_MEMBERS | Permission.ATTACH_FILES)
