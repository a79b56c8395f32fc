"""From pixels to matches: what people do to a picture before they post it again, and what must not match."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from itertools import count

import pytest
from PIL import Image

from bot.demo.pictures import (
    bordered,
    cropped,
    face_swapped,
    mirrored,
    picture,
    recompressed,
    resized,
    turned,
    twinkling,
)
from bot.matching.fingerprint import fingerprint
from bot.matching.matcher import Matcher, nearest_sightings
from bot.model import Bank, BankKind, Fingerprint, Form, Match, Orientation, Thresholds

from .builders import bank, entry

LIMITS = Thresholds()
SIZE = (240, 300)
SEEDS = range(12)
BLOCKED, CLEAN = bank(1), bank(2, BankKind.KNOWN_GOOD)


def look(*frames: Image.Image) -> Fingerprint:
    digest = sha256(b"".join(frame.tobytes() for frame in frames)).digest()
    return fingerprint(list(enumerate(frames)), sha256=digest, total_frames=len(frames))


def matcher_of(*listed: tuple[Bank, Image.Image]) -> Matcher:
    numbers = count(1)
    matcher = Matcher(LIMITS)
    matcher.load([BLOCKED, CLEAN], [entry(next(numbers), place.id, look(image)) for place, image in listed])
    return matcher


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    """Entry ``seed + 1`` is the picture of ``seed``."""
    return matcher_of(*((BLOCKED, picture(seed, SIZE)) for seed in SEEDS))


def first(matches: tuple[Match, ...]) -> Match:
    assert matches
    return matches[0]


@pytest.mark.parametrize(
    ("edit", "orientation"),
    [
        (recompressed, Orientation.UPRIGHT),
        (resized, Orientation.UPRIGHT),
        (partial(cropped, share=0.03), Orientation.UPRIGHT),
        (mirrored, Orientation.MIRRORED),
        (partial(turned, degrees=90), Orientation.TURNED_LEFT),
        (partial(turned, degrees=180), Orientation.UPSIDE_DOWN),
        (partial(turned, degrees=270), Orientation.TURNED_RIGHT),
        (lambda image: recompressed(mirrored(turned(image, 90))), Orientation.TRANSVERSED),
        (lambda image: mirrored(turned(image, 270)), Orientation.TRANSPOSED),
        (lambda image: mirrored(turned(image, 180)), Orientation.UPSIDE_DOWN_MIRRORED),
    ],
)
def test_a_repost_matches_in_the_removal_band_and_tells_how_it_lies(
    matcher: Matcher, edit: Callable[[Image.Image], Image.Image], orientation: Orientation
) -> None:
    for seed in SEEDS:
        found = first(matcher.match(look(edit(picture(seed, SIZE))), None))
        assert (found.entry_id, found.orientation) == (seed + 1, orientation)
        assert found.distance <= LIMITS.remove


def test_a_border_is_seen_through_on_either_side(matcher: Matcher) -> None:
    for seed in SEEDS:
        found = first(matcher.match(look(recompressed(bordered(picture(seed, SIZE)), quality=80)), None))
        assert (found.entry_id, found.form) == (seed + 1, Form.TRIMMED)
        assert found.distance <= LIMITS.remove
    framed = matcher_of((BLOCKED, bordered(picture(3, SIZE), fill=(0, 0, 0))))
    assert first(framed.match(look(picture(3, SIZE)), None)).distance <= LIMITS.remove


def test_other_pictures_do_not_match(matcher: Matcher) -> None:
    for seed in range(100, 118):
        assert matcher.match(look(picture(seed, SIZE)), None) == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_known_good_original_tells_the_manipulation_from_the_official_picture(seed: int) -> None:
    official = picture(seed, SIZE)
    manipulated = face_swapped(official, seed)
    unprotected = matcher_of((BLOCKED, manipulated))
    assert first(unprotected.match(look(recompressed(official)), None)).margin is None
    protected = matcher_of((BLOCKED, manipulated), (CLEAN, official))
    repost = first(protected.match(look(recompressed(mirrored(manipulated))), None))
    assert repost.margin is not None
    assert repost.distance <= LIMITS.remove
    assert repost.margin >= LIMITS.margin
    innocent = first(protected.match(look(recompressed(mirrored(official))), None))
    assert innocent.margin is not None
    assert innocent.margin < 0


def test_a_blocked_picture_is_found_in_the_middle_of_an_animation(matcher: Matcher) -> None:
    frames = [picture(200, SIZE), *twinkling(mirrored(picture(5, SIZE)), 3), picture(201, SIZE)]
    found = first(matcher.match(look(*frames), None))
    assert (found.entry_id, found.orientation) == (6, Orientation.MIRRORED)
    assert 1 <= found.frames_matched < found.frames_compared


def test_kept_sightings_are_found_again_when_a_picture_is_blocked() -> None:
    official = picture(7, SIZE)
    posts = [recompressed(official), turned(official, 180), picture(8, SIZE), bordered(mirrored(official))]
    away = nearest_sightings(look(official), [look(post).upright() for post in posts])
    assert [bool(distance <= LIMITS.remove) for distance in away] == [True, True, False, True]
