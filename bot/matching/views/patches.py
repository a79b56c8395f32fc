"""From a posted picture to a small grey plane, and from boxes of that plane to squares as PDQ reduces them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from .hashing import SIDE

LONG_SIDE = 512
SHORT_SIDE = 256
LONGEST_SIDE = 1024
_LEAST_SIDE = 16
_WINDOWS_PER_SIDE = 2 * SIDE


def plane_of(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """The plane that views are cut from, and how many pixels of the picture one of its pixels is (1 or more).

    ``grey`` is luminance, shape (height, width), of any size. The long side becomes 512, or more (up to 1,024) so that
    the short one keeps 256; nothing is scaled up. Raises ValueError if the array is empty, or not of that kind.
    """
    if grey.ndim != 2 or grey.dtype != np.uint8 or not grey.size:
        raise ValueError("a grey plane is a non-empty array of bytes with two axes")
    height, width = grey.shape
    longer, shorter = max(grey.shape), min(grey.shape)
    scale = max(LONG_SIDE / longer, min(SHORT_SIDE / shorter, LONGEST_SIDE / longer))
    if scale >= 1:
        return np.ascontiguousarray(grey), 1.0
    size = (max(min(_LEAST_SIDE, width), round(width * scale)), max(min(_LEAST_SIDE, height), round(height * scale)))
    reduced = cv2.resize(np.ascontiguousarray(grey), size, interpolation=cv2.INTER_AREA)
    return cast("NDArray[np.uint8]", reduced), 1 / scale


def square_of(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """A box of pixels, shape (height, width), as a square of 64 x 64."""
    height, width = pixels.shape
    down, across = _taps(height), _taps(width)
    rows = np.einsum("kt,ktw->kw", down.weights, pixels[down.places])
    columns = np.einsum("kt,kth->kh", across.weights, np.ascontiguousarray(rows.T)[across.places])
    return columns.T


class _Taps(NamedTuple):
    """For each of the 64 pixels of a reduced axis the pixels that it is the weighted mean of, each (64, taps)."""

    places: NDArray[np.intp]
    weights: NDArray[np.float32]


@lru_cache(maxsize=LONGEST_SIDE)
def _taps(length: int) -> _Taps:
    """How PDQ reduces an axis of this length: two box passes, then the pixels at ``int((i + 0.5) * length / 64)``.

    Windows are cut at the edges, as in the reference implementation. Axes too short for a window of two pixels are
    interpolated instead: they come from reduced planes, and were longer in the picture that a foreign hash is of.
    """
    if length <= _WINDOWS_PER_SIDE:
        return _interpolating(length)
    window = (length + _WINDOWS_PER_SIDE - 1) // _WINDOWS_PER_SIDE
    steps = np.arange(window) - (window - 1) // 2
    samples = ((np.arange(SIDE) + 0.5) * (length / SIDE)).astype(np.intp)
    first = samples[:, None] + steps
    second = first[:, :, None] + steps
    within_first = (first >= 0) & (first < length)
    within = (second >= 0) & (second < length) & within_first[:, :, None]
    shares = within / np.maximum(1, within.sum(axis=2, keepdims=True)) / within_first.sum(axis=1)[:, None, None]
    taps = 2 * window - 1
    start = np.clip(samples + 2 * steps[0], 0, length - taps)
    weights = np.zeros((SIDE, taps))
    rows = np.broadcast_to(np.arange(SIDE)[:, None, None], within.shape)
    np.add.at(weights, (rows[within], (second - start[:, None, None])[within]), shares[within])
    return _Taps(start[:, None] + np.arange(taps), weights.astype(np.float32))


def _interpolating(length: int) -> _Taps:
    centres = np.clip((np.arange(SIDE) + 0.5) * (length / SIDE) - 0.5, 0, length - 1)
    lower = np.minimum(centres.astype(np.intp), max(0, length - 2))
    upper_weight = centres - lower
    places = np.stack([lower, np.minimum(lower + 1, length - 1)], axis=1)
    return _Taps(places, np.stack([1 - upper_weight, upper_weight], axis=1).astype(np.float32))
