"""A picture that comes into an old message is found, and found once, also if the bot is killed before it is scanned.

The mark of the channel has passed such a message, so that nobody reads it again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.store.engine import Store
from tests.discordd import DELETE_MESSAGE, Discordd, Message

from .conftest import BLOCKED, HARMLESS, Install, picture
from .installation import Installation
from .steps import Gates, Step
from .test_catch_up import HISTORY, jobs_wait, only_once, post, until
from .test_kill import Processes


@pytest.fixture
async def installation(install: Install) -> Installation:
    made = install(media={"fetch_concurrency": 2})
    await made.set_up()
    await made.block(picture(BLOCKED))
    return made


@pytest.fixture
async def processes(installation: Installation) -> AsyncIterator[Processes]:
    started = Processes(installation, gated=True)
    yield started
    started.end()


async def mark_is_at(installation: Installation, message: Message) -> bool:
    store = await Store.open(installation.database_url, migrate=False)
    try:
        async with store.read() as tx:
            marks = await tx.watermarks.of_guild(installation.guild.id)
    finally:
        await store.close()
    return marks.get(message.channel.id, 0) >= message.id


async def no_jobs(installation: Installation) -> bool:
    return not await jobs_wait(installation, 1)


def edit(discordd: Discordd, message: Message) -> None:
    discordd.world.edit(message, attachments=[("b.jpg", picture(BLOCKED, 80))])


def unfurl(discordd: Discordd, message: Message) -> None:
    discordd.world.unfurl(message, discordd.world.link_embed(picture(BLOCKED, 80)))


@pytest.mark.parametrize("change", [edit, unfurl], ids=["an edit", "a late embed"])
@pytest.mark.parametrize("step", [Step.QUEUED, Step.FETCHING, Step.DECODING, Step.WRITING])
async def test_killed_with_a_change_under_way(
    discordd: Discordd, installation: Installation, processes: Processes, change, step: Step
) -> None:
    gates = Gates(installation.folder / "gates")
    process = await processes.start()
    message = post(installation, picture(HARMLESS))
    await until(lambda: mark_is_at(installation, message))
    others: list[Message] = []
    if step is Step.QUEUED:  # both workers have something else to do, in another channel
        gates.shut(Step.FETCHING)
        others = [post(installation, picture(HARMLESS, 70 + n), installation.review) for n in range(2)]
        await gates.reached(Step.FETCHING)
    else:
        gates.shut(step)
    change(discordd, message)
    await until(lambda: jobs_wait(installation, 1))
    if step is not Step.QUEUED:
        await gates.reached(step)
    await process.kill()
    gates.open()
    await processes.start()
    await discordd.wait_for(lambda: message.deleted and installation.cards(), within=60)
    await until(lambda: no_jobs(installation))
    await installation.settled()
    assert only_once(discordd, message)
    assert len(installation.cards()) == 1
    read = {one.params["channel_id"] for one in discordd.journal.of(HISTORY)}
    assert str(installation.fans.id) not in read, "there is nothing in the channel that is newer than its mark"
    await until(lambda: has_outcomes(installation, {"clear": 1 + len(others), "remove": 1}))


async def has_outcomes(installation: Installation, expected: dict[str, int]) -> bool:
    return await installation.outcomes() == expected


async def test_killed_after_a_change_was_dealt_with(
    discordd: Discordd, installation: Installation, processes: Processes
) -> None:
    process = await processes.start()
    message = post(installation, picture(HARMLESS))
    await until(lambda: mark_is_at(installation, message))
    edit(discordd, message)
    await discordd.wait_for(lambda: message.deleted and installation.cards(), within=60)
    await until(lambda: no_jobs(installation))
    await installation.settled()
    before = len(discordd.journal.requests)
    await process.kill()
    await processes.start()
    later = post(installation, picture(HARMLESS, 70))
    await until(lambda: has_outcomes(installation, {"clear": 2, "remove": 1}))
    again = discordd.journal.requests[before:]
    address = f"/attachments/{installation.fans.id}/"
    fetched = [one.path for one in again if address in one.path]
    assert [path for path in fetched if str(later.attachments[0]["id"]) not in path] == []
    assert not [one for one in discordd.journal.of(DELETE_MESSAGE) if one in again]


async def test_a_link_that_unfurls_at_once_needs_no_job(discordd: Discordd, installation: Installation) -> None:
    async with installation.running() as app:
        written: list[int] = []
        write_first = app.pipeline._backlog.write_first

        def noted(message, media, arrival) -> bool:
            written.append(message.message_id)
            return write_first(message, media, arrival)

        app.pipeline._backlog.write_first = noted
        link = discordd.world.post(installation.fans, installation.fan, "https://pictures.example/one.png")
        await discordd.wait_for(lambda: link.id in discordd.journal.creates)
        unfurl(discordd, link)
        await discordd.wait_for(lambda: link.deleted)
        await app.idle()
        assert written == []
