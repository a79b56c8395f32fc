"""The installation, the banks and their entries."""

from __future__ import annotations

import sqlalchemy as sa

from bot.model import (
    GRID_BYTES,
    MOST_PDQ_HASHES,
    ORIENTATIONS,
    PDQ_BYTES,
    PHASH_BYTES,
    BankKind,
    BankLevel,
    Category,
    Form,
)
from bot.store.types import Key, Milliseconds, enum

from .base import metadata, partial, row_id

ALGORITHM = "phash256"
"""What the hashes of a view are: imagehash.phash, hash size 16."""

_PDQ_LENGTHS = ", ".join(str(number * PDQ_BYTES) for number in range(1, MOST_PDQ_HASHES + 1))

installation = sa.Table(
    "installation",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    # The seed of the key that signs evidence packs; made when the first one is.
    sa.Column("signing_key", sa.LargeBinary),
    sa.CheckConstraint("id = 1", name="one_row"),
)

banks = sa.Table(
    "banks",
    metadata,
    row_id(),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("kind", enum(BankKind, "kind"), nullable=False),
    sa.Column("guild_id", sa.BigInteger),
    sa.Column("level", enum(BankLevel, "level"), nullable=False),
    partial("uq_banks_installation", "kind", "name", unique=True, where="guild_id IS NULL"),
    partial("uq_banks_guild", "guild_id", "kind", "name", unique=True, where="guild_id IS NOT NULL"),
    sqlite_autoincrement=True,
)

bank_changes = sa.Table(
    "bank_changes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)

entries = sa.Table(
    "entries",
    metadata,
    row_id(),
    sa.Column("bank_id", Key, sa.ForeignKey("banks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("category", enum(Category, "category"), nullable=False),
    # Empty for an entry of a foreign list that does not tell it.
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("width", sa.BigInteger, nullable=False),
    sa.Column("height", sa.BigInteger, nullable=False),
    sa.Column("frames", sa.BigInteger, nullable=False),
    sa.Column("quality", sa.Integer, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("added_by", sa.BigInteger),
    sa.Column("added_at", Milliseconds, nullable=False),
    sa.Column("case_id", Key, sa.ForeignKey("cases.id", ondelete="SET NULL")),
    sa.Column("revoked_at", Milliseconds),
    sa.Column("revoked_by", sa.BigInteger),
    sa.Column("hunted_at", Milliseconds),
    # The bank change number of the entry's last change: other processes read only what is newer than what they have.
    sa.Column("changed", sa.BigInteger, nullable=False),
    sa.Column("md5", sa.LargeBinary),
    # Up to MOST_PDQ_HASHES hashes, one after the other.
    sa.Column("pdq", sa.LargeBinary),
    sa.CheckConstraint("length(sha256) IN (0, 32)", name="sha256"),
    sa.CheckConstraint("md5 IS NULL OR length(md5) = 16", name="md5"),
    sa.CheckConstraint(f"pdq IS NULL OR length(pdq) IN ({_PDQ_LENGTHS})", name="pdq"),
    sa.Index(None, "bank_id", "id"),
    sa.Index(None, "changed"),
    sa.Index(None, "sha256"),
    partial("ix_entries_md5", "md5", where="md5 IS NOT NULL"),
    partial("ix_entries_pdq", "pdq", where="pdq IS NOT NULL"),
    sa.Index(None, "case_id"),
    sqlite_autoincrement=True,
)

entry_views = sa.Table(
    "entry_views",
    metadata,
    row_id(),
    sa.Column("entry_id", Key, sa.ForeignKey("entries.id", ondelete="CASCADE"), nullable=False),
    sa.Column("algorithm", sa.String(32), nullable=False, server_default=ALGORITHM),
    sa.Column("form", enum(Form, "form"), nullable=False),
    sa.Column("frame", sa.BigInteger, nullable=False),
    sa.Column("hashes", sa.LargeBinary, nullable=False),
    sa.Column("grid", sa.LargeBinary),
    sa.Column("features", sa.LargeBinary),
    sa.CheckConstraint(f"algorithm = '{ALGORITHM}'", name="algorithm"),
    sa.CheckConstraint(f"length(hashes) IN ({PHASH_BYTES}, {ORIENTATIONS * PHASH_BYTES})", name="hashes"),
    sa.CheckConstraint(f"grid IS NULL OR length(grid) = {GRID_BYTES}", name="grid"),
    sa.Index(None, "entry_id"),
    # Entries that are nothing but one hash are looked up by it, so that a list is not imported twice.
    partial("ix_entry_views_hashes", "hashes", where=f"length(hashes) = {PHASH_BYTES}"),
    sqlite_autoincrement=True,
)
