"""The sandbox: what one picture does to its decoder is that picture's affair alone."""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from bot.matching.query import Wanted
from bot.media import pool as pools
from bot.media import worker
from bot.media.errors import MediaError
from bot.media.sandbox import Sandbox
from bot.model import Fingerprint, Passing, Unscannable
from bot.settings import MediaSettings

from . import hostile
from .looks import nearest
from .pictures import animation, encoded, picture

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits and signals of POSIX")

LEAST_MEMORY = 256 * 1024 * 1024
SETTINGS = MediaSettings(workers=2, decode_seconds=30)


def decoders() -> set[int]:
    """Process ids of all running decoders."""
    children = multiprocessing.active_children()
    return {child.pid for child in children if child.name == "pebble_pool_worker" and child.pid is not None}


def wait_until_gone(pids: set[int]) -> None:
    while pids & decoders():
        time.sleep(0.01)


async def fingerprint(sandbox: Sandbox, data: bytes) -> Fingerprint:
    return (await sandbox.query(data)).fingerprint


async def reason(sandbox: Sandbox, data: bytes) -> Unscannable:
    with pytest.raises(MediaError) as caught:
        await sandbox.query(data)
    return caught.value.reason


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(SETTINGS)
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
def obedient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoders that obey the words of :mod:`tests.media.hostile`."""
    monkeypatch.setattr(worker, "run", hostile.run)


async def test_fingerprints_come_back(sandbox: Sandbox) -> None:
    images = [picture(seed) for seed in range(8)]
    found = await asyncio.gather(*(sandbox.query(encoded(image, "JPEG", quality=95)) for image in images))
    for image, query in zip(images, found, strict=True):
        assert nearest(query.fingerprint, image) <= 6


async def test_what_is_wanted_comes_back_and_nothing_else(sandbox: Sandbox) -> None:
    data = encoded(picture(3, (400, 300)))
    bare = await sandbox.query(data)
    assert (bare.frames, bare.references) == ((), ())
    full = await sandbox.query(data, Wanted.FEATURES | Wanted.VIEWS | Wanted.REFERENCE)
    assert full.fingerprint.views == bare.fingerprint.views
    assert full.fingerprint.pdq
    (frame,), (reference,) = full.frames, full.references
    assert frame.features is not None
    assert frame.views is not None
    assert len(reference.features.points) > 0


async def test_every_format_passes_the_self_test(sandbox: Sandbox) -> None:
    expected = {"JPEG", "PNG", "APNG", "GIF", "WebP", "AVIF"}
    outcome = await sandbox.self_test()
    assert set(outcome) - {"MP4"} == expected  # a video is read where PyAV is installed
    assert set(outcome.values()) == {None}


async def test_the_self_test_shows_what_is_wrong() -> None:
    sandbox = Sandbox(MediaSettings(workers=1, max_pixels=4096))
    await sandbox.start()
    try:
        assert set((await sandbox.self_test()).values()) == {Unscannable.TOO_MANY_PIXELS}
    finally:
        await sandbox.stop()


async def test_errors_have_their_reason(sandbox: Sandbox) -> None:
    assert await reason(sandbox, b"") is Unscannable.EMPTY
    assert await reason(sandbox, b"%PDF-1.7") is Unscannable.NOT_A_PICTURE
    assert await reason(sandbox, encoded(picture(1))[:60]) is Unscannable.BROKEN


async def test_a_part_that_could_be_read_comes_with_the_error(sandbox: Sandbox) -> None:
    frames = [picture(number, (96, 72)) for number in range(6)]
    data = animation(frames, "PNG")
    with pytest.raises(MediaError) as caught:
        await sandbox.query(data[: len(data) // 2])
    assert caught.value.reason is Unscannable.BROKEN
    assert caught.value.partial is not None
    assert nearest(caught.value.partial.fingerprint, frames[0]) <= 4


@pytest.mark.usefixtures("obedient")
async def test_a_decoder_that_hangs_is_replaced_and_the_others_go_on() -> None:
    sandbox = Sandbox(MediaSettings(workers=2, decode_seconds=0.5))
    await sandbox.start()
    before = decoders()
    data = encoded(picture(1))
    hanging = asyncio.create_task(reason(sandbox, hostile.HANG))
    done = await asyncio.gather(*(sandbox.query(data) for _ in range(20)))
    assert len(done) == 20
    assert await hanging is Unscannable.DECODE_TIMEOUT
    assert nearest(await fingerprint(sandbox, data), picture(1)) <= 4
    assert len(before - decoders()) == 1
    await sandbox.stop()


@pytest.mark.usefixtures("obedient")
@pytest.mark.parametrize("word", [hostile.DIE, hostile.ABORT])
async def test_a_decoder_that_dies_is_replaced_and_the_others_go_on(sandbox: Sandbox, word: bytes) -> None:
    data = encoded(picture(1))
    dying = [asyncio.create_task(reason(sandbox, word)) for _ in range(3)]
    done = await asyncio.gather(*(sandbox.query(data) for _ in range(20)))
    assert len(done) == 20
    assert await asyncio.gather(*dying) == [Unscannable.WORKER_DIED] * 3
    assert nearest(await fingerprint(sandbox, data), picture(1)) <= 4


async def test_decoders_killed_while_idle_are_replaced(sandbox: Sandbox) -> None:
    killed = decoders()
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(wait_until_gone, killed)
    found = await asyncio.gather(*(sandbox.query(encoded(picture(seed))) for seed in range(6)))
    assert len(found) == 6
    assert not killed & decoders()


async def test_a_picture_whose_decoder_is_killed_by_somebody_else_is_decoded_all_the_same(sandbox: Sandbox) -> None:
    image = picture(1).resize((4000, 4000))
    waiting = asyncio.create_task(sandbox.query(encoded(image, "PNG", compress_level=1)))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    for pid in decoders():
        os.kill(pid, signal.SIGKILL)
    assert nearest((await waiting).fingerprint, picture(1)) <= 6
    assert sandbox.failing_since is None


@pytest.mark.usefixtures("obedient")
async def test_a_picture_that_kills_decoders_is_tried_twice_and_no_more() -> None:
    sandbox = Sandbox(MediaSettings(workers=1, decode_seconds=30))
    await sandbox.start()
    asked: list[bytes] = []
    call = sandbox._call

    async def counted(pool, work, data, *rest, **words):
        asked.append(data)
        return await call(pool, work, data, *rest, **words)

    sandbox._call = counted  # type: ignore[method-assign]
    with pytest.raises(MediaError) as caught:
        await sandbox.query(hostile.DIE)
    assert (caught.value.reason, caught.value.passing) == (Unscannable.WORKER_DIED, None)
    assert asked == [hostile.DIE, hostile.DIE, b""], "the last one shows that it was the picture"
    assert sandbox.failing_since is None
    await sandbox.stop()


@pytest.mark.parametrize("error", [BlockingIOError(11, "Resource temporarily unavailable"), EOFError()], ids=repr)
async def test_a_machine_that_can_start_no_process_makes_blind_and_no_picture_unscannable(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("bot.media.sandbox._FIRST_PAUSE", 0.2)
    started: list[float] = []
    create = pools.create

    def refuse(*_: object) -> None:
        started.append(time.monotonic())
        raise error

    monkeypatch.setattr(pools, "create", refuse)
    for pid in decoders():
        os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(wait_until_gone, decoders())
    until = time.monotonic() + 2
    while time.monotonic() < until:
        with pytest.raises(MediaError) as caught:
            await sandbox.query(encoded(picture(1)))
        assert caught.value.passing is Passing.BLIND
        await asyncio.sleep(0.01)
    assert sandbox.failing_since is not None
    assert 2 <= len(started) <= 6, "it is tried again, and not all the time"
    monkeypatch.setattr(pools, "create", create)
    while sandbox.failing_since is not None:
        with suppress(MediaError):
            assert nearest(await fingerprint(sandbox, encoded(picture(1))), picture(1)) <= 4
        await asyncio.sleep(0.05)


@pytest.mark.usefixtures("obedient")
async def test_a_stopped_decoder_costs_its_picture_only() -> None:
    sandbox = Sandbox(MediaSettings(workers=2, decode_seconds=0.5))
    await sandbox.start()
    hanging = asyncio.create_task(reason(sandbox, hostile.HANG))
    await sandbox.query(encoded(picture(1)))
    for pid in decoders():
        os.kill(pid, signal.SIGSTOP)  # SIGTERM does not reach it now
    others = asyncio.gather(*(sandbox.query(encoded(picture(seed))) for seed in range(3)), return_exceptions=True)
    assert await hanging in {Unscannable.DECODE_TIMEOUT, Unscannable.WORKER_DIED}
    await others
    assert nearest(await fingerprint(sandbox, encoded(picture(1))), picture(1)) <= 4
    await sandbox.stop()


@pytest.mark.usefixtures("obedient")
async def test_a_decoder_cannot_make_the_bot_run_code(sandbox: Sandbox, tmp_path: Path) -> None:
    trace = tmp_path / "called"
    assert await reason(sandbox, hostile.CALL + f"touch {trace}".encode()) is Unscannable.WORKER_DIED
    assert not trace.exists()
    assert nearest(await fingerprint(sandbox, encoded(picture(1))), picture(1)) <= 4


@pytest.mark.usefixtures("obedient")
async def test_an_answer_that_no_decoder_gives_is_no_outcome(sandbox: Sandbox) -> None:
    assert await reason(sandbox, hostile.LIE) is Unscannable.WORKER_DIED
    assert nearest(await fingerprint(sandbox, encoded(picture(1))), picture(1)) <= 4


@pytest.mark.usefixtures("obedient")
async def test_a_decoder_that_leaves_without_a_word_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.media.sandbox._JAM_SECONDS", 0.2)
    sandbox = Sandbox(MediaSettings(workers=1, decode_seconds=0.3))
    await sandbox.start()
    assert await reason(sandbox, hostile.LEAVE) in {Unscannable.WORKER_DIED, Unscannable.DECODE_TIMEOUT}
    assert nearest(await fingerprint(sandbox, encoded(picture(1))), picture(1)) <= 4
    await sandbox.stop()


async def test_a_picture_too_large_for_the_memory_limit() -> None:
    sandbox = Sandbox(MediaSettings(workers=1, decode_memory=LEAST_MEMORY, max_pixels=400_000_000, decode_seconds=60))
    await sandbox.start()
    data = encoded(picture(1).resize((9000, 9000)), "PNG", compress_level=1)
    assert await reason(sandbox, data) is Unscannable.OUT_OF_MEMORY
    assert nearest(await fingerprint(sandbox, encoded(picture(1))), picture(1)) <= 4
    await sandbox.stop()


async def test_a_real_file_that_takes_too_long() -> None:
    sandbox = Sandbox(MediaSettings(workers=1, decode_seconds=0.2))
    await sandbox.start()
    data = encoded(picture(1).resize((6000, 6000)), "PNG", compress_level=1)
    assert await reason(sandbox, data) is Unscannable.DECODE_TIMEOUT
    await sandbox.stop()


@pytest.mark.usefixtures("obedient")
async def test_cancelling_one_picture_leaves_the_others(sandbox: Sandbox) -> None:
    hanging = asyncio.create_task(sandbox.query(hostile.HANG))
    await sandbox.query(encoded(picture(1)))
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    found = await asyncio.gather(*(sandbox.query(encoded(picture(seed))) for seed in range(6)))
    assert len(found) == 6


@pytest.mark.usefixtures("obedient")
async def test_stopping_ends_the_processes_and_answers_what_is_in_work() -> None:
    sandbox = Sandbox(MediaSettings(workers=2, decode_seconds=600))
    await sandbox.start()
    running = decoders()
    waiting = [asyncio.create_task(reason(sandbox, hostile.HANG)) for _ in range(5)]
    await asyncio.sleep(0.2)
    await sandbox.stop()
    assert set(await asyncio.gather(*waiting)) == {Unscannable.WORKER_DIED}
    await asyncio.to_thread(wait_until_gone, running)


async def test_it_can_be_started_again(sandbox: Sandbox) -> None:
    await sandbox.stop()
    assert await reason(sandbox, encoded(picture(1))) is Unscannable.WORKER_DIED
    await sandbox.start()
    assert nearest(await fingerprint(sandbox, encoded(picture(1))), picture(1)) <= 4


FRESH = """
import asyncio
from bot.matching.query import Wanted
from bot.media.sandbox import Sandbox
from bot.settings import MediaSettings
from tests.media.pictures import encoded, picture

async def main():
    sandbox = Sandbox(MediaSettings(workers=1))
    await sandbox.start()
    for image in (picture(1), picture(2).convert("RGBA"), picture(3).resize((30, 900))):
        for wanted in Wanted:
            await sandbox.query(encoded(image), wanted)
    await sandbox.stop()

asyncio.run(main())
"""


def test_decoders_work_on_a_machine_that_never_compiled_a_kernel(tmp_path: Path) -> None:
    """A decoder can write no file, so that what it compiled itself would be an error and not be kept."""
    surroundings = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", FRESH], env=surroundings, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.rglob("*.nbc"))
