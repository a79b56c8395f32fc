"""What stands between a sanction and a member, found before anything is decided."""

from __future__ import annotations

from datetime import timedelta

import discord
import pytest
import simcord

from bot.client.obstacles import MOST_TARGETS, obstacles
from bot.client.permissions import BAN_MEMBERS, KICK_MEMBERS, SANCTION_NEEDS, TIMEOUT_MEMBERS, Need
from bot.model import SanctionKind, SanctionOrder
from tests.world import World

WARN = SanctionOrder(SanctionKind.WARN)
TIMEOUT = SanctionOrder(SanctionKind.TIMEOUT, duration=timedelta(hours=1))
KICK = SanctionOrder(SanctionKind.KICK)
BAN = SanctionOrder(SanctionKind.BAN)

EVERY = [(TIMEOUT, TIMEOUT_MEMBERS, "time out"), (KICK, KICK_MEMBERS, "kick"), (BAN, BAN_MEMBERS, "ban")]
MEMBER = "/guilds/*/members/*"


@pytest.fixture
async def sheriff(world: World) -> simcord.MemberActor:
    """Somebody with all three permissions and a role between the bot's and the members'."""
    powers = discord.Permissions(moderate_members=True, kick_members=True, ban_members=True)
    return world.guild.add_member(
        world.env.create_user("sheriff"), roles=[world.guild.create_role("Sheriffs", permissions=powers)]
    )


async def found(
    world: World, moderator: simcord.MemberActor, order: SanctionOrder, *targets: simcord.MemberActor
) -> list[str]:
    await world.settle()
    guild = world.bot.get_guild(world.guild.id)
    assert guild is not None
    member = await guild.fetch_member(moderator.id)
    return await obstacles(guild, member, order, [target.id for target in targets])


async def take_from_the_bot(world: World, flag: str) -> None:
    role = next(role for role in world.guild.roles.values() if role._role.managed)
    rest = discord.Permissions(role._role.permissions)
    rest.update(**{flag: False})
    world.env.backend.edit_role(world.guild.id, role.id, {"permissions": rest.value})


def with_role(world: World, name: str, **fields: object) -> simcord.MemberActor:
    return world.guild.add_member(world.env.create_user(name), roles=[world.guild.create_role(name, **fields)])


@pytest.mark.parametrize("order", [WARN, TIMEOUT, KICK, BAN])
async def test_nothing_stands_in_the_way(world: World, sheriff: simcord.MemberActor, order: SanctionOrder) -> None:
    assert await found(world, sheriff, order, world.fan, world.other) == []


@pytest.mark.parametrize(("order", "need", "verb"), EVERY)
async def test_the_moderator_needs_the_permission_of_that_sanction(
    world: World, sheriff: simcord.MemberActor, order: SanctionOrder, need: Need, verb: str
) -> None:
    (said,) = await found(world, world.moderator, order, world.fan)
    assert need in SANCTION_NEEDS
    assert said == (
        f"You lack the permission {need.name}, without which you may {verb} nobody here; "
        "choose another sanction, or ask an admin."
    )
    assert await found(world, world.moderator, WARN, world.fan) == []


@pytest.mark.parametrize(("order", "need", "verb"), EVERY)
async def test_so_does_the_bot(
    world: World, sheriff: simcord.MemberActor, order: SanctionOrder, need: Need, verb: str
) -> None:
    await take_from_the_bot(world, need.flag)
    assert await found(world, sheriff, order, world.fan) == [
        f"The bot lacks the permission {need.name}; give it to the bot's role in the server settings."
    ]


@pytest.mark.parametrize(("order", "need", "verb"), EVERY)
async def test_nobody_sanctions_the_owner(
    world: World, sheriff: simcord.MemberActor, order: SanctionOrder, need: Need, verb: str
) -> None:
    assert await found(world, sheriff, order, world.owner) == [
        f"<@{world.owner.id}> owns the server, and nobody can {verb} its owner."
    ]


async def test_an_administrator_is_not_timed_out_but_may_be_banned(world: World) -> None:
    admin = with_role(world, "admin", permissions=discord.Permissions(administrator=True))
    assert await found(world, world.owner, TIMEOUT, admin) == [
        f"<@{admin.id}> is an administrator, and Discord lets nobody time out an administrator."
    ]
    assert await found(world, world.owner, BAN, admin) == []


@pytest.mark.parametrize(("order", "need", "verb"), EVERY)
async def test_a_role_that_is_not_below_the_moderators(
    world: World, sheriff: simcord.MemberActor, order: SanctionOrder, need: Need, verb: str
) -> None:
    colleague = world.guild.add_member(
        world.env.create_user("colleague"),
        roles=[next(role for role in world.guild.roles.values() if role.name == "Sheriffs")],
    )
    said = (
        f"You cannot {verb} <@{colleague.id}>, because their highest role is not below yours; "
        "leave it to somebody with a higher one."
    )
    assert await found(world, sheriff, order, world.fan, colleague) == [said]
    assert await found(world, world.owner, order, colleague) == [], "the owner stands above all roles"


async def test_a_role_that_is_not_below_the_bots(world: World) -> None:
    high = with_role(world, "high", position=90)
    assert await found(world, world.owner, KICK, high) == [
        (
            f"The bot cannot kick <@{high.id}>, because their highest role is not below the bot's; "
            "move the bot's role above it in the server settings."
        )
    ]


async def test_a_role_above_both_is_said_of_both(world: World, sheriff: simcord.MemberActor) -> None:
    high = with_role(world, "high", position=90)
    said = await found(world, sheriff, KICK, high)
    assert [("the bot's;" in one, "yours;" in one) for one in said] == [(True, False), (False, True)]


async def test_who_left_can_be_warned_and_banned_but_not_timed_out_or_kicked(
    world: World, sheriff: simcord.MemberActor
) -> None:
    world.guild.remove_member(world.fan)
    for order in (WARN, BAN):
        assert await found(world, sheriff, order, world.fan) == []
    for order, done in ((TIMEOUT, "timed out"), (KICK, "kicked")):
        assert await found(world, sheriff, order, world.fan, world.other) == [
            (
                f"<@{world.fan.id}> left the server, so they cannot be {done}; "
                "leave their sightings out, or choose another sanction."
            )
        ]


@pytest.mark.parametrize(("status", "code"), [(503, 0), (404, 10004), (403, 50001)])
async def test_what_discord_does_not_answer_is_an_obstacle(
    world: World, sheriff: simcord.MemberActor, status: int, code: int
) -> None:
    guild = world.bot.get_guild(world.guild.id)
    assert guild is not None
    moderator = await guild.fetch_member(sheriff.id)
    world.env.inject_error("GET", MEMBER, status=status, code=code)
    said = await obstacles(guild, moderator, BAN, [world.fan.id, world.other.id])
    assert len(said) == 1
    assert f"(status {status}); try again in a minute." in said[0]


async def test_each_member_is_asked_for_once_and_warnings_ask_nobody(
    world: World, sheriff: simcord.MemberActor
) -> None:
    def asked() -> list[str]:
        return [one.path for one in world.env.http_requests if one.path.endswith(f"/members/{world.fan.id}")]

    await found(world, sheriff, WARN, world.fan)
    assert asked() == []
    await found(world, sheriff, KICK, world.fan, world.fan)
    assert len(asked()) == 1


@pytest.mark.parametrize("order", [WARN, BAN])
async def test_too_many_are_not_sanctioned_at_once(
    world: World, sheriff: simcord.MemberActor, order: SanctionOrder
) -> None:
    guild = world.bot.get_guild(world.guild.id)
    assert guild is not None
    moderator = await guild.fetch_member(sheriff.id)
    before = len(world.env.http_requests)
    (said,) = await obstacles(guild, moderator, order, range(1, MOST_TARGETS + 2))
    assert said.startswith("One decision sanctions up to 50 members and this would be 51; ")
    assert len(world.env.http_requests) == before
