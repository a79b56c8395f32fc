"""Keeps this process from asking Discord more than Discord takes, at the one place that every request passes.

discord.py waits for the limits of a route. It knows nothing of what counts for the whole address: ten thousand answers
of 401, 403 or 429 within ten minutes ban it, and a proxy that several processes share may say that all of them have to
wait. So every request is looked at before it leaves, and every answer when it comes.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import discord
import structlog
from discord.http import HTTPClient, Route

log = structlog.get_logger(__name__)

WINDOW = 600.0
"""Seconds over which Discord counts invalid answers."""

SLOW_FROM, PAUSE_FROM = 1_000, 5_000
"""Invalid answers in that time from which on all but deletes go slowly, and from which on nothing is asked any more.
Discord bans at 10,000; another process behind the same address may have caused as many."""

SPACING = 1.0
"""Seconds between two requests that go slowly."""

LONGEST_WAIT = 30.0
"""Seconds that a request waits here; longer waits are the outbox's."""

LONGEST_HOLD = 300.0
"""Seconds without a request after answers that ban the address, at most: then one looks whether that is over."""

TOKEN_REFUSALS = 3
"""So many answers of 401 without a success between them mean that the token is not valid any more."""

REQUEST = aiohttp.ClientTimeout(total=45.0, sock_connect=10.0, sock_read=15.0)
"""What one request may take. Without it a host that never answers holds a call for five minutes, and its bucket. The
total counts what is waited for here too."""

EXEMPT = ("/interactions/", "/webhooks/")
"""Answers to members' presses: they carry tokens of their own, have three seconds, and no global limit."""

NOT_ACCEPTED = "Discord does not accept the token any more."


class Restraint:
    """What this process knows of Discord's patience. ``trace`` and ``limit`` connect it to discord.py's requests.

    ``token_refused`` is set when the token is not valid any more: nothing is asked after that.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._invalid: deque[float] = deque()
        self._held_until = 0.0
        self._next_slot = 0.0
        self._bans = 0
        self._refusals = 0
        self._slow = False
        self.token_refused = asyncio.Event()

    @property
    def invalid(self) -> int:
        """How many invalid answers came in the last ten minutes."""
        since = self._clock() - WINDOW
        while self._invalid and self._invalid[0] <= since:
            self._invalid.popleft()
        return len(self._invalid)

    def trace(self) -> aiohttp.TraceConfig:
        """What discord.py's session is to be made with, so that every request passes here, repeated ones too."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._starts)
        config.on_request_end.append(self._ended)
        return config

    @staticmethod
    def limit(http: HTTPClient) -> None:
        """Have every request of discord.py end in time; waiting for limits is not part of it."""
        request = http.request

        async def limited(route: Route, **options: Any) -> Any:  # noqa: ANN401 - whatever discord.py's own takes
            options.setdefault("timeout", REQUEST)
            return await request(route, **options)

        # Not by cancelling from outside: a call that is cancelled while it waits out a global limit leaves discord.py
        # waiting for the end of that limit for ever.
        setattr(http, "request", limited)  # noqa: B010 - a method of one object, which no declaration allows

    async def admit(self, *, urgent: bool) -> None:
        """Return when a request may leave. ``urgent``: a delete.

        Raises discord.RateLimited where that takes longer than a call should wait, and discord.LoginFailure when the
        token is not valid any more.
        """
        deadline = self._clock() + LONGEST_WAIT
        while True:
            if self.token_refused.is_set():
                raise discord.LoginFailure(NOT_ACCEPTED)
            wait = self._wait(urgent=urgent)
            if wait <= 0:
                return
            if self._clock() + wait > deadline:
                raise discord.RateLimited(wait)
            await asyncio.sleep(wait)

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Take an answer to a request with the bot's token into account."""
        if status == 429:
            self._limited(headers)
        elif status == 401:
            self._unauthorised()
        elif status < 500:
            self._bans = self._refusals = 0
        self.counted(status, headers)

    def counted(self, status: int, headers: Mapping[str, str]) -> None:
        """Count an answer if it is one of those for which Discord bans."""
        if status not in {401, 403, 429} or headers.get("X-RateLimit-Scope") == "shared":
            return
        self._invalid.append(self._clock())
        count = self.invalid
        if count < SLOW_FROM:
            self._slow = False
        elif not self._slow:
            self._slow = True
            log.warning("discord.slowed", invalid=count, seconds=WINDOW)
        if count >= PAUSE_FROM and self._held_until < self._invalid[-1] + WINDOW / 2:
            log.error("discord.paused", invalid=count, seconds=WINDOW)
            self._hold(WINDOW)

    def _wait(self, *, urgent: bool) -> float:
        """Seconds until a request may leave; 0: now, and its place is taken."""
        now = self._clock()
        if now < self._held_until:
            return self._held_until - now
        if self._bans or (not urgent and self.invalid >= SLOW_FROM):
            if now < self._next_slot:
                return self._next_slot - now
            self._next_slot = now + SPACING
        return 0.0

    def _limited(self, headers: Mapping[str, str]) -> None:
        scope, seconds = headers.get("X-RateLimit-Scope"), _seconds(headers)
        # Of several that were under way at once only the first answer says anything new.
        first = self._clock() >= self._held_until
        if scope == "global" or "X-RateLimit-Global" in headers:
            if first:
                log.warning("discord.global_limit", seconds=seconds)
            self._hold(seconds)
        elif scope is None and "Via" not in headers:
            # Not from Discord itself but from before it, and about no route: this address is to be quiet.
            self._bans += first
            seconds = min(max(seconds, SPACING * 2 ** min(max(self._bans, 1) - 1, 16)), LONGEST_HOLD)
            if first:
                log.warning("discord.address_limited", seconds=seconds, times=self._bans)
            self._hold(seconds)

    def _unauthorised(self) -> None:
        self._refusals += 1
        if self._refusals >= TOKEN_REFUSALS and not self.token_refused.is_set():
            log.error("discord.token_refused")
            self.token_refused.set()

    def _hold(self, seconds: float) -> None:
        self._held_until = max(self._held_until, self._clock() + seconds)

    async def _starts(self, session: object, context: object, params: aiohttp.TraceRequestStartParams) -> None:
        del session, context
        path = _path(str(params.url))
        if path is not None and not path.startswith(EXEMPT):
            bulk = params.method == "POST" and path.endswith("/messages/bulk-delete")
            await self.admit(urgent=bulk or (params.method == "DELETE" and "/messages/" in path))

    async def _ended(self, session: object, context: object, params: aiohttp.TraceRequestEndParams) -> None:
        del session, context
        path = _path(str(params.url))
        if path is None:
            return
        answer = params.response
        if path.startswith(EXEMPT):
            self.counted(answer.status, answer.headers)
        else:
            self.answered(answer.status, answer.headers)


def _path(url: str) -> str | None:
    """The part of the address below Discord's interface; None for any other address."""
    return url.removeprefix(Route.BASE) if url.startswith(Route.BASE) else None


def _seconds(headers: Mapping[str, str]) -> float:
    """How long an answer asks to wait."""
    try:
        return max(0.0, float(headers["Retry-After"]))
    except (KeyError, ValueError):
        return SPACING
