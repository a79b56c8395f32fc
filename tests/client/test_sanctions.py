"""The outbox's calls on members against a simulated Discord: done once, harmless twice, each refusal explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import discord
import pytest
import simcord

from bot.client import DiscordCalls
from bot.client.obstacles import ACTS
from bot.model import Call, CallKind, PayloadValue
from bot.outbox import CallError
from tests.world import World

REASON = "stanguard case 7"
MEMBER = "/guilds/*/members/*"
BANS = "/guilds/*/bans/*"

ROUTES = {
    CallKind.TIMEOUT: ("PATCH", MEMBER),
    CallKind.LIFT_TIMEOUT: ("PATCH", MEMBER),
    CallKind.KICK: ("DELETE", MEMBER),
    CallKind.BAN: ("PUT", BANS),
    CallKind.UNBAN: ("DELETE", BANS),
}


@pytest.fixture
def calls(world: World) -> DiscordCalls:
    return DiscordCalls(world.bot)


def until(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


def order(world: World, kind: CallKind, member: simcord.MemberActor | None = None, **changes: PayloadValue) -> Call:
    payload: dict[str, PayloadValue] = {"user_id": (member or world.fan).id, "reason": REASON}
    if kind is CallKind.TIMEOUT:
        payload["until"] = until(hours=1)
    if kind is CallKind.BAN:
        payload["delete_message_seconds"] = 0
    return Call(kind, f"{kind}:1", "lane", payload | changes, case_id=7, guild_id=world.guild.id)


async def refused(calls: DiscordCalls, call: Call) -> CallError:
    with pytest.raises(CallError) as caught:
        await calls.carry_out(call, uncertain=False)
    return caught.value


async def sentence(calls: DiscordCalls, call: Call) -> str:
    """What is said of a call that no other attempt would help."""
    error = await refused(calls, call)
    assert error.permanent
    return error.sentence


def timed_out_until(world: World) -> str | None:
    return world.env.backend.get_member(world.guild.id, world.fan.id).timed_out_until


def has_left(world: World, member: simcord.MemberActor) -> bool:
    return member.id not in world.guild.member_ids()


async def take_from_the_bot(world: World, **permissions: bool) -> None:
    """The bot's role loses permissions."""
    role = next(role for role in world.guild.roles.values() if role._role.managed)
    rest = discord.Permissions(role._role.permissions)
    rest.update(**permissions)
    world.env.backend.edit_role(world.guild.id, role.id, {"permissions": rest.value})
    await world.settle()


class TestDone:
    """What is carried out, once and again."""

    @pytest.mark.parametrize("uncertain", [False, True])
    async def test_a_timeout(self, world: World, calls: DiscordCalls, uncertain: bool) -> None:
        call = order(world, CallKind.TIMEOUT)
        for again in (False, uncertain):
            await calls.carry_out(call, uncertain=again)
            assert timed_out_until(world) == call.payload["until"]
            assert world.env.http_requests[-1].reason == REASON

    async def test_a_timeout_is_lifted_and_lifted_again(self, world: World, calls: DiscordCalls) -> None:
        await calls.carry_out(order(world, CallKind.TIMEOUT), uncertain=False)
        for again in (False, True):
            await calls.carry_out(order(world, CallKind.LIFT_TIMEOUT), uncertain=again)
            assert timed_out_until(world) is None
            assert world.env.http_requests[-1].reason == REASON

    async def test_a_kick_of_who_is_gone_already_is_a_success(self, world: World, calls: DiscordCalls) -> None:
        for again in (False, True):
            await calls.carry_out(order(world, CallKind.KICK), uncertain=again)
            assert has_left(world, world.fan)
            assert world.env.http_requests[-1].reason == REASON
        assert world.guild.get_ban(world.fan) is None

    async def test_a_ban_says_how_much_it_deletes(self, world: World, calls: DiscordCalls) -> None:
        for seconds in (0, 3600):
            await calls.carry_out(order(world, CallKind.BAN, delete_message_seconds=seconds), uncertain=seconds > 0)
            sent = world.env.http_requests[-1]
            assert sent.params == {"delete_message_seconds": seconds}
            assert sent.reason == REASON
        assert has_left(world, world.fan)
        assert world.guild.get_ban(world.fan) is not None

    async def test_a_ban_reaches_who_left(self, world: World, calls: DiscordCalls) -> None:
        world.guild.remove_member(world.fan)
        await calls.carry_out(order(world, CallKind.BAN), uncertain=False)
        assert world.guild.get_ban(world.fan) is not None

    async def test_a_ban_is_lifted_and_lifted_again(self, world: World, calls: DiscordCalls) -> None:
        await calls.carry_out(order(world, CallKind.BAN), uncertain=False)
        for again in (False, True):
            await calls.carry_out(order(world, CallKind.UNBAN), uncertain=again)
            assert world.guild.get_ban(world.fan) is None
            assert world.env.http_requests[-1].reason == REASON

    async def test_a_call_without_a_reason_names_its_case(self, world: World, calls: DiscordCalls) -> None:
        await calls.carry_out(order(world, CallKind.KICK, reason=None), uncertain=False)
        assert world.env.http_requests[-1].reason == REASON


class TestRefused:
    """What Discord refuses, in a sentence that names what is missing."""

    @pytest.mark.parametrize(
        ("kind", "flag", "name"),
        [
            (CallKind.TIMEOUT, "moderate_members", "Timeout Members"),
            (CallKind.LIFT_TIMEOUT, "moderate_members", "Timeout Members"),
            (CallKind.KICK, "kick_members", "Kick Members"),
            (CallKind.BAN, "ban_members", "Ban Members"),
            (CallKind.UNBAN, "ban_members", "Ban Members"),
        ],
    )
    async def test_a_permission_goes_by_its_name(
        self, world: World, calls: DiscordCalls, kind: CallKind, flag: str, name: str
    ) -> None:
        await take_from_the_bot(world, **{flag: False})
        said = await sentence(calls, order(world, kind))
        assert said == f"The bot lacks the permission {name}; give it to the bot's role in the server settings."

    @pytest.mark.parametrize(
        ("kind", "verb"),
        [
            (CallKind.TIMEOUT, "time out"),
            (CallKind.LIFT_TIMEOUT, "lift the timeout of"),
            (CallKind.KICK, "kick"),
            (CallKind.BAN, "ban"),
        ],
    )
    async def test_a_role_above_the_bots(self, world: World, calls: DiscordCalls, kind: CallKind, verb: str) -> None:
        high = world.guild.add_member(
            world.env.create_user("high"), roles=[world.guild.create_role("High", position=90)]
        )
        assert await sentence(calls, order(world, kind, high)) == (
            f"The bot cannot {verb} <@{high.id}>, because their highest role is not below the bot's; "
            "move the bot's role above it in the server settings."
        )
        assert not has_left(world, high)

    async def test_the_owner(self, world: World, calls: DiscordCalls) -> None:
        said = await sentence(calls, order(world, CallKind.BAN, world.owner))
        assert said == f"<@{world.owner.id}> owns the server, and nobody can ban its owner."

    async def test_a_timeout_of_an_administrator(self, world: World, calls: DiscordCalls) -> None:
        role = world.guild.create_role("Admins", permissions=discord.Permissions(administrator=True))
        admin = world.guild.add_member(world.env.create_user("admin"), roles=[role])
        # simcord times administrators out; Discord answers so.
        world.env.inject_error("PATCH", MEMBER, status=403, code=50013)
        said = await sentence(calls, order(world, CallKind.TIMEOUT, admin))
        assert said == f"<@{admin.id}> is an administrator, and Discord lets nobody time out an administrator."

    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            (CallKind.TIMEOUT, "<@{}> left the server, so they could not be timed out."),
            (
                CallKind.LIFT_TIMEOUT,
                (
                    "<@{}> left the server, so they could not be freed of their timeout; "
                    "lift it by hand if they come back."
                ),
            ),
        ],
    )
    async def test_who_left_has_no_timeout(self, world: World, calls: DiscordCalls, kind: CallKind, said: str) -> None:
        world.guild.remove_member(world.fan)
        assert await sentence(calls, order(world, kind)) == said.format(world.fan.id)

    async def test_a_timeout_that_would_be_over(self, world: World, calls: DiscordCalls) -> None:
        before = len(world.env.http_requests)
        said = await sentence(calls, order(world, CallKind.TIMEOUT, until=until(seconds=-1)))
        assert "was over before Discord confirmed it" in said
        assert len(world.env.http_requests) == before

    @pytest.mark.parametrize("kind", list(ACTS))
    @pytest.mark.parametrize(
        ("status", "code", "said"),
        [
            (403, 50001, "Discord refused it (status 403, code 50001)."),
            (404, 10004, "The bot is not in this server any more"),
            (403, 60003, "two-factor authentication"),
            (403, 50013, "Discord refused it (status 403, code 50013)."),
            (404, 0, "Discord refused it (status 404, code 0)."),
        ],
    )
    async def test_other_refusals(
        self, world: World, calls: DiscordCalls, kind: CallKind, status: int, code: int, said: str
    ) -> None:
        method, path = ROUTES[kind]
        world.env.inject_error(method, path, status=status, code=code)
        assert said in await sentence(calls, order(world, kind))

    async def test_a_bot_that_is_timed_out_itself(self, world: World, calls: DiscordCalls) -> None:
        assert world.bot.user is not None
        world.env.backend.edit_member(world.guild.id, world.bot.user.id, {"timed_out_until": until(hours=1)})
        assert "The bot itself is timed out here" in await sentence(calls, order(world, CallKind.KICK))

    @pytest.mark.parametrize(("status", "code"), [(404, 10004), (403, 50001)])
    async def test_a_server_without_the_bot(self, world: World, calls: DiscordCalls, status: int, code: int) -> None:
        world.env.inject_error("DELETE", MEMBER, status=403, code=50001)
        world.env.inject_error("GET", "/guilds/*", status=status, code=code)
        assert "not in this server any more" in await sentence(calls, order(world, CallKind.KICK))

    @pytest.mark.parametrize(
        ("kind", "status", "code", "said"),
        [
            (CallKind.BAN, 404, 10013, "There is no account <@{}>, so it could not be banned"),
            (CallKind.TIMEOUT, 404, 10013, "There is no account <@{}>, so it could not be timed out"),
            (CallKind.BAN, 400, 30035, "may ban no more people who are not in it"),
            (CallKind.TIMEOUT, 400, 50035, "check the clock"),
        ],
    )
    async def test_refusals_of_one_kind(
        self, world: World, calls: DiscordCalls, kind: CallKind, status: int, code: int, said: str
    ) -> None:
        method, path = ROUTES[kind]
        world.env.inject_error(method, path, status=status, code=code)
        assert said.format(world.fan.id) in await sentence(calls, order(world, kind))

    @pytest.mark.parametrize("kind", list(ACTS))
    @pytest.mark.parametrize("status", [401, 429, 500, 503])
    async def test_what_may_pass_is_tried_again(
        self, world: World, calls: DiscordCalls, kind: CallKind, status: int
    ) -> None:
        method, path = ROUTES[kind]
        world.env.inject_error(method, path, status=status)
        assert not (await refused(calls, order(world, kind))).permanent

    async def test_looking_into_it_may_pass_too(self, world: World, calls: DiscordCalls) -> None:
        world.env.inject_error("DELETE", MEMBER, status=403, code=50013)
        world.env.inject_error("GET", "/guilds/*", status=503)
        assert not (await refused(calls, order(world, CallKind.KICK))).permanent

    @pytest.mark.parametrize(
        ("kind", "changes", "lacking"),
        [
            (CallKind.TIMEOUT, {"until": None}, "until"),
            (CallKind.TIMEOUT, {"until": "tomorrow"}, "until"),
            (CallKind.TIMEOUT, {"until": "2099-01-01T00:00:00"}, "until"),
            (CallKind.BAN, {"delete_message_seconds": None}, "delete_message_seconds"),
            (CallKind.KICK, {"user_id": None}, "user_id"),
        ],
    )
    async def test_a_call_without_its_payload_is_given_up(
        self, world: World, calls: DiscordCalls, kind: CallKind, changes: dict[str, PayloadValue], lacking: str
    ) -> None:
        assert f"lacks its {lacking}" in await sentence(calls, order(world, kind, **changes))

    async def test_a_call_without_its_server_is_given_up(self, world: World, calls: DiscordCalls) -> None:
        call = Call(CallKind.KICK, "k", "l", {"user_id": world.fan.id})
        assert "lacks its server" in await sentence(calls, call)
