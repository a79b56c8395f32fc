"""What is to be done about a media item: a pure function from matches and settings to a plan.

Three things hold whatever the settings say. A post is removed only if it is nearer to a blocked entry than to every
known-good one by the margin. A bank's level caps what its entries may lead to. One frame of an animation never
removes it alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .explain import percent, sentence
from .model import BankLevel, GuildSettings, Match, Mode, Plan, Stage, Thresholds, Verdict

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


def decide(matches: Sequence[Match], guild: GuildSettings, facts: Facts) -> Plan:
    """Make the plan for one media item from all blocked entries near it."""
    if facts.known_good_exact:
        return Plan(Verdict.CLEAR, reasons=("This very file stands on the known-good list.",))
    best: tuple[tuple[int, int, float], Match, Verdict, tuple[str, ...]] | None = None
    for match in matches:
        level = facts.levels.get(match.bank_id, BankLevel.OBSERVE)
        verdict, reasons = _grade(match, level, facts)
        acts = verdict is not Verdict.CLEAR and level is not BankLevel.OBSERVE
        key = (int(acts), _RANK[verdict], nearness(match))
        if best is None or key > best[0]:
            best = key, match, verdict, reasons
    if best is None:
        return Plan(Verdict.CLEAR)
    _, match, verdict, reasons = best
    if verdict is Verdict.CLEAR:
        return Plan(Verdict.CLEAR, reasons=reasons)
    level = facts.levels.get(match.bank_id, BankLevel.OBSERVE)
    if level is BankLevel.OBSERVE or guild.mode is Mode.OBSERVE:
        who = "this list is only observed" if level is BankLevel.OBSERVE else "this server only observes"
        return Plan(verdict, match, log=True, reasons=(*reasons, f"Nothing is done about it: {who}."))
    if guild.mode is Mode.REVIEW and verdict is Verdict.REMOVE:
        reasons = (*reasons, "The message stays until somebody decides: this server reviews everything.")
    return Plan(
        verdict, match, delete=verdict is Verdict.REMOVE and guild.mode is Mode.REMOVE, open_case=True, reasons=reasons
    )


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


def _grade(match: Match, level: BankLevel, facts: Facts) -> tuple[Verdict, tuple[str, ...]]:
    limits = facts.thresholds
    strict = facts.strict or level is BankLevel.STRICT
    verdict = tier(match, limits, strict=strict)
    if verdict is Verdict.CLEAR:
        return verdict, ()
    reasons = [sentence(match)]
    if verdict is Verdict.REVIEW and strict and tier(match, limits) is Verdict.REMOVE:
        reasons.append("Enough to remove it by the standard tier, not by the strict one that applies here.")
    rival = _rival(match, limits)
    if rival is not None:
        clears, reason = rival
        if clears:
            return Verdict.CLEAR, (reason,)
        if verdict is Verdict.REMOVE:
            verdict = Verdict.REVIEW
            reasons.append(reason)
    if verdict is Verdict.REMOVE and match.frames_compared > 1 and not _enough_frames(match):
        verdict = Verdict.REVIEW
        reasons.append(f"Only {match.frames_matched} of {match.frames_compared} frames of the animation match.")
    if level is BankLevel.REVIEW and verdict is Verdict.REMOVE:
        verdict = Verdict.REVIEW
        reasons.append("This list may only flag, not remove.")
    return verdict, tuple(reasons)


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
    least = min(LEAST_FRAMES, match.frames_compared)
    return match.frames_matched >= max(2, least, FRAME_SHARE * match.frames_compared)
