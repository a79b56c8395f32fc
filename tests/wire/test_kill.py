"""The bot's process is killed at every step of a post, and started again: nothing is lost, nothing is seen twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.discordd import DELETE_MESSAGE, Discordd, Message

from .installation import BotProcess, Installation

DELETES = "/channels/*/messages/*"


class Processes:
    """Starts the bot's process again and again; the last of them ends with the test. ``gated``: with :class:`Gates`."""

    def __init__(self, installation: Installation, *, gated: bool = False) -> None:
        self._installation = installation
        self._gated = gated
        self._started: list[BotProcess] = []

    async def start(self) -> BotProcess:
        process = self._installation.gated_process() if self._gated else self._installation.process()
        self._started.append(process)
        await process.connected()
        return process

    def end(self) -> None:
        for process in self._started:
            process.end()


@pytest.fixture
def processes(installation: Installation) -> Iterator[Processes]:
    started = Processes(installation)
    yield started
    started.end()


async def settled(discordd: Discordd, installation: Installation, message: Message) -> None:
    await discordd.wait_for(lambda: message.deleted and installation.cards(), within=60)
    await installation.settled()
    assert len([one for one in discordd.journal.of(DELETE_MESSAGE) if one.effect == 204]) == 1
    assert len(installation.cards()) == 1
    (sighting,) = await installation.sightings(message)
    assert sighting.deleted_at is not None


@pytest.mark.parametrize(
    ("deleted", "posted", "remembers"),
    [
        pytest.param(False, False, True, id="before both"),
        pytest.param(True, False, True, id="after the delete"),
        pytest.param(False, True, False, id="after the card, its nonce forgotten"),
        pytest.param(True, True, False, id="after both, the nonce forgotten"),
        pytest.param(True, True, True, id="after both, the nonce remembered"),
    ],
)
async def test_killed_in_the_middle_of_a_post(
    discordd: Discordd,
    installation: Installation,
    processes: Processes,
    blocked: bytes,
    *,
    deleted: bool,
    posted: bool,
    remembers: bool,
) -> None:
    discordd.messages.enforces_nonces = remembers
    delete = discordd.faults.hold("DELETE", DELETES, after=deleted)
    card = discordd.faults.hold("POST", f"/channels/{installation.review.id}/messages", after=posted)
    process = await processes.start()
    message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
    await discordd.wait_for(lambda: delete.arrived.is_set() and card.arrived.is_set())
    await process.kill()
    delete.drop()
    card.drop()
    assert (message.deleted, len(installation.cards())) == (deleted, int(posted))
    await processes.start()
    await settled(discordd, installation, message)


async def test_killed_after_everything_changes_nothing(
    discordd: Discordd, installation: Installation, processes: Processes, blocked: bytes
) -> None:
    process = await processes.start()
    message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
    await settled(discordd, installation, message)
    before = len(discordd.journal.requests)
    await process.kill()
    await processes.start()
    await settled(discordd, installation, message)
    again = discordd.journal.requests[before:]
    sent = [one for one in again if one.method != "GET"]
    assert not [one for one in sent if one.method in ("DELETE", "PATCH") or one.path.endswith("/messages")]


async def test_a_terminated_bot_finishes_what_is_under_way(
    discordd: Discordd, installation: Installation, processes: Processes, blocked: bytes
) -> None:
    held = discordd.faults.hold("GET", "/*/attachments/**")
    process = await processes.start()
    message = discordd.world.post(installation.fans, installation.fan, attachments=[("a.jpg", blocked)])
    await held.arrived.wait()
    stopping = asyncio.create_task(process.stop())
    held.release()
    assert await stopping == 0
    assert message.deleted
    await processes.start()
    await settled(discordd, installation, message)
