"""Local features from plain numbers, and the rule of their index written down without any speed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from bot.matching.local import Addition, Candidate, Rows, Search, probes
from bot.matching.packing import LocalView, Signature, pack, unpack_points
from bot.matching.words import CELLS, WORDS, WORDS_PER_CELL, Vocabulary


def descriptors(rng: np.random.Generator, count: int) -> NDArray[np.uint64]:
    return rng.integers(0, 2**64, (count, 4), np.uint64)


def flipped(rng: np.random.Generator, rows: NDArray[np.uint64], share: float) -> NDArray[np.uint64]:
    """The descriptors with about this share of their bits flipped."""
    flips = np.packbits(rng.random((len(rows), 256)) < share, axis=1)
    return rows ^ flips.view(np.uint64)


def _random_vocabulary() -> Vocabulary:
    rng = np.random.default_rng(1)
    coarse = descriptors(rng, CELLS)
    fine = flipped(rng, np.repeat(coarse, WORDS_PER_CELL, axis=0), 0.3)
    return Vocabulary(coarse, fine.reshape(CELLS, WORDS_PER_CELL, 4))


VOCABULARY = _random_vocabulary()
SIGNATURE = Signature.derived(b"a secret of the tests")
POOL = descriptors(np.random.default_rng(2), 6)
"""All features of the tests come from these, so that they meet."""


def view(rng: np.random.Generator, count: int, frame: tuple[int, int] = (512, 384)) -> LocalView:
    """Features near the pool, some of them at one place."""
    points = rng.uniform((0, 0, 4, -4), (*frame, 300, 4), (count, 4))
    points[rng.random(count) < 0.3] = (10, 10, 31, 0)
    return pack(
        near_pool(rng, count),
        points.astype(np.float32),
        rng.integers(0, 2, count, np.uint8),
        frame,
        SIGNATURE,
        VOCABULARY,
    )


def near_pool(rng: np.random.Generator, count: int) -> NDArray[np.uint64]:
    return flipped(rng, POOL[rng.integers(0, len(POOL), count)], rng.choice([0, 0.05, 0.15]))


def rows(rng: np.random.Generator, count: int) -> Rows:
    """Rows of about half as many query features."""
    features = rng.integers(0, max(1, count // 2), count).astype(np.int32)
    return Rows(near_pool(rng, count), features, rng.integers(0, 2, count, np.uint8))


def brute_force(
    additions: Iterable[Addition],
    query: Rows,
    banks: Collection[int] | None,
    how: Search,
    *,
    longest: float = WORDS,
) -> list[Candidate]:
    """The candidates by the rule itself: every row against every feature in its words."""
    listed = {addition.entry: addition for addition in additions}
    counts = Counter(int(word) for one in listed.values() for of in one.views for word in of.words)
    nearest: dict[tuple[int, int, bool], dict[int, tuple[int, int]]] = defaultdict(dict)
    signed, words = SIGNATURE.sign(query.descriptors), VOCABULARY.nearest(query.descriptors, *probes(0))
    for row, feature in enumerate(query.features.tolist()):
        looked_into = [word for word in set(words[row].tolist()) if counts[word] <= longest]
        for distance, entry, number, point, mirror in _neighbours(listed, signed[row], looked_into, banks, how):
            group = nearest[entry, number, bool(mirror) != bool(query.mirrored[row])]
            group[feature] = min(group.get(feature, (how.limit + 1, 0)), (distance, point))
    votes = {key: _counted(group, how) for key, group in nearest.items()}
    ranked = sorted(
        (-sum((how.limit + 1 - distance) ** 2 for distance in counted), key)
        for key, counted in votes.items()
        if len(counted) >= how.least_votes
    )
    taken: Counter[int] = Counter()
    found: list[Candidate] = []
    for _, key in ranked:
        if taken[key[0]] < how.views_per_entry and len(found) < how.candidates:
            taken[key[0]] += 1
            found.append(_candidate(key, len(votes[key]), nearest[key], listed[key[0]].views[key[1]]))
    return found


def _neighbours(
    listed: Mapping[int, Addition],
    signature: NDArray[np.uint64],
    words: Collection[int],
    banks: Collection[int] | None,
    how: Search,
) -> list[tuple[int, int, int, int, int]]:
    """The nearest feature of each of the nearest views: distance, entry, view, point and mirror bit."""
    near: list[tuple[int, int, int, int, int]] = []
    for entry, addition in listed.items():
        if banks is not None and addition.bank not in banks:
            continue
        for number, of in enumerate(addition.views):
            away = np.bitwise_count(of.signatures ^ signature).sum(1)
            chosen = np.flatnonzero(np.isin(of.words, list(words)) & (away <= how.limit))
            if len(chosen):
                near.append(
                    min((int(away[at]), entry, number, int(of.points[at]), int(of.mirrored[at])) for at in chosen)
                )
    return sorted(near)[: how.neighbours]


def _counted(group: Mapping[int, tuple[int, int]], how: Search) -> list[int]:
    """The distances of the pairs that count: the nearest few of each stored feature."""
    by_point: dict[int, list[int]] = defaultdict(list)
    for distance, point in group.values():
        by_point[point].append(distance)
    return [distance for distances in by_point.values() for distance in sorted(distances)[: how.repeats]]


def _candidate(
    key: tuple[int, int, bool], votes: int, group: Mapping[int, tuple[int, int]], of: LocalView
) -> Candidate:
    pairs = sorted((distance, feature, point) for feature, (distance, point) in group.items())
    distances, features, points = (np.asarray(column) for column in zip(*pairs, strict=True))
    unpacked = unpack_points(points.astype(np.uint32), of.width, of.height, mirrored=key[2])
    return Candidate(*key, votes, features, distances, unpacked, (of.width, of.height))


def plain(candidates: Iterable[Candidate]) -> list[tuple[object, ...]]:
    """Candidates as something that can be compared."""
    return [tuple(part.tolist() if isinstance(part, np.ndarray) else part for part in one) for one in candidates]
