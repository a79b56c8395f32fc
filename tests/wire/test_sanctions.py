"""Sanctions over the wire: the outbox of the real bot, a server with Discord's rules, and what breaks in between."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from bot.app import App
from bot.model import Call, CallKind, PayloadValue
from tests.discordd import (
    BAN_MEMBER,
    CREATE_MESSAGE,
    EDIT_MEMBER,
    KICK_MEMBER,
    UNBAN_MEMBER,
    Discordd,
    Member,
    Permission,
    Reset,
)
from tests.discordd.journal import Request

from .conftest import Install
from .installation import Installation

POWERS = Permission.MODERATE_MEMBERS | Permission.KICK_MEMBERS | Permission.BAN_MEMBERS
REASON = "stanguard case 7"


@pytest.fixture
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What the program logs."""
    with structlog.testing.capture_logs() as entries:
        yield entries


def given_up(logged: list[MutableMapping[str, Any]]) -> list[str]:
    """Why calls were given up, in the order in which they were."""
    return [entry["reason"] for entry in logged if entry["event"] == "outbox.gave_up"]


@pytest.fixture
def ready(install: Install) -> Installation:
    """An installation whose bot has the three permissions, and a role above all others."""
    made = install()
    world = made.discordd.world
    world.create_role(made.guild, "Bots", POWERS)
    made.guild.members[world.me.id].role_ids.append(list(made.guild.roles)[-1])
    return made


def order(ready: Installation, kind: CallKind, member: Member, **more: PayloadValue) -> Call:
    user_id = member.user.id
    payload: dict[str, PayloadValue] = {"user_id": user_id, "reason": REASON, **more}
    return Call(kind, f"{kind}:{user_id}", f"user:{user_id}", payload, guild_id=ready.guild.id)


async def carry_out(ready: Installation, app: App, *calls: Call) -> None:
    """Write the calls as a decision does, and return when all of them ended, one way or the other."""
    async with app.store.write() as tx:
        await tx.outbox.put(calls, datetime.now(UTC))
    app.outbox.wake()
    await app.outbox.idle()


def only(ready: Installation, route: str, member: Member) -> Request:
    (request,) = ready.discordd.journal.of(route, guild_id=ready.guild.id, user_id=member.user.id)
    return request


async def test_each_is_carried_out_and_lifted(discordd: Discordd, ready: Installation) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    spared = discordd.world.post(ready.fans, ready.moderator, "stays")
    async with ready.running() as app:
        await carry_out(ready, app, order(ready, CallKind.TIMEOUT, ready.fan, until=until.isoformat()))
        assert ready.fan.timed_out_until == until
        await carry_out(ready, app, order(ready, CallKind.LIFT_TIMEOUT, ready.fan))
        assert ready.fan.timed_out_until is None
        await carry_out(ready, app, order(ready, CallKind.KICK, ready.fan))
        assert ready.fan.user.id not in ready.guild.members
        await carry_out(ready, app, order(ready, CallKind.BAN, ready.moderator, delete_message_seconds=0))
        assert ready.guild.bans == {ready.moderator.user.id: REASON}
        await carry_out(ready, app, order(ready, CallKind.UNBAN, ready.moderator))
        assert ready.guild.bans == {}
    assert not spared.deleted
    assert only(ready, BAN_MEMBER, ready.moderator).query == "delete_message_seconds=0"
    for route, member in ((KICK_MEMBER, ready.fan), (UNBAN_MEMBER, ready.moderator)):
        assert only(ready, route, member).headers["X-Audit-Log-Reason"] == REASON


@pytest.mark.parametrize("kind", [CallKind.KICK, CallKind.UNBAN])
async def test_an_answer_that_is_lost_makes_no_failure(
    discordd: Discordd, ready: Installation, logged: list[MutableMapping[str, Any]], kind: CallKind
) -> None:
    method, path = ("DELETE", f"/guilds/*/{'members' if kind is CallKind.KICK else 'bans'}/*")
    discordd.faults.script(method, path, Reset(after=True))
    async with ready.running() as app:
        if kind is CallKind.UNBAN:
            discordd.world.ban(ready.guild, ready.fan.user)
        await carry_out(ready, app, order(ready, kind, ready.fan))
        route = KICK_MEMBER if kind is CallKind.KICK else UNBAN_MEMBER
        await discordd.wait_for(lambda: len(discordd.journal.of(route, user_id=ready.fan.user.id)) == 2)
        await app.outbox.idle()
    assert [one.effect for one in discordd.journal.of(route, user_id=ready.fan.user.id)] == [204, 404]
    assert given_up(logged) == []


async def test_who_is_told_first_hears_it_before_they_are_gone(discordd: Discordd, ready: Installation) -> None:
    ban = order(ready, CallKind.BAN, ready.fan, delete_message_seconds=0)
    button = {"label": "Appeal", "custom_id": "appeal:7"}
    told = Call(
        CallKind.NOTIFY, "told", ban.lane, {"user_id": ready.fan.user.id, "text": "banned, because", "button": button}
    )
    async with ready.running() as app:
        await carry_out(ready, app, told, ban)
    (message,) = discordd.world.my_messages(discordd.world.direct_channel(ready.fan.user))
    assert message.components[0]["components"][0]["custom_id"] == "appeal:7"
    assert discordd.journal.of(CREATE_MESSAGE)[0].at < only(ready, BAN_MEMBER, ready.fan).at


async def test_what_is_refused_is_given_up_once_with_its_reason(
    discordd: Discordd, ready: Installation, logged: list[MutableMapping[str, Any]]
) -> None:
    world, guild = discordd.world, ready.guild
    admin = world.create_member(guild, "admin", roles=[world.create_role(guild, "Admins", Permission.ADMINISTRATOR)])
    guild.members[world.me.id].role_ids.append(world.create_role(guild, "More bots").id)
    high = world.create_member(guild, "high", roles=[world.create_role(guild, "High")])
    owner = guild.members[guild.owner_id]
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    async with ready.running() as app:
        await carry_out(ready, app, order(ready, CallKind.TIMEOUT, admin, until=until))
        await carry_out(ready, app, order(ready, CallKind.KICK, high))
        await carry_out(ready, app, order(ready, CallKind.BAN, owner, delete_message_seconds=0))
        for role in guild.roles.values():
            role.permissions &= ~POWERS
        await carry_out(ready, app, order(ready, CallKind.KICK, ready.fan))
        assert given_up(logged) == [
            f"<@{admin.user.id}> is an administrator, and Discord lets nobody time out an administrator.",
            (
                f"The bot cannot kick <@{high.user.id}>, because their highest role is not below the bot's; "
                "move the bot's role above it in the server settings."
            ),
            f"<@{owner.user.id}> owns the server, and nobody can ban its owner.",
            "The bot lacks the permission Kick Members; give it to the bot's role in the server settings.",
        ]
    assert len(discordd.journal.of(EDIT_MEMBER)) == len(discordd.journal.of(BAN_MEMBER)) == 1
    assert len(discordd.journal.of(KICK_MEMBER)) == 2
    assert {admin.user.id, high.user.id, owner.user.id, ready.fan.user.id} <= set(guild.members)
