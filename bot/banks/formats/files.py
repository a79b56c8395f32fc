"""Opening a list file of any format: it is read once to see that all of it can be used, and again to import it.

So nothing of a file with a mistake is ever imported, and a list of a million entries never lies in memory as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import BinaryIO

from bot.errors import RefusedError
from bot.model import Category

from . import jsonl
from .hashes import HashList, Kind, kind_of, rows
from .listed import Header, Listed, ListFormatError


class ListFormat(StrEnum):
    """How a list file is written; ``auto`` finds out where that is certain."""

    AUTO = "auto"
    JSONL = "jsonl"
    PDQ = "pdq"
    SHA256 = "sha256"
    MD5 = "md5"
    PHASH = "phash"


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list file of which every line can be used. ``header`` is None for a foreign list, which has no name.

    ``left_out`` counts hashes of pictures that are too plain to be told from others.
    """

    format: ListFormat
    header: Header | None
    entries: int
    left_out: int
    _stream: BinaryIO
    _category: Category | None

    def __iter__(self) -> Iterator[Listed]:
        """The entries, from the first one on."""
        self._stream.seek(0)
        if self.format is ListFormat.JSONL:
            return jsonl.read(self._stream)[1]
        return iter(_hash_list(self._stream, self.format, self._category))


def open_list(stream: BinaryIO, wanted: ListFormat, category: Category | None) -> ListFile:
    """Read a list file through, and be ready to give its entries.

    ``category`` is what the pictures of a foreign list are. Raises ListFormatError with the number of the first line
    that is wrong, and RefusedError when the format or the category must be said, or must not.
    """
    if not stream.seekable():
        raise RefusedError("A list is read twice, which this is not made for; save it to a file and import that.")
    found = _detected(stream) if wanted is ListFormat.AUTO else wanted
    stream.seek(0)
    if found is ListFormat.JSONL:
        if category is not None:
            raise RefusedError("The entries of this list have categories of their own; leave --category away.")
        header, entries = jsonl.read(stream)
        return ListFile(found, header, sum(1 for _ in entries), 0, stream, None)
    hashes = _hash_list(stream, found, category)
    return ListFile(found, None, sum(1 for _ in hashes), hashes.left_out, stream, category)


def _hash_list(stream: BinaryIO, found: ListFormat, category: Category | None) -> HashList:
    if category is None:
        raise RefusedError("This list does not say what its pictures are; say so with --category.")
    return HashList(stream, Kind(found.value), category)


def _detected(stream: BinaryIO) -> ListFormat:
    if stream.read(4).removeprefix(b"\xef\xbb\xbf").startswith(b"{"):
        return ListFormat.JSONL
    stream.seek(0)
    first = [fields for _, fields in islice(rows(stream), 2)]
    if not first:
        raise ListFormatError("The list is empty; check that it is the right file.")
    return ListFormat(kind_of(first[0], first[1] if len(first) > 1 else []).value)
