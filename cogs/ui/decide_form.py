"""The form of Decide…: the decision, its reason, what happens to the author, and a note."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord

from bot.cases import reasons
from bot.errors import NotAllowedError
from bot.model import Decision, PolicyReason, SanctionOrder

from . import queue_texts as words
from . import texts
from .modals import Form

NOTE_LENGTH = 500

Interaction = discord.Interaction[Any]
Submitted = Callable[[Interaction, "DecideForm"], Awaitable[None]]


class DecideForm(Form):
    """Asks for everything that a decision can carry. ``version`` is that of the case when it was opened."""

    answers_anew = False  # what comes of it is drawn on the card

    def __init__(self, opened_by: Interaction, case_id: int, version: int, submitted: Submitted) -> None:
        title = words.FORM_TITLE.format(id=case_id)
        super().__init__(opened_by, title, submitted)
        self.case_id = case_id
        self.version = version
        self._decision = discord.ui.Select[Any](
            custom_id="decision", placeholder=texts.CHOOSE, options=_decisions(), required=True
        )
        self._reason = discord.ui.Select[Any](
            custom_id="reason", placeholder=texts.CHOOSE, options=_reasons(), required=False, min_values=0
        )
        self._sanction = discord.ui.Select[Any](
            custom_id="sanction", placeholder=texts.CHOOSE, options=_sanctions(), required=False, min_values=0
        )
        self._duplicate = discord.ui.TextInput[Any](custom_id="duplicate", max_length=20, required=False)
        self._note = discord.ui.TextInput[Any](
            custom_id="note", max_length=NOTE_LENGTH, required=False, style=discord.TextStyle.paragraph
        )
        for text, hint, component in (
            (words.FORM_DECISION, None, self._decision),
            (words.FORM_REASON, words.FORM_REASON_HINT, self._reason),
            (words.FORM_SANCTION, words.FORM_SANCTION_HINT, self._sanction),
            (words.FORM_DUPLICATE, words.FORM_DUPLICATE_HINT, self._duplicate),
            (words.FORM_NOTE, words.FORM_NOTE_HINT, self._note),
        ):
            self.add_item(discord.ui.Label(text=text, description=hint, component=component))

    @property
    def decision(self) -> Decision:
        """What the person decided."""
        return Decision(self._decision.values[0])

    @property
    def reason(self) -> PolicyReason | None:
        """The reason that they chose; None for the usual one."""
        return PolicyReason(self._reason.values[0]) if self._reason.values else None

    @property
    def sanction(self) -> SanctionOrder | None:
        """What is to happen to the authors, if anything."""
        return words.SANCTION_CHOICES[self._sanction.values[0]][1] if self._sanction.values else None

    @property
    def duplicate_of(self) -> int | None:
        """The other case of a duplicate; NotAllowedError when what they wrote is no number."""
        written = self._duplicate.value.strip().removeprefix("#")
        if not written:
            return None
        if not written.isascii() or not written.isdigit() or len(written) > 18:
            raise NotAllowedError(words.NO_CASE_NUMBER)
        return int(written)

    @property
    def note(self) -> str:
        """What they wrote for the other moderators, on one line."""
        return " ".join(self._note.value.split())


def _decisions() -> list[discord.SelectOption]:
    return [
        discord.SelectOption(
            label=words.DECISIONS[decision].capitalize(),
            value=decision.value,
            description=words.DECISION_HINTS[decision],
        )
        for decision in Decision
    ]


def _reasons() -> list[discord.SelectOption]:
    """Every reason, with the decision that it goes with."""
    return [
        discord.SelectOption(
            label=words.REASONS[reason].capitalize(),
            value=reason.value,
            description=f"For: {words.DECISIONS[decision]}",
        )
        for decision, fitting in reasons.FITTING.items()
        for reason in fitting
    ]


def _sanctions() -> list[discord.SelectOption]:
    return [discord.SelectOption(label=label, value=value) for value, (label, _) in words.SANCTION_CHOICES.items()]
