"""``stanguard demo`` as a program: it plays the story in the terminal, or leaves the server open in the browser."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Generator

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from bot.settings import MatchingSettings

from .control import ControlServer
from .shelf import Shelf
from .story import Step, StepError, Story
from .world import World, open_world

PATIENCE_SECONDS = 3.0
"""How long further signals are ignored after the first."""

TO_TRY = (
    "Post the blocked picture in any disguise; it is gone before you can look at it.",
    "Post the official photo, and then the face swap of it: the one stays, the other goes.",
    "Forward it from another server, or edit a link to it into a harmless message.",
    "Decide the open cases in #review as the moderator Ada; commands such as /blocklist list work there, too.",
    "Report or block a harmless picture by the menu of its message, and post it again.",
)


async def play(matching: MatchingSettings, out: Console) -> int:
    """Play the whole story and print each step; 1 and a sentence if one did not happen."""
    async with open_world(matching) as world:
        story = Story(world, Shelf())
        out.print("[bold]stanguard demo[/]: the real bot on a simulated Discord\n")
        try:
            number = await _print_steps(out, story.tell(), 0)
            number = await _print_steps(out, story.decide(), number)
        except StepError as error:
            sys.stderr.write(f"stanguard: {error}\n")
            return 1
    out.print(f"\n[green]All {number} steps happened.[/] Try it yourself in the browser: stanguard demo")
    return 0


async def serve(matching: MatchingSettings, port: int | None, out: Console) -> int:
    """Play the beginning of the story and keep the server open until the person stops it."""
    with _signals() as stopped:
        async with open_world(matching) as world:
            shelf = Shelf()
            control = ControlServer(world, shelf)
            await control.start(port)
            try:
                with out.status("Starting the bot and telling the story so far ..."):
                    await tell_beginning(world, shelf)
                _invite(out, control)
                await stopped.wait()
            except StepError as error:
                sys.stderr.write(f"stanguard: {error}\n")
                return 1
            finally:
                await control.close()
    out.print("\nStopped; the simulated server and its database are gone.")
    return 0


async def tell_beginning(world: World, shelf: Shelf) -> None:
    """Play the part of the story that leaves two open cases. Raises StepError."""
    async for _ in Story(world, shelf).tell():
        pass


async def _print_steps(out: Console, steps: AsyncGenerator[Step], number: int) -> int:
    async for step in steps:
        number += 1
        out.print(f"[green]✓[/] {number:>2}. [bold]{step.title}[/]", highlight=False)
        out.print(Padding(Text(step.seen, style="dim"), (0, 0, 0, 6)))
    return number


def _invite(out: Console, control: ControlServer) -> None:
    out.print("[bold]The demo runs.[/] Open it in a browser on this computer:\n")
    out.print(f"  [bold blue]{control.address}[/]", soft_wrap=True)
    out.print("      the fan channel, the review channel beside it, and what the bot does")
    out.print(f"  [blue]{control.review_address}[/]", soft_wrap=True, highlight=False)
    out.print("      the review channel alone, as the moderator Ada\n")
    out.print("What to try:")
    for number, sentence in enumerate(TO_TRY, 1):
        out.print(f"  {number}. {sentence}", highlight=False, soft_wrap=True)
    out.print("\nCtrl+C ends it.")


@contextlib.contextmanager
def _signals() -> Generator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set.

    A second signal ends the program the hard way, but not at once: uv passes on the Ctrl+C that the terminal sends to
    everybody anyway.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    caught: list[signal.Signals] = []

    def stop() -> None:
        if not stopped.is_set():
            stopped.set()
            loop.call_later(PATIENCE_SECONDS, release)

    def release() -> None:
        while caught:
            loop.remove_signal_handler(caught.pop())

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError):  # Windows, or not in the main thread
            loop.add_signal_handler(number, stop)
            caught.append(number)
    try:
        yield stopped
    finally:
        release()
