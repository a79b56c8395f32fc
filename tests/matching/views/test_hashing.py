from __future__ import annotations

import imagehash
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bot.demo.pictures import picture
from bot.matching.pdq import oriented_pdq, pdq
from bot.matching.views.hashing import ENTRY_ORDER, hash_squares, inner_quality, quality
from bot.matching.views.patches import plane_of, square_of
from bot.model import Orientation
from tests.matching.turns import bits_apart, brought_into, grey_brought_into


def grey(seed: int, size: tuple[int, int] = (400, 300)) -> NDArray[np.uint8]:
    return np.array(picture(seed, (600, 600)).convert("L").resize(size))


def hashes_of(plane: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    pdq_hashes, phash_hashes = hash_squares(square_of(plane.astype(np.float32))[None])
    return pdq_hashes[0], phash_hashes[0]


@pytest.mark.parametrize("size", [(400, 300), (512, 256), (130, 700), (129, 129), (1024, 200)])
def test_squares_are_reduced_and_hashed_as_the_reference_does(size: tuple[int, int]) -> None:
    plane = grey(3, size)
    reference = pdq(Image.fromarray(plane))

    assert bits_apart(hashes_of(plane)[0][Orientation.UPRIGHT], reference.hash) <= 2
    assert abs(int(quality(square_of(plane.astype(np.float32))[None])[0]) - reference.quality) <= 1


def test_a_square_of_64_is_taken_as_it_is() -> None:
    plane = grey(1, (64, 64))

    assert np.array_equal(square_of(plane.astype(np.float32)), plane)


@pytest.mark.parametrize("seed", range(4))
def test_phash_is_that_of_imagehash_up_to_the_reduction(seed: int) -> None:
    square = Image.fromarray(grey(seed, (64, 64)))  # which imagehash does not resize
    reference = np.packbits(imagehash.phash(square, hash_size=16).hash)

    assert bits_apart(hashes_of(np.array(square))[1][Orientation.UPRIGHT], reference) <= 2


@pytest.mark.parametrize("orientation", Orientation)
def test_the_query_in_an_orientation_has_the_hash_of_the_upright_entry_there(orientation: Orientation) -> None:
    entry = grey(2, (64, 64))
    for of_entry, of_query in zip(hashes_of(entry), hashes_of(grey_brought_into(entry, orientation)), strict=True):
        distances = [bits_apart(one, of_entry[Orientation.UPRIGHT]) for one in of_query]

        assert distances[orientation] <= 2
        assert min(distances[:orientation] + distances[orientation + 1 :]) > 60


def test_entry_order_gives_the_hashes_of_the_picture_brought_into_each_orientation() -> None:
    square = picture(4, (64, 64)).convert("L")
    hashes = hashes_of(np.array(square))[0][list(ENTRY_ORDER)]

    for orientation in Orientation:
        turned = hashes_of(np.array(brought_into(square, orientation)))[0]
        assert bits_apart(hashes[orientation], turned[Orientation.UPRIGHT]) <= 2
    assert bits_apart(hashes.tobytes(), oriented_pdq(square).hashes) <= 16


def test_squares_in_one_batch_have_the_hashes_that_they_have_alone() -> None:
    squares = np.stack([square_of(grey(seed).astype(np.float32)) for seed in range(5)])
    together = hash_squares(squares)

    for place, square in enumerate(squares):
        for batch, alone in zip(together, hash_squares(square[None]), strict=True):
            assert np.array_equal(batch[place], alone[0])


def test_a_frame_alone_gives_quality_but_no_inner_quality() -> None:
    framed = np.zeros((1, 64, 64), np.float32)
    framed[:, ::2, :3] = framed[:, ::2, -3:] = 255

    assert quality(framed)[0] == 100
    assert inner_quality(framed)[0] == 0


@pytest.mark.parametrize(
    ("size", "expected"),
    [((2000, 1500), (512, 384)), ((3000, 1000), (768, 256)), ((9000, 900), (1024, 102)), ((300, 200), (300, 200))],
)
def test_the_plane_has_a_long_side_of_512_or_a_short_side_of_256(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    plane, factor = plane_of(np.zeros((size[1], size[0]), np.uint8))

    assert plane.shape == (expected[1], expected[0])
    assert factor == pytest.approx(size[0] / expected[0], rel=0.01)


@pytest.mark.parametrize("wrong", [np.zeros((0, 5), np.uint8), np.zeros((5, 5), np.float32), np.zeros(5, np.uint8)])
def test_only_grey_planes_are_taken(wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="grey plane"):
        plane_of(wrong)
