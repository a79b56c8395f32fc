"""Kernels are compiled in a process that ends: the compiler's memory, some 200 MiB, would stay with one that goes on.

``python -m bot.media.compiling`` is that process.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path

import structlog

import bot
from bot.matching.kernels import note_of_all

from .pool import inherited

log = structlog.get_logger(__name__)

_MODULE = "bot.media.compiling"


async def compile_kernels() -> None:
    """Have every kernel compiled and kept on disk, unless that was done before. Takes up to half a minute.

    Where nothing can be kept, or the process fails, that is left to those who need the kernels: later, and with more
    memory, but they do without this one.
    """
    note = note_of_all()
    if note is None or note.exists():
        return
    environment = inherited()
    path = os.pathsep.join(filter(None, (str(Path(bot.__file__).parents[1]), environment.get("PYTHONPATH"))))
    command = (sys.executable, "-m", _MODULE)
    try:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment | {"PYTHONPATH": path}, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
        )
    except OSError as error:
        log.warning("compiling.not_started", error=type(error).__name__)
        return
    try:
        status = await process.wait()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if status != 0:
        log.warning("compiling.failed", status=status)


def _compile() -> None:
    """Run everything that has kernels, in the way that the bot and its decoders do when they start."""
    from bot.matching.warm_up import warm_up

    from . import preload as preload  # it warms up what decoders need while it is imported

    warm_up()
    note = note_of_all()
    if note is not None:
        note.touch()


if __name__ == "__main__":
    _compile()
