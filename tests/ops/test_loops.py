"""Jobs of the whole installation: of several processes on one database one does them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.ops.loops import Loops
from bot.store.engine import Store
from tests.conftest import VAULT


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def two(postgres_url: str, clock: Clock) -> AsyncIterator[tuple[Loops, Loops]]:
    stores = [await Store.open(postgres_url, VAULT) for _ in range(2)]
    yield Loops(stores[0], clock=clock), Loops(stores[1], clock=clock)
    for store in stores:
        await store.close()


async def test_a_job_of_all_is_done_once_in_its_time(two: tuple[Loops, Loops], clock: Clock) -> None:
    done: list[str] = []

    async def turn(number: int) -> None:
        async def work() -> None:
            done.append(f"{number}")

        await two[number].once("job", work, 3600)()

    await turn(0)
    await turn(1)
    clock.now += timedelta(minutes=50)
    await turn(1)
    assert done == ["0"]
    clock.now += timedelta(minutes=10)
    await turn(1)
    await turn(0)
    assert done == ["0", "1"]


@pytest.mark.parametrize("kind", ["once", "alone"])
async def test_while_one_is_at_it_the_other_does_nothing(two: tuple[Loops, Loops], kind: str) -> None:
    done: list[str] = []

    async def inner() -> None:
        done.append("twice")

    async def work() -> None:
        done.append("once")
        await (two[1].once("job", inner, 3600) if kind == "once" else two[1].alone("job", inner))()

    await (two[0].once("job", work, 3600) if kind == "once" else two[0].alone("job", work))()
    assert done == ["once"]


async def test_a_job_that_failed_is_done_by_the_next(two: tuple[Loops, Loops]) -> None:
    done: list[str] = []

    async def fail() -> None:
        raise ZeroDivisionError

    async def work() -> None:
        done.append("done")

    with pytest.raises(ZeroDivisionError):
        await two[0].once("job", fail, 3600)()
    await two[1].once("job", work, 3600)()
    assert done == ["done"]


async def test_a_process_alone_on_its_file_does_it_whenever_it_is_asked(sqlite_url: str, clock: Clock) -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("done")

    store = await Store.open(sqlite_url, VAULT)
    loops = Loops(store, clock=clock)
    for _ in range(2):
        await loops.once("job", work, 3600)()
    await store.close()
    assert done == ["done", "done"]
