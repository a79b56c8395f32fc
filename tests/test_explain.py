"""What is said of a match: the numbers that it has, and none that it has not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.explain import frames, lying, percent, rival, sentence
from bot.model import Category, Evidence, Match, Orientation, Part, Stage

WHOLE = Match(
    5,
    1,
    Category.SCAM,
    Stage.PHASH,
    12,
    Part.WHOLE,
    Orientation.UPRIGHT,
    evidence=Evidence(0.934, 0.4, 14.0, visible=0.512),
)
BARE = replace(WHOLE, stage=Stage.PDQ, distance=23, evidence=None)


@given(st.floats(0, 1))
def test_a_share_is_all_of_it_only_if_it_is(share: float) -> None:
    number = int(re.fullmatch(r"(\d+) %", percent(share))[1])
    assert abs(number - 100 * share) <= 1
    assert (number == 100) == (share == 1)


def test_gradients_are_told_as_shares_and_bare_hashes_as_bits() -> None:
    whole, bare = sentence(WHOLE), sentence(BARE)
    assert "51 %" in whole
    assert "93 %" in whole
    assert "bits" not in whole
    assert "23 of 256 bits" in bare
    assert "%" not in bare
    assert all("E-5" in said for said in (whole, bare))


@pytest.mark.parametrize("stage", [Stage.SHA256, Stage.MD5])
def test_the_very_file_needs_no_numbers(stage: Stage) -> None:
    said = sentence(replace(BARE, stage=stage, distance=0))
    assert "file" in said
    assert "E-5" in said
    assert not re.search(r"bits|%", said)


@pytest.mark.parametrize("part", Part)
def test_every_part_has_words_of_its_own(part: Part) -> None:
    others = {sentence(replace(BARE, part=other)) for other in Part if other is not part}
    assert sentence(replace(BARE, part=part)) not in others


@pytest.mark.parametrize("orientation", Orientation)
@pytest.mark.parametrize("inverted", [False, True])
def test_how_a_copy_lies_is_said_where_it_does_not_lie_upright(orientation: Orientation, inverted: bool) -> None:
    match = replace(WHOLE, orientation=orientation, inverted=inverted)
    words = lying(match)
    assert (words is None) == (orientation is Orientation.UPRIGHT and not inverted)
    assert words is None or words in sentence(match)
    assert words is None or words in sentence(replace(BARE, orientation=orientation, inverted=inverted))
    assert ("inverted" in (words or "")) == inverted


def test_a_rival_is_told_by_what_it_was_compared_by() -> None:
    assert rival(WHOLE) is None
    by_bits = rival(replace(WHOLE, known_good_id=9, known_good_distance=31))
    assert by_bits is not None
    assert "31 bits" in by_bits
    by_share = rival(replace(WHOLE, known_good_id=9, known_good_distance=31, known_good_agreement=0.7))
    assert by_share is not None
    assert "70 %" in by_share
    assert "bits" not in by_share
    assert "E-9" in by_bits
    assert "E-9" in by_share


def test_frames_are_counted_for_what_moves() -> None:
    assert frames(WHOLE) is None
    counted = frames(replace(WHOLE, frames_matched=4, frames_compared=6))
    assert counted is not None
    assert "4 of 6" in counted
