"""Kills the bot at one step after the other of a removal, its decision and its appeal, and lets a second one go on.

Run by test_notices_crash.py: ``python -m tests.cases.notices_crash URL FOLDER`` prints one JSON object for each step at
which it was killed. Discord is a folder, as in tests/outbox_crash.py, and every process a fork of this one.
"""

import json
import secrets
import sys
from datetime import timedelta
from pathlib import Path

from bot.model import (
    AppealOutcome,
    BankKind,
    Call,
    CallKind,
    Case,
    CaseState,
    Category,
    Decision,
    MessageRef,
    Mode,
    SanctionKind,
    SanctionOrder,
)
from bot.outbox import LEASE, CallResult, Outbox
from bot.store.engine import Store, Tx
from bot.store.outbox import ClaimedCall, OutboxRows
from tests.conftest import VAULT
from tests.crashes import Reaper, at_each_step
from tests.desk import Desk, picture

AUTHOR = 51
TIMEOUT = SanctionOrder(SanctionKind.TIMEOUT, timedelta(hours=1))


class FolderWorld:
    """Carries calls out in a folder, and looks there whether an uncertain one happened before."""

    def __init__(self, folder: Path, guild_id: int, reaper: Reaper) -> None:
        self._folder = folder
        self._guild_id = guild_id
        self._reaper = reaper

    async def carry_out(self, call: Call, *, uncertain: bool) -> CallResult:
        self._reaper.reach(f"before {call.kind}")
        if call.kind is CallKind.NOTIFY:
            text = str(call.payload["text"])
            if not (uncertain and text in direct_messages(self._folder, self._guild_id)):
                (self._folder / f"dm {self._guild_id} {secrets.token_hex(4)}").write_text(text)
        elif call.kind is CallKind.DELETE_MESSAGE:
            (self._folder / f"message {call.payload['message_id']}").unlink(missing_ok=True)
        self._reaper.reach(f"after {call.kind}")
        return CallResult()


def direct_messages(folder: Path, guild_id: int) -> list[str]:
    return [path.read_text() for path in folder.glob(f"dm {guild_id} *")]


class Story:
    """A removal, a decision with a timeout, an appeal and its answer: whatever of that has not happened yet."""

    def __init__(self, desk: Desk, outbox: Outbox, folder: Path, guild_id: int) -> None:
        self.desk = desk
        self.outbox = outbox
        self.folder = folder
        self.guild_id = guild_id

    async def _case(self) -> Case | None:
        async with self.desk.store.read() as tx:
            found = await tx.cases.list(self.guild_id)
        return found[0] if found else None

    async def begin(self) -> None:
        await self.desk.guilds.change(self.guild_id, mode=Mode.REMOVE)  # without a channel there are no cards
        bank = await self.desk.banks.own(self.guild_id, BankKind.BLOCK)
        await self.desk.banks.add(bank, picture(1), Category.NCII_SYNTHETIC, source="test")
        message = MessageRef(self.guild_id, 20, self.guild_id * 10, AUTHOR)
        (self.folder / f"message {message.message_id}").write_text("posted")
        await self.desk.see(message, self.desk.item(message, picture(1)))

    async def go_on(self) -> None:
        await self.outbox.idle()
        case = await self._case()
        assert case is not None
        if case.state is CaseState.OPEN:
            await self.desk.decisions.decide(case.id, case.version, 40, Decision.CONFIRM, sanction=TIMEOUT)
            await self.outbox.idle()
            case = await self._case()
        if case is not None and case.state is CaseState.DECIDED:
            case = await self.desk.appeals.appeal(case.id, AUTHOR, "Please look again.")
        if case is not None and case.state is CaseState.APPEALED:
            await self.desk.appeals.answer(case.id, case.version, 41, AppealOutcome.UPHELD)
        await self.outbox.idle()

    async def report(self) -> None:
        case = await self._case()
        assert case is not None
        view = await self.desk.cases.view(case.id)
        async with self.desk.store.read() as tx:
            pending = await tx.outbox.pending()
        found = {
            "step": (self.folder / "killed").read_text(),
            "pending": pending,
            "state": case.state,
            "message_stands": (self.folder / f"message {self.guild_id * 10}").exists(),
            "told": sorted(text[:30] for text in direct_messages(self.folder, self.guild_id)),
            "sanctions": [one.state for one in view.sanctions],
            "outcomes": [appeal.outcome for appeal in view.appeals],
        }
        print(json.dumps(found), flush=True)  # noqa: T201 - the answer to the test


async def _run(url: str, folder: Path, guild_id: int, kill_at: int | None) -> None:
    resume = kill_at is None
    reaper = Reaper(folder / "killed", kill_at)
    store = await Store.open(url, VAULT)
    desk = Desk(store)
    if resume:
        # Only where several share a database do leases of the dead have to run out first.
        desk.time += LEASE if store.dialect == "postgresql" else timedelta(seconds=1)
    claim = OutboxRows.claim

    async def watched_claim(rows: OutboxRows, **options) -> list[ClaimedCall]:
        claimed = await claim(rows, **options)
        if claimed:
            reaper.reach("claimed, not committed")
        return claimed

    async def completed(tx: Tx, call: Call, result: CallResult) -> None:
        await desk.results.completed(tx, call, result)
        reaper.reach(f"done {call.kind}, not committed")

    OutboxRows.claim = watched_claim
    outbox = Outbox(
        store,
        completed=completed,
        gave_up=desk.results.gave_up,
        owner=secrets.token_hex(4),
        concurrency=1,
        clock=desk.now,
        count=lambda kind, outcome: reaper.reach(f"{outcome} {kind}"),
    )
    desk.cases.connect(outbox, lambda: None)
    story = Story(desk, outbox, folder, guild_id)
    if not resume:
        await story.begin()
    await outbox.start(FolderWorld(folder, guild_id, reaper))
    await story.go_on()
    await outbox.stop()
    if resume:
        await story.report()
    await store.close()


if __name__ == "__main__":
    url, folder = sys.argv[1], Path(sys.argv[2])
    sys.exit(at_each_step(lambda number, kill_at: _run(url, folder, number, kill_at)))
