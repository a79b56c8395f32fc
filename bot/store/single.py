"""One bot with an SQLite file: a second one would answer every press and every command a second time."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Generator
from pathlib import Path
from typing import TextIO

from bot.errors import DatabaseError

from .dialects import sqlite_path


@contextlib.contextmanager
def only_bot(url: str) -> Generator[None]:
    """Be the only bot on an SQLite file. DatabaseError when another process is; PostgreSQL takes any number.

    The system gives the lock back when the process ends, however it ends.
    """
    path = sqlite_path(url)
    with contextlib.ExitStack() as stack:
        if path is not None:
            # A folder that cannot be written is the business of who opens the database.
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context(path.with_name(f"{path.name}.lock").open("a+", encoding="ascii"))
                _take(file, path)
        yield


def _take(file: TextIO, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows; nothing is checked there
        return
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EAGAIN}:
            return  # a file system without locks
        file.seek(0)
        raise DatabaseError(
            f"Another stanguard (process {file.read().strip() or 'unknown'}) runs on {path} already; stop that one "
            "first, or use PostgreSQL for several processes."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
