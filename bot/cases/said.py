"""What the files of a case say about themselves: kept with the case, and weighed in its place in the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.model import Case, Signal, together
from bot.store.engine import Tx

from . import priority


async def note(tx: Tx, case: Case, signals: Sequence[Signal], now: datetime) -> Case:
    """The case, told of what a further file of it says about itself, and weighed anew if that is news.

    Nobody else can change the case now. A picture without a case leaves none of this anywhere.
    """
    known = together(case.signals, signals)
    if set(known) == set(case.signals):
        return case
    await tx.cases.keep_signals(case.id, known)
    return await priority.prioritise(tx, replace(case, signals=known), now)
