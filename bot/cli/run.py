"""``stanguard run``: the bot."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .ending import Deadline, EarlyEnd
from .output import complain
from .setup import ConfigOption, finish, prepare

if TYPE_CHECKING:
    from bot.settings import Settings


def run(*, config: ConfigOption = None) -> None:
    """Run the bot. Its token is read from the environment variable STANGUARD_DISCORD__TOKEN."""
    deadline = Deadline()
    early = EarlyEnd(deadline.begins)
    try:
        with early.heard():
            finish(_run(prepare(config, quiet=False), deadline, early))
    finally:
        deadline.kept()


async def _run(settings: Settings, deadline: Deadline, early: EarlyEnd) -> int:
    try:
        with early.cancels_this():
            await _serve(settings, deadline)
    except asyncio.CancelledError:
        if not early.wanted:
            raise
        deadline.closed()
        complain("It was asked to end while it was starting, and has ended; the next start takes up what was begun.")
    return 0


async def _serve(settings: Settings, deadline: Deadline) -> None:
    from bot import client
    from bot.app import App
    from bot.client.runner import token_of
    from bot.store.single import only_bot

    await asyncio.sleep(0)  # a signal that came by now ends it before anything is opened
    token_of(settings.discord)  # before a database is made and a port is opened for nothing
    with only_bot(settings.store.url):
        await client.run(await App.open(settings), stopping=deadline.begins)
