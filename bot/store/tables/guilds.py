"""What each guild decided, its recurring jobs, and the numbers of its days."""

from __future__ import annotations

import sqlalchemy as sa

from bot.model import LaneOrder, Language, Mode, NearMatches, Strictness
from bot.store.types import Milliseconds, enum

from .base import metadata

guilds = sa.Table(
    "guilds",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("mode", enum(Mode, "mode"), nullable=False),
    sa.Column("review_channel_id", sa.BigInteger),
    sa.Column("moderator_role_id", sa.BigInteger),
    sa.Column("child_safety_role_id", sa.BigInteger),
    sa.Column("scan_webhooks", sa.Boolean, nullable=False),
    sa.Column("scan_bots", sa.Boolean, nullable=False),
    sa.Column("scan_avatars", sa.Boolean, nullable=False),
    sa.Column("strictness", enum(Strictness, "strictness"), nullable=False, server_default=Strictness.AUTO),
    sa.Column("local_features", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("near_matches", enum(NearMatches, "near_matches"), nullable=False, server_default=NearMatches.LEAVE),
    sa.Column("lane_order", enum(LaneOrder, "lane_order"), nullable=False, server_default=LaneOrder.DELETE_AT_ONCE),
    sa.Column("child_safety_channel_id", sa.BigInteger),
    sa.Column("escalation_role_id", sa.BigInteger),
    sa.Column("alert_role_id", sa.BigInteger),
    sa.Column("log_channel_id", sa.BigInteger),
    sa.Column("reveal", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("tell_authors", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("remind_hours", sa.Integer, nullable=False, server_default="6"),
    sa.Column("escalate_hours", sa.Integer, nullable=False, server_default="24"),
    sa.Column("show_reporters", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("hold_reports", sa.Integer, nullable=False, server_default="0"),
    sa.Column("hotline", sa.String(200)),
)

# What a guild tells its members about manipulated pictures in its own words, where the bot's own guide is not enough.
guides = sa.Table(
    "guides",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("language", enum(Language, "language"), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

chores = sa.Table(
    "chores",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(32), primary_key=True),
    # When it was done last.
    sa.Column("at", Milliseconds, nullable=False),
)

tallies = sa.Table(
    "tallies",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    # Days since 1970 in UTC.
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)
