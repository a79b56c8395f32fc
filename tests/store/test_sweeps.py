from bot.model import MediaRef, StretchState, Surface, SweepCounts, SweepKind, SweepState, Verdict
from bot.store import tables
from bot.store.engine import Store
from bot.store.sweeps import Range

from .samples import GUILD, MINUTE, NOW, OTHER_GUILD, expire, message

RANGES = [Range(20, 100, 900), Range(21, 200, 800)]


async def test_a_watermark_is_never_lowered(store: Store):
    async with store.write() as tx:
        await tx.watermarks.raise_to(GUILD, {20: 500, 21: 600})
        await tx.watermarks.raise_to(GUILD, {20: 400, 21: 601, 22: 1})
        await tx.watermarks.raise_to(GUILD, {})
        await tx.watermarks.raise_to(OTHER_GUILD, {30: 7})
    async with store.read() as tx:
        assert await tx.watermarks.of_guild(GUILD) == {20: 500, 21: 601, 22: 1}
    async with store.write() as tx:
        assert await tx.watermarks.forget(GUILD) == 3
        assert await tx.watermarks.of_guild(GUILD) == {}
        assert await tx.watermarks.of_guild(OTHER_GUILD) == {30: 7}


async def test_a_sweep_is_read_on_from_where_it_was(store: Store):
    async with store.write() as tx:
        sweep = await tx.sweeps.open(GUILD, SweepKind.CATCH_UP, NOW, RANGES)
        await tx.sweeps.add(sweep.id, GUILD, [])
        first, second = await tx.sweeps.waiting([GUILD, OTHER_GUILD])
        assert (first.channel_id, first.after_id, first.before_id, first.cursor) == (20, 100, 900, 900)
        assert await tx.sweeps.move(first, 500, StretchState.WAITING)
        assert not await tx.sweeps.move(first, 400, StretchState.WAITING), "somebody else read on from there"
        assert await tx.sweeps.move(second, second.cursor, StretchState.UNREADABLE)
    async with store.read() as tx:
        [left] = await tx.sweeps.waiting([GUILD])
        assert (left.id, left.cursor) == (first.id, 500)
        assert await tx.sweeps.waiting([OTHER_GUILD]) == []
        assert [one.state for one in await tx.sweeps.stretches(sweep.id)] == [
            StretchState.WAITING,
            StretchState.UNREADABLE,
        ]


async def test_a_paused_sweep_is_not_read_and_not_over(store: Store):
    running = (SweepState.RUNNING,)
    async with store.write() as tx:
        sweep = await tx.sweeps.open(GUILD, SweepKind.SERVER, NOW, RANGES, requested_by=40)
        assert await tx.sweeps.set_state(sweep.id, running, SweepState.PAUSED)
        assert not await tx.sweeps.set_state(sweep.id, running, SweepState.PAUSED)
        assert await tx.sweeps.waiting([GUILD]) == []
        assert [one.id for one in await tx.sweeps.unfinished(GUILD)] == [sweep.id]
        assert await tx.sweeps.unfinished(GUILD, SweepKind.CATCH_UP) == []
        assert await tx.sweeps.set_state(sweep.id, [SweepState.PAUSED], SweepState.CANCELLED)
        await tx.sweeps.finish(sweep.id, NOW + MINUTE)
        await tx.sweeps.finish(sweep.id, NOW + 2 * MINUTE)
        assert await tx.sweeps.unfinished() == []
        [kept] = await tx.sweeps.of_guild(GUILD)
        assert (kept.state, kept.finished_at, kept.requested_by) == (SweepState.CANCELLED, NOW + MINUTE, 40)
        assert await expire(tx, tables.sweeps, NOW + MINUTE) == 0
        assert await expire(tx, tables.sweeps, NOW + 2 * MINUTE) == 1
        assert await tx.sweeps.stretches(sweep.id) == []


async def test_what_a_sweep_found_is_counted(store: Store):
    media = (MediaRef("a", Surface.ATTACHMENT, "https://cdn.discordapp.com/a.png"),)
    async with store.write() as tx:
        sweep = await tx.sweeps.open(GUILD, SweepKind.CHANNEL, NOW, RANGES[:1], requested_by=40)
        await tx.sweeps.show_in(sweep.id, 20, 901)
        await tx.sweeps.count_read(sweep.id, messages=100, media=7)
        await tx.sweeps.count_read(sweep.id, messages=20, media=0)
        for verdict in Verdict:
            await tx.sweeps.count_scanned(sweep.id, verdict)
        await tx.sweeps.count_scanned(sweep.id, Verdict.CLEAR, 2)
        await tx.jobs.put(message(1), media, NOW, sweep_id=sweep.id)
        await tx.jobs.put(message(2), media, NOW)
        assert (await tx.jobs.count(sweep_id=sweep.id), await tx.jobs.count()) == (1, 2)
        found = await tx.sweeps.get(sweep.id)
    assert found is not None
    assert found.counts == SweepCounts(messages=120, media=7, clear=3, review=1, removed=1, unscannable=1)
    assert found.counts.scanned == 6
    assert (found.channel_id, found.message_id) == (20, 901)
