"""From a picture's frames to its fingerprint: 256-bit perceptual hashes of every form and orientation.

The hash is ``imagehash.phash`` with hash size 16. It is computed from one reduction of each form to 64 x 64, which
the flips and quarter turns share, so that all eight together cost little more than decoding the picture did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bot.model import PHASH_BYTES, Fingerprint, Form, Orientation, View

from .borders import content_box
from .planes import planes

HASH_SIZE = 16
SIDE = 64
"""Pixels along each axis of what phash transforms: hash size times its high-frequency factor of 4."""

QUALITY_GATE = 50
"""The least PDQ quality, of 100, of a view that is kept. Below it chance decides most bits of the hash."""

LEAST_ONES = 96
"""The least ones, of 256 bits, of a hash that is kept: half of an ordinary one's are.

In a picture that is its own mirror image half of the frequencies are exactly zero, none of which is above the median.
Such hashes are mostly zeros and lie near each other whatever the pictures show: of 780 pairs of unrelated pictures,
mirrored about one axis, 688 were at most 64 bits apart, and all 780 when mirrored about both.
"""

SAME_VIEW = 6
"""Bits, of 256, up to which a later view of the same form adds nothing to an earlier one."""

_TRANSPOSES: dict[Orientation, Image.Transpose] = {
    Orientation.MIRRORED: Image.Transpose.FLIP_LEFT_RIGHT,
    Orientation.UPSIDE_DOWN_MIRRORED: Image.Transpose.FLIP_TOP_BOTTOM,
    Orientation.TURNED_LEFT: Image.Transpose.ROTATE_90,
    Orientation.UPSIDE_DOWN: Image.Transpose.ROTATE_180,
    Orientation.TURNED_RIGHT: Image.Transpose.ROTATE_270,
    Orientation.TRANSPOSED: Image.Transpose.TRANSPOSE,
    Orientation.TRANSVERSED: Image.Transpose.TRANSVERSE,
}


def fingerprint(
    frames: Iterable[tuple[int, Image.Image]],
    *,
    sha256: bytes,
    total_frames: int,
) -> Fingerprint:
    """The fingerprint of a picture, from its frames as (number in the animation, picture of any mode).

    Frames are hashed one by one as they come, so a generator never has more than one of them in memory. Width and
    height are those of the first frame. A fingerprint without views is that of a picture too plain, or too
    symmetric, to compare.
    """
    views: list[View] = []
    width = height = quality = 0
    for number, frame in frames:
        width, height = (width, height) if width else frame.size
        for plane in planes(frame):
            for form, square in _squares(plane):
                pixels = np.asarray(square)
                gradients = gradient_quality(pixels)
                if form is Form.WHOLE:
                    quality = max(quality, gradients)
                if gradients < QUALITY_GATE:
                    continue
                upright = _hash(square)
                if _ones(upright) >= LEAST_ONES and not _seen(upright, form, views):
                    views.append(View(form, number, upright + _turned(square)))
    return Fingerprint(sha256, tuple(views), width, height, total_frames, quality)


def gradient_quality(pixels: NDArray[np.uint8]) -> int:
    """PDQ's image domain quality, 0 to 100, of a luminance plane of 64 x 64.

    The sum of the steps between neighbouring pixels, each in whole percent of the full range, divided by 90: flat
    and smoothly shaded pictures have few steps of a percent or more. From the PDQ reference implementation.
    """
    levels = pixels.astype(np.int32)
    steps = sum(int((np.abs(np.diff(levels, axis=axis)) * 100 // 255).sum()) for axis in (0, 1))
    return min(100, steps // 90)


def _squares(plane: Image.Image) -> Iterator[tuple[Form, Image.Image]]:
    yield Form.WHOLE, plane.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    box = content_box(np.asarray(plane))
    if box is not None:
        yield Form.TRIMMED, plane.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box)


def _turned(square: Image.Image) -> bytes:
    return b"".join(_hash(square.transpose(transpose)) for _, transpose in sorted(_TRANSPOSES.items()))


def _hash(square: Image.Image) -> bytes:
    untyped = cast("Any", imagehash.phash(square, hash_size=HASH_SIZE))
    return np.packbits(untyped.hash).tobytes()


def _seen(upright: bytes, form: Form, views: list[View]) -> bool:
    return any(view.form is form and _distance(upright, view.hashes[:PHASH_BYTES]) <= SAME_VIEW for view in views)


def _ones(one: bytes) -> int:
    return int.from_bytes(one).bit_count()


def _distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
