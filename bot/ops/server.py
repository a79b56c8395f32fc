"""``/healthz``, ``/readyz`` and ``/metrics`` for a monitor on the same machine.

* ``/healthz``: 200 while the process can do its work, else 503; only a new process mends that.
* ``/readyz``: 200 while a posted picture is dealt with at once, else 503; that usually mends itself.
* ``/metrics``: Prometheus.

Answers name parts of the program and what is wrong with them, and nothing else: no server, person or address.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from bot.settings import HealthSettings

from .health_state import LIVENESS, READINESS, Health, Part

log = structlog.get_logger(__name__)

PATHS = ("/healthz", "/readyz", "/metrics")
NAME = "stanguard"
"""What answers call themselves, in the header ``Server``."""

FRESH = 1.0
"""Seconds for which an answer is given again, so that whoever asks often costs nothing."""

_BODY = 1024
_BYE = 1.0


class HealthServer:
    """The server of one process. ``measure`` is awaited before the numbers are handed out; it must not fail."""

    def __init__(self, settings: HealthSettings, health: Health, measure: Callable[[], Awaitable[None]]) -> None:
        self._settings = settings
        self._health = health
        self._measure = measure
        self._runner: web.AppRunner | None = None
        self._problems: dict[Part, str] = {}
        self._looked = float("-inf")
        self._looking = asyncio.Lock()
        self.address: str | None = None
        """Where it listens; None: nowhere."""

    async def start(self) -> None:
        """Listen. A port that cannot be had is one line in the log: scanning matters more than being watched."""
        host, port = self._settings.host, self._settings.port
        if not port:
            log.info("health.off", remedy="Set health.port to have /healthz, /readyz and /metrics.")
            return
        application = web.Application(client_max_size=_BODY)
        application.add_routes(
            [web.get("/healthz", self._alive), web.get("/readyz", self._ready), web.get("/metrics", self._metrics)]
        )
        application.on_response_prepare.append(_name)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=_BYE)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            log.warning("health.not_served", address=shown(host, port), reason=refusal(error), remedy=REMEDY)
            return
        self._runner = runner
        self.address = f"http://{shown(host, port)}"
        log.info("health.served", address=self.address, paths=" ".join(PATHS))

    async def stop(self) -> None:
        """Stop listening."""
        runner, self._runner = self._runner, None
        self.address = None
        if runner is not None:
            await runner.cleanup()

    async def _alive(self, request: web.Request) -> web.Response:
        del request
        return _answer({part: why for part, why in (await self._look()).items() if part in LIVENESS})

    async def _ready(self, request: web.Request) -> web.Response:
        del request
        found = await self._look()
        problems = {part: why for part, why in found.items() if part in READINESS}
        return _answer(problems, also={part: why for part, why in found.items() if part not in READINESS})

    async def _metrics(self, request: web.Request) -> web.Response:
        del request
        await self._measure()
        return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _look(self) -> dict[Part, str]:
        async with self._looking:
            if time.monotonic() - self._looked >= FRESH:
                self._problems = await self._health.problems(tuple(Part))
                self._looked = time.monotonic()
            return self._problems


REMEDY = "Set health.port to a free port, another one for each process; the bot works without it."


def refusal(error: OSError) -> str:
    """Why an address cannot be listened on, in a few words."""
    return {
        errno.EADDRINUSE: "another program listens there",
        errno.EACCES: "this user may not listen there",
        errno.EADDRNOTAVAIL: "this machine has no such address",
    }.get(error.errno or 0, "this address cannot be listened on")


def shown(host: str, port: int) -> str:
    """Host and port as they stand in an address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _answer(problems: Mapping[Part, str], also: Mapping[Part, str] | None = None) -> web.Response:
    """200, or 503 with what is wrong. ``also``: what is not well either, but no reason to say no."""
    body: dict[str, object] = {"ok": not problems}
    if problems:
        body["problems"] = {part.value: reason for part, reason in problems.items()}
    if also:
        body["also"] = {part.value: reason for part, reason in also.items()}
    return web.json_response(body, status=503 if problems else 200, headers={"Cache-Control": "no-store"})


async def _name(request: web.Request, response: web.StreamResponse) -> None:
    """Versions of libraries are nobody's business."""
    del request
    response.headers["Server"] = NAME
