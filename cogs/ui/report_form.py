"""The form of a report, in the member's language. It asks what the command or the menu left open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import discord

from bot.language import say
from bot.model import MOST_WORDS, Category, Language, MediaRef

from . import report_texts as words
from .modals import MOST_OPTIONS, Form, chosen

MOST_PICTURES = 10
"""Pictures in one report: as many as a message can have attached."""

LONGEST_LINK = 200
LONGEST_LABEL = 100
"""Characters of an option that Discord takes."""

Interaction = discord.Interaction[Any]
Submitted = Callable[[Interaction, "ReportForm"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form asks for, besides words. ``media``: of which to choose; ``source``: a link, or uploads."""

    category: bool = True
    media: Sequence[MediaRef] = ()
    source: bool = False
    words: bool = True


class ReportForm(Form):
    """Asks for what is missing; what was not asked for is empty.

    Discord keeps whoever fills it within its limits; a program that does not gets the usual sentence that something
    went wrong.
    """

    def __init__(self, opened_by: Interaction, language: Language, asked: Asked, submitted: Submitted) -> None:
        super().__init__(opened_by, say(language, words.FORM_TITLE), submitted)
        self._language = language
        self._media = tuple(asked.media[:MOST_OPTIONS])
        self._category: discord.ui.Select[Any] | None = None
        self._which: discord.ui.Select[Any] | None = None
        self._link: discord.ui.TextInput[Any] | None = None
        self._uploads: discord.ui.FileUpload[Any] | None = None
        self._words: discord.ui.TextInput[Any] | None = None
        if asked.category:
            self._category = self._ask_category()
        if len(self._media) > 1:
            self._which = self._ask_which()
        if asked.source:
            self._link, self._uploads = self._ask_source()
        if asked.words:
            self._words = self._ask_words()

    @property
    def category(self) -> Category | None:
        """What the person chose; None if it was not asked."""
        return None if self._category is None else Category(self._category.values[0])

    @property
    def pictures(self) -> tuple[MediaRef, ...]:
        """The pictures that the person chose; the only one if there was no choice."""
        return chosen(self._media, self._which)

    @property
    def link(self) -> str:
        """The link, as it was written."""
        return "" if self._link is None else self._link.value.strip()

    @property
    def uploads(self) -> tuple[discord.Attachment, ...]:
        """The pictures that were uploaded."""
        return () if self._uploads is None else tuple(self._uploads.values[:MOST_PICTURES])

    @property
    def words(self) -> str:
        """What the person wrote."""
        return "" if self._words is None else self._words.value.strip()

    # ------------------------------------------------------------------------------------------- parts

    def _label(self, text: str, component: discord.ui.Item[Any], hint: str = "") -> None:
        description = say(self._language, hint) if hint else None
        label = discord.ui.Label[Any](text=say(self._language, text), description=description, component=component)
        self.add_item(label)

    def _ask_category(self) -> discord.ui.Select[Any]:
        options = [
            discord.SelectOption(
                label=say(self._language, label)[:LONGEST_LABEL],
                value=category.value,
                description=say(self._language, words.CATEGORY_HINTS[category])[:LONGEST_LABEL],
            )
            for category, label in words.CATEGORIES.items()
        ]
        asked = discord.ui.Select[Any](custom_id="category", placeholder=self._choose(), options=options, required=True)
        self._label(words.FORM_CATEGORY, asked)
        return asked

    def _ask_which(self) -> discord.ui.Select[Any]:
        options: list[discord.SelectOption] = []
        for at, item in enumerate(self._media):
            label, what = words.picture(self._language, at + 1, item)
            options.append(
                discord.SelectOption(label=label[:LONGEST_LABEL], value=str(at), description=what[:LONGEST_LABEL])
            )
        asked = discord.ui.Select[Any](
            custom_id="pictures",
            placeholder=self._choose(),
            options=options,
            max_values=min(len(options), MOST_PICTURES),
            required=True,
        )
        self._label(words.FORM_PICTURES, asked)
        return asked

    def _ask_source(self) -> tuple[discord.ui.TextInput[Any], discord.ui.FileUpload[Any]]:
        link = discord.ui.TextInput[Any](custom_id="link", max_length=LONGEST_LINK, required=False)
        self._label(words.FORM_LINK, link, words.FORM_LINK_HINT)
        uploads = discord.ui.FileUpload[Any](
            custom_id="uploads", min_values=0, max_values=MOST_PICTURES, required=False
        )
        self._label(words.FORM_UPLOADS, uploads, words.FORM_UPLOADS_HINT)
        return link, uploads

    def _ask_words(self) -> discord.ui.TextInput[Any]:
        asked = discord.ui.TextInput[Any](
            custom_id="words", max_length=MOST_WORDS, style=discord.TextStyle.paragraph, required=False
        )
        self._label(words.FORM_WORDS, asked, words.FORM_WORDS_HINT)
        return asked

    def _choose(self) -> str:
        return say(self._language, words.FORM_CHOOSE)
