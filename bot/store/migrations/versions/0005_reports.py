"""Reports: who made them and their words are sealed; priorities, takedowns, signals, guides, what guilds decide.

An older version kept reporters' ids in clear, in the reports and in the messages to them. Both are sealed here, by the
vault that the migration is handed. Without one, which is so only where the vault's key was lost, reports go on without
their reporters. SQLite overwrites what is deleted, so that nothing is left of it in the file.
"""

from __future__ import annotations

import json
import secrets

import sqlalchemy as sa
from alembic import context, op

from bot.store.reporter_ids import ReporterIds
from bot.store.seals import SECRET_BYTES, SECRET_CONTEXT, Seals
from bot.vault import Vault

revision = "0005_reports"
down_revision = "0004_review"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CATEGORIES = ("ncii_synthetic", "ncii_real", "minor_suspected", "harassment", "scam", "other")
LANGUAGES = ("en", "ko", "ja", "es", "id")
REPORTER = "length(reporter) = 16"


def upgrade() -> None:
    """Change what there is, and make what is new."""
    bind = op.get_bind()
    if bind.dialect.name == "sqlite":
        bind.exec_driver_sql("PRAGMA secure_delete = ON")
    yes = "1" if bind.dialect.name == "sqlite" else "true"
    _columns(
        "guilds",
        f"show_reporters BOOLEAN DEFAULT {yes} NOT NULL",
        "hold_reports INTEGER DEFAULT '0' NOT NULL",
        "hotline VARCHAR(200)",
    )
    _columns(
        "cases",
        "priority INTEGER DEFAULT '0' NOT NULL",
        "priority_parts JSON",
        "takedown_at BIGINT",
        "signals JSON",
    )
    _partial_index("ix_cases_takedown_at", "cases", "takedown_at", where="takedown_at IS NOT NULL")
    _partial_index("ix_cases_sha256", "cases", "sha256", where="sha256 IS NOT NULL")
    _partial_index("ix_sightings_sha256", "sightings", "sha256", where="case_id IS NOT NULL")
    op.create_table(
        "guides",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("language", _enum("language", *LANGUAGES), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "language", name=op.f("pk_guides")),
    )
    op.create_table(
        "reporters",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reporter", sa.LargeBinary(), nullable=False),
        sa.Column("silent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("muted_until", sa.BigInteger()),
        sa.Column("muted_by", sa.BigInteger()),
        sa.Column("left_at", sa.BigInteger()),
        sa.Column("erase_at", sa.BigInteger()),
        sa.CheckConstraint(REPORTER, name=op.f("ck_reporters_reporter")),
        sa.PrimaryKeyConstraint("guild_id", "reporter", name=op.f("pk_reporters")),
    )
    _partial_index("ix_reporters_left_at", "reporters", "left_at", where="left_at IS NOT NULL")
    _partial_index("ix_reporters_erase_at", "reporters", "erase_at", where="erase_at IS NOT NULL")
    _seal_reports()


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _columns(table: str, *definitions: str) -> None:
    """Add columns, each with its constraints, which the helper of alembic would leave out on SQLite."""
    for definition in definitions:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {definition}")


def _partial_index(name: str, table: str, *columns: str, where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=condition, postgresql_where=condition)


def _seal_reports() -> None:
    bind = op.get_bind()
    old = bind.execute(sa.text("SELECT * FROM reports ORDER BY id")).mappings().all()
    counter = None
    if bind.dialect.name == "sqlite":
        counter = bind.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'reports'").scalar()
    else:
        counter = bind.execute(sa.text("SELECT last_value FROM reports_id_seq")).scalar() if old else None
    op.drop_index("ix_reports_guild_id_reporter_id", "reports")
    op.drop_table("reports")
    reports = _new_reports()
    ids = _reporter_ids() if old else None
    for row in old:
        if ids is None:
            reporter, sealed_id = secrets.token_bytes(16), None
        else:
            reporter = ids.digest(row["guild_id"], row["reporter_id"])
            sealed_id = ids.seal(reporter, row["reporter_id"])
        bind.execute(
            reports.insert().values(
                id=row["id"],
                case_id=row["case_id"],
                guild_id=row["guild_id"],
                kind="report",
                state="standing",
                reporter=reporter,
                sealed_id=sealed_id,
                words=b"",
                category=row["category"],
                language="en",
                created_at=row["created_at"],
                outcome_sent=bool(row["outcome_sent"]),
            )
        )
    # The number of a report that is gone is never given to another: calls of the outbox are named after it.
    if counter is not None and bind.dialect.name == "sqlite":
        bind.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'reports'")
        bind.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES ('reports', ?)", (counter,))
    elif counter is not None:
        bind.execute(sa.text("SELECT setval('reports_id_seq', :counter)"), {"counter": counter})
    _seal_calls()


def _new_reports() -> sa.Table:
    made = op.create_table(
        "reports",
        sa.Column("id", KEY, nullable=False),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", _enum("kind", "report", "takedown"), nullable=False),
        sa.Column("state", _enum("state", "standing", "withdrawn", "dropped"), nullable=False),
        sa.Column("reporter", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_id", sa.LargeBinary()),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("category", _enum("category", *CATEGORIES), nullable=False),
        sa.Column("language", _enum("language", *LANGUAGES), nullable=False),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome_sent", sa.Boolean(), nullable=False),
        sa.CheckConstraint(REPORTER, name=op.f("ck_reports_reporter")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_reports_case_id_cases"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("case_id", "reporter", name=op.f("uq_reports_case_id_reporter")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_reports_guild_id_reporter_created_at"), "reports", ["guild_id", "reporter", "created_at"])
    _partial_index("ix_reports_sealed", "reports", "created_at", where="sealed_id IS NOT NULL")
    return made


def _reporter_ids() -> ReporterIds | None:
    """What seals the reporters, with the installation's secret, made if there is none; None without a vault."""
    vault: Vault | None = context.config.attributes.get("vault")
    if vault is None:
        return None
    bind = op.get_bind()
    installation = sa.table("installation", sa.column("id", sa.Integer), sa.column("secret", sa.LargeBinary))
    sealed = bind.scalar(sa.select(installation.c.secret))
    if sealed is None:
        sealed = vault.seal(secrets.token_bytes(SECRET_BYTES), SECRET_CONTEXT)
        bind.execute(installation.insert().values(id=1, secret=sealed))
    return ReporterIds(Seals(vault), vault.open(sealed, SECRET_CONTEXT))


def _seal_calls() -> None:
    """Messages to reporters name the report instead of the member: those that wait, and those that were carried out."""
    bind = op.get_bind()
    outbox = sa.table(
        "outbox",
        sa.column("id", sa.BigInteger),
        sa.column("key", sa.String),
        sa.column("lane", sa.String),
        sa.column("payload", sa.JSON),
    )
    calls = bind.execute(sa.select(outbox).where(outbox.c.key.startswith("outcome:"))).all()
    for call in calls:
        payload = json.loads(call.payload) if isinstance(call.payload, str) else call.payload
        report_id = int(call.key.removeprefix("outcome:"))
        anew = {"report_id": report_id, "text": payload.get("text", "")}
        changed = outbox.update().where(outbox.c.id == call.id).values(lane=f"report:{report_id}", payload=anew)
        bind.execute(changed)
