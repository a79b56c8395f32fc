"""What comes first in the queue: the order that the points keep, and that they follow what happens."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cases.casebook import CasebookService
from bot.cases.priority import MINOR, NEAR_MATCH, SIGNAL, TAKEDOWN, VERY_FILE, nearness, parts, urgency
from bot.model import (
    Case,
    CaseState,
    Category,
    Decision,
    Mode,
    PriorityPart,
    ReportKind,
    ReportState,
    Scope,
    Signal,
    SignalKind,
    SignalSource,
    Stage,
    Standing,
    Thresholds,
    Weight,
)
from tests.cogs import builders
from tests.desk import GUILD, MODERATOR, OTHER_MODERATOR, Desk, picture

from .steps import ABUSE, ANOTHER, FAR, NEAR, case_of, listed, opened, reported

ALL = Scope(ordinary=True, lane=True)
REPORT, REQUEST = ReportKind.REPORT, ReportKind.TAKEDOWN
WRONG, NEW, RIGHT = Standing(0, 9), Standing(), Standing(5, 0)
AI = Signal(SignalKind.AI_MADE, SignalSource.PNG_TEXT)
CAMERA = Signal(SignalKind.CAMERA, SignalSource.EXIF)

numbers = st.floats(0, 1000)
standings = st.builds(Standing, numbers, numbers)
reports = st.lists(st.tuples(st.just(REPORT), standings), max_size=30)
cases = st.builds(
    builders.case,
    category=st.sampled_from(Category),
    match=st.none()
    | st.builds(
        builders.match,
        evidence=st.builds(builders.evidence, agreement=st.floats(0, 1), inliers=st.none() | st.integers(0, 99)),
        distance=st.integers(0, 256),
    )
    | st.builds(builders.hash_match, st.integers(0, 256)),
    signals=st.sampled_from([(), (AI,), (CAMERA,), (CAMERA, AI)]),
)


def points(case: Case, given_reports: list[tuple[ReportKind, Standing]], *, stands: bool = True) -> int:
    return sum(part.points for part in parts(case, given_reports, stands=stands))


def plain(**changes) -> Case:
    return builders.case(match=None, **changes)


# --------------------------------------------------------------------------------------------------- the order


@given(cases, cases, reports, reports, standings)
def test_a_request_to_take_down_outweighs_everything_else(asked, other, some, more, standing):
    assert points(asked, [*some, (REQUEST, standing)]) > points(other, more)


@given(cases, cases, reports, reports)
def test_a_suspected_minor_outweighs_any_number_of_reports(one, other, some, more):
    minor = replace(one, category=Category.MINOR_SUSPECTED)
    ordinary = replace(other, category=Category.OTHER)
    assert points(minor, some) > points(ordinary, more)


@given(cases, reports, standings)
def test_a_further_report_never_takes_a_case_back(case, some, another):
    assert points(case, [*some, (REPORT, another)]) >= points(case, some)


@given(reports, st.permutations(range(30)))
def test_the_order_of_reports_does_not_matter(some, order):
    shuffled = [some[at] for at in order if at < len(some)]
    assert points(plain(), shuffled) == points(plain(), some)


@given(st.integers(0, 500), st.integers(2, 6))
def test_any_number_of_newcomers_weighs_less_than_two_who_are_usually_right(crowd, few):
    trusted = Standing(2.5, 0)
    assert trusted.trusted
    assert points(plain(), [(REPORT, NEW)] * crowd) < points(plain(), [(REPORT, trusted)] * few)


@given(st.integers(0, 500))
def test_any_number_of_those_who_are_often_wrong_weighs_less_than_one_newcomer(crowd):
    assert points(plain(), [(REPORT, WRONG)] * crowd) < points(plain(), [(REPORT, NEW)])


@given(cases)
def test_a_near_match_comes_before_what_a_file_says_and_after_a_report(case):
    near = nearness(case.match, case.thresholds) if case.match else 0
    assert near == 0 or NEAR_MATCH <= near <= VERY_FILE
    assert points(plain(), [(REPORT, NEW)]) > NEAR_MATCH > SIGNAL == points(plain(signals=(AI, AI)), [])


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_nearer_match_weighs_more(one, other):
    least, most = sorted((one, other))
    limits = Thresholds()
    assert nearness(builders.match(evidence=builders.evidence(least)), limits) <= nearness(
        builders.match(evidence=builders.evidence(most)), limits
    )


def test_a_match_weighs_by_how_near_it_is():
    limits = Thresholds()
    assert nearness(builders.match(stage=Stage.SHA256, evidence=None, distance=0), limits) == VERY_FILE
    assert nearness(builders.hash_match(0), limits) == VERY_FILE
    assert nearness(builders.hash_match(limits.hash_review), limits) == NEAR_MATCH
    assert nearness(builders.hash_match(limits.hash_review + 1), limits) == 0


def test_a_camera_clears_nobody_and_nothing_said_is_nothing():
    assert points(plain(signals=(CAMERA,)), []) == points(plain(), []) == 0
    assert points(plain(signals=(CAMERA, AI)), []) == SIGNAL


def test_the_parts_say_what_they_are_made_of_the_weightiest_first():
    case = builders.case(signals=(AI,), match=builders.hash_match(47), category=Category.MINOR_SUSPECTED)
    made = parts(case, [(REQUEST, NEW), (REPORT, RIGHT), (REPORT, WRONG)], stands=True)
    assert [(part.weight, part.number, part.trusted) for part in made] == [
        (Weight.TAKEDOWN, 1, 0),
        (Weight.MINOR, 0, 0),
        (Weight.REPORTS, 2, 1),
        (Weight.NEAR_MATCH, 0, 0),
        (Weight.SIGNALS, 0, 0),
    ]
    assert [part.points for part in made][:2] == [TAKEDOWN, MINOR]
    assert points(plain(), [(REPORT, Standing(0, 1000))]) == 1, "it is told that somebody reported"


# --------------------------------------------------------------------------------------------------- what happens


async def weights(desk: Desk, case: Case) -> dict[Weight, PriorityPart]:
    return {part.weight: part for part in (await case_of(desk, case)).priority}


async def known(desk: Desk, reporter: int, decision: Decision, times: int = 3) -> None:
    """Let a member report so many pictures about which a moderator then decides alike."""
    for _ in range(times):
        case = await reported(desk, picture(random.Random(f"{reporter}{desk.message()}").randrange(10**9)), reporter)
        await desk.decisions.decide(case.id, case.version, MODERATOR, decision)


async def request(desk: Desk, case: Case, requester: int = 90, at: datetime | None = None) -> None:
    async with desk.store.write() as tx:
        await tx.cases.in_turn(GUILD)
        held = await tx.cases.touch(case.id)
        added = await tx.reports.add(
            case_id=case.id,
            guild_id=GUILD,
            reporter_id=requester,
            category=Category.NCII_SYNTHETIC,
            at=at or desk.now(),
            kind=REQUEST,
        )
        assert added is not None
        await desk.cases.prioritise(tx, held)


async def test_a_near_match_that_stands_weighs_and_a_removed_one_does_not(desk):
    await listed(desk)
    near = await opened(desk, shown=FAR)
    assert (await weights(desk, near)).keys() == {Weight.NEAR_MATCH}
    await desk.decisions.decide(near.id, near.version, MODERATOR, Decision.NO_ACTION)
    removed = await opened(desk, shown=NEAR)
    assert removed.id != near.id
    assert await weights(desk, removed) == {}
    await desk.guilds.change(GUILD, mode=Mode.REVIEW)
    await listed(desk, ANOTHER)
    stands = await opened(desk, shown=ANOTHER)
    assert (await weights(desk, stands))[Weight.NEAR_MATCH].points == VERY_FILE


async def test_a_case_that_is_told_of_a_match_is_weighed_anew_at_no_other_version(desk):
    case = await reported(desk, FAR)
    before = await case_of(desk, case)
    assert (await weights(desk, case)).keys() == {Weight.REPORTS}
    await reported(desk, FAR, reporter=61)
    assert (await case_of(desk, case)).version == before.version
    assert (await weights(desk, case))[Weight.REPORTS].number == 2
    await listed(desk)
    await desk.post(FAR, author=55)
    assert (await weights(desk, case)).keys() == {Weight.REPORTS, Weight.NEAR_MATCH}


async def test_no_priority_removes_anything(desk):
    await listed(desk)
    for reporter in range(60, 64):
        await known(desk, reporter, Decision.CONFIRM)
    await desk.settle()
    removed = len(desk.discord.deleted)
    case = await reported(desk, FAR, reporter=60)
    for reporter in range(61, 64):
        await reported(desk, FAR, reporter=reporter)
    await request(desk, case)
    await desk.settle()
    assert (await weights(desk, case))[Weight.REPORTS].trusted == 4
    assert len(desk.discord.deleted) == removed
    assert (await case_of(desk, case)).state is CaseState.OPEN


async def test_a_report_weighs_by_what_became_of_those_before(desk):
    await known(desk, 60, Decision.CONFIRM)
    await known(desk, 61, Decision.NOT_A_MATCH)
    right, wrong, new = [await reported(desk, picture(seed), 60 + at) for at, seed in enumerate((11, 12, 13))]
    told = [(await weights(desk, case))[Weight.REPORTS] for case in (right, wrong, new)]
    assert told[0].points > told[2].points > told[1].points
    assert [part.trusted for part in told] == [1, 0, 0]


async def test_a_decision_and_its_undoing_reach_the_other_cases_of_the_reporter(desk):
    await known(desk, 60, Decision.CONFIRM, times=2)
    waiting = await reported(desk, picture(11), 60)
    case = await reported(desk, picture(12), 60)
    before = await weights(desk, waiting)
    assert before[Weight.REPORTS].trusted == 0
    drawn = len(desk.discord.calls)
    decided = await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)
    await desk.settle()
    assert (await weights(desk, waiting))[Weight.REPORTS].trusted == 1
    assert waiting.id in {call.case_id for call in desk.discord.calls[drawn:]}, "the card says it, too"
    await desk.decisions.undo(case.id, decided.version, MODERATOR)
    assert await weights(desk, waiting) == before


async def test_a_suspected_minor_is_weighed_at_once(desk):
    case = await reported(desk, FAR)
    await desk.claims.mark_minor(case.id, case.version, MODERATOR)
    assert (await weights(desk, case)).keys() == {Weight.MINOR, Weight.REPORTS}


async def test_a_duplicate_gives_its_reports_to_the_case_it_belongs_to_until_it_is_taken_back(desk):
    original, twin = await reported(desk, picture(11), 60), await reported(desk, picture(12), 61)
    async with desk.store.write() as tx:  # somebody who reported both is one member
        await tx.reports.add(case_id=twin.id, guild_id=GUILD, reporter_id=60, category=Category.OTHER, at=desk.now())
    await request(desk, twin)
    alone = await weights(desk, original)
    twin = await case_of(desk, twin)
    merged = await desk.decisions.decide(twin.id, twin.version, MODERATOR, Decision.DUPLICATE, duplicate_of=original.id)
    together = await weights(desk, original)
    assert (together[Weight.REPORTS].number, together[Weight.TAKEDOWN].number) == (2, 1)
    assert (await case_of(desk, original)).takedown_at == desk.now()
    async with desk.store.write() as tx:  # what becomes of a report on the duplicate counts in the original
        (theirs,) = await tx.reports.by_reporter(GUILD, tx.reports.digest(GUILD, 61))
        await tx.reports.set_state([theirs.id], ReportState.STANDING, ReportState.WITHDRAWN)
        await desk.cases.prioritise(tx, await tx.cases.touch(twin.id))
    assert (await weights(desk, original))[Weight.REPORTS].number == 1
    await desk.decisions.undo(twin.id, merged.version, MODERATOR)
    assert await weights(desk, original) == alone
    assert (await case_of(desk, original)).takedown_at is None
    assert (await weights(desk, twin)).keys() == {Weight.TAKEDOWN, Weight.REPORTS}


async def take(desk: Desk) -> int | None:
    casebook = CasebookService(desk.store, desk.claims, clock=desk.now)
    line = await casebook.take_next(GUILD, MODERATOR, ALL, may_escalated=True, request_id=desk.message().message_id)
    if line is None:
        return None
    await desk.decisions.decide(line.id, line.version, MODERATOR, Decision.NO_ACTION)
    return line.id


async def test_the_next_case_is_the_one_that_must_not_wait(desk):
    quiet = await reported(desk, picture(11), 60)
    loud = await reported(desk, picture(12), 61)
    await reported(desk, picture(12), 62)
    minor = await reported(desk, picture(13), 63, Category.MINOR_SUSPECTED)
    escalated = await reported(desk, picture(14), 64)
    await desk.claims.escalate(escalated.id, escalated.version, OTHER_MODERATOR)
    younger, older = await reported(desk, picture(15), 65), await reported(desk, picture(16), 66)
    await request(desk, older, at=desk.now())
    desk.time = desk.time.replace(hour=desk.time.hour + 1)
    await request(desk, younger, at=desk.now())
    expected = [older, younger, escalated, minor, loud, quiet]
    assert [await take(desk) for _ in expected] == [case.id for case in expected]
    assert await take(desk) is None


async def test_an_appeal_is_no_request_any_more(desk):
    await listed(desk)
    removed = await opened(desk, 51, shown=ABUSE)
    await request(desk, removed)
    removed = await case_of(desk, removed)
    decided = await desk.decisions.decide(removed.id, removed.version, OTHER_MODERATOR, Decision.CONFIRM)
    await desk.settle()
    appealed = await desk.appeals.appeal(decided.id, 51, "It is mine.")
    asked = await reported(desk, picture(77))
    await request(desk, asked)
    assert appealed.state is CaseState.APPEALED
    assert await take(desk) == asked.id


def test_cases_that_are_brought_up_are_named_by_urgency():
    early, late = builders.NOW, builders.NOW.replace(hour=13)
    first = builders.case(id=1, takedown_at=early, opened_at=late)
    second = builders.case(id=2, takedown_at=late, opened_at=early)
    third = builders.case(id=3, opened_at=late, priority=(PriorityPart(Weight.REPORTS, 60, 1),))
    fourth, fifth = builders.case(id=4, opened_at=early), builders.case(id=5, opened_at=late)
    assert sorted([fifth, third, second, fourth, first], key=urgency) == [first, second, third, fourth, fifth]


@pytest.mark.parametrize("action", ["decide", "undo"])
async def test_what_somebody_else_holds_is_passed_over_and_never_waited_for(desk, action):
    """SQLite has one writer: there whoever decides comes after it."""
    waiting, case = await reported(desk, picture(11), 60), await reported(desk, picture(12), 60)

    decided = case
    if action == "undo":
        decided = await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)

    async def work() -> None:
        if action == "undo":
            await desk.decisions.undo(case.id, decided.version, MODERATOR)
        else:
            await desk.decisions.decide(case.id, case.version, MODERATOR, Decision.CONFIRM)

    async with desk.store.write() as other:
        await other.cases.touch(waiting.id)
        working = asyncio.create_task(work())
        if desk.store.url.startswith("postgresql"):
            await working
    await working
