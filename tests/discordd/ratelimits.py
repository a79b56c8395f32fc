"""Discord's rate limits: a fixed window for each route and major parameter, and one for the whole bot."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .ids import age_of
from .journal import BULK_DELETE, CREATE_MESSAGE, DELETE_MESSAGE, EDIT_MESSAGE

FRESH = DELETE_MESSAGE + " younger than 10 s"
OLD = DELETE_MESSAGE + " older than 2 weeks"
TWO_WEEKS = 14 * 24 * 3600

Limit = tuple[int, float]
"""How many requests, in how many seconds."""

OBSERVED: Mapping[str, Limit] = MappingProxyType(
    {
        FRESH: (5, 1.0),
        DELETE_MESSAGE: (3, 0.333),
        OLD: (30, 4.0),
        BULK_DELETE: (1, 1.0),
        CREATE_MESSAGE: (5, 5.0),
        EDIT_MESSAGE: (5, 5.0),
        "GET /channels/{channel_id}/messages": (5, 5.0),
        "POST /webhooks/{webhook_id}/{webhook_token}": (5, 2.0),
    }
)
"""Limits that people have measured; Discord publishes none and may change them."""


@dataclass(slots=True)
class Window:
    """One bucket: ``limit`` requests in ``period`` seconds from the first of them."""

    limit: int
    period: float
    used: int = 0
    opened: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        """Whether one more is allowed now."""
        now = time.monotonic()
        if now - self.opened >= self.period:
            self.opened, self.used = now, 0
        if self.used >= self.limit:
            return False
        self.used += 1
        return True

    @property
    def reset_after(self) -> float:
        """Seconds until the window opens again."""
        return max(0.0, self.opened + self.period - time.monotonic())


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether a request may pass, with the headers of its answer. ``retry_after`` set: it may not."""

    headers: dict[str, str]
    retry_after: float | None = None
    is_global: bool = False


class RateLimits:
    """All buckets. ``limits`` maps a route to its limit, ``default`` is for every other route, ``per_second`` for the
    whole bot."""

    def __init__(
        self, limits: Mapping[str, Limit] = OBSERVED, *, default: Limit = (10, 1.0), per_second: int = 50
    ) -> None:
        self._limits = limits
        self._default = default
        self._windows: dict[tuple[str, str], Window] = {}
        self._global = Window(per_second, 1.0)

    @classmethod
    def generous(cls) -> RateLimits:
        """Limits that nobody meets. The headers stay, because a client without them goes one request at a time."""
        return cls({}, default=(100_000, 1.0), per_second=1_000_000)

    def rule(self, route: str, params: Mapping[str, str]) -> Ruling:
        """Count one request to ``route`` and say whether it may pass."""
        exempt = route.startswith(("POST /interactions/", "POST /webhooks/", "PATCH /webhooks/"))
        if not exempt and not self._global.take():
            return Ruling({}, self._global.reset_after, is_global=True)
        bucket = self._bucket(route, params)
        limit, period = self._limits.get(bucket, self._default)
        major = "+".join(params[name] for name in ("channel_id", "guild_id", "webhook_id") if name in params)
        window = self._windows.setdefault((bucket, major), Window(limit, period))
        allowed = window.take()
        reset_after = window.reset_after
        headers = {
            "X-RateLimit-Limit": str(window.limit),
            "X-RateLimit-Remaining": str(window.limit - window.used),
            "X-RateLimit-Reset": f"{time.time() + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(bucket.encode()).hexdigest()[:32],
        }
        return Ruling(headers, None if allowed else reset_after)

    @staticmethod
    def _bucket(route: str, params: Mapping[str, str]) -> str:
        if route != DELETE_MESSAGE:
            return route
        age = age_of(int(params["message_id"]))
        return FRESH if age < 10 else OLD if age > TWO_WEEKS else DELETE_MESSAGE
