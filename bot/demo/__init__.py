"""The simulated server and its story; needs the extra demo, of which nothing is imported before :func:`run`."""

from __future__ import annotations

import logging

from bot.settings import Settings


async def run(settings: Settings, *, port: int | None, headless: bool) -> int:
    """Run the demo to its end and return the exit status.

    ``headless`` plays the story in the terminal: 0, or 1 after a sentence on standard error when a step did not
    happen. Otherwise the server stays open in the browser until SIGINT or SIGTERM. Of the settings only the limits of
    matching count: the demo has a database of its own, and knows neither token nor network. Raises RefusedError when
    the port is taken, ModuleNotFoundError when the extra is not installed.
    """
    from rich.console import Console

    for name in ("discord", "discord.client"):  # it warns of what a bot without voice does not need
        logging.getLogger(name).setLevel(logging.ERROR)
    from .program import play, serve

    out = Console()
    return await (play(settings.matching, out) if headless else serve(settings.matching, port, out))
