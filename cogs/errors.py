"""What goes wrong in commands and forms: a sentence for the person, and a line with a reference in the log."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import StanguardBot

from .access import Interaction
from .ui import modals, pages, questions, texts
from .ui.answers import explain, say, translated


class Errors(commands.Cog):
    """Answers where a command or a form failed, and where a form, a question or a list is not known any more."""

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        """Answer what is from before a restart, which discord.py drops silently."""
        if modals.is_left_over(interaction):
            await say(interaction, translated(interaction, texts.OLD_FORM))
        elif questions.is_left_over(interaction):
            await say(interaction, translated(interaction, texts.OLD_QUESTION))
        elif pages.is_left_over(interaction):
            await say(interaction, translated(interaction, pages.TOO_OLD))


async def on_tree_error(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
    """What a command raised, in words."""
    await explain(interaction, error)


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.tree.error(on_tree_error)
    await bot.add_cog(Errors())
