"""What moderators see of reporters, and do about those of bad faith; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.cases.casebook import CasebookService
from bot.errors import NotAllowedError, NotFoundError
from bot.model import (
    CallKind,
    Case,
    CaseState,
    Category,
    Decision,
    Report,
    ReportKind,
    ReportState,
    Scope,
    Weight,
)
from bot.reports.reporters import (
    DROPPED,
    OWN_MESSAGE,
    OWN_REPORT,
    RESTORED,
    SEEN,
    SEEN_AGAIN,
    ByMember,
    ByReport,
    Moderator,
    Restored,
)
from bot.store.tables import metadata
from tests.desk import GUILD, MODERATOR, OTHER_MODERATOR, Desk, picture

from .steps import limit

REPORTER, OTHER_REPORTER, AUTHOR = 123_456_789_012_345_678, 223_456_789_012_345_678, 51
ALL = Scope(ordinary=True, lane=True)
ORDINARY = Scope(ordinary=True, lane=False)
MINA = Moderator(MODERATOR, ORDINARY, may_escalated=False)
HANA = Moderator(OTHER_MODERATOR, ORDINARY, may_escalated=False)
GUARDIAN = Moderator(42, ALL, may_escalated=True)
WHO = ByMember(GUILD, REPORTER)


async def report(
    desk: Desk,
    seed: int,
    reporter: int = REPORTER,
    category: Category = Category.HARASSMENT,
    *,
    author: int = AUTHOR,
    words: str = "",
) -> Case:
    """A member reports a picture that nobody listed; its case."""
    shown = picture(seed)
    message = await desk.post(shown, author=author)
    guild = await desk.guilds.get(GUILD)
    answer = await desk.reports.report(guild, reporter, category, message, [desk.item(message, shown)], words=words)
    return (await desk.cases.view(answer.case_ids[0])).case


async def reports_of(desk: Desk, case: Case) -> list[Report]:
    async with desk.store.read() as tx:
        return await tx.reports.by_case(case.id)


async def states(desk: Desk, cases: Iterable[Case]) -> list[ReportState]:
    return [each.state for case in cases for each in await reports_of(desk, case)]


async def kinds(desk: Desk, case: Case) -> list[str]:
    return [event.kind for event in (await desk.cases.view(case.id)).events]


async def actions(desk: Desk) -> list[str]:
    """What the audit log says of reporters, apart from events of cases."""
    async with desk.store.read() as tx:
        rows = [row async for batch in tx.audit.stream(GUILD) for row in batch]
    return [row.action for row in rows if row.event_id is None and row.action.startswith("report")]


async def muted(desk: Desk, member: int = REPORTER):
    async with desk.store.read() as tx:
        return (await tx.reporters.get(GUILD, tx.reports.digest(GUILD, member))).muted_until


class TestWhoReportedACase:
    async def test_each_report_with_its_words_and_what_is_known_of_who_made_it(self, desk):
        for seed, decision in ((90, Decision.CONFIRM), (91, Decision.CONFIRM), (92, Decision.NOT_A_MATCH)):
            earlier = await report(desk, seed)
            await desk.decisions.decide(earlier.id, earlier.version, MODERATOR, decision)
        case = await report(desk, 1, words="her face on another body")
        async with desk.store.write() as tx:
            await tx.reports.add(
                case_id=case.id,
                guild_id=GUILD,
                reporter_id=OTHER_REPORTER,
                category=Category.SCAM,
                at=desk.now(),
                kind=ReportKind.TAKEDOWN,
            )
        seen = await desk.reporters.of_case(GUILD, case.id, MINA)
        first, second = seen.reports
        assert seen.named
        assert (first.number, first.reporter_id, first.category) == (1, REPORTER, Category.HARASSMENT)
        assert (first.words, first.kind, first.created_at) == (
            "her face on another body",
            ReportKind.REPORT,
            desk.now(),
        )
        assert (first.record.confirmed, first.record.refused) == (2, 1)
        assert first.record.standing.score == pytest.approx(0.6)
        assert (second.number, second.reporter_id, second.kind) == (2, OTHER_REPORTER, ReportKind.TAKEDOWN)
        assert (second.record.confirmed, second.record.refused, second.words) == (0, 0, "")

    async def test_nobody_is_named_where_the_server_wants_that(self, desk):
        case = await report(desk, 1)
        await report(desk, 1, OTHER_REPORTER)
        await desk.guilds.change(GUILD, show_reporters=False)
        await desk.reporters.mute(WHO, MINA, 7)
        seen = await desk.reporters.of_case(GUILD, case.id, MINA)
        assert not seen.named
        assert [(one.number, one.reporter_id, one.muted_until) for one in seen.reports] == [
            (1, None, None),
            (2, None, None),
        ]
        assert SEEN not in await kinds(desk, case), "nobody was seen"

    async def test_a_forgotten_reporter_has_a_number(self, desk):
        case = await report(desk, 1)
        async with desk.store.write() as tx:
            await tx.connection.execute(sa.text("UPDATE reports SET sealed_id = NULL"))
        (seen,) = (await desk.reporters.of_case(GUILD, case.id, MINA)).reports
        assert (seen.number, seen.reporter_id) == (1, None)
        assert SEEN not in await kinds(desk, case)

    async def test_what_was_taken_back_is_left_out_and_the_numbers_stay(self, desk):
        case = await report(desk, 1)
        await report(desk, 1, OTHER_REPORTER)
        first, _ = await reports_of(desk, case)
        async with desk.store.write() as tx:
            await tx.reports.set_state([first.id], ReportState.STANDING, ReportState.WITHDRAWN)
        (seen,) = (await desk.reporters.of_case(GUILD, case.id, MINA)).reports
        assert (seen.number, seen.reporter_id) == (2, OTHER_REPORTER)
        with pytest.raises(NotFoundError):
            await desk.reporters.mute(ByReport(GUILD, case.id, first.id), MINA, 1)

    async def test_who_looked_stands_in_the_history_once_in_a_while(self, desk):
        case = await report(desk, 1)
        for moderator in (MINA, MINA, HANA):
            await desk.reporters.of_case(GUILD, case.id, moderator)
        desk.time += SEEN_AGAIN
        await desk.reporters.of_case(GUILD, case.id, MINA)
        seen = [event for event in (await desk.cases.view(case.id)).events if event.kind == SEEN]
        assert [event.actor_id for event in seen] == [MODERATOR, OTHER_MODERATOR, MODERATOR]

    async def test_whoever_posted_in_the_case_never_sees_it_nor_acts_on_it(self, desk):
        case = await report(desk, 1, author=MODERATOR)
        (made,) = await reports_of(desk, case)
        target = ByReport(GUILD, case.id, made.id)
        for work in (
            desk.reporters.of_case(GUILD, case.id, MINA),
            desk.reporters.mute(target, MINA, 1),
            desk.reporters.unmute(target, MINA),
            desk.reporters.drop(target, MINA, request_id=1),
            desk.reporters.restore(target, MINA, request_id=1),
        ):
            with pytest.raises(NotAllowedError, match="A message of yours") as refused:
                await work
            assert str(refused.value) == OWN_MESSAGE
        assert await kinds(desk, case) == ["opened", "reported"]
        assert len((await desk.reporters.of_case(GUILD, case.id, HANA)).reports) == 1

    async def test_nor_if_their_message_went_to_another_case_with_it(self, desk):
        kept, same = await report(desk, 1), await report(desk, 2, author=MODERATOR)
        await desk.decisions.decide(same.id, same.version, OTHER_MODERATOR, Decision.DUPLICATE, duplicate_of=kept.id)
        for case in (kept, same):
            with pytest.raises(NotAllowedError):
                await desk.reporters.of_case(GUILD, case.id, MINA)

    async def test_a_case_that_is_not_theirs_does_not_exist(self, desk):
        lane = await report(desk, 1, category=Category.MINOR_SUSPECTED)
        case = await report(desk, 2)
        await desk.claims.escalate(case.id, case.version, OTHER_MODERATOR)
        for number, guild_id in ((lane.id, GUILD), (case.id, GUILD), (case.id, GUILD + 1), (999, GUILD)):
            with pytest.raises(NotFoundError, match=f"There is no case {number}"):
                await desk.reporters.of_case(guild_id, number, MINA)
        for number in (lane.id, case.id):
            assert len((await desk.reporters.of_case(GUILD, number, GUARDIAN)).reports) == 1

    async def test_what_cases_of_the_lane_say_of_a_reporter_is_for_the_lane(self, desk):
        lane = await report(desk, 1, category=Category.MINOR_SUSPECTED)
        await desk.decisions.decide(lane.id, lane.version, 42, Decision.CONFIRM)
        case = await report(desk, 2)
        (seen,) = (await desk.reporters.of_case(GUILD, case.id, MINA)).reports
        assert (seen.record.confirmed, seen.record.standing.confirmed) == (0, 0)
        (seen,) = (await desk.reporters.of_case(GUILD, case.id, GUARDIAN)).reports
        assert seen.record.confirmed == 1


class TestMuting:
    async def test_by_name_and_by_a_report(self, desk):
        case = await report(desk, 1)
        (made,) = await reports_of(desk, case)
        until = await desk.reporters.mute(WHO, MINA, 7)
        assert until == await muted(desk) == desk.now() + timedelta(days=7)
        assert (await desk.reporters.of_case(GUILD, case.id, MINA)).reports[0].muted_until == until
        assert await desk.reporters.unmute(ByReport(GUILD, case.id, made.id), HANA)
        assert await muted(desk) is None
        assert not await desk.reporters.unmute(WHO, HANA)
        assert await actions(desk) == ["reporter_muted", "reporter_unmuted"]

    async def test_a_mute_that_ran_out_is_none(self, desk):
        case = await report(desk, 1)
        await desk.reporters.mute(WHO, MINA, 1)
        desk.time += timedelta(days=1)
        assert (await desk.reporters.of_case(GUILD, case.id, MINA)).reports[0].muted_until is None
        assert not await desk.reporters.unmute(WHO, MINA)

    async def test_for_some_times_alone(self, desk):
        for days in (0, -1, 2, 365_000_000):
            with pytest.raises(NotAllowedError, match="1, 7 or 30 days"):
                await desk.reporters.mute(WHO, MINA, days)
        assert await muted(desk) is None

    async def test_nobody_acts_on_themselves(self, desk):
        await report(desk, 1, MODERATOR)
        me = ByMember(GUILD, MODERATOR)
        for work in (
            desk.reporters.mute(me, MINA, 1),
            desk.reporters.unmute(me, MINA),
            desk.reporters.drop(me, MINA, request_id=1),
            desk.reporters.restore(me, MINA, request_id=1),
        ):
            with pytest.raises(NotAllowedError) as refused:
                await work
            assert str(refused.value) == OWN_REPORT

    async def test_two_at_once(self, desk):
        await asyncio.gather(desk.reporters.mute(WHO, MINA, 1), desk.reporters.mute(WHO, HANA, 30))
        assert await muted(desk) in (desk.now() + timedelta(days=1), desk.now() + timedelta(days=30))
        assert await actions(desk) == ["reporter_muted"] * 2

    async def test_a_report_of_another_case_or_server_is_none(self, desk):
        first, second = await report(desk, 1), await report(desk, 2)
        (made,) = await reports_of(desk, first)
        for target in (
            ByReport(GUILD, second.id, made.id),
            ByReport(GUILD + 1, first.id, made.id),
            ByReport(GUILD, first.id, 999),
            ByReport(GUILD, 999, made.id),
        ):
            with pytest.raises(NotFoundError):
                await desk.reporters.mute(target, MINA, 1)


class TestDropping:
    async def test_thirty_open_reports_go_and_come_back_in_one_step(self, desk):
        limit(desk, per_member_10_minutes=31)
        cases = [await report(desk, seed) for seed in range(30)]
        decided = await report(desk, 40)
        await desk.decisions.decide(decided.id, decided.version, MODERATOR, Decision.CONFIRM)
        await report(desk, 0, OTHER_REPORTER)
        await desk.settle()
        drawn = desk.discord.count(CallKind.EDIT_CARD)

        assert await desk.reporters.drop(WHO, MINA, request_id=7) == 30
        await desk.settle()
        assert desk.discord.count(CallKind.EDIT_CARD) == drawn + 30
        first = await desk.cases.view(cases[0].id)
        assert first.report_count == 1, "the other member's report stands"
        assert [part.weight for part in first.case.priority] == [Weight.REPORTS]
        for case in cases[1:]:
            view = await desk.cases.view(case.id)
            assert (view.report_count, view.case.priority, view.case.state) == (0, (), CaseState.OPEN)
            assert view.events[-1].kind == DROPPED
            assert view.events[-1].actor_id == MODERATOR
        assert await states(desk, [decided]) == [ReportState.STANDING]
        assert await actions(desk) == ["reports_dropped"]

        assert await desk.reporters.restore(WHO, HANA, request_id=8) == Restored(30, 0)
        await desk.settle()
        assert desk.discord.count(CallKind.EDIT_CARD) == drawn + 60
        for case in cases:
            view = await desk.cases.view(case.id)
            assert view.events[-1].kind == RESTORED
            assert [part.weight for part in view.case.priority] == [Weight.REPORTS]
        assert (await desk.cases.view(cases[0].id)).report_count == 2
        assert await actions(desk) == ["reports_dropped", "reports_restored"]

    async def test_a_dropped_report_was_wrong_until_it_stands_again(self, desk):
        case = await report(desk, 1)
        await desk.reporters.drop(WHO, MINA, request_id=1)
        (seen,) = (await desk.reporters.of_case(GUILD, case.id, MINA)).reports
        assert (seen.dropped, seen.record.refused) == (True, 1)
        await desk.reporters.restore(WHO, MINA, request_id=2)
        (seen,) = (await desk.reporters.of_case(GUILD, case.id, MINA)).reports
        assert (seen.dropped, seen.record.refused) == (False, 0)

    async def test_the_same_press_counts_once(self, desk):
        first = await report(desk, 1)
        assert await desk.reporters.drop(WHO, MINA, request_id=1) == 1
        second = await report(desk, 2)
        assert await desk.reporters.drop(WHO, MINA, request_id=1) == 0
        assert await states(desk, [first, second]) == [ReportState.DROPPED, ReportState.STANDING]
        assert await desk.reporters.restore(WHO, MINA, request_id=2) == Restored(1, 0)
        assert await desk.reporters.drop(WHO, MINA, request_id=3) == 2
        assert await desk.reporters.restore(WHO, MINA, request_id=2) == Restored()
        assert await states(desk, [first, second]) == [ReportState.DROPPED, ReportState.DROPPED]

    async def test_two_moderators_at_once(self, desk):
        cases = [await report(desk, seed) for seed in range(5)]
        dropped = await asyncio.gather(
            desk.reporters.drop(WHO, MINA, request_id=1), desk.reporters.drop(WHO, HANA, request_id=2)
        )
        assert sorted(dropped) == [0, 5]
        restored = await asyncio.gather(
            desk.reporters.restore(WHO, MINA, request_id=3), desk.reporters.restore(WHO, HANA, request_id=4)
        )
        assert sorted(one.reports for one in restored) == [0, 5]
        assert await states(desk, cases) == [ReportState.STANDING] * 5

    async def test_dropping_while_cases_are_decided_never_waits_for_ever(self, desk):
        cases = [await report(desk, seed) for seed in range(6)]
        results = await asyncio.gather(
            desk.reporters.drop(WHO, MINA, request_id=1),
            *(desk.decisions.decide(case.id, case.version, OTHER_MODERATOR, Decision.CONFIRM) for case in cases),
        )
        dropped = (await states(desk, cases)).count(ReportState.DROPPED)
        assert results[0] == dropped
        for case in cases:
            assert (await desk.cases.view(case.id)).case.state is CaseState.DECIDED

    async def test_what_was_decided_meanwhile_stays_dropped(self, desk):
        first, second = await report(desk, 1), await report(desk, 2)
        await desk.reporters.drop(WHO, MINA, request_id=1)
        await desk.decisions.decide(first.id, first.version, MODERATOR, Decision.NOT_A_MATCH)
        assert await desk.reporters.restore(WHO, MINA, request_id=2) == Restored(1, 1)
        assert await states(desk, [first, second]) == [ReportState.DROPPED, ReportState.STANDING]
        assert await desk.reporters.restore(WHO, MINA, request_id=3) == Restored(0, 1)
        await desk.settle()
        assert desk.discord.told(REPORTER) == [], "who is dropped hears nothing"

    async def test_one_step_at_a_time_the_last_one_first(self, desk):
        first = await report(desk, 1)
        await desk.reporters.drop(WHO, MINA, request_id=1)
        second = await report(desk, 2)
        await desk.reporters.drop(WHO, MINA, request_id=2)
        await desk.reporters.restore(WHO, MINA, request_id=3)
        assert await states(desk, [first, second]) == [ReportState.DROPPED, ReportState.STANDING]
        await desk.reporters.restore(WHO, MINA, request_id=4)
        assert await states(desk, [first, second]) == [ReportState.STANDING, ReportState.STANDING]

    async def test_by_a_report_the_step_that_dropped_it_is_taken_back(self, desk):
        first = await report(desk, 1)
        (made,) = await reports_of(desk, first)
        target = ByReport(GUILD, first.id, made.id)
        await desk.reporters.drop(target, MINA, request_id=1)
        second = await report(desk, 2)
        await desk.reporters.drop(WHO, MINA, request_id=2)
        await desk.reporters.restore(target, HANA, request_id=3)
        assert await states(desk, [first, second]) == [ReportState.STANDING, ReportState.DROPPED]

    async def test_a_report_of_another_member_stays(self, desk):
        case = await report(desk, 1)
        await report(desk, 1, OTHER_REPORTER)
        await desk.reporters.drop(ByMember(GUILD, OTHER_REPORTER), MINA, request_id=1)
        await desk.reporters.drop(WHO, MINA, request_id=2)
        await desk.reporters.restore(WHO, MINA, request_id=3)
        assert await states(desk, [case]) == [ReportState.STANDING, ReportState.DROPPED]

    async def test_reports_about_ones_own_messages_are_left_out_without_a_word(self, desk):
        own, another = await report(desk, 1, author=MODERATOR), await report(desk, 2)
        assert await desk.reporters.drop(WHO, MINA, request_id=1) == 1
        assert await states(desk, [own, another]) == [ReportState.STANDING, ReportState.DROPPED]
        await desk.reporters.drop(WHO, HANA, request_id=2)
        assert await states(desk, [own]) == [ReportState.DROPPED]
        await desk.reporters.restore(WHO, MINA, request_id=3)
        assert await states(desk, [own, another]) == [ReportState.DROPPED, ReportState.STANDING]

    async def test_what_they_may_not_decide_is_left_out_without_a_word(self, desk):
        lane = await report(desk, 1, category=Category.MINOR_SUSPECTED)
        escalated, another = await report(desk, 2), await report(desk, 3)
        await desk.claims.escalate(escalated.id, escalated.version, OTHER_MODERATOR)
        cases = (lane, escalated, another)
        assert await desk.reporters.drop(WHO, MINA, request_id=1) == 1
        assert await states(desk, cases) == [ReportState.STANDING, ReportState.STANDING, ReportState.DROPPED]
        assert await desk.reporters.drop(WHO, GUARDIAN, request_id=2) == 2
        assert await desk.reporters.restore(WHO, MINA, request_id=3) == Restored(1, 0)
        assert await desk.reporters.restore(WHO, MINA, request_id=4) == Restored()
        assert await desk.reporters.restore(WHO, GUARDIAN, request_id=5) == Restored(2, 0)
        assert await states(desk, cases) == [ReportState.STANDING] * 3

    async def test_a_dropped_report_that_was_erased_is_no_trouble(self, desk):
        first, second = await report(desk, 1), await report(desk, 2)
        await desk.reporters.drop(WHO, MINA, request_id=1)
        async with desk.store.write() as tx:
            await tx.connection.execute(sa.text("DELETE FROM reports WHERE case_id = :case"), {"case": first.id})
        assert await desk.reporters.restore(WHO, MINA, request_id=2) == Restored(1, 0)
        assert await states(desk, [second]) == [ReportState.STANDING]

    async def test_a_member_who_reported_nothing(self, desk):
        nobody = ByMember(GUILD, 99)
        assert await desk.reporters.drop(nobody, MINA, request_id=1) == 0
        assert await desk.reporters.restore(nobody, MINA, request_id=2) == Restored()
        assert await actions(desk) == []


class TestHistoryOfAMember:
    async def test_it_knows_the_standing_and_the_mute(self, desk):
        casebook = CasebookService(desk.store, desk.claims, clock=desk.now)
        case = await report(desk, 1)
        await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
        until = await desk.reporters.mute(WHO, MINA, 1)
        known = await casebook.history(GUILD, REPORTER, ORDINARY)
        assert known.record is not None
        assert (known.record.confirmed, known.record.refused) == (1, 0)
        assert (known.muted_until, known.muted_by) == (until, MODERATOR)
        desk.time += timedelta(days=2)
        later = await casebook.history(GUILD, REPORTER, ORDINARY)
        assert (later.muted_until, later.muted_by) == (None, None)

    async def test_nothing_of_it_where_the_server_shows_nobody(self, desk):
        casebook = CasebookService(desk.store, desk.claims, clock=desk.now)
        await report(desk, 1)
        await desk.reporters.mute(WHO, MINA, 1)
        await desk.guilds.change(GUILD, show_reporters=False)
        known = await casebook.history(GUILD, REPORTER, ORDINARY)
        assert known == await casebook.history(GUILD, 99, ORDINARY)
        assert (known.reports_by, known.record, known.muted_until) == (None, None, None)


async def test_nothing_holds_the_reporter_in_clear(desk):
    """After everything that can be done to them: no row of any table names them, outside what is sealed."""
    case = await report(desk, 1, words="the blue dress")
    await report(desk, 2)
    await desk.reporters.of_case(GUILD, case.id, MINA)
    await desk.reporters.mute(WHO, MINA, 1)
    await desk.reporters.drop(WHO, MINA, request_id=1)
    await desk.reporters.restore(WHO, MINA, request_id=2)
    await desk.reporters.unmute(WHO, MINA)
    await desk.settle()
    names = [str(REPORTER).encode(), *(REPORTER.to_bytes(8, order) for order in ("big", "little")), b"blue dress"]
    rows = 0
    async with desk.store.read() as tx:
        for name in metadata.tables:
            for row in await tx.connection.execute(sa.text(f"SELECT * FROM {name}")):
                rows += 1
                for value in row:
                    lies = value if isinstance(value, bytes) else str(value).encode()
                    assert not any(secret in lies for secret in names), f"{name} names the reporter"
    assert rows > 20
