"""The list format: what is written is read back, and nothing else is ever accepted."""

import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.banks.formats import jsonl, listed
from bot.banks.formats.listed import Header, Listed, ListFormatError
from bot.model import ORIENTATIONS, Category, Fingerprint, Form, View

HEADER = Header("our list", datetime(2026, 11, 22, 12, 0, tzinfo=UTC))


def hash_with(ones: set[int]) -> bytes:
    return sum(1 << bit for bit in ones).to_bytes(32)


hashes = st.sets(st.integers(0, 255), min_size=listed.MIN_ONES, max_size=listed.MAX_ONES).map(hash_with)
pdqs = st.sets(st.integers(0, 255), min_size=listed.MIN_ONES, max_size=listed.MAX_PDQ_ONES).map(hash_with)


@st.composite
def fingerprints(draw):
    number = draw(st.sampled_from([1, ORIENTATIONS]))
    places = draw(st.lists(st.tuples(st.sampled_from(Form), st.integers(0, 40)), min_size=1, max_size=3))
    return Fingerprint(
        sha256=draw(st.just(b"") | st.binary(min_size=32, max_size=32)),
        views=tuple(
            View(form, frame, b"".join(draw(st.lists(hashes, min_size=number, max_size=number))))
            for form, frame in places
        ),
        width=draw(st.integers(0, 20_000)),
        height=draw(st.integers(0, 20_000)),
        frames=draw(st.integers(0, 40)),
        quality=draw(st.integers(0, 100)),
        md5=draw(st.just(b"") | st.binary(min_size=16, max_size=16)),
        pdq=draw(st.lists(pdqs, max_size=8).map(tuple)),
    )


def bare(sha256: bytes = b"", md5: bytes = b"", pdq: tuple[bytes, ...] = ()) -> Fingerprint:
    """A picture of which only hashes are known."""
    return Fingerprint(sha256, (), 0, 0, 0, 0, md5, pdq)


digests = st.one_of(
    st.binary(min_size=32, max_size=32).map(bare),
    st.binary(min_size=16, max_size=16).map(lambda md5: bare(md5=md5)),
    st.lists(pdqs, min_size=1, max_size=8).map(lambda pdq: bare(pdq=tuple(pdq))),
)
entries_of_lists = st.builds(Listed, st.sampled_from(Category), st.one_of(fingerprints(), digests))


def written(entries, header=HEADER) -> bytes:
    return b"".join(jsonl.lines(header, entries))


def read(data: bytes):
    header, entries = jsonl.read(io.BytesIO(data))
    return header, list(entries)


def example() -> Listed:
    packed = hash_with(set(range(0, 256, 2)))
    return Listed(
        Category.NCII_SYNTHETIC,
        Fingerprint(b"\x01" * 32, (View(Form.WHOLE, 0, packed * ORIENTATIONS),), 640, 480, 1, 80),
    )


# ------------------------------------------------------------------------------------------------- both ways


@given(st.lists(entries_of_lists, max_size=4))
def test_what_is_written_is_read_back(entries):
    header, back = read(written(entries))
    assert header == HEADER
    assert back == entries


def test_the_form_of_the_file():
    first, second = written([example()]).splitlines()
    assert json.loads(first) == {
        "format": "stanguard-blocklist",
        "version": 2,
        "name": "our list",
        "exported_at": "2026-11-22T12:00:00+00:00",
    }
    values = json.loads(second)
    assert set(values) == {"sha256", "category", "width", "height", "frames", "quality", "views"}
    assert values["sha256"] == "01" * 32
    assert values["views"][0]["hashes"] == ["55" * 32] * 8


def test_nothing_but_hashes_and_categories_is_written():
    view = View(Form.WHOLE, 0, hash_with(set(range(0, 256, 2))), b"g" * 136, b"local features")
    values = json.loads(written([Listed(Category.SCAM, Fingerprint(b"s" * 32, (view,), 1, 1, 1, 1))]).splitlines()[1])
    assert values["views"] == [{"form": "whole", "frame": 0, "hashes": ["55" * 32]}]


def test_a_foreign_entry_has_the_keys_that_are_known():
    pdq = (hash_with(set(range(128))), hash_with(set(range(100))))
    values = json.loads(written([Listed(Category.SCAM, bare(md5=b"\3" * 16, pdq=pdq))]).splitlines()[1])
    assert values == {"category": "scam", "md5": "03" * 16, "pdq": [packed.hex() for packed in pdq]}


def first_version(*entries: dict) -> bytes:
    header = json.loads(written([])) | {"version": 1}
    return b"".join(json.dumps(values).encode() + b"\n" for values in (header, *entries))


def test_the_first_version_is_read():
    values = json.loads(written([example()]).splitlines()[1])
    exact = {"sha256": "02" * 32, "category": "scam"}
    assert read(first_version(values, exact)) == (HEADER, [example(), Listed(Category.SCAM, bare(b"\2" * 32))])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha256": ...}, "keys"),
        ({"md5": "01" * 16}, "keys"),
        ({"width": 0}, "width"),
        ({"views": [{"form": "whole", "frame": 0, "hashes": ["55" * 32]}]}, "8 hashes"),
    ],
)
def test_the_first_version_has_no_more_than_it_had(changes, words):
    values = json.loads(written([example()]).splitlines()[1]) | changes
    with pytest.raises(ListFormatError, match=words):
        read(first_version({key: value for key, value in values.items() if value is not ...}))


def test_an_entry_known_by_its_file_alone_has_two_keys():
    entry = Listed(Category.SCAM, Fingerprint(b"\x02" * 32, (), 0, 0, 0, 0))
    assert json.loads(written([entry]).splitlines()[1]) == {"sha256": "02" * 32, "category": "scam"}


# ------------------------------------------------------------------------------------------------- anything else


@given(st.binary(max_size=400))
def test_any_bytes_are_a_list_or_a_sentence(data):
    with pytest.raises(ListFormatError):
        read(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_any_single_change_of_a_value_is_refused_or_stays_within_the_rules(data):
    values = json.loads(written([example()]).splitlines()[1])
    view = values["views"][0]
    target = data.draw(st.sampled_from([values, view, view["hashes"]]))
    key = data.draw(st.sampled_from(sorted(target))) if isinstance(target, dict) else data.draw(st.integers(0, 7))
    target[key] = data.draw(json_values)
    lines = written([]) + json.dumps(values).encode() + b"\n"
    refusal, entries = None, []
    try:
        _, entries = read(lines)
    except ListFormatError as error:
        refusal = str(error)
    if refusal is None:
        assert read(written(entries))[1] == entries
    else:
        assert "Line 2" in refusal
        assert "\n" not in refusal


def change(line: int, **changes) -> bytes:
    lines = [json.loads(text) for text in written([example()]).splitlines()]
    for key, value in changes.items():
        if value is ...:
            del lines[line][key]
        else:
            lines[line][key] = value
    return b"".join(json.dumps(values).encode() + b"\n" for values in lines)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Line 1"),
        (b"\n", "Line 1"),
        (change(0, format="other"), "stanguard-blocklist"),
        (change(0, version=3), "version"),
        (change(0, version=True), "version"),
        (change(0, name="../../etc"), "name"),
        (change(0, name=""), "name"),
        (change(0, name="x" * 65), "name"),
        (change(0, exported_at="yesterday"), "exported_at"),
        (change(0, exported_at=3), "exported_at"),
        (change(0, exported_at="2026-11-22T12:00:00"), "time zone"),
        (change(0, extra=1), "keys"),
        (change(1, extra=1), "keys"),
        (change(1, quality=...), "keys"),
        (change(1, sha256="01" * 31), "sha256"),
        (change(1, sha256="0A" * 32), "sha256"),
        (change(1, category="rude"), "ncii_synthetic"),
        (change(1, category=["scam"]), "ncii_synthetic"),
        (change(1, quality=101), "quality"),
        (change(1, quality=True), "quality"),
        (change(1, width=-1), "width"),
        (change(1, md5="0A" * 16), "md5 is not 32"),
        (change(1, md5=3), "md5 is not 32"),
        (change(1, pdq="55" * 32), "pdq is not a list"),
        (change(1, pdq=[]), "1 to 8"),
        (change(1, pdq=["55" * 32] * 9), "1 to 8"),
        (change(1, pdq=["55" * 31]), "hash"),
        (change(1, pdq=["00" * 32]), "0 ones"),
        (written([]) + b'{"category":"scam"}\n', "none of md5, pdq, sha256 and views"),
        (change(1, height=10**9), "height"),
        (change(1, frames=-1), "frames"),
        (change(1, views=[]), "views"),
        (change(1, views={}), "views"),
        (change(1, views=[1]), "view"),
        (change(1, views=[{"form": "whole", "frame": 0, "hashes": ["55" * 32] * 7}]), "1 or 8 hashes"),
        (change(1, views=[{"form": "whole", "frame": 0, "hashes": ["55" * 32] * n} for n in (1, 8)]), "different"),
        (change(1, views=[{"form": "whole", "frame": -1, "hashes": ["55" * 32] * 8}]), "frame"),
        (change(1, views=[{"form": "cut", "frame": 0, "hashes": ["55" * 32] * 8}]), "form"),
        (change(1, views=[{"form": "whole", "frame": 0, "hashes": ["00" * 32] * 8}]), "0 ones"),
        (change(1, views=[{"form": "whole", "frame": 0, "hashes": ["ff" * 32] * 8}]), "256 ones"),
        (change(1, views=[{"form": "whole", "frame": 0, "hashes": ["55" * 32] * 8}] * 129), "1 to 128"),
        (written([example()]) + b"\n", "Line 3"),
        (written([]) + b'{"sha256":"' + b"01" * 32 + b'","category":"scam","category":"other"}\n', "Line 2"),
        (written([]) + b'{"sha256":NaN,"category":"scam"}\n', "Line 2"),
        (written([]) + b"[" * 100_000 + b"\n", "Line 2"),
        (written([]) + b"9" * 100_000 + b"\n", "Line 2"),
        (written([]) + b'"' + b"x" * jsonl.MAX_LINE + b'"\n', "longer"),
        (written([]) + b"\xff\xfe\n", "Line 2"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(data, words):
    with pytest.raises(ListFormatError) as raised:
        read(data)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


def test_the_number_of_entries_is_bounded(monkeypatch):
    monkeypatch.setattr(jsonl, "MAX_ENTRIES", 2)
    entries = [example()] * 2
    assert len(read(written(entries))[1]) == 2
    with pytest.raises(ListFormatError, match="Line 4"):
        read(written([*entries, example()]))


@pytest.mark.parametrize(
    ("name", "good"),
    [("default", True), ("K-pop fans 2.0", True), ("", False), (" x", False), ("a/b", False), ("x\n", False)],
)
def test_names(name, good):
    assert jsonl.is_name(name) is good
