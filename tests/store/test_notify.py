"""What one process changes, another on the same PostgreSQL hears; on SQLite there is nobody to tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from bot.errors import ConfigError, DatabaseError
from bot.guilds import GuildService
from bot.model import BankKind, BankLevel, Category, GuildSettings, Mode, Strictness
from bot.store.engine import Store
from bot.store.notify import Listener
from bot.store.shards import Shards
from bot.store.topics import Topic

from .samples import GUILD, NOW, VAULT, call, fingerprint


class Heard:
    """Counts the looks at each topic, and notes the guilds that are to be read anew."""

    def __init__(self) -> None:
        self.looks: dict[Topic, int] = dict.fromkeys((Topic.BANKS, Topic.OUTBOX, Topic.JOBS), 0)
        self.guilds: list[int | None] = []

    def listener(self, store: Store, shards: Shards | None = None) -> Listener:
        def look(topic: Topic):
            async def count() -> None:
                self.looks[topic] += 1

            return count

        return Listener(store, {topic: (look(topic), 0.0) for topic in self.looks}, self.guilds.append, shards)

    async def until(self, predicate: Callable[[Heard], bool]) -> None:
        async with asyncio.timeout(30):
            while not predicate(self):  # noqa: ASYNC110 - it comes from the database
                await asyncio.sleep(0.005)


@pytest.fixture
async def two(postgres_url: str) -> AsyncIterator[tuple[Store, Store]]:
    """The stores of two processes."""
    stores = await Store.open(postgres_url, VAULT), await Store.open(postgres_url, VAULT)
    yield stores
    for store in stores:
        await store.close()


@pytest.fixture
async def heard(two: tuple[Store, Store]) -> AsyncIterator[Heard]:
    """What the second of them hears."""
    heard = Heard()
    listener = heard.listener(two[1])
    await listener.start()
    yield heard
    await listener.stop()


async def list_a_picture(store: Store) -> None:
    async with store.write() as tx:
        bank = await tx.banks.ensure("own", BankKind.BLOCK, GUILD, BankLevel.REMOVE)
        await tx.banks.add_entry(
            bank_id=bank.id,
            category=Category.NCII_SYNTHETIC,
            fingerprint=fingerprint(1),
            note="",
            added_by=None,
            source="test",
            added_at=NOW,
        )


async def test_a_changed_bank_is_heard(two: tuple[Store, Store], heard: Heard):
    await list_a_picture(two[0])
    await heard.until(lambda heard: heard.looks[Topic.BANKS] == 1)
    assert heard.looks[Topic.OUTBOX] == heard.looks[Topic.JOBS] == 0


async def test_new_calls_are_heard_and_repeated_ones_are_not(two: tuple[Store, Store], heard: Heard):
    for _ in range(2):
        async with two[0].write() as tx:
            await tx.outbox.put([call("one")], NOW)
    await list_a_picture(two[0])
    await heard.until(lambda heard: heard.looks[Topic.BANKS] == 1)
    assert heard.looks[Topic.OUTBOX] == 1


async def test_what_is_rolled_back_is_not_heard(two: tuple[Store, Store], heard: Heard):
    async def put_and_fail():
        async with two[0].write() as tx:
            await tx.outbox.put([call("one")], NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await put_and_fail()
    await list_a_picture(two[0])
    await heard.until(lambda heard: heard.looks[Topic.BANKS] == 1)
    assert heard.looks[Topic.OUTBOX] == 0


async def test_settings_that_another_process_changed_are_read_anew(two: tuple[Store, Store]):
    mine, others = (GuildService(store, Strictness.AUTO) for store in two)
    listener = Listener(two[0], {}, mine.forget)
    await listener.start()
    try:
        assert (await mine.get(GUILD)).mode is Mode.OBSERVE
        await others.change(GUILD, mode=Mode.REMOVE)
        async with asyncio.timeout(30):
            while mine.peek(GUILD) is not None:  # noqa: ASYNC110 - it comes from the database
                await asyncio.sleep(0.005)
        assert (await mine.get(GUILD)).mode is Mode.REMOVE
    finally:
        await listener.stop()


async def test_settings_that_change_while_they_are_read_are_not_kept(two: tuple[Store, Store]):
    class Slow(GuildService):
        async def current(self, guild_id: int) -> GuildSettings:
            settings = await super().current(guild_id)
            self.forget(guild_id)  # as the listener does, after another process committed
            return settings

    service = Slow(two[0], Strictness.AUTO)
    await service.get(GUILD)
    assert service.peek(GUILD) is None


async def test_a_broken_connection_is_opened_again_and_everything_is_looked_at(
    two: tuple[Store, Store], heard: Heard, postgres_url: str
):
    server = await asyncpg.connect(postgres_url)
    try:
        await server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            " AND datname = current_database()"
        )
    finally:
        await server.close()
    await heard.until(lambda heard: all(heard.looks.values()))
    assert None in heard.guilds
    before = heard.looks[Topic.BANKS]
    await list_a_picture(two[0])
    await heard.until(lambda heard: heard.looks[Topic.BANKS] > before)


async def test_a_look_that_fails_does_not_stop_the_next(two: tuple[Store, Store]):
    done = asyncio.Event()
    attempts: list[None] = []

    async def look() -> None:
        attempts.append(None)
        if len(attempts) == 1:
            raise DatabaseError("The database is away.")
        done.set()

    listener = Listener(two[1], {Topic.BANKS: (look, 0.0)}, lambda guild_id: None)
    await listener.start()
    try:
        await list_a_picture(two[0])
        async with asyncio.timeout(30):
            while not attempts:  # noqa: ASYNC110 - it comes from the database
                await asyncio.sleep(0.005)
            async with two[0].write() as tx:
                await tx.banks.ensure("other", BankKind.BLOCK, GUILD, BankLevel.REMOVE)
            await done.wait()
    finally:
        await listener.stop()


async def test_with_sqlite_there_is_nobody_to_hear(sqlite_url: str):
    store = await Store.open(sqlite_url, VAULT)
    heard = Heard()
    listener = heard.listener(store, Shards.of(None, None))
    await listener.start()
    assert not listener.listening
    await list_a_picture(store)
    await listener.stop()
    await store.close()


# --------------------------------------------------------------------------------------------- shards


async def test_a_shard_is_served_by_one_process(two: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.store.shards.PATIENCE", 0.3)
    first, second = (Heard().listener(store, Shards.of([1], 4)) for store in two)
    await first.start()
    with pytest.raises(ConfigError, match=r"runs shard 1 of 4 .* already"):
        await second.start()
    await second.stop()
    await first.stop()
    await second.start()
    await second.stop()


async def test_another_number_of_shards_is_refused(two: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.store.shards.PATIENCE", 0.3)
    first = Heard().listener(two[0], Shards.of([0], 2))
    second = Heard().listener(two[1], Shards.of([1], 4))
    await first.start()
    with pytest.raises(ConfigError, match="shard_count 2, this one with 4"):
        await second.start()
    async with two[0].read() as tx:
        assert await tx.installation.running_shards() == [Shards(2, (0,))]
    await first.stop()
    await second.stop()


async def test_which_shards_run_can_be_seen(two: tuple[Store, Store]):
    listeners = [Heard().listener(two[0], Shards.of([0, 2], 4)), Heard().listener(two[1], Shards.of([3], 4))]
    for listener in listeners:
        await listener.start()
    async with two[0].read() as tx:
        assert await tx.installation.running_shards() == [Shards(4, (0, 2, 3))]
    for listener in listeners:
        await listener.stop()
    async with two[0].read() as tx:
        assert await tx.installation.running_shards() == []


def test_without_a_count_a_process_serves_everything():
    assert Shards.of(None, None) == Shards(1, (0,))
    assert Shards.of(None, 3) == Shards(3, (0, 1, 2))
    assert Shards.of([2, 1, 2], 3) == Shards(3, (1, 2))


# --------------------------------------------------------------------------------------------- alone


async def test_a_job_is_done_by_one_process_at_a_time(two: tuple[Store, Store]):
    async with two[0].alone("job") as mine, two[1].alone("job") as theirs, two[1].alone("other") as other:
        assert (mine, theirs, other) == (True, False, True)
    async with two[1].alone("job") as theirs:
        assert theirs


async def test_a_job_that_fails_or_is_cancelled_frees_its_name(two: tuple[Store, Store]):
    with pytest.raises(ZeroDivisionError):
        async with two[0].alone("job"):
            raise ZeroDivisionError
    entered = asyncio.Event()

    async def hold() -> None:
        async with two[0].alone("job"):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with two[1].alone("job") as theirs:
        assert theirs


async def test_tasks_of_one_process_know_of_each_other_with_sqlite_too(sqlite_url: str):
    store = await Store.open(sqlite_url, VAULT)
    async with store.alone("job") as one:
        async with store.alone("job") as two, store.alone("other") as other:
            assert (one, two, other) == (True, False, True)
        async with store.alone("job") as still:
            assert not still
    with pytest.raises(ValueError, match="in between"):
        async with store.alone("job"):
            raise ValueError("in between")
    async with store.alone("job") as again:
        assert again
    await store.close()


# --------------------------------------------------------------------------------------------- connections


async def test_a_process_opens_no_more_connections_than_it_may(postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.store.dialects.WAIT_SECONDS", 0.2)
    store = await Store.open(postgres_url, VAULT, connections=5)
    inside, leave = asyncio.Semaphore(0), asyncio.Event()

    async def hold() -> None:
        async with store.read() as tx:
            await tx.guilds.ids()
            inside.release()
            await leave.wait()

    holding = [asyncio.create_task(hold()) for _ in range(5)]
    for _ in holding:
        await inside.acquire()
    with pytest.raises(DatabaseError, match=r"in use .* store\.connections"):
        await hold()
    leave.set()
    await asyncio.gather(*holding)
    await hold()
    await store.close()


async def test_a_server_without_a_free_connection_is_named(postgres_url: str):
    server = await asyncpg.connect(postgres_url)
    name = postgres_url.rpartition("/")[2]
    try:
        await server.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 0")
        await server.execute(f"GRANT ALL ON DATABASE {name} TO {name}")
        address = make_url(postgres_url).set(username=name).render_as_string(hide_password=False)
        with pytest.raises(DatabaseError, match="too many are connected already"):
            await Store.open(address, VAULT)
    finally:
        await server.execute(f"REVOKE ALL ON DATABASE {name} FROM {name}")
        await server.execute(f"DROP ROLE {name}")
        await server.close()
