"""Policy: its rules written down a second time, rule by rule, and what holds for every match and every setting."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.model import (
    BankLevel,
    Category,
    Evidence,
    Fitting,
    GuildSettings,
    Match,
    Mode,
    Orientation,
    Part,
    Plan,
    Stage,
    Thresholds,
    Tier,
    Verdict,
)
from bot.policy import Facts, decide, tier

REMOVING = GuildSettings(guild_id=1, mode=Mode.REMOVE)
LEVELS = {1: BankLevel.REMOVE, 2: BankLevel.REVIEW, 3: BankLevel.OBSERVE, 4: BankLevel.STRICT}
LIMITS = Thresholds()
FACTS = Facts(LIMITS, LEVELS)
TIERS = (LIMITS.review, LIMITS.remove, LIMITS.strict)
FITTINGS = tuple(fitting for asked in TIERS for fitting in (asked.usual, asked.many, asked.few))
BITS = (*(asked.distance for asked in TIERS), LIMITS.hash_remove, LIMITS.hash_review, LIMITS.hash_review_box)
STRICT = replace(FACTS, strict=True)
PERFECT = Evidence(1.0, 1.0, 20.0)
FILES = (Stage.SHA256, Stage.MD5)


def match(**changes) -> Match:
    """The whole picture, gradients and all, unless changed."""
    base = Match(5, 1, Category.NCII_SYNTHETIC, Stage.PHASH, 0, Part.WHOLE, Orientation.UPRIGHT, evidence=PERFECT)
    return replace(base, **changes)


def bare(distance: int, part: Part = Part.WHOLE, **changes) -> Match:
    """A match with an entry that is nothing but a hash."""
    return match(stage=Stage.PDQ, distance=distance, part=part, evidence=None, **changes)


def local(**evidence) -> Match:
    return match(stage=Stage.LOCAL, distance=None, evidence=replace(Evidence(1.0, 1.0, 20.0, 40), **evidence))


def verdict(found: Match, facts: Facts = FACTS) -> Verdict:
    return decide([found], REMOVING, facts).verdict


# ------------------------------------------------------------------------------- the rules, from the other side


def edges(limits: Iterable[float], step: float) -> list[float]:
    """Every limit, and the value next to it that is not enough."""
    return sorted({round(value, 3) for limit in limits for value in (limit - step, limit) if value >= 0})


distances = st.sampled_from((0, 1, 20, *(bits + more for bits in BITS for more in (0, 1)), 128))
agreements = st.sampled_from((0.0, 0.5, *edges((asked.agreement for asked in (*TIERS, *FITTINGS)), 0.001), 1.0))
coverages = st.sampled_from((*edges((asked.coverage for asked in (*TIERS, *FITTINGS)), 0.01), 1.0))
significances = st.sampled_from((0.0, *edges((asked.significance for asked in (*TIERS, *FITTINGS)), 0.1), 23.0))
inliers = st.sampled_from((0, *(round(count) for count in edges((asked.inliers for asked in FITTINGS), 1))))
frames = st.sampled_from(((1, 1), (1, 2), (2, 2), (3, 4), (4, 4), (4, 5), (5, 5), (5, 6), (6, 8), (12, 15), (11, 15)))


@st.composite
def rivals(draw: st.DrawFn) -> dict[str, object]:
    if draw(st.booleans()):
        return {}
    return {
        "known_good_id": 7,
        "known_good_distance": draw(st.none() | distances),
        "known_good_agreement": draw(st.none() | agreements | st.sampled_from((0.865, 0.879, 0.881, 0.831))),
    }


@st.composite
def found_matches(draw: st.DrawFn) -> Match:
    """A match as the matcher makes them: each stage with the evidence that it has."""
    stage = draw(st.sampled_from(Stage))
    part, distance, evidence = draw(st.sampled_from(Part)), draw(distances), None
    if stage is Stage.LOCAL:
        part, distance = Part.WHOLE, None
        evidence = draw(st.builds(Evidence, agreements, coverages, significances, inliers))
    elif stage in FILES:
        part, distance = Part.WHOLE, 0
    elif stage is Stage.PHASH and draw(st.booleans()):
        part = draw(st.sampled_from((Part.WHOLE, Part.TRIMMED)))
        evidence = draw(st.builds(Evidence, agreements, coverages, significances))
    matched, compared = draw(frames)
    return match(
        entry_id=draw(st.integers(1, 9)),
        bank_id=draw(st.integers(1, 5)),
        category=draw(st.sampled_from(Category)),
        stage=stage,
        distance=distance,
        part=part,
        orientation=draw(st.sampled_from(Orientation)),
        inverted=draw(st.booleans()),
        evidence=evidence,
        frames_matched=matched,
        frames_compared=compared,
        **draw(rivals()),
    )


found_lists = st.lists(found_matches(), max_size=5)
guilds = st.builds(GuildSettings, guild_id=st.just(1), mode=st.sampled_from(Mode))
facts = st.builds(Facts, st.just(LIMITS), st.just(LEVELS), strict=st.booleans())


def whole_enough(found: Evidence, distance: int, asked: Tier) -> bool:
    return (
        distance <= asked.distance
        and found.agreement >= asked.agreement
        and found.coverage >= asked.coverage
        and found.significance >= asked.significance
    )


def fits(found: Evidence, asked: Fitting) -> bool:
    return not (
        found.inliers < asked.inliers
        or found.agreement < asked.agreement
        or found.coverage < asked.coverage
        or found.significance < asked.significance
    )


def local_enough(found: Evidence, asked: Tier) -> bool:
    """One of the three is enough, whichever the count of points would suggest."""
    return fits(found, asked.usual) or fits(found, asked.many) or fits(found, asked.few)


def reaches(found: Match, asked: Tier, bits: dict[Part, int]) -> bool:
    """Whether the match has what one tier asks, its stage's way."""
    if found.stage in FILES:
        return True
    if found.stage is Stage.LOCAL:
        return local_enough(found.evidence, asked)
    if found.evidence is not None:
        return whole_enough(found.evidence, found.distance, asked)
    return found.distance <= bits.get(found.part, -1)


BOXED = (Part.BOX, Part.ROTATED)
REMOVING_BITS = dict.fromkeys((Part.WHOLE, Part.TRIMMED, Part.BOX, Part.ROTATED), LIMITS.hash_remove)
REVIEW_BITS = {**dict.fromkeys(Part, LIMITS.hash_review), **dict.fromkeys(BOXED, LIMITS.hash_review_box)}


def cleared(found: Match) -> bool:
    """A known-good entry explains the picture as well or better."""
    if found.evidence is not None and found.known_good_agreement is not None:
        return found.known_good_agreement >= found.evidence.agreement
    if found.known_good_distance is not None and found.distance is not None:
        return found.known_good_distance < found.distance
    return False


def doubted(found: Match) -> bool:
    """A known-good entry explains it nearly as well."""
    if found.evidence is not None and found.known_good_agreement is not None:
        return found.evidence.agreement - found.known_good_agreement < 0.02
    if found.known_good_distance is not None and found.distance is not None:
        return found.known_good_distance - found.distance < 8
    return False


def flagged(found: Match) -> bool:
    return reaches(found, LIMITS.review, REVIEW_BITS) and not cleared(found)


def removable(found: Match, given: Facts) -> bool:
    level = given.levels.get(found.bank_id)
    asked = LIMITS.strict if given.strict or level is BankLevel.STRICT else LIMITS.remove
    matched, compared = found.frames_matched, found.frames_compared
    return (
        level in (BankLevel.REMOVE, BankLevel.STRICT)
        and reaches(found, asked, REMOVING_BITS)
        and not cleared(found)
        and not doubted(found)
        and (compared == 1 or (matched >= max(2, min(5, compared)) and 5 * matched >= 4 * compared))
    )


def test_the_limits_of_this_file_are_the_defaults() -> None:
    assert (LIMITS.hash_remove, LIMITS.hash_review, LIMITS.hash_review_box) == (31, 47, 56)
    assert (LIMITS.margin, LIMITS.margin_bits) == (0.02, 8)


@given(found_lists, guilds, facts)
def test_a_message_is_deleted_only_for_a_removable_match_in_a_guild_that_removes(found, guild, given_facts) -> None:
    plan = decide(found, guild, given_facts)
    assert plan.delete == (guild.mode is Mode.REMOVE and any(removable(one, given_facts) for one in found))
    if plan.delete:
        assert removable(plan.match, given_facts)
        assert plan.open_case
        assert plan.verdict is Verdict.REMOVE


@given(found_lists, facts)
def test_a_case_is_opened_for_whatever_is_flagged_and_not_only_observed(found, given_facts) -> None:
    acting = [one for one in found if given_facts.levels.get(one.bank_id, BankLevel.OBSERVE) is not BankLevel.OBSERVE]
    plan = decide(found, REMOVING, given_facts)
    assert plan.open_case == any(flagged(one) for one in acting)
    assert plan.log == (not plan.open_case and any(flagged(one) for one in found))


@given(found_matches(), facts)
def test_the_verdict_about_one_match_follows_the_rules(found, given_facts) -> None:
    plan = decide([found], REMOVING, given_facts)
    observed = given_facts.levels.get(found.bank_id, BankLevel.OBSERVE) is BankLevel.OBSERVE
    if not observed:
        expected = Verdict.REMOVE if removable(found, given_facts) else Verdict.REVIEW
        assert plan.verdict is (expected if flagged(found) else Verdict.CLEAR)
    assert (plan.match is None) == (plan.verdict is Verdict.CLEAR)


@given(found_lists, guilds, facts, st.randoms())
def test_a_plan_does_not_depend_on_the_order_of_the_matches(found, guild, given_facts, shuffler) -> None:
    def outcome(matches: Sequence[Match]) -> tuple[object, ...]:
        plan = decide(matches, guild, given_facts)
        return plan.verdict, plan.delete, plan.open_case, plan.log

    forward = outcome(found)
    assert outcome(found[::-1]) == forward
    shuffler.shuffle(found)
    assert outcome(found) == forward


@given(found_lists, facts)
def test_an_observing_guild_only_logs(found, given_facts) -> None:
    plan = decide(found, replace(REMOVING, mode=Mode.OBSERVE), given_facts)
    assert not plan.delete
    assert not plan.open_case
    assert plan.log == (plan.verdict is not Verdict.CLEAR)


@given(found_lists, facts)
def test_a_reviewing_guild_deletes_nothing_and_asks_about_the_same(found, given_facts) -> None:
    removing, reviewing = (
        decide(found, replace(REMOVING, mode=mode), given_facts) for mode in (Mode.REMOVE, Mode.REVIEW)
    )
    assert not reviewing.delete
    assert (reviewing.open_case, reviewing.verdict) == (removing.open_case, removing.verdict)


@given(found_lists, facts)
def test_every_plan_that_acts_says_why(found, given_facts) -> None:
    plan = decide(found, REMOVING, given_facts)
    assert plan.verdict is Verdict.CLEAR or plan.reasons
    assert all(reason.strip() and reason.endswith(".") for reason in plan.reasons)


@given(found_lists, guilds)
def test_the_strict_tier_never_removes_more(found, guild) -> None:
    strict, standard = decide(found, guild, STRICT), decide(found, guild, FACTS)
    assert standard.delete or not strict.delete
    assert strict.open_case == standard.open_case


@given(found_lists, guilds, facts)
def test_a_list_that_is_only_observed_never_changes_what_is_done(found, guild, given_facts) -> None:
    acting = [one for one in found if LEVELS.get(one.bank_id, BankLevel.OBSERVE) is not BankLevel.OBSERVE]
    with_all, without = decide(found, guild, given_facts), decide(acting, guild, given_facts)
    assert (with_all.delete, with_all.open_case) == (without.delete, without.open_case)


@given(found_lists, facts)
def test_a_further_match_never_takes_an_action_back(found, given_facts) -> None:
    whole = decide(found, REMOVING, given_facts)
    for one in found:
        alone = decide([one], REMOVING, given_facts)
        assert whole.delete or not alone.delete
        assert whole.open_case or not alone.open_case


@given(found_lists, guilds, facts)
def test_the_very_file_of_a_known_good_entry_is_clear_whatever_matches(found, guild, given_facts) -> None:
    plan = decide(found, guild, replace(given_facts, known_good_exact=True))
    assert (plan.verdict, plan.match, plan.delete, plan.open_case, plan.log) == (
        Verdict.CLEAR,
        None,
        False,
        False,
        False,
    )


_odd = st.floats(0, 1) | st.just(math.nan)


@given(st.builds(Evidence, _odd, _odd, _odd, st.none() | st.integers()), st.none() | st.integers(), facts)
@example(Evidence(math.nan, math.nan, math.nan), 0, FACTS)
@example(Evidence(1.0, 1.0, math.nan), 0, FACTS)
def test_what_is_no_number_removes_nothing(evidence, distance, given_facts) -> None:
    stage = Stage.PHASH if evidence.inliers is None else Stage.LOCAL
    plan = decide([match(stage=stage, distance=distance, evidence=evidence)], REMOVING, given_facts)
    if any(math.isnan(share) for share in (evidence.agreement, evidence.coverage, evidence.significance)):
        assert not plan.delete


# ------------------------------------------------------------------------------------------------- by example


def test_no_match_is_clear() -> None:
    assert decide((), REMOVING, FACTS) == Plan(Verdict.CLEAR)


@pytest.mark.parametrize("stage", FILES)
def test_the_very_file_is_removed(stage: Stage) -> None:
    assert decide([match(stage=stage, evidence=None)], REMOVING, STRICT).delete


def just_below(found: Evidence) -> list[Evidence]:
    """The evidence with one of its numbers a little too small, for each number that can be."""
    fewer = {
        "agreement": found.agreement - 0.001,
        "coverage": found.coverage - 0.001,
        "significance": found.significance - 0.001,
        "inliers": None if found.inliers is None else found.inliers - 1,
    }
    return [replace(found, **{name: value}) for name, value in fewer.items() if value is not None and value >= 0]


def least(asked: Tier | Fitting) -> Evidence:
    """The evidence that is barely enough."""
    return Evidence(asked.agreement, asked.coverage, asked.significance, getattr(asked, "inliers", None))


REACHED = [(LIMITS.remove, FACTS, Verdict.REMOVE), (LIMITS.strict, STRICT, Verdict.REMOVE)]
REACHED += [(LIMITS.review, given_facts, Verdict.REVIEW) for given_facts in (FACTS, STRICT)]
NEXT = {Verdict.REMOVE: Verdict.REVIEW, Verdict.REVIEW: Verdict.CLEAR}


@pytest.mark.parametrize(("asked", "given_facts", "expected"), REACHED)
def test_the_bands_of_a_whole_picture_end_where_the_tiers_say(asked, given_facts, expected) -> None:
    assert verdict(match(distance=asked.distance), given_facts) is expected
    assert verdict(match(distance=asked.distance + 1), given_facts) is NEXT[expected]
    assert verdict(match(evidence=least(asked)), given_facts) is expected
    for worse in just_below(least(asked)):
        assert verdict(match(evidence=worse), given_facts) is NEXT[expected]


@pytest.mark.parametrize("way", ["usual", "many", "few"])
@pytest.mark.parametrize(("asked", "given_facts", "expected"), REACHED)
def test_the_bands_of_local_features_end_where_the_tiers_say(asked, given_facts, expected, way) -> None:
    """Each of the three ways is enough alone, and just below it only if another one is."""
    barely = least(getattr(asked, way))
    assert verdict(local(**asdict(barely)), given_facts) is expected
    for worse in just_below(barely):
        got = verdict(local(**asdict(worse)), given_facts)
        if expected is Verdict.REMOVE or local_enough(worse, LIMITS.review):
            assert got is (expected if local_enough(worse, asked) else Verdict.REVIEW)
        else:
            assert got is Verdict.CLEAR


@pytest.mark.parametrize("asked", TIERS)
def test_each_way_is_enough_where_the_others_are_not(asked: Tier) -> None:
    """Otherwise one of the numbers of a tier would decide nothing."""
    for way in (asked.usual, asked.many, asked.few):
        assert [fits(least(way), other) for other in (asked.usual, asked.many, asked.few)].count(True) == 1


@pytest.mark.parametrize("part", Part)
def test_the_bands_of_bare_hashes_end_where_the_settings_say(part: Part) -> None:
    limits = (LIMITS.hash_remove, LIMITS.hash_review, LIMITS.hash_review_box)
    verdicts = [verdict(bare(limit + more, part)) for limit in limits for more in (0, 1)]
    first = Verdict.REVIEW if part in (Part.SPLIT, Part.APPROXIMATION) else Verdict.REMOVE
    boxed = Verdict.REVIEW if part in (Part.BOX, Part.ROTATED) else Verdict.CLEAR
    assert verdicts == [first, Verdict.REVIEW, Verdict.REVIEW, boxed, boxed, Verdict.CLEAR]


def test_the_strict_tier_asks_a_person_about_what_the_standard_one_removes() -> None:
    between = match(evidence=least(LIMITS.remove))
    assert decide([between], REMOVING, FACTS).delete
    plan = decide([between], REMOVING, STRICT)
    assert (plan.verdict, plan.open_case) == (Verdict.REVIEW, True)
    assert any("strict" in reason for reason in plan.reasons)
    assert not decide([replace(between, bank_id=4)], REMOVING, FACTS).delete
    assert decide([match(bank_id=4)], REMOVING, FACTS).delete


def test_thresholds_are_those_of_the_facts() -> None:
    narrow = replace(LIMITS, hash_remove=10, hash_review=20, margin_bits=3)
    verdicts = [verdict(bare(distance), replace(FACTS, thresholds=narrow)) for distance in (10, 11, 20, 21)]
    assert verdicts == [Verdict.REMOVE, Verdict.REVIEW, Verdict.REVIEW, Verdict.CLEAR]
    close = bare(5, known_good_id=9, known_good_distance=8)
    assert decide([close], REMOVING, replace(FACTS, thresholds=narrow)).delete
    assert not decide([close], REMOVING, FACTS).delete


@pytest.mark.parametrize(
    ("agreement", "expected"),
    [
        (0.5, Verdict.REMOVE),
        (0.9375, Verdict.REMOVE),
        (0.95, Verdict.REVIEW),
        (0.96875, Verdict.CLEAR),
        (1.0, Verdict.CLEAR),
    ],
)
@pytest.mark.parametrize("stage", [Stage.PHASH, Stage.LOCAL])
def test_a_known_good_picture_competes_by_agreement(stage: Stage, agreement: float, expected: Verdict) -> None:
    """Bits say nothing where gradients can be compared: a face swap is as near to the official photo as a copy."""
    evidence = Evidence(0.96875, 1.0, 20.0, None if stage is Stage.PHASH else 30)
    found = match(
        stage=stage,
        distance=20 if stage is Stage.PHASH else None,
        evidence=evidence,
        known_good_id=9,
        known_good_distance=20,
        known_good_agreement=agreement,
    )
    plan = decide([found], REMOVING, FACTS)
    assert plan.verdict is expected
    assert (plan.verdict is Verdict.REMOVE) == plan.delete
    assert plan.verdict is Verdict.REMOVE or any("E-9" in reason for reason in plan.reasons)


@pytest.mark.parametrize(
    ("good", "expected"), [(18, Verdict.REMOVE), (17, Verdict.REVIEW), (10, Verdict.REVIEW), (9, Verdict.CLEAR)]
)
def test_where_only_hashes_can_be_compared_bits_decide(good: int, expected: Verdict) -> None:
    for found in (bare(10), match(distance=10)):
        plan = decide([replace(found, known_good_id=9, known_good_distance=good)], REMOVING, FACTS)
        assert (plan.verdict, plan.open_case) == (expected, expected is not Verdict.CLEAR)
        assert expected is Verdict.REMOVE or any("E-9" in reason for reason in plan.reasons)


def test_a_mistaken_known_good_copy_of_the_very_file_asks_a_person() -> None:
    found = match(stage=Stage.SHA256, evidence=None, known_good_id=9, known_good_distance=4)
    assert verdict(found) is Verdict.REVIEW
    assert verdict(replace(found, known_good_distance=8)) is Verdict.REMOVE


def test_a_foreign_list_may_flag_but_not_remove() -> None:
    plan = decide([match(bank_id=2)], REMOVING, FACTS)
    assert (plan.verdict, plan.delete, plan.open_case) == (Verdict.REVIEW, False, True)
    assert any("may only flag" in reason for reason in plan.reasons)


def test_a_list_that_is_only_observed_does_not_hide_a_farther_entry_that_may_remove() -> None:
    plan = decide([match(bank_id=3, entry_id=1), match(distance=30, entry_id=2)], REMOVING, FACTS)
    assert plan.delete
    assert plan.match.entry_id == 2


def test_a_list_that_is_only_observed_does_not_hide_an_entry_that_may_ask() -> None:
    plan = decide([match(bank_id=3, entry_id=1), match(distance=70, entry_id=2)], REMOVING, FACTS)
    assert (plan.verdict, plan.open_case, plan.log) == (Verdict.REVIEW, True, False)
    assert plan.match.entry_id == 2


def test_an_unknown_bank_is_only_observed() -> None:
    plan = decide([match(bank_id=99)], REMOVING, FACTS)
    assert (plan.delete, plan.open_case, plan.log) == (False, False, True)


@pytest.mark.parametrize(
    ("matched", "compared", "removed"),
    [
        (1, 1, True), (1, 2, False), (2, 2, True), (2, 3, False), (3, 3, True), (4, 4, True), (4, 5, False),
        (5, 5, True), (5, 6, True), (5, 7, False), (6, 7, True), (12, 15, True),
        (11, 15, False), (51, 64, False), (52, 64, True),
    ],
)  # fmt: skip
def test_an_animation_is_removed_only_if_nearly_all_of_it_matches(matched: int, compared: int, removed: bool) -> None:
    for found in (match(), bare(3), match(stage=Stage.LOCAL, distance=None, evidence=replace(PERFECT, inliers=30))):
        plan = decide([replace(found, frames_matched=matched, frames_compared=compared)], REMOVING, FACTS)
        assert (plan.delete, plan.open_case) == (removed, True)


def test_the_tier_of_the_evidence_alone_knows_no_lists_and_no_rivals() -> None:
    found = match(bank_id=3, known_good_id=9, known_good_agreement=1.0, frames_matched=1, frames_compared=9)
    assert tier(found, LIMITS) is Verdict.REMOVE
    assert tier(bare(40), LIMITS) is Verdict.REVIEW
    assert tier(match(distance=None), LIMITS) is Verdict.CLEAR


def test_the_reason_says_how_a_copy_lies() -> None:
    plan = decide([match(orientation=Orientation.MIRRORED, inverted=True)], REMOVING, FACTS)
    assert "mirrored" in plan.reasons[0]
    assert "inverted" in plan.reasons[0]
    assert "4 of 256 bits" in decide([bare(4)], REMOVING, FACTS).reasons[0]
