"""The scriptable world: a test makes guilds, channels and members here, and lets them post.

Every act changes the state and emits the event that Discord would send; the gateway delivers it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from . import payloads
from .cdn import Cdn, content_type
from .ids import snowflake
from .permissions import EVERYONE, MODERATION_BOT, NONE, Permission, in_channel, in_guild
from .state import (
    Channel,
    ChannelKind,
    Guild,
    Json,
    Member,
    Message,
    MessageFlag,
    Overwrite,
    Role,
    User,
    Webhook,
)

Emit = Callable[[str, int | None, Json], None]
"""Delivers (event, guild id, data) to the bots."""

Author = Member | User | Webhook
Upload = tuple[str, bytes]
"""A file name and the file."""

STICKER_FORMATS = {"png": 1, "apng": 2, "lottie": 3, "gif": 4}
STICKER_EXTENSIONS = {"png": "png", "apng": "png", "lottie": "json", "gif": "gif"}


class World:
    """Guilds, channels, members and messages. ``me`` is the bot's account."""

    def __init__(self, cdn: Cdn, emit: Emit) -> None:
        self.cdn = cdn
        self.me = User(snowflake(), "stanguard", bot=True)
        self.application_id = self.me.id
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.users: dict[int, User] = {self.me.id: self.me}
        self.webhooks: dict[int, Webhook] = {}
        self._emit = emit

    # ---------------------------------------------------------------------------------------------- places

    def create_guild(
        self, name: str = "fans", *, id_: int | None = None, bot_permissions: Permission = MODERATION_BOT
    ) -> Guild:
        """A guild with an owner and the bot. ``id_`` decides its shard: ``(id >> 22) % shard count``."""
        owner = self.create_user(f"{name} owner")
        guild = Guild(id_ or snowflake(), name, owner.id)
        guild.roles[guild.id] = Role(guild.id, "@everyone", EVERYONE, position=0)
        bot_role = Role(snowflake(), self.me.name, bot_permissions, position=1, managed=True)
        guild.roles[bot_role.id] = bot_role
        guild.members[owner.id] = Member(owner, guild)
        guild.members[self.me.id] = Member(self.me, guild, [bot_role.id])
        self.guilds[guild.id] = guild
        self._emit("GUILD_CREATE", guild.id, payloads.guild_create(guild, self.me))
        return guild

    def remove_guild(self, guild: Guild) -> None:
        """The bot is thrown out."""
        del self.guilds[guild.id]
        for channel_id in guild.channels:
            del self.channels[channel_id]
        self._emit("GUILD_DELETE", guild.id, {"id": str(guild.id)})

    def invite_back(self, guild: Guild) -> None:
        """The bot is in a guild again that it was thrown out of, with all that was there."""
        guild.members[self.me.id].joined_at = datetime.now(UTC)
        self.guilds[guild.id] = guild
        self.channels.update(guild.channels)
        self._emit("GUILD_CREATE", guild.id, payloads.guild_create(guild, self.me))

    def create_channel(
        self, guild: Guild, name: str = "art", kind: ChannelKind = ChannelKind.TEXT, *, nsfw: bool = False
    ) -> Channel:
        """A channel at the end of the list."""
        channel = Channel(snowflake(), kind, name, guild, position=len(guild.channels), nsfw=nsfw)
        self._enter(channel)
        self._emit("CHANNEL_CREATE", guild.id, payloads.channel(channel))
        return channel

    def create_thread(self, parent: Channel, name: str, owner: Member, *, private: bool = False) -> Channel:
        """A thread, or a post of a forum: post its starter with ``id_=thread.id``, as Discord does."""
        kind = ChannelKind.PRIVATE_THREAD if private else ChannelKind.PUBLIC_THREAD
        thread = Channel(snowflake(), kind, name, parent.home, parent_id=parent.id, owner_id=owner.user.id)
        self._enter(thread)
        if parent.kind in (ChannelKind.FORUM, ChannelKind.MEDIA):
            parent.last_message_id = thread.id
        self._emit("THREAD_CREATE", parent.home.id, payloads.channel(thread) | {"newly_created": True})
        return thread

    def archive(self, thread: Channel) -> None:
        """A thread is archived: by hand, or because nobody wrote in it."""
        thread.archived, thread.archived_at = True, datetime.now(UTC)
        self._emit("THREAD_UPDATE", thread.home.id, payloads.channel(thread))

    def delete_channel(self, channel: Channel) -> None:
        """The channel goes with all its messages."""
        for message in list(channel.messages.values()):
            self._forget(message)
        del self.channels[channel.id]
        del channel.home.channels[channel.id]
        event = "THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE"
        self._emit(event, channel.home.id, payloads.channel(channel))

    def direct_channel(self, user: User) -> Channel:
        """The direct messages between the bot and a user; made when there are none."""
        for channel in self.channels.values():
            if channel.kind is ChannelKind.DM and user in channel.recipients:
                return channel
        channel = Channel(snowflake(), ChannelKind.DM, user.name, recipients=[user])
        self._enter(channel)
        return channel

    def overwrite(
        self, channel: Channel, target: Role | Member, *, allow: Permission = NONE, deny: Permission = NONE
    ) -> None:
        """Set what a channel allows and denies to a role or a member."""
        if isinstance(target, Role):
            channel.overwrites[target.id] = Overwrite(target.id, 0, allow, deny)
        else:
            channel.overwrites[target.user.id] = Overwrite(target.user.id, 1, allow, deny)
        self._emit("CHANNEL_UPDATE", channel.home.id, payloads.channel(channel))

    # ---------------------------------------------------------------------------------------------- people

    def create_user(self, name: str, *, bot: bool = False, avatar: bytes | None = None) -> User:
        """An account outside of any guild."""
        user = User(snowflake(), name, bot)
        if avatar is not None:
            user.avatar = f"{user.id:032x}"
            self.cdn.host_asset(f"/avatars/{user.id}/{user.avatar}.png", avatar)
        self.users[user.id] = user
        return user

    def create_role(self, guild: Guild, name: str, permissions: Permission = NONE) -> Role:
        """A role on top of the others."""
        role = Role(snowflake(), name, permissions, position=len(guild.roles))
        guild.roles[role.id] = role
        self._emit("GUILD_ROLE_CREATE", guild.id, {"guild_id": str(guild.id), "role": payloads.role(role)})
        return role

    def create_member(self, guild: Guild, name: str | User, *, roles: Iterable[Role] = ()) -> Member:
        """A member, new on Discord or an account that exists."""
        user = self.create_user(name) if isinstance(name, str) else name
        member = Member(user, guild, [role.id for role in roles])
        guild.members[user.id] = member
        self._emit("GUILD_MEMBER_ADD", guild.id, payloads.member(member) | {"guild_id": str(guild.id)})
        return member

    def remove_member(self, member: Member) -> None:
        """The member leaves, or is made to."""
        del member.guild.members[member.user.id]
        self._emit("GUILD_MEMBER_REMOVE", member.guild.id, self._account_in(member.guild, member.user))

    def time_out(self, member: Member, until: datetime | None) -> None:
        """Time a member out, or (None) lift it."""
        member.timed_out_until = until
        body = payloads.member(member) | {"guild_id": str(member.guild.id)}
        self._emit("GUILD_MEMBER_UPDATE", member.guild.id, body)

    def ban(self, guild: Guild, user: User, *, reason: str | None = None, delete: timedelta = timedelta(0)) -> None:
        """Ban an account, member or not; its messages of the last time (``delete``) go with it."""
        guild.bans[user.id] = reason
        self._emit("GUILD_BAN_ADD", guild.id, self._account_in(guild, user))
        if user.id in guild.members:
            self.remove_member(guild.members[user.id])
        since = datetime.now(UTC) - delete
        for channel in guild.channels.values():
            theirs = [one for one in channel.messages.values() if one.author is user and one.created_at >= since]
            if delete and theirs:
                self.delete(*theirs)

    def unban(self, guild: Guild, user: User) -> None:
        """Lift a ban."""
        del guild.bans[user.id]
        self._emit("GUILD_BAN_REMOVE", guild.id, self._account_in(guild, user))

    def create_webhook(self, channel: Channel, name: str = "relay") -> Webhook:
        """A webhook of a channel."""
        webhook = Webhook(snowflake(), channel, f"webhook-token-{snowflake():x}", name)
        self.webhooks[webhook.id] = webhook
        self._emit(
            "WEBHOOKS_UPDATE", channel.home.id, {"guild_id": str(channel.home.id), "channel_id": str(channel.id)}
        )
        return webhook

    # ---------------------------------------------------------------------------------------------- pictures

    def sticker(self, name: str, data: bytes, form: str = "png") -> Json:
        """A sticker for ``post(stickers=...)``. ``form``: png, apng, lottie or gif."""
        id_ = snowflake()
        self.cdn.host_asset(f"/stickers/{id_}.{STICKER_EXTENSIONS[form]}", data)
        return {"id": str(id_), "name": name, "format_type": STICKER_FORMATS[form]}

    def emoji(self, name: str, data: bytes, *, animated: bool = False) -> str:
        """A custom emoji; the text that shows it."""
        id_ = snowflake()
        for extension in ("webp", "png", "gif", "avif"):
            self.cdn.host_asset(f"/emojis/{id_}.{extension}", data)
        return f"<{'a' if animated else ''}:{name}:{id_}>"

    def link_embed(
        self,
        data: bytes,
        url: str = "https://pictures.example/one.png?w=1200",
        *,
        part: str = "image",
        kind: str = "rich",
    ) -> Json:
        """The embed of a link: ``part`` (image, thumbnail or video) shows ``data`` from Discord's media proxy."""
        media = {"url": url, "proxy_url": self.cdn.host_external(url, data), "width": 640, "height": 480, "flags": 0}
        return {"type": kind, "url": url.partition("?")[0], part: media}

    def gallery(self, *pictures: bytes) -> Json:
        """A components-V2 media gallery."""
        return {"type": 12, "id": 1, "items": [{"media": self.component_media(data)} for data in pictures]}

    def component_media(self, data: bytes, url: str = "https://pictures.example/two.png") -> Json:
        """A media item of a component."""
        proxy_url = self.cdn.host_external(f"{url}?{snowflake()}", data)
        return {"url": url, "proxy_url": proxy_url, "width": 640, "height": 480, "content_type": "image/png"}

    def attachment(self, channel_id: int, name: str, data: bytes, *, folder: str = "attachments") -> Json:
        """Host a file and describe it as a message does."""
        id_ = snowflake()
        url, proxy_url = self.cdn.host_attachment(channel_id, id_, name, data, folder=folder)
        body: Json = {"id": str(id_), "filename": name, "size": len(data), "url": url, "proxy_url": proxy_url}
        declared = content_type(name)
        body |= {"content_type": declared, "content_scan_version": 0}
        return body | ({"width": 640, "height": 480} if declared.startswith("image/") else {})

    # ---------------------------------------------------------------------------------------------- messages

    def post(
        self,
        channel: Channel,
        author: Author,
        content: str = "",
        *,
        attachments: Iterable[Upload] = (),
        embeds: Iterable[Json] = (),
        components: Iterable[Json] = (),
        stickers: Iterable[Json] = (),
        snapshots: Sequence[Message] = (),
        flags: int = 0,
        age: timedelta = timedelta(0),
        id_: int | None = None,
        username: str | None = None,
        deliver: bool = True,
        **fields: Any,
    ) -> Message:
        """Post a message and send MESSAGE_CREATE (``deliver`` False: it exists, but no event tells).

        ``snapshots``: messages that it forwards. ``age``: how long ago it was posted. ``username``: of a webhook's
        message. ``fields``: any other field of :class:`Message`.
        """
        webhook = author if isinstance(author, Webhook) else None
        message = Message(id_ or snowflake(age), channel, _account(author, username), content, webhook, **fields)
        message.attachments = [self.attachment(channel.id, name, data) for name, data in attachments]
        message.embeds, message.components = list(embeds), list(components)
        message.sticker_items, message.flags = list(stickers), flags
        if message.components and any(part["type"] != 1 for part in message.components):
            message.flags |= MessageFlag.COMPONENTS_V2
        if snapshots:
            message.flags |= MessageFlag.HAS_SNAPSHOT
            message.snapshots = [self._snapshot(message, original) for original in snapshots]
            message.reference = {
                "type": 1,
                "message_id": str(snapshots[0].id),
                "channel_id": str(snapshots[0].channel.id),
            }
        self.enter_message(message)
        if deliver:
            self.deliver(message)
        return message

    def enter_message(self, message: Message) -> None:
        """Put a ready message into its channel, without an event."""
        if not message.ephemeral:
            message.channel.messages[message.id] = message
            message.channel.last_message_id = max(message.id, message.channel.last_message_id or 0)

    def deliver(
        self, message: Message, event: str = "MESSAGE_CREATE", *, without: Iterable[str] = (), **changes: Any
    ) -> None:
        """Send a message's event, for the first time or again; ``changes`` and ``without`` spoil its fields."""
        if message.ephemeral:
            return
        body = payloads.gateway_message(message) | changes
        self._emit(event, _guild_id(message.channel), {name: body[name] for name in body if name not in without})

    def deliver_raw(self, event: str, guild: Guild | None, data: Any) -> None:
        """Send any event with any data."""
        self._emit(event, guild.id if guild else None, data)

    def edit(self, message: Message, *, attachments: Iterable[Upload] | None = None, **fields: Any) -> None:
        """The author edits: the given fields change, and MESSAGE_UPDATE is sent."""
        for name, value in fields.items():
            setattr(message, name, value)
        if attachments is not None:
            message.attachments = [self.attachment(message.channel.id, name, data) for name, data in attachments]
        message.edited_at = datetime.now(UTC)
        self.deliver(message, "MESSAGE_UPDATE")

    def unfurl(self, message: Message, *embeds: Json) -> None:
        """Discord adds the embeds of links afterwards: an update that is no edit."""
        message.embeds = [*message.embeds, *embeds]
        self.deliver(message, "MESSAGE_UPDATE")

    def delete(self, *messages: Message) -> None:
        """Messages of one channel go: one by one if it is one, else in bulk. Their attachments go with them."""
        channel = messages[0].channel
        for message in messages:
            self._forget(message)
        body: Json = {"channel_id": str(channel.id)}
        if channel.guild is not None:
            body["guild_id"] = str(channel.guild.id)
        if len(messages) == 1:
            self._emit("MESSAGE_DELETE", _guild_id(channel), body | {"id": str(messages[0].id)})
        else:
            ids = [str(message.id) for message in messages]
            self._emit("MESSAGE_DELETE_BULK", _guild_id(channel), body | {"ids": ids})

    def my_permissions(self, channel: Channel) -> Permission:
        """What the bot may do in a channel of a guild."""
        return in_channel(channel.home.members[self.me.id], channel)

    def my_guild_permissions(self, guild: Guild) -> Permission:
        """What the bot may do in a guild where no channel says otherwise."""
        return in_guild(guild.members[self.me.id], guild)

    def my_messages(self, channel: Channel) -> list[Message]:
        """The bot's living messages in a channel, oldest first."""
        return [channel.messages[id_] for id_ in sorted(channel.messages) if channel.messages[id_].author is self.me]

    def _account_in(self, guild: Guild, user: User) -> Json:
        return {"guild_id": str(guild.id), "user": payloads.user(user)}

    def _enter(self, channel: Channel) -> None:
        self.channels[channel.id] = channel
        if channel.guild is not None:
            channel.guild.channels[channel.id] = channel

    def _forget(self, message: Message) -> None:
        message.deleted = True
        message.channel.messages.pop(message.id, None)
        forwarded = (one for snapshot in message.snapshots for one in snapshot["message"]["attachments"])
        for attachment in (*message.attachments, *forwarded):
            self.cdn.remove_attachment(message.channel.id, int(attachment["id"]))

    def _snapshot(self, message: Message, original: Message) -> Json:
        """A forward keeps its own copy of the files: deleting the original does not remove it."""
        copies = [
            self.attachment(message.channel.id, one["filename"], self.cdn.bytes_of(one["url"]))
            for one in original.attachments
        ]
        return copy.deepcopy(payloads.snapshot(original, copies))


def _account(author: Author, username: str | None) -> User:
    if isinstance(author, Member):
        return author.user
    if isinstance(author, Webhook):
        return User(author.id, username or author.name, bot=True)
    return author


def _guild_id(channel: Channel) -> int | None:
    return None if channel.guild is None else channel.guild.id
