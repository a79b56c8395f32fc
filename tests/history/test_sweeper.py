"""Reading history page by page: the newest first, each page once, and what cannot be read holds nothing up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.history import sweeper
from bot.history.discord import PAGE, ChannelGoneError, ChannelHead, NoAnswerError, UnreadableError
from bot.history.sweeper import MOST_WAITING, Sweeper
from bot.history.times import first_id
from bot.model import (
    ARCHIVED_THREADS,
    MediaRef,
    StretchState,
    Surface,
    Sweep,
    SweepKind,
    SweepState,
)
from bot.pipeline import Pipeline
from bot.store.engine import Store
from bot.store.sweeps import Range
from tests.desk import FANS, GUILD, Desk, picture

ART, OTHER_GUILD, ELSEWHERE = 21, 11, 25
BEGIN = 1_000_000
ME = 7
CDN = "https://cdn.discordapp.com"
Json = dict[str, Any]


class History:
    """Channels as lists of messages. ``fail``: what asking for a channel raises; ``asked``: which pages were."""

    def __init__(self) -> None:
        self.me: int | None = ME
        self.channels_: dict[int, list[Json]] = {}
        self.fail: dict[int, Exception] = {}
        self.asked: list[tuple[int, int]] = []
        self.heads: list[ChannelHead] = []

    def post(self, channel_id: int, message_id: int, *media: int, **more: Any) -> None:
        attachments = [{"id": str(id_), "url": f"{CDN}/attachments/1/{id_}/a.jpg", "size": 9} for id_ in media]
        message: Json = {"id": str(message_id), "author": {"id": "50"}, "attachments": attachments, **more}
        self.channels_.setdefault(channel_id, []).append(message)

    async def page(self, channel_id: int, before_id: int, *, limit: int = PAGE) -> list[Mapping[str, Any]]:
        self.asked.append((channel_id, before_id))
        await asyncio.sleep(0)
        if channel_id in self.fail:
            raise self.fail[channel_id]
        older = [one for one in self.channels_.get(channel_id, ()) if int(one["id"]) < before_id]
        return sorted(older, key=lambda one: -int(one["id"]))[:limit]

    async def archived(self, guild_id: int, since: datetime) -> list[ChannelHead]:
        return self.heads


class Bench:
    """A sweeper on a desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.history = History()
        self.found = 0
        self.sweeper = self.another()

    def another(self) -> Sweeper:
        """As another process has one."""
        return Sweeper(
            self.desk.store,
            self.desk.guilds,
            self.history,  # type: ignore[arg-type]
            served={GUILD, OTHER_GUILD},
            cdn_url=CDN,
            clock=self.desk.now,
            wanted=lambda: None,
            found=self._found,
        )

    def _found(self) -> None:
        self.found += 1

    async def open(self, *ranges: Range, guild_id: int = GUILD) -> Sweep:
        async with self.desk.store.write() as tx:
            return await tx.sweeps.open(guild_id, SweepKind.CATCH_UP, self.desk.now(), ranges)

    async def get(self, sweep: Sweep) -> Sweep:
        async with self.desk.store.read() as tx:
            found = await tx.sweeps.get(sweep.id)
        assert found is not None
        return found

    async def states(self, sweep: Sweep) -> list[StretchState]:
        async with self.desk.store.read() as tx:
            return [one.state for one in await tx.sweeps.stretches(sweep.id)]

    async def jobs(self) -> list[tuple[int, list[str]]]:
        """The message and the media ids of each job."""
        async with self.desk.store.write() as tx:
            taken = await tx.jobs.take(1000, owner="a", now=self.desk.now())
            await tx.jobs.release()
        return [(job.message.message_id, [item.media_id for item in job.media]) for job in taken]


@pytest.fixture
async def bench(store: Store) -> AsyncIterator[Bench]:
    desk = Desk(store)
    await desk.open()
    yield Bench(desk)
    await desk.outbox.stop()


async def test_pages_are_read_down_to_the_beginning_and_what_is_outside_is_left(bench: Bench) -> None:
    for number in range(250):
        bench.history.post(FANS, BEGIN + number, *((number + 1,) if number % 50 == 0 else ()))
    sweep = await bench.open(Range(FANS, BEGIN + 40, BEGIN + 240))
    await bench.sweeper.run()
    assert [before for _, before in bench.history.asked] == [BEGIN + 240, BEGIN + 140]
    assert await bench.jobs() == [(BEGIN + number, [f"attachment:{number + 1}"]) for number in (200, 150, 100, 50)], (
        "the newest first"
    )
    found = await bench.get(sweep)
    assert (found.state, found.finished_at) == (SweepState.DONE, None)
    assert (found.counts.messages, found.counts.media, found.counts.scanned) == (199, 4, 0)


async def test_what_is_known_is_counted_and_not_scanned_again(bench: Bench) -> None:
    desk = bench.desk
    message = desk.message()
    desk.media.pictures[f"{CDN}/attachments/1/1/a.jpg"] = picture(1)
    item = MediaRef("attachment:1", Surface.ATTACHMENT, f"{CDN}/attachments/1/1/a.jpg")
    await desk.see(message, item)
    bench.history.post(FANS, message.message_id, 1, 2)
    sweep = await bench.open(Range(FANS, 0, message.message_id + 1))
    await bench.sweeper.run()
    assert await bench.jobs() == [(message.message_id, ["attachment:2"])]
    counts = (await bench.get(sweep)).counts
    assert (counts.media, counts.clear, counts.scanned) == (2, 1, 1)


async def test_whose_posts_are_not_looked_at(bench: Bench) -> None:
    bench.history.post(FANS, BEGIN, 1, author={"id": "51", "bot": True})
    bench.history.post(FANS, BEGIN + 1, 2, author={"id": str(ME)})
    bench.history.post(FANS, BEGIN + 2, 3, webhook_id="9")
    await bench.desk.guilds.change(GUILD, scan_webhooks=False)
    await bench.open(Range(FANS, 0, BEGIN + 9))
    await bench.sweeper.run()
    assert await bench.jobs() == []
    await bench.desk.guilds.change(GUILD, scan_webhooks=True, scan_bots=True)
    await bench.open(Range(FANS, 0, BEGIN + 9))
    await bench.sweeper.run()
    assert await bench.jobs() == [(BEGIN + 2, ["attachment:3"]), (BEGIN, ["attachment:1"])]


async def test_guilds_take_turns(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "READERS", 1)
    for number in range(400):
        bench.history.post(FANS, BEGIN + number)
        bench.history.post(ELSEWHERE, BEGIN + number)
    await bench.open(Range(FANS, 0, BEGIN + 400), Range(ART, 0, BEGIN + 300))
    await bench.open(Range(ELSEWHERE, 0, BEGIN + 400), guild_id=OTHER_GUILD)
    await bench.sweeper.run()
    order = [channel_id for channel_id, _ in bench.history.asked]
    assert [channel_id == ELSEWHERE for channel_id in order[:6]] == 3 * [False, True]
    assert len(order) == len(set(bench.history.asked)), "no page is read twice"


async def test_two_sweepers_count_each_page_once(bench: Bench) -> None:
    for number in range(300):
        bench.history.post(FANS, BEGIN + number, number + 1)
    sweep = await bench.open(Range(FANS, 0, BEGIN + 300))
    sweeper.MOST_WAITING, before = 10_000, sweeper.MOST_WAITING
    try:
        await asyncio.gather(bench.sweeper.run(), bench.another().run())
    finally:
        sweeper.MOST_WAITING = before
    assert len(await bench.jobs()) == 300
    assert (await bench.get(sweep)).counts.messages == 300


async def test_what_cannot_be_read_holds_nothing_up(bench: Bench) -> None:
    bench.history.post(FANS, BEGIN, 1)
    bench.history.fail = {20_001: UnreadableError("closed"), 20_002: ChannelGoneError("gone"), 20_003: KeyError("x")}
    places = (20_001, 20_002, FANS, 20_003)
    sweep = await bench.open(*(Range(channel_id, 0, BEGIN + 9) for channel_id in places))
    await bench.sweeper.run()
    ends = [StretchState.UNREADABLE, StretchState.GONE, StretchState.DONE]
    assert await bench.states(sweep) == [*ends, StretchState.WAITING]
    del bench.history.fail[20_003]
    bench.sweeper._delays.clear()
    await bench.sweeper.run()
    assert (await bench.get(sweep)).state is SweepState.DONE


async def test_without_an_answer_it_is_tried_again_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.history.post(FANS, BEGIN, 1)
    bench.history.fail = {FANS: NoAnswerError("busy", retry_after=0.05)}
    monkeypatch.setattr(sweeper, "_FIRST_DELAY", 0.01)
    sweep = await bench.open(Range(FANS, 0, BEGIN + 9))
    await bench.sweeper.run()
    await bench.sweeper.run()
    assert len(bench.history.asked) == 1, "not before Discord said"
    assert await bench.states(sweep) == [StretchState.WAITING]
    bench.history.fail = {}
    await asyncio.sleep(0.06)
    await bench.sweeper.run()
    assert await bench.states(sweep) == [StretchState.DONE]


@pytest.mark.parametrize("state", [SweepState.PAUSED, SweepState.CANCELLED])
async def test_a_sweep_that_is_stopped_between_two_pages(bench: Bench, state: SweepState) -> None:
    for number in range(300):
        bench.history.post(FANS, BEGIN + number)
    sweep = await bench.open(Range(FANS, 0, BEGIN + 300))
    page = bench.history.page

    async def stopping(channel_id: int, before_id: int) -> list[Mapping[str, Any]]:
        async with bench.desk.store.write() as tx:
            await tx.sweeps.set_state(sweep.id, {SweepState.RUNNING}, state)
        return await page(channel_id, before_id)

    bench.history.page = stopping  # type: ignore[method-assign, assignment]
    await bench.sweeper.run()
    assert len(bench.history.asked) == 1
    found = await bench.get(sweep)
    assert (found.state, found.counts.messages) == (state, 100)
    assert (found.finished_at is None) == (state is SweepState.PAUSED)


async def test_nothing_is_read_while_many_messages_wait(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "_PAUSE", 0.01)
    bench.history.post(FANS, BEGIN)
    item = MediaRef("attachment:1", Surface.ATTACHMENT, f"{CDN}/attachments/1/1/a.jpg")
    async with bench.desk.store.write() as tx:
        for _ in range(MOST_WAITING):
            await tx.jobs.put(bench.desk.message(), [item], bench.desk.now())
        (job, *_) = await tx.jobs.take(1, owner="a")
    await bench.open(Range(FANS, 0, BEGIN + 9))
    reading = asyncio.create_task(bench.sweeper.run())
    await asyncio.sleep(0.1)
    assert bench.history.asked == []
    async with bench.desk.store.write() as tx:
        await tx.jobs.done(job.id)
    await reading
    assert bench.history.asked == [(FANS, BEGIN + 9)]


async def test_threads_that_were_archived_become_stretches(bench: Bench) -> None:
    hour_ago = first_id(bench.desk.now() - timedelta(hours=1))
    known, read, new, old = first_id(datetime(2025, 1, 1, tzinfo=UTC)), 31, hour_ago + (60_000 << 22), 33
    async with bench.desk.store.write() as tx:
        await tx.watermarks.raise_to(GUILD, {known: hour_ago + 5, read: hour_ago + 70})
    late = hour_ago + (120_000 << 22)
    bench.history.heads = [
        ChannelHead(known, late, readable=True),
        ChannelHead(read, hour_ago + 70, readable=True),
        ChannelHead(new, late, readable=True),
        ChannelHead(old, None, readable=True),
    ]
    sweep = await bench.open(Range(ARCHIVED_THREADS, hour_ago, first_id(bench.desk.now())))
    for thread in (known, read, new, old):
        bench.history.post(thread, late - 1, thread % 1000 + 1)
    await bench.sweeper.run()
    assert {channel_id for channel_id, _ in bench.history.asked} == {known, new}
    async with bench.desk.store.read() as tx:
        marks = await tx.watermarks.of_guild(GUILD)
    assert (marks[known], marks[new]) == (late, late)
    assert (await bench.get(sweep)).state is SweepState.DONE


async def test_the_pipeline_counts_how_the_pictures_of_a_sweep_ended(bench: Bench) -> None:
    desk = bench.desk
    for number, shown in enumerate((picture(1), picture(2), picture(3, plain=True)), start=1):
        desk.media.pictures[f"{CDN}/attachments/1/{number}/a.jpg"] = shown
    bench.history.post(FANS, BEGIN, 1, 2)
    bench.history.post(FANS, BEGIN + 1, 3, sticker_items=[{"id": "9", "format_type": 3}])
    sweep = await bench.open(Range(FANS, 0, BEGIN + 9))
    line = Pipeline(desk.store, desk.scanner, desk.guilds, desk.cases, capacity=100, workers=4, owner="a")
    await line.start()
    await bench.sweeper.run()
    line.wake()
    await line.idle()
    await bench.sweeper.run()
    await line.stop()
    found = await bench.get(sweep)
    assert found.finished_at == desk.now()
    counts = found.counts
    assert (counts.media, counts.clear, counts.unscannable, counts.scanned) == (4, 2, 2, 4)
