"""The inverted index of local features of all entries of one process, changed while it is being searched.

A search works on a :class:`Snapshot`, which never changes; a change publishes a new one by a single assignment. So any
number of threads may search without a lock while one thread changes the index, and a search that begins after a change
sees it. Features stand in a large base segment and in a small one of recent views, which is made anew at every change
and merged into the base when it has grown. What an entry loses is masked at once and cut out at the next merge.

All banks share one index; a search names the banks that it may see, and the others neither vote nor crowd out those.
A word with many times the features of an average one is passed over (Sivic and Zisserman, "Video Google", 2003): what
stands in so many views says nothing about any, and the time of a search stays bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .neighbours import Hits, look_up, no_hits
from .packing import SIGNATURE_BITS, LocalView, Signature, check_view, unpack_points
from .segments import Segment, build, merge, occurrences
from .voting import Votes, tally
from .words import WORDS, Descriptors, Vocabulary, checked

LIMIT = 28
"""Differing bits of 128 up to which two features are alike."""

LONGEST_LIST = 2048
LONGEST_SHARE = 16.0
"""A word with more features than both LONGEST_LIST and this many times the average is passed over."""

LARGEST_DELTA = 512
"""Recent views up to which the base is left alone; fewer beside a small base."""

_SMALLEST_DELTA = 32
_DELTA_SHARE = 8
_NOWHERE = 0  # the bank of views that are gone; never visible
_FEW_FEATURES = 2_000_000
_MANY_FEATURES = 10_000_000


class Rows(NamedTuple):
    """What a query looks up: a feature whose mirror form is in doubt has two rows, one for each form."""

    descriptors: Descriptors  # (m, 4)
    features: NDArray[np.int32]  # (m,): the number of the query's feature that the row belongs to
    mirrored: NDArray[np.uint8]  # (m,): 1 where the descriptor is that of the mirrored patch


class Addition(NamedTuple):
    """An entry with the views of it that have local features."""

    entry: int
    bank: int
    views: Sequence[LocalView]


class Candidate(NamedTuple):
    """A view that features of the query speak for. Pairs stand nearest first, each query feature once.

    ``points`` are x, y, size and angle of the entry's features in its frame, mirrored with it where ``mirrored``.
    """

    entry: int
    view: int  # place among the views of the entry
    mirrored: bool
    votes: int
    features: NDArray[np.int32]  # (pairs,) of the query
    distances: NDArray[np.int32]  # (pairs,)
    points: NDArray[np.float32]  # (pairs, 4)
    frame: tuple[int, int]  # width and height in pixels of the frame that the points lie in


@dataclass(frozen=True, slots=True)
class Search:
    """How a search is done; the defaults are those that were measured. Raises ValueError for numbers out of range."""

    neighbours: int = 2
    """Views that one row may speak for, those of the nearest features."""
    limit: int = LIMIT
    candidates: int = 6
    least_votes: int = 4
    views_per_entry: int = 2
    """Candidates that one entry may have, so that one of many frames leaves room for others."""
    repeats: int = 2
    """Times that one stored feature counts for its view."""

    def __post_init__(self) -> None:
        if self.neighbours < 1 or not 0 <= self.limit <= SIGNATURE_BITS:
            raise ValueError(f"A search takes a neighbour or more within 0 to 128 bits, not {self}.")


SEARCH = Search()


@dataclass(frozen=True, slots=True)
class Views:
    """What is known of each view, by its number: (views,) each, (views, 2) for frames."""

    entries: NDArray[np.int64]
    ordinals: NDArray[np.int32]
    banks: NDArray[np.uint32]
    frames: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The index at one moment."""

    base: Segment
    delta: Segment
    views: Views
    counts: NDArray[np.int64]  # (WORDS,): features of each word, without those that are gone
    searched: NDArray[np.bool_]  # (WORDS,): False for words that are passed over
    bank_numbers: dict[int, int]  # grows only

    def search(
        self,
        signatures: NDArray[np.uint64],
        words: NDArray[np.uint16],
        rows: Rows,
        banks: Collection[int] | None,
        how: Search,
    ) -> list[Candidate]:
        """The candidates for rows with these (m, 2) signatures and (m, w) words, as :meth:`LocalIndex.search`."""
        hits = self.neighbours(signatures, words, banks, how)
        votes = tally(hits, rows.features, rows.mirrored, how.limit, how.least_votes, how.repeats)
        return [self._candidate(votes, group) for group in self._best_groups(votes, how)]

    def neighbours(
        self, signatures: NDArray[np.uint64], words: NDArray[np.uint16], banks: Collection[int] | None, how: Search
    ) -> Hits:
        """The features of these banks nearest to each of (m, 2) signatures, among those of its (m, w) words."""
        hits = no_hits(len(signatures), how.neighbours, how.limit)
        visible = self._visible(banks)
        for segment in (self.base, self.delta):
            if len(segment):
                look_up(segment, signatures, words, self.searched, visible, self.views.banks, self.views.entries, hits)
        return hits

    def _visible(self, banks: Collection[int] | None) -> NDArray[np.bool_]:
        """Which bank numbers a search may see; all of them for None."""
        visible = np.zeros(len(self.bank_numbers) + 1, np.bool_)
        if banks is None:
            visible[:] = True
        else:
            known = (self.bank_numbers.get(bank, _NOWHERE) for bank in banks)
            visible[[number for number in known if number < len(visible)]] = True
        visible[_NOWHERE] = False
        return visible

    def _best_groups(self, votes: Votes, how: Search) -> list[int]:
        """The groups of the best scores, of one entry only so many; of equal ones the first by entry and view."""
        numbers = votes.tags >> 1
        entries, ordinals = self.views.entries[numbers], self.views.ordinals[numbers]
        best: list[int] = []
        taken: Counter[int] = Counter()
        for group in np.lexsort((votes.tags & 1, ordinals, entries, -votes.scores)):
            if len(best) >= how.candidates:
                break
            entry = int(entries[group])
            if taken[entry] < how.views_per_entry:
                taken[entry] += 1
                best.append(int(group))
        return best

    def _candidate(self, votes: Votes, group: int) -> Candidate:
        number, mirrored = divmod(int(votes.tags[group]), 2)
        pairs = slice(int(votes.starts[group]), int(votes.starts[group + 1]))
        width, height = self.views.frames[number].tolist()
        return Candidate(
            int(self.views.entries[number]),
            int(self.views.ordinals[number]),
            bool(mirrored),
            int(votes.counts[group]),
            votes.features[pairs],
            votes.distances[pairs],
            unpack_points(votes.points[pairs], width, height, mirrored=bool(mirrored)),
            (width, height),
        )


class LocalIndex:
    """The local features of the entries of all banks.

    ``snapshot`` may be read, and :meth:`search` called, by any thread; changes must come one at a time.
    """

    def __init__(self, signature: Signature, vocabulary: Vocabulary, additions: Iterable[Addition] = ()) -> None:
        """Index entries, each id once. Raises ValueError for a view whose arrays are not as its fields say."""
        self._signature = signature
        self._vocabulary = vocabulary
        self._spans: dict[int, tuple[int, int]] = {}
        self._bank_numbers: dict[int, int] = {}
        self._base_views = 0
        none = build(())
        views = Views(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint32), np.zeros((0, 2), np.int32))
        self.snapshot = Snapshot(
            none, none, views, np.zeros(WORDS, np.int64), np.zeros(WORDS, np.bool_), self._bank_numbers
        )
        self.put(additions)

    def __len__(self) -> int:
        return len(self._spans)

    @property
    def bytes(self) -> int:
        """Memory of the arrays of the present snapshot."""
        now = self.snapshot
        views = (now.views.entries, now.views.ordinals, now.views.banks, now.views.frames)
        return now.base.bytes + now.delta.bytes + sum(array.nbytes for array in (*views, now.counts, now.searched))

    def search(self, rows: Rows, banks: Collection[int] | None, how: Search = SEARCH) -> list[Candidate]:
        """The views in these banks (None: in all) that the rows of a query speak for, best scores first.

        Raises ValueError for rows of other shapes or types.
        """
        descriptors = _checked_rows(rows)
        now = self.snapshot
        words = self._vocabulary.nearest(descriptors, *probes(len(now.base) + len(now.delta)))
        return now.search(self._signature.sign(descriptors), words, rows, banks, how)

    def put(self, additions: Iterable[Addition]) -> None:
        """Add entries, or give entries that are there already these views instead.

        Raises ValueError, and changes nothing, for a view whose arrays are not as its fields say.
        """
        latest = {addition.entry: addition for addition in additions}
        for addition in latest.values():
            for view in addition.views:
                check_view(view)
        now = self._without(latest)
        added = [addition for addition in latest.values() if addition.views]
        if added:
            now = self._with(now, added)
        self._publish(now)

    def drop(self, entries: Iterable[int]) -> None:
        """Take entries out; those that are not there are passed over."""
        self._publish(self._without(entries))

    def merge(self) -> None:
        """Make a new base of everything, without what is gone. Done by itself when it is time."""
        self.snapshot = self._merged(self.snapshot)

    def _publish(self, now: Snapshot) -> None:
        views = len(now.views.banks)
        largest = min(LARGEST_DELTA, max(_SMALLEST_DELTA, self._base_views // _DELTA_SHARE))
        gone = np.count_nonzero(now.views.banks == _NOWHERE)
        due = views - self._base_views > largest or 2 * gone > views
        self.snapshot = self._merged(now) if due else now

    def _without(self, entries: Iterable[int]) -> Snapshot:
        """The present snapshot with the views of these entries masked."""
        now = self.snapshot
        spans = [self._spans.pop(entry) for entry in entries if entry in self._spans]
        if not spans:
            return now
        chosen = np.full(len(now.views.banks), -1, np.int64)
        for start, stop in spans:
            chosen[start:stop] = 0
        banks = np.where(chosen < 0, now.views.banks, np.uint32(_NOWHERE))
        counts = now.counts.copy()
        if np.any(chosen[: self._base_views] == 0):
            counts -= occurrences(now.base, chosen)
        if np.any(chosen[self._base_views :] == 0):
            counts -= occurrences(now.delta, chosen)
        return replace(now, views=replace(now.views, banks=banks), counts=counts, searched=_searched(counts))

    def _with(self, now: Snapshot, added: Sequence[Addition]) -> Snapshot:
        """A snapshot with entries more, which are not in it yet."""
        first = len(now.views.banks)
        views = [view for addition in added for view in addition.views]
        fresh = build(views, first)
        counts = now.counts + np.diff(fresh.starts.astype(np.int64))
        described = self._described(now.views, added)
        if first == 0:
            self._base_views = len(views)
            return replace(now, base=fresh, views=described, counts=counts, searched=_searched(counts))
        numbers = np.where(described.banks == _NOWHERE, -1, np.arange(len(described.banks)))
        delta = merge(now.delta, fresh, numbers)
        return replace(now, delta=delta, views=described, counts=counts, searched=_searched(counts))

    def _described(self, views: Views, added: Sequence[Addition]) -> Views:
        """The table of views with those of more entries behind them."""
        number = len(views.banks)
        for addition in added:
            self._spans[addition.entry] = number, number + len(addition.views)
            number += len(addition.views)
        sizes = [len(addition.views) for addition in added]
        banks = [self._bank_numbers.setdefault(addition.bank, len(self._bank_numbers) + 1) for addition in added]
        entries = np.repeat(np.asarray([addition.entry for addition in added], np.int64), sizes)
        ordinals = np.concatenate([np.arange(size, dtype=np.int32) for size in sizes])
        frames = [(view.width, view.height) for addition in added for view in addition.views]
        return Views(
            np.concatenate((views.entries, entries)),
            np.concatenate((views.ordinals, ordinals)),
            np.concatenate((views.banks, np.repeat(np.asarray(banks, np.uint32), sizes))),
            np.concatenate((views.frames, np.asarray(frames, np.int32))),
        )

    def _merged(self, now: Snapshot) -> Snapshot:
        kept = now.views.banks != _NOWHERE
        before = np.concatenate(([0], np.cumsum(kept)))
        base = merge(now.base, now.delta, np.where(kept, before[:-1], -1))
        views = Views(now.views.entries[kept], now.views.ordinals[kept], now.views.banks[kept], now.views.frames[kept])
        self._spans = {entry: (int(before[start]), int(before[stop])) for entry, (start, stop) in self._spans.items()}
        self._base_views = len(views.banks)
        return replace(now, base=base, delta=build(()), views=views)


def probes(features: int) -> tuple[int, int]:
    """The cells and words that a row looks into, in an index of so many features: fewer where lists are long."""
    return 6, 10 if features <= _FEW_FEATURES else 8 if features <= _MANY_FEATURES else 6


def _searched(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The words that are worth looking into, by the number of features of each."""
    return (counts > 0) & (counts <= max(LONGEST_LIST, LONGEST_SHARE * counts.mean()))


def _checked_rows(rows: Rows) -> Descriptors:
    descriptors = checked(rows.descriptors)
    shape = (len(descriptors),)
    for column, dtype in ((rows.features, np.int32), (rows.mirrored, np.uint8)):
        if column.shape != shape or column.dtype != dtype:
            raise ValueError(f"A column of {len(descriptors)} rows has shape {column.shape} and type {column.dtype}.")
    return descriptors
