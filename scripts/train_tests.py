"""Learn the brightness tests of the descriptors and the direction of the mirror form: bot/matching/data/patches.npz.

Run it with ``python scripts/train_tests.py --photos DIR``, then train the vocabulary anew. From every photograph and
altered copies of it come pairs of corners that show the same place. Tests are drawn at random in groups of four that
mirroring and inversion map onto one another. Groups are then chosen one by one, always the one that best separates
the distances of true pairs from those of unrelated pairs, in units of their deviations: tests that seldom flip, are
undecided between pictures and, since what counts is the deviation of the sum, say what the others do not. (ORB's own
tests were chosen by variance and correlation alone, and are not closed under mirroring.)

The mirror form is chosen by the first principal direction of descriptor minus mirrored descriptor.
"""  # noqa: INP001

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from altered_copies import Copy, Plane, altered, read_photographs, scaled
from numpy.typing import NDArray

from bot.matching import corners, descriptors, features

FILE = Path(__file__).parent.parent / "bot" / "matching" / "data" / "patches.npz"
RADIUS = 18  # of the disc that holds the tests; turned and rounded they stay within the margin of the corners
GROUPS = 64

_CANDIDATES = 9_000
_PAIRS = 12_000
_PAIRS_PER_COPY = 100
_SPREAD_WEIGHT = 3.0  # of the variance of unrelated distances: false matches come from their tail
_CLOSE = 0.2  # of the deviation: the choice of the mirror form is doubtful

_log = logging.getLogger(__name__)

Values = NDArray[np.uint8]  # brightness of corners at the points of the disc, (corners, points) or transposed
Tests = NDArray[np.int8]  # (n, 4): the two points (u, v) that are compared


def main() -> None:
    """Learn and write the tests and the direction."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--photos", type=Path, required=True, help="folder of ordinary photographs")
    arguments.add_argument("--copies", type=int, default=4, help="altered copies of every photograph")
    arguments.add_argument("--out", type=Path, default=FILE)
    given = arguments.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rng = np.random.default_rng(0)
    points = disc()
    first, second = _pairs(read_photographs(given.photos), given.copies, points, rng)
    _log.info("%d pairs of corners", len(first))
    tests = choose(first, second, points, rng)
    direction, close = _direction(first, tests, points)
    np.savez(given.out, tests=tests, chirality=direction, close=close)
    _log.info("wrote %s", given.out)


def disc() -> Tests:
    """All whole points (n, 2) of the disc."""
    v, u = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1]
    inside = u * u + v * v <= RADIUS * RADIUS
    return np.stack([u[inside], v[inside]], axis=1).astype(np.int8)


def choose(first: Values, second: Values, points: Tests, rng: np.random.Generator) -> Tests:
    """One test of every chosen group, from true pairs of corners (n, points)."""
    picked = rng.permutation(len(first))[:_PAIRS]
    one, other = np.ascontiguousarray(first[picked].T), np.ascontiguousarray(second[picked].T)
    strange = np.ascontiguousarray(first[rng.integers(len(first), size=len(picked))].T)
    candidates = _candidates(rng)
    true, unrelated = _flips(candidates, points, one, other), _flips(candidates, points, other, strange)
    gain = unrelated.mean(1, dtype=float) - true.mean(1, dtype=float)
    deviation = np.sqrt(true.var(1, dtype=float) + unrelated.var(1, dtype=float) + 1e-6)
    useful = np.argsort(-gain / deviation)[: _CANDIDATES // 2]
    return candidates[useful[_greedy(true[useful], unrelated[useful])]]


def _greedy(true: NDArray[np.int8], unrelated: NDArray[np.int8]) -> list[int]:
    """Indices of groups whose summed flips (groups, pairs) separate best, each chosen after those before it."""
    gain = unrelated.mean(1, dtype=float) - true.mean(1, dtype=float)
    spread = [(flips - flips.mean(1, keepdims=True)).astype(np.float32) for flips in (true, unrelated)]
    own = [np.square(part).mean(1) for part in spread]
    sums = [np.zeros(part.shape[1], np.float32) for part in spread]
    chosen: list[int] = []
    total = 0.0
    for _ in range(GROUPS):
        variance = [
            np.square(done).mean() + 2 * (part @ done) / len(done) + alone
            for part, alone, done in zip(spread, own, sums, strict=True)
        ]
        quality = (total + gain) / np.sqrt(variance[0] + _SPREAD_WEIGHT * variance[1])
        quality[chosen] = -np.inf
        best = int(quality.argmax())
        chosen.append(best)
        total += gain[best]
        sums = [done + part[best] for part, done in zip(spread, sums, strict=True)]
    _log.info("separation of true and unrelated pairs: %.2f", quality[best])
    return chosen


def _candidates(rng: np.random.Generator) -> Tests:
    """Tests of different groups of four, denser towards the middle."""
    found: dict[frozenset[frozenset[tuple[int, ...]]], NDArray[np.int8]] = {}
    while len(found) < _CANDIDATES:
        ends = rng.normal(0, RADIUS / 2, (2, 2)).round().astype(np.int8)
        if (np.square(ends.astype(int)).sum(1) > RADIUS * RADIUS).any():
            continue
        images = np.concatenate(_ends(ends.reshape(1, 4)), axis=1).reshape(4, 2, 2)
        group = frozenset(frozenset(map(tuple, image)) for image in images.tolist())
        if len(group) == 4:
            found.setdefault(group, ends.ravel())
    return np.array(list(found.values()))


def _ends(tests: Tests) -> tuple[Tests, Tests]:
    """Both ends (4 n, 2) of the tests with their images."""
    first, second = tests[:, :2], tests[:, 2:]
    return descriptors.four_images(first, second), descriptors.four_images(second, first)


def _bits(tests: Tests, points: Tests, values: Values) -> NDArray[np.bool_]:
    """Outcomes (4 n, corners) of n tests and their images for values (points, corners)."""
    place = np.zeros((2 * RADIUS + 1, 2 * RADIUS + 1), np.int64)
    place[points[:, 0], points[:, 1]] = np.arange(len(points))  # negative coordinates count from the end
    first, second = _ends(tests)
    return values[place[first[:, 0], first[:, 1]]] < values[place[second[:, 0], second[:, 1]]]


def _flips(tests: Tests, points: Tests, one: Values, other: Values) -> NDArray[np.int8]:
    """How many of the four images of every test differ within every pair: (tests, pairs)."""
    flips = np.empty((len(tests), one.shape[1]), np.int8)
    for number in range(len(tests)):
        test = tests[number : number + 1]
        flips[number] = (_bits(test, points, one) ^ _bits(test, points, other)).sum(0)
    return flips


def _direction(values: Values, tests: Tests, points: Tests) -> tuple[NDArray[np.int8], int]:
    """The weights (2, 64) of the differences of words 0 and 1, and 2 and 3, and what counts as close."""
    bits = _bits(tests, points, np.ascontiguousarray(values.T)).astype(np.float32).reshape(2, 2, GROUPS, -1)
    differences = (bits[:, 0] - bits[:, 1]).reshape(2 * GROUPS, -1)
    _, directions = np.linalg.eigh(differences @ differences.T)
    weights = np.round(100 * directions[:, -1] / np.abs(directions[:, -1]).max()).astype(np.int8)
    side = weights.astype(np.float32) @ differences
    return weights.reshape(2, GROUPS), round(_CLOSE * float(side.std()))


def _pairs(photographs: Sequence[Plane], copies: int, points: Tests, rng: np.random.Generator) -> tuple[Values, Values]:
    """Brightness around corners of photographs and of copies that show the same place: twice (pairs, points)."""
    found: list[tuple[Values, Values]] = []
    for number, photograph in enumerate(photographs):
        for side in (512, 256):
            frame = scaled(photograph, side / max(photograph.shape))
            places, values = _corners(frame.plane, features.REFERENCE_SIDES[0][1], points)
            for _ in range(copies // 2):
                copy = altered(photographs, number, rng)
                seen = scaled(copy.plane, features.QUERY_SIDE / max(copy.plane.shape))
                whole = Copy(seen.plane, seen.map @ copy.map @ np.linalg.inv(frame.map))
                seen_places, seen_values = _corners(whole.plane, features.LEAST_QUERY_COUNT, points)
                one, other = _same_place(places, seen_places, whole.map)
                kept = rng.permutation(len(one))[:_PAIRS_PER_COPY]
                found.append((values[one[kept]], seen_values[other[kept]]))
    return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])


def _corners(plane: Plane, count: int, points: Tests) -> tuple[NDArray[np.float64], Values]:
    """x, y, size and angle (n, 4) of the corners of a plane, and the brightness (n, points) around them."""
    levels = corners.pyramid(plane)
    chosen = corners.corners(levels, count)
    angles, _ = descriptors.describe(levels, chosen)
    turn = np.round(angles * (descriptors.TURNS / (2 * np.pi))).astype(int) % descriptors.TURNS
    around = descriptors.turned(points)[turn].astype(np.int64)
    rows = (levels.tops[chosen.level] + chosen.y)[:, None] + around[:, 1]
    values = levels.blurred[rows, chosen.x[:, None] + around[:, 0]]
    across = plane.shape[1] / levels.widths[chosen.level] if len(angles) else np.zeros(0)
    x, y = (chosen.x + 0.5) * across - 0.5, (chosen.y + 0.5) * across - 0.5
    return np.stack([x, y, features.PATCH * across, angles], axis=1), values


def _same_place(
    places: NDArray[np.float64], seen: NDArray[np.float64], transform: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of corners of a frame and of a copy that agree in place, size and angle under the map between them."""
    tip = places[:, :2] + np.stack([np.cos(places[:, 3]), np.sin(places[:, 3])], axis=1)
    expected, arrow = _mapped(places[:, :2], transform), _mapped(tip, transform)
    arrow -= expected
    size = places[:, 2] * np.hypot(*arrow.T)
    gap = np.hypot(*(expected[:, None] - seen[None, :, :2]).transpose(2, 0, 1))
    turn = np.angle(np.exp(1j * (np.arctan2(arrow[:, 1], arrow[:, 0])[:, None] - seen[:, 3])))
    near = gap < 2.5 * np.maximum(1, size / features.PATCH)[:, None]
    alike = np.abs(np.log(size[:, None] / seen[:, 2])) < 0.25
    one, other = np.nonzero(near & alike & (np.abs(turn) < 0.35))
    return one, other


def _mapped(points: NDArray[np.float64], transform: NDArray[np.float64]) -> NDArray[np.float64]:
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ transform.T
    return homogeneous[:, :2] / homogeneous[:, 2:]


if __name__ == "__main__":
    main()
