"""Files as they are scanned: none fetched twice that is known, and no more bytes of them in memory than allowed.

A media id is taken as a name for bytes only where Discord itself gives it to bytes that never change: an attachment, a
sticker, a custom emoji, an avatar. All of them are read out of the JSON of Discord's own gateway and REST interface,
from the fields in which Discord says what it stored (the ids of attachments, also inside of forwards, are Discord's
own; a member's client cannot choose them, and webhooks and bots cannot either). Whatever carries an address
(embeds, components, and what shows an attachment in a rendition, as the still of a video does) is not known by it: what
lies there may change, or be something else than what bears the id.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, Protocol

from bot.model import MediaRef, Surface, Unscannable
from bot.turns import Turns

from .errors import MediaError, NotFetchedError
from .flights import Flights

KNOWN = 16_384
"""Media ids whose file is known by its digests: about 300 bytes each."""

BYTES_IN_FLIGHT = 256 * 1024 * 1024

_LASTING = {
    Surface.ATTACHMENT: "attachment:",
    Surface.STICKER: "sticker:",
    Surface.EMOJI: "emoji:",
    Surface.AVATAR: "avatar:",
}
"""Surfaces whose ids name immutable bytes, and how such an id begins."""

_LARGE = 128 * 1024
"""Bytes from which on a file is hashed in a thread: a large one would hold the event loop up."""


class Fetches(Protocol):
    """Delivers the bytes behind an address, or raises MediaError."""

    async def fetch(self, url: str) -> bytes: ...  # noqa: D102


class Digests(NamedTuple):
    """What a file is known by."""

    sha256: bytes
    md5: bytes


class File:
    """A file that is being scanned. ``known``: it was not fetched, because an earlier item had its media id."""

    def __init__(
        self, digests: Digests, data: bytes | None, load: Callable[[], Awaitable[bytes]] | None = None
    ) -> None:
        self.digests = digests
        self.known = data is None
        self._data = data
        self._load = load

    @classmethod
    async def of(cls, data: bytes) -> File:
        """A file in memory."""
        return cls(await digests_of(data), data)

    async def data(self) -> bytes:
        """The bytes, fetched now if they were not needed so far. Raises MediaError."""
        if self._data is None:
            assert self._load is not None
            self._data = await self._load()
        return self._data


class Downloads:
    """Fetches files for the scanner. ``in_flight``: bytes held in memory at once, from the request to the last use.

    A file reserves its declared size before it is fetched, and one of unknown size the most that a file may have; a
    file that is larger than all there is goes alone. Servers that wait for room get it in turn.
    """

    def __init__(self, fetcher: Fetches, *, max_bytes: int, in_flight: int = BYTES_IN_FLIGHT) -> None:
        self._fetcher = fetcher
        self._max_bytes = max_bytes
        self._room = Turns(in_flight)
        self._known: OrderedDict[str, Digests] = OrderedDict()
        self._flights: Flights[str, Digests] = Flights(_of_the_file)

    @property
    def held(self) -> int:
        """Bytes reserved or in memory now."""
        return self._room.units - self._room.free

    @asynccontextmanager
    async def open(self, item: MediaRef, guild_id: int) -> AsyncGenerator[File]:
        """The file of a media item, held until the end of the block. Raises MediaError."""
        if item.size is not None and item.size > self._max_bytes:
            raise MediaError(Unscannable.TOO_LARGE)
        held = 0
        fetched: bytes | None = None

        async def load() -> bytes:
            nonlocal held, fetched
            held = await self._room.take(guild_id, self._max_bytes if item.size is None else item.size)
            try:
                fetched = await self._fetcher.fetch(item.url)
            except MediaError as error:
                raise NotFetchedError(error.reason, passing=error.passing) from None
            held = self._room.settle(guild_id, held, len(fetched))
            return fetched

        async def identify() -> Digests:
            digests = await digests_of(await load())
            if name is not None:
                self._remember(name, digests)
            return digests

        name = _lasting(item)
        try:
            digests = None if name is None else self._known.get(name)
            if name is None:
                digests = await identify()
            elif digests is None:
                digests, _ = await self._flights.share(name, identify)
            else:
                self._known.move_to_end(name)
            yield File(digests, fetched, load)
        finally:
            if held:
                self._room.give(guild_id, held)

    def _remember(self, name: str, digests: Digests) -> None:
        self._known[name] = digests
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)


def _of_the_file(error: MediaError) -> bool:
    """No failure to fetch is one of the file itself: another try may succeed."""
    return not isinstance(error, NotFetchedError)


async def digests_of(data: bytes) -> Digests:
    """What a file is known by."""
    return await asyncio.to_thread(_digests, data) if len(data) >= _LARGE else _digests(data)


def _digests(data: bytes) -> Digests:
    return Digests(hashlib.sha256(data).digest(), hashlib.md5(data, usedforsecurity=False).digest())


def _lasting(item: MediaRef) -> str | None:
    """The id of an item whose bytes never change; None for any other."""
    begins = _LASTING.get(item.surface)
    return item.media_id if begins is not None and item.media_id.startswith(begins) else None
