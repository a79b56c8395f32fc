"""Attachments, avatars, emojis, stickers and proxied pictures from memory, with Discord's addresses and answers."""

from __future__ import annotations

import hashlib
import mimetypes
import time
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

GONE = "This content is no longer available."
SIGNED_FOR = 24 * 3600

mimetypes.add_type("image/avif", ".avif")
mimetypes.add_type("image/webp", ".webp")


@dataclass(slots=True)
class Hosted:
    """A file at one address. ``signature`` is the query that must arrive letter for letter; None: any query will do.

    ``data`` may be something with ``__len__`` and ``__bytes__`` that becomes bytes when it is asked for: a benchmark
    that posts thousands of files does not hold them all.
    """

    data: bytes
    content_type: str
    signature: str | None


class Cdn:
    """The files. ``cdn_url`` is the base of cdn.discordapp.com, ``proxy_url`` that of the media proxies."""

    def __init__(self) -> None:
        self.cdn_url = ""
        self.proxy_url = ""
        self._files: dict[str, Hosted] = {}

    def host_attachment(
        self, channel_id: int, attachment_id: int, name: str, data: bytes, *, folder: str = "attachments"
    ) -> tuple[str, str]:
        """Host an attachment; its signed url and proxy url."""
        path = f"/{folder}/{channel_id}/{attachment_id}/{quote(name)}"
        issued = int(time.time())
        signature = f"ex={issued + SIGNED_FOR:x}&is={issued:x}&hm={_mac(path)}&"
        hosted = Hosted(data, content_type(name), signature)
        self._files["/cdn" + path] = self._files["/media" + path] = hosted
        return f"{self.cdn_url}{path}?{signature}", f"{self.proxy_url}{path}?{signature}"

    def host_external(self, url: str, data: bytes) -> str:
        """Host the proxied copy of a picture elsewhere on the internet; its proxy url, with the awkward escapes that
        Discord's have (a client that normalises the address asks for another file)."""
        scheme, _, rest = url.partition("://")
        address, _, query = rest.partition("?")
        path = (
            f"/external/{_mac(url)[:43]}/{quote('?' + query, safe='') + '/' if query else ''}{scheme}/{quote(address)}"
        )
        self._files["/media" + path] = Hosted(data, content_type(address), None)
        return self.proxy_url + path

    def host_asset(self, path: str, data: bytes) -> str:
        """Host an unsigned asset (``/avatars/...``, ``/emojis/...``, ``/stickers/...``); its url."""
        hosted = Hosted(data, content_type(path), None)
        self._files["/cdn" + path] = self._files["/media" + path] = hosted
        return self.cdn_url + path

    def remove_attachment(self, channel_id: int, attachment_id: int) -> None:
        """An attachment's message was deleted: both of its addresses are gone."""
        for base in ("/cdn", "/media"):
            prefix = f"{base}/attachments/{channel_id}/{attachment_id}/"
            for path in [path for path in self._files if path.startswith(prefix)]:
                del self._files[path]

    def bytes_of(self, url: str) -> bytes:
        """The bytes at an address of ours; LookupError if they are gone."""
        path = url.partition("?")[0]
        base, folder = (self.cdn_url, "/cdn") if path.startswith(self.cdn_url) else (self.proxy_url, "/media")
        return self._files[folder + path.removeprefix(base)].data

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one GET."""
        path, _, query = request.raw_path.partition("?")
        hosted = self._files.get(path)
        if hosted is None or (hosted.signature is not None and query != hosted.signature):
            return web.Response(status=404, text=GONE)
        return web.Response(body=bytes(hosted.data), content_type=hosted.content_type)

    def routes(self) -> list[web.RouteDef]:
        """Where the files are served."""
        return [web.get("/cdn/{path:.*}", self.serve), web.get("/media/{path:.*}", self.serve)]


def content_type(name: str) -> str:
    """The type Discord declares: it goes by the name."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _mac(text: str) -> str:
    return hashlib.sha256(b"discordd" + text.encode()).hexdigest()
