"""Numbers: for moderators with a chart, once a week in their channel, and the public part for every member."""

from __future__ import annotations

import functools
import io
from datetime import datetime

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.cases.stats import WEEK
from bot.client import StanguardBot
from bot.model import Numbers
from bot.ops import charts

from .access import Interaction, app_of, require_moderator, server_of
from .ui import stats_texts as words
from .ui.answers import show, show_view
from .ui.persistent import framed


class Stats(commands.Cog):
    """The numbers of a server. Asking for them changes nothing."""

    @app_commands.command(name="stats", description="What was checked, removed and decided here, with a chart")
    @app_commands.describe(days="How far back; 7 days if you do not say")
    @app_commands.choices(days=words.DAYS)
    @app_commands.default_permissions(manage_messages=True)
    async def stats(self, interaction: Interaction, days: int = 7) -> None:
        """The numbers for moderators."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await require_moderator(interaction)
        app = app_of(interaction)
        numbers = await app.stats.numbers(server.guild_id, days)
        view, files = await _post(app, words.title(numbers), numbers, chart=True)
        await show_view(interaction, view, files)

    @app_commands.command(name="transparency", description="What the bot did in this server, in numbers")
    @app_commands.describe(days="How far back; 30 days if you do not say")
    @app_commands.choices(days=words.DAYS)
    async def transparency(self, interaction: Interaction, days: int = 30) -> None:
        """The public part of the numbers, for every member."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = await server_of(interaction)
        numbers = await app_of(interaction).stats.public(server.guild_id, days)
        await show(interaction, words.public_title(numbers), words.public(numbers))


async def weekly_post(
    app: App, guild_id: int, until: datetime, *, chart: bool
) -> tuple[discord.ui.LayoutView, list[discord.File]]:
    """The post about the seven days before the midnight ``until``, as the outbox posts it."""
    numbers = await app.stats.numbers(guild_id, WEEK, until=until)
    return await _post(app, words.weekly_title(numbers), numbers, chart=chart)


async def _post(
    app: App, title: str, numbers: Numbers, *, chart: bool
) -> tuple[discord.ui.LayoutView, list[discord.File]]:
    """The table and, if wanted, the chart with its words for those who cannot see it."""
    container = discord.ui.Container[discord.ui.LayoutView](
        discord.ui.TextDisplay(f"### {title}"), discord.ui.TextDisplay(words.table(numbers))
    )
    files: list[discord.File] = []
    if chart:
        described = charts.alternative(numbers)
        picture = io.BytesIO(await app.charts.draw(numbers))
        files.append(discord.File(picture, words.FILE, description=described))
        container.add_item(
            discord.ui.MediaGallery(discord.MediaGalleryItem(f"attachment://{words.FILE}", description=described))
        )
    else:
        container.add_item(discord.ui.TextDisplay(words.NO_CHART))
    container.add_item(discord.ui.TextDisplay(words.NOTES))
    return framed(container), files


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.stats_renderer = functools.partial(weekly_post, bot.app)
    await bot.add_cog(Stats())
