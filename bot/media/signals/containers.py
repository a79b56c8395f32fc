"""Words in the other containers: WebP's chunks, AVIF's items, and packets of XMP wherever they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .blocks import LONGEST_EXIF, LONGEST_XMP, Blocks

MOST_CHUNKS = 1 << 12
MOST_BOXES = 64
MOST_ITEMS = 256
_SEARCHED = 1 << 22
"""Bytes at either end of a file in which a packet of XMP is looked for."""

_MANIFEST = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""What marks the box of a manifest in an ISO media file, and that of XMP."""

_PACKET, _PACKET_END = b"<x:xmpmeta", b"</x:xmpmeta>"


def webp(data: bytes) -> Blocks:
    """What stands in the chunks EXIF and XMP."""
    found = Blocks()
    at = 12
    for _ in range(MOST_CHUNKS):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if len(kind) < 4 or found.full:
            break
        if kind == b"EXIF":
            found.exif.append(data[at + 8 : at + 8 + min(length, LONGEST_EXIF)])
        elif kind == b"XMP ":
            found.xmp.append(data[at + 8 : at + 8 + min(length, LONGEST_XMP)])
        elif kind == b"C2PA":
            found.manifest = True
        at += 8 + length + length % 2
    return found


def avif(data: bytes) -> Blocks:
    """The items of EXIF and XMP of a still picture."""
    found = Blocks()
    _boxes_of_others(data, found)
    for start, end in _children(data, 0, len(data), b"meta"):
        kinds: dict[int, bytes] = {}
        for table, table_end in _children(data, start + 4, end, b"iinf"):
            kinds |= _kinds(data, table, table_end)
        for table, table_end in _children(data, start + 4, end, b"iloc"):
            for item, offset, length in _places(data[table : min(table_end, table + LONGEST_XMP)]):
                kind = kinds.get(item)
                if kind == b"Exif" and not found.full:  # four bytes say where the TIFF structure begins
                    found.exif.append(data[offset + 4 : offset + min(length, LONGEST_EXIF)])
                elif kind == b"mime" and not found.full:
                    found.xmp.append(data[offset : offset + min(length, LONGEST_XMP)])
    return found


def gif(data: bytes) -> Blocks:
    """A packet of XMP, and the mark of a manifest. Blocks are not followed: they lie among those of the pixels."""
    found = Blocks(manifest=any(data.find(b"C2PA_GIF", start, start + _SEARCHED) >= 0 for start in _ends(data)))
    _packets(data, found)
    return found


def video(data: bytes) -> Blocks:
    """A packet of XMP, and the box of a manifest."""
    found = Blocks()
    _boxes_of_others(data, found)
    if not found.xmp:
        _packets(data, found)
    return found


def _packets(data: bytes, found: Blocks) -> None:
    """A packet of XMP near the beginning or the end of a container that is not taken apart."""
    for start in _ends(data):
        at = data.find(_PACKET, start, start + _SEARCHED)
        if at >= 0:
            end = data.find(_PACKET_END, at, at + LONGEST_XMP)
            found.xmp.append(data[at : end if end >= 0 else at + LONGEST_XMP])


def _ends(data: bytes) -> Iterable[int]:
    return dict.fromkeys((0, max(0, len(data) - _SEARCHED)))


def _boxes_of_others(data: bytes, found: Blocks) -> None:
    """The boxes of an ISO media file that other standards laid down: XMP and manifests."""
    for start, end in _children(data, 0, len(data), b"uuid"):
        owner = data[start : start + 16]
        if owner == _MANIFEST:
            found.manifest = True
        elif owner == _XMP and not found.full:
            found.xmp.append(data[start + 16 : min(end, start + LONGEST_XMP)])


def _children(data: bytes, at: int, end: int, wanted: bytes) -> Iterator[tuple[int, int]]:
    """Where the contents of the boxes of one kind lie, among the boxes between two places."""
    for _ in range(MOST_BOXES):
        if at + 8 > min(end, len(data)):
            return
        size, head = int.from_bytes(data[at : at + 4]), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        stop = end if size == 0 else min(end, at + size)
        if data[at + 4 : at + 8] == wanted:
            yield at + head, stop
        if size < head:
            return
        at += size


def _kinds(data: bytes, at: int, end: int) -> dict[int, bytes]:
    """The kind of each item that the table of items names."""
    at += 6 if data[at] == 0 else 8
    found: dict[int, bytes] = {}
    for start, _ in _children(data, at, end, b"infe"):
        wide = data[start] >= 3
        item = int.from_bytes(data[start + 4 : start + (8 if wide else 6)])
        found[item] = data[start + (10 if wide else 8) :][:4]
    return found


def _places(table: bytes) -> Iterator[tuple[int, int, int]]:
    """Number, offset and length of each item that lies in one piece, by the table of places."""
    version = table[0]
    sizes = table[4], table[5]
    offset_size, length_size, base_size, index_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4, sizes[1] & 15
    wide = 4 if version == 2 else 2
    at = 6

    def number(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(table[at - size : at])

    for _ in range(min(number(wide), MOST_ITEMS)):
        item = number(wide)
        if version:
            at += 2
        at += 2
        base = number(base_size)
        pieces = number(2)
        for piece in range(min(pieces, MOST_ITEMS)):
            at += index_size if version else 0
            offset, length = number(offset_size), number(length_size)
            if piece == 0 and pieces == 1:
                yield item, base + offset, length
        if at > len(table):
            return
