"""A mark never says more than is true, whatever comes in whichever order, and says all of it in the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import DatabaseError
from bot.history.watermarks import LATE_EMBED, Tracker
from bot.model import MessageRef
from bot.store.engine import Store

GUILD, FANS, ART = 10, 20, 21


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def message(id_: int, channel: int = FANS, **more: bool) -> MessageRef:
    return MessageRef(GUILD, channel, id_, 50, **more)


async def written(store: Store) -> dict[int, int]:
    async with store.read() as tx:
        return await tx.watermarks.of_guild(GUILD)


ACTS = st.lists(
    st.tuples(st.sampled_from(["seen", "passed", "accounted"]), st.integers(1, 12), st.booleans()), max_size=60
)


@given(ACTS)
def test_a_mark_never_passes_what_is_not_accounted_for(acts: list[tuple[str, int, bool]]) -> None:
    tracker = Tracker(None)  # type: ignore[arg-type] # nothing is written
    came: set[int] = set()
    under_way: dict[int, int] = {}
    for act, id_, edited in acts:
        if act == "seen":
            tracker.seen(message(id_), changed=edited)
            under_way[id_] = under_way.get(id_, 0) + 1
        elif act == "passed":
            tracker.passed(message(id_), changed=edited)
        else:
            tracker.accounted(message(id_))
            if under_way.get(id_):
                under_way[id_] -= 1
        if act != "accounted" and not edited:
            came.add(id_)
        mark = tracker.hold(GUILD).get(FANS, 0)
        assert mark < min((id_ for id_, times in under_way.items() if times), default=1000)
        assert mark <= max(came, default=0) or mark in {id_ - 1 for id_ in came}
    for id_, times in under_way.items():
        for _ in range(times):
            tracker.accounted(message(id_))
    assert tracker.hold(GUILD).get(FANS, 0) == max(came, default=0)


async def test_marks_are_written_and_clean_channels_forgotten(store: Store) -> None:
    tracker = Tracker(store)
    tracker.passed(message(100))
    tracker.seen(message(200, ART))
    tracker.passed(message(210, ART))
    await tracker.flush()
    assert await written(store) == {FANS: 100, ART: 199}
    assert list(tracker._guilds[GUILD]) == [ART], "a busy channel stays"
    tracker.accounted(message(200, ART))
    await tracker.flush()
    assert await written(store) == {FANS: 100, ART: 210}
    assert tracker._guilds == {}


async def test_a_guild_that_is_held_is_not_written(store: Store) -> None:
    tracker = Tracker(store)
    tracker.passed(message(100))
    assert tracker.hold(GUILD) == {FANS: 100}
    tracker.passed(message(300))
    await tracker.flush()
    assert await written(store) == {}
    tracker.release(GUILD)
    await tracker.flush()
    assert await written(store) == {FANS: 300}


def test_whether_a_message_would_be_read_again() -> None:
    tracker = Tracker(None)  # type: ignore[arg-type] # nothing is written
    assert tracker.seen(message(100))
    assert tracker.seen(message(100), changed=True), "its own arrival holds the mark"
    assert not tracker.seen(message(90), changed=True)
    assert not tracker.seen(message(95)), "a newer one came before it, and may have raised the mark"
    for _ in range(2):
        tracker.accounted(message(100))
    assert not tracker.seen(message(100), changed=True)


def test_a_link_is_not_held_by_its_edit() -> None:
    tracker = Tracker(None)  # type: ignore[arg-type] # nothing is written
    tracker.linger(message(100), changed=True)
    assert not tracker.seen(message(100), changed=True)
    tracker.linger(message(200))
    assert tracker.seen(message(200), changed=True)


def test_a_new_session_raises_the_marks_above_what_came_before_it() -> None:
    tracker = Tracker(None)  # type: ignore[arg-type] # nothing is written
    tracker.linger(message(100))
    tracker.hold(GUILD)
    assert not tracker.seen(message(100), changed=True), "by now it may have been read again without the change"
    assert tracker.seen(message(200))


async def test_an_edit_says_nothing_about_what_was_posted_before_it(store: Store) -> None:
    tracker = Tracker(store)
    tracker.passed(message(50), changed=True)
    tracker.seen(message(60), changed=True)
    await tracker.flush()
    tracker.accounted(message(60))
    await tracker.flush()
    assert await written(store) == {}
    assert tracker._guilds == {}


async def test_a_link_is_accounted_for_when_its_embed_can_have_come(store: Store) -> None:
    clock = Clock()
    tracker = Tracker(store, clock=clock)
    tracker.linger(message(100))
    tracker.passed(message(101))
    await tracker.flush()
    assert await written(store) == {FANS: 99}
    clock.seconds = LATE_EMBED
    await tracker.flush()
    assert await written(store) == {FANS: 101}


async def test_what_could_not_be_written_is_written_the_next_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Tracker(store)
    tracker.passed(message(100))

    def fail(*_: object, **__: object) -> None:
        raise DatabaseError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(store, "write", fail)
        with pytest.raises(DatabaseError):
            await tracker.flush()
    await tracker.flush()
    assert await written(store) == {FANS: 100}
