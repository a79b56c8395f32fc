"""The vocabulary: nearest words against a search through everything, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bot.matching.words import CELLS, WORDS, WORDS_PER_CELL, Vocabulary, vocabulary

from .local_features import VOCABULARY, descriptors, flipped


def nearest(
    row: NDArray[np.uint64], coarse: NDArray[np.uint64], fine: NDArray[np.uint64], cells: int, words: int
) -> list[int]:
    """Every distance, sorted; of equal ones the first stays first."""
    near = np.argsort(np.bitwise_count(coarse ^ row).sum(1), kind="stable")[:cells]
    labels = (near[:, None] * WORDS_PER_CELL + np.arange(WORDS_PER_CELL)).ravel()
    away = np.bitwise_count(fine[near].reshape(-1, 4) ^ row).sum(1)
    return labels[np.argsort(away, kind="stable")[:words]].tolist()


@given(st.integers(0, 2**32), st.integers(1, CELLS), st.integers(1, WORDS_PER_CELL))
def test_nearest_words_are_those_of_a_search_through_everything(seed: int, cells: int, words: int) -> None:
    rng = np.random.default_rng(seed)
    pool = descriptors(rng, 5 if seed % 2 else 500)  # of five, many centres are equally near
    coarse = pool[rng.integers(0, len(pool), CELLS)]
    fine = pool[rng.integers(0, len(pool), (CELLS, WORDS_PER_CELL))]
    rows = np.concatenate((descriptors(rng, 2), flipped(rng, fine[3, :2], 0.1)))
    found = Vocabulary(coarse, fine).nearest(rows, cells, words)
    assert found.dtype == np.uint16
    assert found.tolist() == [nearest(row, coarse, fine, cells, words) for row in rows]


def test_a_descriptor_is_stored_under_the_word_that_a_query_looks_up_first() -> None:
    rows = descriptors(np.random.default_rng(5), 100)
    assert VOCABULARY.assign(rows).tolist() == VOCABULARY.nearest(rows, 4, 8)[:, 0].tolist()


def test_nothing_has_no_words() -> None:
    assert VOCABULARY.assign(np.empty((0, 4), np.uint64)).shape == (0,)
    assert VOCABULARY.nearest(np.empty((0, 4), np.uint64), 8, 8).shape == (0, 8)


def test_the_shape_in_memory_does_not_matter() -> None:
    rows = descriptors(np.random.default_rng(6), 20)
    assert VOCABULARY.assign(np.asfortranarray(rows)).tolist() == VOCABULARY.assign(rows).tolist()
    assert VOCABULARY.assign(rows[::3]).tolist() == VOCABULARY.assign(rows)[::3].tolist()


@pytest.mark.parametrize(
    "rows", [np.empty((3, 5), np.uint64), np.empty(4, np.uint64), np.empty((3, 4), np.int64), np.empty((2, 3, 4))]
)
def test_other_arrays_are_refused(rows: NDArray[np.uint64]) -> None:
    with pytest.raises(ValueError, match="Descriptors are n x 4 uint64"):
        VOCABULARY.assign(rows)


@pytest.mark.parametrize(("cells", "words"), [(0, 1), (257, 1), (1, 0), (1, 257), (-1, 8)])
def test_numbers_out_of_range_are_refused(cells: int, words: int) -> None:
    with pytest.raises(ValueError, match="From 1 to 256"):
        VOCABULARY.nearest(np.zeros((1, 4), np.uint64), cells, words)


def test_centres_of_other_shapes_are_refused() -> None:
    coarse, fine = np.zeros((CELLS, 4), np.uint64), np.zeros((CELLS, WORDS_PER_CELL, 4), np.uint64)
    with pytest.raises(ValueError, match="centres of the cells"):
        Vocabulary(coarse[:-1], fine)
    with pytest.raises(ValueError, match="centres of the words"):
        Vocabulary(coarse, fine.view(np.int64))  # type: ignore[arg-type]


def test_the_shipped_vocabulary_spreads_descriptors_over_its_words() -> None:
    rows = descriptors(np.random.default_rng(7), 2000)
    words = vocabulary().assign(rows)
    assert words.max() < WORDS
    assert len(np.unique(words)) > 200
    assert vocabulary() is vocabulary()
