import asyncio
import sys
from datetime import timedelta

import pytest

from bot.store.engine import Store

from .samples import DAY, GUILD, MINUTE, NOW, OTHER_GUILD

TAKE = """
import asyncio, sys
from datetime import datetime, timedelta
from bot.store.engine import Store
async def main():
    now = datetime.fromisoformat(sys.argv[2])
    store = await Store.open(sys.argv[1], migrate=False)
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    sys.stdin.readline()
    taken = 0
    for number in range(20):
        async with store.write() as tx:
            if await tx.chores.take(number, "digest", now=now, not_since=now - timedelta(days=1)):
                await asyncio.sleep(0)
                taken += 1
    await store.close()
    print(taken)
asyncio.run(main())
"""


async def test_a_job_is_taken_once_in_its_time(store: Store):
    async with store.write() as tx:
        assert await tx.chores.last(GUILD, "digest") is None
        assert await tx.chores.take(GUILD, "digest", now=NOW, not_since=NOW - DAY)
        assert not await tx.chores.take(GUILD, "digest", now=NOW, not_since=NOW - DAY)
        assert await tx.chores.take(GUILD, "head", now=NOW, not_since=NOW - DAY)
        assert await tx.chores.take(OTHER_GUILD, "digest", now=NOW, not_since=NOW - DAY)
        assert await tx.chores.last(GUILD, "digest") == NOW


@pytest.mark.parametrize(("later", "taken"), [(DAY - timedelta(milliseconds=1), False), (DAY, True)])
async def test_it_is_due_again_when_its_time_has_passed(store: Store, later: timedelta, taken: bool):
    async with store.write() as tx:
        await tx.chores.take(GUILD, "digest", now=NOW, not_since=NOW - DAY)
    now = NOW + later
    async with store.write() as tx:
        assert await tx.chores.take(GUILD, "digest", now=now, not_since=now - DAY) is taken
        assert await tx.chores.last(GUILD, "digest") == (now if taken else NOW)


async def test_a_job_that_failed_is_as_it_was(store: Store):
    async def fail() -> None:
        async with store.write() as tx:
            assert await tx.chores.take(GUILD, "digest", now=NOW, not_since=NOW - DAY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.write() as tx:
        assert await tx.chores.take(GUILD, "digest", now=NOW + MINUTE, not_since=NOW - DAY)


async def test_of_many_that_take_a_job_at_once_one_has_it(store: Store):
    async def take() -> bool:
        async with store.write() as tx:
            return await tx.chores.take(GUILD, "digest", now=NOW, not_since=NOW - DAY)

    assert sum(await asyncio.gather(*(take() for _ in range(8)))) == 1


async def test_two_processes_do_each_job_once(database_url: str):
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            TAKE,
            database_url,
            NOW.isoformat(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    answers = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert sum(int(out) for out, _ in answers) == 20
