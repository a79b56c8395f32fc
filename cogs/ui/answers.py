"""Answers that only the person who asked sees, and what they see when something went wrong."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

import discord
import structlog
from discord import app_commands

from bot import language
from bot.client.raw import where
from bot.errors import StanguardError
from bot.model import Language

from . import texts
from .cards import MAX_TEXT
from .persistent import framed

log = structlog.get_logger(__name__)

UNKNOWN_INTERACTION = 10062
LONGEST_ANSWER = 2000

Interaction = discord.Interaction[Any]


async def say(interaction: Interaction, text: str) -> None:
    """Answer in plain words, seen by this person alone, whatever was answered before."""
    if interaction.response.is_done():
        await interaction.followup.send(text[:LONGEST_ANSWER], ephemeral=True)
    else:
        await interaction.response.send_message(text[:LONGEST_ANSWER], ephemeral=True)


async def show(
    interaction: Interaction, title: str, paragraphs: Iterable[str], *, colour: discord.Colour | None = None
) -> None:
    """Answer with a titled notice, seen by this person alone; what is too long for one message is left out."""
    await show_view(interaction, notice(title, paragraphs, colour=colour))


async def show_view(
    interaction: Interaction, view: discord.ui.LayoutView, files: Sequence[discord.File] = ()
) -> discord.WebhookMessage:
    """Answer with a view and the files that it shows, seen by this person alone."""
    if not interaction.response.is_done():
        await interaction.response.defer(ephemeral=True, thinking=True)
    return await interaction.followup.send(view=view, files=files, ephemeral=True, wait=True)


async def replace(interaction: Interaction, title: str, paragraphs: Iterable[str]) -> None:
    """Turn the message whose button was pressed into a notice without buttons."""
    try:
        await interaction.edit_original_response(view=notice(title, paragraphs))
    except discord.NotFound:
        return  # the person dismissed it


def notice(title: str, paragraphs: Iterable[str], *, colour: discord.Colour | None = None) -> discord.ui.LayoutView:
    """A title and paragraphs in one frame, within Discord's limits."""
    container = discord.ui.Container[discord.ui.LayoutView](
        discord.ui.TextDisplay(f"### {title}"), accent_colour=colour
    )
    room = MAX_TEXT - len(title) - 8
    for paragraph in paragraphs:
        if len(paragraph) > room:
            container.add_item(discord.ui.TextDisplay("…"))
            break
        room -= len(paragraph) + 1
        container.add_item(discord.ui.TextDisplay(paragraph))
    return framed(container)


async def explain(interaction: Interaction, error: BaseException) -> None:
    """Tell the person in one sentence why it did not work. Whatever nobody expected is logged with a reference."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    if isinstance(error, discord.NotFound) and error.code == UNKNOWN_INTERACTION:
        log.warning("interaction.too_late", kind=interaction.type.name)
        return
    try:
        await say(interaction, sentence(interaction, error))
    except discord.HTTPException as unheard:
        log.warning("interaction.unanswered", status=unheard.status, code=unheard.code)


def language_of(interaction: Interaction) -> Language:
    """The language that the Discord of whoever asks is set to, as far as the bot speaks it."""
    return Language.of(str(interaction.locale))


def translated(interaction: Interaction, text: str) -> str:
    """A sentence in the language of whoever asks; one that is no key of the catalogues stays as it is."""
    return language.say(language_of(interaction), text)


def sentence(interaction: Interaction, error: BaseException) -> str:
    """The words for an error, in the language of whoever asks; logs the unexpected ones."""
    if isinstance(error, StanguardError):
        return language.say(language_of(interaction), error.sentence, **error.values)
    if isinstance(error, app_commands.NoPrivateMessage):
        return translated(interaction, texts.SERVER_ONLY)
    if isinstance(error, app_commands.CommandSignatureMismatch | app_commands.CommandNotFound):
        return translated(interaction, texts.BAD_COMMAND)
    reference = secrets.token_hex(4)
    command = interaction.command.qualified_name if interaction.command is not None else interaction.type.name
    log.error("interaction.failed", reference=reference, command=command, error=where(error))
    return language.say(language_of(interaction), texts.UNEXPECTED, reference=reference)
