"""Asks Discord whether somebody is a member of a server, without the intent for members."""

from __future__ import annotations

import aiohttp
import discord

from bot.reports.leaving import NoAnswerError

from .bot import StanguardBot
from .refusals import MISSING_ACCESS, UNKNOWN_GUILD, UNKNOWN_MEMBER, UNKNOWN_USER


class DiscordMembers:
    """Implements :class:`bot.reports.leaving.Members`."""

    def __init__(self, bot: StanguardBot) -> None:
        self._bot = bot

    async def is_member(self, guild_id: int, user_id: int) -> bool | None:
        """Whether somebody is in a server now; None if the bot itself is not.

        Raises NoAnswerError for every answer that says neither, so that nobody is taken for gone on a guess.
        """
        if not self._bot.logged_in:
            raise NoAnswerError("The bot is not connected to Discord yet.")
        try:
            await self._bot.http.get_member(guild_id, user_id)
        except discord.HTTPException as error:
            if error.status == 404 and error.code in {UNKNOWN_MEMBER, UNKNOWN_USER}:
                return False
            if error.code in {UNKNOWN_GUILD, MISSING_ACCESS}:
                return None
            raise NoAnswerError(f"Discord answered {error.status}.") from None
        except discord.RateLimited:
            raise NoAnswerError("Discord asks to wait.") from None
        except (TimeoutError, aiohttp.ClientError, OSError, RuntimeError) as error:
            # RuntimeError is what a closed session raises while the bot shuts down.
            raise NoAnswerError(f"Discord could not be reached ({type(error).__name__}).") from None
        return True
