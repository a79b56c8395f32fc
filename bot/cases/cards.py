"""Where the card of a case stands, and having it drawn when the case changed. What it looks like is not known here."""

from __future__ import annotations

from datetime import datetime

from bot.model import Call, CallKind, Case, GuildSettings
from bot.store.engine import Tx

from . import calls


async def draw(tx: Tx, case: Case, guild: GuildSettings, cause: str, at: datetime) -> None:
    """Have a change of the case shown: by its first card, or by drawing the card again.

    A drawing that is still waiting will show the change anyway; one that is under way may not.
    """
    post = calls.post_card(case, guild)
    if post is None:
        return
    if calls.misplaced(case, guild):
        await _move(tx, case, post, at)
        return
    if post.key != calls.first_card(case.id):
        # It belongs into the channel for suspected minors: the other one need not even see its card come and go.
        await tx.outbox.cancel(calls.first_card(case.id))
    if await tx.outbox.waiting(case.id, (CallKind.POST_CARD, CallKind.EDIT_CARD)):
        return
    if not await tx.outbox.put([post], at):
        await tx.outbox.put([calls.edit_card(case, cause)], at)


async def _move(tx: Tx, case: Case, post: Call, at: datetime) -> None:
    """Take the card of a suspected minor out of the ordinary review channel, and post it in its own."""
    assert case.card_channel_id is not None
    assert case.card_message_id is not None
    await tx.outbox.put([calls.retire_card(case), post], at)
    await tx.cases.set_card(case.id, None, None)
