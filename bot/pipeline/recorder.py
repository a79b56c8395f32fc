"""Writes down what came of scanned items: many of them in one transaction, where nothing follows from any.

Most pictures are clear. A transaction for each would have everything else that writes (cases, deletes, cards) wait
behind dozens of them; together they take hardly longer than one. What a case or a call follows from keeps a transaction
of its own, which is never held up by more than one of the others.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.cases.service import CaseService
from bot.model import GuildSettings, MessageRef, Scan, SeenMedia
from bot.store.engine import Store
from bot.store.sightings import Plain

_TOGETHER = 64
"""The most that one transaction takes."""

_LINE = "records"
"""Where what nothing follows from waits for the database's writer: in one line for all servers."""

_TRIES = 2
"""Failures in a row, of items written on their own, after which it is the database that fails and not the items."""


@dataclass(slots=True)
class _Note:
    """Something to be written: what came of an item (answered by whether it was new), or that a job is done."""

    recording: Plain | None = None
    job_id: int | None = None
    written: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Recorder:
    """Safe to call from many tasks at once. What was handed in is written also if its caller is cancelled meanwhile."""

    def __init__(self, store: Store, cases: CaseService) -> None:
        self._store = store
        self._cases = cases
        self._notes: list[_Note] = []
        self._writing: asyncio.Task[None] | None = None

    async def record(self, message: MessageRef, media: SeenMedia, scan: Scan, guild: GuildSettings) -> bool:
        """Write what was seen and what follows from it; whether that was new. Raises DatabaseError."""
        if scan.plan.open_case or scan.plan.log:
            return await self._cases.record(message, media, scan, guild)
        return await self._write(_Note(Plain(message, media.media_id, media.surface, scan)))

    async def job_done(self, job_id: int) -> None:
        """Strike a job off. Raises DatabaseError."""
        await self._write(_Note(job_id=job_id))

    async def close(self) -> None:
        """Return when everything that was handed in is written, or has failed."""
        while self._writing is not None:
            await asyncio.wait([self._writing])

    async def _write(self, note: _Note) -> bool:
        self._notes.append(note)
        if self._writing is None:
            self._writing = asyncio.create_task(self._run(), name="record")
        return await note.written

    async def _run(self) -> None:
        try:
            while self._notes:
                batch, self._notes = self._notes[:_TOGETHER], self._notes[_TOGETHER:]
                await self._together(batch)
        finally:
            self._writing = None

    async def _together(self, batch: list[_Note]) -> None:
        try:
            await self._commit(batch)
        except Exception as error:  # noqa: BLE001 - it is passed on to whom it concerns
            if len(batch) == 1:
                _fail(batch[0], error)
            else:
                await self._one_by_one(batch)

    async def _one_by_one(self, batch: list[_Note]) -> None:
        """Find out which of them the database refuses, so that it does not keep the others from being written."""
        failures = 0
        for number, note in enumerate(batch):
            try:
                await self._commit([note])
                failures = 0
            except Exception as error:  # noqa: BLE001 - as above
                failures += 1
                _fail(note, error)
                if failures == _TRIES:
                    for other in batch[number + 1 :]:
                        _fail(other, error)
                    return

    async def _commit(self, batch: list[_Note]) -> None:
        recordings = [note.recording for note in batch if note.recording is not None]
        done = [note.job_id for note in batch if note.job_id is not None]
        async with self._store.write(_LINE) as tx:
            new = iter(await tx.sightings.add_all(recordings, seen_at=self._cases.now()))
            if done:
                await tx.jobs.done(*done)
        for note in batch:
            answer = True if note.recording is None else next(new)
            if not note.written.done():
                note.written.set_result(answer)


def _fail(note: _Note, error: Exception) -> None:
    if not note.written.done():
        note.written.set_exception(error)
