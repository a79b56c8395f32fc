"""Several processes with shards of one bot on one PostgreSQL, as a large installation runs them.

Every process costs seconds of a processor before it is there; so there are few tests, each of which tells a story.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.model import BankKind, Category, MediaRef, MessageRef, Mode, Surface
from bot.store.tables import cases, jobs
from tests.discordd import (
    BULK_DELETE,
    CREATE_MESSAGE,
    DELETE_MESSAGE,
    FETCH_CDN,
    FETCH_PROXY,
    Channel,
    Discordd,
    Hold,
    Member,
    Message,
)
from tests.discordd.ids import snowflake

from .conftest import picture
from .installation import BEGINNING, BotProcess, Installation, fingerprint_of

INSTALLATION_WIDE, OF_ONE_SERVER, HARMLESS = 3, 6, 4
DELETES = "/channels/*/messages/*"


@dataclass(frozen=True)
class Server:
    """One server of a certain shard."""

    shard: int
    fans: Channel
    review: Channel
    fan: Member


class Cluster:
    """An installation with ``count`` shards and the same number of servers in each, and processes that run it."""

    def __init__(self, discordd: Discordd, folder: Path, url: str, count: int) -> None:
        self.discordd = discordd
        self.count = count
        # The server that an installation makes by itself is of any shard; nothing happens in it.
        self.installation = Installation(discordd, folder, url)
        self.servers: list[Server] = []
        self._started: list[BotProcess] = []

    async def set_up(self, *, each: int) -> None:
        """So many servers in every shard, in mode remove, and one picture blocked everywhere."""
        world = self.discordd.world
        for number in range(each * self.count):
            shard = number % self.count
            born = (snowflake() >> 22) // self.count * self.count + shard
            guild = world.create_guild(f"server {number}", id_=born << 22 | number)
            fans, review = world.create_channel(guild, "fan-art"), world.create_channel(guild, "review")
            self.servers.append(Server(shard, fans, review, world.create_member(guild, "faye")))
        async with self.installation.opened() as app:
            for server in self.servers:
                await app.guilds.change(server.fans.home.id, mode=Mode.REMOVE, review_channel_id=server.review.id)
        await self.block(None, INSTALLATION_WIDE)

    async def block(self, server: Server | None, seed: int) -> None:
        """List a picture from a process that is none of the bot's: for one server, or (None) for all."""
        async with self.installation.opened() as app:
            bank = await app.banks.own(None if server is None else server.fans.home.id, BankKind.BLOCK)
            await app.banks.add(bank, fingerprint_of(picture(seed)), Category.NCII_SYNTHETIC, source="test")

    async def start(self, *shards: int) -> BotProcess:
        process = self.installation.process(shards, self.count)
        self._started.append(process)
        await process.connected()
        return process

    async def start_all(self) -> list[BotProcess]:
        return [*await asyncio.gather(*(self.start(shard) for shard in range(self.count)))]

    def post(self, server: Server, seed: int, quality: int) -> Message:
        upload = [("a.jpg", picture(seed, quality))]
        return self.discordd.world.post(server.fans, server.fan, attachments=upload)

    def deleted(self, message: Message) -> int:
        """How often a deletion of this message took effect, alone or with others of its channel."""
        alone = self.discordd.journal.of(DELETE_MESSAGE, message_id=message.id)
        together = [
            one for one in self.discordd.journal.of(BULK_DELETE) if str(message.id) in map(str, one.body["messages"])
        ]
        return len([one for one in alone + together if one.effect == 204])

    def cards(self, server: Server) -> int:
        """How many cards were posted in a server's review channel, whatever became of them."""
        posts = self.discordd.journal.of(CREATE_MESSAGE, channel_id=server.review.id)
        return len([one for one in posts if one.effect == 200])

    def fetched(self, message: Message) -> bool:
        """Whether anybody asked for the message's picture."""
        (attachment,) = message.attachments
        journal = self.discordd.journal
        return any(attachment["id"] in one.path for one in journal.of(FETCH_CDN) + journal.of(FETCH_PROXY))

    async def outcomes(self) -> dict[str, int]:
        """How many pictures of all servers ended how."""
        async with self.installation._stored() as store, store.read() as tx:
            return await tx.sightings.counts(None, BEGINNING)

    async def until_seen(self, pictures: int, *, within: float = 300.0) -> None:
        """Wait until so many pictures are accounted for in the database."""
        async with asyncio.timeout(within):
            while sum((await self.outcomes()).values()) < pictures:  # noqa: ASYNC110 - other processes work on it
                await asyncio.sleep(0.05)

    async def cases(self, server: Server) -> int:
        """How many cases a server has."""
        mine = sa.select(sa.func.count()).where(cases.c.guild_id == server.fans.home.id)
        async with self.installation._stored() as store, store.read() as tx:
            return (await tx.connection.execute(mine)).scalar_one()

    async def leave_waiting(self, server: Server, message: Message) -> None:
        """Leave a message's picture in the database, to be scanned by whoever has room."""
        (attachment,) = message.attachments
        media = MediaRef(f"attachment:{attachment['id']}", Surface.ATTACHMENT, attachment["url"])
        ref = MessageRef(server.fans.home.id, server.fans.id, message.id)
        async with self.installation._stored() as store, store.write() as tx:
            await tx.jobs.put(ref, [media], datetime.now(UTC))

    async def holders(self) -> list[str | None]:
        """Who holds each of the pictures that were left waiting, in their order."""
        mine = sa.select(jobs.c.lease_owner).where(jobs.c.sweep_id.is_(None)).order_by(jobs.c.id)
        async with self.installation._stored() as store, store.read() as tx:
            return list((await tx.connection.execute(mine)).scalars())

    async def until_held(self, number: int, *, not_by: str | None = None) -> str:
        """Wait until somebody, and somebody else than that, holds the waiting picture of this number; its name."""
        while (holder := (await self.holders())[number]) in (None, not_by):  # noqa: ASYNC110 - others work on it
            await asyncio.sleep(0.05)
        return str(holder)

    async def hold_for_a_year(self) -> None:
        """No lease of a waiting picture runs out during the test."""
        until = datetime.now(UTC) + timedelta(days=365)
        async with self.installation._stored() as store, store.write() as tx:
            held = jobs.update().where(jobs.c.lease_owner.is_not(None))
            await tx.connection.execute(held.values(taken_until=until))

    def end(self) -> None:
        for process in self._started:
            process.end()


@pytest.fixture
def two(discordd: Discordd, tmp_path: Path, postgres_url: str) -> Iterator[Cluster]:
    cluster = Cluster(discordd, tmp_path, postgres_url, 2)
    yield cluster
    cluster.end()


@pytest.fixture
def four(discordd: Discordd, tmp_path: Path, postgres_url: str) -> Iterator[Cluster]:
    cluster = Cluster(discordd, tmp_path, postgres_url, 4)
    yield cluster
    cluster.end()


async def test_every_server_is_served_by_one_process(discordd: Discordd, two: Cluster) -> None:
    await two.set_up(each=2)
    _, second = await two.start_all()
    posts = [two.post(server, INSTALLATION_WIDE, 60 + number) for number, server in enumerate(two.servers)]
    await discordd.wait_for(lambda: all(post.deleted for post in posts))
    await two.installation.settled()
    assert [two.deleted(post) for post in posts] == [1] * 4
    assert [two.cards(server) for server in two.servers] == [1] * 4
    for server, post in zip(two.servers, posts, strict=True):
        told = [frame.shard for frame in discordd.journal.events("MESSAGE_CREATE") if frame.id == post.id]
        assert told == [server.shard]
    assert len([one for one in discordd.journal.requests if one.method == "PUT" and "commands" in one.path]) == 1
    # Without the process of shard 1 its servers are watched by nobody, and those of shard 0 as before.
    await second.kill()
    later = [two.post(server, INSTALLATION_WIDE, 70 + number) for number, server in enumerate(two.servers)]
    mine = [post for server, post in zip(two.servers, later, strict=True) if server.shard == 0]
    await discordd.wait_for(lambda: all(post.deleted for post in mine))
    assert [two.fetched(post) for post in later] == [server.shard == 0 for server in two.servers]


async def test_a_process_with_shards_that_run_already_does_not_start(two: Cluster) -> None:
    await two.set_up(each=1)
    await two.start(0)
    with pytest.raises(RuntimeError, match="Another process runs shard 0 of 2 on this database already"):
        await two.start(0, 1)


async def test_a_blocked_picture_is_known_to_all_within_a_second(discordd: Discordd, two: Cluster) -> None:
    await two.set_up(each=1)
    await two.start_all()
    # Blocked for one server, and (several, because polling alone would notice within a second as well now and then)
    # for all. A picture that was judged before its entry was known would be found by the hunt, and count as clear.
    await two.block(two.servers[1], OF_ONE_SERVER)
    await asyncio.sleep(1)
    posts = [two.post(two.servers[1], OF_ONE_SERVER, 70)]
    for seed in range(20, 25):
        await two.block(None, seed)
        await asyncio.sleep(1)
        posts += [two.post(server, seed, 70) for server in two.servers]
    await discordd.wait_for(lambda: all(post.deleted for post in posts))
    assert await two.outcomes() == {"remove": len(posts)}


async def test_settings_are_known_to_all(discordd: Discordd, two: Cluster) -> None:
    await two.set_up(each=1)
    await two.start(1)
    server = two.servers[1]
    first = two.post(server, INSTALLATION_WIDE, 60)
    await discordd.wait_for(lambda: first.deleted)
    async with two.installation.opened() as app:
        await app.guilds.change(server.fans.home.id, mode=Mode.OBSERVE)
    await asyncio.sleep(1)
    second = two.post(server, INSTALLATION_WIDE, 70)
    await two.until_seen(2)
    await two.installation.settled()
    assert not second.deleted


async def test_killed_with_calls_in_hand_and_started_again(discordd: Discordd, two: Cluster) -> None:
    """Everything is in the database when it dies: then nothing is lost, and nothing is done twice."""
    await two.set_up(each=2)
    _, second = await two.start_all()
    held = Hold()
    script = discordd.faults.always("DELETE", DELETES, held)
    posts = [
        (server, two.post(server, INSTALLATION_WIDE if number % 4 == 0 else HARMLESS, 50 + number))
        for number in range(16)
        for server in two.servers
    ]
    await two.until_seen(len(posts))
    await discordd.wait_for(held.arrived.is_set)
    await second.kill()
    discordd.faults.lift(script)
    held.drop()
    await two.start(1)
    blocked = [post for number, (_, post) in enumerate(posts) if number // 4 % 4 == 0]
    await discordd.wait_for(lambda: all(post.deleted for post in blocked))
    await two.installation.settled()
    assert await two.outcomes() == {"remove": 16, "clear": 48}
    assert [two.deleted(post) for _, post in posts] == [int(post in blocked) for _, post in posts]
    for server in two.servers:
        assert two.cards(server) == await two.cases(server) == 1


async def test_killed_with_a_waiting_picture_in_hand_and_started_again(discordd: Discordd, two: Cluster) -> None:
    await two.set_up(each=1)
    server = two.servers[0]
    first, second = two.post(server, HARMLESS, 50), two.post(server, HARMLESS, 51)
    process = await two.start(1)
    held = Hold()
    script = discordd.faults.always("GET", "/*/attachments/**", held)
    await two.leave_waiting(server, first)
    dead = await two.until_held(0)
    assert dead.startswith("1/2 ")
    await process.kill()
    await two.hold_for_a_year()
    await two.start(0)
    await two.leave_waiting(server, second)
    alive = await two.until_held(1)
    assert alive.startswith("0/2 ")
    assert await two.holders() == [dead, alive], "in another place nobody touches what a process held"
    await two.start(1)
    await two.until_held(0, not_by=dead)
    assert (await two.holders())[1] == alive, "what a living process holds stays with it"
    discordd.faults.lift(script)
    held.release()
    await two.until_seen(2)
    while await two.holders():  # noqa: ASYNC110 - other processes work on it
        await asyncio.sleep(0.05)


async def test_killed_in_mid_flood_and_started_again(discordd: Discordd, two: Cluster) -> None:
    await two.set_up(each=2)
    _, second = await two.start_all()
    posts = [
        (server, two.post(server, INSTALLATION_WIDE if number % 5 == 0 else HARMLESS, 40 + number))
        for number in range(20)
        for server in two.servers
    ]
    await two.until_seen(10)
    await second.kill()
    await two.start(1)
    await two.until_seen(len(posts))
    blocked = [post for number, (_, post) in enumerate(posts) if number // 4 % 5 == 0]
    await discordd.wait_for(lambda: all(post.deleted for post in blocked))
    await two.installation.settled()
    assert await two.outcomes() == {"remove": 16, "clear": 64}
    assert [two.deleted(post) for _, post in posts] == [int(post in blocked) for _, post in posts]
    for server in two.servers:
        assert two.cards(server) == await two.cases(server) == 1


async def test_four_processes(discordd: Discordd, four: Cluster) -> None:
    await four.set_up(each=1)
    processes = await four.start_all()
    posts = [four.post(server, INSTALLATION_WIDE, 60 + number) for number, server in enumerate(four.servers)]
    await discordd.wait_for(lambda: all(post.deleted for post in posts))
    await four.installation.settled()
    assert [four.deleted(post) for post in posts] == [1] * 4
    assert [four.cards(server) for server in four.servers] == [1] * 4
    assert await asyncio.gather(*(process.stop() for process in processes)) == [0] * 4
