"""Requests to take a picture down: ``/takedown``, by a link or a fingerprint and never by the picture itself."""

from __future__ import annotations

import functools
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import StanguardBot
from bot.errors import NotAllowedError
from bot.language import say
from bot.model import MOST_WORDS, Category, Language
from bot.reports import fingerprints
from bot.reports.takedowns import Acting, Ask

from . import messages
from .access import Interaction, app_of, server_of
from .ui import report_texts
from .ui import takedown_texts as words
from .ui.answers import show
from .ui.takedown_form import TakedownForm


class Takedown(commands.Cog):
    """Open to every member. The answer is seen by whoever asked alone."""

    @app_commands.command(name="takedown", description=words.COMMAND)
    @app_commands.rename(acting="for", said="words")
    @app_commands.describe(
        acting=words.OPTION_FOR,
        link=words.OPTION_LINK,
        fingerprint=words.OPTION_FINGERPRINT,
        category=words.OPTION_CATEGORY,
        said=words.OPTION_WORDS,
    )
    @app_commands.choices(acting=words.ACTING_CHOICES, category=report_texts.CATEGORY_CHOICES)
    async def takedown(
        self,
        interaction: Interaction,
        acting: app_commands.Choice[str],
        link: str | None = None,
        fingerprint: str | None = None,
        category: app_commands.Choice[str] | None = None,
        said: app_commands.Range[str, 1, MOST_WORDS] | None = None,
    ) -> None:
        """Ask for the pictures of a message, or for a file, to be taken down; a form asks for what was not given."""
        language = Language.of(str(interaction.locale))
        who = Acting(acting.value)
        if link is not None and fingerprint is not None:
            raise NotAllowedError(words.ONE_OF_THE_TWO)
        about = Category.OTHER if category is None else Category(category.value)
        ask = Ask(interaction.user.id, who, about, language, said or "")
        if link is None and fingerprint is None:
            submitted = functools.partial(_submitted, ask)
            await interaction.response.send_modal(TakedownForm(interaction, language, submitted))
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        if link is not None:
            await _by_link(interaction, ask, link)
        elif fingerprint is not None:
            await _by_file(interaction, ask, fingerprint)


async def _submitted(asked: Ask, interaction: discord.Interaction[Any], form: TakedownForm) -> None:
    category = form.category if asked.category is Category.OTHER else asked.category
    written = "\n".join(part for part in (asked.words, form.words) if part)
    ask = Ask(asked.member_id, asked.acting, category, asked.language, written)
    by_link = "://" in form.what
    await (_by_link if by_link else _by_file)(interaction, ask, form.what)


async def _by_link(interaction: Interaction, ask: Ask, link: str) -> None:
    server = await server_of(interaction)
    message, media = await messages.linked(interaction, link)
    answer = await app_of(interaction).takedowns.by_message(server, ask, message, media)
    paragraphs = words.answer(ask.language, server, answer, ask.category, by_file=False)
    await show(interaction, say(ask.language, words.TITLE), paragraphs)


async def _by_file(interaction: Interaction, ask: Ask, written: str) -> None:
    server = await server_of(interaction)
    sha256 = fingerprints.read(written)
    answer = await app_of(interaction).takedowns.by_file(server, ask, sha256)
    paragraphs = words.answer(ask.language, server, answer, ask.category, by_file=True)
    await show(interaction, say(ask.language, words.TITLE), paragraphs)


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Takedown())
