"""Hands every picture of every message to the pipeline, out of the raw JSON, and notes which messages came."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from discord.ext import commands

from bot.client import StanguardBot
from bot.media import surfaces
from bot.model import MessageRef, SeenMedia, Surface


class Intake(commands.Cog):
    """A sink for the raw JSON of messages. What it decides alone is whether avatars count, as the server set it."""

    def __init__(self, bot: StanguardBot) -> None:
        self._bot = bot
        self._app = bot.app
        self._cdn_url = bot.app.settings.discord.cdn_url
        self._waiting: set[asyncio.Task[None]] = set()

    async def cog_load(self) -> None:
        """Start to listen."""
        self._bot.add_sink(self.take)

    async def cog_unload(self) -> None:
        """Stop to listen."""
        self._bot.remove_sink(self.take)

    def take(self, data: Mapping[str, Any]) -> None:
        """Submit the media of one message. Waits for nothing: it runs inside the gateway's reader."""
        walked = surfaces.walk(data, cdn_url=self._cdn_url, avatars=True)
        if walked is None:
            return
        message, media = walked
        me, marks = self._bot.user, self._app.marks
        if me is not None and message.author_id == me.id:
            marks.passed(message)
            return
        if _awaits_embed(data):
            marks.linger(message)
        if not media:
            marks.passed(message)
            return
        marks.seen(message)
        server = self._app.guilds.peek(message.guild_id)
        if server is None:
            task = asyncio.get_running_loop().create_task(self._submit_later(message, media))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)
        else:
            self._submit(message, media, avatars=server.scan_avatars)

    async def _submit_later(self, message: MessageRef, media: tuple[SeenMedia, ...]) -> None:
        try:
            server = await self._app.guilds.get(message.guild_id)
            avatars = server.scan_avatars
        except Exception:  # noqa: BLE001 - a database in trouble must not lose the pictures themselves
            avatars = False
        self._submit(message, media, avatars=avatars)

    def _submit(self, message: MessageRef, media: tuple[SeenMedia, ...], *, avatars: bool) -> None:
        wanted = media if avatars else tuple(item for item in media if item.surface is not Surface.AVATAR)
        if wanted:
            self._app.pipeline.submit(message, wanted)
        else:
            self._app.marks.accounted(message)


def _awaits_embed(data: Mapping[str, Any]) -> bool:
    """Whether a message may get a picture yet: Discord looks at links after it delivered the message."""
    content = data.get("content")
    return isinstance(content, str) and "http" in content and not data.get("embeds")


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Intake(bot))
