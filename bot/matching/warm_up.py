"""Everything that a search runs, run once: compiling or loading the kernels must not make the first picture wait."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from bot.model import (
    GRID_BYTES,
    ORIENTATIONS,
    PHASH_BYTES,
    Bank,
    BankKind,
    BankLevel,
    Category,
    Entry,
    Fingerprint,
    Form,
    Thresholds,
    View,
)

from .matcher import Matcher
from .packing import Signature
from .query import Features, Frame, Query, QueryViews, Reference

_FEATURES = 200
_SIDE = 64


def warm_up() -> None:
    """Search for a picture that was never one in a list that is thrown away. Takes a second, ten the first time."""
    matcher = Matcher(Thresholds(), Signature.derived(b""))
    query = _query(np.random.default_rng(0))
    known = matcher.packed(query)
    bare = Fingerprint(b"", (View(Form.WHOLE, 0, known.views[0].hashes[:PHASH_BYTES]),), 0, 0, 0, 0, pdq=(bytes(32),))
    banks = [
        Bank(number, "", kind, None, BankLevel.REVIEW)
        for number, kind in enumerate((BankKind.BLOCK, BankKind.KNOWN_GOOD))
    ]
    matcher.load(banks, [_entry(1, 0, known), _entry(2, 1, known)])
    matcher.add(banks[0], _entry(3, 0, bare))
    matcher.match(query, None)
    matcher.revoke(1)


def _query(rng: np.random.Generator) -> Query:
    points = np.column_stack((rng.uniform(0, _SIDE, (_FEATURES, 2)), np.full(_FEATURES, 31), np.zeros(_FEATURES)))
    marks = np.zeros(_FEATURES, np.uint8)
    features = Features(rng.integers(0, 1 << 63, (_FEATURES, 4), np.uint64), points.astype(np.float32), marks, marks)
    hashes = rng.integers(0, 256, (2, 1, ORIENTATIONS, PHASH_BYTES), np.uint8)
    view = View(Form.WHOLE, 0, rng.bytes(ORIENTATIONS * PHASH_BYTES), rng.bytes(GRID_BYTES))
    plane = rng.integers(0, 256, (_SIDE, _SIDE), np.uint8)
    frame = Frame(0, plane, 1.0, features, QueryViews(np.zeros(1, np.uint8), hashes[0], hashes[1]))
    fingerprint = Fingerprint(rng.bytes(32), (view,), _SIDE, _SIDE, 1, 100)
    return Query(fingerprint, (frame,), (Reference(0, features, _SIDE, _SIDE),))


def _entry(entry_id: int, bank_id: int, fingerprint: Fingerprint) -> Entry:
    return Entry(entry_id, bank_id, Category.OTHER, fingerprint, "", None, datetime.now(UTC), "")
