"""XMP, searched for a few properties. It is never parsed as XML: no entity is expanded, and no nesting is followed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.model import Signal, SignalKind, SignalSource

from . import generators, iptc, names
from .blocks import LONGEST_XMP

MOST_VALUES = 16
"""Occurrences of one property that are looked at."""

LONGEST_VALUE = 2000
_LONGEST_TAG = 400
_LISTS = 3
"""Elements that a value may lie in besides its own: those of a list."""

_RESOURCE = re.compile(r"""resource=["']([^"']{0,300})""")
_ENTITIES = {"&quot;": '"', "&apos;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&"}
_ENTITY = re.compile("|".join(_ENTITIES))


def signals(packet: bytes) -> Iterator[Signal]:
    """What a packet of XMP says."""
    text = packet[:LONGEST_XMP].decode("utf-8", "replace")
    for value in _values(text, "DigitalSourceType", "digitalSourceType"):
        kind = iptc.source_type(value)
        if kind is not None:
            yield Signal(kind, SignalSource.IPTC)
    for value in _values(text, "Credit"):
        yield from _some(generators.credit(value))
    for value in _values(text, "CreatorTool", "Software", "softwareAgent"):
        yield from _some(generators.field(value, SignalSource.XMP))
    for value in _values(text, "description", "UserComment", "parameters"):
        tool = generators.generator(value)
        if tool is not None:
            yield Signal(SignalKind.AI_MADE, SignalSource.XMP, tool)
    for value in _values(text, "Make"):
        maker = names.maker(value)
        if maker is not None:
            yield Signal(SignalKind.CAMERA, SignalSource.XMP, maker)


def _some(signal: Signal | None) -> tuple[Signal, ...]:
    return () if signal is None else (signal,)


def _values(text: str, *properties: str) -> Iterator[str]:
    """The values of some properties, whatever their namespace is called here."""
    for name in properties:
        at = 0
        for _ in range(MOST_VALUES):
            at = text.find(f":{name}", at)
            if at < 0:
                break
            at += len(name) + 1
            value = _value(text, at)
            if value:
                yield _ENTITY.sub(lambda entity: _ENTITIES[entity[0]], value)


def _value(text: str, at: int) -> str:
    """What a property holds whose name ends there: as an attribute, a reference, or an element, also in a list."""
    rest = text[at : at + _LONGEST_TAG + LONGEST_VALUE]
    if rest.lstrip()[:1] == "=":
        rest = rest.lstrip()[1:].lstrip()
        quote = rest[:1]
        return rest[1 : LONGEST_VALUE + 1].partition(quote)[0] if quote in ('"', "'") else ""
    opened = text.rfind("<", max(0, at - _LONGEST_TAG), at)
    if (not rest[:1].isspace() and rest[:1] != ">") or text[opened : opened + 2] == "</":
        return ""  # another name that begins alike, or the end of the element
    tag, _, rest = rest.partition(">")
    if (reference := _RESOURCE.search(tag)) is not None:
        return reference[1]
    if tag.endswith("/"):
        return ""
    for _ in range(_LISTS):
        rest = rest.lstrip()
        if rest[:1] != "<" or rest[1:2] == "/":
            break
        rest = rest.partition(">")[2]
    return rest.partition("<")[0][:LONGEST_VALUE]
