"""Hands every picture of every message to the pipeline, out of the raw JSON, and notes which messages came."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from discord.ext import commands

from bot.client import StanguardBot
from bot.client.raw import CHANGED, POSTED
from bot.media import surfaces
from bot.model import GuildSettings, MessageRef, SeenMedia, Surface


class Intake(commands.Cog):
    """A sink for the raw JSON of messages. What it decides alone is whether avatars count, as the server set it."""

    def __init__(self, bot: StanguardBot) -> None:
        self._bot = bot
        self._app = bot.app
        self._cdn_url = bot.app.settings.discord.cdn_url
        self._waiting: set[asyncio.Task[None]] = set()

    async def cog_load(self) -> None:
        """Start to listen."""
        self._bot.add_sink(self.posted, POSTED)
        self._bot.add_sink(self.changed, CHANGED)

    async def cog_unload(self) -> None:
        """Stop to listen."""
        self._bot.remove_sink(self.posted)
        self._bot.remove_sink(self.changed)

    def posted(self, data: Mapping[str, Any]) -> None:
        """Submit the media of a new message. Waits for nothing: it runs inside the gateway's reader."""
        self._take(data, changed=False)

    def changed(self, data: Mapping[str, Any]) -> None:
        """Submit the media of a message that was edited, or to which Discord added something. Waits for nothing."""
        self._take(data, changed=True)

    def _take(self, data: Mapping[str, Any], *, changed: bool) -> None:
        walked = surfaces.walk(data, cdn_url=self._cdn_url, avatars=True)
        if walked is None:
            return
        message, media = walked
        me, marks = self._bot.user, self._app.marks
        if me is not None and message.author_id == me.id:
            marks.passed(message, changed=changed)
            return
        if _awaits_embed(data):
            marks.linger(message, changed=changed)
        if not media:
            marks.passed(message, changed=changed)
            return
        held = marks.seen(message, changed=changed)
        server = self._app.guilds.peek(message.guild_id)
        if server is None:
            task = asyncio.get_running_loop().create_task(self._submit_later(message, media, held=held))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)
        else:
            self._submit(message, media, server, held=held)

    async def _submit_later(self, message: MessageRef, media: tuple[SeenMedia, ...], *, held: bool) -> None:
        server: GuildSettings | None = None
        with contextlib.suppress(Exception):  # a database in trouble must not lose the pictures themselves
            server = await self._app.guilds.get(message.guild_id)
        self._submit(message, media, server, held=held)

    def _submit(
        self, message: MessageRef, media: tuple[SeenMedia, ...], server: GuildSettings | None, *, held: bool
    ) -> None:
        """``server`` None: its settings could not be read. ``held``: as :meth:`Tracker.seen` returns it."""
        avatars = server is not None and server.scan_avatars
        wanted = media if avatars else tuple(item for item in media if item.surface is not Surface.AVATAR)
        if wanted:
            # Bots edit their messages all the time; what the server does not have scanned is not worth a job.
            looked_at = server is None or server.scans(message)
            self._app.pipeline.submit(message, wanted, write_first=looked_at and not held)
        else:
            self._app.marks.accounted(message)


def _awaits_embed(data: Mapping[str, Any]) -> bool:
    """Whether a message may get a picture yet: Discord looks at links after it delivered the message."""
    content = data.get("content")
    return isinstance(content, str) and "http" in content and not data.get("embeds")


async def setup(bot: StanguardBot) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Intake(bot))
