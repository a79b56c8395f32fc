"""The review queue: states, claims, decisions with reasons, sanctions, appeals, what moderators had to see, numbers."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0004_review"
down_revision = "0003_audit"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CATEGORIES = ("ncii_synthetic", "ncii_real", "minor_suspected", "harassment", "scam", "other")
STATES = ("open", "claimed", "escalated", "decided", "closed", "appealed", "expired")
DECISIONS = ("confirm", "not_a_match", "harmless_edit", "duplicate", "no_action")
REASONS = (
    "sexual_deepfake",
    "intimate_picture",
    "minor_safety",
    "harassment",
    "scam",
    "other_rule",
    "different_picture",
    "official_photo",
    "fan_edit",
    "satire",
    "same_picture",
    "within_rules",
    "already_handled",
    "cannot_tell",
    "second_opinion",
    "legal",
)
CALLS = (
    "delete_message",
    "post_card",
    "edit_card",
    "notify",
    "log_line",
    "timeout",
    "kick",
    "ban",
    "lift_timeout",
    "unban",
    "stats_post",
)
LANE = "thumbhash IS NULL OR category <> 'minor_suspected'"
THUMBHASH = "thumbhash IS NULL OR length(thumbhash) <= 32"


def upgrade() -> None:
    """Change what there is, and make what is new."""
    if op.get_bind().dialect.name == "sqlite":
        # SQLite cannot change a CHECK constraint: these two tables are made anew.
        _remake("cases", _new_cases)
        _remake("outbox", _new_outbox)
    else:
        _change_cases()
        _change_check("outbox", "kind", CALLS)
    _index_cases()
    _guilds()
    _columns("case_events", "request_id BIGINT")
    _partial_index(
        "uq_case_events_request_id", "case_events", "request_id", unique=True, where="request_id IS NOT NULL"
    )
    _partial_index("ix_case_events_actor_id", "case_events", "actor_id", where="actor_id IS NOT NULL")
    _columns("sightings", "excepted_by BIGINT", "moved_from BIGINT")
    _partial_index("ix_sightings_author_id", "sightings", "author_id", where="author_id IS NOT NULL")
    _partial_index("ix_sightings_moved_from", "sightings", "moved_from", where="moved_from IS NOT NULL")
    op.create_index(op.f("ix_reports_guild_id_reporter_id"), "reports", ["guild_id", "reporter_id"])
    _sanctions()
    _appeals()
    _exposures()
    _numbers()


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _values(*values: str) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _columns(table: str, *definitions: str) -> None:
    """Add columns, each with its constraints, which the helper of alembic would leave out on SQLite."""
    blob = "BLOB" if op.get_bind().dialect.name == "sqlite" else "BYTEA"
    for definition in definitions:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {definition.replace('%s', blob)}")


def _partial_index(name: str, table: str, *columns: str, where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=condition, postgresql_where=condition)


# ----------------------------------------------------------------------------------------- tables made anew


def _remake(table: str, columns: Callable[[str], None]) -> None:
    """Make an SQLite table anew (https://sqlite.org/lang_altertable.html, section 7), its rows and counter kept."""
    bind = op.get_bind()
    old = [column["name"] for column in sa.inspect(bind).get_columns(table)]
    counter = bind.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).scalar()
    anew = f"{table}_anew"
    columns(anew)
    names = ", ".join(f'"{name}"' for name in old)
    op.execute(f"INSERT INTO {anew} ({names}) SELECT {names} FROM {table}")  # noqa: S608 - names of columns
    op.drop_table(table)
    op.rename_table(anew, table)
    if counter is not None:
        # The number of a row that is gone is never given to another.
        bind.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        bind.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, counter))
    if table == "cases":
        op.create_index(op.f("ix_cases_entry_id"), "cases", ["entry_id"])
        op.create_index(op.f("ix_cases_guild_id_state_id"), "cases", ["guild_id", "state", "id"])
    else:
        pending = "state = 'pending'"
        _partial_index("ix_outbox_lane", "outbox", "lane", "id", where=pending)
        _partial_index("ix_outbox_order", "outbox", "urgency", "id", where=pending)
        _partial_index("ix_outbox_case_id", "outbox", "case_id", where=f"{pending} AND case_id IS NOT NULL")
        _partial_index("ix_outbox_finished", "outbox", "finished_at", where="state <> 'pending'")


def _new_cases(name: str) -> None:
    op.create_table(
        name,
        sa.Column("id", KEY, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("origin", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", KEY),
        sa.Column("match", sa.JSON(none_as_null=True)),
        sa.Column("thresholds", sa.JSON(), nullable=False),
        sa.Column("program_version", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.LargeBinary()),
        sa.Column("fingerprint", sa.LargeBinary()),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("decision", sa.String(length=32)),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("decided_at", sa.BigInteger()),
        sa.Column("card_channel_id", sa.BigInteger()),
        sa.Column("card_message_id", sa.BigInteger()),
        sa.Column("features", sa.LargeBinary()),
        sa.Column("policy_reason", sa.String(length=32)),
        sa.Column("decision_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("duplicate_of", KEY),
        sa.Column("claimed_by", sa.BigInteger()),
        sa.Column("claimed_until", sa.BigInteger()),
        sa.Column("thumbhash", sa.LargeBinary()),
        sa.Column("bumped_at", sa.BigInteger()),
        sa.Column("escalated_at", sa.BigInteger()),
        sa.CheckConstraint(f"category IN ({_values(*CATEGORIES)})", name=op.f("ck_cases_category")),
        sa.CheckConstraint("origin IN ('match', 'report', 'block', 'hunt')", name=op.f("ck_cases_origin")),
        sa.CheckConstraint(f"state IN ({_values(*STATES)})", name=op.f("ck_cases_state")),
        sa.CheckConstraint(f"decision IN ({_values(*DECISIONS)})", name=op.f("ck_cases_decision")),
        sa.CheckConstraint(f"policy_reason IN ({_values(*REASONS)})", name=op.f("ck_cases_policy_reason")),
        sa.CheckConstraint("(sha256 IS NULL) = (fingerprint IS NULL)", name=op.f("ck_cases_fingerprint")),
        sa.CheckConstraint("sha256 IS NULL OR length(sha256) = 32", name=op.f("ck_cases_sha256")),
        sa.CheckConstraint(LANE, name=op.f("ck_cases_lane")),
        sa.CheckConstraint(THUMBHASH, name=op.f("ck_cases_thumbhash")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_cases_version")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entries.id"], name=op.f("fk_cases_entry_id_entries"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["duplicate_of"], ["cases.id"], name=op.f("fk_cases_duplicate_of_cases"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sqlite_autoincrement=True,
    )


def _new_outbox(name: str) -> None:
    op.create_table(
        name,
        sa.Column("id", KEY, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.String(length=200), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("case_id", sa.BigInteger()),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("lease_owner", sa.String(length=200)),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("error", sa.Text()),
        sa.CheckConstraint(f"kind IN ({_values(*CALLS)})", name=op.f("ck_outbox_kind")),
        sa.CheckConstraint("state IN ('pending', 'done', 'given_up')", name=op.f("ck_outbox_state")),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_outbox_lease")),
        sa.CheckConstraint("(state = 'pending') = (finished_at IS NULL)", name=op.f("ck_outbox_finished")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
        sqlite_autoincrement=True,
    )


# ----------------------------------------------------------------------------------------- tables changed


def _change_check(table: str, column: str, values: tuple[str, ...]) -> None:
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, f"{column} IN ({_values(*values)})")


def _change_cases() -> None:
    _change_check("cases", "state", STATES)
    _change_check("cases", "decision", DECISIONS)
    op.drop_index("ix_cases_decided", "cases")
    _columns(
        "cases",
        f"policy_reason VARCHAR(32) CONSTRAINT ck_cases_policy_reason CHECK (policy_reason IN ({_values(*REASONS)}))",
        "decision_number INTEGER DEFAULT 0 NOT NULL",
        "duplicate_of BIGINT CONSTRAINT fk_cases_duplicate_of_cases REFERENCES cases (id) ON DELETE SET NULL",
        "claimed_by BIGINT",
        "claimed_until BIGINT",
        f"thumbhash %s CONSTRAINT ck_cases_thumbhash CHECK ({THUMBHASH})",
        "bumped_at BIGINT",
        "escalated_at BIGINT",
    )
    op.create_check_constraint(op.f("ck_cases_lane"), "cases", LANE)


def _index_cases() -> None:
    # A decision that was taken before they were counted was the first one of its case.
    op.execute("UPDATE cases SET decision_number = 1 WHERE decision IS NOT NULL")
    op.create_index(op.f("ix_cases_state_opened_at"), "cases", ["state", "opened_at"])
    _partial_index("ix_cases_decided", "cases", "decided_at", where="decided_at IS NOT NULL")
    _partial_index("ix_cases_claimed_until", "cases", "claimed_until", where="claimed_until IS NOT NULL")
    _partial_index("ix_cases_duplicate_of", "cases", "duplicate_of", where="duplicate_of IS NOT NULL")


def _guilds() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    yes, no = ("1", "0") if sqlite else ("true", "false")
    near, order = _values("leave", "hold"), _values("delete_at_once", "alert_first")
    _columns(
        "guilds",
        f"near_matches VARCHAR(32) DEFAULT 'leave' NOT NULL CONSTRAINT ck_guilds_near_matches "
        f"CHECK (near_matches IN ({near}))",
        f"lane_order VARCHAR(32) DEFAULT 'delete_at_once' NOT NULL CONSTRAINT ck_guilds_lane_order "
        f"CHECK (lane_order IN ({order}))",
        "child_safety_channel_id BIGINT",
        "escalation_role_id BIGINT",
        "alert_role_id BIGINT",
        "log_channel_id BIGINT",
        f"reveal BOOLEAN DEFAULT {no} NOT NULL",
        f"tell_authors BOOLEAN DEFAULT {yes} NOT NULL",
        "remind_hours INTEGER DEFAULT '6' NOT NULL",
        "escalate_hours INTEGER DEFAULT '24' NOT NULL",
    )


# ----------------------------------------------------------------------------------------- new tables


def _of_case(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["case_id"], ["cases.id"], name=op.f(f"fk_{table}_case_id_cases"), ondelete="CASCADE"
    )


def _sanctions() -> None:
    op.create_table(
        "sanctions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", _enum("kind", "warn", "timeout", "kick", "ban"), nullable=False),
        sa.Column("decision_number", sa.Integer(), nullable=False),
        sa.Column("ordered_by", sa.BigInteger(), nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), nullable=False),
        sa.Column("state", _enum("state", "pending", "done", "failed", "lifting", "lifted"), nullable=False),
        sa.Column("until", sa.BigInteger()),
        sa.Column("delete_message_seconds", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        _of_case("sanctions"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanctions")),
        sa.UniqueConstraint(
            "case_id", "decision_number", "user_id", name=op.f("uq_sanctions_case_id_decision_number_user_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sanctions_guild_id_user_id"), "sanctions", ["guild_id", "user_id"])


def _appeals() -> None:
    op.create_table(
        "appeals",
        sa.Column("id", KEY, nullable=False),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("decision_number", sa.Integer(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", _enum("outcome", "upheld", "overturned")),
        sa.Column("answered_by", sa.BigInteger()),
        sa.Column("answered_at", sa.BigInteger()),
        _of_case("appeals"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeals")),
        sa.UniqueConstraint(
            "case_id", "author_id", "decision_number", name=op.f("uq_appeals_case_id_author_id_decision_number")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_appeals_guild_id_author_id"), "appeals", ["guild_id", "author_id"])


def _exposures() -> None:
    op.create_table(
        "exposures",
        sa.Column("id", KEY, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exposures")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_exposures_at"), "exposures", ["at"])
    op.create_index(op.f("ix_exposures_guild_id_user_id_at"), "exposures", ["guild_id", "user_id", "at"])
    op.create_table(
        "reviewers",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("opted_out", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "user_id", name=op.f("pk_reviewers")),
    )


def _numbers() -> None:
    op.create_table(
        "tallies",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "day", "name", name=op.f("pk_tallies")),
    )
    op.create_table(
        "chores",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "name", name=op.f("pk_chores")),
    )
