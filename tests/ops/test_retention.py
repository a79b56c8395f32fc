"""What is past its time is erased."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from bot.ops.retention import purge
from bot.settings import RetentionSettings
from bot.store.engine import Store
from bot.store.looking import Exposure

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MODERATOR, GUILD = 40, 10


async def test_what_a_moderator_looked_at_is_forgotten_after_its_own_time(store: Store):
    async with store.write() as tx:
        for days in (1, 59, 61, 179):
            at = NOW - timedelta(days=days)
            await tx.looking.add(guild_id=GUILD, user_id=MODERATOR, case_id=days, at=at, kind=Exposure.DECIDED)
    with capture_logs() as logged:
        await purge(store, RetentionSettings(), exposure_days=60, now=NOW)
        await purge(store, RetentionSettings(), exposure_days=60, now=NOW)
    assert [line["exposures"] for line in logged] == [2]
    async with store.read() as tx:
        assert (await tx.looking.count(GUILD, MODERATOR, NOW - timedelta(days=365))).decided == 2
