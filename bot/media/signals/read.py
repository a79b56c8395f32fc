"""A file's own words about itself, of every container that is known, as signals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from bot.model import Signal, together

from . import containers, exif, generators, iptc, jpeg, png, xmp
from .blocks import MOST, Blocks

_CONTAINERS: dict[str, Callable[[bytes], Blocks]] = {
    "PNG": png.blocks,
    "JPEG": jpeg.blocks,
    "WEBP": containers.webp,
    "AVIF": containers.avif,
    "GIF": containers.gif,
    "MP4": containers.video,
    "WEBM": containers.video,
}
_NAMED = b"dcterms:provenance"
"""The property of XMP that names a manifest elsewhere."""


class Said(NamedTuple):
    """What a file says, and whether it is worth asking for a C2PA manifest of it, which is not among that."""

    signals: tuple[Signal, ...] = ()
    manifest: bool = False


def read(data: bytes, kind: str) -> Said:
    """What a file of a kind that :func:`bot.media.formats.sniff` names says about itself.

    Never raises: what cannot be read says nothing. The most that a file can cost is bounded by the limits of the
    modules that read its parts.
    """
    blocks = Blocks()
    with suppress(Exception):
        blocks = _CONTAINERS[kind](data)
    return Said(together(_signals(blocks)), blocks.manifest or any(_NAMED in packet for packet in blocks.xmp))


def _signals(blocks: Blocks) -> Iterator[Signal]:
    for keyword, value in blocks.texts[:MOST]:
        found = generators.text(keyword, value)
        if found is not None:
            yield found
    parts = (exif.signals, blocks.exif), (xmp.signals, blocks.xmp), (iptc.signals, blocks.iptc)
    for reader, found in parts:
        for block in found[:MOST]:
            yield from _patiently(reader(block))


def _patiently(signals: Iterable[Signal]) -> Iterator[Signal]:
    """What is found before a reader meets something that it cannot read."""
    with suppress(Exception):
        yield from signals
