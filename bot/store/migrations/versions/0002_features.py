"""Local features, grids and foreign hashes of entries; matches with evidence; the secret of the installation."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002_features"
down_revision = "0001_ground"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CATEGORIES = ("ncii_synthetic", "ncii_real", "minor_suspected", "harassment", "scam", "other")
LEVEL = "level IN ('observe', 'review', 'strict', 'remove')"
SHA256 = "length(sha256) IN (0, 32)"
MD5 = "md5 IS NULL OR length(md5) = 16"
PDQ = "pdq IS NULL OR length(pdq) IN (32, 64, 96, 128, 160, 192, 224, 256)"
GRID = "grid IS NULL OR length(grid) = 136"
STRICTNESS = "strictness IN ('auto', 'standard', 'strict')"

WHOLE_KEYS = ("distance", "agreement", "coverage", "significance")
FITTING_KEYS = ("inliers", "agreement", "coverage", "significance")
TIERS = {
    "remove": ((64, 0.88, 0.25, 10.0), (8, 0.88, 0.25, 8.0), (50, 0.82, 0.25, 8.0), (5, 0.90, 0.6, 12.0)),
    "strict": ((64, 0.90, 0.4, 10.0), (8, 0.90, 0.4, 8.0), (50, 0.86, 0.4, 8.0), (5, 0.95, 0.6, 12.0)),
    "review": ((76, 0.80, 0.0, 8.0), (6, 0.75, 0.0, 7.0), (12, 0.72, 0.0, 8.0), (4, 0.88, 0.0, 9.0)),
}
BATCH = 500


def upgrade() -> None:
    """Change what there is, and make what is new."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_installation_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    if sqlite:
        # SQLite cannot change a CHECK constraint: these two tables are made anew.
        _remake("banks", _new_banks)
        _remake("entries", _new_entries)
    else:
        _change_banks()
        _change_entries()
    _index_banks(made_anew=sqlite)
    _index_entries(made_anew=sqlite)
    _entry_views()
    _guilds()
    _columns("cases", "features %s")
    op.add_column("sightings", sa.Column("agreement", sa.Float()))
    _convert_cases()


def _columns(table: str, *definitions: str) -> None:
    """Add columns, each with its constraints, which the helper of alembic would leave out on SQLite."""
    blob = "BLOB" if op.get_bind().dialect.name == "sqlite" else "BYTEA"
    for definition in definitions:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {definition.replace('%s', blob)}")


def _partial_index(name: str, table: str, *columns: str, where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=condition, postgresql_where=condition)


# ----------------------------------------------------------------------------------------- tables made anew


def _remake(table: str, columns: Any) -> None:  # noqa: ANN401 - a function that makes the table of a name
    """Make an SQLite table anew (https://sqlite.org/lang_altertable.html, section 7), its rows and counter kept."""
    bind = op.get_bind()
    old = [column["name"] for column in sa.inspect(bind).get_columns(table)]
    counter = bind.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).scalar()
    anew = f"{table}_anew"
    columns(anew)
    names = ", ".join(old)
    op.execute(f"INSERT INTO {anew} ({names}) SELECT {names} FROM {table}")  # noqa: S608 - names of columns
    op.drop_table(table)
    op.rename_table(anew, table)
    if counter is not None:
        # The number of a row that is gone is never given to another.
        bind.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        bind.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, counter))


def _new_banks(name: str) -> None:
    op.create_table(
        name,
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("level", sa.String(length=32), nullable=False),
        sa.CheckConstraint("kind IN ('block', 'known_good')", name=op.f("ck_banks_kind")),
        sa.CheckConstraint(LEVEL, name=op.f("ck_banks_level")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_banks")),
        sqlite_autoincrement=True,
    )


def _new_entries(name: str) -> None:
    categories = ", ".join(f"'{category}'" for category in CATEGORIES)
    op.create_table(
        name,
        sa.Column("id", KEY, nullable=False),
        sa.Column("bank_id", KEY, nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
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
        sa.Column("md5", sa.LargeBinary()),
        sa.Column("pdq", sa.LargeBinary()),
        sa.CheckConstraint(f"category IN ({categories})", name=op.f("ck_entries_category")),
        sa.CheckConstraint(SHA256, name=op.f("ck_entries_sha256")),
        sa.CheckConstraint(MD5, name=op.f("ck_entries_md5")),
        sa.CheckConstraint(PDQ, name=op.f("ck_entries_pdq")),
        sa.ForeignKeyConstraint(["bank_id"], ["banks.id"], name=op.f("fk_entries_bank_id_banks"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_entries_case_id_cases"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
        sqlite_autoincrement=True,
    )


# ----------------------------------------------------------------------------------------- tables changed


def _change_banks() -> None:
    op.drop_constraint(op.f("ck_banks_level"), "banks", type_="check")
    op.create_check_constraint(op.f("ck_banks_level"), "banks", LEVEL)


def _change_entries() -> None:
    op.drop_constraint(op.f("ck_entries_sha256"), "entries", type_="check")
    op.create_check_constraint(op.f("ck_entries_sha256"), "entries", SHA256)
    _columns(
        "entries", f"md5 %s CONSTRAINT ck_entries_md5 CHECK ({MD5})", f"pdq %s CONSTRAINT ck_entries_pdq CHECK ({PDQ})"
    )


def _index_banks(*, made_anew: bool) -> None:
    if made_anew:
        _partial_index("uq_banks_guild", "banks", "guild_id", "kind", "name", unique=True, where="guild_id IS NOT NULL")
        _partial_index("uq_banks_installation", "banks", "kind", "name", unique=True, where="guild_id IS NULL")


def _index_entries(*, made_anew: bool) -> None:
    if made_anew:
        op.create_index(op.f("ix_entries_bank_id_id"), "entries", ["bank_id", "id"])
        op.create_index(op.f("ix_entries_case_id"), "entries", ["case_id"])
        op.create_index(op.f("ix_entries_changed"), "entries", ["changed"])
        op.create_index(op.f("ix_entries_sha256"), "entries", ["sha256"])
    _partial_index("ix_entries_md5", "entries", "md5", where="md5 IS NOT NULL")
    _partial_index("ix_entries_pdq", "entries", "pdq", where="pdq IS NOT NULL")


def _entry_views() -> None:
    _columns("entry_views", f"grid %s CONSTRAINT ck_entry_views_grid CHECK ({GRID})", "features %s")
    _partial_index("ix_entry_views_hashes", "entry_views", "hashes", where="length(hashes) = 32")


def _guilds() -> None:
    yes = "1" if op.get_bind().dialect.name == "sqlite" else "true"
    _columns(
        "guilds",
        f"strictness VARCHAR(32) DEFAULT 'auto' NOT NULL CONSTRAINT ck_guilds_strictness CHECK ({STRICTNESS})",
        f"local_features BOOLEAN DEFAULT {yes} NOT NULL",
    )
    for name in ("remove", "review", "margin"):
        op.drop_column("guilds", name)


# ----------------------------------------------------------------------------------------- rows


def _convert_cases() -> None:
    """Write matches and thresholds of cases as they are read from now on."""
    cases = sa.table(
        "cases",
        sa.column("id", sa.BigInteger),
        sa.column("match", sa.JSON(none_as_null=True)),
        sa.column("thresholds", sa.JSON),
    )
    bind = op.get_bind()
    last = 0
    while rows := bind.execute(sa.select(cases).where(cases.c.id > last).order_by(cases.c.id).limit(BATCH)).all():
        for row in rows:
            bind.execute(
                cases.update()
                .where(cases.c.id == row.id)
                .values(match=_match(row.match), thresholds=_thresholds(row.thresholds))
            )
        last = rows[-1].id


def _match(old: dict[str, Any] | None) -> dict[str, Any] | None:
    """A match as it was, found by hashes alone."""
    if old is None:
        return None
    kept = {name: value for name, value in old.items() if name != "form"}
    return {**kept, "part": old["form"], "inverted": False, "evidence": None, "known_good_agreement": None}


def _thresholds(old: dict[str, int]) -> dict[str, Any]:
    """The bits that counted then are those of hashes alone now; of evidence there was none."""
    tiers = {name: _tier(*values) for name, values in TIERS.items()}
    return {
        **tiers,
        "hash_remove": old["remove"],
        "hash_review": old["review"],
        "hash_review_box": 56,
        "margin": 0.02,
        "margin_bits": old["margin"],
    }


def _tier(
    whole: tuple[float, ...], usual: tuple[float, ...], many: tuple[float, ...], few: tuple[float, ...]
) -> dict[str, Any]:
    fittings = {"usual": usual, "many": many, "few": few}
    return {
        **dict(zip(WHOLE_KEYS, whole, strict=True)),
        **{name: dict(zip(FITTING_KEYS, values, strict=True)) for name, values in fittings.items()},
    }
