"""Requests for reading what was posted before: what is read, once, by whom stopped, and how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import NotAllowedError, NotFoundError, RefusedError, StanguardError
from bot.history import requests
from bot.history.discord import PAGE, ChannelHead, NoAnswerError, UnreadableError
from bot.history.progress import OLD_PAUSE, Pace, Progress, ProgressBoard, Shown, rounded
from bot.history.requests import SweepService
from bot.history.since import CHOICES, MOST, NOT_A_TIME, NOT_PAST, TOO_FAR, read_since
from bot.history.times import first_id, made_at
from bot.model import MediaRef, StretchState, Surface, Sweep, SweepKind, SweepState, Verdict
from bot.settings import CatchUpSettings
from bot.store.chain import AuditAction
from bot.store.engine import Store
from bot.store.sweeps import Range
from tests.store.samples import GUILD, NOW, OTHER_GUILD

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
FANS, VOICE, THREAD, QUIET, CLOSED = 20, 21, 22, 23, 24
MODERATOR, OTHER = 40, 41
MEDIA = (MediaRef("a", Surface.ATTACHMENT, "https://cdn.discordapp.com/a.png"),)


class Channels:
    """The channels of :data:`GUILD`, as Discord would tell of them."""

    def __init__(self) -> None:
        self.heads = [
            ChannelHead(FANS, first_id(NOW - DAY) + 5, readable=True),
            ChannelHead(VOICE, first_id(NOW - 2 * DAY), readable=True),
            ChannelHead(QUIET, None, readable=True),
            ChannelHead(CLOSED, None, readable=False),
        ]
        self.archive = [ChannelHead(THREAD, first_id(NOW - 3 * DAY), readable=True)]
        self.asked: list[datetime] = []
        self.answers = True

    @property
    def me(self) -> int | None:
        return None

    async def channels(self, guild_id: int) -> Sequence[ChannelHead]:
        return self.heads if guild_id == GUILD else ()

    async def archived(self, guild_id: int, since: datetime) -> Sequence[ChannelHead]:
        self.asked.append(since)
        await asyncio.sleep(0)
        if not self.answers:
            raise NoAnswerError("Discord did not answer; try again later.")
        return self.archive

    async def page(self, channel_id: int, before_id: int, *, limit: int = PAGE) -> Sequence[Mapping[str, Any]]:
        raise AssertionError("a request reads nothing itself")

    async def message(self, channel_id: int, message_id: int) -> Mapping[str, Any] | None:
        raise AssertionError("a request reads nothing itself")


class Office:
    """The service with a clock that tests move."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.time = NOW
        self.channels = Channels()
        self.woken = 0
        self.service = SweepService(store, CatchUpSettings(), clock=self.now)
        self.service.connect(self.channels, self._wake)

    def now(self) -> datetime:
        return self.time

    def _wake(self) -> None:
        self.woken += 1

    async def channel(self, channel_id: int = FANS, back: timedelta = WEEK, by: int = MODERATOR) -> Sweep:
        return (await self.service.request_channel(GUILD, channel_id, self.time - back, by)).progress.sweep

    async def server(self, back: timedelta = WEEK, by: int = MODERATOR) -> Sweep:
        return (await self.service.request_server(GUILD, self.time - back, by)).progress.sweep

    async def read(self, sweep: Sweep, channel_id: int, back: timedelta, state: StretchState) -> None:
        """Read a stretch down to a time, as the sweeper does."""
        async with self.store.write() as tx:
            (stretch,) = [one for one in await tx.sweeps.stretches(sweep.id) if one.channel_id == channel_id]
            assert await tx.sweeps.move(stretch, first_id(NOW - back), state)

    async def end(self, sweep: Sweep) -> None:
        """Finish a sweep as the sweeper does."""
        async with self.store.write() as tx:
            await tx.sweeps.set_state(sweep.id, list(SweepState), SweepState.DONE, finished_at=self.time)

    async def actions(self) -> list[tuple[str, str | None, bool]]:
        async with self.store.read() as tx:
            rows = [row async for batch in tx.audit.stream(GUILD) for row in batch]
        return [(row.action, row.subject, row.actor is not None) for row in rows]


@pytest.fixture
async def office(store: Store) -> Office:
    return Office(store)


class TestSince:
    """What people write for a time."""

    @pytest.mark.parametrize(
        ("text", "back"),
        [
            ("7 days", WEEK),
            ("  7  DAYS ", WEEK),
            ("24h", DAY),
            ("24 h", DAY),
            ("90 min", timedelta(minutes=90)),
            ("2 weeks", 2 * WEEK),
            ("1 month", 30 * DAY),
            ("1 year", MOST),
            ("2026-11-01", timedelta(days=21, hours=12)),
            ("2026-11-21 12:00", DAY),
            ("2025-11-22", MOST),  # half a day more than that, as the day began before noon
        ],
    )
    def test_spans_and_dates(self, text: str, back: timedelta) -> None:
        assert NOW - read_since(text, NOW) == back

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("", NOT_A_TIME),
            ("yesterday", NOT_A_TIME),
            ("7", NOT_A_TIME),
            ("7 parsecs", NOT_A_TIME),
            ("-7 days", NOT_A_TIME),
            ("2026-02-30", NOT_A_TIME),
            ("2026-11-01 25:00", NOT_A_TIME),
            ("0000-01-01", NOT_A_TIME),
            ("\u0667 days", NOT_A_TIME),
            ("0 days", NOT_PAST),
            ("2026-11-23", NOT_PAST),
            ("9999-12-31", NOT_PAST),
            ("366 days", TOO_FAR),
            ("999999 years", TOO_FAR),
            ("2025-11-21", TOO_FAR),
            ("0001-01-01", TOO_FAR),
        ],
    )
    def test_what_is_none_gets_one_sentence(self, text: str, sentence: str) -> None:
        with pytest.raises(RefusedError) as caught:
            read_since(text, NOW)
        assert str(caught.value) == sentence

    @pytest.mark.parametrize("text", CHOICES)
    def test_what_is_proposed_is_understood(self, text: str) -> None:
        assert NOW - MOST <= read_since(text, NOW) < NOW

    @given(
        st.one_of(
            st.text(max_size=40),
            st.from_regex(r"[0-9]{1,7} ?[a-zA-Z]{1,7}", fullmatch=True),
            st.from_regex(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{2})?", fullmatch=True),
        ),
        st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the bounds are naive
    )
    def test_any_text_is_a_time_within_the_bound_or_refused(self, text: str, now: datetime) -> None:
        try:
            since = read_since(text, now)
        except RefusedError as error:
            assert str(error).endswith(".")  # noqa: PT017 - either is right
        else:
            assert now - MOST <= since < now

    @given(st.integers(1, 365 * 24), st.sampled_from(["h", " hours", " H"]))
    def test_so_many_hours_are_so_many_hours(self, hours: int, unit: str) -> None:
        assert NOW - read_since(f"{hours}{unit}", NOW) == timedelta(hours=hours)

    @given(st.datetimes(datetime(2015, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - as above
    def test_ids_are_times(self, time: datetime) -> None:
        exact = time.replace(microsecond=time.microsecond // 1000 * 1000)
        assert made_at(first_id(time)) == exact
        assert first_id(time) == max(0, (int(exact.timestamp() * 1000 + 0.5) - 1420070400000) << 22)


class TestOneChannel:
    """A request for one channel or thread."""

    async def test_it_is_read_from_its_newest_message_back(self, office: Office) -> None:
        asked = await office.service.request_channel(GUILD, FANS, NOW - WEEK, MODERATOR)
        assert asked.new
        assert office.woken == 1
        async with office.store.read() as tx:
            (stretch,) = await tx.sweeps.waiting([GUILD])
        assert (stretch.channel_id, stretch.before_id) == (FANS, first_id(NOW - DAY) + 6)
        assert stretch.after_id == first_id(NOW - WEEK) - 1, "the very first message of that time belongs to it"
        progress = asked.progress
        assert (progress.sweep.kind, progress.sweep.requested_by) == (SweepKind.CHANNEL, MODERATOR)
        assert (progress.channel_id, progress.since, progress.percent) == (FANS, NOW - WEEK, 0)
        assert await office.actions() == [(AuditAction.SCAN_REQUESTED, "S-1", True)]

    async def test_a_thread_that_nobody_knows_of_is_read_from_now(self, office: Office) -> None:
        await office.channel(THREAD)
        async with office.store.read() as tx:
            (stretch,) = await tx.sweeps.waiting([GUILD])
        assert NOW < made_at(stretch.before_id) < NOW + timedelta(seconds=1)

    @pytest.mark.parametrize(
        ("channel_id", "back", "kind", "sentence"),
        [
            (CLOSED, WEEK, UnreadableError, requests.UNREADABLE),
            (QUIET, WEEK, RefusedError, requests.NOTHING_THERE),
            (FANS, DAY - timedelta(minutes=1), RefusedError, requests.NOTHING_SINCE),
        ],
    )
    async def test_what_cannot_be_read_is_refused(
        self, office: Office, channel_id: int, back: timedelta, kind: type[StanguardError], sentence: str
    ) -> None:
        with pytest.raises(kind) as caught:
            await office.channel(channel_id, back)
        assert str(caught.value) == sentence.format(channel=channel_id)
        assert office.woken == 0
        assert await office.actions() == []

    async def test_a_second_request_is_told_of_the_first(self, office: Office) -> None:
        first = await office.channel()
        again = await office.service.request_channel(GUILD, FANS, NOW - 30 * DAY, OTHER)
        assert not again.new
        assert again.progress.sweep.id == first.id
        assert again.progress.sweep.requested_by == MODERATOR
        assert (await office.channel(VOICE)).id != first.id
        await office.service.pause(GUILD, first.id, MODERATOR)
        assert (await office.channel()).id == first.id, "a paused one stands in the way as well"
        await office.service.cancel(GUILD, first.id, MODERATOR)
        assert (await office.channel()).id != first.id

    async def test_of_two_requests_at_once_one_counts(self, office: Office) -> None:
        asked = await asyncio.gather(
            *(office.service.request_channel(GUILD, FANS, NOW - WEEK, by) for by in (MODERATOR, OTHER))
        )
        assert sorted(one.new for one in asked) == [False, True]
        assert len({one.progress.sweep.id for one in asked}) == 1
        assert office.woken == 1

    async def test_a_scan_of_the_server_has_it_before_it(self, office: Office) -> None:
        server = await office.server()
        assert (await office.channel(FANS, WEEK)).id == server.id
        assert (await office.channel(FANS, WEEK + DAY)).id != server.id, "that one reaches further back"
        await office.read(server, VOICE, WEEK, StretchState.DONE)
        assert (await office.channel(VOICE, WEEK)).id != server.id, "the server's has it behind it"

    async def test_there_is_a_limit(self, office: Office) -> None:
        office.channels.heads = [ChannelHead(number, first_id(NOW), readable=True) for number in range(1, 30)]
        for number in range(1, requests.MOST_AT_ONCE + 1):
            await office.channel(number)
        with pytest.raises(RefusedError, match="20 scans go on"):
            await office.channel(29)
        assert (await office.channel(1)).id == 1, "what goes on is told of all the same"

    async def test_before_the_bot_is_connected_it_says_so(self, store: Store) -> None:
        service = SweepService(store, CatchUpSettings(), clock=lambda: NOW)
        with pytest.raises(NotAllowedError, match="not connected"):
            await service.request_channel(GUILD, FANS, NOW - DAY, MODERATOR)


class TestTheServer:
    """A request for all channels."""

    async def test_every_channel_with_something_to_read_is_read(self, office: Office) -> None:
        asked = await office.service.request_server(GUILD, NOW - WEEK, MODERATOR)
        assert asked.new
        async with office.store.read() as tx:
            stretches = await tx.sweeps.stretches(asked.progress.sweep.id)
        assert {one.channel_id: one.state for one in stretches} == {
            FANS: StretchState.WAITING,
            VOICE: StretchState.WAITING,
            THREAD: StretchState.WAITING,
            CLOSED: StretchState.UNREADABLE,
        }
        assert office.channels.asked == [NOW - WEEK]
        progress = asked.progress
        assert (progress.channels, progress.read, progress.unreadable, progress.channel_id) == (3, 0, 1, None)

    async def test_only_what_is_new_enough(self, office: Office) -> None:
        office.channels.archive = []
        assert await office.service.outlook(GUILD, NOW - WEEK) == requests.Outlook(2, 1)
        assert await office.service.outlook(GUILD, NOW - 2 * DAY) == requests.Outlook(2, 1)
        assert await office.service.outlook(GUILD, NOW - DAY) == requests.Outlook(1, 1)
        with pytest.raises(RefusedError, match="Nothing was posted"):
            await office.server(timedelta(hours=1))

    async def test_a_thread_that_is_told_of_twice_is_read_once(self, office: Office) -> None:
        office.channels.archive.append(office.channels.heads[0])
        sweep = await office.server()
        async with office.store.read() as tx:
            channels = [one.channel_id for one in await tx.sweeps.stretches(sweep.id)]
        assert sorted(channels) == [FANS, VOICE, THREAD, CLOSED]

    async def test_of_two_requests_at_once_one_counts(self, office: Office) -> None:
        asked = await asyncio.gather(
            *(office.service.request_server(GUILD, NOW - WEEK, by) for by in (MODERATOR, OTHER))
        )
        assert sorted(one.new for one in asked) == [False, True]
        assert (await office.service.server_scan(GUILD)) is not None
        asked_before = len(office.channels.asked)
        assert not (await office.service.request_server(GUILD, NOW - DAY, OTHER)).new
        assert len(office.channels.asked) == asked_before, "Discord is not asked for what is known to be in vain"

    async def test_without_an_answer_nothing_is_begun(self, office: Office) -> None:
        office.channels.answers = False
        with pytest.raises(NoAnswerError):
            await office.server()
        assert await office.service.server_scan(GUILD) is None
        assert office.woken == 0


class TestStopping:
    """Pause, go on, cancel."""

    async def test_a_pause_stops_the_reading_alone(self, office: Office) -> None:
        sweep = await office.channel()
        await office.service.pause(GUILD, sweep.id, OTHER)
        async with office.store.read() as tx:
            assert await tx.sweeps.waiting([GUILD]) == []
        await office.service.go_on(GUILD, sweep.id, MODERATOR)
        assert office.woken == 3, "the sweeper is told of each"
        async with office.store.read() as tx:
            assert len(await tx.sweeps.waiting([GUILD])) == 1
        await office.service.cancel(GUILD, sweep.id, OTHER)
        assert [action for action, _, _ in await office.actions()] == [
            AuditAction.SCAN_REQUESTED,
            AuditAction.SCAN_PAUSED,
            AuditAction.SCAN_CONTINUED,
            AuditAction.SCAN_CANCELLED,
        ]

    @pytest.mark.parametrize("what", ["pause", "cancel"])
    async def test_of_two_presses_at_once_one_counts(self, office: Office, what: str) -> None:
        sweep = await office.channel()
        press = getattr(office.service, what)
        answers = await asyncio.gather(
            *(press(GUILD, sweep.id, by) for by in (MODERATOR, OTHER)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, NotAllowedError)]
        assert len(refused) == 1
        assert str(refused[0]) == {"pause": requests.PAUSED_BEFORE, "cancel": requests.OVER}[what]
        assert len(await office.actions()) == 2

    async def test_what_does_not_fit_is_refused(self, office: Office) -> None:
        sweep = await office.channel()
        with pytest.raises(NotAllowedError, match="goes on already"):
            await office.service.go_on(GUILD, sweep.id, MODERATOR)
        await office.end(sweep)
        for press in (office.service.pause, office.service.go_on, office.service.cancel):
            with pytest.raises(NotAllowedError, match="over already"):
                await press(GUILD, sweep.id, MODERATOR)
            with pytest.raises(NotFoundError, match="no scan S-1 here"):
                await press(OTHER_GUILD, sweep.id, MODERATOR)
            with pytest.raises(NotFoundError, match="no scan S-99"):
                await press(GUILD, 99, MODERATOR)

    async def test_catching_up_cannot_be_stopped(self, office: Office) -> None:
        async with office.store.write() as tx:
            sweep = await tx.sweeps.open(GUILD, SweepKind.CATCH_UP, NOW, [Range(FANS, 1, 900)])
        with pytest.raises(NotAllowedError, match="always read"):
            await office.service.cancel(GUILD, sweep.id, MODERATOR)


class TestProgress:
    """How far it is."""

    async def test_channels_count_alike_and_those_that_cannot_be_read_do_not(self, office: Office) -> None:
        sweep = await office.server()
        await office.read(sweep, FANS, timedelta(days=4), StretchState.WAITING)  # half of what lies between 1 and 7
        await office.read(sweep, VOICE, WEEK, StretchState.DONE)
        progress = await office.service.progress(GUILD, sweep.id)
        assert (progress.channels, progress.read, progress.percent) == (3, 1, 50)
        await office.read(sweep, FANS, timedelta(days=4), StretchState.GONE)
        await office.read(sweep, THREAD, WEEK - timedelta(seconds=1), StretchState.WAITING)
        progress = await office.service.progress(GUILD, sweep.id)
        assert (progress.percent, progress.all_read) == (99, False), "it is 100 when all is read, and not before"
        await office.read(sweep, THREAD, WEEK, StretchState.DONE)
        progress = await office.service.progress(GUILD, sweep.id)
        assert (progress.percent, progress.all_read, progress.over) == (100, True, False)

    async def test_pictures_are_counted(self, office: Office) -> None:
        sweep = await office.channel()
        async with office.store.write() as tx:
            await tx.sweeps.count_read(sweep.id, messages=100, media=7)
            await tx.sweeps.count_scanned(sweep.id, Verdict.REMOVE, 2)
        progress = await office.service.progress(GUILD, sweep.id)
        assert (progress.sweep.counts.messages, progress.sweep.counts.removed, progress.unscanned) == (100, 2, 5)

    async def test_an_estimate_needs_something_to_go_by(self, office: Office) -> None:
        sweep = await office.channel()
        assert (await office.service.progress(GUILD, sweep.id)).left is None
        office.time += timedelta(seconds=60)
        await office.read(sweep, FANS, timedelta(days=2, hours=12), StretchState.WAITING)  # a quarter of six days
        assert (await office.service.progress(GUILD, sweep.id)).left == timedelta(minutes=3)
        await office.service.pause(GUILD, sweep.id, MODERATOR)
        assert (await office.service.progress(GUILD, sweep.id)).left is None
        office.time += timedelta(hours=5)
        await office.service.go_on(GUILD, sweep.id, MODERATOR)
        assert (await office.service.progress(GUILD, sweep.id)).left is None, "the pause says nothing about the pace"

    def test_a_pace_forgets_what_is_long_ago(self) -> None:
        pace = Pace()
        pace.look(NOW, 0.0)
        pace.look(NOW + timedelta(hours=1), 0.5)
        assert pace.left is None
        pace.look(NOW + timedelta(hours=1, seconds=30), 0.6)
        assert pace.left == timedelta(seconds=120)

    @pytest.mark.parametrize(
        ("left", "shown"),
        [(timedelta(0), 1), (timedelta(minutes=17, seconds=20), 17), (timedelta(minutes=44), 45), (3.4 * DAY, 4920)],
    )
    def test_an_estimate_is_rounded(self, left: timedelta, shown: int) -> None:
        assert rounded(left) == timedelta(minutes=shown)

    async def test_the_status_tells_of_everything_in_this_guild(self, office: Office) -> None:
        async with office.store.write() as tx:
            ranges = [
                Range(FANS, first_id(NOW - DAY), first_id(NOW)),
                Range(CLOSED, first_id(NOW - WEEK), first_id(NOW)),
            ]
            caught_up = await tx.sweeps.open(GUILD, SweepKind.CATCH_UP, NOW, ranges)
            await tx.sweeps.open(OTHER_GUILD, SweepKind.CATCH_UP, NOW, ranges)
        await office.end(caught_up)
        done = await office.channel()
        await office.end(done)
        server = await office.server()
        told = await office.service.status(GUILD)
        assert [one.sweep.id for one in told.running] == [server.id]
        assert [one.sweep.id for one in told.finished] == [done.id, caught_up.id]
        assert [(one.sweep_id, one.channel_id) for one in told.unreadable] == [(server.id, CLOSED)]
        assert (await office.service.status(123)) == requests.Status((), (), ())

    async def test_only_the_last_ones_that_ended_are_told_of(self, office: Office) -> None:
        for _ in range(requests.LAST_FINISHED + 3):
            await office.end(await office.channel())
        told = await office.service.status(GUILD)
        assert [one.sweep.id for one in told.finished] == [8, 7, 6, 5, 4]


class Wall:
    """Where messages hang that show how far sweeps are."""

    def __init__(self) -> None:
        self.shown: list[Progress] = []
        self.outcome = Shown.YES

    async def change(self, progress: Progress) -> Shown:
        self.shown.append(progress)
        return self.outcome


class TestTheBoard:
    """The messages that show how far sweeps are."""

    @pytest.fixture
    def wall(self) -> Wall:
        return Wall()

    @pytest.fixture
    def board(self, office: Office, wall: Wall) -> ProgressBoard:
        board = ProgressBoard(office.service, clock=office.now)
        board.connect(wall.change, lambda guild_id: guild_id == GUILD)
        return board

    async def hung(self, office: Office) -> Sweep:
        sweep = await office.channel()
        await office.service.show_in(sweep.id, FANS, first_id(NOW))
        return sweep

    async def test_a_message_changes_when_something_did(self, office: Office, wall: Wall, board: ProgressBoard) -> None:
        sweep = await self.hung(office)
        await office.channel(VOICE)  # nothing shows this one
        for _ in range(3):
            await board.show_progress()
        assert [one.sweep.id for one in wall.shown] == [sweep.id]
        await office.read(sweep, FANS, timedelta(days=4), StretchState.WAITING)
        for _ in range(3):
            await board.show_progress()
        assert [one.percent for one in wall.shown] == [0, 50]

    async def test_the_last_word_is_said_once(self, office: Office, wall: Wall, board: ProgressBoard) -> None:
        sweep = await self.hung(office)
        await board.show_progress()
        await office.end(sweep)
        wall.outcome = Shown.LATER
        await board.show_progress()
        wall.outcome = Shown.YES
        await board.show_progress()
        await board.show_progress()
        assert [one.over for one in wall.shown] == [False, True, True], "until it was heard"
        assert (await office.service.progress(GUILD, sweep.id)).sweep.message_id is None

    async def test_a_message_that_is_gone_is_left_alone(self, office: Office, wall: Wall, board: ProgressBoard) -> None:
        sweep = await self.hung(office)
        wall.outcome = Shown.GONE
        await board.show_progress()
        await office.read(sweep, FANS, timedelta(days=4), StretchState.WAITING)
        await board.show_progress()
        assert len(wall.shown) == 1

    async def test_each_process_changes_its_own(self, office: Office, wall: Wall, board: ProgressBoard) -> None:
        sweep = await self.hung(office)
        async with office.store.write() as tx:
            theirs = await tx.sweeps.open(OTHER_GUILD, SweepKind.SERVER, NOW, [Range(FANS, 1, 900)], requested_by=1)
            await tx.sweeps.show_in(theirs.id, FANS, 901)
        await board.show_progress()
        assert [one.sweep.id for one in wall.shown] == [sweep.id]
        other, elsewhere = ProgressBoard(office.service, clock=office.now), Wall()
        other.connect(elsewhere.change, lambda guild_id: guild_id == OTHER_GUILD)
        await other.show_progress()
        assert [one.sweep.id for one in elsewhere.shown] == [theirs.id]

    async def test_after_a_restart_it_goes_on(self, office: Office, wall: Wall, board: ProgressBoard) -> None:
        sweep = await self.hung(office)
        await board.show_progress()
        await office.end(sweep)
        again = ProgressBoard(SweepService(office.store, CatchUpSettings(), clock=office.now), clock=office.now)
        again.connect(wall.change, lambda _: True)
        await again.show_progress()
        assert [one.over for one in wall.shown] == [False, True]

    async def test_an_old_message_changes_less_often(self, office: Office, wall: Wall, board: ProgressBoard) -> None:
        sweep = await self.hung(office)
        office.time = NOW + timedelta(hours=2)
        await board.show_progress()
        for days in (3, 4):
            office.time += OLD_PAUSE / 2
            await office.read(sweep, FANS, timedelta(days=days), StretchState.WAITING)
            await board.show_progress()
        assert [one.percent for one in wall.shown] == [0, 50]
        await office.service.pause(GUILD, sweep.id, MODERATOR)
        await board.show_progress()
        assert wall.shown[-1].sweep.state is SweepState.PAUSED, "what somebody did is shown at once"

    async def test_a_cancelled_one_has_its_last_word_when_all_is_scanned(
        self, office: Office, wall: Wall, board: ProgressBoard
    ) -> None:
        sweep = await self.hung(office)
        await office.service.cancel(GUILD, sweep.id, MODERATOR)
        await board.show_progress()
        async with office.store.write() as tx:
            await tx.sweeps.finish(sweep.id, NOW)
        await board.show_progress()
        await board.show_progress()
        assert [(one.over, one.sweep.state) for one in wall.shown] == [
            (False, SweepState.CANCELLED),
            (True, SweepState.CANCELLED),
        ]

    async def test_without_a_bot_nothing_is_changed(self, office: Office, wall: Wall, board: ProgressBoard) -> None:
        await self.hung(office)
        board.disconnect()
        await board.show_progress()
        assert wall.shown == []


async def test_the_audit_log_holds_no_member(office: Office) -> None:
    await office.channel()
    async with office.store.read() as tx:
        rows = (await tx.connection.execute(sa.text("SELECT * FROM audit"))).all()
    assert str(MODERATOR) not in [str(value) for row in rows for value in row]
