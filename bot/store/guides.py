"""What guilds tell their members about manipulated pictures in their own words."""

from __future__ import annotations

import sqlalchemy as sa

from bot.model import Language

from .repository import Repository
from .tables import guides


class Guides(Repository):
    """Guides, at most one a guild and language."""

    __slots__ = ()

    async def get(self, guild_id: int, language: Language) -> str | None:
        """A guild's own guide in a language; None if it has none."""
        wanted = sa.and_(guides.c.guild_id == guild_id, guides.c.language == language)
        return await self._scalar(sa.select(guides.c.body).where(wanted))

    async def languages(self, guild_id: int) -> list[Language]:
        """The languages in which a guild has a guide of its own."""
        rows = await self._all(sa.select(guides.c.language).where(guides.c.guild_id == guild_id))
        return sorted(row.language for row in rows)

    async def save(self, guild_id: int, language: Language, body: str | None) -> None:
        """Write a guild's own guide over what was there; None: it has none any more."""
        wanted = sa.and_(guides.c.guild_id == guild_id, guides.c.language == language)
        if body is None:
            await self._run(guides.delete().where(wanted))
        elif not await self._run(guides.update().where(wanted).values(body=body)):
            await self._run(self._insert_new(guides).values(guild_id=guild_id, language=language, body=body))
