"""Every number of a guild from rows made by hand, on both databases; and what no number tells."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.cases.stats import ENOUGH, ENOUGH_DECISIONS, StatsService
from bot.model import (
    AppealNumbers,
    AppealOutcome,
    BankKind,
    BankLevel,
    CallKind,
    Case,
    CaseEvent,
    CaseOrigin,
    CaseState,
    Category,
    Decision,
    GuildSettings,
    ListNumbers,
    MessageRef,
    Numbers,
    OpenCases,
    Plan,
    PublicNumbers,
    ReportNumbers,
    SanctionKind,
    SanctionState,
    Scan,
    Share,
    Surface,
    Thresholds,
    Verdict,
)
from bot.ops import retention
from bot.settings import RetentionSettings
from bot.store.engine import Store, Tx
from tests.store.samples import fingerprint
from tests.store.samples import match as match_with

GUILD, OTHER_GUILD, MODERATOR = 10, 11, 40
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = datetime(2026, 11, 22, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LANE = Category.MINOR_SUSPECTED


class Books:
    """Writes rows as the services would, at any time."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.stats = StatsService(store, clock=lambda: NOW)
        self._message = 1000

    async def numbers(self, days: int = 7, **options) -> Numbers:
        return await self.stats.numbers(GUILD, days, **options)

    async def case(
        self,
        opened: datetime,
        *,
        category: Category = Category.NCII_SYNTHETIC,
        origin: CaseOrigin = CaseOrigin.MATCH,
        state: CaseState = CaseState.OPEN,
        listed: str | None = None,
        guild_id: int = GUILD,
    ) -> Case:
        async with self.store.write() as tx:
            entry = None if listed is None else await self._entry(tx, listed)
            case = await tx.cases.open(
                guild_id=guild_id,
                category=category,
                origin=origin,
                opened_at=opened,
                entry_id=None if entry is None else entry.id,
                match=None if entry is None else match_with(entry),
                thresholds=Thresholds(),
                program_version="0.1.0",
                fingerprint=None,
            )
            if state is not CaseState.OPEN:
                case = await tx.cases.compare_and_set(case.id, case.version, state=state) or case
        return case

    async def _entry(self, tx: Tx, listed: str):
        bank = await tx.banks.ensure(listed, BankKind.BLOCK, None, BankLevel.REMOVE)
        return await tx.banks.add_entry(
            bank_id=bank.id,
            category=Category.NCII_SYNTHETIC,
            fingerprint=fingerprint(views=0),
            note="",
            added_by=None,
            source="test",
            added_at=NOW,
        )

    async def picture(
        self,
        case: Case | None = None,
        *,
        seen: datetime = NOW - MINUTE,
        gone: datetime | None = None,
        verdict: Verdict = Verdict.CLEAR,
        guild_id: int = GUILD,
    ) -> None:
        self._message += 1
        ref = MessageRef(guild_id, 20, self._message, 50)
        async with self.store.write() as tx:
            scan = Scan(Plan(verdict), None, b"\1" * 32)
            await tx.sightings.add(
                ref, "a", Surface.ATTACHMENT, scan, seen_at=seen, case_id=None if case is None else case.id
            )
            if gone is not None:
                await tx.sightings.mark_deleted(ref.message_id, gone)

    async def decide(
        self, case: Case, decision: Decision, at: datetime, *, duplicate_of: int | None = None, event: bool = True
    ) -> Case:
        async with self.store.write() as tx:
            decided = await tx.cases.compare_and_set(
                case.id,
                case.version,
                state=CaseState.DECIDED,
                decision=decision,
                decided_by=MODERATOR,
                decided_at=at,
                decision_number=case.decision_number + 1,
                duplicate_of=duplicate_of,
            )
            assert decided is not None
            if event:
                await tx.events.add(CaseEvent(case.id, at, decision.value, MODERATOR, ""))
        return decided

    async def event(self, case: Case, kind: str, at: datetime, actor: int | None = MODERATOR) -> None:
        async with self.store.write() as tx:
            await tx.events.add(CaseEvent(case.id, at, kind, actor, ""))

    async def decided(
        self, decision: Decision, at: datetime, *, after: timedelta = HOUR, removed: bool = False, **options
    ) -> Case:
        """A case that was opened ``after`` before it was decided, with a picture that was removed at once or stands."""
        case = await self.case(at - after, **options)
        seen = at - after
        await self.picture(case, seen=seen, gone=seen + timedelta(seconds=1) if removed else None)
        return await self.decide(case, decision, at)


@pytest.fixture
def books(store: Store) -> Books:
    return Books(store)


async def test_a_guild_without_anything_has_zeros_for_every_day(books):
    found = await books.numbers(7)
    assert [day.day for day in found.days] == [date(2026, 11, 16 + number) for number in range(7)]
    assert found == Numbers(GUILD, TODAY - 6 * DAY, NOW, found.days)
    assert all(
        (day.scanned, day.removed, day.reviewed, day.mistaken, day.median) == (0, 0, 0, 0, None) for day in found.days
    )
    assert found.false_positives.value is None


@pytest.mark.parametrize("days", [0, -1, 91])
async def test_only_periods_that_are_kept_can_be_asked_for(books, days):
    with pytest.raises(ValueError, match="1 to 90"):
        await books.numbers(days)


class TestPictures:
    """What was scanned and removed."""

    async def test_pictures_come_from_tallies_and_from_the_days_not_counted_yet(self, books, store):
        for days in (0, 0, 1, 3, 3, 3, 7):
            await books.picture(seen=NOW - days * DAY - MINUTE)
        await books.picture(guild_id=OTHER_GUILD)
        live = await books.numbers(7)
        await retention.count_days(store, RetentionSettings(sightings_days=8), now=NOW)
        counted = await books.numbers(7)
        assert live == counted
        assert counted.scanned == 6
        assert [day.scanned for day in counted.days] == [0, 0, 0, 3, 0, 1, 2]
        await retention.purge(store, RetentionSettings(sightings_days=1), exposure_days=90, now=NOW)
        assert await books.numbers(7) == counted

    async def test_what_could_not_be_scanned_is_counted_too(self, books):
        await books.picture(verdict=Verdict.UNSCANNABLE)
        await books.picture()
        found = await books.numbers(1)
        assert (found.scanned, found.unscannable) == (2, 1)

    async def test_removals_are_parted_by_who_wanted_them(self, books):
        at = NOW - DAY
        case = await books.case(at)
        await books.picture(case, seen=at, gone=at + timedelta(seconds=2))
        await books.picture(case, seen=at)  # stands
        await books.picture(case, seen=at, gone=at + HOUR + MINUTE)
        await books.decide(case, Decision.CONFIRM, at + HOUR)
        await books.picture(case, seen=at + 2 * HOUR, gone=at + 2 * HOUR + MINUTE)  # a copy, after the decision
        found = await books.numbers(7)
        assert (found.removed_at_once, found.removed_by_person, found.removed) == (2, 1, 3)
        assert [day.removed for day in found.days] == [0, 0, 0, 0, 0, 3, 0]

    @pytest.mark.parametrize(
        ("kind", "actor", "early", "by_person"),
        [
            ("blocked", MODERATOR, timedelta(0), True),
            ("blocked", MODERATOR, timedelta(milliseconds=500), True),
            ("blocked", MODERATOR, timedelta(seconds=5), False),
            ("reported_to_discord", MODERATOR, timedelta(0), True),
            ("merged", MODERATOR, timedelta(0), True),
            ("note", MODERATOR, timedelta(0), False),
            ("confirm", None, timedelta(0), False),
        ],
    )
    async def test_a_person_removed_it_if_they_acted_while_it_stood(self, books, kind, actor, early, by_person):
        case = await books.case(NOW - HOUR)
        await books.event(case, kind, NOW - HOUR - early, actor)
        await books.picture(case, seen=NOW - HOUR, gone=NOW)
        found = await books.numbers(7, until=NOW + MINUTE)
        assert (found.removed_by_person, found.removed_at_once) == ((1, 0) if by_person else (0, 1))

    async def test_only_the_period_and_the_guild_count(self, books):
        for gone in (TODAY - 6 * DAY, NOW - MINUTE):
            await books.picture(await books.case(gone), seen=gone, gone=gone)
        for gone in (TODAY - 6 * DAY - MINUTE, NOW):
            await books.picture(await books.case(gone), seen=gone, gone=gone)
        other = await books.case(NOW - HOUR, guild_id=OTHER_GUILD)
        await books.picture(other, seen=NOW - HOUR, gone=NOW - HOUR, guild_id=OTHER_GUILD)
        assert (await books.numbers(7)).removed == 2


class TestDecisions:
    """What people decided, how fast, and how often the machine was wrong."""

    async def test_decided_cases_are_counted_on_their_day(self, books):
        for decision, days in ((Decision.CONFIRM, 0), (Decision.NO_ACTION, 2), (Decision.CONFIRM, 2)):
            await books.decided(decision, NOW - days * DAY - HOUR)
        await books.decided(Decision.CONFIRM, TODAY - 6 * DAY - MINUTE)
        await books.case(NOW - HOUR)
        found = await books.numbers(7)
        assert found.reviewed == 3
        assert [day.reviewed for day in found.days] == [0, 0, 0, 0, 2, 0, 1]

    async def test_false_positives_are_mistakes_among_what_was_removed_before(self, books):
        for decision in (Decision.NOT_A_MATCH, Decision.HARMLESS_EDIT, Decision.NO_ACTION, Decision.CONFIRM):
            await books.decided(decision, NOW - HOUR, removed=True)
            await books.decided(decision, NOW - HOUR, removed=False)
        original = await books.case(NOW - HOUR)
        duplicate = await books.case(NOW - HOUR)
        await books.picture(duplicate, seen=NOW - HOUR, gone=NOW - HOUR)
        await books.decide(duplicate, Decision.DUPLICATE, NOW - MINUTE, duplicate_of=original.id)
        found = await books.numbers(7)
        assert found.false_positives == Share(3, 4)
        assert found.false_positives.value == 0.75
        assert found.days[-1].mistaken == 3

    async def test_what_was_removed_by_the_decision_was_no_false_positive(self, books):
        case = await books.case(NOW - 2 * HOUR)
        await books.picture(case, seen=NOW - 2 * HOUR, gone=NOW - HOUR + MINUTE)
        await books.decide(case, Decision.CONFIRM, NOW - HOUR)
        assert (await books.numbers(7)).false_positives == Share(0, 0)

    async def test_a_decision_that_was_taken_back_counts_no_more(self, books, store):
        case = await books.decided(Decision.NOT_A_MATCH, NOW - HOUR, removed=True)
        async with store.write() as tx:
            await tx.cases.compare_and_set(
                case.id, case.version, state=CaseState.OPEN, decision=None, decided_by=None, decided_at=None
            )
        found = await books.numbers(7)
        assert (found.reviewed, found.false_positives) == (0, Share())

    @pytest.mark.parametrize(
        ("minutes", "median", "p90"),
        [
            ([], None, None),
            ([7], 7, 7),
            ([5, 1], 3, 5),
            ([30, 10, 20], 20, 30),
            (list(range(1, 11)), 5.5, 9),
            (list(range(1, 12)), 6, 10),
        ],
    )
    async def test_time_to_decision(self, books, minutes, median, p90):
        for number in minutes:
            await books.decided(Decision.CONFIRM, NOW - HOUR, after=number * MINUTE)
        found = await books.numbers(7)
        assert found.decision_median == (None if median is None else median * MINUTE)
        assert found.decision_p90 == (None if p90 is None else p90 * MINUTE)
        assert found.days[-1].median == found.decision_median

    async def test_each_day_has_its_own_median(self, books):
        for days, minutes in ((0, 2), (0, 4), (1, 60), (3, 1), (3, 2), (3, 9)):
            await books.decided(Decision.CONFIRM, NOW - days * DAY - MINUTE, after=minutes * MINUTE)
        found = await books.numbers(7)
        assert [day.median for day in found.days] == [None, None, None, 2 * MINUTE, None, HOUR, 3 * MINUTE]

    async def test_the_first_decision_counts_and_not_the_last(self, books):
        case = await books.decided(Decision.CONFIRM, NOW - 5 * HOUR, after=MINUTE)
        await books.decide(case, Decision.NOT_A_MATCH, NOW - HOUR)
        assert (await books.numbers(7)).decision_median == MINUTE

    async def test_a_block_of_an_open_case_decides_it_without_an_event_of_its_own(self, books):
        case = await books.case(NOW - 2 * HOUR)
        await books.decide(case, Decision.CONFIRM, NOW - HOUR, event=False)
        assert (await books.numbers(7)).decision_median == HOUR

    async def test_a_moderators_own_find_says_nothing_about_the_time(self, books):
        await books.decided(Decision.CONFIRM, NOW - HOUR, after=timedelta(0), origin=CaseOrigin.BLOCK)
        found = await books.numbers(7)
        assert (found.reviewed, found.decision_median) == (1, None)

    async def test_lists_are_judged_by_the_decisions_on_their_matches(self, books):
        for decision in (Decision.CONFIRM, Decision.NOT_A_MATCH, Decision.CONFIRM):
            await books.decided(decision, NOW - HOUR, listed="shared")
        await books.decided(Decision.NO_ACTION, NOW - HOUR, listed="foreign")
        await books.decided(Decision.CONFIRM, NOW - 8 * DAY, listed="old")
        await books.decided(Decision.CONFIRM, NOW - HOUR)  # nothing matched
        duplicate = await books.case(NOW - HOUR, listed="shared")
        await books.decide(duplicate, Decision.DUPLICATE, NOW - MINUTE, duplicate_of=1)
        assert (await books.numbers(7)).lists == (
            ListNumbers("shared", 3, Share(1, 3)),
            ListNumbers("foreign", 1, Share(1, 1)),
        )


async def test_open_cases_by_age_and_apart_from_them_the_escalated_and_the_appealed(books):
    for age in (MINUTE, 5 * HOUR, 6 * HOUR, 23 * HOUR, DAY, 2 * DAY, 3 * DAY, 40 * DAY):
        await books.case(NOW - age)
    await books.case(NOW - HOUR, state=CaseState.CLAIMED)
    await books.case(NOW - 4 * DAY, state=CaseState.ESCALATED)
    await books.case(NOW - HOUR, state=CaseState.APPEALED)
    await books.case(NOW - HOUR, state=CaseState.APPEALED)
    for state in (CaseState.DECIDED, CaseState.CLOSED, CaseState.EXPIRED):
        await books.case(NOW - HOUR, state=state)
    await books.case(NOW - HOUR, guild_id=OTHER_GUILD)
    assert (await books.numbers(7)).open == OpenCases(
        total=12, under_6_hours=3, under_24_hours=2, under_3_days=2, older=2, escalated=1, appealed=2
    )


class TestPeople:
    """Reports, appeals and sanctions, and what came of them."""

    async def report(self, books, case, reporter=60, at=NOW - HOUR):
        async with books.store.write() as tx:
            await tx.reports.add(
                case_id=case.id, guild_id=case.guild_id, reporter_id=reporter, category=Category.OTHER, at=at
            )

    async def test_reports_by_what_came_of_them(self, books):
        confirmed = await books.decided(Decision.CONFIRM, NOW - HOUR)
        await self.report(books, confirmed, 60)
        await self.report(books, confirmed, 61)
        await self.report(books, await books.decided(Decision.HARMLESS_EDIT, NOW - HOUR))
        await self.report(books, await books.case(NOW - DAY, state=CaseState.EXPIRED))
        await self.report(books, await books.case(NOW - DAY, state=CaseState.ESCALATED))
        for other in (confirmed, await books.case(NOW - HOUR)):
            duplicate = await books.case(NOW - HOUR)
            await books.decide(duplicate, Decision.DUPLICATE, NOW - MINUTE, duplicate_of=other.id)
            await self.report(books, duplicate)
        await self.report(books, confirmed, 62, NOW - 8 * DAY)
        await self.report(books, await books.case(NOW - DAY, guild_id=OTHER_GUILD))
        assert (await books.numbers(7)).reports == ReportNumbers(total=7, confirmed=3, rejected=2, open=2)

    async def test_appeals_by_their_answers(self, books, store):
        for number, outcome in enumerate([AppealOutcome.UPHELD, AppealOutcome.OVERTURNED, AppealOutcome.UPHELD, None]):
            case = await books.decided(Decision.CONFIRM, NOW - DAY)
            await self.appeal(store, case, 70 + number, NOW - HOUR, outcome)
        await self.appeal(store, await books.decided(Decision.CONFIRM, NOW - DAY), 80, NOW - 8 * DAY, None)
        found = (await books.numbers(7)).appeals
        assert found == AppealNumbers(upheld=2, overturned=1, open=1)
        assert found.total == 4

    async def appeal(self, store, case, author, at, outcome):
        async with store.write() as tx:
            await tx.appeals.add(
                case_id=case.id, guild_id=GUILD, author_id=author, decision_number=1, statement="no", at=at
            )
            if outcome is not None:
                await tx.appeals.answer(case.id, outcome, MODERATOR, NOW)

    async def test_sanctions_that_stand_by_kind(self, books, store):
        ordered = [
            (SanctionKind.BAN, SanctionState.DONE),
            (SanctionKind.WARN, SanctionState.PENDING),
            (SanctionKind.WARN, SanctionState.DONE),
            (SanctionKind.TIMEOUT, SanctionState.LIFTED),
            (SanctionKind.TIMEOUT, SanctionState.LIFTING),
            (SanctionKind.KICK, SanctionState.FAILED),
        ]
        for number, (kind, state) in enumerate(ordered):
            await self.sanction(store, await books.case(NOW - DAY), number, kind, state, NOW - HOUR)
        await self.sanction(store, await books.case(NOW - DAY), 9, SanctionKind.BAN, SanctionState.DONE, NOW - 8 * DAY)
        assert (await books.numbers(7)).sanctions == ((SanctionKind.WARN, 2), (SanctionKind.BAN, 1))

    async def sanction(self, store, case, user, kind, state, at):
        async with store.write() as tx:
            one = await tx.sanctions.order(
                case_id=case.id,
                guild_id=GUILD,
                user_id=user,
                kind=kind,
                decision_number=1,
                ordered_by=MODERATOR,
                ordered_at=at,
            )
            assert one is not None
            await tx.sanctions.advance(one.id, (SanctionState.PENDING,), state)


class TestSuspectedMinors:
    """No number tells that there is a case of a suspected minor: they are in totals, and there from five on."""

    async def lane(self, books, store, number: int) -> None:
        """So many cases of suspected minors with all that can be counted, and one that waits for each of them."""
        people = TestPeople()
        for one in range(number):
            case = await books.decided(
                Decision.NOT_A_MATCH, NOW - HOUR, after=9 * HOUR, removed=True, category=LANE, listed="lane"
            )
            for _ in range(ENOUGH):  # many pictures of one case are still one case
                await books.picture(case, seen=NOW - 2 * HOUR, gone=NOW - HOUR)
            await people.report(books, case)
            await people.report(books, case, 61)
            await people.appeal(store, case, 70, NOW - HOUR, AppealOutcome.OVERTURNED)
            await people.sanction(store, case, 70, SanctionKind.BAN, SanctionState.DONE, NOW - HOUR)
            await books.case(NOW - 4 * DAY, category=LANE, state=CaseState.ESCALATED if one % 2 else CaseState.OPEN)

    async def ordinary(self, books) -> None:
        case = await books.decided(Decision.CONFIRM, NOW - HOUR, removed=True, listed="own")
        await TestPeople().report(books, case)
        await books.case(NOW - HOUR)

    async def test_fewer_than_five_change_nothing_at_all(self, books, store):
        await self.ordinary(books)
        before = await books.numbers(7)
        public = await books.stats.public(GUILD, 7)
        await self.lane(books, store, ENOUGH - 1)
        after = await books.numbers(7)
        assert pictures_aside(after) == pictures_aside(before)
        assert replace(await books.stats.public(GUILD, 7), scanned=0) == replace(public, scanned=0)

    async def test_from_five_on_they_are_in_totals_and_in_nothing_else(self, books, store):
        await self.ordinary(books)
        before = await books.numbers(7)
        await self.lane(books, store, ENOUGH)
        after = await books.numbers(7)
        assert after.removed_at_once == before.removed_at_once + ENOUGH * (1 + ENOUGH)
        assert after.reviewed == before.reviewed + ENOUGH
        assert after.open.total == before.open.total + ENOUGH
        assert after.reports.total == before.reports.total + 2 * ENOUGH
        totals = {"removed_at_once", "reviewed", "open", "reports"}
        for field in fields(pictures_aside(after)):
            if field.name not in totals:
                assert getattr(pictures_aside(after), field.name) == getattr(pictures_aside(before), field.name)
        assert replace(after.open, total=0) == replace(before.open, total=0)
        assert replace(after.reports, total=0) == replace(before.reports, total=0)

    async def test_a_report_on_a_duplicate_of_such_a_case_does_not_tell_its_outcome(self, books):
        lane = await books.decided(Decision.CONFIRM, NOW - HOUR, category=LANE)
        duplicate = await books.case(NOW - HOUR)
        await books.decide(duplicate, Decision.DUPLICATE, NOW - MINUTE, duplicate_of=lane.id)
        await TestPeople().report(books, duplicate)
        assert (await books.numbers(7)).reports == ReportNumbers()


def pictures_aside(numbers: Numbers) -> Numbers:
    """The numbers without how many pictures were scanned, of which one more or less says nothing."""
    return replace(numbers, scanned=0, days=tuple(replace(day, scanned=0) for day in numbers.days))


class TestPublic:
    """What every member may see."""

    async def test_members_see_the_public_part(self, books, store):
        await books.picture(seen=NOW - HOUR)
        await books.decided(Decision.NOT_A_MATCH, NOW - HOUR, removed=True, after=MINUTE)
        case = await books.decided(Decision.CONFIRM, NOW - HOUR, removed=True, after=3 * MINUTE)
        await TestPeople().appeal(store, case, 70, NOW - HOUR, AppealOutcome.UPHELD)
        found = await books.stats.public(GUILD, 30)
        assert found == PublicNumbers(
            since=TODAY - 29 * DAY,
            until=NOW,
            scanned=3,
            removed=2,
            reviewed=2,
            put_right=1,
            decision_median=2 * MINUTE,
            appeals=AppealNumbers(upheld=1),
            lists=(),
        )

    async def test_the_mistakes_of_a_list_are_told_from_twenty_decisions_on(self, books):
        for number in range(ENOUGH_DECISIONS):
            await books.decided(Decision.CONFIRM if number else Decision.NOT_A_MATCH, NOW - HOUR, listed="shared")
        for _ in range(ENOUGH_DECISIONS - 1):
            await books.decided(Decision.NOT_A_MATCH, NOW - HOUR, listed="small")
        assert (await books.stats.public(GUILD, 7)).lists == (
            ListNumbers("shared", ENOUGH_DECISIONS, Share(1, ENOUGH_DECISIONS)),
            ListNumbers("small", ENOUGH_DECISIONS - 1, None),
        )


class TestWeekly:
    """The call for the weekly post."""

    GUILD_SETTINGS = GuildSettings(GUILD, review_channel_id=30)

    async def calls(self, books, guild=GUILD_SETTINGS, now=NOW):
        async with books.store.write() as tx:
            return await books.stats.weekly(tx, guild, now)

    async def test_it_goes_to_the_log_channel_or_else_to_the_review_channel(self, books):
        [call] = await self.calls(books)
        assert (call.kind, call.guild_id, call.case_id) == (CallKind.STATS_POST, GUILD, None)
        assert call.payload == {"channel_id": 30, "until": TODAY.isoformat()}
        [call] = await self.calls(books, replace(self.GUILD_SETTINGS, log_channel_id=31))
        assert call.payload["channel_id"] == 31
        assert await self.calls(books, GuildSettings(GUILD)) == ()

    async def test_a_calendar_week_has_one_call_whoever_writes_it_how_often(self, books, store):
        monday = datetime(2026, 11, 16, tzinfo=UTC)
        written = 0
        for hours in range(0, 8 * 24, 12):
            calls = await self.calls(books, now=monday + timedelta(hours=hours))
            async with store.write() as tx:
                written += await tx.outbox.put(calls, NOW)
        assert written == 2

    async def test_its_numbers_end_with_the_last_completed_day(self, books):
        for seen in (NOW, TODAY, TODAY - MINUTE, TODAY - 7 * DAY, TODAY - 7 * DAY - MINUTE):
            await books.picture(seen=seen)
        found = await books.numbers(7, until=TODAY)
        assert (found.since, found.until, found.scanned) == (TODAY - 7 * DAY, TODAY, 2)
        assert (found.days[0].day, found.days[-1].day) == (date(2026, 11, 15), date(2026, 11, 21))
