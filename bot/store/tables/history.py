"""How far each channel was processed, what of its history is still to be read, and guilds that the bot left."""

from __future__ import annotations

import sqlalchemy as sa

from bot.model import StretchState, SweepKind, SweepState
from bot.store.types import Key, Milliseconds, enum

from .base import metadata, partial, row_id

# Up to this message, with the stretches that wait, everything posted in the channel or thread is accounted for.
watermarks = sa.Table(
    "watermarks",
    metadata,
    sa.Column("channel_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("message_id", sa.BigInteger, nullable=False),
    sa.Index(None, "guild_id"),
)

sweeps = sa.Table(
    "sweeps",
    metadata,
    row_id(),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("kind", enum(SweepKind, "kind"), nullable=False),
    sa.Column("state", enum(SweepState, "state"), nullable=False),
    sa.Column("requested_by", sa.BigInteger),
    sa.Column("created_at", Milliseconds, nullable=False),
    sa.Column("finished_at", Milliseconds),
    sa.Column("channel_id", sa.BigInteger),
    sa.Column("message_id", sa.BigInteger),
    sa.Column("messages", sa.Integer, nullable=False, server_default="0"),
    sa.Column("media", sa.Integer, nullable=False, server_default="0"),
    sa.Column("clear", sa.Integer, nullable=False, server_default="0"),
    sa.Column("review", sa.Integer, nullable=False, server_default="0"),
    sa.Column("removed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("unscannable", sa.Integer, nullable=False, server_default="0"),
    sa.Index(None, "guild_id", "id"),
    partial("ix_sweeps_open", "guild_id", "kind", where="finished_at IS NULL"),
    partial("ix_sweeps_shown", "id", where="message_id IS NOT NULL"),
    sqlite_autoincrement=True,
)

stretches = sa.Table(
    "stretches",
    metadata,
    row_id(),
    sa.Column("sweep_id", Key, sa.ForeignKey("sweeps.id", ondelete="CASCADE"), nullable=False),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("channel_id", sa.BigInteger, nullable=False),
    sa.Column("after_id", sa.BigInteger, nullable=False),
    sa.Column("before_id", sa.BigInteger, nullable=False),
    sa.Column("cursor", sa.BigInteger, nullable=False),
    sa.Column("state", enum(StretchState, "state"), nullable=False),
    sa.Index(None, "sweep_id", "id"),
    partial("ix_stretches_waiting", "guild_id", "id", where="state = 'waiting'"),
    sqlite_autoincrement=True,
)

departures = sa.Table(
    "departures",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    # When the bot was removed from the guild; after a time of grace everything of the guild goes.
    sa.Column("left_at", Milliseconds, nullable=False),
    sa.Index(None, "left_at"),
)
