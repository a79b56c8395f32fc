"""The simulated server's media host: simcord's store of files, reachable over HTTP on this computer alone.

The bot fetches pictures from here as it fetches them from Discord: by address, over a socket, under its own limits.
Files live in memory only.
"""

from __future__ import annotations

import mimetypes
from typing import Any
from urllib.parse import quote

from aiohttp import web
from simcord.backend.cdn import CdnStore

LOOPBACK = "127.0.0.1"


class LoopbackCdn(CdnStore):
    """A CDN whose addresses work: ``http://127.0.0.1:<port>/...``. Start it before anything is stored."""

    def __init__(self) -> None:
        super().__init__()
        self._files: dict[str, tuple[str, bytes]] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def host(self) -> str:
        """Host and port, as the bot's setting ``media.allowed_hosts`` wants them."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def address(self) -> str:
        """The address that every file's address begins with, without a slash at the end."""
        return f"http://{self.host}"

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_get("/{path:.+}", self._serve)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, 0)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening and forget all files."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._files.clear()

    def publish(self, path: str, data: bytes) -> str:
        """Put a file under a path, as Discord's media proxy does with a picture that a message links to."""
        return self._put(path, data)[0]

    def stand_in(self, url: str, data: bytes) -> None:
        """Answer for an address of simcord's own, which nothing fetches over HTTP: avatars in the preview."""
        self._files[url] = mimetypes.guess_type(url)[0] or "application/octet-stream", data

    def store_attachment(
        self, attachment_id: int, channel_id: int, filename: str, data: bytes, description: str | None
    ) -> dict[str, Any]:
        """Keep an uploaded file and describe it as Discord does."""
        url, content_type = self._put(f"attachments/{channel_id}/{attachment_id}/{filename}", data)
        return {
            "id": str(attachment_id),
            "filename": filename,
            "description": description,
            "size": len(data),
            "url": url,
            "proxy_url": url,
            "content_type": content_type,
        }

    def get(self, url: str) -> bytes | None:
        """The file under an address, without a request."""
        found = self._files.get(url)
        return super().get(url) if found is None else found[1]

    def content_type(self, url: str) -> str | None:
        """The type of the file under an address; None when there is none."""
        found = self._files.get(url)
        return None if found is None else found[0]

    def _put(self, path: str, data: bytes) -> tuple[str, str]:
        url = f"{self.address}/{quote(path)}"
        content_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
        self._files[url] = content_type, data
        return url, content_type

    async def _serve(self, request: web.Request) -> web.Response:
        found = self._files.get(f"{self.address}{request.rel_url.raw_path}")
        content_type, data = found or ("text/plain", b"")
        answer = web.Response(status=200 if found else 404, body=data, content_type=content_type)
        # A client that keeps a connection sets a timer for it, and simcord waits for every timer that a command set.
        answer.force_close()
        return answer
