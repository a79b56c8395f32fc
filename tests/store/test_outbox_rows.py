import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.model import CallKind, CaseState
from bot.store import tables
from bot.store.engine import Store
from bot.store.outbox import ClaimedCall

from .samples import DAY, MINUTE, NOW, call, expire, open_case, put

LEASE = timedelta(seconds=60)
SECOND = timedelta(seconds=1)


async def claim(store: Store, *, now: datetime = NOW, owner: str = "a", limit: int = 100) -> list[ClaimedCall]:
    async with store.write() as tx:
        return await tx.outbox.claim(now=now, lease=LEASE, owner=owner, limit=limit)


def keys(claimed: list[ClaimedCall]) -> list[str]:
    return [one.call.key for one in claimed]


async def test_a_call_comes_back_whole(store: Store):
    written = call("one", lane="lane", kind=CallKind.POST_CARD, case_id=2**40)
    await put(store, written)
    assert await claim(store) == [ClaimedCall(id=1, call=written, attempts=1, uncertain=False)]


async def test_a_button_comes_back_whole(store: Store):
    button = {"label": "Appeal", "custom_id": "appeal:1"}
    written = replace(call("one"), payload={"user_id": 2**60, "button": button})
    await put(store, written)
    [claimed] = await claim(store)
    assert claimed.call == written


async def test_a_key_is_written_once_for_ever(store: Store):
    assert await put(store, call("one"), call("two"), call("one")) == 2
    assert await put(store, call("two"), call("three")) == 1
    assert await put(store) == 0
    for one in await claim(store):
        async with store.write() as tx:
            assert await tx.outbox.done(one.id, NOW)
    assert await put(store, call("one")) == 0
    assert await claim(store) == []


async def test_two_that_write_the_same_call_at_once_write_it_once(store: Store):
    written = await asyncio.gather(*(put(store, call("same"), call(f"own {number}")) for number in range(8)))
    assert sum(written) == 9


async def test_deletes_go_first_and_the_newest_of_them_then_the_longest_waiting(store: Store):
    await put(store, call("card", kind=CallKind.POST_CARD), call("note"))
    await put(store, call("late", kind=CallKind.DELETE_MESSAGE), call("later", kind=CallKind.DELETE_MESSAGE))
    assert keys(await claim(store, limit=3)) == ["later", "late", "card"]
    assert keys(await claim(store)) == ["note"]


async def test_a_lane_gives_out_one_call_after_the_other(store: Store):
    delete = call("third", lane="x", kind=CallKind.DELETE_MESSAGE)
    await put(store, call("first", lane="x"), call("second", lane="x"), call("other", lane="y"), delete)
    first, other = await claim(store)
    assert keys([first, other]) == ["first", "other"]
    assert await claim(store) == []
    async with store.write() as tx:
        await tx.outbox.done(first.id, NOW)
    [second] = await claim(store)
    async with store.write() as tx:
        await tx.outbox.give_up(second.id, at=NOW, error="Gone.")
    assert keys(await claim(store)) == ["third"]


async def test_a_call_that_waits_for_another_attempt_holds_up_its_lane_alone(store: Store):
    await put(store, call("first", lane="x"), call("second", lane="x"), call("other", lane="y"))
    first = (await claim(store, limit=1))[0]
    async with store.write() as tx:
        assert await tx.outbox.retry(first.id, at=NOW + MINUTE, error="Discord is away.")
    assert keys(await claim(store)) == ["other"]
    assert await claim(store, now=NOW + MINUTE - SECOND) == []
    again = await claim(store, now=NOW + MINUTE)
    assert ("first", 2, False) in [(one.call.key, one.attempts, one.uncertain) for one in again]


async def test_a_lease_that_ran_out_leaves_a_call_uncertain_until_it_is_finished(store: Store):
    await put(store, call("one"))
    assert [one.uncertain for one in await claim(store, owner="dead")] == [False]
    assert await claim(store, now=NOW + LEASE - SECOND) == []
    [again] = await claim(store, now=NOW + LEASE)
    assert (again.attempts, again.uncertain) == (2, True)
    async with store.write() as tx:
        await tx.outbox.retry(again.id, at=NOW + LEASE, error="Discord is away.")
    assert [one.uncertain for one in await claim(store, now=NOW + LEASE)] == [True]


async def test_a_failure_can_leave_a_call_uncertain(store: Store):
    await put(store, call("one"))
    [one] = await claim(store)
    async with store.write() as tx:
        await tx.outbox.retry(one.id, at=NOW, error="The connection broke.", uncertain=True)
    assert [again.uncertain for again in await claim(store)] == [True]


async def test_a_lease_can_be_renewed_by_its_owner_only(store: Store):
    await put(store, call("one"))
    [one] = await claim(store, owner="a")
    async with store.write() as tx:
        await tx.outbox.renew([one.id], owner="b", until=NOW + DAY)
    assert await claim(store, now=NOW + LEASE - SECOND) == []
    async with store.write() as tx:
        await tx.outbox.renew([one.id], owner="a", until=NOW + 2 * LEASE)
    assert await claim(store, now=NOW + LEASE) == []
    assert keys(await claim(store, now=NOW + 2 * LEASE, owner="b")) == ["one"]


async def test_who_lost_the_lease_cannot_give_the_call_back(store: Store):
    await put(store, call("one"))
    [one] = await claim(store, owner="slow")
    await claim(store, now=NOW + LEASE, owner="next")
    async with store.write() as tx:
        assert not await tx.outbox.retry(one.id, at=NOW, error="Late.", owner="slow")
        assert not await tx.outbox.give_up(one.id, at=NOW, error="Late.", owner="slow")
        assert await tx.outbox.pending() == 1
        assert await tx.outbox.done(one.id, NOW)
        assert not await tx.outbox.done(one.id, NOW)
        assert not await tx.outbox.retry(one.id, at=NOW, error="Late.", owner="next")
        assert await tx.outbox.pending() == 0


async def test_leases_can_be_ended_as_if_they_had_run_out(store: Store):
    await put(store, call("one"), call("two"))
    await claim(store, owner="a", limit=1)
    await claim(store, owner="b", limit=1)
    async with store.write() as tx:
        assert await tx.outbox.release(now=NOW, owner="a") == 1
    assert [(one.call.key, one.uncertain) for one in await claim(store, owner="c")] == [("one", True)]
    async with store.write() as tx:
        assert await tx.outbox.release(now=NOW) == 2
    assert [one.uncertain for one in await claim(store)] == [True, True]


async def test_next_due_looks_at_the_head_of_each_lane(store: Store):
    async with store.read() as tx:
        assert await tx.outbox.next_due() is None
    await put(store, call("first", lane="x"), call("blocked", lane="x"))
    async with store.read() as tx:
        assert await tx.outbox.next_due() == NOW
    [first] = await claim(store)
    async with store.read() as tx:
        assert await tx.outbox.next_due() == NOW + LEASE
    async with store.write() as tx:
        await tx.outbox.retry(first.id, at=NOW + MINUTE, error="Discord is away.")
        assert await tx.outbox.next_due() == NOW + MINUTE
    await put(store, call("other"), at=NOW + SECOND)
    async with store.read() as tx:
        assert await tx.outbox.next_due() == NOW + SECOND
        assert await tx.outbox.pending() == 3


async def test_a_drawing_waits_until_somebody_takes_it_up(store: Store):
    kinds = (CallKind.POST_CARD, CallKind.EDIT_CARD)
    await put(store, call("card", kind=CallKind.EDIT_CARD, case_id=1), call("note", case_id=2))
    async with store.read() as tx:
        assert await tx.outbox.waiting(1, kinds)
        assert not await tx.outbox.waiting(2, kinds)
    claimed = await claim(store)
    async with store.write() as tx:
        assert not await tx.outbox.waiting(1, kinds)
        for one in claimed:
            await tx.outbox.retry(one.id, at=NOW + MINUTE, error="Discord is away.")
        assert await tx.outbox.waiting(1, kinds)


async def test_a_drawing_that_somebody_relies_on_is_not_taken_up_meanwhile(store: Store):
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    await put(store, call("card", kind=CallKind.POST_CARD, case_id=1))
    async with store.write() as tx:
        assert await tx.outbox.waiting(1, [CallKind.POST_CARD])
        assert await asyncio.create_task(claim(store)) == []
    assert keys(await claim(store)) == ["card"]


async def test_a_late_commit_never_makes_two_calls_of_a_lane_run_at_once(store: Store):
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    async with store.write() as tx:
        await tx.outbox.put([call("earlier", lane="x")], NOW)
        await asyncio.create_task(put(store, call("later", lane="x")))
        [later] = await asyncio.create_task(claim(store))
    assert later.call.key == "later"
    assert await claim(store, owner="b") == []
    async with store.write() as tx:
        await tx.outbox.done(later.id, NOW)
    assert keys(await claim(store, owner="b")) == ["earlier"]


async def test_claims_at_once_never_give_out_a_call_twice(store: Store):
    await put(store, *(call(f"{number}", lane=f"lane {number % 20}") for number in range(60)))
    claims = await asyncio.gather(*(claim(store, owner=f"{number}", limit=7) for number in range(8)))
    lanes = [one.call.lane for claimed in claims for one in claimed]
    assert len(lanes) == len(set(lanes))
    assert sorted(keys([one for claimed in claims for one in claimed]), key=int) == [str(n) for n in range(len(lanes))]
    assert len(await claim(store, owner="rest")) == 20 - len(lanes)


async def test_only_finished_calls_are_forgotten(store: Store):
    await put(store, call("old"), call("young"), call("waiting"))
    old, young, _ = await claim(store)
    async with store.write() as tx:
        await tx.outbox.done(old.id, NOW - SECOND)
        await tx.outbox.give_up(young.id, at=NOW, error="Gone.")
        assert await expire(tx, tables.outbox, NOW) == 1
        assert await tx.outbox.pending() == 1
    assert await put(store, call("old"), call("young"), call("waiting")) == 1


async def test_the_calls_of_a_case_are_kept_as_long_as_the_case(store: Store):
    async with store.write() as tx:
        case = await open_case(tx)
    post = call("card", kind=CallKind.POST_CARD, case_id=case.id)
    await put(store, post, call("orphan", case_id=case.id + 1))
    async with store.write() as tx:
        for one in await tx.outbox.claim(now=NOW, lease=LEASE, owner="a", limit=2):
            await tx.outbox.done(one.id, NOW)
        assert await expire(tx, tables.outbox, NOW + DAY) == 1
    assert await put(store, post) == 0
    async with store.write() as tx:
        await tx.cases.compare_and_set(case.id, 1, state=CaseState.DECIDED, decided_at=NOW)
        await expire(tx, tables.cases, NOW + DAY)
        assert await expire(tx, tables.outbox, NOW + DAY) == 1


async def cancel(store: Store, key: str) -> bool:
    async with store.write() as tx:
        return await tx.outbox.cancel(key)


async def test_a_call_that_nobody_took_up_is_taken_back_and_can_be_written_again(store: Store):
    await put(store, call("one"), call("two"))
    assert await cancel(store, "one")
    assert not await cancel(store, "one")
    assert not await cancel(store, "never written")
    assert keys(await claim(store)) == ["two"]
    assert await put(store, call("one")) == 1
    assert keys(await claim(store)) == ["one"]


async def test_a_call_that_is_or_ever_was_in_somebodys_hands_is_not_taken_back(store: Store):
    await put(store, call("held"), call("retried"), call("done"), call("given up"))
    held = {one.call.key: one for one in await claim(store)}
    async with store.write() as tx:
        await tx.outbox.retry(held["retried"].id, at=NOW, error="Away.", uncertain=True)
        await tx.outbox.done(held["done"].id, NOW)
        await tx.outbox.give_up(held["given up"].id, at=NOW, error="Gone.")
    for key in held:
        assert not await cancel(store, key), key
    async with store.write() as tx:
        assert await tx.outbox.pending() == 2


async def test_a_call_that_is_just_being_claimed_is_not_waited_for(store: Store):
    """Either it is taken back and nobody carries it out, or it is not and somebody does; never both, never neither."""
    for number in range(10):
        await put(store, call(f"call {number}"))
        claimed, cancelled = await asyncio.gather(claim(store), cancel(store, f"call {number}"))
        assert (keys(claimed) == [f"call {number}"]) is not cancelled


async def test_taking_a_call_back_frees_its_lane(store: Store):
    await put(store, call("first", lane="x"), call("second", lane="x"))
    assert await cancel(store, "first")
    assert keys(await claim(store)) == ["second"]
