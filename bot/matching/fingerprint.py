"""From a luminance plane to the views of a fingerprint: hashes in every orientation, and the grid, of every form.

The hash is ``imagehash.phash`` with hash size 16. It is computed from one reduction of each form to 64 x 64, which
the flips and quarter turns share, so that all eight together cost little more than decoding the picture did.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bot.model import Form, Orientation, View

from .borders import content_box
from .grid import grid_of
from .planes import small

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

TRANSPOSES: dict[Orientation, Image.Transpose] = {
    Orientation.MIRRORED: Image.Transpose.FLIP_LEFT_RIGHT,
    Orientation.UPSIDE_DOWN_MIRRORED: Image.Transpose.FLIP_TOP_BOTTOM,
    Orientation.TURNED_LEFT: Image.Transpose.ROTATE_90,
    Orientation.UPSIDE_DOWN: Image.Transpose.ROTATE_180,
    Orientation.TURNED_RIGHT: Image.Transpose.ROTATE_270,
    Orientation.TRANSPOSED: Image.Transpose.TRANSPOSE,
    Orientation.TRANSVERSED: Image.Transpose.TRANSVERSE,
}

Box = tuple[float, float, float, float]


class FormOf(NamedTuple):
    """One form of a plane: its view, the box that it takes of the plane, in pixels, and its PDQ quality."""

    form: Form
    view: View | None
    box: Box
    quality: int


def forms(plane: Image.Image, number: int) -> Iterator[FormOf]:
    """The whole plane, and what is inside its uniform border if it has one.

    The view is None for a form too plain, or too symmetric, to compare.
    """
    reduced = small(plane)
    across, down = plane.width / reduced.width, plane.height / reduced.height
    yield _form(reduced, Form.WHOLE, number, None, (0.0, 0.0, plane.width, plane.height))
    box = content_box(np.asarray(reduced))
    if box is not None:
        left, top, right, bottom = box
        yield _form(reduced, Form.TRIMMED, number, box, (left * across, top * down, right * across, bottom * down))


def gradient_quality(pixels: NDArray[np.uint8]) -> int:
    """PDQ's image domain quality, 0 to 100, of a luminance plane of 64 x 64.

    The sum of the steps between neighbouring pixels, each in whole percent of the full range, divided by 90: flat
    and smoothly shaded pictures have few steps of a percent or more. From the PDQ reference implementation.
    """
    levels = pixels.astype(np.int32)
    steps = sum(int((np.abs(np.diff(levels, axis=axis)) * 100 // 255).sum()) for axis in (0, 1))
    return min(100, steps // 90)


def _form(plane: Image.Image, form: Form, number: int, cut: tuple[int, int, int, int] | None, box: Box) -> FormOf:
    square = plane.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=cut)
    quality = gradient_quality(np.asarray(square))
    if quality < QUALITY_GATE:
        return FormOf(form, None, box, quality)
    upright = _hash(square)
    if int.from_bytes(upright).bit_count() < LEAST_ONES:
        return FormOf(form, None, box, quality)
    turned = b"".join(_hash(square.transpose(transpose)) for _, transpose in sorted(TRANSPOSES.items()))
    pixels = np.asarray(plane if cut is None else plane.crop(cut))
    return FormOf(form, View(form, number, upright + turned, grid_of(pixels)), box, quality)


def _hash(square: Image.Image) -> bytes:
    untyped = cast("Any", imagehash.phash(square, hash_size=HASH_SIZE))
    return np.packbits(untyped.hash).tobytes()
