"""The outbox's calls on members: timeout, kick, ban, and what lifts them.

Discord sets a state with each, so that each may happen twice: what is gone or lifted already is a success. What it
refuses is looked into before it is explained (see :mod:`bot.client.obstacles`).
"""

from __future__ import annotations

import discord

from bot.model import Call, CallKind
from bot.outbox import CallError

from .bot import StanguardBot
from .obstacles import ACTS, bot_lacks, member_of, out_of_reach
from .payloads import lacks, moment, number
from .refusals import (
    INVALID_FORM,
    TOO_MANY_BANS,
    TWO_FACTOR,
    TWO_FACTOR_NEEDED,
    UNKNOWN_BAN,
    UNKNOWN_GUILD,
    UNKNOWN_MEMBER,
    UNKNOWN_USER,
    passing,
    unexplained,
)

DONE_ALREADY = {
    CallKind.KICK: {UNKNOWN_MEMBER, UNKNOWN_USER},
    CallKind.UNBAN: {UNKNOWN_BAN, UNKNOWN_USER},
}
"""Answers that say that nothing is left to do: who is not there is as good as kicked."""

NOT_IN_SERVER = "The bot is not in this server any more; invite it again and repeat the sanction."


async def sanction(bot: StanguardBot, call: Call) -> None:
    """Carry out a call on a member. Raises CallError, and what discord.py raises where Discord cannot be reached."""
    try:
        await _ask(bot, call)
    except discord.HTTPException as error:
        if error.code in DONE_ALREADY.get(call.kind, ()):
            return
        again = passing(error)
        if again is not None:
            raise again from None
        raise CallError(await _explained(bot, call, error), permanent=True) from None


async def _ask(bot: StanguardBot, call: Call) -> None:
    guild_id, user_id = _guild_id(call), number(call, "user_id")
    reason = str(call.payload.get("reason") or f"stanguard case {call.case_id}")
    match call.kind:
        case CallKind.TIMEOUT:
            until = moment(call, "until")
            if until <= bot.app.cases.now():
                sentence = f"The timeout of <@{user_id}> was over before Discord confirmed it; repeat it if it is due."
                raise CallError(sentence, permanent=True)
            await bot.http.edit_member(guild_id, user_id, reason=reason, communication_disabled_until=until.isoformat())
        case CallKind.LIFT_TIMEOUT:
            await bot.http.edit_member(guild_id, user_id, reason=reason, communication_disabled_until=None)
        case CallKind.KICK:
            await bot.http.kick(user_id, guild_id, reason=reason)
        case CallKind.BAN:
            # discord.py deletes a day of messages unless it is told how much.
            await bot.http.ban(user_id, guild_id, number(call, "delete_message_seconds"), reason=reason)
        case _:
            await bot.http.unban(user_id, guild_id, reason=reason)


async def _explained(bot: StanguardBot, call: Call, error: discord.HTTPException) -> str:
    """One sentence for a refusal that stays: what is missing, and what to do."""
    if error.status == 403 and error.code != TWO_FACTOR_NEEDED:
        return await _looked_into(bot, call) or unexplained(error)
    act, user = ACTS[call.kind], f"<@{number(call, 'user_id')}>"
    if error.code == UNKNOWN_GUILD:
        return NOT_IN_SERVER
    if error.code == UNKNOWN_MEMBER:
        by_hand = "; lift it by hand if they come back" if call.kind is CallKind.LIFT_TIMEOUT else ""
        return f"{user} left the server, so they could not be {act.done}{by_hand}."
    if error.code == UNKNOWN_USER:
        return f"There is no account {user}, so it could not be {act.done}; it was deleted, or was a webhook's."
    if error.code == TOO_MANY_BANS:
        return f"{user} left, and this server may ban no more people who are not in it; lift old bans first."
    if error.code == TWO_FACTOR_NEEDED:
        return TWO_FACTOR
    if error.code == INVALID_FORM and call.kind is CallKind.TIMEOUT:
        return "Discord takes timeouts of up to 28 days; check the clock of the bot's machine and repeat the sanction."
    return unexplained(error)


async def _looked_into(bot: StanguardBot, call: Call) -> str | None:
    """What stands in the way, asked of Discord anew: this process may not have the server's shard. None: nothing."""
    assert bot.user is not None, "calls wait until the bot is logged in"
    try:
        guild = await bot.fetch_guild(_guild_id(call), with_counts=False)
        me = await guild.fetch_member(bot.user.id)
    except (discord.Forbidden, discord.NotFound):
        return NOT_IN_SERVER
    lacking = bot_lacks(me, call.kind)
    if lacking:
        return lacking[0]
    member = await member_of(guild, number(call, "user_id"))
    return None if member is None else out_of_reach(me, call.kind, member)


def _guild_id(call: Call) -> int:
    if call.guild_id is None:
        raise lacks(call, "server")
    return call.guild_id
