"""How the local features of an entry are stored: 128 secret bits of each descriptor, its word and a packed point.

What lies at rest does not show what the descriptor was: of its 256 bits 128 are kept, chosen and permuted under a
secret of the installation. Hamming distances, and so the search, are the same for every permutation. Points are held in
eight bits for each of x, y, size and angle, which costs no recall.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .kernels import kernel
from .words import Descriptors, Vocabulary, checked

DESCRIPTOR_BITS = 256
SIGNATURE_BITS = 128
SIZE_OCTAVES = 8.0
LEAST_SIZE = 4.0
"""Patches are from 4 to 1,024 pixels wide, in 255 steps of equal ratio."""


class Signature:
    """The bits of a descriptor that an installation stores, in the order in which it stores them."""

    def __init__(self, bits: NDArray[np.integer]) -> None:
        """Take 128 different numbers of bits from 0 to 255: bit b is bit b % 64 of number b // 64 of a descriptor.

        Raises ValueError for anything else.
        """
        chosen = np.asarray(bits)
        if chosen.shape != (SIGNATURE_BITS,) or not np.issubdtype(chosen.dtype, np.integer):
            raise ValueError(f"A signature takes 128 numbers of bits, not {chosen.shape} {chosen.dtype}.")
        if len(np.unique(chosen)) != SIGNATURE_BITS or chosen.min() < 0 or chosen.max() >= DESCRIPTOR_BITS:
            raise ValueError("A signature takes 128 different numbers of bits from 0 to 255.")
        self._numbers = (chosen // 64).astype(np.int64)
        self._shifts = (chosen % 64).astype(np.uint64)

    @classmethod
    def derived(cls, secret: bytes) -> Signature:
        """The signature of a secret: the bits in the order of the secret's random stream (SHAKE-256), the first 128."""
        stream = np.frombuffer(hashlib.shake_256(b"local features" + secret).digest(8 * DESCRIPTOR_BITS), "<u8")
        return cls(np.argsort(stream, kind="stable")[:SIGNATURE_BITS])

    def sign(self, descriptors: Descriptors) -> NDArray[np.uint64]:
        """(n, 4) descriptors to (n, 2) signatures. Raises ValueError for other shapes or types."""
        return _sign(checked(descriptors), self._numbers, self._shifts)


class LocalView(NamedTuple):
    """The local features of one view of an entry as they are stored. Parallel arrays of n features."""

    words: NDArray[np.uint16]  # (n,)
    signatures: NDArray[np.uint64]  # (n, 2)
    points: NDArray[np.uint32]  # (n,), see pack_points
    mirrored: NDArray[np.uint8]  # (n,), 1 where the descriptor is that of the mirrored patch
    width: int
    height: int  # of the frame that the points lie in, in pixels


def pack(
    descriptors: Descriptors,
    points: NDArray[np.float32],
    mirrored: NDArray[np.uint8],
    frame: tuple[int, int],
    signature: Signature,
    vocabulary: Vocabulary,
) -> LocalView:
    """The features of a view in a frame of (width, height) pixels as they are stored."""
    return LocalView(
        vocabulary.assign(descriptors),
        signature.sign(descriptors),
        pack_points(points, *frame),
        (mirrored != 0).astype(np.uint8),
        *frame,
    )


def pack_points(points: NDArray[np.float32], width: int, height: int) -> NDArray[np.uint32]:
    """(n, 4) points of x, y (pixel centres), size and angle (radians) to one number each, x lowest, angle highest.

    x and y are held as 1/256 of the frame, so that the mirrored point of x has the mirrored number 255 - x; sizes and
    angles to the nearest step.
    """
    points = np.nan_to_num(points)
    places = (points[:, :2].astype(np.float64) + 0.5) * 256 / (width, height)
    octaves = np.log2(np.maximum(points[:, 2].astype(np.float64), LEAST_SIZE) / LEAST_SIZE)
    sizes = np.rint(octaves * (255 / SIZE_OCTAVES))
    angles = np.rint(points[:, 3].astype(np.float64) * (256 / (2 * np.pi))) % 256
    columns = np.column_stack((np.floor(places), sizes, angles))
    bytes_ = np.clip(columns, 0, 255).astype(np.uint8)
    return bytes_.view("<u4")[:, 0].astype(np.uint32)


def unpack_points(
    packed: NDArray[np.uint32], width: int, height: int, *, mirrored: bool = False
) -> NDArray[np.float32]:
    """The inverse of :func:`pack_points`, within half a step, (n,) to (n, 4), in the mirrored frame if asked.

    Mirroring takes x, y, size and angle to width - 1 - x, y, size and pi - angle.
    """
    return _unpack(packed, width, height, mirrored)


def check_view(view: LocalView) -> None:
    """Raise ValueError unless the arrays of a view have the shapes and types that its fields say."""
    count = len(view.words)
    shapes = (
        (view.words, (count,), np.uint16),
        (view.signatures, (count, 2), np.uint64),
        (view.points, (count,), np.uint32),
        (view.mirrored, (count,), np.uint8),
    )
    for array, shape, dtype in shapes:
        if array.shape != shape or array.dtype != dtype:
            raise ValueError(f"A column of a view of {count} features has shape {array.shape} and type {array.dtype}.")
    if view.width < 1 or view.height < 1:
        raise ValueError(f"A frame of {view.width} x {view.height} pixels holds no points.")


@kernel
def _sign(descriptors: Descriptors, numbers: NDArray[np.int64], shifts: NDArray[np.uint64]) -> NDArray[np.uint64]:
    signed = np.zeros((descriptors.shape[0], 2), np.uint64)
    for row in range(descriptors.shape[0]):
        for half in range(2):
            bits = np.uint64(0)
            for place in range(64):
                at = 64 * half + place
                bit = descriptors[row, numbers[at]] >> shifts[at] & np.uint64(1)
                bits |= bit << np.uint64(place)
            signed[row, half] = bits
    return signed


@kernel
def _unpack(packed: NDArray[np.uint32], width: int, height: int, mirrored: bool) -> NDArray[np.float32]:
    points = np.empty((packed.shape[0], 4), np.float32)
    for row in range(packed.shape[0]):
        point = np.int64(packed[row])
        x, angle = point & 255, point >> 24
        if mirrored:
            x, angle = 255 - x, 128 - angle
        points[row, 0] = (x + 0.5) * width / 256 - 0.5
        points[row, 1] = ((point >> 8 & 255) + 0.5) * height / 256 - 0.5
        points[row, 2] = LEAST_SIZE * 2 ** ((point >> 16 & 255) * (SIZE_OCTAVES / 255))
        points[row, 3] = angle * (2 * np.pi / 256)
    return points
