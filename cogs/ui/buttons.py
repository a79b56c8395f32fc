"""The buttons of a card. They carry all that a press needs, so they work after a restart and on any number of cards."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Self

import discord

from . import queue_texts as words


class CaseAction(StrEnum):
    """What a button does; part of its custom id."""

    CONFIRM = "confirm"
    REJECT = "reject"
    DECIDE = "decide"
    CLAIM = "claim"
    RELEASE = "release"
    ESCALATE = "escalate"
    SKIP = "skip"
    COPIES = "copies"
    MINOR = "minor"
    REPORTED = "reported"
    UNDO = "undo"
    UPHOLD = "uphold"
    OVERTURN = "overturn"
    HISTORY = "history"
    DETAILS = "details"


_RED, _GREEN, _BLUE, _GREY = (
    discord.ButtonStyle.danger,
    discord.ButtonStyle.success,
    discord.ButtonStyle.primary,
    discord.ButtonStyle.secondary,
)
_LOOKS = {
    CaseAction.CONFIRM: (words.CONFIRM, _RED),
    CaseAction.REJECT: (words.NOT_A_MATCH, _GREEN),
    CaseAction.DECIDE: (words.DECIDE, _BLUE),
    CaseAction.CLAIM: (words.CLAIM, _GREY),
    CaseAction.RELEASE: (words.GIVE_BACK, _GREY),
    CaseAction.ESCALATE: (words.ESCALATE, _GREY),
    CaseAction.SKIP: (words.SKIP, _GREY),
    CaseAction.COPIES: (words.COPIES, _GREY),
    CaseAction.MINOR: (words.MINOR, _GREY),
    CaseAction.REPORTED: (words.REPORTED, _RED),
    CaseAction.UNDO: (words.UNDO, _GREY),
    CaseAction.UPHOLD: (words.UPHOLD, _RED),
    CaseAction.OVERTURN: (words.OVERTURN, _GREEN),
    CaseAction.HISTORY: (words.HISTORY, _GREY),
    CaseAction.DETAILS: (words.DETAILS, _GREY),
}


class CaseButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]],
    template=rf"stanguard:case:(?P<case>[0-9]{{1,18}}):(?P<action>{'|'.join(CaseAction)}):(?P<version>[0-9]{{1,9}})",
):
    """One press is one attempt to change the case at the version that the card showed."""

    def __init__(self, case_id: int, action: CaseAction, version: int) -> None:
        label, style = _LOOKS[action]
        super().__init__(
            discord.ui.Button(label=label, style=style, custom_id=f"stanguard:case:{case_id}:{action.value}:{version}")
        )
        self.case_id = case_id
        self.action = action
        self.version = version

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Read the button back from the message that was pressed."""
        del interaction, item
        return cls(int(match["case"]), CaseAction(match["action"]), int(match["version"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the press to the review extension."""
        interaction.client.dispatch("case_press", interaction, self)
