"""Near matches that are held, and the order of things where a minor is suspected."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.model import Category, GuildSettings, LaneOrder, Match, Mode, NearMatches, Part, Verdict
from bot.policy import Facts, decide
from tests.test_policy import (
    FACTS,
    LEVELS,
    LIMITS,
    PERFECT,
    REMOVING,
    bare,
    cleared,
    doubted,
    facts,
    flagged,
    found_lists,
    found_matches,
    guilds,
    least,
    match,
    removable,
)

HOLDING = replace(REMOVING, near_matches=NearMatches.HOLD)
ALERTING = replace(REMOVING, lane_order=LaneOrder.ALERT_FIRST)
NEAR = match(evidence=least(LIMITS.review))


def holdable(found: Match, given: Facts) -> bool:
    """Near an entry of a list that may remove, and nothing but the evidence speaks against removing it."""
    may_remove = given.levels.get(found.bank_id) in (LEVELS[1], LEVELS[4])
    matched, compared = found.frames_matched, found.frames_compared
    frames = compared == 1 or (matched >= max(2, min(5, compared)) and 5 * matched >= 4 * compared)
    guessed = found.part in (Part.SPLIT, Part.APPROXIMATION)
    return flagged(found) and may_remove and not cleared(found) and not doubted(found) and frames and not guessed


@given(found_matches(), facts)
def test_a_near_match_is_held_only_if_nothing_else_speaks_against_removing_it(found, given_facts) -> None:
    plan = decide([found], HOLDING, given_facts)
    if found.category is not Category.MINOR_SUSPECTED:
        assert plan.delete == (removable(found, given_facts) or holdable(found, given_facts))
    assert plan.verdict is decide([found], REMOVING, given_facts).verdict


@given(found_lists, guilds, facts, st.sampled_from(NearMatches), st.sampled_from(LaneOrder))
def test_nothing_is_deleted_where_the_server_does_not_remove(found, guild, given_facts, near, order) -> None:
    guild = replace(guild, near_matches=near, lane_order=order)
    plan = decide(found, guild, given_facts)
    assert guild.mode is Mode.REMOVE or not plan.delete
    assert not plan.delete or plan.open_case


@given(found_lists, facts, st.sampled_from(NearMatches))
def test_a_suspected_minor_stands_until_it_was_reported(found, given_facts, near) -> None:
    plan = decide(found, replace(ALERTING, near_matches=near), given_facts)
    if plan.match is not None and plan.match.category is Category.MINOR_SUSPECTED:
        assert not plan.delete
        assert plan.verdict is Verdict.REVIEW or plan.log or any("reported to Discord" in why for why in plan.reasons)


@given(found_lists, facts)
def test_holding_never_takes_an_action_back(found, given_facts) -> None:
    for one in found:
        assert decide(found, HOLDING, given_facts).delete or not decide([one], HOLDING, given_facts).delete


def test_a_held_match_goes_also_where_a_list_that_may_only_flag_suspects_a_minor() -> None:
    flagged = match(bank_id=2, category=Category.MINOR_SUSPECTED, evidence=PERFECT)
    plan = decide([flagged, NEAR], HOLDING, FACTS)
    assert plan.match == flagged, "the case goes into the lane"
    assert (plan.verdict, plan.delete, plan.reasons[-1][:6]) == (Verdict.REVIEW, True, "Held: ")
    assert not decide([flagged, NEAR], replace(HOLDING, lane_order=LaneOrder.ALERT_FIRST), FACTS).delete
    assert not decide([flagged], HOLDING, FACTS).delete


def test_a_held_match_goes_at_once_and_says_so() -> None:
    assert not decide([NEAR], REMOVING, FACTS).delete
    plan = decide([NEAR], HOLDING, FACTS)
    assert (plan.verdict, plan.delete, plan.open_case) == (Verdict.REVIEW, True, True)
    assert plan.reasons[-1].startswith("Held: ")


def test_a_known_good_picture_nearby_keeps_a_near_match_up() -> None:
    agreement = NEAR.evidence.agreement - 0.01
    assert not decide([replace(NEAR, known_good_id=9, known_good_agreement=agreement)], HOLDING, FACTS).delete


def test_a_list_that_may_only_flag_holds_nothing() -> None:
    for bank_id in (2, 3):
        assert not decide([replace(NEAR, bank_id=bank_id)], HOLDING, FACTS).delete
        assert not decide([match(bank_id=bank_id, evidence=PERFECT)], HOLDING, FACTS).delete


def test_a_bare_hash_near_an_entry_is_held_unless_its_frame_was_guessed() -> None:
    between = LIMITS.hash_remove + 1
    assert decide([bare(between)], HOLDING, FACTS).delete
    assert not decide([bare(between, Part.SPLIT)], HOLDING, FACTS).delete


def test_of_two_clear_matches_that_of_a_suspected_minor_counts() -> None:
    lane = match(entry_id=8, evidence=least(LIMITS.remove), category=Category.MINOR_SUSPECTED)
    for found in ([match(), lane], [lane, match()]):
        plan = decide(found, ALERTING, FACTS)
        assert plan.match is not None
        assert (plan.match.entry_id, plan.delete) == (8, False)


def test_the_lane_deletes_at_once_unless_told_otherwise() -> None:
    lane = match(category=Category.MINOR_SUSPECTED)
    assert GuildSettings(1).lane_order is LaneOrder.DELETE_AT_ONCE
    assert decide([lane], REMOVING, FACTS).delete
    assert not decide([lane], ALERTING, FACTS).delete
