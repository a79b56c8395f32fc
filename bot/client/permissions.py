"""Permissions by the names that Discord's own client shows: what the bot needs, and who may do what with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import discord

from bot.model import Case, Category, GuildSettings


@dataclass(frozen=True, slots=True)
class Need:
    """One permission that the bot needs. ``flag`` is discord.py's name, ``name`` the one that people see."""

    flag: str
    name: str


VIEW = Need("view_channel", "View Channel")
HISTORY = Need("read_message_history", "Read Message History")
MANAGE_MESSAGES = Need("manage_messages", "Manage Messages")
SEND = Need("send_messages", "Send Messages")
CONNECT = Need("connect", "Connect")
MANAGE_THREADS = Need("manage_threads", "Manage Threads")

SCAN_NEEDS = (VIEW, HISTORY, MANAGE_MESSAGES)
"""In every channel whose pictures are to be checked."""

REVIEW_NEEDS = (VIEW, SEND, HISTORY)
"""In the review channel."""

TIMEOUT_MEMBERS = Need("moderate_members", "Timeout Members")
KICK_MEMBERS = Need("kick_members", "Kick Members")
BAN_MEMBERS = Need("ban_members", "Ban Members")

SANCTION_NEEDS = (TIMEOUT_MEMBERS, KICK_MEMBERS, BAN_MEMBERS)
"""For the whole server, each optional: only for the sanction of its name, which moderators may do without."""

INVITE = discord.Permissions(
    view_channel=True,
    read_message_history=True,
    manage_messages=True,
    send_messages=True,
    manage_threads=True,
    attach_files=True,
)
"""What the invitation asks for: Manage Threads lets the bot see private threads, Attach Files is for weekly charts.

What sanctions need (SANCTION_NEEDS) is left to those who want them.
"""


@dataclass(frozen=True, slots=True)
class Gap:
    """A channel in which the bot lacks permissions, by their names.

    ``hidden``: the channel is closed to ordinary members too, so leaving it unwatched may be meant.
    """

    channel_id: int
    channel_name: str
    missing: tuple[str, ...]
    hidden: bool

    @property
    def blind(self) -> bool:
        """Whether the bot does not see the channel at all."""
        return VIEW.name in self.missing

    @property
    def meant(self) -> bool:
        """Whether nobody but a few see the channel and the bot is not among them: nothing to mend, but to know."""
        return self.blind and self.hidden


def missing(permissions: discord.Permissions, needs: Iterable[Need]) -> tuple[str, ...]:
    """The names of the needed permissions that are not there."""
    if permissions.administrator:
        return ()
    return tuple(need.name for need in needs if not getattr(permissions, need.flag))


def gaps(channels: Iterable[discord.abc.GuildChannel], me: discord.Member) -> list[Gap]:
    """The channels that hold messages and in which ``me`` cannot do the whole work, in the order of the server."""
    found: list[Gap] = []
    for channel in sorted(channels, key=lambda channel: (channel.position, channel.id)):
        if isinstance(channel, discord.CategoryChannel):
            continue
        lacking = missing(channel.permissions_for(me), SCAN_NEEDS)
        if lacking:
            hidden = not channel.permissions_for(channel.guild.default_role).view_channel
            found.append(Gap(channel.id, channel.name, lacking, hidden))
    return found


def lacks_to_read(channel: discord.abc.GuildChannel | discord.Thread, me: discord.Member) -> tuple[str, ...]:
    """The names of the permissions that ``me`` lacks for reading what stands in a channel or thread.

    The chat of a voice channel asks for Connect as well, and a private thread of others for Manage Threads.
    """
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return ()
    permissions = channel.permissions_for(me)
    needs = [VIEW, HISTORY]
    if isinstance(channel, discord.VoiceChannel | discord.StageChannel):
        needs.append(CONNECT)
    if isinstance(channel, discord.Thread) and channel.is_private() and channel.me is None:
        needs.append(MANAGE_THREADS)
    return missing(permissions, needs)


def may_configure(permissions: discord.Permissions) -> bool:
    """Whether a member may change the settings of the server."""
    return permissions.manage_guild or permissions.administrator


def may_moderate(guild: GuildSettings, role_ids: Collection[int], permissions: discord.Permissions) -> bool:
    """Whether a member may review and change the lists: the moderators' role, or who may configure.

    Without a moderators' role, whoever may delete messages of others anyway.
    """
    if may_configure(permissions):
        return True
    if guild.moderator_role_id is None:
        return permissions.manage_messages
    return guild.moderator_role_id in role_ids


def may_decide(
    guild: GuildSettings, category: Category, role_ids: Collection[int], permissions: discord.Permissions
) -> bool:
    """Whether a member may decide a case of this category; suspected minors have a lane of their own.

    That lane is the child-safety role's alone (and administrators', to whom Discord denies nothing); without such a
    role it is theirs who may configure.
    """
    if category is not Category.MINOR_SUSPECTED:
        return may_moderate(guild, role_ids, permissions)
    if guild.child_safety_role_id is None:
        return may_configure(permissions)
    return guild.child_safety_role_id in role_ids or permissions.administrator


def may_decide_escalated(guild: GuildSettings, role_ids: Collection[int], permissions: discord.Permissions) -> bool:
    """Whether a member may decide what moderators escalated: the role for it, or who may configure."""
    if may_configure(permissions):
        return True
    return guild.escalation_role_id is not None and guild.escalation_role_id in role_ids


def may_decide_case(
    guild: GuildSettings, case: Case, role_ids: Collection[int], permissions: discord.Permissions
) -> bool:
    """Whether a member may decide this case as it stands: one of its category, and an escalated one if it is that."""
    if case.for_escalation_role and not may_decide_escalated(guild, role_ids, permissions):
        return False
    return may_decide(guild, case.category, role_ids, permissions)
