"""The bot as Discord sees it: the only part of the product, beside the demo, that knows discord.py."""

from .bot import StanguardBot, create_bot
from .calls import DiscordCalls
from .members import DiscordMembers
from .runner import run

__all__ = ["DiscordCalls", "DiscordMembers", "StanguardBot", "create_bot", "run"]
