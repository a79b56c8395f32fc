"""Appeals of authors: by the button of a notice, in direct messages too, and by ``/appeal`` where these are closed."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client import StanguardBot

from .access import Interaction, app_of, server_of
from .ui import appeal_texts as words
from .ui.answers import explain, say, show_view
from .ui.appeals import AppealButton, AppealForm, AppealMenu, menu


class Appeal(commands.Cog):
    """Open to every author of a removed message. The answers are seen by the author alone."""

    @app_commands.command(name="appeal", description=words.COMMAND)
    async def appeal(self, interaction: Interaction) -> None:
        """Show what the member can appeal in this server."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await server_of(interaction)
        found = await app_of(interaction).appeals.open_for(server.guild_id, interaction.user.id)
        if found:
            await show_view(interaction, menu(found))
        else:
            await say(interaction, words.NOTHING)

    @commands.Cog.listener()
    async def on_appeal_press(self, interaction: Interaction, item: AppealButton | AppealMenu) -> None:
        """Somebody wants to appeal: refuse at once what is not theirs, before they write anything."""
        try:
            what = await app_of(interaction).appeals.check(item.case_id, interaction.user.id)
            await interaction.response.send_modal(AppealForm(interaction, what, _appeal))
        except Exception as error:  # noqa: BLE001 - the boundary: whatever happens, the person is told
            await explain(interaction, error)


async def _appeal(interaction: Interaction, form: AppealForm) -> None:
    await app_of(interaction).appeals.appeal(
        form.what.case_id, interaction.user.id, form.statement, request_id=interaction.id
    )
    await say(interaction, words.sent(form.what))


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.add_dynamic_items(AppealButton, AppealMenu)
    await bot.add_cog(Appeal())
