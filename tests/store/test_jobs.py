import asyncio
import itertools
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model import MediaRef, MessageRef, Surface, Unscannable, UnscannableRef
from bot.store import tables
from bot.store.engine import Store

from .samples import MINUTE, NOW, message

MEDIA = (
    MediaRef("a", Surface.ATTACHMENT, "https://cdn.discordapp.com/a.png?ex=1", "a.png", 2**40),
    UnscannableRef("b", Surface.EMBED_IMAGE, Unscannable.NO_PROXY, forwarded=True),
)


async def test_jobs_come_back_whole_and_in_order(store: Store):
    async with store.write() as tx:
        for number in range(3):
            await tx.jobs.put(message(number), MEDIA, NOW)
        assert await tx.jobs.count() == 3
    async with store.write() as tx:
        taken = await tx.jobs.take(2, owner="a", now=NOW)
    assert [(job.message, job.media) for job in taken] == [(message(0), MEDIA), (message(1), MEDIA)]


async def test_a_taken_job_is_not_given_out_again_until_its_lease_ends(store: Store):
    async with store.write() as tx:
        await tx.jobs.put(message(1), MEDIA, NOW)
        [taken] = await tx.jobs.take(5, owner="a", now=NOW, lease=MINUTE)
    async with store.write() as tx:
        assert await tx.jobs.take(5, owner="a", now=NOW + MINUTE - timedelta(seconds=1)) == []
        assert await tx.jobs.take(5, owner="a", now=NOW + MINUTE) == [taken]
        await tx.jobs.done(taken.id)
        assert await tx.jobs.take(5, owner="a", now=NOW + 2 * MINUTE) == []
        assert await tx.jobs.count() == 0


async def test_a_process_that_is_alone_takes_what_waits_for_anything(store: Store):
    async with store.write() as tx:
        await tx.jobs.put(message(1), MEDIA, NOW)
        taken = await tx.jobs.take(5, owner="a", now=NOW)
        await tx.jobs.postpone(message(2), MEDIA[0], NOW, until=NOW + MINUTE)
    async with store.write() as tx:
        assert await tx.jobs.take(5, owner="b", now=NOW) == []
        assert await tx.jobs.release() == 2
        assert (await tx.jobs.take(5, owner="b", now=NOW))[:1] == taken


async def test_what_a_predecessor_took_comes_back_and_what_others_took_does_not(store: Store):
    owners = ("1/4 dead", "11/4 alive", "1/40 alive", "2/4 alive")
    async with store.write() as tx:
        for number, owner in enumerate(owners):
            await tx.jobs.put(message(number), MEDIA, NOW)
            assert len(await tx.jobs.take(1, owner=owner, now=NOW)) == 1
        await tx.jobs.postpone(message(9), MEDIA[0], NOW, until=NOW + MINUTE)
    async with store.write() as tx:
        assert await tx.jobs.release(predecessors="1/4 ") == 1
        assert [job.message for job in await tx.jobs.take(9, owner="1/4 new", now=NOW)] == [message(0)]
    async with store.write() as tx:
        assert await tx.jobs.release(predecessors="1/_ ") == 0, "a place is no pattern"


async def test_who_ends_gives_back_what_it_took_itself(store: Store):
    async with store.write() as tx:
        await tx.jobs.put(message(1), MEDIA, NOW)
        await tx.jobs.put(message(2), MEDIA, NOW)
        [first] = await tx.jobs.take(1, owner="a", now=NOW)
        await tx.jobs.take(1, owner="b", now=NOW)
        assert await tx.jobs.release(owner="a") == 1
        assert await tx.jobs.take(5, owner="c", now=NOW) == [first]


async def test_nobody_gives_back_what_somebody_else_took_after_its_lease(store: Store):
    async with store.write() as tx:
        await tx.jobs.put(message(1), MEDIA, NOW)
        [late] = await tx.jobs.take(1, owner="late", now=NOW, lease=MINUTE)
        [again] = await tx.jobs.take(1, owner="quick", now=NOW + MINUTE)
        await tx.jobs.give_back([late.id], owner="late")
        assert await tx.jobs.release(owner="late") == await tx.jobs.release(predecessors="late") == 0
        assert await tx.jobs.take(1, owner="c", now=NOW + MINUTE) == []
        await tx.jobs.give_back([again.id], owner="quick")
        assert await tx.jobs.take(1, owner="c", now=NOW + MINUTE) == [again]


def of(guild_id: int, number: int) -> MessageRef:
    return MessageRef(guild_id, 1, number)


async def put(store: Store, *jobs: tuple[int, int, int | None]) -> None:
    """Jobs as (guild, message, sweep)."""
    async with store.write() as tx:
        for guild_id, number, sweep_id in jobs:
            await tx.jobs.put(of(guild_id, number), MEDIA, NOW, sweep_id=sweep_id)


async def taken(store: Store, limit: int, **options: Any) -> list[int]:
    async with store.write() as tx:
        return [job.message.message_id for job in await tx.jobs.take(limit, owner="a", now=NOW, **options)]


async def test_a_quiet_guild_does_not_wait_behind_the_thousands_of_another(store: Store):
    await put(store, *((1, number, None) for number in range(50)), (2, 100, None), (3, 200, None))
    assert await taken(store, 6) == [0, 1, 2, 3, 100, 200]
    assert await taken(store, 6) == [4, 5, 6, 7, 8, 9]


async def test_turns_begin_after_the_guild_that_was_last(store: Store):
    await put(store, *((guild, 10 * guild + number, None) for guild in (1, 2, 3) for number in range(2)))
    assert await taken(store, 1, after=1) == [20]
    assert await taken(store, 1, after=3) == [10]


async def test_guilds_to_avoid_get_none(store: Store):
    await put(store, (1, 1, None), (2, 2, None), (1, 3, None))
    assert await taken(store, 5, avoid=[1]) == [2]
    assert await taken(store, 5) == [1, 3]


async def test_what_was_just_posted_comes_before_what_a_sweep_found_but_for_one_in_four(store: Store):
    await put(store, *((1, number, 7) for number in range(20)), *((1, 100 + number, None) for number in range(20)))
    assert await taken(store, 8) == [0, 1, *range(100, 106)]
    assert len(await taken(store, 40)) == 32


async def test_rows_of_an_older_version_have_a_turn_too(store: Store):
    await put(store, *((1, number, None) for number in range(9)), (2, 100, None))
    async with store.write() as tx:
        await tx.connection.execute(tables.jobs.update().where(tables.jobs.c.id > 9).values(guild_id=None))
    assert await taken(store, 4) == [0, 1, 2, 100]


async def test_what_is_given_back_is_taken_again(store: Store):
    await put(store, (1, 1, None), (1, 2, None))
    async with store.write() as tx:
        first, second = await tx.jobs.take(5, owner="a", now=NOW)
        await tx.jobs.give_back([second.id], owner="a")
        assert await tx.jobs.take(5, owner="a", now=NOW) == [second]
        await tx.jobs.done(first.id, second.id)
        assert await tx.jobs.count() == 0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.sampled_from([None, None, 7])), max_size=60),
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
)
def test_every_job_is_given_out_once(tmp_path_factory, jobs, limits):
    async def run() -> None:
        store = await Store.open(f"sqlite:///{tmp_path_factory.mktemp('jobs') / 'a.db'}")
        try:
            await put(store, *((guild, number, sweep) for number, (guild, sweep) in enumerate(jobs)))
            given_out: list[int] = []
            for limit in itertools.cycle(limits):
                some = await taken(store, limit)
                assert len(some) <= limit
                if not some:
                    break
                given_out += some
            assert sorted(given_out) == list(range(len(jobs)))
        finally:
            await store.close()

    asyncio.run(run())
