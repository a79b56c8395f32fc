"""The transition table, and the real services against a plain model of a case."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot.cases.states import LEASE, TRANSITIONS, UNDO_WINDOW, CaseAction, target
from bot.errors import NotAllowedError, StaleCaseError
from bot.model import UNDECIDED, CallKind, Case, CaseState, Category, Decision, SanctionKind, SanctionOrder
from bot.store.engine import Store
from tests.conftest import VAULT
from tests.desk import GUILD, MODERATOR, OTHER_MODERATOR, Desk

from .steps import ANOTHER, listed, opened

# --------------------------------------------------------------------------------------------------- the table


def test_every_state_is_reached_from_an_open_case():
    reached, fresh = {CaseState.OPEN}, {CaseState.OPEN}
    while fresh:
        fresh = {to for (state, _), to in TRANSITIONS.items() if state in fresh} - reached
        reached |= fresh
    assert reached == set(CaseState)


def test_an_open_case_is_reached_again_from_every_state_so_that_no_case_is_lost():
    for state in CaseState:
        reached, fresh = {state}, {state}
        while fresh:
            fresh = {to for (one, _), to in TRANSITIONS.items() if one in fresh} - reached
            reached |= fresh
        assert reached & set(UNDECIDED) - {CaseState.CLAIMED}, state


@pytest.mark.parametrize("action", list(CaseAction))
@pytest.mark.parametrize("state", list(CaseState))
def test_what_the_table_does_not_hold_is_refused_with_a_sentence(state: CaseState, action: CaseAction):
    if (state, action) in TRANSITIONS:
        assert target(state, action) is TRANSITIONS[state, action]
        return
    with pytest.raises(NotAllowedError) as caught:
        target(state, action)
    sentence = str(caught.value)
    assert f"the case is {state}" in sentence
    assert sentence.endswith("Look at its card again.")


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        (CaseState.EXPIRED, {CaseAction.REOPEN}),
        (CaseState.CLOSED, {CaseAction.UNDO, CaseAction.REOPEN, CaseAction.APPEAL}),
        (CaseState.APPEALED, {CaseAction.CLAIM, CaseAction.RELEASE, CaseAction.UPHOLD, CaseAction.OVERTURN}),
    ],
)
def test_what_can_still_happen_to_a_case_that_ended(state: CaseState, actions: set[CaseAction]):
    assert {action for one, action in TRANSITIONS if one is state} == actions


def test_only_an_undecided_case_is_decided_claimed_or_expires():
    for action in (CaseAction.DECIDE, CaseAction.CLAIM, CaseAction.RELEASE, CaseAction.ESCALATE, CaseAction.EXPIRE):
        assert {state for state, one in TRANSITIONS if one is action} <= set(UNDECIDED)
    for action in (CaseAction.UNDO, CaseAction.CLOSE, CaseAction.APPEAL):
        assert not {state for state, one in TRANSITIONS if one is action} & set(UNDECIDED)


def test_an_escalated_case_is_not_given_back_to_everybody_nor_an_appeal_answered_by_expiry():
    leaving = {to for (state, action), to in TRANSITIONS.items() if state is CaseState.ESCALATED}
    assert leaving == {CaseState.ESCALATED, CaseState.DECIDED, CaseState.EXPIRED}
    assert (CaseState.APPEALED, CaseAction.EXPIRE) not in TRANSITIONS


# --------------------------------------------------------------------------------------------------- the services


MODERATORS = (MODERATOR, OTHER_MODERATOR, 42)
ORDINARY = [decision for decision in Decision if decision is not Decision.DUPLICATE]


@dataclass
class Model:
    """What a plain reading of the rules says about one case."""

    state: CaseState = CaseState.OPEN
    holder: int | None = None
    until: datetime | None = None
    lane: bool = False
    escalated: bool = False
    decided_at: datetime | None = None
    decision: Decision | None = None
    number: int = 0
    standing_order: bool = False
    left_out: bool = False
    decisions: list[Decision] = field(default_factory=list)

    def held_by(self, now: datetime) -> int | None:
        return None if self.until is not None and self.until <= now else self.holder

    def let_go(self) -> None:
        self.holder = self.until = None
        if self.state is CaseState.CLAIMED:
            self.state = CaseState.OPEN


class CaseMachine(RuleBasedStateMachine):
    """One case, three moderators, and the clock."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "stanguard.db"
        shutil.copyfile(self.template, path)
        self.desk = Desk(self.runner.run(Store.open(f"sqlite:///{path}", VAULT)))
        self.model = Model()
        self.presses = 0

    @initialize()
    def a_picture_is_posted(self) -> None:
        self.case, self.other = self.runner.run(self._open())
        self.version = self.case.version

    async def _open(self) -> tuple[Case, Case]:
        await self.desk.open()
        await self.desk.guilds.change(GUILD, reveal=True)
        await listed(self.desk)
        case = await opened(self.desk, 51)
        await listed(self.desk, ANOTHER)
        return case, await opened(self.desk, 52, shown=ANOTHER)

    def teardown(self) -> None:
        self.runner.run(self.desk.outbox.stop())
        self.runner.run(self.desk.store.close())
        self.runner.close()
        self.folder.cleanup()

    # ------------------------------------------------------------------------------------------- helpers

    @property
    def now(self) -> datetime:
        return self.desk.now()

    def press(self, allowed: bool, work, *arguments, **more) -> bool:
        """Press a button; whether it was allowed, which has to be as expected. A refusal changes nothing."""
        self.presses += 1
        before = self.row()
        pressed = work(*arguments, **more, request_id=self.presses)
        if allowed:
            assert self.runner.run(pressed).version >= before.version
        else:
            with pytest.raises(NotAllowedError):
                self.runner.run(pressed)
            assert self.row() == before
        return allowed

    def row(self) -> Case:
        return self.runner.run(self._row())

    async def _row(self) -> Case:
        async with self.desk.store.read() as tx:
            case = await tx.cases.get(self.case.id)
        assert case is not None
        return case

    def free(self, who: int) -> bool:
        return self.model.held_by(self.now) in (None, who)

    def active(self, who: int) -> None:
        if self.model.until is not None and self.model.held_by(self.now) == who:
            self.model.until = self.now + LEASE

    # --------------------------------------------------------------------------------------------- rules

    @rule(who=st.sampled_from(MODERATORS))
    def claim(self, who: int) -> None:
        allowed = self.model.state.undecided and self.free(who)
        if self.press(allowed, self.desk.claims.claim, self.case.id, self.row().version, who):
            self.model.holder, self.model.until = who, self.now + LEASE
            if self.model.state is CaseState.OPEN:
                self.model.state = CaseState.CLAIMED

    @rule(who=st.sampled_from(MODERATORS), admin=st.booleans())
    def release(self, who: int, admin: bool) -> None:
        allowed = self.model.holder is not None and (admin or self.model.holder == who)
        if self.press(allowed, self.desk.claims.release, self.case.id, self.row().version, who, admin=admin):
            self.model.let_go()

    @rule(who=st.sampled_from(MODERATORS))
    def skip(self, who: int) -> None:
        skipped = self.press(self.model.state.undecided, self.desk.claims.skip, self.case.id, who)
        if skipped and self.model.holder == who:
            self.model.let_go()

    @rule(who=st.sampled_from(MODERATORS), by=st.sampled_from(MODERATORS))
    def assign(self, who: int, by: int) -> None:
        allowed = self.model.state.undecided
        if self.press(allowed, self.desk.claims.assign, self.case.id, self.row().version, who, by):
            self.model.holder, self.model.until = who, None
            if self.model.state is CaseState.OPEN:
                self.model.state = CaseState.CLAIMED

    @rule(who=st.sampled_from(MODERATORS))
    def escalate(self, who: int) -> None:
        allowed = self.model.state in (CaseState.OPEN, CaseState.CLAIMED) and self.free(who)
        if self.press(allowed, self.desk.claims.escalate, self.case.id, self.row().version, who):
            self.model.let_go()
            self.model.state, self.model.escalated = CaseState.ESCALATED, True

    @rule(who=st.sampled_from(MODERATORS))
    def mark_minor(self, who: int) -> None:
        allowed = self.model.lane or self.model.state.undecided
        if self.press(allowed, self.desk.claims.mark_minor, self.case.id, self.row().version, who):
            if not self.model.lane:
                self.model.let_go()
            self.model.lane = True

    @rule(who=st.sampled_from(MODERATORS), out=st.booleans())
    def leave_the_copy_out(self, who: int, out: bool) -> None:
        allowed = self.model.state.undecided and self.free(who)
        seen = self.runner.run(self._sightings())
        if self.press(allowed, self.desk.claims.except_sightings, self.case.id, who, seen, excepted=out):
            if self.model.left_out is not out:
                self.active(who)
            self.model.left_out = out

    async def _sightings(self) -> list[int]:
        async with self.desk.store.read() as tx:
            return [sighting.id for sighting in await tx.sightings.by_case(self.case.id)]

    @rule(who=st.sampled_from(MODERATORS))
    def note(self, who: int) -> None:
        self.press(True, self.desk.claims.note, self.case.id, who, "Seen.")
        self.active(who)

    @rule(
        who=st.sampled_from(MODERATORS),
        decision=st.sampled_from(ORDINARY),
        order=st.sampled_from((None, SanctionOrder(SanctionKind.TIMEOUT, timedelta(hours=1)))),
    )
    def decide(self, who: int, decision: Decision, order: SanctionOrder | None) -> None:
        fits = order is None or decision is Decision.CONFIRM
        if self._decide(fits, who, decision, sanction=order):
            self.model.standing_order = order is not None and not self.model.left_out

    @rule(who=st.sampled_from(MODERATORS))
    def call_it_a_duplicate(self, who: int) -> None:
        # The other case is not in the lane: a case that is takes it along.
        self._decide(True, who, Decision.DUPLICATE, duplicate_of=self.other.id)

    def _decide(self, fits: bool, who: int, decision: Decision, **more) -> bool:
        open_ = self.model.state in (CaseState.OPEN, CaseState.CLAIMED, CaseState.ESCALATED)
        allowed = fits and open_ and self.free(who)
        version = self.row().version
        if not self.press(allowed, self.desk.decisions.decide, self.case.id, version, who, decision, **more):
            return False
        self.model.let_go()
        self.model.state, self.model.decision = CaseState.DECIDED, decision
        self.model.number, self.model.decided_at = self.model.number + 1, self.now
        self.model.standing_order = False
        self.model.decisions.append(decision)
        return True

    @rule(who=st.sampled_from(MODERATORS), admin=st.booleans())
    def undo(self, who: int, admin: bool) -> None:
        decided = self.model.state is CaseState.DECIDED
        late = self.model.decided_at is not None and self.model.decided_at + UNDO_WINDOW < self.now
        allowed = decided and (admin or not late)
        if self.press(allowed, self.desk.decisions.undo, self.case.id, self.row().version, who, admin=admin):
            self.model.state = CaseState.ESCALATED if self.model.escalated else CaseState.OPEN
            self.model.decision = self.model.decided_at = None
            self.model.standing_order = False

    @rule(who=st.sampled_from(MODERATORS))
    def press_an_old_card(self, who: int) -> None:
        with pytest.raises(StaleCaseError):
            self.runner.run(self.desk.decisions.decide(self.case.id, self.row().version - 1, who, Decision.NO_ACTION))

    @rule(minutes=st.sampled_from((1, 9, 10, 60, 25 * 60)))
    def time_passes(self, minutes: int) -> None:
        self.desk.time += timedelta(minutes=minutes)

    @rule()
    def a_rendering_comes_late(self) -> None:
        self.runner.run(self._keep())

    async def _keep(self) -> None:
        async with self.desk.store.write() as tx:
            await tx.cases.keep_thumbhash(self.case.id, b"t" * 25)

    @rule()
    def the_outbox_works(self) -> None:
        self.runner.run(self.desk.settle())
        timed_out = sum(
            {CallKind.TIMEOUT: 1, CallKind.LIFT_TIMEOUT: -1}.get(call.kind, 0) for call in self.desk.discord.calls
        )
        assert timed_out == self.model.standing_order

    # --------------------------------------------------------------------------------------------- always

    @invariant()
    def the_case_stands_where_the_model_stands(self) -> None:
        if not hasattr(self, "case"):
            return
        row = self.row()
        model = self.model
        assert (row.state, row.claimed_by, row.claimed_until) == (model.state, model.holder, model.until)
        assert row.held_by(self.now) == model.held_by(self.now)
        assert (row.decision, row.decided_at, row.decision_number) == (model.decision, model.decided_at, model.number)
        assert row.in_lane is model.lane
        assert not row.in_lane or row.thumbhash is None
        assert (row.escalated_at is not None) is model.escalated
        assert row.version >= self.version
        self.version = row.version

    @invariant()
    def every_decision_is_in_the_history_once(self) -> None:
        if hasattr(self, "case"):
            events = self.runner.run(self.desk.cases.view(self.case.id)).events
            assert [event.kind for event in events if event.kind in set(Decision)] == self.model.decisions


def test_a_case_does_what_the_rules_say_whatever_is_pressed(migrated_sqlite: Path):
    CaseMachine.template = migrated_sqlite
    run_state_machine_as_test(CaseMachine, settings=settings(max_examples=30, stateful_step_count=30, deadline=None))


@pytest.mark.parametrize("decision", [Decision.CONFIRM, Decision.DUPLICATE])
async def test_the_version_grows_with_every_step(desk: Desk, decision: Decision):
    await listed(desk)
    case = await opened(desk, 51)
    await listed(desk, ANOTHER)
    other = await opened(desk, 52, shown=ANOTHER)
    versions = [case.version]
    versions.append((await desk.claims.claim(case.id, versions[-1], MODERATOR)).version)
    versions.append((await desk.claims.release(case.id, versions[-1], MODERATOR)).version)
    versions.append((await desk.claims.assign(case.id, versions[-1], MODERATOR, by=OTHER_MODERATOR)).version)
    versions.append((await desk.claims.escalate(case.id, versions[-1], MODERATOR)).version)
    versions.append((await desk.claims.mark_minor(case.id, versions[-1], MODERATOR)).version)
    duplicate_of = other.id if decision is Decision.DUPLICATE else None
    decided = await desk.decisions.decide(case.id, versions[-1], MODERATOR, decision, duplicate_of=duplicate_of)
    versions.append(decided.version)
    versions.append((await desk.decisions.undo(case.id, versions[-1], MODERATOR)).version)
    assert versions == sorted(set(versions))
    assert decided.category is Category.MINOR_SUSPECTED
