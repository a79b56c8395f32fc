"""What the matcher must find of what is kept of a picture, said again plainly: no arrays, no index, all pairs compared.

The comparison of two grids is taken from :mod:`bot.matching.likeness`, which has tests of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bot.matching.likeness import compared
from bot.model import (
    PHASH_BYTES,
    Bank,
    BankKind,
    Entry,
    Evidence,
    Fingerprint,
    Form,
    Match,
    Orientation,
    Part,
    Stage,
    Thresholds,
    View,
)

MOST_OF_A_BANK = 16
UNTURNED = {Orientation.TURNED_LEFT: Orientation.TURNED_RIGHT, Orientation.TURNED_RIGHT: Orientation.TURNED_LEFT}


class Near(NamedTuple):
    """One pair of a query's view and an entry's."""

    entry: Entry
    frame: int
    distance: int
    part: Part
    orientation: Orientation
    inverted: bool
    evidence: Evidence | None


def split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + PHASH_BYTES] for at in range(0, len(hashes), PHASH_BYTES)]


def hamming(one: bytes, other: bytes) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


def visible(banks: Iterable[Bank], entries: Iterable[Entry], guild_id: int | None, kind: BankKind) -> list[Entry]:
    seen = {bank.id for bank in banks if bank.kind is kind and bank.guild_id in (None, guild_id)}
    return [entry for entry in entries if entry.revoked_at is None and entry.bank_id in seen]


def least(views: Iterable[View], entry: Entry) -> int | None:
    """The least distance of an upright hash to any hash of an entry."""
    return min(
        (
            hamming(view.hashes[:PHASH_BYTES], hash_)
            for view in views
            for listed in entry.fingerprint.views
            for hash_ in split(listed.hashes)
        ),
        default=None,
    )


def part_of(view: View) -> Part:
    return Part.TRIMMED if view.form is Form.TRIMMED else Part.WHOLE


def wholes(entries: Sequence[Entry], views: Sequence[View], reach: int) -> Iterator[Near]:
    """Pairs of views with grids, the nearest orientation of each: of a bank and a query's view the nearest few."""
    for bank_id in sorted({entry.bank_id for entry in entries}, key=lambda bank: (guild_of(bank) is not None, bank)):
        for view in views:
            query = view.hashes[:PHASH_BYTES]
            nearest = []
            for entry in entries:
                for place, listed in enumerate(entry.fingerprint.views):
                    if entry.bank_id != bank_id or not listed.grid:
                        continue
                    distance, tag, inverted = min(
                        (bits, tag, inverted)
                        for tag, hash_ in enumerate(split(listed.hashes))
                        for inverted, bits in ((False, hamming(query, hash_)), (True, 256 - hamming(query, hash_)))
                    )
                    if distance <= reach:
                        nearest.append((distance, entry.id, place, tag, inverted, entry, listed))
            nearest.sort(key=lambda row: row[:3])
            for distance, _, _, tag, inverted, entry, listed in nearest[:MOST_OF_A_BANK]:
                evidence = compared(view.grid, listed.grid, Orientation(tag), inverted=inverted)
                if evidence is not None:
                    yield Near(entry, view.frame, distance, part_of(view), Orientation(tag), inverted, evidence)


def bares(entries: Sequence[Entry], views: Sequence[View], limit: int) -> Iterator[Near]:
    """Every orientation of a query against the upright hash of entries' views without a grid."""
    for view in views:
        for turned, query in enumerate(split(view.hashes)):
            orientation = UNTURNED.get(Orientation(turned), Orientation(turned))
            for entry in entries:
                for listed in entry.fingerprint.views:
                    if listed.grid:
                        continue
                    away = hamming(query, listed.hashes[:PHASH_BYTES])
                    for inverted, distance in ((False, away), (True, 256 - away)):
                        if distance <= limit:
                            yield Near(entry, view.frame, distance, part_of(view), orientation, inverted, None)


def guild_of(bank_id: int) -> int | None:
    from .builders import BANKS

    return next(bank.guild_id for bank in BANKS if bank.id == bank_id)


def enough_for(near: Near, limits: Thresholds) -> int:
    """0: nothing, 1: a person, 2: removal, 3: removal by the strict tier too."""
    if near.evidence is None:
        return 3 if near.distance <= limits.hash_remove else 1
    tiers = (limits.review, limits.remove, limits.strict)
    return max((rank for rank, tier in enumerate(tiers, 1) if tier.met_by(near.evidence, near.distance)), default=0)


def clearness(near: Near) -> float:
    return 1 - near.distance / 256 if near.evidence is None else 1 + near.evidence.agreement


class Rival(NamedTuple):
    id: int
    distance: int
    agreement: float | None


def rival_of(near: Near, good: Sequence[Near]) -> Rival | None:
    """The known-good entry that explains the frame best: by agreement if both sides have grids, else by bits."""
    beside = [other for other in good if other.frame == near.frame]
    agreeing = [other for other in beside if other.evidence is not None]
    if near.evidence is not None and agreeing:
        best = max(agreeing, key=lambda other: (other.evidence.agreement, -other.entry.id))
        return Rival(best.entry.id, best.distance, best.evidence.agreement)
    nearest = min(beside, key=lambda other: (other.distance, other.entry.id), default=None)
    return None if nearest is None else Rival(nearest.entry.id, nearest.distance, None)


def grade(near: Near, rival: Rival | None, limits: Thresholds) -> int:
    if rival is None:
        return 0
    if rival.agreement is not None:
        lead = near.evidence.agreement - rival.agreement
        return 0 if lead >= limits.margin else 1 if lead > 0 else 2
    lead = rival.distance - near.distance
    return 0 if lead >= limits.margin_bits else 1 if lead >= 0 else 2


def match(
    banks: Iterable[Bank], entries: Iterable[Entry], query: Fingerprint, guild_id: int | None, limits: Thresholds
) -> tuple[Match, ...]:
    banks, entries = list(banks), list(entries)
    blocked = visible(banks, entries, guild_id, BankKind.BLOCK)
    near = [one for one in wholes(blocked, query.views, limits.review.distance) if enough_for(one, limits)]
    near += bares(blocked, query.views, limits.hash_review)
    clean = visible(banks, entries, guild_id, BankKind.KNOWN_GOOD)
    good = list(wholes(clean, query.views, limits.review.distance + limits.margin_bits))
    good += bares(clean, query.views, limits.hash_review + limits.margin_bits)
    found = []
    for entry in blocked:
        graded = []
        for frame in sorted({view.frame for view in query.views}):
            of_frame = [one for one in near if one.entry.id == entry.id and one.frame == frame]
            if of_frame:
                best = max(of_frame, key=lambda one: (enough_for(one, limits), clearness(one)))
                rival = rival_of(best, good)
                graded.append((grade(best, rival, limits), best, rival))
        if not graded:
            continue
        first = min(one[0] for one in graded)
        _, best, rival = max(
            (one for one in graded if one[0] == first), key=lambda one: (enough_for(one[1], limits), clearness(one[1]))
        )
        as_clear = [one for one in graded if one[0] == first and enough_for(one[1], limits) >= enough_for(best, limits)]
        found.append(
            (
                (first, -clearness(best), entry.id),
                Match(
                    entry.id,
                    entry.bank_id,
                    entry.category,
                    Stage.PHASH,
                    best.distance,
                    best.part,
                    best.orientation,
                    best.inverted,
                    best.evidence,
                    known_good_id=None if rival is None else rival.id,
                    known_good_distance=None if rival is None else rival.distance,
                    known_good_agreement=None if rival is None else rival.agreement,
                    frames_matched=len(as_clear),
                    frames_compared=len({view.frame for view in query.views}),
                ),
            )
        )
    return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))


def near(
    banks: Iterable[Bank],
    entries: Iterable[Entry],
    query: Fingerprint,
    guild_id: int | None,
    kind: BankKind,
    limits: Thresholds,
) -> list[tuple[int, int]]:
    least_of: dict[int, int] = {}
    for one in wholes(visible(banks, entries, guild_id, kind), query.views, limits.review.distance):
        if enough_for(one, limits):
            least_of[one.entry.id] = min(one.distance, least_of.get(one.entry.id, 256))
    return sorted(least_of.items(), key=lambda pair: (pair[1], pair[0]))
