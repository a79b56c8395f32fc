"""Since when something is read: what people write, as a time, and times as the ids of messages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from bot.errors import RefusedError

DEFAULT = "7 days"
CHOICES = ("24 hours", DEFAULT, "30 days", "90 days", "365 days")
MOST = timedelta(days=365)

NOT_A_TIME = "That is no time; write for example `7 days`, `24 h` or a date such as `2026-11-01`."
NOT_PAST = "That time is not in the past; write for example `7 days`, `24 h` or a date such as `2026-11-01`."
TOO_FAR = "That is too long ago; a scan reaches back 365 days at most."

_DISCORD_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SPAN = re.compile(r"([0-9]{1,6}) ?([a-z]+)")
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[ t]([0-9]{1,2}):([0-9]{2}))?")
_UNITS = {
    **dict.fromkeys(("min", "mins", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("d", "day", "days"), timedelta(days=1)),
    **dict.fromkeys(("w", "week", "weeks"), timedelta(weeks=1)),
    **dict.fromkeys(("month", "months"), timedelta(days=30)),
    **dict.fromkeys(("y", "year", "years"), timedelta(days=365)),
}


def read_since(text: str, now: datetime) -> datetime:
    """The time that somebody wrote, up to :data:`MOST` before now: so long ago, or a day or minute in UTC.

    Raises RefusedError, with one sentence, for everything else.
    """
    words = " ".join(text.casefold().split())
    if span := _SPAN.fullmatch(words):
        unit = _UNITS.get(span[2])
        if unit is None:
            raise RefusedError(NOT_A_TIME)
        return _within(now - min(int(span[1]) * unit, 2 * MOST), now)
    date = _DATE.fullmatch(words)
    if date is None:
        raise RefusedError(NOT_A_TIME)
    try:
        year, month, day, hour, minute = (int(part or 0) for part in date.groups())
        since = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        raise RefusedError(NOT_A_TIME) from None
    furthest = now - MOST
    if date[4] is None and since.date() == furthest.astimezone(UTC).date():
        since = max(since, furthest)  # the day that lies so many days back, as far as it does
    return _within(since, now)


def _within(since: datetime, now: datetime) -> datetime:
    if since >= now:
        raise RefusedError(NOT_PAST)
    if now - since > MOST:
        raise RefusedError(TOO_FAR)
    return since
