"""The tables. Times are milliseconds UTC, Discord ids are 64-bit integers, fingerprints are blobs (see codec.py).

The columns ``features``, ``secret`` and ``signing_key`` hold what the vault sealed (see bot.vault).

A change in here needs a migration in ``migrations/versions``; a test compares the two on both databases.
"""

from .base import metadata
from .cases import appeals, case_events, cases, sanctions, sightings
from .guilds import chores, guides, guilds, tallies
from .history import departures, stretches, sweeps, watermarks
from .lists import ALGORITHM, bank_changes, banks, entries, entry_views, installation
from .people import exposures, reporters, reports, reviewers
from .work import CallState, audit, jobs, outbox

__all__ = [
    "ALGORITHM",
    "CallState",
    "appeals",
    "audit",
    "bank_changes",
    "banks",
    "case_events",
    "cases",
    "chores",
    "departures",
    "entries",
    "entry_views",
    "exposures",
    "guides",
    "guilds",
    "installation",
    "jobs",
    "metadata",
    "outbox",
    "reporters",
    "reports",
    "reviewers",
    "sanctions",
    "sightings",
    "stretches",
    "sweeps",
    "tallies",
    "watermarks",
]
