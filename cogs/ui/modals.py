"""Forms. discord.py forgets an open form at a restart, so every form says whose it is in its custom id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Self

import discord

from bot.model import Category, MediaRef

from . import texts
from .answers import explain

FORM = "stanguard:form:"
"""How the custom ids of all forms begin."""

TAKEN = "stanguard.form_taken"
"""Set in the extras of an interaction whose form is still known."""

OPEN_SECONDS = 1800.0
NOTE_LENGTH = 200
MOST_OPTIONS = 25

Interaction = discord.Interaction[Any]
Submitted = Callable[[Interaction, "PictureForm"], Awaitable[None]]


class Form(discord.ui.Modal):
    """What every form has: a custom id that says that it is one of ours, its time, and an answer when it fails.

    ``submitted`` is called with the filled form; what it raises is explained to the person.
    """

    answers_anew: ClassVar[bool] = True
    """Whether the person gets a new answer, seen by them alone; else what they pressed is drawn again."""

    def __init__(
        self, opened_by: Interaction, title: str, submitted: Callable[[Interaction, Self], Awaitable[None]]
    ) -> None:
        super().__init__(title=title, timeout=OPEN_SECONDS, custom_id=f"{FORM}{opened_by.id}")
        self._submitted = submitted

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Mark the interaction before anything else sees it: this form is known."""
        interaction.extras[TAKEN] = True
        return True

    async def on_submit(self, interaction: Interaction, /) -> None:
        """Defer, since pictures or members may have to be fetched, and hand the form over."""
        await interaction.response.defer(ephemeral=self.answers_anew, thinking=self.answers_anew)
        await self._submitted(interaction, self)

    async def on_error(self, interaction: Interaction, error: Exception, /) -> None:
        """Explain, and forget the form."""
        self.stop()
        await explain(interaction, error)


class PictureForm(Form):
    """Asks for a category, for a note if wanted, and, if there are several pictures, for which of them."""

    def __init__(
        self, opened_by: Interaction, title: str, media: Sequence[MediaRef], submitted: Submitted, *, note: bool
    ) -> None:
        super().__init__(opened_by, title, submitted)
        self._media = tuple(media[:MOST_OPTIONS])
        self._category = discord.ui.Select[Any](
            custom_id="category", placeholder=texts.CHOOSE, options=_category_options(), required=True
        )
        self.add_item(discord.ui.Label(text=texts.FORM_CATEGORY, component=self._category))
        self._which: discord.ui.Select[Any] | None = None
        if len(self._media) > 1:
            self._which = discord.ui.Select[Any](
                custom_id="pictures",
                placeholder=texts.CHOOSE,
                options=_picture_options(self._media),
                max_values=len(self._media),
                required=True,
            )
            self.add_item(discord.ui.Label(text=texts.FORM_PICTURES, component=self._which))
        self._note: discord.ui.TextInput[Any] | None = None
        if note:
            self._note = discord.ui.TextInput[Any](custom_id="note", max_length=NOTE_LENGTH, required=False)
            self.add_item(
                discord.ui.Label(text=texts.FORM_NOTE, description=texts.FORM_NOTE_HINT, component=self._note)
            )

    @property
    def category(self) -> Category:
        """What the person chose."""
        return Category(self._category.values[0])

    @property
    def pictures(self) -> tuple[MediaRef, ...]:
        """The pictures that the person chose; the only one if there was no choice."""
        return chosen(self._media, self._which)

    @property
    def note(self) -> str:
        """What the person wrote, on one line; empty without a note."""
        return "" if self._note is None else " ".join(self._note.value.split())


def chosen(media: tuple[MediaRef, ...], which: discord.ui.Select[Any] | None) -> tuple[MediaRef, ...]:
    """The pictures that a person chose; the only one if there was no choice."""
    return media if which is None else tuple(media[int(value)] for value in which.values)


def is_left_over(interaction: Interaction) -> bool:
    """Whether this is the submission of a form that this process does not know (any more)."""
    if interaction.type is not discord.InteractionType.modal_submit or interaction.data is None:
        return False
    custom_id = interaction.data.get("custom_id")
    return isinstance(custom_id, str) and custom_id.startswith(FORM) and TAKEN not in interaction.extras


def _category_options() -> list[discord.SelectOption]:
    return [
        discord.SelectOption(label=words, value=category.value, description=texts.CATEGORY_HINTS[category])
        for category, words in texts.CATEGORIES.items()
    ]


def _picture_options(media: Sequence[MediaRef]) -> list[discord.SelectOption]:
    return [
        discord.SelectOption(label=f"{at + 1}. {texts.picture(item)}"[:100], value=str(at))
        for at, item in enumerate(media)
    ]
