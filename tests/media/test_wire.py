"""Replies survive the way through the pipe, and nothing else is taken for one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.matching.query import Features, Frame, Query, QueryViews
from bot.matching.views.extraction import MOST_VIEWS
from bot.media import wire
from bot.media.signals.names import NAMES
from bot.media.wire import Reply
from bot.model import GRID_BYTES, MOST_SIGNALS, ORIENTATIONS, PHASH_BYTES, Fingerprint, Form, Unscannable, View
from tests.matching.replies import VIEW_BYTES, features_of, plane_of, queries, same, views_of

replies = st.one_of(
    st.builds(Reply, queries(), st.none() | st.sampled_from(Unscannable), st.booleans()),
    st.builds(Reply, st.none(), st.sampled_from(Unscannable), st.just(value=False)),
)


def check_array(array: object, kind: type, *shape: int) -> None:
    assert isinstance(array, np.ndarray)
    assert (array.dtype, array.shape) == (np.dtype(kind), shape)
    assert array.dtype.isnative
    assert array.flags.c_contiguous


def check_features(features: Features) -> None:
    count = len(features.points)
    assert count <= wire.MOST_FEATURES
    check_array(features.descriptors, np.uint64, count, 4)
    check_array(features.points, np.float32, count, 4)
    for marks in (features.mirrored, features.doubtful):
        check_array(marks, np.uint8, count)
        assert not count or marks.max() <= 1


def check_views(views: QueryViews) -> None:
    count = len(views.kinds)
    check_array(views.kinds, np.uint8, count)
    check_array(views.pdq, np.uint8, count, ORIENTATIONS, 32)
    check_array(views.phash, np.uint8, count, ORIENTATIONS, 32)


def check_frame(frame: Frame, frames: int) -> None:
    assert frame.number < frames
    height, width = frame.plane.shape
    assert 0 < height * width <= wire.LARGEST_PLANE
    check_array(frame.plane, np.uint8, height, width)
    assert frame.scale > 0
    if frame.features is not None:
        check_features(frame.features)
    if frame.views is not None:
        check_views(frame.views)


def check(reply: Reply) -> None:
    """Whatever was unpacked is what code further on takes for granted."""
    assert reply.query is not None or reply.reason is not None
    if reply.query is None:
        return
    found = reply.query.fingerprint
    assert (len(found.sha256), len(found.md5)) == (32, 16)
    assert min(found.width, found.height, found.frames) > 0
    assert 0 <= found.quality <= 100
    assert all(len(hash_) == 32 for hash_ in found.pdq)
    for view in found.views:
        assert view.frame < found.frames
        assert (len(view.hashes), len(view.grid), view.features) == (VIEW_BYTES, GRID_BYTES, b"")
    assert len(reply.query.signals) <= MOST_SIGNALS
    assert all(signal.tool in NAMES for signal in reply.query.signals)
    for frame in reply.query.frames:
        check_frame(frame, found.frames)
    for reference in reply.query.references:
        assert reference.view < len(found.views)
        assert reference.width > 0
        assert reference.height > 0
        check_features(reference.features)


def taken(data: object) -> Reply | None:
    """What these bytes are taken for; ``None`` if they are refused."""
    try:
        reply = wire.unpack(data)
    except ValueError:
        return None
    check(reply)
    return reply


@given(replies)
def test_a_reply_comes_back_as_it_was(reply: Reply) -> None:
    found = wire.unpack(wire.pack(reply))
    check(found)
    assert same(found, reply)


@given(replies, st.data())
def test_a_reply_cut_off_anywhere_is_refused(reply: Reply, data: st.DataObject) -> None:
    packed = wire.pack(reply)
    for cut in {0, 1, len(packed) - 1, data.draw(st.integers(0, len(packed) - 1))}:
        assert taken(packed[:cut]) is None
    assert taken(packed + data.draw(st.binary(min_size=1, max_size=400))) is None


def test_a_small_reply_cut_off_at_every_byte_is_refused() -> None:
    found = Fingerprint(bytes(32), (View(Form.WHOLE, 0, bytes(VIEW_BYTES), bytes(GRID_BYTES)),), 3, 2, 1, 50)
    frame = Frame(0, plane_of(1, 5, 4), 0.5, features_of(1, 2), views_of(1, 1))
    packed = wire.pack(Reply(Query(found, (frame,)), None))
    assert taken(packed) is not None
    assert [cut for cut in range(len(packed)) if taken(packed[:cut]) is not None] == []


@given(replies, st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=300)
def test_a_changed_reply_is_another_reply_or_refused(reply: Reply, changes: list[tuple[int, int]]) -> None:
    data = bytearray(wire.pack(reply))
    for at, value in changes:
        data[at % len(data)] = value
    taken(bytes(data))


@given(replies, st.integers(0, 110), st.integers(0, 255))
@settings(max_examples=300)
def test_a_reply_with_another_head_is_another_reply_or_refused(reply: Reply, at: int, value: int) -> None:
    data = bytearray(wire.pack(reply))
    data[at % len(data)] = value
    found = taken(bytes(data))
    if found is not None and not same(found, reply):
        assert wire.pack(found) == bytes(data)


@given(st.binary(max_size=1500))
def test_arbitrary_bytes_are_no_reply_that_claims_more_than_it_has(data: bytes) -> None:
    reply = taken(data)
    if reply is not None:
        assert same(wire.unpack(wire.pack(reply)), reply)


@pytest.mark.parametrize("thing", [None, "text", 1, [], (b"",), b"", b"\xff", bytes(wire.LARGEST_REPLY + 1)])
def test_other_things_are_refused(thing: object) -> None:
    with pytest.raises(ValueError, match="not a reply"):
        wire.unpack(thing)


def packed_with(frame: Frame) -> bytes:
    return wire.pack(Reply(Query(Fingerprint(bytes(32), (), 1, 1, 2, 0), (frame,)), None))


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf"), 1024.0])
def test_a_frame_of_an_impossible_scale_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="frame"):
        wire.unpack(packed_with(Frame(0, plane_of(1, 2, 2), scale)))


def test_a_frame_that_the_file_does_not_have_or_without_pixels_is_refused() -> None:
    assert taken(packed_with(Frame(1, plane_of(1, 2, 2), 1.0))) is not None
    for frame in (Frame(2, plane_of(1, 2, 2), 1.0), Frame(0, plane_of(1, 0, 2), 1.0)):
        with pytest.raises(ValueError, match="frame"):
            wire.unpack(packed_with(frame))
    with pytest.raises(ValueError, match="frame"):
        wire.unpack(packed_with(Frame(0, np.zeros((513, 512), np.uint8), 1.0)))


def test_a_view_of_a_frame_that_the_file_does_not_have_is_refused() -> None:
    for number, fits in ((1, True), (2, False)):
        view = View(Form.WHOLE, number, bytes(VIEW_BYTES), bytes(GRID_BYTES))
        packed = wire.pack(Reply(Query(Fingerprint(bytes(32), (view,), 1, 1, 2, 0)), None))
        assert (taken(packed) is not None) == fits


def test_too_many_features_or_views_are_refused() -> None:
    with pytest.raises(ValueError, match="features"):
        wire.unpack(packed_with(Frame(0, plane_of(1, 2, 2), 1.0, features_of(1, wire.MOST_FEATURES + 1))))
    with pytest.raises(ValueError, match="frame"):
        wire.unpack(packed_with(Frame(0, plane_of(1, 2, 2), 1.0, None, views_of(1, wire.MOST_VIEWS + 1))))
    assert MOST_VIEWS <= wire.MOST_VIEWS


def test_no_views_of_a_frame_are_the_same_as_none_looked_for() -> None:
    reply = wire.unpack(packed_with(Frame(0, plane_of(1, 2, 2), 1.0, None, views_of(1, 0))))
    assert reply.query is not None
    assert reply.query.frames[0].views is None


def test_the_largest_reply_fits() -> None:
    # 64 frames, light and dark ground, whole and trimmed, each with everything that is ever wanted.
    views = tuple(
        View(form, frame, bytes(ORIENTATIONS * PHASH_BYTES), bytes(GRID_BYTES))
        for frame in range(64)
        for form in Form
        for _ in range(2)
    )
    found = Fingerprint(bytes(32), views, 1, 1, 64, 100, bytes(16))
    features, plane = features_of(1, 800), plane_of(1, 320, 320)
    frames = tuple(
        Frame(number, plane, 0.5, features, views_of(number, MOST_VIEWS)) for number in range(64) for _ in range(2)
    )
    reply = Reply(Query(found, frames), None)
    packed = wire.pack(reply)
    assert len(packed) < 0.9 * wire.LARGEST_REPLY
    assert same(wire.unpack(packed), reply)
