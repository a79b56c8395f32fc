"""What nobody would find again stands in the database before it is scanned, and is scanned once all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.model import MediaRef, MessageRef
from bot.pipeline import Pipeline
from bot.store.engine import Store
from tests.desk import Desk, picture
from tests.test_pipeline import ABUSE, Slow, block, jobs_written, seen


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    desk = Desk(store)
    await desk.open()
    yield desk
    await desk.outbox.stop()


def pipeline(desk: Desk, said: list[MessageRef] | None = None, process: str = "first") -> Pipeline:
    return Pipeline(
        desk.store,
        desk.scanner,
        desk.guilds,
        desk.cases,
        capacity=100,
        workers=2,
        owner=f"0/1 {process}",
        place="0/1 ",
        accounted=None if said is None else said.append,
    )


async def jobs(desk: Desk) -> int:
    async with desk.store.read() as tx:
        return await tx.jobs.count()


def edited(desk: Desk) -> tuple[MessageRef, MediaRef]:
    message = replace(desk.message(), edited=True)
    return message, desk.item(message, ABUSE)


async def test_it_stands_in_the_database_before_it_is_fetched(desk: Desk) -> None:
    await block(desk)
    said: list[MessageRef] = []
    slow = Slow(desk)
    line = pipeline(desk, said)
    await line.start()
    message, item = edited(desk)
    fetched_with: list[int] = []
    fetch = desk.media.fetch

    async def noted(url: str) -> bytes:
        fetched_with.append(await jobs(desk))
        return await fetch(url)

    desk.media.fetch = noted  # type: ignore[method-assign]
    line.submit(message, [item], write_first=True)
    await jobs_written(desk, 1)
    async with asyncio.timeout(60):
        while not fetched_with:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
    assert said == [message], "from then on it is accounted for"
    slow.go.set()
    await line.idle()
    await line.stop()
    await desk.settle()
    assert fetched_with == [1]
    assert await seen(desk) == {"remove": 1}
    assert desk.discord.deleted == [message.message_id]
    assert await jobs(desk) == 0


async def test_another_process_scans_it_where_the_first_one_died(desk: Desk) -> None:
    await block(desk)
    slow = Slow(desk)
    first = pipeline(desk)
    await first.start()
    message, item = edited(desk)
    first.submit(message, [item], write_first=True)
    await jobs_written(desk, 1)
    for task in first._tasks:  # it is gone, and writes nothing any more
        task.cancel()
    await asyncio.gather(*first._tasks, return_exceptions=True)
    slow.go.set()
    second = pipeline(desk, process="second")
    await second.start()
    await second.idle()
    await second.stop()
    assert await seen(desk) == {"remove": 1}


async def test_what_was_recorded_before_its_job_was_struck_off_is_not_scanned_again(desk: Desk) -> None:
    await block(desk)
    line = pipeline(desk)
    await line.start()
    message, item = edited(desk)
    line.submit(message, [item], write_first=True)
    await line.idle()
    await line.stop()
    assert desk.media.fetched == [item.url]
    async with desk.store.write() as tx:
        await tx.jobs.put(message, [item], desk.now())
    again = pipeline(desk)
    await again.start()
    await again.idle()
    await again.stop()
    await desk.settle()
    assert desk.media.fetched == [item.url]
    assert await seen(desk) == {"remove": 1}
    assert desk.discord.deleted == [message.message_id]
    assert await jobs(desk) == 0


async def test_what_is_known_to_be_recorded_needs_no_job(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[MessageRef] = []
    line = pipeline(desk, said)
    await line.start()
    message = desk.message()
    old, new = desk.item(message, picture(2), 0), desk.item(message, picture(3), 1)
    line.submit(message, [old])
    await line.idle()
    assert said == [message]
    written: list[int] = []
    write_first = line._backlog.write_first
    monkeypatch.setattr(
        line._backlog,
        "write_first",
        lambda ref, media, arrival: written.append(len(media)) or write_first(ref, media, arrival),
    )
    change = replace(message, edited=True)
    line.submit(change, [old], write_first=True)
    assert said == [message, change], "there is nothing to wait for"
    line.submit(change, [old, new], write_first=True)
    await line.idle()
    await line.stop()
    assert written == [1]
    assert await seen(desk) == {"clear": 2}
