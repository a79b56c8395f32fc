"""The transition table of a case. Everything that changes a case's state goes through :func:`target`."""

from __future__ import annotations

from enum import StrEnum

from bot.errors import NotAllowedError
from bot.model import CaseState


class CaseAction(StrEnum):
    """What can happen to a case."""

    DECIDE = "decide"
    UNDO = "undo"
    REOPEN = "reopen"


TRANSITIONS: dict[tuple[CaseState, CaseAction], CaseState] = {
    (CaseState.OPEN, CaseAction.DECIDE): CaseState.DECIDED,
    (CaseState.DECIDED, CaseAction.UNDO): CaseState.OPEN,
    (CaseState.DECIDED, CaseAction.REOPEN): CaseState.OPEN,
}


def target(state: CaseState, action: CaseAction) -> CaseState:
    """The state after the action; NotAllowedError when it is not possible in this state."""
    try:
        return TRANSITIONS[state, action]
    except KeyError:
        raise NotAllowedError(
            f"A case that is {state} cannot be changed by {action}; look at its card again."
        ) from None
