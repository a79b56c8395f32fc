"""The bots under test, each in a process of its own: ``python -m benchmarks.bots stanguard|common FOLDER``.

``common`` is the way most picture bots go: the handler downloads the attachment, hashes it in the event loop with
``imagehash.phash``, and compares it with a list of hashes one by one.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
import tomllib
from pathlib import Path
from typing import Any

from .measure import LagProbe

CONFIG, LAG, HANDLED, BLOCKED, STATE = "config.toml", "lag.bin", "handled", "blocked.json", "state.json"
COMMON_DISTANCE = 43


async def _stanguard(folder: Path) -> None:
    from bot import client
    from bot.app import App
    from bot.cli.setup import prepare

    await client.run(await App.open(prepare(folder / CONFIG, quiet=False)))


async def _common(folder: Path) -> None:
    import discord
    import imagehash
    from discord.gateway import DiscordWebSocket
    from discord.http import Route
    from PIL import Image
    from yarl import URL

    addresses: dict[str, Any] = tomllib.loads((folder / CONFIG).read_text())["discord"]
    Route.BASE = addresses["api_url"]
    DiscordWebSocket.DEFAULT_GATEWAY = URL(addresses["gateway_url"])
    blocked = [imagehash.hex_to_hash(text) for text in json.loads((folder / BLOCKED).read_text())]

    class CommonBot(discord.Client):
        handled = 0

        async def on_message(self, message: discord.Message) -> None:
            if message.author == self.user or message.guild is None:
                return
            for attachment in message.attachments:
                data = await attachment.read()
                found = imagehash.phash(Image.open(io.BytesIO(data)), hash_size=16)
                matched = any(found - entry <= COMMON_DISTANCE for entry in blocked)
                self.handled += 1
                if matched:
                    await message.delete()
                    review = discord.utils.get(message.guild.text_channels, name="review")
                    if review is not None:
                        await review.send(f"Removed a picture by {message.author} in <#{message.channel.id}>.")

    intents = discord.Intents.none()
    intents.guilds = intents.guild_messages = intents.message_content = True
    bot = CommonBot(intents=intents)
    running = asyncio.create_task(bot.start(os.environ["STANGUARD_DISCORD__TOKEN"]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    while not running.done():
        (folder / HANDLED).write_text(str(bot.handled))
        await asyncio.wait((running,), timeout=0.1)
    await bot.close()


async def _note_state(path: Path) -> None:
    """Write down every second how many tasks there are, and what the bot counts."""
    from bot.ops import metrics

    saved = {step: metrics.SCANS_SAVED.labels(step) for step in ("fetch", "decode")}
    while True:
        state = {
            "tasks": len(asyncio.all_tasks()),
            "spilled": metrics.MEDIA_SPILLED._value.get(),
            "not_fetched": saved["fetch"]._value.get(),
            "not_decoded": saved["decode"]._value.get(),
        }
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(state))
        fresh.replace(path)
        await asyncio.sleep(1)


async def _measured(kind: str, folder: Path) -> None:
    beside = [asyncio.create_task(LagProbe(folder / LAG).run()), asyncio.create_task(_note_state(folder / STATE))]
    try:
        await (_stanguard if kind == "stanguard" else _common)(folder)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(_measured(sys.argv[1], Path(sys.argv[2])))
