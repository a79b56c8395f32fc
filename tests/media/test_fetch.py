"""The fetcher against a loopback media host that misbehaves in every way it can."""

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from bot.errors import ConfigError
from bot.media.errors import MediaError
from bot.media.fetch import Fetcher
from bot.model import Unscannable
from bot.settings import MediaSettings

from .media_host import CAP, PICTURE, Host


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    await host.server.start_server(host="127.0.0.1")
    yield host
    host.gate.set()
    await host.server.close()


Open = Callable[..., Awaitable[Fetcher]]


@pytest.fixture
async def opened(host: Host) -> AsyncIterator[Open]:
    fetchers: list[Fetcher] = []

    async def opened(**settings: Any) -> Fetcher:
        defaults: dict[str, Any] = {
            "allowed_hosts": (f"127.0.0.1:{host.server.port}",),
            "allow_http": True,
            "max_bytes": CAP,
        }
        fetcher = Fetcher(MediaSettings(**(defaults | settings)))
        await fetcher.start()
        fetchers.append(fetcher)
        return fetcher

    yield opened
    for fetcher in fetchers:
        await fetcher.close()


async def reason(fetcher: Fetcher, url: str) -> Unscannable:
    with pytest.raises(MediaError) as caught:
        await fetcher.fetch(url)
    assert str(caught.value) == caught.value.reason.sentence
    return caught.value.reason


async def test_bytes_arrive(host: Host, opened: Open) -> None:
    assert await (await opened()).fetch(host.url("picture")) == PICTURE


async def test_a_request_says_who_asks_and_nothing_else(host: Host, opened: Open) -> None:
    fetcher = await opened()
    for _ in range(2):
        await fetcher.fetch(host.url("picture"))
    headers = host.requests[-1].headers
    assert headers["User-Agent"].startswith("stanguard/")
    assert headers["Accept-Encoding"] == "identity"
    assert "Cookie" not in headers
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    "address",
    [
        "picture/1/fan%20art%2Fx.png?ex=6740a000&is=673f4e80&hm=ab%2Bcd+e&",
        "picture/%7Euser/a;b,c/?q=%C3%A9&q=[1]",
        "picture//double/./dot/../dots",
    ],
)
async def test_addresses_are_used_as_delivered(host: Host, opened: Open, address: str) -> None:
    await (await opened()).fetch(host.url(address))
    assert host.requests[0].raw_path == f"/{address}"


async def test_a_name_outside_of_ascii_is_escaped(host: Host, opened: Open) -> None:
    await (await opened()).fetch(host.url("picture/팬 아트.png?x=%41"))
    assert host.requests[0].raw_path == "/picture/%ED%8C%AC%20%EC%95%84%ED%8A%B8.png?x=%41"


# ----------------------------------------------------------------------------------------------------- which hosts


async def test_redirects_are_not_followed(host: Host, opened: Open) -> None:
    assert await reason(await opened(), host.url("away")) is Unscannable.REDIRECT
    assert host.seen == {"away": 1}


async def test_the_port_counts(host: Host, opened: Open) -> None:
    for allowed in ("127.0.0.1", f"127.0.0.1:{host.server.port + 1}", f"localhost:{host.server.port}"):
        fetcher = await opened(allowed_hosts=(allowed,))
        assert await reason(fetcher, host.url("picture")) is Unscannable.HOST_REFUSED
    assert not host.seen


async def test_http_must_be_allowed(host: Host, opened: Open) -> None:
    assert await reason(await opened(allow_http=False), host.url("picture")) is Unscannable.HOST_REFUSED
    assert not host.seen


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x.png",
        "https://cdn.discordapp.com.evil.example/x.png",
        "https://evil.example/https://cdn.discordapp.com/x.png",
        "https://cdn.discordapp.com@evil.example/x.png",
        "https://user:password@cdn.discordapp.com/x.png",
        "https://@cdn.discordapp.com/x.png",
        "https://cdn.discordapp.com:8443/x.png",
        "https://cdn.discordapp.com./x.png",
        "https://cdn.discordapp.com\\@evil.example/x.png",
        "https://evil.example\n.cdn.discordapp.com/",
        "https://cdn%2ediscordapp.com/x.png",
        "https://ⓒdn.discordapp.com/x.png",
        "http://cdn.discordapp.com/x.png",
        "ftp://cdn.discordapp.com/x.png",
        "file:///etc/passwd",
        "//cdn.discordapp.com/x.png",
        "cdn.discordapp.com/x.png",
        "https://cdn.discordapp.com:nonsense/",
        "https://cdn.discordapp.com:999999/",
        "https://[::1/",
        "https://",
        "",
        "\x00",
        "\ud800",
    ],
)
async def test_refused_addresses(url: str) -> None:
    fetcher = Fetcher(MediaSettings())
    assert await reason(fetcher, url) is Unscannable.HOST_REFUSED


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("cdn.discordapp.com", "https://cdn.discordapp.com/x"),
        ("cdn.discordapp.com", "https://CDN.DiscordApp.com:443/x"),
        ("cdn.discordapp.com:443", "https://cdn.discordapp.com/x"),
        ("localhost:80", "http://localhost/x"),
        ("localhost", "http://localhost:80/x"),
        ("[::1]:8080", "http://[::1]:8080/x"),
        ("Media.Example:8443", "https://media.example:8443/x"),
    ],
)
def test_allowed_addresses(entry: str, url: str) -> None:
    fetcher = Fetcher(MediaSettings(allowed_hosts=(entry,), allow_http=True))
    assert fetcher._allowed(url).host is not None


@pytest.mark.parametrize("entry", ["", "https://cdn.discordapp.com", "host/path", "host:port", "user@host", "a b:x"])
def test_entries_that_are_no_host_are_told(entry: str) -> None:
    with pytest.raises(ConfigError, match="allowed_hosts"):
        Fetcher(MediaSettings(allowed_hosts=(entry,)))


# ----------------------------------------------------------------------------------------------------- how much


async def test_what_is_announced_too_large_is_not_read(host: Host, opened: Open) -> None:
    assert await reason(await opened(), host.url("announced")) is Unscannable.TOO_LARGE


async def test_what_turns_out_too_large_is_cut_off(host: Host, opened: Open) -> None:
    assert await reason(await opened(), host.url("endless")) is Unscannable.TOO_LARGE
    assert host.sent < 50_000_000


async def test_the_cap_is_exact(host: Host, opened: Open) -> None:
    fetcher = await opened()
    assert len(await fetcher.fetch(host.url("exact"))) == CAP
    assert await reason(fetcher, host.url("over")) is Unscannable.TOO_LARGE


async def test_nothing_is_unpacked(host: Host, opened: Open) -> None:
    packed = await (await opened()).fetch(host.url("packed"))
    assert len(packed) < CAP
    assert gzip.decompress(packed) == bytes(10**6)


async def test_an_empty_file(host: Host, opened: Open) -> None:
    assert await reason(await opened(), host.url("empty")) is Unscannable.EMPTY


# ----------------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("code", "expected", "tries"),
    [
        (404, Unscannable.GONE, 1),
        (410, Unscannable.GONE, 1),
        (403, Unscannable.FETCH_FAILED, 1),
        (415, Unscannable.FETCH_FAILED, 1),
        (206, Unscannable.FETCH_FAILED, 1),
        (204, Unscannable.FETCH_FAILED, 1),
        (301, Unscannable.REDIRECT, 1),
        (304, Unscannable.REDIRECT, 1),
        (429, Unscannable.FETCH_FAILED, 2),
        (500, Unscannable.FETCH_FAILED, 2),
        (503, Unscannable.FETCH_FAILED, 2),
        (599, Unscannable.FETCH_FAILED, 2),
    ],
)
async def test_statuses(host: Host, opened: Open, code: int, expected: Unscannable, tries: int) -> None:
    assert await reason(await opened(), host.url(f"status?code={code}")) is expected
    assert host.seen["status"] == tries


@pytest.mark.parametrize("how", ["500", "502", "503", "reset", "short", "slow down"])
async def test_one_more_try(host: Host, opened: Open, how: str) -> None:
    assert await (await opened()).fetch(host.url(f"shaky?how={how}")) == PICTURE
    assert host.seen["shaky"] == 2


@pytest.mark.parametrize("after", ["-5", "nonsense", "nan", "Wed, 21 Oct 2026 07:28:00 GMT"])
async def test_odd_waits_are_no_trouble(host: Host, opened: Open, after: str) -> None:
    assert await (await opened()).fetch(host.url(f"shaky?how=slow%20down&after={after}")) == PICTURE


async def test_a_long_wait_is_cut_short(host: Host, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.media.fetch._LONGEST_RETRY_SECONDS", 0.01)
    assert await (await opened()).fetch(host.url("shaky?how=slow%20down&after=3600")) == PICTURE


async def test_never_less_than_the_whole(host: Host, opened: Open) -> None:
    assert await reason(await opened(), host.url("short")) is Unscannable.FETCH_FAILED
    assert host.seen["short"] == 2


@pytest.mark.parametrize("name", ["silent", "trickle"])
async def test_slowness_ends(host: Host, opened: Open, name: str) -> None:
    assert await reason(await opened(total_timeout=0.3), host.url(name)) is Unscannable.FETCH_TIMEOUT
    assert host.seen[name] == 1


async def test_a_host_that_takes_no_connection(opened: Open) -> None:
    with socket.socket() as listener, contextlib.ExitStack() as crowd:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):  # its queue is full now, and further connections get no answer
            waiting = crowd.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        fetcher = await opened(allowed_hosts=(f"127.0.0.1:{port}",), connect_timeout=0.2)
        assert await reason(fetcher, f"http://127.0.0.1:{port}/picture") is Unscannable.FETCH_TIMEOUT


async def test_nobody_there(host: Host, opened: Open) -> None:
    fetcher, url = await opened(), host.url("picture")
    await host.server.close()
    assert await reason(fetcher, url) is Unscannable.FETCH_FAILED


async def test_a_name_without_an_address(opened: Open) -> None:
    fetcher = await opened(allowed_hosts=("media.invalid",))
    assert await reason(fetcher, "https://media.invalid/x.png") is Unscannable.FETCH_FAILED


async def test_few_at_once(host: Host, opened: Open) -> None:
    fetcher = await opened(fetch_concurrency=4)
    waiting = [asyncio.create_task(fetcher.fetch(host.url("silent"))) for _ in range(20)]
    for _ in range(3):
        await host.arrived.acquire()
    await asyncio.sleep(0.05)
    host.gate.set()
    assert await asyncio.gather(*waiting) == [PICTURE] * 20
    assert host.busiest == 3  # three quarters of all: one host alone never takes every place


async def test_a_slow_host_does_not_hold_up_another(host: Host, opened: Open) -> None:
    port = host.server.port
    fetcher = await opened(fetch_concurrency=4, allowed_hosts=(f"127.0.0.1:{port}", f"localhost:{port}"))
    waiting = [asyncio.create_task(fetcher.fetch(host.url("silent"))) for _ in range(20)]
    for _ in range(3):
        await host.arrived.acquire()
    assert await fetcher.fetch(host.url("picture").replace("127.0.0.1", "localhost")) == PICTURE
    host.gate.set()
    await asyncio.gather(*waiting)


async def test_cancelling_frees_the_place(host: Host, opened: Open) -> None:
    fetcher = await opened(fetch_concurrency=1)
    first = asyncio.create_task(fetcher.fetch(host.url("silent")))
    await host.arrived.acquire()
    first.cancel()
    assert await fetcher.fetch(host.url("picture")) == PICTURE


async def test_it_must_be_started(host: Host) -> None:
    settings = MediaSettings(allowed_hosts=(f"127.0.0.1:{host.server.port}",), allow_http=True)
    with pytest.raises(RuntimeError, match="not started"):
        await Fetcher(settings).fetch(host.url("picture"))
