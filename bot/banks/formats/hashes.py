"""Foreign lists of one kind of hash: plain text, one hash a line, or CSV (as the tools of ThreatExchange write it).

A line is a hash in hexadecimal digits, alone or as a column of a CSV. A first line that names the columns says which
one it is (``hash``, or the kind of hash), and which is the ``quality``; without such a line the hash is the first
column, and a PDQ hash may be followed by its quality. Empty lines and lines that begin with # are left out.

As in our own format, a line that is malformed refuses the whole file. A hash that is well-formed but of a picture
without enough detail is left out and counted: other programs list those, and they would match what they should not.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import BinaryIO

from bot.model import Category, Fingerprint, Form, View

from .listed import MAX_ENTRIES, MAX_ONES, MAX_PDQ_ONES, MIN_ONES, Listed, ListFormatError, ones, refuse

MAX_LINE = 4096
"""Bytes of one line."""

MIN_QUALITY = 50
"""PDQ's authors advise to use no hash of a picture of less quality."""

PLAIN_COLUMN = "hash"
_QUALITY_COLUMN = "quality"
_QUALITY = re.compile(r"[0-9]{1,3}")


class Kind(StrEnum):
    """What the hashes of a list are."""

    PDQ = "pdq"
    SHA256 = "sha256"
    MD5 = "md5"
    PHASH = "phash"

    @property
    def digits(self) -> int:
        """How many hexadecimal digits such a hash has."""
        return 32 if self is Kind.MD5 else 64

    @property
    def columns(self) -> frozenset[str]:
        """Names of a column that can only hold this kind."""
        return _COLUMNS[self]


_COLUMNS = {
    Kind.PDQ: frozenset({"pdq", "pdq_hash", "pdqhash"}),
    Kind.SHA256: frozenset({"sha256", "sha-256", "sha256_hash"}),
    Kind.MD5: frozenset({"md5", "md5_hash"}),
    Kind.PHASH: frozenset({"phash", "phash256", "phash_256"}),
}
_FORMS = {kind: re.compile(f"[0-9A-Fa-f]{{{kind.digits}}}") for kind in Kind}


class HashList:
    """The entries of one such file, read as they are asked for. ``left_out`` counts hashes of too plain pictures."""

    def __init__(self, stream: BinaryIO, kind: Kind, category: Category) -> None:
        self._stream = stream
        self._kind = kind
        self._category = category
        self.left_out = 0

    def __iter__(self) -> Iterator[Listed]:
        """Every entry. Raises ListFormatError with the number of the first line that is wrong."""
        columns: tuple[int, int | None, int] | None = None
        total = 0
        for number, fields in rows(self._stream):
            if columns is None:
                columns = self._columns(fields, number)
                if columns[2]:
                    continue
            total += 1
            if total > MAX_ENTRIES:
                refuse(number, f"there are more than {MAX_ENTRIES} entries")
            entry = self._entry(fields, columns, number)
            if entry is not None:
                yield entry

    def _columns(self, fields: list[str], number: int) -> tuple[int, int | None, int]:
        """Which column holds the hash, which the quality if any, and how many there must be (0: any number)."""
        names = column_names(fields)
        if not names:
            return 0, 1, 0
        places = [place for place, name in enumerate(names) if name in self._kind.columns]
        places = places or [place for place, name in enumerate(names) if name == PLAIN_COLUMN]
        if len(places) != 1:
            refuse(number, f"it names {'several columns' if places else 'no column'} of {self._kind} hashes")
        quality = names.index(_QUALITY_COLUMN) if _QUALITY_COLUMN in names else None
        return places[0], quality, len(names)

    def _entry(self, fields: list[str], columns: tuple[int, int | None, int], number: int) -> Listed | None:
        place, quality_place, width = columns
        if width and len(fields) != width:
            refuse(number, f"it has {len(fields)} columns instead of {width}")
        text = fields[place]
        if not _FORMS[self._kind].fullmatch(text):
            refuse(number, f"{self._kind} is not {self._kind.digits} hexadecimal digits")
        quality = None
        if self._kind is Kind.PDQ and quality_place is not None and quality_place < len(fields):
            quality = _quality(fields[quality_place], number, named=bool(width))
        fingerprint = _fingerprint(self._kind, bytes.fromhex(text), quality)
        if fingerprint is None:
            self.left_out += 1
            return None
        return Listed(self._category, fingerprint)


def rows(stream: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """The lines that hold something, with their numbers, as fields. Raises ListFormatError."""
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            refuse(number, f"it is longer than {MAX_LINE} bytes")
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            refuse(number, "it is not text")
        if not text or text.startswith("#"):
            continue
        if "," not in text and '"' not in text:
            yield number, [text]
            continue
        try:
            fields = next(csv.reader([text], strict=True))
        except csv.Error:
            refuse(number, "it is not CSV")
        yield number, [field.strip() for field in fields]


def column_names(fields: list[str]) -> list[str]:
    """The names of the columns if this first line names a column of hashes, else nothing."""
    names = [field.casefold() for field in fields]
    known = {PLAIN_COLUMN}.union(*_COLUMNS.values())
    return names if known.intersection(names) else []


def kind_of(fields: list[str], following: list[str]) -> Kind:
    """The kind of a list whose first lines these are, where that is certain.

    Raises ListFormatError: 64 digits may be a PDQ hash, a SHA-256 or a perceptual hash.
    """
    names = column_names(fields)
    named = {kind for kind in Kind if kind.columns.intersection(names)}
    if len(named) == 1:
        return named.pop()
    place = names.index(PLAIN_COLUMN) if PLAIN_COLUMN in names else 0
    sample = (following if names else fields)[place : place + 1]
    digits = [kind for kind in Kind if not named and sample and _FORMS[kind].fullmatch(sample[0])]
    if len(digits) == 1:
        return digits[0]
    if named or digits:
        choices = ", ".join(sorted(named or digits))
        raise ListFormatError(f"The list could hold any of these: {choices}; say which it is with --format.")
    raise ListFormatError(
        "The file is no list of a known format: neither one that stanguard exported, nor hashes in hexadecimal digits, "
        "one a line; check that it is the right file."
    )


def _quality(text: str, number: int, *, named: bool) -> int | None:
    if _QUALITY.fullmatch(text) and int(text) <= 100:
        return int(text)
    if named:
        refuse(number, "quality is not a whole number from 0 to 100")
    return None


def _fingerprint(kind: Kind, packed: bytes, quality: int | None) -> Fingerprint | None:
    """What is known of a picture by this hash; None if the picture is too plain to be told from others."""
    if kind is Kind.SHA256:
        return Fingerprint(packed, (), 0, 0, 0, 0)
    if kind is Kind.MD5:
        return Fingerprint(b"", (), 0, 0, 0, 0, md5=packed)
    most = MAX_PDQ_ONES if kind is Kind.PDQ else MAX_ONES
    if not MIN_ONES <= ones(packed) <= most or (quality is not None and quality < MIN_QUALITY):
        return None
    if kind is Kind.PDQ:
        return Fingerprint(b"", (), 0, 0, 0, quality or 0, pdq=(packed,))
    return Fingerprint(b"", (View(Form.WHOLE, 0, packed),), 0, 0, 0, 0)
