"""Which buttons a card has: what can be done with the case as it stands."""

from __future__ import annotations

from bot.model import CaseState, CaseView, GuildSettings
from bot.reports.reporters import DROPPED

from .buttons import CaseAction, CaseButton
from .buttons_looking import LookButton
from .reporters import ReportersButton

Button = CaseButton | LookButton | ReportersButton

IN_A_ROW = 5
"""Buttons that Discord takes in one row."""


def rows(view: CaseView, guild: GuildSettings | None, *, hidden: bool) -> list[list[Button]]:
    """The buttons, row by row. ``hidden``: the card shows no details, and one of its buttons does."""
    case = view.case
    actions = [*_actions(view), CaseAction.DETAILS if hidden else CaseAction.HISTORY]
    buttons: list[Button] = [CaseButton(case.id, action, case.version) for action in actions]
    if not hidden and (view.report_count or any(event.kind == DROPPED for event in view.events)):
        buttons.append(ReportersButton(case.id))
    looks = guild is not None and guild.reveal and case.thumbhash is not None and not case.in_lane
    if looks and case.state.undecided:
        buttons.append(LookButton(case.id))
    return [buttons[start : start + IN_A_ROW] for start in range(0, len(buttons), IN_A_ROW)]


def _actions(view: CaseView) -> list[CaseAction]:
    case = view.case
    match case.state:
        case CaseState.DECIDED:
            return [CaseAction.UNDO]
        case CaseState.CLOSED | CaseState.EXPIRED:
            return []
        case CaseState.APPEALED:
            return [CaseAction.UPHOLD, CaseAction.OVERTURN, _claim(view), CaseAction.SKIP]
        case _:
            pass
    actions = [CaseAction.CONFIRM, CaseAction.REJECT, CaseAction.DECIDE, _claim(view), CaseAction.SKIP]
    if view.sighting_count > 1:
        actions.append(CaseAction.COPIES)
    if case.state is not CaseState.ESCALATED:
        actions.append(CaseAction.ESCALATE)
    if not case.in_lane:
        actions.append(CaseAction.MINOR)
    elif view.sighting_count > view.removed_count:
        actions.append(CaseAction.REPORTED)
    return actions


def _claim(view: CaseView) -> CaseAction:
    return CaseAction.CLAIM if view.case.claimed_by is None else CaseAction.RELEASE
