"""REST: how every call is authorised, limited, read and answered; and the calls about accounts, guilds and commands.

A handler takes an :class:`ApiCall` and returns JSON (None: 204) or raises an :class:`ApiError`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from . import payloads
from .answers import (
    ApiError,
    error_answer,
    json_answer,
    missing_access,
    missing_permissions,
    rate_limited_answer,
    unauthorized,
    unknown_channel,
    unknown_guild,
    unknown_member,
    unknown_message,
    unknown_user,
)
from .gateway import Gateway
from .ids import snowflake
from .journal import Journal, Request
from .permissions import Permission
from .ratelimits import RateLimits
from .state import Channel, ChannelKind, Guild, Json, Member, Message
from .world import World

MAX_BODY = 25 * 1024 * 1024
RECORD = web.RequestKey("record", Request)


@dataclass(slots=True)
class ApiCall:
    """One call: its path parameters, query, body and uploaded files by field name."""

    request: web.Request
    record: Request
    body: Any = None
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    @property
    def query(self) -> Any:
        """The query parameters."""
        return self.request.query

    def id(self, name: str) -> int:
        """A path parameter that is an id."""
        return int(self.record.params[name])

    def text(self, name: str) -> str:
        """A path parameter."""
        return self.record.params[name]


Handler = Callable[[ApiCall], Awaitable[object]]


class Api:
    """What all calls share: the world, the limits, and the way a request becomes an answer."""

    def __init__(self, token: str, world: World, gateway: Gateway, journal: Journal, limits: RateLimits) -> None:
        self.token = token
        self.world = world
        self.gateway = gateway
        self.journal = journal
        self.limits = limits

    def endpoint(
        self, handler: Handler, *, authorized: bool = True
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """The way of a request to ``handler``. ``authorized`` False: the token in the path is the authorisation."""

        async def serve(request: web.Request) -> web.Response:
            record: Request = request[RECORD]
            if authorized and request.headers.get("Authorization") != f"Bot {self.token}":
                return _refusal(unauthorized())
            ruling = self.limits.rule(record.route, record.params)
            if ruling.retry_after is not None:
                scope = "global" if ruling.is_global else "user"
                return rate_limited_answer(ruling.retry_after, scope=scope, headers=ruling.headers)
            try:
                return json_answer(await handler(await self._read(request, record)), headers=ruling.headers)
            except ApiError as error:
                return _refusal(error, ruling.headers)

        return serve

    async def _read(self, request: web.Request, record: Request) -> ApiCall:
        call = ApiCall(request, record)
        if request.content_type == "multipart/form-data":
            form = await request.post()
            for name, part in form.items():
                if isinstance(part, web.FileField):
                    call.files[name] = (part.filename, part.file.read())
                elif name == "payload_json":
                    call.body = json.loads(part)
        elif request.can_read_body:
            call.body = await request.json()
        record.body = call.body
        record.files = {name: data for name, (_, data) in call.files.items()}
        self.journal.understood(record)
        return call

    # ---------------------------------------------------------------------------------------------- finding things

    def guild(self, call: ApiCall) -> Guild:
        """The guild of the path."""
        guild = self.world.guilds.get(call.id("guild_id"))
        if guild is None:
            raise unknown_guild()
        return guild

    def member(self, call: ApiCall) -> Member:
        """The member of the path."""
        member = self.guild(call).members.get(call.id("user_id"))
        if member is None:
            raise unknown_member()
        return member

    def channel(self, call: ApiCall, *needed: Permission) -> Channel:
        """The channel of the path, which the bot must see, and where it must have what is ``needed``."""
        channel = self.world.channels.get(call.id("channel_id"))
        if channel is None:
            raise unknown_channel()
        if channel.kind is not ChannelKind.DM:
            self.require(channel, *needed)
        return channel

    def require(self, channel: Channel, *needed: Permission) -> None:
        """Refuse unless the bot sees the channel and has what is ``needed``."""
        mine = self.world.my_permissions(channel)
        voice = channel.kind in (ChannelKind.VOICE, ChannelKind.STAGE)
        if not mine & Permission.VIEW_CHANNEL or (voice and not mine & Permission.CONNECT):
            raise missing_access()
        if any(not mine & permission for permission in needed):
            raise missing_permissions()

    def message(self, call: ApiCall, channel: Channel) -> Message:
        """The message of the path."""
        message = channel.messages.get(call.id("message_id"))
        if message is None:
            raise unknown_message()
        return message


class GeneralRoutes:
    """Calls about the bot itself, its guilds and its commands."""

    def __init__(self, api: Api, gateway_url: Callable[[], str]) -> None:
        self._api = api
        self._world = api.world
        self._gateway_url = gateway_url
        self.shards = 1
        """How many shards ``/gateway/bot`` recommends."""
        self.max_concurrency = 1
        """How many shards may begin a session at once, as ``/gateway/bot`` says."""
        self.commands: dict[int | None, list[Json]] = {}
        """The registered commands, by guild; None: everywhere."""

    def routes(self, base: str) -> list[web.RouteDef]:
        """The routes below ``base``."""
        api, application, guild = self._api, base + "/applications/{application_id}", base + "/guilds/{guild_id}"
        archived = base + "/channels/{channel_id}/threads/archived"
        return [
            web.get(base + "/gateway", api.endpoint(self._gateway, authorized=False)),
            web.get(base + "/gateway/bot", api.endpoint(self._gateway_bot)),
            web.get(base + "/users/@me", api.endpoint(self._me)),
            web.get(base + "/users/@me/guilds", api.endpoint(self._my_guilds)),
            web.post(base + "/users/@me/channels", api.endpoint(self._direct_channel)),
            web.get(base + "/users/{user_id}", api.endpoint(self._user)),
            web.get(base + "/oauth2/applications/@me", api.endpoint(self._application)),
            web.get(base + "/applications/@me", api.endpoint(self._application)),
            web.get(application + "/commands", api.endpoint(self._list_commands)),
            web.put(application + "/commands", api.endpoint(self._put_commands)),
            web.get(application + "/guilds/{guild_id}/commands", api.endpoint(self._list_commands)),
            web.put(application + "/guilds/{guild_id}/commands", api.endpoint(self._put_commands)),
            web.get(guild, api.endpoint(self._guild)),
            web.get(guild + "/channels", api.endpoint(self._channels)),
            web.get(guild + "/roles", api.endpoint(self._roles)),
            web.get(guild + "/threads/active", api.endpoint(self._threads)),
            web.get(base + "/channels/{channel_id}", api.endpoint(self._channel)),
            web.get(archived + "/public", api.endpoint(self._archived_public)),
            web.get(archived + "/private", api.endpoint(self._archived_private)),
            web.get(
                base + "/channels/{channel_id}/users/@me/threads/archived/private", api.endpoint(self._archived_mine)
            ),
        ]

    async def _gateway(self, call: ApiCall) -> object:
        return {"url": self._gateway_url()}

    async def _gateway_bot(self, call: ApiCall) -> object:
        limit = {
            "total": 1000,
            "remaining": 999,
            "reset_after": 86_400_000,
            "max_concurrency": self.max_concurrency,
        }
        return {"url": self._gateway_url(), "shards": self.shards, "session_start_limit": limit}

    async def _me(self, call: ApiCall) -> object:
        return payloads.own_user(self._world.me)

    async def _user(self, call: ApiCall) -> object:
        user = self._world.users.get(call.id("user_id"))
        if user is None:
            raise unknown_user()
        return payloads.user(user)

    async def _application(self, call: ApiCall) -> object:
        me = self._world.me
        return {
            "id": str(self._world.application_id),
            "name": me.name,
            "icon": None,
            "description": "",
            "summary": "",
            "bot_public": False,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": self._api.gateway.application_flags,
            "owner": payloads.user(next((one for one in self._world.users.values() if not one.bot), me)),
            "team": None,
            "bot": payloads.user(me),
        }

    async def _my_guilds(self, call: ApiCall) -> object:
        after, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 200))
        me = self._world.me
        guilds = [self._world.guilds[id_] for id_ in sorted(self._world.guilds) if id_ > after][:limit]
        return [payloads.own_guild(one, me, self._world.my_guild_permissions(one)) for one in guilds]

    async def _direct_channel(self, call: ApiCall) -> object:
        user = self._world.users.get(int(call.body["recipient_id"]))
        if user is None:
            raise unknown_user()
        return payloads.channel(self._world.direct_channel(user))

    async def _list_commands(self, call: ApiCall) -> object:
        return self.commands.get(self._scope(call), [])

    async def _put_commands(self, call: ApiCall) -> object:
        scope = self._scope(call)
        before = {(one["type"], one["name"]): one["id"] for one in self.commands.get(scope, [])}
        self.commands[scope] = [
            {
                "type": 1,
                "description": "",
                "default_member_permissions": None,
                "nsfw": False,
                **command,
                "id": before.get((command.get("type", 1), command["name"])) or str(snowflake()),
                "application_id": str(self._world.application_id),
                "version": str(snowflake()),
                **({} if scope is None else {"guild_id": str(scope)}),
            }
            for command in call.body
        ]
        return self.commands[scope]

    def _scope(self, call: ApiCall) -> int | None:
        return self._api.guild(call).id if "guild_id" in call.record.params else None

    async def _guild(self, call: ApiCall) -> object:
        guild = self._api.guild(call)
        counts = {"approximate_member_count": len(guild.members), "approximate_presence_count": 1}
        return payloads.guild(guild) | (counts if call.query.get("with_counts") in ("1", "true") else {})

    async def _channels(self, call: ApiCall) -> object:
        channels = self._api.guild(call).channels.values()
        return [payloads.channel(one) for one in channels if not one.is_thread]

    async def _threads(self, call: ApiCall) -> object:
        channels = self._api.guild(call).channels.values()
        threads = [payloads.channel(one) for one in channels if one.is_thread and not one.archived]
        return {"threads": threads, "members": []}

    async def _archived_public(self, call: ApiCall) -> object:
        return self._archived(call, ChannelKind.PUBLIC_THREAD)

    async def _archived_private(self, call: ApiCall) -> object:
        return self._archived(call, ChannelKind.PRIVATE_THREAD, Permission.MANAGE_THREADS)

    async def _archived_mine(self, call: ApiCall) -> object:
        """The bot is a member of no private thread."""
        self._api.channel(call, Permission.READ_MESSAGE_HISTORY)
        return {"threads": [], "members": [], "has_more": False}

    def _archived(self, call: ApiCall, kind: ChannelKind, *needed: Permission) -> object:
        """The archived threads of a channel, the last archived first; ``before`` is a time in ISO 8601."""
        parent = self._api.channel(call, Permission.READ_MESSAGE_HISTORY, *needed)
        limit = int(call.query.get("limit", 50))
        before = datetime.fromisoformat(call.query["before"]) if "before" in call.query else None
        found = [
            (one.archived_at or one.home.created_at, one)
            for one in parent.home.channels.values()
            if one.parent_id == parent.id and one.archived and one.kind is kind
        ]
        found = sorted((one for one in found if before is None or one[0] < before), key=lambda one: one[0])[::-1]
        threads = [payloads.channel(one) for _, one in found[:limit]]
        return {"threads": threads, "members": [], "has_more": len(found) > limit}

    async def _roles(self, call: ApiCall) -> object:
        return [payloads.role(one) for one in self._api.guild(call).roles.values()]

    async def _channel(self, call: ApiCall) -> object:
        return payloads.channel(self._api.channel(call))


def _refusal(error: ApiError, headers: dict[str, str] | None = None) -> web.Response:
    return error_answer(error.status, error.code, error.message, headers)
