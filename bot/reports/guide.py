"""The guide to manipulated pictures: the bot's own, or what a guild wrote in its place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.errors import RefusedError
from bot.model import Language
from bot.store.engine import Store

from . import guide_texts

LONGEST_GUIDE = 3500
"""Characters of a guide, which leaves room for its title and a hotline in a message of Discord's."""

MOST_SECTIONS = 10
"""Sections that are shown apart from one another, of Discord's 40 components in a message."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

EMPTY = "A guide needs a text; to go back to the bot's own, use `/setup-guide action:reset`."
TOO_LONG = f"A guide may have {LONGEST_GUIDE} characters at most; please shorten it."


@dataclass(frozen=True, slots=True)
class Guide:
    """What a guild's members read in one language, in Discord's Markdown. ``own``: the guild wrote it itself."""

    language: Language
    body: str
    own: bool

    @property
    def sections(self) -> list[str]:
        """The parts of the text, each from one heading to the next."""
        return re.split(r"\n+(?=#{1,3} )", self.body, maxsplit=MOST_SECTIONS - 1)


class GuideService:
    """One guide for each guild and language: a guild's own text in that language, else the bot's in that language.

    A guild's English text is not shown to those who read another language: they have the bot's own in theirs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, guild_id: int, language: Language) -> Guide:
        """What a guild's members read in a language."""
        async with self._store.read() as tx:
            written = await tx.guides.get(guild_id, language)
        return Guide(language, guide_texts.body(language) if written is None else written, own=written is not None)

    async def edit(self, guild_id: int, language: Language, body: str) -> Guide:
        """Write a guild's own text over what was there.

        RefusedError for one that is empty or too long. Control characters are taken out, line breaks become plain
        ones and more than one empty line becomes one; everything else stays as it was written. The bot's own text
        does not become the guild's: it goes on following the program.
        """
        text = tidy(body)
        if not text:
            raise RefusedError(EMPTY)
        if len(text) > LONGEST_GUIDE:
            raise RefusedError(TOO_LONG)
        written = None if text == guide_texts.body(language) else text
        async with self._store.write() as tx:
            await tx.guides.save(guild_id, language, written)
        return await self.get(guild_id, language)

    async def reset(self, guild_id: int, language: Language) -> bool:
        """Go back to the bot's own text; whether the guild had one."""
        async with self._store.write() as tx:
            had = await tx.guides.get(guild_id, language) is not None
            await tx.guides.save(guild_id, language, None)
        return had

    async def languages(self, guild_id: int) -> list[Language]:
        """The languages in which a guild has a text of its own."""
        async with self._store.read() as tx:
            return await tx.guides.languages(guild_id)


def tidy(body: str) -> str:
    """A text without control characters, which databases and Discord refuse, and with plain line breaks."""
    plain = _CONTROL.sub("", re.sub(r"\r\n?", "\n", body))
    return re.sub(r"\n{3,}", "\n\n", plain).strip()
