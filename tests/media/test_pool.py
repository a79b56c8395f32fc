"""What a decoder process has, may do and may say."""

import contextlib
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from pebble import ProcessExpired, ProcessPool
from pebble.common.types import ResultStatus

from bot.media import pool, wire
from bot.media.pool import StrictReader
from bot.model import Unscannable

from . import hostile
from .pictures import encoded, picture

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits as Linux has them")

MEMORY = 256 * 1024 * 1024
LIMITS = wire.Limits(max_pixels=1_000_000, max_frames=4, seconds=1)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def decoder() -> Iterator[ProcessPool]:
    with closing(pool.create(1, MEMORY)) as decoder:
        yield decoder


@contextlib.contextmanager
def closing(decoder: ProcessPool) -> Iterator[ProcessPool]:
    try:
        yield decoder
    finally:
        decoder.stop()
        decoder.join()


def answer(decoder: ProcessPool, function, *args: object) -> object:
    return decoder.schedule(function, args=args, timeout=60).result()


@pytest.fixture(scope="module")
def circumstances(decoder: ProcessPool) -> dict:
    return json.loads(answer(decoder, hostile.circumstances))


def test_it_has_no_environment(circumstances: dict) -> None:
    assert circumstances["environment"] == []


@pytest.mark.parametrize("library", ["discord", "aiohttp", "sqlalchemy", "pydantic", "typer", "bot.settings", "pytest"])
def test_it_has_no_libraries_that_decoding_does_not_need(circumstances: dict, library: str) -> None:
    # pytest counts as the main program here: it must not be imported again.
    assert library not in circumstances["modules"]


def test_it_has_one_thread_and_leaves_interrupts_to_the_bot(circumstances: dict) -> None:
    assert circumstances["threads"] == 1
    assert circumstances["interrupt"]


def test_its_limits(circumstances: dict) -> None:
    assert circumstances["limits"]["CORE"] == [0, 0]
    assert circumstances["limits"]["FSIZE"] == [0, 0]
    assert max(circumstances["limits"]["NOFILE"]) <= 64


def test_it_writes_no_file(decoder: ProcessPool, tmp_path: Path) -> None:
    assert answer(decoder, hostile.write, str(tmp_path / "picture")) == b"EFBIG"
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) == 0


def test_it_leaves_no_core_dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(pool.create(1, MEMORY)) as decoder:
        with pytest.raises(ProcessExpired) as caught:
            answer(decoder, hostile.run, hostile.ABORT, LIMITS)
        assert caught.value.exitcode == -signal.SIGABRT
    assert list(tmp_path.iterdir()) == []


def test_decoding_writes_no_file(decoder: ProcessPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "AVIF"):
        assert wire.unpack(answer(decoder, hostile.genuine_run, encoded(picture(1), kind), LIMITS)).reason is None
    assert list(tmp_path.iterdir()) == []


def test_its_memory_ends(decoder: ProcessPool) -> None:
    assert answer(decoder, hostile.take_memory, MEMORY // 2) == str(MEMORY // 2).encode()
    assert answer(decoder, hostile.take_memory, 2 * MEMORY) == b"refused"


def test_its_open_files_end(decoder: ProcessPool) -> None:
    assert answer(decoder, hostile.open_sockets, 100) == b"EMFILE"


def test_processor_time_is_counted_for_each_picture() -> None:
    data = encoded(picture(1))
    with closing(pool.create(1, MEMORY)) as decoder:
        for _ in range(4):  # 0.8 of at most 3 seconds each
            assert wire.unpack(answer(decoder, hostile.burn, data, LIMITS, 0.8)).reason is None
        with pytest.raises(ProcessExpired) as caught:
            answer(decoder, hostile.burn, data, LIMITS, 10)
        assert caught.value.exitcode == -signal.SIGXCPU


def test_a_defect_of_ours_is_an_answer_too(decoder: ProcessPool) -> None:
    reply = wire.unpack(answer(decoder, hostile.genuine_run, encoded(picture(1)), "no limits"))
    assert reply.reason is Unscannable.INTERNAL


# ------------------------------------------------------------------------------------------------------ the pipe


def test_the_pool_gives_up_on_a_process_that_says_other_things(tmp_path: Path) -> None:
    trace = tmp_path / "called"
    with closing(pool.create(1, MEMORY)) as decoder, pytest.raises(BrokenProcessPool):
        answer(decoder, hostile.run, hostile.CALL + f"touch {trace}".encode(), LIMITS)
    assert not trace.exists()


@pytest.mark.parametrize(
    "message",
    [
        pickle.dumps(hostile.Shell("exit 7")),
        pickle.dumps(os.getcwd),
        pickle.dumps(pool.StrictReader),
        b"cos\nsystem\n(S'exit 7'\ntR.",
        b"cpebble.pool.process\nos.system\n.",
        b"cbuiltins\ngetattr\n(cpebble.common.types\nResult\nS'__init__'\ntR.",
        b"cbuiltins\ngetattr\n(cpebble.common.types\nResultStatus\nS'mro'\ntR.",
        b"\x80\x05\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"nonsense",
        b"",
    ],
)
def test_the_strict_reader_refuses(message: bytes) -> None:
    reader, writer = multiprocessing.Pipe(duplex=False)
    writer.send_bytes(message)
    with pytest.raises(pickle.PicklingError):
        StrictReader(reader).recv()


def test_the_strict_reader_knows_a_status_as_older_pythons_write_it() -> None:
    reader, writer = multiprocessing.Pipe(duplex=False)
    writer.send_bytes(b"cbuiltins\ngetattr\n(cpebble.common.types\nResultStatus\nS'SUCCESS'\ntR.")  # up to 3.11.3
    assert StrictReader(reader).recv() is ResultStatus.SUCCESS


def test_the_strict_reader_refuses_messages_without_end() -> None:
    reader, writer = multiprocessing.Pipe(duplex=False)
    os.write(writer.fileno(), b"\x7f\xff\xff\xff" + bytes(100))  # a header that announces two gigabytes
    with pytest.raises(OSError, match="bad message length"):
        StrictReader(reader).recv()


# -------------------------------------------------------------------------------------------- in another program

PROGRAM = """
import asyncio, os, sys
from bot.media import sandbox
from bot.settings import MediaSettings

print("imported as", __name__, flush=True)

async def main():
    decoders = sandbox.Sandbox(MediaSettings(workers=2))
    await decoders.start()
    print("decoders", *(worker for worker in decoders._pool._pool_manager.worker_manager.workers), flush=True)
    print("libraries", *(name for name in ("PIL", "cv2", "imagehash") if name in sys.modules), flush=True)
    print("token", os.environ["STANGUARD_DISCORD__TOKEN"], flush=True)
    print("state", *(await decoders.self_test()).values(), flush=True)
    await asyncio.sleep(SECONDS)
    await decoders.stop()

if __name__ == "__main__":
    asyncio.run(main())
"""


def start_program(folder: Path, seconds: int) -> subprocess.Popen[str]:
    """A script of its own, started as the console script is: by its path."""
    script = folder / "program.py"
    script.write_text(PROGRAM.replace("SECONDS", str(seconds)))
    return subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "STANGUARD_DISCORD__TOKEN": "secret-token"},
        stdout=subprocess.PIPE,
        text=True,
    )


def lines(program: subprocess.Popen[str]) -> Iterator[list[str]]:
    assert program.stdout is not None
    for line in program.stdout:
        yield line.split()


def test_the_main_program_is_not_run_again_and_keeps_its_token_to_itself(tmp_path: Path) -> None:
    program = start_program(tmp_path, 0)
    output = []
    for line in lines(program):
        output.append(line)
        if line[0] == "decoders":
            for pid in line[1:]:
                assert b"secret-token" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert program.wait() == 0
    assert output[0] == ["imported", "as", "__main__"]
    assert [line[0] for line in output] == ["imported", "decoders", "libraries", "token", "state"]
    assert output[2] == ["libraries"]  # the bot itself decodes nothing
    assert output[3] == ["token", "secret-token"]
    assert set(output[4][1:]) == {"None"}


def test_decoders_end_with_the_bot_even_if_it_is_killed(tmp_path: Path) -> None:
    program = start_program(tmp_path, 600)
    pids: list[str] = []
    for line in lines(program):
        if line[0] == "decoders":
            pids = line[1:]
        if line[0] == "state":
            break
    assert len(pids) == 2
    program.kill()
    program.wait()
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        pass
