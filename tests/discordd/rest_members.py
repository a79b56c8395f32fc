"""REST: members and bans, with Discord's rules for who may do what to whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from aiohttp import web

from . import payloads
from .answers import invalid_form, missing_access, missing_permissions, unknown_ban, unknown_user
from .permissions import Permission, in_guild, reaches
from .rest import Api, ApiCall
from .sessions import Intent
from .state import Guild, Member

LONGEST_TIMEOUT = timedelta(days=28)
LONGEST_DELETED = timedelta(days=7)


class MemberRoutes:
    """Reading a guild and its members, timing them out, kicking and banning them."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._world = api.world

    def routes(self, base: str) -> list[web.RouteDef]:
        """The routes below ``base``."""
        api, guild = self._api, base + "/guilds/{guild_id}"
        member, ban = guild + "/members/{user_id}", guild + "/bans/{user_id}"
        return [
            web.get(guild, api.endpoint(self._guild)),
            web.get(guild + "/members", api.endpoint(self._list)),
            web.get(member, api.endpoint(self._get)),
            web.patch(member, api.endpoint(self._edit)),
            web.delete(member, api.endpoint(self._kick)),
            web.put(ban, api.endpoint(self._ban)),
            web.delete(ban, api.endpoint(self._unban)),
        ]

    async def _guild(self, call: ApiCall) -> object:
        return payloads.guild_create(self._api.guild(call), self._world.me)

    async def _list(self, call: ApiCall) -> object:
        if not self._api.gateway.allowed & Intent.GUILD_MEMBERS:
            raise missing_access()
        members = self._api.guild(call).members
        after, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 1))
        return [payloads.member(members[id_]) for id_ in sorted(members) if id_ > after][:limit]

    async def _get(self, call: ApiCall) -> object:
        return payloads.member(self._api.member(call))

    async def _edit(self, call: ApiCall) -> object:
        if set(call.body) != {"communication_disabled_until"}:
            raise invalid_form("only communication_disabled_until is known here")
        self._require(self._api.guild(call), Permission.MODERATE_MEMBERS)
        member = self._api.member(call)
        self._require_reach(member)
        if in_guild(member, member.guild) & Permission.ADMINISTRATOR:
            raise missing_permissions()
        value = call.body["communication_disabled_until"]
        self._world.time_out(member, None if value is None else _end_of_timeout(value))
        return payloads.member(member)

    async def _kick(self, call: ApiCall) -> object:
        self._require(self._api.guild(call), Permission.KICK_MEMBERS)
        member = self._api.member(call)
        self._require_reach(member)
        self._world.remove_member(member)

    async def _ban(self, call: ApiCall) -> object:
        guild = self._api.guild(call)
        self._require(guild, Permission.BAN_MEMBERS)
        member = guild.members.get(call.id("user_id"))
        if member is not None:
            self._require_reach(member)
        user = self._world.users.get(call.id("user_id"))
        if user is None:
            raise unknown_user()
        # Documented in the body; discord.py sends it in the query, which Discord takes too.
        seconds = int((call.body or call.query).get("delete_message_seconds", 0))
        delete = timedelta(seconds=seconds)
        if not timedelta(0) <= delete <= LONGEST_DELETED:
            raise invalid_form("delete_message_seconds: int value should be between 0 and 604800.")
        if user.id not in guild.bans:
            self._world.ban(guild, user, reason=_reason(call), delete=delete)

    async def _unban(self, call: ApiCall) -> object:
        guild = self._api.guild(call)
        self._require(guild, Permission.BAN_MEMBERS)
        if call.id("user_id") not in guild.bans:
            raise unknown_ban()
        self._world.unban(guild, self._world.users[call.id("user_id")])

    def _require(self, guild: Guild, needed: Permission) -> None:
        if not self._world.my_guild_permissions(guild) & needed:
            raise missing_permissions()

    def _require_reach(self, member: Member) -> None:
        if not reaches(member.guild.members[self._world.me.id], member):
            raise missing_permissions()


def _end_of_timeout(value: str) -> datetime | None:
    """When a timeout ends; None for a time in the past, which lifts it."""
    try:
        until = datetime.fromisoformat(value)
    except ValueError:
        raise invalid_form("communication_disabled_until: not an ISO 8601 time") from None
    until, now = until if until.tzinfo else until.replace(tzinfo=UTC), datetime.now(UTC)
    if until > now + LONGEST_TIMEOUT:
        raise invalid_form("communication_disabled_until: can be up to 28 days in the future")
    return until if until > now else None


def _reason(call: ApiCall) -> str | None:
    """What the audit log says of it: percent-encoded in a header."""
    reason = call.record.headers.get("X-Audit-Log-Reason")
    return None if reason is None else unquote(reason)
