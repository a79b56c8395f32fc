"""The transition table of a case. Everything that changes a case's state goes through :func:`target`.

A claim is a lease, not a state of its own, where a case is escalated or appealed: there it changes nothing but who
holds the case.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from bot.errors import NotAllowedError
from bot.model import Case, CaseState

LEASE = timedelta(minutes=10)
"""How long a claim holds without activity."""

UNDO_WINDOW = timedelta(hours=24)
"""How long a decision can be taken back by those who may decide; after it a member with Manage Server can."""

APPEAL_WINDOW = timedelta(days=30)
"""How long after a decision it can be appealed."""


class CaseAction(StrEnum):
    """What can happen to a case. ``release`` also stands for a lease that ran out and for a skip."""

    CLAIM = "claim"
    RELEASE = "release"
    ESCALATE = "escalate"
    DECIDE = "decide"
    UNDO = "undo"
    REOPEN = "reopen"
    CLOSE = "close"
    APPEAL = "appeal"
    UPHOLD = "uphold"
    OVERTURN = "overturn"
    EXPIRE = "expire"


TRANSITIONS: dict[tuple[CaseState, CaseAction], CaseState] = {
    (CaseState.OPEN, CaseAction.CLAIM): CaseState.CLAIMED,
    (CaseState.CLAIMED, CaseAction.CLAIM): CaseState.CLAIMED,
    (CaseState.ESCALATED, CaseAction.CLAIM): CaseState.ESCALATED,
    (CaseState.APPEALED, CaseAction.CLAIM): CaseState.APPEALED,
    (CaseState.CLAIMED, CaseAction.RELEASE): CaseState.OPEN,
    (CaseState.ESCALATED, CaseAction.RELEASE): CaseState.ESCALATED,
    (CaseState.APPEALED, CaseAction.RELEASE): CaseState.APPEALED,
    (CaseState.OPEN, CaseAction.ESCALATE): CaseState.ESCALATED,
    (CaseState.CLAIMED, CaseAction.ESCALATE): CaseState.ESCALATED,
    (CaseState.OPEN, CaseAction.DECIDE): CaseState.DECIDED,
    (CaseState.CLAIMED, CaseAction.DECIDE): CaseState.DECIDED,
    (CaseState.ESCALATED, CaseAction.DECIDE): CaseState.DECIDED,
    (CaseState.DECIDED, CaseAction.UNDO): CaseState.OPEN,
    (CaseState.CLOSED, CaseAction.UNDO): CaseState.OPEN,
    (CaseState.DECIDED, CaseAction.REOPEN): CaseState.OPEN,
    (CaseState.CLOSED, CaseAction.REOPEN): CaseState.OPEN,
    (CaseState.EXPIRED, CaseAction.REOPEN): CaseState.OPEN,
    (CaseState.DECIDED, CaseAction.CLOSE): CaseState.CLOSED,
    (CaseState.DECIDED, CaseAction.APPEAL): CaseState.APPEALED,
    (CaseState.CLOSED, CaseAction.APPEAL): CaseState.APPEALED,
    (CaseState.APPEALED, CaseAction.UPHOLD): CaseState.CLOSED,
    (CaseState.APPEALED, CaseAction.OVERTURN): CaseState.DECIDED,
    (CaseState.OPEN, CaseAction.EXPIRE): CaseState.EXPIRED,
    (CaseState.CLAIMED, CaseAction.EXPIRE): CaseState.EXPIRED,
    (CaseState.ESCALATED, CaseAction.EXPIRE): CaseState.EXPIRED,
}

_SENTENCES: dict[CaseAction, str] = {
    CaseAction.CLAIM: "There is nothing left to decide in it, so it cannot be claimed",
    CaseAction.RELEASE: "Nobody has claimed it, so it cannot be given back",
    CaseAction.ESCALATE: "It cannot be escalated now",
    CaseAction.DECIDE: "It cannot be decided now",
    CaseAction.UNDO: "There is no decision to take back",
    CaseAction.APPEAL: "There is no decision to appeal against",
    CaseAction.UPHOLD: "There is no appeal to answer",
    CaseAction.OVERTURN: "There is no appeal to answer",
}


def reopened_to(case: Case, action: CaseAction) -> CaseState:
    """Where a decided case stands again without its decision: with those who decide escalated ones if it was theirs.

    NotAllowedError when the action is not possible in its state.
    """
    state = target(case.state, action)
    return state if case.escalated_at is None else target(state, CaseAction.ESCALATE)


def target(state: CaseState, action: CaseAction) -> CaseState:
    """The state after the action; NotAllowedError when it is not possible in this state."""
    try:
        return TRANSITIONS[state, action]
    except KeyError:
        why = _SENTENCES.get(action, f"It cannot be changed by {action} now")
        raise NotAllowedError(f"{why}: the case is {state}. Look at its card again.") from None
