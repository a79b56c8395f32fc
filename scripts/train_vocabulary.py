"""Train the visual vocabulary that ships with the program: bot/matching/data/vocabulary.npz.

Run it with ``python scripts/train_vocabulary.py --photos DIR``, after ``scripts/train_tests.py`` if the tests changed,
since words are made of descriptors. It describes every photograph of the folder and altered copies of it, as references
and as queries are described, and clusters the descriptors by k-majority: k-means for Hamming distance, where a centre
takes the majority of every bit (Grana, Borghesani, Manfredi, Cucchiara, "A fast approach for integrating ORB
descriptors in the bag of words model", 2013). First into 256 cells, then every cell into 256 words. The vocabulary
shapes only the speed and the recall of the search; a few hundred ordinary photographs are enough.
"""  # noqa: INP001

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
from altered_copies import altered, read_photographs
from numpy.typing import NDArray

from bot.matching import features
from bot.matching.kernels import kernel, popcount
from bot.matching.words import CELLS, WORDS_PER_CELL

FILE = Path(__file__).parent.parent / "bot" / "matching" / "data" / "vocabulary.npz"

_ROUNDS = 5
_log = logging.getLogger(__name__)

Words = NDArray[np.uint64]


def main() -> None:
    """Train and write the vocabulary."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--photos", type=Path, required=True, help="folder of ordinary photographs")
    arguments.add_argument("--copies", type=int, default=4, help="altered copies of every photograph")
    arguments.add_argument("--out", type=Path, default=FILE)
    given = arguments.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rng = np.random.default_rng(0)
    descriptors = _descriptors(given.photos, given.copies, rng)
    _log.info("%d descriptors", len(descriptors))
    coarse, fine = vocabulary(descriptors, rng)
    np.savez(given.out, coarse=coarse, fine=fine)
    _log.info("wrote %s", given.out)


def vocabulary(descriptors: Words, rng: np.random.Generator) -> tuple[Words, Words]:
    """The centres of the cells (256, 4) and of the words of each (256, 256, 4) for descriptors (n, 4)."""
    coarse = majorities(descriptors, CELLS, rng)
    cell = _nearest(descriptors, coarse)
    fine = np.empty((CELLS, WORDS_PER_CELL, 4), np.uint64)
    for number in range(CELLS):
        inside = descriptors[cell == number]
        missing = max(0, WORDS_PER_CELL - len(inside))
        spare = descriptors[rng.integers(len(descriptors), size=missing)]
        fine[number] = majorities(np.concatenate([inside, spare]), WORDS_PER_CELL, rng)
    return coarse, fine


def majorities(descriptors: Words, count: int, rng: np.random.Generator) -> Words:
    """The centres (count, 4) of clusters of descriptors (n, 4); n must be at least `count`."""
    centres = descriptors[rng.choice(len(descriptors), count, replace=False)]
    for _ in range(_ROUNDS):
        nearest = _nearest(descriptors, centres)
        ones, members = np.zeros((count, 256), np.int32), np.bincount(nearest, minlength=count)[:, None]
        _count_ones(descriptors, nearest, ones)
        bits = np.where(2 * ones == members, rng.random(ones.shape) < 0.5, 2 * ones > members)
        centres = np.packbits(bits, axis=1, bitorder="little").view(np.uint64)
        alone = members[:, 0] == 0
        centres[alone] = descriptors[rng.integers(len(descriptors), size=int(alone.sum()))]
    return centres


def _descriptors(folder: Path, copies: int, rng: np.random.Generator) -> Words:
    photographs = read_photographs(folder)
    parts: list[Words] = []
    for number, photograph in enumerate(photographs):
        parts.append(features.reference(photograph)[0].descriptors)
        planes = [features.query_plane(altered(photographs, number, rng).plane) for _ in range(copies)]
        parts += [features.query(plane).descriptors for plane in planes]
    return rng.permutation(np.concatenate(parts))


def _nearest(descriptors: Words, centres: Words) -> NDArray[np.int32]:
    found = np.empty(len(descriptors), np.int32)
    _assign(descriptors, np.ascontiguousarray(centres.T), found)
    return found


@kernel
def _assign(descriptors: Words, centres: Words, found: NDArray[np.int32]) -> None:
    for row in range(descriptors.shape[0]):
        one, two, three, four = descriptors[row]
        first, second, third, fourth = centres[0], centres[1], centres[2], centres[3]
        least = np.uint64(0xFFFFFFFF)
        for place in range(centres.shape[1]):
            distance = (
                popcount(one ^ first[place])
                + popcount(two ^ second[place])
                + popcount(three ^ third[place])
                + popcount(four ^ fourth[place])
            )
            least = min(least, (distance << np.uint64(16)) | np.uint64(place))
        found[row] = least & np.uint64(0xFFFF)


@kernel
def _count_ones(descriptors: Words, cluster: NDArray[np.int32], ones: NDArray[np.int32]) -> None:
    for row in range(descriptors.shape[0]):
        for word in range(4):
            bits = descriptors[row, word]
            for bit in range(64):
                ones[cluster[row], 64 * word + bit] += np.int32((bits >> np.uint64(bit)) & np.uint64(1))


if __name__ == "__main__":
    main()
