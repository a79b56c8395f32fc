"""Reports of members: by the message menu, and by ``/report`` with an upload or a link."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import StanguardBot
from bot.errors import NotAllowedError
from bot.model import Category, MediaRef, MessageRef, SeenMedia

from . import lists, messages
from .access import Interaction, app_of, server_of
from .ui import texts
from .ui.answers import say
from .ui.modals import PictureForm


class Report(commands.Cog):
    """Open to every member. The answer is seen by the reporter alone."""

    def __init__(self, bot: StanguardBot) -> None:
        self._bot = bot
        self._menu = app_commands.ContextMenu(name=texts.REPORT_MENU, callback=self.report_message)

    async def cog_load(self) -> None:
        """Offer the message menu."""
        self._bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Take the message menu back."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    @app_commands.command(name="report", description="Report an abusive picture to the moderators; only they see it")
    @app_commands.describe(
        category="What it is",
        link="A link to the message with the picture (Copy Message Link)",
        picture="Or the picture itself; it is fingerprinted and not kept",
    )
    @app_commands.choices(category=texts.CATEGORY_CHOICES)
    async def report(
        self,
        interaction: Interaction,
        category: app_commands.Choice[str],
        link: str | None = None,
        picture: discord.Attachment | None = None,
    ) -> None:
        """Report a message by its link, or an uploaded picture."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        message: MessageRef | None = None
        media: Sequence[SeenMedia]
        if link is not None and picture is None:
            message, media = await messages.linked(interaction, link)
        elif picture is not None and link is None:
            media = (lists.uploaded(picture),)
        else:
            raise NotAllowedError(texts.PICTURE_OR_LINK)
        await _report(interaction, Category(category.value), message, media)

    async def report_message(self, interaction: Interaction, message: discord.Message) -> None:
        """The message menu: ask what it is, then report."""
        del message  # parsed by discord.py, which leaves media out; the raw JSON is read instead
        target, media = messages.target_of(interaction)
        shown = tuple(item for item in media if isinstance(item, MediaRef))
        if not media:
            raise NotAllowedError(texts.NO_PICTURE)
        submitted = functools.partial(_report_form, target, media)
        form = PictureForm(interaction, texts.REPORT_TITLE, shown, submitted, note=False)
        await interaction.response.send_modal(form)


async def _report_form(
    target: MessageRef, media: Sequence[SeenMedia], interaction: Interaction, form: PictureForm
) -> None:
    # What cannot be fetched cannot be chosen either, but a person can still look at it.
    await _report(interaction, form.category, target, form.pictures or media)


async def _report(
    interaction: Interaction, category: Category, message: MessageRef | None, media: Sequence[SeenMedia]
) -> None:
    server = await server_of(interaction)
    answer = await app_of(interaction).reports.report(server, interaction.user.id, category, message, media)
    guidance = [texts.MINOR_GUIDANCE] if category is Category.MINOR_SUSPECTED else []
    await say(interaction, "\n\n".join([answer.sentence, *guidance]))


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Report(bot))
