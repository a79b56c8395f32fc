"""Faults by script: what goes wrong with the next requests to a path.

``discordd.faults.script("DELETE", "/channels/*/messages/*", Failure(503), Reset())`` spoils the next two deletes and
lets the third pass. Paths are those below the API base; those of the CDN begin with ``/cdn`` or ``/media``, the gateway
is ``/gateway``. ``*`` stands for one path segment, ``**`` for any number.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from .answers import VIA, error_answer, json_answer, rate_limited_answer

Answer = Callable[[], Awaitable[web.StreamResponse]]
CHUNK = 64 * 1024


class Fault(Protocol):
    """Something that stands between a request and its route; calling ``answer`` lets the route run."""

    async def __call__(self, request: web.Request, answer: Answer) -> web.StreamResponse: ...


@dataclass(frozen=True)
class RateLimited:
    """429 in JSON. ``scope``: user, shared or global; ``via`` False: not from Discord itself but from before it."""

    retry_after: float = 0.2
    scope: str = "user"
    via: bool = True

    async def __call__(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        response = rate_limited_answer(self.retry_after, scope=self.scope)
        if not self.via:
            del response.headers["Via"]
        return response


@dataclass(frozen=True)
class Banned:
    """429 as Cloudflare bans an address: text, without the Via header."""

    async def __call__(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        return web.Response(status=429, text="error code: 1015", headers={"Retry-After": "1"})


@dataclass(frozen=True)
class Failure:
    """A status without the route having run. ``after`` True: the route runs first, and the client is told otherwise."""

    status: int = 503
    after: bool = False

    async def __call__(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        if self.after:
            await answer()
        return json_answer({"message": f"{self.status}: scripted", "code": 0}, status=self.status)


@dataclass(frozen=True)
class Refusal:
    """An error in Discord's own words, for example ``Refusal(403, 50013, "Missing Permissions")``."""

    status: int
    code: int
    message: str

    async def __call__(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        return error_answer(self.status, self.code, self.message)


@dataclass(frozen=True)
class Reset:
    """The connection breaks: before the route runs, or ``after`` it ran, so that its answer is lost."""

    after: bool = False

    async def __call__(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        if self.after:
            await answer()
        raise break_off(request)


@dataclass(frozen=True)
class Slow:
    """The answer comes late."""

    seconds: float

    async def __call__(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        await asyncio.sleep(self.seconds)
        return await answer()


@dataclass
class Hold:
    """The request waits until the test lets it go on. ``after``: the route has run, its answer is held back.

    ``release`` lets it pass; ``drop`` breaks the connection, and a route that has not run never will.
    """

    after: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _go: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _dropped: bool = field(default=False, repr=False)

    async def __call__(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        response = await answer() if self.after else None
        self.arrived.set()
        await self._go.wait()
        if self._dropped:
            raise break_off(request)
        return response or await answer()

    def release(self) -> None:
        """Let the request go on."""
        self._go.set()

    def drop(self) -> None:
        """Break the request's connection."""
        self._dropped = True
        self._go.set()


@dataclass(frozen=True)
class Redirect:
    """302 to another address."""

    location: str

    async def __call__(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": self.location, "Via": VIA})


@dataclass(frozen=True)
class Oversized:
    """A body of ``size`` bytes; ``declared`` False: without saying so beforehand."""

    size: int
    declared: bool = False

    async def __call__(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "image/jpeg"})
        if self.declared:
            response.content_length = self.size
        else:
            response.enable_chunked_encoding()
        await response.prepare(request)
        for start in range(0, self.size, CHUNK):
            await response.write(b"\xff" * min(CHUNK, self.size - start))
        await response.write_eof()
        return response


@dataclass(frozen=True)
class Truncated:
    """The connection breaks after ``kept`` bytes of the body."""

    kept: int

    async def __call__(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        whole = await answer()
        body = whole.body if isinstance(whole, web.Response) else None
        if not isinstance(body, bytes):
            raise TypeError("only an answer with a body of bytes can be cut short")
        response = web.StreamResponse(status=whole.status, headers={"Content-Type": whole.content_type})
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: self.kept])
        raise break_off(request, flush=True)


@dataclass(frozen=True)
class Trickle:
    """The body comes drop by drop: ``size`` bytes every ``pause`` seconds."""

    size: int = 1
    pause: float = 0.05

    async def __call__(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        whole = await answer()
        body = whole.body if isinstance(whole, web.Response) else None
        if not isinstance(body, bytes):
            raise TypeError("only an answer with a body of bytes can trickle")
        response = web.StreamResponse(status=whole.status, headers={"Content-Type": whole.content_type})
        response.content_length = len(body)
        await response.prepare(request)
        for start in range(0, len(body), self.size):
            await response.write(body[start : start + self.size])
            await asyncio.sleep(self.pause)
        return response


class BrokenOffError(ConnectionResetError):
    """A fault broke the connection."""


def break_off(request: web.Request, *, flush: bool = False) -> BrokenOffError:
    """Break a request's connection; ``flush``: what was written still goes out."""
    if request.transport is not None:
        if flush:
            request.transport.close()
        else:
            request.transport.abort()
    return BrokenOffError("scripted")


@dataclass(eq=False)
class Script:
    """Faults for a method and a path, used up one by one."""

    method: str
    pattern: re.Pattern[str]
    faults: Iterator[Fault]
    used: int = 0
    finished: bool = False


class Faults:
    """The scripts in force. The first one that fits a request and is not used up has its way."""

    def __init__(self) -> None:
        self._scripts: list[Script] = []
        self._holds: list[Hold] = []

    def script(self, method: str, path: str, *faults: Fault) -> Script:
        """Spoil the next ``len(faults)`` requests to ``path``."""
        return self._add(method, path, faults, iter(faults))

    def always(self, method: str, path: str, fault: Fault) -> Script:
        """Spoil every request to ``path`` until :meth:`lift`."""
        return self._add(method, path, (fault,), itertools.repeat(fault))

    def hold(self, method: str, path: str, *, after: bool = False) -> Hold:
        """Hold the next request to ``path``."""
        hold = Hold(after)
        self.script(method, path, hold)
        return hold

    def lift(self, script: Script) -> None:
        """End a script."""
        script.finished = True

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, if any; it counts as used."""
        for script in self._scripts:
            if script.finished or script.method != method or not script.pattern.fullmatch(path):
                continue
            fault = next(script.faults, None)
            if fault is None:
                script.finished = True
                continue
            script.used += 1
            return fault
        return None

    def close(self) -> None:
        """End everything; requests still held are broken off."""
        self._scripts.clear()
        for hold in self._holds:
            hold.drop()

    def _add(self, method: str, path: str, faults: tuple[Fault, ...], used: Iterator[Fault]) -> Script:
        script = Script(method, _compile(path), used)
        self._scripts.append(script)
        self._holds.extend(fault for fault in faults if isinstance(fault, Hold))
        return script


def _compile(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", path)
    return re.compile("".join({"**": ".*", "*": "[^/]+"}.get(part, re.escape(part)) for part in parts))
