"""Breakers by a clock of the test's own."""

from __future__ import annotations

import pytest

from bot.client.breakers import AGAIN, FIRST_PAUSE, LONGEST_PAUSE, PROBE_SECONDS, Breakers, Need
from bot.outbox import CallError

GUILD, CHANNEL, OTHER = 1, 2, 3
SENTENCE = "The bot lacks the permission Manage Messages in <#2>."


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breakers(clock: Clock) -> Breakers:
    return Breakers(clock)


def refuse(breakers: Breakers, *, expected: bool = True, channel_id: int = CHANNEL) -> None:
    breakers.refused(GUILD, channel_id, Need.DELETE, SENTENCE, expected=expected)


def refusal(breakers: Breakers) -> CallError | None:
    try:
        breakers.check(CHANNEL, Need.DELETE)
    except CallError as error:
        return error
    return None


def test_after_a_refusal_others_hear_the_same_without_asking(breakers: Breakers):
    assert refusal(breakers) is None
    refuse(breakers)
    error = refusal(breakers)
    assert error is not None
    assert (error.sentence, error.permanent) == (SENTENCE, True)
    breakers.check(OTHER, Need.DELETE)
    breakers.check(CHANNEL, Need.WRITE)
    assert breakers.open == 1


def test_after_the_pause_one_asks_and_the_others_wait(breakers: Breakers, clock: Clock):
    refuse(breakers)
    clock.now += FIRST_PAUSE
    assert refusal(breakers) is None
    error = refusal(breakers)
    assert error is not None
    assert (error.permanent, error.retry_after) == (False, AGAIN)
    assert breakers.succeeded(CHANNEL, Need.DELETE)
    assert refusal(breakers) is None
    assert not breakers.succeeded(CHANNEL, Need.DELETE)
    assert breakers.open == 0


def test_one_whose_end_is_never_known_is_not_waited_for_for_ever(breakers: Breakers, clock: Clock):
    refuse(breakers)
    clock.now += FIRST_PAUSE
    assert refusal(breakers) is None
    clock.now += PROBE_SECONDS
    assert refusal(breakers) is None


def test_the_pause_grows_with_each_answer_and_not_with_those_that_were_under_way(breakers: Breakers, clock: Clock):
    pauses: list[float] = []
    for _ in range(10):
        for _ in range(40):
            refuse(breakers)
        start = clock.now
        while (error := refusal(breakers)) is not None and error.permanent:
            clock.now += FIRST_PAUSE / 2
        pauses.append(clock.now - start)
    assert pauses[:4] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE


def test_a_change_of_permissions_ends_it_where_nothing_is_lacking(breakers: Breakers):
    refuse(breakers)
    refuse(breakers, channel_id=OTHER)
    assert breakers.permissions_changed(GUILD + 1, lambda *_: False) == set()
    ended = breakers.permissions_changed(GUILD, lambda channel_id, _: channel_id == OTHER)
    assert ended == {(CHANNEL, Need.DELETE)}
    assert refusal(breakers) is None
    assert breakers.is_open(OTHER, Need.DELETE)


def test_what_no_permission_explains_is_asked_once_after_a_change_and_then_left_to_the_pause(
    breakers: Breakers, clock: Clock
):
    refuse(breakers, expected=False)
    assert breakers.permissions_changed(GUILD, lambda *_: False)
    assert refusal(breakers) is None
    refuse(breakers, expected=False)
    assert not breakers.permissions_changed(GUILD, lambda *_: False)
    assert refusal(breakers) is not None
    clock.now += 2 * FIRST_PAUSE
    assert refusal(breakers) is None
