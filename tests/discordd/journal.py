"""What went over the wire and when, by ``time.perf_counter``: every request, and every gateway frame that left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

DELETE_MESSAGE = "DELETE /channels/{channel_id}/messages/{message_id}"
BULK_DELETE = "POST /channels/{channel_id}/messages/bulk-delete"
CREATE_MESSAGE = "POST /channels/{channel_id}/messages"
EDIT_MESSAGE = "PATCH /channels/{channel_id}/messages/{message_id}"
EDIT_MEMBER = "PATCH /guilds/{guild_id}/members/{user_id}"
KICK_MEMBER = "DELETE /guilds/{guild_id}/members/{user_id}"
BAN_MEMBER = "PUT /guilds/{guild_id}/bans/{user_id}"
UNBAN_MEMBER = "DELETE /guilds/{guild_id}/bans/{user_id}"
FETCH_CDN = "GET /cdn/{path}"
FETCH_PROXY = "GET /media/{path}"


@dataclass(slots=True)
class Request:
    """One request. ``at``: its head was read; ``effect``: the status the route itself ended with (None: a fault kept
    the route from running); ``status``: what the client was told (None: nothing, the connection broke)."""

    at: float
    method: str
    path: str
    query: str
    route: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Any = None
    files: dict[str, bytes] = field(default_factory=dict)
    effect: int | None = None
    status: int | None = None
    finished: float | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status} (effect {self.effect})"


@dataclass(slots=True)
class Frame:
    """One dispatch that left for a bot. ``id``: of the message, guild or channel it speaks of, if it says so."""

    at: float
    shard: int
    session: str
    seq: int
    event: str
    id: int | None
    replayed: bool

    def __str__(self) -> str:
        return f"{self.event} {self.id} (shard {self.shard}, seq {self.seq}{', replayed' if self.replayed else ''})"


class Journal:
    """The record of one run, and the way to wait for something in it."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.frames: list[Frame] = []
        self.creates: dict[int, float] = {}
        """When the first MESSAGE_CREATE of a message left, by message id."""
        self.deletes: dict[int, float] = {}
        """When the first deletion of a message (alone or in bulk) arrived, by message id."""
        self._changed = asyncio.Event()

    def arrived(self, request: Request) -> None:
        """A request's head was read."""
        self.requests.append(request)
        if request.route == DELETE_MESSAGE:
            self.deletes.setdefault(int(request.params["message_id"]), request.at)
        self.touch()

    def understood(self, request: Request) -> None:
        """A request's body was read."""
        if request.route == BULK_DELETE and isinstance(request.body, dict):
            for message_id in request.body.get("messages", ()):
                self.deletes.setdefault(int(message_id), request.at)
        self.touch()

    def sent(self, frame: Frame) -> None:
        """A frame is about to leave."""
        self.frames.append(frame)
        if frame.event == "MESSAGE_CREATE" and frame.id is not None:
            self.creates.setdefault(frame.id, frame.at)
        self.touch()

    def touch(self) -> None:
        """Something changed: look at the predicates again."""
        self._changed.set()

    def of(self, route: str, **params: object) -> list[Request]:
        """The requests to a route (a constant of this module, or ``METHOD /template``) with these path parameters."""
        wanted = {name: str(value) for name, value in params.items()}
        return [one for one in self.requests if one.route == route and wanted.items() <= one.params.items()]

    def events(self, event: str) -> list[Frame]:
        """The frames of an event that left."""
        return [one for one in self.frames if one.event == event]

    async def wait_for(self, predicate: Callable[[], T], *, within: float = 60.0) -> T:
        """What ``predicate`` returns as soon as that is true. ``within`` is the guard against waiting for ever."""
        deadline = time.monotonic() + within
        while not (value := predicate()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"it did not happen within {within:.0f} s; the last on the wire:\n{self.tail()}")
            self._changed.clear()
            try:
                # A predicate may also look at things that are not ours, so it is asked again now and then.
                await asyncio.wait_for(self._changed.wait(), 0.05)
            except TimeoutError:
                continue
        return value

    def tail(self, count: int = 25) -> str:
        """The last things on the wire, one a line."""
        lines = [(one.at, str(one)) for one in self.requests[-count:]] + [
            (one.at, str(one)) for one in self.frames[-count:]
        ]
        return "\n".join(f"{at:.3f} {line}" for at, line in sorted(lines)[-count:])
