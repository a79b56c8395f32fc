"""The hashes of one bank's entries: of whole pictures with their grids, and of entries that are nothing but a hash."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bot.model import GRID_BYTES, MOST_PDQ_HASHES, ORIENTATIONS, PDQ_BYTES, PHASH_BYTES, Fingerprint

from .hashes import WORDS, HashIndex

_PLACE_BITS = 16
_MOST_VIEWS = 1 << _PLACE_BITS


class _Rows:
    """Rows that are being collected."""

    def __init__(self) -> None:
        self.owners: list[int] = []
        self.hashes: list[bytes] = []
        self.tags: list[int] = []

    def append(self, owner: int, hash_: bytes, tag: int = 0) -> None:
        self.owners.append(owner)
        self.hashes.append(hash_)
        self.tags.append(tag)

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint8]]:
        return np.asarray(self.owners, np.int64), words(b"".join(self.hashes)), np.asarray(self.tags, np.uint8)


def words(hashes: bytes) -> NDArray[np.uint64]:
    """Hashes of 32 bytes each as an array of shape (number of hashes, 4)."""
    return np.frombuffer(hashes, np.uint64).reshape(-1, WORDS)


def owner_of(owner: int) -> tuple[int, int]:
    """The entry, and the place of the view or hash within it, that a row belongs to."""
    return owner >> _PLACE_BITS, owner & (_MOST_VIEWS - 1)


def check(fingerprint: Fingerprint) -> None:
    """Raise ValueError for a fingerprint whose hashes, grids or numbers of them are impossible."""
    if len(fingerprint.views) > _MOST_VIEWS:
        raise ValueError(f"A fingerprint has at most {_MOST_VIEWS} views, not {len(fingerprint.views)}.")
    for view in fingerprint.views:
        if len(view.hashes) not in (PHASH_BYTES, ORIENTATIONS * PHASH_BYTES):
            raise ValueError(
                f"A view holds 1 or {ORIENTATIONS} hashes of {PHASH_BYTES} bytes, not {len(view.hashes)} bytes."
            )
        if len(view.grid) not in (0, GRID_BYTES):
            raise ValueError(f"A grid has {GRID_BYTES} bytes, not {len(view.grid)}.")
    if len(fingerprint.pdq) > MOST_PDQ_HASHES or any(len(hash_) != PDQ_BYTES for hash_ in fingerprint.pdq):
        raise ValueError(f"A fingerprint has at most {MOST_PDQ_HASHES} PDQ hashes of {PDQ_BYTES} bytes.")


class BankIndex:
    """The entries of one bank. Its parts may be searched by any thread; changes must come one at a time.

    ``wholes`` has every orientation of the views with a grid, tagged with it. ``phashes`` and ``pdqs`` have the
    upright hashes of entries without one.
    """

    def __init__(self, entries: Iterable[tuple[int, Fingerprint]] = ()) -> None:
        """Index entries given as (id, fingerprint), each id once, that pass :func:`check`."""
        wholes, phashes, pdqs = _Rows(), _Rows(), _Rows()
        self._places: dict[int, int] = {}
        for entry_id, fingerprint in entries:
            self._places[entry_id] = _places(fingerprint)
            _collect(entry_id, fingerprint, wholes, phashes, pdqs)
        # Whole pictures are compared up to distances at which nothing but a scan finds all.
        self.wholes = HashIndex(*wholes.arrays(), scan_up_to=None)
        self.phashes = HashIndex(*phashes.arrays())
        self.pdqs = HashIndex(*pdqs.arrays())

    def __len__(self) -> int:
        return len(self._places)

    @property
    def bare(self) -> bool:
        """Whether some entry is nothing but a hash."""
        return len(self.phashes) + len(self.pdqs) > 0

    def put(self, entry_id: int, fingerprint: Fingerprint) -> None:
        """Add an entry, or give an entry that is there already this fingerprint instead."""
        check(fingerprint)
        self.drop(entry_id)
        wholes, phashes, pdqs = _Rows(), _Rows(), _Rows()
        _collect(entry_id, fingerprint, wholes, phashes, pdqs)
        self._places[entry_id] = _places(fingerprint)
        for index, rows in ((self.wholes, wholes), (self.phashes, phashes), (self.pdqs, pdqs)):
            if rows.owners:
                index.add(*rows.arrays())

    def drop(self, entry_id: int) -> None:
        """Take an entry out; nothing happens if it is not there."""
        places = self._places.pop(entry_id, 0)
        if places:
            owners = (entry_id << _PLACE_BITS) + np.arange(places)
            for index in (self.wholes, self.phashes, self.pdqs):
                index.remove(owners)


def _places(fingerprint: Fingerprint) -> int:
    return max(len(fingerprint.views), len(fingerprint.pdq))


def _collect(entry_id: int, fingerprint: Fingerprint, wholes: _Rows, phashes: _Rows, pdqs: _Rows) -> None:
    first = entry_id << _PLACE_BITS
    for place, view in enumerate(fingerprint.views):
        if view.grid:
            for tag in range(len(view.hashes) // PHASH_BYTES):
                wholes.append(first + place, view.hashes[tag * PHASH_BYTES : (tag + 1) * PHASH_BYTES], tag)
        else:
            phashes.append(first + place, view.hashes[:PHASH_BYTES])
    if not any(view.grid for view in fingerprint.views):
        for place, hash_ in enumerate(fingerprint.pdq):
            pdqs.append(first + place, hash_)
