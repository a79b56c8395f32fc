"""The buttons of a card. They carry all that a press needs, so they work after a restart and on any number of cards."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Self

import discord

from . import texts


class CaseAction(StrEnum):
    """What a button does; part of its custom id."""

    CONFIRM = "confirm"
    REJECT = "reject"
    UNDO = "undo"


_LOOKS = {
    CaseAction.CONFIRM: (texts.CONFIRM, discord.ButtonStyle.danger),
    CaseAction.REJECT: (texts.NOT_A_MATCH, discord.ButtonStyle.success),
    CaseAction.UNDO: (texts.UNDO, discord.ButtonStyle.secondary),
}


class CaseButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]],
    template=r"stanguard:case:(?P<case>[0-9]{1,18}):(?P<action>confirm|reject|undo):(?P<version>[0-9]{1,9})",
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
