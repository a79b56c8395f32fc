"""How far each channel was processed, sweeps of what was posted before, guilds that the bot left; calls by due time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_history"
down_revision = "0005_reports"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make what is new. An older version kept no watermarks: see `compare` in bot/history/gaps.py."""
    op.create_table(
        "watermarks",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_watermarks")),
    )
    op.create_index(op.f("ix_watermarks_guild_id"), "watermarks", ["guild_id"])
    op.create_table(
        "sweeps",
        sa.Column("id", KEY, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", _enum("kind", "catch_up", "channel", "server"), nullable=False),
        sa.Column("state", _enum("state", "running", "paused", "cancelled", "done"), nullable=False),
        sa.Column("requested_by", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("message_id", sa.BigInteger()),
        *(
            sa.Column(name, sa.Integer(), server_default="0", nullable=False)
            for name in ("messages", "media", "clear", "review", "removed", "unscannable")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweeps")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sweeps_guild_id_id"), "sweeps", ["guild_id", "id"])
    _partial_index("ix_sweeps_open", "sweeps", "guild_id", "kind", where="finished_at IS NULL")
    _partial_index("ix_sweeps_shown", "sweeps", "id", where="message_id IS NOT NULL")
    op.create_table(
        "stretches",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sweep_id", KEY, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("after_id", sa.BigInteger(), nullable=False),
        sa.Column("before_id", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("state", _enum("state", "waiting", "done", "unreadable", "gone"), nullable=False),
        sa.ForeignKeyConstraint(
            ["sweep_id"], ["sweeps.id"], name=op.f("fk_stretches_sweep_id_sweeps"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stretches")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_stretches_sweep_id_id"), "stretches", ["sweep_id", "id"])
    _partial_index("ix_stretches_waiting", "stretches", "guild_id", "id", where="state = 'waiting'")
    op.create_table(
        "departures",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_departures")),
    )
    op.create_index(op.f("ix_departures_left_at"), "departures", ["left_at"])
    op.execute("ALTER TABLE jobs ADD COLUMN guild_id BIGINT")
    op.execute("ALTER TABLE jobs ADD COLUMN sweep_id BIGINT")
    _partial_index("ix_jobs_sweep_id", "jobs", "sweep_id", where="sweep_id IS NOT NULL")
    op.create_index(op.f("ix_jobs_guild_id_sweep_id_id"), "jobs", ["guild_id", "sweep_id", "id"])
    op.drop_index("ix_outbox_order", "outbox")
    _partial_index("ix_outbox_order", "outbox", "urgency", "due_at", "id", where="state = 'pending'")
    _partial_index("ix_outbox_leased", "outbox", "lease_until", where="state = 'pending' AND lease_until IS NOT NULL")
    _partial_index("ix_outbox_given_up", "outbox", "guild_id", "finished_at", where="state = 'given_up'")


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _partial_index(name: str, table: str, *columns: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, list(columns), sqlite_where=condition, postgresql_where=condition)
