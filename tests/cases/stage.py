"""Scenes: several moderators, new copies and the outbox work on two cases at once. And what has to hold afterwards."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.banks.service import OWN
from bot.cases.states import CaseAction, reopened_to, target
from bot.errors import NotAllowedError, StaleCaseError
from bot.model import (
    BankKind,
    BankLevel,
    CallKind,
    Case,
    CaseState,
    CaseView,
    Category,
    Decision,
    MediaRef,
    MessageRef,
    Mode,
    PolicyReason,
    SanctionKind,
    SanctionOrder,
    SanctionState,
    Scan,
    Surface,
)
from bot.outbox import CallError
from bot.store.engine import Store
from tests.conftest import VAULT
from tests.desk import FANS, REVIEW, Desk, picture

MODERATORS = (40, 41, 42, 43)
AUTHORS = (51, 52, 53)
REPORTER = 60
TIMEOUT = SanctionOrder(SanctionKind.TIMEOUT, duration=timedelta(hours=1))
PICTURES = (picture(1, away=55), picture(5, away=55))
"""What the two cases of a scene show. They are near two entries of a list that all guilds see."""

ACTIONS = (
    "claim",
    "claim",
    "release",
    "skip",
    "escalate",
    "confirm",
    "confirm and time out",
    "not a match",
    "no action",
    "duplicate of the other",
    "undo",
    "undo",
    "leave a copy out",
    "mark a minor",
    "a copy arrives",
    "a copy of one's own arrives",
    "the outbox works",
    "the outbox works",
)


@dataclass(frozen=True, slots=True)
class Press:
    """What somebody does to one of the two cases: by the card as it is, or as it was at first; ``twice``: retried."""

    action: str
    number: int
    by_first_card: bool
    twice: bool
    patience: int


PRESSED = {action for action in ACTIONS if not action.startswith(("a copy", "the outbox"))}
DECISIONS: dict[str, tuple[Decision, dict[str, Any]]] = {
    "confirm": (Decision.CONFIRM, {}),
    "confirm and time out": (Decision.CONFIRM, {"sanction": TIMEOUT}),
    "not a match": (Decision.NOT_A_MATCH, {"reason": PolicyReason.OFFICIAL_PHOTO}),
    "no action": (Decision.NO_ACTION, {}),
    "duplicate of the other": (Decision.DUPLICATE, {}),
}
TAKEN_BACK_BY = {
    "claim": "release",
    "confirm": "undo",
    "confirm and time out": "undo",
    "not a match": "undo",
    "duplicate of the other": "undo",
}


def script_of(chance: random.Random) -> list[list[Press]]:
    """What each of two to four moderators does, one thing after the other."""
    script: list[list[Press]] = []
    for _ in range(chance.randint(2, 4)):
        presses: list[Press] = []
        for _ in range(chance.randint(1, 3)):
            action, number = chance.choice(ACTIONS), chance.randrange(2)
            if presses and presses[-1].action in TAKEN_BACK_BY and chance.random() < 0.4:
                action, number = TAKEN_BACK_BY[presses[-1].action], presses[-1].number
            old, twice = chance.random() < 0.2, chance.random() < 0.3
            presses.append(Press(action, number, old, twice, chance.randrange(4)))
        script.append(presses)
    return script


class Quiet:
    """In place of the outbox: what was written waits until the script says that the outbox works."""

    def wake(self) -> None:
        """Nothing."""


class Stage:
    """A desk on which one scene after the other is played, each in a guild of its own."""

    def __init__(self, desk: Desk, scans: tuple[Scan, ...]) -> None:
        self.desk = desk
        self.scans = scans
        self.numbers = itertools.count(1)
        self.played = 0
        self.outcomes: Counter[str] = Counter()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Stage]:
        store = await Store.open(url, VAULT)
        desk = Desk(store)
        desk.cases.connect(Quiet(), lambda: None)
        async with store.write() as tx:
            bank = await tx.banks.ensure("shared", BankKind.BLOCK, None, BankLevel.REMOVE)
            for seed in (1, 5):
                await tx.banks.add_entry(
                    bank_id=bank.id,
                    category=Category.NCII_SYNTHETIC,
                    fingerprint=picture(seed),
                    note="",
                    added_by=None,
                    source="test",
                    added_at=desk.now(),
                    hunted_at=desk.now(),
                )
        await desk.banks.refresh()
        await desk.outbox.start(desk.discord)
        guild = await desk.guilds.change(1, mode=Mode.REMOVE)
        scans = [await desk.scanner.scan(desk.item(desk.message(), shown), guild) for shown in PICTURES]
        try:
            yield cls(desk, tuple(scans))
        finally:
            await desk.outbox.stop()
            await store.close()

    async def play(self, script: list[list[Press]], *, refused: bool) -> None:
        scene = Scene(self, 1000 + next(self.numbers))
        self.desk.discord.calls.clear()
        self.desk.discord.refuse.clear()
        if refused:
            self.desk.discord.refuse[CallKind.TIMEOUT] = CallError("The bot lacks Moderate Members.", permanent=True)
        await scene.begin()
        await asyncio.gather(*(scene.act(who, presses) for who, presses in zip(MODERATORS, script, strict=False)))
        await self.desk.outbox.idle()
        await scene.check()
        self.played += 1


class Scene:
    """Two cases of one guild, and all that is done to them."""

    def __init__(self, stage: Stage, guild_id: int) -> None:
        self.stage, self.desk, self.guild_id = stage, stage.desk, guild_id
        self.cases: list[Case] = []
        self.messages: set[int] = set()
        self.versions: dict[int, int] = {}
        self.succeeded: dict[int, str] = {}

    async def begin(self) -> None:
        await self.desk.guilds.change(self.guild_id, mode=Mode.REMOVE, review_channel_id=REVIEW)
        for number, authors in enumerate((AUTHORS[:2], AUTHORS[2:])):
            for author in authors:
                await self.copy(number, author)
            async with self.desk.store.read() as tx:
                self.cases.append((await tx.cases.list(self.guild_id))[0])
        self.versions = {case.id: case.version for case in self.cases}
        async with self.desk.store.write() as tx:
            for case in self.cases:
                await tx.reports.add(
                    case_id=case.id,
                    guild_id=self.guild_id,
                    reporter_id=REPORTER,
                    category=Category.OTHER,
                    at=self.desk.now(),
                )

    async def copy(self, number: int, author: int) -> None:
        message = MessageRef(self.guild_id, FANS, next(self.stage.numbers) + 10_000, author)
        self.messages.add(message.message_id)
        media = MediaRef("attachment:0", Surface.ATTACHMENT, "")
        guild = await self.desk.guilds.get(self.guild_id)
        await self.desk.cases.record(message, media, self.stage.scans[number], guild)

    async def act(self, who: int, presses: list[Press]) -> None:
        for press in presses:
            for _ in range(press.patience):
                await asyncio.sleep(0)
            if press.action == "the outbox works":
                self.desk.outbox.wake()
                continue
            if press.action.startswith("a copy"):
                own = press.action == "a copy of one's own arrives"
                await self.copy(press.number, who if own else AUTHORS[press.number])
                continue
            request_id = self.guild_id * 1000 + next(self.stage.numbers)
            deliveries = [self.press(who, press, request_id) for _ in range(1 + press.twice)]
            await asyncio.gather(*deliveries)

    async def press(self, who: int, press: Press, request_id: int) -> None:
        case = self.cases[press.number]
        try:
            version = case.version if press.by_first_card else self.versions[case.id]
            changed = await self.carry_out(who, press, case.id, version, request_id)
        except (NotAllowedError, StaleCaseError) as error:
            self.stage.outcomes[f"{press.action}: {type(error).__name__}"] += 1
            if isinstance(error, StaleCaseError):  # the card is drawn anew, and everybody looks again
                async with self.desk.store.read() as tx:
                    self.versions[case.id] = (await tx.cases.touch(case.id)).version
        else:
            self.stage.outcomes[press.action] += 1
            self.succeeded[request_id] = press.action
            self.versions[case.id] = changed.version

    async def carry_out(self, who: int, press: Press, case_id: int, version: int, request_id: int) -> Case:
        claims, decisions = self.desk.claims, self.desk.decisions
        match press.action:
            case "claim":
                return await claims.claim(case_id, version, who, request_id=request_id)
            case "release":
                return await claims.release(case_id, version, who, admin=True, request_id=request_id)
            case "skip":
                return await claims.skip(case_id, who, request_id=request_id)
            case "escalate":
                return await claims.escalate(case_id, version, who, request_id=request_id)
            case "mark a minor":
                return await claims.mark_minor(case_id, version, who, request_id=request_id)
            case "leave a copy out":
                async with self.desk.store.read() as tx:
                    seen = [sighting.id for sighting in await tx.sightings.by_case(case_id)][-1:]
                return await claims.except_sightings(case_id, who, seen, excepted=True, request_id=request_id)
            case "undo":
                return await decisions.undo(case_id, version, who, request_id=request_id)
            case _:
                decision, more = DECISIONS[press.action]
                if decision is Decision.DUPLICATE:
                    more = {"duplicate_of": self.cases[1 - press.number].id}
                return await decisions.decide(case_id, version, who, decision, **more, request_id=request_id)

    # ----------------------------------------------------------------------------------------- afterwards

    async def check(self) -> None:
        async with self.desk.store.read() as tx:
            cases = await tx.cases.list(self.guild_id)
            views = {case.id: await tx.views.of_case(case.id) for case in cases}
            reports = [report for case in cases for report in await tx.reports.by_case(case.id)]
            pending = await tx.outbox.pending()
            own = [await tx.banks.find(OWN, kind, self.guild_id) for kind in BankKind]
            entries = await tx.banks.entries([bank.id for bank in own if bank is not None])
        assert pending == 0
        for view in views.values():
            assert view is not None
            self.check_history(view)
            self.check_sanctions(view)
            self.check_cluster(view, views)
            if view.case.state.undecided and "reopened" not in {event.kind for event in view.events}:
                assert [entry for entry in entries if entry.case_id == view.case.id] == [], "it teaches nothing"
        self.check_presses([view for view in views.values() if view is not None])
        self.check_calls(reports)
        seen = [sighting.message.message_id for view in views.values() if view for sighting in view.sightings]
        assert Counter(seen) == Counter(self.messages), "every copy hangs on one case"

    def check_history(self, view: CaseView) -> None:
        """The history alone tells where a case stands: each step was allowed, and none is missing."""
        state, holder, escalated = CaseState.OPEN, None, False
        for event in view.events:
            match event.kind:
                case "claimed":
                    state, holder = target(state, CaseAction.CLAIM), event.actor_id
                case "released":
                    assert holder is not None
                    state, holder = target(state, CaseAction.RELEASE), None
                case "skipped" if holder == event.actor_id:
                    state, holder = target(state, CaseAction.RELEASE), None
                case "escalated":
                    assert holder in (None, event.actor_id)
                    state, holder, escalated = target(state, CaseAction.ESCALATE), None, True
                case "suspected_minor":
                    state, holder = CaseState.OPEN if state is CaseState.CLAIMED else state, None
                case "undone" | "reopened":
                    state = target(state, CaseAction.UNDO if event.kind == "undone" else CaseAction.REOPEN)
                    state = target(state, CaseAction.ESCALATE) if escalated else state
                case kind if kind in set(Decision):
                    assert holder in (None, event.actor_id), "nobody decides what somebody else holds"
                    state, holder = target(state, CaseAction.DECIDE), None
        assert (view.case.state, view.case.claimed_by) == (state, holder)
        decisions = [event for event in view.events if event.kind in set(Decision)]
        assert view.case.decision_number == len(decisions)
        if view.case.state is CaseState.DECIDED:
            assert (view.case.decision, view.case.decided_by) == (decisions[-1].kind, decisions[-1].actor_id)
            assert reopened_to(view.case, CaseAction.UNDO).undecided
        else:
            assert (view.case.decision, view.case.decided_by, view.case.duplicate_of) == (None, None, None)

    def check_sanctions(self, view: CaseView) -> None:
        """What is in force belongs to the decision that stands; everything else was lifted, or never happened."""
        for one in view.sanctions:
            ordered = [call.kind for call in self.desk.discord.calls if call.key.partition(":")[2] == str(one.id)]
            ordered = [kind for kind in ordered if kind in (CallKind.TIMEOUT, CallKind.LIFT_TIMEOUT)]
            standing = view.case.state is CaseState.DECIDED and one.decision_number == view.case.decision_number
            match one.state:
                case SanctionState.DONE:
                    assert standing
                    assert ordered == [CallKind.TIMEOUT]
                case SanctionState.LIFTED:
                    assert not standing
                    assert ordered in ([], [CallKind.TIMEOUT, CallKind.LIFT_TIMEOUT])
                case SanctionState.FAILED:
                    assert ordered == []
                case _:
                    raise AssertionError(f"a sanction was left {one.state}")

    def check_cluster(self, view: CaseView, views: dict[int, CaseView | None]) -> None:
        for sighting in view.sightings:
            if sighting.moved_from is not None:
                origin = views[sighting.moved_from]
                assert origin is not None
                assert origin.case.duplicate_of == view.case.id
        if view.case.duplicate_of is not None:
            kept = views[view.case.duplicate_of]
            assert kept is not None
            assert kept.case.duplicate_of is None
            assert view.sightings == ()
            assert view.case.in_lane or not kept.case.in_lane

    def check_presses(self, views: list[CaseView]) -> None:
        """Each press that was answered with success is in the history once, and no other is."""
        written = Counter(event.request_id for view in views for event in view.events if event.request_id is not None)
        assert max(written.values(), default=1) == 1
        assert written.keys() <= self.succeeded.keys()
        unchanged = {
            request_id
            for request_id, action in self.succeeded.items()
            if action in ("leave a copy out", "mark a minor")  # there was nothing left to change
        }
        assert self.succeeded.keys() - written.keys() <= unchanged

    def check_calls(self, reports: list) -> None:
        keys = Counter(call.key for call in self.desk.discord.calls)
        assert max(keys.values()) == 1
        deleted = Counter(self.desk.discord.deleted)
        assert max(deleted.values(), default=1) == 1
        told = [call for call in self.desk.discord.calls if call.key.startswith("outcome:")]
        assert {f"outcome:{report.id}" for report in reports if report.outcome_sent} == {call.key for call in told}
        cards = Counter(call.case_id for call in self.desk.discord.calls if call.kind is CallKind.POST_CARD)
        assert set(cards.values()) == {1}
