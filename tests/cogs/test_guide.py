"""``/deepfakes`` shows the guide in the member's language; ``/setup-guide`` lets admins write their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord
import pytest
import simcord

from bot.model import Language
from bot.reports.guide import LONGEST_GUIDE
from bot.reports.guide_texts import body
from cogs.ui.answers import MAX_TEXT
from tests.snapshots import same_as_stored
from tests.world import World

SNAPSHOTS = Path(__file__).parent / "snapshots" / "guide"
LOCALES = {"en-GB": "en", "ko": "ko", "ja": "ja", "es-419": "es", "id": "id"}


async def read(world: World, locale: str = "en-US") -> str:
    """What the fan reads, with Discord set to a locale."""
    world.speaks(world.fan, locale)
    return world.answer(await world.fan.slash(world.fans, "deepfakes"))


async def run(world: World, action: str, language: str = "en") -> simcord.InteractionResult:
    return await world.owner.slash(world.fans, "setup-guide", action=action, language=language)


async def write(world: World, text: str, language: str = "en") -> str:
    shown = await run(world, "edit", language)
    return world.answer(await world.owner.submit_modal(shown, {"body": text}))


def form(shown: simcord.InteractionResult) -> dict[str, Any]:
    """The text field of the form."""
    assert shown.modal is not None
    (label,) = shown.modal["components"]
    return label["component"]


@pytest.mark.parametrize("locale", LOCALES)
async def test_the_guide_in_each_language_is_the_one_that_was_read_before(world: World, locale: str) -> None:
    shown = await read(world, locale)
    assert len(shown) <= MAX_TEXT
    assert same_as_stored(SNAPSHOTS / f"{LOCALES[locale]}.txt", shown)


@pytest.mark.parametrize(("locale", "language"), [("es-ES", Language.SPANISH), ("fr", Language.ENGLISH)])
async def test_every_other_locale_has_one_of_them(world: World, locale: str, language: Language) -> None:
    shown = await read(world, locale)
    assert body(language).partition("\n")[0] in shown


async def test_the_hotline_of_the_server_stands_at_the_end(world: World) -> None:
    await world.change(hotline="Women's hotline 1366")
    assert (await read(world, "ko")).endswith("**상담 창구:** Women's hotline 1366")


async def test_an_edited_guide_is_read_in_its_language_alone(world: World) -> None:
    answer = await write(world, "# Ours\nAsk @everyone in #help.", "ko")
    assert "Saved: who reads Discord in 한국어 (Korean)" in answer
    assert "Ask @everyone in #help." in answer
    assert (await read(world, "ko")).endswith("\n# Ours\nAsk @everyone in #help.")
    assert body(Language.ENGLISH).partition("\n")[0] in await read(world, "en-US")
    assert body(Language.JAPANESE).partition("\n")[0] in await read(world, "ja")


async def test_mentions_in_it_notify_nobody(world: World) -> None:
    await write(world, f"@everyone and <@&{world.moderators.id}>")
    await read(world)
    bodies = [request.json for request in world.env.http_requests if "@everyone" in str(request.json)]
    assert bodies
    for sent in bodies:
        assert (sent.get("data") or sent)["allowed_mentions"] == {"parse": []}
    assert world.called() == []


async def test_an_english_text_of_the_server_does_not_take_the_place_of_a_translation(world: World) -> None:
    await write(world, "Ours.")
    assert "Ours." in await read(world, "fr")
    assert "Ours." not in await read(world, "id")


async def test_the_form_holds_the_present_text(world: World) -> None:
    assert form(await run(world, "edit", "es"))["value"] == body(Language.SPANISH)
    await write(world, "Nuestro texto.", "es")
    field = form(await run(world, "edit", "es"))
    assert (field["value"], field["max_length"]) == ("Nuestro texto.", LONGEST_GUIDE)


async def test_an_untouched_form_leaves_the_guide_to_the_program(world: World) -> None:
    assert "nothing was saved" in await write(world, body(Language.KOREAN), "ko")
    assert await world.app.guide.languages(world.guild.id) == []


async def test_a_text_of_nothing_is_refused(world: World) -> None:
    assert "A guide needs a text" in await write(world, " \n ")
    assert not (await world.app.guide.get(world.guild.id, Language.ENGLISH)).own


async def test_the_longest_text_fits_into_the_answer(world: World) -> None:
    await world.change(hotline="h" * 200)
    text = "# a\n" * (LONGEST_GUIDE // 4)
    assert "Saved" in await write(world, text)
    assert (await read(world)).count("# a") == LONGEST_GUIDE // 4


async def test_reset_goes_back_to_the_bots_own(world: World) -> None:
    await write(world, "Ours.", "ja")
    assert "is deleted" in world.answer(await run(world, "reset", "ja"))
    assert body(Language.JAPANESE).partition("\n")[0] in await read(world, "ja")
    assert "has no guide of its own" in world.answer(await run(world, "reset", "ja"))


async def test_show_says_whose_text_it_is(world: World) -> None:
    await write(world, "Ours.", "id")
    shown = world.answer(await run(world, "show", "id"))
    assert "Below is this server's own text" in shown
    assert "Ours." in shown
    shown = world.answer(await run(world, "show", "ko"))
    assert "Below is the bot's own text. Languages with a text of this server's own: Bahasa Indonesia" in shown
    assert body(Language.KOREAN).partition("\n")[0] in shown


@pytest.mark.parametrize("action", ["edit", "reset", "show"])
async def test_members_cannot_change_it(world: World, action: str) -> None:
    await write(world, "Ours.")
    world.reveal("setup-guide", world.fan)
    result = await world.fan.slash(world.fans, "setup-guide", action=action, language="en")
    assert result.modal is None
    assert "Manage Server" in world.answer(result)
    assert "Ours." in await read(world)


async def test_who_lost_the_right_while_writing_is_refused(world: World) -> None:
    admins = world.guild.create_role("Admins", permissions=discord.Permissions(manage_guild=True))
    writer = world.guild.add_member(world.env.create_user("writer"), roles=[admins])
    shown = await writer.slash(world.fans, "setup-guide", action="edit", language="en")
    world.env.backend.guilds[world.guild.id].members[writer.id].role_ids.clear()
    assert "Manage Server" in world.answer(await writer.submit_modal(shown, {"body": "Mine."}))
    assert "Mine." not in await read(world)


async def test_it_is_there_after_a_restart(world: World) -> None:
    await write(world, "Ours.", "ko")
    await world.restart()
    assert "Ours." in await read(world, "ko")
