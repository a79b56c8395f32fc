import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import DatabaseError
from bot.model import Fingerprint, Form, MediaRef, Surface, Unscannable, UnscannableRef, View
from bot.store import codec

from .samples import fingerprint, message


def views(hashes: int) -> st.SearchStrategy[tuple[View, ...]]:
    return st.lists(
        st.builds(
            View,
            st.sampled_from(Form),
            st.integers(0, 2**32 - 1),
            st.binary(min_size=32 * hashes, max_size=32 * hashes),
        ),
        max_size=6,
    ).map(tuple)


FINGERPRINTS = st.builds(
    Fingerprint,
    st.binary(min_size=32, max_size=32),
    st.sampled_from((1, 8)).flatmap(views),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 100),
)


@given(FINGERPRINTS)
def test_a_fingerprint_survives_the_blob(fingerprint: Fingerprint):
    assert codec.unpack(codec.pack(fingerprint), fingerprint.sha256) == fingerprint


@given(FINGERPRINTS)
def test_the_blob_has_the_documented_size(fingerprint: Fingerprint):
    hashes = sum(len(view.hashes) for view in fingerprint.views)
    assert len(codec.pack(fingerprint)) == 17 + 5 * len(fingerprint.views) + hashes


@given(st.binary(max_size=400))
def test_any_bytes_are_a_fingerprint_or_refused(blob: bytes):
    try:
        found = codec.unpack(blob, b"s" * 32)
    except ValueError:
        return
    assert codec.pack(found) == blob


@given(FINGERPRINTS, st.data())
def test_a_fingerprint_that_was_cut_or_lengthened_is_refused(fingerprint: Fingerprint, data: st.DataObject):
    blob = codec.pack(fingerprint)
    length = data.draw(st.integers(0, len(blob) - 1))
    for damaged in (blob[:length], blob + b"\0", blob + blob):
        with pytest.raises(ValueError, match="fingerprint"):
            codec.unpack(damaged, fingerprint.sha256)


@pytest.mark.parametrize(
    ("offset", "value", "sentence"),
    [(0, 2, "layout 2"), (1, 3, "head"), (2, 101, "head"), (4, 9, "length"), (17, 2, "form 2")],
)
def test_a_damaged_byte_is_named(offset: int, value: int, sentence: str):
    blob = bytearray(codec.pack(fingerprint()))
    blob[offset] = value
    with pytest.raises(ValueError, match=sentence):
        codec.unpack(bytes(blob), b"s" * 32)


@pytest.mark.parametrize(
    "broken",
    [
        Fingerprint(b"short", (), 1, 1, 1, 1),
        Fingerprint(b"s" * 32, (), 1, 1, 1, 101),
        Fingerprint(b"s" * 32, (), 2**32, 1, 1, 1),
        Fingerprint(b"s" * 32, (View(Form.WHOLE, 0, b"h" * 31),), 1, 1, 1, 1),
        Fingerprint(b"s" * 32, (View(Form.WHOLE, 0, b"h" * 32), View(Form.WHOLE, 1, b"h" * 256)), 1, 1, 1, 1),
    ],
)
def test_what_the_layout_cannot_hold_is_refused(broken: Fingerprint):
    with pytest.raises(ValueError, match="fingerprint"):
        codec.pack(broken)


def test_a_damaged_row_is_told_in_one_sentence():
    with pytest.raises(DatabaseError, match="stanguard db check"):
        codec.load(struct.pack(">B", 7), b"s" * 32)


def test_media_survive_json():
    media = (
        MediaRef("a", Surface.EMBED_IMAGE, "https://cdn.discordapp.com/é?ex=1&hm=2", "ü.png", 2**40, forwarded=True),
        UnscannableRef("b", Surface.STICKER, Unscannable.LOTTIE),
    )
    assert codec.media_from_json(codec.media_to_json(media)) == media
    assert codec.message_from_json(codec.message_to_json(message())) == message()
