"""Replies survive the way through the pipe, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.media import wire
from bot.media.wire import Reply
from bot.model import ORIENTATIONS, PHASH_BYTES, Fingerprint, Form, Unscannable, View

VIEW_BYTES = ORIENTATIONS * PHASH_BYTES


@st.composite
def fingerprints(draw: st.DrawFn) -> Fingerprint:
    frames = draw(st.integers(1, 2**32 - 1))
    views = st.builds(
        View,
        st.sampled_from(Form),
        st.integers(0, frames - 1),
        st.binary(min_size=VIEW_BYTES, max_size=VIEW_BYTES),
    )
    side = st.integers(1, 2**32 - 1)
    return Fingerprint(
        draw(st.binary(min_size=32, max_size=32)),
        tuple(draw(st.lists(views, max_size=4))),
        draw(side),
        draw(side),
        frames,
        draw(st.integers(0, 100)),
    )


replies = st.one_of(
    st.builds(Reply, fingerprints(), st.none() | st.sampled_from(Unscannable)),
    st.builds(Reply, st.none(), st.sampled_from(Unscannable)),
)


@given(replies)
def test_a_reply_comes_back_as_it_was(reply: Reply) -> None:
    assert wire.unpack(wire.pack(reply)) == reply


@given(replies, st.integers(0, 60), st.integers(0, 255))
def test_a_changed_reply_is_another_reply_or_refused(reply: Reply, at: int, value: int) -> None:
    data = bytearray(wire.pack(reply))
    data[at % len(data)] = value
    try:
        found = wire.unpack(bytes(data))
    except ValueError:
        return
    assert found.fingerprint is not None or found.reason is not None
    if found.fingerprint is not None:
        assert 0 <= found.fingerprint.quality <= 100
        assert all(view.frame < found.fingerprint.frames for view in found.fingerprint.views)


@given(st.binary(max_size=700))
def test_arbitrary_bytes_are_no_reply_that_claims_more_than_it_has(data: bytes) -> None:
    try:
        reply = wire.unpack(data)
    except ValueError:
        return
    assert wire.unpack(wire.pack(reply)) == reply


@pytest.mark.parametrize("thing", [None, "text", 1, [], (b"",), b"", b"\xff", bytes(wire.LARGEST_REPLY + 1)])
def test_other_things_are_refused(thing: object) -> None:
    with pytest.raises(ValueError, match="not a reply"):
        wire.unpack(thing)


def test_the_largest_fingerprint_fits() -> None:
    # 64 frames, light and dark ground, whole and trimmed.
    views = tuple(View(form, frame, bytes(VIEW_BYTES)) for frame in range(64) for form in Form for _ in range(2))
    found = Fingerprint(bytes(32), views, 1, 1, 64, 100)
    assert wire.unpack(wire.pack(Reply(found, None))).fingerprint == found
