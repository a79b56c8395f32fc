"""The guide to manipulated pictures as members see it, and the form in which admins write their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord
from discord import app_commands

from bot.language import mark, say
from bot.model import Language
from bot.reports.guide import LONGEST_GUIDE, Guide
from bot.reports.guide_texts import HOTLINE, TITLE

from .modals import Form
from .persistent import framed

COMMAND = mark("How to recognise deepfakes, why not to share them, and where to find help", most=100)

LANGUAGES: dict[Language, str] = {
    Language.ENGLISH: "English",
    Language.KOREAN: "한국어 (Korean)",
    Language.JAPANESE: "日本語 (Japanese)",
    Language.SPANISH: "Español (Spanish)",
    Language.INDONESIAN: "Bahasa Indonesia (Indonesian)",
}
LANGUAGE_CHOICES = [app_commands.Choice(name=name, value=language.value) for language, name in LANGUAGES.items()]

EDIT, RESET, SHOW = "edit", "reset", "show"
ACTION_CHOICES = [
    app_commands.Choice(name="edit: write your own text in this language", value=EDIT),
    app_commands.Choice(name="reset: go back to the bot's own text", value=RESET),
    app_commands.Choice(name="show: see what members read", value=SHOW),
]

FORM_TITLE = "Guide for members"
FORM_HINT = "Markdown works, and # begins a section. Mentions notify nobody."

Interaction = discord.Interaction[Any]
Submitted = Callable[[Interaction, "GuideForm"], Awaitable[None]]


def guide(shown: Guide, hotline: str | None) -> discord.ui.LayoutView:
    """A guide in one frame, its sections apart; a server's hotline stands at the end."""
    container = discord.ui.Container[discord.ui.LayoutView](
        discord.ui.TextDisplay(f"## {say(shown.language, TITLE)}"),
    )
    for section in shown.sections:
        container.add_item(discord.ui.TextDisplay(section))
    if hotline:
        container.add_item(discord.ui.TextDisplay(say(shown.language, HOTLINE, hotline=hotline)))
    return framed(container)


class GuideForm(Form):
    """Asks for a server's own text in one language; the present one stands in it."""

    def __init__(self, opened_by: Interaction, present: Guide, submitted: Submitted) -> None:
        super().__init__(opened_by, FORM_TITLE, submitted)
        self.language = present.language
        self._body = discord.ui.TextInput[Any](
            custom_id="body", style=discord.TextStyle.paragraph, max_length=LONGEST_GUIDE, default=present.body
        )
        self.add_item(discord.ui.Label(text=LANGUAGES[self.language], description=FORM_HINT, component=self._body))

    @property
    def body(self) -> str:
        """What the person wrote."""
        return self._body.value


def saved(now: Guide) -> str:
    """A text was written."""
    if now.own:
        return f"Saved: who reads Discord in {LANGUAGES[now.language]} sees this server's own guide."
    return (
        f"This is the bot's own text in {LANGUAGES[now.language]}, so nothing was saved; it goes on following updates."
    )


def was_reset(language: Language, *, had: bool) -> str:
    """A text was taken back."""
    if had:
        return f"This server's own guide in {LANGUAGES[language]} is deleted; the bot's own is shown again."
    return f"This server has no guide of its own in {LANGUAGES[language]}; the bot's own is shown."


def whose(shown: Guide, own: Sequence[Language]) -> str:
    """Whose text it is that members read, and in which languages the server wrote its own."""
    whose_text = "this server's own text" if shown.own else "the bot's own text"
    written = ", ".join(LANGUAGES[language] for language in own) or "none"
    return f"Below is {whose_text}. Languages with a text of this server's own: {written}."
