"""What a file that takes over a decoder could make it do. These functions run in processes of their own."""

import errno
import json
import os
import resource
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from bot.media import wire, worker
from bot.media.signals import manifests
from bot.model import Signal

HANG, DIE, ABORT, LEAVE, LIE, CALL = b"hang", b"die", b"abort", b"leave", b"lie", b"call"
genuine_run = worker.run


def run(data: bytes, limits: wire.Limits) -> object:
    """In place of the real one: obeys a few words and treats everything else as a picture."""
    if data == HANG:
        time.sleep(3600)
    if data == DIE:
        os.kill(os.getpid(), signal.SIGKILL)
    if data == ABORT:
        os.abort()
    if data == LEAVE:
        os._exit(0)
    if data == LIE:
        return b"\x00" * 80
    if data.startswith(CALL):
        return Shell(data.removeprefix(CALL).decode())
    return genuine_run(data, limits)


class Shell:
    """Runs a command where it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (self.command,)


def circumstances() -> bytes:
    """What a decoder process finds around itself."""
    limits = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in ("CORE", "FSIZE", "NOFILE")}
    found = {
        "environment": sorted(os.environ),
        "initial environment": Path("/proc/self/environ").read_bytes().decode("utf-8", "replace"),
        "main": getattr(sys.modules["__main__"], "__file__", None),
        "modules": sorted(sys.modules),
        "limits": limits,
        "threads": threading.active_count(),
        "interrupt": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
    }
    return json.dumps(found).encode()


def write(path: str) -> bytes:
    """Try to put something on the disk."""
    try:
        Path(path).write_bytes(b"picture")
    except OSError as error:
        return errno.errorcode[error.errno or 0].encode()
    return b"written"


def take_memory(size: int) -> bytes:
    """Try to have memory."""
    try:
        return str(len(bytearray(size))).encode()
    except MemoryError:
        return b"refused"


def open_sockets(count: int) -> bytes:
    """Try to open many files."""
    held = []
    try:
        for _ in range(count):
            held.append(socket.socket())
    except OSError as error:
        return errno.errorcode[error.errno or 0].encode()
    return b"opened"


def burn(data: bytes, limits: wire.Limits, seconds: float) -> bytes:
    """A picture, and then so much processor time."""
    reply = genuine_run(data, limits)
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
    return reply


def die_of_a_manifest(*_: object) -> bytes:
    """In place of the reader of manifests: a file that takes its process down."""
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def hang_on_a_manifest(*_: object) -> bytes:
    """In place of the reader of manifests: one that never ends."""
    time.sleep(3600)
    return b""


def lie_about_a_manifest(*_: object) -> bytes:
    """In place of the reader of manifests: an answer that it never gives."""
    return b"signals"


def fetch_manifests(data: bytes) -> bytes:
    """What is read of a manifest by a reader that would fetch one from elsewhere."""
    manifests.SETTINGS.clear()
    manifests._context.cache_clear()
    manifests._library()
    return worker.provenance(data, 60)


def dial(address: tuple[str, int]) -> bytes:
    """Try to reach a server in place of reading a manifest, and afterwards."""
    found: list[str] = []

    def attempt(_: bytes = b"") -> tuple[Signal, ...]:
        try:
            with socket.create_connection(address):
                found.append("reached")
        except OSError as error:
            found.append(errno.errorcode[error.errno or 0])
        return ()

    manifests.read = attempt
    worker.provenance(b"", 60)
    attempt()
    return " ".join(found).encode()
