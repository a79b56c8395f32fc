"""How alike two pictures are as wholes, by what is kept of them: hashes first, then the grids of the nearest views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.model import PHASH_BYTES, Evidence, Fingerprint, Orientation, Thresholds, View

from . import grid
from .hashes import HASH_BITS
from .index import words


class Likeness(NamedTuple):
    """The nearest pair of views of two fingerprints: bits of 256, and their gradients where both sides have them."""

    distance: int
    evidence: Evidence | None


def alike(entry: Fingerprint, other: Fingerprint) -> Likeness | None:
    """How alike a picture is to an entry, over all frames, forms and orientations; None if either has no view."""
    best: tuple[int, View, View, int] | None = None
    for mine in entry.views:
        for orientation, hash_ in enumerate(_hashes(mine)):
            for theirs in other.views:
                distance = _distance(hash_, theirs.hashes[:PHASH_BYTES])
                if best is None or distance < best[0]:
                    best = distance, mine, theirs, orientation
    if best is None:
        return None
    distance, mine, theirs, orientation = best
    return Likeness(distance, compared(theirs.grid, mine.grid, Orientation(orientation)))


def compared(query: bytes, entry: bytes, orientation: Orientation, *, inverted: bool = False) -> Evidence | None:
    """The grid of a query that lies in an orientation against an entry's grid; None where either is unknown."""
    if not query or not entry:
        return None
    expected = grid.oriented(entry, orientation)
    found = grid.compare(query, grid.inverted(expected) if inverted else expected)
    return Evidence(found.agreement, found.coverage, found.significance, visible=found.visible)


def same_picture(entry: Fingerprint, other: Fingerprint, thresholds: Thresholds) -> bool:
    """Whether one is a copy of the other, clearly enough for removal if one of them were listed."""
    if entry.sha256 and entry.sha256 == other.sha256:
        return True
    likeness = alike(entry, other)
    if likeness is None:
        return False
    if likeness.evidence is None:
        return likeness.distance <= thresholds.hash_remove
    return thresholds.remove.met_by(likeness.evidence, likeness.distance)


def nearest_sightings(entry_fingerprint: Fingerprint, sightings: Sequence[Fingerprint]) -> NDArray[np.int16]:
    """How near each sighting lies to an entry: the least distance over frames, forms and the entry's orientations.

    One place a sighting, bits of 256; 256 where either side has no usable hash.
    """
    nearest = np.full(len(sightings), HASH_BITS, np.int16)
    hashes = [[view.hashes[:PHASH_BYTES] for view in sighting.views] for sighting in sightings]
    counts = np.fromiter(map(len, hashes), np.int64, len(hashes))
    comparable = np.flatnonzero(counts)
    entry_hashes = {hash_ for view in entry_fingerprint.views for hash_ in _hashes(view)}
    if not len(comparable) or not entry_hashes:
        return nearest
    rows = words(b"".join(hash_ for of_sighting in hashes for hash_ in of_sighting))
    least = np.full(len(rows), HASH_BITS, np.uint16)
    for hash_ in entry_hashes:
        away = np.bitwise_count(rows ^ words(hash_)).sum(axis=1, dtype=np.uint16)
        np.minimum(least, away, out=least)
    starts = np.cumsum(counts) - counts
    nearest[comparable] = np.minimum.reduceat(least, starts[comparable])
    return nearest


def _hashes(view: View) -> Iterator[bytes]:
    for start in range(0, len(view.hashes) - PHASH_BYTES + 1, PHASH_BYTES):
        yield view.hashes[start : start + PHASH_BYTES]


def _distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
