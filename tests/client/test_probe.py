"""What ``doctor`` finds out from Discord, each problem with its remedy."""

from __future__ import annotations

import discord
import pytest
from pydantic import SecretStr

from bot.client.bot import apply_addresses
from bot.client.permissions import INVITE
from bot.client.probe import examine, probe
from bot.ops.health import Finding
from bot.settings import TOKEN_VARIABLE, DiscordSettings
from tests.world import World


async def found(world: World) -> dict[str, Finding]:
    return {finding.name: finding for finding in await examine(world.bot, world.app.guilds)}


async def test_a_server_in_order(world: World) -> None:
    findings = await found(world)
    assert findings["Permissions in Moonlark fans"] == Finding(
        "Permissions in Moonlark fans", ok=True, detail="2 channels are watched"
    )
    assert findings["Review channel of Moonlark fans"].detail == "#review"


async def test_missing_permissions_by_channel_and_name(world: World) -> None:
    bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
    world.guild.create_text_channel("trades", overwrites={bot_role: discord.PermissionOverwrite(manage_messages=False)})
    finding = (await found(world))["Permissions in Moonlark fans"]
    assert not finding.ok
    assert "#trades: Manage Messages" in finding.detail
    assert finding.remedy


async def test_channels_closed_to_everybody_are_named_and_no_problem(world: World) -> None:
    closed = discord.PermissionOverwrite(view_channel=False)
    world.guild.create_text_channel("staff", overwrites={world.guild.default_role: closed})
    finding = (await found(world))["Permissions in Moonlark fans"]
    assert finding.ok
    assert "left out: #staff" in finding.detail


async def test_no_review_channel(world: World) -> None:
    await world.change(review_channel_id=None)
    finding = (await found(world))["Review channel of Moonlark fans"]
    assert (finding.ok, finding.detail) == (False, "none is set")
    assert "/setup" in finding.remedy


async def test_a_review_channel_that_is_gone(world: World) -> None:
    await world.change(review_channel_id=1)
    assert not (await found(world))["Review channel of Moonlark fans"].ok


async def test_a_review_channel_in_which_the_bot_cannot_write(world: World) -> None:
    bot_role = next(role for role in world.guild.roles.values() if role._role.managed)
    mute = world.guild.create_text_channel(
        "mute", overwrites={bot_role: discord.PermissionOverwrite(send_messages=False)}
    )
    await world.change(review_channel_id=mute.id)
    assert (await found(world))["Review channel of Moonlark fans"].detail == "missing in #mute: Send Messages"


async def test_the_intent_is_read_from_the_application(world: World) -> None:
    finding = (await found(world))["Message Content Intent"]
    assert not finding.ok  # simcord's application has no flags
    assert "Developer Portal" in finding.remedy


async def test_a_bot_in_no_server_is_given_its_invitation(world: World) -> None:
    await world.bot.get_guild(world.guild.id).leave()  # type: ignore[union-attr]
    finding = (await found(world))["Servers"]
    assert not finding.ok
    assert "https://discord.com/oauth2/authorize?client_id=" in finding.remedy
    assert f"permissions={INVITE.value}" in finding.remedy


@pytest.fixture
def unreachable() -> DiscordSettings:
    return DiscordSettings(token=SecretStr("abc"), api_url="http://127.0.0.1:1/api/v10")


async def test_an_unreachable_discord_is_a_finding(unreachable: DiscordSettings) -> None:
    (finding,) = await probe(unreachable, None)
    apply_addresses(DiscordSettings())
    assert not finding.ok
    assert "cannot be reached" in finding.detail
    assert finding.remedy.startswith("Check the network")


async def test_a_missing_token_is_a_finding() -> None:
    (finding,) = await probe(DiscordSettings(), None)
    assert not finding.ok
    assert TOKEN_VARIABLE in finding.remedy
