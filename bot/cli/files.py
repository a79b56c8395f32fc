"""Files and folders named on the command line: found, read under a limit, and worked on side by side."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bot.media.errors import MediaError
from bot.model import Unscannable

T = TypeVar("T")
R = TypeVar("R")

LOOKAHEAD = 8
"""Results kept waiting for a slower one before them, for each item under way: output stays in order."""


@dataclass(slots=True)
class Walk:
    """What was found under the paths that a person named.

    ``problems`` are sentences. ``left_out`` counts links and special files inside folders: a link could lead out of
    the folder or in a circle, and a pipe or device is no picture. ``folders`` counts the folders that were named.
    """

    files: list[str] = field(default_factory=list[str])
    problems: list[str] = field(default_factory=list[str])
    left_out: int = 0
    folders: int = 0


def walk(paths: Iterable[Path]) -> Walk:
    """The files under these paths, folders in the order of their names, hidden files included."""
    found = Walk()
    for path in paths:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            found.problems.append(_cannot_be_read(path, error))
            continue
        if stat.S_ISDIR(mode):
            _walk_named_folder(str(path), found)
        elif stat.S_ISREG(mode):
            found.files.append(str(path))
        else:
            found.problems.append(f"{path} is neither a file nor a folder; name a picture or a folder of pictures.")
    return found


def _walk_named_folder(path: str, found: Walk) -> None:
    before = len(found.files), len(found.problems), found.left_out
    found.folders += 1
    _walk_folder(path, found)
    if before == (len(found.files), len(found.problems), found.left_out):
        found.problems.append(f"{path} is an empty folder; name a folder of pictures.")
    elif before[:2] == (len(found.files), len(found.problems)):
        found.problems.append(f"{path} holds only links and special files; name the pictures themselves.")


def _walk_folder(top: str, found: Walk) -> None:
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                items = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            found.problems.append(_cannot_be_read(folder, error))
            continue
        inner: list[str] = []
        for item in items:
            if item.is_dir(follow_symlinks=False):
                inner.append(item.path)
            elif item.is_file(follow_symlinks=False):
                found.files.append(item.path)
            else:
                found.left_out += 1
        folders += reversed(inner)


def _cannot_be_read(path: Path | str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist; check the spelling."
    return f"{path} cannot be read ({error.strerror or type(error).__name__}); check its permissions."


def read(path: str, limit: int) -> bytes:
    """The bytes of a file; MediaError when it is larger than ``limit`` bytes or cannot be read."""
    try:
        with Path(path).open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            data = stream.read(min(size, limit) + 1)
    except OSError:
        raise MediaError(Unscannable.UNREADABLE) from None
    if size > limit or len(data) > limit:
        raise MediaError(Unscannable.TOO_LARGE)
    return data


async def side_by_side(
    items: Sequence[T], work: Callable[[T], Awaitable[R]], *, at_once: int
) -> AsyncGenerator[R, None]:
    """The results of ``work`` in the order of the items, at most ``at_once`` under way at a time."""
    free = asyncio.Semaphore(at_once)

    async def limited(item: T) -> R:
        async with free:
            return await work(item)

    waiting: deque[asyncio.Task[R]] = deque()
    remaining = iter(items)
    try:
        while True:
            while len(waiting) < at_once * LOOKAHEAD:
                try:
                    waiting.append(asyncio.create_task(limited(next(remaining))))
                except StopIteration:
                    break
            if not waiting:
                return
            yield await waiting[0]
            waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
