"""What our Discord knows: plain records. Nothing in here talks to anybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from .ids import born_at
from .permissions import Permission

Json = dict[str, Any]


class ChannelKind(IntEnum):
    """Discord's channel types."""

    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4
    ANNOUNCEMENT = 5
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    STAGE = 13
    FORUM = 15
    MEDIA = 16


class MessageFlag(IntEnum):
    """The message flags that matter here, with Discord's values."""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    HAS_SNAPSHOT = 1 << 14
    COMPONENTS_V2 = 1 << 15


@dataclass(eq=False, slots=True)
class User:
    """An account. ``accepts_dms`` False: a direct message is refused with 50007."""

    id: int
    name: str
    bot: bool = False
    avatar: str | None = None
    accepts_dms: bool = True


@dataclass(eq=False, slots=True)
class Role:
    """A role of a guild; the one whose id is the guild's is @everyone."""

    id: int
    name: str
    permissions: Permission
    position: int
    managed: bool = False


@dataclass(eq=False, slots=True)
class Member:
    """An account in a guild."""

    user: User
    guild: Guild
    role_ids: list[int] = field(default_factory=list)
    nick: str | None = None
    avatar: str | None = None
    joined_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    timed_out_until: datetime | None = None

    @property
    def timed_out(self) -> bool:
        """Whether a timeout is in force."""
        return self.timed_out_until is not None and self.timed_out_until > datetime.now(UTC)

    @property
    def top_position(self) -> int:
        """The position of the highest role; @everyone's is 0."""
        return max((self.guild.roles[role_id].position for role_id in self.role_ids), default=0)


@dataclass(eq=False, slots=True)
class Overwrite:
    """What a channel allows and denies to one role (``kind`` 0) or member (``kind`` 1)."""

    target_id: int
    kind: int
    allow: Permission
    deny: Permission


@dataclass(eq=False, slots=True)
class Webhook:
    """A webhook of a channel; each message may carry another name and avatar."""

    id: int
    channel: Channel
    token: str
    name: str


@dataclass(eq=False, slots=True)
class Message:
    """A message. Parts that Discord delivers as JSON are kept as the JSON delivered."""

    id: int
    channel: Channel
    author: User
    content: str = ""
    webhook: Webhook | None = None
    attachments: list[Json] = field(default_factory=list)
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    sticker_items: list[Json] = field(default_factory=list)
    snapshots: list[Json] = field(default_factory=list)
    reference: Json | None = None
    mentions: list[User] = field(default_factory=list)
    flags: int = 0
    kind: int = 0
    nonce: str | None = None
    application_id: int | None = None
    edited_at: datetime | None = None
    deleted: bool = False

    @property
    def created_at(self) -> datetime:
        """When it was posted."""
        return born_at(self.id)

    @property
    def ephemeral(self) -> bool:
        """Whether one member alone sees it."""
        return bool(self.flags & MessageFlag.EPHEMERAL)


@dataclass(eq=False, slots=True)
class Channel:
    """A channel, a thread or a direct message. ``messages`` holds the living ones only."""

    id: int
    kind: ChannelKind
    name: str
    guild: Guild | None = None
    parent_id: int | None = None
    owner_id: int | None = None
    position: int = 0
    nsfw: bool = False
    archived: bool = False
    archived_at: datetime | None = None
    locked: bool = False
    recipients: list[User] = field(default_factory=list)
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    last_message_id: int | None = None

    @property
    def is_thread(self) -> bool:
        """Whether it is a thread or a forum post."""
        return self.kind in (ChannelKind.PUBLIC_THREAD, ChannelKind.PRIVATE_THREAD)

    @property
    def home(self) -> Guild:
        """The guild of a guild channel."""
        if self.guild is None:
            raise LookupError("a direct message has no guild")
        return self.guild


@dataclass(eq=False, slots=True)
class Guild:
    """A server. ``bans``: the reason of each, by the account's id."""

    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    emojis: list[Json] = field(default_factory=list)
    stickers: list[Json] = field(default_factory=list)
    bans: dict[int, str | None] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
