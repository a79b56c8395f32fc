"""What is to be done about a media item: a pure function from matches and settings to a plan.

Three things hold whatever the settings say. A post is removed only if it is nearer to a blocked entry than to every
known-good one by the margin. A bank's level caps what its entries may lead to. One frame of an animation never
removes it alone. A guild may have near matches held, which is to delete them before somebody decides: that goes as far
as these three allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .explain import percent, sentence
from .model import (
    BankLevel,
    Category,
    GuildSettings,
    LaneOrder,
    Match,
    Mode,
    NearMatches,
    Plan,
    Stage,
    Thresholds,
    Verdict,
)

LEAST_FRAMES = 5
"""Frames of an animation that must match before it is removed, or all of them where there are fewer."""

FRAME_SHARE = 0.8
"""Share of an animation's distinct frames that must match one entry before it is removed without a person."""

_RANK = {Verdict.CLEAR: 0, Verdict.REVIEW: 1, Verdict.REMOVE: 2}
_FILES = frozenset({Stage.SHA256, Stage.MD5})


@dataclass(frozen=True, slots=True)
class Facts:
    """What a plan is made from besides the matches and the guild's settings.

    ``levels`` is the level of each bank by id; a bank that is missing counts as ``observe``. ``strict``: the strict
    tier decides about removal, because the guild wants it or knows few pictures to be good yet. ``known_good_exact``:
    the very file stands in a known-good bank.
    """

    thresholds: Thresholds
    levels: Mapping[int, BankLevel]
    strict: bool = False
    known_good_exact: bool = False


class Grade(NamedTuple):
    """How far one match goes. ``near``: only the evidence falls short of removal, nothing speaks against it."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    near: bool = False


def decide(matches: Sequence[Match], guild: GuildSettings, facts: Facts) -> Plan:
    """Make the plan for one media item from all blocked entries near it.

    The clearest one counts; of those that go equally far, one of a suspected minor.
    """
    if facts.known_good_exact:
        return Plan(Verdict.CLEAR, reasons=("This very file stands on the known-good list.",))
    best: tuple[tuple[int, int, bool, bool, float], Match, Grade] | None = None
    holds = False
    for match in matches:
        level = facts.levels.get(match.bank_id, BankLevel.OBSERVE)
        grade = _grade(match, level, facts)
        acts = grade.verdict is not Verdict.CLEAR and level is not BankLevel.OBSERVE
        in_lane = match.category is Category.MINOR_SUSPECTED
        held = grade.near and guild.near_matches is NearMatches.HOLD
        holds |= held
        key = (int(acts), _RANK[grade.verdict], in_lane, held, nearness(match))
        if best is None or key > best[0]:
            best = key, match, grade
    if best is None:
        return Plan(Verdict.CLEAR)
    _, match, grade = best
    verdict, reasons = grade.verdict, grade.reasons
    if verdict is Verdict.CLEAR:
        return Plan(Verdict.CLEAR, reasons=reasons)
    level = facts.levels.get(match.bank_id, BankLevel.OBSERVE)
    if level is BankLevel.OBSERVE or guild.mode is Mode.OBSERVE:
        who = "this list is only observed" if level is BankLevel.OBSERVE else "this server only observes"
        return Plan(verdict, match, log=True, reasons=(*reasons, f"Nothing is done about it: {who}."))
    delete, why = _delete(match, grade, guild, held=holds and verdict is Verdict.REVIEW)
    return Plan(verdict, match, delete=delete, open_case=True, reasons=(*reasons, *why))


def _delete(match: Match, grade: Grade, guild: GuildSettings, *, held: bool) -> tuple[bool, tuple[str, ...]]:
    """Whether the message goes before a person has decided, and what is to be said about that.

    ``held``: this match, or one that goes equally far, is near enough to be held.
    """
    if grade.verdict is not Verdict.REMOVE and not held:
        return False, ()
    if guild.mode is Mode.REVIEW:
        return False, ("The message stays until somebody decides: this server reviews everything.",)
    if waits_for_report(guild, match.category):
        return False, ("The message stays until it was reported to Discord: this server alerts first.",)
    return True, ("Held: it is deleted, and somebody decides afterwards.",) if held else ()


def waits_for_report(guild: GuildSettings, category: Category) -> bool:
    """Whether a message is left standing so that it can be reported to Discord, which needs it for that."""
    return category is Category.MINOR_SUSPECTED and guild.lane_order is LaneOrder.ALERT_FIRST


def tier(match: Match, thresholds: Thresholds, *, strict: bool = False) -> Verdict:
    """How far the evidence of a match alone goes: remove, review or clear."""
    if match.stage in _FILES:
        return Verdict.REMOVE
    if match.evidence is None:
        return _hash_tier(match, thresholds)
    if (thresholds.strict if strict else thresholds.remove).met_by(match.evidence, match.distance):
        return Verdict.REMOVE
    return Verdict.REVIEW if thresholds.review.met_by(match.evidence, match.distance) else Verdict.CLEAR


def nearness(match: Match) -> float:
    """How clearly a match speaks, for choosing among several: the very file, then agreement, then bare hashes."""
    if match.stage in _FILES:
        return 2.0
    if match.evidence is not None:
        return 1.0 + match.evidence.agreement * match.evidence.coverage
    return 1.0 - (match.distance or 0) / 256


def _hash_tier(match: Match, thresholds: Thresholds) -> Verdict:
    """An entry that is a hash and nothing else: only its distance can be judged, so the limits are tighter."""
    distance = match.distance
    if distance is None:
        return Verdict.CLEAR
    if distance <= thresholds.hash_remove and not match.part.guessed:
        return Verdict.REMOVE
    limit = thresholds.hash_review_box if match.part.boxed else thresholds.hash_review
    return Verdict.REVIEW if distance <= limit else Verdict.CLEAR


def _grade(match: Match, level: BankLevel, facts: Facts) -> Grade:
    limits = facts.thresholds
    strict = facts.strict or level is BankLevel.STRICT
    verdict = tier(match, limits, strict=strict)
    if verdict is Verdict.CLEAR:
        return Grade(verdict)
    reasons = [sentence(match)]
    if verdict is Verdict.REVIEW and strict and tier(match, limits) is Verdict.REMOVE:
        reasons.append("Enough to remove it by the standard tier, not by the strict one that applies here.")
    rival = _rival(match, limits)
    removable = level in (BankLevel.REMOVE, BankLevel.STRICT) and not match.part.guessed and _enough_frames(match)
    near = verdict is Verdict.REVIEW and rival is None and removable
    if rival is not None:
        clears, reason = rival
        if clears:
            return Grade(Verdict.CLEAR, (reason,))
        if verdict is Verdict.REMOVE:
            verdict = Verdict.REVIEW
            reasons.append(reason)
    if verdict is Verdict.REMOVE and not _enough_frames(match):
        verdict = Verdict.REVIEW
        reasons.append(f"Only {match.frames_matched} of {match.frames_compared} frames of the animation match.")
    if level is BankLevel.REVIEW and verdict is Verdict.REMOVE:
        verdict = Verdict.REVIEW
        reasons.append("This list may only flag, not remove.")
    return Grade(verdict, tuple(reasons), near)


def _rival(match: Match, limits: Thresholds) -> tuple[bool, str] | None:
    """A known-good entry that explains the picture about as well: whether it clears the picture, and in words."""
    good, entry = f"known-good entry E-{match.known_good_id}", f"blocked entry E-{match.entry_id}"
    lead = match.lead
    if lead is not None and match.evidence is not None and match.known_good_agreement is not None:
        shares = f"{percent(match.known_good_agreement)} against {percent(match.evidence.agreement)}"
        if lead <= 0:
            return True, f"It agrees with {good} at least as well as with {entry} ({shares})."
        if lead < limits.margin:
            return False, f"It agrees with {good} nearly as well as with {entry} ({shares})."
        return None
    margin = match.margin  # of bits, where one of the two is nothing but a hash, or this very file
    if margin is None:
        return None
    if margin < 0:
        reason = f"Nearer to {good} ({match.known_good_distance} bits) than to {entry} ({match.distance} bits)."
        return True, reason
    if margin < limits.margin_bits:
        needed = f"{limits.margin_bits} needed for removal"
        return False, f"Only {margin} bits nearer to it than to {good} ({needed})."
    return None


def _enough_frames(match: Match) -> bool:
    """Whether enough frames of an animation match; a picture has one."""
    if match.frames_compared <= 1:
        return True
    least = min(LEAST_FRAMES, match.frames_compared)
    return match.frames_matched >= max(2, least, FRAME_SHARE * match.frames_compared)
