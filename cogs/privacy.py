"""``/privacy``: every member sees what is held on them in this server, and has it erased."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import StanguardBot
from bot.language import say
from bot.model import Language

from .access import Interaction, app_of, server_of
from .ui import privacy_texts as words
from .ui.answers import replace
from .ui.pages import Page, Pages
from .ui.questions import Choice, Question


class Privacy(commands.GroupCog, group_name="privacy", group_description=words.GROUP):
    """Everything in here is about the member who asks, and is shown to nobody else."""

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        """Whoever uses the bot in a server is in it: who was thought to have left is not forgotten."""
        typing = interaction.type is discord.InteractionType.autocomplete
        if interaction.guild_id is not None and not typing:
            await app_of(interaction).privacy.seen(interaction.guild_id, interaction.user.id)

    @app_commands.command(name="show", description=words.SHOW)
    async def show(self, interaction: Interaction) -> None:
        """What is held on whoever asks."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await Pages(interaction, _page).show(interaction)

    @app_commands.command(name="delete", description=words.DELETE)
    async def delete(self, interaction: Interaction) -> None:
        """Ask whether all that can be erased shall be."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server, privacy, language = await server_of(interaction), app_of(interaction).privacy, _language(interaction)
        held = await privacy.show(server.guild_id, interaction.user.id)
        question = Question(
            interaction,
            say(language, words.QUESTION_TITLE),
            words.question(language, held),
            [
                Choice(say(language, words.YES), _delete, discord.ButtonStyle.danger),
                Choice(say(language, words.NO), _keep),
            ],
            too_late=say(language, words.TOO_LATE),
        )
        await question.ask(interaction)


async def _page(interaction: Interaction, number: int) -> Page:
    server, privacy = await server_of(interaction), app_of(interaction).privacy
    held = await privacy.show(server.guild_id, interaction.user.id)
    return words.page(_language(interaction), held, privacy.periods, number)


async def _delete(interaction: Interaction) -> None:
    server, privacy, language = await server_of(interaction), app_of(interaction).privacy, _language(interaction)
    deletion = await privacy.delete(server.guild_id, interaction.user.id)
    title = say(language, words.DELETED_TITLE)
    await replace(interaction, title, words.deleted(language, deletion, privacy.periods))


async def _keep(interaction: Interaction) -> None:
    language = _language(interaction)
    await replace(interaction, say(language, words.QUESTION_TITLE), [say(language, words.KEPT)])


def _language(interaction: Interaction) -> Language:
    return Language.of(str(interaction.locale))


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Privacy())
