"""Fetches media: from known hosts only, without redirects, under a byte cap, and never patiently.

Addresses are used exactly as Discord delivered them, because parts of them are signed.
"""

from __future__ import annotations

import asyncio
import math
import string
from collections.abc import Iterable
from urllib.parse import quote

import aiohttp
from yarl import URL

from bot import __version__
from bot.errors import ConfigError
from bot.model import Passing, Unscannable
from bot.settings import MediaSettings

from .errors import MediaError

_ATTEMPTS = 2
_RETRY_SECONDS = 0.25
_LONGEST_RETRY_SECONDS = 2.0
_HOST_SHARE = 0.75
"""Share of all fetches that one host may hold: sites behind Discord's proxy can be slow, attachments must not wait."""

_CHUNK_BYTES = 1 << 16
_BUFFER_BYTES = 1 << 18
_DNS_SECONDS = 300
_DEFAULT_PORTS = {"https": 443, "http": 80}
_ASCII = string.ascii_letters + string.digits + string.punctuation
_HEADERS = {
    "User-Agent": f"stanguard/{__version__} (Discord moderation bot)",
    "Accept-Encoding": "identity",
}

_OK = 200
_REDIRECTS = range(300, 400)
_GONE = frozenset({404, 410})
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = range(500, 600)


class _TryAgainError(Exception):
    """A failure that may pass. ``after``: seconds to wait."""

    def __init__(self, after: float = _RETRY_SECONDS) -> None:
        super().__init__(after)
        self.after = after


class Fetcher:
    """Downloads one address at a time for each caller, and few at once for all of them."""

    def __init__(self, settings: MediaSettings) -> None:
        """Raises ConfigError if ``allowed_hosts`` has an entry that is no ``host`` or ``host:port``."""
        self._settings = settings
        self._hosts = frozenset(_hosts(settings.allowed_hosts))
        self._all = asyncio.Semaphore(settings.fetch_concurrency)
        share = max(1, math.ceil(settings.fetch_concurrency * _HOST_SHARE))
        self._each = {host: asyncio.Semaphore(share) for host, _ in self._hosts}
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the session. It shares nothing with the session of the Discord library."""
        settings = self._settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.fetch_concurrency, ttl_dns_cache=_DNS_SECONDS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_BUFFER_BYTES,
        )

    async def close(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def fetch(self, url: str) -> bytes:
        """The bytes at an address. Raises MediaError with the reason, and never returns less than the whole."""
        address = self._allowed(url)
        async with self._each[address.host or ""], self._all:
            try:
                async with asyncio.timeout(self._settings.total_timeout):
                    return await self._fetch(address)
            except TimeoutError:
                raise MediaError(Unscannable.FETCH_TIMEOUT, passing=Passing.HOST) from None

    def _allowed(self, url: str) -> URL:
        """The address, if it is one on an allowed host. Raises MediaError (HOST_REFUSED) otherwise."""
        try:
            # A name outside of ASCII cannot stand on a request line; all else stays as it is, signature included.
            address = URL(quote(url, safe=_ASCII), encoded=True)
            port = address.port
        except ValueError:
            raise MediaError(Unscannable.HOST_REFUSED) from None
        schemes = {"https", "http"} if self._settings.allow_http else {"https"}
        ports = {port, None} if port == _DEFAULT_PORTS.get(address.scheme) else {port}
        known = any((address.host, port) in self._hosts for port in ports)
        if address.scheme not in schemes or "@" in address.raw_authority or not known:
            raise MediaError(Unscannable.HOST_REFUSED)
        return address

    async def _fetch(self, address: URL) -> bytes:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._get(address)
            except _TryAgainError as error:
                await asyncio.sleep(error.after)
        try:
            return await self._get(address)
        except _TryAgainError:
            raise MediaError(Unscannable.FETCH_FAILED, passing=Passing.HOST) from None

    async def _get(self, address: URL) -> bytes:
        if self._session is None:
            raise RuntimeError("the fetcher is not started")
        try:
            async with self._session.get(address, allow_redirects=False) as response:
                _judge(response)
                return await self._body(response)
        except TimeoutError:
            raise
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
            raise _TryAgainError from None
        except aiohttp.ClientError:
            raise MediaError(Unscannable.FETCH_FAILED) from None

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        if (response.content_length or 0) > self._settings.max_bytes:
            response.close()
            raise MediaError(Unscannable.TOO_LARGE)
        chunks: list[bytes] = []
        length = 0
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            length += len(chunk)
            if length > self._settings.max_bytes:
                response.close()
                raise MediaError(Unscannable.TOO_LARGE)
            chunks.append(chunk)
        if not length:
            raise MediaError(Unscannable.EMPTY)
        return b"".join(chunks)


def _judge(response: aiohttp.ClientResponse) -> None:
    """Raise what an answer other than 200 means."""
    status = response.status
    if status == _OK:
        return
    if status == _TOO_MANY_REQUESTS:
        raise _TryAgainError(_retry_after(response))
    if status in _SERVER_ERRORS:
        raise _TryAgainError
    if status in _GONE:
        raise MediaError(Unscannable.GONE)
    raise MediaError(Unscannable.REDIRECT if status in _REDIRECTS else Unscannable.FETCH_FAILED)


def _retry_after(response: aiohttp.ClientResponse) -> float:
    try:
        seconds = float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        return _RETRY_SECONDS
    return min(seconds, _LONGEST_RETRY_SECONDS) if seconds >= 0 else _RETRY_SECONDS


def _hosts(entries: Iterable[str]) -> Iterable[tuple[str, int | None]]:
    """Hosts with their port; None: the default port of the scheme."""
    for entry in entries:
        try:
            address = URL(f"https://{entry}")
        except ValueError:
            address = URL()
        if address.host is None or address.raw_path != "/" or "@" in address.raw_authority:
            raise ConfigError(f"media.allowed_hosts: {entry!r} is neither host nor host:port; correct it.")
        yield address.host, address.explicit_port
