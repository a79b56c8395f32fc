"""What passes between the bot and a decoder process: limits go down, one flat reply comes up.

The reply is bytes of a fixed layout, checked field by field, because the process that wrote it has just handled a
file that somebody chose.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from bot.model import ORIENTATIONS, PHASH_BYTES, Fingerprint, Form, Unscannable, View

LARGEST_REPLY = 1 << 17
"""Bytes. 64 frames with four views each need 70 kB."""

_HEAD = struct.Struct("!BB32sIIIBH")
_VIEW = struct.Struct(f"!BI{ORIENTATIONS * PHASH_BYTES}s")
_REASONS = tuple(Unscannable)
_FORMS = tuple(Form)
_NO_REASON = 0xFF
_NO_FINGERPRINT, _FINGERPRINT = 0, 1
_BEST_QUALITY = 100


class Limits(NamedTuple):
    """What one picture may cost. ``seconds`` is the time after which decoding is stopped from outside."""

    max_pixels: int
    max_frames: int
    seconds: float


class Reply(NamedTuple):
    """The outcome for one picture. With both set, the fingerprint covers a part of the picture only."""

    fingerprint: Fingerprint | None
    reason: Unscannable | None


def pack(reply: Reply) -> bytes:
    """The bytes of a reply."""
    reason = _NO_REASON if reply.reason is None else _REASONS.index(reply.reason)
    found = reply.fingerprint
    if found is None:
        return _HEAD.pack(reason, _NO_FINGERPRINT, b"", 0, 0, 0, 0, 0)
    head = _HEAD.pack(
        reason, _FINGERPRINT, found.sha256, found.width, found.height, found.frames, found.quality, len(found.views)
    )
    views = (_VIEW.pack(_FORMS.index(view.form), view.frame, view.hashes) for view in found.views)
    return head + b"".join(views)


def unpack(data: object) -> Reply:
    """The reply in these bytes. Raises ValueError for anything that :func:`pack` would not have written."""
    if not isinstance(data, bytes) or not _HEAD.size <= len(data) <= LARGEST_REPLY:
        raise ValueError("not a reply")
    head: tuple[int, int, bytes, int, int, int, int, int] = _HEAD.unpack_from(data)
    reason_number, kind, sha256, width, height, frames, quality, count = head
    if reason_number != _NO_REASON and reason_number >= len(_REASONS):
        raise ValueError("unknown reason")
    reason = None if reason_number == _NO_REASON else _REASONS[reason_number]
    if kind == _NO_FINGERPRINT:
        if reason is None or len(data) != _HEAD.size:
            raise ValueError("neither a fingerprint nor a reason")
        return Reply(None, reason)
    if kind != _FINGERPRINT or len(data) != _HEAD.size + count * _VIEW.size:
        raise ValueError("length and number of views disagree")
    if not (width and height and frames) or quality > _BEST_QUALITY:
        raise ValueError("impossible size, frames or quality")
    views = tuple(_view(data, _HEAD.size + number * _VIEW.size, frames) for number in range(count))
    return Reply(Fingerprint(sha256, views, width, height, frames, quality), reason)


def _view(data: bytes, offset: int, frames: int) -> View:
    fields: tuple[int, int, bytes] = _VIEW.unpack_from(data, offset)
    form, frame, hashes = fields
    if form >= len(_FORMS) or frame >= frames:
        raise ValueError("impossible view")
    return View(_FORMS[form], frame, hashes)
