"""EXIF: the few fields of a TIFF structure that name a program or a camera, or that generators write into."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from bot.model import Signal, SignalKind, SignalSource

from . import generators, names
from .blocks import LONGEST

MOST_ENTRIES = 256
"""Entries of a directory that are looked at. Cameras write about 40."""

_MAKE, _MODEL, _SOFTWARE, _MORE = 0x010F, 0x0110, 0x0131, 0x8769
_FREE = {0x010E: "description", 0x9286: "user comment", 0x9C9C: "comment of Windows"}
_NAMED = {_MAKE, _MODEL, _SOFTWARE}
_SIZES = {1: 1, 2: 1, 7: 1}
"""Bytes of one value, of the types that hold text: bytes, ASCII, and what the standard leaves open."""


def signals(block: bytes) -> Iterator[Signal]:
    """What a block of EXIF says, with or without the six bytes before it. Directories are read two at the most."""
    tiff = block.removeprefix(b"Exif\0").removeprefix(b"\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return
    directory = _directory(tiff, struct.unpack_from(f"{order}I", tiff, 4)[0], order)
    more = directory.pop(_MORE, None)
    if more is not None:
        directory |= _directory(tiff, struct.unpack(f"{order}I", more[:4])[0], order)
    for tag, value in directory.items():
        yield from _field(tag, value, order)


def _directory(tiff: bytes, at: int, order: str) -> dict[int, bytes]:
    """The values of the fields that matter, of one directory. What lies outside of the block is cut off."""
    found: dict[int, bytes] = {}
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for number in range(min(count, MOST_ENTRIES)):
        entry = at + 2 + 12 * number
        if entry + 12 > len(tiff):
            break
        tag, kind, length = struct.unpack_from(f"{order}HHI", tiff, entry)
        if tag == _MORE:
            found[tag] = tiff[entry + 8 : entry + 12]
        elif (tag in _FREE or tag in _NAMED) and kind in _SIZES:
            place = entry + 8 if length <= 4 else struct.unpack_from(f"{order}I", tiff, entry + 8)[0]
            found[tag] = tiff[place : place + min(length, LONGEST)]
    return found


def _field(tag: int, value: bytes, order: str) -> Iterator[Signal]:
    text = _text(value, order) if tag in _FREE else _bytes(value.split(b"\0")[0])
    tool = generators.generator(text)
    if tool is not None:
        yield Signal(SignalKind.AI_MADE, SignalSource.EXIF, tool)
    elif tag in (_MAKE, _SOFTWARE):  # models are called anything
        named = generators.field(text, SignalSource.EXIF)
        if named is not None:
            yield named
        elif tag == _MAKE and (maker := names.maker(text)) is not None:
            yield Signal(SignalKind.CAMERA, SignalSource.EXIF, maker)


def _text(value: bytes, order: str) -> str:
    """A free text. A comment of the user begins with the name of its character set, which does not tell the order."""
    charset, rest = value[:8], value[8:]
    if charset == b"UNICODE\0":
        return _utf16(rest, order)
    if charset in (b"ASCII\0\0\0", bytes(8)):
        value = rest
    elif len(value) > 3 and value[1:4:2] == b"\0\0":
        return _utf16(value, "<")
    return _bytes(value.rstrip(b"\0"))


def _bytes(value: bytes) -> str:
    """Text that is ASCII by the standard, UTF-8 with most, and Latin-1 with the rest."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _utf16(value: bytes, order: str) -> str:
    """UTF-16 in the order in which it is text: in that of the file, unless most bytes that are zero lie elsewhere."""
    start = value[:256]
    high, low = start[::2].count(0), start[1::2].count(0)
    if high != low:
        order = ">" if high > low else "<"
    return value[: len(value) & ~1].decode("utf-16-le" if order == "<" else "utf-16-be", "replace")
