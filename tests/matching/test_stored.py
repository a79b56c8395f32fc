"""Local features as bytes: what goes in comes out, and nothing else is taken for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matching.packing import LocalView
from bot.matching.stored import from_bytes, to_bytes

from .replies import same


def view_of(seed: int, count: int, width: int, height: int) -> LocalView:
    rng = np.random.default_rng(seed)
    return LocalView(
        rng.integers(0, 2**16, count, np.uint16),
        rng.integers(0, 2**64, (count, 2), np.uint64),
        rng.integers(0, 2**32, count, np.uint32),
        rng.integers(0, 2, count, np.uint8),
        width,
        height,
    )


sides = st.integers(1, 65_535)
views = st.builds(view_of, st.integers(0, 2**32 - 1), st.integers(0, 60), sides, sides)


@given(views)
def test_what_goes_in_comes_out(view: LocalView) -> None:
    data = to_bytes(view)
    assert len(data) == 6 + 23 * len(view.words)
    assert same(from_bytes(data), view)


@given(views, st.data())
def test_other_lengths_are_refused(view: LocalView, data: st.DataObject) -> None:
    packed = to_bytes(view)
    for wrong in (packed[: data.draw(st.integers(0, len(packed) - 1))], packed + b"\0"):
        with pytest.raises(ValueError, match="features"):
            from_bytes(wrong)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_come_back_as_they_were(data: bytes) -> None:
    try:
        view = from_bytes(data)
    except ValueError:
        return
    assert to_bytes(view) == data


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (65_536, 5), (5, -1)])
def test_a_frame_without_area_or_too_large_is_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="pixels"):
        to_bytes(view_of(1, 3, width, height))


def test_impossible_columns_are_refused() -> None:
    view = view_of(1, 3, 4, 4)
    for wrong in (
        view._replace(words=view.words[:2]),
        view._replace(signatures=view.signatures[:, :1]),
        view._replace(points=view.points.astype(np.int64)),
    ):
        with pytest.raises(ValueError, match="column"):
            to_bytes(wrong)
    marked = bytearray(to_bytes(view))
    marked[-1] = 2
    with pytest.raises(ValueError, match="mirroring"):
        from_bytes(bytes(marked))
    with pytest.raises(ValueError, match="65,535"):
        to_bytes(view_of(1, 65_536, 4, 4))
