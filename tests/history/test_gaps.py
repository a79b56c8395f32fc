"""What is missing in a guild, from how far its channels are accounted for and which message is the newest of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.errors import DatabaseError
from bot.history.gaps import OVERLAP_SECONDS, Gaps, compare
from bot.history.times import first_id, length, made_at
from bot.history.watermarks import Tracker
from bot.model import ARCHIVED_THREADS, MessageRef, Stretch, SweepState
from bot.store.engine import Store
from bot.store.sweeps import Range

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GUILD = first_id(NOW - timedelta(days=900))
OLD = first_id(NOW - timedelta(days=800))
FANS, ART, NEW = OLD + 1, OLD + 2, first_id(NOW - timedelta(minutes=20))
OVERLAP = length(OVERLAP_SECONDS)
OLDEST = first_id(NOW - timedelta(days=14))


def at(minutes: float) -> int:
    """An id made so many minutes ago."""
    return first_id(NOW - timedelta(minutes=minutes))


def test_ids_are_times() -> None:
    assert made_at(first_id(NOW)) == NOW
    assert made_at(175928847299117063).isoformat(timespec="milliseconds") == "2016-04-30T11:18:25.796+00:00"
    assert first_id(datetime(2014, 1, 1, tzinfo=UTC)) == 0


def test_a_guild_without_marks_is_read_from_when_the_bot_came() -> None:
    missing = compare({}, {FANS: at(11), ART: 0, NEW: at(5)}, oldest=OLDEST, joined=at(10))
    assert missing == (
        [Range(NEW, at(10) - OVERLAP, at(5) + 1)],
        {FANS: at(11), ART: ART - 1, NEW: at(5)},
        0,
        at(10),
    )


def test_of_a_guild_that_the_bot_came_to_long_ago_no_more_is_read_than_of_any_other() -> None:
    missing = compare({}, {FANS: at(5)}, oldest=OLDEST, joined=OLD)
    assert (missing.ranges, missing.cut) == ([Range(FANS, OLDEST, at(5) + 1)], 1)


def test_only_what_is_newer_is_read_and_a_little_before() -> None:
    missing = compare({FANS: at(60), ART: at(30)}, {FANS: at(5), ART: at(30)}, oldest=OLDEST, joined=at(10))
    assert missing.ranges == [Range(FANS, at(60) - OVERLAP, at(5) + 1)]
    assert missing.marks == {FANS: at(5)}


def test_a_channel_made_meanwhile_is_read_from_its_beginning() -> None:
    missing = compare({FANS: at(60)}, {FANS: at(60), NEW: at(1)}, oldest=OLDEST, joined=at(10))
    assert missing.ranges == [Range(NEW, NEW - 1, at(1) + 1)]


def test_a_channel_seen_for_the_first_time_is_read_from_when_the_bot_last_listened() -> None:
    missing = compare({FANS: at(60)}, {FANS: at(60), ART: at(1)}, oldest=OLDEST, joined=at(10))
    assert missing.ranges == [Range(ART, at(60) - 2 * OVERLAP, at(1) + 1)]
    quiet = compare({FANS: at(60)}, {ART: at(500)}, oldest=OLDEST, joined=at(10))
    assert (quiet.ranges, quiet.marks) == ([], {ART: at(500)})


def test_nothing_is_read_that_is_too_long_ago() -> None:
    month, fortnight = at(30 * 24 * 60), at(20 * 24 * 60)
    missing = compare({FANS: month, ART: month}, {FANS: at(1), ART: fortnight}, oldest=OLDEST, joined=at(10))
    assert missing.ranges == [Range(FANS, OLDEST, at(1) + 1)]
    assert missing.marks == {FANS: at(1), ART: fortnight}
    assert missing.cut == 2


class Discord:
    """What a session is told of the guild."""

    def introduce(
        self, channels: dict[int, int | None], threads: dict[int, int] | None = None, joined: float = 0
    ) -> dict[str, Any]:
        return {
            "id": str(GUILD),
            "joined_at": (NOW - timedelta(minutes=joined)).isoformat(),
            "channels": [
                {"id": str(id_), "type": 0, "last_message_id": None if head is None else str(head)}
                for id_, head in channels.items()
            ]
            + [{"id": str(OLD + 9), "type": 15, "last_message_id": str(at(1))}, "nonsense", {"id": "x"}],
            "threads": [
                {"id": str(id_), "type": 11, "last_message_id": str(head)} for id_, head in (threads or {}).items()
            ],
        }


def gaps(store: Store, tracker: Tracker) -> Gaps:
    return Gaps(
        store,
        tracker,
        most=timedelta(days=14),
        alone=True,
        clock=lambda: NOW,
        wanted=lambda: None,
        found=lambda: None,
    )


async def stretches(store: Store) -> list[Stretch]:
    async with store.read() as tx:
        return [one for sweep in await tx.sweeps.of_guild(GUILD) for one in await tx.sweeps.stretches(sweep.id)]


async def marks(store: Store) -> dict[int, int]:
    async with store.read() as tx:
        return await tx.watermarks.of_guild(GUILD)


async def known_guild(store: Store, mark: int) -> tuple[Tracker, Gaps]:
    tracker = Tracker(store)
    made = gaps(store, tracker)
    made.appeared(Discord().introduce({FANS: mark}))
    await made.write()
    assert await marks(store) == {FANS: mark}
    return tracker, made


async def test_stretches_and_marks_are_written_together(store: Store) -> None:
    tracker, made = await known_guild(store, at(3))
    made.appeared(Discord().introduce({FANS: at(1), ART: None}, {NEW: at(2)}))
    tracker.passed(MessageRef(GUILD, FANS, at(0.5)))
    await tracker.flush()
    assert await marks(store) == {FANS: at(3)}, "what the new session brings is above the gap"
    await made.write()
    assert {one.channel_id: one.before_id for one in await stretches(store)} == {FANS: at(1) + 1, NEW: at(2) + 1}
    assert await marks(store) == {FANS: at(1), ART: ART - 1, NEW: at(2)}
    await tracker.flush()
    assert (await marks(store))[FANS] == at(0.5)


async def test_what_memory_knows_better_than_the_database_is_not_read(store: Store) -> None:
    tracker, made = await known_guild(store, at(3))
    tracker.passed(MessageRef(GUILD, FANS, at(1)))
    made.appeared(Discord().introduce({FANS: at(1)}))
    await made.write()
    assert await stretches(store) == []
    assert await marks(store) == {FANS: at(1)}


async def test_a_second_session_while_a_gap_fails_to_be_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker, made = await known_guild(store, at(4))

    def fail(*_: object, **__: object) -> None:
        tracker.passed(MessageRef(GUILD, FANS, at(2.5)))
        made.appeared(Discord().introduce({FANS: at(2)}))
        raise DatabaseError("The disk is full.")

    made.appeared(Discord().introduce({FANS: at(3)}))
    with monkeypatch.context() as broken:
        broken.setattr(store, "write", fail)
        with pytest.raises(DatabaseError):
            await made.write()
    await made.write()
    (stretch,) = await stretches(store)
    assert stretch.after_id < at(4)
    assert stretch.before_id == at(2) + 1


async def test_a_second_session_before_the_first_gap_is_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker, made = await known_guild(store, at(4))

    def fail(*_: object, **__: object) -> None:
        raise DatabaseError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(store, "write", fail)
        made.appeared(Discord().introduce({FANS: at(3)}))
        with pytest.raises(DatabaseError):
            await made.write()
        tracker.passed(MessageRef(GUILD, FANS, at(2.5)))
        made.appeared(Discord().introduce({FANS: at(2)}))
        with pytest.raises(DatabaseError):
            await made.write()
    await tracker.flush()
    assert await marks(store) == {FANS: at(4)}
    await made.write()
    (stretch,) = await stretches(store)
    assert stretch.after_id < at(4)
    assert stretch.before_id == at(2) + 1


async def test_gaps_join_the_sweep_that_runs(store: Store) -> None:
    _, made = await known_guild(store, at(4))
    for minutes in (3, 2):
        made.appeared(Discord().introduce({FANS: at(minutes)}))
        await made.write()
    async with store.write() as tx:
        (sweep,) = await tx.sweeps.of_guild(GUILD)
        await tx.sweeps.set_state(sweep.id, {SweepState.RUNNING}, SweepState.PAUSED)
    made.appeared(Discord().introduce({FANS: at(1)}))
    await made.write()
    assert len({one.sweep_id for one in await stretches(store)}) == 2


async def test_threads_that_were_archived_are_looked_for_after_a_longer_gap(store: Store) -> None:
    _, made = await known_guild(store, at(90))
    made.appeared(Discord().introduce({FANS: at(90)}))
    await made.write()
    (stretch,) = await stretches(store)
    assert (stretch.channel_id, stretch.after_id) == (ARCHIVED_THREADS, at(90) - OVERLAP)


async def test_a_guild_in_an_outage_is_left_alone(store: Store) -> None:
    _, made = await known_guild(store, at(4))
    made.left({"id": str(GUILD), "unavailable": True})
    assert made.served == {GUILD}
    made.appeared({"id": str(GUILD), "unavailable": True})
    assert not made.pending
    made.left({"id": str(GUILD)})
    assert made.served == set()


async def test_a_new_guild_is_read_from_when_the_bot_came(store: Store) -> None:
    made = gaps(store, Tracker(store))
    made.appeared(Discord().introduce({FANS: at(9), ART: None}, joined=4))
    made.appeared(Discord().introduce({FANS: at(1), ART: at(2)}, joined=4))  # before anything was noted
    await made.write()
    after = {one.channel_id: one.after_id for one in await stretches(store)}
    assert after == {FANS: at(4) - OVERLAP, ART: at(4) - OVERLAP}


async def test_a_new_guild_has_threads_that_were_archived_since_the_bot_came(store: Store) -> None:
    made = gaps(store, Tracker(store))
    made.appeared(Discord().introduce({FANS: at(90)}, joined=30))
    await made.write()
    (stretch,) = await stretches(store)
    assert (stretch.channel_id, stretch.after_id) == (ARCHIVED_THREADS, at(30) - OVERLAP)


@pytest.mark.parametrize("said", [None, "yesterday", 7])
async def test_a_new_guild_that_does_not_say_when_the_bot_came_is_read_from_now_on(store: Store, said: object) -> None:
    made = gaps(store, Tracker(store))
    made.appeared(Discord().introduce({FANS: at(1)}) | {"joined_at": said})
    await made.write()
    assert await stretches(store) == []
    assert await marks(store) == {FANS: at(1)}
