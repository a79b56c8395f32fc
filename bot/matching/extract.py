"""From a picture's frames to everything that can be compared. Runs where pictures are decoded."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bot.model import PHASH_BYTES, Fingerprint, Form, View

from . import features
from .bundle import published
from .fingerprint import FormOf, forms
from .planes import planes
from .query import Frame, Query, QueryViews, Reference, Wanted
from .views.extraction import query_views
from .views.patches import plane_of

cv2.setNumThreads(1)  # pictures are spread over processes, not over threads

SAME_VIEW = 6
"""Bits, of 256, up to which a later view of the same form adds nothing to an earlier one."""

PLANE_SIDE = 320
"""Pixels of the longer side of the plane that goes along with a query."""


class Extraction:
    """Collects what is wanted from one frame after another; never more than one of them is in memory."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._views: list[View] = []
        self._frames: list[Frame] = []
        self._references: list[Reference] = []
        self._pdq: tuple[bytes, ...] = ()
        self._quality = 0

    def add(self, number: int, picture: Image.Image, scale: float = 1.0) -> None:
        """Take in one frame, of any colour mode, by its number in the animation.

        ``scale`` is how many pixels of the file one pixel of the frame stands for.
        """
        for plane in planes(picture):
            self._add_plane(number, plane, scale * picture.width / plane.width)

    def query(self, *, sha256: bytes, md5: bytes = b"", size: tuple[int, int], total_frames: int) -> Query:
        """What was collected of a file of this SHA-256, MD5, width and height, and number of frames.

        A fingerprint without views is that of a picture too plain, or too symmetric, to compare as a whole.
        """
        width, height = size
        fingerprint = Fingerprint(
            sha256, tuple(self._views), width, height, total_frames, self._quality, md5=md5, pdq=self._pdq
        )
        return Query(fingerprint, tuple(self._frames), tuple(self._references))

    def _add_plane(self, number: int, plane: Image.Image, scale: float) -> None:
        pixels = np.asarray(plane)
        repeated = False
        for form in forms(plane, number):
            if form.form is Form.WHOLE:
                self._quality = max(self._quality, form.quality)
            if form.view is None:
                continue
            if self._seen(form.view):
                repeated = repeated or form.form is Form.WHOLE
                continue
            self._views.append(form.view)
            if self._wanted & Wanted.REFERENCE:
                self._refer(form, pixels)
        if not repeated:
            self._look(number, pixels, scale)

    def _refer(self, form: FormOf, pixels: NDArray[np.uint8]) -> None:
        left, top, right, bottom = (round(edge) for edge in form.box)
        found, (width, height) = features.reference(np.ascontiguousarray(pixels[top:bottom, left:right]))
        self._references.append(Reference(len(self._views) - 1, found, width, height))
        if not self._pdq and form.form is Form.WHOLE:
            self._pdq = published(pixels)

    def _look(self, number: int, pixels: NDArray[np.uint8], scale: float) -> None:
        if not self._wanted & (Wanted.FEATURES | Wanted.VIEWS | Wanted.PLANES):
            return
        described = features.query_plane(pixels)
        plane = features.resized(described, PLANE_SIDE)
        found = features.query(described) if self._wanted & Wanted.FEATURES else None
        views = _views(pixels, scale) if self._wanted & Wanted.VIEWS else None
        self._frames.append(Frame(number, plane, PLANE_SIDE / max(described.shape), found, views))

    def _seen(self, view: View) -> bool:
        upright = int.from_bytes(view.hashes[:PHASH_BYTES])
        return any(
            known.form is view.form and (upright ^ int.from_bytes(known.hashes[:PHASH_BYTES])).bit_count() <= SAME_VIEW
            for known in self._views
        )


def _views(pixels: NDArray[np.uint8], scale: float) -> QueryViews:
    plane, factor = plane_of(pixels)
    found = query_views(plane, factor * scale)
    return QueryViews(found.kinds, found.pdq, found.phash)


def extract(picture: Image.Image, wanted: Wanted, *, sha256: bytes) -> Query:
    """Everything wanted of one picture of any mode that is decoded already."""
    extraction = Extraction(wanted)
    extraction.add(0, picture)
    return extraction.query(sha256=sha256, size=picture.size, total_frames=1)
