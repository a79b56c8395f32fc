"""How an entry lies in the rows of its tables, and what makes two entries of a bank the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from bot.model import PDQ_BYTES, PHASH_BYTES, Entry, Fingerprint, View

from .seals import Seals, view_context
from .tables import ALGORITHM, entries, entry_views

Identity = tuple[str, bytes]
"""What an entry is known by, and its bytes: the best of SHA-256, MD5, PDQ hashes and perceptual hash that it has."""

IDENTITY_COLUMNS: dict[str, sa.Column[Any]] = {
    "sha256": entries.c.sha256,
    "md5": entries.c.md5,
    "pdq": entries.c.pdq,
    "hashes": entry_views.c.hashes,
}


def identity(fingerprint: Fingerprint) -> Identity:
    """What an entry is known by. Raises ValueError for one that nothing could ever match."""
    if fingerprint.sha256:
        return "sha256", fingerprint.sha256
    if fingerprint.md5:
        return "md5", fingerprint.md5
    if fingerprint.pdq:
        return "pdq", b"".join(fingerprint.pdq)
    if fingerprint.views:
        return "hashes", fingerprint.views[0].hashes
    raise ValueError("an entry has a SHA-256, an MD5, a PDQ hash or a view at least")


def entry_values(fingerprint: Fingerprint) -> dict[str, Any]:
    """The columns of an entry that come from its fingerprint. Raises ValueError as :func:`identity` does."""
    identity(fingerprint)
    return {
        "sha256": fingerprint.sha256,
        "md5": fingerprint.md5 or None,
        "pdq": b"".join(fingerprint.pdq) or None,
        "width": fingerprint.width,
        "height": fingerprint.height,
        "frames": fingerprint.frames,
        "quality": fingerprint.quality,
    }


def view_rows(entry_id: int, fingerprint: Fingerprint, seals: Seals) -> list[dict[str, Any]]:
    """The rows of an entry's views."""
    return [
        {
            "entry_id": entry_id,
            "algorithm": ALGORITHM,
            "form": view.form,
            "frame": view.frame,
            "hashes": view.hashes,
            "grid": view.grid or None,
            "features": seals.seal_view(view, fingerprint.sha256),
        }
        for view in fingerprint.views
    ]


def view_of(row: sa.Row[Any], sha256: bytes, seals: Seals) -> View:
    """The view of a row, its features opened."""
    features = b""
    if row.features is not None:
        features = seals.open(row.features, view_context(sha256, row.form, row.frame))
    return View(row.form, row.frame, row.hashes, row.grid or b"", features)


def entry_of(row: sa.Row[Any], views: Iterable[View]) -> Entry:
    """The entry of a row, with its views."""
    pdq: bytes = row.pdq or b""
    return Entry(
        id=row.id,
        bank_id=row.bank_id,
        category=row.category,
        fingerprint=Fingerprint(
            row.sha256,
            tuple(views),
            row.width,
            row.height,
            row.frames,
            row.quality,
            row.md5 or b"",
            tuple(pdq[start : start + PDQ_BYTES] for start in range(0, len(pdq), PDQ_BYTES)),
        ),
        note=row.note,
        added_by=row.added_by,
        added_at=row.added_at,
        source=row.source,
        case_id=row.case_id,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
        hunted_at=row.hunted_at,
    )


def only_hash() -> sa.ColumnElement[bool]:
    """Whether a view holds one hash alone, spelled as the index on them spells it."""
    return sa.func.length(entry_views.c.hashes) == sa.literal_column(str(PHASH_BYTES))
