"""Whatever goes wrong, the person gets a sentence, and what nobody expected gets a reference in the log."""

from __future__ import annotations

import re

import discord
import pytest

from cogs.ui import texts
from tests.world import World


@pytest.mark.parametrize("menu", ["Block this picture", "Report picture"])
async def test_a_form_from_before_a_restart_is_explained(world: World, harmless: bytes, menu: str) -> None:
    message = await world.post(world.fan, harmless)
    shown = await world.moderator.context_menu(world.fans, menu, message)
    await world.restart()
    result = await world.moderator.submit_modal(shown, {"category": ["other"]})
    assert world.answer(result) == texts.OLD_FORM
    assert world.cards() == []


async def test_a_form_that_stood_open_for_too_long_is_explained(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    shown = await world.moderator.context_menu(world.fans, "Report picture", message)
    await world.env.advance_time(3600)
    result = await world.moderator.submit_modal(shown, {"category": ["other"]})
    assert world.answer(result) == texts.OLD_FORM


async def test_a_form_that_is_known_is_answered_once(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    shown = await world.moderator.context_menu(world.fans, "Report picture", message)
    result = await world.moderator.submit_modal(shown, {"category": ["other"]})
    assert texts.OLD_FORM not in world.answer(result)


async def test_open_forms_are_forgotten_when_they_are_done(world: World, harmless: bytes) -> None:
    message = await world.post(world.fan, harmless)
    shown = await world.moderator.context_menu(world.fans, "Report picture", message)
    assert len(world.bot._connection._view_store._modals) == 1
    await world.moderator.submit_modal(shown, {"category": ["other"]})
    assert not world.bot._connection._view_store._modals


async def test_what_nobody_expected_gets_a_reference(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a member's secret words")

    monkeypatch.setattr(world.app.banks, "list", broken)
    answer = world.answer(await world.moderator.slash(world.fans, "blocklist list"))
    reference = re.search(r"`([0-9a-f]{8})`", answer)
    assert reference is not None
    assert "secret" not in answer
    (logged,) = world.errors
    assert logged["reference"] == reference[1]
    assert logged["command"] == "blocklist list"
    assert logged["error"].startswith("ZeroDivisionError at test_errors.py:")
    assert "secret" not in str(logged)


async def test_the_same_for_a_button(world: World, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.block(picture)
    await world.post(world.fan, picture)

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.app.decisions, "decide", broken)
    answer = world.answer(await world.moderator.click(world.card(), label="Confirm"))
    assert "Something went wrong" in answer
    assert world.errors[0]["error"].startswith("ZeroDivisionError")


async def test_an_answer_that_discord_refuses_stops_nothing(world: World) -> None:
    world.env.inject_error("POST", "/webhooks/*", status=500)
    await world.moderator.slash(world.fans, "blocklist show", entry="cat")
    result = await world.moderator.slash(world.fans, "blocklist show", entry="cat")
    assert "Entries have numbers" in world.answer(result)


async def test_commands_are_for_servers_and_hidden_from_who_may_not_use_them(world: World) -> None:
    moderates, configures = discord.Permissions.manage_messages.flag, discord.Permissions.manage_guild.flag
    commands = world.env.backend.commands[None].values()
    assert {command["name"]: command["default_member_permissions"] for command in commands} == {
        "setup": configures,
        "setup-review": configures,
        "setup-guide": configures,
        "setup-reports": configures,
        "reporter": moderates,
        "scan": moderates,
        "appeal": None,
        "deepfakes": None,
        "privacy": None,
        "report": None,
        "Report picture": None,
        "takedown": None,
        "blocklist": moderates,
        "known-good": moderates,
        "wellbeing": moderates,
        "case": moderates,
        "history": moderates,
        "Block this picture": moderates,
        "stats": moderates,
        "transparency": None,
    }
    for command in commands:
        assert (command["contexts"], command["integration_types"]) == ([0], [0])
