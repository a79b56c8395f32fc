"""What was posted while the bot did not listen is scanned once it listens again; each picture once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.history.times import first_id
from bot.model import StretchState, Sweep, SweepKind, SweepState
from bot.store.engine import Store
from tests.discordd import (
    BULK_DELETE,
    DELETE_MESSAGE,
    Channel,
    ChannelKind,
    Discordd,
    Failure,
    Hold,
    Message,
    Permission,
)
from tests.discordd.answers import json_answer
from tests.discordd.faults import Answer

from .conftest import BLOCKED, Install, picture
from .installation import Installation
from .test_kill import Processes

HISTORY = "GET /channels/{channel_id}/messages"
MEDIA = "/*/attachments/**"
LONG = timedelta(minutes=30)


@pytest.fixture
def processes(installation: Installation) -> Iterator[Processes]:
    started = Processes(installation)
    yield started
    started.end()


def post(installation: Installation, data: bytes, channel: Channel | None = None, **more: Any) -> Message:
    upload = [("a.jpg", data)]
    return installation.discordd.world.post(channel or installation.fans, installation.fan, attachments=upload, **more)


def blocked_copies(installation: Installation, count: int, channel: Channel | None = None) -> list[Message]:
    return [post(installation, picture(BLOCKED, 40 + number), channel) for number in range(count)]


async def listen(installation: Installation) -> None:
    """The bot runs until it has nothing to do, and stops."""
    async with installation.running() as app:
        await app.idle()


async def run_until_deleted(installation: Installation, *messages: Message) -> None:
    async with installation.running() as app:
        await installation.discordd.wait_for(lambda: all(message.deleted for message in messages))
        await app.idle()


def deletes(discordd: Discordd) -> list[str]:
    """The ids of deleted messages, as often as each was."""
    alone = [one.params["message_id"] for one in discordd.journal.of(DELETE_MESSAGE)]
    return sorted(alone + [id_ for one in discordd.journal.of(BULK_DELETE) for id_ in map(str, one.body["messages"])])


def only_once(discordd: Discordd, *messages: Message) -> bool:
    return deletes(discordd) == sorted(str(message.id) for message in messages)


async def sweeps(installation: Installation) -> list[Sweep]:
    store = await Store.open(installation.database_url, migrate=False)
    try:
        async with store.read() as tx:
            return await tx.sweeps.of_guild(installation.guild.id)
    finally:
        await store.close()


async def stretch_states(installation: Installation) -> dict[int, StretchState]:
    store = await Store.open(installation.database_url, migrate=False)
    try:
        async with store.read() as tx:
            (sweep,) = await tx.sweeps.of_guild(installation.guild.id)
            return {one.channel_id: one.state for one in await tx.sweeps.stretches(sweep.id)}
    finally:
        await store.close()


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await look():  # noqa: ASYNC110 - it may be another process that is waited for
            await asyncio.sleep(0.05)


async def forget_when(installation: Installation, ago: timedelta) -> None:
    """Make it so long ago that the bot listened: its marks become older."""
    store = await Store.open(installation.database_url, migrate=False)
    try:
        async with store.write() as tx:
            marks = await tx.watermarks.of_guild(installation.guild.id)
            await tx.watermarks.forget(installation.guild.id)
            before = first_id(datetime.now(UTC) - ago)
            await tx.watermarks.raise_to(installation.guild.id, {id_: min(mark, before) for id_, mark in marks.items()})
    finally:
        await store.close()


# --------------------------------------------------------------------------------------------------- away


async def test_posted_while_the_bot_was_stopped(
    discordd: Discordd, installation: Installation, harmless: bytes
) -> None:
    before = post(installation, harmless, age=LONG)
    await listen(installation)
    assert await installation.outcomes() == {}, "nothing is promised for what was posted before the bot came"
    bad = blocked_copies(installation, 2)
    fine = post(installation, harmless)
    await run_until_deleted(installation, *bad)
    assert await installation.outcomes() == {"remove": 2, "clear": 1}
    assert only_once(discordd, *bad)
    assert not fine.deleted
    assert not before.deleted
    (sweep,) = await sweeps(installation)
    assert (sweep.kind, sweep.state, sweep.requested_by) == (SweepKind.CATCH_UP, SweepState.DONE, None)
    counts = sweep.counts
    assert (counts.media, counts.removed, counts.clear, counts.scanned) == (3, 2, 1, 3)
    assert len(installation.cards()) == 1


async def test_nothing_is_read_when_nothing_is_missing(
    discordd: Discordd, installation: Installation, harmless: bytes
) -> None:
    world = discordd.world
    async with installation.running() as app:
        post(installation, harmless)
        bad = post(installation, picture(BLOCKED, 50))
        world.post(installation.fans, installation.fan, "no picture")
        await discordd.wait_for(lambda: bad.deleted and installation.cards())
        await app.idle()
        await app.marks.flush()
        discordd.gateway.invalidate()
        await discordd.wait_for(lambda: len(discordd.journal.events("GUILD_CREATE")) > 1)
        await app.idle()
    await listen(installation)
    assert discordd.journal.of(HISTORY) == []
    assert await sweeps(installation) == []


async def test_posted_during_an_invalid_session(discordd: Discordd, installation: Installation) -> None:
    async with installation.running() as app:
        first = post(installation, picture(BLOCKED, 40))
        await discordd.wait_for(lambda: first.deleted)
        await app.idle()
        gate = discordd.faults.hold("GET", "/gateway")  # the next session begins when the test says so
        discordd.gateway.invalidate()
        await gate.arrived.wait()
        missed = [post(installation, picture(BLOCKED, quality)) for quality in (50, 60)]
        gate.release()
        await discordd.wait_for(lambda: len(discordd.journal.events("READY")) == 2)
        live = post(installation, picture(BLOCKED, 70))
        await discordd.wait_for(lambda: all(one.deleted for one in (*missed, live)))
        await app.idle()
    assert not {one.id for one in missed} & discordd.journal.creates.keys()
    assert only_once(discordd, first, *missed, live)
    assert await installation.outcomes() == {"remove": 4}


async def test_more_than_one_page_the_newest_first(
    discordd: Discordd, installation: Installation, harmless: bytes
) -> None:
    await listen(installation)
    oldest = post(installation, picture(BLOCKED, 40))
    for _ in range(230):
        discordd.world.post(installation.fans, installation.fan, "words")
    newest = post(installation, picture(BLOCKED, 50))
    await run_until_deleted(installation, oldest, newest)
    assert len(discordd.journal.of(HISTORY, channel_id=installation.fans.id)) == 3
    order = [one.params["message_id"] for one in discordd.journal.of(DELETE_MESSAGE)]
    assert order == [str(newest.id), str(oldest.id)]
    assert (await sweeps(installation))[0].counts.messages == 232


# --------------------------------------------------------------------------------------------------- killed


async def test_killed_with_messages_in_memory_and_in_the_database(
    discordd: Discordd, install: Install, harmless: bytes
) -> None:
    installation = install(queue={"capacity": 3}, media={"fetch_concurrency": 2})
    await installation.set_up()
    await installation.block(picture(BLOCKED))
    processes = Processes(installation)
    try:
        media = discordd.faults.always("GET", MEDIA, Hold())
        process = await processes.start()
        bad = blocked_copies(installation, 12)
        await until(lambda: jobs_wait(installation, 7))
        await asyncio.sleep(3)  # marks are written meanwhile: they must stay below what is in memory alone
        await process.kill()
        discordd.faults.lift(media)
        missed = post(installation, picture(BLOCKED, 90))
        await processes.start()
        await discordd.wait_for(lambda: all(one.deleted for one in (*bad, missed)))
        await installation.settled()
    finally:
        processes.end()
    assert only_once(discordd, *bad, missed)
    assert await installation.outcomes() == {"remove": 13}


async def jobs_wait(installation: Installation, count: int) -> bool:
    store = await Store.open(installation.database_url, migrate=False)
    try:
        async with store.read() as tx:
            return await tx.jobs.count() >= count
    finally:
        await store.close()


@pytest.mark.parametrize("after", [False, True], ids=["before the page arrived", "with pictures under way"])
async def test_killed_in_the_middle_of_catching_up(
    discordd: Discordd, installation: Installation, processes: Processes, *, after: bool
) -> None:
    process = await processes.start()
    assert await process.stop() == 0
    missed = blocked_copies(installation, 5)
    where = MEDIA if after else f"/channels/{installation.fans.id}/messages"
    held = Hold()
    script = discordd.faults.always("GET", where, held)
    process = await processes.start()
    await held.arrived.wait()
    await process.kill()
    discordd.faults.lift(script)
    await processes.start()
    await discordd.wait_for(lambda: all(one.deleted for one in missed))
    await until(lambda: all_finished(installation))
    await installation.settled()
    assert only_once(discordd, *missed)
    assert await installation.outcomes() == {"remove": 5}
    (sweep,) = await sweeps(installation)
    assert sweep.counts.media == sweep.counts.removed == 5, "a page counts once, and so does each of its pictures"


async def all_finished(installation: Installation) -> bool:
    return all(one.finished_at is not None for one in await sweeps(installation))


# --------------------------------------------------------------------------------------------------- places


async def test_threads_that_are_active_new_or_were_archived_meanwhile(
    discordd: Discordd, installation: Installation, harmless: bytes
) -> None:
    world = discordd.world
    world.guilds[installation.guild.id].roles[
        list(installation.guild.roles)[1]
    ].permissions |= Permission.MANAGE_THREADS
    active = world.create_thread(installation.fans, "active", installation.fan)
    archived = world.create_thread(installation.fans, "goes to rest", installation.fan)
    private = world.create_thread(installation.fans, "closed", installation.fan, private=True)
    forum = world.create_channel(installation.guild, "topics", ChannelKind.FORUM)
    voice = world.create_channel(installation.guild, "stage talk", ChannelKind.VOICE)
    for thread in (active, archived, private):
        post(installation, harmless, thread)
    await listen(installation)
    await forget_when(installation, LONG)
    new = world.create_thread(installation.fans, "new", installation.fan)
    brief = world.create_thread(installation.fans, "came and went", installation.fan)
    topic = world.create_thread(forum, "a topic", installation.fan)
    places = (active, archived, private, new, brief, voice)
    missed = [post(installation, picture(BLOCKED, 40 + n), place) for n, place in enumerate(places)]
    missed.append(post(installation, picture(BLOCKED, 60), topic, id_=topic.id))
    for thread in (archived, private, brief):
        world.archive(thread)
    await run_until_deleted(installation, *missed)
    assert only_once(discordd, *missed)
    assert (await installation.outcomes())["remove"] == len(missed)


async def test_a_channel_that_may_not_be_read_holds_nothing_up(discordd: Discordd, installation: Installation) -> None:
    world = discordd.world
    closed = world.create_channel(installation.guild, "closed")
    silent = world.create_channel(installation.guild, "no history")
    me = installation.guild.members[world.me.id]
    world.overwrite(closed, me, deny=Permission.VIEW_CHANNEL)
    world.overwrite(silent, me, deny=Permission.READ_MESSAGE_HISTORY)
    await listen(installation)
    for channel in (closed, silent):
        post(installation, picture(BLOCKED, 40), channel)
    missed = post(installation, picture(BLOCKED, 50))
    await run_until_deleted(installation, missed)
    states = await stretch_states(installation)
    assert states[closed.id] == states[silent.id] == StretchState.UNREADABLE
    assert states[installation.fans.id] == StretchState.DONE
    read = {one.params["channel_id"] for one in discordd.journal.of(HISTORY)}
    assert not read & {str(closed.id), str(silent.id)}, "permissions are looked at first"


async def test_a_channel_that_is_deleted_before_it_is_read(discordd: Discordd, installation: Installation) -> None:
    await listen(installation)
    other = discordd.world.create_channel(installation.guild, "short-lived")
    post(installation, picture(BLOCKED, 40), other)
    missed = post(installation, picture(BLOCKED, 50))
    held = discordd.faults.hold("GET", f"/channels/{other.id}/messages")
    async with installation.running() as app:
        await held.arrived.wait()
        discordd.world.delete_channel(other)
        held.release()
        await discordd.wait_for(lambda: missed.deleted)
        await app.idle()
    assert (await stretch_states(installation))[other.id] == StretchState.GONE


async def test_a_page_with_messages_that_nobody_can_read(discordd: Discordd, installation: Installation) -> None:
    await listen(installation)
    missed = post(installation, picture(BLOCKED, 50))
    discordd.world.post(installation.fans, installation.fan, "broken")
    discordd.world.post(installation.fans, installation.fan, "strange")

    async def spoiled(request: web.Request, answer: Answer) -> web.StreamResponse:
        response = await answer()
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        page = json.loads(response.body)
        page[0] = {"id": "no id", "author": 7}
        page[1]["attachments"] = "not a list"
        return json_answer(page)

    discordd.faults.script("GET", f"/channels/{installation.fans.id}/messages", spoiled)
    await run_until_deleted(installation, missed)
    assert await installation.outcomes() == {"remove": 1, "unscannable:malformed": 1}
    assert (await stretch_states(installation))[installation.fans.id] == StretchState.DONE


# --------------------------------------------------------------------------------------------------- no answer


async def test_discord_gives_no_answer_at_first(
    discordd: Discordd, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.history.sweeper._FIRST_DELAY", 0.1)
    monkeypatch.setattr("bot.app.SWEEP_SECONDS", 0.1)
    await listen(installation)
    missed = post(installation, picture(BLOCKED, 50))
    path = f"/channels/{installation.fans.id}/messages"
    discordd.faults.script("GET", path, Failure(503), Failure(503))
    await run_until_deleted(installation, missed)
    assert len(discordd.journal.of(HISTORY, channel_id=installation.fans.id)) == 3


async def test_a_link_whose_picture_comes_while_the_bot_is_away(
    discordd: Discordd, installation: Installation, blocked: bytes
) -> None:
    async with installation.running() as app:
        message = discordd.world.post(installation.fans, installation.fan, "https://pictures.example/one.png")
        await discordd.wait_for(lambda: message.id in discordd.journal.creates)
        await app.idle()
    discordd.world.unfurl(message, discordd.world.link_embed(blocked))
    await run_until_deleted(installation, message)


# --------------------------------------------------------------------------------------------------- addresses


def expire(discordd: Discordd, message: Message) -> None:
    """What waits for the message holds an address that is refused by now; whoever asks again gets another."""
    (attachment,) = message.attachments
    data = discordd.cdn.bytes_of(attachment["url"])
    discordd.cdn.remove_attachment(message.channel.id, int(attachment["id"]))
    url, proxy_url = discordd.cdn.host_attachment(message.channel.id, int(attachment["id"]), "b.jpg", data)
    message.attachments = [attachment | {"url": url, "proxy_url": proxy_url}]


async def left_for_later(discordd: Discordd, install: Install, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A blocked and a harmless picture that wait in the database with addresses that hold no more."""
    installation = install(queue={"capacity": 1}, media={"fetch_concurrency": 1})
    await installation.set_up()
    await installation.block(picture(BLOCKED))
    with monkeypatch.context() as patch:
        patch.setattr("tests.discordd.cdn.SIGNED_FOR", -60)
        media = discordd.faults.always("GET", MEDIA, Hold())
        async with installation.running() as app:
            messages = [post(installation, picture(BLOCKED, 40 + n)) for n in range(4)]
            await until(lambda: jobs_wait(installation, 2))
            app.pipeline._backlog._spilled.clear()
        discordd.faults.lift(media)
    return installation, messages


async def test_expired_addresses_are_renewed(
    discordd: Discordd, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation, messages = await left_for_later(discordd, install, monkeypatch)
    gone, *rest = messages
    for message in rest:
        expire(discordd, message)
    discordd.world.delete(gone)
    await run_until_deleted(installation, *rest)
    assert await installation.outcomes() == {"remove": 3, "unscannable:gone": 1}
    assert only_once(discordd, *rest)


async def test_without_an_answer_an_expired_address_stays_a_job(
    discordd: Discordd, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation, messages = await left_for_later(discordd, install, monkeypatch)
    for message in messages:
        expire(discordd, message)
    refused = discordd.faults.always("GET", "/channels/*/messages/*", Failure(503))
    async with installation.running():
        await discordd.wait_for(lambda: refused.used == len(messages))
    assert await installation.outcomes() == {}
    discordd.faults.lift(refused)
    await run_until_deleted(installation, *messages)
    assert await installation.outcomes() == {"remove": 4}
