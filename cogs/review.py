"""The review queue: draws cards, and turns presses of their buttons into decisions."""

from __future__ import annotations

import discord
from discord.ext import commands

from bot.client import StanguardBot
from bot.errors import NotFoundError, StaleCaseError
from bot.model import Decision

from .access import Interaction, app_of, require_decider, server_of
from .ui import texts
from .ui.answers import explain, say
from .ui.buttons import CaseAction, CaseButton
from .ui.cards import card


class Review(commands.Cog):
    """Presses of card buttons. A card is always drawn from the case's row, never from what it showed before."""

    @commands.Cog.listener()
    async def on_case_press(self, interaction: Interaction, button: CaseButton) -> None:
        """A moderator pressed a button of a card."""
        try:
            await interaction.response.defer()
            await self._press(interaction, button)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever happens, the person is told
            await explain(interaction, error)

    async def _press(self, interaction: Interaction, button: CaseButton) -> None:
        server = await server_of(interaction)
        view = await app_of(interaction).cases.view(button.case_id)
        if view.case.guild_id != server.guild_id:
            raise NotFoundError(texts.FOREIGN_CASE)
        require_decider(interaction, server, view.case.category)
        try:
            await self._change(interaction, button)
        except StaleCaseError as error:
            await say(interaction, str(error))
        await self._redraw(interaction, button.case_id)

    async def _change(self, interaction: Interaction, button: CaseButton) -> None:
        decisions, actor_id = app_of(interaction).decisions, interaction.user.id
        match button.action:
            case CaseAction.CONFIRM:
                await decisions.decide(button.case_id, button.version, actor_id, Decision.CONFIRM)
            case CaseAction.REJECT:
                await decisions.decide(button.case_id, button.version, actor_id, Decision.NOT_A_MATCH)
            case CaseAction.UNDO:
                await decisions.undo(button.case_id, button.version, actor_id)

    async def _redraw(self, interaction: Interaction, case_id: int) -> None:
        view = await app_of(interaction).cases.view(case_id)
        try:
            await interaction.edit_original_response(view=card(view))
        except discord.NotFound:
            return  # somebody deleted the card meanwhile; the outbox posts it again


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.add_dynamic_items(CaseButton)
    bot.card_renderer = card
    await bot.add_cog(Review())
