"""What stands between a sanction and a member: asked before it is decided, and again when Discord refused it.

Discord answers a permission that is missing and a role that stands too high with the same code, so that its own answer
never says what to mend. Members are not cached (the bot does without the intent for them) and are asked for one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import aiohttp
import discord

from bot.model import CallKind, SanctionKind, SanctionOrder

from .permissions import BAN_MEMBERS, KICK_MEMBERS, TIMEOUT_MEMBERS, Need, missing
from .refusals import UNKNOWN_MEMBER, UNKNOWN_USER

MOST_TARGETS = 50
"""Members that one decision sanctions at most: each costs a question before and a call after it."""

AT_ONCE = 5
"""Members that are asked for at the same time; discord.py keeps to Discord's limits beyond that."""


@dataclass(frozen=True, slots=True)
class Act:
    """A call on a member in words: what it needs, ``<verb> <@1>``, and ``<@1> could not be <done>``.

    ``absent``: whether it works on somebody who is not in the server.
    """

    need: Need
    verb: str
    done: str
    absent: bool = False


ACTS: Mapping[CallKind, Act] = MappingProxyType(
    {
        CallKind.TIMEOUT: Act(TIMEOUT_MEMBERS, "time out", "timed out"),
        CallKind.KICK: Act(KICK_MEMBERS, "kick", "kicked"),
        CallKind.BAN: Act(BAN_MEMBERS, "ban", "banned", absent=True),
        CallKind.LIFT_TIMEOUT: Act(TIMEOUT_MEMBERS, "lift the timeout of", "freed of their timeout"),
        CallKind.UNBAN: Act(BAN_MEMBERS, "lift the ban of", "freed of their ban", absent=True),
    }
)
"""The calls that change what a member may do in the server."""

_CALLS = MappingProxyType(
    {
        SanctionKind.TIMEOUT: CallKind.TIMEOUT,
        SanctionKind.KICK: CallKind.KICK,
        SanctionKind.BAN: CallKind.BAN,
    }
)


async def obstacles(
    guild: discord.Guild, moderator: discord.Member, order: SanctionOrder, user_ids: Collection[int]
) -> list[str]:
    """Why this moderator's order cannot be carried out on these members, each reason one sentence; empty: it can.

    A warning is a direct message and needs nothing. What Discord does not answer is an obstacle too: nobody is
    sanctioned on a guess. Up to :data:`MOST_TARGETS` requests to Discord, so defer the interaction before.
    """
    targets = list(dict.fromkeys(user_ids))
    found: list[str] = []
    if len(targets) > MOST_TARGETS:
        found.append(
            f"One decision sanctions up to {MOST_TARGETS} members and this would be {len(targets)}; "
            "leave some of their sightings out, or choose no sanction."
        )
        targets = []
    call = _CALLS.get(order.kind)
    if call is None:
        return found
    act = ACTS[call]
    if missing(moderator.guild_permissions, (act.need,)):
        found.append(
            f"You lack the permission {act.need.name}, without which you may {act.verb} nobody here; "
            "choose another sanction, or ask an admin."
        )
    found += bot_lacks(guild.me, call)
    slots = asyncio.Semaphore(AT_ONCE)

    async def ask(user_id: int) -> list[str]:
        async with slots:
            return await _with(guild, moderator, call, user_id)

    for answers in await asyncio.gather(*(ask(user_id) for user_id in targets)):
        found += answers
    return found


async def member_of(guild: discord.Guild, user_id: int) -> discord.Member | None:
    """The member as Discord knows it now; None if nobody in the server has this id. Raises what discord.py raises."""
    try:
        return await guild.fetch_member(user_id)
    except discord.NotFound as error:
        if error.code not in {UNKNOWN_MEMBER, UNKNOWN_USER}:
            raise
        return None


def bot_lacks(me: discord.Member, call: CallKind) -> list[str]:
    """That the bot lacks the permission for such calls, or is timed out itself; empty if neither."""
    if me.is_timed_out():
        return ["The bot itself is timed out here, which leaves it nothing but reading; lift its timeout first."]
    names = missing(me.guild_permissions, (ACTS[call].need,))
    return [f"The bot lacks the permission {name}; give it to the bot's role in the server settings." for name in names]


def out_of_reach(me: discord.Member, call: CallKind, member: discord.Member) -> str | None:
    """Why Discord would refuse the bot such a call on this very member, if it would."""
    act, owner_id = ACTS[call], member.guild.owner_id
    if member.id == owner_id:
        return f"{member.mention} owns the server, and nobody can {act.verb} its owner."
    if act.need is TIMEOUT_MEMBERS and member.guild_permissions.administrator:
        return f"{member.mention} is an administrator, and Discord lets nobody {act.verb} an administrator."
    if me.id != owner_id and member.top_role >= me.top_role:
        return (
            f"The bot cannot {act.verb} {member.mention}, because their highest role is not below the bot's; "
            "move the bot's role above it in the server settings."
        )
    return None


async def _with(guild: discord.Guild, moderator: discord.Member, call: CallKind, user_id: int) -> list[str]:
    """The obstacles with one member."""
    act = ACTS[call]
    try:
        member = await member_of(guild, user_id)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        # TimeoutError is an OSError, and discord.RateLimited a DiscordException.
        why = f"status {error.status}" if isinstance(error, discord.HTTPException) else type(error).__name__
        return [f"Discord did not say whether the bot can {act.verb} <@{user_id}> ({why}); try again in a minute."]
    if member is None:
        left = f"<@{user_id}> left the server, so they cannot be {act.done}; "
        return [] if act.absent else [left + "leave their sightings out, or choose another sanction."]
    reach = out_of_reach(guild.me, call, member)
    found = [] if reach is None else [reach]
    owned = guild.owner_id in {moderator.id, member.id}
    if not owned and member.top_role >= moderator.top_role:
        found.append(
            f"You cannot {act.verb} {member.mention}, because their highest role is not below yours; "
            "leave it to somebody with a higher one."
        )
    return found
