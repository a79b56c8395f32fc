"""Decide…: claims the case, asks in a form, checks that a sanction is possible, and decides."""

from __future__ import annotations

import discord

from bot.client.obstacles import obstacles
from bot.errors import NotAllowedError
from bot.model import SanctionOrder

from .access import Interaction, app_of, case_of
from .ui import queue_texts as words
from .ui.answers import say
from .ui.buttons import CaseButton
from .ui.cards import card
from .ui.decide_form import DecideForm


async def open_form(interaction: Interaction, button: CaseButton) -> None:
    """Claim the case for whoever opens the form, so that nobody else decides it meanwhile, and ask."""
    await case_of(interaction, button.case_id)
    claimed = await app_of(interaction).claims.claim(
        button.case_id, button.version, interaction.user.id, request_id=interaction.id
    )
    await interaction.response.send_modal(DecideForm(interaction, claimed.id, claimed.version, _decide))


async def _decide(interaction: Interaction, form: DecideForm) -> None:
    server, _ = await case_of(interaction, form.case_id)
    app, actor_id = app_of(interaction), interaction.user.id
    if form.sanction is not None:
        await _require_possible(interaction, form.sanction, await app.cases.authors(form.case_id))
    await app.decisions.decide(
        form.case_id,
        form.version,
        actor_id,
        form.decision,
        reason=form.reason,
        sanction=form.sanction,
        duplicate_of=form.duplicate_of,
        request_id=interaction.id,
    )
    if form.note:
        await app.claims.note(form.case_id, actor_id, form.note)
    view = await app.cases.view(form.case_id)
    await interaction.edit_original_response(view=card(view, server))
    await propose_break(interaction)


async def propose_break(interaction: Interaction) -> None:
    """Tell whoever decided many severe cases in a short time that they may rest; nobody else sees it."""
    if interaction.guild_id is None:
        return
    prompt = await app_of(interaction).looking.break_prompt(interaction.guild_id, interaction.user.id)
    if prompt is not None:
        await say(interaction, prompt)


async def _require_possible(interaction: Interaction, wanted: SanctionOrder, authors: list[int]) -> None:
    """Nothing is decided if the sanction could not be carried out: the moderator hears why, and chooses again."""
    if interaction.guild is None or not isinstance(interaction.user, discord.Member):
        raise NotAllowedError(words.KEPT)
    found = await obstacles(interaction.guild, interaction.user, wanted, authors)
    if found:
        raise NotAllowedError("\n".join([words.OBSTACLES, *(f"- {sentence}" for sentence in found)]))
