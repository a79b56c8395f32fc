"""What waits in the database, counted."""

from datetime import UTC, datetime, timedelta

from bot.model import Call, CallKind, MediaRef, Surface, SweepKind
from bot.store.backlog import Waiting

from .samples import message

PICTURE = MediaRef("1", Surface.ATTACHMENT, "https://cdn.discordapp.com/attachments/1/1/a.png")
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


def call(number: int, kind: CallKind = CallKind.LOG_LINE) -> Call:
    return Call(kind, key=f"key:{number}", lane=f"lane:{number}", payload={}, guild_id=7)


async def test_nothing_waits(store):
    async with store.read() as tx:
        await tx.backlog.answers()
        assert await tx.backlog.waiting(NOW) == Waiting({}, None, None, 0, None, 0)


async def test_what_waits(store):
    async with store.write() as tx:
        await tx.outbox.put([call(1, CallKind.DELETE_MESSAGE)], NOW - timedelta(seconds=40))
        await tx.outbox.put([call(2), call(3)], NOW - timedelta(seconds=90))
        await tx.outbox.put([call(4)], NOW + timedelta(hours=1))
        await tx.jobs.put(message(), [PICTURE], NOW - timedelta(minutes=3))
        await tx.jobs.put(message(), [PICTURE], NOW)
        await tx.sweeps.open(7, SweepKind.CATCH_UP, NOW, [])
        done = await tx.sweeps.open(7, SweepKind.CATCH_UP, NOW, [])
        await tx.sweeps.finish(done.id, NOW)
        (first,) = await tx.outbox.claim(now=NOW, lease=timedelta(minutes=1), owner="me", limit=1, urgent=True)
        await tx.outbox.done(first.id, NOW)
    async with store.read() as tx:
        waiting = await tx.backlog.waiting(NOW)
    assert waiting.calls == {CallKind.LOG_LINE: 3}
    assert (waiting.oldest_delete, waiting.oldest_other) == (None, NOW - timedelta(seconds=90))
    assert (waiting.jobs, waiting.oldest_job) == (2, NOW - timedelta(minutes=3))
    assert waiting.sweeps == 1


async def test_what_is_only_due_later_is_not_late(store):
    async with store.write() as tx:
        await tx.outbox.put([call(1, CallKind.DELETE_MESSAGE)], NOW + timedelta(seconds=1))
    async with store.read() as tx:
        assert (await tx.backlog.waiting(NOW)).oldest_delete is None
        assert (await tx.backlog.waiting(NOW + timedelta(seconds=1))).oldest_delete == NOW + timedelta(seconds=1)


async def test_a_call_is_taken_back_unless_somebody_has_it(store):
    lease = timedelta(minutes=1)
    async with store.write() as tx:
        await tx.outbox.put([call(1), call(2), call(3), call(4)], NOW)
        held, failed, done = (one.id for one in await tx.outbox.claim(now=NOW, lease=lease, owner="me", limit=3))
        await tx.outbox.retry(failed, at=NOW + lease, error="away", uncertain=True)
        await tx.outbox.done(done, NOW)
        assert await tx.outbox.withdraw([f"key:{number}" for number in (1, 2, 3, 4, 5)], NOW) == 2
        assert await tx.outbox.written([f"key:{number}" for number in (1, 2, 3, 4)]) == {"key:1", "key:3"}
        assert await tx.outbox.withdraw(["key:1"], NOW + lease) == 1, "its holder is gone"
        assert held != done
