"""The matcher with everything on: features, bare hashes, whole pictures, and arrays that no decoder would send."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from threading import Event, Thread

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.demo.pictures import face_swapped, mirrored, picture, turned
from bot.matching.extract import Extraction, extract
from bot.matching.matcher import Matcher
from bot.matching.packing import Signature
from bot.matching.query import LEAST_FEATURES, Features, Frame, Query, Wanted
from bot.matching.search import EVERYWHERE, Region, by_features
from bot.model import (
    Bank,
    BankKind,
    BankLevel,
    Entry,
    Fingerprint,
    GuildSettings,
    Match,
    Part,
    Stage,
    Thresholds,
)

from .builders import BANKS, GUILDS, WHEN, bank, bare, entry, flipped
from .builders import fingerprint as of_views
from .edits import inverted_and_cropped, off_centre, picture_in_picture
from .replies import ODD, features_of, plane_of, queries, views_of

LIMITS = Thresholds()
SIGNATURE = Signature.derived(b"search")
SIZE = (300, 400)
ALL = Wanted.FEATURES | Wanted.VIEWS
EDITS: tuple[Callable[[Image.Image], Image.Image], ...] = (
    lambda image: image,
    mirrored,
    partial(off_centre, share=0.4),
    partial(turned, degrees=90),
    inverted_and_cropped,
    picture_in_picture,
)


def fresh(*entries: Entry, banks: tuple[Bank, ...] = BANKS) -> Matcher:
    matcher = Matcher(LIMITS, SIGNATURE)
    matcher.load(banks, entries)
    return matcher


@cache
def listed(seed: int) -> Fingerprint:
    query = extract(picture(seed, SIZE), Wanted.REFERENCE, sha256=bytes([seed]) * 32)
    return replace(Matcher(LIMITS, SIGNATURE).packed(query), pdq=query.fingerprint.pdq)


@cache
def query_of(seed: int, edit: int = 0) -> Query:
    return extract(EDITS[edit](picture(seed, SIZE)), ALL, sha256=bytes([seed]) * 32)


LOOKS: tuple[Callable[[int], Fingerprint], ...] = (
    listed,
    listed,
    lambda seed: listed(seed).without_features(),
    lambda seed: bare(b"", *listed(seed).pdq[:2]),
    lambda seed: bare(listed(seed).views[0].hashes[:32]),
    lambda seed: bare(sha256=listed(seed).sha256),
)
looks = st.builds(lambda make, seed: make(seed), st.sampled_from(LOOKS), st.integers(0, 3))
asked = st.builds(query_of, st.integers(0, 3), st.integers(0, len(EDITS) - 1))


def answers(matcher: Matcher, query: Query) -> list[object]:
    return [
        (
            matcher.match(query, guild),
            matcher.exact(query.fingerprint.sha256, guild),
            matcher.known_good_exact(query.fingerprint.sha256, guild),
            matcher.known_good_count(guild),
            matcher.wanted(GuildSettings(guild or 0)),
        )
        for guild in GUILDS
    ]


def local_views(matcher: Matcher) -> int:
    """How many views the index of local features has."""
    local = matcher._listing.local
    assert local is not None
    return len(local)


# ------------------------------------------------------------------------------------------------- history


@given(st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_how_the_entries_came_does_not_change_an_answer_of_any_stage(data: st.DataObject) -> None:
    banks = {bank.id: bank for bank in BANKS}
    matcher = fresh()
    current: dict[int, Entry] = {}
    for _ in range(data.draw(st.integers(1, 10))):
        entry_id = data.draw(st.integers(1, 5))
        match data.draw(st.sampled_from(("put", "put", "put", "revoke", "revoke by adding", "load", "many"))):
            case "put":
                current[entry_id] = entry(entry_id, data.draw(st.sampled_from(BANKS)).id, data.draw(looks))
                matcher.add(banks[current[entry_id].bank_id], current[entry_id])
            case "revoke":
                matcher.revoke(entry_id)
                current.pop(entry_id, None)
            case "revoke by adding" if entry_id in current:
                gone = replace(current.pop(entry_id), revoked_at=WHEN)
                matcher.add(banks[gone.bank_id], gone)
            case "many":
                new = [entry(number, 1 + number % 6, data.draw(looks)) for number in range(entry_id, 6)]
                matcher.update(BANKS, new)
                current |= {one.id: one for one in new}
            case _:
                matcher.load(BANKS, data.draw(st.permutations(list(current.values()))))
    again = fresh(*current.values())
    assert local_views(matcher) == local_views(again)
    for query in (data.draw(asked), data.draw(asked)):
        assert answers(matcher, query) == answers(again, query)


def test_a_revoked_entry_is_found_by_no_stage() -> None:
    for make in LOOKS[1:]:
        for revoke in (
            lambda matcher, look: matcher.revoke(1),
            lambda matcher, look: matcher.add(BANKS[0], entry(1, 1, look, revoked=True)),
            lambda matcher, look: matcher.load(BANKS, [entry(1, 1, look, revoked=True)]),
            lambda matcher, look: matcher.add(BANKS[0], entry(1, 1, listed(3))),
        ):
            matcher = fresh(entry(1, 1, make(0)))
            assert matcher.match(query_of(0), None) or matcher.exact(bytes(32), None)
            revoke(matcher, make(0))
            for edit in range(len(EDITS)):
                assert matcher.match(query_of(0, edit), None) == ()
            assert matcher.exact(bytes(32), None) == ()
            assert local_views(matcher) == (matcher.fingerprint(1) is not None)
            assert matcher.near(listed(0), None, BankKind.BLOCK) == []


# ------------------------------------------------------------------------------------------------- who sees what


@pytest.mark.parametrize("make", LOOKS[1:5])
@pytest.mark.parametrize("edit", range(len(EDITS)))
def test_a_guilds_own_entries_match_for_that_guild_alone(make: Callable[[int], Fingerprint], edit: int) -> None:
    matcher = fresh(entry(1, 3, make(0)), entry(2, 4, make(1)))
    query = query_of(0, edit)
    for stranger in (None, 200, 300):
        assert matcher.match(query, stranger) == ()
    found = matcher.match(query, 100)
    assert {match.entry_id for match in found} <= {1}
    if edit == 0 or make is listed:
        assert found


def test_a_known_good_entry_of_another_guild_speaks_against_nothing() -> None:
    matcher = fresh(entry(1, 1, listed(0)), entry(2, 6, listed(0)))
    for edit in range(len(EDITS)):
        query = query_of(0, edit)
        assert all(match.known_good_id is None for guild in (None, 100, 300) for match in matcher.match(query, guild))
        assert [match.known_good_id for match in matcher.match(query, 200)] == [2]


def test_what_is_wanted_follows_what_the_guild_can_see() -> None:
    features, off = GuildSettings(100), GuildSettings(100, local_features=False)
    assert fresh().wanted(features) == Wanted.NOTHING
    assert fresh(entry(1, 1, LOOKS[2](0))).wanted(features) == Wanted.NOTHING
    assert fresh(entry(1, 1, listed(0))).wanted(features) == Wanted.FEATURES
    assert fresh(entry(1, 1, listed(0))).wanted(off) == Wanted.NOTHING
    for number in (3, 4):
        assert fresh(entry(1, 1, LOOKS[number](0))).wanted(off) == Wanted.VIEWS
        assert fresh(entry(1, 5, LOOKS[number](0))).wanted(off) == Wanted.NOTHING
        assert fresh(entry(1, 2, LOOKS[number](0))).wanted(off) == Wanted.NOTHING
    assert fresh(entry(1, 1, LOOKS[5](0))).wanted(features) == Wanted.NOTHING
    assert fresh(entry(1, 1, LOOKS[3](0)), entry(2, 1, listed(1))).wanted(features) == ALL


def test_what_an_entry_needs_follows_the_settings() -> None:
    assert fresh().wanted_of_entries(None) == Wanted.REFERENCE
    assert fresh().wanted_of_entries(GuildSettings(1)) == Wanted.REFERENCE
    assert fresh().wanted_of_entries(GuildSettings(1, local_features=False)) == Wanted.NOTHING
    assert Matcher(LIMITS).wanted_of_entries(None) == Wanted.NOTHING


def test_an_entry_keeps_features_only_where_there_are_enough() -> None:
    query = extract(picture(2, SIZE), Wanted.REFERENCE, sha256=bytes(32))
    (reference,) = query.references
    packed = Matcher(LIMITS, SIGNATURE).packed
    assert packed(query).has_features
    for count in (LEAST_FEATURES - 1, 0):
        few = Features(*(column[:count] for column in reference.features))
        assert not packed(replace(query, references=(replace(reference, features=few),))).has_features
    assert Matcher(LIMITS).packed(query) == query.fingerprint
    assert packed(query).without_features() == query.fingerprint


# ------------------------------------------------------------------------------------------------- known-good rule


def test_a_known_good_entry_must_lie_on_the_same_part_of_the_picture() -> None:
    """One within a post does not speak against a blocked one that fills the post, nor the reverse."""
    small = extract(picture(1, (120, 160)), Wanted.REFERENCE, sha256=b"s" * 32)
    post = picture(0, SIZE)
    post.paste(picture(1, (120, 160)), (150, 200))
    query = extract(off_centre(post, 0.02), ALL, sha256=b"q" * 32)
    blocked, good = entry(1, 1, listed(0)), entry(2, 2, Matcher(LIMITS, SIGNATURE).packed(small))
    assert any(match.known_good_id for match in fresh(blocked, entry(2, 2, listed(0))).match(query, None))
    (match,) = fresh(blocked, good).match(query, None)
    assert match.known_good_id is None
    reverse = fresh(entry(1, 1, good.fingerprint), entry(2, 2, listed(0))).match(query, None)
    assert [match.known_good_id for match in reverse] == [None]


def test_regions_are_shares_of_the_frame() -> None:
    listing = fresh(entry(1, 1, listed(2)))._listing
    small, shown = picture_in_picture(picture(2, SIZE)), extract(picture(2, SIZE), ALL, sha256=bytes(32))
    queries = (extract(small, ALL, sha256=bytes(32)), shown, query_of(2, 2))
    within, whole, part = (
        max(by_features(listing, [1], query), key=lambda found: found.evidence.agreement) for query in queries
    )
    assert within.region.area == pytest.approx((0.45 * 900) ** 2 * 400 / 300 / (900 * 720), rel=0.1)
    assert whole.region.overlap(EVERYWHERE) > 0.95
    assert part.region.overlap(EVERYWHERE) > 0.95
    assert within.region.overlap(EVERYWHERE) == pytest.approx(within.region.area)


REGIONS = st.tuples(*[st.floats(0, 1)] * 4).map(
    lambda sides: Region(min(sides[:2]), min(sides[2:]), max(sides[:2]), max(sides[2:]))
)


@given(REGIONS, REGIONS)
def test_an_overlap_is_a_share_and_the_same_both_ways(one: Region, other: Region) -> None:
    assert 0 <= one.overlap(other) <= 1 + 1e-9
    assert one.overlap(other) == pytest.approx(other.overlap(one))
    assert one.area < 1e-9 or one.overlap(one) == pytest.approx(1)


def test_the_official_picture_of_a_face_swap_is_cleared_however_it_was_found() -> None:
    swap = extract(face_swapped(picture(2, SIZE), 2), Wanted.REFERENCE, sha256=b"f" * 32)
    matcher = fresh(entry(1, 1, Matcher(LIMITS, SIGNATURE).packed(swap)), entry(2, 2, listed(2)))
    for edit in range(len(EDITS)):
        for match in matcher.match(query_of(2, edit), None):
            assert match.known_good_id == 2
            assert match.lead is not None
            assert match.lead <= 0


# ------------------------------------------------------------------------------------------------- stages together


@pytest.mark.parametrize("level", BankLevel)
def test_the_early_exit_hides_no_entry_that_may_do_more(level: BankLevel) -> None:
    """A whole picture that is certain ends the search only if nothing could lead to more than it does."""
    other = replace(bank(7), level=level)
    pasted = picture(0, SIZE).copy()
    pasted.paste(picture(1, SIZE).resize((150, 200)), (75, 100))
    query = extract(pasted, ALL, sha256=b"q" * 32)
    whole = extract(pasted, Wanted.NOTHING, sha256=b"w" * 32).fingerprint
    matcher = fresh(entry(1, 7, whole), entry(2, 1, listed(1)), banks=(*BANKS, other))
    found = {match.entry_id: match for match in matcher.match(query, None)}
    assert found[1].stage is Stage.PHASH
    assert (2 in found) == (level is not BankLevel.REMOVE)


def test_the_early_exit_needs_every_frame() -> None:
    extraction = Extraction(ALL)
    for number, shown in enumerate((picture(0, SIZE), off_centre(picture(1, SIZE), 0.4))):
        extraction.add(number, shown)
    query = extraction.query(sha256=b"q" * 32, size=SIZE, total_frames=2)
    found = {
        match.entry_id: match for match in fresh(entry(1, 1, listed(0)), entry(2, 1, listed(1))).match(query, None)
    }
    assert (found[1].stage, found[2].stage) == (Stage.PHASH, Stage.LOCAL)


def test_of_several_ways_to_an_entry_the_one_that_removes_is_told() -> None:
    """A part whose frame is a guess may be nearer than one that is none."""
    kinds = np.asarray([4, 0, 7], np.uint8)  # a half, the whole, drawn out
    look = views_of(1, 3)
    look = look._replace(kinds=kinds)
    target = bytes(look.pdq[0, 0])
    for place, away in ((1, 25), (2, 10)):
        look.pdq[place, 0] = np.frombuffer(flipped(target, away), np.uint8)
    query = Query(of_views([]), (Frame(0, plane_of(1, 4, 4), 0.5, None, look),))
    (match,) = fresh(entry(1, 1, bare(b"", target))).match(query, None)
    assert (match.part, match.distance) == (Part.WHOLE, 25)


def test_bare_hashes_are_found_up_to_the_limit_of_the_part_and_not_beyond() -> None:
    for kind, part, limit in (
        (0, Part.WHOLE, 47),
        (1, Part.TRIMMED, 47),
        (2, Part.BOX, 56),
        (3, Part.BOX, 56),
        (4, Part.SPLIT, 47),
        (5, Part.ROTATED, 56),
        (6, Part.APPROXIMATION, 47),
    ):
        for distance in (0, limit, limit + 1):
            look = views_of(3, 1)._replace(kinds=np.asarray([kind], np.uint8))
            target = flipped(bytes(look.pdq[0, 0]), distance)
            query = Query(of_views([]), (Frame(0, plane_of(1, 4, 4), 0.5, None, look),))
            for negative in (False, True):
                wanted = bytes(byte ^ 0xFF for byte in target) if negative else target
                found = fresh(entry(1, 1, bare(b"", wanted))).match(query, None)
                expected = distance <= limit and not (negative and kind > 1)
                assert [(match.part, match.distance, match.inverted) for match in found] == (
                    [(part, distance, negative)] if expected else []
                )


# ------------------------------------------------------------------------------------------------- garbage


@cache
def target() -> Matcher:
    return fresh(
        *(entry(number + 1, 1 + number % 2, listed(number)) for number in range(4)),
        entry(9, 1, bare(b"", listed(0).pdq[0])),
        entry(10, 1, bare(listed(1).views[0].hashes[:32])),
    )


@given(queries())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_no_arrays_of_the_right_kind_make_the_matcher_fail(query: Query) -> None:
    found = target().match(query, 100)
    assert all(isinstance(match, Match) for match in found)
    target().near(query.fingerprint, None, BankKind.BLOCK)
    target().packed(query)


@given(
    st.integers(0, 3),
    st.integers(0, 2**32 - 1),
    st.floats(0, 1),
    st.sampled_from((0.5, 1e-3, 1023.0, 1e-30)),
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
    st.booleans(),
)
@settings(max_examples=200)
def test_features_of_a_listed_picture_with_nonsense_among_them_are_survived(
    seed: int, chance: int, share: float, scale: float, shape: tuple[int, int], shuffled: bool
) -> None:
    """The descriptors match, so that every step up to the comparison of gradients meets the nonsense."""
    rng = np.random.default_rng(chance)
    real = query_of(seed).frames[0]
    assert real.features is not None
    points = real.features.points.copy()
    chosen = rng.random(points.shape) < share / 2
    points[chosen] = rng.choice(np.asarray(ODD, np.float32), int(chosen.sum()))
    if shuffled:
        points = points[rng.permutation(len(points))]
    odd = Frame(0, plane_of(chance, *shape), scale, real.features._replace(points=points), real.views)
    for match in target().match(Query(of_views([]), (odd,)), None):
        assert match.evidence is None or (0 <= match.evidence.agreement <= 1 and 0 <= match.evidence.coverage <= 1)


def test_many_equal_features_are_survived() -> None:
    real = query_of(0).frames[0]
    assert real.features is not None
    same = Features(*(np.repeat(column[:1], 2048, axis=0) for column in real.features))
    none = features_of(1, 0)
    for odd in (same, none):
        target().match(Query(of_views([]), (replace(real, features=odd, views=views_of(1, 0)),)), None)


# ------------------------------------------------------------------------------------------------- threads


def test_readers_find_parts_while_entries_come_and_go() -> None:
    stays = entry(1, 1, listed(0))
    coming = [entry(number, 1 + number % 2, listed(1 + number % 3)) for number in range(10, 40)]
    matcher = fresh(stays)
    query, unknown = query_of(0, 2), query_of(4, 2)
    done = Event()
    wrong: list[object] = []

    def read() -> None:
        try:
            while not done.is_set():
                found, invented = matcher.match(query, 100), matcher.match(unknown, 100)
                if [match.entry_id for match in found] != [1] or found[0].agreement < 0.9 or invented:
                    wrong.append((found, invented))
        except Exception as error:  # noqa: BLE001 - a thread's error would be lost
            wrong.append(error)

    readers = [Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(3):
        for one in coming:
            matcher.add(BANKS[one.bank_id - 1], one)
        for one in random.Random(turn).sample(coming, 25):
            matcher.revoke(one.id)
        matcher.load(BANKS, [stays, *coming])
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
