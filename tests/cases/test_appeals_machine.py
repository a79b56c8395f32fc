"""Any order of deciding, taking back, appealing, answering and expiring: each appeal has one answer, told once."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from bot.cases import notices
from bot.cases.states import CaseAction, target
from bot.errors import NotAllowedError, StaleCaseError
from bot.model import AppealOutcome, BankKind, CallKind, CaseState, Category, Decision, SanctionKind, SanctionOrder
from bot.store.engine import Store
from bot.store.tables import outbox
from tests.conftest import VAULT
from tests.desk import GUILD, Desk, picture

AUTHORS = st.sampled_from([51, 52])
MODERATORS = st.sampled_from([40, 41, 42])
DECISIONS = st.sampled_from([Decision.CONFIRM, Decision.CONFIRM, Decision.NOT_A_MATCH, Decision.NO_ACTION])
TIMEOUT = SanctionOrder(SanctionKind.TIMEOUT, timedelta(hours=1))


class AppealMachine(RuleBasedStateMachine):
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "stanguard.db"
        shutil.copyfile(self.template, path)
        self.store = self.runner.run(Store.open(f"sqlite:///{path}", VAULT))
        self.desk = Desk(self.store)
        self.answers: dict[int, tuple[object, ...]] = {}
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        await self.desk.open()
        bank = await self.desk.banks.own(GUILD, BankKind.BLOCK)
        await self.desk.banks.add(bank, picture(1), Category.NCII_SYNTHETIC, source="test")
        for author in (51, 52):
            await self.desk.post(picture(1), author=author)
        await self.desk.settle()

    def teardown(self) -> None:
        self.runner.run(self.desk.outbox.stop())
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    def attempt(self, act) -> None:
        """Try something at the current version of the case; what is not allowed changes nothing."""

        async def run():
            self.desk.time += timedelta(minutes=1)
            case = (await self.desk.cases.view(1)).case
            try:
                await act(case)
            except (NotAllowedError, StaleCaseError):
                assert (await self.desk.cases.view(1)).case == case

        self.runner.run(run())

    @rule(actor=MODERATORS, decision=DECISIONS, sanctioned=st.booleans())
    def decide(self, actor: int, decision: Decision, sanctioned: bool) -> None:
        sanction = TIMEOUT if sanctioned and decision is Decision.CONFIRM else None
        self.attempt(lambda case: self.desk.decisions.decide(1, case.version, actor, decision, sanction=sanction))

    @rule(actor=MODERATORS)
    def undo(self, actor: int) -> None:
        self.attempt(lambda case: self.desk.decisions.undo(1, case.version, actor, admin=True))

    @rule(author=AUTHORS)
    def appeal(self, author: int) -> None:
        self.attempt(lambda case: self.desk.appeals.appeal(1, author, "Please look again."))

    @rule(actor=MODERATORS, outcome=st.sampled_from(AppealOutcome))
    def answer(self, actor: int, outcome: AppealOutcome) -> None:
        async def act(case):
            answered = await self.desk.appeals.answer(1, case.version, actor, outcome)
            assert actor != case.decided_by
            assert answered.state is (CaseState.CLOSED if outcome is AppealOutcome.UPHELD else CaseState.DECIDED)

        self.attempt(act)

    @rule()
    def expire(self) -> None:
        async def act(case):
            to = target(case.state, CaseAction.EXPIRE)
            async with self.store.write() as tx:
                expired = await tx.cases.compare_and_set(1, case.version, state=to, claimed_by=None)
                await notices.expired(tx, expired, await self.desk.guilds.within(tx, GUILD), self.desk.now())

        self.attempt(act)

    @rule(days=st.integers(1, 31))
    def wait(self, days: int) -> None:
        self.desk.time += timedelta(days=days)

    @rule()
    def deliver(self) -> None:
        self.runner.run(self.desk.settle())

    @invariant()
    def each_appeal_has_one_answer_that_is_told_once(self) -> None:
        async def look():
            async with self.store.read() as tx:
                rows = (await tx.connection.execute(outbox.select().where(outbox.c.kind == CallKind.NOTIFY))).all()
            return await self.desk.cases.view(1), [row.key for row in rows]

        view, keys = self.runner.run(look())
        for appeal in view.appeals:
            now = (appeal.outcome, appeal.answered_by, appeal.answered_at)
            assert self.answers.get(appeal.id, now) == now
            if appeal.outcome is not None:
                self.answers[appeal.id] = now
            assert keys.count(f"appeal:{appeal.id}") == (appeal.outcome is not None)
        assert max(Counter((one.author_id, one.decision_number) for one in view.appeals).values(), default=1) == 1
        waiting = any(appeal.outcome is None for appeal in view.appeals)
        if view.case.state is CaseState.APPEALED:
            assert waiting
            assert view.case.decision is Decision.CONFIRM
        elif not view.case.state.undecided:
            assert not waiting

    @invariant()
    def nobody_is_told_the_same_twice(self) -> None:
        told = Counter(
            (call.payload["user_id"], call.key) for call in self.desk.discord.calls if "button" in call.payload
        )
        assert max(told.values(), default=1) == 1


def test_any_order_of_decisions_and_appeals(migrated_sqlite: Path):
    AppealMachine.template = migrated_sqlite
    run_state_machine_as_test(AppealMachine, settings=settings(max_examples=20, stateful_step_count=15, deadline=None))
