"""The pipeline: every media item is accounted for, whatever the load and whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import DatabaseError
from bot.matching.query import Query, Wanted
from bot.model import (
    BankKind,
    Category,
    MediaRef,
    MessageRef,
    Surface,
    Unscannable,
    UnscannableRef,
)
from bot.pipeline import FairQueue, Pipeline
from bot.pipeline.fair_queue import Item
from bot.store.engine import Store
from tests.desk import FANS, GUILD, Desk, picture

ABUSE = picture(1)


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    desk = Desk(store)
    await desk.open()
    yield desk
    await desk.outbox.stop()


def pipeline(
    desk: Desk, *, capacity: int = 100, workers: int = 4, owner: str = "a", place: str | None = None
) -> Pipeline:
    return Pipeline(
        desk.store,
        desk.scanner,
        desk.guilds,
        desk.cases,
        capacity=capacity,
        workers=workers,
        owner=owner,
        place=place,
    )


async def seen(desk: Desk) -> dict[str, int]:
    async with desk.store.read() as tx:
        return await tx.sightings.counts(GUILD, desk.now())


async def block(desk: Desk) -> None:
    bank = await desk.banks.own(GUILD, BankKind.BLOCK)
    await desk.banks.add(bank, ABUSE, Category.NCII_SYNTHETIC, source="test")


class Slow:
    """Holds every picture until it is let go."""

    def __init__(self, desk: Desk) -> None:
        self.go = asyncio.Event()
        self._fetch = desk.media.fetch
        desk.media.fetch = self.fetch

    async def fetch(self, url: str) -> bytes:
        await self.go.wait()
        return await self._fetch(url)


async def jobs_written(desk: Desk, number: int) -> None:
    """Wait until so many jobs stand in the database."""
    while True:
        async with desk.store.read() as tx:
            if await tx.jobs.count() >= number:
                return
        await asyncio.sleep(0.01)


async def test_every_item_of_a_message_is_accounted_for(desk):
    await block(desk)
    line = pipeline(desk)
    await line.start()
    message = desk.message()
    media = [
        desk.item(message, ABUSE, 0),
        desk.item(message, picture(2), 1),
        desk.item(message, Unscannable.GONE, 2),
        desk.item(message, picture(3, plain=True), 3),
        UnscannableRef("sticker:9", Surface.STICKER, Unscannable.LOTTIE),
        *(desk.item(message, picture(10 + n), 10 + n) for n in range(5)),
    ]
    line.submit(message, media)
    await line.idle()
    await line.stop()
    assert await seen(desk) == {
        "clear": 6,
        "remove": 1,
        "unscannable:gone": 1,
        "unscannable:too_plain": 1,
        "unscannable:lottie": 1,
    }


async def test_what_does_not_fit_waits_in_the_database_and_comes_back(desk):
    slow = Slow(desk)
    line = pipeline(desk, capacity=5, workers=1)
    await line.start()
    for number in range(40):
        message = desk.message()
        line.submit(message, [desk.item(message, picture(number))])
    await jobs_written(desk, 35)
    slow.go.set()
    await line.idle()
    await line.stop()
    assert await seen(desk) == {"clear": 40}


async def test_what_is_waiting_when_the_process_stops_is_scanned_by_the_next(desk):
    slow = Slow(desk)
    first = pipeline(desk, capacity=10, workers=1)
    await first.start()
    for number in range(8):
        message = desk.message()
        first.submit(message, [desk.item(message, picture(number))])
    await first.stop(drain=0.05)
    slow.go.set()
    second = pipeline(desk)
    await second.start()
    await second.idle()
    await second.stop()
    assert await seen(desk) == {"clear": 8}


async def put_jobs(desk: Desk, *numbers: int) -> None:
    async with desk.store.write() as tx:
        for number in numbers:
            message = desk.message()
            await tx.jobs.put(message, [desk.item(message, picture(number))], desk.now())


async def test_who_starts_in_the_place_of_a_dead_process_takes_its_jobs_over(desk):
    await put_jobs(desk, 1, 2)
    async with desk.store.write() as tx:
        [dead] = await tx.jobs.take(1, owner="0/2 dead")
        [alive] = await tx.jobs.take(1, owner="1/2 alive")
    line = pipeline(desk, owner="0/2 new", place="0/2 ")
    await line.start()
    expected = {"clear": 2} if desk.store.dialect == "sqlite" else {"clear": 1}  # a file has one process
    while await seen(desk) != expected:  # noqa: ASYNC110 - the line never rests while a job is somebody else's
        await asyncio.sleep(0.01)
    await line.stop()
    async with desk.store.write() as tx:
        assert await tx.sightings.known(dead.message.message_id, [item.media_id for item in dead.media])
        assert await tx.jobs.take(5, owner="2/2 other") == [], "what a living one holds stays with it"
        assert await tx.jobs.release(owner="1/2 alive") == (0 if desk.store.dialect == "sqlite" else 1)
        assert [job.id for job in await tx.jobs.take(5, owner="b")] in ([], [alive.id])


async def test_jobs_that_a_process_does_not_finish_are_taken_up_by_any_other_one(desk):
    slow = Slow(desk)
    await put_jobs(desk, 1, 2, 3)
    first = pipeline(desk, workers=1, owner="0/2 a", place="0/2 ")
    await first.start()
    while not first._under_way:  # noqa: ASYNC110 - until the jobs are in memory
        await asyncio.sleep(0.01)
    await first.stop(drain=0.05)
    slow.go.set()
    second = pipeline(desk, owner="1/2 b", place="1/2 ")
    await second.start()
    await second.idle()
    await second.stop()
    assert await seen(desk) == {"clear": 3}


async def test_what_comes_in_while_stopping_is_kept(desk):
    line = pipeline(desk)
    await line.start()
    await line.stop()
    message = desk.message()
    line.submit(message, [desk.item(message, picture(1))])
    again = pipeline(desk)
    await line.stop(drain=0.1)
    await again.start()
    await again.idle()
    await again.stop()
    assert await seen(desk) == {"clear": 1}


async def test_a_defect_while_scanning_is_unscannable_and_the_next_goes_on(desk):
    line = pipeline(desk, workers=1)
    await line.start()
    broken = desk.message()
    line.submit(broken, [MediaRef("attachment:1", Surface.ATTACHMENT, "an address nobody knows")])
    fine = desk.message()
    line.submit(fine, [desk.item(fine, picture(1))])
    await line.idle()
    await line.stop()
    assert await seen(desk) == {"unscannable:internal": 1, "clear": 1}


async def test_an_event_that_is_delivered_twice_is_scanned_once(desk):
    line = pipeline(desk)
    await line.start()
    message = desk.message()
    item = desk.item(message, picture(1))
    line.submit(message, [item])
    await line.idle()
    fetched = []
    desk.media.fetch = fetched.append
    line.submit(message, [item])
    await line.idle()
    await line.stop()
    assert fetched == []
    assert await seen(desk) == {"clear": 1}


async def test_an_edit_scans_what_is_new_in_it(desk):
    await block(desk)
    line = pipeline(desk)
    await line.start()
    message = desk.message()
    first = desk.item(message, picture(2), 0)
    line.submit(message, [first])
    await line.idle()
    edited = MessageRef(GUILD, FANS, message.message_id, message.author_id, edited=True)
    line.submit(edited, [first, desk.item(message, ABUSE, 1)])
    await line.idle()
    await line.stop()
    await desk.settle()
    assert desk.discord.deleted == [message.message_id]


async def test_what_could_not_be_fetched_is_tried_again_when_discord_mentions_it_again(desk):
    line = pipeline(desk)
    await line.start()
    message = desk.message()
    item = desk.item(message, Unscannable.FETCH_TIMEOUT)
    line.submit(message, [item])
    await line.idle()
    desk.media.pictures[item.url] = picture(1)
    line.submit(MessageRef(GUILD, FANS, message.message_id, message.author_id, edited=True), [item])
    await line.idle()
    await line.stop()
    assert await seen(desk) == {"unscannable:fetch_timeout": 1, "clear": 1}


@pytest.mark.parametrize(
    ("changes", "settings", "scanned"),
    [
        ({"webhook_id": 5}, {}, True),
        ({"webhook_id": 5}, {"scan_webhooks": False}, False),
        ({"author_is_bot": True}, {}, False),
        ({"author_is_bot": True}, {"scan_bots": True}, True),
    ],
)
async def test_webhooks_and_bots_are_scanned_as_the_guild_decided(desk, changes, settings, scanned):
    await desk.guilds.change(GUILD, **settings)
    line = pipeline(desk)
    await line.start()
    message = desk.message(**changes)
    line.submit(message, [desk.item(message, picture(1))])
    await line.idle()
    await line.stop()
    assert await seen(desk) == ({"clear": 1} if scanned else {})


async def test_a_file_larger_than_the_cap_is_not_even_fetched(desk):
    line = pipeline(desk)
    await line.start()
    message = desk.message()
    line.submit(message, [MediaRef("attachment:1", Surface.ATTACHMENT, "never fetched", size=10_001)])
    await line.idle()
    await line.stop()
    assert await seen(desk) == {"unscannable:too_large": 1}


async def test_the_same_file_is_decoded_once(desk):
    decoded: list[Query] = []
    query = desk.media.query

    async def counted(data: bytes, wanted: Wanted, *, ahead: bool) -> Query:
        decoded.append(await query(data, wanted, ahead=ahead))
        return decoded[-1]

    async def same_file(url: str) -> bytes:
        desk.media.files[b"the same file"] = picture(1)
        return b"the same file"

    desk.media.query, desk.media.fetch = counted, same_file
    line = pipeline(desk, workers=1)
    await line.start()
    for _ in range(5):
        message = desk.message()
        line.submit(message, [desk.item(message, picture(1))])
    await line.idle()
    await line.stop()
    assert len(decoded) == 1
    assert await seen(desk) == {"clear": 5}


async def test_a_database_that_refuses_to_keep_jobs_loses_none(desk):
    """The overflow stays in memory until the database takes it."""
    slow = Slow(desk)
    line = pipeline(desk, capacity=1, workers=1)
    await line.start()
    write, refused = desk.store.write, 0

    def refusing(*line, **ahead):
        nonlocal refused
        refused += 1
        if refused == 1:
            raise OSError("the disk is full")
        return write(*line, **ahead)

    desk.store.write = refusing
    for number in range(6):
        message = desk.message()
        line.submit(message, [desk.item(message, picture(number))])
    await jobs_written(desk, 5)
    slow.go.set()
    await line.idle()
    await line.stop()
    assert refused > 1
    assert await seen(desk) == {"clear": 6}


async def test_an_outcome_that_the_database_refuses_is_scanned_again(desk):
    line = pipeline(desk)
    await line.start()
    write, refused = desk.store.write, 0

    def refusing(*line, **ahead):
        nonlocal refused
        refused += 1
        if refused <= 2:
            raise DatabaseError("The disk that holds the database is full; make room on it.")
        return write(*line, **ahead)

    desk.store.write = refusing
    message = desk.message()
    line.submit(message, [desk.item(message, picture(1))])
    await line.idle()
    await line.stop()
    assert refused > 2
    assert await seen(desk) == {"clear": 1}


@given(st.lists(st.integers(1, 4), max_size=60))
def test_the_queue_serves_guilds_in_turn_and_each_in_order(guilds):
    async def serve() -> list[MessageRef]:
        queue = FairQueue(capacity=100)
        for number, guild in enumerate(guilds):
            item = Item(MessageRef(guild, 1, number), UnscannableRef("", Surface.EMOJI, Unscannable.EMPTY))
            assert queue.put(item) is None
        return [(await queue.get()).message for _ in guilds]

    served = asyncio.run(serve())
    turns: dict[int, int] = {}
    rounds = []
    for message in served:
        turns[message.guild_id] = turns.get(message.guild_id, 0) + 1
        rounds.append(turns[message.guild_id])
    assert rounds == sorted(rounds), "a guild was served twice before another that waited was served once"
    for guild in set(guilds):
        mine = [message.message_id for message in served if message.guild_id == guild]
        assert mine == sorted(mine)


def test_a_full_queue_refuses():
    queue = FairQueue(capacity=1)
    item = Item(MessageRef(1, 1, 1), UnscannableRef("", Surface.EMOJI, Unscannable.EMPTY))
    assert queue.put(item) is None
    assert queue.put(item) is item
    assert queue.put(item, over=True) is None
