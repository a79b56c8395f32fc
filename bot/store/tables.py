"""The tables. Times are milliseconds UTC, Discord ids are 64-bit integers, fingerprints are blobs (see codec.py).

The columns ``features``, ``secret`` and ``signing_key`` hold what the vault sealed (see bot.vault).

A change in here needs a migration in ``migrations/versions``; a test compares the two on both databases.
"""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa

from bot.model import (
    GRID_BYTES,
    MOST_PDQ_HASHES,
    ORIENTATIONS,
    PDQ_BYTES,
    PHASH_BYTES,
    AppealOutcome,
    BankKind,
    BankLevel,
    CallKind,
    CaseOrigin,
    CaseState,
    Category,
    Decision,
    Form,
    LaneOrder,
    Mode,
    NearMatches,
    PolicyReason,
    SanctionKind,
    SanctionState,
    Strictness,
    Surface,
    Unscannable,
    Verdict,
)

from .types import Key, Milliseconds, enum


class CallState(StrEnum):
    """Where a pending Discord call stands."""

    PENDING = "pending"
    DONE = "done"
    GIVEN_UP = "given_up"


ALGORITHM = "phash256"
"""What the hashes of a view are: imagehash.phash, hash size 16."""

_PDQ_LENGTHS = ", ".join(str(number * PDQ_BYTES) for number in range(1, MOST_PDQ_HASHES + 1))

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> sa.Column[int]:
    return sa.Column("id", Key, primary_key=True, autoincrement=True)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    condition = sa.text(where)
    return sa.Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


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
    _id(),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("kind", enum(BankKind, "kind"), nullable=False),
    sa.Column("guild_id", sa.BigInteger),
    sa.Column("level", enum(BankLevel, "level"), nullable=False),
    _partial("uq_banks_installation", "kind", "name", unique=True, where="guild_id IS NULL"),
    _partial("uq_banks_guild", "guild_id", "kind", "name", unique=True, where="guild_id IS NOT NULL"),
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
    _id(),
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
    _partial("ix_entries_md5", "md5", where="md5 IS NOT NULL"),
    _partial("ix_entries_pdq", "pdq", where="pdq IS NOT NULL"),
    sa.Index(None, "case_id"),
    sqlite_autoincrement=True,
)

entry_views = sa.Table(
    "entry_views",
    metadata,
    _id(),
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
    _partial("ix_entry_views_hashes", "hashes", where=f"length(hashes) = {PHASH_BYTES}"),
    sqlite_autoincrement=True,
)

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
)

cases = sa.Table(
    "cases",
    metadata,
    _id(),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("category", enum(Category, "category"), nullable=False),
    sa.Column("origin", enum(CaseOrigin, "origin"), nullable=False),
    sa.Column("state", enum(CaseState, "state"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("opened_at", Milliseconds, nullable=False),
    sa.Column("entry_id", Key, sa.ForeignKey("entries.id", ondelete="SET NULL", use_alter=True)),
    sa.Column("match", sa.JSON(none_as_null=True)),
    sa.Column("thresholds", sa.JSON, nullable=False),
    sa.Column("program_version", sa.String(64), nullable=False),
    sa.Column("sha256", sa.LargeBinary),
    sa.Column("fingerprint", sa.LargeBinary),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("decision", enum(Decision, "decision")),
    sa.Column("decided_by", sa.BigInteger),
    sa.Column("decided_at", Milliseconds),
    sa.Column("card_channel_id", sa.BigInteger),
    sa.Column("card_message_id", sa.BigInteger),
    sa.Column("features", sa.LargeBinary),
    sa.Column("policy_reason", enum(PolicyReason, "policy_reason")),
    # Counts decisions on this case, taken back or not: sanctions, notices and appeals hang on one of them.
    sa.Column("decision_number", sa.Integer, nullable=False, server_default="0"),
    sa.Column("duplicate_of", Key, sa.ForeignKey("cases.id", ondelete="SET NULL")),
    sa.Column("claimed_by", sa.BigInteger),
    # NULL with a claimant: assigned, until it is decided or given back.
    sa.Column("claimed_until", Milliseconds),
    sa.Column("thumbhash", sa.LargeBinary),
    sa.Column("bumped_at", Milliseconds),
    sa.Column("escalated_at", Milliseconds),
    sa.CheckConstraint("thumbhash IS NULL OR category <> 'minor_suspected'", name="lane"),
    sa.CheckConstraint("thumbhash IS NULL OR length(thumbhash) <= 32", name="thumbhash"),
    sa.CheckConstraint("version >= 1", name="version"),
    sa.CheckConstraint("(sha256 IS NULL) = (fingerprint IS NULL)", name="fingerprint"),
    sa.CheckConstraint("sha256 IS NULL OR length(sha256) = 32", name="sha256"),
    sa.Index(None, "guild_id", "state", "id"),
    sa.Index(None, "state", "opened_at"),
    sa.Index(None, "entry_id"),
    _partial("ix_cases_decided", "decided_at", where="decided_at IS NOT NULL"),
    _partial("ix_cases_claimed_until", "claimed_until", where="claimed_until IS NOT NULL"),
    _partial("ix_cases_duplicate_of", "duplicate_of", where="duplicate_of IS NOT NULL"),
    sqlite_autoincrement=True,
)

case_events = sa.Table(
    "case_events",
    metadata,
    _id(),
    sa.Column("case_id", Key, sa.ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    sa.Column("at", Milliseconds, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("actor_id", sa.BigInteger),
    sa.Column("detail", sa.Text, nullable=False),
    # Part of what the audit log keeps the digest of; NULL for an event from before there was a log.
    sa.Column("salt", sa.LargeBinary),
    sa.CheckConstraint("salt IS NULL OR length(salt) = 16", name="salt"),
    sa.Column("request_id", sa.BigInteger),
    sa.Index(None, "case_id", "id"),
    _partial("uq_case_events_request_id", "request_id", unique=True, where="request_id IS NOT NULL"),
    _partial("ix_case_events_actor_id", "actor_id", where="actor_id IS NOT NULL"),
    sqlite_autoincrement=True,
)

sightings = sa.Table(
    "sightings",
    metadata,
    _id(),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("channel_id", sa.BigInteger, nullable=False),
    sa.Column("message_id", sa.BigInteger, nullable=False),
    sa.Column("author_id", sa.BigInteger),
    sa.Column("author_is_bot", sa.Boolean, nullable=False),
    sa.Column("webhook_id", sa.BigInteger),
    sa.Column("edited", sa.Boolean, nullable=False),
    sa.Column("media_id", sa.Text, nullable=False),
    sa.Column("surface", enum(Surface, "surface"), nullable=False),
    sa.Column("seen_at", Milliseconds, nullable=False),
    sa.Column("verdict", enum(Verdict, "verdict"), nullable=False),
    # Empty when the bytes never arrived: NULLs would all count as different under the unique key.
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("fingerprint", sa.LargeBinary),
    sa.Column("unscannable", enum(Unscannable, "unscannable")),
    sa.Column("entry_id", Key, sa.ForeignKey("entries.id", ondelete="SET NULL")),
    sa.Column("distance", sa.Integer),
    sa.Column("margin", sa.Integer),
    sa.Column("case_id", Key, sa.ForeignKey("cases.id", ondelete="CASCADE")),
    sa.Column("deleted_at", Milliseconds),
    sa.Column("agreement", sa.Float),
    sa.Column("excepted_by", sa.BigInteger),
    # No foreign key: it is only asked for by the case that it names, while that exists.
    sa.Column("moved_from", sa.BigInteger),
    sa.CheckConstraint("length(sha256) IN (0, 32)", name="sha256"),
    sa.CheckConstraint("fingerprint IS NULL OR length(sha256) = 32", name="fingerprint"),
    sa.UniqueConstraint("message_id", "media_id", "sha256"),
    sa.Index(None, "guild_id", "seen_at"),
    sa.Index(None, "seen_at"),
    _partial("ix_sightings_case_id", "case_id", where="case_id IS NOT NULL"),
    _partial("ix_sightings_entry_id", "entry_id", where="entry_id IS NOT NULL"),
    _partial("ix_sightings_author_id", "author_id", where="author_id IS NOT NULL"),
    _partial("ix_sightings_moved_from", "moved_from", where="moved_from IS NOT NULL"),
    sqlite_autoincrement=True,
)

reports = sa.Table(
    "reports",
    metadata,
    _id(),
    sa.Column("case_id", Key, sa.ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("reporter_id", sa.BigInteger, nullable=False),
    sa.Column("category", enum(Category, "category"), nullable=False),
    sa.Column("created_at", Milliseconds, nullable=False),
    sa.Column("outcome_sent", sa.Boolean, nullable=False),
    sa.UniqueConstraint("case_id", "reporter_id"),
    sa.Index(None, "guild_id", "reporter_id"),
    sqlite_autoincrement=True,
)

sanctions = sa.Table(
    "sanctions",
    metadata,
    _id(),
    sa.Column("case_id", Key, sa.ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("kind", enum(SanctionKind, "kind"), nullable=False),
    sa.Column("decision_number", sa.Integer, nullable=False),
    sa.Column("ordered_by", sa.BigInteger, nullable=False),
    sa.Column("ordered_at", Milliseconds, nullable=False),
    sa.Column("state", enum(SanctionState, "state"), nullable=False),
    sa.Column("until", Milliseconds),
    sa.Column("delete_message_seconds", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    # One decision sanctions a member once, whoever presses what how often.
    sa.UniqueConstraint("case_id", "decision_number", "user_id"),
    sa.Index(None, "guild_id", "user_id"),
    sqlite_autoincrement=True,
)

appeals = sa.Table(
    "appeals",
    metadata,
    _id(),
    sa.Column("case_id", Key, sa.ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("author_id", sa.BigInteger, nullable=False),
    sa.Column("decision_number", sa.Integer, nullable=False),
    # Sealed by the vault: the words of a member.
    sa.Column("statement", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Milliseconds, nullable=False),
    sa.Column("outcome", enum(AppealOutcome, "outcome")),
    sa.Column("answered_by", sa.BigInteger),
    sa.Column("answered_at", Milliseconds),
    sa.UniqueConstraint("case_id", "author_id", "decision_number"),
    sa.Index(None, "guild_id", "author_id"),
    sqlite_autoincrement=True,
)

exposures = sa.Table(
    "exposures",
    metadata,
    _id(),
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

tallies = sa.Table(
    "tallies",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    # Days since 1970 in UTC.
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)

chores = sa.Table(
    "chores",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(32), primary_key=True),
    # When it was done last.
    sa.Column("at", Milliseconds, nullable=False),
)

outbox = sa.Table(
    "outbox",
    metadata,
    _id(),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("kind", enum(CallKind, "kind"), nullable=False),
    sa.Column("lane", sa.String(200), nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    # No foreign key: a call outlives the case that wanted it when the case is purged first.
    sa.Column("case_id", sa.BigInteger),
    sa.Column("guild_id", sa.BigInteger),
    sa.Column("urgency", sa.Integer, nullable=False),
    sa.Column("state", enum(CallState, "state"), nullable=False),
    sa.Column("created_at", Milliseconds, nullable=False),
    sa.Column("due_at", Milliseconds, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("uncertain", sa.Boolean, nullable=False),
    sa.Column("lease_owner", sa.String(200)),
    sa.Column("lease_until", Milliseconds),
    sa.Column("finished_at", Milliseconds),
    sa.Column("error", sa.Text),
    sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease"),
    sa.CheckConstraint("(state = 'pending') = (finished_at IS NULL)", name="finished"),
    sa.UniqueConstraint("key"),
    _partial("ix_outbox_lane", "lane", "id", where="state = 'pending'"),
    _partial("ix_outbox_order", "urgency", "id", where="state = 'pending'"),
    _partial("ix_outbox_case_id", "case_id", where="state = 'pending' AND case_id IS NOT NULL"),
    _partial("ix_outbox_finished", "finished_at", where="state <> 'pending'"),
    sqlite_autoincrement=True,
)

# Its triggers, which refuse UPDATE and DELETE, are made by the migration 0003_audit.
audit = sa.Table(
    "audit",
    metadata,
    _id(),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("at", Milliseconds, nullable=False),
    sa.Column("actor", sa.LargeBinary),
    sa.Column("action", sa.String(32), nullable=False),
    # No foreign keys: the log outlives the cases and events that it tells of.
    sa.Column("case_id", sa.BigInteger),
    sa.Column("event_id", sa.BigInteger),
    sa.Column("subject", sa.String(64)),
    sa.Column("payload_sha256", sa.LargeBinary, nullable=False),
    sa.Column("prev", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("seq >= 1", name="seq"),
    sa.CheckConstraint("actor IS NULL OR length(actor) = 16", name="actor"),
    sa.CheckConstraint("length(payload_sha256) = 32 AND length(prev) = 32 AND length(hash) = 32", name="digests"),
    sa.UniqueConstraint("guild_id", "seq"),
    _partial("ix_audit_case_id", "case_id", where="case_id IS NOT NULL"),
    _partial("ix_audit_event_id", "event_id", where="event_id IS NOT NULL"),
    sqlite_autoincrement=True,
)

jobs = sa.Table(
    "jobs",
    metadata,
    _id(),
    sa.Column("message", sa.JSON, nullable=False),
    sa.Column("media", sa.JSON, nullable=False),
    sa.Column("created_at", Milliseconds, nullable=False),
    sa.Column("taken_until", Milliseconds),
    sqlite_autoincrement=True,
)
