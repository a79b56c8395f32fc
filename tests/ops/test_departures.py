"""A server that the bot left is erased after its time, whole, and never because of an outage."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.guilds import GuildService
from bot.model import Strictness
from bot.ops import departures as module
from bot.ops.departures import DepartureService
from bot.store import admin
from bot.store.departures import LEFT
from bot.store.engine import Store
from bot.store.tables import jobs
from tests.store.filled import fill, rows
from tests.store.samples import DAY, GUILD, MINUTE, NOW, OTHER_GUILD, VAULT

from .test_erasure import MEMBER, Time, of

GRACE = timedelta(days=30)


class Answers:
    """Discord's answer for each server; without one the bot is in there."""

    def __init__(self) -> None:
        self.answers: dict[int, bool | None] = {}
        self.asked: list[int] = []

    async def is_here(self, guild_id: int) -> bool | None:
        self.asked.append(guild_id)
        return self.answers.get(guild_id, True)


def gone(*guild_ids: int) -> Answers:
    answers = Answers()
    answers.answers = dict.fromkeys(guild_ids, False)
    return answers


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def woken() -> list[None]:
    return []


@pytest.fixture
async def full(store: Store) -> Store:
    for number, guild_id in enumerate((GUILD, OTHER_GUILD)):
        await fill(store, guild_id, MEMBER, NOW, number=number)
        async with store.write() as tx:
            await tx.departures.forget(guild_id)
    return store


@pytest.fixture
def service(full: Store, time: Time, woken: list[None], monkeypatch: pytest.MonkeyPatch) -> DepartureService:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    guilds = GuildService(full, Strictness.STANDARD)
    return DepartureService(full, guilds, grace=GRACE, clock=time, wake=lambda: woken.append(None))


async def departed(store: Store) -> dict[int, datetime]:
    async with store.read() as tx:
        return await tx.departures.all()


async def leave(service: DepartureService, *guild_ids: int) -> None:
    for guild_id in guild_ids:
        service.hear_left(guild_id)
    await service.settled()


async def test_everything_of_a_server_goes_after_the_time_of_grace(full: Store, service: DepartureService, time: Time):
    async with full.write() as tx:
        (own,) = (await tx.connection.execute(sa.select(jobs).where(jobs.c.guild_id == GUILD))).all()
        older = {"message": own.message, "media": own.media, "created_at": NOW, "guild_id": None}
        await tx.connection.execute(jobs.insert().values(older))
    before = await rows(full)
    await leave(service, GUILD)
    assert await departed(full) == {GUILD: NOW}
    discord = gone(GUILD)
    time.now += GRACE
    await service.purge(discord)
    assert discord.asked == [], "the time is not over"
    time.now += MINUTE
    await service.purge(discord)
    await service.purge(discord)
    after = await rows(full)
    left = of(after, GUILD)
    assert {name for name, there in left.items() if there} == {"audit"}
    assert of(after, OTHER_GUILD) == of(before, OTHER_GUILD), "no other server loses anything"
    assert [row["guild_id"] for row in after["jobs"]] == [OTHER_GUILD], "rows of an older version name it in a message"
    assert discord.asked == [GUILD, GUILD]
    assert await departed(full) == {}
    assert after["installation"] == before["installation"]


async def test_what_remains_is_a_sound_chain_that_names_nobody(full: Store, service: DepartureService, time: Time):
    before = of(await rows(full), GUILD)["audit"]
    await leave(service, GUILD)
    time.now += GRACE + MINUTE
    for _ in range(2):
        await service.purge(gone(GUILD))
    left = of(await rows(full), GUILD)["audit"]
    assert left[: len(before)] == before
    assert [row["action"] for row in left[len(before) :]] == ["server_erased", "server_erased"]
    assert str(MEMBER) not in str(left)
    async with full.read() as tx:
        assert await tx.departures.known() == {OTHER_GUILD}, "and a chain alone makes no server known"
    assert await admin.check(full.url, VAULT, clock=lambda: NOW) == []


async def test_lists_are_out_of_matching_in_every_process_before_they_go(
    full: Store, service: DepartureService, time: Time
):
    async with full.read() as tx:
        known = await tx.banks.change_number()
    await leave(service, GUILD)
    time.now += GRACE + MINUTE
    await service.purge(gone(GUILD))
    async with full.read() as tx:
        changed = await tx.banks.changed_since(known)
        assert [entry.revoked_at for entry in changed] == [time.now]
        assert [(await tx.banks.get(entry.bank_id)).guild_id for entry in changed] == [GUILD]  # type: ignore[union-attr]
    assert await departed(full) == {GUILD: NOW}, "it is not over before the lists are gone"
    await service.purge(gone(GUILD))
    assert of(await rows(full), GUILD)["banks"] == []


async def test_invited_again_within_the_time_everything_is_as_it_was(
    full: Store, service: DepartureService, time: Time, woken: list[None]
):
    before = await rows(full)
    await leave(service, GUILD)
    stopped = {row["key"]: row for row in (await rows(full))["outbox"] if row["error"] == LEFT}
    assert [key.split(":")[0] for key in stopped] == ["waits"]
    time.now += GRACE - MINUTE
    service.hear_joined(GUILD)
    await service.settled()
    for row in before["outbox"]:
        if row["key"] in stopped:
            row["due_at"] = time.now
    assert await rows(full) == before
    assert woken
    time.now += GRACE
    await service.purge(gone(GUILD, OTHER_GUILD))
    assert await rows(full) == before


async def test_a_call_in_somebodys_hands_is_left_to_them(full: Store, service: DepartureService):
    async with full.write() as tx:
        claimed = await tx.outbox.claim(now=NOW, lease=DAY, owner="a", limit=10)
    await leave(service, GUILD)
    async with full.write() as tx:
        assert all([await tx.outbox.done(one.id, NOW) for one in claimed])


async def test_a_server_that_a_session_does_not_name_was_left(full: Store, service: DepartureService):
    service.hear_session({OTHER_GUILD}, 0, 1)
    await service.settled()
    assert await departed(full) == {GUILD: NOW}


async def test_a_session_speaks_of_the_servers_of_its_shard_alone(full: Store, service: DepartureService):
    shards = {guild_id: (guild_id >> 22) % 16 for guild_id in (GUILD, OTHER_GUILD)}
    assert len(set(shards.values())) == 2
    service.hear_session(set(), shards[OTHER_GUILD], 16)
    await service.settled()
    assert set(await departed(full)) == {OTHER_GUILD}


async def test_a_session_that_names_a_server_takes_it_back(full: Store, service: DepartureService, time: Time):
    await leave(service, GUILD, OTHER_GUILD)
    restarted = DepartureService(
        full, GuildService(full, Strictness.STANDARD), grace=GRACE, clock=time, wake=lambda: None
    )
    restarted.hear_session({GUILD}, 0, 1)
    await restarted.settled()
    assert set(await departed(full)) == {OTHER_GUILD}
    restarted.hear_joined(OTHER_GUILD)
    await restarted.settled()
    assert await departed(full) == {}


async def test_what_is_heard_is_noted_in_its_order(full: Store, service: DepartureService):
    service.hear_session(set(), 0, 1)
    service.hear_joined(GUILD)
    service.hear_left(OTHER_GUILD)
    service.hear_joined(OTHER_GUILD)
    service.hear_left(OTHER_GUILD)
    await service.settled()
    assert set(await departed(full)) == {OTHER_GUILD}


async def test_the_time_of_grace_begins_once(full: Store, service: DepartureService, time: Time):
    await leave(service, GUILD)
    time.now += 20 * DAY
    service.hear_session({OTHER_GUILD}, 0, 1)
    await leave(service, GUILD)
    assert await departed(full) == {GUILD: NOW}


@pytest.mark.parametrize("answer", [None, True])
async def test_nothing_goes_but_on_discords_plain_answer(
    full: Store, service: DepartureService, time: Time, answer: bool | None
):
    """However many servers a session left out, and for however long."""
    before = await rows(full)
    service.hear_session(set(), 0, 1)
    await service.settled()
    time.now += 5 * GRACE
    discord = Answers()
    discord.answers = dict.fromkeys((GUILD, OTHER_GUILD), answer)
    await service.purge(discord)
    after = await rows(full)
    for name in set(before) - {"outbox", "departures"}:
        assert after[name] == before[name], name
    assert len(after["outbox"]) == len(before["outbox"])
    assert len(discord.asked) == (1 if answer is None else 2), "who does not answer is not asked on and on"
    assert set(await departed(full)) == (set() if answer else {GUILD, OTHER_GUILD})


async def test_whoever_is_back_in_the_middle_of_erasing_keeps_what_is_left(
    full: Store, service: DepartureService, time: Time
):
    await leave(service, GUILD)
    time.now += GRACE + MINUTE
    async with full.write() as tx:
        await tx.departures.forget(GUILD)
    before = await rows(full)
    assert not await service.purge_server(GUILD, time.now - GRACE)
    assert await rows(full) == before


async def test_a_database_in_trouble_is_no_reason_to_stop(full: Store, service: DepartureService):
    async def broken() -> None:
        raise OSError("gone")

    with capture_logs() as logged:
        service._take_up(broken)
        service.hear_left(GUILD)
        await service.settled()
    assert [line["event"] for line in logged] == ["departures.not_noted", "departures.left"]
    assert set(await departed(full)) == {GUILD}
