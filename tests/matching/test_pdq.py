from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from bot.demo.pictures import picture
from bot.matching.pdq import PDQ_BYTES, from_hex, oriented_pdq, pdq, to_hex
from bot.model import Orientation

from .turns import bits_apart, brought_into

BRIDGE = Path(__file__).parent / "data/threatexchange/bridge-1-original.jpg"
PUBLISHED = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
"""Of the picture, by the Python package of ThreatExchange (the first of its examples)."""

PUBLISHED_REGRESSION = {
    Orientation.UPRIGHT: "d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22",
    Orientation.TURNED_LEFT: "30a10efdf1c83f429013d48d0ffffc52e34e0e35ada952a9d29605215aa9e5af",
    Orientation.UPSIDE_DOWN: "2dad5a64b1a142e7d362a09857da895ae63b8c7fc23794b766b319361fc93188",
    Orientation.TURNED_RIGHT: "a5f0a457248995e8c9065c275aaa5498b61ba4bdf8fcf80387c32f8b5bfc4f05",
    Orientation.UPSIDE_DOWN_MIRRORED: "d8f80f33e0f417b20e37f5cd028f980fb36ed02a9662c1e233e64c634e9c64dd",
    Orientation.MIRRORED: "2da9259bb1a1bd1a5362576552da32a5e63b7380c2774b4866b346c91b89ce77",
    Orientation.TRANSPOSED: "f0a1e10271ccc0bd90530b720fff038de34ef1e8ada9a956d6967ade5ea91a50",
    Orientation.TRANSVERSED: "2df05aa8a4896a17c14682da5aaaab07b61b5b42f8fc07fc87c3d0741bfcb0fa",
}
"""Of the files bridge-1-original to bridge-8-flip-minus-1, by the C++ program, which decodes and scales otherwise."""

REGRESSION_TOLERANCE = 16
"""Bits that ThreatExchange's own tests of its ports allow."""


@pytest.fixture(scope="module")
def bridge() -> Image.Image:
    return Image.open(BRIDGE)


def test_the_published_hash_of_the_published_picture(bridge: Image.Image) -> None:
    assert to_hex(pdq(bridge).hash) == PUBLISHED
    assert pdq(bridge).quality == 100


@pytest.mark.parametrize("orientation", Orientation)
def test_the_published_hashes_of_the_turned_pictures(bridge: Image.Image, orientation: Orientation) -> None:
    turned = pdq(brought_into(bridge, orientation)).hash

    assert bits_apart(turned, from_hex(PUBLISHED_REGRESSION[orientation])) <= REGRESSION_TOLERANCE


@pytest.mark.parametrize("orientation", Orientation)
def test_oriented_hashes_stand_in_the_order_of_the_orientations(bridge: Image.Image, orientation: Orientation) -> None:
    hashes = oriented_pdq(bridge).hashes
    turned = pdq(brought_into(bridge, orientation)).hash
    distances = [bits_apart(hashes[PDQ_BYTES * j : PDQ_BYTES * (j + 1)], turned) for j in range(len(Orientation))]

    assert distances[orientation] <= REGRESSION_TOLERANCE
    assert min(distances[:orientation] + distances[orientation + 1 :]) > 90


def by_the_book(colours: NDArray[np.uint8]) -> tuple[bytes, int]:
    """PDQ written from its specification: luma, two box passes, decimation, DCT, median, quality."""
    luma = colours.astype(np.float64) @ (0.299, 0.587, 0.114)
    height, width = luma.shape
    for _ in range(2):
        luma = boxed(boxed(luma, (width + 127) // 128).T, (height + 127) // 128).T
    rows, columns = (((np.arange(64) + 0.5) * side / 64).astype(int) for side in luma.shape)
    small = luma[np.ix_(rows, columns)]
    steps = sum(int(np.abs(np.trunc(np.diff(small, axis=axis) * 100 / 255)).sum()) for axis in (0, 1))
    basis = np.cos(np.pi / 128 * np.arange(1, 17)[:, None] * (2 * np.arange(64) + 1))
    spectrum = (basis @ small @ basis.T).ravel()
    bits = spectrum > np.sort(spectrum)[127]
    return np.packbits(bits[::-1]).tobytes(), min(100, steps // 90)


def boxed(plane: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The mean over a window along each row, cut off at the ends."""
    places = np.arange(plane.shape[1])
    first = np.maximum(0, places - (window - 1) // 2)
    last = np.minimum(plane.shape[1], places + window // 2 + 1)
    sums = np.pad(np.cumsum(plane, axis=1), ((0, 0), (1, 0)))
    return (sums[:, last] - sums[:, first]) / (last - first)


@pytest.mark.parametrize("size", [(500, 375), (300, 640), (129, 1000), (90, 70), (128, 128)])
@pytest.mark.parametrize("seed", range(3))
def test_a_second_implementation_of_the_specification_agrees(size: tuple[int, int], seed: int) -> None:
    image = picture(seed, (600, 600)).resize(size)
    expected, quality = by_the_book(np.asarray(image))
    found = pdq(image)

    assert bits_apart(found.hash, expected) <= 2  # the package computes in single precision
    assert abs(found.quality - quality) <= 1


def test_the_first_digits_hold_the_highest_frequencies() -> None:
    wave = np.cos(np.pi * (np.arange(64) + 0.5) / 64 * 16)  # frequency 16 of the rows, which is the last one
    levels = np.clip(127.5 + 100 * wave[:, None] * wave[None, :], 0, 255).astype(np.uint8)
    found = pdq(Image.fromarray(levels)).hash

    assert found[0] & 0x80


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("size", [(1, 1), (4, 40), (64, 64)])
def test_black_pictures_have_the_zero_hash_and_no_quality(mode: str, size: tuple[int, int]) -> None:
    black = Image.new(mode, size, (0, 0, 0, 255) if mode == "CMYK" else 0)

    assert pdq(black) == (bytes(PDQ_BYTES), 0)
    assert oriented_pdq(black) == (bytes(8 * PDQ_BYTES), 0)


def test_transparent_parts_count_as_black() -> None:
    image = picture(5, (200, 200))
    alpha = Image.new("L", image.size)
    alpha.paste(255, (0, 0, 200, 120))
    transparent = image.copy()
    transparent.putalpha(alpha)
    black = Image.composite(image, Image.new("RGB", image.size), alpha)

    assert pdq(transparent) == pdq(black)


@given(st.binary(min_size=PDQ_BYTES, max_size=PDQ_BYTES))
def test_hexadecimal_notation_and_back(hash_: bytes) -> None:
    assert from_hex(to_hex(hash_)) == from_hex(f"  {to_hex(hash_).upper()}\n") == hash_


@pytest.mark.parametrize(
    "text", ["", "0" * 63, "0" * 65, "g" + "0" * 63, "0x" + "0" * 62, "0" * 62 + "٣٣", "0 " * 32, "+" + "0" * 63]
)
def test_no_hash_is_read_from_anything_else(text: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        from_hex(text)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_only_32_bytes_are_written_as_a_hash(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        to_hex(bytes(length))
