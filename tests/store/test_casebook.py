"""Lists, histories and the next case, against a brute force over what was written."""

from __future__ import annotations

import random
import string
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.model import (
    UNDECIDED,
    AppealLine,
    AppealOutcome,
    Case,
    CaseEvent,
    CaseFilter,
    CaseOrder,
    CaseOrigin,
    CaseState,
    Category,
    Decision,
    MemberHistory,
    MessageRef,
    PriorityPart,
    ReportTally,
    SanctionKind,
    SanctionState,
    Scope,
    Surface,
    Verdict,
    Weight,
)
from bot.store.casebook import MOST_APPEALS, MOST_CASES, MOST_SANCTIONS
from bot.store.engine import Store, Tx

from .samples import DAY, GUILD, MINUTE, NOW, OTHER_GUILD, THRESHOLDS, fingerprint, scan

EVERYTHING = Scope(ordinary=True, lane=True)
SCOPES = [Scope(ordinary=ordinary, lane=lane) for ordinary in (True, False) for lane in (True, False)]
PEOPLE = [2**60 + number for number in range(5)]
CHANNELS = [2**61 + number for number in range(3)]
WORDS = [
    "Stage photo",
    "100 %",
    "a_b",
    "éclair",
    "ÉCLAIR",
    'said "no"',
    "back\\slash",
    "sla/sh",
    "사진",
    "u00e9",
    "%",
    "_",
]
FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

written = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


@dataclass
class Copy:
    channel: int
    author: int | None
    excepted: bool


@dataclass
class Written:
    """What was written about one case."""

    case: Case
    copies: list[Copy] = field(default_factory=list)
    events: list[tuple[str, int | None, str]] = field(default_factory=list)
    reporters: list[int] = field(default_factory=list)

    def seen(self, scope: Scope, guild_id: int = GUILD) -> bool:
        lane = self.case.category is Category.MINOR_SUSPECTED
        return self.case.guild_id == guild_id and (scope.lane if lane else scope.ordinary)

    def posted(self, author: int, *, excepted: bool) -> bool:
        return any(copy.author == author and (excepted or not copy.excepted) for copy in self.copies)

    def fits(self, wanted: CaseFilter) -> bool:
        case = self.case
        texts = [*case.reasons, *(detail for kind, _, detail in self.events if kind == "note")]
        actors = {case.claimed_by, case.decided_by, *(actor for kind, actor, _ in self.events if kind != "appealed")}
        return (
            (not wanted.states or case.state in wanted.states)
            and wanted.category in (None, case.category)
            and wanted.decision in (None, case.decision)
            and (wanted.opened_after is None or case.opened_at >= wanted.opened_after)
            and (wanted.opened_before is None or case.opened_at < wanted.opened_before)
            and (wanted.channel_id is None or any(copy.channel == wanted.channel_id for copy in self.copies))
            and (wanted.moderator_id is None or wanted.moderator_id in actors)
            and (wanted.author_id is None or self.posted(wanted.author_id, excepted=True))
            and any(wanted.text.translate(FOLD) in text.translate(FOLD) for text in ["", *texts])
        )


async def open_case(tx: Tx, category: Category = Category.SCAM, at: datetime = NOW, **how) -> Written:
    case = await tx.cases.open(
        guild_id=how.pop("guild_id", GUILD),
        category=category,
        origin=CaseOrigin.MATCH,
        opened_at=at,
        entry_id=None,
        match=None,
        thresholds=THRESHOLDS,
        program_version="0.1.0",
        fingerprint=fingerprint(9),
        reasons=how.pop("reasons", ()),
    )
    if how:
        changed = await tx.cases.compare_and_set(case.id, case.version, **how)
        assert changed is not None
        case = changed
    return Written(case)


async def post(tx: Tx, written: Written, author: int | None, channel: int = CHANNELS[0], *, excepted=False) -> None:
    number = written.case.id * 1000 + len(written.copies)
    message = MessageRef(written.case.guild_id, channel, number, author)
    copy = await tx.sightings.add(
        message, f"a:{number}", Surface.ATTACHMENT, scan(verdict=Verdict.REMOVE), seen_at=NOW, case_id=written.case.id
    )
    if excepted:
        await tx.sightings.set_excepted(written.case.id, [copy], PEOPLE[0])
    written.copies.append(Copy(channel, author, excepted))


async def tell(tx: Tx, written: Written, kind: str, actor: int | None = None, detail: str = "") -> None:
    await tx.events.add(CaseEvent(written.case.id, NOW, kind, actor, detail))
    written.events.append((kind, actor, detail))


async def report(tx: Tx, written: Written, reporter: int) -> None:
    if await tx.reports.add(
        case_id=written.case.id, guild_id=written.case.guild_id, reporter_id=reporter, category=Category.OTHER, at=NOW
    ):
        written.reporters.append(reporter)


def urgency(case: Case) -> tuple[bool, int, datetime, int, datetime, int]:
    decided = not case.state.undecided
    points = sum(part.points for part in case.priority)
    if case.takedown_at is not None and case.state is not CaseState.APPEALED:
        return decided, 0, case.takedown_at, -points, case.opened_at, case.id
    ranks = {CaseState.APPEALED: 1, CaseState.ESCALATED: 2}
    return decided, ranks.get(case.state, 3 if case.in_lane else 4), NOW, -points, case.opened_at, case.id


@pytest.fixture
async def book(store: Store) -> list[Written]:
    """Sixty cases of two guilds in every state, with copies, notes, claims and reports at random."""
    dice = random.Random(4)
    book: list[Written] = []
    async with store.write() as tx:
        for _ in range(60):
            state = dice.choice(list(CaseState))
            settled = state in (CaseState.DECIDED, CaseState.CLOSED, CaseState.APPEALED)
            claimed = dice.choice([None, *PEOPLE[:2]]) if state.undecided else None
            other = dice.choice(book).case if book else None
            decision = dice.choice(list(Decision)) if settled else None
            duplicate = other if decision is Decision.DUPLICATE and other and other.decision is not decision else None
            one = await open_case(
                tx,
                dice.choice(list(Category)),
                NOW - dice.randrange(5) * DAY,
                guild_id=dice.choice([GUILD, GUILD, GUILD, OTHER_GUILD]),
                reasons=tuple(dice.sample(WORDS, dice.randrange(3))),
                state=state,
                decision=decision,
                decided_by=dice.choice(PEOPLE[:3]) if settled else None,
                decided_at=NOW if settled else None,
                duplicate_of=duplicate.id if duplicate else None,
                claimed_by=claimed,
                claimed_until=dice.choice([None, NOW - MINUTE, NOW + MINUTE]) if claimed else None,
            )
            wanted = dice.choice([None, None, None, NOW - MINUTE, NOW - DAY])
            weights = tuple(PriorityPart(Weight.REPORTS, dice.choice([1, 40, 60]), 1) for _ in range(dice.randrange(2)))
            await tx.cases.prioritise(one.case.id, weights, wanted)
            one.case = replace(one.case, priority=weights, takedown_at=wanted)
            for _ in range(dice.randrange(4)):
                author = dice.choice([None, *PEOPLE])
                await post(tx, one, author, dice.choice(CHANNELS), excepted=dice.random() < 0.3)
            for _ in range(dice.randrange(3)):
                kind = dice.choice(["note", "note", "skipped", "claimed", "appealed"])
                detail = dice.choice(WORDS) if kind == "note" else "Stage"
                await tell(tx, one, kind, dice.choice([None, *PEOPLE[:3]]), detail)
            for reporter in dice.sample(PEOPLE, dice.randrange(3)):
                await report(tx, one, reporter)
            book.append(one)
    return book


times = st.sampled_from([None, *(NOW - days * DAY for days in range(-1, 6)), NOW - 2 * DAY + timedelta(milliseconds=1)])
texts = st.sampled_from(
    ["", "", "stage", "STAGE", "É", "é", "%", "_", "\\", "/", '"', "00e9", ", ", '", "', "사", "0 %"]
)
filters = st.builds(
    CaseFilter,
    states=st.lists(st.sampled_from(CaseState), max_size=4, unique=True).map(tuple),
    category=st.none() | st.sampled_from(Category),
    decision=st.none() | st.sampled_from(Decision),
    opened_after=times,
    opened_before=times,
    channel_id=st.none() | st.sampled_from(CHANNELS),
    moderator_id=st.none() | st.sampled_from(PEOPLE),
    author_id=st.none() | st.sampled_from(PEOPLE),
    text=texts | st.text(alphabet='aSe_%/\\"é ', max_size=3),
)
alone = st.one_of(
    st.builds(CaseFilter, states=st.sampled_from(CaseState).map(lambda state: (state,))),
    st.builds(CaseFilter, category=st.sampled_from(Category)),
    st.builds(CaseFilter, decision=st.sampled_from(Decision)),
    st.builds(CaseFilter, opened_after=times),
    st.builds(CaseFilter, opened_before=times),
    st.builds(CaseFilter, channel_id=st.sampled_from(CHANNELS)),
    st.builds(CaseFilter, moderator_id=st.sampled_from(PEOPLE)),
    st.builds(CaseFilter, author_id=st.sampled_from(PEOPLE)),
    st.builds(CaseFilter, text=texts),
)


@written
@given(alone | filters, st.sampled_from(SCOPES), st.integers(1, 7), st.integers(0, 50))
async def test_a_search_finds_what_fits_and_nothing_else(store: Store, book, wanted, scope, limit, offset):
    fitting = [one.case.id for one in reversed(book) if one.seen(scope) and one.fits(wanted)]
    async with store.read() as tx:
        lines, total = await tx.casebook.search(GUILD, wanted, scope, limit=limit, offset=offset)
    assert total == len(fitting)
    assert [line.id for line in lines] == fitting[offset : offset + limit]


@written
@given(alone | filters, st.sampled_from(SCOPES), st.integers(1, 7), st.integers(0, 50))
async def test_a_search_can_begin_with_the_most_urgent(store: Store, book, wanted, scope, limit, offset):
    fitting = sorted((one.case for one in book if one.seen(scope) and one.fits(wanted)), key=urgency)
    async with store.read() as tx:
        lines, total = await tx.casebook.search(
            GUILD, wanted, scope, limit=limit, offset=offset, order=CaseOrder.URGENT
        )
    assert total == len(fitting)
    assert [line.id for line in lines] == [case.id for case in fitting[offset : offset + limit]]


async def test_a_line_says_what_a_list_shows(store: Store, book: list[Written]):
    async with store.read() as tx:
        lines, _ = await tx.casebook.search(GUILD, CaseFilter(), EVERYTHING, limit=100)
    for line in lines:
        (one,) = (one for one in book if one.case.id == line.id)
        for name in (
            "guild_id",
            "category",
            "state",
            "version",
            "opened_at",
            "decision",
            "decided_at",
            "claimed_by",
            "takedown_at",
        ):
            assert getattr(line, name) == getattr(one.case, name)
        assert line.held_by(NOW) == one.case.held_by(NOW)
        assert line.sighting_count == len(one.copies)
        assert line.channel_count == len({copy.channel for copy in one.copies})
        assert line.report_count == len(one.reporters)
        assert line.card_link is None


async def test_a_line_leads_to_the_card(store: Store):
    async with store.write() as tx:
        one = await open_case(tx)
        await tx.cases.set_card(one.case.id, 5, 6)
        ((line,), _) = await tx.casebook.search(GUILD, CaseFilter(), EVERYTHING, limit=1)
    assert line.card_link == f"https://discord.com/channels/{GUILD}/5/6"


# ----------------------------------------------------------------------------------------------- suggestions


@written
@given(st.sampled_from(["", "1", "2", "10", "5", "60", "77", "0"]), st.sampled_from(SCOPES), st.integers(1, 25))
async def test_suggestions_begin_with_what_was_typed(store: Store, book, digits, scope, limit):
    fitting = [one.case for one in book if one.seen(scope) and str(one.case.id).startswith(digits)]
    fitting.sort(key=lambda case: (bool(digits) and str(case.id) != digits, case.state not in UNDECIDED, -case.id))
    async with store.read() as tx:
        lines = await tx.casebook.suggest(GUILD, digits, scope, limit=limit)
    assert [line.id for line in lines] == [case.id for case in fitting[:limit]]


# ----------------------------------------------------------------------------------------------- the next case


@written
@given(
    st.sampled_from(PEOPLE),
    st.sampled_from(SCOPES),
    st.booleans(),
    st.lists(st.sampled_from(Category), max_size=3, unique=True),
)
async def test_the_next_case_is_the_most_urgent_one_that_is_theirs_to_take(
    store: Store, book, moderator, scope, may_escalated, opted_out
):
    def theirs(one: Written) -> bool:
        case = one.case
        mine = case.held_by(NOW) == moderator
        if not one.seen(scope) or not case.state.undecided or one.posted(moderator, excepted=True):
            return False
        if case.state is CaseState.ESCALATED and not (may_escalated or case.in_lane):
            return False
        if case.state is CaseState.APPEALED and case.decided_by == moderator:
            return False
        skipped = any(kind == "skipped" and actor == moderator for kind, actor, _ in one.events)
        return mine or (case.held_by(NOW) is None and not skipped and case.category not in opted_out)

    fitting = sorted((one.case for one in book if theirs(one)), key=urgency)
    async with store.read() as tx:
        line = await tx.casebook.next_case(
            GUILD, moderator, scope, may_escalated=may_escalated, opted_out=opted_out, now=NOW
        )
    assert (None if line is None else line.id) == (fitting[0].id if fitting else None)


# ----------------------------------------------------------------------------------------------- a member's history


def tally(book: list[Written], reported: list[Case]) -> ReportTally:
    by_id = {one.case.id: one.case for one in book}
    ends = [by_id[case.duplicate_of] if case.duplicate_of else case for case in reported]
    settled = [case.decision for case in ends if not case.state.undecided and case.decision]
    return ReportTally(
        len(ends),
        settled.count(Decision.CONFIRM),
        sum(decision.mistaken for decision in settled),
        sum(case.state.undecided for case in ends),
    )


@written
@given(st.sampled_from(PEOPLE), st.sampled_from(SCOPES))
async def test_a_history_counts_what_is_visible(store: Store, book, member, scope):
    seen = [one for one in book if one.seen(scope)]
    posted = [one for one in reversed(seen) if one.posted(member, excepted=False)]
    async with store.read() as tx:
        history = await tx.casebook.history(GUILD, member, scope)
    assert [line.id for line in history.cases] == [one.case.id for one in posted[:MOST_CASES]]
    assert history.case_count == len(posted)
    assert history.waiting_count == sum(one.case.state.undecided for one in posted)
    assert history.decisions == Counter(
        one.case.decision for one in posted if one.case.decision and not one.case.state.undecided
    )
    assert history.reports_by == tally(book, [one.case for one in seen if member in one.reporters])
    assert history.reports_on == tally(book, [one.case for one in posted for _ in one.reporters])


async def test_a_history_holds_the_newest_sanctions_and_appeals_and_counts_all(store: Store):
    member = PEOPLE[0]
    async with store.write() as tx:
        for number in range(MOST_SANCTIONS + 2):
            category = Category.MINOR_SUSPECTED if number == 0 else Category.SCAM
            case = (await open_case(tx, category)).case
            for user in (member, PEOPLE[1]):
                await tx.sanctions.order(
                    case_id=case.id,
                    guild_id=GUILD,
                    user_id=user,
                    kind=SanctionKind.TIMEOUT,
                    decision_number=1,
                    ordered_by=2,
                    ordered_at=NOW,
                    until=NOW + DAY,
                )
                await tx.appeals.add(
                    case_id=case.id, guild_id=GUILD, author_id=user, decision_number=1, statement="no", at=NOW
                )
            await tx.appeals.answer(case.id, AppealOutcome.UPHELD, 2, NOW)
        elsewhere = (await open_case(tx, guild_id=OTHER_GUILD)).case
        await tx.appeals.add(
            case_id=elsewhere.id, guild_id=OTHER_GUILD, author_id=member, decision_number=1, statement="no", at=NOW
        )
        history = await tx.casebook.history(GUILD, member, EVERYTHING)
        without_lane = await tx.casebook.history(GUILD, member, Scope(ordinary=True, lane=False))
        nothing = await tx.casebook.history(GUILD, member, Scope(ordinary=False, lane=False))
    total = MOST_SANCTIONS + 2
    assert (history.sanction_count, history.appeal_count) == (total, total)
    assert (without_lane.sanction_count, without_lane.appeal_count) == (total - 1, total - 1)
    assert [line.case_id for line in history.sanctions] == list(range(total, total - MOST_SANCTIONS, -1))
    assert (history.sanctions[0].kind, history.sanctions[0].state) == (SanctionKind.TIMEOUT, SanctionState.PENDING)
    assert history.sanctions[0].until == NOW + DAY
    assert history.appeals == tuple(
        AppealLine(number, 1, NOW, AppealOutcome.UPHELD) for number in range(total, total - MOST_APPEALS, -1)
    )
    assert nothing == MemberHistory()
