"""The parts of a file that hold words about it, as its container keeps them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

LONGEST = 1 << 16
"""Bytes that are looked at of one text, compressed and not; what identifies a generator stands near its beginning."""

MOST = 32
"""Texts of a file that are looked at, and blocks of each other sort."""

LONGEST_XMP = 1 << 18
LONGEST_EXIF = 1 << 20
"""Bytes of a block of EXIF. A thumbnail lies in it, and the fields that matter may come after it."""


@dataclass(slots=True)
class Blocks:
    """What was found: ``texts`` by keyword, ``exif`` as TIFF structures, ``xmp`` as packets, ``iptc`` as records.

    ``manifest``: there is a place where C2PA manifests are kept, or words that name one elsewhere.
    """

    texts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    exif: list[bytes] = field(default_factory=list[bytes])
    xmp: list[bytes] = field(default_factory=list[bytes])
    iptc: list[bytes] = field(default_factory=list[bytes])
    manifest: bool = False

    @property
    def full(self) -> bool:
        """Whether nothing further is looked at."""
        return max(len(self.texts), len(self.exif), len(self.xmp), len(self.iptc)) >= MOST


def inflated(data: bytes, most: int = LONGEST) -> bytes:
    """The beginning of what a zlib stream holds, at most so much; of a broken one, what comes before the damage."""
    stream = zlib.decompressobj()
    found = b""
    try:
        # In pieces, so that what lies before damaged bytes is kept.
        for at in range(0, min(len(data), LONGEST), 1 << 12):
            found += stream.decompress(data[at : at + (1 << 12)], most - len(found))
            if len(found) >= most or stream.eof:
                break
    except zlib.error:
        pass
    return found
