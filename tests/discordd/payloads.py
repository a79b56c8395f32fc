"""The world as the JSON that Discord sends: ids are strings, times are ISO 8601 with an offset."""

from __future__ import annotations

from collections.abc import Iterable

from .permissions import in_channel
from .state import Channel, ChannelKind, Guild, Json, Member, Message, Role, User

MESSAGE_CONTENT_FIELDS = ("attachments", "embeds", "components")


def user(it: User) -> Json:
    return {
        "id": str(it.id),
        "username": it.name,
        "discriminator": "0000" if it.bot else "0",
        "global_name": None if it.bot else it.name.title(),
        "avatar": it.avatar,
        "bot": it.bot,
        "public_flags": 0,
        "avatar_decoration_data": None,
    }


def own_user(it: User) -> Json:
    return user(it) | {"verified": True, "mfa_enabled": True, "flags": 0, "email": None, "locale": "en-US"}


def role(it: Role) -> Json:
    return {
        "id": str(it.id),
        "name": it.name,
        "permissions": str(int(it.permissions)),
        "position": it.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "managed": it.managed,
        "mentionable": False,
        "flags": 0,
    }


def partial_member(it: Member) -> Json:
    """A member as messages carry it: without its user."""
    return {
        "roles": [str(role_id) for role_id in it.role_ids],
        "nick": it.nick,
        "avatar": it.avatar,
        "banner": None,
        "joined_at": it.joined_at.isoformat(),
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "communication_disabled_until": it.timed_out_until.isoformat() if it.timed_out_until else None,
    }


def member(it: Member) -> Json:
    return partial_member(it) | {"user": user(it.user)}


def channel(it: Channel) -> Json:
    base: Json = {
        "id": str(it.id),
        "type": int(it.kind),
        "name": it.name,
        "last_message_id": _optional_id(it.last_message_id),
        "flags": 0,
    }
    if it.kind is ChannelKind.DM:
        return base | {"recipients": [user(recipient) for recipient in it.recipients]}
    base |= {"guild_id": str(it.home.id), "parent_id": _optional_id(it.parent_id), "rate_limit_per_user": 0}
    if it.is_thread:
        return base | {
            "owner_id": _optional_id(it.owner_id),
            "member_count": 1,
            "message_count": len(it.messages),
            "total_message_sent": len(it.messages),
            "applied_tags": [],
            "thread_metadata": {
                "archived": it.archived,
                "locked": it.locked,
                "auto_archive_duration": 1440,
                "archive_timestamp": (it.archived_at or it.home.created_at).isoformat(),
                "create_timestamp": it.home.created_at.isoformat(),
            },
        }
    base |= {
        "position": it.position,
        "nsfw": it.nsfw,
        "topic": None,
        "permission_overwrites": [
            {
                "id": str(overwrite.target_id),
                "type": overwrite.kind,
                "allow": str(int(overwrite.allow)),
                "deny": str(int(overwrite.deny)),
            }
            for overwrite in it.overwrites.values()
        ],
    }
    if it.kind in (ChannelKind.VOICE, ChannelKind.STAGE):
        base |= {"bitrate": 64000, "user_limit": 0, "rtc_region": None, "video_quality_mode": 1}
    if it.kind in (ChannelKind.FORUM, ChannelKind.MEDIA):
        base |= {
            "available_tags": [],
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
        }
    return base


def guild(it: Guild) -> Json:
    """A guild as REST answers it: without channels and members."""
    return {
        "id": str(it.id),
        "name": it.name,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "description": None,
        "owner_id": str(it.owner_id),
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 1,
        "default_message_notifications": 1,
        "explicit_content_filter": 2,
        "roles": [role(one) for one in it.roles.values()],
        "emojis": it.emojis,
        "stickers": it.stickers,
        "features": [],
        "mfa_level": 0,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": "en-US",
        "nsfw_level": 0,
        "max_members": 500000,
        "max_video_channel_users": 25,
    }


def guild_create(it: Guild, me: User) -> Json:
    """A guild as the gateway introduces it. Of the members it names the bot alone, as for a large guild."""
    channels = it.channels.values()
    return guild(it) | {
        "joined_at": it.members[me.id].joined_at.isoformat(),
        "large": False,
        "unavailable": False,
        "member_count": len(it.members),
        "voice_states": [],
        "members": [member(it.members[me.id])],
        "channels": [channel(one) for one in channels if not one.is_thread],
        "threads": [channel(one) for one in channels if one.is_thread and not one.archived],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def own_guild(it: Guild, me: User, permissions: int) -> Json:
    """A line of the list of the bot's guilds."""
    return {
        "id": str(it.id),
        "name": it.name,
        "icon": None,
        "banner": None,
        "owner": it.owner_id == me.id,
        "permissions": str(permissions),
        "features": [],
    }


def message(it: Message) -> Json:
    """A message as REST answers it: without guild and member."""
    body: Json = {
        "id": str(it.id),
        "channel_id": str(it.channel.id),
        "author": _author(it),
        "type": it.kind,
        "content": it.content,
        "timestamp": it.created_at.isoformat(),
        "edited_timestamp": it.edited_at.isoformat() if it.edited_at else None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [user(one) for one in it.mentions],
        "mention_roles": [],
        "attachments": it.attachments,
        "embeds": it.embeds,
        "components": it.components,
        "pinned": False,
        "flags": it.flags,
    }
    if it.webhook is not None:
        body["webhook_id"] = str(it.webhook.id)
    if it.application_id is not None:
        body["application_id"] = str(it.application_id)
    if it.sticker_items:
        body["sticker_items"] = it.sticker_items
    if it.snapshots:
        body["message_snapshots"] = it.snapshots
    if it.reference is not None:
        body["message_reference"] = it.reference
    if it.nonce is not None:
        body["nonce"] = it.nonce
    return body


def gateway_message(it: Message) -> Json:
    """A message as MESSAGE_CREATE and MESSAGE_UPDATE carry it."""
    body = message(it)
    if it.channel.guild is not None:
        body["guild_id"] = str(it.channel.guild.id)
        author = it.channel.guild.members.get(it.author.id)
        if author is not None and it.webhook is None:
            body["member"] = partial_member(author)
    return body


def without_content(body: Json) -> Json:
    """A message as a bot gets it that lacks the message content intent."""
    return body | {"content": ""} | {name: [] for name in MESSAGE_CONTENT_FIELDS}


def snapshot(it: Message, attachments: Iterable[Json]) -> Json:
    """What a forward shows of a message."""
    body: Json = {
        "type": it.kind,
        "content": it.content,
        "embeds": it.embeds,
        "attachments": list(attachments),
        "timestamp": it.created_at.isoformat(),
        "edited_timestamp": it.edited_at.isoformat() if it.edited_at else None,
        "flags": it.flags,
        "mentions": [],
        "mention_roles": [],
        "components": it.components,
    }
    if it.sticker_items:
        body["sticker_items"] = it.sticker_items
    return {"message": body}


def invoking_member(it: Member, where: Channel) -> Json:
    """A member as interactions carry it: with its permissions in the channel."""
    return member(it) | {"permissions": str(int(in_channel(it, where)))}


def _author(it: Message) -> Json:
    if it.webhook is None:
        return user(it.author)
    return user(it.author) | {"id": str(it.webhook.id), "discriminator": "0000", "global_name": None, "bot": True}


def _optional_id(id_: int | None) -> str | None:
    return None if id_ is None else str(id_)
