"""``/deepfakes``, the guide to manipulated pictures for every member, and ``/setup-guide``, where admins write it."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client import StanguardBot
from bot.model import Language

from .access import Interaction, app_of, require_admin, server_of
from .ui import guide as words
from .ui.answers import say, show_view
from .ui.guide import GuideForm, guide


class Guide(commands.Cog):
    """The guide is open to every member, in the language of their Discord; writing it needs Manage Server."""

    @app_commands.command(name="deepfakes", description=words.COMMAND)
    async def deepfakes(self, interaction: Interaction) -> None:
        """Show the guide to the member alone."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await server_of(interaction)
        shown = await app_of(interaction).guide.get(server.guild_id, Language.of(str(interaction.locale)))
        await show_view(interaction, guide(shown, server.hotline))

    @app_commands.command(name="setup-guide", description="Write what /deepfakes tells the members of this server")
    @app_commands.describe(action="What to do", language="In which language; members see that of their Discord")
    @app_commands.choices(action=words.ACTION_CHOICES, language=words.LANGUAGE_CHOICES)
    @app_commands.default_permissions(manage_guild=True)
    async def setup_guide(
        self, interaction: Interaction, action: app_commands.Choice[str], language: app_commands.Choice[str]
    ) -> None:
        """Open the form, go back to the bot's own text, or show what members read."""
        server = await require_admin(interaction)
        service, chosen = app_of(interaction).guide, Language(language.value)
        if action.value == words.EDIT:
            present = await service.get(server.guild_id, chosen)
            await interaction.response.send_modal(GuideForm(interaction, present, _edit))
        elif action.value == words.RESET:
            had = await service.reset(server.guild_id, chosen)
            await say(interaction, words.was_reset(chosen, had=had))
        else:
            shown = await service.get(server.guild_id, chosen)
            await say(interaction, words.whose(shown, await service.languages(server.guild_id)))
            await show_view(interaction, guide(shown, server.hotline))


async def _edit(interaction: Interaction, form: GuideForm) -> None:
    server = await require_admin(interaction)  # they may have lost it while they wrote
    now = await app_of(interaction).guide.edit(server.guild_id, form.language, form.body)
    await say(interaction, words.saved(now))
    await show_view(interaction, guide(now, server.hotline))


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Guide())
