"""What the garbage collector need not look at."""

from __future__ import annotations

import gc
from functools import cache


@cache
def settle() -> None:
    """Take everything that is in memory now out of garbage collection, once for each process.

    After the start these are half a million objects of libraries that live as long as the process. Every full
    collection would walk through all of them, and for the tenths of a second that takes the event loop stands still.
    """
    gc.collect()
    gc.freeze()
