"""One simulated server for the tests of a module: it takes seconds to open, and every test looks at its own posts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest_asyncio

from bot.demo.control import ControlServer
from bot.demo.journal import Post
from bot.demo.program import tell_beginning
from bot.demo.shelf import Shelf
from bot.demo.world import World, open_world


@dataclass
class Visitor:
    """A browser on the control page."""

    world: World
    control: ControlServer
    http: aiohttp.ClientSession

    def url(self, path: str) -> str:
        return self.control.address + path

    async def ask(self, path: str, **what: Any) -> tuple[int, dict[str, str]]:
        async with self.http.post(self.url(f"demo/api/{path}"), json=what) as answer:
            return answer.status, await answer.json()

    async def post(self, item: str | None, *, person: str = "jules", text: str = "") -> Post:
        before = set(self.world.journal.posts)
        status, answer = await self.ask("post", person=person, item=item, text=text)
        assert (status, answer) == (200, {"answer": ""})
        (new,) = set(self.world.journal.posts) - before
        return self.world.journal.posts[new]


async def _serve(opened: asyncio.Future[Visitor], wanted: asyncio.Event) -> None:
    async with open_world() as world, aiohttp.ClientSession() as http:
        shelf = Shelf()
        control = ControlServer(world, shelf)
        await control.start(None)
        try:
            await tell_beginning(world, shelf)
            opened.set_result(Visitor(world, control, http))
            await wanted.wait()
        finally:
            await control.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def visitor() -> AsyncIterator[Visitor]:
    """simcord wants to be closed by the task that opened it, which pytest does not promise: so it gets one."""
    opened: asyncio.Future[Visitor] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()
    server = asyncio.create_task(_serve(opened, done))
    await asyncio.wait({server, opened}, return_when=asyncio.FIRST_COMPLETED)
    if server.done():
        await server
    yield await opened
    done.set()
    await server
