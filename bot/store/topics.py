"""What processes on one PostgreSQL tell each other, see :mod:`bot.store.notify`."""

from enum import StrEnum

CHANNEL = "stanguard"
"""Channels belong to a database, so that two installations on one server never hear each other."""


class Topic(StrEnum):
    """What changed. ``GUILD``, a guild's settings, is said with its id after a colon."""

    BANKS = "banks"
    OUTBOX = "outbox"
    JOBS = "jobs"
    SWEEPS = "sweeps"
    GUILD = "guild"
