"""Reports of members: by the message menu and by ``/report``, and what became of them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client import StanguardBot
from bot.errors import NotAllowedError
from bot.language import say as said
from bot.model import MOST_WORDS, Category, MediaRef, MessageRef, SeenMedia

from . import lists, messages
from .access import Interaction, app_of, server_of
from .ui import report_pages, report_texts, texts
from .ui.answers import language_of, say
from .ui.report_form import MOST_PICTURES, Asked, ReportForm


@dataclass(frozen=True, slots=True)
class Draft:
    """What the options of the command said, each None if left away."""

    category: Category | None
    link: str | None
    picture: discord.Attachment | None
    words: str | None

    @property
    def asked(self) -> Asked:
        """What is left to ask. The words are optional, so a form that opens anyway asks for them, too."""
        return Asked(
            category=self.category is None,
            source=self.link is None and self.picture is None,
            words=self.words is None,
        )

    @property
    def complete(self) -> bool:
        """Whether it can be reported as it is."""
        return not (self.asked.category or self.asked.source)


class Report(commands.GroupCog, group_name="report", group_description=locale_str(report_texts.GROUP)):
    """Open to every member. The answers are seen by the reporter alone."""

    def __init__(self, bot: StanguardBot) -> None:
        self._bot = bot
        self._menu = app_commands.ContextMenu(name=locale_str(report_texts.MENU), callback=self.report_message)

    async def cog_load(self) -> None:
        """Offer the message menu."""
        self._bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Take the message menu back."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    @app_commands.command(name="picture", description=locale_str(report_texts.PICTURE))
    @app_commands.describe(
        category=locale_str(report_texts.PICTURE_CATEGORY),
        link=locale_str(report_texts.PICTURE_LINK),
        picture=locale_str(report_texts.PICTURE_UPLOAD),
        words=locale_str(report_texts.PICTURE_WORDS),
    )
    @app_commands.choices(category=report_texts.CATEGORY_CHOICES)
    async def picture(
        self,
        interaction: Interaction,
        category: app_commands.Choice[str] | None = None,
        link: str | None = None,
        picture: discord.Attachment | None = None,
        words: app_commands.Range[str, 1, MOST_WORDS] | None = None,
    ) -> None:
        """Report a message by its link, or an uploaded picture; a form asks for what was left away."""
        if link is not None and picture is not None:
            raise NotAllowedError(texts.PICTURE_OR_LINK)
        draft = Draft(None if category is None else Category(category.value), link, picture, words)
        if draft.complete:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await _report_draft(draft, interaction, None)
        else:
            submitted = functools.partial(_report_draft, draft)
            form = ReportForm(interaction, language_of(interaction), draft.asked, submitted)
            await interaction.response.send_modal(form)

    @app_commands.command(name="status", description=locale_str(report_texts.STATUS))
    async def status(self, interaction: Interaction) -> None:
        """Show the member's own reports."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await report_pages.ReportPages(interaction, _status, _take_back).show(interaction)

    @app_commands.command(name="messages", description=locale_str(report_texts.MESSAGES))
    @app_commands.describe(wanted=locale_str(report_texts.MESSAGES_WANTED))
    @app_commands.choices(wanted=report_texts.MESSAGES_CHOICES)
    async def switch_messages(self, interaction: Interaction, wanted: app_commands.Choice[int]) -> None:
        """Switch the messages about outcomes on or off."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server, on = await server_of(interaction), bool(wanted.value)
        await app_of(interaction).follow_up.tell(server.guild_id, interaction.user.id, wanted=on)
        await say(
            interaction, said(language_of(interaction), report_texts.MESSAGES_ON if on else report_texts.MESSAGES_OFF)
        )

    async def report_message(self, interaction: Interaction, message: discord.Message) -> None:
        """The message menu: ask what it is, then report."""
        del message  # parsed by discord.py, which leaves media out; the raw JSON is read instead
        target, media = messages.target_of(interaction)
        shown = tuple(item for item in media if isinstance(item, MediaRef))
        if not media:
            raise NotAllowedError(texts.NO_PICTURE)
        submitted = functools.partial(_report_form, target, media)
        await interaction.response.send_modal(
            ReportForm(interaction, language_of(interaction), Asked(media=shown), submitted)
        )


async def _report_form(
    target: MessageRef, media: Sequence[SeenMedia], interaction: Interaction, form: ReportForm
) -> None:
    assert form.category is not None
    # What cannot be fetched cannot be chosen either, but a person can still look at it.
    await _report(interaction, form.category, target, form.pictures or media[:MOST_PICTURES], form.words)


async def _report_draft(draft: Draft, interaction: Interaction, form: ReportForm | None) -> None:
    """Report what the options and the form say together."""
    category = draft.category or (None if form is None else form.category)
    assert category is not None
    link = draft.link or ("" if form is None else form.link)
    uploads = (draft.picture,) if draft.picture is not None else () if form is None else form.uploads
    written = draft.words or ("" if form is None else form.words)
    if link and uploads:
        raise NotAllowedError(texts.PICTURE_OR_LINK)
    message: MessageRef | None = None
    media: Sequence[SeenMedia]
    if link:
        message, media = await messages.linked(interaction, link)
    elif uploads:
        media = tuple(lists.uploaded(picture) for picture in uploads)
    else:
        raise NotAllowedError(report_texts.NAMED_NOTHING)
    await _report(interaction, category, message, media[:MOST_PICTURES], written)


async def _report(
    interaction: Interaction,
    category: Category,
    message: MessageRef | None,
    media: Sequence[SeenMedia],
    written: str,
) -> None:
    """Hand a report over. ``media``: at most ten, of a message the first ten, attached pictures before all others."""
    server, language = await server_of(interaction), language_of(interaction)
    answer = await app_of(interaction).reports.report(
        server, interaction.user.id, category, message, media, language=language, words=written.strip()[:MOST_WORDS]
    )
    guidance = [said(language, texts.MINOR_GUIDANCE)] if category is Category.MINOR_SUSPECTED else []
    await say(interaction, "\n\n".join([answer.sentence, *guidance]))


async def _status(interaction: Interaction, number: int) -> report_pages.StatusPage:
    server = await server_of(interaction)
    follow_up, user_id, size = app_of(interaction).follow_up, interaction.user.id, report_pages.REPORTS
    found, total = await follow_up.made_by(server.guild_id, user_id, limit=size, offset=(number - 1) * size)
    last = max(1, -(-total // size))
    if number > last:
        found, total = await follow_up.made_by(server.guild_id, user_id, limit=size, offset=(last - 1) * size)
    return report_pages.page(found, total, min(number, last), language_of(interaction))


async def _take_back(interaction: Interaction, report_id: int) -> str:
    server, language = await server_of(interaction), language_of(interaction)
    return await app_of(interaction).follow_up.withdraw(server, interaction.user.id, report_id, language)


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Report(bot))
