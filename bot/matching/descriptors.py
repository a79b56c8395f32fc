"""What a corner looks like: an angle, 256 bits, and the choice between a patch and its mirror image.

As in ORB (Rublee and others, ICCV 2011), the angle is that of the intensity centroid of a disc, and a bit is a
comparison of two points of the blurred level, at places turned by the angle. The places were learned: see
``scripts/train_tests.py``. They are closed under two maps of the patch, whose first axis lies along the angle:

* (u, v) -> (u, -v): what a mirrored picture shows at the mirrored corner, whose angle is pi - a;
* (u, v) -> (-u, -v) with the two points of the test exchanged: what the picture of inverted colours shows, where the
  centroid lies on the other side and every comparison turns round.

Bit k of the four words is one test with its three images: word 1 is the mirror image of word 0 and word 3 of word 2,
words 2 and 3 are words 0 and 1 of inverted colours. So both other forms of a descriptor are the same words in another
order, exactly.
"""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from .corners import MARGIN, Bytes, Corners, Integers, Pyramid
from .kernels import kernel
from .words import Descriptors, checked

TURNS = 256
"""Angles are told apart in this many steps when the tests are turned."""

_RADIUS = 15
_MIRROR = [1, 0, 3, 2]
_INVERSE = [2, 3, 0, 1]


class _Learned(NamedTuple):
    first: NDArray[np.int8]
    second: NDArray[np.int8]
    chirality: NDArray[np.int32]
    close: int


class Canonical(NamedTuple):
    """One of the two forms of every descriptor, so that a patch and its mirror image have the same."""

    descriptors: Descriptors
    mirrored: NDArray[np.uint8]
    doubtful: NDArray[np.uint8]


def describe(levels: Pyramid, corners: Corners) -> tuple[NDArray[np.float64], Descriptors]:
    """The angles (n,), in radians from -pi to pi, and the descriptors (n, 4) of the corners as they are.

    Raises ValueError for corners nearer to the border of their level than the margin.
    """
    for place, lengths in ((corners.x, levels.widths), (corners.y, levels.heights)):
        if ((place < MARGIN) | (place >= lengths[corners.level] - MARGIN)).any():
            raise ValueError("A corner lies too near to the border of its level.")
    count = len(corners.x)
    angles, descriptors = np.empty(count, np.float64), np.empty((count, 4), np.uint64)
    rows = levels.tops[corners.level] + corners.y
    _describe(levels.sharp, levels.blurred, rows, corners.x, _DISC, _FIRST, _SECOND, angles, descriptors)
    return angles, descriptors


def mirror(descriptors: Descriptors) -> Descriptors:
    """The descriptors (n, 4) of the same patches in the mirrored picture."""
    return np.ascontiguousarray(descriptors[:, _MIRROR])


def invert(descriptors: Descriptors) -> Descriptors:
    """The descriptors (n, 4) of the same patches in the picture of inverted colours."""
    return np.ascontiguousarray(descriptors[:, _INVERSE])


def canonical(descriptors: Descriptors) -> Canonical:
    """The form to keep of descriptors (n, 4): the one on the negative side of the learned direction."""
    descriptors = checked(descriptors)
    side = np.empty(len(descriptors), np.int32)
    _sides(descriptors, _LEARNED.chirality, side)
    mirrored = side > 0
    kept = np.where(mirrored[:, None], mirror(descriptors), descriptors)
    return Canonical(kept, mirrored.astype(np.uint8), (np.abs(side) < _LEARNED.close).astype(np.uint8))


def _learned() -> _Learned:
    with (files("bot.matching") / "data" / "patches.npz").open("rb") as file, np.load(file) as data:
        tests = cast("NDArray[np.int8]", data["tests"])
        return _Learned(tests[:, :2], tests[:, 2:], data["chirality"].astype(np.int32), int(data["close"]))


def four_images(points: NDArray[np.int8], exchanged: NDArray[np.int8]) -> NDArray[np.int8]:
    """One end (256, 2) of every test of the four words, of the tests of word 0; `exchanged` is their other end."""
    flip = np.array([1, -1], np.int8)
    return np.concatenate([points, points * flip, -exchanged, -exchanged * flip])


def turned(points: NDArray[np.int8]) -> NDArray[np.int8]:
    """Points (n, 2) of the patch as whole pixels (turns, 2, n), x and y, for angles of 2 pi k / turns.

    Places on the border of two pixels go away from the origin and the quadrants repeat one another, so that pictures
    mirrored, inverted or turned by right angles compare exactly the same pixels.
    """
    angle = np.arange(TURNS) * (2 * np.pi / TURNS)
    cos, sin = np.round(np.cos(angle), 12)[:, None], np.round(np.sin(angle), 12)[:, None]
    u, v = points[:, 0].astype(np.float64), points[:, 1].astype(np.float64)
    places = np.stack([cos * u - sin * v, sin * u + cos * v], axis=1)
    return (np.sign(places) * np.floor(np.round(np.abs(places), 9) + 0.5)).astype(np.int8)


def _disc() -> NDArray[np.int32]:
    """The x and y (2, 31, 32) of the pixels of a disc around the middle of 31 rows, 0 outside; a column to spare."""
    y, x = np.mgrid[-_RADIUS : _RADIUS + 1, -_RADIUS : _RADIUS + 2]
    inside = x * x + y * y <= (_RADIUS + 0.3) ** 2
    return (np.stack([x, y]) * inside).astype(np.int32)


_LEARNED = _learned()
_DISC = _disc()
_FIRST = turned(four_images(_LEARNED.first, _LEARNED.second))
_SECOND = turned(four_images(_LEARNED.second, _LEARNED.first))
assert max(np.abs(_FIRST).max(), np.abs(_SECOND).max()) <= MARGIN


@kernel
def _angle(sharp: Bytes, row: int, x: int, disc: NDArray[np.int32]) -> float:
    right, down = np.int32(0), np.int32(0)
    for v in range(31):
        line = sharp[row + v - 15, x - 15 : x + 17]
        for i in range(32):
            pixel = np.int32(line[i])
            right += np.int32(pixel * disc[0, v, i])
            down += np.int32(pixel * disc[1, v, i])
    return np.arctan2(np.float64(down), np.float64(right))


@kernel
def _describe(
    sharp: Bytes,
    blurred: Bytes,
    rows: Integers,
    columns: Integers,
    disc: NDArray[np.int32],
    first: NDArray[np.int8],
    second: NDArray[np.int8],
    angles: NDArray[np.float64],
    descriptors: Descriptors,
) -> None:
    stride = blurred.shape[1]
    flat = blurred.reshape(blurred.size)
    one, other = np.empty(256, np.uint8), np.empty(256, np.uint8)
    for i in range(rows.shape[0]):
        angle = _angle(sharp, rows[i], columns[i], disc)
        angles[i] = angle
        turn = int(np.round(angle * (TURNS / (2 * np.pi)))) % TURNS
        origin = rows[i] * stride + columns[i]
        right, down = first[turn, 0], first[turn, 1]
        for k in range(256):
            one[k] = flat[origin + down[k] * stride + right[k]]
        right, down = second[turn, 0], second[turn, 1]
        for k in range(256):
            other[k] = flat[origin + down[k] * stride + right[k]]
        for word in range(4):
            bits = np.uint64(0)
            for k in range(64):
                bits |= np.uint64(one[64 * word + k] < other[64 * word + k]) << np.uint64(k)
            descriptors[i, word] = bits


@kernel
def _sides(descriptors: Descriptors, weights: NDArray[np.int32], side: NDArray[np.int32]) -> None:
    """The sum of weight times (bit - mirrored bit), for words 0 and 1, then 2 and 3; weights (2, 64)."""
    one = np.uint64(1)
    for i in range(descriptors.shape[0]):
        total = np.int32(0)
        for half in range(2):
            a, b = descriptors[i, 2 * half], descriptors[i, 2 * half + 1]
            for k in range(64):
                shift = np.uint64(k)
                total += weights[half, k] * (np.int32((a >> shift) & one) - np.int32((b >> shift) & one))
        side[i] = total
