"""The button that asks for the rendering of a case; it works after a restart and on any number of cards."""

from __future__ import annotations

import re
from typing import Any, Self

import discord

from . import looking_texts as words


class LookButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]],
    template=r"stanguard:look:(?P<case>[0-9]{1,18})",
):
    """One press asks whether to show the rendering, and shows nothing yet.

    It belongs on cards of cases for which a rendering is kept, where the server allows it, and never on one of a
    suspected minor. A press is checked anyway.
    """

    def __init__(self, case_id: int) -> None:
        super().__init__(discord.ui.Button(label=words.LOOK, custom_id=f"stanguard:look:{case_id}"))
        self.case_id = case_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Read the button back from the message that was pressed."""
        del interaction, item
        return cls(int(match["case"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the press to the looking extension."""
        interaction.client.dispatch("look_press", interaction, self)
