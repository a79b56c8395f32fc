"""One message when a server's pictures are not checked, one when they are again; with a clock that is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.guilds import GuildService
from bot.model import Strictness
from bot.ops.health_state import Health, Part
from bot.ops.watch import BATCH, NOT_RUNNING, PACE, Watch, blind_text
from bot.store.engine import Store
from bot.store.tables import outbox

BEGIN = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
LOG, REVIEW = 500, 600
GUILD = 1 << 22
"""On the second of two shards; on the only one of one."""


class Discord:
    def __init__(self) -> None:
        self.up = {0: True}
        self.left: set[int] = set()

    def shards(self):
        return self.up

    def serves(self, guild_id):
        return guild_id not in self.left


class Story:
    """A process that watches, and what its servers are sent. ``pass_by`` lets time go in steps of five seconds."""

    def __init__(self, store: Store, shard_count: int = 1) -> None:
        self.store = store
        self.shard_count = shard_count
        self.guilds = GuildService(store, Strictness.AUTO)
        self.now = BEGIN
        self.woken = 0
        self.start()

    def start(self) -> None:
        """A new process on the same database."""
        self.discord, self.health = Discord(), Health()
        self.watch = Watch(
            self.store,
            self.guilds,
            self.health,
            self.discord,
            shard_count=self.shard_count,
            clock=lambda: self.now,
            wake=self._wake,
        )

    def _wake(self) -> None:
        self.woken += 1

    def database(self, *, ok: bool) -> None:
        self.health.report(Part.DATABASE, ok=ok, reason="It does not answer.")

    async def pass_by(self, seconds: int) -> None:
        for _ in range(0, seconds, 5):
            self.now += timedelta(seconds=5)
            await self.watch.look()

    async def set_up(self, guild_id: int = GUILD, **channels: int | None) -> None:
        await self.guilds.change(guild_id, **{"review_channel_id": REVIEW, **channels})

    async def rows(self):
        async with self.store.read() as tx:
            return (await tx.connection.execute(sa.select(outbox).order_by(outbox.c.id))).all()

    async def lines(self) -> list[str]:
        return [row.payload["text"] for row in await self.rows()]

    async def send(self, *, succeed: bool = True) -> None:
        """The dispatcher takes up what is due, and does it or fails."""
        async with self.store.write() as tx:
            claimed = await tx.outbox.claim(now=self.now, lease=timedelta(minutes=1), owner="me", limit=100)
            for one in claimed:
                if succeed:
                    await tx.outbox.done(one.id, self.now)
                else:
                    at = self.now + timedelta(seconds=30)
                    await tx.outbox.retry(one.id, at=at, error="away", uncertain=True, owner="me")


@pytest.fixture
async def story(store):
    made = Story(store)
    await made.set_up()
    await made.pass_by(60)
    return made


async def test_nothing_is_said_while_all_is_well(story):
    await story.pass_by(3600)
    assert await story.lines() == []


async def test_blind_after_two_minutes_and_sees_after_one(story):
    story.discord.up[0] = False
    began = story.now
    await story.pass_by(115)
    assert await story.lines() == []
    await story.pass_by(10)
    (text,) = await story.lines()
    assert "not being checked" in text
    assert "connection to Discord is lost" in text
    assert story.woken
    await story.send()
    await story.pass_by(3600)
    assert len(await story.lines()) == 1, "one message, however long it lasts"
    story.discord.up[0] = True
    ended = story.now + timedelta(seconds=5)
    await story.pass_by(60)
    assert len(await story.lines()) == 1
    await story.pass_by(10)
    _, text = await story.lines()
    assert "being checked again" in text
    assert "/scan status" in text
    told = [int(part.split(":")[0]) for part in text.split("<t:")[1:]]
    assert 0 <= began.timestamp() - told[0] <= 15
    assert told[1] == ended.timestamp()
    await story.pass_by(3600)
    assert len(await story.lines()) == 2


async def test_what_mends_itself_within_two_minutes_is_not_told(story):
    for _ in range(5):
        story.database(ok=False)
        await story.pass_by(40)
        story.database(ok=True)
        await story.pass_by(120)
    assert await story.lines() == []


async def test_flapping_over_several_causes_is_one_episode(story):
    for _ in range(10):
        story.database(ok=False)
        await story.pass_by(50)
        await story.send()
        story.database(ok=True)
        await story.pass_by(30)
        story.discord.up[0] = False
        await story.pass_by(50)
        story.discord.up[0] = True
        await story.pass_by(55)
    await story.pass_by(120)
    blind, sees = await story.lines()
    assert "not being checked" in blind
    assert "being checked again" in sees
    assert "database" not in sees
    assert "It does not answer." in sees
    assert "connection to Discord is lost" in sees


async def test_one_message_for_a_time_in_which_nothing_could_be_sent(story):
    story.discord.up[0] = False
    await story.pass_by(150)
    await story.send(succeed=False)
    await story.pass_by(300)
    assert len(await story.lines()) == 1
    story.discord.up[0] = True
    await story.pass_by(70)
    (text,) = await story.lines()
    assert "being checked again" in text


async def test_a_message_in_somebodys_hands_is_not_taken_back(story):
    story.discord.up[0] = False
    await story.pass_by(150)
    async with story.store.write() as tx:
        assert await tx.outbox.claim(now=story.now, lease=timedelta(hours=1), owner="me", limit=1)
    story.discord.up[0] = True
    await story.pass_by(70)
    assert len(await story.lines()) == 2


async def test_an_episode_outlives_the_process(story):
    story.discord.up[0] = False
    await story.pass_by(150)
    await story.send()
    (first,) = await story.rows()
    story.start()
    story.discord.up[0] = False
    await story.pass_by(600)
    assert [row.id for row in await story.rows()] == [first.id], "no second message of the same episode"
    story.start()
    await story.pass_by(70)
    _, sees = await story.lines()
    begin = first.key.rpartition(":")[2]
    assert f"from <t:{int(begin) // 1000}:f>" in sees


async def test_a_time_without_any_process_is_told_once_when_it_is_over(story):
    story.now += timedelta(hours=2)
    story.start()
    story.discord.up[0] = False
    await story.pass_by(20)
    story.discord.up[0] = True
    await story.pass_by(70)
    (text,) = await story.lines()
    assert NOT_RUNNING in text
    assert "being checked again" in text


async def test_a_quick_restart_is_not_told(story):
    story.now += timedelta(seconds=30)
    story.start()
    story.discord.up[0] = False
    await story.pass_by(20)
    story.discord.up[0] = True
    await story.pass_by(300)
    assert await story.lines() == []


async def test_a_first_start_is_not_told(store):
    story = Story(store)
    await story.set_up()
    story.discord.up[0] = False
    await story.pass_by(60)
    story.discord.up[0] = True
    await story.pass_by(300)
    assert await story.lines() == []


async def test_a_machine_that_slept_is_told(story):
    story.now += timedelta(hours=1)
    await story.pass_by(70)
    (text,) = await story.lines()
    assert NOT_RUNNING in text


async def test_a_second_episode_has_messages_of_its_own(story):
    for expected in (2, 4):
        story.database(ok=False)
        await story.pass_by(130)
        await story.send()
        story.database(ok=True)
        await story.pass_by(130)
        await story.send()
        assert len(await story.lines()) == expected


async def test_where_a_server_reads_it(story):
    await story.set_up(2 << 22, log_channel_id=LOG)
    await story.set_up(3 << 22, review_channel_id=None)
    await story.set_up(4 << 22)
    story.discord.left = {4 << 22}
    story.database(ok=False)
    await story.pass_by(130)
    assert [(row.guild_id, row.payload["channel_id"]) for row in await story.rows()] == [
        (GUILD, REVIEW),
        (2 << 22, LOG),
    ]


async def test_a_lost_shard_concerns_its_own_servers(store):
    story = Story(store, shard_count=2)
    story.discord.up = {0: True, 1: True}
    for number in range(4):
        await story.set_up(number << 22 | 7)
    await story.pass_by(30)
    story.discord.up[1] = False
    await story.pass_by(130)
    assert [row.guild_id for row in await story.rows()] == [1 << 22 | 7, 3 << 22 | 7]
    story.discord.up[1] = True
    await story.pass_by(70)
    assert {row.guild_id for row in await story.rows()} == {1 << 22 | 7, 3 << 22 | 7}


async def test_many_servers_are_told_one_after_the_other(story):
    many = 2 * BATCH + 5
    for number in range(2, many + 1):
        await story.set_up(number << 22)
    story.database(ok=False)
    await story.pass_by(130)
    rows = await story.rows()
    assert len(rows) == many
    dues = [row.due_at for row in rows]
    for second in range(many // PACE):
        within = [due for due in dues if second <= (due - dues[0]).total_seconds() < second + 1]
        assert len(within) <= PACE
    story.database(ok=True)
    await story.send()
    await story.pass_by(70)
    texts = await story.lines()
    assert len([text for text in texts if "being checked again" in text]) == many
    assert len([text for text in texts if "not being checked" in text]) < many, "whoever was not told yet is told once"


async def test_what_the_database_refuses_is_written_when_it_takes_it(story, monkeypatch):
    from bot.errors import DatabaseError

    def refuse(*_: object, **__: object):
        raise DatabaseError("The disk is full; make room on it.")

    story.database(ok=False)
    with monkeypatch.context() as patched:
        patched.setattr(story.store, "write", refuse)
        await story.pass_by(600)
    assert await story.lines() == []
    await story.pass_by(5)
    assert len(await story.lines()) == 1
    story.database(ok=True)
    await story.pass_by(70)
    (text,) = await story.lines()
    assert "being checked again" in text


def test_the_longest_text_fits_into_a_message():
    assert len(blind_text(BEGIN, ["x" * 160] * 6)) < 2000
