"""How alike two kept pictures are: the nearest views, then their gradients."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matching import grid
from bot.matching.likeness import alike, compared, nearest_sightings, same_picture
from bot.model import Fingerprint, Form, Orientation, Thresholds

from . import brute_force
from .builders import BASES, bare, entry, fingerprint, fingerprints, flipped, gridded, oriented, picture, view

LIMITS = Thresholds()


@given(fingerprints, st.lists(fingerprints, max_size=6))
def test_nearest_sightings_is_the_least_distance_of_every_pair(
    look: Fingerprint, sightings: Sequence[Fingerprint]
) -> None:
    found = nearest_sightings(look, [sighting.upright() for sighting in sightings])
    expected = [brute_force.least(sighting.views, entry(1, 1, look)) for sighting in sightings]
    assert found.tolist() == [256 if distance is None else distance for distance in expected]
    assert found.dtype == "int16"


def test_a_complement_is_as_far_as_can_be() -> None:
    assert nearest_sightings(picture(bytes(32)), [picture(b"\xff" * 32)]).tolist() == [256]


@given(fingerprints, fingerprints)
def test_alike_tells_the_nearest_pair_of_views(look: Fingerprint, other: Fingerprint) -> None:
    found = alike(look, other)
    least = brute_force.least(other.views, entry(1, 1, look))
    assert (None if found is None else found.distance) == least
    if found is not None and found.evidence is not None:
        assert found.evidence.inliers is None


@pytest.mark.parametrize("orientation", Orientation)
def test_alike_compares_the_gradients_as_the_copy_lies(orientation: Orientation) -> None:
    look = picture(oriented(BASES[0], **{f"at{orientation.value}": BASES[1]}))
    turned = picture(flipped(BASES[1], 3), grid=grid.oriented(gridded(), orientation))
    found = alike(look, turned)
    assert found is not None
    assert found.distance == 3
    assert found.evidence is not None
    assert found.evidence.agreement == 1


def test_nothing_can_be_said_without_views_and_no_gradients_without_grids() -> None:
    assert alike(fingerprint([]), picture(BASES[0])) is None
    assert alike(picture(BASES[0]), fingerprint([])) is None
    found = alike(picture(BASES[0]), picture(BASES[0], grid=b""))
    assert found == (0, None)
    assert compared(b"", gridded(), Orientation.UPRIGHT) is None
    assert compared(gridded(), b"", Orientation.UPRIGHT) is None


def test_inverted_gradients_agree_when_they_are_expected() -> None:
    inverted = compared(grid.inverted(gridded()), gridded(), Orientation.UPRIGHT, inverted=True)
    upright = compared(grid.inverted(gridded()), gridded(), Orientation.UPRIGHT)
    assert inverted is not None
    assert upright is not None
    assert (inverted.agreement, upright.agreement) == (1, 0)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (picture(flipped(BASES[0], 64)), True),
        (picture(flipped(BASES[0], 65)), False),
        (picture(BASES[0], grid=gridded(0, 0.1)), True),
        (picture(BASES[0], grid=gridded(0, 0.2)), False),
        (picture(BASES[0], grid=gridded(3)), False),
        (picture(flipped(BASES[0], 31), grid=b""), True),
        (picture(flipped(BASES[0], 32), grid=b""), False),
        (fingerprint([], b"s" * 32), True),
        (fingerprint([], b"t" * 32), False),
        (fingerprint([view(flipped(BASES[0], 9), Form.TRIMMED)]), True),
    ],
)
def test_the_same_picture_is_what_would_be_removed(other: Fingerprint, same: bool) -> None:
    assert same_picture(picture(oriented(BASES[0]), b"s" * 32), other, LIMITS) == same


def test_entries_of_unknown_files_are_not_the_same_for_that() -> None:
    assert not same_picture(bare(BASES[0]), bare(BASES[1]), LIMITS)
