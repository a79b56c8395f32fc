"""What servers share is given out in turn, and never twice."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.turns import Turns

REQUESTS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 12), st.booleans()), max_size=40)


@given(REQUESTS, st.integers(1, 10), st.integers(0, 2), st.sets(st.integers(0, 39)))
def test_never_more_is_held_than_there_is_and_everybody_is_served(requests, units, spare, cancelled):
    """``cancelled``: requests that are given up while they wait."""

    async def run() -> None:
        turns = Turns(units, spare=spare)
        held: Counter[int] = Counter()
        served = 0

        async def use(key: int, wanted: int, ahead: bool) -> None:
            nonlocal served
            taken = await turns.take(key, wanted, ahead=ahead)
            assert taken == min(wanted, units)
            held[key] += taken
            try:
                assert held.total() <= units + spare
                assert held[key] <= units
                await asyncio.sleep(0)
                served += 1
            finally:
                held[key] -= taken
                turns.give(key, taken)

        tasks = [asyncio.create_task(use(*one)) for one in requests]
        await asyncio.sleep(0)
        given_up = [task for number, task in enumerate(tasks) if number in cancelled and task.cancel()]
        await asyncio.gather(*tasks, return_exceptions=True)
        assert served == len(tasks) - sum(task.cancelled() for task in given_up)
        assert not [task for task in tasks if not task.cancelled() and task.exception()]
        assert turns.free == units + spare

    asyncio.run(run())


async def test_keys_that_wait_have_turns():
    turns = Turns(1)
    await turns.take("loud")
    order: list[str] = []

    async def use(key: str) -> None:
        async with turns.hold(key):
            order.append(key)

    waiting = [asyncio.create_task(use(key)) for key in ("loud", "loud", "loud", "quiet")]
    await asyncio.sleep(0)
    turns.give("loud", 1)
    await asyncio.gather(*waiting)
    assert order == ["loud", "quiet", "loud", "loud"]


async def test_who_goes_ahead_has_turns_too_and_keeps_nobody_out():
    turns = Turns(1)
    await turns.take("other")
    order: list[str] = []

    async def use(key: str, *, ahead: bool) -> None:
        taken = await turns.take(key, ahead=ahead)
        order.append(key)
        await asyncio.sleep(0)
        turns.give(key, taken)

    waiting = [asyncio.create_task(use(key, ahead=False)) for key in ("slow", "slow")]
    waiting += [asyncio.create_task(use(key, ahead=True)) for key in ("loud", "loud", "loud", "loud", "loud", "quiet")]
    await asyncio.sleep(0)
    turns.give("other", 1)
    await asyncio.gather(*waiting)
    assert order == ["loud", "quiet", "loud", "slow", "loud", "loud", "loud", "slow"]


async def test_a_spare_place_is_not_for_who_holds_any():
    turns = Turns(2, spare=1)
    await turns.take("loud")
    await turns.take("loud")
    third = asyncio.create_task(turns.take("loud"))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        assert await turns.take("quiet") == 1
    turns.give("loud", 1)
    await asyncio.sleep(0)
    assert not third.done()  # nothing new begins beside who has the spare place
    turns.give("quiet", 1)
    assert await third == 1


async def test_many_quiet_ones_do_not_keep_a_loud_one_out():
    turns = Turns(1, spare=1)
    await turns.take("loud")
    order: list[str] = []

    async def use(key: str) -> None:
        async with turns.hold(key):
            order.append(key)
            await asyncio.sleep(0)

    waiting = [asyncio.create_task(use(key)) for key in ("loud", *(f"quiet {number}" for number in range(20)))]
    await asyncio.sleep(0)
    turns.give("loud", 1)
    await asyncio.gather(*waiting)
    assert order.index("loud") <= 2


async def test_it_is_told_whether_a_key_has_nothing_else():
    turns = Turns(2, spare=1)
    told: list[tuple[str, bool]] = []

    async def use(key: str) -> None:
        async with turns.hold(key) as only:
            told.append((key, only))
            await asyncio.sleep(0)

    await asyncio.gather(*(use(key) for key in ("loud", "loud", "loud", "loud", "quiet")))
    assert ("quiet", True) in told
    assert [only for key, only in told if key == "loud"] == [True, False, False, False]


async def test_what_turned_out_larger_is_paid_off_first():
    turns = Turns(10)
    taken = await turns.take("a", 2)
    taken = turns.settle("a", taken, 9)
    assert turns.free == 1
    waiting = asyncio.create_task(turns.take("b", 2))
    await asyncio.sleep(0)
    assert not waiting.done()
    turns.give("a", taken)
    assert await waiting == 2
