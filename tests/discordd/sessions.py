"""A bot's session: what it identified for, what it was sent, and the connection it has at the moment."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

from aiohttp import web

REPLAY_LIMIT = 10_000


class Op(IntEnum):
    """Gateway opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE_STATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Intent(IntFlag):
    """The intents that gate our events."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MODERATION = 1 << 2
    GUILD_WEBHOOKS = 1 << 5
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    DIRECT_MESSAGES = 1 << 12
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT
APPLICATION_FLAGS = {Intent.GUILD_PRESENCES: 1 << 13, Intent.GUILD_MEMBERS: 1 << 15, Intent.MESSAGE_CONTENT: 1 << 19}
"""The flag (of an app in fewer than 100 guilds) that says that the privileged intent is switched on."""


class CloseError(Exception):
    """The server ends a connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Dispatch:
    """An event of a session, ready to be sent and sent again."""

    seq: int
    event: str
    id: int | None
    text: str
    replayed: bool = False


@dataclass(eq=False)
class Connection:
    """One WebSocket. What is put on ``outgoing`` leaves in order; None ends it."""

    ws: web.WebSocketResponse
    request: web.Request
    outgoing: asyncio.Queue[Dispatch | str | CloseError] = field(default_factory=asyncio.Queue)
    session: Session | None = None
    ended_by_us: bool = False

    def push(self, op: Op, data: Any = None) -> None:
        """Send something that is no dispatch."""
        self.outgoing.put_nowait(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def close(self, code: int, reason: str = "") -> None:
        """Close it, after what is already on its way."""
        self.outgoing.put_nowait(CloseError(code, reason))

    def drop(self) -> None:
        """Break it without a goodbye."""
        if self.request.transport is not None:
            self.request.transport.abort()


@dataclass(eq=False)
class Session:
    """What a bot identified for. It lives on without a connection, and gathers what the bot misses."""

    id: str
    shard: int
    shard_count: int
    intents: Intent
    connection: Connection | None
    seq: int = 0
    sent: deque[Dispatch] = field(default_factory=lambda: deque(maxlen=REPLAY_LIMIT))

    def dispatch(self, event: str, data: Any) -> None:
        """Send an event now, or when the bot resumes."""
        self.seq += 1
        text = json.dumps({"op": Op.DISPATCH, "d": data, "s": self.seq, "t": event})
        dispatch = Dispatch(self.seq, event, _id_of(event, data), text)
        self.sent.append(dispatch)
        if self.connection is not None:
            self.connection.outgoing.put_nowait(dispatch)

    def can_replay_from(self, seq: int) -> bool:
        """Whether everything after ``seq`` is still kept."""
        oldest = self.sent[0].seq if self.sent else self.seq + 1
        return oldest - 1 <= seq <= self.seq

    def takes(self, event: str, guild_id: int | None) -> bool:
        """Whether the shard and the intents of the session cover an event."""
        mine = self.shard == (0 if guild_id is None else (guild_id >> 22) % self.shard_count)
        return mine and self._asked_for(event, guild_id)

    def _asked_for(self, event: str, guild_id: int | None) -> bool:
        if event.startswith("MESSAGE_"):
            return bool(self.intents & (Intent.DIRECT_MESSAGES if guild_id is None else Intent.GUILD_MESSAGES))
        if event.startswith("GUILD_MEMBER_"):
            return bool(self.intents & Intent.GUILD_MEMBERS)
        if event.startswith("GUILD_BAN_"):
            return bool(self.intents & Intent.GUILD_MODERATION)
        if event == "WEBHOOKS_UPDATE":
            return bool(self.intents & Intent.GUILD_WEBHOOKS)
        if event.startswith(("GUILD_", "CHANNEL_", "THREAD_")):
            return bool(self.intents & Intent.GUILDS)
        return True


def _id_of(event: str, data: Any) -> int | None:
    """The id that an event speaks of, for the journal; spoiled events may have none."""
    id_ = data.get("id") if isinstance(data, dict) and event != "READY" else None
    return int(id_) if isinstance(id_, str) and id_.isdecimal() else None
