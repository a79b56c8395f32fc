"""Signals as bytes of a fixed layout, four each: they say nothing that is not on a list that both sides have."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from bot.model import MOST_SIGNALS, Signal, SignalKind, SignalSource

from .names import NAMES

SIZE = 4
"""Bytes of one signal."""

_LAYOUT = struct.Struct("!BBBB")
_KINDS, _SOURCES = tuple(SignalKind), tuple(SignalSource)
_NUMBERS = {name: number for number, name in enumerate(NAMES)}


def pack(signals: Sequence[Signal]) -> bytes:
    """The bytes of at most MOST_SIGNALS signals."""
    return b"".join(
        _LAYOUT.pack(_KINDS.index(one.kind), _SOURCES.index(one.source), _NUMBERS[one.tool], one.signed)
        for one in signals
    )


def unpack(data: object) -> tuple[Signal, ...]:
    """The signals in these bytes. Raises ValueError for anything that :func:`pack` would not have written."""
    if not isinstance(data, bytes) or len(data) % SIZE or len(data) > SIZE * MOST_SIGNALS:
        raise ValueError("no signals")
    found = tuple(_signal(*fields) for fields in _LAYOUT.iter_unpack(data))
    if len(set(found)) < len(found):
        raise ValueError("a signal stands there twice")
    return found


def _signal(kind: int, source: int, tool: int, signed: int) -> Signal:
    if kind >= len(_KINDS) or source >= len(_SOURCES) or tool >= len(NAMES) or signed > 1:
        raise ValueError("impossible signal")
    if signed and _SOURCES[source] is not SignalSource.C2PA:
        raise ValueError("a signature where there is none")
    return Signal(_KINDS[kind], _SOURCES[source], NAMES[tool], bool(signed))
