"""Any order of times and presses: the clock never ends what was decided, and never takes what somebody has in hand."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from bot.errors import NotAllowedError
from bot.model import BankKind, CallKind, Case, CaseState, CaseView, Category, Decision
from bot.store.engine import Store
from tests.conftest import VAULT
from tests.desk import GUILD, MODERATOR, OTHER_MODERATOR, Desk, picture

MODERATORS = st.sampled_from((MODERATOR, OTHER_MODERATOR))
TIMES = st.sampled_from(
    [timedelta(minutes=minutes) for minutes in (1, 9, 10)]
    + [timedelta(hours=hours) for hours in (1, 6, 18, 24)]
    + [timedelta(days=days) - timedelta(minutes=minutes) for days in (7, 30) for minutes in (0, 5)]
)
BY_CLOCK = ("lease_ended", "reminded", "escalated", "expired", "closed")


def counted(view: CaseView) -> Counter[str]:
    """What the clock did to a case: the bot itself, so that a moderator's own escalation does not count."""
    return Counter(event.kind for event in view.events if event.kind in BY_CLOCK and event.actor_id is None)


def openings(view: CaseView) -> int:
    return 1 + sum(event.kind in {"undone", "reopened"} for event in view.events)


class AgingMachine(RuleBasedStateMachine):
    template: Path
    cases = Bundle("cases")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "stanguard.db"
        shutil.copyfile(self.template, path)
        self.store = self.runner.run(Store.open(f"sqlite:///{path}", VAULT))
        self.runner.run(self._arrange())

    async def _arrange(self) -> None:
        self.desk = Desk(self.store)
        await self.desk.open()
        bank = await self.desk.banks.own(GUILD, BankKind.BLOCK)
        for seed in (1, 2, 3):
            category = Category.MINOR_SUSPECTED if seed == 3 else Category.NCII_SYNTHETIC
            await self.desk.banks.add(bank, picture(seed), category, source="test")

    def teardown(self) -> None:
        self.runner.run(self.desk.outbox.stop())
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    async def _views(self) -> dict[int, CaseView]:
        async with self.store.read() as tx:
            found = await tx.cases.list(GUILD, limit=1000)
        return {case.id: await self.desk.cases.view(case.id) for case in found}

    async def _case(self, number: int) -> Case:
        return (await self.desk.cases.view(number)).case

    # ------------------------------------------------------------------------------------------------ presses

    @initialize(target=cases, seed=st.sampled_from((1, 2, 3)), hours=st.sampled_from((0, 24)))
    def first(self, seed: int, hours: int) -> int:
        self.runner.run(self.desk.guilds.change(GUILD, escalate_hours=hours))
        return self.runner.run(self._post(seed))

    @rule(target=cases, seed=st.sampled_from((1, 2, 3)))
    def post(self, seed: int) -> int:
        return self.runner.run(self._post(seed))

    async def _post(self, seed: int) -> int:
        message = await self.desk.post(picture(seed))
        await self.desk.settle()
        async with self.store.read() as tx:
            (sighting,) = await tx.sightings.by_message(message.message_id)
            if sighting.case_id is None:  # it has become known-good meanwhile
                return min(case.id for case in await tx.cases.list(GUILD, limit=1000))
            return sighting.case_id

    @rule(number=cases, actor=MODERATORS, press=st.sampled_from(("claim", "release", "escalate", "skip", "assign")))
    def press(self, number: int, actor: int, press: str) -> None:
        async def run() -> None:
            claims, version = self.desk.claims, (await self._case(number)).version
            match press:
                case "claim":
                    await claims.claim(number, version, actor)
                case "release":
                    await claims.release(number, version, actor)
                case "escalate":
                    await claims.escalate(number, version, actor)
                case "skip":
                    await claims.skip(number, actor)
                case _:
                    await claims.assign(number, version, actor, actor)

        self._try(run())

    @rule(number=cases, actor=MODERATORS, decision=st.sampled_from((Decision.CONFIRM, Decision.NO_ACTION)))
    def decide(self, number: int, actor: int, decision: Decision) -> None:
        async def run() -> None:
            version = (await self._case(number)).version
            await self.desk.decisions.decide(number, version, actor, decision)

        self._try(run())

    @rule(number=cases, actor=MODERATORS)
    def undo(self, number: int, actor: int) -> None:
        async def run() -> None:
            await self.desk.decisions.undo(number, (await self._case(number)).version, actor, admin=True)

        self._try(run())

    def _try(self, press) -> None:
        with contextlib.suppress(NotAllowedError):  # what cannot be done now changes nothing
            self.runner.run(press)

    # ------------------------------------------------------------------------------------------------ the clock

    @rule(time=TIMES, at_once=st.integers(1, 2))
    def time_passes(self, time: timedelta, at_once: int) -> None:
        self.desk.time += time
        self.runner.run(self._age(at_once))

    @rule(number=cases, actor=MODERATORS)
    def claimed_at_the_last_minute(self, number: int, actor: int) -> None:
        case = self.runner.run(self._case(number))
        end = case.opened_at + timedelta(days=30 if case.in_lane else 7)
        self.desk.time = max(self.desk.time, end - timedelta(minutes=5))
        self.press(number, actor, "claim")
        self.time_passes(timedelta(minutes=9), 1)

    async def _age(self, at_once: int) -> None:
        before = await self._views()
        await asyncio.gather(*(self.desk.aging.run() for _ in range(at_once)))
        await self.desk.settle()
        after = await self._views()
        for number, shown in after.items():
            self._compare(before[number].case, shown.case)
            done = counted(shown)
            times = openings(shown)
            assert all(done[kind] <= times for kind in ("reminded", "escalated", "closed"))
            assert done["expired"] <= 1
        for _ in range(3):  # a case whose lease ended may be due for more, and that again only once
            await self.desk.aging.run()
        await self.desk.settle()
        at_rest = await self._views()
        lines = [call.key for call in self.desk.discord.calls if call.kind is CallKind.LOG_LINE]
        assert len(set(lines)) == len(lines)
        calls = len(self.desk.discord.calls)
        await self.desk.aging.run()
        await self.desk.settle()
        assert await self._views() == at_rest
        assert len(self.desk.discord.calls) == calls

    def _compare(self, was: Case, case: Case) -> None:
        now = self.desk.time
        if was.decision is not None:
            assert (case.decision, case.decided_by, case.decided_at) == (was.decision, was.decided_by, was.decided_at)
            assert case.state is was.state or (was.state, case.state) == (CaseState.DECIDED, CaseState.CLOSED)
        if was.claimed_until is not None and was.claimed_until > now:
            assert (case.claimed_by, case.claimed_until) == (was.claimed_by, was.claimed_until)
            assert case.state is was.state
        if case.state is CaseState.EXPIRED and was.state is not CaseState.EXPIRED:
            assert now - was.opened_at >= timedelta(days=30 if case.in_lane else 7)
            assert (case.decision, case.claimed_by, case.thumbhash) == (None, None, None)
        if case.in_lane and case.state is CaseState.ESCALATED:
            assert was.state is CaseState.ESCALATED, "the clock escalates nothing away from the child-safety role"


def test_any_order_of_times_and_presses(migrated_sqlite: Path) -> None:
    AgingMachine.template = migrated_sqlite
    run_state_machine_as_test(AgingMachine, settings=settings(max_examples=15, stateful_step_count=20, deadline=None))
