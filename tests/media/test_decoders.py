"""The decoders of a bot: a picture that goes ahead does not wait for those of others."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from bot.media import pool as pools
from bot.media import worker
from bot.media.decoders import Decoders
from bot.media.errors import MediaError
from bot.model import Passing
from bot.settings import MediaSettings

from . import hostile
from .looks import nearest
from .pictures import encoded, picture
from .test_sandbox import decoders as processes
from .test_sandbox import wait_until_gone

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits and signals of POSIX")

SETTINGS = MediaSettings(workers=2, decode_seconds=60)
SEED = 4
DATA = encoded(picture(SEED))


@pytest.fixture
async def decoders(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Decoders]:
    """Running decoders that obey the words of :mod:`tests.media.hostile`."""
    monkeypatch.setattr(worker, "run", hostile.run)
    decoders = Decoders(SETTINGS, restarted=lambda: None)
    await decoders.start()
    yield decoders
    await decoders.stop(within=0)


async def hang(decoders: Decoders, *, ahead: bool) -> asyncio.Task[object]:
    """A file that keeps the process busy that it is given to."""
    task: asyncio.Task[object] = asyncio.create_task(decoders.query(hostile.HANG, ahead=ahead))
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.sleep(0)
    return task


def niceness() -> dict[int, int]:
    """By how much others come before each process, as far as it has set that by now."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    return {pid: os.getpriority(os.PRIO_PROCESS, pid) - own for pid in processes()}


async def decoded(decoders: Decoders, *, ahead: bool) -> bool:
    """Whether a picture comes back as what it shows."""
    query = await decoders.query(DATA, ahead=ahead)
    return nearest(query.fingerprint, picture(SEED)) <= 4


async def test_one_process_more_than_the_settings_say_comes_before_the_others(decoders: Decoders) -> None:
    assert await decoded(decoders, ahead=True)
    assert await decoded(decoders, ahead=False)
    while sorted(niceness().values()) != [0, worker.NICENESS, worker.NICENESS]:  # noqa: ASYNC110 - of other processes
        await asyncio.sleep(0.01)


async def test_a_picture_that_goes_ahead_does_not_wait_for_the_others(decoders: Decoders) -> None:
    hanging = [await hang(decoders, ahead=False) for _ in range(2)]
    assert await decoded(decoders, ahead=True)
    assert not any(task.done() for task in hanging)


async def test_the_one_helps_out_where_the_many_are_busy(decoders: Decoders) -> None:
    hanging = [await hang(decoders, ahead=False) for _ in range(2)]
    assert await decoded(decoders, ahead=False)
    assert not any(task.done() for task in hanging)


async def test_what_goes_ahead_while_the_one_is_busy_goes_to_the_many(decoders: Decoders) -> None:
    hanging = await hang(decoders, ahead=True)
    assert await decoded(decoders, ahead=True)
    assert not hanging.done()


async def test_without_the_one_the_many_decode_what_goes_ahead(
    decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = pools.create

    def refuse(workers: int, *rest: int) -> object:
        if workers == 1:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return create(workers, *rest)

    monkeypatch.setattr(pools, "create", refuse)
    while (kinds := Counter(niceness().values()))[0] != 1:  # noqa: ASYNC110 - of other processes
        await asyncio.sleep(0.01)
    assert kinds.total() == 3
    (ahead,) = (pid for pid, nice in niceness().items() if nice == 0)
    os.kill(ahead, signal.SIGKILL)
    await asyncio.to_thread(wait_until_gone, {ahead})
    assert await decoded(decoders, ahead=True)
    assert await decoded(decoders, ahead=True)
    assert decoders.failing_since is None
    assert await decoders.answers()


async def test_without_any_process_nothing_is_decoded(decoders: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> object:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(pools, "create", refuse)
    for pid in processes():
        os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(wait_until_gone, processes())
    for ahead in (True, False):
        with pytest.raises(MediaError) as caught:
            await decoders.query(DATA, ahead=ahead)
        assert caught.value.passing is Passing.BLIND
    assert decoders.failing_since is not None
