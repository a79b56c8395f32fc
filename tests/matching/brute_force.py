"""What the matcher must find, said again as plainly as possible: no arrays, no index, every pair compared."""

from __future__ import annotations

from collections.abc import Iterable

from bot.model import (
    PHASH_BYTES,
    Bank,
    BankKind,
    Entry,
    Fingerprint,
    Form,
    Match,
    Orientation,
    Stage,
    View,
)


def split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + PHASH_BYTES] for at in range(0, len(hashes), PHASH_BYTES)]


def hamming(one: bytes, other: bytes) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


def visible(banks: Iterable[Bank], entries: Iterable[Entry], guild_id: int | None, kind: BankKind) -> list[Entry]:
    seen = {bank.id for bank in banks if bank.kind is kind and bank.guild_id in (None, guild_id)}
    return [entry for entry in entries if entry.revoked_at is None and entry.bank_id in seen]


def nearest(views: Iterable[View], entry: Entry) -> tuple[int, bool, int] | None:
    """Distance, whether the query's form is the trimmed one, orientation: the least of all pairs."""
    return min(
        (
            (hamming(view.hashes[:PHASH_BYTES], hash_), view.form is Form.TRIMMED, orientation)
            for view in views
            for listed in entry.fingerprint.views
            for orientation, hash_ in enumerate(split(listed.hashes))
        ),
        default=None,
    )


def match(
    banks: Iterable[Bank], entries: Iterable[Entry], query: Fingerprint, guild_id: int | None, review: int, margin: int
) -> tuple[Match, ...]:
    banks, entries = list(banks), list(entries)
    frames = sorted({view.frame for view in query.views})
    of_frame = {frame: [view for view in query.views if view.frame == frame] for frame in frames}
    clean = visible(banks, entries, guild_id, BankKind.KNOWN_GOOD)
    found = []
    for entry in visible(banks, entries, guild_id, BankKind.BLOCK):
        candidates = []
        for frame in frames:
            place = nearest(of_frame[frame], entry)
            if place is None or place[0] > review:
                continue
            rivals = [(near[0], other.id) for other in clean if (near := nearest(of_frame[frame], other)) is not None]
            rival = min(rivals, default=(None, None))
            lead = None if rival[0] is None else rival[0] - place[0]
            grade = 0 if lead is None or lead >= margin else 1 if lead >= 0 else 2
            candidates.append((grade, place, frame, rival))
        if not candidates:
            continue
        grade, (distance, trimmed, orientation), _, rival = min(candidates, key=lambda candidate: candidate[:3])
        found.append(
            (
                (grade, distance, entry.id),
                Match(
                    entry.id,
                    entry.bank_id,
                    entry.category,
                    Stage.PHASH,
                    distance,
                    Form.TRIMMED if trimmed else Form.WHOLE,
                    Orientation(orientation),
                    rival[1],
                    rival[0],
                    sum(candidate[0] == grade for candidate in candidates),
                    len(frames),
                ),
            )
        )
    return tuple(found_match for _, found_match in sorted(found, key=lambda pair: pair[0]))


def near(
    banks: Iterable[Bank],
    entries: Iterable[Entry],
    query: Fingerprint,
    guild_id: int | None,
    kind: BankKind,
    limit: int,
) -> list[tuple[int, int]]:
    found = [
        (entry.id, place[0])
        for entry in visible(banks, entries, guild_id, kind)
        if (place := nearest(query.views, entry)) is not None and place[0] <= limit
    ]
    return sorted(found, key=lambda pair: (pair[1], pair[0]))
