"""The form of /takedown, for who gave neither a link nor a fingerprint with the command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord

from bot.language import say
from bot.model import MOST_WORDS, Category, Language
from bot.reports.fingerprints import LONGEST

from . import takedown_texts as words
from .modals import Form

LONGEST_LABEL = 45
LONGEST_HINT = 100
"""Characters that Discord takes in a form, of titles and labels, and of hints."""

Interaction = discord.Interaction[Any]
Submitted = Callable[[Interaction, "TakedownForm"], Awaitable[None]]


class TakedownForm(Form):
    """Asks for a link or a fingerprint, a category and words; there is no place for a picture."""

    def __init__(self, opened_by: Interaction, language: Language, submitted: Submitted) -> None:
        super().__init__(opened_by, say(language, words.FORM_TITLE)[:LONGEST_LABEL], submitted)
        self._what = discord.ui.TextInput[Any](custom_id="what", max_length=LONGEST)
        self._category = discord.ui.Select[Any](
            custom_id="category",
            placeholder=say(language, words.FORM_CHOOSE),
            options=[
                discord.SelectOption(label=words.category(language, one)[:100], value=one.value) for one in Category
            ],
            min_values=0,
            required=False,
        )
        self._words = discord.ui.TextInput[Any](
            custom_id="words", max_length=MOST_WORDS, required=False, style=discord.TextStyle.paragraph
        )
        self._add(language, words.FORM_WHAT, words.FORM_WHAT_HINT, self._what)
        self._add(language, words.FORM_CATEGORY, words.FORM_CATEGORY_HINT, self._category)
        self._add(language, words.FORM_WORDS, words.FORM_WORDS_HINT, self._words)

    @property
    def what(self) -> str:
        """The link or the fingerprint."""
        return self._what.value.strip()

    @property
    def category(self) -> Category:
        """What the person chose; ``other`` if nothing."""
        return Category(self._category.values[0]) if self._category.values else Category.OTHER

    @property
    def words(self) -> str:
        """What the person wrote."""
        return self._words.value

    def _add(self, language: Language, label: str, hint: str, component: discord.ui.Item[Any]) -> None:
        text, description = say(language, label)[:LONGEST_LABEL], say(language, hint)[:LONGEST_HINT]
        self.add_item(discord.ui.Label(text=text, description=description, component=component))
