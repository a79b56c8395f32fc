"""Tries deletes again that were given up for want of a permission, once the bot has it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.guilds import GuildService
from bot.model import Call, Case, CaseState, Decision, GuildSettings, Mode
from bot.store.engine import Store, Tx

LOOK_BACK = timedelta(days=14)
"""How long ago a delete may have been given up: later on nobody expects any more that it happens by itself."""

Mended = Callable[[int, str], bool]
"""Whether what stood in the way in a channel (id, the sentence that was said) may be gone."""


async def retry_refused(store: Store, guilds: GuildService, guild_id: int, mended: Mended, now: datetime) -> int:
    """Let deletes of a guild wait again that were given up where it is ``mended``, if they are still wanted; how many.

    Not wanted is what was decided to be harmless meanwhile, what was left out of a decision, what is gone, and, before
    anybody decided, anything in a guild that wants no removals any more.
    """
    since = now - LOOK_BACK
    async with store.read() as tx:
        given_up = await tx.outbox.given_up_deletes(guild_id, since)
    calls = [call for call, sentence in given_up if mended(_channel(call), sentence)]
    if not calls:
        return 0
    async with store.write() as tx:
        await tx.cases.in_turn(guild_id)
        guild = await guilds.within(tx, guild_id)
        keys = [call.key for call in calls if await _wanted(tx, call, guild)]
        return await tx.outbox.revive(keys, now) if keys else 0


def _channel(call: Call) -> int:
    channel_id = call.payload.get("channel_id")
    return channel_id if isinstance(channel_id, int) else 0


async def _wanted(tx: Tx, call: Call, guild: GuildSettings) -> bool:
    case = None if call.case_id is None else await tx.cases.get(call.case_id)
    if case is not None and case.duplicate_of is not None:
        case = await tx.cases.get(case.duplicate_of)
    if case is None:
        return False
    if call.payload.get("reason") is None:
        return True  # a card of the bot's own in the wrong channel
    message_id = call.payload.get("message_id")
    if not isinstance(message_id, int) or not _to_be_removed(case, guild):
        return False
    standing = await tx.sightings.by_message(message_id)
    return any(one.deleted_at is None and one.excepted_by is None for one in standing)


def _to_be_removed(case: Case, guild: GuildSettings) -> bool:
    if case.decision is Decision.CONFIRM:
        return True
    undecided = case.decision is None and (case.state.undecided or case.state is CaseState.EXPIRED)
    return undecided and guild.mode is Mode.REMOVE
