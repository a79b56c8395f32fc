"""The append-only audit log, and the key that signs evidence packs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_audit"
down_revision = "0002_features"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SALT = "salt IS NULL OR length(salt) = 16"

SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER audit_keeps_rows BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
    """,
    """
    CREATE TRIGGER audit_loses_no_rows BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
    """,
    # INSERT OR REPLACE deletes what it replaces, and no trigger on deletes hears of it.
    """
    CREATE TRIGGER audit_replaces_no_rows BEFORE INSERT ON audit
    WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id OR (guild_id = NEW.guild_id AND seq = NEW.seq))
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
    """,
)
POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION audit_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'integrity_constraint_violation';
    END
    $$
    """,
    """
    CREATE TRIGGER audit_keeps_rows BEFORE UPDATE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuses_change()
    """,
    """
    CREATE TRIGGER audit_loses_no_rows BEFORE DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuses_change()
    """,
)


def upgrade() -> None:
    """Make the table with its triggers, and the columns that belong to it. The chains begin here."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "audit",
        sa.Column("id", KEY, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.LargeBinary()),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.BigInteger()),
        sa.Column("event_id", sa.BigInteger()),
        sa.Column("subject", sa.String(length=64)),
        sa.Column("payload_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_audit_seq")),
        sa.CheckConstraint("actor IS NULL OR length(actor) = 16", name=op.f("ck_audit_actor")),
        sa.CheckConstraint(
            "length(payload_sha256) = 32 AND length(prev) = 32 AND length(hash) = 32", name=op.f("ck_audit_digests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint("guild_id", "seq", name=op.f("uq_audit_guild_id_seq")),
        sqlite_autoincrement=True,
    )
    for column in ("case_id", "event_id"):
        condition = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"ix_audit_{column}", "audit", [column], sqlite_where=condition, postgresql_where=condition)
    for statement in SQLITE_TRIGGERS if sqlite else POSTGRESQL_TRIGGERS:
        op.execute(statement)
    blob = "BLOB" if sqlite else "BYTEA"
    op.execute("ALTER TABLE installation ADD COLUMN signing_key " + blob)
    op.execute(f"ALTER TABLE case_events ADD COLUMN salt {blob} CONSTRAINT ck_case_events_salt CHECK ({SALT})")
