"""A loopback media host that misbehaves on request: the first part of the path says how."""

import asyncio
import gzip
from collections import Counter

from aiohttp import web
from aiohttp.test_utils import TestServer

CAP = 4096
"""The byte cap that the answers are measured against."""

PICTURE = bytes(range(256)) * 8


class Host:
    """A media host. What it got is in ``seen`` and ``requests``."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.requests: list[web.Request] = []
        self.busy = self.busiest = 0
        self.gate = asyncio.Event()
        self.arrived = asyncio.Semaphore(0)
        self.sent = 0
        app = web.Application()
        app.router.add_get("/{tail:.*}", self._answer)
        self.server = TestServer(app)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.port}/{path}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.path.strip("/").split("/")[0]
        self.seen[name] += 1
        self.requests.append(request)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        self.arrived.release()
        try:
            return await getattr(self, name)(request)
        finally:
            self.busy -= 1

    async def picture(self, _: web.Request) -> web.Response:
        return web.Response(body=PICTURE, headers={"Set-Cookie": "tracked=1"})

    async def status(self, request: web.Request) -> web.Response:
        return web.Response(status=int(request.query["code"]), body=b"no")

    async def away(self, _: web.Request) -> web.Response:
        raise web.HTTPFound(self.url("picture"))

    async def announced(self, _: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(10**9)})
        await response.prepare(_)
        await response.write(b"x")
        await self.gate.wait()
        return response

    async def endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        while self.sent < 10**9:
            await response.write(bytes(1024))
            self.sent += 1024
        return response

    async def silent(self, _: web.Request) -> web.Response:
        await self.gate.wait()
        return web.Response(body=PICTURE)

    async def trickle(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        while not self.gate.is_set():
            await response.write(b"x")
            await asyncio.sleep(0.05)
        return response

    async def short(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"too little")
        assert request.transport is not None
        request.transport.close()
        return response

    async def shaky(self, request: web.Request) -> web.StreamResponse:
        """Fails once in the way that is asked for, then works."""
        if self.seen["shaky"] > 1:
            return web.Response(body=PICTURE)
        how = request.query["how"]
        if how == "reset":
            assert request.transport is not None
            request.transport.abort()
        if how == "short":
            return await self.short(request)
        if how == "slow down":
            return web.Response(status=429, headers={"Retry-After": request.query.get("after", "0.01")})
        return web.Response(status=int(how) if how.isdigit() else 500)

    async def empty(self, _: web.Request) -> web.Response:
        return web.Response(body=b"")

    async def packed(self, _: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(bytes(10**6)), headers={"Content-Encoding": "gzip"})

    async def exact(self, _: web.Request) -> web.Response:
        return web.Response(body=bytes(CAP))

    async def over(self, _: web.Request) -> web.Response:
        return web.Response(body=bytes(CAP + 1))
