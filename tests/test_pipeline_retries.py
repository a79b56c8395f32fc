"""What fails through no fault of the picture: it waits and is tried again, and nobody writes it off meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.errors import DatabaseAwayError
from bot.media.errors import MediaError
from bot.model import MessageRef, Passing, Unscannable
from bot.pipeline import Pipeline, backlog, retries, service
from bot.store.engine import Store
from tests.desk import GUILD, Desk, picture


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    desk = Desk(store)
    await desk.open()
    yield desk
    await desk.outbox.stop()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait for decoders that is short."""
    monkeypatch.setattr(retries, "BLIND_LONGEST", 0.05)


def pipeline(desk: Desk, retry_fetch: tuple[float, ...] = (0.05, 0.05), **options: Any) -> Pipeline:
    return Pipeline(
        desk.store,
        desk.scanner,
        desk.guilds,
        desk.cases,
        capacity=50,
        workers=2,
        owner="a",
        retry_fetch=retry_fetch,
        **options,
    )


class Failing:
    """A part of the media's way that fails a number of times; ``asked``: how often it was asked."""

    def __init__(self, desk: Desk, name: str, error: MediaError, times: int) -> None:
        self.asked = 0
        self._works = getattr(desk.media, name)
        self._error = error
        self._left = times
        setattr(desk.media, name, self)

    async def __call__(self, *args: Any, **options: Any) -> Any:
        self.asked += 1
        if self._left:
            self._left -= 1
            raise self._error
        return await self._works(*args, **options)


HOST = MediaError(Unscannable.FETCH_FAILED, passing=Passing.HOST)
BLIND = MediaError(Unscannable.WORKER_DIED, passing=Passing.BLIND)
FINAL = MediaError(Unscannable.FETCH_FAILED)


async def seen(desk: Desk) -> dict[str, int]:
    async with desk.store.read() as tx:
        return await tx.sightings.counts(GUILD, desk.now())


@pytest.mark.parametrize(
    ("name", "error", "times", "asked", "outcome"),
    [
        ("fetch", HOST, 2, 3, "clear"),
        ("fetch", HOST, 3, 3, "unscannable:fetch_failed"),
        ("fetch", FINAL, 1, 1, "unscannable:fetch_failed"),
        ("query", BLIND, 8, 9, "clear"),
    ],
    ids=["host, in time", "host, too long", "final", "blind, however long"],
)
async def test_what_may_pass_is_tried_again(
    desk: Desk, name: str, error: MediaError, times: int, asked: int, outcome: str
) -> None:
    failing = Failing(desk, name, error, times)
    line = pipeline(desk)
    await line.start()
    message = desk.message()
    line.submit(message, [desk.item(message, picture(1))])
    await line.idle()
    await line.stop()
    assert (await seen(desk), failing.asked) == ({outcome: 1}, asked)


async def test_it_waits_in_the_database_and_the_next_process_takes_it_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(desk, "query", BLIND, 1)
    first = pipeline(desk)
    monkeypatch.setattr(retries, "BLIND_LONGEST", 3600.0)
    await first.start()
    message = desk.message()
    first.submit(message, [desk.item(message, picture(1)), desk.item(message, picture(2), 1)])
    while (await seen(desk)) != {"clear": 1}:  # noqa: ASYNC110 - the other one waits
        await asyncio.sleep(0.01)
    await first.stop()
    async with desk.store.write() as tx:
        assert await tx.jobs.count() == 1
        assert await tx.jobs.take(5, owner="a") == [], "it is given to nobody before its time"
        await tx.jobs.release()
    second = pipeline(desk)
    await second.start()
    await second.idle()
    await second.stop()
    assert await seen(desk) == {"clear": 2}


async def test_an_item_of_a_job_keeps_the_sweep_that_found_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    message = desk.message()
    async with desk.store.write() as tx:
        await tx.jobs.put(message, [desk.item(message, picture(n), n) for n in range(3)], desk.now(), sweep_id=7)
    Failing(desk, "query", BLIND, 1)
    monkeypatch.setattr(retries, "BLIND_LONGEST", 3600.0)
    line = pipeline(desk)
    await line.start()
    while (await seen(desk)) != {"clear": 2}:  # noqa: ASYNC110 - the third one waits
        await asyncio.sleep(0.01)
    await line.stop()
    async with desk.store.read() as tx:
        assert (await tx.jobs.count(), await tx.jobs.count(sweep_id=7)) == (1, 1)


async def test_memory_is_bounded_while_the_database_is_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MOST_KEPT", 5)
    monkeypatch.setattr(backlog, "PAUSE", 0.05)
    monkeypatch.setattr(service, "PAUSE", 0.05)
    forgotten: list[MessageRef] = []
    line = pipeline(desk, forgotten=forgotten.append)
    away = True

    def refuse(works: Any) -> Any:
        def maybe(*args: Any, **kwargs: Any) -> Any:
            if away:
                raise DatabaseAwayError("The disk that holds the database is full; make room on it.")
            return works(*args, **kwargs)

        return maybe

    await line.start()
    monkeypatch.setattr(desk.store, "write", refuse(desk.store.write))
    messages = [desk.message() for _ in range(80)]
    for message in messages:
        line.submit(message, [desk.item(message, picture(message.message_id))])
    await asyncio.sleep(0.2)
    lost = len(forgotten)
    assert lost >= 80 - 50 - 5 - 2, "the queue, the overflow and the workers hold the rest"
    away = False
    await line.idle()
    await line.stop()
    accounted = (await seen(desk)).get("clear", 0)
    assert accounted == 80 - len(forgotten)
    async with desk.store.read() as tx:
        for message in forgotten:
            assert await tx.sightings.by_message(message.message_id) == [], "nothing is written of what was let go"
