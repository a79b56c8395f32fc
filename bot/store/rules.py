"""What a rule on keeping and erasing says of a table. The rules themselves are in :mod:`bot.store.periods`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

Condition = sa.ColumnElement[bool]


class Holds(StrEnum):
    """What a column can say about people. Columns of times, kinds and small numbers say nothing and are not listed.

    ``member``: the id of somebody who posted, reported, appealed, was penalised or is written to. ``moderator``: the id
    of somebody who acted for a server. ``trace``: what stands for a person: a sealed id, a keyed digest, a pseudonym.
    ``words``: what people wrote, or texts that can quote or name somebody. ``picture``: what is kept of a picture.
    ``place``: ids of servers, channels, messages, roles and webhooks. ``nobody``: numbers of rows, secrets of the
    installation, and what the program notes about itself.
    """

    MEMBER = "member"
    MODERATOR = "moderator"
    TRACE = "trace"
    WORDS = "words"
    PICTURE = "picture"
    PLACE = "place"
    NOBODY = "nobody"

    @property
    def personal(self) -> bool:
        """Whether it can lead to somebody, so that ``/privacy delete`` needs an answer for it."""
        return self in (Holds.MEMBER, Holds.MODERATOR, Holds.TRACE, Holds.WORDS)


class Wish(StrEnum):
    """What ``/privacy delete`` does with a column where it says something about the member who asks.

    ``erased``: it goes at once. ``counted``: it goes at once, but for what counts towards a limit of a day, which goes
    after that day. ``unheld``: it goes at once unless a case, or work that is not over, holds the row. ``kept``: it
    stays as long as its row. ``common``: texts that are written for a server or a case and name nobody else than that.
    """

    ERASED = "erased"
    COUNTED = "counted"
    UNHELD = "unheld"
    KEPT = "kept"
    COMMON = "common"


class Period(StrEnum):
    """A period by the name of its setting, in days."""

    SIGHTINGS = "retention.sightings_days"
    CASES = "retention.cases_days"
    LEFT_SERVER = "retention.left_server_days"
    EXPOSURES = "review.exposure_days"
    IDENTITY = "reports.identity_days"


@dataclass(frozen=True, slots=True)
class Clock:
    """What of a table is past its time by itself.

    ``expired`` is asked with the time before which rows are too old. ``order``: by this column, which has an index, the
    oldest are found first.
    """

    period: Period
    expired: Callable[[datetime], Condition]
    order: sa.Column[Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of one table.

    ``why``: why its rows are kept. ``until``: how long, as people read it. ``holds``: what each column can say about
    people. ``wish``: what ``/privacy delete`` does with each personal one, and ``kept`` why it leaves what it leaves.
    ``clock``: what goes by itself. ``parent``: the column with the row with which a row goes at the latest. ``guild``:
    the column with the server at whose end a row goes; None: it goes with its parent. ``outlives``: why the rows stay
    after that. ``policy``: how the lines of the privacy policy begin that tell of it.
    """

    table: sa.Table
    why: str
    until: str
    holds: Mapping[str, Holds]
    wish: Mapping[str, Wish] = field(default_factory=dict[str, Wish])
    kept: str = ""
    clock: Clock | None = None
    parent: sa.Column[Any] | None = None
    guild: sa.Column[Any] | None = None
    outlives: str = ""
    policy: tuple[str, ...] = ()


def held(**columns: str) -> dict[str, Holds]:
    """What columns hold: their names, with spaces between them, by the name of what they hold."""
    return {name: Holds(holds) for holds, names in columns.items() for name in names.split()}
