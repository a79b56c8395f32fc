"""Members and bans of our loopback Discord, called by the real discord.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import discord
import pytest

from . import (
    BAN_MEMBER,
    EDIT_MEMBER,
    KICK_MEMBER,
    MODERATION_BOT,
    UNBAN_MEMBER,
    Channel,
    Discordd,
    Failure,
    Guild,
    Intent,
    Member,
    Permission,
)
from .conftest import Connect, Probe
from .permissions import in_channel, in_guild

POWERS = MODERATION_BOT | Permission.MODERATE_MEMBERS | Permission.KICK_MEMBERS | Permission.BAN_MEMBERS
READING = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
HOUR = timedelta(hours=1)

ACTS = ["timeout", "lift", "kick", "ban"]


@pytest.fixture
def guild(discordd: Discordd) -> Guild:
    return discordd.world.create_guild("fans", bot_permissions=POWERS)


@pytest.fixture
async def client(connect: Connect, channel: Channel) -> Probe:
    return await connect()


async def fetched(client: Probe, member: Member) -> discord.Member:
    guild = client.get_guild(member.guild.id)
    assert guild is not None
    return await guild.fetch_member(member.user.id)


async def carry_out(client: Probe, act: str, member: Member) -> None:
    target = (member.user.id, member.guild.id)
    if act == "kick":
        await client.http.kick(*target)
    elif act == "ban":
        await client.http.ban(*target, 0)
    else:
        until = (datetime.now(UTC) + HOUR).isoformat() if act == "timeout" else None
        await client.http.edit_member(target[1], target[0], communication_disabled_until=until)


async def code_of(client: Probe, act: str, member: Member) -> int:
    with pytest.raises(discord.HTTPException) as error:
        await carry_out(client, act, member)
    return error.value.code


async def test_a_timeout_leaves_reading_alone(
    discordd: Discordd, client: Probe, channel: Channel, guild: Guild, member: Member
) -> None:
    member.role_ids.append(discordd.world.create_role(guild, "Helpers", Permission.MANAGE_MESSAGES).id)
    discordd.world.overwrite(channel, member, allow=Permission.ATTACH_FILES)
    guild.members[discordd.world.me.id].role_ids.append(discordd.world.create_role(guild, "Bots").id)
    target, until = await fetched(client, member), datetime.now(UTC) + HOUR
    await target.timeout(until, reason="stanguard case 7")
    assert (await fetched(client, member)).timed_out_until == until
    assert discordd.journal.of(EDIT_MEMBER)[0].headers["X-Audit-Log-Reason"] == "stanguard case 7"
    assert in_channel(member, channel) == in_guild(member, guild) == READING
    await target.timeout(None)
    assert in_channel(member, channel) & Permission.ATTACH_FILES
    assert in_guild(member, guild) & Permission.MANAGE_MESSAGES


async def test_a_timeout_ends_by_itself(channel: Channel, member: Member) -> None:
    member.timed_out_until = datetime.now(UTC) - HOUR
    assert in_channel(member, channel) & Permission.SEND_MESSAGES


async def test_a_bot_that_is_timed_out_can_do_nothing(client: Probe, discordd: Discordd, member: Member) -> None:
    me = member.guild.members[discordd.world.me.id]
    me.timed_out_until = datetime.now(UTC) + HOUR
    for act in ACTS:
        assert await code_of(client, act, member) == 50013


async def test_a_timeout_lasts_up_to_28_days_and_one_of_the_past_is_none(client: Probe, member: Member) -> None:
    target = await fetched(client, member)
    with pytest.raises(discord.HTTPException) as error:
        await target.timeout(datetime.now(UTC) + timedelta(days=28, minutes=1))
    assert error.value.code == 50035
    await client.http.edit_member(
        member.guild.id, member.user.id, communication_disabled_until=(datetime.now(UTC) - HOUR).isoformat()
    )
    assert member.timed_out_until is None


async def test_a_kick_and_a_second_one(client: Probe, guild: Guild, member: Member) -> None:
    await carry_out(client, "kick", member)
    assert member.user.id not in guild.members
    assert await code_of(client, "kick", member) == 10007
    assert await code_of(client, "timeout", member) == 10007
    assert not guild.bans


async def test_a_ban_takes_the_messages_that_it_names(
    discordd: Discordd, client: Probe, channel: Channel, guild: Guild, member: Member
) -> None:
    world = discordd.world
    old, new = world.post(channel, member, "old", age=2 * HOUR), world.post(channel, member, "new")
    other = world.post(channel, world.create_member(guild, "oro"), "of somebody else")
    await client.http.ban(member.user.id, guild.id, 3600, reason="stanguard case 7")
    assert guild.bans == {member.user.id: "stanguard case 7"}
    assert member.user.id not in guild.members
    assert (old.deleted, new.deleted, other.deleted) == (False, True, False)
    await discordd.wait_for(lambda: client.deletions == [new.id])
    await client.http.ban(member.user.id, guild.id, 0, reason="again")
    assert guild.bans == {member.user.id: "stanguard case 7"}


async def test_a_ban_that_deletes_nothing_deletes_nothing(
    discordd: Discordd, client: Probe, channel: Channel, member: Member
) -> None:
    stays = discordd.world.post(channel, member, "stays")
    await carry_out(client, "ban", member)
    assert not stays.deleted


@pytest.mark.parametrize("seconds", [-1, 604_801])
async def test_a_ban_deletes_up_to_a_week(client: Probe, guild: Guild, member: Member, seconds: int) -> None:
    with pytest.raises(discord.HTTPException) as error:
        await client.http.ban(member.user.id, guild.id, seconds)
    assert error.value.code == 50035
    assert not guild.bans


async def test_a_ban_reaches_who_is_not_there_but_nobody_who_does_not_exist(
    discordd: Discordd, client: Probe, guild: Guild, member: Member
) -> None:
    discordd.world.remove_member(member)
    await carry_out(client, "ban", member)
    assert set(guild.bans) == {member.user.id}
    with pytest.raises(discord.NotFound) as error:
        await client.http.ban(5, guild.id, 0)
    assert error.value.code == 10013


async def test_a_ban_is_lifted_once(client: Probe, guild: Guild, member: Member) -> None:
    await carry_out(client, "ban", member)
    await client.http.unban(member.user.id, guild.id)
    assert not guild.bans
    with pytest.raises(discord.NotFound) as error:
        await client.http.unban(member.user.id, guild.id)
    assert error.value.code == 10026


@pytest.mark.parametrize(
    ("act", "needed"),
    [
        ("timeout", Permission.MODERATE_MEMBERS),
        ("lift", Permission.MODERATE_MEMBERS),
        ("kick", Permission.KICK_MEMBERS),
        ("ban", Permission.BAN_MEMBERS),
    ],
)
async def test_permissions_are_asked_for(
    discordd: Discordd, client: Probe, guild: Guild, member: Member, act: str, needed: Permission
) -> None:
    (mine,) = (guild.roles[role_id] for role_id in guild.members[discordd.world.me.id].role_ids)
    mine.permissions = POWERS & ~needed
    assert await code_of(client, act, member) == 50013
    mine.permissions = POWERS
    await carry_out(client, act, member)


async def test_lifting_a_ban_needs_the_permission_to_ban(
    discordd: Discordd, client: Probe, guild: Guild, member: Member
) -> None:
    await carry_out(client, "ban", member)
    (mine,) = (guild.roles[role_id] for role_id in guild.members[discordd.world.me.id].role_ids)
    mine.permissions = MODERATION_BOT
    with pytest.raises(discord.Forbidden) as error:
        await client.http.unban(member.user.id, guild.id)
    assert error.value.code == 50013


@pytest.mark.parametrize("act", ACTS)
async def test_the_bot_reaches_only_who_stands_below_it(
    discordd: Discordd, client: Probe, guild: Guild, act: str
) -> None:
    world = discordd.world
    owner = guild.members[guild.owner_id]
    above = world.create_member(guild, "above", roles=[world.create_role(guild, "Above")])
    beside = world.create_member(guild, "beside")
    beside.role_ids = list(guild.members[world.me.id].role_ids)
    for member in (owner, above, beside):
        assert await code_of(client, act, member) == 50013
        assert member.user.id in guild.members
    guild.members[world.me.id].role_ids.append(world.create_role(guild, "Bots").id)
    await carry_out(client, act, above)
    assert await code_of(client, act, owner) == 50013


async def test_an_administrator_is_not_timed_out(discordd: Discordd, client: Probe, guild: Guild) -> None:
    world = discordd.world
    admin = world.create_member(guild, "admin", roles=[world.create_role(guild, "Admins", Permission.ADMINISTRATOR)])
    guild.members[world.me.id].role_ids.append(world.create_role(guild, "Bots").id)
    assert await code_of(client, "timeout", admin) == 50013
    await carry_out(client, "kick", admin)


async def test_events_go_to_who_asked_for_them(
    discordd: Discordd, connect: Connect, guild: Guild, channel: Channel, member: Member
) -> None:
    discordd.gateway.allowed |= Intent.GUILD_MEMBERS
    asked = Intent.GUILDS | Intent.GUILD_MEMBERS | Intent.GUILD_MODERATION
    client = await connect(Probe(asked))
    for act in ("timeout", "ban"):
        await carry_out(client, act, member)
    await client.http.unban(member.user.id, guild.id)
    await discordd.wait_for(lambda: discordd.journal.events("GUILD_BAN_REMOVE"))
    names = [
        frame.event for frame in discordd.journal.frames if frame.event.startswith(("GUILD_MEMBER_", "GUILD_BAN_"))
    ]
    assert names == ["GUILD_MEMBER_UPDATE", "GUILD_BAN_ADD", "GUILD_MEMBER_REMOVE", "GUILD_BAN_REMOVE"]


async def test_nobody_else_hears_of_them(discordd: Discordd, client: Probe, guild: Guild, member: Member) -> None:
    for act in ("timeout", "ban"):
        await carry_out(client, act, member)
    discordd.world.delete_channel(next(iter(guild.channels.values())))
    await discordd.wait_for(lambda: discordd.journal.events("CHANNEL_DELETE"))
    assert not [frame for frame in discordd.journal.frames if "MEMBER" in frame.event or "BAN" in frame.event]


@pytest.mark.parametrize(("act", "route"), [("timeout", EDIT_MEMBER), ("kick", KICK_MEMBER), ("ban", BAN_MEMBER)])
async def test_faults_and_the_journal_know_them(
    discordd: Discordd, client: Probe, member: Member, act: str, route: str
) -> None:
    discordd.faults.script(route.split()[0], "/guilds/*/*/*", Failure(503), Failure(503, after=True))
    for happened in (None, 200 if act == "timeout" else 204):
        assert await code_of(client, act, member) == 0
        request = discordd.journal.of(route, user_id=member.user.id)[-1]
        assert (request.effect, request.status) == (happened, 503)


async def test_lifted_bans_are_in_the_journal(discordd: Discordd, client: Probe, guild: Guild, member: Member) -> None:
    await carry_out(client, "ban", member)
    await client.http.unban(member.user.id, guild.id, reason="stanguard case 7")
    (request,) = discordd.journal.of(UNBAN_MEMBER, guild_id=guild.id)
    assert request.headers["X-Audit-Log-Reason"] == "stanguard case 7"
