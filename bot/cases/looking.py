"""Looking, when looking is needed: a coarse grey rendering for one moderator, counted and limited.

Nothing in here claims that a coarse picture protects whoever sees it. What does is not to look, which is why cards have
no picture, renderings are off at first, and every one of them counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.errors import NotAllowedError
from bot.guilds import GuildService
from bot.matching import thumbhash
from bot.model import Case, CaseEvent, Category
from bot.settings import ReviewSettings
from bot.store.engine import Store, Tx
from bot.store.looking import Exposure, Exposures

from . import looking_texts as texts
from . import rendering
from .states import LEASE

HOUR, DAY, MONTH = timedelta(hours=1), timedelta(days=1), timedelta(days=30)
BREAK_WINDOW = timedelta(minutes=20)

SEVERE = frozenset((Category.NCII_SYNTHETIC, Category.NCII_REAL, Category.MINOR_SUSPECTED))
"""Categories in which deciding a case counts as facing it, looked at or not."""

REVEALED = "revealed"
"""The kind of the event that each look leaves in the history of its case."""


@dataclass(frozen=True, slots=True)
class Reveal:
    """What one moderator is shown of one case, and how many renderings they have looked at by now.

    ``soft_limit`` is whether these are so many that it is worth a word.
    """

    case_id: int
    png: bytes = field(repr=False)
    hour: int
    day: int
    soft_limit: bool


@dataclass(frozen=True, slots=True)
class OwnCounts:
    """What somebody faced within the last hour, day and 30 days. For nobody else to see."""

    hour: Exposures
    day: Exposures
    month: Exposures


class LookingService:
    """Shows renderings and counts what moderators face. Safe to call from many tasks at once."""

    def __init__(
        self, store: Store, guilds: GuildService, limits: ReviewSettings, *, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._guilds = guilds
        self._limits = limits
        self._clock = clock

    # ------------------------------------------------------------------------------------------- looking

    async def require(self, case_id: int, user_id: int) -> None:
        """Raise NotAllowedError, which says why, if the person could not look at this case now; NotFoundError if gone.

        Whether they may decide the case is not checked.
        """
        async with self._store.read() as tx:
            await self._require(tx, await tx.cases.touch(case_id), user_id)

    async def reveal(self, case_id: int, user_id: int, request_id: int | None = None) -> Reveal:
        """The rendering of a case for this person, who may decide it; counted and written into the case's history.

        Raises NotAllowedError like :meth:`require`. The same ``request_id`` counts once.
        """
        async with self._store.write() as tx:
            case = await tx.cases.touch(case_id)
            await tx.looking.in_turn(case.guild_id, user_id)
            plane = thumbhash.decode(await self._require(tx, case, user_id))
            now = self._clock()
            if not await tx.events.answered(request_id):
                await self._add(tx, case, user_id, Exposure.REVEALED)
                await tx.events.add(CaseEvent(case.id, now, REVEALED, user_id, "", request_id))
                await tx.cases.renew_claim(case.id, user_id, now=now, until=now + LEASE)
            hour = (await tx.looking.count(case.guild_id, user_id, now - HOUR)).revealed
            day = (await tx.looking.count(case.guild_id, user_id, now - DAY)).revealed
        png = await asyncio.to_thread(lambda: rendering.png(rendering.enlarged(plane)))
        return Reveal(case.id, png, hour, day, soft_limit=hour >= self._limits.soft_reveals_per_hour)

    async def _require(self, tx: Tx, case: Case, user_id: int) -> bytes:
        """What is kept to look at; NotAllowedError if it is not to be shown to this person now."""
        if case.in_lane:
            raise NotAllowedError(texts.LANE)
        if not (await self._guilds.within(tx, case.guild_id)).reveal:
            raise NotAllowedError(texts.REVEAL_OFF)
        if case.thumbhash is None:
            raise NotAllowedError(texts.NOTHING_KEPT)
        if case.category in await tx.looking.opted_out(case.guild_id, user_id):
            raise NotAllowedError(texts.OPTED_OUT)
        now = self._clock()
        times = await tx.looking.times(case.guild_id, user_id, Exposure.REVEALED, now - DAY)
        self._require_room(times, now)
        return case.thumbhash

    def _require_room(self, times: Sequence[datetime], now: datetime) -> None:
        """NotAllowedError when the hard limits leave no room; ``times`` are the looks of a day, newest first."""
        free: list[datetime] = []
        for limit, window in ((self._limits.hard_reveals_per_hour, HOUR), (self._limits.hard_reveals_per_day, DAY)):
            if limit == 0:
                raise NotAllowedError(texts.NONE_ALLOWED)
            within = [at for at in times if at > now - window]
            if len(within) >= limit:
                free.append(within[limit - 1] + window)
        if free:
            raise NotAllowedError(texts.limit_reached(sum(at > now - HOUR for at in times), len(times), max(free)))

    # ------------------------------------------------------------------------------------------- counting

    async def note_decided(self, tx: Tx, case: Case, actor_id: int) -> None:
        """Count a decision in a severe category, in the decision's own transaction: it weighs without a look, too."""
        if case.category in SEVERE:
            await self._add(tx, case, actor_id, Exposure.DECIDED)

    async def break_prompt(self, guild_id: int, user_id: int) -> str | None:
        """A proposal to take a break, if the person faced many cases within 20 minutes."""
        if self._limits.break_after_cases == 0:
            return None
        async with self._store.read() as tx:
            faced = await tx.looking.count_cases(guild_id, user_id, self._clock() - BREAK_WINDOW)
        return texts.take_a_break(faced) if faced >= self._limits.break_after_cases else None

    async def counts(self, guild_id: int, user_id: int) -> OwnCounts:
        """What the person faced in this guild, to be shown to them alone."""
        now = self._clock()
        async with self._store.read() as tx:
            hour, day, month = [
                await tx.looking.count(guild_id, user_id, now - window) for window in (HOUR, DAY, MONTH)
            ]
        return OwnCounts(hour, day, month)

    async def _add(self, tx: Tx, case: Case, user_id: int, kind: Exposure) -> None:
        await tx.looking.add(guild_id=case.guild_id, user_id=user_id, case_id=case.id, at=self._clock(), kind=kind)

    # ------------------------------------------------------------------------------------------- opting out

    async def opted_out(self, guild_id: int, user_id: int) -> frozenset[Category]:
        """The categories of which the person wants to be shown nothing."""
        async with self._store.read() as tx:
            return await tx.looking.opted_out(guild_id, user_id)

    async def opt_out(self, guild_id: int, user_id: int, category: Category, *, out: bool) -> frozenset[Category]:
        """Show the person nothing of a category any more, or allow it again; all categories that they opted out of."""
        async with self._store.write() as tx:
            await tx.looking.in_turn(guild_id, user_id)
            before = await tx.looking.opted_out(guild_id, user_id)
            after = before | {category} if out else before - {category}
            await tx.looking.opt_out(guild_id, user_id, after)
        return after
