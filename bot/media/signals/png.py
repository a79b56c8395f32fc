"""Words in PNG files: text chunks of all three sorts, EXIF and XMP."""

from __future__ import annotations

from .blocks import LONGEST, LONGEST_EXIF, LONGEST_XMP, Blocks, inflated

MOST_CHUNKS = 1 << 14
"""Chunks that are walked over. A picture of 100 MB has 12,000 of the usual 8 KB."""

_HEAD = 8
_FRAME = 12
"""Bytes of a chunk besides what it holds: length, type and checksum."""

_XMP = "XML:com.adobe.xmp"
_PROFILE = "Raw profile type "


def blocks(data: bytes) -> Blocks:
    """What stands in the chunks of a file, before the pixels and after. Checksums are not looked at: no viewer does."""
    found = Blocks()
    at = _HEAD
    for _ in range(MOST_CHUNKS):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if kind in (b"", b"IEND") or found.full:
            break
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            _text(kind, data[at + _HEAD : at + _HEAD + min(length, LONGEST_XMP)], found)
        elif kind == b"eXIf":
            found.exif.append(data[at + _HEAD : at + _HEAD + min(length, LONGEST_EXIF)])
        elif kind == b"caBX":
            found.manifest = True
        at += _FRAME + length
    return found


def _text(kind: bytes, body: bytes, found: Blocks) -> None:
    name, _, rest = body.partition(b"\0")
    keyword = name[:79].decode("latin-1")
    packed = kind == b"zTXt"
    if packed:
        rest = rest[1:]
    elif kind == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]  # the language, and the keyword in it
    if keyword == _XMP:
        found.xmp.append(inflated(rest, LONGEST_XMP) if packed else rest)
        return
    rest = inflated(rest) if packed else rest[:LONGEST]
    if keyword.startswith(_PROFILE):
        _profile(keyword.removeprefix(_PROFILE), rest, found)
    else:
        found.texts.append((keyword, rest.decode("utf-8" if kind == b"iTXt" else "latin-1", "replace")))


def _profile(name: str, text: bytes, found: Blocks) -> None:
    """What ImageMagick keeps of other containers: a name and a length on lines of their own, then hex digits."""
    digits = b"".join(text.split()[2:])
    try:
        block = bytes.fromhex(digits[: len(digits) & ~1].decode("ascii"))
    except ValueError:
        return
    if name == "exif" or block.startswith(b"Exif\0\0"):
        found.exif.append(block)
    elif name in ("iptc", "8bim"):
        found.iptc.append(block)
    elif name in ("xmp", "APP1"):
        found.xmp.append(block)
