"""stanguard's own list format, version 1: JSON Lines, described in docs/wire-formats.md.

The first line is a header, every other line one entry. The reader is strict, because a list is untrusted input that
decides what is taken down: a key that is missing, doubled or unknown, a number out of range or a hash that no picture
has refuses the whole file, with the number of the line. Nothing is read that is longer than it may be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO, NoReturn, cast

from bot.errors import StanguardError
from bot.model import ORIENTATIONS, PHASH_BYTES, Category, Fingerprint, Form, View

FORMAT = "stanguard-blocklist"
VERSION = 1

MAX_LINE = 128 * 1024
"""Bytes of one line; an entry with the most views that are allowed has about 80,000."""

MAX_ENTRIES = 200_000
MAX_VIEWS = 128
MAX_SIDE = 1_000_000
MAX_FRAMES = 1_000_000

MIN_ONES, MAX_ONES = 96, 128
"""A hash marks the values above their median, so at most half of its 256 bits are ones, and of nearly every picture
exactly half. With far fewer (stripes, kaleidoscopes, nothing at all) it lies near every other such hash and would match
what it should not; with more, it is no hash of a picture."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CATEGORIES = {category.value: category for category in Category}
_FORMS = {form.value: form for form in Form}
_HEADER_KEYS = {"format", "version", "name", "exported_at"}
_EXACT_KEYS = {"sha256", "category"}
_ENTRY_KEYS = _EXACT_KEYS | {"width", "height", "frames", "quality", "views"}
_VIEW_KEYS = {"form", "frame", "hashes"}


class ListFormatError(StanguardError):
    """A list file that cannot be used; the sentence names the line."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a list says about itself: what its publisher calls it, and when it was written."""

    name: str
    exported_at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a list. An entry known by its exact file alone has a fingerprint without views."""

    category: Category
    fingerprint: Fingerprint


def is_name(name: str) -> bool:
    """Whether a list may be called that: 1 to 64 letters, digits, spaces, dots, lines; a letter or digit first."""
    return _NAME.fullmatch(name) is not None


# ------------------------------------------------------------------------------------------------- writing


def lines(header: Header, entries: Iterable[Listed]) -> Iterator[bytes]:
    """The lines of a list file, each with its line feed: the header, then the entries in the order given."""
    yield _line(
        {
            "format": FORMAT,
            "version": VERSION,
            "name": header.name,
            "exported_at": header.exported_at.astimezone(UTC).isoformat(timespec="seconds"),
        }
    )
    for entry in entries:
        yield _line(_entry_values(entry))


def _line(values: dict[str, object]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"


def _entry_values(entry: Listed) -> dict[str, object]:
    fingerprint = entry.fingerprint
    values: dict[str, object] = {"sha256": fingerprint.sha256.hex(), "category": entry.category.value}
    if fingerprint.views:
        values |= {
            "width": fingerprint.width,
            "height": fingerprint.height,
            "frames": fingerprint.frames,
            "quality": fingerprint.quality,
            "views": [
                {
                    "form": view.form.value,
                    "frame": view.frame,
                    "hashes": [
                        view.hashes[start : start + PHASH_BYTES].hex()
                        for start in range(0, len(view.hashes), PHASH_BYTES)
                    ],
                }
                for view in fingerprint.views
            ],
        }
    return values


# ------------------------------------------------------------------------------------------------- reading


def read(stream: BinaryIO) -> tuple[Header, list[Listed]]:
    """Read a whole list file.

    Raises ListFormatError, with the number of the first line that is wrong, without having kept anything.
    """
    first = stream.readline(MAX_LINE + 1)
    header = _header(_object(first, 1))
    entries: list[Listed] = []
    number = 1
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        if len(entries) == MAX_ENTRIES:
            _refuse(number, f"there are more than {MAX_ENTRIES} entries")
        entries.append(_entry(_object(line, number), number))
    return header, entries


def _refuse(number: int, reason: str) -> NoReturn:
    raise ListFormatError(
        f"Line {number} of the list is not usable ({reason}), so nothing was imported; ask its publisher for a "
        "correct file."
    )


def _object(line: bytes, number: int) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        _refuse(number, f"it is longer than {MAX_LINE} bytes")
    try:
        value: object = json.loads(
            line.decode("utf-8"),
            object_pairs_hook=_without_doubles,
            parse_constant=_no_such_number,
            parse_float=_no_such_number,
        )
    except (ValueError, RecursionError):
        _refuse(number, "it is not a JSON object of the right form")
    if not isinstance(value, dict):
        _refuse(number, "it is not a JSON object of the right form")
    return cast("dict[str, Any]", value)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key is doubled")
    return values


def _no_such_number(text: str) -> NoReturn:
    raise ValueError(text)


def _header(values: dict[str, Any]) -> Header:
    if values.get("format") != FORMAT:
        _refuse(1, f"a list begins with the format {FORMAT}")
    if type(values.get("version")) is not int or values["version"] != VERSION:
        raise ListFormatError(
            f"This list is of another version than {VERSION}; update stanguard, or ask its publisher for version "
            f"{VERSION}."
        )
    _keys(values, _HEADER_KEYS, 1)
    name = values["name"]
    if not isinstance(name, str) or not is_name(name):
        _refuse(1, "its name is not 1 to 64 letters, digits, spaces, dots and lines")
    try:
        exported_at = datetime.fromisoformat(values["exported_at"])
    except (TypeError, ValueError):
        _refuse(1, "exported_at is not a time")
    if exported_at.tzinfo is None:
        _refuse(1, "exported_at has no time zone")
    return Header(name, exported_at)


def _entry(values: dict[str, Any], number: int) -> Listed:
    exact = values.keys() == _EXACT_KEYS
    _keys(values, _EXACT_KEYS if exact else _ENTRY_KEYS, number)
    sha256 = values["sha256"]
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        _refuse(number, "sha256 is not 64 lower-case hexadecimal digits")
    category = _CATEGORIES.get(values["category"]) if isinstance(values["category"], str) else None
    if category is None:
        _refuse(number, f"category is none of {', '.join(Category)}")
    if exact:
        return Listed(category, Fingerprint(bytes.fromhex(sha256), (), 0, 0, 0, 0))
    fingerprint = Fingerprint(
        sha256=bytes.fromhex(sha256),
        views=_views(values["views"], number),
        width=_number(values, "width", 1, MAX_SIDE, number),
        height=_number(values, "height", 1, MAX_SIDE, number),
        frames=_number(values, "frames", 1, MAX_FRAMES, number),
        quality=_number(values, "quality", 0, 100, number),
    )
    return Listed(category, fingerprint)


def _views(values: object, number: int) -> tuple[View, ...]:
    if not isinstance(values, list):
        _refuse(number, "views is not a list")
    items = cast("list[object]", values)
    if not 1 <= len(items) <= MAX_VIEWS:
        _refuse(number, f"views are not 1 to {MAX_VIEWS}")
    return tuple(_view(item, number) for item in items)


def _view(value: object, number: int) -> View:
    if not isinstance(value, dict):
        _refuse(number, "a view is not an object")
    values = cast("dict[str, Any]", value)
    _keys(values, _VIEW_KEYS, number)
    hashes = values["hashes"]
    form = _FORMS.get(values["form"]) if isinstance(values["form"], str) else None
    if form is None:
        _refuse(number, f"form is none of {', '.join(Form)}")
    if not isinstance(hashes, list) or len(cast("list[object]", hashes)) != ORIENTATIONS:
        _refuse(number, f"a view does not have {ORIENTATIONS} hashes")
    packed = b"".join(_hash(text, number) for text in cast("list[object]", hashes))
    return View(form, _number(values, "frame", 0, MAX_FRAMES - 1, number), packed)


def _hash(text: object, number: int) -> bytes:
    if not isinstance(text, str) or not _SHA256.fullmatch(text):
        _refuse(number, "a hash is not 64 lower-case hexadecimal digits")
    packed = bytes.fromhex(text)
    ones = int.from_bytes(packed).bit_count()
    if not MIN_ONES <= ones <= MAX_ONES:
        _refuse(number, f"a hash has {ones} ones, which no picture with enough detail has")
    return packed


def _number(values: dict[str, Any], key: str, low: int, high: int, number: int) -> int:
    value = values[key]
    if type(value) is not int or not low <= value <= high:
        _refuse(number, f"{key} is not a whole number from {low} to {high}")
    return value


def _keys(values: dict[str, Any], expected: set[str], number: int) -> None:
    if values.keys() != expected:
        _refuse(number, f"its keys are not {', '.join(sorted(expected))}")
