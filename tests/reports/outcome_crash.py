"""Kills the bot at one step after the other of two reports and the decision on them, and lets a second one go on.

Run by test_outcome_crash.py: ``python -m tests.reports.outcome_crash URL FOLDER`` prints one JSON object for each step
at which it was killed. Discord is a folder, as in tests/outbox_crash.py, and every process a fork of this one.
"""

import json
import secrets
import sys
from datetime import timedelta
from pathlib import Path

from bot.model import Call, CallKind, Case, CaseState, Category, Decision, MessageRef, Mode, Unscannable
from bot.outbox import LEASE, CallResult, Outbox
from bot.store.engine import Store, Tx
from bot.store.outbox import ClaimedCall, OutboxRows
from tests.conftest import VAULT
from tests.crashes import Reaper, at_each_step
from tests.desk import Desk

REPORTERS = (60, 61)


class FolderWorld:
    """Carries calls out in a folder, and looks there whether an uncertain one happened before."""

    def __init__(self, desk: Desk, folder: Path, guild_id: int, reaper: Reaper) -> None:
        self._desk = desk
        self._folder = folder
        self._guild_id = guild_id
        self._reaper = reaper

    async def carry_out(self, call: Call, *, uncertain: bool) -> CallResult:
        if call.kind is not CallKind.NOTIFY:
            return CallResult()  # the message goes
        self._reaper.reach("before notify")
        report_id = call.payload["report_id"]
        assert isinstance(report_id, int)
        user_id = await self._desk.follow_up.recipient(report_id)
        text = str(call.payload["text"])
        if user_id is not None and not (uncertain and text in told(self._folder, self._guild_id, user_id)):
            (self._folder / f"dm {self._guild_id} {user_id} {secrets.token_hex(4)}").write_text(text)
        self._reaper.reach("after notify")
        return CallResult()


def told(folder: Path, guild_id: int, user_id: int) -> list[str]:
    return [path.read_text() for path in folder.glob(f"dm {guild_id} {user_id} *")]


class Story:
    """Two members report a message and a moderator confirms it: whatever of that has not happened yet."""

    def __init__(self, desk: Desk, outbox: Outbox, folder: Path, guild_id: int) -> None:
        self.desk = desk
        self.outbox = outbox
        self.folder = folder
        self.guild_id = guild_id

    async def _case(self) -> Case | None:
        async with self.desk.store.read() as tx:
            found = await tx.cases.list(self.guild_id)
        return found[0] if found else None

    async def go_on(self) -> None:
        # Without a channel there are no cards, and what is not read needs no comparison.
        guild = await self.desk.guilds.change(self.guild_id, mode=Mode.REMOVE, tell_authors=False)
        case = await self._case()
        if case is None or case.state is CaseState.OPEN:
            message = MessageRef(self.guild_id, 20, self.guild_id * 10, 51)
            item = self.desk.item(message, Unscannable.VIDEO)
            for reporter in REPORTERS:  # whoever was not answered reports again
                await self.desk.reports.report(guild, reporter, Category.SCAM, message, [item])
            case = await self._case()
            assert case is not None
            await self.desk.decisions.decide(case.id, case.version, 40, Decision.CONFIRM)
        await self.outbox.idle()

    async def report(self) -> None:
        case = await self._case()
        assert case is not None
        async with self.desk.store.read() as tx:
            pending = await tx.outbox.pending()
            sent = [report.outcome_sent for report in await tx.reports.by_case(case.id)]
        found = {
            "step": (self.folder / "killed").read_text(),
            "pending": pending,
            "state": case.state,
            "sent": sent,
            "told": [len(told(self.folder, self.guild_id, user_id)) for user_id in REPORTERS],
        }
        print(json.dumps(found), flush=True)  # noqa: T201 - the answer to the test


def _watch(desk: Desk, reaper: Reaper) -> None:
    """Kill within the two transactions that write what is to be told, too."""
    claim, tell_reporters, draw = OutboxRows.claim, desk.cases.tell_reporters, desk.cases.draw

    async def watched_claim(rows: OutboxRows, **options) -> list[ClaimedCall]:
        claimed = await claim(rows, **options)
        if any(one.call.kind is CallKind.NOTIFY for one in claimed):
            reaper.reach("claimed, not committed")
        return claimed

    async def watched_tell(tx: Tx, case: Case) -> None:
        await tell_reporters(tx, case)
        reaper.reach("decided, not committed")

    async def watched_draw(tx: Tx, case: Case, guild, cause: str) -> None:
        await draw(tx, case, guild, cause)
        if cause.startswith("report:"):
            reaper.reach("reported, not committed")

    OutboxRows.claim = watched_claim
    desk.cases.tell_reporters = watched_tell
    desk.cases.draw = watched_draw


async def _run(url: str, folder: Path, guild_id: int, kill_at: int | None) -> None:
    resume = kill_at is None
    reaper = Reaper(folder / "killed", kill_at)
    store = await Store.open(url, VAULT)
    desk = Desk(store)
    if resume:
        # Only where several share a database do leases of the dead have to run out first.
        desk.time += LEASE if store.dialect == "postgresql" else timedelta(seconds=1)

    async def completed(tx: Tx, call: Call, result: CallResult) -> None:
        await desk.results.completed(tx, call, result)
        if call.kind is CallKind.NOTIFY:
            reaper.reach("done, not committed")

    def count(kind: CallKind, outcome: str) -> None:
        if kind is CallKind.NOTIFY:
            reaper.reach(outcome)

    _watch(desk, reaper)
    outbox = Outbox(
        store,
        completed=completed,
        gave_up=desk.results.gave_up,
        owner=secrets.token_hex(4),
        concurrency=1,
        clock=desk.now,
        count=count,
    )
    desk.cases.connect(outbox, lambda: None)
    await outbox.start(FolderWorld(desk, folder, guild_id, reaper))
    story = Story(desk, outbox, folder, guild_id)
    await story.go_on()
    await outbox.stop()
    if resume:
        await story.report()
    await store.close()


if __name__ == "__main__":
    url, folder = sys.argv[1], Path(sys.argv[2])
    sys.exit(at_each_step(lambda number, kill_at: _run(url, folder, number, kill_at)))
