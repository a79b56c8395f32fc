"""What moderators had to look at, counted for themselves alone, and what they do not want to be shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import sqlalchemy as sa

from bot.model import Category

from .repository import Repository
from .tables import exposures, reviewers


class Exposure(StrEnum):
    """How somebody came to face a case: by looking at its rendering, or by deciding it in a severe category."""

    REVEALED = "revealed"
    DECIDED = "decided"


class Exposures(NamedTuple):
    """How often somebody faced what, within some time."""

    revealed: int
    decided: int


class Looking(Repository):
    """Exposures and opt-outs, of one person in one guild each. Nobody else's eyes are meant for them."""

    __slots__ = ()

    async def in_turn(self, guild_id: int, user_id: int) -> None:
        """Have others that count for this person wait until a transaction that writes ends.

        To be called after the row of a case was locked, never before.
        """
        await self._lock("looking", guild_id, user_id)

    async def add(self, *, guild_id: int, user_id: int, case_id: int, at: datetime, kind: Exposure) -> None:
        """Count that somebody faced a case."""
        await self._run(
            exposures.insert().values(guild_id=guild_id, user_id=user_id, case_id=case_id, at=at, kind=kind.value)
        )

    async def times(self, guild_id: int, user_id: int, kind: Exposure, since: datetime) -> list[datetime]:
        """When it happened since then, newest first."""
        rows = await self._all(
            sa.select(exposures.c.at)
            .where(_of(guild_id, user_id, since), exposures.c.kind == kind.value)
            .order_by(exposures.c.at.desc())
        )
        return [row.at for row in rows]

    async def count(self, guild_id: int, user_id: int, since: datetime) -> Exposures:
        """How often it happened since then."""
        rows = await self._all(
            sa.select(exposures.c.kind, sa.func.count().label("number"))
            .where(_of(guild_id, user_id, since))
            .group_by(exposures.c.kind)
        )
        numbers = {row.kind: row.number for row in rows}
        return Exposures(numbers.get(Exposure.REVEALED.value, 0), numbers.get(Exposure.DECIDED.value, 0))

    async def count_cases(self, guild_id: int, user_id: int, since: datetime) -> int:
        """How many different cases somebody faced since then, in whatever way."""
        statement = sa.select(sa.func.count(exposures.c.case_id.distinct()))
        return await self._scalar(statement.where(_of(guild_id, user_id, since)))

    async def erase(self, guild_id: int, user_id: int, before: datetime | None = None) -> int:
        """Forget everything about a person in a guild; how many exposures it were. Their limits begin anew.

        ``before``: of the exposures only those from before then, so that the younger ones go on counting.
        """
        mine = sa.and_(reviewers.c.guild_id == guild_id, reviewers.c.user_id == user_id)
        await self._run(reviewers.delete().where(mine))
        theirs = sa.and_(exposures.c.guild_id == guild_id, exposures.c.user_id == user_id)
        if before is not None:
            theirs = sa.and_(theirs, exposures.c.at < before)
        return await self._run(exposures.delete().where(theirs))

    async def opted_out(self, guild_id: int, user_id: int) -> frozenset[Category]:
        """The categories that a person does not want to be shown."""
        chosen = await self._scalar(
            sa.select(reviewers.c.opted_out).where(reviewers.c.guild_id == guild_id, reviewers.c.user_id == user_id)
        )
        return frozenset(Category(value) for value in chosen or ())

    async def opt_out(self, guild_id: int, user_id: int, categories: Iterable[Category]) -> None:
        """Write down all categories that a person does not want to be shown, over what was there."""
        chosen = sorted(category.value for category in categories)
        mine = sa.and_(reviewers.c.guild_id == guild_id, reviewers.c.user_id == user_id)
        if not chosen:
            await self._run(reviewers.delete().where(mine))
        elif await self._run(reviewers.update().where(mine).values(opted_out=chosen)) == 0:
            await self._run(reviewers.insert().values(guild_id=guild_id, user_id=user_id, opted_out=chosen))


def _of(guild_id: int, user_id: int, since: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(exposures.c.guild_id == guild_id, exposures.c.user_id == user_id, exposures.c.at > since)
