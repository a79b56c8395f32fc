"""Any order of reporting, taking back, deciding and undoing: one case a picture, each member counted and told once."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bot.model import Decision, MessageRef, ReportState
from bot.store.engine import Store
from tests.conftest import VAULT
from tests.desk import GUILD, MODERATOR, Desk, picture

from .steps import File, limit, post, report

FILES = st.integers(0, 1)
MEMBERS = st.integers(60, 62)
DECISIONS = st.sampled_from([Decision.CONFIRM, Decision.NOT_A_MATCH, Decision.HARMLESS_EDIT, Decision.NO_ACTION])


@dataclass
class Expected:
    """What should be true of one file: its case, who counts on it, who heard an outcome, and which messages stand."""

    file: File
    case_id: int | None = None
    decision: Decision | None = None
    reporters: set[int] = field(default_factory=set)
    told: set[int] = field(default_factory=set)
    standing: list[MessageRef] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)

    def remove_all(self) -> None:
        self.gone |= {message.message_id for message in self.standing}
        self.standing.clear()


class ReportMachine(RuleBasedStateMachine):
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "stanguard.db"
        shutil.copyfile(self.template, path)
        self.store = self.runner.run(Store.open(f"sqlite:///{path}", VAULT))
        self.desk = Desk(self.store)
        limit(self.desk, per_member_10_minutes=1000, per_member_day=1000)
        self.expected = [Expected(File.of(picture(1))), Expected(File.of(picture(2)))]
        self.runner.run(self.desk.open())

    def teardown(self) -> None:
        self.runner.run(self.desk.outbox.stop())
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    @rule(number=FILES)
    def somebody_posts_it(self, number: int) -> None:
        one = self.expected[number]
        one.standing.append(self.runner.run(post(self.desk, one.file)))
        if one.decision is Decision.CONFIRM:
            one.remove_all()

    @precondition(lambda self: any(one.standing for one in self.expected))
    @rule(data=st.data(), member=MEMBERS)
    def somebody_reports_it(self, data, member: int) -> None:
        one = data.draw(st.sampled_from([one for one in self.expected if one.standing]))
        message = data.draw(st.sampled_from(one.standing))
        self.desk.time += timedelta(minutes=1)
        answer = self.runner.run(report(self.desk, message, one.file, reporter=member))
        if one.decision is not None:
            assert "within the rules" in answer.sentence
            assert answer.case_ids == ()
            return
        assert ("already" in answer.sentence) is (member in one.reporters)
        assert answer.case_ids == (one.case_id or answer.case_ids[0],)
        (one.case_id,) = answer.case_ids
        one.reporters.add(member)

    @precondition(lambda self: any(one.decision is Decision.CONFIRM for one in self.expected))
    @rule(data=st.data(), member=MEMBERS)
    def somebody_reports_a_further_copy_of_what_was_confirmed(self, data, member: int) -> None:
        one = data.draw(st.sampled_from([one for one in self.expected if one.decision is Decision.CONFIRM]))
        message = self.desk.message()
        answer = self.runner.run(report(self.desk, message, one.file, reporter=member))
        assert "has confirmed this picture before" in answer.sentence
        one.gone.add(message.message_id)

    @precondition(lambda self: any(one.reporters for one in self.expected))
    @rule(data=st.data())
    def somebody_takes_a_report_back(self, data) -> None:
        one = data.draw(st.sampled_from([one for one in self.expected if one.reporters]))
        member = data.draw(st.sampled_from(sorted(one.reporters)))

        async def withdraw() -> None:
            async with self.store.write() as tx:
                digest = tx.reports.digest(GUILD, member)
                ids = [made.id for made in await tx.reports.by_case(one.case_id) if made.reporter == digest]
                await tx.reports.set_state(ids, ReportState.STANDING, ReportState.WITHDRAWN)

        self.runner.run(withdraw())
        one.reporters.remove(member)

    @precondition(lambda self: any(one.case_id and one.decision is None for one in self.expected))
    @rule(data=st.data(), decision=DECISIONS)
    def a_moderator_decides(self, data, decision: Decision) -> None:
        one = data.draw(st.sampled_from([one for one in self.expected if one.case_id and one.decision is None]))

        async def decide() -> None:
            case = (await self.desk.cases.view(one.case_id)).case
            await self.desk.decisions.decide(case.id, case.version, MODERATOR, decision)
            await self.desk.settle()

        self.runner.run(decide())
        one.decision = decision
        one.told |= one.reporters
        if decision is Decision.CONFIRM:
            one.remove_all()

    @precondition(lambda self: any(one.decision for one in self.expected))
    @rule(data=st.data())
    def a_moderator_takes_it_back(self, data) -> None:
        one = data.draw(st.sampled_from([one for one in self.expected if one.decision]))

        async def undo() -> None:
            case = (await self.desk.cases.view(one.case_id)).case
            await self.desk.decisions.undo(case.id, case.version, MODERATOR, admin=True)
            await self.desk.settle()

        self.runner.run(undo())
        one.decision = None

    @invariant()
    def it_is_as_expected(self) -> None:
        async def look():
            await self.desk.settle()
            async with self.store.read() as tx:
                found = await tx.cases.list(GUILD)
                return {case.id: (case, await tx.reports.count_by_case(case.id)) for case in found}

        cases = self.runner.run(look())
        assert set(cases) == {one.case_id for one in self.expected if one.case_id}
        for one in self.expected:
            if one.case_id:
                case, count = cases[one.case_id]
                assert (case.decision, count) == (one.decision, len(one.reporters))
        assert Counter(self.desk.discord.deleted) == Counter(id_ for one in self.expected for id_ in one.gone)
        for member in (60, 61, 62):
            assert len(self.desk.discord.told(member)) == sum(member in one.told for one in self.expected)


def test_any_order_of_reports_and_decisions(migrated_sqlite: Path):
    ReportMachine.template = migrated_sqlite
    run_state_machine_as_test(ReportMachine, settings=settings(max_examples=20, stateful_step_count=15, deadline=None))
