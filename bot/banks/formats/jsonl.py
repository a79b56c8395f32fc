"""stanguard's own list format, version 2: JSON Lines, described in docs/wire-formats.md. Version 1 is still read.

The first line is a header, every other line one entry. The reader is strict, because a list is untrusted input that
decides what is taken down: a key that is missing, doubled or unknown, a number out of range or a hash that no picture
has refuses the whole file, with the number of the line. Nothing is read that is longer than it may be.

Local features are never in a list, and neither are grids: both say more of a picture than whoever reads the list needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO, NoReturn, cast

from bot.model import MOST_PDQ_HASHES, ORIENTATIONS, PHASH_BYTES, Category, Fingerprint, Form, View

from .listed import MAX_ENTRIES, MAX_ONES, MAX_PDQ_ONES, MIN_ONES, Header, Listed, ListFormatError, ones, refuse

FORMAT = "stanguard-blocklist"
VERSION = 2
VERSIONS = (1, VERSION)

MAX_LINE = 128 * 1024
"""Bytes of one line; an entry with the most views that are allowed has about 80,000."""

MAX_VIEWS = 128
MAX_SIDE = 1_000_000
MAX_FRAMES = 1_000_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-f]{32}")
_CATEGORIES = {category.value: category for category in Category}
_FORMS = {form.value: form for form in Form}
_HEADER_KEYS = {"format", "version", "name", "exported_at"}
_PICTURE_KEYS = {"width", "height", "frames", "quality", "views"}
_FIRST_KEYS = {"sha256", "category"}
_DIGEST_KEYS = {"sha256", "md5", "pdq"}
_VIEW_KEYS = {"form", "frame", "hashes"}


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
        yield line(entry)


def line(entry: Listed) -> bytes:
    """The line of one entry, with its line feed."""
    fingerprint = entry.fingerprint
    values: dict[str, object] = {}
    if fingerprint.sha256:
        values["sha256"] = fingerprint.sha256.hex()
    if fingerprint.md5:
        values["md5"] = fingerprint.md5.hex()
    if fingerprint.pdq:
        values["pdq"] = [packed.hex() for packed in fingerprint.pdq]
    values["category"] = entry.category.value
    if fingerprint.views:
        values |= {
            "width": fingerprint.width,
            "height": fingerprint.height,
            "frames": fingerprint.frames,
            "quality": fingerprint.quality,
            "views": [_view_values(view) for view in fingerprint.views],
        }
    return _line(values)


def _view_values(view: View) -> dict[str, object]:
    starts = range(0, len(view.hashes), PHASH_BYTES)
    hashes = [view.hashes[start : start + PHASH_BYTES].hex() for start in starts]
    return {"form": view.form.value, "frame": view.frame, "hashes": hashes}


def _line(values: dict[str, object]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"


# ------------------------------------------------------------------------------------------------- reading


def read(stream: BinaryIO) -> tuple[Header, Iterator[Listed]]:
    """The header of a list file, and its entries as they are read.

    Both raise ListFormatError, with the number of the first line that is wrong.
    """
    header, version = _header(_object(stream.readline(MAX_LINE + 1), 1))
    return header, _entries(stream, version)


def _entries(stream: BinaryIO, version: int) -> Iterator[Listed]:
    number = 1
    while text := stream.readline(MAX_LINE + 1):
        number += 1
        if number > MAX_ENTRIES + 1:
            refuse(number, f"there are more than {MAX_ENTRIES} entries")
        values = _object(text, number)
        yield (_first_entry if version == 1 else _entry)(values, number)


def _object(text: bytes, number: int) -> dict[str, Any]:
    if len(text) > MAX_LINE:
        refuse(number, f"it is longer than {MAX_LINE} bytes")
    try:
        value: object = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_without_doubles,
            parse_constant=_no_such_number,
            parse_float=_no_such_number,
        )
    except (ValueError, RecursionError):
        refuse(number, "it is not a JSON object of the right form")
    if not isinstance(value, dict):
        refuse(number, "it is not a JSON object of the right form")
    return cast("dict[str, Any]", value)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key is doubled")
    return values


def _no_such_number(text: str) -> NoReturn:
    raise ValueError(text)


def _header(values: dict[str, Any]) -> tuple[Header, int]:
    if values.get("format") != FORMAT:
        refuse(1, f"a list begins with the format {FORMAT}")
    version = values.get("version")
    if type(version) is not int or version not in VERSIONS:
        raise ListFormatError(
            f"This list is of another version than {VERSION}; update stanguard, or ask its publisher for version "
            f"{VERSION}."
        )
    _keys(values, _HEADER_KEYS, 1)
    name = values["name"]
    if not isinstance(name, str) or not is_name(name):
        refuse(1, "its name is not 1 to 64 letters, digits, spaces, dots and lines")
    try:
        exported_at = datetime.fromisoformat(values["exported_at"])
    except (TypeError, ValueError):
        refuse(1, "exported_at is not a time")
    if exported_at.tzinfo is None:
        refuse(1, "exported_at has no time zone")
    return Header(name, exported_at), version


def _first_entry(values: dict[str, Any], number: int) -> Listed:
    """An entry of version 1: always with its SHA-256, its views with all eight hashes and a known size."""
    exact = values.keys() == _FIRST_KEYS
    _keys(values, _FIRST_KEYS if exact else _FIRST_KEYS | _PICTURE_KEYS, number)
    return _listed(values, number, smallest=1, hashes=(ORIENTATIONS,))


def _entry(values: dict[str, Any], number: int) -> Listed:
    """An entry of version 2: with any of the digests, views or both. A size of 0 is an unknown one."""
    pictured = not _PICTURE_KEYS.isdisjoint(values)
    digests = _DIGEST_KEYS & values.keys()
    if not digests and not pictured:
        refuse(number, f"it has none of {', '.join(sorted(_DIGEST_KEYS))} and views")
    _keys(values, {"category"} | digests | (_PICTURE_KEYS if pictured else set()), number)
    return _listed(values, number, smallest=0, hashes=(1, ORIENTATIONS))


def _listed(values: dict[str, Any], number: int, *, smallest: int, hashes: tuple[int, ...]) -> Listed:
    category = _CATEGORIES.get(values["category"]) if isinstance(values["category"], str) else None
    if category is None:
        refuse(number, f"category is none of {', '.join(Category)}")
    pictured = "views" in values
    fingerprint = Fingerprint(
        sha256=_digest(values, "sha256", _HASH, number),
        views=_views(values["views"], hashes, number) if pictured else (),
        width=_number(values, "width", smallest, MAX_SIDE, number) if pictured else 0,
        height=_number(values, "height", smallest, MAX_SIDE, number) if pictured else 0,
        frames=_number(values, "frames", smallest, MAX_FRAMES, number) if pictured else 0,
        quality=_number(values, "quality", 0, 100, number) if pictured else 0,
        md5=_digest(values, "md5", _MD5, number),
        pdq=_pdq(values["pdq"], number) if "pdq" in values else (),
    )
    return Listed(category, fingerprint)


def _digest(values: dict[str, Any], key: str, form: re.Pattern[str], number: int) -> bytes:
    if key not in values:
        return b""
    text = values[key]
    if not isinstance(text, str) or not form.fullmatch(text):
        refuse(number, f"{key} is not {64 if form is _HASH else 32} lower-case hexadecimal digits")
    return bytes.fromhex(text)


def _pdq(values: object, number: int) -> tuple[bytes, ...]:
    items = _list(values, "pdq", MOST_PDQ_HASHES, number)
    return tuple(_hash(text, MAX_PDQ_ONES, number) for text in items)


def _views(values: object, hashes: tuple[int, ...], number: int) -> tuple[View, ...]:
    views = tuple(_view(item, hashes, number) for item in _list(values, "views", MAX_VIEWS, number))
    if any(len(view.hashes) != len(views[0].hashes) for view in views):
        refuse(number, "its views have different numbers of hashes")
    return views


def _list(value: object, key: str, most: int, number: int) -> list[object]:
    if not isinstance(value, list):
        refuse(number, f"{key} is not a list")
    items = cast("list[object]", value)
    if not 1 <= len(items) <= most:
        refuse(number, f"{key} are not 1 to {most}")
    return items


def _view(value: object, numbers: tuple[int, ...], number: int) -> View:
    if not isinstance(value, dict):
        refuse(number, "a view is not an object")
    values = cast("dict[str, Any]", value)
    _keys(values, _VIEW_KEYS, number)
    hashes = values["hashes"]
    form = _FORMS.get(values["form"]) if isinstance(values["form"], str) else None
    if form is None:
        refuse(number, f"form is none of {', '.join(Form)}")
    if not isinstance(hashes, list) or len(cast("list[object]", hashes)) not in numbers:
        refuse(number, f"a view does not have {' or '.join(map(str, numbers))} hashes")
    packed = b"".join(_hash(text, MAX_ONES, number) for text in cast("list[object]", hashes))
    return View(form, _number(values, "frame", 0, MAX_FRAMES - 1, number), packed)


def _hash(text: object, most: int, number: int) -> bytes:
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        refuse(number, "a hash is not 64 lower-case hexadecimal digits")
    packed = bytes.fromhex(text)
    if not MIN_ONES <= ones(packed) <= most:
        refuse(number, f"a hash has {ones(packed)} ones, which no picture with enough detail has")
    return packed


def _number(values: dict[str, Any], key: str, low: int, high: int, number: int) -> int:
    value = values[key]
    if type(value) is not int or not low <= value <= high:
        refuse(number, f"{key} is not a whole number from {low} to {high}")
    return value


def _keys(values: dict[str, Any], expected: set[str], number: int) -> None:
    if values.keys() != expected:
        refuse(number, f"its keys are not {', '.join(sorted(expected))}")
