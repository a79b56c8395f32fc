"""Where a picture can be held up on its way through the bot, in this process or in one of its own.

``python -m tests.wire.steps run --config FILE`` is ``stanguard run`` with these gates in it. A gate is a file: as long
as ``FOLDER/STEP.hold`` exists, whatever comes to the step waits there, having made ``FOLDER/STEP.reached``.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from bot import outbox
from bot.cases.service import CaseService
from bot.cli import invoke
from bot.media.fetch import Fetcher
from bot.media.sandbox import Sandbox

from .installation import GATES_FOLDER


class Step(StrEnum):
    """The way of a picture. The last two happen at Discord, and are held up there."""

    ARRIVED = "arrived"
    QUEUED = "queued"
    FETCHING = "fetching"
    DECODING = "decoding"
    WRITING = "writing"
    DELETING = "deleting"
    CARD = "posting the card"


class Gates:
    """The gates in one folder, as a test sees them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def shut(self, step: Step) -> None:
        """Hold up whatever comes to a step from now on."""
        (self._folder / f"{step}.reached").unlink(missing_ok=True)
        (self._folder / f"{step}.hold").touch()

    def open(self) -> None:
        """Let everything go on."""
        for hold in self._folder.glob("*.hold"):
            hold.unlink()

    async def reached(self, step: Step) -> None:
        """Wait until something is held up at a step."""
        async with asyncio.timeout(60):
            while not (self._folder / f"{step}.reached").exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.01)


def build(patch: pytest.MonkeyPatch, folder: Path, *, inside: bool) -> None:
    """Put the gates into the bot. ``inside``: that of writing stands in the transaction, else before it."""

    def gate(step: Step, passage: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        hold, reached = folder / f"{step}.hold", folder / f"{step}.reached"

        async def gated(*args: Any, **kwargs: Any) -> Any:
            if hold.exists():
                reached.touch()
                while hold.exists():  # noqa: ASYNC110 - another process takes it away
                    await asyncio.sleep(0.01)
            return await passage(*args, **kwargs)

        return gated

    # What was done and could not be written down is taken up when its lease ends: sooner than in life.
    patch.setattr(outbox, "LEASE", timedelta(seconds=3))
    record = "_record" if inside else "record"
    patch.setattr(Fetcher, "fetch", gate(Step.FETCHING, Fetcher.fetch))
    patch.setattr(Sandbox, "query", gate(Step.DECODING, Sandbox.query))
    patch.setattr(CaseService, record, gate(Step.WRITING, getattr(CaseService, record)))


if __name__ == "__main__":
    build(pytest.MonkeyPatch(), Path(os.environ[GATES_FOLDER]), inside=True)
    sys.exit(invoke(sys.argv[1:]))
