"""The one message of the bot that holds a picture: a coarse grey rendering, for one person, for a minute."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import discord

from . import looking_texts as words
from .answers import notice, sentence
from .questions import QUESTION, TAKEN

SHOWN_SECONDS = 60.0

Interaction = discord.Interaction[Any]


class Rendering(discord.ui.LayoutView):
    """A rendering behind a spoiler, which goes when the person is done with it or when its time is over."""

    def __init__(self, asked: Interaction, case_id: int, png: bytes, paragraphs: Sequence[str]) -> None:
        super().__init__(timeout=SHOWN_SECONDS)
        self._title = words.title(case_id)
        self._asked = asked
        self._file = discord.File(io.BytesIO(png), f"case-{case_id}.png", spoiler=True, description=words.DESCRIPTION)
        gallery = discord.ui.MediaGallery[Any](discord.MediaGalleryItem(self._file))
        heading = discord.ui.TextDisplay[Any](f"### {self._title}")
        self.add_item(
            discord.ui.Container[Any](heading, gallery, *(discord.ui.TextDisplay[Any](text) for text in paragraphs))
        )
        done = discord.ui.Button[Any](label=words.DONE, custom_id=f"{QUESTION}{asked.id}:done")
        done.callback = self._done
        self.add_item(discord.ui.ActionRow[Any](done))

    async def show(self) -> None:
        """Show it in the place of the question that was answered."""
        await self._asked.edit_original_response(view=self, attachments=[self._file])

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Mark the press as that of a rendering that is still known."""
        interaction.extras[TAKEN] = True
        return interaction.user.id == self._asked.user.id

    async def on_timeout(self) -> None:
        """Take the picture away, if Discord still lets it be done."""
        try:
            await self._asked.edit_original_response(view=notice(self._title, [words.PUT_AWAY]), attachments=[])
        except discord.HTTPException:
            return  # the person dismissed it

    async def on_error(self, interaction: Interaction, error: Exception, item: discord.ui.Item[Any], /) -> None:
        """Say what went wrong, without the picture."""
        del item
        await interaction.edit_original_response(
            view=notice(self._title, [sentence(interaction, error)]), attachments=[]
        )

    async def _done(self, interaction: Interaction) -> None:
        self.stop()
        await interaction.response.edit_message(view=notice(self._title, [words.PUT_AWAY]), attachments=[])
