"""Work on the same thing that several want is done once."""

from __future__ import annotations

import asyncio

import pytest

from bot.media.errors import MediaError
from bot.media.flights import Flights
from bot.model import Unscannable


def flights() -> Flights[str, int]:
    return Flights(lambda error: error.reason is Unscannable.BROKEN)


class Work:
    """Something that takes until it is let go, and then fails as often as asked."""

    def __init__(self, *failures: Unscannable) -> None:
        self.done = 0
        self.go = asyncio.Event()
        self._failures = list(failures)

    async def __call__(self) -> int:
        self.done += 1
        await self.go.wait()
        if self._failures:
            raise MediaError(self._failures.pop(0))
        return 7


async def shared(work: Work, number: int) -> list[tuple[int, bool] | BaseException]:
    flying = flights()
    tasks = [asyncio.create_task(flying.share("a", work)) for _ in range(number)]
    await asyncio.sleep(0)
    work.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert "a" not in flying
    return results


async def test_what_several_want_at_the_same_time_is_done_once():
    work = Work()
    assert await shared(work, 4) == [(7, False), *[(7, True)] * 3]
    assert work.done == 1


async def test_a_failure_of_the_thing_itself_fails_for_all():
    work = Work(Unscannable.BROKEN)
    assert [type(one) for one in await shared(work, 3)] == [MediaError] * 3
    assert work.done == 1


async def test_a_failure_that_may_pass_is_nobody_elses():
    work = Work(Unscannable.WORKER_DIED)
    first, *others = await shared(work, 3)
    assert isinstance(first, MediaError)
    assert others == [(7, False)] * 2
    assert work.done == 3


@pytest.mark.parametrize("who", [0, 1])
async def test_who_stops_waiting_does_not_stop_the_others(who):
    work, flying = Work(), flights()
    tasks = [asyncio.create_task(flying.share("a", work)) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[who].cancel()
    await asyncio.sleep(0)
    work.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in results] == [number == who for number in range(3)]
