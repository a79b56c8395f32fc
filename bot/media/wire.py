"""What passes between the bot and a decoder process: limits go down, one flat reply comes up.

The reply is bytes of a fixed layout, checked field by field, because the process that wrote it has just handled a
file that somebody chose. Numbers that the layout cannot hold to a range (coordinates, angles) are left to the
matcher, which takes any.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.matching.query import Features, Frame, Query, QueryViews, Reference, Wanted
from bot.model import (
    GRID_BYTES,
    MOST_PDQ_HASHES,
    ORIENTATIONS,
    PDQ_BYTES,
    PHASH_BYTES,
    Fingerprint,
    Form,
    Unscannable,
    View,
)

from .signals import packing

LARGEST_REPLY = 1 << 25
"""Bytes. 64 frames of a transparent animation, each with its plane, features and views, need 24 MB."""

MOST_FEATURES = 2048
MOST_VIEWS = 64
LARGEST_PLANE = 1 << 18
"""Pixels of the plane of one frame."""

_HEAD = struct.Struct("!BB32s16sIIIBBHHHBB")
_VIEW = struct.Struct(f"!BI{ORIENTATIONS * PHASH_BYTES}s{GRID_BYTES}s")
_FRAME = struct.Struct("!IHHfHB")
_REFERENCE = struct.Struct("!HHHH")
_REASONS = tuple(Unscannable)
_FORMS = tuple(Form)
_NO_REASON = 0xFF
_NO_FINGERPRINT, _FINGERPRINT = 0, 1
_BEST_QUALITY = 100
_DESCRIPTOR, _POINT = np.dtype("<u8"), np.dtype("<f4")
_NO_COUNT = 0xFFFF


class Limits(NamedTuple):
    """What one picture may cost, and what is wanted of it.

    ``seconds`` is the time after which decoding is stopped from outside.
    """

    max_pixels: int
    max_frames: int
    seconds: float
    wanted: Wanted = Wanted.NOTHING


class Reply(NamedTuple):
    """The outcome for one picture. With both set, the query covers a part of the picture only.

    ``manifest``: it is worth asking for a C2PA manifest of the file.
    """

    query: Query | None
    reason: Unscannable | None
    manifest: bool = False


def pack(reply: Reply) -> bytes:
    """The bytes of a reply."""
    reason = _NO_REASON if reply.reason is None else _REASONS.index(reply.reason)
    query = reply.query
    if query is None:
        return _HEAD.pack(reason, _NO_FINGERPRINT, b"", b"", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    found = query.fingerprint
    parts = [
        _HEAD.pack(
            reason,
            _FINGERPRINT,
            found.sha256,
            found.md5,
            found.width,
            found.height,
            found.frames,
            found.quality,
            len(found.pdq),
            len(found.views),
            len(query.frames),
            len(query.references),
            len(query.signals),
            reply.manifest,
        ),
        *found.pdq,
    ]
    parts += (_VIEW.pack(_FORMS.index(view.form), view.frame, view.hashes, view.grid) for view in found.views)
    for frame in query.frames:
        parts += _frame_parts(frame)
    for reference in query.references:
        count = len(reference.features.points)
        parts.append(_REFERENCE.pack(reference.view, reference.width, reference.height, count))
        parts += _feature_parts(reference.features)
    parts.append(packing.pack(query.signals))
    return b"".join(parts)


def _frame_parts(frame: Frame) -> Iterator[bytes]:
    height, width = frame.plane.shape
    features = _NO_COUNT if frame.features is None else len(frame.features.points)
    views = 0 if frame.views is None else len(frame.views.kinds)
    yield _FRAME.pack(frame.number, width, height, frame.scale, features, views)
    yield frame.plane.tobytes()
    if frame.features is not None:
        yield from _feature_parts(frame.features)
    if frame.views is not None:
        yield from (array.tobytes() for array in (frame.views.kinds, frame.views.pdq, frame.views.phash))


def _feature_parts(features: Features) -> Iterator[bytes]:
    yield features.descriptors.astype(_DESCRIPTOR, copy=False).tobytes()
    yield features.points.astype(_POINT, copy=False).tobytes()
    yield features.mirrored.tobytes()
    yield features.doubtful.tobytes()


def unpack(data: object) -> Reply:
    """The reply in these bytes. Raises ValueError for anything that :func:`pack` would not have written."""
    if not isinstance(data, bytes) or not _HEAD.size <= len(data) <= LARGEST_REPLY:
        raise ValueError("not a reply")
    reader = _Reader(data)
    head: tuple[int, int, bytes, bytes, int, int, int, int, int, int, int, int, int, int] = reader.fields(_HEAD)
    (
        reason_number,
        kind,
        sha256,
        md5,
        width,
        height,
        frames,
        quality,
        hashes,
        views,
        looks,
        references,
        signals,
        manifest,
    ) = head
    if reason_number != _NO_REASON and reason_number >= len(_REASONS):
        raise ValueError("unknown reason")
    reason = None if reason_number == _NO_REASON else _REASONS[reason_number]
    if kind == _NO_FINGERPRINT:
        if reason is None:
            raise ValueError("neither a fingerprint nor a reason")
        reader.finish()
        return Reply(None, reason)
    if kind != _FINGERPRINT or not (width and height and frames) or quality > _BEST_QUALITY:
        raise ValueError("impossible kind, size, frames or quality")
    if hashes > MOST_PDQ_HASHES:
        raise ValueError("too many PDQ hashes")
    if manifest > 1:
        raise ValueError("impossible mark of a manifest")
    pdq = tuple(reader.take(PDQ_BYTES) for _ in range(hashes))
    fingerprint = Fingerprint(
        sha256, tuple(_view(reader, frames) for _ in range(views)), width, height, frames, quality, md5, pdq
    )
    query = Query(
        fingerprint,
        tuple(_frame(reader, frames) for _ in range(looks)),
        tuple(_reference(reader, views) for _ in range(references)),
        packing.unpack(reader.take(signals * packing.SIZE)),
    )
    reader.finish()
    return Reply(query, reason, bool(manifest))


class _Reader:
    """Bytes from front to back. Raises ValueError past the end, and for what is left over."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        part = self._data[self._at : self._at + length]
        if len(part) != length:
            raise ValueError("the reply is cut off")
        self._at += length
        return part

    def fields(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size))

    def array(self, kind: np.dtype[Any], *shape: int) -> NDArray[Any]:
        size = kind.itemsize
        for side in shape:
            size *= side
        return np.frombuffer(self.take(size), kind).reshape(shape).astype(kind.newbyteorder("="))

    def finish(self) -> None:
        if self._at != len(self._data):
            raise ValueError("the reply is longer than it says")


def _view(reader: _Reader, frames: int) -> View:
    fields: tuple[int, int, bytes, bytes] = reader.fields(_VIEW)
    form, frame, hashes, grid = fields
    if form >= len(_FORMS) or frame >= frames:
        raise ValueError("impossible view")
    return View(_FORMS[form], frame, hashes, grid)


def _frame(reader: _Reader, frames: int) -> Frame:
    number, width, height, scale, features, views = reader.fields(_FRAME)
    if number >= frames or not 0 < width * height <= LARGEST_PLANE or not 0 < scale < 1 << 10 or views > MOST_VIEWS:
        raise ValueError("impossible frame")
    plane = reader.array(np.dtype(np.uint8), height, width)
    found = _features(reader, features)
    hashes = _views(reader, views) if views else None
    return Frame(number, plane, scale, found, hashes)


def _features(reader: _Reader, count: int) -> Features | None:
    if count == _NO_COUNT:
        return None
    if count > MOST_FEATURES:
        raise ValueError("too many features")
    descriptors = reader.array(_DESCRIPTOR, count, 4)
    points = reader.array(_POINT, count, 4)
    mirrored = reader.array(np.dtype(np.uint8), count)
    doubtful = reader.array(np.dtype(np.uint8), count)
    if count and max(mirrored.max(), doubtful.max()) > 1:
        raise ValueError("impossible mark of a feature")
    return Features(descriptors, points, mirrored, doubtful)


def _views(reader: _Reader, count: int) -> QueryViews:
    byte = np.dtype(np.uint8)
    kinds = reader.array(byte, count)
    pdq = reader.array(byte, count, ORIENTATIONS, PDQ_BYTES)
    phash = reader.array(byte, count, ORIENTATIONS, PHASH_BYTES)
    return QueryViews(kinds, pdq, phash)


def _reference(reader: _Reader, views: int) -> Reference:
    view, width, height, count = reader.fields(_REFERENCE)
    if view >= views or not (width and height):
        raise ValueError("impossible reference")
    features = _features(reader, count)
    if features is None:
        raise ValueError("a reference without features")
    return Reference(view, features, width, height)
