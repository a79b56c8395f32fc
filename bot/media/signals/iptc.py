"""IPTC: the vocabulary of where a digital picture comes from, and the older records that JPEG files carry."""

from __future__ import annotations

from collections.abc import Iterator

from bot.model import Signal, SignalKind, SignalSource

from . import generators

MOST_RECORDS = 256
_ORIGINATING_PROGRAM, _CREDIT = 65, 110
_RESOURCE = b"8BIM\x04\x04"
_HEAD = 5
"""Bytes before the value of a record: a mark, the record's number, the data set's, and two of the value's length."""

SOURCE_TYPES = {
    "trainedAlgorithmicMedia": SignalKind.AI_MADE,
    "compositeWithTrainedAlgorithmicMedia": SignalKind.AI_EDITED,
    "compositeSynthetic": SignalKind.AI_EDITED,
    "digitalCapture": SignalKind.CAMERA,
    "computationalCapture": SignalKind.CAMERA,
    "negativeFilm": SignalKind.CAMERA,
    "positiveFilm": SignalKind.CAMERA,
    "print": SignalKind.CAMERA,
    "algorithmicMedia": SignalKind.SOFTWARE,  # by a formula, expressly without any training data
    "algorithmicallyEnhanced": SignalKind.SOFTWARE,
    "digitalCreation": SignalKind.SOFTWARE,
    "digitalArt": SignalKind.SOFTWARE,
    "humanEdits": SignalKind.SOFTWARE,
    "minorHumanEdits": SignalKind.SOFTWARE,
}
"""What is said by a term of cv.iptc.org/newscodes/digitalsourcetype, retired ones too; the others say nothing here."""

_BY_LOWER = {name.lower(): kind for name, kind in SOURCE_TYPES.items()}


def source_type(value: str) -> SignalKind | None:
    """What a digital source type says, given by its full address, as ``digsrctype:name``, or by its name alone."""
    return _BY_LOWER.get(value.strip().rstrip("/").replace(":", "/").rpartition("/")[2].lower())


def signals(block: bytes) -> Iterator[Signal]:
    """What the records in a block of Photoshop's resources say, or in a block that is nothing but records."""
    at = block.find(_RESOURCE)
    at = 0 if at < 0 else block.find(b"\x1c\x02", at)
    for _ in range(MOST_RECORDS):
        head = block[at : at + _HEAD] if at >= 0 else b""
        if len(head) < _HEAD or head[0] != 0x1C:
            break
        length = int.from_bytes(head[3:])
        if head[1] == 2 and head[2] in (_ORIGINATING_PROGRAM, _CREDIT):
            text = block[at + _HEAD : at + _HEAD + min(length, 256)].decode("utf-8", "replace")
            found = generators.credit(text) if head[2] == _CREDIT else generators.field(text, SignalSource.IPTC)
            if found is not None:
                yield found
        at += _HEAD + length
