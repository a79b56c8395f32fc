"""``stanguard run``: the bot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .setup import ConfigOption, finish, prepare

if TYPE_CHECKING:
    from bot.settings import Settings


def run(*, config: ConfigOption = None) -> None:
    """Run the bot. Its token is read from the environment variable STANGUARD_DISCORD__TOKEN."""
    finish(_run(prepare(config, quiet=False)))


async def _run(settings: Settings) -> int:
    from bot import client
    from bot.app import App
    from bot.store.single import only_bot

    with only_bot(settings.store.url):
        await client.run(await App.open(settings))
    return 0
