"""What a decoder process runs. Imports are light at the top, because the bot imports this module to name its functions.

The limits below bound what a hostile file costs, and keep pictures off the disk. They are no jail: a file that takes
over the decoder runs with the bot's user. See :mod:`bot.media.sandbox` for what is protected and what is not.
"""

from __future__ import annotations

import importlib
import logging
import math
import os
import signal
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from bot.model import Unscannable

from . import wire
from .signals import manifests, packing

if sys.platform != "win32":
    import resource

NICENESS = 10
"""The bot's own process comes first: it answers moderators while a burst of pictures is decoded."""

_OPEN_FILES = 64
_OWN_MEMORY = 1 << 30
"""Bytes of address space taken for granted where the process cannot look up what it has."""

_log = logging.getLogger(__name__)


def prepare(memory: int, niceness: int = NICENESS) -> None:
    """Take away from this process what decoding does not need.

    ``memory`` is how many bytes decoding may take, on top of what the process has already. ``niceness``: by how much
    others come before it, as nice(2) has it. Runs once in each process, before its first picture.
    """
    importlib.import_module(f"{__package__}.decode")  # now, while files may still be opened freely
    manifests.prepare()
    os.environ.clear()
    # At once, even inside a decoder written in C: pebble's handler would wait for the next line of Python.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "win32":
        return
    os.nice(niceness)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_AS, _address_space() + memory)


def run(data: bytes, limits: wire.Limits) -> bytes:
    """One picture to a reply of :mod:`bot.media.wire`. Never raises: an exception would have to cross the pipe."""
    from . import decode

    try:
        _limit_cpu(limits.seconds)
        reply = decode.read(data, limits)
    except MemoryError:
        reply = wire.Reply(None, Unscannable.OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - a defect of ours, and the bot needs an answer all the same
        # Never the text of the error: it may quote the file.
        frames = traceback.extract_tb(error.__traceback__)
        _log.error("fingerprinting failed: %s at %s:%s", type(error).__name__, frames[-1].filename, frames[-1].lineno)
        reply = wire.Reply(None, Unscannable.INTERNAL)
    return wire.pack(reply)


def provenance(data: bytes, seconds: float) -> bytes:
    """What the C2PA manifest of one file says, as :mod:`bot.media.signals.packing` writes it. Never raises.

    As long as it is read, the process can open nothing: no file, and no way to another machine.
    """
    try:
        _limit_cpu(seconds)
        with _closed():
            found = manifests.read(data)
    except Exception as error:  # noqa: BLE001 - as above; a manifest that cannot be read says nothing
        _log.error("reading a manifest failed: %s", type(error).__name__)
        found = ()
    return packing.pack(found)


@contextmanager
def _closed() -> Generator[None]:
    """Let this process open no file and no socket. What is open already can be used."""
    if sys.platform == "win32":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _limit_cpu(seconds: float) -> None:
    """Processor time for the next picture, counted from now. Past it, the kernel ends the process."""
    if sys.platform == "win32":
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _limit(kind: int, value: int) -> None:
    if sys.platform == "win32":
        return
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    # macOS knows some of these limits and refuses to set them.
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    """Bytes of address space that this process has mapped."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return _OWN_MEMORY
