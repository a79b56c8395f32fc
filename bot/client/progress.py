"""The messages that show how far the reading of history is, in Discord."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
import discord
from discord.http import handle_message_parameters

from bot.history.progress import Progress, Shown

from .bot import StanguardBot
from .refusals import passing

TOO_MANY_OLD_EDITS = 30046
"""Discord takes no more changes of a message that is older than an hour, for now."""


class ProgressMessages:
    """Posts and changes them. Nobody is ever notified by one."""

    def __init__(self, bot: StanguardBot, render: Callable[[Progress], discord.ui.LayoutView]) -> None:
        self._bot = bot
        self._render = render

    async def post(self, channel_id: int, progress: Progress) -> int | None:
        """Post one; its id, or None where the bot may not write or Discord does not answer."""
        nobody = discord.AllowedMentions.none()
        # Sent below discord.py's objects, which would keep every view for its presses; ours find their own way.
        with handle_message_parameters(view=self._render(progress), allowed_mentions=nobody) as params:
            try:
                message = await self._bot.http.send_message(channel_id, params=params)
            except (discord.HTTPException, discord.RateLimited, TimeoutError, aiohttp.ClientError, OSError):
                return None
        return int(message["id"])

    def serves(self, guild_id: int) -> bool:
        """Whether this process hears of a guild; of none before it is connected."""
        return self._bot.get_guild(guild_id) is not None

    async def change(self, progress: Progress) -> Shown:
        """Have the message of a sweep show how far it is now; what became of the attempt."""
        sweep = progress.sweep
        if sweep.channel_id is None or sweep.message_id is None:
            return Shown.GONE
        nobody = discord.AllowedMentions.none()
        with handle_message_parameters(view=self._render(progress), allowed_mentions=nobody) as params:
            try:
                await self._bot.http.edit_message(sweep.channel_id, sweep.message_id, params=params)
            except discord.HTTPException as error:
                later = passing(error) is not None or error.code == TOO_MANY_OLD_EDITS
                return Shown.LATER if later else Shown.GONE
            except (discord.RateLimited, TimeoutError, aiohttp.ClientError, OSError, RuntimeError):
                return Shown.LATER  # RuntimeError is what a closed session raises while the bot shuts down
        return Shown.YES
