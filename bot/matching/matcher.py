"""The comparison of a picture with all banks that a guild sees: exact files, near fingerprints, known-good pictures.

Every bank has an index of its own and only the indexes of visible banks are searched, so that a guild's own entries
cannot match elsewhere, and a guild pays for what it sees. Any number of threads may compare while one changes: what a
reader holds never changes under it (see :mod:`bot.matching.index`), and :meth:`Matcher.load` swaps everything at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.model import PHASH_BYTES, Bank, BankKind, Entry, Fingerprint, Form, Match, Orientation, Stage, Thresholds

from .index import HASH_BITS, Rows, distances, words
from .listing import Listing, check

Frames = dict[int, list[tuple[bytes, Form]]]
"""The upright hashes of a query with their forms, by frame."""


class _Near(NamedTuple):
    """How near an entry is to one frame; the order is the order of preference."""

    distance: int
    trimmed: bool
    orientation: int


class _KnownGood(NamedTuple):
    """The known-good entry nearest to one frame."""

    distance: int
    entry_id: int


class _Candidate(NamedTuple):
    """One frame of the query near one blocked entry; the least is the one reported."""

    grade: int
    near: _Near
    frame: int


class Matcher:
    """All banks in memory. A guild sees its own banks and those without a guild; guild None sees only the latter."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._writing = Lock()
        self._listing = Listing()

    def load(self, banks: Iterable[Bank], entries: Iterable[Entry]) -> None:
        """Replace everything at once. Revoked entries are left out.

        Raises ValueError, and changes nothing, for an entry without its bank or with malformed hashes.
        """
        listing = Listing(banks, entries)
        with self._writing:
            self._listing = listing

    def add(self, bank: Bank, entry: Entry) -> None:
        """Make an entry match from now on; one that is there already is replaced, a revoked one taken out.

        Raises ValueError, and changes nothing, for malformed hashes, or when ``bank`` is not the entry's bank.
        """
        check(entry)
        if entry.bank_id != bank.id:
            raise ValueError(f"Entry {entry.id} belongs to bank {entry.bank_id}, not to bank {bank.id}.")
        with self._writing:
            self._listing.put(bank, entry)

    def update(self, banks: Iterable[Bank], entries: Iterable[Entry]) -> None:
        """Take over changes: banks as they are now, and entries that are new, changed or revoked.

        Raises ValueError, and changes nothing, for an entry without its bank or with malformed hashes.
        """
        by_id = {bank.id: bank for bank in banks}
        changed = list(entries)
        for entry in changed:
            check(entry)
            if entry.bank_id not in by_id:
                raise ValueError(f"Entry {entry.id} names bank {entry.bank_id}, which is not among the banks.")
        with self._writing:
            for bank in by_id.values():
                self._listing.put_bank(bank)
            for entry in changed:
                self._listing.put(by_id[entry.bank_id], entry)

    def revoke(self, entry_id: int) -> None:
        """Let an entry match nothing from now on; nothing happens if it is not there."""
        with self._writing:
            self._listing.remove(entry_id)

    def bank(self, bank_id: int) -> Bank | None:
        """A bank as last loaded or added to."""
        return self._listing.banks.get(bank_id)

    def match(
        self,
        fingerprint: Fingerprint,
        guild_id: int | None,
        *,
        review_distance: int | None = None,
        margin: int | None = None,
    ) -> tuple[Match, ...]:
        """Every visible blocked entry within ``review_distance`` bits of the query, one Match each, best first.

        A frame is as near to an entry as its nearest form to any form, frame and orientation of the entry. The
        known-good entry of a match is the visible one nearest to the same frame, in whichever form, however far it is.
        Of several frames near an entry the one is reported that speaks most clearly for it: first those nearer to it
        than to every known-good entry by ``margin``, then those that are nearer at all, then the least distance.
        So neither can an official picture as one frame shield the others, nor does a border shield or convict a
        picture. ``frames_matched`` counts the frames that speak as clearly. Matches are in the same order.

        ``review_distance`` and ``margin`` are the installation's unless given. The orientation is how the query lies,
        the form is the query's. A query without usable hashes matches nothing.
        """
        listing = self._listing
        limit = self._thresholds.review if review_distance is None else review_distance
        margin = self._thresholds.margin if margin is None else margin
        frames = _frames(fingerprint)
        near = _near_blocked(listing.rows(guild_id, BankKind.BLOCK), frames, limit)
        matched = {frame: frames[frame] for of_entry in near.values() for frame in of_entry}
        known_good = _nearest_known_good(listing.rows(guild_id, BankKind.KNOWN_GOOD), matched)
        graded: list[tuple[int, int, int, Match]] = []
        for entry_id, of_entry in near.items():
            listed = listing.get(entry_id)
            if listed is None:  # revoked while this ran
                continue
            candidates = [
                _Candidate(_grade(place, known_good.get(frame), margin), place, frame)
                for frame, place in of_entry.items()
            ]
            grade, place, frame = min(candidates)
            rival = known_good.get(frame)
            match = Match(
                entry_id,
                listed.bank_id,
                listed.category,
                Stage.PHASH,
                place.distance,
                Form.TRIMMED if place.trimmed else Form.WHOLE,
                Orientation(place.orientation),
                known_good_id=None if rival is None else rival.entry_id,
                known_good_distance=None if rival is None else rival.distance,
                frames_matched=sum(candidate.grade == grade for candidate in candidates),
                frames_compared=len(frames),
            )
            graded.append((grade, match.distance, entry_id, match))
        return tuple(match for *_, match in sorted(graded, key=lambda item: item[:3]))

    def exact(self, sha256: bytes, guild_id: int | None) -> tuple[Match, ...]:
        """A Match for every visible blocked entry made from this very file, lowest entry id first.

        The picture itself need not be decoded: the same file has the entry's own fingerprint, and by that it is
        compared with the known-good entries as any other picture.
        """
        listing = self._listing
        matches: list[Match] = []
        for entry_id, listed in listing.same_file(sha256, guild_id, BankKind.BLOCK):
            known_good = _nearest_known_good(listing.rows(guild_id, BankKind.KNOWN_GOOD), _frames(listed.fingerprint))
            rival = max(known_good.values(), default=None)
            matches.append(
                Match(
                    entry_id,
                    listed.bank_id,
                    listed.category,
                    Stage.SHA256,
                    0,
                    Form.WHOLE,
                    Orientation.UPRIGHT,
                    known_good_id=None if rival is None else rival.entry_id,
                    known_good_distance=None if rival is None else rival.distance,
                )
            )
        return tuple(matches)

    def fingerprint(self, entry_id: int) -> Fingerprint | None:
        """The fingerprint of an active entry."""
        listed = self._listing.get(entry_id)
        return None if listed is None else listed.fingerprint

    def known_good_exact(self, sha256: bytes, guild_id: int | None) -> int | None:
        """The lowest id of the visible known-good entries made from this very file."""
        return next((entry_id for entry_id, _ in self._listing.same_file(sha256, guild_id, BankKind.KNOWN_GOOD)), None)

    def near(
        self, fingerprint: Fingerprint, guild_id: int | None, kind: BankKind, distance: int
    ) -> list[tuple[int, int]]:
        """Visible entries of one kind within ``distance`` bits of any frame: (entry id, distance), nearest first."""
        rows = self._listing.rows(guild_id, kind)
        least: dict[int, int] = {}
        for query in _queries(_frames(fingerprint)):
            for entry_id, (found, _) in _within(rows, query, distance).items():
                least[entry_id] = min(least.get(entry_id, found), found)
        return sorted(least.items(), key=lambda pair: (pair[1], pair[0]))


def nearest_sightings(entry_fingerprint: Fingerprint, sightings: Sequence[Fingerprint]) -> NDArray[np.int16]:
    """How near each sighting lies to an entry: the least distance over frames, forms and the entry's orientations.

    One place a sighting, bits of 256; 256 where either side has no usable hash.
    """
    nearest = np.full(len(sightings), HASH_BITS, np.int16)
    hashes = [
        [view.hashes[:PHASH_BYTES] for view in sighting.views if len(view.hashes) >= PHASH_BYTES]
        for sighting in sightings
    ]
    counts = np.fromiter(map(len, hashes), np.int64, len(hashes))
    comparable = np.flatnonzero(counts)
    entry_hashes = {
        view.hashes[start : start + PHASH_BYTES]
        for view in entry_fingerprint.views
        for start in range(0, len(view.hashes) - PHASH_BYTES + 1, PHASH_BYTES)
    }
    if not len(comparable) or not entry_hashes:
        return nearest
    rows = words(b"".join(hash_ for of_sighting in hashes for hash_ in of_sighting))
    least = np.full(rows.shape[1], HASH_BITS, np.uint16)
    for hash_ in entry_hashes:
        np.minimum(least, distances(rows, words(hash_)), out=least)
    starts = np.cumsum(counts) - counts
    nearest[comparable] = np.minimum.reduceat(least, starts[comparable])
    return nearest


def _frames(fingerprint: Fingerprint) -> Frames:
    frames: Frames = {}
    for view in fingerprint.views:
        if len(view.hashes) >= PHASH_BYTES:
            frames.setdefault(view.frame, []).append((view.hashes[:PHASH_BYTES], view.form))
    return frames


def _queries(frames: Frames) -> set[bytes]:
    return {query for views in frames.values() for query, _ in views}


def _within(rows: Sequence[Rows], query: bytes, limit: int) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for part in rows:
        found |= part.within(words(query), limit)
    return found


def _near_blocked(rows: Sequence[Rows], frames: Frames, limit: int) -> dict[int, dict[int, _Near]]:
    """Entry id to frame to how near they are, for all within the limit."""
    found = {query: _within(rows, query, limit) for query in _queries(frames)}
    near: dict[int, dict[int, _Near]] = {}
    for frame, views in frames.items():
        for query, form in views:
            for entry_id, (distance, orientation) in found[query].items():
                place = _Near(distance, form is Form.TRIMMED, orientation)
                of_entry = near.setdefault(entry_id, {})
                of_entry[frame] = min(of_entry.get(frame, place), place)
    return near


def _nearest_known_good(rows: Sequence[Rows], frames: Frames) -> dict[int, _KnownGood]:
    """For every frame the nearest entry over all forms of the frame, not only the form that matched.

    Else an official picture in the border of a blocked one would match by its border and lose its protection, which
    only its trimmed form has.
    """
    nearest: dict[bytes, _KnownGood | None] = {}
    for query in _queries(frames):
        found = [place for part in rows if (place := part.nearest(words(query))) is not None]
        nearest[query] = _KnownGood(*min(found)) if found else None
    result: dict[int, _KnownGood] = {}
    for frame, views in frames.items():
        found = [place for query, _ in views if (place := nearest[query]) is not None]
        if found:
            result[frame] = min(found)
    return result


def _grade(near: _Near, known_good: _KnownGood | None, margin: int) -> int:
    """How clearly a frame speaks for the entry: 0 by the margin, 1 nearer or as near, 2 nearer to a known-good one."""
    if known_good is None or known_good.distance - near.distance >= margin:
        return 0
    return 1 if known_good.distance >= near.distance else 2
