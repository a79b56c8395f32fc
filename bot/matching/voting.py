"""The votes that views get from the nearest stored features of a query, counted by a kernel without the GIL."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .kernels import kernel
from .neighbours import NOTHING, Hits


class Votes(NamedTuple):
    """Pairs of features by view and mirroring. Group g holds the pairs from starts[g] to starts[g + 1].

    Within a group the pairs stand by distance and then by query feature, each query feature once.
    """

    tags: NDArray[np.uint32]  # (groups,): twice the number of the view, and one more where the query is mirrored
    counts: NDArray[np.int64]  # (groups,): votes
    scores: NDArray[np.int64]  # (groups,): votes weighted by nearness
    starts: NDArray[np.int64]  # (groups + 1,)
    features: NDArray[np.int32]  # (pairs,): of the query
    distances: NDArray[np.int32]  # (pairs,)
    points: NDArray[np.uint32]  # (pairs,): packed, of the view


def tally(
    hits: Hits, features: NDArray[np.int32], mirrored: NDArray[np.uint8], limit: int, least_votes: int, repeats: int
) -> Votes:
    """Group the hits by view and mirroring: (rows,) query features and mirror bits of the rows in.

    A query feature counts once for a group, by its nearest pair, and a stored feature at most ``repeats`` times, since
    many that look alike say little. A vote weighs the square of the bits by which it is nearer than ``limit`` + 1:
    chance pairs lie near the limit, and small insets have few pairs, but near ones. Groups of fewer votes than
    ``least_votes`` are left out. Raises ValueError unless features and mirror bits are of the same rows.
    """
    shape = (len(hits.tags),)
    if features.shape != shape or mirrored.shape != shape:
        raise ValueError(f"Hits of {shape[0]} rows have {features.shape} features and {mirrored.shape} mirror bits.")
    return Votes(*_tally(hits.distances, hits.tags, hits.points, features, mirrored, limit, least_votes, repeats))


@kernel
def _tally(
    distances: NDArray[np.uint32],
    tags: NDArray[np.uint32],
    points: NDArray[np.uint32],
    features: NDArray[np.int32],
    mirrored: NDArray[np.uint8],
    limit: int,
    least_votes: int,
    repeats: int,
) -> tuple[
    NDArray[np.uint32],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.uint32],
]:
    pair_tags, pair_features, pair_distances, pair_points = _pairs(distances, tags, points, features, mirrored)
    count = pair_tags.shape[0]
    group_tags = np.empty(count, np.uint32)
    counts = np.empty(count, np.int64)
    scores = np.empty(count, np.int64)
    starts = np.zeros(count + 1, np.int64)
    order = np.empty(count, np.int64)
    groups = 0
    start = 0
    while start < count:
        stop = start + 1
        while stop < count and pair_tags[stop] == pair_tags[start]:
            stop += 1
        votes, score = 0, 0
        if stop - start >= least_votes:
            votes, score = _votes(pair_points[start:stop], pair_distances[start:stop], limit, repeats)
        if votes >= least_votes and votes > 0:
            first = starts[groups]
            ranks = (pair_distances[start:stop].astype(np.int64) << 32) | pair_features[start:stop].astype(np.int64)
            order[first : first + stop - start] = start + np.argsort(ranks)
            group_tags[groups] = pair_tags[start]
            counts[groups] = votes
            scores[groups] = score
            groups += 1
            starts[groups] = first + stop - start
        start = stop
    order = order[: starts[groups]]
    return (
        group_tags[:groups],
        counts[:groups],
        scores[:groups],
        starts[: groups + 1],
        pair_features[order],
        pair_distances[order],
        pair_points[order],
    )


@kernel
def _pairs(
    distances: NDArray[np.uint32],
    tags: NDArray[np.uint32],
    points: NDArray[np.uint32],
    features: NDArray[np.int32],
    mirrored: NDArray[np.uint8],
) -> tuple[NDArray[np.uint32], NDArray[np.int32], NDArray[np.int32], NDArray[np.uint32]]:
    """The nearest pair of every view, mirroring and query feature, in this order."""
    rows, neighbours = tags.shape
    keys = np.empty(rows * neighbours, np.uint64)
    places = np.empty(rows * neighbours, np.int64)
    count = 0
    for row in range(rows):
        flip = np.uint32(mirrored[row] != 0)
        for neighbour in range(neighbours):
            tag = tags[row, neighbour]
            if tag == NOTHING:
                break
            keys[count] = np.uint64(tag ^ flip) << np.uint64(32) | np.uint64(np.uint32(features[row]))
            places[count] = row * neighbours + neighbour
            count += 1
    order = np.argsort(keys[:count])
    all_distances, all_points = distances.ravel(), points.ravel()
    pair_tags = np.empty(count, np.uint32)
    pair_features = np.empty(count, np.int32)
    pair_distances = np.empty(count, np.int32)
    pair_points = np.empty(count, np.uint32)
    pairs = 0
    for rank in range(count):
        at = order[rank]
        distance, point = all_distances[places[at]], all_points[places[at]]
        if rank > 0 and keys[at] == keys[order[rank - 1]]:
            last = pairs - 1
            if distance > pair_distances[last] or (distance == pair_distances[last] and point >= pair_points[last]):
                continue
        else:
            pairs += 1
        pair_tags[pairs - 1] = keys[at] >> np.uint64(32)
        pair_features[pairs - 1] = features[places[at] // neighbours]
        pair_distances[pairs - 1] = distance
        pair_points[pairs - 1] = point
    return pair_tags[:pairs], pair_features[:pairs], pair_distances[:pairs], pair_points[:pairs]


@kernel
def _votes(points: NDArray[np.uint32], distances: NDArray[np.int32], limit: int, repeats: int) -> tuple[int, int]:
    """How many pairs count, the nearest of each stored feature, and the sum of their weights."""
    ordered = np.sort((points.astype(np.int64) << 32) | distances.astype(np.int64))
    votes, score, run = 0, 0, 0
    for place in range(ordered.shape[0]):
        run = run + 1 if place > 0 and ordered[place] >> 32 == ordered[place - 1] >> 32 else 1
        if run <= repeats:
            spare = limit + 1 - (ordered[place] & 0xFFFF)
            votes += 1
            score += spare * spare
    return votes, score
