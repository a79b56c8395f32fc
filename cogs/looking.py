"""Looking at the coarse rendering of a case, and ``/wellbeing``: what moderators faced, and what they are shown."""

from __future__ import annotations

import functools

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import StanguardBot
from bot.errors import RefusedError
from bot.model import Category

from .access import Interaction, app_of, case_of, server_of
from .ui import looking_texts as words
from .ui.answers import explain, replace, show
from .ui.buttons_looking import LookButton
from .ui.questions import Choice, Question
from .ui.rendering import Rendering


@app_commands.default_permissions(manage_messages=True)
class Looking(
    commands.GroupCog, group_name="wellbeing", group_description="What you faced here, and what you are shown"
):
    """Everything in here is about the person who asks, and is shown to nobody else."""

    @commands.Cog.listener()
    async def on_look_press(self, interaction: Interaction, button: LookButton) -> None:
        """A moderator wants to look at the picture of a case: they are asked first."""
        try:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await case_of(interaction, button.case_id)
            await app_of(interaction).looking.require(button.case_id, interaction.user.id)
            choices = [
                Choice(words.SHOW, functools.partial(_show, button.case_id), discord.ButtonStyle.primary),
                Choice(words.LEAVE, _leave),
            ]
            question = Question(interaction, words.QUESTION_TITLE, words.QUESTION, choices, too_late=words.TOO_LATE)
            await question.ask(interaction)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever happens, the person is told
            await explain(interaction, error)

    @app_commands.command(name="counts", description="How much you looked at and decided here; only you see it")
    async def counts(self, interaction: Interaction) -> None:
        """The numbers of whoever asks."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await server_of(interaction)
        looking, user_id = app_of(interaction).looking, interaction.user.id
        own = await looking.counts(server.guild_id, user_id)
        prompt = await looking.break_prompt(server.guild_id, user_id)
        await show(
            interaction, words.COUNTS_TITLE, [words.counts(own), *([prompt] if prompt else []), words.COUNTS_NOTE]
        )

    @app_commands.command(name="opt-out", description="Be shown no renderings of a category; only you see it")
    @app_commands.describe(category="Of which category", shown="What you want to be shown of it")
    @app_commands.choices(category=words.OPT_OUT_CHOICES, shown=words.SHOWN_CHOICES)
    async def opt_out(
        self,
        interaction: Interaction,
        category: app_commands.Choice[str] | None = None,
        shown: app_commands.Choice[str] | None = None,
    ) -> None:
        """Opt out of a category or in again; without options, tell what was chosen."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await server_of(interaction)
        looking, user_id = app_of(interaction).looking, interaction.user.id
        if (category is None) != (shown is None):
            raise RefusedError(words.BOTH_OR_NEITHER)
        if category is None or shown is None:
            chosen = await looking.opted_out(server.guild_id, user_id)
        else:
            chosen = await looking.opt_out(
                server.guild_id, user_id, Category(category.value), out=shown.value == "nothing"
            )
        await show(interaction, words.OPT_OUT_TITLE, [words.opted_out(chosen)])

    @app_commands.command(name="support", description="About breaks, and where help is; only you see it")
    async def support(self, interaction: Interaction) -> None:
        """What helps, as far as anybody knows."""
        await show(interaction, words.SUPPORT_TITLE, words.SUPPORT)


async def _show(case_id: int, interaction: Interaction) -> None:
    """The answer was yes; whether it is still allowed is asked again."""
    await case_of(interaction, case_id)
    looking, user_id = app_of(interaction).looking, interaction.user.id
    reveal = await looking.reveal(case_id, user_id, interaction.id)
    server = await server_of(interaction)
    prompt = await looking.break_prompt(server.guild_id, user_id)
    paragraphs = [words.looked(reveal), *([prompt] if prompt else [])]
    await Rendering(interaction, case_id, reveal.png, paragraphs).show()


async def _leave(interaction: Interaction) -> None:
    await replace(interaction, words.QUESTION_TITLE, [words.LEFT])


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.add_dynamic_items(LookButton)
    await bot.add_cog(Looking())
