"""Questions with buttons, seen and answered by one person. They live in memory and end with it, or with their time."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import discord

from .answers import notice, replace, sentence, show_view

QUESTION = "stanguard:ask:"
"""How the custom ids of all questions begin."""

TAKEN = "stanguard.question_taken"
"""Set in the extras of an interaction whose question is still known."""

OPEN_SECONDS = 600.0
"""Discord lets an answer be changed for 15 minutes, so that a question that ran out can still say so."""

Interaction = discord.Interaction[Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """One button. ``chosen`` is called with the press, which is answered by editing the question."""

    label: str
    chosen: Callable[[Interaction], Awaitable[None]]
    style: discord.ButtonStyle = discord.ButtonStyle.secondary


class Question(discord.ui.LayoutView):
    """Asks whoever used a command something before it is carried out. The first press counts."""

    def __init__(
        self, asked: Interaction, title: str, paragraphs: Sequence[str], choices: Sequence[Choice], *, too_late: str
    ) -> None:
        """``too_late`` is what the question turns into when nobody answered it in time."""
        super().__init__(timeout=OPEN_SECONDS)
        self._person = asked.user.id
        self._title = title
        self._too_late = too_late
        self._message: discord.WebhookMessage | None = None
        container = notice(title, paragraphs).children[0]
        self.add_item(container)
        token = secrets.token_hex(4)  # one command may ask several questions
        row: discord.ui.ActionRow[Any] = discord.ui.ActionRow()
        for number, choice in enumerate(choices):
            row.add_item(_Button(choice, f"{QUESTION}{asked.id}:{token}:{number}"))
        self.add_item(row)

    async def ask(self, asked: Interaction) -> None:
        """Show the question to the person."""
        self._message = await show_view(asked, self)

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Mark the press as that of a known question, and let nobody else press."""
        interaction.extras[TAKEN] = True
        return interaction.user.id == self._person

    async def on_timeout(self) -> None:
        """Say that it is too late, if Discord still lets it be said."""
        if self._message is not None:
            try:
                await self._message.edit(view=notice(self._title, [self._too_late]))
            except discord.HTTPException:
                return  # the person dismissed it, or the token ran out

    async def on_error(self, interaction: Interaction, error: Exception, item: discord.ui.Item[Any], /) -> None:
        """Say what went wrong, in the place of the question."""
        del item
        await replace(interaction, self._title, [sentence(interaction, error)])


class _Button(discord.ui.Button[Question]):
    """A button of a question."""

    def __init__(self, choice: Choice, custom_id: str) -> None:
        super().__init__(label=choice.label, style=choice.style, custom_id=custom_id)
        self._chosen = choice.chosen

    async def callback(self, interaction: Interaction) -> None:
        """Close the question, and do what was chosen."""
        if self.view is None or self.view.is_finished():
            return
        self.view.stop()
        await interaction.response.defer()
        await self._chosen(interaction)


def is_left_over(interaction: Interaction) -> bool:
    """Whether this is the press of a question that this process does not know (any more)."""
    if interaction.type is not discord.InteractionType.component or interaction.data is None:
        return False
    custom_id = interaction.data.get("custom_id")
    return isinstance(custom_id, str) and custom_id.startswith(QUESTION) and TAKEN not in interaction.extras
