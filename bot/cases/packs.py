"""Evidence packs as files: signed when they are written, proven when they are read. Needs no database.

A pack is ``{"evidence": ..., "signature": ...}``, see docs/wire-formats.md. Signed (Ed25519) is the canonical JSON of
``evidence``. Whoever reads one trusts nothing in it: sizes are bounded, types are strict, and what contradicts itself
is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.errors import StanguardError
from bot.model import AuditHead, AuditRow, CaseEvent
from bot.store import chain

FORMAT, VERSION = "stanguard-evidence", 1
MOST_BYTES = 32 * 1024 * 1024
"""The largest pack that is read."""

_FINGERPRINT_BYTES = 16
_ID = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-f]{2})*", re.ASCII)
_NOT_A_PACK = (
    "It is not an evidence pack of stanguard, or it was damaged ({}); get the file again from whoever made it."
)


class EvidenceError(StanguardError):
    """A pack is none, or what it says was changed since it was signed."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What a pack says that is whole.

    ``linked``: the pack holds every link from the case's first row to the ``head`` of the chain. ``key`` is the
    fingerprint of the key that signed it.
    """

    case_id: int
    created_at: datetime
    key: str
    rows: int
    linked: bool
    head: AuditHead | None


def stamp(at: datetime) -> str:
    """A time as packs spell it: UTC, with milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fingerprint(public_key: bytes) -> str:
    """A public key as people compare it: eight groups of four digits."""
    digits = hashlib.sha256(public_key).digest()[:_FINGERPRINT_BYTES].hex()
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def same_key(one: str, other: str) -> bool:
    """Whether two fingerprints name one key, however they are spaced."""
    return "".join(one.split()).lower() == "".join(other.split()).lower()


def public_key(seed: bytes) -> bytes:
    """The public half of a signing key."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def signed(evidence: dict[str, Any], seed: bytes) -> bytes:
    """The pack of this evidence."""
    value = Ed25519PrivateKey.from_private_bytes(seed).sign(chain.canonical(evidence))
    signature = {"algorithm": "Ed25519", "key": public_key(seed).hex(), "value": value.hex()}
    text = json.dumps({"evidence": evidence, "signature": signature}, ensure_ascii=False, indent=2)
    return f"{text}\n".encode()


# ------------------------------------------------------------------------------------------------ reading


def _id(value: object) -> int:
    if not isinstance(value, str) or not _ID.fullmatch(value) or int(value) >= 2**63:
        raise ValueError("not an id")
    return int(value)


def _time(value: object) -> datetime:
    if not isinstance(value, str) or not _STAMP.fullmatch(value):
        raise ValueError("not a time")
    return datetime.fromisoformat(value)


def _bytes(value: object) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise ValueError("not hexadecimal digits")
    return bytes.fromhex(value)


_Id = Annotated[int, BeforeValidator(_id)]
_Time = Annotated[datetime, BeforeValidator(_time)]
_Digest = Annotated[bytes, BeforeValidator(_bytes), Field(min_length=32, max_length=32)]
_Pseudonym = Annotated[
    bytes,
    BeforeValidator(_bytes),
    Field(min_length=chain.PSEUDONYM_BYTES, max_length=chain.PSEUDONYM_BYTES),
]
_Salt = Annotated[bytes, BeforeValidator(_bytes), Field(min_length=chain.SALT_BYTES, max_length=chain.SALT_BYTES)]
_Seq = Annotated[int, Field(ge=1, lt=2**53)]


class _Part(BaseModel):
    """A part of a pack, as far as it can be proven; what else it says is under the signature alone."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class _Row(_Part):
    seq: _Seq
    at: _Time
    action: str
    payload_sha256: _Digest
    prev: _Digest
    hash: _Digest
    actor: _Pseudonym | None = None
    event_id: _Id | None = None
    subject: str | None = None


class _Links(_Part):
    seq: _Seq
    bodies: list[_Digest]


class _Head(_Part):
    seq: _Seq
    hash: _Digest


class _Chain(_Part):
    guild_id: _Id
    rows: list[_Row]
    links: list[_Links] | None = None
    head: _Head | None = None


class _Event(_Part):
    at: _Time
    kind: str
    detail: str = ""
    by: _Pseudonym | None = None
    seq: _Seq | None = None
    event_id: _Id | None = None
    salt: _Salt | None = None


class _Post(_Part):
    channel_id: _Id
    message_id: _Id
    deletion_seq: _Seq | None = None


class _Case(_Part):
    id: _Id
    guild_id: _Id


class _Evidence(_Part):
    format: str
    version: int
    created_at: _Time
    case: _Case
    posts: list[_Post]
    trail: list[_Event]
    chain: _Chain


class _Signature(_Part):
    algorithm: str
    key: _Digest
    value: Annotated[bytes, BeforeValidator(_bytes), Field(min_length=64, max_length=64)]


class _Pack(_Part):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    evidence: _Evidence
    signature: _Signature


def prove(data: bytes) -> Proven:
    """What a pack proves. Raises EvidenceError, in one sentence, for anything that is not whole."""
    raw = _parsed(data)
    try:
        pack = _Pack.model_validate(raw)
        message = chain.canonical(raw["evidence"])
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_input=False, include_url=False)[0]["loc"])
        raise EvidenceError(_NOT_A_PACK.format(f"at {place[:80]}")) from None
    except (ValueError, RecursionError):
        raise EvidenceError(_NOT_A_PACK.format("it holds what is no text")) from None
    evidence, signature = pack.evidence, pack.signature
    if evidence.format != FORMAT or evidence.version != VERSION or signature.algorithm != "Ed25519":
        raise EvidenceError(
            "It is an evidence pack of a kind that is not known here; use the version of stanguard that it names."
        )
    try:
        Ed25519PublicKey.from_public_bytes(signature.key).verify(signature.value, message)
    except (InvalidSignature, ValueError):
        raise EvidenceError(
            "The signature does not fit: the pack was changed after it was signed; do not rely on anything in it."
        ) from None
    rows = _own_rows(evidence)
    linked = _follow(evidence, rows)
    _prove_words(evidence, rows)
    head = evidence.chain.head
    return Proven(
        evidence.case.id,
        evidence.created_at,
        fingerprint(signature.key),
        len(rows),
        linked,
        None if head is None else AuditHead(evidence.chain.guild_id, head.seq, head.hash),
    )


def _parsed(data: bytes) -> dict[str, Any]:
    if len(data) > MOST_BYTES:
        raise EvidenceError(f"It is larger than {MOST_BYTES} bytes, which no evidence pack is; name another file.")
    try:
        found = json.loads(
            data.decode("utf-8"), object_pairs_hook=_object, parse_float=_refused, parse_constant=_refused
        )
    except (ValueError, RecursionError):
        raise EvidenceError(_NOT_A_PACK.format("it is not JSON as packs are written")) from None
    if not isinstance(found, dict):
        raise EvidenceError(_NOT_A_PACK.format("it is not an object"))
    return found  # pyright: ignore[reportUnknownVariableType] - values of JSON


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refused(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no whole number")


def _contradicts(seq: int, what: str) -> EvidenceError:
    return EvidenceError(
        f"Row {seq} of the audit log in it {what}, although the signature fits: the log was changed before the pack "
        "was made; do not rely on it."
    )


def _own_rows(evidence: _Evidence) -> dict[int, AuditRow]:
    """The rows of the case, each proven by itself."""
    rows: dict[int, AuditRow] = {}
    last = 0
    for part in evidence.chain.rows:
        row = AuditRow(
            evidence.chain.guild_id,
            part.seq,
            part.at,
            part.actor,
            part.action,
            evidence.case.id,
            part.event_id,
            part.subject,
            part.payload_sha256,
            part.prev,
            part.hash,
        )
        if part.seq <= last or not chain.is_whole(row):
            raise _contradicts(part.seq, "is not what its hash says")
        rows[row.seq] = row
        last = row.seq
    if rows and evidence.chain.guild_id != evidence.case.guild_id:
        raise _contradicts(last, "belongs to another server")
    return rows


def _follow(evidence: _Evidence, rows: dict[int, AuditRow]) -> bool:
    """Whether there is a whole way from the first row of the case to the head. Raises for one that is broken."""
    head, links = evidence.chain.head, evidence.chain.links
    if not rows or head is None:
        return False
    bodies = dict(_numbered(links or ()))
    seq = min(rows)
    last = rows[seq].prev
    while seq <= head.seq:
        row = rows.get(seq)
        if row is not None and row.prev != last:
            raise _contradicts(seq, "does not follow from the one before it")
        if row is None and seq not in bodies:
            if links is None:
                return False
            raise _contradicts(seq, "is missing")
        last = chain.link(last, bodies[seq]) if row is None else row.hash
        seq += 1
    if last != head.hash:
        raise _contradicts(head.seq, "is not the head that it names")
    return True


def _numbered(links: Iterable[_Links]) -> Iterable[tuple[int, bytes]]:
    for run in links:
        yield from enumerate(run.bodies, start=run.seq)


def _prove_words(evidence: _Evidence, rows: dict[int, AuditRow]) -> None:
    """Compare what the pack tells with the digests in the rows."""
    for event in evidence.trail:
        if event.seq is None:  # from before there was an audit log
            continue
        row = rows.get(event.seq)
        if row is None or event.event_id is None or event.salt is None or row.event_id != event.event_id:
            raise _contradicts(event.seq, "is not that of the event that refers to it")
        words = CaseEvent(evidence.case.id, event.at, event.kind, None, event.detail)
        payload = chain.event_payload(words, event.event_id, event.salt)
        if chain.digest(payload) != row.payload_sha256 or row.actor != event.by:
            raise _contradicts(event.seq, "tells something else than the trail of the case")
    for post in evidence.posts:
        if post.deletion_seq is None:
            continue
        row = rows.get(post.deletion_seq)
        payload = chain.deletion_payload(evidence.case.id, post.channel_id, post.message_id)
        if row is None or row.payload_sha256 != chain.digest(payload):
            raise _contradicts(post.deletion_seq, "is not that of the deleted message that refers to it")
