"""How values of the model lie in a blob or a JSON column.

A fingerprint blob (big-endian)::

    offset  size  what
         0     1  layout, always 1: every hash is a 256-bit imagehash.phash
         1     1  hashes a view, k: 1 (upright) or 8 (every orientation)
         2     1  quality, 0 to 100
         3     2  number of views, n
         5     4  width in pixels
         9     4  height in pixels
        13     4  frames of the file
        17        n views, each: form (1 byte: 0 whole, 1 trimmed), frame (4 bytes), k * 32 bytes of hashes

The SHA-256 stands in a column of its own beside the blob, where it can be searched.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bot.errors import DatabaseError
from bot.model import (
    ORIENTATIONS,
    PHASH_BYTES,
    Category,
    Fingerprint,
    Form,
    Match,
    MediaRef,
    MessageRef,
    Orientation,
    SeenMedia,
    Stage,
    Surface,
    Thresholds,
    Unscannable,
    UnscannableRef,
    View,
)

LAYOUT = 1
SHA256_BYTES = 32
HEADER = struct.Struct(">BBBHIII")
VIEW_HEADER = struct.Struct(">BI")
_FORMS = (Form.WHOLE, Form.TRIMMED)
_FORM_CODES: dict[Form, int] = {form: code for code, form in enumerate(_FORMS)}


def pack(fingerprint: Fingerprint) -> bytes:
    """A fingerprint without its SHA-256 as a blob. Raises ValueError for one that the layout cannot hold."""
    views = fingerprint.views
    hashes = len(views[0].hashes) // PHASH_BYTES if views else ORIENTATIONS
    if hashes not in (1, ORIENTATIONS) or any(len(view.hashes) != hashes * PHASH_BYTES for view in views):
        raise ValueError("the views of one fingerprint hold one hash each or eight hashes each")
    if len(fingerprint.sha256) != SHA256_BYTES or not 0 <= fingerprint.quality <= 100:
        raise ValueError("a fingerprint has a SHA-256 of 32 bytes and a quality of 0 to 100")
    try:
        parts = [
            HEADER.pack(
                LAYOUT,
                hashes,
                fingerprint.quality,
                len(views),
                fingerprint.width,
                fingerprint.height,
                fingerprint.frames,
            )
        ]
        for view in views:
            parts += (VIEW_HEADER.pack(_FORM_CODES[view.form], view.frame), view.hashes)
    except struct.error as error:
        raise ValueError(f"a number of the fingerprint is out of range: {error}") from None
    return b"".join(parts)


def unpack(blob: bytes, sha256: bytes) -> Fingerprint:
    """The fingerprint that :func:`pack` wrote. Raises ValueError for any other bytes."""
    if len(sha256) != SHA256_BYTES:
        raise ValueError("a SHA-256 has 32 bytes")
    if len(blob) < HEADER.size:
        raise ValueError("the fingerprint is cut off")
    layout, hashes, quality, count, width, height, frames = HEADER.unpack_from(blob)
    if layout != LAYOUT:
        raise ValueError(f"the fingerprint is of the unknown layout {layout}")
    if hashes not in (1, ORIENTATIONS) or quality > 100 or (not count and hashes != ORIENTATIONS):
        raise ValueError("the head of the fingerprint is damaged")
    size = VIEW_HEADER.size + hashes * PHASH_BYTES
    if len(blob) != HEADER.size + count * size:
        raise ValueError("the fingerprint has another length than its head says")
    views = tuple(_view(blob, at, size) for at in range(HEADER.size, len(blob), size))
    return Fingerprint(sha256, views, width, height, frames, quality)


def _view(blob: bytes, at: int, size: int) -> View:
    code: int
    frame: int
    code, frame = VIEW_HEADER.unpack_from(blob, at)
    if code >= len(_FORMS):
        raise ValueError(f"the fingerprint has a view of the unknown form {code}")
    return View(_FORMS[code], frame, blob[at + VIEW_HEADER.size : at + size])


def load(blob: bytes | None, sha256: bytes | None) -> Fingerprint | None:
    """The fingerprint of a row, or None if the row has none. Raises DatabaseError for a damaged one."""
    if blob is None or sha256 is None:
        return None
    try:
        return unpack(blob, sha256)
    except ValueError as error:
        raise DatabaseError(
            f"A stored fingerprint cannot be read ({error}); run `stanguard db check`, then restore a backup."
        ) from error


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
        "form": Form(data["form"]),
        "orientation": Orientation(data["orientation"]),
    }
    return Match(**values)


def thresholds_to_json(thresholds: Thresholds) -> dict[str, int]:
    """Thresholds as plain JSON."""
    return asdict(thresholds)


def thresholds_from_json(data: Mapping[str, Any]) -> Thresholds:
    """The thresholds that :func:`thresholds_to_json` wrote."""
    return Thresholds(**data)


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
