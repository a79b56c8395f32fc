import json
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import DatabaseError
from bot.model import (
    Category,
    Evidence,
    Fingerprint,
    Fitting,
    Form,
    Match,
    MediaRef,
    Orientation,
    Part,
    Stage,
    Surface,
    Thresholds,
    Tier,
    Unscannable,
    UnscannableRef,
    View,
)
from bot.store import codec

from .samples import fingerprint, message


def views(hashes: int) -> st.SearchStrategy[tuple[View, ...]]:
    return st.lists(
        st.builds(
            View,
            st.sampled_from(Form),
            st.integers(0, 2**32 - 1),
            st.binary(min_size=32 * hashes, max_size=32 * hashes),
            st.just(b"") | st.binary(min_size=136, max_size=136),
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
    st.just(b"") | st.binary(min_size=16, max_size=16),
    st.lists(st.binary(min_size=32, max_size=32), max_size=8).map(tuple),
)


@given(FINGERPRINTS)
def test_a_fingerprint_survives_the_blob(fingerprint: Fingerprint):
    assert codec.unpack(codec.pack(fingerprint), fingerprint.sha256) == fingerprint


@given(FINGERPRINTS)
def test_the_blob_has_the_documented_size(fingerprint: Fingerprint):
    views = sum(6 + len(view.hashes) + len(view.grid) for view in fingerprint.views)
    assert len(codec.pack(fingerprint)) == 19 + len(fingerprint.md5) + 32 * len(fingerprint.pdq) + views


def old_blob(fingerprint: Fingerprint) -> bytes:
    """The blob of layout 1, which knew neither grids nor foreign hashes."""
    hashes = len(fingerprint.views[0].hashes) // 32 if fingerprint.views else 8
    numbers = (fingerprint.quality, len(fingerprint.views), fingerprint.width, fingerprint.height, fingerprint.frames)
    parts = [struct.pack(">BBBHIII", 1, hashes, *numbers)]
    parts += [struct.pack(">BI", view.form is Form.TRIMMED, view.frame) + view.hashes for view in fingerprint.views]
    return b"".join(parts)


def without_later(fingerprint: Fingerprint) -> Fingerprint:
    views = tuple(View(view.form, view.frame, view.hashes) for view in fingerprint.views)
    return replace(fingerprint, views=views, md5=b"", pdq=())


@given(FINGERPRINTS)
def test_the_older_layout_is_read(fingerprint: Fingerprint):
    assert codec.unpack(old_blob(fingerprint), fingerprint.sha256) == without_later(fingerprint)


@given(st.sampled_from([b"", b"\1", b"\2", b"\1\1", b"\2\1", b"\2\x08\0\0\0\0\0"]), st.binary(max_size=400))
def test_any_bytes_are_a_fingerprint_or_refused(head: bytes, tail: bytes):
    blob = head + tail
    try:
        found = codec.unpack(blob, b"s" * 32)
    except ValueError:
        return
    assert (codec.pack if blob[0] == codec.LAYOUT else old_blob)(found) == blob


def featured(lengths: list[int]) -> tuple[View, ...]:
    return tuple(View(Form.WHOLE, at, b"h" * 32, b"", bytes([at]) * length) for at, length in enumerate(lengths))


@given(st.lists(st.integers(0, 90), max_size=5).map(featured))
def test_features_survive_apart_from_the_rest(views: tuple[View, ...]):
    bare = tuple(replace(view, features=b"") for view in views)
    assert codec.unpack_features(codec.pack_features(views), bare) == views


@given(st.sampled_from([b"", b"\1", b"\1\0\0\0"]), st.binary(max_size=60), st.integers(0, 3))
def test_any_bytes_are_features_or_refused(head: bytes, tail: bytes, views: int):
    bare = featured([0] * views)
    try:
        found = codec.unpack_features(head + tail, bare)
    except ValueError:
        return
    assert not any(view.features for view in found) or codec.pack_features(found) == head + tail


TIERS = st.builds(
    Tier,
    st.integers(0, 256),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(-50, 50),
    *[st.builds(Fitting, st.integers(0, 800), st.floats(0, 1), st.floats(0, 1), st.floats(-50, 50))] * 3,
)
THRESHOLDS = st.builds(
    Thresholds, TIERS, TIERS, TIERS, *[st.integers(0, 256)] * 3, margin=st.floats(0, 1), margin_bits=st.integers(0, 256)
)
MAYBE = st.none() | st.integers(0, 2**62)
MATCHES = st.builds(
    Match,
    *[st.integers(0, 2**62)] * 2,
    st.sampled_from(Category),
    st.sampled_from(Stage),
    st.none() | st.integers(0, 256),
    st.sampled_from(Part),
    st.sampled_from(Orientation),
    st.booleans(),
    st.none() | st.builds(Evidence, st.floats(0, 1), st.floats(0, 1), st.floats(-50, 50), MAYBE, st.floats(0, 1)),
    MAYBE,
    MAYBE,
    st.none() | st.floats(0, 1),
    *[st.integers(1, 64)] * 2,
)


@given(THRESHOLDS)
def test_thresholds_survive_json(thresholds: Thresholds):
    text = json.dumps(codec.thresholds_to_json(thresholds))
    assert codec.thresholds_from_json(json.loads(text)) == thresholds


@given(MATCHES)
def test_a_match_survives_json(match: Match):
    found = codec.match_from_json(json.loads(json.dumps(codec.match_to_json(match))))
    assert found == match
    assert found is not None
    assert type(found.orientation) is Orientation


@given(FINGERPRINTS, st.data())
def test_a_fingerprint_that_was_cut_or_lengthened_is_refused(fingerprint: Fingerprint, data: st.DataObject):
    blob = codec.pack(fingerprint)
    length = data.draw(st.integers(0, len(blob) - 1))
    for damaged in (blob[:length], blob + b"\0", blob + blob):
        with pytest.raises(ValueError, match="fingerprint"):
            codec.unpack(damaged, fingerprint.sha256)


@pytest.mark.parametrize(
    ("offset", "value", "sentence"),
    [
        (0, 3, "layout 3"),
        (1, 3, "head"),
        (2, 101, "head"),
        (3, 2, "head"),
        (4, 9, "head"),
        (6, 9, "length"),
        (99, 2, "form 2"),
        (100, 2, "view"),
    ],
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
        Fingerprint(b"s" * 32, (View(Form.WHOLE, 0, b"h" * 32, b"g"),), 1, 1, 1, 1),
        Fingerprint(b"s" * 32, (), 1, 1, 1, 1, b"short"),
        Fingerprint(b"s" * 32, (), 1, 1, 1, 1, pdq=(b"short",)),
        Fingerprint(b"s" * 32, (), 1, 1, 1, 1, pdq=(b"p" * 32,) * 9),
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
