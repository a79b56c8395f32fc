"""What Discord is told of the commands in each language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import discord
import pytest
from discord import app_commands

from bot.language import say
from bot.model import Language
from bot.reports.guide_texts import REPORT_MENU
from tests.world import World

LOCALES = {"ko": "ko", "ja": "ja", "es-ES": "es", "es-419": "es", "id": "id"}
MOST_OF_A_COMMAND = 8000
"""Characters of the names, descriptions and values of a command, the longest localization of each counted."""

Payload = dict[str, Any]


async def commands(world: World) -> list[Payload]:
    """What the bot publishes."""
    translator = world.bot.tree.translator
    assert translator is not None
    tree = world.bot.tree
    return [await one.get_translated_payload(tree, translator) for one in tree._get_all_commands(guild=None)]


def is_menu(command: Payload) -> bool:
    return command["type"] in (2, 3)


def named(command: Payload) -> Iterator[Payload]:
    """A command and its options, those of its subcommands too."""
    yield command
    for option in command.get("options", ()):
        yield from named(option)


def parts(command: Payload) -> Iterator[Payload]:
    """A command, its options and their choices."""
    for part in named(command):
        yield from (part, *part.get("choices", ()))


@pytest.fixture
async def published(world: World) -> list[Payload]:
    return await commands(world)


def test_descriptions_are_translated_for_every_locale_of_a_language(published: list[Payload]) -> None:
    (guide,) = [one for one in published if one["name"] == "deepfakes"]
    localized = guide["description_localizations"]
    assert set(localized) == set(LOCALES)
    for locale, language in LOCALES.items():
        assert localized[locale] == say(Language(language), guide["description"])


def test_the_menu_is_called_what_the_guide_calls_it(published: list[Payload]) -> None:
    (menu,) = [one for one in published if one["name"] == REPORT_MENU]
    assert menu["name_localizations"] == {
        locale: say(Language(language), REPORT_MENU) for locale, language in LOCALES.items()
    }


async def test_names_of_commands_and_options_are_the_same_everywhere(world: World, published: list[Payload]) -> None:
    for command in published:
        for part in () if is_menu(command) else named(command):
            assert not part.get("name_localizations"), part["name"]
    # No name is a text of the catalogues today; were it one, it would stay what guides and answers call it.
    translator, command = world.bot.tree.translator, world.bot.tree.get_command("takedown")
    assert translator is not None
    assert isinstance(command, app_commands.Command)
    where = app_commands.TranslationContextLocation
    for context in (
        app_commands.TranslationContext(where.command_name, command),
        app_commands.TranslationContext(where.parameter_name, command.parameters[0]),
    ):
        text = app_commands.locale_str(REPORT_MENU)
        assert await translator.translate(text, discord.Locale.korean, context) is None


def test_what_discord_takes_is_not_exceeded_in_any_language(published: list[Payload]) -> None:
    for command in published:
        total = 0
        for part in parts(command):
            for field, most in (("name", 32 if is_menu(command) else 100), ("description", 100)):
                said = [part.get(field) or "", *(part.get(f"{field}_localizations") or {}).values()]
                assert max(map(len, said)) <= most, said
                total += max(map(len, said))
            total += len(str(part.get("value", "")))
        assert total <= MOST_OF_A_COMMAND, command["name"]
