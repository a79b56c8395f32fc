"""What is to be done about a media item: a pure function from matches and settings to a plan.

Three things hold whatever the settings say. A post is removed only if it lies nearer to a blocked entry than to every
known-good one by the margin. A bank's level caps what its entries may lead to. One frame of an animation never
removes it alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .model import BankLevel, GuildSettings, Match, Mode, Orientation, Plan, Stage, Thresholds, Verdict

HASH_BITS = 256

_LYING = {
    Orientation.MIRRORED: "mirrored",
    Orientation.UPSIDE_DOWN_MIRRORED: "mirrored and upside down",
    Orientation.TURNED_LEFT: "turned left",
    Orientation.UPSIDE_DOWN: "upside down",
    Orientation.TURNED_RIGHT: "turned right",
    Orientation.TRANSPOSED: "mirrored and turned left",
    Orientation.TRANSVERSED: "mirrored and turned right",
}
_RANK = {Verdict.CLEAR: 0, Verdict.REVIEW: 1, Verdict.REMOVE: 2}
_CAP = {BankLevel.OBSERVE: Verdict.REMOVE, BankLevel.REVIEW: Verdict.REVIEW, BankLevel.REMOVE: Verdict.REMOVE}


def lying(orientation: Orientation) -> str | None:
    """How a copy lies, in words; None when it lies upright."""
    return _LYING.get(orientation)


def decide(
    matches: Sequence[Match],
    guild: GuildSettings,
    levels: Mapping[int, BankLevel],
    *,
    known_good_exact: bool = False,
) -> Plan:
    """Make the plan for one media item.

    ``matches`` are all blocked entries near the item, ``levels`` the level of each bank by id (a bank that is missing
    counts as ``observe``), ``known_good_exact`` that the very file stands in a known-good bank.
    """
    if known_good_exact:
        return Plan(Verdict.CLEAR, reasons=("This very file stands on the known-good list.",))
    best: tuple[tuple[int, int, int], Match, Verdict, tuple[str, ...]] | None = None
    for match in matches:
        level = levels.get(match.bank_id, BankLevel.OBSERVE)
        verdict, reasons = _grade(match, guild.thresholds, level)
        acts = verdict is not Verdict.CLEAR and level is not BankLevel.OBSERVE
        key = (int(acts), _RANK[verdict], -match.distance)
        if best is None or key > best[0]:
            best = key, match, verdict, reasons
    if best is None:
        return Plan(Verdict.CLEAR)
    _, match, verdict, reasons = best
    if verdict is Verdict.CLEAR:
        return Plan(Verdict.CLEAR, reasons=reasons)
    level = levels.get(match.bank_id, BankLevel.OBSERVE)
    if level is BankLevel.OBSERVE or guild.mode is Mode.OBSERVE:
        who = "this list is only observed" if level is BankLevel.OBSERVE else "this server only observes"
        return Plan(verdict, match, log=True, reasons=(*reasons, f"Nothing is done about it: {who}."))
    if guild.mode is Mode.REVIEW and verdict is Verdict.REMOVE:
        reasons = (*reasons, "The message stays until somebody decides: this server reviews everything.")
    return Plan(
        verdict, match, delete=verdict is Verdict.REMOVE and guild.mode is Mode.REMOVE, open_case=True, reasons=reasons
    )


def _grade(match: Match, limits: Thresholds, level: BankLevel) -> tuple[Verdict, tuple[str, ...]]:
    reasons = [_how_near(match, limits)]
    verdict = Verdict.CLEAR
    if match.distance <= limits.remove:
        verdict = Verdict.REMOVE
    elif match.distance <= limits.review:
        verdict = Verdict.REVIEW
    if verdict is Verdict.CLEAR:
        return verdict, ()
    margin = match.margin
    if margin is not None and margin < 0:
        good = f"known-good entry E-{match.known_good_id} ({match.known_good_distance} bits)"
        reason = f"Nearer to {good} than to blocked entry E-{match.entry_id} ({match.distance} bits)."
        return Verdict.CLEAR, (reason,)
    if verdict is Verdict.REMOVE and margin is not None and margin < limits.margin:
        verdict = Verdict.REVIEW
        reasons.append(
            f"Only {margin} bits nearer to it than to known-good entry E-{match.known_good_id} "
            f"({limits.margin} needed for removal)."
        )
    if verdict is Verdict.REMOVE and match.frames_compared > 1 and not _enough_frames(match):
        verdict = Verdict.REVIEW
        reasons.append(f"Only {match.frames_matched} of {match.frames_compared} frames of the animation match.")
    if _RANK[_CAP[level]] < _RANK[verdict]:
        verdict = _CAP[level]
        reasons.append("This list may only flag, not remove.")
    return verdict, tuple(reasons)


def _enough_frames(match: Match) -> bool:
    return match.frames_matched >= 2 and 2 * match.frames_matched >= match.frames_compared


def _how_near(match: Match, limits: Thresholds) -> str:
    if match.stage is Stage.SHA256:
        return f"The very file of entry E-{match.entry_id}."
    how = lying(match.orientation)
    limit = f"removal up to {limits.remove}" if match.distance <= limits.remove else f"review up to {limits.review}"
    return f"{match.distance} of {HASH_BITS} bits from entry E-{match.entry_id}{f', {how}' if how else ''} ({limit})."
