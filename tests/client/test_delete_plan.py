"""What goes out together and what alone, for any pending deletes and any state of the limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.client.delete_plan import BULK_SECONDS, FROM, LIMITS, MOST, OLD_SECONDS, Batches, Lane, Waiting, plan

AGES = st.one_of(st.floats(-5, 20), st.floats(0, OLD_SECONDS * 1.1), st.floats(BULK_SECONDS - 5, OLD_SECONDS + 5))
WAITING = st.lists(st.builds(Waiting, st.integers(1, 400), AGES, st.booleans()), max_size=250)
FREE = st.fixed_dictionaries({lane: st.integers(0, limit) for lane, (limit, _) in LIMITS.items()})
ALL_FREE = {lane: limit for lane, (limit, _) in LIMITS.items()}


def waiting(count: int, age: float = 1.0, *, start: int = 1) -> list[Waiting]:
    return [Waiting(start + number, age + number / 1000) for number in range(count)]


def simulate(pending: list[Waiting]) -> list[Batches]:
    """Every round until nothing is left, each with all lanes free again."""
    rounds: list[Batches] = []
    left = {one.message_id: one for one in pending}
    while left:
        batches = plan(list(left.values()), ALL_FREE)
        gone = {*batches.singles, *batches.together}
        assert gone, "something always goes when everything is free"
        rounds.append(batches)
        left = {id_: one for id_, one in left.items() if id_ not in gone}
    return rounds


@given(WAITING, FREE)
def test_whatever_waits_the_limits_and_the_rules_of_bulk_deletes_are_kept(pending, free):
    known = {one.message_id: one for one in pending}  # of two deletes of a message the later one counts
    batches = plan(pending, free)
    sent = [*batches.singles, *batches.together]
    assert len(sent) == len(set(sent)), "no id goes twice"
    assert set(sent) <= set(known)
    for lane in (Lane.FRESH, Lane.RECENT, Lane.OLD):
        assert sum(known[id_].lane is lane for id_ in batches.singles) <= free[lane]
    if batches.together:
        assert free[Lane.BULK] > 0
        assert 2 <= len(batches.together) <= MOST
        assert all(not known[id_].alone and known[id_].age < BULK_SECONDS for id_ in batches.together)


@given(WAITING, FREE)
def test_nothing_waits_for_which_there_is_room(pending, free):
    known = {one.message_id: one for one in pending}
    batches = plan(pending, free)
    left = [known[id_] for id_ in known if id_ not in {*batches.singles, *batches.together}]
    used = {lane: sum(known[id_].lane is lane for id_ in batches.singles) for lane in Lane}
    for one in left:
        assert used[one.lane] == free[one.lane]
    if free[Lane.BULK] and not batches.together:
        assert sum(not one.alone and one.age < BULK_SECONDS for one in left) < 2


@given(WAITING, FREE)
def test_the_youngest_of_those_that_may_go_together_go_first(pending, free):
    known = {one.message_id: one for one in pending}
    batches = plan(pending, free)
    for id_ in known.keys() - {*batches.singles, *batches.together}:
        one = known[id_]
        younger = [known[other].age for other in batches.together]
        if not one.alone and one.age < BULK_SECONDS:
            assert all(age <= one.age for age in younger)


@given(WAITING)
def test_everything_goes_in_the_end(pending):
    rounds = simulate(pending)
    assert sorted(id_ for batches in rounds for id_ in (*batches.singles, *batches.together)) == sorted(
        {one.message_id for one in pending}
    )


def test_two_fresh_ones_go_alone_at_once():
    assert plan(waiting(2), ALL_FREE) == Batches(singles=(1, 2))


def test_from_four_on_they_go_together():
    assert plan(waiting(FROM - 1), ALL_FREE).together == ()
    assert plan(waiting(FROM), ALL_FREE) == Batches(together=(1, 2, 3, 4))


def test_what_would_have_to_wait_goes_together():
    busy = {**ALL_FREE, Lane.FRESH: 1}
    assert plan(waiting(2), busy) == Batches(together=(1, 2))


def test_one_that_has_to_wait_does_not_go_together_with_itself():
    assert plan(waiting(1), {**ALL_FREE, Lane.FRESH: 0}) == Batches()


def test_while_no_bulk_delete_is_free_the_single_lanes_are_used():
    busy = {**ALL_FREE, Lane.BULK: 0}
    pending = waiting(10) + waiting(10, age=60, start=101)
    assert plan(pending, busy) == Batches(singles=(1, 2, 3, 4, 5, 101, 102, 103))


def test_what_does_not_fit_into_the_first_hundred_uses_the_single_lanes():
    batches = plan(waiting(110), ALL_FREE)
    assert len(batches.together) == MOST
    assert batches.singles == (101, 102, 103, 104, 105)


def test_two_weeks_have_a_margin():
    assert plan(waiting(6, age=OLD_SECONDS - 60), ALL_FREE).together == ()
    assert len(simulate(waiting(6, age=OLD_SECONDS - 60))) == 2
    assert plan(waiting(40, age=OLD_SECONDS + 60), ALL_FREE).singles == tuple(range(1, 31))


def test_a_hundred_fresh_ones_take_one_round():
    assert len(simulate(waiting(100))) == 1
