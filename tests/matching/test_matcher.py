"""The matcher against a brute-force twin, and what its answers mean."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from threading import Event, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.matching.matcher import Matcher
from bot.matching.query import Query
from bot.model import (
    BankKind,
    BankLevel,
    Entry,
    Fingerprint,
    Form,
    GuildSettings,
    Match,
    Orientation,
    Part,
    Stage,
    Thresholds,
    View,
)

from . import brute_force
from .builders import (
    BANKS,
    BASES,
    COMPLEMENT,
    GUILDS,
    WHEN,
    bank,
    bare,
    entries,
    entry,
    fingerprint,
    fingerprints,
    flipped,
    gridded,
    hashes,
    oriented,
    picture,
    toward,
    view,
)

LIMITS = Thresholds()


def matcher_of(listed: Sequence[Entry], limits: Thresholds = LIMITS) -> Matcher:
    matcher = Matcher(limits)
    matcher.load(BANKS, listed)
    return matcher


def matches(matcher: Matcher, look: Fingerprint, guild_id: int | None = None) -> tuple[Match, ...]:
    return matcher.match(Query(look), guild_id)


def only(found: Sequence[Match]) -> Match:
    assert len(found) == 1
    return found[0]


def answers(matcher: Matcher, query: Fingerprint) -> list[object]:
    """Everything that a matcher says about a query, in every guild."""
    return [
        (
            matches(matcher, query, guild),
            matcher.exact(query.sha256, guild, md5=query.md5),
            matcher.known_good_exact(query.sha256, guild),
            [matcher.near(query, guild, kind) for kind in BankKind],
            matcher.known_good_count(guild),
            None if guild is None else matcher.wanted(GuildSettings(guild)),
        )
        for guild in GUILDS
    ]


# ------------------------------------------------------------------------------------------------- against brute force


@given(entries(), fingerprints, st.sampled_from(GUILDS))
@settings(max_examples=200)
def test_finds_what_comparing_every_pair_finds(listed: Sequence[Entry], query: Fingerprint, guild: int | None) -> None:
    found = matches(matcher_of(listed), query, guild)
    assert found == brute_force.match(BANKS, listed, query, guild, LIMITS)


@given(entries(), fingerprints, st.sampled_from(GUILDS), st.sampled_from(BankKind))
def test_near_lists_what_comparing_every_pair_lists(
    listed: Sequence[Entry], query: Fingerprint, guild: int | None, kind: BankKind
) -> None:
    assert matcher_of(listed).near(query, guild, kind) == brute_force.near(BANKS, listed, query, guild, kind, LIMITS)


@given(st.integers(0, 256), st.integers(0, 3), st.sampled_from(Orientation), st.booleans())
def test_a_query_at_any_distance_in_any_orientation_is_found_up_to_the_limit_and_not_beyond(
    distance: int, seed: int, orientation: Orientation, whole: bool
) -> None:
    """By its gradients up to the review tier's bits, and as a bare hash up to the limit of those."""
    there = flipped(BASES[0], distance, seed)
    away = min(distance, 256 - distance)
    if whole:
        look = picture(oriented(BASES[1], **{f"at{orientation.value}": BASES[0]}), grid=bytes(136))
        look = replace(look, views=(replace(look.views[0], grid=_in(orientation, away != distance)),))
        query, limit = picture(there), LIMITS.review.distance
    else:
        look, limit = bare(BASES[0]), LIMITS.hash_review
        query = fingerprint([View(Form.WHOLE, 0, oriented(BASES[1], **{f"at{orientation.value}": there}))])
    found = matches(matcher_of([entry(1, 1, look)]), query)
    assert [match.distance for match in found] == ([away] if away <= limit else [])
    if found:
        turned = brute_force.UNTURNED.get(orientation, orientation) if not whole else orientation
        assert (found[0].orientation, found[0].inverted) == (turned, away != distance)


def _in(orientation: Orientation, inverted: bool) -> bytes:
    """The grid of an entry that agrees with the builders' grid of a query in this orientation."""
    from bot.matching import grid

    turned = grid.oriented(gridded(), brute_force.UNTURNED.get(orientation, orientation))
    return grid.inverted(turned) if inverted else turned


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


def test_a_file_is_known_by_its_md5_alone_and_each_entry_told_once() -> None:
    both = bare(sha256=b"s" * 32, md5=b"m" * 16)
    matcher = matcher_of([entry(1, 1, bare(md5=b"m" * 16)), entry(2, 1, both), entry(3, 1, bare(md5=b"x" * 16))])
    found = matcher.exact(b"s" * 32, None, md5=b"m" * 16)
    assert [(match.entry_id, match.stage) for match in found] == [(1, Stage.MD5), (2, Stage.SHA256)]
    assert matcher.exact(b"?" * 32, None, md5=b"") == ()
    matcher.revoke(1)
    assert [match.entry_id for match in matcher.exact(b"s" * 32, None, md5=b"m" * 16)] == [2]


# ------------------------------------------------------------------------------------------------- history


@given(st.data())
@settings(max_examples=80)
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
    assert [matcher.fingerprint(entry_id) for entry_id in range(1, 6)] == [
        fresh.fingerprint(entry_id) for entry_id in range(1, 6)
    ]


def test_revoking_everything_leaves_no_trace() -> None:
    looks = [
        picture(oriented(flipped(BASES[0], 5, number))) if number % 3 else bare(flipped(BASES[1], 5, number))
        for number in range(1, 60)
    ]
    listed = [entry(number, 1 + number % 6, look) for number, look in enumerate(looks, 1)]
    matcher = matcher_of(listed)
    version = matcher.version
    for one in random.Random(1).sample(listed, len(listed)):
        matcher.revoke(one.id)
        matcher.revoke(one.id)
        assert matcher.fingerprint(one.id) is None
        for guild in GUILDS:
            assert one.id not in {match.entry_id for match in matches(matcher, one.fingerprint, guild)}
            assert one.id not in {known for kind in BankKind for known, _ in matcher.near(one.fingerprint, guild, kind)}
    assert matcher.version > version
    for one in listed:
        assert answers(matcher, one.fingerprint) == answers(matcher_of([]), one.fingerprint)


def test_adding_an_entry_again_replaces_its_hashes_and_file() -> None:
    old, new = picture(oriented(BASES[0]), b"o" * 32), picture(oriented(BASES[1]), b"n" * 32)
    matcher = matcher_of([entry(7, 1, old)])
    matcher.add(BANKS[0], entry(7, 1, new))
    assert matches(matcher, old, 100) == ()
    assert matcher.exact(old.sha256, 100) == ()
    assert only(matches(matcher, new, 100)).entry_id == 7
    assert only(matcher.exact(new.sha256, 100)).entry_id == 7


def test_an_entry_may_move_from_hashes_to_gradients_and_back() -> None:
    matcher = matcher_of([entry(7, 1, bare(BASES[0]))])
    guild = GuildSettings(100)
    bits = {True: matcher.wanted(guild)}
    assert only(matches(matcher, picture(BASES[0]))).evidence is None
    matcher.add(BANKS[0], entry(7, 1, picture(oriented(BASES[0]))))
    bits[False] = matcher.wanted(guild)
    assert only(matches(matcher, picture(BASES[0]))).evidence is not None
    assert bits[True] != bits[False]
    matcher.add(BANKS[0], entry(7, 1, bare(BASES[0])))
    assert only(matches(matcher, picture(BASES[0]))).evidence is None
    assert matcher.wanted(guild) == bits[True]


def test_a_bank_is_as_last_loaded_or_added_to() -> None:
    matcher = matcher_of([])
    assert matcher.bank(99) is None
    assert matcher.bank(1) == BANKS[0]
    matcher.add(replace(BANKS[0], level=BankLevel.REVIEW), entry(1, 1, picture(BASES[0])))
    changed = matcher.bank(1)
    assert changed is not None
    assert changed.level is BankLevel.REVIEW
    matcher.add(bank(50, guild_id=300), entry(2, 50, picture(BASES[1])))
    assert only(matches(matcher, picture(BASES[1]), 300)).bank_id == 50
    matcher.update([replace(BANKS[0], level=BankLevel.OBSERVE), bank(51)], [])
    changed = matcher.bank(1)
    assert changed is not None
    assert changed.level is BankLevel.OBSERVE
    assert matcher.bank(51) == bank(51)
    matcher.load([], [])
    assert matcher.bank(1) is None


def test_every_change_raises_the_version() -> None:
    matcher = matcher_of([])
    seen = [matcher.version]
    for change in (
        lambda: matcher.add(BANKS[0], entry(1, 1, picture(BASES[0]))),
        lambda: matcher.update([replace(BANKS[0], level=BankLevel.OBSERVE)], []),
        lambda: matcher.revoke(1),
        lambda: matcher.load(BANKS, []),
    ):
        change()
        seen.append(matcher.version)
    assert sorted(set(seen)) == seen


def test_an_entrys_fingerprint_is_told_while_it_is_active() -> None:
    matcher = matcher_of([entry(1, 1, picture(BASES[0]))])
    assert matcher.fingerprint(1) == picture(BASES[0])
    matcher.revoke(1)
    assert matcher.fingerprint(1) is None


# ------------------------------------------------------------------------------------------------- who sees what


@pytest.mark.parametrize("kind", BankKind)
@pytest.mark.parametrize("look", [picture(oriented(BASES[2])), bare(BASES[2], sha256=b"b" * 32)])
def test_a_guilds_own_entries_exist_for_that_guild_alone(kind: BankKind, look: Fingerprint) -> None:
    own = bank(9, kind, guild_id=100)
    matcher = Matcher(LIMITS)
    matcher.load([*BANKS, own], [entry(1, 9, look)])
    query = picture(oriented(BASES[2]), look.sha256)
    good = kind is BankKind.KNOWN_GOOD
    assert matcher.known_good_count(100) == good
    assert bool(matches(matcher, query, 100)) != good
    assert (matcher.known_good_exact(look.sha256, 100) == 1) == good
    assert bool(matcher.exact(look.sha256, 100)) != good
    matcher.add(BANKS[4], entry(2, 5, picture(oriented(flipped(BASES[2], 10)))))
    for stranger in (None, 200, 300):
        assert matcher.near(look, stranger, BankKind.KNOWN_GOOD) == []
        assert matcher.known_good_exact(look.sha256, stranger) is None
        assert matcher.known_good_count(stranger) == 0
        assert {match.entry_id for match in matches(matcher, query, stranger)} == ({2} if stranger == 200 else set())
        assert all(match.known_good_id is None for match in matches(matcher, query, stranger))
        assert matcher.exact(look.sha256, stranger) == ()


# ------------------------------------------------------------------------------------------------- what a match says


@pytest.mark.parametrize("orientation", Orientation)
def test_orientation_and_part_tell_how_the_query_lies(orientation: Orientation) -> None:
    turned = flipped(BASES[3], 3)
    look = picture(oriented(BASES[0], **{f"at{orientation.value}": BASES[3]}), grid=_in(orientation, inverted=False))
    query = fingerprint([view(BASES[1], grid=gridded(7)), view(turned, Form.TRIMMED)])
    match = only(matches(matcher_of([entry(1, 1, look)]), query))
    assert (match.orientation, match.part, match.distance) == (orientation, Part.TRIMMED, 3)
    assert match.agreement == 1


def test_only_the_upright_hash_of_a_query_is_compared_with_whole_pictures() -> None:
    matcher = matcher_of([entry(1, 1, picture(oriented(BASES[0])))])
    assert matches(matcher, picture(oriented(BASES[1], at1=BASES[0]))) == ()


def test_a_near_hash_whose_gradients_disagree_is_no_match() -> None:
    matcher = matcher_of([entry(1, 1, picture(oriented(BASES[0])))])
    assert matches(matcher, picture(BASES[0], grid=gridded(5))) == ()
    assert matches(matcher, picture(BASES[0], grid=gridded(0, 0.25))) == ()
    assert only(matches(matcher, picture(BASES[0], grid=gridded(0, 0.18)))).agreement == pytest.approx(0.82, abs=0.01)


def test_forms_of_query_and_entry_are_compared_crosswise() -> None:
    for of_entry, of_query in ((Form.WHOLE, Form.TRIMMED), (Form.TRIMMED, Form.WHOLE)):
        matcher = matcher_of([entry(1, 1, fingerprint([view(oriented(BASES[0]), of_entry)]))])
        expected = Part.TRIMMED if of_query is Form.TRIMMED else Part.WHOLE
        assert only(matches(matcher, fingerprint([view(BASES[0], of_query)]))).part is expected


def test_matches_come_best_first_and_once_an_entry() -> None:
    worse = [view(oriented(flipped(BASES[0], 9, frame)), frame=frame, grid=gridded(0, 0.02)) for frame in range(4)]
    listed = [
        entry(1, 1, picture(oriented(BASES[0]), grid=gridded(0, 0.1))),
        entry(2, 1, fingerprint(worse)),
        entry(3, 1, picture(oriented(flipped(BASES[0], 9, 1)), grid=gridded(0, 0.02))),
        entry(4, 1, picture(oriented(BASES[1]))),
        entry(5, 1, bare(flipped(BASES[0], 12))),
        entry(6, 1, bare(flipped(BASES[0], 2))),
    ]
    found = matches(matcher_of(listed), picture(BASES[0]))
    assert [match.entry_id for match in found] == [2, 3, 1, 6, 5]


def test_thresholds_are_the_installations() -> None:
    narrow = replace(LIMITS, review=replace(LIMITS.review, distance=20), hash_review=10)
    for look, limit in ((picture(BASES[0]), 20), (bare(BASES[0]), 10)):
        matcher = matcher_of([entry(1, 1, look)], narrow)
        assert matches(matcher, picture(flipped(BASES[0], limit)))
        assert not matches(matcher, picture(flipped(BASES[0], limit + 1)))


def test_inverted_colours_are_seen_through_where_the_gradients_are_inverted_too() -> None:
    matcher = matcher_of([entry(1, 1, picture(BASES[0]))])
    inverted = only(matches(matcher, picture(COMPLEMENT, grid=gridded(0, 1.0))))
    assert (inverted.inverted, inverted.distance, inverted.agreement) == (True, 0, 1)
    assert matches(matcher, picture(COMPLEMENT)) == ()


# ------------------------------------------------------------------------------------------------- known-good entries

OFFICIAL = BASES[0]
SWAP = flipped(OFFICIAL, 24, seed=5)
"""A manipulation lies close to the official picture that it was made from."""
OFFICIAL_GRID, SWAP_GRID = gridded(), gridded(0, 0.1)


def swapped(official: Fingerprint | None = None) -> Matcher:
    good = official or picture(oriented(OFFICIAL), grid=OFFICIAL_GRID)
    return matcher_of([entry(1, 1, picture(oriented(SWAP), grid=SWAP_GRID)), entry(2, 2, good)])


def test_a_copy_of_the_manipulation_leads_by_its_agreement() -> None:
    match = only(matches(swapped(), picture(SWAP, grid=SWAP_GRID)))
    assert (match.distance, match.known_good_id, match.known_good_distance, match.margin) == (0, 2, 24, 24)
    assert match.lead == pytest.approx(0.1, abs=0.01)


def test_a_copy_of_the_official_picture_has_a_negative_lead() -> None:
    match = only(matches(swapped(), picture(OFFICIAL, grid=OFFICIAL_GRID)))
    assert (match.distance, match.known_good_distance, match.margin) == (24, 0, -24)
    assert match.lead == pytest.approx(-0.1, abs=0.01)


def test_a_known_good_entry_that_is_a_bare_hash_competes_by_bits() -> None:
    match = only(matches(swapped(bare(OFFICIAL)), picture(SWAP, grid=SWAP_GRID)))
    assert (match.known_good_id, match.margin, match.lead) == (2, 24, None)


def test_a_known_good_picture_competes_with_a_bare_hash_by_bits() -> None:
    matcher = matcher_of([entry(1, 1, bare(SWAP)), entry(2, 2, picture(oriented(OFFICIAL)))])
    match = only(matches(matcher, picture(SWAP)))
    assert (match.margin, match.lead, match.known_good_agreement) == (24, None, None)


def test_the_known_good_entry_is_looked_for_beyond_the_limit_by_the_margin() -> None:
    limit = LIMITS.hash_review
    for apart, known in ((LIMITS.margin_bits, True), (LIMITS.margin_bits + 1, False)):
        near = flipped(BASES[0], limit)
        good = toward(near, bytes(byte ^ 0xFF for byte in near), limit + apart)
        matcher = matcher_of([entry(1, 1, bare(BASES[0])), entry(2, 2, bare(good))])
        assert (only(matches(matcher, picture(near))).known_good_id is not None) == known


def test_the_very_file_is_compared_with_known_good_entries_too() -> None:
    match = only(swapped().exact(picture(oriented(SWAP), grid=SWAP_GRID).sha256, 100))
    assert (match.stage, match.distance, match.known_good_id, match.known_good_distance) == (Stage.SHA256, 0, 2, 24)
    mistaken = matcher_of([entry(1, 1, picture(OFFICIAL, b"m" * 32)), entry(2, 4, picture(OFFICIAL))])
    assert only(mistaken.exact(b"m" * 32, 100)).margin == 0
    assert only(mistaken.exact(b"m" * 32, 200)).margin is None


def test_known_good_of_another_guild_does_not_protect() -> None:
    matcher = matcher_of([entry(1, 1, picture(oriented(SWAP))), entry(2, 6, picture(oriented(OFFICIAL)))])
    assert only(matches(matcher, picture(OFFICIAL), 100)).margin is None
    assert only(matches(matcher, picture(OFFICIAL), 200)).margin == -24


def test_an_official_frame_does_not_shield_the_frames_beside_it() -> None:
    query = fingerprint(
        [
            view(OFFICIAL, frame=0, grid=OFFICIAL_GRID),
            view(SWAP, frame=1, grid=SWAP_GRID),
            view(flipped(SWAP, 2, seed=9), frame=2, grid=SWAP_GRID),
        ]
    )
    match = only(matches(swapped(), query))
    assert (match.distance, match.known_good_distance) == (0, 24)
    assert (match.frames_matched, match.frames_compared) == (2, 3)


def test_frames_of_the_official_picture_do_not_add_up_to_a_match() -> None:
    looks = [view(flipped(OFFICIAL, 2, frame), frame=frame, grid=OFFICIAL_GRID) for frame in range(5)]
    match = only(matches(swapped(), fingerprint(looks)))
    assert match.lead is not None
    assert match.lead < 0


def test_frames_that_only_ask_do_not_count_towards_removal() -> None:
    looks = [view(BASES[0], frame=frame, grid=gridded(0, 0 if frame < 2 else 0.18)) for frame in range(6)]
    match = only(matches(matcher_of([entry(1, 1, picture(BASES[0]))]), fingerprint(looks)))
    assert (match.agreement, match.frames_matched, match.frames_compared) == (1, 2, 6)


def test_a_frame_that_removes_comes_before_one_that_agrees_better_but_may_only_ask() -> None:
    far, near = flipped(BASES[0], LIMITS.remove.distance + 1), BASES[0]
    query = fingerprint([view(far, frame=0), view(near, frame=1, grid=gridded(0, 0.05))])
    match = only(matches(matcher_of([entry(1, 1, picture(BASES[0]))]), query))
    assert match.distance == 0
    within = fingerprint([view(far), view(near, Form.TRIMMED, grid=gridded(0, 0.05))])
    assert only(matches(matcher_of([entry(1, 1, picture(BASES[0]))]), within)).part is Part.TRIMMED


def test_a_border_that_both_share_does_not_take_the_protection_away() -> None:
    """The official picture in the border of the blocked one: whole it resembles the blocked, trimmed the official."""
    bordered, border = BASES[2], gridded(4)
    blocked = fingerprint([view(oriented(bordered), grid=border), view(oriented(SWAP), Form.TRIMMED, grid=SWAP_GRID)])
    matcher = matcher_of([entry(1, 1, blocked), entry(2, 2, picture(oriented(OFFICIAL), grid=OFFICIAL_GRID))])
    query = fingerprint(
        [view(flipped(bordered, 4), grid=gridded(4, 0.02)), view(OFFICIAL, Form.TRIMMED, grid=OFFICIAL_GRID)]
    )
    match = only(matches(matcher, query))
    assert match.distance == 4
    assert match.known_good_distance == 0
    assert match.lead is not None
    assert match.lead <= 0


# ------------------------------------------------------------------------------------------------- garbage


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64, 96, 255, 257, 512])
def test_hashes_of_an_impossible_length_are_refused_and_change_nothing(length: int) -> None:
    good = entry(1, 1, picture(BASES[0]))
    matcher = matcher_of([good])
    bad = entry(1, 1, fingerprint([view(BASES[1]), view(bytes(length))]))
    before = answers(matcher, good.fingerprint)
    with pytest.raises(ValueError, match="bytes"):
        matcher.add(BANKS[0], bad)
    with pytest.raises(ValueError, match="bytes"):
        matcher.load(BANKS, [bad])
    with pytest.raises(ValueError, match="bytes"):
        matcher.update(BANKS, [entry(2, 1, picture(BASES[3])), bad])
    assert answers(matcher, good.fingerprint) == before


@pytest.mark.parametrize(
    ("look", "word"),
    [
        (picture(BASES[0], b"short"), "SHA-256"),
        (bare(md5=b"short"), "MD5"),
        (bare(b"", b"short"), "PDQ"),
        (bare(b"", *[bytes(32)] * 9), "PDQ"),
        (picture(BASES[0], grid=b"short"), "grid"),
        (fingerprint([View(Form.WHOLE, 0, BASES[0], gridded(), b"short")]), "features"),
    ],
)
def test_what_has_an_impossible_length_is_refused(look: Fingerprint, word: str) -> None:
    matcher = matcher_of([])
    for change in (
        lambda: matcher.add(BANKS[0], entry(1, 1, look)),
        lambda: matcher.load(BANKS, [entry(1, 1, look)]),
        lambda: matcher.update(BANKS, [entry(1, 1, look)]),
    ):
        with pytest.raises(ValueError, match=word):
            change()
    assert matcher.fingerprint(1) is None


def test_an_entry_in_the_wrong_bank_is_refused() -> None:
    matcher = matcher_of([])
    with pytest.raises(ValueError, match="bank"):
        matcher.add(BANKS[1], entry(1, 1, picture(BASES[0])))
    with pytest.raises(ValueError, match="bank"):
        matcher.load(BANKS, [entry(1, 77, picture(BASES[0]))])
    with pytest.raises(ValueError, match="bank"):
        matcher.update(BANKS, [entry(1, 77, picture(BASES[0]))])
    assert matches(matcher, picture(BASES[0])) == ()


def test_entries_without_views_match_by_their_file_alone() -> None:
    plain = fingerprint([], b"p" * 32)
    matcher = matcher_of([entry(1, 1, plain), entry(2, 1, picture(BASES[0]))])
    assert matches(matcher, plain) == ()
    assert only(matcher.exact(plain.sha256, None)).entry_id == 1
    assert [match.entry_id for match in matches(matcher, picture(BASES[0]))] == [2]


@given(hashes, hashes)
def test_a_view_without_a_grid_never_matches_a_whole_picture(one: bytes, other: bytes) -> None:
    matcher = matcher_of([entry(1, 1, picture(oriented(one)))])
    assert matches(matcher, picture(other, grid=b"")) == ()


# ------------------------------------------------------------------------------------------------- threads


def test_readers_see_a_whole_listing_while_it_changes() -> None:
    """An entry that stays is found by every read, one that never was by none, whatever a writer does beside it."""
    stays = entry(1, 1, picture(oriented(BASES[0]), b"s" * 32))
    clean = entry(2, 2, picture(oriented(flipped(BASES[0], 40, seed=3)), grid=gridded(0, 0.1)))
    foreign = entry(3, 1, bare(BASES[2]))
    coming = [
        entry(number, 1, picture(oriented(flipped(BASES[1], 90, number))) if number % 2 else bare(BASES[1]))
        for number in range(10, 90)
    ]
    matcher = matcher_of([stays, clean, foreign])
    done = Event()
    wrong: list[object] = []

    def read() -> None:
        try:
            while not done.is_set():
                found = [
                    (match.entry_id, match.distance, match.margin) for match in matches(matcher, stays.fingerprint, 100)
                ]
                files = [match.entry_id for match in matcher.exact(b"s" * 32, 100)]
                invented = matches(matcher, picture(BASES[3], grid=gridded(8)), 100)
                hashed = [match.entry_id for match in matches(matcher, picture(BASES[2], grid=gridded(9)), 100)]
                if (found, files, invented, hashed) != ([(1, 0, 40)], [1], (), [3]):
                    wrong.append((found, files, invented, hashed))
        except Exception as error:  # noqa: BLE001 - a thread's error would be lost
            wrong.append(error)

    readers = [Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(4):
        for one in coming:
            matcher.add(BANKS[0], one)
        for one in random.Random(turn).sample(coming, 70):
            matcher.revoke(one.id)
        matcher.load(BANKS, [stays, clean, foreign, *coming])
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
