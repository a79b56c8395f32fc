"""The comparison of a picture with all banks that a guild sees: exact files, whole pictures, parts, bare hashes.

Every bank has an index of its own for hashes, and only those of visible banks are searched, so that a guild's own
entries cannot match elsewhere and a guild pays for what it sees; local features of all banks share one index, whose
search leaves out what is not visible. Any number of threads may compare while one changes: what a reader holds never
changes under it, and :meth:`Matcher.load` swaps everything at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from threading import Lock
from typing import NamedTuple

from bot.model import (
    Bank,
    BankKind,
    BankLevel,
    Entry,
    Fingerprint,
    GuildSettings,
    Match,
    Orientation,
    Part,
    Stage,
    Thresholds,
)

from . import packing, stored
from .listing import Listing, check
from .local import LocalIndex
from .packing import Signature
from .query import LEAST_FEATURES, Query, Wanted
from .search import Found, by_features, by_hash, frames_of, whole
from .words import vocabulary

SAME_REGION = 0.5
"""Overlap of the regions of a blocked and a known-good entry from which on the second speaks against the first.

Else a known-good sticker or banner would protect whatever it is put on, a known-good picture whatever is put on it, and
an original its manipulation beside it.
"""


class _Rival(NamedTuple):
    """The known-good entry that explains one frame best."""

    entry_id: int
    agreement: float | None
    distance: int | None


class Matcher:
    """All banks in memory. A guild sees its own banks and those without a guild; guild None sees only the latter."""

    def __init__(self, thresholds: Thresholds, signature: Signature | None = None) -> None:
        """``signature``: the installation's bits of local features; None: local features are not used."""
        self._thresholds = thresholds
        self._signature = signature
        self._writing = Lock()
        self._version = 0
        self._listing = Listing(self._local())

    @property
    def version(self) -> int:
        """A number that grows with every change: what was found at the same number would be found again."""
        return self._version

    # ---------------------------------------------------------------------------------------------- changing

    def load(self, banks: Iterable[Bank], entries: Iterable[Entry]) -> None:
        """Replace everything at once. Revoked entries are left out.

        Raises ValueError, and changes nothing, for an entry without its bank or with a malformed fingerprint.
        """
        listing = Listing(self._local(), banks, entries)
        with self._writing:
            self._listing = listing
            self._version += 1

    def add(self, bank: Bank, entry: Entry) -> None:
        """Make an entry match from now on; one that is there already is replaced, a revoked one taken out.

        Raises ValueError, and changes nothing, for a malformed fingerprint, or when ``bank`` is not the entry's bank.
        """
        self.update([bank], [entry])

    def update(self, banks: Iterable[Bank], entries: Iterable[Entry]) -> None:
        """Take over changes: banks as they are now, and entries that are new, changed or revoked.

        Raises ValueError, and changes nothing, for an entry without its bank or with a malformed fingerprint.
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
            self._listing.put([(by_id[entry.bank_id], entry) for entry in changed])
            self._version += 1

    def revoke(self, entry_id: int) -> None:
        """Let an entry match nothing from now on; nothing happens if it is not there."""
        with self._writing:
            self._listing.remove(entry_id)
            self._version += 1

    # ---------------------------------------------------------------------------------------------- what there is

    def bank(self, bank_id: int) -> Bank | None:
        """A bank as last loaded or added to."""
        return self._listing.banks.get(bank_id)

    def fingerprint(self, entry_id: int) -> Fingerprint | None:
        """The fingerprint of an active entry, without its local features."""
        listed = self._listing.get(entry_id)
        return None if listed is None else listed.fingerprint

    def known_good_count(self, guild_id: int | None) -> int:
        """How many known-good entries the guild sees."""
        listing = self._listing
        return sum(map(len, listing.indexes(listing.visible(guild_id, BankKind.KNOWN_GOOD))))

    def wanted(self, guild: GuildSettings) -> Wanted:
        """What to extract of a picture posted in this guild, by what there is to compare it with."""
        listing = self._listing
        wanted = Wanted.NOTHING
        if guild.local_features and listing.local is not None and len(listing.local):
            wanted |= Wanted.FEATURES
        if any(index.bare for index in listing.indexes(listing.visible(guild.guild_id, BankKind.BLOCK))):
            wanted |= Wanted.VIEWS
        return wanted

    def wanted_of_entries(self, guild: GuildSettings | None) -> Wanted:
        """What to extract of a picture that becomes an entry of this guild, or of the installation (None)."""
        features = self._signature is not None and (guild is None or guild.local_features)
        return Wanted.REFERENCE if features else Wanted.NOTHING

    def packed(self, query: Query) -> Fingerprint:
        """What an entry keeps of a query: its fingerprint with the local features that were asked for, packed."""
        if self._signature is None:
            return query.fingerprint
        views = list(query.fingerprint.views)
        for reference in query.references:
            features = reference.features
            if len(features.points) >= LEAST_FEATURES:
                frame = reference.width, reference.height
                view = packing.pack(
                    features.descriptors, features.points, features.mirrored, frame, self._signature, vocabulary()
                )
                views[reference.view] = replace(views[reference.view], features=stored.to_bytes(view))
        return replace(query.fingerprint, views=tuple(views))

    # ---------------------------------------------------------------------------------------------- comparing

    def match(self, query: Query, guild_id: int | None) -> tuple[Match, ...]:
        """Every visible blocked entry that is near the query, one Match each, best first.

        Near is what reaches the review tier, or the review limit of hashes. The known-good entry of a match is the
        visible one that explains the same frame best, however it was found, if it takes about as much of the picture.
        Of several frames near an entry the one is reported that speaks most clearly for it: first those that agree
        with it better than with every known-good entry by the margin, then those that agree better at all, then the
        best agreement. So neither can an official picture as one frame shield the others, nor does a border shield or
        convict a picture. ``frames_matched`` counts the frames that speak as clearly.
        """
        listing = self._listing
        blocked = self._blocked(listing, query, guild_id)
        if not blocked:
            return ()
        good = self._good(listing, query, guild_id)
        compared = max(1, len(frames_of(query)))
        matches: list[tuple[int, Match]] = []
        for entry_id, of_entry in blocked.items():
            listed = listing.get(entry_id)
            if listed is None:  # revoked while this ran
                continue
            graded = [(self._grade(found, rival := _rival(found, good)), found, rival) for found in of_entry.values()]
            best = min(grade for grade, _, _ in graded)
            grade, found, rival = max(
                (one for one in graded if one[0] == best), key=lambda one: (self._speaks(one[1]), -one[1].frame)
            )
            tier = self._tier(found)
            matches.append(
                (
                    grade,
                    Match(
                        entry_id,
                        listed.bank_id,
                        listed.category,
                        found.stage,
                        found.distance,
                        found.part,
                        found.orientation,
                        found.inverted,
                        found.evidence,
                        known_good_id=None if rival is None else rival.entry_id,
                        known_good_distance=None if rival is None else rival.distance,
                        known_good_agreement=None if rival is None else rival.agreement,
                        frames_matched=sum(
                            other == grade and self._tier(further) >= tier for other, further, _ in graded
                        ),
                        frames_compared=compared,
                    ),
                )
            )
        matches.sort(key=lambda pair: (pair[0], -_clearness_of(pair[1]), pair[1].entry_id))
        return tuple(match for _, match in matches)

    def exact(self, sha256: bytes, guild_id: int | None, *, md5: bytes = b"") -> tuple[Match, ...]:
        """A Match for every visible blocked entry made from this very file, lowest entry id first.

        The picture itself need not be decoded: the same file has the entry's own fingerprint, and by that it is
        compared with the known-good entries as any other picture.
        """
        listing = self._listing
        matches: dict[int, Match] = {}
        for stage, digest in ((Stage.SHA256, sha256), (Stage.MD5, md5)):
            for entry_id, listed in listing.same_file(digest, guild_id, BankKind.BLOCK) if digest else ():
                query = Query(listed.fingerprint)
                good = self._good(listing, query, guild_id)
                nearest = min(good, key=lambda found: 256 if found.distance is None else found.distance, default=None)
                match = Match(
                    entry_id,
                    listed.bank_id,
                    listed.category,
                    stage,
                    0,
                    Part.WHOLE,
                    Orientation.UPRIGHT,
                    known_good_id=None if nearest is None else nearest.entry_id,
                    known_good_distance=None if nearest is None else nearest.distance,
                )
                matches.setdefault(entry_id, match)
        return tuple(match for _, match in sorted(matches.items()))

    def known_good_exact(self, sha256: bytes, guild_id: int | None) -> int | None:
        """The lowest id of the visible known-good entries made from this very file."""
        return next((entry_id for entry_id, _ in self._listing.same_file(sha256, guild_id, BankKind.KNOWN_GOOD)), None)

    def near(self, fingerprint: Fingerprint, guild_id: int | None, kind: BankKind) -> list[tuple[int, int]]:
        """Visible entries of one kind whose picture as a whole is near: (entry id, bits of 256), nearest first."""
        listing = self._listing
        banks = listing.indexes(listing.visible(guild_id, kind))
        least: dict[int, int] = {}
        for found in whole(listing, banks, Query(fingerprint), self._thresholds.review.distance):
            if found.distance is not None and self._reviews(found):
                least[found.entry_id] = min(least.get(found.entry_id, found.distance), found.distance)
        return sorted(least.items(), key=lambda pair: (pair[1], pair[0]))

    # ---------------------------------------------------------------------------------------------- the steps

    def _blocked(self, listing: Listing, query: Query, guild_id: int | None) -> dict[int, dict[int, Found]]:
        """Entry to frame to what speaks most clearly for it there."""
        ids = listing.visible(guild_id, BankKind.BLOCK)
        banks = listing.indexes(ids)
        near = [
            found for found in whole(listing, banks, query, self._thresholds.review.distance) if self._reviews(found)
        ]
        near += by_hash(banks, query, self._thresholds)
        if not self._settled(listing, near, query):
            near += [found for found in by_features(listing, ids, query) if self._reviews(found)]
        best: dict[int, dict[int, Found]] = {}
        for found in near:
            of_entry = best.setdefault(found.entry_id, {})
            known = of_entry.get(found.frame)
            if known is None or self._speaks(found) > self._speaks(known):
                of_entry[found.frame] = found
        return best

    def _settled(self, listing: Listing, near: Sequence[Found], query: Query) -> bool:
        """Whether an entry that may remove is so near in every frame that nothing nearer can lead to more."""
        certain: dict[int, set[int]] = {}
        for found in near:
            if found.evidence is not None and self._thresholds.strict.met_by(found.evidence, found.distance):
                listed = listing.get(found.entry_id)
                bank = None if listed is None else listing.banks.get(listed.bank_id)
                if bank is not None and bank.level is BankLevel.REMOVE:
                    certain.setdefault(found.entry_id, set()).add(found.frame)
        frames = frames_of(query)
        return any(of_entry == frames for of_entry in certain.values())

    def _good(self, listing: Listing, query: Query, guild_id: int | None) -> list[Found]:
        """Every visible known-good entry that explains some frame."""
        ids = listing.visible(guild_id, BankKind.KNOWN_GOOD)
        banks = listing.indexes(ids)
        limits = self._thresholds
        reach = limits.review.distance + limits.margin_bits
        good = list(whole(listing, banks, query, reach))
        good += by_hash(banks, query, limits, slack=limits.margin_bits)
        good += [found for found in by_features(listing, ids, query) if self._reviews(found)]
        return good

    def _reviews(self, found: Found) -> bool:
        return found.evidence is not None and self._thresholds.review.met_by(found.evidence, found.distance)

    def _tier(self, found: Found) -> int:
        """What the evidence alone is enough for: 0 review, 1 removal, 2 removal by the strict tier too."""
        limits = self._thresholds
        if found.evidence is None:
            removes = found.distance is not None and found.distance <= limits.hash_remove and not found.part.guessed
            return 2 if removes else 0
        if limits.strict.met_by(found.evidence, found.distance):
            return 2
        return int(limits.remove.met_by(found.evidence, found.distance))

    def _speaks(self, found: Found) -> tuple[int, float]:
        """How clearly one speaks for its entry: what it is enough for comes first, so that nothing hides a copy."""
        return self._tier(found), _clearness(found)

    def _grade(self, found: Found, rival: _Rival | None) -> int:
        """How clearly a frame speaks for the entry: 0 by the margin, 1 better than a known-good one, 2 no better."""
        if rival is None:
            return 0
        if found.evidence is not None and rival.agreement is not None:
            lead = found.evidence.agreement - rival.agreement
            return 0 if lead >= self._thresholds.margin else 1 if lead > 0 else 2
        if found.distance is None or rival.distance is None:
            return 0
        nearer = rival.distance - found.distance
        return 0 if nearer >= self._thresholds.margin_bits else 1 if nearer >= 0 else 2

    def _local(self) -> LocalIndex | None:
        return None if self._signature is None else LocalIndex(self._signature, vocabulary())


def _rival(found: Found, good: Sequence[Found]) -> _Rival | None:
    """The known-good entry that explains the frame of a blocked one best: by agreement, else by distance."""
    same = [one for one in good if one.frame == found.frame and one.region.overlap(found.region) >= SAME_REGION]
    agreeing = [one for one in same if one.evidence is not None]
    if found.evidence is not None and agreeing:
        best = max(agreeing, key=lambda one: (one.evidence.agreement if one.evidence else 0.0, -one.entry_id))
        assert best.evidence is not None
        return _Rival(best.entry_id, best.evidence.agreement, best.distance)
    nearest = min(
        (one for one in same if one.distance is not None),
        key=lambda one: (one.distance or 0, one.entry_id),
        default=None,
    )
    return None if nearest is None else _Rival(nearest.entry_id, None, nearest.distance)


def _clearness(found: Found) -> float:
    return _clear(None if found.evidence is None else found.evidence.agreement, found.distance)


def _clearness_of(match: Match) -> float:
    return _clear(match.agreement, match.distance)


def _clear(agreement: float | None, distance: int | None) -> float:
    """An order: agreement of gradients first, then bare distances."""
    return 1.0 + agreement if agreement is not None else 1.0 - (distance or 0) / 256
