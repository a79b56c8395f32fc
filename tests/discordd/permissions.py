"""Permission bits, and Discord's rules for what a member may do in a channel."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .state import Channel, Guild, Member


class Permission(IntFlag):
    """The permissions that our routes ask about, with Discord's values."""

    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_AUDIT_LOG = 1 << 7
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40


NONE = Permission(0)
ALL = Permission((1 << 41) - 1)
EVERYONE = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ADD_REACTIONS
    | Permission.CONNECT
    | Permission.SPEAK
    | Permission.USE_APPLICATION_COMMANDS
)
"""What @everyone may do in a new guild."""

MODERATION_BOT = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.EMBED_LINKS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.MANAGE_MESSAGES
    | Permission.CONNECT
)
"""What a moderation bot asks for when it is invited."""


WHILE_TIMED_OUT = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
"""What a timeout leaves to a member."""


def in_guild(member: Member, guild: Guild) -> Permission:
    """A member's permissions before any channel has its say."""
    if member.user.id == guild.owner_id:
        return ALL
    granted = guild.roles[guild.id].permissions
    for role_id in member.role_ids:
        granted |= guild.roles[role_id].permissions
    return ALL if granted & Permission.ADMINISTRATOR else _left_by_timeout(member, granted)


def in_channel(member: Member, channel: Channel) -> Permission:
    """A member's permissions in a channel; a thread takes those of its parent."""
    guild = channel.home
    granted = in_guild(member, guild)
    if granted == ALL:
        return ALL
    ruled_by = guild.channels[channel.parent_id] if channel.is_thread and channel.parent_id else channel
    overwrites = ruled_by.overwrites
    if everyone := overwrites.get(guild.id):
        granted = (granted & ~everyone.deny) | everyone.allow
    of_roles = [overwrites[role_id] for role_id in member.role_ids if role_id in overwrites]
    for overwrite in of_roles:
        granted &= ~overwrite.deny
    for overwrite in of_roles:
        granted |= overwrite.allow
    if own := overwrites.get(member.user.id):
        granted = (granted & ~own.deny) | own.allow
    return _left_by_timeout(member, granted) if granted & Permission.VIEW_CHANNEL else NONE


def reaches(member: Member, target: Member) -> bool:
    """Whether a member stands above another, so that its permissions work on them: by the highest role, or as owner."""
    owner_id = member.guild.owner_id
    if owner_id in (member.user.id, target.user.id):
        return member.user.id == owner_id != target.user.id
    return member.top_position > target.top_position


def _left_by_timeout(member: Member, granted: Permission) -> Permission:
    return granted & WHILE_TIMED_OUT if member.timed_out else granted
