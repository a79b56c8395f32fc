"""simcord's preview of the review channel, kept open and served under the demo's own address.

The preview forbids to be shown inside another page, and it refuses an action while another one is under way. So it
listens on a port of its own that nobody is told, and this passes requests on: actions one after the other with those
of the control page, everything else at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from zoneinfo import available_timezones

import aiohttp
from aiohttp import web
from simcord import Preview, SetupError

from .world import World

EMBEDDED_STYLE = b'<link rel="stylesheet" href="/demo/review.css"></head>'
ACTION, STATE = "/api/action", "/api/state"

_PASSED_ON = ("Accept", "Content-Type", "X-Simcord-Capability", "X-Simcord-Context")
_PASSED_BACK = ("Content-Type", "Content-Disposition", "X-Display-Width", "X-Display-Height", "X-Media-Kind")
_PREFIXES_BACK = ("x-media-", "x-simcord-", "x-display-")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self' blob:; img-src 'self' blob:; media-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
    ),
}


class ReviewWindow:
    """The review channel as the moderator sees it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._preview: Preview | None = None
        self._address = ""
        self._session: aiohttp.ClientSession | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._shown = -1

    async def open(self) -> None:
        """Show the channel, and show it anew whenever somebody ends the preview."""
        self._session = aiohttp.ClientSession(auto_decompress=False)
        shown = asyncio.Event()
        opened = asyncio.create_task(shown.wait())
        self._keeper = asyncio.create_task(self._keep(shown), name="review-window")
        await asyncio.wait({self._keeper, opened}, return_when=asyncio.FIRST_COMPLETED)
        if self._keeper.done():
            opened.cancel()
            self._keeper.result()
        self._world.at_rest = self._refresh

    async def close(self) -> None:
        """End the preview."""
        if self._keeper is not None:
            self._world.at_rest = None
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    @property
    def key(self) -> str:
        """What stands behind the # of the window's address; without it the preview answers nothing."""
        return self._address.partition("#")[2]

    def routes(self) -> list[web.RouteDef]:
        """The addresses of the window; the last one takes every path that nothing else takes."""
        return [
            web.get("/review", self._page),
            web.get("/review/embedded", self._embedded_page),
            web.post(ACTION, self._act),
            web.route("*", "/{path:.*}", self._pass_on),
        ]

    async def _keep(self, shown: asyncio.Event) -> None:
        world = self._world
        viewers = [world.server.moderator.actor]
        while True:
            async with world.exclusive():
                preview = world.env.preview(
                    world.server.review, viewers=viewers, layout="channel", timezone=local_timezone()
                )
            async with preview:
                self._preview, self._address = preview, preview.url
                shown.set()
                world.journal.changed()
                await preview.wait_closed()
            self._preview, self._address = None, ""

    async def _refresh(self) -> None:
        """Publish the channel again if something happened in it."""
        revision = self._world.journal.review_revision
        if self._preview is not None and revision != self._shown:
            self._shown = revision
            with contextlib.suppress(SetupError):  # somebody ended it just now; a new one shows everything anyway
                await self._preview.refresh()

    # ------------------------------------------------------------------------------------------------- requests

    async def _page(self, request: web.Request) -> web.Response:
        return await self._forward(request, "/")

    async def _embedded_page(self, request: web.Request) -> web.Response:
        page = await self._forward(request, "/")
        assert isinstance(page.body, bytes)
        page.body = page.body.replace(b"</head>", EMBEDDED_STYLE)
        return page

    async def _act(self, request: web.Request) -> web.Response:
        """Pass an action on, and once more if it crossed with a publication that the person did not see yet.

        The buttons of a card carry the version of their case, so a press of an outdated card is noticed by the bot.
        """
        body = await request.read()
        async with self._world.turn():
            answer = await self._forward(request, ACTION, body)
            if request.content_type == "application/json" and _crossed(answer):
                page = await self._forward(request, STATE, method="GET")
                body = _at_revision(body, _json(page).get("publishedRevision"))
                answer = await self._forward(request, ACTION, body)
        return answer

    async def _pass_on(self, request: web.Request) -> web.Response:
        return await self._forward(request, request.path_qs, await request.read())

    async def _forward(
        self, request: web.Request, path: str, body: bytes = b"", *, method: str | None = None
    ) -> web.Response:
        if not self._address or self._session is None:
            raise web.HTTPServiceUnavailable(text="The review channel is not open yet; try again in a moment.")
        origin = self._address.partition("/#")[0]
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        try:
            async with self._session.request(
                method or request.method, f"{origin}{path}", headers=headers, data=body or None, allow_redirects=False
            ) as answer:
                content = await answer.read()
                return web.Response(
                    status=answer.status, body=content, headers={**_answered(answer.headers), **_HEADERS}
                )
        except aiohttp.ClientError:
            raise web.HTTPServiceUnavailable(text="The review channel was closed; reload this page.") from None


def _json(answer: web.Response) -> dict[str, Any]:
    try:
        value: Any = json.loads(answer.body if isinstance(answer.body, bytes) else b"")
    except ValueError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _crossed(answer: web.Response) -> bool:
    diagnostics = cast("list[dict[str, Any]]", _json(answer).get("diagnostics") or [])
    return any(item.get("code") == "stale-revision" for item in diagnostics)


def _at_revision(body: bytes, revision: object) -> bytes:
    return json.dumps({**json.loads(body), "published_revision": revision}).encode()


def local_timezone() -> str:
    """The name of this computer's time zone; UTC where it cannot be told, which is so on Windows."""
    _, zoneinfo, name = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")
    name = name if zoneinfo else "UTC"
    return name if name in available_timezones() else "UTC"


def _answered(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name in _PASSED_BACK or name.lower().startswith(_PREFIXES_BACK)
    }
