"""The review queue: draws cards, and turns presses of their buttons into what moderators do with a case."""

from __future__ import annotations

import functools

import discord
from discord.ext import commands

from bot.cases import reasons
from bot.client import StanguardBot
from bot.client.permissions import may_configure
from bot.errors import NotAllowedError, StaleCaseError
from bot.model import AppealOutcome, Case, CaseView, Decision, PolicyReason

from . import casebook
from .access import Interaction, app_of, case_of, require_undoer, rights
from .decide import open_form, propose_break
from .ui import queue_texts as words
from .ui.answers import explain, replace, say, show_view
from .ui.buttons import CaseAction, CaseButton
from .ui.cards import card
from .ui.copies import PAGE, CopiesMenu, CopiesPage, copies_view
from .ui.questions import Choice, Question


class Review(commands.Cog):
    """Presses of card buttons. A card is always drawn from the case's row, never from what it showed before."""

    @commands.Cog.listener()
    async def on_case_press(self, interaction: Interaction, button: CaseButton) -> None:
        """A moderator pressed a button of a card."""
        try:
            if button.action is CaseAction.DECIDE:  # a form can only be the first answer to a press
                await open_form(interaction, button)
                return
            await interaction.response.defer()
            server, view = await case_of(interaction, button.case_id)
            if button.action is CaseAction.UNDO:
                require_undoer(interaction, server, view.case)
            try:
                await _press(interaction, button, view)
            except StaleCaseError as error:
                await say(interaction, str(error))
            if button.action not in _ONLY_SHOWING:
                await redraw(interaction, button.case_id)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever happens, the person is told
            await explain(interaction, error)

    @commands.Cog.listener()
    async def on_copies_page(self, interaction: Interaction, button: CopiesPage) -> None:
        """Somebody turned a page of the copies."""
        try:
            await interaction.response.defer()
            await _turn(interaction, button.case_id, button.page)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever happens, the person is told
            await explain(interaction, error)

    @commands.Cog.listener()
    async def on_copies_chosen(self, interaction: Interaction, menu: CopiesMenu) -> None:
        """Somebody chose which copies of a page are left out."""
        try:
            await interaction.response.defer()
            await _leave_out(interaction, menu)
            await _turn(interaction, menu.case_id, menu.page)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever happens, the person is told
            await explain(interaction, error)


_ONLY_SHOWING = frozenset({CaseAction.COPIES, CaseAction.HISTORY, CaseAction.DETAILS})
_DECISIONS = {CaseAction.CONFIRM: Decision.CONFIRM, CaseAction.REJECT: Decision.NOT_A_MATCH}


async def _press(interaction: Interaction, button: CaseButton, view: CaseView) -> None:
    match button.action:
        case CaseAction.CONFIRM | CaseAction.REJECT:
            await app_of(interaction).decisions.decide(
                button.case_id,
                button.version,
                interaction.user.id,
                _DECISIONS[button.action],
                request_id=interaction.id,
            )
            await propose_break(interaction)
        case CaseAction.COPIES:
            await show_view(interaction, await _page(interaction, view, 0))
        case CaseAction.HISTORY:
            await casebook.show_story(interaction, view.case.id)
        case CaseAction.DETAILS:
            await show_view(interaction, card(view, details=True))
        case CaseAction.ESCALATE:
            await _ask_why(interaction, button)
        case CaseAction.MINOR:
            await _ask_about_minor(interaction, button)
        case _:
            await _change(interaction, button)


async def _change(interaction: Interaction, button: CaseButton) -> None:
    """Presses that change the case at once and need no question."""
    app, actor_id, request_id = app_of(interaction), interaction.user.id, interaction.id
    case_id, version = button.case_id, button.version
    admin = may_configure(rights(interaction))
    match button.action:
        case CaseAction.CLAIM:
            await app.claims.claim(case_id, version, actor_id, request_id=request_id)
        case CaseAction.RELEASE:
            await app.claims.release(case_id, version, actor_id, admin=admin, request_id=request_id)
        case CaseAction.SKIP:
            await app.claims.skip(case_id, actor_id, request_id=request_id)
            await say(interaction, words.SKIPPED)
        case CaseAction.REPORTED:
            await app.claims.reported(case_id, version, actor_id, request_id=request_id)
        case CaseAction.UPHOLD | CaseAction.OVERTURN:
            outcome = AppealOutcome.UPHELD if button.action is CaseAction.UPHOLD else AppealOutcome.OVERTURNED
            await app.appeals.answer(case_id, version, actor_id, outcome, request_id=request_id)
        case CaseAction.UNDO:
            await app.decisions.undo(case_id, version, actor_id, admin=admin, request_id=request_id)
        case _:
            raise NotAllowedError(words.KEPT)


# ------------------------------------------------------------------------------------------- questions


async def _ask_why(interaction: Interaction, button: CaseButton) -> None:
    choices = [
        Choice(words.REASONS[reason].capitalize(), functools.partial(_escalate, button, reason))
        for reason in reasons.ESCALATION
    ]
    choices.append(Choice(words.CANCEL, functools.partial(_keep, words.ESCALATE_TITLE, button)))
    title = words.ESCALATE_TITLE.format(id=button.case_id)
    await Question(interaction, title, [words.ESCALATE_WHY], choices, too_late=words.KEPT).ask(interaction)


async def _escalate(button: CaseButton, reason: PolicyReason, interaction: Interaction) -> None:
    await case_of(interaction, button.case_id)
    await app_of(interaction).claims.escalate(
        button.case_id, button.version, interaction.user.id, reason, request_id=interaction.id
    )
    await replace(interaction, words.ESCALATE_TITLE.format(id=button.case_id), [words.ESCALATED])


async def _ask_about_minor(interaction: Interaction, button: CaseButton) -> None:
    choices = [
        Choice(words.MINOR_YES, functools.partial(_mark_minor, button), discord.ButtonStyle.danger),
        Choice(words.CANCEL, functools.partial(_keep, words.MINOR_TITLE, button)),
    ]
    title = words.MINOR_TITLE.format(id=button.case_id)
    await Question(interaction, title, [words.MINOR_WHY], choices, too_late=words.KEPT).ask(interaction)


async def _mark_minor(button: CaseButton, interaction: Interaction) -> None:
    await case_of(interaction, button.case_id)
    await app_of(interaction).claims.mark_minor(
        button.case_id, button.version, interaction.user.id, request_id=interaction.id
    )
    await replace(interaction, words.MINOR_TITLE.format(id=button.case_id), [words.MOVED])


async def _keep(title: str, button: CaseButton, interaction: Interaction) -> None:
    await replace(interaction, title.format(id=button.case_id), [words.KEPT])


# ------------------------------------------------------------------------------------------- copies


async def _page(interaction: Interaction, view: CaseView, page: int) -> discord.ui.LayoutView:
    last = max(0, (view.sighting_count - 1) // PAGE)
    page = min(page, last)
    sightings = await app_of(interaction).cases.copies(view.case.id, offset=page * PAGE, limit=PAGE)
    return copies_view(view.case, sightings, page, view.sighting_count)


async def _turn(interaction: Interaction, case_id: int, page: int) -> None:
    _, view = await case_of(interaction, case_id)
    await interaction.edit_original_response(view=await _page(interaction, view, page))


async def _leave_out(interaction: Interaction, menu: CopiesMenu) -> None:
    """Leave out what was chosen on this page, and take in again what was not."""
    await case_of(interaction, menu.case_id)
    app, actor_id, chosen = app_of(interaction), interaction.user.id, set(menu.chosen)
    shown = await app.cases.copies(menu.case_id, offset=menu.page * PAGE, limit=PAGE)
    out = [one.id for one in shown if one.id in chosen and one.excepted_by is None]
    back = [one.id for one in shown if one.id not in chosen and one.excepted_by is not None]
    if out:
        await app.claims.except_sightings(menu.case_id, actor_id, out, excepted=True, request_id=interaction.id)
    if back:
        await app.claims.except_sightings(menu.case_id, actor_id, back, excepted=False)


async def redraw(interaction: Interaction, case_id: int) -> None:
    """Draw the card whose button was pressed again, from the case's row."""
    app = app_of(interaction)
    view = await app.cases.view(case_id)
    if _moved(view.case, interaction):
        return
    try:
        server = await app.guilds.get(view.case.guild_id)
        await interaction.edit_original_response(view=card(view, server))
    except discord.NotFound:
        return  # somebody deleted the card meanwhile; the outbox posts it again


def _moved(case: Case, interaction: Interaction) -> bool:
    """Whether the card of the case stands elsewhere now, so that the pressed message is about to go."""
    message = interaction.message
    return case.in_lane and message is not None and case.card_message_id != message.id


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    bot.add_dynamic_items(CaseButton, CopiesPage, CopiesMenu)
    bot.card_renderer = card
    await bot.add_cog(Review())
