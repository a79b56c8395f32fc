"""The ground: every table that the first version needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001_ground"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CATEGORIES = ("ncii_synthetic", "ncii_real", "minor_suspected", "harassment", "scam", "other")


def upgrade() -> None:
    """Make the tables, in the order in which they point at one another."""
    _banks()
    _bank_changes()
    _guilds()
    _cases()
    _entries()
    _entry_views()
    _case_events()
    _sightings()
    _reports()
    _outbox()
    _jobs()
    if op.get_bind().dialect.name == "postgresql":
        # Cases and entries point at each other. SQLite took both at once; it could not add one later.
        op.create_foreign_key(
            op.f("fk_cases_entry_id_entries"), "cases", "entries", ["entry_id"], ["id"], ondelete="SET NULL"
        )


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _partial_index(name: str, table: str, *columns: str, where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=condition, postgresql_where=condition)


def _banks() -> None:
    op.create_table(
        "banks",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", _enum("kind", "block", "known_good"), nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("level", _enum("level", "observe", "review", "remove"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_banks")),
        sqlite_autoincrement=True,
    )
    _partial_index("uq_banks_guild", "banks", "guild_id", "kind", "name", unique=True, where="guild_id IS NOT NULL")
    _partial_index("uq_banks_installation", "banks", "kind", "name", unique=True, where="guild_id IS NULL")


def _bank_changes() -> None:
    op.create_table(
        "bank_changes",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_bank_changes_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_changes")),
    )
    op.execute("INSERT INTO bank_changes (id, number) VALUES (1, 0)")


def _guilds() -> None:
    op.create_table(
        "guilds",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", _enum("mode", "observe", "review", "remove"), nullable=False),
        sa.Column("review_channel_id", sa.BigInteger()),
        sa.Column("moderator_role_id", sa.BigInteger()),
        sa.Column("child_safety_role_id", sa.BigInteger()),
        sa.Column("scan_webhooks", sa.Boolean(), nullable=False),
        sa.Column("scan_bots", sa.Boolean(), nullable=False),
        sa.Column("scan_avatars", sa.Boolean(), nullable=False),
        sa.Column("remove", sa.Integer(), nullable=False),
        sa.Column("review", sa.Integer(), nullable=False),
        sa.Column("margin", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_guilds")),
    )


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", KEY, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("category", _enum("category", *CATEGORIES), nullable=False),
        sa.Column("origin", _enum("origin", "match", "report", "block", "hunt"), nullable=False),
        sa.Column("state", _enum("state", "open", "decided"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", KEY),
        sa.Column("match", sa.JSON(none_as_null=True)),
        sa.Column("thresholds", sa.JSON(), nullable=False),
        sa.Column("program_version", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.LargeBinary()),
        sa.Column("fingerprint", sa.LargeBinary()),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("decision", _enum("decision", "confirm", "not_a_match")),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("decided_at", sa.BigInteger()),
        sa.Column("card_channel_id", sa.BigInteger()),
        sa.Column("card_message_id", sa.BigInteger()),
        sa.CheckConstraint("(sha256 IS NULL) = (fingerprint IS NULL)", name=op.f("ck_cases_fingerprint")),
        sa.CheckConstraint("sha256 IS NULL OR length(sha256) = 32", name=op.f("ck_cases_sha256")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_cases_version")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entries.id"], name=op.f("fk_cases_entry_id_entries"), ondelete="SET NULL", use_alter=True
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sqlite_autoincrement=True,
    )
    _partial_index("ix_cases_decided", "cases", "decided_at", where="state = 'decided'")
    op.create_index(op.f("ix_cases_entry_id"), "cases", ["entry_id"])
    op.create_index(op.f("ix_cases_guild_id_state_id"), "cases", ["guild_id", "state", "id"])


def _entries() -> None:
    op.create_table(
        "entries",
        sa.Column("id", KEY, nullable=False),
        sa.Column("bank_id", KEY, nullable=False),
        sa.Column("category", _enum("category", *CATEGORIES), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("frames", sa.BigInteger(), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("added_by", sa.BigInteger()),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("case_id", KEY),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("revoked_by", sa.BigInteger()),
        sa.Column("hunted_at", sa.BigInteger()),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_entries_sha256")),
        sa.ForeignKeyConstraint(["bank_id"], ["banks.id"], name=op.f("fk_entries_bank_id_banks"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_entries_case_id_cases"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_entries_bank_id_id"), "entries", ["bank_id", "id"])
    op.create_index(op.f("ix_entries_case_id"), "entries", ["case_id"])
    op.create_index(op.f("ix_entries_changed"), "entries", ["changed"])
    op.create_index(op.f("ix_entries_sha256"), "entries", ["sha256"])


def _entry_views() -> None:
    op.create_table(
        "entry_views",
        sa.Column("id", KEY, nullable=False),
        sa.Column("entry_id", KEY, nullable=False),
        sa.Column("algorithm", sa.String(length=32), server_default="phash256", nullable=False),
        sa.Column("form", _enum("form", "whole", "trimmed"), nullable=False),
        sa.Column("frame", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("algorithm = 'phash256'", name=op.f("ck_entry_views_algorithm")),
        sa.CheckConstraint("length(hashes) IN (32, 256)", name=op.f("ck_entry_views_hashes")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entries.id"], name=op.f("fk_entry_views_entry_id_entries"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry_views")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_entry_views_entry_id"), "entry_views", ["entry_id"])


def _case_events() -> None:
    op.create_table(
        "case_events",
        sa.Column("id", KEY, nullable=False),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("actor_id", sa.BigInteger()),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_events_case_id_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_case_events_case_id_id"), "case_events", ["case_id", "id"])


def _sightings() -> None:
    op.create_table(
        "sightings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger()),
        sa.Column("author_is_bot", sa.Boolean(), nullable=False),
        sa.Column("webhook_id", sa.BigInteger()),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("media_id", sa.Text(), nullable=False),
        sa.Column(
            "surface",
            _enum(
                "surface",
                "attachment",
                "embed_image",
                "embed_thumbnail",
                "embed_video",
                "embed_icon",
                "sticker",
                "emoji",
                "component",
                "avatar",
                "command",
                "file",
            ),
            nullable=False,
        ),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("verdict", _enum("verdict", "clear", "review", "remove", "unscannable"), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary()),
        sa.Column(
            "unscannable",
            _enum(
                "unscannable",
                "no_proxy",
                "host_refused",
                "redirect",
                "gone",
                "fetch_failed",
                "fetch_timeout",
                "too_large",
                "empty",
                "not_a_picture",
                "video",
                "lottie",
                "broken",
                "too_many_pixels",
                "decode_timeout",
                "out_of_memory",
                "worker_died",
                "too_plain",
                "malformed",
                "unreadable",
                "internal",
            ),
        ),
        sa.Column("entry_id", KEY),
        sa.Column("distance", sa.Integer()),
        sa.Column("margin", sa.Integer()),
        sa.Column("case_id", KEY),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.CheckConstraint("fingerprint IS NULL OR length(sha256) = 32", name=op.f("ck_sightings_fingerprint")),
        sa.CheckConstraint("length(sha256) IN (0, 32)", name=op.f("ck_sightings_sha256")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_sightings_case_id_cases"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entries.id"], name=op.f("fk_sightings_entry_id_entries"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sightings")),
        sa.UniqueConstraint("message_id", "media_id", "sha256", name=op.f("uq_sightings_message_id_media_id_sha256")),
        sqlite_autoincrement=True,
    )
    _partial_index("ix_sightings_case_id", "sightings", "case_id", where="case_id IS NOT NULL")
    _partial_index("ix_sightings_entry_id", "sightings", "entry_id", where="entry_id IS NOT NULL")
    op.create_index(op.f("ix_sightings_guild_id_seen_at"), "sightings", ["guild_id", "seen_at"])
    op.create_index(op.f("ix_sightings_seen_at"), "sightings", ["seen_at"])


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", KEY, nullable=False),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("reporter_id", sa.BigInteger(), nullable=False),
        sa.Column("category", _enum("category", *CATEGORIES), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome_sent", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_reports_case_id_cases"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("case_id", "reporter_id", name=op.f("uq_reports_case_id_reporter_id")),
        sqlite_autoincrement=True,
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column(
            "kind", _enum("kind", "delete_message", "post_card", "edit_card", "notify", "log_line"), nullable=False
        ),
        sa.Column("lane", sa.String(length=200), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("case_id", sa.BigInteger()),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("state", _enum("state", "pending", "done", "given_up"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("lease_owner", sa.String(length=200)),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("error", sa.Text()),
        sa.CheckConstraint("(state = 'pending') = (finished_at IS NULL)", name=op.f("ck_outbox_finished")),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_outbox_lease")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
        sqlite_autoincrement=True,
    )
    _partial_index("ix_outbox_case_id", "outbox", "case_id", where="state = 'pending' AND case_id IS NOT NULL")
    _partial_index("ix_outbox_finished", "outbox", "finished_at", where="state <> 'pending'")
    _partial_index("ix_outbox_lane", "outbox", "lane", "id", where="state = 'pending'")
    _partial_index("ix_outbox_order", "outbox", "urgency", "id", where="state = 'pending'")


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.Column("media", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("taken_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sqlite_autoincrement=True,
    )
