"""Killing the program at one step after the other, as power cuts would, and letting a second one go on each time.

A story that is to survive that is a module of its own, ``python -m tests.….…_crash URL FOLDER``, whose processes are
forks of one another: it prints one JSON object for each step at which it was killed. :func:`reports` reads them.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked on this system")

Run = Callable[[int, int | None], Coroutine[Any, Any, None]]
"""Goes through the story: the number of the attempt, and the step to be killed at; None: go on with the attempt."""


class Reaper:
    """Counts the steps and kills the process at one of them, as a power cut would."""

    def __init__(self, note: Path, at: int | None) -> None:
        self._note = note
        self._at = at
        self._reached = 0

    def reach(self, step: str) -> None:
        self._reached += 1
        if self._reached == self._at:
            self._note.write_text(step)
            os.kill(os.getpid(), signal.SIGKILL)


def at_each_step(run: Run) -> int:
    """Kill at every step until the story comes to its end; the exit status for the process."""
    kill_at = 1
    while (status := _forked(run, kill_at, kill_at)) == -signal.SIGKILL:
        if _forked(run, kill_at, None):
            return 1
        kill_at += 1
    return status


def _forked(run: Run, number: int, kill_at: int | None) -> int:
    """Run in a child process; its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(run(number, kill_at))
        except BaseException as error:  # noqa: BLE001 - the parent has to see it, and the child has to end here
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


async def reports(module: str, *arguments: object) -> list[dict[str, Any]]:
    """What a story printed of each step at which it was killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return [json.loads(line) for line in out.decode().splitlines()]
