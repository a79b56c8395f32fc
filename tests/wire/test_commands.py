"""The commands as the bot publishes them over the wire."""

from __future__ import annotations

from bot.language import say
from bot.model import Language

from .installation import Installation


async def test_discord_is_told_of_the_commands_in_every_language(installation: Installation) -> None:
    async with installation.running():
        (guide,) = [one for one in installation.discordd.general.commands[None] if one["name"] == "deepfakes"]
    told = guide["description_localizations"]
    assert set(told) == {"ko", "ja", "es-ES", "es-419", "id"}
    assert told["ko"] == say(Language.KOREAN, guide["description"])
