"""Foreign lists of hashes: read strictly, and only what is certain is guessed."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.banks.formats import hashes
from bot.banks.formats.files import ListFormat, open_list
from bot.banks.formats.hashes import HashList, Kind
from bot.banks.formats.listed import Listed, ListFormatError
from bot.errors import RefusedError, StanguardError
from bot.model import Category, Fingerprint, Form, View

GOOD = "55" * 32
MD5 = "0123456789abcdef" * 2


def read(text: str | bytes, kind: Kind = Kind.PDQ) -> list[Listed]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(HashList(io.BytesIO(data), kind, Category.SCAM))


def pdq(text: str = GOOD, quality: int = 0) -> Listed:
    return Listed(Category.SCAM, Fingerprint(b"", (), 0, 0, 0, quality, pdq=(bytes.fromhex(text),)))


def expected(kind: Kind, text: str) -> Listed:
    packed = bytes.fromhex(text)
    picture = {
        Kind.PDQ: Fingerprint(b"", (), 0, 0, 0, 0, pdq=(packed,)),
        Kind.SHA256: Fingerprint(packed, (), 0, 0, 0, 0),
        Kind.MD5: Fingerprint(b"", (), 0, 0, 0, 0, md5=packed),
        Kind.PHASH: Fingerprint(b"", (View(Form.WHOLE, 0, packed),), 0, 0, 0, 0),
    }
    return Listed(Category.SCAM, picture[kind])


def texts(kind: Kind) -> st.SearchStrategy[str]:
    """Hashes of pictures with enough detail."""
    if kind in {Kind.SHA256, Kind.MD5}:
        return st.binary(min_size=kind.digits // 2, max_size=kind.digits // 2).map(bytes.hex)
    return st.sets(st.integers(0, 255), min_size=96, max_size=128).map(
        lambda ones: sum(1 << bit for bit in ones).to_bytes(32).hex()
    )


# ------------------------------------------------------------------------------------------------- what is read


@given(st.sampled_from(Kind).flatmap(lambda kind: st.tuples(st.just(kind), st.lists(texts(kind), max_size=5))))
def test_one_hash_a_line(case):
    kind, lines = case
    wanted = [expected(kind, text) for text in lines]
    assert read("\n".join(lines), kind) == wanted
    assert read("\ufeff# a list\r\n\r\n" + "".join(f" {text.upper()}\t\r\n" for text in lines), kind) == wanted


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (f"{GOOD},93,a picture.jpg\n", [pdq(quality=93)]),
        (f"{GOOD},a picture.jpg\n", [pdq()]),
        (f"{GOOD},101\n", [pdq()]),
        (f"hash\n{GOOD}\n", [pdq()]),
        (f"hash,quality,filename\n{GOOD},50,x\n", [pdq(quality=50)]),
        (f'id,"PDQ_Hash", quality\n7,"{GOOD}","99"\n', [pdq(quality=99)]),
        (f'pdq,sha256,note\n{GOOD},{"00" * 32},"one, two ""three"""\n', [pdq()]),
        (f"hash,pdq\n{MD5},{GOOD}\n", [pdq()]),
        ("", []),
        ("hash,quality\n", []),
    ],
)
def test_columns(content, wanted):
    assert read(content) == wanted


@pytest.mark.parametrize("kind", [Kind.PDQ, Kind.PHASH])
def test_pictures_too_plain_to_be_told_apart_are_left_out_and_counted(kind):
    ones = [0, 95, 96, 128, 161, 256]
    lines = [((1 << number) - 1).to_bytes(32).hex() for number in ones]
    found = HashList(io.BytesIO("\n".join(lines).encode()), kind, Category.SCAM)
    assert list(found) == [expected(kind, lines[2]), expected(kind, lines[3])]
    assert found.left_out == 4


def test_a_hash_of_poor_quality_is_left_out():
    found = HashList(io.BytesIO(f"hash,quality\n{GOOD},49\n{GOOD},50\n".encode()), Kind.PDQ, Category.SCAM)
    assert list(found) == [pdq(quality=50)]
    assert found.left_out == 1


# ------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("zz" * 32, ["Line 1", "64 hexadecimal"]),
        (f"{GOOD}\n{GOOD}0\n", ["Line 2", "64 hexadecimal"]),
        (f"{GOOD}\n\n#\n{MD5}\n", ["Line 4", "64 hexadecimal"]),
        (f"{GOOD} {GOOD}\n", ["Line 1"]),
        (f"{GOOD};93\n", ["Line 1"]),
        (f"hash,quality\n{GOOD}\n", ["Line 2", "1 columns instead of 2"]),
        (f"hash,quality\n{GOOD},good\n", ["Line 2", "quality"]),
        (f"hash,quality\n{GOOD},101\n", ["Line 2", "quality"]),
        (f"pdq,pdq\n{GOOD},{GOOD}\n", ["Line 1", "several columns"]),
        (f"md5\n{MD5}\n", ["Line 1", "no column of pdq"]),
        (f'"{GOOD}\n', ["Line 1", "CSV"]),
        (GOOD + "," + "x" * hashes.MAX_LINE, ["Line 1", "longer"]),
        (f"{GOOD}\n".encode() + b"\xff\xfe\n", ["Line 2", "not text"]),
    ],
)
def test_what_is_wrong_is_named_with_its_line(content, words):
    with pytest.raises(ListFormatError) as raised:
        read(content)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400
    for word in words:
        assert word in str(raised.value)


def test_the_number_of_entries_is_bounded(monkeypatch):
    monkeypatch.setattr(hashes, "MAX_ENTRIES", 2)
    assert len(read(f"{GOOD}\n{GOOD}\n")) == 2
    with pytest.raises(ListFormatError, match="Line 3"):
        read(f"{GOOD}\n{GOOD}\n{GOOD}\n")


words = [GOOD, MD5, "hash", "pdq", "quality", "93", '{"format":']
signs = [",", '"', "\n", "\r", "#", "{", " ", "\x00", "é", "\ufeff"]
pieces = st.sampled_from(words + signs)


def attempt(work):
    """What came out, or the sentence that came instead."""
    try:
        return work(), ""
    except StanguardError as error:
        return None, str(error)


@given(st.lists(pieces, max_size=14).map("".join) | st.binary(max_size=80), st.sampled_from(Kind))
def test_any_bytes_are_entries_or_a_sentence(content, kind):
    found, sentence = attempt(lambda: read(content, kind))
    assert "\n" not in sentence
    assert all(entry.fingerprint == expected_again(kind, entry) for entry in found or [])


def expected_again(kind: Kind, entry: Listed) -> Fingerprint:
    fingerprint = entry.fingerprint
    packed = {
        Kind.PDQ: b"".join(fingerprint.pdq),
        Kind.SHA256: fingerprint.sha256,
        Kind.MD5: fingerprint.md5,
        Kind.PHASH: b"".join(view.hashes for view in fingerprint.views),
    }
    return replace(expected(kind, packed[kind].hex()).fingerprint, quality=fingerprint.quality)


@given(st.lists(pieces, max_size=14).map("".join), st.sampled_from(ListFormat))
def test_opening_any_file_is_a_list_or_a_sentence(content, wanted):
    found, sentence = attempt(lambda: open_list(io.BytesIO(content.encode()), wanted, Category.SCAM))
    assert "\n" not in sentence
    assert found is None or len(list(found)) == len(list(found)) == found.entries


# ------------------------------------------------------------------------------------------------- what is guessed


def opened(content: str, wanted: ListFormat = ListFormat.AUTO, category: Category | None = Category.SCAM):
    return open_list(io.BytesIO(content.encode()), wanted, category)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (MD5, ListFormat.MD5),
        (f"# from friends\nhash\n{MD5}\n", ListFormat.MD5),
        (f"id,md5\n1,{MD5}\n", ListFormat.MD5),
        (f"pdq,quality\n{GOOD},93\n", ListFormat.PDQ),
        (f"sha256\n{GOOD}\n", ListFormat.SHA256),
        (f"name,phash\nx,{GOOD}\n", ListFormat.PHASH),
    ],
)
def test_what_is_certain_is_found_out(content, form):
    found = opened(content)
    assert (found.format, found.entries, found.header) == (form, 1, None)
    assert len(list(found)) == 1


@pytest.mark.parametrize(
    "content", [GOOD, f"hash\n{GOOD}\n", f"hash,quality\n{GOOD},93\n", f"pdq,sha256\n{GOOD},{GOOD}"]
)
def test_what_is_not_certain_must_be_said(content):
    with pytest.raises(ListFormatError, match="say which it is with --format"):
        opened(content)
    assert opened(content, ListFormat.PDQ).format is ListFormat.PDQ


@pytest.mark.parametrize("content", ["words", "hash\n", f"hash\n{GOOD[:-1]}", "PK\x03\x04"])
def test_what_is_no_list_is_refused(content):
    with pytest.raises(ListFormatError, match="right file"):
        opened(content)


def test_an_empty_file_is_no_list():
    with pytest.raises(ListFormatError, match="empty"):
        opened("\n# nothing\n")


def test_a_foreign_list_needs_a_category_and_our_own_has_its_own():
    with pytest.raises(RefusedError, match="--category"):
        opened(MD5, category=None)
    with pytest.raises(RefusedError, match="leave --category away"):
        opened('{"format":', ListFormat.JSONL)


def test_a_mistake_at_the_end_is_found_before_anything_is_given():
    with pytest.raises(ListFormatError, match="Line 3"):
        opened(f"{MD5}\n{MD5}\nx\n")


def test_what_cannot_be_read_twice_is_refused():
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    with pytest.raises(RefusedError, match="save it to a file"):
        open_list(Pipe(MD5.encode()), ListFormat.AUTO, Category.SCAM)
