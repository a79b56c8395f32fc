"""Kills a dispatcher at one step after the other, and lets a second one go on. Run by test_outbox_crash.py.

``python -m tests.outbox_crash URL FOLDER careful|careless`` prints one JSON object for each step reached. Discord is a
folder: a posted message is a file that stands there, whatever becomes of the process that put it there. Every process
is a fork of this one, so that nothing of a killed one is left but the database and the folder.
"""

import asyncio
import json
import os
import secrets
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from bot.model import Call, CallKind, CaseEvent, CaseOrigin, Category, Thresholds
from bot.outbox import LEASE, CallResult, Outbox
from bot.store.engine import Store, Tx
from bot.store.outbox import ClaimedCall, OutboxRows

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Reaper:
    """Counts the steps and kills the process at one of them, as a power cut would."""

    def __init__(self, note: Path, at: int | None) -> None:
        self._note = note
        self._at = at
        self._reached = 0

    def reach(self, step: str) -> None:
        self._reached += 1
        if self._reached == self._at:
            self._note.write_text(step)
            os.kill(os.getpid(), signal.SIGKILL)


def _cards(folder: Path, case_id: int | None) -> list[Path]:
    return list(folder.glob(f"card {case_id} *"))


class FolderWorld:
    """Carries calls out in a folder. A careless one does not look whether an uncertain call happened before."""

    def __init__(self, folder: Path, reaper: Reaper, *, careful: bool) -> None:
        self._folder = folder
        self._reaper = reaper
        self._careful = careful

    async def carry_out(self, call: Call, *, uncertain: bool) -> CallResult:
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


async def _dispatch(url: str, folder: Path, *, careful: bool, kill_at: int | None, resume: bool) -> None:
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
        await tx.cases.add_event(CaseEvent(call.case_id, NOW, call.kind, None, ""))
        reaper.reach(f"done {call.kind}, not committed")

    async def gave_up(tx: Tx, call: Call, sentence: str) -> None:
        raise AssertionError(sentence)

    OutboxRows.claim = watched_claim
    if not resume:
        await _write_calls(store, folder)
    # Only where several share a database do leases of the dead have to run out first.
    now = NOW + LEASE if resume and store.dialect == "postgresql" else NOW
    outbox = Outbox(
        store,
        completed=completed,
        gave_up=gave_up,
        owner=secrets.token_hex(4),
        concurrency=1,
        clock=lambda: now,
        count=lambda kind, outcome: reaper.reach(f"{outcome} {kind}"),
    )
    await outbox.start(FolderWorld(folder, reaper, careful=careful))
    await outbox.idle()
    await outbox.stop()
    if resume:
        await _report(store, folder)
    await store.close()


async def _report(store: Store, folder: Path) -> None:
    case_id = int((folder / "case").read_text())
    async with store.read() as tx:
        events = sorted(event.kind for event in await tx.cases.events(case_id))
        pending = await tx.outbox.pending()
    report = {
        "step": (folder / "killed").read_text(),
        "pending": pending,
        "events": events,
        "message_stands": (folder / f"message {case_id}").exists(),
        "cards": [card.read_text() for card in _cards(folder, case_id)],
    }
    print(json.dumps(report), flush=True)  # noqa: T201 - the answer to the test


def _forked(url: str, folder: Path, **options) -> int:
    """Dispatch in a child process; its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(_dispatch(url, folder, **options))
        except BaseException as error:  # noqa: BLE001 - the parent has to see it, and the child has to end here
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(url: str, folder: Path, how: str) -> int:
    kill_at = 1
    while (status := _forked(url, folder, careful=True, kill_at=kill_at, resume=False)) == -signal.SIGKILL:
        if _forked(url, folder, careful=how == "careful", kill_at=None, resume=True):
            return 1
        kill_at += 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
