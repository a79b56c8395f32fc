"""Packs as files: nobody changes one unnoticed, and a hostile one is one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cases import evidence as making
from bot.cases import packs
from bot.cases.packs import EvidenceError, Proven, prove
from bot.model import AuditRow, CaseEvent
from bot.store import chain
from tests.desk import GUILD

SEED = bytes(range(32))


def example() -> dict[str, Any]:
    """The evidence of a small pack, made by hand: two rows of the case, one of another between them and one after."""
    salt = bytes(16)
    rows: list[dict[str, Any]] = []
    bodies: list[bytes] = []
    prev, at = chain.ROOT, datetime(2026, 11, 22, 12, tzinfo=UTC)
    trail = []
    for seq in range(1, 5):
        event = CaseEvent(5, at, "noted", None, f"words {seq}")
        payload = chain.event_payload(event, seq, salt)
        row = AuditRow(GUILD, seq, at, b"p" * 16, "noted", 5, seq, "E-1", chain.digest(payload), prev, b"")
        bodies.append(chain.body_sha256(row))
        row = replace(row, hash=chain.link(prev, bodies[-1]))
        prev = row.hash
        if seq in {1, 3}:
            rows.append(making._row(row))
            trail.append(making._event(making.Told(event, seq, salt), row))
    return {
        "format": "stanguard-evidence",
        "version": 1,
        "created_at": packs.stamp(at),
        "case": {"id": "5", "guild_id": str(GUILD)},
        "posts": [],
        "trail": trail,
        "chain": {
            "guild_id": str(GUILD),
            "rows": rows,
            "links": [{"seq": 2, "bodies": [bodies[1].hex()]}, {"seq": 4, "bodies": [bodies[3].hex()]}],
            "head": {"seq": 4, "hash": prev.hex()},
        },
    }


EXAMPLE = packs.signed(example(), SEED)


def outcome(data: bytes) -> Proven | None:
    """What a file proves; None for one that is refused, which takes one sentence."""
    try:
        return prove(data)
    except EvidenceError as error:
        sentence = str(error)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 300
    return None


def test_the_example_is_whole():
    proven = prove(EXAMPLE)
    assert (proven.case_id, proven.rows, proven.linked) == (5, 2, True)
    assert packs.same_key(proven.key, packs.fingerprint(packs.public_key(SEED)).replace(" ", "").upper())


@given(st.integers(0, len(EXAMPLE) - 1), st.integers(1, 255))
@settings(max_examples=400)
def test_any_byte_that_changes_is_noticed(place: int, change: int):
    changed = bytearray(EXAMPLE)
    changed[place] ^= change
    proven = outcome(bytes(changed))
    if proven is not None:  # white space between two tokens: what is told is the same to the letter
        assert json.loads(bytes(changed)) == json.loads(EXAMPLE)
        assert proven == prove(EXAMPLE)


@given(st.data())
@settings(max_examples=300)
def test_whatever_is_cut_out_or_doubled_is_noticed(data: st.DataObject):
    start = data.draw(st.integers(0, len(EXAMPLE)))
    end = data.draw(st.integers(start, len(EXAMPLE)))
    times = data.draw(st.sampled_from([0, 2, 50]))
    changed = EXAMPLE[:start] + EXAMPLE[start:end] * times + EXAMPLE[end:]
    if outcome(changed) is not None:
        assert json.loads(changed) == json.loads(EXAMPLE)


FORGERIES = {
    "a detail": (lambda part: part["trail"][0].update(detail="x"), 1),
    "a kind": (lambda part: part["trail"][1].update(kind="x"), 3),
    "a time": (lambda part: part["trail"][1].update(at="2026-11-22T12:00:00.001Z"), 3),
    "a salt": (lambda part: part["trail"][1].update(salt="00" * 15 + "01"), 3),
    "who acted": (lambda part: part["trail"][1].update(by="ab" * 16), 3),
    "nobody acted": (lambda part: part["trail"][1].pop("by"), 3),
    "another row": (lambda part: part["trail"][1].update(seq=1), 1),
    "no such row": (lambda part: part["trail"][1].update(seq=9), 9),
    "no salt": (lambda part: part["trail"][1].pop("salt"), 3),
    "a row's action": (lambda part: part["chain"]["rows"][0].update(action="x"), 1),
    "a row's time": (lambda part: part["chain"]["rows"][1].update(at="2026-11-22T12:00:00.001Z"), 3),
    "a row's actor": (lambda part: part["chain"]["rows"][1].pop("actor"), 3),
    "a row's subject": (lambda part: part["chain"]["rows"][1].update(subject="E-2"), 3),
    "a row's number": (lambda part: part["chain"]["rows"][1].update(seq=2), 2),
    "a row's hash": (lambda part: part["chain"]["rows"][1].update(hash="00" * 32), 3),
    "a row's prev": (lambda part: part["chain"]["rows"][1].update(prev="00" * 32), 3),
    "the case": (lambda part: part["case"].update(id="6"), 1),
    "the server": (lambda part: part["case"].update(guild_id="6"), 3),
    "a link": (lambda part: part["chain"]["links"][0].update(bodies=["00" * 32]), 3),
    "a link too few": (lambda part: part["chain"]["links"].pop(0), 2),
    "the last link": (lambda part: part["chain"]["links"].pop(1), 4),
    "a row left out": (lambda part: [part["chain"][name].pop(0) for name in ("rows", "links")], 1),
    "the head": (lambda part: part["chain"]["head"].update(hash="00" * 32), 4),
    "an older head": (lambda part: part["chain"]["head"].update(seq=3), 3),
    "a head before": (lambda part: part["chain"].update(head={"seq": 0x10, "hash": "00" * 32}), 5),
    "a deletion": (lambda part: part["posts"].append({"channel_id": "1", "message_id": "2", "deletion_seq": 1}), 1),
    "rows in disorder": (lambda part: part["chain"]["rows"].reverse(), 1),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_what_contradicts_the_log_is_found_under_a_signature_that_fits(name: str):
    """Whoever has the key can sign what they like, but not words that the chain does not know."""
    forge, row = FORGERIES[name]
    evidence = example()
    forge(evidence)
    with pytest.raises(EvidenceError, match=f"^Row {row} of the audit log"):
        prove(packs.signed(evidence, SEED))


def test_another_key_is_another_fingerprint():
    other = prove(packs.signed(example(), b"x" * 32))
    assert not packs.same_key(other.key, prove(EXAMPLE).key)


# ------------------------------------------------------------------------------------------------ hostile files


def at(path: str, value: Any) -> bytes:
    """The example with another value in one place, signed all the same."""
    evidence: Any = example()
    part = evidence
    *way, last = path.split(".")
    for step in way:
        part = part[int(step)] if step.isdigit() else part[step]
    part[last] = value
    return packs.signed(evidence, SEED)


STRANGE = [None, True, 0, -1, 2**53, 2**70, "", "x", "\x00", "9" * 40, [], {}, [None], "ab" * 500]
PLACES = [
    "case", "case.id", "case.guild_id", "posts", "trail", "chain", "chain.rows", "chain.links", "chain.head",
    "chain.guild_id", "chain.head.seq", "chain.head.hash", "chain.rows.0.seq", "chain.rows.0.at", "chain.rows.0.hash",
    "chain.rows.0.action", "chain.links.0.seq", "chain.links.0.bodies", "trail.0.at", "trail.0.salt", "trail.0.seq",
    "trail.0.event_id", "trail.0.by", "trail.0.detail", "version", "format", "created_at",
]  # fmt: skip


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_strange_values_are_one_sentence_or_prove_nothing_more(path: str, value: Any):
    proven = outcome(at(path, value))
    assert proven is None or proven.rows <= 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"evidence": {}, "signature": {}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"evidence": ' + b"[" * 900 + b"]" * 900 + b', "signature": {}}',
        EXAMPLE.replace(b'"version": 1', b'"version": 1.0'),
        EXAMPLE.replace(b'"version": 1', b'"version": NaN'),
        EXAMPLE.replace(b'"version": 1', b'"version": ' + b"9" * 5000),
        EXAMPLE.replace(b'"version": 1', b'"version": 1, "version": 1'),
        EXAMPLE.replace(b'"format": "stanguard-evidence"', b'"format": "\\ud800"'),
        EXAMPLE.replace(b"Ed25519", b"Ed448"),
        EXAMPLE[:-3] + b', "more": 1}',
        at("version", 2),
        at("case.note", "surrogate").replace(b"surrogate", b"\\ud800"),
        b" " * (packs.MOST_BYTES + 1),
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_is_no_pack_is_one_sentence(data: bytes):
    assert outcome(data) is None


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_noise_is_one_sentence(data: bytes):
    assert outcome(data) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["seq", "at", "id", "rows"]), inner),
    max_leaves=10,
)


@given(st.sampled_from(PLACES), JSON)
def test_any_value_in_any_place_is_one_sentence_or_proves_nothing_more(path: str, value: Any):
    proven = outcome(at(path, value))
    assert proven is None or proven.rows <= 2


def test_a_way_that_begins_later_is_whole_from_there_on():
    evidence = example()
    for part, name in ((evidence["chain"], "rows"), (evidence["chain"], "links"), (evidence, "trail")):
        part[name].pop(0)
    assert prove(packs.signed(evidence, SEED)).rows == 1
