"""ThumbHash in grey, against hashes and pictures that the published program (npm: thumbhash 0.1.1) made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from bot.demo.pictures import picture
from bot.matching.thumbhash import LONGEST_SIDE, MOST_BYTES, decode, encode

Plane = NDArray[np.uint8]
Shade = Callable[[Plane, Plane], Plane]

SHADES: dict[str, Shade] = {
    "ramp": lambda x, y: (2 * x + 3 * y) % 256,
    "waves": lambda x, y: (7 * x * x + 13 * y * y + 5 * x * y) // 16 % 256,
    "corner": lambda x, y: x * y % 251,
    "black": lambda x, y: 0 * x,
}

ENCODED = [
    ("ramp", 100, 100, "1f080e07008587877a7577078858c8776886070000000000"),
    ("ramp", 100, 60, "21080e0480377678079877855b960000000000"),
    ("ramp", 32, 90, "1e08120200875407897b65780000000000"),
    ("waves", 100, 100, "1f0802070030201623412320131313133424050000000000"),
    ("waves", 100, 60, "1f080204802132231222334022240000000000"),
    ("waves", 32, 90, "1f08020200502113311222210000000000"),
    ("waves", 7, 5, "030806058090878781887779887778880000000000"),
    ("waves", 100, 9, "1d08060180102022667686880000000000"),
    ("corner", 100, 100, "1e0802070010212230556551661665276562020000000000"),
    ("corner", 100, 60, "1d080604802133334055665276620000000000"),
    ("corner", 32, 90, "1c08060200104126766374440000000000"),
    ("corner", 100, 9, "17080e0180426576709839990000000000"),
    ("black", 100, 60, "00080204800000000000000000000000000000"),
    ("black", 1, 1, "000802070000000000000000000000000000000000000000"),
]

DECODED = [
    ("21080e0480377678079877855b960000000000", (18, 32), [86, 149, 200, 118, 92]),
    ("1c08060200104126766374440000000000", (32, 9), [85, 121, 139, 127, 128]),
    # Colours, and colours with transparency; what is compared is the mean of red, green and blue.
    ("d507121d0467878f77578748878797875878909508", (32, 23), [109, 188, 112, 31, 35]),
    ("dce71125807877787f888787784877788870fa3dc0", (23, 32), [167, 184, 125, 45, 44]),
]
"""Pictures at five places along their diagonal."""


def plane(name: str, width: int, height: int) -> Plane:
    y, x = np.mgrid[:height, :width]
    return SHADES[name](x, y).astype(np.uint8)


@pytest.mark.parametrize(("name", "width", "height", "expected"), ENCODED)
def test_it_writes_what_the_published_program_writes(name: str, width: int, height: int, expected: str) -> None:
    assert encode(plane(name, width, height)).hex() == expected


@pytest.mark.parametrize(("thumbhash", "size", "expected"), DECODED)
def test_it_reads_what_the_published_program_reads(thumbhash: str, size: tuple[int, int], expected: list[int]) -> None:
    shown = decode(bytes.fromhex(thumbhash))
    height, width = size
    assert shown.shape == size
    found = [int(shown[height * place // 6, width * place // 6]) for place in range(1, 6)]
    assert found == pytest.approx(expected, abs=1)


def test_a_picture_comes_back_as_its_blur() -> None:
    drawn = picture(3, (320, 256)).convert("L")
    shown = decode(encode(np.asarray(drawn)))
    small = np.asarray(drawn.resize((shown.shape[1], shown.shape[0])), float)
    assert shown.shape == (27, 32)
    assert np.corrcoef(shown.ravel(), small.ravel())[0, 1] > 0.8


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)))
def test_whatever_is_written_can_be_read(plane: Plane) -> None:
    thumbhash = encode(plane)
    assert len(thumbhash) <= 25
    shown = decode(thumbhash)
    assert max(shown.shape) == LONGEST_SIDE
    assert np.argmax(shown.shape) == np.argmax(plane.shape) or len(set(shown.shape)) == 1
    assert thumbhash[0] & 63 == pytest.approx(63 * float(plane.mean()) / 255, abs=0.51)


@given(st.binary(max_size=40))
@example(bytes(5))
@example(bytes.fromhex("ffffffffff") + bytes(20))
@example(bytes.fromhex(ENCODED[0][3]) + b"\0")
@example(bytes.fromhex(ENCODED[0][3])[:-1])
def test_hostile_bytes_are_a_small_picture_or_no_picture(thumbhash: bytes) -> None:
    try:
        shown = decode(thumbhash)
    except ValueError:
        return
    assert len(thumbhash) <= MOST_BYTES
    assert shown.dtype == np.uint8
    assert 1 <= min(shown.shape) <= max(shown.shape) == LONGEST_SIDE


@pytest.mark.parametrize(
    "wrong", [np.zeros((0, 4), np.uint8), np.zeros((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8)]
)
def test_what_is_no_plane_is_refused(wrong: Plane) -> None:
    with pytest.raises(ValueError, match="plane"):
        encode(wrong)
