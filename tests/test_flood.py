"""A flood in one server: others do not wait for it, and what is pushed out of memory is not lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import DatabaseError
from bot.model import MessageRef, Plan, Scan, Surface, Unscannable, UnscannableRef, Verdict
from bot.pipeline import FairQueue, Pipeline
from bot.pipeline.fair_queue import Item, Job
from bot.pipeline.recorder import Recorder
from bot.store.engine import Store
from tests.desk import GUILD, Desk, picture

QUIET = GUILD + 1
MEDIA = UnscannableRef("", Surface.EMOJI, Unscannable.EMPTY)


def item(guild: int, number: int = 0, job: Job | None = None) -> Item:
    return Item(MessageRef(guild, 1, number), MEDIA, job)


async def served(queue: FairQueue) -> list[Item]:
    return [await queue.get() for _ in range(len(queue))]


# ------------------------------------------------------------------------------------------------- the queue


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=80), st.integers(1, 20))
def test_nothing_is_lost_or_served_twice_and_nobody_below_its_share_is_refused(posts, capacity):
    async def run() -> None:
        queue = FairQueue(capacity)
        items = [item(guild, n, Job(n, 1, sweep_id=7 if swept else None)) for n, (guild, swept) in enumerate(posts)]
        outside: list[Item] = []
        for one in items:
            waiting = [other.message.guild_id for other in items[: items.index(one)] if other not in outside]
            refused = queue.put(one)
            assert len(queue) <= capacity
            if refused is None:
                continue
            outside.append(refused)
            mine = waiting.count(one.message.guild_id)
            most = max(waiting.count(guild) for guild in waiting)
            assert (refused is one) == (most < mine + 2)
            if refused is not one:
                assert waiting.count(refused.message.guild_id) == most
        inside = await served(queue)
        assert sorted(one.message.message_id for one in (*inside, *outside)) == list(range(len(posts)))

    asyncio.run(run())


async def test_the_newest_of_the_fullest_guild_makes_room_and_what_a_sweep_found_first():
    queue = FairQueue(capacity=4)
    swept = item(1, 1, Job(1, 1, sweep_id=7))
    for one in (item(1, 0), swept, item(1, 2), item(1, 3)):
        assert queue.put(one) is None
    assert queue.put(item(2, 10)) is swept
    pushed_out = queue.put(item(3, 20))
    assert pushed_out is not None
    assert pushed_out.message.message_id == 3
    assert [one.message.message_id for one in await served(queue)] == [0, 10, 20, 2]


async def test_what_a_sweep_found_comes_after_what_was_just_posted_but_for_one_in_four():
    queue = FairQueue(capacity=100)
    for number in range(8):
        queue.put(item(1, 100 + number, Job(number, 1, sweep_id=7)))
        queue.put(item(1, number))
    order = [one.message.message_id for one in await served(queue)]
    assert order == [0, 1, 2, 100, 3, 4, 5, 101, 6, 7, 102, 103, 104, 105, 106, 107]


async def test_a_guild_has_no_more_under_way_than_its_part():
    queue = FairQueue(capacity=100, at_once=2)
    for number in range(4):
        queue.put(item(1, number))
    first, _ = await queue.get(), await queue.get()
    third = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(item(2, 10))
    assert (await third).message.guild_id == 2
    fourth = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not fourth.done()
    queue.done(first)
    assert (await fourth).message.message_id == 2


# ------------------------------------------------------------------------------------------------- the pipeline


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    desk = Desk(store)
    await desk.open()
    yield desk
    await desk.outbox.stop()


class Held:
    """Keeps every picture of the flood from arriving until it is let go; those of the quiet server arrive."""

    def __init__(self, desk: Desk) -> None:
        self.go = asyncio.Event()
        self.quiet: set[str] = set()
        self._fetch = desk.media.fetch
        desk.media.fetch = self.fetch

    async def fetch(self, url: str) -> bytes:
        if url not in self.quiet:
            await self.go.wait()
        return await self._fetch(url)


async def counts(desk: Desk, guild_id: int) -> dict[str, int]:
    async with desk.store.read() as tx:
        return await tx.sightings.counts(guild_id, desk.now())


async def until_clear(desk: Desk, guild_id: int, number: int) -> None:
    async with asyncio.timeout(60):
        while (await counts(desk, guild_id)).get("clear") != number:  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)


def flood(desk: Desk, line: Pipeline, number: int) -> None:
    for seed in range(number):
        message = desk.message()
        line.submit(message, [desk.item(message, picture(seed % 5))])


async def test_a_quiet_guild_is_served_while_a_flood_fills_queue_and_workers(desk):
    held = Held(desk)
    line = Pipeline(desk.store, desk.scanner, desk.guilds, desk.cases, capacity=6, workers=4, owner="a")
    await line.start()
    flood(desk, line, 40)
    await asyncio.sleep(0)
    message = replace(desk.message(), guild_id=QUIET)
    seen = desk.item(message, picture(50))
    held.quiet.add(seen.url)
    line.submit(message, [seen])
    await until_clear(desk, QUIET, 1)
    assert await counts(desk, GUILD) == {}
    held.go.set()
    await line.idle()
    await line.stop()
    assert await counts(desk, GUILD) == {"clear": 40}


async def test_what_waits_of_a_quiet_guild_in_the_database_does_not_wait_for_the_end_of_a_flood(desk, monkeypatch):
    monkeypatch.setattr("bot.pipeline.backlog._LOOK_ASIDE", 0.01)
    held = Held(desk)
    line = Pipeline(desk.store, desk.scanner, desk.guilds, desk.cases, capacity=6, workers=4, owner="a")
    await line.start()
    flood(desk, line, 40)
    message = replace(desk.message(), guild_id=QUIET)
    seen = desk.item(message, picture(50))
    held.quiet.add(seen.url)
    async with desk.store.write() as tx:
        await tx.jobs.put(message, [seen], desk.now(), sweep_id=1)
    await until_clear(desk, QUIET, 1)
    assert await counts(desk, GUILD) == {}
    held.go.set()
    await line.idle()
    await line.stop()
    assert await counts(desk, GUILD) == {"clear": 40}


async def test_a_row_whose_items_are_pushed_out_of_memory_is_scanned_later(desk):
    """Three items of one job wait in memory, among them what makes room for two other guilds."""
    held = Held(desk)
    line = Pipeline(desk.store, desk.scanner, desk.guilds, desk.cases, capacity=4, workers=1, owner="a")
    message = desk.message()
    async with desk.store.write() as tx:
        await tx.jobs.put(message, [desk.item(message, picture(n), n) for n in range(5)], desk.now())
    await line.start()
    while not desk.media.fetched and not line._under_way:  # noqa: ASYNC110 - until the row is in memory
        await asyncio.sleep(0.01)
    for guild in (QUIET, QUIET + 1):
        other = replace(desk.message(), guild_id=guild)
        line.submit(other, [desk.item(other, picture(60 + guild))])
    held.go.set()
    await line.idle()
    await line.stop()
    assert await counts(desk, GUILD) == {"clear": 5}
    assert [await counts(desk, guild) for guild in (QUIET, QUIET + 1)] == [{"clear": 1}] * 2


# ------------------------------------------------------------------------------------------------- writing it down


class Watched:
    """Counts the transactions that write; ``refuse`` says of which rows the database wants none."""

    def __init__(self, desk: Desk) -> None:
        self.number = 0
        self._write = desk.store.write
        desk.store.write = self.write

    def write(self, line=None, *, ahead=False):
        self.number += 1
        return self._write(line, ahead=ahead)


def clear(seed: int) -> Scan:
    return Scan(Plan(Verdict.CLEAR), picture(seed))


async def test_clear_items_are_written_together(desk):
    watched = Watched(desk)
    recorder = Recorder(desk.store, desk.cases)
    guild = await desk.guilds.get(GUILD)
    seen = [
        (desk.message(), UnscannableRef(f"attachment:{n}", Surface.ATTACHMENT, Unscannable.EMPTY)) for n in range(30)
    ]
    one = recorder.record(*seen[0], clear(0), guild)
    again = [recorder.record(*seen[0], clear(0), guild)]
    others = [recorder.record(*pair, clear(number), guild) for number, pair in enumerate(seen[1:], 1)]
    assert await asyncio.gather(one, *again, *others) == [True, False, *[True] * 29]
    assert watched.number <= 2
    await recorder.close()
    assert await counts(desk, GUILD) == {"clear": 30}


async def test_an_item_that_cannot_be_written_keeps_no_other_from_being_written(desk):
    recorder = Recorder(desk.store, desk.cases)
    guild = await desk.guilds.get(GUILD)
    broken = replace(picture(1), sha256=b"no digest")
    scans = [clear(0), Scan(Plan(Verdict.CLEAR), broken), clear(2)]
    media = UnscannableRef("attachment:1", Surface.ATTACHMENT, Unscannable.EMPTY)
    results = await asyncio.gather(
        *(recorder.record(desk.message(), media, scan, guild) for scan in scans), return_exceptions=True
    )
    assert [type(one) for one in results] == [bool, ValueError, bool]
    assert await counts(desk, GUILD) == {"clear": 2}


async def test_a_database_that_fails_is_not_asked_for_each_item(desk):
    recorder = Recorder(desk.store, desk.cases)
    guild = await desk.guilds.get(GUILD)
    asked = 0

    def failing(_line=None, **_):
        nonlocal asked
        asked += 1
        raise DatabaseError("The disk that holds the database is full; make room on it.")

    desk.store.write = failing
    media = UnscannableRef("attachment:1", Surface.ATTACHMENT, Unscannable.EMPTY)
    results = await asyncio.gather(
        *(recorder.record(desk.message(), media, clear(n), guild) for n in range(20)), return_exceptions=True
    )
    assert all(isinstance(one, DatabaseError) for one in results)
    assert asked < 6
