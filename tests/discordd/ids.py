"""Snowflakes: ids that carry their time of birth, as Discord's do."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta

EPOCH_MS = 1_420_070_400_000
_counter = itertools.count()


def snowflake(age: timedelta = timedelta(0)) -> int:
    """A new id, unique in this process, born ``age`` ago."""
    born = int((time.time() - age.total_seconds()) * 1000) - EPOCH_MS
    return (born << 22) | (next(_counter) & 0x3FFFFF)


def born_at(id_: int) -> datetime:
    """When an id was made."""
    return datetime.fromtimestamp(((id_ >> 22) + EPOCH_MS) / 1000, UTC)


def age_of(id_: int) -> float:
    """Seconds since an id was made."""
    return time.time() - ((id_ >> 22) + EPOCH_MS) / 1000
