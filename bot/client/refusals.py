"""What Discord's answers mean for a call of the outbox: a sentence for people, and whether trying again can help."""

from __future__ import annotations

import discord

from bot.model import Call, CallKind
from bot.outbox import CallError

from .permissions import HISTORY, MANAGE_MESSAGES, SEND, VIEW

UNKNOWN_CHANNEL = 10003
UNKNOWN_GUILD = 10004
UNKNOWN_MEMBER = 10007
UNKNOWN_MESSAGE = 10008
UNKNOWN_USER = 10013
UNKNOWN_BAN = 10026
TOO_MANY_BANS = 30035
MISSING_ACCESS = 50001
MISSING_PERMISSIONS = 50013
DMS_CLOSED = 50007
ACTION_REFUSED = 50021
INVALID_FORM = 50035
ARCHIVED_THREAD = 50083
TWO_FACTOR_NEEDED = 60003


LACKS = "The bot lacks "
LOCKED = "The thread "

TWO_FACTOR = "This server asks for two-factor authentication; whoever owns the bot's account has to turn it on."


def lacks_in(place: str, permissions: str) -> str:
    """What is said of a permission that is missing in a channel, asked of Discord or known beforehand."""
    return f"{LACKS}{permissions} in {place}; give it to the bot's role there, or run /setup to see all gaps."


def holds_for_channel(error: discord.HTTPException) -> bool:
    """Whether what Discord refused here it refuses for every message of the channel."""
    if error.code == ARCHIVED_THREAD:
        return True
    return error.status == 403 and error.code not in {ACTION_REFUSED, DMS_CLOSED}


def mendable(sentence: str) -> bool:
    """Whether a call was given up for want of something that an admin may have given the bot since."""
    return sentence.startswith((LACKS, LOCKED)) or sentence == TWO_FACTOR


def passing(error: discord.HTTPException) -> CallError | None:
    """What to say of an answer that may be another one next time; None for one that stays."""
    if error.status == 429:
        after = error.response.headers.get("Retry-After")
        return CallError("Discord asks to wait.", permanent=False, retry_after=_seconds(after))
    if error.status >= 500 or error.status == 401:
        return CallError(f"Discord answered {error.status}.", permanent=False, retry_after=None)
    return None


def refused(call: Call, error: discord.HTTPException) -> CallError:
    """What to say of any answer to a call about a message."""
    again = passing(error)
    if again is not None:
        return again
    place = f"<#{call.payload['channel_id']}>" if "channel_id" in call.payload else "the review channel"
    if error.code == DMS_CLOSED or (call.kind is CallKind.NOTIFY and error.code != INVALID_FORM):
        sentence = "The member does not take direct messages, so they were not told."
    elif error.code == UNKNOWN_CHANNEL:
        sentence = f"The channel {place} does not exist any more; choose another with /setup."
    elif error.code == ACTION_REFUSED:
        sentence = f"Discord does not let anybody delete this kind of message in {place}."
    elif error.code == ARCHIVED_THREAD:
        sentence = f"{LOCKED}{place} is locked; give the bot the permission Manage Threads there."
    elif error.code == TWO_FACTOR_NEEDED:
        sentence = TWO_FACTOR
    elif error.status == 403:
        sentence = lacks_in(place, _needed(call.kind, error.code))
    else:
        sentence = unexplained(error)
    return CallError(sentence, permanent=True, retry_after=None)


def unexplained(error: discord.HTTPException) -> str:
    """What can be said of an answer that nothing here knows; Discord's own text may quote what was sent."""
    return f"Discord refused it (status {error.status}, code {error.code})."


def _needed(kind: CallKind, code: int) -> str:
    if code == MISSING_ACCESS:
        return f"the permission {VIEW.name}"
    if kind is CallKind.DELETE_MESSAGE:
        return f"the permission {MANAGE_MESSAGES.name}"
    return f"the permission {SEND.name} or {HISTORY.name}"


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else max(0.0, float(header))
    except ValueError:
        return None
