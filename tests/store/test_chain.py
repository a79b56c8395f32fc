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

from .samples import GUILD, NOW

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


# ------------------------------------------------------------------------------------------------ a walk along it


def chained(rows: list[AuditRow]) -> list[AuditRow]:
    """The same rows as one chain."""
    made: list[AuditRow] = []
    last = chain.ROOT
    for seq, row in enumerate(rows, start=1):
        body = chain.body_sha256(replace(row, guild_id=GUILD, seq=seq))
        made.append(replace(row, guild_id=GUILD, seq=seq, prev=last, hash=chain.link(last, body)))
        last = made[-1].hash
    return made


def broken(rows: list[AuditRow]) -> int | None:
    """The number of the first row that a walk along them finds broken."""
    walk = chain.Walk(GUILD)
    walk.follow(rows[:2])
    walk.follow(rows[2:])
    return None if walk.broken is None else walk.broken[0]


CHAINS = st.lists(ROWS, min_size=1, max_size=6).map(chained)


@given(CHAINS)
def test_a_whole_chain_is_followed_to_its_head(rows: list[AuditRow]):
    walk = chain.Walk(GUILD)
    walk.follow(rows)
    assert (walk.broken, walk.seq, walk.hash) == (None, len(rows), rows[-1].hash)


@given(CHAINS, st.data())
def test_whatever_is_changed_in_a_row_that_row_is_named(rows: list[AuditRow], data: st.DataObject):
    place = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(sorted({*CHANGES, "prev", "hash"} - {"seq"})))
    change = CHANGES.get(name, CHANGES["payload_sha256"])
    rows[place] = replace(rows[place], **{name: change(getattr(rows[place], name))})
    assert broken(rows) == place + 1


@given(CHAINS, st.data())
def test_a_row_that_is_taken_out_added_or_moved_is_named(rows: list[AuditRow], data: st.DataObject):
    place = data.draw(st.integers(0, len(rows) - 1))
    assert broken(rows[:place] + rows[place + 1 :]) == (None if place == len(rows) - 1 else place + 1)
    assert broken([*rows[: place + 1], rows[place], *rows[place + 1 :]]) == place + 2
    forged = replace(rows[place], action="forged")
    anew = replace(forged, hash=chain.link(forged.prev, chain.body_sha256(forged)))
    if anew.hash != rows[place].hash:  # the row after it tells, even if its own hash was made to fit
        changed = [*rows[:place], anew, *rows[place + 1 :]]
        assert broken(changed) == (None if place == len(rows) - 1 else place + 2)
    if place:
        moved = [*rows[: place - 1], rows[place], rows[place - 1], *rows[place + 1 :]]
        assert broken(moved) == place
