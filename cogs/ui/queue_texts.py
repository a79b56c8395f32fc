"""Words of the review queue: decisions, reasons, sanctions, and what the buttons of a card are called."""

from __future__ import annotations

from datetime import timedelta

from bot.model import CaseState, Decision, PolicyReason, SanctionKind, SanctionOrder, SanctionState

STATES: dict[CaseState, str] = {
    CaseState.OPEN: "open",
    CaseState.CLAIMED: "claimed",
    CaseState.ESCALATED: "escalated",
    CaseState.DECIDED: "decided",
    CaseState.CLOSED: "closed",
    CaseState.APPEALED: "appealed",
    CaseState.EXPIRED: "expired",
}
DECISIONS: dict[Decision, str] = {
    Decision.CONFIRM: "confirmed",
    Decision.NOT_A_MATCH: "not a match",
    Decision.HARMLESS_EDIT: "harmless edit",
    Decision.DUPLICATE: "duplicate",
    Decision.NO_ACTION: "no action",
}
DECIDED_BY: dict[Decision, str] = {
    Decision.CONFIRM: "Confirmed",
    Decision.NOT_A_MATCH: "Called not a match",
    Decision.HARMLESS_EDIT: "Called a harmless edit",
    Decision.DUPLICATE: "Called a duplicate",
    Decision.NO_ACTION: "Closed without action",
}
DECISION_HINTS: dict[Decision, str] = {
    Decision.CONFIRM: "It is abuse: what stands is deleted, copies are found from now on",
    Decision.NOT_A_MATCH: "Another picture: it goes to the known-good list",
    Decision.HARMLESS_EDIT: "An edit that does no harm: known-good, the entry stays",
    Decision.DUPLICATE: "The same as another case: its copies move there",
    Decision.NO_ACTION: "Nothing is done and nothing is learnt from it",
}
REASONS: dict[PolicyReason, str] = {
    PolicyReason.SEXUAL_DEEPFAKE: "sexual deepfake",
    PolicyReason.INTIMATE_PICTURE: "intimate picture without consent",
    PolicyReason.MINOR_SAFETY: "safety of minors",
    PolicyReason.HARASSMENT: "harassment",
    PolicyReason.SCAM: "scam",
    PolicyReason.OTHER_RULE: "another rule",
    PolicyReason.DIFFERENT_PICTURE: "a different picture",
    PolicyReason.OFFICIAL_PHOTO: "an official photo",
    PolicyReason.FAN_EDIT: "a fan edit",
    PolicyReason.SATIRE: "satire or a meme",
    PolicyReason.SAME_PICTURE: "the same picture",
    PolicyReason.WITHIN_RULES: "within the rules",
    PolicyReason.ALREADY_HANDLED: "handled already",
    PolicyReason.CANNOT_TELL: "cannot be told",
    PolicyReason.SECOND_OPINION: "a second opinion",
    PolicyReason.LEGAL: "a legal question",
}
SANCTIONS: dict[SanctionKind, str] = {
    SanctionKind.WARN: "warning",
    SanctionKind.TIMEOUT: "timeout",
    SanctionKind.KICK: "kick",
    SanctionKind.BAN: "ban",
}
SANCTION_STATES: dict[SanctionState, str] = {
    SanctionState.PENDING: "on its way",
    SanctionState.DONE: "done",
    SanctionState.FAILED: "failed",
    SanctionState.LIFTING: "being lifted",
    SanctionState.LIFTED: "lifted",
}

SANCTION_CHOICES: dict[str, tuple[str, SanctionOrder]] = {
    "warn": ("Warn by direct message", SanctionOrder(SanctionKind.WARN)),
    "timeout-1h": ("Timeout for 1 hour", SanctionOrder(SanctionKind.TIMEOUT, timedelta(hours=1))),
    "timeout-1d": ("Timeout for 1 day", SanctionOrder(SanctionKind.TIMEOUT, timedelta(days=1))),
    "timeout-7d": ("Timeout for 7 days", SanctionOrder(SanctionKind.TIMEOUT, timedelta(days=7))),
    "timeout-28d": ("Timeout for 28 days", SanctionOrder(SanctionKind.TIMEOUT, timedelta(days=28))),
    "kick": ("Kick", SanctionOrder(SanctionKind.KICK)),
    "ban-0": ("Ban, and delete no other messages", SanctionOrder(SanctionKind.BAN)),
    "ban-1d": ("Ban, and delete 1 day of messages", SanctionOrder(SanctionKind.BAN, None, timedelta(days=1))),
    "ban-7d": ("Ban, and delete 7 days of messages", SanctionOrder(SanctionKind.BAN, None, timedelta(days=7))),
}
"""What can be done to the authors, by its value in the form."""

CONFIRM = "Confirm"
NOT_A_MATCH = "Not a match"
DECIDE = "Decide…"
CLAIM = "Claim"
GIVE_BACK = "Give back"
ESCALATE = "Escalate"
SKIP = "Not me"
COPIES = "Copies…"
MINOR = "May be a minor"
REPORTED = "Reported: remove now"
UNDO = "Undo"
UPHOLD = "Uphold"
OVERTURN = "Overturn"
HISTORY = "History"
DETAILS = "Details"

FORM_TITLE = "Decide case {id}"
FORM_DECISION = "What is it?"
FORM_REASON = "Why?"
FORM_REASON_HINT = "Leave it empty for the usual reason."
FORM_SANCTION = "And the author?"
FORM_SANCTION_HINT = "Only with Confirm. Empty: nothing happens to anybody."
FORM_DUPLICATE = "Of which case?"
FORM_DUPLICATE_HINT = "Only for a duplicate: the number of the other case."
FORM_NOTE = "Note for the other moderators"
FORM_NOTE_HINT = "Optional. Please no names of the people shown."

NO_CASE_NUMBER = "The other case is named by its number, such as 12; open the form again and write it."
SKIPPED = "The case is left to the others. Nobody is told why, and you need no reason."
ESCALATE_TITLE = "Escalate case {id}?"
ESCALATE_WHY = "Those who decide escalated cases are called, and you cannot decide it any more. Why?"
ESCALATED = "Escalated."
KEPT = "It stays as it was."
CANCEL = "Cancel"
MINOR_TITLE = "Move case {id} to the lane of suspected minors?"
MINOR_WHY = (
    "Only the child-safety role sees and decides it there, and nothing but a decision takes it out again. Whatever "
    "could show the picture is forgotten."
)
MINOR_YES = "Move it"
MOVED = "Moved. The child-safety role takes it from here; please do not open, save or forward the picture."
OBSTACLES = "Nothing was decided, because the sanction is not possible:"
NOTHING_TO_SHOW = "Its details are for the child-safety role, in the answer to Details."
UPHELD = "Upheld: the decision stays, and whoever appealed is told."
OVERTURNED = "Overturned: what the decision did is taken back, and the authors are told."


def left_out(number: int) -> str:
    """How many copies a decision leaves alone."""
    return f"{number} left out"
