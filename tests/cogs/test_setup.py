"""``/setup`` changes what it is told to, shows the rest, and says what is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest

from bot.model import BankKind, Category, Mode, Strictness
from cogs.ui import figures, questions
from tests.world import World

from .asking import choose, question
from .builders import featured


@pytest.fixture
async def fresh(sqlite_url: str) -> AsyncIterator[World]:
    """A server that has just invited the bot."""
    async with World(sqlite_url, configured=False) as world:
        yield world


async def run(world: World, **options: Any) -> str:
    return world.answer(await world.owner.slash(world.fans, "setup", **options))


async def test_a_new_server_observes_and_is_told_to_choose_a_channel(fresh: World) -> None:
    shown = await run(fresh)
    assert "observe: only write down" in shown
    assert "No review channel is set" in shown
    assert "No moderators' role is set" in shown


async def test_everything_can_be_set_at_once(fresh: World) -> None:
    shown = await run(
        fresh,
        review_channel=fresh.review,
        moderator_role=fresh.moderators,
        child_safety_role=fresh.child_safety,
        mode="remove",
        scan_webhooks=False,
        scan_bots=True,
    )
    assert "Saved" in shown
    assert "has everything that it needs" in shown
    server = await fresh.server()
    assert server.mode is Mode.REMOVE
    assert server.review_channel_id == fresh.review.id
    assert server.moderator_role_id == fresh.moderators.id
    assert server.child_safety_role_id == fresh.child_safety.id
    assert (server.scan_webhooks, server.scan_bots) == (False, True)
    for part in (f"<#{fresh.review.id}>", f"<@&{fresh.moderators.id}>", f"<@&{fresh.child_safety.id}>"):
        assert part in shown


async def test_what_is_not_named_stays(world: World) -> None:
    await run(world, mode="review")
    server = await world.server()
    assert (server.mode, server.review_channel_id) == (Mode.REVIEW, world.review.id)


async def test_without_options_nothing_changes(world: World) -> None:
    before = await world.server()
    shown = await run(world)
    assert await world.server() == before
    assert "Saved" not in shown
    assert "remove: remove clear matches at once" in shown


async def test_it_takes_effect_at_once(world: World, picture: bytes, copy: bytes) -> None:
    await world.block(picture)
    await run(world, mode="review")
    assert not world.gone(await world.post(world.fan, copy))


async def test_observe_mode_writes_a_line(world: World, picture: bytes, copy: bytes) -> None:
    await world.block(picture)
    await run(world, mode="observe")
    message = await world.post(world.fan, copy)
    assert not world.gone(message)
    line = world.review.last_message
    assert line is not None
    assert f"Observe mode: {world.ref(message).link} would be removed" in line.content
    assert world.cards() == []


async def test_everybody_is_no_moderators_role(world: World) -> None:
    assert "Everybody has that role" in await run(world, moderator_role=world.guild.default_role)
    assert "Everybody has that role" in await run(world, child_safety_role=world.guild.default_role)
    assert (await world.server()).moderator_role_id == world.moderators.id


async def test_an_open_review_channel_is_pointed_out(world: World) -> None:
    assert f"Everybody can read <#{world.fans.id}>" in await run(world, review_channel=world.fans)


async def test_a_review_channel_that_the_bot_cannot_use_is_pointed_out(world: World) -> None:
    closed = world.guild.create_text_channel(
        "closed", overwrites={world.guild.default_role: discord.PermissionOverwrite(view_channel=False)}
    )
    shown = await run(world, review_channel=closed)
    assert f"In <#{closed.id}> the bot lacks: View Channel" in shown


async def test_missing_permissions_are_listed_by_channel_and_name(world: World) -> None:
    bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
    world.guild.create_text_channel(
        "trades",
        overwrites={bot_role: discord.PermissionOverwrite(manage_messages=False, read_message_history=False)},
    )
    trades = world.guild.channels["trades"]
    shown = await run(world)
    assert f"<#{trades.id}>: Read Message History, Manage Messages" in shown
    assert "has everything that it needs" not in shown


async def test_a_channel_closed_to_everybody_is_a_hint_and_no_problem(world: World) -> None:
    staff = world.guild.create_text_channel(
        "staff", overwrites={world.guild.default_role: discord.PermissionOverwrite(view_channel=False)}
    )
    shown = await run(world)
    assert f"Closed to the bot, so not checked: <#{staff.id}>" in shown
    assert "has everything that it needs" in shown


async def test_a_channel_open_to_members_and_closed_to_the_bot_is_a_problem(world: World) -> None:
    bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
    open_channel = world.guild.create_text_channel(
        "memes", overwrites={bot_role: discord.PermissionOverwrite(view_channel=False)}
    )
    assert f"<#{open_channel.id}>: View Channel" in await run(world)


async def test_many_channels_are_counted(world: World) -> None:
    bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
    for number in range(40):
        world.guild.create_text_channel(
            f"c{number}", overwrites={bot_role: discord.PermissionOverwrite(manage_messages=False)}
        )
    assert "and in 25 more channels" in await run(world)


async def test_roles_and_channels_that_are_gone_are_pointed_out(world: World) -> None:
    await world.change(moderator_role_id=1, child_safety_role_id=2, review_channel_id=3)
    shown = await run(world)
    assert "The moderators' role does not exist any more" in shown
    assert "The child-safety role does not exist any more" in shown
    assert "The review channel does not exist any more" in shown


@pytest.mark.parametrize("who", ["moderator", "fan"])
async def test_only_who_manages_the_server_may(world: World, who: str) -> None:
    member = getattr(world, who)
    world.reveal("setup", member)
    result = await member.slash(world.fans, "setup", mode="observe")
    assert "Only members with the permission Manage Server" in world.answer(result)
    assert (await world.server()).mode is Mode.REMOVE


class TestStrictness:
    """Which tier removes, in words and numbers."""

    async def test_auto_is_strict_until_enough_is_known_to_be_good(self, world: World) -> None:
        shown = await run(world)
        assert "auto, strict now: 0 known-good pictures, standard from 25" in shown

    @pytest.mark.parametrize("chosen", ["standard", "strict"])
    async def test_it_can_be_chosen(self, world: World, chosen: str) -> None:
        shown = await run(world, strictness=chosen)
        assert f"**Strictness:** {chosen}: remove" in shown
        server = await world.server()
        assert server.strictness is Strictness(chosen)
        assert world.app.scanner.strict(server) is (chosen == "strict")

    async def test_the_scale_is_told_in_numbers(self, world: World) -> None:
        shown = await run(world)
        for share in (
            figures.FOUND_FOR_REVIEW,
            figures.FOUND_FOR_REMOVAL,
            figures.FOUND_FOR_STRICT_REMOVAL,
            figures.FOUND_BY_WHOLE_PICTURES,
            figures.ORIGINALS_REMOVED,
            figures.ORIGINALS_REMOVED_WHEN_KNOWN,
        ):
            assert figures.percent(share) in shown
        assert f"0 of {figures.UNRELATED_PAIRS:,} unrelated pairs" in shown


class TestLocalFeatures:
    """Switching them off deletes what cannot be made again, so it is asked for twice."""

    async def test_nothing_changes_before_it_is_confirmed(self, world: World) -> None:
        await _listed(world)
        result = await world.owner.slash(world.fans, "setup", local_features="off")
        asked = question(world, result)
        assert figures.percent(figures.FOUND_BY_WHOLE_PICTURES) in world.text(asked)
        assert world.buttons(asked) == ["Switch off and delete", "Keep them"]
        assert (await world.server()).local_features
        assert await _have_features(world)

    async def test_confirmed_they_are_off_and_gone(self, world: World) -> None:
        await _listed(world)
        asked = question(world, await world.owner.slash(world.fans, "setup", local_features="off"))
        shown = await choose(world, world.owner, asked, "Switch off and delete")
        assert "those of 1 entry are deleted" in shown
        assert world.buttons(asked) == []
        assert not (await world.server()).local_features
        assert not await _have_features(world)
        assert "off: compares whole pictures alone" in await run(world)

    async def test_those_of_other_servers_stay(self, world: World) -> None:
        bank = await world.app.banks.own(123456789012345678, BankKind.BLOCK)
        added = await world.app.banks.add(bank, featured(), Category.OTHER, source="test")
        asked = question(world, await world.owner.slash(world.fans, "setup", local_features="off"))
        assert "those of 0 entries" in await choose(world, world.owner, asked, "Switch off and delete")
        entry, _ = await world.app.banks.show(added.entry.id, guild_id=None)
        assert entry.fingerprint.has_features

    async def test_they_can_be_kept(self, world: World) -> None:
        asked = question(world, await world.owner.slash(world.fans, "setup", local_features="off"))
        assert "stay on" in await choose(world, world.owner, asked, "Keep them")
        assert (await world.server()).local_features

    async def test_and_switched_on_again(self, world: World) -> None:
        await world.change(local_features=False)
        shown = await run(world, local_features="on")
        assert "on: also finds crops" in shown
        assert (await world.server()).local_features

    async def test_without_an_answer_they_stay(self, world: World) -> None:
        asked = question(world, await world.owner.slash(world.fans, "setup", local_features="off"))
        await world.env.advance_time(questions.OPEN_SECONDS + 1)
        assert "stay on" in world.text(asked)
        assert world.buttons(asked) == []
        assert (await world.server()).local_features

    async def test_who_lost_the_permission_meanwhile_is_refused(self, world: World) -> None:
        admins = world.guild.create_role("Admins", permissions=discord.Permissions(manage_guild=True))
        admin = world.guild.add_member(world.env.create_user("ada"), roles=[admins])
        asked = question(world, await admin.slash(world.fans, "setup", local_features="off"))
        world.env.backend.remove_member_role(world.guild.id, admin.id, admins.id)
        assert "Only members with the permission Manage Server" in await choose(
            world, admin, asked, "Switch off and delete"
        )
        assert (await world.server()).local_features

    async def test_a_question_from_before_a_restart_is_explained(self, world: World) -> None:
        asked = question(world, await world.owner.slash(world.fans, "setup", local_features="off"))
        await world.restart()
        result = await world.owner.click(asked, label="Switch off and delete")
        assert "from before a restart" in world.answer(result)
        assert (await world.server()).local_features


async def test_a_moderators_role_to_which_discord_hides_the_commands_is_pointed_out(world: World) -> None:
    helpers = world.guild.create_role("Helpers")
    shown = await run(world, moderator_role=helpers)
    assert f"<@&{helpers.id}> lacks Manage Messages, so Discord hides the moderators' commands" in shown
    assert "hides the moderators' commands" not in await run(world, moderator_role=world.moderators)


async def test_a_moderators_role_that_cannot_see_the_cases_is_pointed_out(world: World) -> None:
    helpers = world.guild.create_role("Helpers")
    shown = await run(world, moderator_role=helpers)
    assert f"<@&{helpers.id}> cannot see the review channel <#{world.review.id}>" in shown
    assert "cannot see the review channel" not in await run(world, moderator_role=world.moderators)


async def test_the_whole_answer_fits(world: World) -> None:
    bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
    for number in range(40):
        world.guild.create_text_channel(
            f"c{number}", overwrites={bot_role: discord.PermissionOverwrite(manage_messages=False)}
        )
    await world.change(moderator_role_id=1, child_safety_role_id=2, review_channel_id=3)
    shown = await run(world)
    assert "\n…" not in shown
    assert figures.percent(figures.ORIGINALS_REMOVED) in shown


async def _listed(world: World) -> None:
    bank = await world.app.banks.own(world.guild.id, BankKind.BLOCK)
    await world.app.banks.add(bank, featured(), Category.OTHER, source="test")


async def _have_features(world: World) -> bool:
    entry, _ = await world.app.banks.show(1, guild_id=None)
    return entry.fingerprint.has_features
