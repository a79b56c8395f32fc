"""Two hashes of many small squares at once: PDQ and phash with 256 bits, each in the eight orientations.

Both are signs of low frequencies of a 64 x 64 square against their median: PDQ takes the frequencies 1 to 16 of each
axis, phash 0 to 15. Flips change signs of frequencies and quarter turns swap the axes, so one transform serves all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bot.model import Orientation

SIDE = 64
_KEPT = 16
_BITS = _KEPT * _KEPT
_INNER = slice(5, SIDE - 5)

_frequencies = np.arange(_KEPT + 1)
_BASIS: NDArray[np.float32] = np.cos(
    np.pi * (2 * np.arange(SIDE)[None, :] + 1) * _frequencies[:, None] / (2 * SIDE)
).astype(np.float32)
_SIGNS: NDArray[np.float32] = np.where(_frequencies % 2 == 0, 1, -1).astype(np.float32)

ENTRY_ORDER = tuple(
    {Orientation.TURNED_LEFT: Orientation.TURNED_RIGHT, Orientation.TURNED_RIGHT: Orientation.TURNED_LEFT}.get(one, one)
    for one in Orientation
)
"""Index array that takes the hashes of a query's view to those of an entry's: only the quarter turns change places."""

_FLIPS_AND_SWAP: dict[Orientation, tuple[int, bool]] = {
    Orientation.UPRIGHT: (0, False),
    Orientation.MIRRORED: (1, False),
    Orientation.UPSIDE_DOWN_MIRRORED: (2, False),
    Orientation.TURNED_LEFT: (1, True),
    Orientation.UPSIDE_DOWN: (3, False),
    Orientation.TURNED_RIGHT: (2, True),
    Orientation.TRANSPOSED: (0, True),
    Orientation.TRANSVERSED: (3, True),
}
"""How each orientation is undone: the flips (none, left-right, top-bottom, both) after an optional swap of the axes.

A picture turned left is undone by a turn to the right, which is a transposition and then a flip from left to right.
"""


def hash_squares(squares: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """PDQ and phash of squares, shape (n, 64, 64): each of shape (n, 8, 32), most significant bit first.

    Element ``j`` is the hash of the square after ``Orientation(j)`` is undone. So where it lies near the upright hash
    of an entry, the query shows that entry in the orientation ``j``.
    """
    spectra = np.matmul(np.matmul(_BASIS, squares.astype(np.float32, copy=False)), _BASIS.T)
    pdq = _signs_of_orientations(spectra[:, 1:, 1:], _SIGNS[1:])
    phash = _signs_of_orientations(spectra[:, :-1, :-1], _SIGNS[:-1], middle_mean=True)
    # PDQ counts its bits from the last byte; phash from the first.
    return np.packbits(pdq[:, :, ::-1], axis=2), np.packbits(phash, axis=2)


def flipped(pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The pixels as they lie, mirrored left to right, top to bottom, and both."""
    return [pixels, pixels[:, ::-1], pixels[::-1], pixels[::-1, ::-1]]


def hash_flips(squares: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """PDQ and phash, (8, 32) each, as :func:`hash_squares`, from the squares of :func:`flipped` pixels, (4, 64, 64).

    A square is a sample of every so many pixels, not quite in their middle, so that in a small picture the sample of
    the flipped picture is another than the flipped sample.
    """
    pdq, phash = hash_squares(squares)
    found = (np.empty(pdq.shape[1:], np.uint8), np.empty(phash.shape[1:], np.uint8))
    for orientation, (flips, swap) in _FLIPS_AND_SWAP.items():
        # A flip after the swap is, before it, a flip along the other axis.
        source = (0, 2, 1, 3)[flips] if swap else flips
        one = Orientation.TRANSPOSED if swap else Orientation.UPRIGHT
        found[0][orientation], found[1][orientation] = pdq[source, one], phash[source, one]
    return found


def _signs_of_orientations(
    spectra: NDArray[np.float32], signs: NDArray[np.float32], *, middle_mean: bool = False
) -> NDArray[np.bool_]:
    count = len(spectra)
    across, down = spectra * signs[None, None, :], spectra * signs[None, :, None]
    flipped = np.stack([spectra, across, down, across * signs[None, :, None]], axis=1)
    flat = flipped.reshape(count, 4, _BITS)
    if middle_mean:
        middle = np.partition(flat, (_BITS // 2 - 1, _BITS // 2), axis=2)[:, :, _BITS // 2 - 1 : _BITS // 2 + 1]
        median = middle.mean(axis=2, keepdims=True)
    else:  # PDQ's median is the lower of the two in the middle
        median = np.partition(flat, _BITS // 2 - 1, axis=2)[:, :, _BITS // 2 - 1 : _BITS // 2]
    above = flat > median
    out = np.empty((count, len(Orientation), _BITS), np.bool_)
    for orientation, (flips, swap) in _FLIPS_AND_SWAP.items():
        # A flip after the swap is, before it, a flip along the other axis.
        source = above[:, (0, 2, 1, 3)[flips] if swap else flips]
        out[:, orientation] = (
            source.reshape(count, _KEPT, _KEPT).transpose(0, 2, 1).reshape(count, _BITS) if swap else source
        )
    return out


def quality(squares: NDArray[np.float32]) -> NDArray[np.int32]:
    """PDQ's image domain quality, 0 to 100, of squares of shape (n, side, side): the sum of steps of a percent or more.

    From the PDQ reference implementation; its scale is made for a side of 64.
    """
    steps = sum(
        np.abs(np.trunc(np.diff(squares, axis=axis) * np.float32(100 / 255))).sum(axis=(1, 2)) for axis in (1, 2)
    )
    return np.minimum(100, np.asarray(steps) / 90).astype(np.int32)


def inner_quality(squares: NDArray[np.float32]) -> NDArray[np.int32]:
    """The quality without the outermost five pixels: the remains of a frame alone give a plain square many steps."""
    return quality(squares[:, _INNER, _INNER])
