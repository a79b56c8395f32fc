"""What the pipeline lets go of, because the database took nothing for long, is read again."""

from __future__ import annotations

import pytest

from bot.errors import DatabaseError
from bot.history.watermarks import Tracker
from bot.model import MessageRef
from bot.store.engine import Store
from bot.store.sweeps import Range

from .test_gaps import ART, FANS, GUILD, at, gaps, marks, stretches


def message(channel_id: int, message_id: int) -> MessageRef:
    return MessageRef(GUILD, channel_id, message_id)


async def test_its_channel_is_read_again_and_the_mark_waits_for_that(store: Store, monkeypatch) -> None:
    tracker = Tracker(store)
    made = gaps(store, tracker)
    for minutes in (9, 8, 7, 6):
        tracker.seen(message(FANS, at(minutes)))
        tracker.seen(message(ART, at(minutes)))
    for minutes in (9, 7, 6):
        tracker.accounted(message(FANS, at(minutes)))
    for minutes in (9, 8, 7, 6):
        tracker.accounted(message(ART, at(minutes)))
    made.forgotten(message(FANS, at(8)))
    assert made.pending
    await tracker.flush()
    assert await marks(store) == {FANS: at(9), ART: at(6)}

    def fail(*_: object, **__: object) -> None:
        raise DatabaseError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(store, "write", fail)
        with pytest.raises(DatabaseError):
            await made.write()
    assert made.pending
    tracker.seen(message(FANS, at(5)))
    made.forgotten(message(FANS, at(5)))
    await made.write()
    assert not made.pending
    found = [Range(one.channel_id, one.after_id, one.before_id) for one in await stretches(store)]
    assert found == [Range(FANS, at(9), at(5) + 1)]
    await tracker.flush()
    assert await marks(store) == {FANS: at(5), ART: at(6)}


async def test_a_part_of_a_message_that_is_forgotten_counts_for_all_of_it(store: Store) -> None:
    tracker = Tracker(store)
    made = gaps(store, tracker)
    tracker.passed(message(FANS, at(9)))
    tracker.seen(message(FANS, at(8)))
    made.forgotten(message(FANS, at(8)))
    made.forgotten(message(FANS, at(8)))
    await tracker.flush()
    assert await marks(store) == {FANS: at(9)}
    await made.write()
    assert [(one.after_id, one.before_id) for one in await stretches(store)] == [(at(9), at(8) + 1)]
