"""Make docs/demo.png anew: the demo's control page in a headless Chromium, right after the story.

Run it with ``uv run --extra demo python scripts/demo_picture.py [FILE]``. The browser is ``chromium``,
``google-chrome`` or what the variable ``CHROMIUM`` names; it is driven by its DevTools protocol.
"""  # noqa: INP001

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from bot.demo.actions import PostItem
from bot.demo.control import ControlServer
from bot.demo.program import tell_beginning
from bot.demo.shelf import Shelf
from bot.demo.world import open_world

TARGET = Path(__file__).resolve().parent.parent / "docs" / "demo.png"
LARGEST = 600_000
WIDTH, HEIGHT, SCALE = 1440, 960, 1.5
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)

READY = """
(() => {
  const inner = document.querySelector("#review").contentDocument;
  return document.fonts.status === "loaded"
    && document.querySelectorAll(".post").length === POSTS
    && document.querySelector(".post:last-child .chip") !== null
    && [...document.images].every((image) => image.complete && image.naturalWidth)
    && inner?.querySelectorAll("button").length > 3
    && inner.fonts.status === "loaded"
    && inner.body.innerText.includes("2 copies")
    && inner.body.innerText.includes("Case #2");
})()
"""
ARRANGE = """
(() => {
  const posts = document.querySelector("#posts");
  posts.scrollTop = posts.scrollHeight;
  document.querySelector("#log").scrollTop = 1e6;
  document.activeElement?.blur();
})()
"""


class Page:
    """A page of a browser, over its DevTools socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """Send one command and return its result."""
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": params})
        while True:
            answer = await self._socket.receive_json()
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    async def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - whatever the page computes
        """The value of a JavaScript expression in the page; None while it throws."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    async def wait_for(self, expression: str) -> None:
        """Return when the expression is true; TimeoutError after half a minute."""
        for _ in range(300):
            if await self.evaluate(expression):
                return
            await asyncio.sleep(0.1)
        raise TimeoutError("The page did not come to show everything within half a minute.")


@contextlib.asynccontextmanager
async def open_page(browser: str) -> AsyncGenerator[Page]:
    """Start the browser with an empty profile and hand its page over."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            browser,
            *FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await _port(Path(profile) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    targets = await answer.json()
                address = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    yield Page(socket)
        finally:
            process.terminate()
            await process.wait()


async def _port(file: Path) -> int:
    for _ in range(600):
        with contextlib.suppress(FileNotFoundError, IndexError):
            return int((await asyncio.to_thread(file.read_text)).splitlines()[0])
        await asyncio.sleep(0.05)
    raise TimeoutError("The browser did not start within half a minute.")


async def photograph(browser: str) -> bytes:
    """Play the story, let a fan post the official photo, and return the page as a PNG."""
    async with open_world() as world:
        shelf = Shelf()
        control = ControlServer(world, shelf)
        await control.start(None)
        try:
            await tell_beginning(world, shelf)
            post = PostItem(person="jules", item="official", text="the official one is out!")
            await post.carry_out(world, shelf)
            async with open_page(browser) as page:
                await page.call(
                    "Emulation.setDeviceMetricsOverride",
                    width=WIDTH,
                    height=HEIGHT,
                    deviceScaleFactor=SCALE,
                    mobile=False,
                )
                light = {"name": "prefers-color-scheme", "value": "light"}
                await page.call("Emulation.setEmulatedMedia", features=[light])
                await page.call("Page.navigate", url=control.address)
                await page.wait_for(READY.replace("POSTS", str(len(world.journal.posts))))
                await page.evaluate(ARRANGE)
                await asyncio.sleep(1.0)  # for the last frames to be drawn
                shot = await page.call("Page.captureScreenshot", format="png")
        finally:
            await control.close()
    return base64.b64decode(shot["data"])


def small(png: bytes) -> bytes:
    """The same pixels in fewer bytes."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> int:
    """Make the picture; 2 and a sentence if that is not possible."""
    logging.disable(logging.WARNING)
    names = (os.environ.get("CHROMIUM", ""), *BROWSERS)
    browser = next(filter(None, map(shutil.which, filter(None, names))), None)
    if browser is None:
        sys.stderr.write("There is no Chromium here; install one, or name it in the variable CHROMIUM.\n")
        return 2
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    picture = small(asyncio.run(photograph(browser)))
    if len(picture) > LARGEST:
        sys.stderr.write(f"The picture has {len(picture)} bytes, more than {LARGEST}; lower SCALE.\n")
        return 2
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(picture)
    sys.stdout.write(f"{target}: {len(picture)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
