"""The buttons of a card."""

from __future__ import annotations

from enum import StrEnum

import discord

from . import queue_texts as words
from .persistent import Button, PersistentItem


class CaseAction(StrEnum):
    """What a button does; part of its custom id."""

    CONFIRM = "confirm"
    REJECT = "reject"
    DECIDE = "decide"
    CLAIM = "claim"
    RELEASE = "release"
    ESCALATE = "escalate"
    SKIP = "skip"
    COPIES = "copies"
    MINOR = "minor"
    REPORTED = "reported"
    UNDO = "undo"
    UPHOLD = "uphold"
    OVERTURN = "overturn"
    HISTORY = "history"
    DETAILS = "details"


_RED, _GREEN, _BLUE, _GREY = (
    discord.ButtonStyle.danger,
    discord.ButtonStyle.success,
    discord.ButtonStyle.primary,
    discord.ButtonStyle.secondary,
)
_LOOKS = {
    CaseAction.CONFIRM: (words.CONFIRM, _RED),
    CaseAction.REJECT: (words.NOT_A_MATCH, _GREEN),
    CaseAction.DECIDE: (words.DECIDE, _BLUE),
    CaseAction.CLAIM: (words.CLAIM, _GREY),
    CaseAction.RELEASE: (words.GIVE_BACK, _GREY),
    CaseAction.ESCALATE: (words.ESCALATE, _GREY),
    CaseAction.SKIP: (words.SKIP, _GREY),
    CaseAction.COPIES: (words.COPIES, _GREY),
    CaseAction.MINOR: (words.MINOR, _GREY),
    CaseAction.REPORTED: (words.REPORTED, _RED),
    CaseAction.UNDO: (words.UNDO, _GREY),
    CaseAction.UPHOLD: (words.UPHOLD, _RED),
    CaseAction.OVERTURN: (words.OVERTURN, _GREEN),
    CaseAction.HISTORY: (words.HISTORY, _GREY),
    CaseAction.DETAILS: (words.DETAILS, _GREY),
}


class CaseButton(
    PersistentItem[Button], path="case:{case_id}:{action}:{version}", event="case_press", actions=CaseAction
):
    """One press is one attempt to change the case at the version that the card showed."""

    def __init__(self, case_id: int, action: CaseAction, version: int) -> None:
        label, style = _LOOKS[action]
        custom_id = self.id_of(case_id=case_id, action=action, version=version)
        super().__init__(Button(label=label, style=style, custom_id=custom_id))
        self.case_id = case_id
        self.action = action
        self.version = version
