"""One query against some banks: as a whole picture, by local features, and by hashes alone.

The three find different things. The whole picture finds re-posts, whatever was done to their colours, size and
orientation. Local features find parts, and pictures within pictures. Hashes are all that entries of foreign lists have.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.model import ORIENTATIONS, PHASH_BYTES, Evidence, Form, Orientation, Part, Stage, Thresholds, View

from . import grid
from .alignment import align
from .features import concatenated, inverted, mirror
from .geometry import Fit, fit
from .hashes import NOT_WANTED, HashIndex, Hits
from .index import BankIndex, owner_of, words
from .likeness import compared
from .listing import Listing
from .local import Candidate, Rows, Search
from .query import Features, Frame, Query, QueryViews
from .transforms import image_of, jacobian
from .views.kinds import INVERTIBLE, ViewKind

MOST_CANDIDATES = 16
"""Entries of a bank whose grids are compared with one form of one frame; the nearest by their hashes."""

MOST_VIEWS = 2
"""Views of one entry that are compared with one form of one frame: a video has many that are alike."""

LEAST_PLACES = 4
"""Different places that have to fit one geometry before the gradients are compared."""

SEARCH = Search(limit=30, candidates=32)
"""Features with at most 30 of 128 bits between them are alike, and the geometry of 32 views is looked at."""

INVERTED_FEATURES = 300
"""Features of a query that are also looked up as they would be in inverted colours."""

_PARTS = {
    ViewKind.WHOLE: Part.WHOLE,
    ViewKind.TRIMMED: Part.TRIMMED,
    ViewKind.PANEL: Part.BOX,
    ViewKind.RECTANGLE: Part.BOX,
    ViewKind.SPLIT: Part.SPLIT,
    ViewKind.UPRIGHTED: Part.ROTATED,
    ViewKind.UNTURNED: Part.APPROXIMATION,
    ViewKind.ZOOMED_OUT: Part.APPROXIMATION,
    ViewKind.WIDENED: Part.APPROXIMATION,
}
_INVERSES = {Orientation.TURNED_LEFT: Orientation.TURNED_RIGHT, Orientation.TURNED_RIGHT: Orientation.TURNED_LEFT}
_QUARTERS = (Orientation.UPRIGHT, Orientation.TURNED_RIGHT, Orientation.UPSIDE_DOWN, Orientation.TURNED_LEFT)
_MIRRORED_QUARTERS = (
    Orientation.MIRRORED,
    Orientation.TRANSVERSED,
    Orientation.UPSIDE_DOWN_MIRRORED,
    Orientation.TRANSPOSED,
)


class Region(NamedTuple):
    """An upright rectangle in shares of a frame's width and height."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Region) -> float:
        """The share of the area of both together that both have in common."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        common = max(0.0, across) * max(0.0, down)
        every = self.area + other.area - common
        return common / every if every > 0 else 0.0

    @property
    def area(self) -> float:
        """The share of the frame that it takes."""
        return (self.right - self.left) * (self.bottom - self.top)


EVERYWHERE = Region(0.0, 0.0, 1.0, 1.0)


class Found(NamedTuple):
    """An entry near one frame of a query. ``region`` is the part of the frame that the entry lies on."""

    entry_id: int
    frame: int
    stage: Stage
    distance: int | None
    part: Part
    orientation: Orientation
    inverted: bool
    evidence: Evidence | None
    region: Region


def frames_of(query: Query) -> set[int]:
    """The numbers of the distinct frames that there is something to compare of."""
    described = {frame.number for frame in query.frames if frame.described}
    return described | {view.frame for view in query.fingerprint.views}


def whole(listing: Listing, banks: Sequence[BankIndex], query: Query, reach: int) -> Iterator[Found]:
    """Entries whose hash is at most ``reach`` bits from the picture's, or its border's inside, gradients compared."""
    views = query.fingerprint.views
    if not views:
        return
    hashes = words(b"".join(view.hashes[:PHASH_BYTES] for view in views))
    limits = np.full(len(views), reach, np.int64)
    for bank in banks:
        taken: dict[int, Counter[int]] = {}
        for number, owner, distance, tag, negative in _pairs(
            bank.wholes.snapshot.within(hashes, limits, limits).nearest()
        ):
            entry_id, place = owner_of(owner)
            of_view = taken.setdefault(number, Counter())
            if of_view[entry_id] == MOST_VIEWS or (entry_id not in of_view and len(of_view) == MOST_CANDIDATES):
                continue
            of_view[entry_id] += 1
            listed = listing.get(entry_id)
            if listed is None or place >= len(listed.fingerprint.views):  # revoked or changed while this ran
                continue
            view, orientation = views[number], Orientation(tag)
            evidence = compared(view.grid, listed.fingerprint.views[place].grid, orientation, inverted=negative)
            if evidence is not None:
                part = Part.TRIMMED if view.form is Form.TRIMMED else Part.WHOLE
                yield Found(
                    entry_id, view.frame, Stage.PHASH, distance, part, orientation, negative, evidence, EVERYWHERE
                )


def by_hash(banks: Sequence[BankIndex], query: Query, thresholds: Thresholds, *, slack: int = 0) -> Iterator[Found]:
    """Entries that are nothing but a hash, within the limits of the part compared and ``slack`` bits beyond."""
    for frame in query.frames:
        if frame.views is not None and len(frame.views.kinds):
            limits, inverted_limits = _limits(frame.views, thresholds, slack)
            for bank in banks:
                yield from _bare(bank.pdqs, Stage.PDQ, frame, frame.views, frame.views.pdq, limits, inverted_limits)
                yield from _bare(
                    bank.phashes, Stage.PHASH, frame, frame.views, frame.views.phash, limits, inverted_limits
                )
    if not query.frames:
        yield from _kept(banks, query.fingerprint.views, thresholds.hash_review + slack)


def _limits(views: QueryViews, thresholds: Thresholds, slack: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The limit of every hash of every view, and that of its complement."""
    kinds = [ViewKind(int(kind)) for kind in views.kinds]
    limits = [slack + (thresholds.hash_review_box if _PARTS[kind].boxed else thresholds.hash_review) for kind in kinds]
    negative = [limit if kind in INVERTIBLE else NOT_WANTED for kind, limit in zip(kinds, limits, strict=True)]
    return np.repeat(np.asarray(limits, np.int64), ORIENTATIONS), np.repeat(
        np.asarray(negative, np.int64), ORIENTATIONS
    )


def _bare(
    index: HashIndex,
    stage: Stage,
    frame: Frame,
    views: QueryViews,
    hashes: NDArray[np.uint8],
    limits: NDArray[np.int64],
    inverted_limits: NDArray[np.int64],
) -> Iterator[Found]:
    if not len(index):
        return
    queries = np.ascontiguousarray(hashes.reshape(-1, PHASH_BYTES)).view(np.uint64)
    hits = index.snapshot.within(queries, limits, inverted_limits)
    for number, owner, distance, _, negative in _pairs(hits):
        view, turned = divmod(number, ORIENTATIONS)
        part = _PARTS[ViewKind(int(views.kinds[view]))]
        entry_id, _ = owner_of(owner)
        yield Found(entry_id, frame.number, stage, distance, part, Orientation(turned), negative, None, EVERYWHERE)


def _kept(banks: Sequence[BankIndex], views: Sequence[View], limit: int) -> Iterator[Found]:
    """The same for what is kept of a picture: its own hashes alone, in as many orientations as were kept."""
    for view in views:
        hashes = words(view.hashes)
        limits = np.full(len(hashes), limit, np.int64)
        part = Part.TRIMMED if view.form is Form.TRIMMED else Part.WHOLE
        for bank in banks:
            if not len(bank.phashes):
                continue
            hits = bank.phashes.snapshot.within(hashes, limits, limits)
            for turned, owner, distance, _, negative in _pairs(hits):
                entry_id, _ = owner_of(owner)
                yield Found(
                    entry_id, view.frame, Stage.PHASH, distance, part, _inverse(turned), negative, None, EVERYWHERE
                )


def _pairs(hits: Hits) -> Iterator[tuple[int, int, int, int, bool]]:
    """Query, owner, distance, tag and whether it is inverted, pair by pair."""
    return zip(
        hits.queries.tolist(),
        hits.owners.tolist(),
        hits.distances.tolist(),
        hits.tags.tolist(),
        hits.inverted.tolist(),
        strict=True,
    )


def _inverse(turned: int) -> Orientation:
    """How the query lies if it is the query's hash in this orientation that is the entry's."""
    orientation = Orientation(turned)
    return _INVERSES.get(orientation, orientation)


def by_features(listing: Listing, bank_ids: Sequence[int], query: Query) -> Iterator[Found]:
    """Entries of which a part is in the picture, or which are a part of it: features that fit one geometry."""
    if listing.local is None or not len(listing.local):
        return
    for frame in query.frames:
        if frame.features is None or not len(frame.features.points):
            continue
        points, rows, upright = _rows(frame.features)
        for candidate in listing.local.search(rows, bank_ids, SEARCH):
            for negative in (False, True):
                pairs = candidate.features >= upright if negative else candidate.features < upright
                found = _aligned(listing, frame, points, candidate, pairs, inverted=negative)
                if found is not None:
                    yield found


def _rows(features: Features) -> tuple[NDArray[np.float32], Rows, int]:
    """The points of all features looked up, what is looked up of them, and how many are not in inverted colours."""
    count = len(features.points)
    some = slice(INVERTED_FEATURES)
    negative = inverted(
        Features(features.descriptors[some], features.points[some], features.mirrored[some], features.doubtful[some])
    )
    both = concatenated([features, negative])
    doubtful = np.flatnonzero(both.doubtful)
    numbers = np.arange(len(both.points))
    rows = Rows(
        np.concatenate((both.descriptors, mirror(both.descriptors[doubtful]))),
        np.concatenate((numbers, doubtful)).astype(np.int32),
        np.concatenate((both.mirrored, 1 - both.mirrored[doubtful])).astype(np.uint8),
    )
    return both.points, rows, count


def _aligned(
    listing: Listing,
    frame: Frame,
    points: NDArray[np.float32],
    candidate: Candidate,
    pairs: NDArray[np.bool_],
    *,
    inverted: bool,
) -> Found | None:
    """The evidence for a candidate: its features laid over the query's, then its gradients compared."""
    listed = listing.get(candidate.entry)
    if listed is None or candidate.view >= len(listed.featured) or np.count_nonzero(pairs) < LEAST_PLACES:
        return None
    layout = fit(points[candidate.features[pairs]], candidate.points[pairs])
    if layout is None or layout.places < LEAST_PLACES:
        return None
    signs = listed.fingerprint.views[listed.featured[candidate.view]].grid
    if not signs:
        return None
    if candidate.mirrored:
        signs = grid.oriented(signs, Orientation.MIRRORED)
    found = align(frame.plane, frame.scale, layout.matrix, candidate.frame, signs, inverted=inverted)
    evidence = Evidence(found.agreement, found.coverage, found.significance, layout.places, found.visible)
    return Found(
        candidate.entry,
        frame.number,
        Stage.LOCAL,
        None,
        Part.WHOLE,
        _orientation(layout, candidate.frame, mirrored=candidate.mirrored),
        inverted,
        evidence,
        _region(layout, candidate.frame, frame),
    )


def _orientation(layout: Fit, frame: tuple[int, int], *, mirrored: bool) -> Orientation:
    """The quarter turn nearest to how the middle of the entry lies in the query."""
    across, _, down, _ = jacobian(layout.matrix, frame[0] / 2, frame[1] / 2)
    return (_MIRRORED_QUARTERS if mirrored else _QUARTERS)[round(2 * math.atan2(down, across) / math.pi) % 4]


def _region(layout: Fit, frame: tuple[int, int], look: Frame) -> Region:
    """The part of the query that the entry's frame lies on, as far as it is in the picture."""
    height, width = look.plane.shape
    places: list[tuple[float, float]] = []
    for x in (0, frame[0]):
        for y in (0, frame[1]):
            in_front, across, down = image_of(layout.matrix, float(x), float(y))
            if not in_front:
                return EVERYWHERE
            places.append((across * look.scale / width, down * look.scale / height))
    xs, ys = ([min(max(place[axis], 0.0), 1.0) for place in places] for axis in (0, 1))
    return Region(min(xs), min(ys), max(xs), max(ys))
