"""Kills a dispatcher at one step after the other, and lets a second one go on. Run by test_outbox_crash.py.

``python -m tests.outbox_crash URL FOLDER careful|careless`` prints one JSON object for each step reached. Discord is a
folder: a posted message is a file that stands there, whatever becomes of the process that put it there. Every process
is a fork of this one, so that nothing of a killed one is left but the database and the folder.
"""

import asyncio
import json
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

from bot.model import Call, CallKind, CaseEvent, CaseOrigin, Category, Thresholds
from bot.outbox import LEASE, CallResult, Outbox
from bot.store.engine import Store, Tx
from bot.store.outbox import ClaimedCall, OutboxRows
from tests.crashes import Reaper, at_each_step

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _cards(folder: Path, case_id: int | None) -> list[Path]:
    return list(folder.glob(f"card {case_id} *"))


class FolderWorld:
    """Carries calls out in a folder. A careless one does not look whether an uncertain call happened before."""

    def __init__(self, folder: Path, reaper: Reaper, *, careful: bool) -> None:
        self._folder = folder
        self._reaper = reaper
        self._careful = careful
        self.deleted = asyncio.Event()
        """Cards come after that: of two calls at the same time it would be chance which is killed at which step."""

    async def carry_out(self, call: Call, *, uncertain: bool) -> CallResult:
        if call.kind is not CallKind.DELETE_MESSAGE:
            await self.deleted.wait()
        self._reaper.reach(f"before {call.kind}")
        if call.kind is CallKind.DELETE_MESSAGE:
            (self._folder / f"message {call.case_id}").unlink(missing_ok=True)
        elif call.kind is CallKind.POST_CARD:
            if not (uncertain and self._careful and _cards(self._folder, call.case_id)):
                (self._folder / f"card {call.case_id} {secrets.token_hex(4)}").write_text("posted")
        else:
            for card in _cards(self._folder, call.case_id):
                card.write_text("edited")
        self._reaper.reach(f"after {call.kind}")
        return CallResult()


async def _write_calls(store: Store, folder: Path) -> int:
    async with store.write() as tx:
        case = await tx.cases.open(
            guild_id=1,
            category=Category.OTHER,
            origin=CaseOrigin.MATCH,
            opened_at=NOW,
            entry_id=None,
            match=None,
            thresholds=Thresholds(),
            program_version="0",
            fingerprint=None,
        )
        kinds = {CallKind.POST_CARD: "case", CallKind.EDIT_CARD: "case", CallKind.DELETE_MESSAGE: "message"}
        calls = [Call(kind, f"{kind}:{case.id}", f"{lane}:{case.id}", {}, case.id) for kind, lane in kinds.items()]
        await tx.outbox.put(calls, NOW)
    (folder / f"message {case.id}").write_text("posted")
    (folder / "case").write_text(f"{case.id}")
    return case.id


async def _dispatch(url: str, folder: Path, *, careful: bool, kill_at: int | None) -> None:
    resume = kill_at is None
    reaper = Reaper(folder / "killed", kill_at)
    store = await Store.open(url)
    claim = OutboxRows.claim

    async def watched_claim(rows: OutboxRows, **options) -> list[ClaimedCall]:
        claimed = await claim(rows, **options)
        if claimed:
            reaper.reach("claimed, not committed")
        return claimed

    async def completed(tx: Tx, call: Call, result: CallResult) -> None:
        assert call.case_id is not None
        await tx.events.add(CaseEvent(call.case_id, NOW, call.kind, None, ""))
        reaper.reach(f"done {call.kind}, not committed")

    async def gave_up(tx: Tx, call: Call, sentence: str) -> None:
        raise AssertionError(sentence)

    OutboxRows.claim = watched_claim
    if not resume:
        await _write_calls(store, folder)
    # Only where several share a database do leases of the dead have to run out first.
    now = NOW + LEASE if resume and store.dialect == "postgresql" else NOW
    world = FolderWorld(folder, reaper, careful=careful or not resume)
    async with store.read() as tx:
        if not (await tx.backlog.waiting(NOW)).calls.get(CallKind.DELETE_MESSAGE):
            world.deleted.set()

    def count(kind: CallKind, outcome: str) -> None:
        if kind is CallKind.DELETE_MESSAGE:
            world.deleted.set()
        reaper.reach(f"{outcome} {kind}")

    outbox = Outbox(
        store,
        completed=completed,
        gave_up=gave_up,
        owner=secrets.token_hex(4),
        concurrency=1,
        clock=lambda: now,
        count=count,
    )
    await outbox.start(world)
    await outbox.idle()
    await outbox.stop()
    if resume:
        await _report(store, folder)
    await store.close()


async def _report(store: Store, folder: Path) -> None:
    case_id = int((folder / "case").read_text())
    async with store.read() as tx:
        events = sorted(event.kind for event in await tx.events.of_case(case_id))
        pending = await tx.outbox.pending()
    report = {
        "step": (folder / "killed").read_text(),
        "pending": pending,
        "events": events,
        "message_stands": (folder / f"message {case_id}").exists(),
        "cards": [card.read_text() for card in _cards(folder, case_id)],
    }
    print(json.dumps(report), flush=True)  # noqa: T201 - the answer to the test


if __name__ == "__main__":
    url, folder, how = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    sys.exit(at_each_step(lambda _, kill_at: _dispatch(url, folder, careful=how == "careful", kill_at=kill_at)))
