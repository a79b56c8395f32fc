"""``/setup-review`` changes what it is told to, shows the rest, and says what is missing."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.model import Category, GuildSettings, LaneOrder, NearMatches
from tests.world import World


async def run(world: World, **options: Any) -> str:
    return world.answer(await world.owner.slash(world.fans, "setup-review", **options))


async def test_it_shows_the_defaults_and_what_they_mean(world: World) -> None:
    shown = await run(world)
    for line in (
        "**Near matches:** leave",
        "**Suspected minors:** delete at once",
        "**Escalated cases are decided by:** whoever has Manage Server",
        "**Mentioned for each new case:** nobody",
        "**Looking at a grey rendering:** not possible",
        "**Authors of removed messages:** are told, and can appeal",
        "brought up again after 6 hours, escalated after 24 hours",
    ):
        assert line in shown
    assert "Suspected minors have no channel of their own" in shown


async def test_everything_can_be_set_at_once(world: World) -> None:
    shown = await run(
        world,
        near_matches="hold",
        suspected_minors="alert_first",
        child_safety_channel=world.review,
        escalation_role=world.child_safety,
        alert_role=world.moderators,
        log_channel=world.review,
        reveal=True,
        tell_authors=False,
        remind_hours=1,
        escalate_hours=0,
    )
    assert "Saved" in shown
    assert "brought up again after 1 hour, escalated never" in shown
    assert "Nothing is missing" in shown
    server = await world.server()
    assert server == GuildSettings(
        world.guild.id,
        mode=server.mode,
        review_channel_id=world.review.id,
        moderator_role_id=world.moderators.id,
        child_safety_role_id=world.child_safety.id,
        strictness=server.strictness,
        near_matches=NearMatches.HOLD,
        lane_order=LaneOrder.ALERT_FIRST,
        child_safety_channel_id=world.review.id,
        escalation_role_id=world.child_safety.id,
        alert_role_id=world.moderators.id,
        log_channel_id=world.review.id,
        reveal=True,
        tell_authors=False,
        remind_hours=1,
        escalate_hours=0,
    )


@pytest.mark.parametrize("field", ["child_safety_channel_id", "log_channel_id", "escalation_role_id", "alert_role_id"])
async def test_a_channel_or_role_can_be_unset(world: World, field: str) -> None:
    await world.change(**{field: 77})
    name = field.removesuffix("_id")
    shown = await run(world)
    assert f"The {name.rpartition('_')[2]} chosen as {name} does not exist any more; choose another:" in shown
    assert f"`/setup-review {name}:`" in shown
    await run(world, clear=field)
    assert getattr(await world.server(), field) is None


async def test_an_open_channel_is_named(world: World) -> None:
    assert f"Everybody can read <#{world.fans.id}>" in await run(world, log_channel=world.fans)


async def test_a_channel_in_which_the_bot_cannot_write_is_named(world: World) -> None:
    closed = world.guild.create_text_channel(
        "closed", overwrites={world.guild.default_role: discord.PermissionOverwrite(view_channel=False)}
    )
    shown = await run(world, child_safety_channel=closed)
    assert f"In <#{closed.id}> the bot lacks: View Channel" in shown
    assert "Everybody can read" not in shown


async def test_everybody_is_no_role_to_escalate_to(world: World) -> None:
    shown = await run(world, escalation_role=world.guild.default_role)
    assert "Everybody has that role" in shown
    assert (await world.server()).escalation_role_id is None


async def test_members_cannot_use_it(world: World) -> None:
    world.reveal("setup-review", world.fan)
    shown = world.answer(await world.fan.slash(world.fans, "setup-review", remind_hours=0))
    assert "Manage Server" in shown
    assert (await world.server()).remind_hours == 6


async def test_a_new_channel_for_suspected_minors_takes_their_cards_over(
    world: World, picture: bytes, copy: bytes
) -> None:
    await world.block(picture, Category.MINOR_SUSPECTED)
    await world.post(world.fan, copy)
    assert len(world.cards()) == 1
    closed = discord.PermissionOverwrite(view_channel=False)
    bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
    lane = world.guild.create_text_channel(
        "child-safety",
        overwrites={
            world.guild.default_role: closed,
            world.child_safety: discord.PermissionOverwrite(view_channel=True),
            bot_role: discord.PermissionOverwrite(view_channel=True),
        },
    )
    await run(world, child_safety_channel=lane)
    await world.settle()
    assert world.cards() == []
    assert len(lane.history()) == 1
