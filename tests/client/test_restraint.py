"""What Discord counts for a whole address, by a clock of the test's own."""

from __future__ import annotations

import discord
import pytest
from structlog.testing import capture_logs

from bot.client import restraint as module
from bot.client.restraint import LONGEST_WAIT, PAUSE_FROM, SLOW_FROM, SPACING, WINDOW, Restraint

VIA = {"Via": "1.1 google"}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sleeping moves it."""
    made = Clock()

    async def sleep(seconds: float) -> None:
        made.now += seconds

    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    return made


@pytest.fixture
def restraint(clock: Clock) -> Restraint:
    return Restraint(clock)


async def waited(restraint: Restraint, clock: Clock, *, urgent: bool = False) -> float:
    """How long a request waits; one that is sent back comes again when it is told."""
    before = clock.now
    while True:
        try:
            await restraint.admit(urgent=urgent)
        except discord.RateLimited as error:
            clock.now += error.retry_after
        else:
            return clock.now - before


@pytest.mark.parametrize(
    ("status", "headers", "counts"),
    [
        (401, VIA, True),
        (403, VIA, True),
        (429, VIA | {"X-RateLimit-Scope": "user"}, True),
        (429, VIA | {"X-RateLimit-Scope": "global"}, True),
        (429, VIA | {"X-RateLimit-Scope": "shared"}, False),
        (429, {}, True),
        (404, VIA, False),
        (204, VIA, False),
        (503, VIA, False),
    ],
)
def test_what_counts_as_invalid(restraint: Restraint, status: int, headers: dict[str, str], counts: bool):
    restraint.answered(status, headers)
    assert restraint.invalid == counts


def test_the_window_slides(restraint: Restraint, clock: Clock):
    for _ in range(10):
        restraint.answered(403, VIA)
        clock.now += WINDOW / 10
    assert restraint.invalid == 9
    clock.now += WINDOW
    assert restraint.invalid == 0


async def test_past_a_share_all_but_deletes_go_slowly(restraint: Restraint, clock: Clock):
    with capture_logs() as logs:
        for _ in range(SLOW_FROM + 100):
            restraint.answered(403, VIA)
    assert [line["event"] for line in logs] == ["discord.slowed"]
    assert await waited(restraint, clock) == 0
    assert await waited(restraint, clock) == pytest.approx(SPACING)
    assert await waited(restraint, clock, urgent=True) == 0
    clock.now += WINDOW
    assert [await waited(restraint, clock) for _ in range(3)] == [0, 0, 0]


async def test_far_past_it_nothing_is_asked_until_the_window_is_empty(restraint: Restraint, clock: Clock):
    with capture_logs() as logs:
        for _ in range(PAUSE_FROM + 40):
            restraint.answered(403, VIA)
    assert [line["event"] for line in logs] == ["discord.slowed", "discord.paused"]
    assert await waited(restraint, clock, urgent=True) == pytest.approx(WINDOW)
    assert restraint.invalid == 0
    assert await waited(restraint, clock, urgent=True) == 0


async def test_refusals_without_end_stay_far_below_what_discord_bans_for(restraint: Restraint, clock: Clock):
    asked: list[float] = []
    end = clock.now + 3 * WINDOW
    while clock.now < end:
        try:
            await restraint.admit(urgent=True)
        except discord.RateLimited as error:
            clock.now += error.retry_after
            continue
        asked.append(clock.now)
        restraint.answered(403, VIA)
        clock.now += 0.02
    for at in asked[::50]:
        assert sum(at <= one < at + WINDOW for one in asked) <= PAUSE_FROM


@pytest.mark.parametrize("header", [{"X-RateLimit-Scope": "global"}, {"X-RateLimit-Global": "true"}])
@pytest.mark.parametrize("via", [VIA, {}], ids=["Discord", "proxy"])
async def test_a_global_limit_holds_everything(
    restraint: Restraint, clock: Clock, header: dict[str, str], via: dict[str, str]
):
    restraint.answered(429, via | header | {"Retry-After": "7"})
    assert await waited(restraint, clock, urgent=True) == pytest.approx(7)


async def test_a_limit_of_one_route_holds_nothing_else(restraint: Restraint, clock: Clock):
    for headers in (VIA | {"X-RateLimit-Scope": "user"}, VIA, {"X-RateLimit-Scope": "user"}):
        restraint.answered(429, headers | {"Retry-After": "7"})
    assert await waited(restraint, clock) == 0


async def test_a_ban_is_waited_out_with_growing_pauses_and_asked_about_by_one_at_a_time(
    restraint: Restraint, clock: Clock
):
    pauses: list[float] = []
    for _ in range(12):
        for _ in range(20):  # all that were under way
            restraint.answered(429, {"Retry-After": "1"})
        pauses.append(await waited(restraint, clock, urgent=True))
        clock.now += 0.001
    assert pauses[:4] == pytest.approx([1, 2, 4, 8], abs=0.01)
    assert pauses[-1] == pytest.approx(300)
    assert await waited(restraint, clock, urgent=True) == pytest.approx(SPACING, abs=0.01)
    restraint.answered(204, VIA)
    assert [await waited(restraint, clock) for _ in range(3)] == [0, 0, 0]


async def test_a_ban_names_its_time(restraint: Restraint, clock: Clock):
    restraint.answered(429, {"Retry-After": "40"})
    with pytest.raises(discord.RateLimited) as caught:
        await restraint.admit(urgent=True)
    assert caught.value.retry_after == pytest.approx(40)
    assert caught.value.retry_after > LONGEST_WAIT


async def test_an_answer_without_a_time_holds_for_a_second(restraint: Restraint, clock: Clock):
    restraint.answered(429, {"Content-Type": "text/html", "Server": "nginx"})
    assert await waited(restraint, clock) == pytest.approx(1)


async def test_one_odd_answer_does_not_end_the_token(restraint: Restraint):
    for status in (401, 401, 204, 401, 404, 401, 403, 401, 401):
        restraint.answered(status, VIA)
        await restraint.admit(urgent=False)
    restraint.answered(401, VIA)
    assert restraint.token_refused.is_set()
    with pytest.raises(discord.LoginFailure):
        await restraint.admit(urgent=True)


async def test_a_server_that_is_down_does_not_end_the_wait_for_a_ban(restraint: Restraint, clock: Clock):
    restraint.answered(429, {"Retry-After": "1"})
    restraint.answered(503, {})
    assert await waited(restraint, clock) == pytest.approx(1)
    assert await waited(restraint, clock) == pytest.approx(SPACING)
