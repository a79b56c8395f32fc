"""``stanguard run``: the bot."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from .output import complain
from .setup import ConfigOption, finish, prepare

if TYPE_CHECKING:
    from bot.settings import Settings

LONGEST_END = 9.75
"""Seconds from the wish to end to the end, whatever happens: supervisors kill after ten."""


def run(*, config: ConfigOption = None) -> None:
    """Run the bot. Its token is read from the environment variable STANGUARD_DISCORD__TOKEN."""
    deadline = Deadline()
    try:
        finish(_run(prepare(config, quiet=False), deadline))
    finally:
        deadline.kept()


async def _run(settings: Settings, deadline: Deadline) -> int:
    from bot import client
    from bot.app import App
    from bot.client.runner import token_of
    from bot.store.single import only_bot

    token_of(settings.discord)  # before a database is made and a port is opened for nothing
    with only_bot(settings.store.url):
        await client.run(await App.open(settings), stopping=deadline.begins)
    return 0


class Deadline:
    """Ends the process for certain: a thread that waits for a locked database or a stuck disk would hold it up.

    Whatever is under way then is taken up at the next start, as after any other sudden end.
    """

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def begins(self) -> None:
        """The end is wanted: it comes in :data:`LONGEST_END` seconds, if not by itself."""
        self._timer = threading.Timer(LONGEST_END, self._end)
        self._timer.daemon = True
        self._timer.start()

    def kept(self) -> None:
        """All has ended, the threads included."""
        if self._timer is not None:
            self._timer.cancel()

    @staticmethod
    def _end() -> None:
        complain("It did not end in time and was stopped; what was under way is taken up at the next start.")
        os._exit(2)
