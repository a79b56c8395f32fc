"""What waits to be done, and the log of what was done."""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa

from bot.model import CallKind
from bot.store.types import Milliseconds, enum

from .base import metadata, partial, row_id


class CallState(StrEnum):
    """Where a pending Discord call stands."""

    PENDING = "pending"
    DONE = "done"
    GIVEN_UP = "given_up"


outbox = sa.Table(
    "outbox",
    metadata,
    row_id(),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("kind", enum(CallKind, "kind"), nullable=False),
    sa.Column("lane", sa.String(200), nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    # No foreign key: a call outlives the case that wanted it when the case is purged first.
    sa.Column("case_id", sa.BigInteger),
    sa.Column("guild_id", sa.BigInteger),
    sa.Column("urgency", sa.Integer, nullable=False),
    sa.Column("state", enum(CallState, "state"), nullable=False),
    sa.Column("created_at", Milliseconds, nullable=False),
    sa.Column("due_at", Milliseconds, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("uncertain", sa.Boolean, nullable=False),
    sa.Column("lease_owner", sa.String(200)),
    sa.Column("lease_until", Milliseconds),
    sa.Column("finished_at", Milliseconds),
    sa.Column("error", sa.Text),
    sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease"),
    sa.CheckConstraint("(state = 'pending') = (finished_at IS NULL)", name="finished"),
    sa.UniqueConstraint("key"),
    partial("ix_outbox_lane", "lane", "id", where="state = 'pending'"),
    partial("ix_outbox_order", "urgency", "due_at", "id", where="state = 'pending'"),
    partial("ix_outbox_leased", "lease_until", where="state = 'pending' AND lease_until IS NOT NULL"),
    partial("ix_outbox_given_up", "guild_id", "finished_at", where="state = 'given_up'"),
    partial("ix_outbox_case_id", "case_id", where="state = 'pending' AND case_id IS NOT NULL"),
    partial("ix_outbox_finished", "finished_at", where="state <> 'pending'"),
    sqlite_autoincrement=True,
)

jobs = sa.Table(
    "jobs",
    metadata,
    row_id(),
    sa.Column("message", sa.JSON, nullable=False),
    sa.Column("media", sa.JSON, nullable=False),
    sa.Column("created_at", Milliseconds, nullable=False),
    sa.Column("taken_until", Milliseconds),
    # NULL in a row of an older version.
    sa.Column("guild_id", sa.BigInteger),
    # The sweep that found the message; NULL for one that was seen as it was posted. No foreign key: a job outlives it.
    sa.Column("sweep_id", sa.BigInteger),
    # Which process took it. NULL while it waits, also for a time of its own, and if an older version took it.
    sa.Column("lease_owner", sa.String(200)),
    partial("ix_jobs_sweep_id", "sweep_id", where="sweep_id IS NOT NULL"),
    # In the order in which a guild's jobs are given out.
    sa.Index(None, "guild_id", "sweep_id", "id"),
    sqlite_autoincrement=True,
)

# Its triggers, which refuse UPDATE and DELETE, are made by the migration 0003_audit.
audit = sa.Table(
    "audit",
    metadata,
    row_id(),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("at", Milliseconds, nullable=False),
    sa.Column("actor", sa.LargeBinary),
    sa.Column("action", sa.String(32), nullable=False),
    # No foreign keys: the log outlives the cases and events that it tells of.
    sa.Column("case_id", sa.BigInteger),
    sa.Column("event_id", sa.BigInteger),
    sa.Column("subject", sa.String(64)),
    sa.Column("payload_sha256", sa.LargeBinary, nullable=False),
    sa.Column("prev", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("seq >= 1", name="seq"),
    sa.CheckConstraint("actor IS NULL OR length(actor) = 16", name="actor"),
    sa.CheckConstraint("length(payload_sha256) = 32 AND length(prev) = 32 AND length(hash) = 32", name="digests"),
    sa.UniqueConstraint("guild_id", "seq"),
    partial("ix_audit_case_id", "case_id", where="case_id IS NOT NULL"),
    partial("ix_audit_event_id", "event_id", where="event_id IS NOT NULL"),
    sqlite_autoincrement=True,
)
