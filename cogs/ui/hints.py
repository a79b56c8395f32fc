"""What the buttons of a card would do now: that depends on what stands, what is known of the picture, and the list."""

from __future__ import annotations

from bot.explain import takes_entry_off
from bot.model import CaseOrigin, CaseState, CaseView, Decision

from . import card_takedowns
from . import queue_texts as words

UPHOLD = f"-# *{words.UPHOLD}*: the decision stays, and whoever appealed is told."
OVERTURN = f"-# *{words.OVERTURN}*: what the decision did is taken back, and the picture is not a match."


def lines(view: CaseView) -> list[str]:
    """One line a button."""
    match view.case.state:
        case CaseState.DECIDED:
            return [_undo(view)]
        case CaseState.APPEALED:
            return [UPHOLD, OVERTURN]
        case CaseState.CLOSED | CaseState.EXPIRED:
            return []
        case _:
            return [_confirm(view), _not_a_match(view)]


def uploaded(view: CaseView) -> bool:
    """Whether all that is known of the picture is that a member uploaded it with a report."""
    return view.case.origin is CaseOrigin.REPORT and not view.sighting_count


def _confirm(view: CaseView) -> str:
    effects: list[str] = []
    if _standing(view):
        effects.append("what still stands is deleted")
    elif view.removed_count:
        effects.append("it stays removed")
    fingerprint = view.case.fingerprint
    if view.entry is None and fingerprint is None:
        effects.append("copies cannot be found, as the bot could not read the picture")
    elif view.entry is None and card_takedowns.file_alone(view):
        effects.append("a post of this exact file is removed from now on; an edited copy is not, as nobody has seen it")
    elif view.entry is None and fingerprint is not None and fingerprint.plain:
        effects.append("only this exact file is found from now on, as the picture is too plain to compare")
    else:
        effects.append("copies are found from now on")
    return f"-# *{words.CONFIRM}*: it is abuse; {', and '.join(effects)}."


def _not_a_match(view: CaseView) -> str:
    effects: list[str] = []
    if _standing(view):
        effects.append("what still stands stays")
    if view.case.fingerprint is not None and not card_takedowns.file_alone(view):
        effects.append("the picture goes to the known-good list")
    if takes_entry_off(view) and view.entry is not None:
        effects.append(f"E-{view.entry.id} goes off the blocklist")
    if view.removed_count:
        effects.append("the authors are told that it was a mistake (removed messages cannot be put back)")
    return f"-# *{words.NOT_A_MATCH}*: it is harmless; {', '.join(effects) or 'nothing changes'}."


def _undo(view: CaseView) -> str:
    back = (
        "what it added to the lists no longer matches"
        if view.case.decision is Decision.CONFIRM
        else "what it changed in the lists is as before"
    )
    gone = "; removed messages stay removed" if view.removed_count else ""
    return f"-# *{words.UNDO}*: the case is open again and {back}{gone}."


def _standing(view: CaseView) -> bool:
    return view.sighting_count > view.removed_count
