"""Why a match is a match, and what a decision would change, in sentences that a moderator understands.

Pure, and without a judgement: shares and bits, and the limits where the caller has them.
"""

from __future__ import annotations

from .model import CaseView, Evidence, Match, Orientation, Part, Stage, Thresholds

HASH_BITS = 256

_LYING = {
    Orientation.MIRRORED: "mirrored",
    Orientation.UPSIDE_DOWN_MIRRORED: "mirrored and upside down",
    Orientation.TURNED_LEFT: "turned left by 90 degrees",
    Orientation.UPSIDE_DOWN: "upside down",
    Orientation.TURNED_RIGHT: "turned right by 90 degrees",
    Orientation.TRANSPOSED: "mirrored and turned left by 90 degrees",
    Orientation.TRANSVERSED: "mirrored and turned right by 90 degrees",
}
_PARTS = {
    Part.WHOLE: "The posted picture",
    Part.TRIMMED: "The posted picture without its border",
    Part.BOX: "A rectangle within the posted picture",
    Part.ROTATED: "The posted picture turned upright",
    Part.SPLIT: "A half or a quarter of the posted picture",
    Part.APPROXIMATION: "The posted picture, slightly shifted, turned or enlarged",
}
_FILES = frozenset({Stage.SHA256, Stage.MD5})


def lying(match: Match) -> str | None:
    """How the copy lies and looks, in words; None when it lies upright in its own colours."""
    words = [_LYING.get(match.orientation), "in inverted colours" if match.inverted else None]
    return ", ".join(word for word in words if word) or None


def sentence(match: Match) -> str:
    """What was compared, and how alike it is, by the entry's number."""
    entry = f"entry E-{match.entry_id}"
    if match.stage in _FILES:
        return f"It is the very file of {entry}."
    if match.evidence is not None:
        return _shares(match, match.evidence, f"the blocked picture (E-{match.entry_id})")
    return f"{_differs(match, entry)}; of that entry only a hash is known."


def facts(match: Match, limits: Thresholds) -> str:
    """The same where the entry is named anyway, with what an entry that is only a hash is allowed to differ by."""
    if match.stage in _FILES:
        return "It is the very file that is listed."
    if match.evidence is not None:
        return _shares(match, match.evidence, "the blocked picture")
    return f"{_differs(match, 'the blocked one')} ({_allowed(match.part, limits)}); only a hash of that one is known."


def rival(match: Match) -> str | None:
    """How well the known-good entry fits that explains the posted picture best; None if none is near."""
    good = f"known-good entry E-{match.known_good_id}"
    if match.known_good_agreement is not None:
        return f"For comparison: of {good}, {percent(match.known_good_agreement)} is identical."
    if match.known_good_distance is not None:
        return f"For comparison: {good} lies {match.known_good_distance} bits away."
    return None


def frames(match: Match) -> str | None:
    """How many frames of an animation match; None for a picture that stands still."""
    if match.frames_compared <= 1:
        return None
    return f"{match.frames_matched} of {match.frames_compared} frames"


def takes_entry_off(view: CaseView) -> bool:
    """Whether *Not a match* would revoke the entry that the case shows, as :mod:`bot.cases.lessons` decides it.

    That is so for an entry that the case itself made, and for one of the server's own that is the picture itself.
    """
    case, entry = view.case, view.entry
    if entry is None or view.bank is None or entry.revoked_at is not None:
        return False
    if entry.case_id == case.id:
        return True
    distance = None if case.match is None else case.match.distance
    own = view.bank.guild_id == case.guild_id
    return own and distance is not None and distance < case.thresholds.margin_bits


def percent(share: float) -> str:
    """A share in whole percent; never 100 for what is not all of it."""
    return f"{min(round(100 * share), 100 if share == 1 else 99)} %"


def _shares(match: Match, evidence: Evidence, entry: str) -> str:
    seen = f"{percent(evidence.visible)} of {entry} is visible{_and(lying(match))}"
    return f"{seen}; {percent(evidence.agreement)} of it is identical."


def _differs(match: Match, entry: str) -> str:
    how = lying(match)
    compared = f"{_PARTS[match.part]}{_and(how)}{',' if how else ''}"
    return f"{compared} differs from {entry} in {match.distance} of {HASH_BITS} bits"


def _allowed(part: Part, limits: Thresholds) -> str:
    review = limits.hash_review_box if part.boxed else limits.hash_review
    if part.guessed:
        return f"up to {review} for review, never enough for removal"
    return f"up to {limits.hash_remove} for removal, up to {review} for review"


def _and(words: str | None) -> str:
    return f", {words}" if words else ""
