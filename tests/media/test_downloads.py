"""Files are fetched once where their id names bytes that never change, and few bytes of them are held at once."""

from __future__ import annotations

import asyncio

import pytest

from bot.media.downloads import Downloads
from bot.media.errors import MediaError
from bot.model import MediaRef, Surface, Unscannable

GUILD, OTHER = 1, 2
SIZE = 100


class Host:
    """Delivers 100 bytes for every address, each its own; ``go`` holds them back, ``broken`` fails once each."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.broken: list[str] = []
        self.go = asyncio.Event()
        self.go.set()

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        await self.go.wait()
        if url in self.broken:
            self.broken.remove(url)
            raise MediaError(Unscannable.FETCH_FAILED)
        return url.encode().ljust(SIZE)


def attachment(name: str = "attachment:5", url: str = "a", size: int | None = SIZE) -> MediaRef:
    return MediaRef(name, Surface.ATTACHMENT, url, size=size)


async def seen(downloads: Downloads, item: MediaRef, guild_id: int = GUILD) -> bool:
    """Whether the item was recognised by its id."""
    async with downloads.open(item, guild_id) as file:
        assert len(file.digests.sha256) == 32
        return file.known


@pytest.mark.parametrize(
    ("name", "surface"),
    [
        ("attachment:5", Surface.ATTACHMENT),
        ("sticker:5", Surface.STICKER),
        ("emoji:5", Surface.EMOJI),
        ("avatar:5:abc", Surface.AVATAR),
    ],
)
async def test_what_bears_a_lasting_id_is_fetched_once(name, surface):
    host = Host()
    downloads = Downloads(host, max_bytes=1000)
    assert not await seen(downloads, MediaRef(name, surface, "first?ex=1"))
    assert await seen(downloads, MediaRef(name, surface, "second?ex=2", forwarded=True), OTHER)
    assert host.fetched == ["first?ex=1"]


@pytest.mark.parametrize(
    ("name", "surface"),
    [
        ("url:00ff", Surface.ATTACHMENT),
        ("url:00ff", Surface.EMBED_IMAGE),
        ("attachment:5", Surface.EMBED_IMAGE),
        ("attachment:5", Surface.EMBED_VIDEO),
        ("attachment:5", Surface.COMPONENT),
    ],
)
async def test_what_is_known_by_an_address_is_fetched_each_time(name, surface):
    """The still of a video has the id of the attachment, and is another picture than its file."""
    host = Host()
    downloads = Downloads(host, max_bytes=1000)
    await seen(downloads, attachment())
    for _ in range(2):
        assert not await seen(downloads, MediaRef(name, surface, "b"))
    assert host.fetched == ["a", "b", "b"]


async def test_a_failed_fetch_is_tried_again():
    host = Host()
    host.broken.append("a")
    downloads = Downloads(host, max_bytes=1000)
    with pytest.raises(MediaError):
        await seen(downloads, attachment())
    assert not await seen(downloads, attachment())
    assert (len(host.fetched), downloads.held) == (2, 0)


async def test_copies_under_way_are_fetched_once_and_not_all_for_one_failure():
    host = Host()
    host.go.clear()
    host.broken.append("a")
    downloads = Downloads(host, max_bytes=1000)
    tasks = [asyncio.create_task(seen(downloads, attachment())) for _ in range(3)]
    await asyncio.sleep(0)
    host.go.set()
    first, *others = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(first, MediaError)
    assert others == [False, False]
    host.fetched.clear()
    assert await asyncio.gather(*(seen(downloads, attachment()) for _ in range(3))) == [True] * 3
    assert host.fetched == []


async def test_the_bytes_of_a_known_file_are_fetched_when_they_are_needed_after_all():
    host = Host()
    downloads = Downloads(host, max_bytes=1000)
    await seen(downloads, attachment())
    async with downloads.open(attachment(url="again"), GUILD) as file:
        assert downloads.held == 0
        assert await file.data() == await file.data() == b"again".ljust(SIZE)
        assert downloads.held == SIZE
    assert host.fetched == ["a", "again"]
    assert downloads.held == 0


@pytest.mark.parametrize(("size", "at_once"), [(SIZE, 3), (None, 1), (2 * SIZE + 1, 1), (10_000, 1)])
async def test_no_more_is_in_memory_than_allowed(size, at_once):
    """Without a size the most that a file may have is reserved; what is larger than everything goes alone."""
    host = Host()
    downloads = Downloads(host, max_bytes=20_000, in_flight=3 * SIZE)
    inside, most, let_go = 0, 0, asyncio.Event()

    async def scan(number: int) -> None:
        nonlocal inside, most
        async with downloads.open(attachment(f"attachment:{number}", str(number), size), GUILD):
            inside += 1
            most = max(most, inside)
            await let_go.wait()
            inside -= 1

    tasks = [asyncio.create_task(scan(number)) for number in range(9)]
    for _ in range(50):
        await asyncio.sleep(0)
    let_go.set()
    async with asyncio.timeout(30):
        await asyncio.gather(*tasks)
    assert (most, downloads.held, len(host.fetched)) == (at_once, 0, 9)


async def test_a_file_that_is_declared_too_large_is_not_fetched():
    host = Host()
    with pytest.raises(MediaError) as refused:
        await seen(Downloads(host, max_bytes=50), attachment())
    assert (refused.value.reason, host.fetched) == (Unscannable.TOO_LARGE, [])
