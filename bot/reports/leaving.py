"""Leaving a server starts the clock: whether those who reported are still members is asked once a day.

The bot hears of nobody who leaves, as it does without the intent for members, so it asks Discord for each of them by
their id while it knows it. :mod:`bot.ops.retention` erases what is known of whoever stays away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.errors import StanguardError
from bot.store.engine import Store, Tx

log = structlog.get_logger(__name__)

DAY = timedelta(days=1)
CHORE = "leaving"

MOST_ASKED = 200
"""Members of a guild who are asked for in a day. Where more reported, each day asks for others."""

PAUSE_SECONDS = 0.5
"""Between two questions to Discord: this is never urgent, and other calls shall not wait behind it."""


class NoAnswerError(StanguardError):
    """Discord did not say who is a member: it cannot be reached, or asks to wait."""


class Members(Protocol):
    """Knows the members of guilds."""

    async def is_member(self, guild_id: int, user_id: int) -> bool | None:
        """Whether somebody is in a guild now; None if the bot itself is not. Raises NoAnswerError."""
        ...


class LeavingService:
    """Notes which of those who reported have left, or came back. Several processes may run this at once."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime], pause: float = PAUSE_SECONDS) -> None:
        self._store = store
        self._clock = clock
        self._pause = pause

    async def run(self, members: Members) -> None:
        """Ask for those of every guild that was not asked for within a day; the others get their turn later.

        Without an answer it ends at once: that guild's turn comes again a day later, and the others' at the next run.
        Raises DatabaseError.
        """
        async with self._store.read() as tx:
            guild_ids = await tx.privacy.guilds_with_ids()
        try:
            for guild_id in guild_ids:
                await self._ask_guild(members, guild_id)
        except NoAnswerError as error:
            log.info("leaving.stopped", reason=str(error))

    async def _ask_guild(self, members: Members, guild_id: int) -> None:
        now = self._clock()
        async with self._store.write() as tx:
            if not await tx.chores.take(guild_id, CHORE, now=now, not_since=now - DAY):
                return
            asked = _of_the_day(await tx.privacy.with_ids(guild_id), now)
            kept = await tx.reporters.some(guild_id, [reporter for reporter, _ in asked])
        for number, (reporter, user_id) in enumerate(asked):
            if number:
                await asyncio.sleep(self._pause)
            here = await members.is_member(guild_id, user_id)
            if here is None:
                return
            was_here = kept[reporter].left_at is None
            if here != was_here:
                async with self._store.write() as tx:
                    await self._note(tx, guild_id, reporter, here=here)

    async def _note(self, tx: Tx, guild_id: int, reporter: bytes, *, here: bool) -> None:
        if here:
            await tx.reporters.seen(guild_id, reporter)
        else:
            await tx.reporters.change(guild_id, reporter, left_at=self._clock())


def _of_the_day(members: list[tuple[bytes, int]], now: datetime) -> list[tuple[bytes, int]]:
    """All of them, or a part that is another one every day."""
    parts = max(1, -(-len(members) // MOST_ASKED))
    return members[now.toordinal() % parts :: parts]
