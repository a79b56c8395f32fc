"""Members who report, and moderators who look."""

from __future__ import annotations

import sqlalchemy as sa

from bot.model import REPORTER_BYTES, Category, Language, ReportKind, ReportState
from bot.store.types import Key, Milliseconds, enum

from .base import metadata, partial, row_id

# Who reported and what they wrote are never here in clear: see bot.store.reports.
reports = sa.Table(
    "reports",
    metadata,
    row_id(),
    sa.Column("case_id", Key, sa.ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("kind", enum(ReportKind, "kind"), nullable=False),
    sa.Column("state", enum(ReportState, "state"), nullable=False),
    # A keyed digest of the guild and the member.
    sa.Column("reporter", sa.LargeBinary, nullable=False),
    # The member's id, sealed; NULL once it was forgotten.
    sa.Column("sealed_id", sa.LargeBinary),
    # What the member wrote, sealed; empty without words.
    sa.Column("words", sa.LargeBinary, nullable=False),
    sa.Column("category", enum(Category, "category"), nullable=False),
    sa.Column("language", enum(Language, "language"), nullable=False),
    sa.Column("message_id", sa.BigInteger),
    sa.Column("created_at", Milliseconds, nullable=False),
    sa.Column("outcome_sent", sa.Boolean, nullable=False),
    sa.CheckConstraint(f"length(reporter) = {REPORTER_BYTES}", name="reporter"),
    sa.UniqueConstraint("case_id", "reporter"),
    sa.Index(None, "guild_id", "reporter", "created_at"),
    partial("ix_reports_sealed", "created_at", where="sealed_id IS NOT NULL"),
    sqlite_autoincrement=True,
)

reporters = sa.Table(
    "reporters",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("reporter", sa.LargeBinary, primary_key=True),
    sa.Column("silent", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("muted_until", Milliseconds),
    sa.Column("muted_by", sa.BigInteger),
    sa.Column("left_at", Milliseconds),
    # When the digest goes from reports whose maker had them erased while they still counted against too many.
    sa.Column("erase_at", Milliseconds),
    sa.CheckConstraint(f"length(reporter) = {REPORTER_BYTES}", name="reporter"),
    partial("ix_reporters_left_at", "left_at", where="left_at IS NOT NULL"),
    partial("ix_reporters_erase_at", "erase_at", where="erase_at IS NOT NULL"),
)

exposures = sa.Table(
    "exposures",
    metadata,
    row_id(),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    # No foreign key: what a person had to look at counts also after the case is gone.
    sa.Column("case_id", sa.BigInteger, nullable=False),
    sa.Column("at", Milliseconds, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Index(None, "guild_id", "user_id", "at"),
    sa.Index(None, "at"),
    sqlite_autoincrement=True,
)

reviewers = sa.Table(
    "reviewers",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
    # Categories that this person does not want to see.
    sa.Column("opted_out", sa.JSON, nullable=False),
)
