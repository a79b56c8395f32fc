"""Who left a server is noticed without the intent for members, gently, once a day, and never on a guess."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import structlog

from bot.ops import retention
from bot.reports import leaving
from bot.reports.leaving import LeavingService, NoAnswerError
from bot.store.engine import Store
from tests.conftest import VAULT
from tests.desk import GUILD, Desk
from tests.store.samples import Category, open_case

from .reported import MEMBER, OTHER, report

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ANOTHER_GUILD = 11


class Discord:
    """Says who is a member. ``fails``: raised, or answered, instead of an answer, by guild."""

    def __init__(self) -> None:
        self.gone: set[int] = set()
        self.asked: list[tuple[int, int]] = []
        self.fails: dict[int, NoAnswerError | None] = {}

    async def is_member(self, guild_id: int, user_id: int) -> bool | None:
        await asyncio.sleep(0)
        self.asked.append((guild_id, user_id))
        if guild_id in self.fails:
            error = self.fails[guild_id]
            if error is not None:
                raise error
            return None
        return user_id not in self.gone


@pytest.fixture
def discord() -> Discord:
    return Discord()


async def left_at(desk: Desk, member: int = MEMBER, guild_id: int = GUILD):
    async with desk.store.read() as tx:
        return (await tx.reporters.get(guild_id, tx.reports.digest(guild_id, member))).left_at


async def reported_in(desk: Desk, guild_id: int, member: int) -> None:
    async with desk.store.write() as tx:
        case = await open_case(tx, guild_id=guild_id)
        given = {"category": Category.OTHER, "at": desk.now()}
        await tx.reports.add(case_id=case.id, guild_id=guild_id, reporter_id=member, **given)


async def test_who_left_is_noticed_once_a_day_and_forgotten_30_days_later(desk: Desk, discord: Discord):
    await report(desk)
    await report(desk, OTHER)
    await desk.leaving.run(discord)
    assert sorted(discord.asked) == [(GUILD, OTHER), (GUILD, MEMBER)]
    discord.gone.add(MEMBER)
    desk.time += 23 * HOUR
    await desk.leaving.run(discord)
    assert len(discord.asked) == 2
    assert await left_at(desk) is None
    desk.time += HOUR
    noticed = desk.now()
    for hours in range(3):
        desk.time += hours * HOUR
        await desk.leaving.run(discord)
    assert len(discord.asked) == 4
    assert await left_at(desk) == noticed
    assert await left_at(desk, OTHER) is None
    desk.time = noticed + 30 * DAY
    await retention.forget_reporters(desk.store, identity_days=30, now=desk.now())
    assert (await desk.privacy.show(GUILD, MEMBER)).reports == ()
    assert len((await desk.privacy.show(GUILD, OTHER)).reports) == 1


async def test_the_clock_runs_from_when_it_was_first_noticed(desk: Desk, discord: Discord):
    await report(desk)
    discord.gone.add(MEMBER)
    noticed = desk.now()
    for _ in range(3):
        await desk.leaving.run(discord)
        desk.time += DAY
    assert await left_at(desk) == noticed


async def test_who_is_found_there_again_is_not_forgotten(desk: Desk, discord: Discord):
    await report(desk)
    discord.gone.add(MEMBER)
    await desk.leaving.run(discord)
    discord.gone.clear()
    desk.time += DAY
    await desk.leaving.run(discord)
    assert await left_at(desk) is None


async def test_nobody_is_asked_for_whose_id_is_forgotten(desk: Desk, discord: Discord):
    await report(desk)
    await desk.privacy.delete(GUILD, MEMBER)
    await desk.leaving.run(discord)
    assert discord.asked == []


async def test_without_an_answer_nobody_has_left_and_the_others_wait(desk: Desk, discord: Discord):
    await report(desk)
    await reported_in(desk, ANOTHER_GUILD, OTHER)
    discord.fails[GUILD] = NoAnswerError("Discord asks to wait.")
    with structlog.testing.capture_logs() as logged:
        await desk.leaving.run(discord)
    assert discord.asked == [(GUILD, MEMBER)]
    assert await left_at(desk) is None
    assert [(line["event"], line["reason"]) for line in logged] == [("leaving.stopped", "Discord asks to wait.")]
    desk.time += HOUR
    await desk.leaving.run(discord)
    assert discord.asked == [(GUILD, MEMBER), (ANOTHER_GUILD, OTHER)], "one guild's trouble stops no other's for good"


async def test_a_guild_without_the_bot_is_passed_over(desk: Desk, discord: Discord):
    await report(desk)
    await report(desk, OTHER)
    await reported_in(desk, ANOTHER_GUILD, OTHER)
    discord.fails[GUILD] = None
    await desk.leaving.run(discord)
    assert [guild_id for guild_id, _ in discord.asked] == [GUILD, ANOTHER_GUILD]
    assert await left_at(desk) is None


async def test_so_many_a_day_and_others_the_next(desk: Desk, discord: Discord, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(leaving, "MOST_ASKED", 3)
    members = set(range(100, 108))
    for member in members:
        await reported_in(desk, GUILD, member)
    by_day = []
    for _ in range(3):
        before = len(discord.asked)
        await desk.leaving.run(discord)
        by_day.append({member for _, member in discord.asked[before:]})
        desk.time += DAY
    assert max(map(len, by_day)) <= 3
    assert set.union(*by_day) == members


async def test_of_several_processes_one_asks(desk: Desk, discord: Discord):
    await report(desk)
    await report(desk, OTHER)
    discord.gone.add(MEMBER)
    other_store = await Store.open(desk.store.url, VAULT)
    other = LeavingService(other_store, clock=desk.now, pause=0)
    await asyncio.gather(desk.leaving.run(discord), other.run(discord), desk.leaving.run(discord))
    await other_store.close()
    assert sorted(discord.asked) == [(GUILD, OTHER), (GUILD, MEMBER)]
    assert await left_at(desk) == desk.now()


async def test_it_is_asked_gently(desk: Desk, discord: Discord, monkeypatch: pytest.MonkeyPatch):
    waited = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    for member in range(100, 104):
        await reported_in(desk, GUILD, member)
    monkeypatch.setattr(leaving.asyncio, "sleep", sleep)
    await LeavingService(desk.store, clock=desk.now).run(discord)
    assert [seconds for seconds in waited if seconds] == [leaving.PAUSE_SECONDS] * 3
