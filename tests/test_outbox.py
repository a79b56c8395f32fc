import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from bot import outbox as outbox_module
from bot.model import Call, CallKind, GuildSettings
from bot.outbox import LEASE, CallError, CallResult, Outbox
from bot.store.engine import Store, Tx

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GUILD = 2**60
SECRET = "words of a member"

Act = Callable[[Call, bool], Awaitable[CallResult]]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class World:
    """Discord, and the services that hear of finished calls. ``acts`` answers by key; all else succeeds."""

    def __init__(self) -> None:
        self.acts: dict[str, Act] = {}
        self.begun: list[str] = []
        self.uncertain: list[str] = []
        self.completed: list[tuple[str, CallResult]] = []
        self.given_up: list[tuple[str, str]] = []
        self.counted: list[tuple[CallKind, str]] = []
        self.running: list[Call] = []
        self.overlaps: list[str] = []
        self.most = 0
        self.changed = asyncio.Condition()

    async def carry_out(self, call: Call, *, uncertain: bool) -> CallResult:
        if call.lane in {other.lane for other in self.running}:
            self.overlaps.append(call.key)
        self.begun.append(call.key)
        if uncertain:
            self.uncertain.append(call.key)
        self.running.append(call)
        self.most = max(self.most, len(self.running))
        await self.tell()
        try:
            await asyncio.sleep(0)
            if call.key in self.acts:
                return await self.acts[call.key](call, uncertain)
            return CallResult()
        finally:
            self.running.remove(call)

    async def complete(self, tx: Tx, call: Call, result: CallResult) -> None:
        self.completed.append((call.key, result))
        await self.tell()

    async def give_up(self, tx: Tx, call: Call, sentence: str) -> None:
        self.given_up.append((call.key, sentence))

    async def tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self.changed:
            await self.changed.wait_for(condition)

    def fails(self, key: str, *errors: Exception) -> None:
        """Let the first attempts of a call fail like this."""
        left = list(errors)

        async def act(call: Call, uncertain: bool) -> CallResult:
            if left:
                raise left.pop(0)
            return CallResult()

        self.acts[key] = act

    def hangs(self, key: str) -> asyncio.Event:
        """Let a call wait until the event is set."""
        event = asyncio.Event()

        async def act(call: Call, uncertain: bool) -> CallResult:
            await event.wait()
            return CallResult()

        self.acts[key] = act
        return event


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world() -> World:
    return World()


def dispatcher(store: Store, world: World, clock: Clock, **options) -> Outbox:
    return Outbox(
        store,
        completed=options.pop("completed", world.complete),
        gave_up=world.give_up,
        owner=options.pop("owner", "a"),
        clock=clock,
        count=lambda kind, outcome: world.counted.append((kind, outcome)),
        **options,
    )


@pytest.fixture
async def outbox(store: Store, world: World, clock: Clock) -> AsyncIterator[Outbox]:
    made = dispatcher(store, world, clock)
    await made.start(world)
    yield made
    await made.stop(drain=0)
    assert world.overlaps == []


def call(key: str, *, lane: str | None = None, kind: CallKind = CallKind.NOTIFY) -> Call:
    return Call(kind, key, lane or key, {"text": SECRET}, None, GUILD)


async def put(store: Store, *calls: Call, at: datetime = NOW) -> None:
    async with store.write() as tx:
        await tx.outbox.put(calls, at)


async def pending(store: Store) -> int:
    async with store.read() as tx:
        return await tx.outbox.pending()


# ------------------------------------------------------------------------------------------------- the usual way


async def test_a_written_call_is_carried_out_and_its_result_taken_over(store: Store, world: World, outbox: Outbox):
    async def act(call: Call, uncertain: bool) -> CallResult:
        return CallResult(2**62, 2**63 - 1)

    world.acts["card"] = act
    await put(store, call("card"))
    outbox.wake()
    await outbox.idle()
    assert world.completed == [("card", CallResult(2**62, 2**63 - 1))]
    assert world.uncertain == []
    assert world.counted == [(CallKind.NOTIFY, "done")]
    assert await pending(store) == 0


async def test_waking_is_enough_for_a_call_to_begin(store: Store, world: World, outbox: Outbox):
    begun = asyncio.Event()

    async def act(call: Call, uncertain: bool) -> CallResult:
        begun.set()
        return CallResult()

    world.acts["one"] = act
    await outbox.idle()
    await put(store, call("one"))
    outbox.wake()
    await begun.wait()


async def test_calls_of_a_lane_follow_one_another_and_lanes_run_side_by_side(
    store: Store, world: World, outbox: Outbox
):
    held = world.hangs("x1")
    await put(store, *(call(f"{lane}{number}", lane=lane) for number in range(1, 4) for lane in "xyz"))
    outbox.wake()
    await world.until(lambda: len(world.completed) == 6)
    assert [key for key in world.begun if key.startswith("x")] == ["x1"]
    held.set()
    await outbox.idle()
    for lane in "xyz":
        assert [key for key in world.begun if key.startswith(lane)] == [f"{lane}{number}" for number in range(1, 4)]


async def test_deletes_go_first(store: Store, world: World, clock: Clock):
    outbox = dispatcher(store, world, clock, concurrency=1)
    await put(store, call("card", kind=CallKind.POST_CARD), call("note"))
    await put(store, call("delete", kind=CallKind.DELETE_MESSAGE))
    await outbox.start(world)
    await outbox.idle()
    await outbox.stop()
    assert world.begun == ["delete", "card", "note"]


async def test_no_more_calls_run_at_once_than_allowed(store: Store, world: World, clock: Clock):
    outbox = dispatcher(store, world, clock, concurrency=3)
    await put(store, *(call(f"{number}") for number in range(20)))
    await outbox.start(world)
    await outbox.idle()
    await outbox.stop()
    assert len(world.completed) == 20
    assert world.most == 3


async def test_a_call_written_while_completing_another_runs_too(store: Store, world: World, clock: Clock):
    async def completed(tx: Tx, call_: Call, result: CallResult) -> None:
        await world.complete(tx, call_, result)
        await tx.outbox.put([call("second", lane=call_.lane)], clock())

    outbox = dispatcher(store, world, clock, completed=completed)
    await put(store, call("first"))
    await outbox.start(world)
    await outbox.idle()
    await outbox.stop()
    assert world.begun == ["first", "second"]


async def test_what_completing_writes_is_in_the_transaction_of_the_call(store: Store, world: World, clock: Clock):
    async def completed(tx: Tx, call: Call, result: CallResult) -> None:
        await tx.guilds.save(GuildSettings(GUILD))
        raise ZeroDivisionError

    outbox = dispatcher(store, world, clock, completed=completed)
    await put(store, call("one"))
    await outbox.start(world)
    await outbox.idle()
    await outbox.stop()
    async with store.read() as tx:
        assert await tx.guilds.get(GUILD) is None
        assert await tx.outbox.pending() == 1


# ------------------------------------------------------------------------------------------------------- failing


async def test_a_failed_call_is_tried_again_later_each_time(store: Store, world: World, clock: Clock, outbox: Outbox):
    world.fails("one", *(CallError("Discord is away.") for _ in range(11)))
    await put(store, call("one"))
    waits: list[float] = []
    outbox.wake()
    await outbox.idle()
    while await pending(store):
        async with store.read() as tx:
            due = await tx.outbox.next_due()
        assert due is not None
        waits.append((due - clock.now).total_seconds())
        clock.now = due - timedelta(milliseconds=1)
        await outbox.idle()
        attempts = len(world.begun)
        clock.now = due
        await outbox.idle()
        assert len(world.begun) == attempts + 1
    assert len(world.begun) == 12
    assert world.completed == [("one", CallResult())]
    for number, wait in enumerate(waits):
        assert max(1, 0.75 * 2**number) <= wait + 0.001 or wait == 300
        assert wait <= min(1.25 * 2**number, 300)
    assert world.counted == [(CallKind.NOTIFY, "retried")] * 11 + [(CallKind.NOTIFY, "done")]


async def test_after_twelve_attempts_a_call_is_given_up_loudly(
    store: Store, world: World, clock: Clock, outbox: Outbox
):
    world.fails("one", *(CallError("Discord is away.") for _ in range(12)))
    await put(store, call("one", lane="x"), call("two", lane="x"))
    with capture_logs() as logs:
        for _ in range(12):
            await outbox.idle()
            clock.now += timedelta(minutes=6)
        await outbox.idle()
    assert world.given_up == [("one", "Discord is away.")]
    assert [key for key, _ in world.completed] == ["two"]
    assert world.counted[-2:] == [(CallKind.NOTIFY, "given_up"), (CallKind.NOTIFY, "done")]
    [line] = [line for line in logs if line["event"] == "outbox.gave_up"]
    assert (line["log_level"], line["kind"], line["attempts"], line["reason"]) == (
        "error",
        "notify",
        12,
        "Discord is away.",
    )
    assert SECRET not in str(logs)


async def test_a_permanent_failure_is_given_up_at_once(store: Store, world: World, outbox: Outbox):
    world.fails("one", CallError("The bot may not write there.", permanent=True))
    await put(store, call("one"))
    await outbox.idle()
    assert world.begun == ["one"]
    assert world.given_up == [("one", "The bot may not write there.")]
    assert await pending(store) == 0


async def test_discord_is_asked_again_when_it_said(store: Store, world: World, clock: Clock, outbox: Outbox):
    world.fails("one", CallError("Discord asks to wait.", retry_after=77.5))
    await put(store, call("one"))
    await outbox.idle()
    async with store.read() as tx:
        assert await tx.outbox.next_due() == NOW + timedelta(seconds=77.5)
    clock.now += timedelta(seconds=77.5)
    await outbox.idle()
    assert len(world.completed) == 1


@pytest.mark.parametrize(
    ("error", "uncertain"),
    [
        (CallError("The connection broke."), True),
        (CallError("Discord asks to wait.", retry_after=1), False),
        (CallError("Discord said no.", uncertain=False), False),
        (CallError("Perhaps.", retry_after=1, uncertain=True), True),
        (ValueError(SECRET), True),
    ],
    ids=["broken", "wait", "said no", "perhaps", "defect"],
)
async def test_an_attempt_that_may_have_happened_makes_the_next_uncertain(
    store: Store, world: World, clock: Clock, outbox: Outbox, error: Exception, uncertain: bool
):
    world.fails("one", error)
    await put(store, call("one"))
    with capture_logs() as logs:
        await outbox.idle()
        clock.now += timedelta(minutes=1)
        await outbox.idle()
    assert world.begun == ["one", "one"]
    assert world.uncertain == (["one"] if uncertain else [])
    assert SECRET not in str(logs)


async def test_a_defect_in_one_call_leaves_the_others_alone(store: Store, world: World, outbox: Outbox):
    world.fails("one", KeyError("x"))
    await put(store, call("one"), call("two"))
    with capture_logs() as logs:
        await outbox.idle()
    assert [key for key, _ in world.completed] == ["two"]
    assert [(line["event"], line["error"]) for line in logs if line["log_level"] == "error"] == [
        ("outbox.call_crashed", "KeyError")
    ]


async def test_a_call_whose_completion_always_fails_is_given_up_in_the_end(store: Store, world: World, clock: Clock):
    async def completed(tx: Tx, call: Call, result: CallResult) -> None:
        raise ZeroDivisionError

    outbox = dispatcher(store, world, clock, completed=completed)
    await put(store, call("one"))
    await outbox.start(world)
    for _ in range(12):
        await outbox.idle()
        clock.now += timedelta(minutes=6)
    await outbox.idle()
    await outbox.stop()
    assert world.begun == ["one"] * 12
    assert world.uncertain == ["one"] * 11
    assert [key for key, _ in world.given_up] == ["one"]


async def test_the_dispatcher_outlives_a_database_that_is_away(
    store: Store, world: World, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox_module, "FIRST_DELAY", 0.01)
    await outbox.idle()
    away = asyncio.Event()
    write = store.write

    @contextlib.asynccontextmanager
    async def failing(*_: object, **__: object) -> AsyncIterator[Tx]:
        away.set()
        raise OSError
        yield

    monkeypatch.setattr(store, "write", failing)
    outbox.wake()
    await away.wait()
    monkeypatch.setattr(store, "write", write)
    await put(store, call("one"))
    await outbox.idle()
    assert world.begun == ["one"]


# ------------------------------------------------------------------------------------------------- start and stop


async def test_stopping_waits_for_what_runs_and_begins_nothing_more(store: Store, world: World, clock: Clock):
    outbox = dispatcher(store, world, clock)
    held = world.hangs("one")
    await put(store, call("one", lane="x"), call("two", lane="x"))
    await outbox.start(world)
    await world.until(lambda: bool(world.running))
    stopping = asyncio.create_task(outbox.stop(drain=60))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not stopping.done()
    held.set()
    await stopping
    await outbox.stop()
    assert world.begun == ["one"]
    assert [key for key, _ in world.completed] == ["one"]
    assert await pending(store) == 1


async def test_what_does_not_end_in_time_is_given_back_as_uncertain(store: Store, world: World, clock: Clock):
    first = dispatcher(store, world, clock)
    world.hangs("one")
    await put(store, call("one"))
    await first.start(world)
    await world.until(lambda: bool(world.running))
    await first.stop(drain=0)
    assert world.running == []
    del world.acts["one"]
    second = dispatcher(store, world, clock, owner="b")
    await second.start(world)
    await second.idle()
    await second.stop()
    assert world.begun == ["one", "one"]
    assert world.uncertain == ["one"]


async def test_an_outbox_that_was_never_started_is_idle_and_stops(store: Store, world: World, clock: Clock):
    outbox = dispatcher(store, world, clock)
    await put(store, call("one"))
    await outbox.idle()
    await outbox.stop()
    assert world.begun == []


async def test_a_stopped_outbox_can_start_again(store: Store, world: World, clock: Clock):
    outbox = dispatcher(store, world, clock)
    for key in ("one", "two"):
        await outbox.start(world)
        await put(store, call(key))
        await outbox.idle()
        await outbox.stop()
    assert world.begun == ["one", "two"]


async def test_a_call_that_takes_longer_than_its_lease_stays_with_its_dispatcher(
    store: Store, world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox_module, "LEASE", timedelta(seconds=0.03))
    outbox = dispatcher(store, world, clock, concurrency=1)
    held = world.hangs("one")
    await put(store, call("one"))
    await outbox.start(world)
    await world.until(lambda: bool(world.running))
    clock.now += timedelta(minutes=5)
    for _ in range(500):
        await asyncio.sleep(0.01)
        async with store.read() as tx:
            due = await tx.outbox.next_due()
        if due is not None and due > clock.now:
            break
    async with store.write() as tx:
        assert await tx.outbox.claim(now=clock.now, lease=LEASE, owner="b", limit=1) == []
    held.set()
    await outbox.idle()
    await outbox.stop()
    assert world.begun == ["one"]


# ----------------------------------------------------------------------------------------------- after a crash


async def test_after_a_crash_one_process_takes_up_its_calls_at_once(sqlite_url: str, world: World, clock: Clock):
    store = await Store.open(sqlite_url)
    await put(store, call("one"))
    async with store.write() as tx:
        await tx.outbox.claim(now=NOW, lease=LEASE, owner="dead", limit=1)
    outbox = dispatcher(store, world, clock)
    await outbox.start(world)
    await outbox.idle()
    await outbox.stop()
    await store.close()
    assert world.uncertain == ["one"]
    assert [key for key, _ in world.completed] == ["one"]


async def test_after_a_crash_others_take_up_its_calls_when_the_lease_ran_out(
    postgres_url: str, world: World, clock: Clock
):
    store = await Store.open(postgres_url)
    await put(store, call("one"))
    async with store.write() as tx:
        await tx.outbox.claim(now=NOW, lease=LEASE, owner="dead", limit=1)
    outbox = dispatcher(store, world, clock)
    await outbox.start(world)
    await outbox.idle()
    assert world.begun == []
    clock.now += LEASE
    await outbox.idle()
    await outbox.stop()
    await store.close()
    assert world.uncertain == ["one"]


async def test_who_starts_in_the_same_place_takes_up_the_calls_of_who_was_there_before(
    postgres_url: str, world: World, clock: Clock
):
    store = await Store.open(postgres_url)
    await put(store, call("mine"), call("theirs"), call("others"))
    for owner in ("1/4 dead", "11/4 alive", "2/4 alive"):
        async with store.write() as tx:
            await tx.outbox.claim(now=NOW, lease=LEASE, owner=owner, limit=1)
    outbox = dispatcher(store, world, clock, owner="1/4 new", place="1/4 ")
    await outbox.start(world)
    await outbox.idle()
    await outbox.stop()
    await store.close()
    assert world.uncertain == ["mine"]
    assert [key for key, _ in world.completed] == ["mine"]


async def test_two_dispatchers_share_a_database_without_doubling_or_disorder(
    postgres_url: str, world: World, clock: Clock
):
    stores = [await Store.open(postgres_url) for _ in range(2)]
    both = [
        dispatcher(store, world, clock, owner=owner, concurrency=5) for store, owner in zip(stores, "ab", strict=True)
    ]
    keys = {f"lane {lane}": [f"{lane}:{number}" for number in range(6)] for lane in range(15)}
    for outbox in both:
        await outbox.start(world)
    for number in range(6):
        for half in (range(8), range(8, 15)):
            await put(stores[number % 2], *(call(f"{lane}:{number}", lane=f"lane {lane}") for lane in half))
            both[number % 2].wake()
    await world.until(lambda: len(world.completed) == 90)
    await asyncio.gather(*(outbox.idle() for outbox in both))
    assert await pending(stores[0]) == 0
    for outbox, store in zip(both, stores, strict=True):
        await outbox.stop()
        await store.close()
    assert world.overlaps == []
    assert len(world.begun) == len(set(world.begun)) == len(world.completed) == 90
    for lane, expected in keys.items():
        assert [key for key in world.begun if key in expected] == expected, lane


# ------------------------------------------------------------------------------------------------------- waiting


async def test_however_often_a_call_has_to_wait_it_is_not_given_up(
    store: Store, world: World, clock: Clock, outbox: Outbox
):
    world.fails("one", *(CallError("Discord asks to wait.", retry_after=1.0) for _ in range(40)))
    await put(store, call("one"))
    for _ in range(41):
        await outbox.idle()
        clock.now += timedelta(seconds=1)
    assert world.completed == [("one", CallResult())]
    assert world.given_up == []
    assert world.uncertain == []
    assert world.counted == [(CallKind.NOTIFY, "postponed")] * 40 + [(CallKind.NOTIFY, "done")]


async def test_deletes_have_places_of_their_own(store: Store, world: World, clock: Clock):
    outbox = dispatcher(store, world, clock, concurrency=2, deletes=3)
    held = [world.hangs(f"card{number}") for number in range(3)]
    await put(store, *(call(f"card{number}", kind=CallKind.POST_CARD) for number in range(3)))
    await put(store, *(call(f"delete{number}", kind=CallKind.DELETE_MESSAGE) for number in range(9)))
    await outbox.start(world)
    await world.until(lambda: len(world.completed) == 9)
    assert len(world.running) == 2
    for event in held:
        event.set()
    await outbox.idle()
    await outbox.stop()
    assert len(world.completed) == 12
    assert world.most <= 5
