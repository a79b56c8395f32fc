"""What compiles kernels ends, and leaves nothing to compile to those who go on."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from bot.media import compiling

pytestmark = pytest.mark.skipif(os.name == "nt", reason="programs of POSIX")

ALL = """
import asyncio, importlib, pkgutil, sys, numba
from bot.matching.kernels import note_of_all
from bot.media.compiling import compile_kernels
asyncio.run(compile_kernels())
before = note_of_all().exists()
from bot.matching.warm_up import warm_up
import bot.media.preload
warm_up()
kernels = {
    kernel
    for name, module in list(sys.modules.items()) if name.startswith("bot.")
    for kernel in vars(module).values() if isinstance(kernel, numba.core.dispatcher.Dispatcher)
}
print(before, len(kernels) > 10, sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels))
"""


def test_after_it_nothing_is_compiled_any_more(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", ALL], capture_output=True, text=True, check=False, env=environment)
    assert done.stderr == ""
    assert done.stdout.split() == ["True", "True", "0"]


def test_what_lies_elsewhere_is_compiled_anew(tmp_path: Path) -> None:
    """numba goes by where a file lies and when it was written."""
    here = Path(compiling.__file__).parents[2]
    shutil.copytree(here / "bot", tmp_path / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-c", "from bot.matching.kernels import note_of_all; print(note_of_all())"]
    notes = [
        subprocess.run(command, capture_output=True, text=True, check=True, cwd=at).stdout for at in (here, tmp_path)
    ]
    assert notes[0].startswith(os.sep)
    assert notes[0] != notes[1]


@pytest.fixture
def note(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing is compiled yet."""
    path = tmp_path / "complete"
    monkeypatch.setattr(compiling, "note_of_all", lambda: path)
    return path


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Has a shell script run in Python's place."""

    def write(script: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(path))

    return write


async def test_what_was_compiled_is_not_compiled_again(note: Path, program: Callable[[str], None]) -> None:
    program(f"touch {note}.asked")
    await asyncio.to_thread(note.touch)
    await compiling.compile_kernels()
    assert not note.with_name("complete.asked").exists()


async def test_where_nothing_can_be_kept_no_process_compiles(
    monkeypatch: pytest.MonkeyPatch, program: Callable[[str], None], tmp_path: Path
) -> None:
    program(f"touch {tmp_path}/asked")
    monkeypatch.setattr(compiling, "note_of_all", lambda: None)
    await compiling.compile_kernels()
    assert not (tmp_path / "asked").exists()


async def test_the_token_stays_with_the_bot(
    note: Path, program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANGUARD_DISCORD__TOKEN", "MTIz.secret")
    monkeypatch.setenv("stanguard_vault__key", "a2V5")
    monkeypatch.setenv("LANG", "C.UTF-8")
    program(f"env > {note}.environment")
    await compiling.compile_kernels()
    environment = note.with_name("complete.environment").read_text()
    assert "LANG=C.UTF-8" in environment
    assert "STANGUARD" not in environment.upper()


async def test_a_process_that_fails_stops_nobody(note: Path, program: Callable[[str], None]) -> None:
    program("exit 3")
    with structlog.testing.capture_logs() as logged:
        await compiling.compile_kernels()
    assert [(one["event"], one["status"]) for one in logged] == [("compiling.failed", 3)]


@pytest.mark.usefixtures("note")
async def test_neither_does_one_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    with structlog.testing.capture_logs() as logged:
        await compiling.compile_kernels()
    assert [one["event"] for one in logged] == ["compiling.not_started"]


async def test_who_is_asked_to_end_meanwhile_takes_the_process_along(
    note: Path, program: Callable[[str], None]
) -> None:
    written = note.with_name("complete.pid")
    program(f"echo $$ > {written}.new; mv {written}.new {written}; exec sleep 3600")
    waiting = asyncio.create_task(compiling.compile_kernels())
    while not written.exists():  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ProcessLookupError):
        os.kill(int(written.read_text()), 0)
