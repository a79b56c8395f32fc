"""REST: the messages of a channel."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from . import payloads
from .answers import (
    ApiError,
    closed_to_messages,
    invalid_form,
    not_your_message,
    system_message,
    thread_archived,
    too_old,
)
from .ids import age_of, snowflake
from .permissions import Permission
from .ratelimits import TWO_WEEKS
from .rest import Api, ApiCall
from .state import Channel, ChannelKind, Json, Message, MessageFlag
from .validation import check_message, with_component_ids

NOT_DELETABLE = frozenset({1, 2, 3, 4, 5, 14, 15, 16, 17, 21})
"""Message types (calls, group changes, discovery notices, thread starters) that cannot be deleted."""

EDITABLE = ("content", "embeds", "components", "flags")
AUTHORED = frozenset({"content", "embeds", "components", "attachments"})
"""What nobody but the author may change; flags (suppressed embeds) others may."""


class MessageRoutes:
    """Calls on ``/channels/{channel_id}/messages``."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._world = api.world
        self.enforces_nonces = True
        """Off: as when so many minutes have passed that Discord has forgotten them."""
        self._nonces: dict[tuple[int, str], Message] = {}

    def routes(self, base: str) -> list[web.RouteDef]:
        """The routes below ``base``."""
        api, messages = self._api, base + "/channels/{channel_id}/messages"
        return [
            web.post(base + "/channels/{channel_id}/typing", api.endpoint(self._typing)),
            web.get(messages, api.endpoint(self._history)),
            web.post(messages, api.endpoint(self._create)),
            web.post(messages + "/bulk-delete", api.endpoint(self._bulk_delete)),
            web.get(messages + "/{message_id}", api.endpoint(self._get)),
            web.patch(messages + "/{message_id}", api.endpoint(self._edit)),
            web.delete(messages + "/{message_id}", api.endpoint(self._delete)),
        ]

    async def _typing(self, call: ApiCall) -> object:
        self._api.channel(call, Permission.SEND_MESSAGES)

    async def _history(self, call: ApiCall) -> object:
        channel = self._api.channel(call)
        readable = channel.kind is ChannelKind.DM or self._can_read_history(channel)
        if not readable:
            return []
        limit = int(call.query.get("limit", 50))
        if not 1 <= limit <= 100:
            raise invalid_form("limit: int value should be between 1 and 100.")
        return [payloads.message(one) for one in _page(channel, call, limit)]

    async def _get(self, call: ApiCall) -> object:
        channel = self._api.channel(call)
        if channel.kind is not ChannelKind.DM and not self._can_read_history(channel):
            raise ApiError(403, 50001, "Missing Access")
        return payloads.message(self._api.message(call, channel))

    async def _create(self, call: ApiCall) -> object:
        channel = self._api.channel(call)
        self._check_may_send(channel, call)
        body: Json = call.body or {}
        check_message(body, files=len(call.files))
        nonce = str(body["nonce"]) if body.get("nonce") is not None else None
        if nonce is not None and body.get("enforce_nonce") and self.enforces_nonces:
            earlier = self._nonces.get((channel.id, nonce))
            if earlier is not None and not earlier.deleted:
                return payloads.message(earlier)
        message = Message(snowflake(), channel, self._world.me)
        fill(message, body)
        message.nonce = nonce
        message.application_id = self._world.application_id
        message.reference = body.get("message_reference")
        message.attachments = [self._world.attachment(channel.id, name, data) for name, data in call.files.values()]
        if nonce is not None:
            self._nonces[channel.id, nonce] = message
        self._world.enter_message(message)
        self._world.deliver(message)
        return payloads.message(message)

    async def _edit(self, call: ApiCall) -> object:
        channel = self._api.channel(call)
        message = self._api.message(call, channel)
        body: Json = call.body or {}
        if message.author is not self._world.me:
            if AUTHORED & set(body):
                raise not_your_message()
            self._api.require(channel, Permission.MANAGE_MESSAGES)
        check_message(body, flags=message.flags, editing=True)
        fill(message, body)
        if AUTHORED & set(body):
            message.edited_at = datetime.now(UTC)
        self._world.deliver(message, "MESSAGE_UPDATE")
        return payloads.message(message)

    async def _delete(self, call: ApiCall) -> object:
        channel = self._api.channel(call)
        message = self._api.message(call, channel)
        if message.author is not self._world.me:
            if channel.kind is ChannelKind.DM:
                raise ApiError(403, 50003, "Cannot execute action on a DM channel")
            self._api.require(channel, Permission.MANAGE_MESSAGES)
        if message.kind in NOT_DELETABLE:
            raise system_message()
        self._world.delete(message)

    async def _bulk_delete(self, call: ApiCall) -> object:
        channel = self._api.channel(call, Permission.MANAGE_MESSAGES)
        ids = [int(id_) for id_ in call.body["messages"]]
        if not 2 <= len(ids) <= 100 or len(set(ids)) != len(ids):
            raise ApiError(400, 50016, "Provided too few or too many messages to delete. Must provide 2 to 100.")
        if any(age_of(id_) > TWO_WEEKS for id_ in ids):
            raise too_old()
        living = [channel.messages[id_] for id_ in ids if id_ in channel.messages]
        if living:
            self._world.delete(*living)

    def _check_may_send(self, channel: Channel, call: ApiCall) -> None:
        if channel.kind is ChannelKind.DM:
            if not all(user.accepts_dms for user in channel.recipients):
                raise closed_to_messages()
            return
        self._api.require(
            channel, Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
        )
        if channel.kind in (ChannelKind.FORUM, ChannelKind.MEDIA, ChannelKind.CATEGORY):
            raise ApiError(400, 50008, "Cannot send messages in a non-text channel")
        if channel.archived and channel.locked:
            raise thread_archived()
        if call.files:
            self._api.require(channel, Permission.ATTACH_FILES)

    def _can_read_history(self, channel: Channel) -> bool:
        return bool(self._world.my_permissions(channel) & Permission.READ_MESSAGE_HISTORY)


def fill(message: Message, body: Json) -> None:
    """Give a message what a body says; what it does not name stays."""
    for name in EDITABLE:
        if name not in body:
            continue
        value = body[name]
        if name == "content":
            message.content = value or ""
        elif name == "embeds":
            message.embeds = [{"type": "rich", **embed} for embed in value or ()]
        elif name == "components":
            message.components = with_component_ids(value or [])
        else:
            message.flags = (value or 0) | (message.flags & MessageFlag.COMPONENTS_V2)


def _page(channel: Channel, call: ApiCall, limit: int) -> list[Message]:
    """A page of a channel, newest first, as Discord pages: ``after`` gives the oldest of the newer ones."""
    ids = sorted(channel.messages)
    if "after" in call.query:
        ids = [id_ for id_ in ids if id_ > int(call.query["after"])][:limit]
    elif "around" in call.query:
        middle = int(call.query["around"])
        ids = sorted(ids, key=lambda id_: abs(id_ - middle))[:limit]
    else:
        ids = [id_ for id_ in ids if id_ < int(call.query.get("before", 1 << 63))][-limit:]
    return [channel.messages[id_] for id_ in sorted(ids, reverse=True)]
