"""Column types: how times, ids and enums of the model lie in a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DAY = timedelta(days=1)

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A primary key counted by the database. SQLite counts only columns that are called INTEGER; they hold 64 bits too."""


class Milliseconds(TypeDecorator[datetime]):
    """An aware datetime as whole milliseconds since 1970 UTC. What lies below a millisecond is cut off."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Datetime to milliseconds. Raises ValueError for a datetime without a time zone."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone cannot be stored")
        return (value - EPOCH) // MILLISECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Milliseconds to an aware datetime in UTC."""
        del dialect
        return None if value is None else EPOCH + value * MILLISECOND


def enum(kind: type[StrEnum], name: str) -> sa.Enum:
    """A short text that can only be one of the values of ``kind``, by a CHECK constraint called ``name``."""
    return sa.Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=_values,
    )


def _values(kind: type[StrEnum]) -> list[str]:
    return [member.value for member in kind]
