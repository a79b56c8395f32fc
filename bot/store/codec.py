"""How values of the model lie in a blob or a JSON column.

A fingerprint blob (big-endian)::

    offset  size  what
         0     1  layout, always 2
         1     1  hashes a view, k: 1 (upright) or 8 (every orientation); each is a 256-bit imagehash.phash
         2     1  quality, 0 to 100
         3     1  1 if an MD5 follows the head, else 0
         4     1  number of PDQ hashes, p: 0 to 8
         5     2  number of views, n
         7     4  width in pixels
        11     4  height in pixels
        15     4  frames of the file
        19        the MD5 (16 bytes), then p * 32 bytes of PDQ hashes, then n views, each: form (1 byte: 0 whole,
                  1 trimmed), 1 if it has a grid, else 0 (1 byte), frame (4 bytes), k * 32 bytes of hashes, grid

Layout 1, which is still read, has no byte 3 and 4, and no grids. The SHA-256 stands in a column of its own beside the
blob, where it can be searched. Local features stand in another one, because they are sealed (see bot.vault)::

         0     1  layout, always 1
         1        for every view: length of its features (4 bytes), features
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from bot.errors import DatabaseError
from bot.model import (
    GRID_BYTES,
    MOST_PDQ_HASHES,
    ORIENTATIONS,
    PDQ_BYTES,
    PHASH_BYTES,
    Category,
    Evidence,
    Fingerprint,
    Fitting,
    Form,
    Match,
    MediaRef,
    MessageRef,
    Orientation,
    Part,
    PriorityPart,
    SeenMedia,
    Signal,
    SignalKind,
    SignalSource,
    Stage,
    Surface,
    Thresholds,
    Tier,
    Unscannable,
    UnscannableRef,
    View,
    Weight,
)

LAYOUT = 2
FEATURES_LAYOUT = 1
SHA256_BYTES = 32
MD5_BYTES = 16
HEADER = struct.Struct(">BBBBBHIII")
VIEW_HEADER = struct.Struct(">BBI")
_OLD_HEADER = struct.Struct(">BBBHIII")
_OLD_VIEW_HEADER = struct.Struct(">BI")
_LENGTH = struct.Struct(">I")
_FORMS = (Form.WHOLE, Form.TRIMMED)
_FORM_CODES: dict[Form, int] = {form: code for code, form in enumerate(_FORMS)}


# ---------------------------------------------------------------------------------------------- fingerprints


def pack(fingerprint: Fingerprint) -> bytes:
    """A fingerprint without its SHA-256 and local features as a blob.

    Raises ValueError for one that the layout cannot hold.
    """
    views = fingerprint.views
    hashes = len(views[0].hashes) // PHASH_BYTES if views else ORIENTATIONS
    _check(fingerprint, hashes)
    try:
        parts = [
            HEADER.pack(
                LAYOUT,
                hashes,
                fingerprint.quality,
                bool(fingerprint.md5),
                len(fingerprint.pdq),
                len(views),
                fingerprint.width,
                fingerprint.height,
                fingerprint.frames,
            ),
            fingerprint.md5,
            *fingerprint.pdq,
        ]
        for view in views:
            head = VIEW_HEADER.pack(_FORM_CODES[view.form], bool(view.grid), view.frame)
            parts += (head, view.hashes, view.grid)
    except struct.error as error:
        raise ValueError(f"a number of the fingerprint is out of range: {error}") from None
    return b"".join(parts)


def _check(fingerprint: Fingerprint, hashes: int) -> None:
    views = fingerprint.views
    if hashes not in (1, ORIENTATIONS) or any(len(view.hashes) != hashes * PHASH_BYTES for view in views):
        raise ValueError("the views of one fingerprint hold one hash each or eight hashes each")
    if any(len(view.grid) not in (0, GRID_BYTES) for view in views):
        raise ValueError(f"a grid of a fingerprint has {GRID_BYTES} bytes")
    if len(fingerprint.sha256) != SHA256_BYTES or not 0 <= fingerprint.quality <= 100:
        raise ValueError("a fingerprint has a SHA-256 of 32 bytes and a quality of 0 to 100")
    if len(fingerprint.md5) not in (0, MD5_BYTES):
        raise ValueError("the MD5 of a fingerprint has 16 bytes")
    if len(fingerprint.pdq) > MOST_PDQ_HASHES or any(len(pdq) != PDQ_BYTES for pdq in fingerprint.pdq):
        raise ValueError(f"a fingerprint has up to {MOST_PDQ_HASHES} PDQ hashes of {PDQ_BYTES} bytes")


def unpack(blob: bytes, sha256: bytes) -> Fingerprint:
    """The fingerprint that :func:`pack` wrote, or that layout 1 holds. Raises ValueError for any other bytes."""
    if len(sha256) != SHA256_BYTES:
        raise ValueError("a SHA-256 has 32 bytes")
    layout = blob[0] if blob else LAYOUT
    if layout not in (1, LAYOUT):
        raise ValueError(f"the fingerprint is of the unknown layout {layout}")
    head = HEADER if layout == LAYOUT else _OLD_HEADER
    if len(blob) < head.size:
        raise ValueError("the fingerprint is cut off")
    values: tuple[int, ...] = head.unpack_from(blob)
    if layout != LAYOUT:
        values = (*values[:3], 0, 0, *values[3:])
    _, hashes, quality, has_md5, pdqs, count, width, height, frames = values
    if hashes not in (1, ORIENTATIONS) or quality > 100 or (not count and hashes != ORIENTATIONS):
        raise ValueError("the head of the fingerprint is damaged")
    if has_md5 > 1 or pdqs > MOST_PDQ_HASHES:
        raise ValueError("the head of the fingerprint is damaged")
    reader = _Reader(blob, head.size)
    md5 = reader.take(has_md5 * MD5_BYTES)
    pdq = tuple(reader.take(PDQ_BYTES) for _ in range(pdqs))
    view = _view if layout == LAYOUT else _old_view
    views = tuple(view(reader, hashes * PHASH_BYTES) for _ in range(count))
    reader.end()
    return Fingerprint(sha256, views, width, height, frames, quality, md5, pdq)


class _Reader:
    """Takes one piece of a blob after the other."""

    __slots__ = ("_at", "_blob")

    def __init__(self, blob: bytes, at: int) -> None:
        self._blob = blob
        self._at = at

    def take(self, size: int) -> bytes:
        start = self._at
        self._at += size
        if self._at > len(self._blob):
            raise ValueError("the fingerprint has another length than its head says")
        return self._blob[start : self._at]

    def end(self) -> None:
        if self._at != len(self._blob):
            raise ValueError("the fingerprint has another length than its head says")


def _view(reader: _Reader, hashes: int) -> View:
    code: int
    has_grid: int
    frame: int
    code, has_grid, frame = VIEW_HEADER.unpack(reader.take(VIEW_HEADER.size))
    if has_grid > 1:
        raise ValueError("the head of a view of the fingerprint is damaged")
    return View(_form(code), frame, reader.take(hashes), reader.take(has_grid * GRID_BYTES))


def _old_view(reader: _Reader, hashes: int) -> View:
    code: int
    frame: int
    code, frame = _OLD_VIEW_HEADER.unpack(reader.take(_OLD_VIEW_HEADER.size))
    return View(_form(code), frame, reader.take(hashes))


def _form(code: int) -> Form:
    if code >= len(_FORMS):
        raise ValueError(f"the fingerprint has a view of the unknown form {code}")
    return _FORMS[code]


def pack_features(views: Sequence[View]) -> bytes:
    """The local features of views, to be sealed; no bytes at all if none has any."""
    if not any(view.features for view in views):
        return b""
    parts = [bytes([FEATURES_LAYOUT])]
    for view in views:
        parts += (_LENGTH.pack(len(view.features)), view.features)
    return b"".join(parts)


def unpack_features(blob: bytes, views: Sequence[View]) -> tuple[View, ...]:
    """The same views with the local features that :func:`pack_features` wrote. Raises ValueError for other bytes."""
    if not blob:
        return tuple(views)
    if blob[0] != FEATURES_LAYOUT:
        raise ValueError(f"the features of the fingerprint are of the unknown layout {blob[0]}")
    reader = _Reader(blob, 1)
    features: list[bytes] = []
    for _ in views:
        length: int
        (length,) = _LENGTH.unpack(reader.take(_LENGTH.size))
        features.append(reader.take(length))
    reader.end()
    return tuple(replace(view, features=found) for view, found in zip(views, features, strict=True))


def load(blob: bytes | None, sha256: bytes | None) -> Fingerprint | None:
    """The fingerprint of a row, or None if the row has none. Raises DatabaseError for a damaged one."""
    if blob is None or sha256 is None:
        return None
    try:
        return unpack(blob, sha256)
    except ValueError as error:
        raise _damaged(error) from error


def load_features(fingerprint: Fingerprint, features: bytes) -> Fingerprint:
    """The fingerprint with its local features, which :func:`pack_features` wrote. Raises DatabaseError."""
    try:
        return replace(fingerprint, views=unpack_features(features, fingerprint.views))
    except ValueError as error:
        raise _damaged(error) from error


def _damaged(error: ValueError) -> DatabaseError:
    return DatabaseError(
        f"A stored fingerprint cannot be read ({error}); run `stanguard db check`, then restore a backup."
    )


# ------------------------------------------------------------------------------------------------------ JSON


def match_to_json(match: Match | None) -> dict[str, Any] | None:
    """A match as plain JSON."""
    return None if match is None else asdict(match)


def match_from_json(data: Mapping[str, Any] | None) -> Match | None:
    """The match that :func:`match_to_json` wrote."""
    if data is None:
        return None
    values: dict[str, Any] = {
        **data,
        "category": Category(data["category"]),
        "stage": Stage(data["stage"]),
        "part": Part(data["part"]),
        "orientation": Orientation(data["orientation"]),
        "evidence": None if data["evidence"] is None else Evidence(**data["evidence"]),
    }
    return Match(**values)


def thresholds_to_json(thresholds: Thresholds) -> dict[str, Any]:
    """Thresholds as plain JSON."""
    return asdict(thresholds)


def thresholds_from_json(data: Mapping[str, Any]) -> Thresholds:
    """The thresholds that :func:`thresholds_to_json` wrote."""
    values: dict[str, Any] = {**data, **{name: _tier(data[name]) for name in ("remove", "strict", "review")}}
    return Thresholds(**values)


def _tier(data: Mapping[str, Any]) -> Tier:
    values: dict[str, Any] = {**data, **{name: Fitting(**data[name]) for name in ("usual", "many", "few")}}
    return Tier(**values)


def parts_to_json(parts: Sequence[PriorityPart]) -> list[dict[str, Any]]:
    """What a priority is made of as plain JSON."""
    return [asdict(part) for part in parts]


def parts_from_json(data: Sequence[Mapping[str, Any]] | None) -> tuple[PriorityPart, ...]:
    """The parts that :func:`parts_to_json` wrote; None is none."""
    return tuple(
        PriorityPart(Weight(part["weight"]), part["points"], part["number"], part["trusted"]) for part in data or ()
    )


def signals_to_json(signals: Sequence[Signal]) -> list[dict[str, Any]]:
    """Signals as plain JSON."""
    return [asdict(signal) for signal in signals]


def signals_from_json(data: Sequence[Mapping[str, Any]] | None) -> tuple[Signal, ...]:
    """The signals that :func:`signals_to_json` wrote; None is none."""
    return tuple(
        Signal(SignalKind(signal["kind"]), SignalSource(signal["source"]), signal["tool"], signal["signed"])
        for signal in data or ()
    )


def message_to_json(message: MessageRef) -> dict[str, Any]:
    """A reference to a message as plain JSON."""
    return asdict(message)


def message_from_json(data: Mapping[str, Any]) -> MessageRef:
    """The reference that :func:`message_to_json` wrote."""
    return MessageRef(**data)


def media_to_json(media: Sequence[SeenMedia]) -> list[dict[str, Any]]:
    """Media items as plain JSON; an item with a ``reason`` is one that cannot be fetched."""
    return [asdict(item) for item in media]


def media_from_json(data: Sequence[Mapping[str, Any]]) -> tuple[SeenMedia, ...]:
    """The media items that :func:`media_to_json` wrote."""
    return tuple(_media_item(item) for item in data)


def _media_item(data: Mapping[str, Any]) -> SeenMedia:
    values: dict[str, Any] = {**data, "surface": Surface(data["surface"])}
    if "reason" in data:
        values["reason"] = Unscannable(data["reason"])
        return UnscannableRef(**values)
    return MediaRef(**values)
