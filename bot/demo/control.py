"""The control page: the fan channel and everything that a member can do in it, at http://127.0.0.1:<port>/.

It listens on this computer alone. Another website could still send requests to it from the person's browser, so the
names by which it is called are checked, and what changes something is taken as JSON from its own page only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, TypeVar

from aiohttp import web
from pydantic import ValidationError
from simcord import BackendError, SetupError

from bot.errors import NotFoundError, RefusedError, StanguardError

from . import shelf, state
from .actions import Action, Delete, Edit, Forward, Menu, PostItem
from .cdn import LOOPBACK
from .review import ReviewWindow
from .shelf import Shelf
from .world import World

KEEP_ALIVE_SECONDS = 15.0
COALESCE_SECONDS = 0.04
LARGEST_REQUEST = 27 * 1024 * 1024
"""Bytes; the preview takes uploads of 25 MiB."""

_STATIC = {
    "/": ("index.html", "text/html"),
    "/demo/style.css": ("style.css", "text/css"),
    "/demo/review.css": ("review.css", "text/css"),
    "/demo/app.js": ("app.js", "text/javascript"),
    "/demo/channel.js": ("channel.js", "text/javascript"),
    "/demo/dom.js": ("dom.js", "text/javascript"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
A = TypeVar("A", bound=Action)


class ControlServer:
    """Serves the control page, its interface and the review window."""

    def __init__(self, world: World, shelf_: Shelf) -> None:
        self._world = world
        self._shelf = shelf_
        self._window = ReviewWindow(world)
        self._runner: web.AppRunner | None = None
        self._thumbnails: dict[str, bytes] = {}
        self._closing = False
        self.port = 0

    @property
    def address(self) -> str:
        """Where the control page is."""
        return f"http://{LOOPBACK}:{self.port}/"

    @property
    def review_address(self) -> str:
        """Where the review channel alone is. Whoever knows it can act as the moderator of the simulated server."""
        return f"{self.address}review#{self._window.key}"

    async def start(self, port: int | None) -> None:
        """Listen on the port, or on a free one. Raises RefusedError when the port is taken."""
        app = web.Application(middlewares=[self._guard], client_max_size=LARGEST_REQUEST)
        app.add_routes(self._routes())
        app.add_routes(self._window.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, LOOPBACK, port or 0).start()
        except OSError:
            raise RefusedError(f"Port {port} is taken; choose another one with --port, or leave it away.") from None
        self.port = self._runner.addresses[0][1]
        await self._window.open()

    async def close(self) -> None:
        """Stop listening."""
        self._closing = True
        self._world.journal.changed()
        await self._window.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _routes(self) -> list[web.RouteDef]:
        return [
            *(web.get(path, self._static) for path in _STATIC),
            web.get("/demo/api/fixed", self._fixed),
            web.get("/demo/api/events", self._events),
            web.get("/demo/api/shelf/{key}", self._thumbnail),
            web.get("/demo/api/faces/{key}", self._face),
            web.get("/demo/api/pictures/{message}/{number}", self._picture),
            web.post("/demo/api/post", self._acting(PostItem)),
            web.post("/demo/api/edit", self._acting(Edit)),
            web.post("/demo/api/forward", self._acting(Forward)),
            web.post("/demo/api/menu", self._acting(Menu)),
            web.post("/demo/api/delete", self._acting(Delete)),
        ]

    # ------------------------------------------------------------------------------------------------- guarding

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn away what another website sent, whatever name it gave to this computer."""
        hosts = {f"{LOOPBACK}:{self.port}", f"localhost:{self.port}"}
        if request.headers.get("Host") not in hosts:
            raise web.HTTPForbidden(text="This page answers to 127.0.0.1 and localhost alone.")
        origin = request.headers.get("Origin")
        foreign = origin is not None and origin not in {f"http://{host}" for host in hosts}
        if foreign or request.headers.get("Sec-Fetch-Site") == "cross-site":
            raise web.HTTPForbidden(text="Another website sent this request, so it was not carried out.")
        response = await handler(request)
        if not response.prepared:
            for name, value in _HEADERS.items():
                response.headers.setdefault(name, value)
        return response

    # ------------------------------------------------------------------------------------------------- showing

    async def _static(self, request: web.Request) -> web.Response:
        name, content_type = _STATIC[request.path]
        text = files("bot.demo").joinpath("static", name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=content_type)

    async def _fixed(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(state.fixed(self._world))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """The state of the world, again at every change, as server-sent events."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **_HEADERS})
        await response.prepare(request)
        with self._world.journal.watch() as changed, contextlib.suppress(ConnectionError):
            while not self._closing:
                changed.clear()
                data = json.dumps(state.snapshot(self._world, self._window), separators=(",", ":"))
                await response.write(f"data: {data}\n\n".encode())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), KEEP_ALIVE_SECONDS)
                    await asyncio.sleep(COALESCE_SECONDS)
        return response

    async def _thumbnail(self, request: web.Request) -> web.Response:
        try:
            key = shelf.item(request.match_info["key"]).key
        except NotFoundError:
            raise web.HTTPNotFound from None
        if key not in self._thumbnails:
            self._thumbnails[key] = await asyncio.to_thread(shelf.thumbnail, key)
        return web.Response(body=self._thumbnails[key], content_type="image/jpeg")

    async def _face(self, request: web.Request) -> web.Response:
        face = self._world.face(request.match_info["key"])
        if face is None:
            raise web.HTTPNotFound
        return web.Response(body=face, content_type="image/png")

    async def _picture(self, request: web.Request) -> web.Response:
        """A picture of a message that still stands; what was removed is not shown any more."""
        try:
            urls = self._world.post(int(request.match_info["message"])).pictures
            url = urls[int(request.match_info["number"])]
        except (NotFoundError, ValueError, IndexError):
            raise web.HTTPNotFound from None
        data, content_type = self._world.cdn.get(url), self._world.cdn.content_type(url)
        if data is None or content_type is None:
            raise web.HTTPNotFound
        return web.Response(body=data, content_type=content_type)

    # ------------------------------------------------------------------------------------------------- acting

    def _acting(self, kind: type[A]) -> Handler:
        async def act(request: web.Request) -> web.Response:
            if request.content_type != "application/json":
                return _problem("Send what to do as JSON.")
            try:
                action = kind.model_validate_json(await request.read())
            except ValidationError as error:
                return _problem(_sentence(error))
            try:
                answer = await action.carry_out(self._world, self._shelf)
            except StanguardError as error:
                return _problem(str(error))
            except (BackendError, SetupError) as error:
                return _problem(f"Discord does not allow that: {error}.")
            return web.json_response({"answer": answer})

        return act


def _problem(sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=400)


def _sentence(error: ValidationError) -> str:
    first: Any = error.errors(include_input=False, include_url=False)[0]
    if first["type"] == "json_invalid":
        return "Send what to do as JSON."
    name = ".".join(str(part) for part in first["loc"])
    return f"{name}: {first['msg'].removeprefix('Value error, ')}."
