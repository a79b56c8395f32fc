"""C2PA manifests, through real decoder processes: what they say, and that nothing is fetched or lost for them."""

from __future__ import annotations

import asyncio
import http.server
import os
import random
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from io import BytesIO

import pytest
from pebble import ProcessExpired

from bot.matching.query import Query
from bot.media import pool as pools
from bot.media import samples, wire, worker
from bot.media.decode import read as decode
from bot.media.errors import MediaError
from bot.media.sandbox import Sandbox
from bot.media.signals import manifests as reader
from bot.model import Signal, SignalKind, SignalSource
from bot.settings import MediaSettings

from . import hostile, statements
from .looks import nearest
from .pictures import encoded, picture

c2pa = pytest.importorskip("c2pa", reason='the extra "provenance" is not installed')

from . import manifests as made  # noqa: E402 - it needs the extra, too

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "AVIF": "image/avif", "GIF": "image/gif"}
MADE, EDITED, TAKEN = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "digitalCapture"
AI, EDIT, CAMERA = SignalKind.AI_MADE, SignalKind.AI_EDITED, SignalKind.CAMERA
LIMITS = wire.Limits(max_pixels=1 << 20, max_frames=4, seconds=60)


def jpeg() -> bytes:
    return encoded(picture(1), "JPEG")


def said(kind: SignalKind, tool: str = "", *, signed: bool = True) -> Signal:
    return Signal(kind, SignalSource.C2PA, tool, signed=signed)


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4) + kind + body


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(MediaSettings(workers=1, decode_seconds=30))
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """A web server on loopback: its address first, then the path of every request that reached it."""
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own word
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    paths.append(f"http://127.0.0.1:{server.server_port}/a.c2pa")
    yield paths
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", TYPES)
async def test_a_signed_statement_is_read_in_every_format(sandbox: Sandbox, kind: str) -> None:
    data = encoded(picture(1), kind)
    assert (await sandbox.query(data)).signals == ()
    signed = made.signed(data, made.action(MADE, agent="Adobe Firefly"), kind=TYPES[kind])
    query = await sandbox.query(signed)
    assert query.signals == (said(AI, "Adobe Firefly"),)
    assert nearest(query.fingerprint, picture(1)) <= 8


async def test_a_signed_video_is_read(sandbox: Sandbox) -> None:
    pytest.importorskip("av", reason='the extra "video" is not installed')
    clip = samples.pictures()["MP4"]
    assert (await sandbox.query(clip)).signals == ()
    assert (await sandbox.query(made.signed(clip, made.action(MADE), kind="video/mp4"))).signals == (said(AI),)


@pytest.mark.parametrize("kind", TYPES)
def test_no_manifest_is_asked_for_where_there_is_none(kind: str) -> None:
    assert not decode(encoded(picture(1), kind), LIMITS).manifest


@pytest.mark.parametrize(
    ("actions", "generator", "expected"),
    [
        ([made.action(TAKEN)], "Leica Camera AG M11-P", {said(CAMERA, "Leica")}),
        ([made.action(TAKEN)], "a camera of nobody", {said(CAMERA)}),
        ([made.action(MADE)], "ChatGPT", {said(AI, "ChatGPT")}),
        ([made.action(MADE, agent=statements.WORDS)], "<@123> https://example.org", {said(AI)}),
        (
            [made.action(TAKEN), made.action(EDITED, "c2pa.edited")],
            "Adobe Photoshop",
            {said(CAMERA), said(EDIT, "Adobe Photoshop")},
        ),
        ([made.action("screenCapture")], "GIMP", set()),
    ],
)
async def test_what_actions_say_and_no_word_of_anybody(
    sandbox: Sandbox, actions: list[dict[str, object]], generator: str, expected: set[Signal]
) -> None:
    assert set((await sandbox.query(made.signed(jpeg(), *actions, generator=generator))).signals) == expected


async def test_the_version_that_a_picture_was_made_from_speaks_too(sandbox: Sandbox) -> None:
    parent = made.signed(jpeg(), made.action(MADE), generator="ChatGPT")
    child = made.signed(jpeg(), made.action("humanEdits", "c2pa.edited"), generator="GIMP", parent=parent)
    assert (AI, "ChatGPT") in {(signal.kind, signal.tool) for signal in (await sandbox.query(child)).signals}


async def test_a_signature_that_does_not_fit_the_file_is_none(sandbox: Sandbox) -> None:
    data = bytearray(made.signed(jpeg(), made.action(MADE)))
    data[-600] ^= 1
    assert (await sandbox.query(bytes(data))).signals == (said(AI, signed=False),)


async def test_a_picture_encoded_anew_has_no_statement(sandbox: Sandbox) -> None:
    from PIL import Image

    with Image.open(BytesIO(made.signed(jpeg(), made.action(MADE)))) as image:
        assert (await sandbox.query(encoded(image, "WEBP"))).signals == ()


async def test_both_statements_of_a_file_are_told(sandbox: Sandbox) -> None:
    data = statements.jpeg(exif=statements.exif({statements.MAKE: "Canon"}))
    both = (await sandbox.query(made.signed(data, made.action(MADE)))).signals
    assert both == (said(AI), Signal(CAMERA, SignalSource.EXIF, "Canon"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
async def test_a_manifest_elsewhere_is_named_and_never_fetched(sandbox: Sandbox, asked: list[str], kind: str) -> None:
    data = made.signed(encoded(picture(1), kind), made.action(MADE), kind=TYPES[kind], remote=asked[0])
    query = await sandbox.query(data)
    assert query.signals == (Signal(SignalKind.REMOTE, SignalSource.C2PA),)
    assert len(asked) == 1


def test_the_reader_left_alone_would_fetch_it(asked: list[str]) -> None:
    data = made.signed(jpeg(), made.action(MADE), remote=asked[0])
    with pytest.raises(c2pa.C2paError):
        c2pa.Reader("image/jpeg", BytesIO(data), context=c2pa.Context.from_dict({}))
    assert len(asked) > 1


def test_even_then_its_process_could_not(asked: list[str]) -> None:
    data = made.signed(jpeg(), made.action(MADE), remote=asked[0])
    pool = pools.create(1, 1 << 30)
    try:
        with suppress(ProcessExpired):  # the library ends its process where it can open nothing
            pool.schedule(hostile.fetch_manifests, args=(data,)).result()
    finally:
        pool.stop()
        pool.join()
    assert len(asked) == 1


def test_no_socket_opens_while_a_manifest_is_read(asked: list[str]) -> None:
    host, port = asked[0].split("/")[2].split(":")
    pool = pools.create(1, 1 << 30)
    try:
        assert pool.schedule(hostile.dial, args=((host, int(port)),)).result() == b"EMFILE reached"
    finally:
        pool.stop()
        pool.join()


def test_without_the_extra_no_manifest_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    data = made.signed(jpeg(), made.action(MADE))
    assert decode(data, LIMITS).manifest
    assert not decode(jpeg(), LIMITS).manifest
    monkeypatch.setattr(reader, "readable", lambda: False)
    reply = decode(data, LIMITS)
    assert not reply.manifest
    assert reply.query is not None
    assert reply.query.signals == ()


@pytest.mark.parametrize("act", [hostile.die_of_a_manifest, hostile.hang_on_a_manifest, hostile.lie_about_a_manifest])
async def test_a_manifest_that_takes_its_process_down_hides_no_picture(
    monkeypatch: pytest.MonkeyPatch, act: object
) -> None:
    monkeypatch.setattr(worker, "provenance", act)
    monkeypatch.setattr("bot.media.sandbox._MANIFEST_SECONDS", 0.5)
    sandbox = Sandbox(MediaSettings(workers=2, decode_seconds=30))
    await sandbox.start()
    try:
        signed = made.signed(statements.jpeg(exif=statements.exif({statements.MAKE: "Canon"})), made.action(MADE))
        query, *others = await asyncio.gather(
            sandbox.query(signed), *(sandbox.query(encoded(picture(seed))) for seed in range(2, 8))
        )
        assert query.signals == (Signal(CAMERA, SignalSource.EXIF, "Canon"),)
        assert nearest(query.fingerprint, picture(1, statements.SMALL)) <= 8
        for seed, other in zip(range(2, 8), others, strict=True):
            assert nearest(other.fingerprint, picture(seed)) <= 4
    finally:
        await sandbox.stop()


def nested(levels: int) -> bytes:
    """Boxes of manifests within each other, deeper than a stack."""
    head = b""
    size = 8 * levels
    for level in range(levels):
        head += (size - 8 * level).to_bytes(4) + b"jumb"
    return head


@pytest.mark.parametrize(
    "manifest",
    [
        nested(20_000),
        box(b"jumb", box(b"jumd", b"c2pa" + bytes(12) + b"\3c2pa\0") + bytes(1 << 24)),
        b"\xff\xff\xff\xffjumb" + bytes(100),
        b"\0\0\0\1jumb\x7f" + b"\xff" * 7,
        box(b"jumb", b"") * 100_000,
    ],
    ids=["deep", "large", "longer than the file", "longer than anything", "many"],
)
async def test_a_hostile_manifest_costs_its_own_statement_alone(sandbox: Sandbox, manifest: bytes) -> None:
    data = statements.png({"Software": "NovelAI"})
    data = data[:33] + statements.chunk(b"caBX", manifest) + data[33:]
    query = await sandbox.query(data)
    assert query.signals == (Signal(AI, SignalSource.PNG_TEXT, "NovelAI"),)
    assert nearest((await sandbox.query(encoded(picture(2)))).fingerprint, picture(2)) <= 4


async def test_a_damaged_manifest_costs_its_own_statement_alone(sandbox: Sandbox) -> None:
    data = made.signed(jpeg(), made.action(MADE), generator="ChatGPT")
    start, end = data.index(b"jumb"), data.index(b"jumb") + 3000
    rng = random.Random(5)
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            damaged[rng.randrange(start, end)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        query: Query | None
        try:
            query = await sandbox.query(bytes(damaged))
        except MediaError as error:  # the damage hit the length of its segment
            query = error.partial
        assert query is not None
        assert {signal.source for signal in query.signals} <= {SignalSource.C2PA}


@pytest.mark.parametrize("name", statements.samples())
def test_statements_come_back_with_the_picture(name: str) -> None:
    """What the reader finds in bytes it finds on the way that a posted file takes."""
    data, expected = statements.samples()[name]
    reply = decode(data, LIMITS)
    assert reply.query is not None
    assert set(wire.unpack(wire.pack(reply)).query.signals) == set(expected)
