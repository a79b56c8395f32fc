"""Snowflakes as times: Discord's ids begin with the milliseconds since 2015."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def first_id(at: datetime) -> int:
    """The smallest id that something made at this time can have; 0 before there were ids."""
    return max(0, (at - _EPOCH) // _MILLISECOND) << 22


def made_at(snowflake: int) -> datetime:
    """When what has this id was made."""
    return _EPOCH + (snowflake >> 22) * _MILLISECOND


def length(seconds: float) -> int:
    """How far the ids of two things lie apart that were made so many seconds after one another."""
    return int(seconds * 1000) << 22
