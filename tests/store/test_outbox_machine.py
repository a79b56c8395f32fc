"""Any order of writing, claiming, finishing, failing and dying, compared with a simple model of the outbox."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.model import Call, CallKind
from bot.store.engine import Store

from .samples import NOW

LEASE = timedelta(seconds=60)
OWNERS = ("a", "b")


@dataclass
class Pending:
    """What the model knows of a call that is not finished. Its id in the database shows when it is claimed."""

    call: Call
    due: datetime
    attempts: int = 0
    uncertain: bool = False
    owner: str | None = None
    until: datetime = NOW
    row: int = 0


class OutboxMachine(RuleBasedStateMachine):
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "stanguard.db"
        shutil.copyfile(self.template, path)
        self.store = self.runner.run(Store.open(f"sqlite:///{path}"))
        self.now = NOW
        self.pending: dict[int, Pending] = {}
        self.keys: set[str] = set()
        self.written = 0

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    def write(self, work):
        async def run():
            async with self.store.write() as tx:
                return await work(tx.outbox)

        return self.runner.run(run())

    # ------------------------------------------------------------------------------------------------ model

    def rows(self, numbers) -> list[int]:
        return [self.pending[number].row for number in numbers]

    def heads(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for number in sorted(self.pending):
            found.setdefault(self.pending[number].call.lane, number)
        return found

    def claimable(self) -> list[int]:
        ready = [
            number
            for number in self.heads().values()
            if (one := self.pending[number]).due <= self.now and (one.owner is None or one.until <= self.now)
        ]
        deletes = [number for number in ready if self.pending[number].call.kind is CallKind.DELETE_MESSAGE]
        others = [number for number in ready if number not in deletes]

        def due(number: int) -> tuple[datetime, int]:
            return self.pending[number].due, number

        return sorted(deletes, key=due, reverse=True) + sorted(others, key=due)

    def leased(self, owner: str) -> list[int]:
        return [number for number, one in self.pending.items() if one.owner == owner]

    # ------------------------------------------------------------------------------------------------ rules

    @initialize()
    def starts_empty(self) -> None:
        assert self.write(lambda rows: rows.pending()) == 0

    @rule(
        written=st.lists(
            st.tuples(st.sampled_from("xyz"), st.sampled_from(CallKind), st.integers(0, 40)), min_size=1, max_size=5
        )
    )
    def put(self, written) -> None:
        calls = [Call(kind, f"{lane}{number}", lane, {}) for lane, kind, number in written]
        new = 0
        for call in calls:
            if call.key not in self.keys:
                self.keys.add(call.key)
                self.pending[self.written] = Pending(call, self.now)
                self.written += 1
                new += 1
        assert self.write(lambda rows: rows.put(calls, self.now)) == new
        stored = self.write(lambda rows: rows.pending())
        assert stored == len(self.pending)

    @rule(owner=st.sampled_from(OWNERS), limit=st.integers(1, 4))
    def claim(self, owner: str, limit: int) -> None:
        expected = self.claimable()[:limit]
        claimed = self.write(lambda rows: rows.claim(now=self.now, lease=LEASE, owner=owner, limit=limit))
        assert [one.call for one in claimed] == [self.pending[number].call for number in expected]
        for number, one in zip(expected, claimed, strict=True):
            known = self.pending[number]
            known.attempts += 1
            known.uncertain = known.uncertain or known.owner is not None
            known.owner, known.until = owner, self.now + LEASE
            assert (one.attempts, one.uncertain) == (known.attempts, known.uncertain)
            assert known.row in (0, one.id)
            known.row = one.id

    @precondition(lambda self: any(one.owner for one in self.pending.values()))
    @rule(data=st.data())
    def done(self, data) -> None:
        number = data.draw(st.sampled_from([number for number, one in self.pending.items() if one.owner]))
        row = self.pending[number].row
        assert self.write(lambda rows: rows.done(row, self.now))
        assert not self.write(lambda rows: rows.done(row, self.now))
        del self.pending[number]

    @precondition(lambda self: any(one.owner for one in self.pending.values()))
    @rule(
        data=st.data(),
        delay=st.integers(0, 90),
        uncertain=st.booleans(),
        counted=st.booleans(),
        owner=st.sampled_from(OWNERS),
    )
    def retry(self, data, delay: int, uncertain: bool, counted: bool, owner: str) -> None:
        number = data.draw(st.sampled_from([number for number, one in self.pending.items() if one.owner]))
        row = self.pending[number].row
        known, at = self.pending[number], self.now + timedelta(seconds=delay)
        held = known.owner == owner
        assert held == self.write(
            lambda rows: rows.retry(row, at=at, error="Away.", uncertain=uncertain, counted=counted, owner=owner)
        )
        if held:
            known.attempts -= not counted
            known.due, known.owner, known.uncertain = at, None, known.uncertain or uncertain

    @precondition(lambda self: any(one.owner for one in self.pending.values()))
    @rule(data=st.data(), owner=st.sampled_from(OWNERS))
    def give_up(self, data, owner: str) -> None:
        number = data.draw(st.sampled_from([number for number, one in self.pending.items() if one.owner]))
        row = self.pending[number].row
        held = self.pending[number].owner == owner
        assert held == self.write(lambda rows: rows.give_up(row, at=self.now, error="Gone.", owner=owner))
        if held:
            del self.pending[number]

    @rule(owner=st.sampled_from(OWNERS))
    def renew(self, owner: str) -> None:
        held = self.leased(owner)
        until = self.now + LEASE
        self.write(lambda rows: rows.renew(self.rows(held), owner=owner, until=until))
        for number in held:
            self.pending[number].until = until

    @rule(owner=st.sampled_from((*OWNERS, None)))
    def release(self, owner: str | None) -> None:
        self.write(lambda rows: rows.release(now=self.now, owner=owner))
        for one in self.pending.values():
            if one.owner is not None and owner in (None, one.owner):
                one.until = min(one.until, self.now)

    @rule(seconds=st.integers(1, 100))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    # ------------------------------------------------------------------------------------------- invariants

    @invariant()
    def next_due_is_when_the_first_lane_can_move(self) -> None:
        times = [
            max(one.due, one.until) if one.owner else one.due
            for one in (self.pending[number] for number in self.heads().values())
        ]
        assert self.write(lambda rows: rows.next_due()) == min(times, default=None)

    @invariant()
    def a_lane_has_one_living_lease_at_most(self) -> None:
        living = [one.call.lane for one in self.pending.values() if one.owner and one.until > self.now]
        assert len(living) == len(set(living))


@pytest.mark.parametrize("steps", [25])
def test_the_outbox_keeps_its_order_whatever_happens(migrated_sqlite: Path, steps: int):
    OutboxMachine.template = migrated_sqlite
    run_state_machine_as_test(
        OutboxMachine, settings=settings(max_examples=40, stateful_step_count=steps, deadline=None)
    )
