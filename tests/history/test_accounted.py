"""When a message is accounted for: when nothing of it is left that only the memory of this process knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import DatabaseError
from bot.history.addresses import Addresses
from bot.model import MediaRef, MessageRef, Surface, Unscannable, UnscannableRef
from bot.pipeline import Pipeline
from bot.store.engine import Store
from tests.desk import GUILD, Desk, picture
from tests.test_pipeline import Slow, jobs_written

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    desk = Desk(store)
    await desk.open()
    yield desk
    await desk.outbox.stop()


def pipeline(desk: Desk, said: list[MessageRef], *, capacity: int = 100, workers: int = 2) -> Pipeline:
    return Pipeline(
        desk.store,
        desk.scanner,
        desk.guilds,
        desk.cases,
        capacity=capacity,
        workers=workers,
        owner="a",
        accounted=said.append,
    )


async def test_once_when_the_last_item_is_recorded(desk: Desk) -> None:
    said: list[MessageRef] = []
    slow = Slow(desk)
    line = pipeline(desk, said)
    await line.start()
    message = desk.message()
    sticker = UnscannableRef("sticker:9", Surface.STICKER, Unscannable.LOTTIE)
    line.submit(message, [sticker, *(desk.item(message, picture(n), n) for n in range(3))])
    await asyncio.sleep(0.1)
    assert said == []
    slow.go.set()
    await line.idle()
    await line.stop()
    assert said == [message]


async def test_what_spills_is_accounted_for_when_it_stands_in_the_database(desk: Desk) -> None:
    said: list[MessageRef] = []
    slow = Slow(desk)
    line = pipeline(desk, said, capacity=1, workers=1)
    await line.start()
    messages = [desk.message() for _ in range(5)]
    for number, message in enumerate(messages):
        line.submit(message, [desk.item(message, picture(number))])
    await jobs_written(desk, 3)
    await asyncio.sleep(0.05)
    assert len(said) == 4, "all but the one in memory"
    await line.stop(drain=0.05)
    assert sorted(said, key=lambda one: one.message_id) == messages, "at the end all of them stand there"
    slow.go.set()


async def test_what_the_database_does_not_take_is_not_accounted_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[MessageRef] = []
    monkeypatch.setattr("bot.pipeline.backlog.PAUSE", 0.01)
    line = pipeline(desk, said)
    await line.start()

    def fail(*_: object, **__: object) -> None:
        raise DatabaseError("The disk is full.")

    message = desk.message()
    with monkeypatch.context() as broken:
        broken.setattr(desk.store, "write", fail)
        line.submit(message, [desk.item(message, picture(1))])
        await asyncio.sleep(0.2)
        assert said == []
    await line.idle()
    await line.stop()
    assert said == [message]
    async with desk.store.read() as tx:
        assert await tx.sightings.counts(GUILD, desk.now()) == {"clear": 1}


@pytest.mark.parametrize(
    ("url", "waited", "expired"),
    [
        ("https://cdn.discordapp.com/attachments/1/2/a.jpg?ex={past:x}&is=1&hm=2&", 0, True),
        ("https://cdn.discordapp.com/attachments/1/2/a.jpg?ex={future:x}&is=1&hm=2&", 30, False),
        ("https://cdn.discordapp.com/attachments/1/2/a.jpg?is=1&ex={past:x}", 0, True),
        ("https://cdn.discordapp.com/attachments/1/2/a.jpg?ex=nonsense", 0, False),
        ("https://cdn.discordapp.com/attachments/1/2/a.jpg", 21, True),
        ("https://cdn.discordapp.com/attachments/1/2/a.jpg?ex=ffffffffffffffff", 21, False),
    ],
)
def test_until_when_an_address_holds(url: str, waited: int, *, expired: bool) -> None:
    addresses = Addresses(None, cdn_url="", clock=lambda: NOW)  # type: ignore[arg-type] # nothing is asked
    past, future = (int((NOW + timedelta(hours=hours)).timestamp()) for hours in (-1, 1))
    item = MediaRef("attachment:2", Surface.ATTACHMENT, url.format(past=past, future=future))
    assert addresses.expired(item, NOW - timedelta(hours=waited)) is expired


def test_what_is_not_signed_holds_for_ever() -> None:
    addresses = Addresses(None, cdn_url="", clock=lambda: NOW)  # type: ignore[arg-type] # nothing is asked
    emoji = MediaRef("emoji:2", Surface.EMOJI, "https://cdn.discordapp.com/emojis/2.webp?animated=true")
    assert not addresses.expired(emoji, NOW - timedelta(days=30))
    assert not addresses.expired(UnscannableRef("x", Surface.EMOJI, Unscannable.GONE), NOW - timedelta(days=30))
