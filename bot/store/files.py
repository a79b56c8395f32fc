"""Writing a file that is whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import DatabaseError


@contextmanager
def whole(target: Path) -> Generator[Path]:
    """An empty file beside ``target``, readable for its owner alone, that takes its place at the end of the block.

    Whoever is interrupted, by an exception, a signal or the power, leaves nothing at ``target``; a file that begins
    with a dot may stay beside it. Raises DatabaseError, and overwrites nothing, when something is there by then, and
    OSError when the place cannot be written.
    """
    require_free(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(descriptor)
    unfinished = Path(name)
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        _put_in_place(unfinished, target)
        _sync_folder(target.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def require_free(path: Path) -> None:
    """Raises DatabaseError when something is there already."""
    if path.exists():
        raise DatabaseError(f"{path} exists already; name another file, or move that one away.")


def _put_in_place(unfinished: Path, target: Path) -> None:
    try:
        target.hardlink_to(unfinished)
    except FileExistsError:
        require_free(target)
        raise
    except OSError:
        # A disk without hard links, such as many sticks: there two that write the same file at once are not told apart.
        require_free(target)
        unfinished.replace(target)


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file survive a power cut; not every system lets a folder be opened."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        return
    finally:
        os.close(descriptor)
