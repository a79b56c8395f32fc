"""A loopback Discord for tests and benchmarks: REST, gateway and CDN on 127.0.0.1, with faults by script.

It covers the wire; simcord covers behaviour. See :class:`Discordd`.
"""

from .faults import Banned, Failure, Hold, Oversized, RateLimited, Redirect, Refusal, Reset, Slow, Trickle, Truncated
from .interactions import Interaction
from .journal import (
    BAN_MEMBER,
    BULK_DELETE,
    CREATE_MESSAGE,
    DELETE_MESSAGE,
    EDIT_MEMBER,
    EDIT_MESSAGE,
    FETCH_CDN,
    FETCH_PROXY,
    KICK_MEMBER,
    UNBAN_MEMBER,
    Frame,
    Journal,
    Request,
)
from .permissions import MODERATION_BOT, Permission
from .ratelimits import RateLimits
from .server import Discordd
from .sessions import Intent
from .state import Channel, ChannelKind, Guild, Member, Message, Role, User, Webhook
from .world import World

__all__ = [
    "BAN_MEMBER",
    "BULK_DELETE",
    "CREATE_MESSAGE",
    "DELETE_MESSAGE",
    "EDIT_MEMBER",
    "EDIT_MESSAGE",
    "FETCH_CDN",
    "FETCH_PROXY",
    "KICK_MEMBER",
    "MODERATION_BOT",
    "UNBAN_MEMBER",
    "Banned",
    "Channel",
    "ChannelKind",
    "Discordd",
    "Failure",
    "Frame",
    "Guild",
    "Hold",
    "Intent",
    "Interaction",
    "Journal",
    "Member",
    "Message",
    "Oversized",
    "Permission",
    "RateLimited",
    "RateLimits",
    "Redirect",
    "Refusal",
    "Request",
    "Reset",
    "Role",
    "Slow",
    "Trickle",
    "Truncated",
    "User",
    "Webhook",
    "World",
]
