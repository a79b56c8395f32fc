"""The whole of it: one server on 127.0.0.1 that is REST, gateway and CDN to a bot."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from .cdn import Cdn
from .faults import BrokenOffError, Faults
from .gateway import Gateway
from .interactions import Interactions
from .journal import Journal, Request
from .ratelimits import RateLimits
from .rest import MAX_BODY, RECORD, Api, GeneralRoutes
from .rest_interactions import InteractionRoutes
from .rest_members import MemberRoutes
from .rest_messages import MessageRoutes
from .world import World

T = TypeVar("T")

API = "/api/v10"


class Discordd:
    """Our loopback Discord.

    ``world`` makes guilds and posts, ``gateway`` and ``faults`` break things, ``interactions`` lets members press and
    type, ``general`` and ``messages`` are REST, ``journal`` says what went over the wire and when. Use as an async
    context manager.
    """

    def __init__(self, *, token: str = "loopback.token.of-no-value", limits: RateLimits | None = None) -> None:
        self.token = token
        self.journal = Journal()
        self.faults = Faults()
        self.cdn = Cdn()
        self.gateway = Gateway(token, self.journal)
        self.world = World(self.cdn, self.gateway.emit)
        self.gateway.attach(self.world)
        self.limits = limits or RateLimits()
        self.port = 0
        api = Api(token, self.world, self.gateway, self.journal, self.limits)
        self.general = GeneralRoutes(api, lambda: self.gateway_url)
        self.interactions = Interactions(self.world, self.general.commands)
        self._application = web.Application(middlewares=[self._exchange], client_max_size=MAX_BODY)
        self.messages = MessageRoutes(api)
        for routes in (self.general, MemberRoutes(api), self.messages, InteractionRoutes(api, self.interactions)):
            self._application.add_routes(routes.routes(API))
        self._application.add_routes(self.cdn.routes())
        self._application.add_routes(self.gateway.routes())
        self._runner = web.AppRunner(self._application, access_log=None, shutdown_timeout=1.0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        """Listen; ``port`` 0 takes a free one."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.cdn.cdn_url, self.cdn.proxy_url = f"{self.origin}/cdn", f"{self.origin}/media"
        self.gateway.resume_url = f"{self.gateway_url}/resume"

    async def stop(self) -> None:
        """Break off what is held, close the connections and stop listening."""
        self.faults.close()
        await self.gateway.stop()
        await self._runner.cleanup()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        """The base of REST."""
        return self.origin + API

    @property
    def gateway_url(self) -> str:
        """Where a session begins."""
        return f"ws://127.0.0.1:{self.port}/gateway"

    # ---------------------------------------------------------------------------------------------- for the bot

    def settings(self, **overrides: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Settings (the tables of config.toml, without the token) that point a bot here; ``overrides`` by table."""
        tables: dict[str, dict[str, Any]] = {
            "discord": {
                "api_url": self.api_url,
                "gateway_url": self.gateway_url,
                "cdn_url": self.cdn.cdn_url,
            },
            "media": {"allowed_hosts": [f"127.0.0.1:{self.port}"], "allow_http": True},
            "health": {"port": 0},
        }
        for table, values in overrides.items():
            tables.setdefault(table, {}).update(values)
        return tables

    def write_config(self, path: Path, **overrides: Mapping[str, Any]) -> Path:
        """Write the settings as a config.toml."""
        lines: list[str] = []
        for table, values in self.settings(**overrides).items():
            # A JSON string, number, boolean or list of them is the same in TOML.
            lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""]
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    def environment(self) -> dict[str, str]:
        """The variable that holds the token."""
        return {"STANGUARD_DISCORD__TOKEN": self.token}

    # ---------------------------------------------------------------------------------------------- for the test

    async def wait_for(self, predicate: Callable[[], T], *, within: float = 60.0) -> T:
        """What ``predicate`` returns as soon as that is true, see :meth:`Journal.wait_for`."""
        return await self.journal.wait_for(predicate, within=within)

    async def wait_connected(self, *, shards: int = 1, within: float = 60.0) -> None:
        """Wait until a bot is connected on so many shards and was told of every guild."""
        await self.wait_for(
            lambda: (
                len(self.gateway.connected) >= shards
                and {frame.id for frame in self.journal.events("GUILD_CREATE")} >= set(self.world.guilds)
            ),
            within=within,
        )

    @web.middleware
    async def _exchange(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        """Every request: note it, spoil it if the script says so, answer it, note how that went."""
        at = time.perf_counter()
        resource = request.match_info.route.resource
        template = resource.canonical if resource is not None else request.path
        record = Request(
            at,
            request.method,
            request.path.removeprefix(API),
            request.query_string,
            f"{request.method} {template.removeprefix(API)}",
            dict(request.match_info),
            dict(request.headers),
        )
        request[RECORD] = record
        self.journal.arrived(record)

        async def answer() -> web.StreamResponse:
            response = await handler(request)
            record.effect = response.status
            return response

        fault = self.faults.take(request.method, record.path)
        try:
            response = await (fault(request, answer) if fault is not None else answer())
            record.status = response.status
            return response
        except web.HTTPException as error:
            record.effect = record.status = error.status
            raise
        except BrokenOffError:
            # Nothing can be said on a broken connection; aiohttp drops an answer to it.
            return web.Response()
        finally:
            record.finished = time.perf_counter()
            self.journal.touch()
