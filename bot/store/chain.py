"""What the audit log's hashes are made of. Pure: the same code proves a chain here and in an evidence pack elsewhere.

*Canonical JSON* is UTF-8, without white space, keys in order, as RFC 8785 wants it. Numbers are whole and shares are
written as text, so that no two programs can disagree on how a fraction is spelled.

The *body* of a row (big-endian; a field that is absent is the byte 0, one that is there is the byte 1 and the value)::

    size  what
       1  layout, always 1
       8  guild_id, signed
       8  seq, signed
       8  at, milliseconds since 1970 UTC, signed
    1+16  actor
    1+ n  action: its length in one byte, UTF-8
     1+8  case_id, signed
     1+8  event_id, signed
    1+1+n subject: its length in one byte, UTF-8
      32  payload_sha256

The *hash* of a row is SHA-256(prev || SHA-256(body)): 64 bytes are hashed. ``prev`` is the hash of the row before, 32
zero bytes for the first one. So a chain can be followed through rows of which only the digest of the body is known.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.model import AuditHead, AuditRow, CaseEvent

from .types import EPOCH, MILLISECOND

LAYOUT = 1
ROOT = bytes(32)
"""What stands in the place of a hash before the first row."""

PSEUDONYM_BYTES = 16
SALT_BYTES = 16
ANCHOR_FORM = "guild:number:hash"
_HEAD = struct.Struct(">Bqqq")
_NUMBER = struct.Struct(">q")


class AuditAction(StrEnum):
    """What a row says happened, apart from the kinds of case events, which are actions as well."""

    MESSAGE_DELETED = "message_deleted"
    ENTRY_ADDED = "bank_entry_added"
    ENTRIES_IMPORTED = "bank_entries_imported"
    ENTRY_REVOKED = "bank_entry_revoked"
    ENTRY_RESTORED = "bank_entry_restored"
    LEVEL_CHANGED = "bank_level_changed"
    SECRET_RENEWED = "secret_renewed"  # noqa: S105 - the name of an action
    EVIDENCE_MADE = "evidence_made"
    REPORTER_MUTED = "reporter_muted"
    REPORTER_UNMUTED = "reporter_unmuted"
    REPORTS_DROPPED = "reports_dropped"
    REPORTS_RESTORED = "reports_restored"
    SCAN_REQUESTED = "scan_requested"
    SCAN_PAUSED = "scan_paused"
    SCAN_CONTINUED = "scan_continued"
    SCAN_CANCELLED = "scan_cancelled"
    SERVER_ERASED = "server_erased"


def canonical(value: object) -> bytes:
    """Canonical JSON. Raises ValueError for text that is no Unicode, and for infinite numbers."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def digest(value: object) -> bytes:
    """SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical(value)).digest()


def body_sha256(row: AuditRow) -> bytes:
    """The digest of all that a row says, without its place in the chain. Raises ValueError for what has no place."""
    try:
        parts = [
            _HEAD.pack(LAYOUT, row.guild_id, row.seq, milliseconds(row.at)),
            _optional(row.actor),
            _short(row.action),
            _optional(None if row.case_id is None else _NUMBER.pack(row.case_id)),
            _optional(None if row.event_id is None else _NUMBER.pack(row.event_id)),
            _optional(None if row.subject is None else _short(row.subject)),
            row.payload_sha256,
        ]
    except struct.error as error:
        raise ValueError(f"a number of the row is out of range: {error}") from None
    if len(row.payload_sha256) != len(ROOT) or (row.actor is not None and len(row.actor) != PSEUDONYM_BYTES):
        raise ValueError("a digest of the row has the wrong length")
    return hashlib.sha256(b"".join(parts)).digest()


def link(prev: bytes, body: bytes) -> bytes:
    """The hash of a row, by the hash of the one before and the digest of its own body."""
    return hashlib.sha256(prev + body).digest()


def is_whole(row: AuditRow) -> bool:
    """Whether the hash of a row is that of what it says."""
    try:
        return link(row.prev, body_sha256(row)) == row.hash
    except ValueError:
        return False


def milliseconds(at: datetime) -> int:
    """A time as the database keeps it."""
    return (at - EPOCH) // MILLISECOND


def _optional(value: bytes | None) -> bytes:
    return b"\0" if value is None else b"\1" + value


def _short(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">B", len(encoded)) + encoded


def pseudonym(secret: bytes, guild_id: int, user_id: int) -> bytes:
    """Who acted, for those who have the installation's secret; in another guild the same person has another one."""
    key = hmac.digest(secret, b"stanguard:audit actor", "sha256")
    who = _NUMBER.pack(guild_id) + _NUMBER.pack(user_id)
    return hmac.digest(key, who, "sha256")[:PSEUDONYM_BYTES]


def event_payload(event: CaseEvent, event_id: int, salt: bytes) -> dict[str, int | str]:
    """What the digest of a case event is taken of.

    The salt lies in the row of the event alone: once that is erased, nobody can guess its words from the digest. Who
    acted is not in here but in the chain, as a pseudonym.
    """
    return {
        "at": milliseconds(event.at),
        "case_id": str(event.case_id),
        "detail": event.detail,
        "event_id": str(event_id),
        "kind": event.kind,
        "salt": salt.hex(),
    }


def deletion_payload(case_id: int | None, channel_id: int, message_id: int) -> dict[str, str | None]:
    """What the digest of a deleted message is taken of."""
    return {
        "case_id": None if case_id is None else str(case_id),
        "channel_id": str(channel_id),
        "message_id": str(message_id),
    }


def reporter_payload(
    reporter: bytes, *, until: datetime | None = None, report_ids: Sequence[int] = ()
) -> dict[str, str | list[str]]:
    """What the digest of an action on a reporter is taken of: the keyed digest stands for them, never their id.

    ``until``: the end of a mute; ``report_ids``: the reports that were dropped or restored.
    """
    payload: dict[str, str | list[str]] = {"reporter": reporter.hex()}
    if until is not None:
        payload["until"] = str(milliseconds(until))
    if report_ids:
        payload["reports"] = [str(number) for number in report_ids]
    return payload


def scan_payload(sweep_id: int, *, since: datetime | None = None, channel_id: int | None = None) -> dict[str, str]:
    """What the digest of an action on a requested scan is taken of.

    ``since`` belongs to the request alone; without ``channel_id`` that is one of the whole guild.
    """
    payload = {"sweep": str(sweep_id)}
    if since is not None:
        payload["since"] = str(milliseconds(since))
    if channel_id is not None:
        payload["channel_id"] = str(channel_id)
    return payload


@dataclass(slots=True)
class Walk:
    """Follows one chain from its first row on and stops at the first row that is broken.

    ``broken`` is the number of that row and a clause that says what is wrong with it.
    """

    guild_id: int
    seq: int = 0
    hash: bytes = ROOT
    broken: tuple[int, str] | None = None

    def follow(self, rows: Iterable[AuditRow]) -> None:
        """Take the next rows, in the order of their numbers."""
        for row in rows:
            if self.broken is not None:
                return
            wrong = self._wrong(row)
            if wrong is not None:
                self.broken = wrong
                return
            self.seq, self.hash = row.seq, row.hash

    def _wrong(self, row: AuditRow) -> tuple[int, str] | None:
        if row.seq != self.seq + 1:
            return self.seq + 1, "is missing"
        if row.prev != self.hash:
            return row.seq, "does not follow from the one before it"
        return None if is_whole(row) else (row.seq, "was changed")


def read_anchor(text: str) -> AuditHead:
    """The head that :attr:`AuditHead.anchor` wrote. Raises ValueError for any other text."""
    guild_id, seq, hashed = text.strip().split(":")
    head = AuditHead(int(guild_id), int(seq), bytes.fromhex(hashed))
    if len(head.hash) != len(ROOT) or head.seq < 1 or not 0 <= head.guild_id < 2**63 or head.seq >= 2**63:
        raise ValueError("a number or the hash is out of range")
    return head
