"""Queries of any arrays of the right types and shapes, whether or not a picture could have them, and their equality."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from bot.matching.query import Features, Frame, Query, QueryViews, Reference
from bot.matching.views.kinds import ViewKind
from bot.media.signals.names import NAMES
from bot.model import (
    GRID_BYTES,
    MOST_PDQ_HASHES,
    ORIENTATIONS,
    PDQ_BYTES,
    PHASH_BYTES,
    Fingerprint,
    Form,
    Signal,
    SignalKind,
    SignalSource,
    View,
    together,
)

VIEW_BYTES = ORIENTATIONS * PHASH_BYTES
ODD = (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40, -1.0, 0.0, 1e9)


def features_of(seed: int, count: int, *, odd: bool = False) -> Features:
    """Features at random; with ``odd``, of numbers that no point has, and of descriptors that repeat."""
    rng = np.random.default_rng(seed)
    descriptors = rng.integers(0, 2**64, (count, 4), np.uint64)
    points = rng.uniform((0, 0, 5, -4), (640, 480, 90, 4), (count, 4)).astype(np.float32)
    if odd and count:
        chosen = rng.random((count, 4)) < 0.3
        points[chosen] = rng.choice(np.asarray(ODD, np.float32), int(chosen.sum()))
        descriptors[rng.random(count) < 0.5] = descriptors[0]
    marks = rng.integers(0, 2, (2, count), np.uint8)
    return Features(descriptors, points, marks[0], marks[1])


def views_of(seed: int, count: int) -> QueryViews:
    rng = np.random.default_rng(seed)
    kinds = rng.choice(np.asarray([int(kind) for kind in ViewKind], np.uint8), count)
    hashes = rng.integers(0, 256, (2, count, ORIENTATIONS, 32), np.uint8)
    return QueryViews(kinds, hashes[0], hashes[1])


def plane_of(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


seeds = st.integers(0, 2**32 - 1)
features = st.builds(features_of, seeds, st.integers(0, 120), odd=st.booleans())


@st.composite
def fingerprints(draw: st.DrawFn, most_frames: int = 2**32 - 1) -> Fingerprint:
    frames = draw(st.integers(1, most_frames))
    views = st.builds(
        View,
        st.sampled_from(Form),
        st.integers(0, frames - 1),
        st.binary(min_size=VIEW_BYTES, max_size=VIEW_BYTES),
        st.binary(min_size=GRID_BYTES, max_size=GRID_BYTES),
    )
    side = st.integers(1, 2**32 - 1)
    return Fingerprint(
        draw(st.binary(min_size=32, max_size=32)),
        tuple(draw(st.lists(views, max_size=3))),
        draw(side),
        draw(side),
        frames,
        draw(st.integers(0, 100)),
        draw(st.binary(min_size=16, max_size=16)),
        tuple(draw(st.lists(st.binary(min_size=PDQ_BYTES, max_size=PDQ_BYTES), max_size=MOST_PDQ_HASHES))),
    )


def frames_of(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Frame]:
    return st.builds(
        Frame,
        numbers,
        st.builds(plane_of, seeds, st.integers(1, 40), st.integers(1, 40)),
        st.floats(0.0625, 64, width=32),
        st.none() | features,
        st.none() | st.builds(views_of, seeds, st.integers(1, 6)),
    )


signals = st.builds(
    lambda kind, source, tool, signed: Signal(kind, source, tool, signed and source is SignalSource.C2PA),
    st.sampled_from(SignalKind),
    st.sampled_from(SignalSource),
    st.sampled_from(NAMES),
    st.booleans(),
)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    found = draw(fingerprints())
    frames = draw(st.lists(frames_of(st.integers(0, found.frames - 1)), max_size=2))
    references = ()
    if found.views:
        side = st.integers(1, 65_535)
        reference = st.builds(Reference, st.integers(0, len(found.views) - 1), features, side, side)
        references = tuple(draw(st.lists(reference, max_size=2)))
    return Query(found, tuple(frames), references, together(draw(st.lists(signals, max_size=9))))


def same(one: object, other: object) -> bool:
    """Equality that looks into arrays, bit for bit: what is no number equals itself."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Query | Frame | Reference):
        return all(same(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__)
    return one == other
