"""Policy: the invariants that hold for every match and every setting."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.model import (
    BankLevel,
    Category,
    Form,
    GuildSettings,
    Match,
    Mode,
    Orientation,
    Plan,
    Stage,
    Thresholds,
    Verdict,
)
from bot.policy import decide

REMOVING = GuildSettings(guild_id=1, mode=Mode.REMOVE)
LEVELS = {1: BankLevel.REMOVE, 2: BankLevel.REVIEW, 3: BankLevel.OBSERVE}


def match(distance: int, **changes) -> Match:
    base = Match(
        entry_id=5,
        bank_id=1,
        category=Category.NCII_SYNTHETIC,
        stage=Stage.PHASH,
        distance=distance,
        form=Form.WHOLE,
        orientation=Orientation.UPRIGHT,
    )
    return replace(base, **changes)


matches = st.lists(
    st.builds(
        Match,
        entry_id=st.integers(1, 9),
        bank_id=st.integers(1, 4),
        category=st.sampled_from(Category),
        stage=st.sampled_from(Stage),
        distance=st.integers(0, 128),
        form=st.sampled_from(Form),
        orientation=st.sampled_from(Orientation),
        known_good_id=st.just(7),
        known_good_distance=st.none() | st.integers(0, 128),
        frames_matched=st.integers(1, 16),
        frames_compared=st.integers(1, 16),
    ),
    max_size=5,
)
guilds = st.builds(GuildSettings, guild_id=st.just(1), mode=st.sampled_from(Mode))


def removable(found: Match, limits: Thresholds) -> bool:
    """The rule for removal, written down a second time and from the other side."""
    near_enough = found.distance <= limits.remove
    clear_of_good = found.known_good_distance is None or found.known_good_distance - found.distance >= limits.margin
    frames = found.frames_compared == 1 or (
        found.frames_matched >= 2 and found.frames_matched / found.frames_compared >= 0.5
    )
    return near_enough and clear_of_good and frames and LEVELS.get(found.bank_id) is BankLevel.REMOVE


@given(matches, guilds)
def test_a_message_is_deleted_only_for_a_removable_match_in_a_guild_that_removes(found, guild):
    plan = decide(found, guild, LEVELS)
    expected = guild.mode is Mode.REMOVE and any(removable(one, guild.thresholds) for one in found)
    assert plan.delete == expected
    if plan.delete:
        assert removable(plan.match, guild.thresholds)
        assert plan.open_case


@given(matches, guilds)
def test_a_plan_does_not_depend_on_the_order_of_the_matches(found, guild):
    forward, backward = decide(found, guild, LEVELS), decide(found[::-1], guild, LEVELS)
    assert (forward.verdict, forward.delete, forward.open_case, forward.log) == (
        backward.verdict,
        backward.delete,
        backward.open_case,
        backward.log,
    )


@given(matches)
def test_an_observing_guild_only_logs(found):
    plan = decide(found, replace(REMOVING, mode=Mode.OBSERVE), LEVELS)
    assert not plan.delete
    assert not plan.open_case
    assert plan.log == (plan.verdict is not Verdict.CLEAR)


@given(matches)
def test_every_plan_that_acts_says_why(found):
    plan = decide(found, REMOVING, LEVELS)
    assert plan.verdict is Verdict.CLEAR or plan.reasons


def test_no_match_is_clear():
    assert decide((), REMOVING, LEVELS) == Plan(Verdict.CLEAR)


def test_the_very_file_of_a_known_good_entry_is_clear_whatever_matches():
    plan = decide([match(0, stage=Stage.SHA256)], REMOVING, LEVELS, known_good_exact=True)
    assert plan.verdict is Verdict.CLEAR


def test_the_official_photo_of_a_face_swap_stays_when_it_is_known():
    plan = decide([match(20, known_good_id=9, known_good_distance=0)], REMOVING, LEVELS)
    assert plan.verdict is Verdict.CLEAR
    assert "E-9" in plan.reasons[0]


def test_too_small_a_margin_asks_a_person():
    plan = decide([match(10, known_good_id=9, known_good_distance=17)], REMOVING, LEVELS)
    assert (plan.verdict, plan.delete, plan.open_case) == (Verdict.REVIEW, False, True)
    plan = decide([match(10, known_good_id=9, known_good_distance=18)], REMOVING, LEVELS)
    assert plan.delete


def test_a_foreign_list_may_flag_but_not_remove():
    plan = decide([match(0, bank_id=2)], REMOVING, LEVELS)
    assert (plan.verdict, plan.delete, plan.open_case) == (Verdict.REVIEW, False, True)
    assert any("may only flag" in reason for reason in plan.reasons)


def test_a_list_that_is_only_observed_does_not_hide_a_farther_entry_that_may_remove():
    plan = decide([match(3, bank_id=3, entry_id=1), match(30, bank_id=1, entry_id=2)], REMOVING, LEVELS)
    assert plan.delete
    assert plan.match.entry_id == 2


def test_a_list_that_is_only_observed_does_not_hide_an_entry_that_may_ask():
    plan = decide([match(3, bank_id=3, entry_id=1), match(50, bank_id=1, entry_id=2)], REMOVING, LEVELS)
    assert (plan.verdict, plan.open_case, plan.log) == (Verdict.REVIEW, True, False)
    assert plan.match.entry_id == 2


@given(matches, guilds)
def test_a_list_that_is_only_observed_never_changes_what_is_done(found, guild):
    acting = [one for one in found if LEVELS.get(one.bank_id, BankLevel.OBSERVE) is not BankLevel.OBSERVE]
    with_all, without = decide(found, guild, LEVELS), decide(acting, guild, LEVELS)
    assert (with_all.delete, with_all.open_case) == (without.delete, without.open_case)


def test_one_frame_of_an_animation_never_removes_alone():
    plan = decide([match(0, frames_matched=1, frames_compared=12)], REMOVING, LEVELS)
    assert (plan.verdict, plan.delete) == (Verdict.REVIEW, False)
    assert decide([match(0, frames_matched=6, frames_compared=12)], REMOVING, LEVELS).delete


def test_the_bands_end_where_the_settings_say():
    limits = Thresholds(remove=10, review=20, margin=8)
    guild = replace(REMOVING, thresholds=limits)
    verdicts = [decide([match(distance)], guild, LEVELS).verdict for distance in (10, 11, 20, 21)]
    assert verdicts == [Verdict.REMOVE, Verdict.REVIEW, Verdict.REVIEW, Verdict.CLEAR]


def test_the_reason_says_how_a_copy_lies():
    plan = decide([match(4, orientation=Orientation.MIRRORED)], REMOVING, LEVELS)
    assert "mirrored" in plan.reasons[0]
    assert "4 of 256 bits" in plan.reasons[0]
