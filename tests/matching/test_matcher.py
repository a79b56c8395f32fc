"""The matcher against a brute-force twin, and what its answers mean."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from threading import Event, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.matching.matcher import Matcher, nearest_sightings
from bot.model import (
    BankKind,
    BankLevel,
    Entry,
    Fingerprint,
    Form,
    Match,
    Orientation,
    Stage,
    Thresholds,
    View,
)

from . import brute_force
from .builders import (
    BANKS,
    BASES,
    GUILDS,
    WHEN,
    bank,
    entries,
    entry,
    fingerprint,
    fingerprints,
    flipped,
    oriented,
    picture,
    toward,
)

LIMITS = Thresholds()


def matcher_of(listed: Sequence[Entry]) -> Matcher:
    matcher = Matcher(LIMITS)
    matcher.load(BANKS, listed)
    return matcher


def only(matches: Sequence[Match]) -> Match:
    assert len(matches) == 1
    return matches[0]


def answers(matcher: Matcher, query: Fingerprint) -> list[object]:
    """Everything that a matcher says about a query, in every guild."""
    return [
        (
            matcher.match(query, guild),
            matcher.exact(query.sha256, guild),
            matcher.known_good_exact(query.sha256, guild),
            [matcher.near(query, guild, kind, 80) for kind in BankKind],
        )
        for guild in GUILDS
    ]


# ------------------------------------------------------------------------------------------------- against brute force


@given(entries(), fingerprints, st.sampled_from(GUILDS), st.integers(0, 256), st.integers(0, 40))
def test_finds_what_comparing_every_pair_finds(
    listed: Sequence[Entry], query: Fingerprint, guild: int | None, review: int, margin: int
) -> None:
    found = matcher_of(listed).match(query, guild, review_distance=review, margin=margin)
    assert found == brute_force.match(BANKS, listed, query, guild, review, margin)


@given(entries(), fingerprints, st.sampled_from(GUILDS), st.sampled_from(BankKind), st.integers(0, 256))
def test_near_lists_what_comparing_every_pair_lists(
    listed: Sequence[Entry], query: Fingerprint, guild: int | None, kind: BankKind, limit: int
) -> None:
    assert matcher_of(listed).near(query, guild, kind, limit) == brute_force.near(
        BANKS, listed, query, guild, kind, limit
    )


@given(entries(), fingerprints)
def test_exact_lists_the_entries_made_from_this_file(listed: Sequence[Entry], query: Fingerprint) -> None:
    matcher = matcher_of(listed)
    for guild in GUILDS:
        same = {
            kind: sorted(
                entry.id
                for entry in brute_force.visible(BANKS, listed, guild, kind)
                if entry.fingerprint.sha256 == query.sha256
            )
            for kind in BankKind
        }
        found = matcher.exact(query.sha256, guild)
        assert [match.entry_id for match in found] == same[BankKind.BLOCK]
        assert all(match.stage is Stage.SHA256 and match.distance == 0 for match in found)
        assert matcher.known_good_exact(query.sha256, guild) == next(iter(same[BankKind.KNOWN_GOOD]), None)


@given(fingerprints, st.lists(fingerprints, max_size=6))
def test_nearest_sightings_is_the_least_distance_of_every_pair(
    look: Fingerprint, sightings: Sequence[Fingerprint]
) -> None:
    found = nearest_sightings(look, [sighting.upright() for sighting in sightings])
    expected = [brute_force.nearest(sighting.views, entry(1, 1, look)) for sighting in sightings]
    assert found.tolist() == [256 if place is None else place[0] for place in expected]
    assert found.dtype == "int16"


# ------------------------------------------------------------------------------------------------- history


@given(st.data())
@settings(max_examples=60)
def test_how_the_entries_came_does_not_change_an_answer(data: st.DataObject) -> None:
    listed = {bank.id: bank for bank in BANKS}
    matcher = matcher_of(data.draw(entries(5)))
    current: dict[int, Entry] = {}
    matcher.load(BANKS, ())
    for _ in range(data.draw(st.integers(1, 14))):
        entry_id = data.draw(st.integers(1, 5))
        match data.draw(st.sampled_from(("add", "add", "add", "update", "revoke", "revoke by adding", "load"))):
            case "add":
                new = entry(entry_id, data.draw(st.sampled_from(BANKS)).id, data.draw(fingerprints))
                matcher.add(listed[new.bank_id], new)
                current[entry_id] = new
            case "update":
                new = entry(entry_id, data.draw(st.sampled_from(BANKS)).id, data.draw(fingerprints))
                gone = [replace(one, revoked_at=WHEN) for one in current.values() if one.id > entry_id]
                matcher.update(BANKS, [*gone, new])
                current = {one.id: one for one in current.values() if one.id < entry_id} | {entry_id: new}
            case "revoke":
                matcher.revoke(entry_id)
                current.pop(entry_id, None)
            case "revoke by adding" if entry_id in current:
                gone = replace(current.pop(entry_id), revoked_at=WHEN)
                matcher.add(listed[gone.bank_id], gone)
            case _:
                matcher.load(BANKS, data.draw(st.permutations(list(current.values()))))
    fresh = matcher_of(list(current.values()))
    query = data.draw(fingerprints)
    assert answers(matcher, query) == answers(fresh, query)


def test_revoking_everything_leaves_no_trace() -> None:
    listed = [entry(number, 1 + number % 6, picture(oriented(flipped(BASES[0], 5, number)))) for number in range(1, 60)]
    matcher = matcher_of(listed)
    for one in random.Random(1).sample(listed, len(listed)):
        assert matcher.near(one.fingerprint, BANKS[one.bank_id - 1].guild_id, BANKS[one.bank_id - 1].kind, 0)
        matcher.revoke(one.id)
        matcher.revoke(one.id)
        assert not matcher.near(one.fingerprint, BANKS[one.bank_id - 1].guild_id, BANKS[one.bank_id - 1].kind, 0)
    for one in listed:
        assert answers(matcher, one.fingerprint) == answers(matcher_of([]), one.fingerprint)


def test_adding_an_entry_again_replaces_its_hashes_and_file() -> None:
    old, new = picture(oriented(BASES[0]), b"o" * 32), picture(oriented(BASES[1]), b"n" * 32)
    matcher = matcher_of([entry(7, 1, old)])
    matcher.add(BANKS[0], entry(7, 1, new))
    assert matcher.match(old, 100) == ()
    assert matcher.exact(old.sha256, 100) == ()
    assert only(matcher.match(new, 100)).entry_id == 7
    assert only(matcher.exact(new.sha256, 100)).entry_id == 7


def test_a_bank_is_as_last_loaded_or_added_to() -> None:
    matcher = matcher_of([])
    assert matcher.bank(99) is None
    assert matcher.bank(1) == BANKS[0]
    matcher.add(replace(BANKS[0], level=BankLevel.REVIEW), entry(1, 1, picture(BASES[0])))
    changed = matcher.bank(1)
    assert changed is not None
    assert changed.level is BankLevel.REVIEW
    matcher.add(bank(50, guild_id=300), entry(2, 50, picture(BASES[1])))
    assert only(matcher.match(picture(BASES[1]), 300)).bank_id == 50
    matcher.update([replace(BANKS[0], level=BankLevel.OBSERVE), bank(51)], [])
    changed = matcher.bank(1)
    assert changed is not None
    assert changed.level is BankLevel.OBSERVE
    assert matcher.bank(51) == bank(51)
    matcher.load([], [])
    assert matcher.bank(1) is None


def test_an_entrys_fingerprint_is_told_while_it_is_active() -> None:
    matcher = matcher_of([entry(1, 1, picture(BASES[0]))])
    assert matcher.fingerprint(1) == picture(BASES[0])
    matcher.revoke(1)
    assert matcher.fingerprint(1) is None


# ------------------------------------------------------------------------------------------------- who sees what


@pytest.mark.parametrize("kind", BankKind)
def test_a_guilds_own_entries_exist_for_that_guild_alone(kind: BankKind) -> None:
    own = bank(9, kind, guild_id=100)
    look = picture(oriented(BASES[2]))
    matcher = Matcher(LIMITS)
    matcher.load([*BANKS, own], [entry(1, 9, look)])
    assert matcher.near(look, 100, kind, 0) == [(1, 0)]
    blocked_elsewhere = entry(2, 5, picture(oriented(flipped(BASES[2], 10))))
    matcher.add(BANKS[4], blocked_elsewhere)
    for stranger in (None, 200, 300):
        assert matcher.near(look, stranger, kind, 256 if kind is BankKind.KNOWN_GOOD else 0) == []
        assert matcher.known_good_exact(look.sha256, stranger) is None
        assert 1 not in {match.entry_id for match in matcher.match(look, stranger, review_distance=256)}
        assert all(match.known_good_id is None for match in matcher.match(look, stranger))
        assert matcher.exact(look.sha256, stranger) == ()


# ------------------------------------------------------------------------------------------------- what a match says


@pytest.mark.parametrize("orientation", Orientation)
def test_orientation_and_form_tell_how_the_query_lies(orientation: Orientation) -> None:
    turned = flipped(BASES[3], 3)
    look = fingerprint([View(Form.WHOLE, 0, oriented(BASES[0], **{f"at{orientation.value}": BASES[3]}))])
    matcher = matcher_of([entry(1, 1, look)])
    query = fingerprint([View(Form.WHOLE, 0, BASES[1]), View(Form.TRIMMED, 0, turned)])
    match = only(matcher.match(query, None))
    assert (match.orientation, match.form, match.distance) == (orientation, Form.TRIMMED, 3)


def test_only_the_upright_hash_of_a_query_is_compared() -> None:
    matcher = matcher_of([entry(1, 1, picture(oriented(BASES[0])))])
    assert matcher.match(picture(oriented(BASES[1], at1=BASES[0])), None) == ()


def test_forms_of_query_and_entry_are_compared_crosswise() -> None:
    for of_entry, of_query in ((Form.WHOLE, Form.TRIMMED), (Form.TRIMMED, Form.WHOLE)):
        matcher = matcher_of([entry(1, 1, fingerprint([View(of_entry, 0, oriented(BASES[0]))]))])
        assert only(matcher.match(fingerprint([View(of_query, 0, BASES[0])]), None)).form is of_query


def test_matches_come_best_first_and_once_an_entry() -> None:
    listed = [
        entry(1, 1, picture(oriented(flipped(BASES[0], 30)))),
        entry(
            2, 1, fingerprint([View(Form.WHOLE, frame, oriented(flipped(BASES[0], 9, frame))) for frame in range(4)])
        ),
        entry(3, 1, picture(oriented(flipped(BASES[0], 9, 1)))),
        entry(4, 1, picture(oriented(BASES[1]))),
    ]
    found = matcher_of(listed).match(picture(BASES[0]), None)
    assert [(match.entry_id, match.distance) for match in found] == [(2, 9), (3, 9), (1, 30)]


def test_the_review_distance_is_the_installations_unless_given() -> None:
    matcher = matcher_of([entry(1, 1, picture(BASES[0]))])
    assert matcher.match(picture(flipped(BASES[0], 64)), None)
    assert not matcher.match(picture(flipped(BASES[0], 65)), None)
    assert matcher.match(picture(flipped(BASES[0], 65)), None, review_distance=65)
    assert not matcher.match(picture(flipped(BASES[0], 20)), None, review_distance=19)


def test_a_complement_is_as_far_as_can_be() -> None:
    matcher = matcher_of([entry(1, 1, picture(bytes(32)))])
    assert matcher.match(picture(b"\xff" * 32), None, review_distance=255) == ()
    assert only(matcher.match(picture(b"\xff" * 32), None, review_distance=256)).distance == 256
    assert nearest_sightings(picture(bytes(32)), [picture(b"\xff" * 32)]).tolist() == [256]


# ------------------------------------------------------------------------------------------------- known-good entries

OFFICIAL = BASES[0]
SWAP = flipped(OFFICIAL, 24, seed=5)
"""A manipulation lies close to the official picture that it was made from."""


def swapped() -> Matcher:
    return matcher_of([entry(1, 1, picture(oriented(SWAP))), entry(2, 2, picture(oriented(OFFICIAL)))])


def test_a_copy_of_the_manipulation_leads_by_its_distance_to_the_official_picture() -> None:
    match = only(swapped().match(picture(SWAP), None))
    assert (match.distance, match.known_good_id, match.known_good_distance, match.margin) == (0, 2, 24, 24)


def test_a_copy_of_the_official_picture_has_a_negative_margin() -> None:
    match = only(swapped().match(picture(OFFICIAL), None))
    assert (match.distance, match.known_good_distance, match.margin) == (24, 0, -24)


def test_the_very_file_is_compared_with_known_good_entries_too() -> None:
    match = only(swapped().exact(picture(oriented(SWAP)).sha256, 100))
    assert (match.stage, match.distance, match.known_good_id, match.known_good_distance) == (Stage.SHA256, 0, 2, 24)
    mistaken = matcher_of([entry(1, 1, picture(OFFICIAL, b"m" * 32)), entry(2, 4, picture(OFFICIAL))])
    assert only(mistaken.exact(b"m" * 32, 100)).margin == 0
    assert only(mistaken.exact(b"m" * 32, 200)).margin is None


def test_known_good_of_another_guild_does_not_protect() -> None:
    listed = [entry(1, 1, picture(oriented(SWAP))), entry(2, 6, picture(oriented(OFFICIAL)))]
    matcher = matcher_of(listed)
    assert only(matcher.match(picture(OFFICIAL), 100)).margin is None
    assert only(matcher.match(picture(OFFICIAL), 200)).margin == -24


def test_an_official_frame_does_not_shield_the_frames_beside_it() -> None:
    query = fingerprint(
        [View(Form.WHOLE, 0, OFFICIAL), View(Form.WHOLE, 1, SWAP), View(Form.WHOLE, 2, flipped(SWAP, 2, seed=9))]
    )
    match = only(swapped().match(query, None))
    assert (match.distance, match.known_good_distance) == (0, 24)
    assert (match.frames_matched, match.frames_compared) == (2, 3)


def test_frames_of_the_official_picture_do_not_add_up_to_a_match() -> None:
    query = fingerprint([View(Form.WHOLE, frame, flipped(OFFICIAL, 2, frame)) for frame in range(5)])
    match = only(swapped().match(query, None))
    assert match.margin is not None
    assert match.margin < 0


def test_a_frame_with_the_margin_comes_before_a_nearer_one_without() -> None:
    blocked, clean = BASES[0], flipped(BASES[0], 60, seed=1)
    matcher = matcher_of([entry(1, 1, picture(blocked)), entry(2, 2, picture(clean))])
    nearer = toward(blocked, clean, 28)
    clearer = toward(blocked, bytes(byte ^ 0xFF for byte in clean), 40)
    query = fingerprint([View(Form.WHOLE, 0, nearer), View(Form.WHOLE, 1, clearer)])
    alone = [only(matcher.match(picture(frame), None)) for frame in (nearer, clearer)]
    assert [(match.distance, match.margin) for match in alone] == [(28, 4), (40, 60)]
    for margin, chosen in ((4, 28), (5, 40), (60, 40), (61, 28)):
        assert only(matcher.match(query, None, margin=margin)).distance == chosen


def test_a_border_that_both_share_does_not_take_the_protection_away() -> None:
    """The official picture in the border of the blocked one: whole it resembles the blocked, trimmed the official."""
    bordered = BASES[2]
    blocked = fingerprint([View(Form.WHOLE, 0, oriented(bordered)), View(Form.TRIMMED, 0, oriented(SWAP))])
    matcher = matcher_of([entry(1, 1, blocked), entry(2, 2, picture(oriented(OFFICIAL)))])
    query = fingerprint([View(Form.WHOLE, 0, flipped(bordered, 4)), View(Form.TRIMMED, 0, OFFICIAL)])
    match = only(matcher.match(query, None))
    assert match.distance == 4
    assert match.known_good_distance == 0


# ------------------------------------------------------------------------------------------------- garbage


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64, 96, 255, 257, 512])
def test_hashes_of_an_impossible_length_are_refused_and_change_nothing(length: int) -> None:
    good = entry(1, 1, picture(BASES[0]))
    matcher = matcher_of([good])
    bad = entry(1, 1, fingerprint([View(Form.WHOLE, 0, BASES[1]), View(Form.WHOLE, 0, bytes(length))]))
    before = answers(matcher, good.fingerprint)
    with pytest.raises(ValueError, match="bytes"):
        matcher.add(BANKS[0], bad)
    with pytest.raises(ValueError, match="bytes"):
        matcher.load(BANKS, [bad])
    with pytest.raises(ValueError, match="bytes"):
        matcher.update(BANKS, [entry(2, 1, picture(BASES[3])), bad])
    assert answers(matcher, good.fingerprint) == before


def test_an_entry_in_the_wrong_bank_or_with_a_wrong_digest_is_refused() -> None:
    matcher = matcher_of([])
    with pytest.raises(ValueError, match="bank"):
        matcher.add(BANKS[1], entry(1, 1, picture(BASES[0])))
    with pytest.raises(ValueError, match="bank"):
        matcher.load(BANKS, [entry(1, 77, picture(BASES[0]))])
    with pytest.raises(ValueError, match="bank"):
        matcher.update(BANKS, [entry(1, 77, picture(BASES[0]))])
    with pytest.raises(ValueError, match="SHA-256"):
        matcher.add(BANKS[0], entry(1, 1, picture(BASES[0], b"short")))
    assert matcher.match(picture(BASES[0]), None) == ()


@given(st.lists(st.builds(View, st.sampled_from(Form), st.integers(-2, 5), st.binary(max_size=300)), max_size=5))
def test_no_query_makes_the_matcher_fail(garbage: Sequence[View]) -> None:
    matcher = swapped()
    query = fingerprint(garbage)
    usable = [view for view in garbage if len(view.hashes) >= 32]
    found = matcher.match(query, 100, review_distance=256)
    assert len(found) == bool(usable)
    assert len(matcher.near(query, None, BankKind.KNOWN_GOOD, 256)) == bool(usable)
    assert (nearest_sightings(query, [query])[0] < 256) == bool(usable)


def test_queries_and_entries_without_views_match_by_their_file_alone() -> None:
    plain = fingerprint([], b"p" * 32)
    matcher = matcher_of([entry(1, 1, plain), entry(2, 1, picture(BASES[0]))])
    assert matcher.match(plain, None, review_distance=256) == ()
    assert only(matcher.exact(plain.sha256, None)).entry_id == 1
    assert [match.entry_id for match in matcher.match(picture(BASES[1]), None, review_distance=256)] == [2]


# ------------------------------------------------------------------------------------------------- threads


def test_readers_see_a_whole_listing_while_it_changes() -> None:
    """An entry that stays is found by every read, one that never was by none, whatever a writer does beside it."""
    stays = entry(1, 1, picture(oriented(BASES[0]), b"s" * 32))
    clean = entry(2, 2, picture(oriented(flipped(BASES[0], 40, seed=3))))
    coming = [entry(number, 1, picture(oriented(flipped(BASES[1], 90, number)))) for number in range(10, 90)]
    matcher = matcher_of([stays, clean])
    done = Event()
    wrong: list[object] = []

    def read() -> None:
        while not done.is_set():
            found = [(match.entry_id, match.distance, match.margin) for match in matcher.match(stays.fingerprint, 100)]
            files = [match.entry_id for match in matcher.exact(b"s" * 32, 100)]
            invented = matcher.match(picture(BASES[3]), 100)
            if (found, files, invented) != ([(1, 0, 40)], [1], ()):
                wrong.append((found, files, invented))

    readers = [Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(4):
        for one in coming:
            matcher.add(BANKS[0], one)
        for one in random.Random(turn).sample(coming, 70):
            matcher.revoke(one.id)
        matcher.load(BANKS, [stays, clean, *coming])
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
