"""What Discord shows of the commands, in the language of each member's Discord, out of the catalogues."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.language import catalogue
from bot.model import Language

_NAMES = (
    app_commands.TranslationContextLocation.command_name,
    app_commands.TranslationContextLocation.group_name,
    app_commands.TranslationContextLocation.parameter_name,
)


class CatalogueTranslator(app_commands.Translator):
    """Translates descriptions, choices and the names of menus.

    Names of commands and options stay English everywhere: guides and answers name them. discord.py asks for every
    text, moderators' too; what no catalogue holds stays English.
    """

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """The text for a locale; None where it is the English one."""
        if context.location in _NAMES and not isinstance(context.data, app_commands.ContextMenu):
            return None
        said = catalogue(Language.of(locale.value)).gettext(string.message)
        return None if said == string.message else said
