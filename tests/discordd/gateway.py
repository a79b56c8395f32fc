"""The gateway: who may connect, what is sent to whom, replay, and what can go wrong with connections.

Frames are plain text although clients ask for a compressed stream; they take both. Close codes and the order of things
are Discord's (gateway and opcodes pages of its documentation).
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from . import payloads
from .ids import snowflake
from .journal import Frame, Journal
from .sessions import APPLICATION_FLAGS, PRIVILEGED, CloseError, Connection, Dispatch, Intent, Op, Session
from .state import Json
from .world import World

CONTENT_EVENTS = ("MESSAGE_CREATE", "MESSAGE_UPDATE")


class Gateway:
    """All sessions. ``allowed`` are the privileged intents switched on for the app; ``heartbeat`` is in seconds."""

    def __init__(self, token: str, journal: Journal) -> None:
        self.token = token
        self.allowed = PRIVILEGED
        self.heartbeat = 41.25
        self.answers_heartbeats = True
        self.resume_url = ""
        self.sessions: dict[str, Session] = {}
        self._connections: set[Connection] = set()
        self._journal = journal
        self._world: World | None = None

    def attach(self, world: World) -> None:
        """The world whose guilds a new session is told of."""
        self._world = world

    @property
    def application_flags(self) -> int:
        """The app's flags: which privileged intents are switched on."""
        return sum(flag for intent, flag in APPLICATION_FLAGS.items() if intent & self.allowed)

    @property
    def connected(self) -> list[Session]:
        """The sessions that have a connection."""
        return [session for session in self.sessions.values() if session.connection is not None]

    def routes(self) -> list[web.RouteDef]:
        """Where bots connect; a session is resumed at an address of its own, as on Discord."""
        return [web.get("/gateway", self._serve), web.get("/gateway/resume", self._serve)]

    # ---------------------------------------------------------------------------------------------- events

    def emit(self, event: str, guild_id: int | None, data: Any) -> None:
        """Deliver an event to every session that covers it."""
        for session in self.sessions.values():
            if session.takes(event, guild_id):
                session.dispatch(event, self._gated(session, event, data))

    def _gated(self, session: Session, event: str, data: Any) -> Any:
        if session.intents & Intent.MESSAGE_CONTENT or event not in CONTENT_EVENTS or not isinstance(data, dict):
            return data
        return data if "guild_id" not in data or self._concerns_me(data) else payloads.without_content(data)

    def _concerns_me(self, data: Json) -> bool:
        me = str(self._own_world.me.id)
        concerned = (data.get("author"), *(data.get("mentions") or ()))
        return any(isinstance(user, dict) and user.get("id") == me for user in concerned)

    # ---------------------------------------------------------------------------------------------- faults

    def reconnect(self, shard: int | None = None) -> None:
        """Op 7: ask the bots to connect again and resume."""
        for connection in self._of(shard):
            connection.push(Op.RECONNECT)

    def invalidate(self, shard: int | None = None, *, resumable: bool = False) -> None:
        """Op 9: the session is over; unless ``resumable``, everything kept for it is lost."""
        for connection in self._of(shard):
            if connection.session is not None and not resumable:
                self.sessions.pop(connection.session.id, None)
                connection.session.connection = None
            connection.push(Op.INVALID_SESSION, resumable)

    def close(self, code: int, shard: int | None = None) -> None:
        """Close the connections with a code."""
        for connection in self._of(shard):
            connection.close(code)

    def drop(self, shard: int | None = None) -> None:
        """Break the connections without a goodbye."""
        for connection in self._of(shard):
            connection.drop()

    def send_text(self, text: str, shard: int | None = None) -> None:
        """Send any text as a frame."""
        for connection in self._of(shard):
            connection.outgoing.put_nowait(text)

    async def stop(self) -> None:
        """Close everything."""
        for connection in list(self._connections):
            await connection.ws.close(code=WSCloseCode.GOING_AWAY)

    def _of(self, shard: int | None) -> list[Connection]:
        return [
            connection
            for connection in self._connections
            if shard is None or (connection.session is not None and connection.session.shard == shard)
        ]

    # ---------------------------------------------------------------------------------------------- connections

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(compress=False, max_msg_size=64 * 1024)
        await ws.prepare(request)
        connection = Connection(ws, request)
        self._connections.add(connection)
        writer = asyncio.create_task(self._write(connection))
        connection.push(Op.HELLO, {"heartbeat_interval": int(self.heartbeat * 1000), "_trace": []})
        try:
            async for message in ws:
                if message.type is not WSMsgType.TEXT:
                    raise CloseError(4002, "Decode error")
                self._receive(connection, message.data)
        except CloseError as close:
            await ws.close(code=close.code, message=close.reason.encode())
        finally:
            writer.cancel()
            self._connections.discard(connection)
            self._part(connection)
        return ws

    async def _write(self, connection: Connection) -> None:
        try:
            while True:
                item = await connection.outgoing.get()
                if isinstance(item, CloseError):
                    connection.ended_by_us = True
                    await connection.ws.close(code=item.code, message=item.reason.encode())
                    return
                if isinstance(item, Dispatch):
                    self._note(connection, item)
                    item = item.text
                await connection.ws.send_str(item)
        except ConnectionError:
            return  # the bot is gone; what it missed waits in its session

    def _note(self, connection: Connection, item: Dispatch) -> None:
        session = connection.session
        shard, id_ = (session.shard, session.id) if session else (0, "")
        self._journal.sent(Frame(time.perf_counter(), shard, id_, item.seq, item.event, item.id, item.replayed))

    def _part(self, connection: Connection) -> None:
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            # A client that says 1000 or 1001 is done with its session; any other way of parting keeps it.
            done = connection.ws.close_code in (WSCloseCode.OK, WSCloseCode.GOING_AWAY)
            if done and not connection.ended_by_us:
                self.sessions.pop(session.id, None)
        self._journal.touch()

    def _receive(self, connection: Connection, text: str) -> None:
        try:
            frame = json.loads(text)
            op, data = Op(frame["op"]), frame.get("d")
        except (json.JSONDecodeError, KeyError, TypeError):
            raise CloseError(4002, "Decode error") from None
        except ValueError:
            raise CloseError(4001, "Unknown opcode") from None
        if op is Op.HEARTBEAT:
            if self.answers_heartbeats:
                connection.push(Op.HEARTBEAT_ACK)
        elif op is Op.IDENTIFY:
            self._identify(connection, data)
        elif op is Op.RESUME:
            self._resume(connection, data)
        elif connection.session is None:
            raise CloseError(4003, "Not authenticated")
        elif op is Op.REQUEST_MEMBERS:
            self._send_members(connection.session, data)

    def _identify(self, connection: Connection, data: Json) -> None:
        if connection.session is not None:
            raise CloseError(4005, "Already authenticated")
        self._check_token(data)
        intents = Intent(data["intents"])
        if intents & PRIVILEGED & ~self.allowed:
            raise CloseError(4014, "Disallowed intent(s)")
        shard, count = data.get("shard", (0, 1))
        if not 0 <= shard < count:
            raise CloseError(4010, "Invalid shard")
        session = Session(f"{snowflake():032x}", shard, count, intents, connection)
        self.sessions[session.id] = session
        connection.session = session
        world = self._own_world
        guilds = [guild for guild in world.guilds.values() if session.takes("GUILD_CREATE", guild.id)]
        ready: Json = {
            "v": 10,
            "user": payloads.own_user(world.me),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self.resume_url,
            "application": {"id": str(world.application_id), "flags": self.application_flags},
        }
        if "shard" in data:
            ready["shard"] = [shard, count]
        session.dispatch("READY", ready)
        for guild in guilds:
            session.dispatch("GUILD_CREATE", payloads.guild_create(guild, world.me))

    def _resume(self, connection: Connection, data: Json) -> None:
        self._check_token(data)
        session = self.sessions.get(data["session_id"] or "")
        if session is None:
            connection.push(Op.INVALID_SESSION, False)
            return
        seq = data["seq"] or 0
        if seq > session.seq:
            raise CloseError(4007, "Invalid seq")
        if not session.can_replay_from(seq):
            del self.sessions[session.id]
            connection.push(Op.INVALID_SESSION, False)
            return
        if session.connection is not None:
            session.connection.drop()
        session.connection = connection
        connection.session = session
        for missed in session.sent:
            if missed.seq > seq:
                connection.outgoing.put_nowait(
                    Dispatch(missed.seq, missed.event, missed.id, missed.text, replayed=True)
                )
        session.dispatch("RESUMED", {"_trace": []})

    def _send_members(self, session: Session, data: Json) -> None:
        guild = self._own_world.guilds.get(int(data["guild_id"]))
        if guild is None:
            return
        wanted = {int(id_) for id_ in data.get("user_ids", ())}
        members = [one for one in guild.members.values() if not wanted or one.user.id in wanted]
        chunk = {
            "guild_id": str(guild.id),
            "members": [payloads.member(one) for one in members],
            "chunk_index": 0,
            "chunk_count": 1,
            "nonce": data.get("nonce"),
        }
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)

    def _check_token(self, data: Any) -> None:
        if not isinstance(data, dict) or data.get("token") != self.token:
            raise CloseError(4004, "Authentication failed")

    @property
    def _own_world(self) -> World:
        if self._world is None:
            raise RuntimeError("attach() comes first")
        return self._world
