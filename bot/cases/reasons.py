"""Which policy reasons go with which decision."""

from __future__ import annotations

from bot.errors import NotAllowedError
from bot.model import Category, Decision, PolicyReason

FITTING: dict[Decision, tuple[PolicyReason, ...]] = {
    Decision.CONFIRM: (
        PolicyReason.SEXUAL_DEEPFAKE,
        PolicyReason.INTIMATE_PICTURE,
        PolicyReason.MINOR_SAFETY,
        PolicyReason.HARASSMENT,
        PolicyReason.SCAM,
        PolicyReason.OTHER_RULE,
    ),
    Decision.NOT_A_MATCH: (PolicyReason.DIFFERENT_PICTURE, PolicyReason.OFFICIAL_PHOTO),
    Decision.HARMLESS_EDIT: (PolicyReason.FAN_EDIT, PolicyReason.SATIRE),
    Decision.DUPLICATE: (PolicyReason.SAME_PICTURE,),
    Decision.NO_ACTION: (PolicyReason.WITHIN_RULES, PolicyReason.ALREADY_HANDLED, PolicyReason.CANNOT_TELL),
}
"""The reasons of each decision; the first one is meant where none is given, but for a confirmed category's own."""

ESCALATION = (PolicyReason.SECOND_OPINION, PolicyReason.LEGAL, PolicyReason.CANNOT_TELL)

_OF_CATEGORY: dict[Category, PolicyReason] = {
    Category.NCII_SYNTHETIC: PolicyReason.SEXUAL_DEEPFAKE,
    Category.NCII_REAL: PolicyReason.INTIMATE_PICTURE,
    Category.MINOR_SUSPECTED: PolicyReason.MINOR_SAFETY,
    Category.HARASSMENT: PolicyReason.HARASSMENT,
    Category.SCAM: PolicyReason.SCAM,
    Category.OTHER: PolicyReason.OTHER_RULE,
}


def of(decision: Decision, category: Category, given: PolicyReason | None) -> PolicyReason:
    """The reason of a decision: the one given, or the usual one. NotAllowedError for one that does not fit."""
    if given is None:
        return _OF_CATEGORY[category] if decision is Decision.CONFIRM else FITTING[decision][0]
    if given not in FITTING[decision]:
        raise NotAllowedError("That reason does not go with that decision; choose one of the others.")
    return given
