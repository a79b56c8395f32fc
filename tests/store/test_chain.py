"""What the hashes of the audit log are made of."""

import hashlib
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import AuditHead, AuditRow
from bot.store import chain

from .samples import NOW

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
ROWS = st.builds(
    AuditRow,
    guild_id=st.integers(-(2**63), 2**63 - 1),
    seq=st.integers(1, 2**63 - 1),
    at=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001
        lambda at: at.replace(tzinfo=UTC, microsecond=at.microsecond // 1000 * 1000)
    ),
    actor=st.none() | st.binary(min_size=16, max_size=16),
    action=TEXTS,
    case_id=st.none() | st.integers(-(2**63), 2**63 - 1),
    event_id=st.none() | st.integers(-(2**63), 2**63 - 1),
    subject=st.none() | TEXTS,
    payload_sha256=st.binary(min_size=32, max_size=32),
    prev=st.just(chain.ROOT),
    hash=st.just(b""),
)
CHANGES = {
    "guild_id": lambda value: value ^ 1,
    "seq": lambda value: value ^ 1 or 2,
    "at": lambda value: value + timedelta(milliseconds=1),
    "actor": lambda value: bytes(16) if value is None else None,
    "action": lambda value: f"{value}x",
    "case_id": lambda value: 5 if value is None else value ^ 1,
    "event_id": lambda value: 5 if value is None else None,
    "subject": lambda value: "" if value is None else None,
    "payload_sha256": lambda value: value[:-1] + bytes([value[-1] ^ 1]),
}


@given(ROWS)
def test_every_field_of_a_row_is_part_of_its_digest(row: AuditRow):
    assert {field.name for field in fields(AuditRow)} == {*CHANGES, "prev", "hash"}
    digests = {chain.body_sha256(row)}
    digests |= {chain.body_sha256(replace(row, **{name: to(getattr(row, name))})) for name, to in CHANGES.items()}
    assert len(digests) == 1 + len(CHANGES)


@given(ROWS, ROWS)
def test_different_rows_have_different_digests(one: AuditRow, other: AuditRow):
    assert (one == other) == (chain.body_sha256(one) == chain.body_sha256(other))


def test_the_bytes_of_a_row_are_those_that_the_docs_tell():
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    row = AuditRow(7, 2, at, b"p" * 16, "noted", 5, None, "E-12", b"d" * 32, b"v" * 32, b"")
    body = b"".join(
        [
            b"\1" + (7).to_bytes(8, "big") + (2).to_bytes(8, "big") + (1795348800000).to_bytes(8, "big"),
            b"\1" + b"p" * 16,
            b"\5noted",
            b"\1" + (5).to_bytes(8, "big"),
            b"\0",
            b"\1\4E-12",
            b"d" * 32,
        ]
    )
    assert chain.body_sha256(row) == hashlib.sha256(body).digest()
    whole = hashlib.sha256(b"v" * 32 + hashlib.sha256(body).digest()).digest()
    assert chain.is_whole(replace(row, hash=whole))


@pytest.mark.parametrize(
    "changes",
    [
        {"guild_id": 2**63},
        {"action": "x" * 256},
        {"actor": b"short"},
        {"payload_sha256": b""},
        {"subject": "\ud800"},
        {"case_id": -(2**63) - 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_has_no_place_in_a_row_is_refused_and_not_whole(changes: dict[str, Any]):
    row = replace(AuditRow(7, 2, NOW, None, "noted", 5, 6, None, b"d" * 32, chain.ROOT, chain.ROOT), **changes)
    with pytest.raises(ValueError):  # noqa: PT011 - text that is no Unicode has a message of Python's own
        chain.body_sha256(row)
    assert not chain.is_whole(row)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    )
)
def test_canonical_json_is_read_back_and_does_not_depend_on_order(value: Any):
    import json

    text = chain.canonical(value)
    assert json.loads(text) == value
    assert chain.canonical(json.loads(text, object_pairs_hook=lambda pairs: dict(reversed(pairs)))) == text


def test_canonical_json_is_that_of_rfc_8785():
    assert chain.canonical({"b": [1, None, True], "a": '€$\x0f\nA\'B"\\\\"/'}) == (
        '{"a":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/","b":[1,null,true]}'.encode()
    )


def test_pseudonyms_tell_people_apart_and_do_not_lead_from_one_guild_to_another():
    secret = b"s" * 32
    made = {chain.pseudonym(secret, guild, user) for guild in (1, 2) for user in (1, 2)}
    assert len(made) == 4
    assert chain.pseudonym(b"t" * 32, 1, 1) not in made


@given(st.integers(0, 2**63 - 1), st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_an_anchor_is_read_back(guild_id: int, seq: int, hashed: bytes):
    head = AuditHead(guild_id, seq, hashed)
    assert chain.read_anchor(f" {head.anchor}\n") == head


@pytest.mark.parametrize(
    "text", ["", "1:2", "1:2:3:4", "1:0:" + "ab" * 32, "1:2:ab", "x:1:" + "ab" * 32, "-1:1:" + "ab" * 32]
)
def test_no_anchor(text: str):
    with pytest.raises(ValueError):  # noqa: PT011 - of several functions of Python
        chain.read_anchor(text)
