"""How the interpreter is to treat a process that answers within milliseconds while its threads compute."""

from __future__ import annotations

import gc
import sys
from functools import cache

_SWITCH_SECONDS = 0.0005
"""How long a thread may go on in Python while another one waits, by default 5 ms. A search, and the connection of a
database, need the interpreter for moments between what they do without it; for each of these a deletion that is on its
way through the event loop would wait that long."""


@cache
def settle() -> None:
    """Take what is in memory now out of garbage collection, and have threads take turns faster; once for each process.

    After the start these are half a million objects of libraries that live as long as the process. Every full
    collection would walk through all of them, and for the tenths of a second that takes the event loop stands still.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(_SWITCH_SECONDS)
