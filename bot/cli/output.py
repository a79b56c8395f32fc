"""What the program writes: results on standard output, sentences for people on standard error."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH_WITHOUT_TERMINAL = 10_000
"""Columns of a table that goes into a file or another program: wide enough to break no line, for ``grep``."""


def say(text: str) -> None:
    """Write one line of results. A reader that has gone (``| head``) ends the program without a word."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes standard output once more at exit: give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(128 + signal.SIGPIPE) from None


def show(renderable: RenderableType) -> None:
    """Write a table, as wide as the terminal."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if terminal else WIDTH_WITHOUT_TERMINAL, highlight=False)
    with console.capture() as captured:
        console.print(renderable)
    say(captured.get().rstrip("\n"))


def complain(sentence: str) -> None:
    """Write one sentence about what went wrong, or what the person should know."""
    with contextlib.suppress(OSError):  # standard error may be a file on a full disk; the exit status says enough
        typer.echo(f"stanguard: {printable(sentence)}", err=True)


@contextlib.contextmanager
def progress(title: str, total: int, *, shown: bool = True) -> Generator[Callable[[], None]]:
    """A progress bar on standard error, when that is a terminal; call what it gives for every item done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr)
    bar = Progress(
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
    )
    with bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


def count(number: int, thing: str, things: str | None = None) -> str:
    """A number with its noun: 1 file, 2 files; ``things`` for a plural that is not made with an s."""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"


def printable(text: str) -> str:
    """The text with everything escaped that could steer a terminal: file names are chosen by anybody."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
